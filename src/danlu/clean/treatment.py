"""What `clean.normalise` does to a text, as the recipe wants it: repair, then the rules for lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.lines import SIGNS, drop_lines
from danlu.clean.rules import line_rules
from danlu.recipe.clean import CleanConfig
from danlu.text.asks import LINES, Asks, Look, ask, look_for
from danlu.text.chinese import converter
from danlu.text.edits import apply_edits, compose
from danlu.text.repair import PASSES, WIDE, WIDE_SIGNS, Pass, Repair, repair_all_width
from danlu.text.repairs import buffers_of, repair_texts
from danlu.text.tags import base_language


class Treatment(NamedTuple):
    """The passes of repair, the line rules and their thresholds, and what to look for so that few texts need either."""

    passes: tuple[Pass, ...]
    thresholds: Mapping[str, float]
    look: Look

    @property
    def every_line(self) -> bool:
        """Whether each line of each text is judged (C4's rules say what a line must have)."""
        return any(name.startswith("c4_") for name in self.thresholds)

    @property
    def unconverted(self) -> Treatment:
        """The same without a conversion of Chinese: for texts in other languages."""
        return self._replace(passes=tuple(one for one in self.passes if one.asks != "chinese"))

    def treat(self, texts: Sequence[str], asks: Asks | None = None) -> list[Repair]:
        """Each text repaired and without the lines that line rules drop. `asks` is what is known of the texts."""
        asks = ask(*buffers_of(texts), self.look) if asks is None else asks
        repairs, asks = repair_texts(texts, asks, self.look, self.passes)
        rows, dropped, every = [], [], self.every_line
        for row, asked in enumerate(asks.tolist()):
            if (asked & LINES or every) and (found := drop_lines(repairs[row].text, self.thresholds)):
                rows.append(row)
                dropped.append(found)
        # A dropped line may leave blank lines or spaces at an end.
        left = [apply_edits(repairs[row].text, found) for row, found in zip(rows, dropped, strict=True)]
        again, _ = repair_texts(left, ask(*buffers_of(left), self.look), self.look, self.passes)
        for row, found, text, last in zip(rows, dropped, left, again, strict=True):
            first = repairs[row]
            repairs[row] = Repair(last.text, compose(compose(first.edits, first.text, found), text, last.edits))
        return repairs


def treatment(config: CleanConfig) -> Treatment:
    """As the recipe wants it. DanluError if it wants a conversion of Chinese and OpenCC is not installed."""
    thresholds = line_rules(config)
    passes = {one.asks: one for one in PASSES}
    if config.width == "keep":
        del passes["width"]
    elif config.width == "all":
        passes["width"] = Pass("width", repair_all_width)
    order = list(passes.values())
    if config.chinese != "keep":  # before spaces; lines are judged in the script that is wanted
        order.insert(order.index(passes["width"]) + 1 if "width" in passes else 3, Pass("chinese", converter(config.chinese)))
    look = look_for(
        SIGNS,
        thresholds.get("boilerplate_line", 0),
        thresholds.get("long_word_line"),
        wide=WIDE_SIGNS if config.width == "all" else WIDE,
        han=config.chinese != "keep",
    )
    return Treatment(tuple(order), thresholds, look)


def is_chinese(languages: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which of the tags mean Chinese, bool[tags]."""
    tags = languages.unique().to_pylist()
    wanted = pa.array([tag for tag in tags if base_language(tag) == "zh"], languages.type)
    return np.asarray(pc.is_in(languages, wanted).to_numpy(), bool)
