"""Parts of sentences about numbers: where they hold, in what unit."""

from __future__ import annotations

from collections.abc import Mapping

from danlu.workspace.messages import table
from danlu.workspace.sentences import Message, message


def where(slice: Mapping[str, str]) -> Message:
    """'on Chinese', 'over all', 'on Chinese of reviews': the part of the data that a number is about."""
    tag, dataset = slice.get("language"), slice.get("dataset")
    if tag is None:
        return message("metrics.where.dataset", dataset=dataset) if dataset else message("metrics.where.all")
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
    """A difference in the unit people speak of: points (0.01) for shares, three decimals else."""
    return f"{100 * value:.1f}" if unit == "share" else f"{value:.3f}"
