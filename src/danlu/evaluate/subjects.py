"""What a person asks to have measured: a file of predictions, or a model, under a short name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
    parts = [Path(name).parts or (name,) for name, _ in asked]
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
