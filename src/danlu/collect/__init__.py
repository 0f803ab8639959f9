"""Sources to documents, and labelled sources to datasets."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("dataset", 1, "danlu.collect.dataset:build_dataset", most_cores=1),
    Stage("collect", 1, "danlu.collect.stage:collect", most_cores=1),
)
