"""Fine-tuning: a model and a dataset make a task model, at several numbers of labelled examples."""

from danlu.workspace.stage import Stage

STAGES = (Stage("finetune", 1, "danlu.finetune.stage:finetune", most_cores=8),)
