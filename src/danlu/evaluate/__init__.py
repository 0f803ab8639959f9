"""Evaluate: models and baselines measured on texts that no training saw."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("evaluate.baselines", 1, "danlu.evaluate.baselines:baselines"),
    Stage("evaluate.models", 1, "danlu.evaluate.models:evaluate"),
)
