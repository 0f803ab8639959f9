"""Work that was given up because it killed every process that did it: set aside with the reason, and told of everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run

QUARANTINE = "quarantine"
"""In the manifest's `facts`: what a stage has set aside. The payload lacks it, so it depends on the machine."""
_LOST = "lost"


@dataclass(frozen=True)
class Loss:
    """A unit that was given up: its name, and why as an error's key and parameters."""

    unit: str
    key: str
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, unit: str, error: DanluError) -> Self:
        return cls(unit, error.key, dict(error.parameters))

    @classmethod
    def from_fact(cls, unit: str, fact: Any) -> Self | None:
        """The loss that the ledger's fact of a unit tells of; None for the fact of a unit that was done."""
        return cls(unit, **fact[_LOST]) if isinstance(fact, dict) and set(fact) == {_LOST} else None

    def fact(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {_LOST: {"key": self.key, "parameters": dict(self.parameters)}}


def set_aside(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the stage of a manifest has set aside: `unit`, `count`, `reason` (an error's key) and its `params`."""
    found: list[dict[str, Any]] = manifest.get("facts", {}).get(QUARANTINE, [])
    return found


def record_losses(run: Run, lost: Iterable[tuple[Loss, int]]) -> None:
    """Note down and say that units were lost, each with the number of documents (of files, where they were not read yet)."""
    for loss, count in lost:
        entry = {"unit": loss.unit, "count": count, "reason": loss.key, "params": dict(loss.parameters)}
        run.facts.setdefault(QUARANTINE, []).append(entry)
        run.progress.warn("compute.set-aside", unit=loss.unit, count=count)
