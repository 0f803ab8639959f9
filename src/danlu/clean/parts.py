"""Parts of documents in and out: one row group in memory at a time, whole files only, the same bytes for the same rows.

A part is the unit of work of the stages of `clean`; one that kills whoever does it is set aside, with all its documents.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.compute.losses import Loss, record_losses
from danlu.compute.ordered import in_order
from danlu.compute.units import Crew, Unit
from danlu.documents.store import Compression, document_parts, parquet_writer
from danlu.workspace.artifact import Artifact
from danlu.workspace.progress import Task
from danlu.workspace.run import Run

Result = TypeVar("Result")

SETS = ("documents", "holdout")
QUARANTINE = "quarantine"


class Part(NamedTuple):
    """A part file, in which of the two sets it is, and a name for its unit of work."""

    set: str
    path: Path

    @property
    def unit(self) -> str:
        return f"{self.set}/{self.path.stem}"

    @property
    def documents(self) -> int:
        return int(pq.read_metadata(self.path).num_rows)

    @property
    def bytes(self) -> int:
        """Of all columns, uncompressed: most of them are text."""
        footer = pq.read_metadata(self.path)
        return sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))


def parts_of(documents: Artifact) -> list[Part]:
    """All parts, those for training first, in order."""
    return [Part(name, path) for name in SETS for path in document_parts(documents / name)]


def scratch_of(run: Run, part: Part, name: str) -> Path:
    """Where what a unit of work makes of a part lies until the stage has ended; `name` says what it is."""
    return run.scratch / f"{name}-{part.set}-{part.path.name}"


def each_part(
    crew: Crew,
    entry: str,
    parts: Sequence[Part],
    arguments: Callable[[Part], tuple[Any, ...]],
    bar: Task,
    prefix: str = "",
    threads: int = 1,
) -> tuple[dict[Part, Any], dict[Part, Loss]]:
    """Do `entry` as `function(run, part, *arguments(part))` for every part: the facts, and the losses of those set aside.

    `threads` as of `Crew.each`.
    """
    units = [Unit(prefix + part.unit, (part, *arguments(part)), part.bytes) for part in parts]
    facts = dict(zip(parts, crew.each(entry, units, bar=bar, give_up=True, threads=threads), strict=True))
    lost = {part: fact for part, fact in facts.items() if isinstance(fact, Loss)}
    return {part: fact for part, fact in facts.items() if part not in lost}, lost


def set_aside(run: Run, lost: Mapping[Part, Loss], counts: Mapping[Part, int] | None = None) -> dict[str, Any]:
    """Note down and say which parts were set aside; for the stage's facts: `quarantine`, how many documents of which part.

    `counts` are those numbers, by default all documents of the parts. What an attempt wrote of such a part goes.
    """
    if not lost:
        return {}
    for part in lost:
        (run.output / part.set / part.path.name).unlink(missing_ok=True)
    counts = counts or {part: part.documents for part in lost}
    record_losses(run, ((replace(loss, unit=part.unit), counts[part]) for part, loss in lost.items()))
    run.counts["quarantined"] += sum(counts.values())
    return {QUARANTINE: {part.unit: counts[part] for part in lost}}


def row_groups(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a file one after another."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, columns=columns)


def each_group(
    run: Run, path: Path, work: Callable[[pa.Table], Result], columns: list[str] | None = None
) -> Iterator[tuple[Result, pa.Table]]:
    """`work` of every row group of a file with the group, in order, by as many threads as the run has. `work` must not depend
    on what it did before; between groups the run's wish to stop is heard and its bar advanced."""

    def done(table: pa.Table) -> tuple[Result, pa.Table]:
        return work(table), table

    for result, table in in_order(done, row_groups(path, columns), run.threads):
        run.check()
        run.bar.advance(table.nbytes)
        yield result, table


def write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, compression: Compression = "zstd") -> int:
    """Write the tables as row groups; the file appears by a rename when it is whole. Returns the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    rows = 0
    with parquet_writer(temporary, schema, compression) as writer:
        for table in tables:
            if table.num_rows:
                writer.write_table(table.cast(schema))
                rows += table.num_rows
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    return rows


def write_scratch(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """The same of what is read once and then thrown away."""
    return write_parquet(path, tables, schema, "lz4")


def join_parquet(path: Path, parts: Iterable[Path], schema: pa.Schema) -> int:
    """Write one file of the rows of many, in order."""
    return write_parquet(path, (table for part in parts for table in row_groups(part)), schema)
