"""Parts of sentences about numbers: where they hold, in what unit."""

from __future__ import annotations

from collections.abc import Mapping

from danlu.workspace.messages import table
from danlu.workspace.sentences import Message, message

OTHERS = ("label", "source", "length", "position", "field", "phenomenon", "paradigm")


def where(slice: Mapping[str, str]) -> Message:
    """'on Chinese', 'over all', 'on Chinese of reviews', 'on label good': the part of the data that a number is about."""
    base = _base(slice.get("language"), slice.get("dataset"))
    for name in OTHERS:
        if name in slice:
            part = message(f"metrics.where.{name}", value=slice[name])
            base = message("metrics.where.joined", part=part, base=base) if base else part
    return base or message("metrics.where.all")


def _base(tag: str | None, dataset: str | None) -> Message | None:
    if tag is None:
        return message("metrics.where.dataset", dataset=dataset) if dataset else None
    named = language_name(tag)
    return (
        message("metrics.where.both", named=named, dataset=dataset)
        if dataset
        else message("metrics.where.language", named=named)
    )


def language_name(tag: str) -> Message:
    """The name of a language by its BCP-47 tag; an unknown tag stays as it is."""
    key = f"metrics.language.{tag}"
    return message(key) if key in table() else message("metrics.language.other", tag=tag)


def amount(value: float, unit: str) -> str:
    """A difference in the unit people speak of: points (0.01) for shares, one decimal for scores of 0 to 100, three else."""
    return f"{100 * value:.1f}" if unit == "share" else f"{value:.1f}" if unit == "score" else f"{value:.3f}"
