"""`clean.normalise`: every document repaired, and each edit recorded by where and why, never what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.parts import (
    Part,
    each_group,
    each_part,
    join_parquet,
    parts_of,
    scratch_of,
    set_aside,
    write_parquet,
    write_scratch,
)
from danlu.clean.personal import PERSONAL, example, treat_columns
from danlu.clean.rewrite import Edits, Rewritten, rewrite
from danlu.clean.treatment import Treatment, is_chinese, treatment
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.recipe.personal import Action
from danlu.text.asks import NAMES
from danlu.text.buffers import text_buffers
from danlu.text.chinese import TAGS
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
Shown = Callable[[], dict[str, str]]  # makes an example, for which personal data is looked for
Kept = TypeVar("Kept")
EXAMPLES = 2  # of each reason and language
BATCH_BYTES = 8 << 20  # of text treated at once; memory for the edits of a batch is 16 times that where all is spaces
# searched: documents in which patterns looked for personal data
COUNTS = ("documents", "edited", "searched", "characters_in", "characters_out", "bytes_in", "bytes_slow")


def normalise(documents: Artifact, *, config: CleanConfig, run: Run) -> None:
    """Repair the documents and held-out documents; write them, `edits.parquet`, `personal.parquet` and `facts.json`."""
    treatment(config)  # what is wrong with the recipe is said before work begins
    parts = parts_of(documents)
    with run.progress.task("clean.progress.normalise", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.normalise:normalise_part", parts, lambda part: (config,), bar)
    facts = done.values()
    join_parquet(run.output / "edits.parquet", [scratch_of(run, part, "edits") for part in done], EDITS)
    join_parquet(run.output / "personal.parquet", [scratch_of(run, part, "personal") for part in done], PERSONAL)
    edits: Counter[str] = Counter()
    personal: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    examples: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for fact in facts:
        edits.update(fact["edits"])
        personal.update(fact["personal"])
        asked.update(fact["asked"])
        _keep_first(examples, fact["examples"])
    totals = {name: sum(fact[name] for fact in facts) for name in COUNTS}
    write_json(
        run.output / "facts.json",
        {
            **totals,
            "asked": {name: asked[name] for name in NAMES},
            "edits": dict(sorted(edits.items())),
            "personal": dict(sorted(personal.items())),
            "examples": [example for _, found in sorted(examples.items()) for _, example in found],
            **set_aside(run, lost),
        },
    )
    run.counts.update({**{name: totals[name] for name in COUNTS[:3]}, "edits": sum(edits.values())})
    if totals["bytes_in"]:
        run.progress.say("clean.slow", share=totals["bytes_slow"] / totals["bytes_in"])


class Normalised(NamedTuple):
    """Some documents repaired, and what was done."""

    documents: pa.Table
    edits: pa.Table  # EDITS
    personal: pa.Table  # PERSONAL
    counts: Counter[str]  # COUNTS
    reasons: Counter[str]  # edits by reason
    kinds: Counter[str]  # personal data by kind
    asked: Counter[str]  # documents by what they asked for
    examples: dict[str, list[tuple[str, Shown]]]


def normalise_part(run: Run, part: Part, config: CleanConfig) -> dict[str, Any]:
    """The unit of work: one part repaired, its edits in scratch; counts, reasons and examples as its fact."""
    how, actions = treatment(config), config.pii.actions(config.preset)
    tag = None if config.chinese == "keep" else TAGS[config.chinese]
    counts, reasons, kinds, asked = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    examples: dict[str, list[tuple[str, Shown]]] = {}
    edits: list[pa.Table] = []
    personal: list[pa.Table] = []

    def normalised(group: pa.Table) -> list[Normalised]:
        return [_normalised(piece, how, actions, tag) for piece in _pieces(group)]

    def tables() -> Iterator[pa.Table]:
        for pieces, _ in each_group(run, part.path, normalised):
            for piece in pieces:
                counts.update(piece.counts)
                reasons.update(piece.reasons)
                kinds.update(piece.kinds)
                asked.update(piece.asked)
                _keep_first(examples, piece.examples)
                edits.append(piece.edits)
                personal.append(piece.personal)
            yield pa.concat_tables([piece.documents for piece in pieces])

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    write_scratch(scratch_of(run, part, "edits"), edits, EDITS)
    write_scratch(scratch_of(run, part, "personal"), personal, PERSONAL)
    shown = {name: [(digest, show()) for digest, show in some] for name, some in examples.items()}
    found = {"asked": dict(asked), "edits": dict(reasons), "personal": dict(kinds), "examples": shown}
    return {**{name: counts[name] for name in COUNTS}, **found}


def _normalised(table: pa.Table, how: Treatment, actions: Mapping[str, Action], tag: str | None) -> Normalised:
    data, offsets = text_buffers(table["text"])
    in_chinese = is_chinese(table["language"])
    protected = table["protected"].to_numpy()
    made = rewrite(data, offsets, how, protected, in_chinese)
    made, found = treat_columns(made, _texts(table, made), actions, protected)
    after = _with_texts(table, made)
    if tag:
        after = _with_tag(after, tag, in_chinese & ~protected)
    sizes = np.diff(offsets)
    counts = Counter(
        documents=table.num_rows,
        edited=len(made.rows),
        searched=found.searched,
        characters_in=_characters(table),
        characters_out=_characters(after),
        bytes_in=int(sizes.sum()),
        bytes_slow=int(sizes[made.slow].sum()),
    )
    recorded = [{"id": str(table["id"][row]), **span._asdict()} for row, span in found.recorded]
    return Normalised(
        after,
        _edit_table(table["id"], made.edits),
        pa.Table.from_pylist(recorded, schema=PERSONAL),
        counts,
        Counter({made.edits.names[code]: int(n) for code, n in enumerate(np.bincount(made.edits.reasons)) if n}),
        Counter(span.kind for spans in found.found for span in spans),
        Counter({name: int(np.count_nonzero(made.asks & bit)) for name, bit in NAMES.items()}),
        _examples(table, after, made),
    )


def _characters(table: pa.Table) -> int:
    return int(pc.sum(pc.utf8_length(table["text"])).as_py() or 0)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in pieces of about `BATCH_BYTES` of text."""
    sizes = pc.binary_length(table["text"]).to_numpy()
    places = np.cumsum(sizes) // BATCH_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), table.num_rows]
    for start, stop in pairwise(cuts):
        if stop > start or table.num_rows == 0:
            yield table.slice(start, stop - start)


def _texts(table: pa.Table, made: Rewritten) -> pa.ChunkedArray:
    """The texts as they are now."""
    return _replaced(table["text"], made.rows, made.texts)


def _with_texts(table: pa.Table, made: Rewritten) -> pa.Table:
    """The table with the new texts and their digests."""
    columns = {"text": made.texts, "digest": hex_digests(digests(*text_buffers(made.texts)))}
    for name, changed in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), _replaced(table[name], made.rows, changed))
    return table


def _replaced(column: pa.ChunkedArray, rows: NDArray[np.int64], values: pa.Array) -> pa.ChunkedArray:
    """The column with other values in some rows, in order."""
    if not len(rows):
        return column
    place = np.arange(len(column))
    place[rows] = len(column) + np.arange(len(rows))
    return pa.chunked_array([pa.concat_arrays([*column.chunks, values.cast(column.type)]).take(pa.array(place))])


def _with_tag(table: pa.Table, tag: str, rows: NDArray[np.bool_]) -> pa.Table:
    field = table.schema.field("language")
    tags = pc.if_else(pa.array(rows), tag, table["language"]).cast(field.type)
    return table.set_column(table.schema.get_field_index("language"), field, tags)


def _edit_table(ids: pa.ChunkedArray, edits: Edits) -> pa.Table:
    reasons = pa.DictionaryArray.from_arrays(pa.array(edits.reasons), pa.array(edits.names)).cast(pa.string())
    columns = [ids.take(pa.array(edits.rows)), edits.starts, edits.ends, reasons, edits.lengths]
    return pa.table(columns, schema=EDITS)


def _examples(before: pa.Table, after: pa.Table, made: Rewritten) -> dict[str, list[tuple[str, Shown]]]:
    """The first edits of each reason and language: of the documents with the smallest digests, with the digest."""
    edits = made.edits
    # The first edit of each reason in each document.
    _, firsts = np.unique(edits.rows * len(edits.names) + edits.reasons, return_index=True)
    languages = before["language"].combine_chunks().dictionary_encode()
    keys = languages.indices.to_numpy() if len(languages) else np.zeros(0, np.int64)
    groups = edits.reasons[firsts] * len(languages.dictionary) + keys[edits.rows[firsts]]
    ranks = np.argsort(pc.sort_indices(before["digest"]).to_numpy())  # a stable sort: equal digests in the order of rows
    order = np.lexsort((ranks[edits.rows[firsts]], groups))
    ordered = groups[order]
    chosen = firsts[order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < EXAMPLES]]
    found: dict[str, list[tuple[str, Shown]]] = {}
    for edit in chosen.tolist():
        row = int(edits.rows[edit])
        every = edits.of(row, str(after["text"][row]))
        one = every[edit - int(np.searchsorted(edits.rows, row))]
        shown = partial(example, str(before["text"][row]), one, every, str(before["source"][row]))
        found.setdefault(f"{one.reason} {before['language'][row]}", []).append((str(before["digest"][row]), shown))
    return found


def _keep_first(kept: dict[str, list[tuple[str, Kept]]], found: Mapping[str, Sequence[tuple[str, Kept]]]) -> None:
    """Keep the examples with the smallest digests: a choice that no order of work changes."""
    for name, examples in found.items():
        kept[name] = sorted([*kept.get(name, []), *examples], key=lambda pair: pair[0])[:EXAMPLES]
