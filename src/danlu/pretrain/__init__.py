"""Pretraining: a token store makes a model from nothing, in two parts: the trunk, at a constant rate, and the fall from it."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("pretrain.trunk", 1, "danlu.pretrain.trunk:trunk", most_cores=8, grows=("budget", "decay", "warmup")),
    Stage("pretrain.decay", 1, "danlu.pretrain.decay:decay", most_cores=8),
)
