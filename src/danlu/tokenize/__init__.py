"""`tokenize`: documents to a tokenizer, and documents and a tokenizer to token stores."""

from danlu.workspace.stage import Stage

STAGES = (
    Stage("tokenize.train", 2, "danlu.tokenize.train:train"),
    Stage("tokenize.encode", 2, "danlu.tokenize.encode:encode"),
)
