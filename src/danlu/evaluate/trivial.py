"""For each task the answer that needs no model: what does not beat it has learned nothing.

From the training rows where there are some, else from the file's own truth, which only makes a baseline harder to beat.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from danlu.evaluate.answered import Answered
from danlu.evaluate.data import LANGUAGE, Data, read_cells
from danlu.inference.prepare import prepare_text
from danlu.metrics.compression import scores
from danlu.metrics.number import Number, signature
from danlu.tasks.scoring import BAD, GOOD, MINIMAL, words
from danlu.workspace.sentences import Message, message

LEAD = 3  # sentences of a text that are its summary
SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？!?]+[”’」』]?|\n|$)", re.DOTALL)
CONTEXT, SOURCE = ("context", "passage"), ("article", "source", "src", "input", "document", "text")


def trivial(data: Data, train: Data | None, seed: int) -> list[Answered]:
    """The baselines of the data's task: none where the file lacks the column that one is made of."""
    found = BASELINES[data.task](data, train, seed)
    keys = {"from": train.table.key[:16] if train is not None else "file"}
    return [Answered(**{"role": "baseline", "keys": keys | part.pop("keys", {}), **part}) for part in found]


Parts = list[dict[str, Any]]


def _majority(data: Data, train: Data | None, seed: int) -> Parts:
    truth = (train or data).truth
    commonest, _ = Counter(truth).most_common(1)[0]
    shares = {name: count / len(truth) for name, count in Counter(truth).items()}
    return [{"name": "majority", "predicted": [commonest] * len(data), "shares": [shares] * len(data)}]


def _mean(data: Data, train: Data | None, seed: int) -> Parts:
    return [{"name": "mean", "predicted": [float(np.mean((train or data).truth))] * len(data)}]


def _tags(data: Data, train: Data | None, seed: int) -> Parts:
    """The commonest tag of each token in training; of a token not seen there, and without training rows, `O`."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    if train is not None:
        for tokens, tags in zip(_tokens(train), train.truth, strict=True):
            for token, tag in zip(tokens, tags, strict=False):
                seen[token][tag] += 1
    commonest = {token: tags.most_common(1)[0][0] for token, tags in seen.items()}
    asked = _tokens(data)
    answers = [
        [commonest.get(token, "O") for token in tokens[: len(tags)]] + ["O"] * (len(tags) - len(tokens))
        for tokens, tags in zip(asked, data.truth, strict=True)
    ]
    return [{"name": "commonest-tag", "predicted": answers}]


def _tokens(data: Data) -> list[list[str]]:
    name = next((name for name in ("tokens", "words", *data.inputs) if name in data.table.columns), None)
    return [[]] * len(data) if name is None else read_cells(data.table, name, words)


def _longest_words(data: Data, train: Data | None, seed: int) -> Parts:
    """From left to right the longest word of the training rows (the bakeoffs' baseline); without them, single characters."""
    known = {word for sentence in (train.truth if train is not None else ()) for word in sentence}
    longest = max(map(len, known), default=1)
    answers = [_match("".join(sentence), known, longest) for sentence in data.truth]
    return [{"name": "longest-match" if known else "characters", "predicted": answers}]


def _match(line: str, known: set[str], longest: int) -> list[str]:
    found, place = [], 0
    while place < len(line):
        size = next((size for size in range(min(longest, len(line) - place), 1, -1) if line[place : place + size] in known), 1)
        found.append(line[place : place + size])
        place += size
    return found


def _first_sentence(data: Data, train: Data | None, seed: int) -> Parts:
    column = _column(data, CONTEXT)
    if column is None:
        return [{"name": "no-answer", "predicted": [""] * len(data)}]
    return [{"name": "first-sentence", "predicted": [_lead(text, 1) for text in column]}]


def _copy(data: Data, train: Data | None, seed: int) -> Parts:
    column = _column(data, SOURCE)
    return [] if column is None else [{"name": "copy", "predicted": column}]


def _lead_sentences(data: Data, train: Data | None, seed: int) -> Parts:
    column = _column(data, SOURCE)
    return [] if column is None else [{"name": f"lead-{LEAD}", "predicted": [_lead(text, LEAD) for text in column]}]


def _column(data: Data, usual: Sequence[str]) -> list[str] | None:
    name = next((name for name in (*usual, *data.inputs) if name in data.table.columns and name != data.truth_column), None)
    return None if name is None else [str(cell or "") for cell in data.table.columns[name]]


def _lead(text: str, sentences: int) -> str:
    found = [match[0] for match in SENTENCE.finditer(text.strip()) if match[0].strip()]
    return "".join(found[:sentences]).strip()


def _random(data: Data, train: Data | None, seed: int) -> Parts:
    """All documents that any query's grades name, in random order: the scores are means over all orders."""
    return [{"name": "random", "documents": len({name for grades in data.truth for name in grades})}]


def _shorter(data: Data, train: Data | None, seed: int) -> Parts:
    """Any of two sentences, and the one of fewer characters (of two as long, any): in expectation, so either way once."""
    sizes = [(-len(good), -len(bad)) for good, bad in zip(data.table.columns[GOOD], data.table.columns[BAD], strict=True)]
    shorter = [[(good + more, bad) for good, bad in sizes] for more in (0.5, -0.5)]
    return [
        {"name": "chance", "draws": [[pair] * len(data) for pair in ((1, 0), (0, 1))]},
        {"name": "shorter", "draws": shorter},
    ]


def _compressors(data: Data, train: Data | None, seed: int) -> Parts:
    """xz knows nothing of language but what the file itself repeats. It has no items, so no interval. It reads what models
    read: mark-up and indentation, which they never see, are what it is best at."""
    texts = [prepare_text(text) for text in data.texts]
    made = {"level": "9e", "joined": "lines", "trained": "nothing", "text": "prepared", "data": data.table.key[:16]}
    found = scores(texts, "xz") if any(texts) else {}
    numbers = [
        Number(metric, "xz", value, len(data), "file", None, {}, signature(metric=metric, **made))
        for metric, value in found.items()
    ]
    return [{"name": "xz", "numbers": numbers, "notes": _prepared(data.texts, texts)}]


def _prepared(texts: Sequence[str], prepared: Sequence[str]) -> list[Message]:
    changed = sum(a != b for a, b in zip(texts, prepared, strict=True))
    if not changed:
        return []
    sizes = [sum(len(text.encode("utf-8", "surrogatepass")) for text in form) for form in (texts, prepared)]
    return [message("evaluate.note.prepared", count=changed, rows=len(texts), before=sizes[0], after=sizes[1])]


BASELINES: Mapping[str, Callable[[Data, Data | None, int], Parts]] = {
    "classification": _majority,
    "pairs": _majority,
    "regression": _mean,
    "entities": _tags,
    "segmentation": _longest_words,
    "answers": _first_sentence,
    "translation": _copy,
    "summary": _lead_sentences,
    "retrieval": _random,
    MINIMAL: _shorter,
    LANGUAGE: _compressors,
}
