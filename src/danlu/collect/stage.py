"""The stage `collect`: sources of plain text to documents, some of them held out, with a data card."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.collect.columns import Batch, Columns, in_batches
from danlu.collect.forgotten import forgotten_of, kept_documents
from danlu.collect.holdout import choose_holdout
from danlu.collect.locate import source_licence, source_version
from danlu.collect.read import read_documents_of
from danlu.collect.records import Found, Record
from danlu.collect.splits import split_of
from danlu.collect.units import (
    Read,
    Unit,
    empty_scratch,
    plan_units,
    read_unit,
    read_units,
    require_some,
    scratch_of,
    total_of,
    write_quarantine,
)
from danlu.compute.ordered import in_order
from danlu.documents.rows import read_rows
from danlu.documents.schema import DOCUMENTS
from danlu.documents.store import read_documents, write_tables
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import SplitConfig
from danlu.recipe.source_name import source_names
from danlu.recipe.sources import DatasetSource, PythonDocsSource
from danlu.text.buffers import text_buffers
from danlu.text.forms import canonical_hashes, digests, hex_digests, joined_digests
from danlu.text.languages import told_languages
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import read_json, write_json
from danlu.workspace.run import Run

READ_ROWS = 5000
OneOrEach: TypeAlias = "str | pa.StringArray"  # for all documents, or for each
_READ: pa.Schema = pa.schema([*DOCUMENTS, pa.field("order", pa.uint64()), pa.field("bytes", pa.int64())])


@dataclass
class _Tally:
    """What was written of a source to `documents/` or to `holdout/`."""

    documents: int = 0
    bytes: int = 0
    languages: Counter[str] = field(default_factory=Counter)


def collect(datasets: dict[str, Artifact], *, config: CollectConfig, run: Run) -> None:
    """Write `documents/`, `holdout/`, `quarantine.jsonl` and `card.json`."""
    planned = plan_units(config, run.base, datasets)
    read = read_units(run, "danlu.collect.stage:read_source", planned, "collect.progress.documents")
    units, facts = [unit for unit, _, _ in read], [fact for _, fact, _ in read]
    quarantine = total_of(facts)
    require_some(sum(fact["rows"] for fact in facts), "collect.sources", sum(len(unit.files) for unit in units), quarantine)
    names = [unit.name for unit in units]
    held = _choose(names, config, run)
    if config.holdout.bytes and not held.any():
        run.progress.warn("collect.progress.no-holdout")
    tallies = {part: _write(names, held if part == "holdout" else ~held, part, run) for part in ("documents", "holdout")}
    write_quarantine(run, units)
    by_source = _quarantined_by_source(read)
    entries = [
        _entry(about, tallies["documents"].get(about["name"]), tallies["holdout"].get(about["name"]), by_source[about["name"]])
        for about in _about_sources(config, datasets)
    ]
    gone = forgotten_of(facts)
    card = {**_card(entries, quarantine), **gone}
    write_json(run.output / "card.json", card)
    run.counts.update(documents=card["documents"], bytes=card["bytes"], quarantined=sum(quarantine.values()))
    run.counts.update(holdout_documents=card["holdout"]["documents"], **gone)


def read_source(run: Run, unit: Unit) -> dict[str, Any]:
    """The unit of work: some files, or the training texts of a dataset, as scratch documents; returns the unit's fact."""
    config = unit.config
    if isinstance(config, DatasetSource):
        return _read_dataset(run, unit)
    declared = None if isinstance(config, PythonDocsSource) else config.language
    licence = source_licence(config)

    def to_table(batch: Batch) -> pa.Table:
        return _documents(batch, unit.source, declared or told_languages(batch.texts), licence)

    def to_tables(found: Iterator[Found[Record | Columns]]) -> Iterator[pa.Table]:
        return in_order(to_table, in_batches(found), run.threads)

    files = ((file, read_documents_of(config, file, run.base)) for file in unit.files)
    return read_unit(run, unit.name, files, to_tables, _READ)


def _read_dataset(run: Run, unit: Unit) -> dict[str, Any]:
    """The training texts of a dataset as scratch documents: each text once, also those beyond the limit of labelled rows.

    The limit is on labels that a model learns from; a text needs no label to be read.
    """
    target = empty_scratch(run, unit.name)
    (target / "quarantine.jsonl").touch()
    path = unit.files[0].path
    facts = read_json(path.with_name("facts.json"))
    licences = {about["name"]: about["licence"] for about in facts["sources"]}
    shares = SplitConfig.model_validate(facts["split"])
    kept = kept_documents(run)
    gone = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal gone
        for batch in read_rows(path, ("id", "digest", "text", "language", "source", "dropped")):
            run.check()
            rows = [
                row
                for row in batch.to_pylist()
                if row["dropped"] in ("", "limit") and split_of(row["digest"], shares) == "train"
            ]
            table = _of_rows(rows, unit.source, licences)
            left = kept(table)
            gone += table.num_rows - left.num_rows
            yield left

    return {"rows": write_tables(target, tables(), schema=_READ, compression="lz4"), "quarantine": {}, "forgotten": gone}


def _of_rows(rows: Sequence[Mapping[str, str]], dataset: str, licences: Mapping[str, str]) -> pa.Table:
    """Rows of a dataset as documents."""
    sources = [f"{dataset}/{row['source']}" for row in rows]
    meta = [json.dumps({"dataset": dataset, "row": row["id"]}, ensure_ascii=False, sort_keys=True) for row in rows]
    files, ordinals, nothing = [row["id"] for row in rows], ["0"] * len(rows), [""] * len(rows)
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    batch = Batch(_strings(files), _strings(ordinals), texts, _strings(nothing), _strings(nothing), _strings(meta))
    languages, kinds = [row["language"] for row in rows], [licences[row["source"]] for row in rows]
    return _documents(batch, _strings(sources), _strings(languages), _strings(kinds))


def _strings(values: Sequence[str]) -> pa.StringArray:
    return pa.array(values, pa.string())


def _documents(batch: Batch, source: OneOrEach, language: OneOrEach, licence: OneOrEach) -> pa.Table:
    """Scratch rows: the batch, what is known of its documents, and what is computed from the text.

    `order` decides whether the document is held out; it follows from its canonical text alone.
    """
    size = len(batch.texts)
    source, language, licence = (
        pa.repeat(pa.scalar(one), size) if isinstance(one, str) else one for one in (source, language, licence)
    )
    data, offsets = text_buffers(batch.texts)
    canonical = pc.binary_join_element_wise("holdout", hex_digests(canonical_hashes(data, offsets)), ":")
    columns = {
        "id": joined_digests(source, batch.files, batch.ordinals),
        "digest": hex_digests(digests(data, offsets)),
        "text": batch.texts,
        "source": source,
        "url": batch.urls,
        "licence": licence,
        "language": language,
        "created": batch.created,
        "protected": np.zeros(size, bool),
        "meta": batch.meta,
        "order": digests(*text_buffers(canonical))[:, 0].byteswap(),
        "bytes": np.diff(offsets),
    }
    return pa.table(columns, schema=_READ)


def _choose(names: Sequence[str], config: CollectConfig, run: Run) -> NDArray[np.bool_]:
    """Mask over all scratch documents, in order, of those held out."""
    numbers: dict[str, int] = {}
    sources: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
    order: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
    sizes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for name in names:
        for batch in read_documents(scratch_of(run, name), ["source", "order", "bytes"], batch_rows=65_536):
            of_batch = [numbers.setdefault(source, len(numbers)) for source in batch.column("source").to_pylist()]
            sources.append(np.array(of_batch, np.uint32))
            order.append(batch.column("order").to_numpy(zero_copy_only=False))
            sizes.append(batch.column("bytes").to_numpy(zero_copy_only=False))
    return choose_holdout(np.concatenate(sources), np.concatenate(order), np.concatenate(sizes), config.holdout.bytes)


def _write(names: Sequence[str], wanted: NDArray[np.bool_], part: str, run: Run) -> dict[str, _Tally]:
    """Write the wanted documents to a directory of the payload, anew; what was written of each source."""
    target = run.output / part
    shutil.rmtree(target, ignore_errors=True)
    tallies: dict[str, _Tally] = {}

    def tables() -> Iterator[pa.Table]:
        done = 0
        with run.progress.task(f"collect.progress.{part}-written", int(wanted.sum()), "documents") as task:
            for name in names:
                for batch in read_documents(scratch_of(run, name), batch_rows=READ_ROWS):
                    run.check()
                    mask = wanted[done : done + batch.num_rows]
                    done += batch.num_rows
                    if not mask.any():
                        continue
                    table = pa.table(batch.filter(pa.array(mask)))
                    _count(tallies, table)
                    yield table.select(DOCUMENTS.names)
                    task.advance(int(mask.sum()))

    write_tables(target, tables())
    return tallies


def _count(tallies: dict[str, _Tally], table: pa.Table) -> None:
    of_kind = table.group_by(["source", "language"], use_threads=False).aggregate([("bytes", "sum"), ("bytes", "count")])
    for row in of_kind.to_pylist():
        tally = tallies.setdefault(row["source"], _Tally())
        tally.documents += row["bytes_count"]
        tally.bytes += row["bytes_sum"]
        tally.languages[row["language"]] += row["bytes_sum"]


def _about_sources(config: CollectConfig, datasets: Mapping[str, Artifact]) -> list[dict[str, str]]:
    """Name, type, licence, origin and version of every source; a dataset's own sources each stand for themselves."""
    found = []
    for name, source in zip(source_names(config.sources), config.sources, strict=True):
        if isinstance(source, DatasetSource):
            for about in read_json(datasets[source.dataset] / "facts.json")["sources"]:
                known = {key: about[key] for key in ("licence", "origin", "version")}
                found.append({"name": f"{name}/{about['name']}", "type": source.type, **known})
        else:
            known = {"licence": source_licence(source), "origin": source.origin, "version": source_version(source)}
            found.append({"name": name, "type": source.type, **known})
    return found


def _quarantined_by_source(read: Sequence[Read]) -> Counter[str]:
    found: Counter[str] = Counter()
    for unit, fact, _ in read:
        found[unit.source] += sum(fact["quarantine"].values())
    return found


def _entry(about: Mapping[str, str], kept: _Tally | None, held: _Tally | None, quarantined: int) -> dict[str, Any]:
    kept, held = kept or _Tally(), held or _Tally()
    return {
        **about,
        "documents": kept.documents,
        "bytes": kept.bytes,
        "languages": dict(kept.languages),
        "quarantined": quarantined,
        "holdout_documents": held.documents,
        "holdout_bytes": held.bytes,
    }


def _card(entries: Sequence[Mapping[str, Any]], quarantine: Mapping[str, int]) -> dict[str, Any]:
    """The data card: what each source gave to the documents and to the held-out ones, and the sums."""
    languages: Counter[str] = Counter()
    for entry in entries:
        languages.update(entry["languages"])
    return {
        "sources": list(entries),
        "documents": sum(entry["documents"] for entry in entries),
        "bytes": sum(entry["bytes"] for entry in entries),
        "languages": dict(sorted(languages.items())),
        "holdout": {
            "documents": sum(entry["holdout_documents"] for entry in entries),
            "bytes": sum(entry["holdout_bytes"] for entry in entries),
        },
        "quarantine": dict(quarantine),
    }
