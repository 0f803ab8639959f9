"""A pretrained model's pass over the held-out documents, in a precision that the score's interval does not notice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from danlu.evaluate.data import METRICS_OF
from danlu.evaluate.language import store_losses
from danlu.inference.batches import Advance, unheard
from danlu.inference.load import Loaded, load_for
from danlu.inference.losses import TextLosses
from danlu.inference.nats import document_places, lm_nats, masked_nats
from danlu.inference.precision import Precision, choose_precision, shortened
from danlu.metrics.number import rounded
from danlu.tokens.pieces import TokenSizes, token_sizes
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import read_json

STEP = 16  # one in so many documents tells the precision, so that asking costs a tenth of the pass at most
MOST, FEWEST = 256, 32  # documents that are asked; with fewer the answer would be noise, and there is little to save


class LanguageModel:
    """A model of `pretrain`. It is loaded when it is first needed: a resumed run may need it for nothing."""

    def __init__(self, name: str, artifact: Artifact, device: str) -> None:
        self.name, self.objective = name, str(read_json(artifact / "facts.json")["objective"])
        self._path, self._device = artifact / "model", device

    @cached_property
    def loaded(self) -> Loaded:
        """The model in fp32."""
        loaded = load_for(self._path)
        loaded.model.to(self._device)
        return loaded

    @cached_property
    def _short(self) -> torch.nn.Module:
        short: torch.nn.Module = shortened(self.loaded.model)
        return short

    @cached_property
    def _sizes(self) -> TokenSizes:
        return token_sizes(self._path)

    def losses(
        self, store: TokenStore, documents: Sequence[int], precision: Precision = "fp32", advance: Advance = unheard
    ) -> TextLosses:
        """The sums of some documents, in rising order. `advance` is told of tokens."""
        return self._losses(self.loaded.model if precision == "fp32" else self._short, store, documents, advance)

    def _losses(
        self, model: torch.nn.Module, store: TokenStore, documents: Sequence[int], advance: Advance = unheard
    ) -> TextLosses:
        if self.objective == "clm":
            nats, positions = lm_nats(model, store, documents=documents, advance=advance), document_places(store, documents)
        else:
            found = masked_nats(model, store, documents=documents, advance=advance)
            nats, positions = found.nats, found.positions
        return store_losses(store, self._sizes, nats, positions, documents)

    def decide_precision(self, store: TokenStore, native: bool) -> dict[str, Any]:
        """`precision` and what it was decided by: on so many `documents`, how far bf16 may put the score off (`error`), beside
        half the width of the score's interval on all documents (`half`).

        Without a look fp32 where the machine does not compute in bf16 itself (`native`), or where the documents are few.
        """
        sample, metric = range(0, len(store), max(STEP, len(store) // MOST)), METRICS_OF[self.objective][0]
        chosen, noticed = choose_precision(
            self.loaded.model, lambda model: self._losses(model, store, sample).items(metric), len(store),
            native=native and len(sample) >= FEWEST,
        )  # fmt: skip
        if noticed is None:
            return {"precision": chosen}
        shown = {name: rounded(value) for name, value in noticed._asdict().items() if np.isfinite(value)}
        return {"precision": chosen, "documents": len(sample), **shown}
