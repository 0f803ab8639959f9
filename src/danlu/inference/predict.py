"""A model's answers for the texts of a file: classes, filled masks, or continuations and bits per byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from danlu.inference.classify import SHORT_TOKENS, encode, forward_rows, softmax
from danlu.inference.context import pad_id
from danlu.inference.generate import ROWS, continuations
from danlu.inference.load import Kind, Loaded
from danlu.inference.losses import text_losses
from danlu.inference.masks import MASK_WORDS, Answer, fill_mask
from danlu.inference.prepare import prepare_text
from danlu.inference.rows import Bad, Row, open_rows, open_sinks
from danlu.workspace.errors import DanluError
from danlu.workspace.progress import Progress, SilentProgress

CHUNKS: dict[Kind, int] = {"classification": 512, "mlm": 16, "clm": ROWS}
"""Rows answered at a time: many texts make even batches."""
CONTINUATION = 64  # tokens
MASK = MASK_WORDS[0]
MOST_HELD = 100


def predict_file(
    loaded: Loaded, source: Path | None, output: Path | None, *, text_column: str = "text", progress: Progress | None = None
) -> dict[str, int]:
    """Answer every text of `source` (.jsonl, .csv, .tsv, else a text a line; also .gz, .zst; None: standard input), in order.

    Each row keeps its fields and gains the answer's. `output` is CSV where its name says so, or where it has no say (None is
    standard output) and the source is CSV; else JSON lines. A row that cannot be answered is not in the output: it goes, with
    its line and its reason, to `OUTPUT.quarantine.jsonl`, or is told on standard error. Returns the counts of rows answered,
    quarantined, and cut to the model's length. If no row at all could be answered, that is an error: the first row's.
    """
    counts = Counter(rows=0, quarantined=0, truncated=0)
    failed: DanluError | None = None
    held: list[tuple[int, DanluError]] = []  # not told yet: if no row is answered, the first of them is the error
    with (
        open_rows(source, text_column) as rows,
        open_sinks(source, output) as (write, quarantine),
        (progress or SilentProgress()).task("inference.predicting", None, "rows") as task,
    ):
        while chunk := list(islice(rows, CHUNKS[loaded.kind])):
            good = [row for row in chunk if not isinstance(row, Bad)]
            answers = iter(answer(loaded, [str(row.fields[text_column]) for row in good]))
            for row in chunk:
                found = row if isinstance(row, Bad) else next(answers)
                if isinstance(found, Bad | DanluError):
                    error = found.error if isinstance(found, Bad) else found
                    failed = failed or error
                    counts["quarantined"] += 1
                    held.append((row.line, error))
                else:
                    assert isinstance(row, Row)
                    counts["rows"] += 1
                    counts["truncated"] += bool(found.get("truncated"))
                    write({**row.fields, **found})
                if counts["rows"] or len(held) > MOST_HELD:
                    for line, error in held:
                        quarantine(line, error)
                    held.clear()
            task.advance(len(chunk))
        if failed is not None and not counts["rows"]:
            raise failed
    return dict(counts)


def answer(loaded: Loaded, texts: Sequence[str]) -> list[dict[str, Any] | DanluError]:
    """The fields that a model adds to each text, or why it has none.

    classification: `predicted`, `probability`, `probabilities` by class, `truncated`; with one output: `predicted`, a number,
    and `truncated`; mlm: `filled`, and `masks`, a list of answers for each gap; clm: `continuation` (sampled at temperature .8
    with seed 0) and `bits_per_byte` of the text itself.
    """
    if loaded.kind == "mlm":
        return [_mask_or_error(loaded, text) for text in texts]
    several = class_answers if loaded.kind == "classification" else text_answers
    return [*several(loaded, [prepare_text(text) for text in texts])]


def _mask_or_error(loaded: Loaded, text: str) -> dict[str, Any] | DanluError:
    try:
        return mask_answer(loaded, text)
    except DanluError as error:
        return error


def class_answers(loaded: Loaded, prepared: Sequence[str]) -> list[dict[str, Any]]:
    """For each prepared text the likeliest class, its probability, and the probabilities of all classes by name; or, of a model
    with one output, its number."""
    if not prepared:
        return []
    names, model, tokenizer = loaded.labels, loaded.model, loaded.tokenizer
    rows = encode(tokenizer, prepared, length=loaded.length)
    outputs = forward_rows(model, rows.ids, pad=pad_id(model, tokenizer), batch_tokens=SHORT_TOKENS)
    cut, answers = set(rows.cut), []
    if len(names) == 1:
        return [{"predicted": value, "truncated": row in cut} for row, value in enumerate(outputs[:, 0].tolist())]
    for row, shares in enumerate(softmax(outputs)):
        best = int(shares.argmax())
        named = dict(zip(names, shares.tolist(), strict=True))
        answers.append(
            {"predicted": names[best], "probability": float(shares[best]), "probabilities": named, "truncated": row in cut}
        )
    return answers


def mask_answer(loaded: Loaded, text: str) -> dict[str, Any]:
    """The text with its gaps filled, and the likeliest answers for each gap."""
    prepared = mask_text(loaded, text)
    gaps = fill_mask(loaded.model, loaded.tokenizer, prepared)
    masks = [[{"token": found.token, "probability": found.probability} for found in gap] for gap in gaps]
    return {"filled": filled(prepared, gaps), "masks": masks}


def mask_text(loaded: Loaded, text: str) -> str:
    """A text with gaps prepared: each way to write a gap becomes `[MASK]` first, which no repair takes for mark-up."""
    for word in (*MASK_WORDS, loaded.tokenizer.mask_token):
        text = text.replace(word, MASK)
    return prepare_text(text)


def filled(text: str, gaps: Sequence[Sequence[Answer]]) -> str:
    """The text with each `[MASK]` replaced by its likeliest answer; a space before an answer is not doubled."""
    left = iter(gaps)

    def fill(found: re.Match[str]) -> str:
        token = next(left)[0].token
        before = text[: found.start()]
        return token.lstrip(" ") if not before or before[-1].isspace() else token

    return re.sub(re.escape(MASK), fill, text)


def text_answers(loaded: Loaded, prepared: Sequence[str]) -> list[dict[str, Any]]:
    """How each prepared text goes on, and how well the model predicts the text itself (None: it has no token to score)."""
    if not prepared:
        return []
    texts = continuations(loaded.model, loaded.tokenizer, prepared, max_tokens=CONTINUATION, temperature=0.8, top_p=0.95)
    bits = text_losses(loaded, prepared).items("bits_per_byte").each().tolist()
    return [
        {"continuation": text, "bits_per_byte": value if isfinite(value) else None}
        for text, value in zip(texts, bits, strict=True)
    ]
