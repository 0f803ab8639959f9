"""What a model knows before its first step: what counting the text tells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from transformers import PreTrainedModel

from danlu.models.build import start_from_frequencies, start_from_neighbours
from danlu.pretrain.data import Texts
from danlu.tokens.neighbours import neighbour_vectors
from danlu.workspace.run import Run

Prepare = Callable[[PreTrainedModel], None]


def count_text(texts: Texts, run: Run) -> Prepare:
    """Count what `initial` asks for; the function returned puts it into a model that was just built.

    The counting takes seconds that belong to the budget, so it comes before the steps are decided; a run that was killed
    reads it back.
    """
    if texts.config.initial == "random":
        return lambda model: None
    path = run.scratch / "neighbours.npy"
    width = texts.width

    def count() -> None:
        np.save(path, neighbour_vectors(*texts.counted(), texts.vocabulary, width, texts.seed))

    run.once("neighbours", count)

    def prepare(model: PreTrainedModel) -> None:
        start_from_frequencies(model, texts.counts)
        start_from_neighbours(model, np.load(path))

    return prepare
