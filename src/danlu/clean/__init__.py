"""Clean: documents are repaired, scored, and kept or not, with a reason that a person can read."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("clean.normalise", 2, "danlu.clean.normalise:normalise"),
    Stage("clean.score", 2, "danlu.clean.score:score"),
    Stage("clean.pairs", 1, "danlu.clean.pairs:pairs"),
    Stage("clean.decide", 3, "danlu.clean.decide:decide"),
)
