"""Pretraining: a token store makes a model from nothing."""

from danlu.workspace.stage import Stage

STAGES = (Stage("pretrain", 1, "danlu.pretrain.stage:pretrain", most_cores=8),)
