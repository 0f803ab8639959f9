"""`clean.normalise`: every document repaired, and each edit recorded by where and why, never what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.parts import Part, each_part, join_parquet, parts_of, row_groups, set_aside, write_parquet
from danlu.clean.rewrite import Edits, Rewritten, rewrite
from danlu.clean.treatment import is_chinese, treatment
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.text.asks import NAMES
from danlu.text.buffers import text_buffers
from danlu.text.chinese import TAGS
from danlu.text.edits import Edit, apply_edits
from danlu.text.forms import digests, hex_digests
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

EDITS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # characters of the text as it came
        pa.field("end", pa.int32(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # names joined by + where repairs met
        pa.field("length", pa.int32(), nullable=False),  # characters of what stands there now
    ]
)
EXAMPLES = 2  # of each reason and language
CONTEXT = 40  # characters shown on either side of an edit
BATCH_BYTES = 8 << 20  # of text treated at once; memory for the edits of a batch is 16 times that where all is spaces
COUNTS = ("documents", "edited", "characters_in", "characters_out", "bytes_in", "bytes_slow")


def normalise(documents: Artifact, *, config: CleanConfig, run: Run) -> None:
    """Repair the documents and held-out documents; write them, `edits.parquet` and `facts.json`."""
    treatment(config)  # what is wrong with the recipe is said before work begins
    parts = parts_of(documents)
    with run.progress.task("clean.progress.normalise", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.normalise:normalise_part", parts, lambda part: (config,), bar)
    facts = done.values()
    join_parquet(run.output / "edits.parquet", [_edits_path(part, run) for part in done], EDITS)
    edits: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    for fact in facts:
        edits.update(fact["edits"])
        asked.update(fact["asked"])
        _keep_first(examples, fact["examples"])
    totals = {name: sum(fact[name] for fact in facts) for name in COUNTS}
    write_json(
        run.output / "facts.json",
        {
            **totals,
            "asked": {name: asked[name] for name in NAMES},
            "edits": dict(sorted(edits.items())),
            "examples": [example for _, found in sorted(examples.items()) for _, example in found],
            **set_aside(run, lost),
        },
    )
    run.counts.update({"documents": totals["documents"], "edited": totals["edited"], "edits": sum(edits.values())})
    if totals["bytes_in"]:
        run.progress.say("clean.slow", share=totals["bytes_slow"] / totals["bytes_in"])


def normalise_part(run: Run, part: Part, config: CleanConfig) -> dict[str, Any]:
    """The unit of work: one part repaired, its edits in scratch; counts, reasons and examples as its fact."""
    how = treatment(config)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    edit_tables: list[pa.Table] = []

    def batch(table: pa.Table) -> pa.Table:
        run.check()
        data, offsets = text_buffers(table["text"])
        chinese = is_chinese(table["language"])
        protected = table["protected"].to_numpy()
        made = rewrite(data, offsets, how, protected, chinese)
        sizes = np.diff(offsets)
        counts.update(
            documents=table.num_rows,
            edited=len(made.rows),
            bytes_in=int(sizes.sum()),
            bytes_slow=int(sizes[made.slow].sum()),
        )
        asked.update({name: int(np.count_nonzero(made.asks & bit)) for name, bit in NAMES.items()})
        reasons.update({made.edits.names[code]: int(n) for code, n in enumerate(np.bincount(made.edits.reasons)) if n})
        edit_tables.append(_edit_table(table["id"], made.edits))
        after = _with_texts(table, made) if len(made.rows) else table
        if config.chinese != "keep":
            after = _with_tag(after, TAGS[config.chinese], chinese & ~protected)
        counts["characters_in"] += int(pc.sum(pc.utf8_length(table["text"])).as_py() or 0)
        counts["characters_out"] += int(pc.sum(pc.utf8_length(after["text"])).as_py() or 0)
        _keep_first(examples, _examples(table, after, made))
        run.bar.advance(table.nbytes)
        return after

    def tables() -> Iterator[pa.Table]:
        for table in row_groups(part.path):
            yield pa.concat_tables([batch(piece) for piece in _pieces(table)])

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    write_parquet(_edits_path(part, run), edit_tables, EDITS)
    return {**{name: counts[name] for name in COUNTS}, "asked": dict(asked), "edits": dict(reasons), "examples": examples}


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in pieces of about `BATCH_BYTES` of text."""
    sizes = pc.binary_length(table["text"]).to_numpy()
    places = np.cumsum(sizes) // BATCH_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), table.num_rows]
    for start, stop in pairwise(cuts):
        if stop > start or table.num_rows == 0:
            yield table.slice(start, stop - start)


def _with_texts(table: pa.Table, made: Rewritten) -> pa.Table:
    """The table with the new texts and their digests."""
    place = np.arange(table.num_rows)
    place[made.rows] = table.num_rows + np.arange(len(made.rows))
    columns = {"text": made.texts, "digest": hex_digests(digests(*text_buffers(made.texts)))}
    for name, changed in columns.items():
        field = table.schema.field(name)
        both = pa.concat_arrays([*table[name].chunks, changed.cast(field.type)])
        table = table.set_column(table.schema.get_field_index(name), field, both.take(pa.array(place)))
    return table


def _with_tag(table: pa.Table, tag: str, rows: NDArray[np.bool_]) -> pa.Table:
    field = table.schema.field("language")
    tags = pc.if_else(pa.array(rows), tag, table["language"]).cast(field.type)
    return table.set_column(table.schema.get_field_index("language"), field, tags)


def _edit_table(ids: pa.ChunkedArray, edits: Edits) -> pa.Table:
    reasons = pa.DictionaryArray.from_arrays(pa.array(edits.reasons), pa.array(edits.names)).cast(pa.string())
    columns = [ids.take(pa.array(edits.rows)), edits.starts, edits.ends, reasons, edits.lengths]
    return pa.table(columns, schema=EDITS)


def _edits_path(part: Part, run: Run) -> Path:
    return run.scratch / f"edits-{part.set}-{part.path.name}"


def _examples(before: pa.Table, after: pa.Table, made: Rewritten) -> dict[str, Any]:
    """The first edits of each reason and language: of the documents with the smallest digests, with the digest."""
    edits = made.edits
    # The first edit of each reason in each document.
    _, firsts = np.unique(edits.rows * len(edits.names) + edits.reasons, return_index=True)
    languages = before["language"].combine_chunks().dictionary_encode()
    keys = languages.indices.to_numpy() if len(languages) else np.zeros(0, np.int64)
    groups = edits.reasons[firsts] * len(languages.dictionary) + keys[edits.rows[firsts]]
    ranks = np.argsort(pc.sort_indices(before["digest"]).to_numpy())  # a stable sort: equal digests in the order of rows
    order = firsts[np.lexsort((ranks[edits.rows[firsts]], groups))]
    found: dict[str, Any] = {}
    for edit in order.tolist():
        row = int(edits.rows[edit])
        name = f"{edits.names[edits.reasons[edit]]} {before['language'][row]}"
        if len(found.setdefault(name, [])) < EXAMPLES:
            found[name].append([str(before["digest"][row]), _example(before, after, edits, edit)])
    return found


def _example(before: pa.Table, after: pa.Table, edits: Edits, edit: int) -> dict[str, str]:
    """An edit in its context, as it was and as it is now with what is around it repaired too."""
    row = edits.rows[edit]
    first, stop = np.searchsorted(edits.rows, (row, row + 1)).tolist()
    was, now = str(before["text"][int(row)]), str(after["text"][int(row)])
    start, end = max(0, int(edits.starts[edit]) - CONTEXT), min(len(was), int(edits.ends[edit]) + CONTEXT)
    grown = np.cumsum(edits.lengths[first:stop] - (edits.ends[first:stop] - edits.starts[first:stop]))
    around = np.flatnonzero((edits.starts[first:stop] >= start) & (edits.ends[first:stop] <= end))
    shown = []
    for other in around.tolist():
        at, until, length = (int(column[first + other]) for column in (edits.starts, edits.ends, edits.lengths))
        place = at + (int(grown[other - 1]) if other else 0)
        shown.append(Edit(at - start, until - start, now[place : place + length], ""))
    cut = was[start:end]
    reason, source = edits.names[edits.reasons[edit]], str(before["source"][int(row)])
    return {"reason": reason, "before": cut, "after": apply_edits(cut, shown), "source": source}


def _keep_first(kept: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Keep the examples with the smallest digests: a choice that no order of work changes."""
    for name, examples in found.items():
        kept[name] = sorted([*kept.get(name, []), *examples], key=lambda pair: (pair[0], pair[1]["before"]))[:EXAMPLES]
