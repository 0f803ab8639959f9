"""A text as it comes from a person, made as the texts that models were trained on."""

from __future__ import annotations

from danlu.text.repair import repair


def prepare_text(text: str) -> str:
    """The text without mark-up, entities, control characters and odd spaces, in Unicode form NFC.

    Training, evaluation, `predict` and `serve` all call this, so a model answers the same wherever it is asked. To prepare a
    prepared text changes nothing.
    """
    return repair(text).text
