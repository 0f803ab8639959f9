"""Clean: documents are repaired, scored, and kept or not, with a reason that a person can read."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("clean.language_model", 1, "danlu.clean.language_model:learn", most_cores=1),
    Stage("clean.classifier", 1, "danlu.clean.classifier:learn", most_cores=1),
    Stage("clean.normalise", 3, "danlu.clean.normalise:normalise"),
    Stage("clean.score", 4, "danlu.clean.score:score"),
    Stage("clean.pairs", 1, "danlu.clean.pairs:pairs"),
    Stage("clean.units", 1, "danlu.clean.units:units"),
    Stage("clean.search", 1, "danlu.clean.search:search"),
    Stage("clean.decide", 5, "danlu.clean.decide:decide"),
)
