"""What a model says while it learns: the same few held-out texts each time, to be read one under the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from danlu.inference.load import Loaded
from danlu.inference.samples import Text, gap_of, generated, masks, prompt
from danlu.models.files import load_tokenizer
from danlu.pretrain.data import Texts
from danlu.tokens.files import write_tokenizer
from danlu.tokens.store import TokenStore
from danlu.training.loop import Look
from danlu.workspace.run import Run

LANGUAGES = 2  # the most frequent ones, a text of each
LOOKED_AT = 100  # documents of a language, in their order, for one that has something to ask
BEGINNING = 200  # tokens of it that are read
NEW_TOKENS = 40
TOP = 3
KINDS = {"mlm": "filled", "clm": "written"}
SHOWN = 100  # characters of a sample in the terminal


def sampler(model: PreTrainedModel, texts: Texts, tokenizer: Path, run: Run) -> Look | None:
    """Gives what `model` writes after the start of held-out texts, or puts where a token is hidden; None without texts."""
    if not len(texts.holdout):
        return None
    kind = texts.config.kind
    folder = run.scratch / "tokenizer"
    write_tokenizer(tokenizer, folder, texts.config.model.family, texts.config.length)
    loaded = Loaded(kind, model, load_tokenizer(folder), "")
    chosen = list(_texts(texts.holdout, loaded))
    turns = itertools.count()

    def look() -> list[dict[str, Any]]:
        samples = masks(loaded, chosen, TOP) if kind == "mlm" else generated(loaded, chosen, run.seed, NEW_TOKENS)
        _say(samples[next(turns) % len(samples)], run)  # all of them stand in the metrics
        return [{"kind": KINDS[kind], **sample} for sample in samples]

    return look if chosen else None


def _texts(store: TokenStore, loaded: Loaded) -> Iterator[Text]:
    """For each of the most frequent languages the first document that has a token to hide, or a start to go on from."""
    names = store.header["languages"]
    counts = np.bincount(store.languages, minlength=len(names))
    for language in np.argsort(-counts, kind="stable")[:LANGUAGES].tolist():
        for place in np.flatnonzero(store.languages == language)[:LOOKED_AT].tolist():
            words = loaded.tokenizer.decode(store.document(place)[:BEGINNING].tolist()).rstrip("\ufffd")
            text = Text(names[language], words)
            if gap_of(loaded, text) if loaded.kind == "mlm" else prompt(text):
                yield text
                break


def _say(sample: Mapping[str, Any], run: Run) -> None:
    """A sample in one line: what follows a start, or the likeliest answers for a gap."""
    if "answers" in sample:
        answers = " / ".join(answer["token"].strip() for answer in sample["answers"])
        run.progress.say("pretrain.fills", truth=sample["truth"], answers=answers)
    else:
        run.progress.say("pretrain.writes", sample=" ".join(f"{sample['prompt']} … {sample['text']}".split())[:SHOWN])
