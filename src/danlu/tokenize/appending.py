"""New tokens in the content of `tokenizer.json`: after all others, so that every id there was stays what it is.

They go into the vocabulary of the model, not among `added_tokens`: those are cut out of a text before it is cut into words, so
that `cat` would also break `concatenate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from typing import Any

from danlu.tokenize.merging import Merges

MARGIN = 0.01  # nats


def append_tokens(content: Mapping[str, Any], names: Mapping[int, str], merges: Merges) -> dict[str, Any]:
    """`content` of `tokenizer.json` with the tokens of `merges`, whose ids go on from the largest of `names`: all tokens that
    there are by their ids, added ones too.

    Added tokens that the model's vocabulary lacks are put into it at their ids: libraries number such tokens anew, after the
    vocabulary, each time they read the file. No text is made into them for it, since they are cut out before.
    """
    model = content["model"]
    return {**content, "model": {**model, **APPENDERS[model["type"]](model, names, merges)}}


def _bpe(model: Mapping[str, Any], names: Mapping[int, str], merges: Merges) -> dict[str, Any]:
    """The pairs come after those that were there, so that old ones are joined first, as they always were."""
    every = _all_names(names, merges)
    known = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return {"vocab": _vocabulary(every), "merges": [*known, *([every[left], every[right]] for left, right in merges.pairs)]}


def _wordpiece(model: Mapping[str, Any], names: Mapping[int, str], merges: Merges) -> dict[str, Any]:
    """The longest token that fits is taken, so a name is enough."""
    return {"vocab": _vocabulary(_all_names(names, merges))}


def _unigram(model: Mapping[str, Any], names: Mapping[int, str], merges: Merges) -> dict[str, Any]:
    """Each new token with the log of its share of all tokens when it was learned, as Kudo (2018) has it, within bounds.

    It is no likelier than any of its parts, as in any one text: so a text that is full of one word does not make other words be
    cut around it. And it is likelier than its parts together by `MARGIN`: else it would stand in the vocabulary and never in a
    text. No score is below the lowest there is, on which hangs what is unknown. (Of 3,785 tokens that were learned from reviews
    and plays and are each their own text's only token, all still are, with 2,000 more from Python's documentation.)
    """
    scores = [score for _, score in model["vocab"]]
    lowest = min(scores)
    listed = [[names.get(place, f"<unused {place}>"), lowest] for place in range(max(names) + 1)]
    listed[: len(scores)] = [list(pair) for pair in model["vocab"]]
    for token in merges.tokens:
        parts = [scores[part] for part in token.parts]
        listed.append([token.name, min(*parts, max(log(token.share), sum(parts) + MARGIN, lowest))])
    return {"vocab": listed}


APPENDERS: dict[str, Callable[[Mapping[str, Any], Mapping[int, str], Merges], dict[str, Any]]] = {
    "BPE": _bpe, "WordPiece": _wordpiece, "Unigram": _unigram,
}  # fmt: skip
"""By the type of model; a vocabulary of whole words (WordLevel) has no parts to join."""


def _all_names(names: Mapping[int, str], merges: Merges) -> dict[int, str]:
    first = max(names) + 1
    return {**names, **{first + place: token.name for place, token in enumerate(merges.tokens)}}


def _vocabulary(names: Mapping[int, str]) -> dict[str, int]:
    return {name: place for place, name in sorted(names.items())}
