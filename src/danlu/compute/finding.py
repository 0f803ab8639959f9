"""One line of `danlu doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from danlu.workspace.sentences import Message, message

Level = Literal["ok", "notice", "problem"]


@dataclass(frozen=True)
class Finding:
    """What was looked at and how it is: `notice` means that danlu runs, but worse than it could; `problem` that it cannot.

    `remedy` says what to do. `facts` are the numbers behind the words, for programs.
    """

    check: str
    level: Level
    said: Message
    remedy: Message | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def finding(
    check: str, level: Level, case: str, remedy: Message | None = None, facts: Mapping[str, Any] | None = None, **words: object
) -> Finding:
    """A finding in the sentence `doctor.<check>.<case>`, filled with `words`."""
    return Finding(check, level, message(f"doctor.{check}.{case}", **words), remedy, facts or {})


def remedy(name: str, **words: object) -> Message:
    """The sentence `doctor.remedy.<name>`."""
    return message(f"doctor.remedy.{name}", **words)
