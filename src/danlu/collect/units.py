"""The work of reading, cut into units that a killed run need not do again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from danlu.collect.forgotten import left_out
from danlu.collect.locate import SourceFile, TextSource, locate, place_of, source_names
from danlu.collect.records import Record, Rejected
from danlu.documents.store import write_documents
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.sources import CustomSource, DatasetSource
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.progress import Task
from danlu.workspace.run import Run

UNIT_BYTES = 16 << 20  # files are read together up to so many bytes
_CHECK_EVERY = 512

Events = Iterator[Record | Rejected]
Row = Mapping[str, object]


@dataclass(frozen=True)
class Unit:
    """Some consecutive files of one source. `name` orders and names the unit and its scratch files."""

    name: str
    source: str
    config: TextSource
    files: tuple[SourceFile, ...]


def plan_units(config: DatasetConfig | CollectConfig, base: Path) -> list[Unit]:
    """The units of a section, in the order of its sources and their files; the same for the same files anywhere."""
    units: list[Unit] = []
    for index, (name, source) in enumerate(zip(source_names(config.sources), config.sources, strict=True)):
        if isinstance(source, CustomSource):  # one unit: the function alone knows what it reads
            units.append(Unit(f"read-{index:03d}-00000", name, source, (SourceFile(place_of(source, base), name),)))
        elif not isinstance(source, DatasetSource):
            batches = enumerate(_batches(locate(source, base, name)))
            units += [Unit(f"read-{index:03d}-{number:05d}", name, source, tuple(batch)) for number, batch in batches]
    return units


def read_unit(
    run: Run,
    name: str,
    files: Iterable[tuple[SourceFile, Events]],
    to_row: Callable[[SourceFile, Record], Row],
    schema: pa.Schema,
    task: Task,
) -> dict[str, Any]:
    """Read files into scratch rows and a list of what was rejected; returns the unit's fact. Starts from nothing.

    Documents that the workspace has forgotten leave no trace but their count.
    """
    target = scratch_of(run, name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    reasons: Counter[str] = Counter()
    is_forgotten = left_out(run)
    forgotten = 0

    def rows() -> Iterator[Row]:
        nonlocal forgotten
        seen = 0
        with (target / "quarantine.jsonl").open("w", encoding="utf-8") as sink:
            for file, events in files:
                size, done = _size(file), 0
                for event in _readable(file, events):
                    seen += 1
                    if seen % _CHECK_EVERY == 0:
                        run.check()
                    if isinstance(event, Rejected):
                        reasons[event.reason] += 1
                        entry = {"where": event.where, "reason": event.key, "params": dict(event.parameters)}
                        sink.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")
                        continue
                    step = min(size - done, len(event.text.encode("utf-8")))
                    done += step
                    task.advance(step)
                    row = to_row(file, event)
                    if is_forgotten(str(row["id"]), event.text):
                        forgotten += 1
                    else:
                        yield row
                task.advance(size - done)

    count = write_documents(target, rows(), schema=schema)
    return {"rows": count, "quarantine": dict(sorted(reasons.items())), "forgotten": forgotten}


def scratch_of(run: Run, name: str) -> Path:
    """Where the rows and rejections of a unit lie until the stage has ended."""
    return run.scratch / name


def write_quarantine(run: Run, names: Iterable[str]) -> None:
    """Join the rejections of all units, in order, to the payload's `quarantine.jsonl`."""
    with (run.output / "quarantine.jsonl").open("wb") as sink:
        for name in names:
            with (scratch_of(run, name) / "quarantine.jsonl").open("rb") as part:
                shutil.copyfileobj(part, sink)


def total_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Rejections of all units by reason."""
    total: Counter[str] = Counter()
    for fact in facts:
        total.update(fact["quarantine"])
    return dict(sorted(total.items()))


def require_some(count: int, where: str, files: int, quarantine: Mapping[str, int]) -> None:
    """DanluError if nothing was read at all."""
    if not count:
        reasons = listed(f"{reason} {number}" for reason, number in quarantine.items())
        raise DanluError("collect.empty", where=where, files=files, quarantined=sum(quarantine.values()), reasons=reasons)


def _batches(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        if batch and size + _size(file) > UNIT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += _size(file)
    if batch:
        yield batch


def _readable(file: SourceFile, events: Events) -> Events:
    try:
        yield from events
    except OSError as error:
        raise DanluError("collect.file-unreadable", where=str(file.path), reason=error.strerror or str(error)) from error


def _size(file: SourceFile) -> int:
    return file.path.stat().st_size
