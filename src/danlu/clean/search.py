"""`clean.search`: the form of each document, and which test texts it holds: what no threshold changes.

Everything that may have to be found is looked for in every document. Whether a find counts (the held-out document may
itself have been dropped, the share may be too low) is for `clean.decide` to say, from columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.clean.evaluations import evaluation_items, name_of
from danlu.clean.grams import GramIndex, find_overlaps, index_grams
from danlu.clean.overlap import WAYS, Finds, HeldOut, Item, find_items, index_items
from danlu.clean.parts import (
    Part,
    each_group,
    each_part,
    join_parquet,
    parts_of,
    row_groups,
    scratch_of,
    set_aside,
    write_parquet,
    write_scratch,
)
from danlu.clean.personal import treat
from danlu.clean.repeats import HOLDOUT
from danlu.clean.treatment import treatment
from danlu.compute.units import Crew
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import text_buffers, word_hashes
from danlu.text.canonical import canonical
from danlu.text.forms import canonical_forms, digests
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_json
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

MOST_FINDS = 64  # kept of a document, the surest ones
ITEM_ROWS = 1000
FORMS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),  # documents or holdout
        pa.field("form_high", pa.uint64(), nullable=False),  # digest of the canonical form: what repeats share
        pa.field("form_low", pa.uint64(), nullable=False),
    ]
)
LEAKS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # the document
        pa.field("owner", pa.string(), nullable=False),  # the dataset, the file or `holdout` whose text it holds
        pa.field("item", pa.string()),  # the held-out document; null where it is a dataset's or a file's
        pa.field("way", pa.string(), nullable=False),  # `danlu.clean.overlap.WAYS`
        pa.field("share", pa.float64(), nullable=False),
    ]
)
ITEMS: pa.Schema = pa.schema([pa.field(name, pa.large_string(), nullable=False) for name in Item._fields])


def search(documents: Artifact, datasets: Mapping[str, Artifact], *, config: CleanConfig, run: Run) -> None:
    """Write `forms.parquet`, `leaks.parquet` (the surest finds of a document first) and `facts.json`."""
    guard = config.decontamination()
    parts = parts_of(documents)
    held = [part for part in parts if part.set == HOLDOUT]
    path = run.scratch / "items.parquet" if guard else None
    if path is not None:
        run.once("items", partial(_write_items, path, datasets, held, config, run.base))
    share = guard.floor if guard else 1.0
    try:
        with run.progress.task("clean.progress.search", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
            done, lost = each_part(crew, "danlu.clean.search:search_part", parts, lambda part: (path, share), bar)
    finally:
        _index.cache_clear()
    rows = join_parquet(run.output / "forms.parquet", [scratch_of(run, part, "forms") for part in done], FORMS)
    finds = join_parquet(run.output / "leaks.parquet", [scratch_of(run, part, "leaks") for part in done], LEAKS)
    owners = [*sorted(datasets), *(name_of(file) for file in (guard.files if guard else ()))]
    write_json(run.output / "facts.json", {"documents": rows, "finds": finds, "owners": owners, **set_aside(run, lost)})
    run.counts["documents"] += rows


def search_part(run: Run, part: Part, items: Path | None, share: float) -> None:
    """The unit of work: the forms and finds of one part, in scratch. Held-out documents are not searched.

    A text without letters has no canonical form: its own digest, inverted, is its form.
    """
    held, grams, about = _index(items if part.set != HOLDOUT else None)

    def found(table: pa.Table) -> tuple[pa.Table, pa.Table]:
        data, offsets = text_buffers(table["text"])
        canonicals, ends = canonical_forms(data, offsets)
        keys = digests(canonicals, ends)
        wordless = ends[1:] == ends[:-1]
        if wordless.any():
            keys[wordless] = ~digests(data, offsets)[wordless]  # a form of its own, which no text with letters has
        columns = [table["id"], pa.array([part.set] * table.num_rows), keys[:, 0].copy(), keys[:, 1].copy()]
        forms = pa.table(columns, schema=FORMS)
        if not len(about):
            return forms, LEAKS.empty_table()
        by_words = find_items(held, table["text"], canonicals, ends, keys)
        finds = _surest(Finds.join([by_words, find_overlaps(grams, *word_hashes(data, offsets), share)]))
        chosen = about.take(pa.array(finds.items))
        ways = pa.array(WAYS).take(pa.array(finds.ways))
        ids = table["id"].take(pa.array(finds.documents))
        leaks = pa.table([ids, chosen["owner"], chosen["document"], ways, finds.shares], names=LEAKS.names)
        return forms, _nameless(leaks)

    every = [made for made, _ in each_group(run, part.path, found, ["id", "text"])]
    write_scratch(scratch_of(run, part, "forms"), (forms for forms, _ in every), FORMS)
    write_scratch(scratch_of(run, part, "leaks"), (leaks for _, leaks in every), LEAKS)


def _surest(finds: Finds) -> Finds:
    """The first `MOST_FINDS` of each document, each item once."""
    documents, items = finds.documents, finds.items
    order = np.lexsort((np.arange(len(items)), items, documents))
    again = np.zeros(len(items), bool)
    again[order[1:]] = (documents[order[1:]] == documents[order[:-1]]) & (items[order[1:]] == items[order[:-1]])
    finds = finds.chosen(~again)
    rank = np.arange(len(finds.documents)) - np.searchsorted(finds.documents, finds.documents)
    return finds.chosen(rank < MOST_FINDS)


def _nameless(table: pa.Table) -> pa.Table:
    """`item` is null where no held-out document is meant."""
    item = table["item"].cast(pa.string())
    return table.set_column(2, "item", pc.if_else(pc.equal(item, ""), pa.scalar(None, pa.string()), item))


@lru_cache(maxsize=1)
def _index(path: Path | None) -> tuple[HeldOut, GramIndex, pa.Table]:
    """What was written at `path`, ready to be looked for: made once in each process, for all the parts that it searches."""
    table = pq.read_table(path) if path else ITEMS.empty_table()
    items = [Item(*row) for row in zip(*table.to_pydict().values(), strict=True)]
    return index_items([canonical(item.text) for item in items]), index_grams(items), table.select(["owner", "document"])


def _write_items(
    path: Path, datasets: Mapping[str, Artifact], heldout: Sequence[Part], config: CleanConfig, base: Path
) -> None:
    """Write the texts that are looked for, each form once, where workers find them.

    Validation and test texts of every dataset and those of evaluation files, as they are and as repair leaves them, and the
    held-out documents.
    """
    how, actions = treatment(config), config.pii.actions(config.preset)
    guard = config.decontamination()

    def given() -> Iterator[Item]:
        for name in sorted(datasets):
            for table in row_groups(datasets[name] / "rows.parquet", ["text", "split"]):
                tests = table.filter(pc.is_in(table["split"], pa.array(["validation", "test"])))["text"]
                yield from (Item(name, text) for text in tests.to_pylist())
        for file in guard.files if guard else ():
            yield from (Item(name_of(file), text, answer) for text, answer in evaluation_items(file, base))

    def items() -> Iterator[Item]:
        every = given()
        while some := list(islice(every, ITEM_ROWS)):
            repairs, _ = treat(how.treat([item.text for item in some]), actions)
            for item, repaired in zip(some, repairs, strict=True):
                yield item
                if repaired.edits:
                    yield item._replace(text=repaired.text)
        for part in heldout:
            for table in row_groups(part.path, ["id", "text"]):
                for identity, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True):
                    yield Item(HOLDOUT, text, "", identity)

    def distinct() -> Iterator[Item]:
        seen: set[str] = set()
        for item in items():
            if (form := canonical(item.text)) and (key := digest_json([form, item.answer])) not in seen:
                seen.add(key)
                yield item

    def tables() -> Iterator[pa.Table]:
        found = distinct()
        while batch := list(islice(found, ITEM_ROWS)):
            yield pa.table([list(column) for column in zip(*batch, strict=True)], schema=ITEMS)

    write_parquet(path, tables(), ITEMS)
