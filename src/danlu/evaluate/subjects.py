"""What a person asks to have measured: a file of predictions, or a model; and the keys that say which one it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from danlu.compute.machine import Machine
from danlu.inference.load import Loaded, load_for
from danlu.workspace.digest import digest_bytes, digest_file, digest_json

WEIGHTS = ("*.safetensors", "config.json")


@dataclass(frozen=True)
class Subject:
    """`place`: the file of predictions, the model's directory, or the name of one on a hub (a string)."""

    name: str
    place: Path | str

    @property
    def is_file(self) -> bool:
        return isinstance(self.place, Path) and self.place.is_file()


def named(asked: Sequence[tuple[str, Path | str]]) -> list[Subject]:
    """Subjects under short names that tell them apart: the last parts of what a person wrote."""
    parts = [Path(name).parts if Path(name).exists() else (name,) for name, _ in asked]
    parts = [own[:-1] if own[-1] == "model" and len(own) > 1 else own for own in parts]
    subjects = []
    for own, (_, place) in zip(parts, asked, strict=True):
        count = 1
        while count < len(own) and sum(other[-count:] == own[-count:] for other in parts) > 1:
            count += 1
        name = "/".join(own[-count:])
        subjects.append(Subject(Path(name).with_suffix("").as_posix() if Path(str(place)).is_file() else name, place))
    names = [subject.name for subject in subjects]
    return [
        subject if names.count(subject.name) == 1 else Subject(f"{subject.name}#{number}", subject.place)
        for number, subject in enumerate(subjects, start=1)
    ]


def open_model(subject: Subject) -> tuple[Loaded, dict[str, object]]:
    """The model on this machine's device, and what of it could change a number."""
    loaded = load_for(subject.place)
    device = "cuda" if Machine.probe(gpu=True).gpu else "cpu"
    loaded.model.to(device)
    keys: dict[str, object] = {
        "model": _key(subject.place, WEIGHTS), "tokenizer": _tokenizer_key(loaded),
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
