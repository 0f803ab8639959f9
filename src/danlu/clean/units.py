"""`clean.units`: lines or paragraphs that stand in several places, of one document or of many. Nothing is removed here.

Each piece is known by the digest of its canonical form. Digests are sorted range by range, in as many ranges as the
memory for it asks, and only pieces whose digest comes again are written down. Which of them stays is for `clean.decide`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.parts import (
    Part,
    each_group,
    each_part,
    parts_of,
    row_groups,
    scratch_of,
    set_aside,
    write_parquet,
    write_scratch,
)
from danlu.compute.units import Crew
from danlu.recipe.clean import CleanConfig, DedupConfig
from danlu.text.buffers import text_buffers
from danlu.text.forms import canonical_forms, digests, find_digests
from danlu.text.pieces import Unit, pieces
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

BYTES = 64  # of memory for each piece while a range is sorted
UNITS: pa.Schema = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),  # its row among the documents for training, in order of the parts
        pa.field("start", pa.int64(), nullable=False),  # bytes of the repaired text
        pa.field("stop", pa.int64(), nullable=False),  # with the empty lines after it
        pa.field("form_high", pa.uint64(), nullable=False),  # digest of the canonical form
        pa.field("form_low", pa.uint64(), nullable=False),
    ]
)
Keys = NDArray[np.uint64]


def units(documents: Artifact, *, config: CleanConfig, run: Run) -> None:
    """Write `units.parquet`, the pieces that come again, and `facts.json`. Held-out documents are not looked at."""
    dedup = config.dedup
    parts = [part for part in parts_of(documents) if part.set == "documents"]
    firsts = np.cumsum([0, *(part.documents for part in parts)]).tolist()
    begins = dict(zip(parts, firsts, strict=False))
    total = sum(part.bytes for part in parts)
    budget = min(dedup.memory, run.memory_bytes // 2)
    ranges = int(run.resolve("ranges", lambda: max(1, total // dedup.shortest * BYTES // max(1, budget))))
    with run.progress.task("clean.progress.units", total, "B") as bar, Crew(run) as crew:
        entry = "danlu.clean.units:cut_part"
        done, lost = each_part(crew, entry, parts, lambda part: (dedup, begins[part]), bar)
    left = [scratch_of(run, part, "units") for part in done]
    run.once("again", partial(_write_again, run.scratch / "again.npy", left, ranges))
    again = np.load(run.scratch / "again.npy", mmap_mode="r")

    def repeated() -> Iterator[pa.Table]:
        for path in left:
            for table in row_groups(path):
                run.check()
                keys = np.stack((table["form_high"].to_numpy(), table["form_low"].to_numpy()), 1)
                yield table.filter(pa.array(find_digests(again, keys) >= 0))

    rows = write_parquet(run.output / "units.parquet", repeated(), UNITS)
    pieces_seen = sum(fact["pieces"] for fact in done.values())
    write_json(
        run.output / "facts.json",
        {"unit": dedup.unit, "pieces": pieces_seen, "repeated": rows, "forms": len(again), **set_aside(run, lost)},
    )
    run.counts.update({"pieces": pieces_seen, "repeated": rows})


def cut_part(run: Run, part: Part, config: DedupConfig, first: int) -> dict[str, int]:
    """The unit of work: the pieces of a part that are long enough, in scratch; how many. `first`: row of its first document."""
    unit: Unit = "line" if config.unit == "line" else "paragraph"

    def cut(table: pa.Table) -> pa.Table:
        data, offsets = text_buffers(table["text"])
        spans = pieces(data, offsets, unit)
        forms, ends = canonical_forms(data, spans)
        keys = digests(forms, ends)
        long = np.flatnonzero(np.diff(ends) >= config.shortest)
        rows = np.searchsorted(offsets, spans[long], "right") - 1
        columns = [rows, spans[long] - offsets[rows], spans[long + 1] - offsets[rows], keys[long, 0], keys[long, 1]]
        return pa.table(columns, schema=UNITS)

    def tables() -> Iterator[pa.Table]:
        row = first
        for made, table in each_group(run, part.path, cut, ["text"]):
            documents = pa.array(made["document"].to_numpy() + row)
            yield made.set_column(0, UNITS.field("document"), documents)
            row += table.num_rows

    return {"pieces": write_scratch(scratch_of(run, part, "units"), tables(), UNITS)}


def _write_again(path: Path, files: Sequence[Path], ranges: int) -> int:
    """Write the digests that come more than once, uint64[digests, 2] in order; how many."""
    found = [np.zeros((0, 2), np.uint64)]
    width = -(-(1 << 64) // ranges)
    for turn in range(ranges):
        low, high = np.uint64(turn * width), np.uint64(min((turn + 1) * width, 1 << 64) - 1)
        keys = [np.zeros((0, 2), np.uint64)]
        for file in files:
            for table in row_groups(file, ["form_high", "form_low"]):
                both = np.stack((table["form_high"].to_numpy(), table["form_low"].to_numpy()), 1)
                keys.append(both[(both[:, 0] >= low) & (both[:, 0] <= high)] if ranges > 1 else both)
        found.append(_repeated(np.concatenate(keys)))
    every = np.concatenate(found)
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, every)
    temporary.replace(path)
    return len(every)


def _repeated(keys: Keys) -> Keys:
    """Those of the digests that are there more than once, each once, in order."""
    keys = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
    same = (keys[1:] == keys[:-1]).all(1)
    first = same.copy()
    first[1:] &= ~same[:-1]
    return np.asarray(keys[:-1][first], np.uint64)


def read_units(made: Artifact) -> pa.Table:
    return pq.read_table(made / "units.parquet")
