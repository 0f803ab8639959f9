"""Minimal pairs: of two sentences that differ in one point of grammar, which does a model find likelier?

The format is that of BLiMP (arXiv 1912.00582), ZhoBLiMP and CLiMP: JSON lines (or CSV) with `sentence_good` and `sentence_bad`,
and what they test: `UID` or `paradigm`, `linguistics_term` or `phenomenon`, `field`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from danlu.inference.batches import Advance, unheard
from danlu.inference.begin import begin_id
from danlu.inference.choices import BATCH_TOKENS, choice_nats
from danlu.inference.load import Loaded
from danlu.inference.nats import Nats
from danlu.inference.pseudo import pseudo_nats
from danlu.inference.rows import Bad, open_rows
from danlu.workspace.errors import DanluError

GOOD, BAD = "sentence_good", "sentence_bad"
PARADIGM, PHENOMENON = ("UID", "paradigm"), ("linguistics_term", "phenomenon")
FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


@dataclass(frozen=True)
class Pair:
    """Two sentences, `good` the acceptable one; `paradigm` is the finest kind of contrast, `field` the widest ("": unsaid)."""

    good: str
    bad: str
    paradigm: str = ""
    phenomenon: str = ""
    field: str = ""
    language: str = ""


@dataclass(frozen=True)
class PairScores:
    """Natural-log probabilities, and the tokens that they are sums over: both [pairs, 2], the good sentence first."""

    logs: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]

    @property
    def as_long(self) -> npt.NDArray[np.bool_]:
        """[pairs] where both sentences have as many tokens: elsewhere the shorter one has an advantage that is no grammar."""
        found: npt.NDArray[np.bool_] = self.tokens[:, 0] == self.tokens[:, 1]
        return found


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file, or of all files of a folder; a pair that names no paradigm has its file's name. DanluError with the
    line where a sentence is missing."""
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in FILES) if path.is_dir() else [path]
    return [pair for file in files for pair in _read_file(file)]


def _read_file(path: Path) -> list[Pair]:
    found = []
    with open_rows(path, GOOD) as rows:
        for row in rows:
            if isinstance(row, Bad):
                raise row.error
            bad = row.fields.get(BAD)
            if not isinstance(bad, str) or not bad.strip():
                raise DanluError("predict.no-text", where=f"{path}:{row.line}", line=row.line, column=BAD)
            fields = {name: str(value) for name, value in row.fields.items() if value is not None}
            paradigm, phenomenon = (next((fields[n] for n in names if n in fields), "") for names in (PARADIGM, PHENOMENON))
            found.append(
                Pair(fields[GOOD], bad, paradigm or path.stem, phenomenon, fields.get("field", ""), fields.get("language", ""))
            )
    return found


def score_pairs(
    loaded: Loaded, pairs: Sequence[Pair], *, batch_tokens: int = BATCH_TOKENS, advance: Advance = unheard
) -> PairScores:
    """The log-probability of both sentences of each pair, taken as they are.

    A causal model's is the sum over the tokens, each given those before it and the first given BOS (the formula of lm-eval); a
    masked model's is its pseudo-log-likelihood (`pseudo.pseudo_nats`). DanluError for other models. `advance` is told of pairs.
    """
    found: list[list[Nats]]
    if loaded.kind == "clm":
        if (bos := begin_id(loaded.tokenizer)) is None:
            raise DanluError("inference.no-begin", where=loaded.name)
        coded = [[_ids(loaded, text) for text in (pair.good, pair.bad)] for pair in pairs]
        found = choice_nats(loaded.model, coded, bos=bos, batch_tokens=batch_tokens, advance=advance)
    elif loaded.kind == "mlm":
        texts = [text for pair in pairs for text in (pair.good, pair.bad)]
        nats = pseudo_nats(loaded.model, loaded.tokenizer, texts, batch_tokens=batch_tokens)
        found = [nats[index : index + 2] for index in range(0, len(nats), 2)]
        advance(len(pairs))
    else:
        raise DanluError("inference.no-likelihood", where=loaded.name)
    table = [[(-float(nats.sum()), len(nats)) for nats in choices] for choices in found]
    logs = np.array([[log for log, _ in row] for row in table], np.float64).reshape(-1, 2)
    return PairScores(logs, np.array([[count for _, count in row] for row in table], np.int64).reshape(-1, 2))


def _ids(loaded: Loaded, text: str) -> npt.NDArray[np.int64]:
    return np.array(loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], np.int64)
