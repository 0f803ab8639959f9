"""Text that grows as bytes come: what is given out is whole characters that no stop text can take back any more."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Feed bytes, get text. `stopped` is set once a stop text has come; it and what follows it are dropped."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.stops = tuple(stop for stop in stops if stop)
        self.stopped = False
        self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """The text that became final with `data`."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(data)
        found = [place for stop in self.stops if (place := self._held.find(stop)) >= 0]
        self.stopped = bool(found)
        keep = min(found) if found else len(self._held) - max((_overlap(self._held, stop) for stop in self.stops), default=0)
        given, self._held = self._held[:keep], "" if found else self._held[keep:]
        return given

    def finish(self) -> str:
        """What was held back, when nothing more comes; half a character at the end is dropped."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The longest end of `text` that is a beginning of `stop`, in characters."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
