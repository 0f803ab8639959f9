"""Sources to documents, and labelled sources to datasets."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("dataset", 1, "danlu.collect.dataset:build_dataset"),
    Stage("collect", 3, "danlu.collect.stage:collect"),
)
