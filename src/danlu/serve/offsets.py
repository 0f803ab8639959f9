"""Where tokens stand in a text: by characters, though a token may be part of a character."""

from __future__ import annotations

import codecs


class Offsets:
    """Counts characters as the bytes of tokens come, as a decoder counts them that puts U+FFFD for broken ones."""

    def __init__(self, start: int = 0) -> None:
        self._count = start
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def next(self, data: bytes) -> int:
        """How many characters come before the one in which the next token, of these bytes, begins."""
        if not data:
            return self._count
        before = self._count
        made = len(self._decoder.decode(data[:1]))
        unfinished = bool(self._decoder.getstate()[0])
        self._count += made + len(self._decoder.decode(data[1:]))
        if made and unfinished:  # the byte broke off a character and begins another
            return before + made
        return before + made - 1 if made > 1 else before  # made 2: it broke one off, and is one


def text_of(data: bytes) -> str:
    """Bytes as text; broken characters become U+FFFD."""
    return data.decode("utf-8", "replace")


def label(data: bytes, name: str) -> str:
    """A token in words: its text, its `name` where it is special; part of a character as OpenAI has it: `bytes:\\xe4\\xbd`."""
    if not data:
        return name
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
