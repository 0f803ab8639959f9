"""Which tokens of a long document a model sees at a time, and which of them are scored then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Tokens [start, end) of a document are predicted; those from `scored` on count, the ones before are context."""

    start: int
    scored: int
    end: int


def causal_windows(count: int, length: int, stride: int) -> list[Window]:
    """Sliding windows over `count` tokens for a model that reads `length` positions at a time.

    A window's input is BOS and its tokens but the last, so it predicts `length` tokens. Every token is scored once; all but
    those of the first window have at least `length - stride` tokens of context.
    """
    if not 0 < stride <= length:
        raise ValueError(f"stride {stride} must be within 1 to {length}")
    windows, scored = [], 0
    while scored < count:
        end = min(count, length if not scored else scored + stride)
        windows.append(Window(max(0, end - length), scored, end))
        scored = end
    return windows


def plain_windows(count: int, length: int) -> list[Window]:
    """Windows side by side of `length` tokens, for models that read both ways."""
    return [Window(start, start, min(count, start + length)) for start in range(0, count, length)]
