"""What else could change a number of the stage: which model, on which data, by which tokenizer and with which libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from danlu.inference.precision import Precision
from danlu.metrics.number import signature
from danlu.workspace.artifact import Artifact

LIBRARIES = ("danlu", "torch", "transformers", "scikit-learn")
DTYPES: Mapping[Precision, str] = {"fp32": "float32", "bf16": "bfloat16"}


def signed(
    numbers: Sequence[Mapping[str, Any]], models: Mapping[str, Artifact], datasets: Mapping[str, Artifact],
    tokens: Artifact | None, tokenizer: Artifact | None, precisions: Mapping[str, Precision],
) -> list[dict[str, Any]]:  # fmt: skip
    """The numbers with the keys of their artifacts, the versions, and the precision that each model answered in, in their
    signatures. A baseline is named: what it learned from is the data itself, or the tokens beside it."""
    versions = {name: version(name).partition("+")[0] for name in LIBRARIES}
    found = []
    for number in numbers:
        model = models.get(number["model"])
        keys: dict[str, object] = {"model": model.key if model is not None else number["model"]}
        data = tokens if number["split"] == "holdout" else _dataset(number, datasets)
        if data is not None:
            keys["data"] = data.key
        if tokenizer is not None and (model is not None or number["split"] == "holdout"):
            keys["tokenizer"] = tokenizer.key
        if model is not None:
            keys["precision"] = DTYPES[precisions[number["model"]]]
        found.append({**number, "signature": f"{number['signature']}|{signature(**keys, **versions)}"})
    return found


def _dataset(number: Mapping[str, Any], datasets: Mapping[str, Artifact]) -> Artifact | None:
    """The dataset that the number's slice names; the only one where there is one."""
    return datasets[number["slice"].get("dataset") or next(iter(datasets))] if datasets else None
