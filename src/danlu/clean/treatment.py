"""What `clean.normalise` does to a text, as the recipe wants it: repair, then the rules for lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from danlu.clean.lines import SIGNS, drop_lines
from danlu.clean.rules import line_rules
from danlu.recipe.clean import CleanConfig
from danlu.text.asks import LINES, Asks, Look, ask, look_for
from danlu.text.edits import apply_edits, compose
from danlu.text.repair import PASSES, Pass, Repair
from danlu.text.repairs import buffers_of, repair_texts


class Treatment(NamedTuple):
    """The passes of repair, the line rules and their thresholds, and what to look for so that few texts need either."""

    passes: tuple[Pass, ...]
    thresholds: Mapping[str, float]
    look: Look

    @property
    def every_line(self) -> bool:
        """Whether each line of each text is judged (C4's rules say what a line must have)."""
        return any(name.startswith("c4_") for name in self.thresholds)

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
    """As the recipe wants it."""
    thresholds = line_rules(config)
    notice, longest = thresholds.get("boilerplate_line", 0), thresholds.get("long_word_line")
    return Treatment(PASSES, thresholds, look_for(SIGNS, notice, longest))
