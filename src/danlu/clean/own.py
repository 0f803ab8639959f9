"""Rules of the user's own: a function of (text, language) to a number, scored like every measure, decided by a threshold.

What a function declares of itself travels with the scores, so that deciding runs none of the user's code: a changed threshold
decides anew, and a changed function scores anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from danlu.clean.preset import FAMILIES, Direction, Rule
from danlu.clean.rules import by_family
from danlu.recipe.clean import Threshold
from danlu.workspace.errors import DanluError
from danlu.workspace.extension import blaming, load_function, require, words_of
from danlu.workspace.files import read_json

FACTS = "own_rules"
SHOWN = 80  # characters of a text in an error


def declared(names: Sequence[str], folder: Path) -> dict[str, dict[str, Any]]:
    """What each rule says of itself: direction, words in both languages, fewest words and lines of a text it is asked of."""
    facts = {}
    for name in names:
        function = load_function(name, folder, "rule", ("text", "language"))
        direction = getattr(function, "direction", None)
        require(direction in get_args(Direction), "rule", name, function)
        limits = {limit: int(getattr(function, limit, 0)) for limit in ("words", "lines")}
        facts[name] = {"direction": direction, **limits, **words_of(function, name)}
    return facts


def score_own(names: Sequence[str], folder: Path, texts: Sequence[str], languages: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Each rule's number of each text, float64[texts]; NaN where it has no meaning (None), which no threshold fails."""
    columns = {}
    for name in names:
        function = load_function(name, folder, "rule", ("text", "language"))
        values = np.full(len(texts), np.nan)
        for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
            with blaming(name, folder):
                value = function(text, language)
            if value is not None:
                values[row] = _number(name, value, text)
        columns[name] = values
    return columns


def thresholds(scores: Path, wanted: Mapping[str, Threshold]) -> dict[str, Rule]:
    """Rules to decide by, from what the scores say of them and the thresholds of the recipe."""
    known = read_json(scores / "facts.json").get(FACTS, {}) if wanted else {}
    rules = {}
    for name, threshold in wanted.items():
        limits = {**dict.fromkeys(FAMILIES), **by_family(threshold)}
        about = known[name]
        rules[name] = Rule(
            about["direction"], limits["en"], limits["zh"], limits["other"], words=about["words"], lines=about["lines"]
        )
    return rules


def _number(name: str, value: Any, text: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        from danlu.text.personal.find import hidden_beginning  # brings Numba, which a reader of scores does without

        raise DanluError(
            "extension.number",
            where=name,
            name=name,
            found=repr(value)[:SHOWN],
            about=repr(hidden_beginning(text, SHOWN)),
        )
    return number
