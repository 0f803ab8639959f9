"""Evaluate: models and baselines measured on texts that no training saw."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("evaluate.baselines", 4, "danlu.evaluate.baselines:baselines", most_cores=1),
    Stage("evaluate.models", 5, "danlu.evaluate.models:evaluate", most_cores=8),
)
