"""A model opened to be measured, and the keys that say which one it was."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from danlu.compute.machine import Machine
from danlu.inference.load import USED, Loaded, load_for
from danlu.workspace.digest import digest_bytes, digest_file, digest_json

WEIGHTS = ("*.safetensors", "config.json")


def open_model(place: Path | str) -> tuple[Loaded, dict[str, object]]:
    """The model on this machine's device, and what of it could change a number."""
    loaded = load_for(place, (*USED, "spans"))
    device = "cuda" if Machine.probe(gpu=True).gpu else "cpu"
    loaded.model.to(device)
    keys: dict[str, object] = {
        "model": _key(place, WEIGHTS), "tokenizer": _tokenizer_key(loaded),
        "precision": str(next(loaded.model.parameters()).dtype).removeprefix("torch."), "device": device,
        "torch": version("torch").partition("+")[0], "transformers": version("transformers"),
    }  # fmt: skip
    return loaded, keys


def _key(place: Path | str, patterns: Sequence[str]) -> str:
    if not isinstance(place, Path) or not place.is_dir():
        return str(place)
    files = sorted(file for pattern in patterns for file in place.glob(pattern))
    return digest_json([(file.name, digest_file(file)) for file in files], 8)


def _tokenizer_key(loaded: Loaded) -> str:
    """Of the fast tokenizer as it is in memory, so that a hub's has one too."""
    return digest_bytes(loaded.tokenizer.backend_tokenizer.to_str().encode(), 8)
