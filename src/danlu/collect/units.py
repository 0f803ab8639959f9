"""The work of reading, cut into units that a killed run need not do again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import pyarrow as pa

from danlu.collect.columns import Columns
from danlu.collect.forgotten import kept_documents
from danlu.collect.locate import SourceFile, TextSource, locate, place_of
from danlu.collect.records import Found, Record, Rejected
from danlu.compute import units as work
from danlu.compute.losses import Loss, record_losses
from danlu.documents.store import write_tables
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.source_name import source_names
from danlu.recipe.sources import CustomSource, DatasetSource
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.progress import Task
from danlu.workspace.run import Run

UNIT_BYTES = 16 << 20  # files are read together up to so many bytes
_CHECK_EVERY = 512

Event = TypeVar("Event", bound=Record | Columns)


@dataclass(frozen=True)
class Unit:
    """Some consecutive files of one source, or a dataset (its file of rows). `name` orders and names the unit and its
    scratch files."""

    name: str
    source: str
    config: TextSource | DatasetSource
    files: tuple[SourceFile, ...]

    @cached_property
    def bytes(self) -> int:
        return sum(_size(file) for file in self.files)


class Read(NamedTuple):
    """A unit that was read and its fact: `rows`, `quarantine` (reason -> count), `forgotten`; `lost`, if it killed."""

    unit: Unit
    fact: dict[str, Any]
    lost: Loss | None = None


def plan_units(config: DatasetConfig | CollectConfig, base: Path, datasets: Mapping[str, Artifact] | None = None) -> list[Unit]:
    """The units of a section, in the order of its sources and their files; the same for the same files anywhere."""
    units: list[Unit] = []
    for index, (name, source) in enumerate(zip(source_names(config.sources), config.sources, strict=True)):
        if isinstance(source, CustomSource):  # one unit: the function alone knows what it reads
            units.append(Unit(f"read-{index:03d}-00000", name, source, (SourceFile(place_of(source, base), name),)))
        elif isinstance(source, DatasetSource):
            rows = (datasets or {})[source.dataset] / "rows.parquet"
            units.append(Unit(f"read-{index:03d}-00000", name, source, (SourceFile(rows, name),)))
        else:
            batches = enumerate(_batches(locate(source, base, name)))
            units += [Unit(f"read-{index:03d}-{number:05d}", name, source, tuple(batch)) for number, batch in batches]
    return units


def read_units(run: Run, entry: str, units: Sequence[Unit], label: str) -> list[Read]:
    """Read every unit that the ledger lacks by `entry`, a `module:function` that makes a unit's fact of (run, unit).

    A unit that kills whoever reads it is read a file at a time; a file that does so is set aside with the reason.
    """
    with run.progress.task(label, sum(unit.bytes for unit in units), "B") as bar, work.Crew(run) as crew:

        def read(chosen: Sequence[Unit], bar: Task | None = None) -> Iterator[Read]:
            tasks = [work.Unit(unit.name, (unit,), unit.bytes) for unit in chosen]
            for unit, fact in zip(chosen, crew.each(entry, tasks, bar=bar, give_up=True), strict=True):
                if not isinstance(fact, Loss):
                    yield Read(unit, fact)
                elif len(unit.files) > 1:
                    yield from read(_file_by_file(unit))
                else:
                    yield _set_aside(run, unit, fact)

        found = list(read(units, bar))
    record_losses(run, ((replace(read.lost, unit=read.unit.files[0].name), 1) for read in found if read.lost))
    return found


def _file_by_file(unit: Unit) -> list[Unit]:
    return [replace(unit, name=f"{unit.name}-{place:05d}", files=(file,)) for place, file in enumerate(unit.files)]


def _set_aside(run: Run, unit: Unit, loss: Loss) -> Read:
    """Leave of a unit that cannot be read what a rejected file leaves: no row, and the reason."""
    reason = "too-large" if loss.key == work.MEMORY_KEY else "died"
    rejected = Rejected(unit.files[0].name, reason, loss.parameters)
    with (empty_scratch(run, unit.name) / "quarantine.jsonl").open("w", encoding="utf-8") as sink:
        _reject(sink, rejected)
    return Read(unit, {"rows": 0, "quarantine": {reason: 1}, "forgotten": 0}, loss)


def read_unit(
    run: Run,
    name: str,
    files: Iterable[tuple[SourceFile, Iterator[Event | Rejected]]],
    to_tables: Callable[[Iterator[Found[Event]]], Iterator[pa.Table]],
    schema: pa.Schema,
) -> dict[str, Any]:
    """Read files into scratch rows and a list of what was rejected; returns the unit's fact. Starts from nothing.

    `to_tables` makes rows with an `id` and a `text`. Documents that the workspace has forgotten leave no trace but their count.
    """
    target = empty_scratch(run, name)
    reasons: Counter[str] = Counter()
    kept = kept_documents(run)
    forgotten = 0

    def found() -> Iterator[Found[Event]]:
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
                        _reject(sink, event)
                        continue
                    step = min(size - done, event.bytes)
                    done += step
                    run.bar.advance(step)
                    yield Found(file, event)
                run.bar.advance(size - done)

    def tables() -> Iterator[pa.Table]:
        nonlocal forgotten
        for table in to_tables(found()):
            left = kept(table)
            forgotten += table.num_rows - left.num_rows
            yield left

    count = write_tables(target, tables(), schema=schema, compression="lz4")
    return {"rows": count, "quarantine": dict(sorted(reasons.items())), "forgotten": forgotten}


def scratch_of(run: Run, name: str) -> Path:
    """Where the rows and rejections of a unit lie until the stage has ended."""
    return run.scratch / name


def empty_scratch(run: Run, name: str) -> Path:
    """The same, empty: what an earlier attempt left is gone."""
    target = scratch_of(run, name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def _reject(sink: TextIO, event: Rejected) -> None:
    entry = {"where": event.where, "reason": event.key, "params": dict(event.parameters)}
    sink.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")


def write_quarantine(run: Run, units: Iterable[Unit]) -> None:
    """Join the rejections of all units, in order, to the payload's `quarantine.jsonl`."""
    with (run.output / "quarantine.jsonl").open("wb") as sink:
        for unit in units:
            with (scratch_of(run, unit.name) / "quarantine.jsonl").open("rb") as part:
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


def _readable(file: SourceFile, events: Iterator[Event | Rejected]) -> Iterator[Event | Rejected]:
    try:
        yield from events
    except OSError as error:
        raise DanluError("collect.file-unreadable", where=str(file.path), reason=error.strerror or str(error)) from error


def _size(file: SourceFile) -> int:
    return file.path.stat().st_size
