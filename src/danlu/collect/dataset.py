"""The stage `dataset`: labelled sources to rows with their split, repeats and contradictions found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from danlu.collect.forgotten import forgotten_of
from danlu.collect.locate import TextSource, source_licence, source_version
from danlu.collect.read import format_of, has_columns, read_rows_of
from danlu.collect.records import Found, Record, batches
from danlu.collect.splits import SPLITS, Decision, Rows, conflicts, decide, repeats_by_size
from danlu.collect.units import (
    Unit,
    plan_units,
    read_unit,
    read_units,
    require_some,
    scratch_of,
    total_of,
    write_quarantine,
)
from danlu.documents.rows import ROWS
from danlu.documents.schema import document_id
from danlu.documents.store import read_documents, write_rows
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.source_name import source_names
from danlu.recipe.sources import CustomSource, DatasetSource, PackageSource, PythonDocsSource
from danlu.text.buffers import text_buffers
from danlu.text.forms import canonical_hashes, digests, hex_digests
from danlu.text.language import script_language
from danlu.text.personal.find import hidden_beginning
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

MOST_MODULES = 12  # classes of python-docs: the modules with most docstrings
_EXAMPLES = 5  # a language
_EXAMPLE_CHARACTERS = 300

_READ: pa.Schema = pa.schema(
    [(name, pa.large_string() if name == "text" else pa.string()) for name in (*ROWS.names[:6], "exact")]
)


def build_dataset(*, config: DatasetConfig, run: Run) -> None:
    """Write `rows.parquet`, `facts.json` and `quarantine.jsonl` of a dataset."""
    planned = plan_units(config, run.base)
    for unit in planned:
        _require_labels(unit, f"datasets.{run.name}")
    read = read_units(run, "danlu.collect.dataset:read_labelled", planned, "collect.progress.rows")
    units, read_facts = [unit for unit, _, _ in read], [fact for _, fact, _ in read]
    quarantine = total_of(read_facts)
    require_some(sum(fact["rows"] for fact in read_facts), f"datasets.{run.name}", _file_count(units), quarantine)
    left_out = _modules_left_out(units, run)
    columns = _columns(units, left_out, run)
    rows = Rows(*(columns[name] for name in ("digest", "exact", "label", "language")))
    decision = decide(rows, config)
    require_some(decision.dropped.count(""), f"datasets.{run.name}", _file_count(units), Counter(decision.dropped))
    texts = _write(units, left_out, decision, rows, run)
    write_quarantine(run, units)
    facts = {
        "name": run.name,
        "sources": _source_facts(config, columns, left_out),
        **_row_facts(rows, decision),
        "split": config.split.model_dump(mode="json"),
        "quarantine": quarantine,
        "examples": _examples(rows, texts),
        **forgotten_of(read_facts),
    }
    write_json(run.output / "facts.json", facts)
    run.counts.update({"rows": facts["rows"], "repeats": facts["repeats"], "conflicts": facts["conflicts"]})
    run.counts.update({"kept": facts["kept"], "quarantined": sum(quarantine.values())})
    run.counts.update(forgotten_of(read_facts))


def read_labelled(run: Run, unit: Unit) -> dict[str, Any]:
    """The unit of work: some files as scratch rows; returns the unit's fact."""
    config = _text_source(unit)
    files = ((file, read_rows_of(config, file, run.base)) for file in unit.files)
    make = _table_maker(unit.source, config)
    return read_unit(run, unit.name, files, lambda found: map(make, batches(found)), _READ)


def _text_source(unit: Unit) -> TextSource:
    """The source of a unit of a dataset, which is made of no other dataset."""
    assert not isinstance(unit.config, DatasetSource)
    return unit.config


def _table_maker(source: str, config: TextSource) -> Callable[[Sequence[Found[Record]]], pa.Table]:
    declared = None if isinstance(config, PythonDocsSource) else config.language
    names = config.label_names if isinstance(config, PackageSource) else {}

    def make(found: Sequence[Found[Record]]) -> pa.Table:
        texts = pa.array([record.text for _, record in found], pa.large_string())
        data, offsets = text_buffers(texts)
        labels = [record.label or "" for _, record in found]
        columns = {
            "id": [document_id(source, file.name, record.ordinal) for file, record in found],
            "digest": hex_digests(canonical_hashes(data, offsets)),
            "exact": hex_digests(digests(data, offsets)),
            "text": texts,
            "label": [names.get(label, label) for label in labels],
            "language": [declared or script_language(record.text) for _, record in found],
            "source": [source] * len(found),
        }
        return pa.table([columns[field.name] for field in _READ], schema=_READ)

    return make


def _require_labels(unit: Unit, where: str) -> None:
    """DanluError if a source of a dataset does not say where its labels are."""
    config = _text_source(unit)
    if isinstance(config, PythonDocsSource | CustomSource):
        return
    for file in unit.files:
        in_column = config.label is not None and has_columns(format_of(config, file))
        if file.label is None and not in_column:
            raise DanluError("collect.label-missing", where=f"{where}: {file.name}", format=format_of(config, file))


def _modules_left_out(units: Sequence[Unit], run: Run) -> dict[str, frozenset[str]]:
    """For each python-docs source, the modules that are no class because others have more docstrings."""
    counts: dict[str, Counter[str]] = {}
    for unit in units:
        if isinstance(unit.config, PythonDocsSource):
            of_source = counts.setdefault(unit.source, Counter())
            for batch in read_documents(scratch_of(run, unit.name), ["label"]):
                of_source.update(batch.column("label").to_pylist())
    left_out = {}
    for name, found in counts.items():
        ordered = sorted(found, key=lambda label: (-found[label], label))
        left_out[name] = frozenset(ordered[MOST_MODULES:])
        if left_out[name]:
            run.progress.say("collect.progress.modules", kept=", ".join(ordered[:MOST_MODULES]), left_out=len(left_out[name]))
    return left_out


def _scratch_rows(
    units: Sequence[Unit], left_out: Mapping[str, frozenset[str]], run: Run, columns: Sequence[str]
) -> Iterator[dict[str, str]]:
    """All rows that were read, in source order, less those of classes left out. `columns` must hold label and source."""
    for unit in units:
        unwanted = left_out.get(unit.source, frozenset())
        for batch in read_documents(scratch_of(run, unit.name), columns):
            yield from (row for row in batch.to_pylist() if row["label"] not in unwanted)


def _columns(units: Sequence[Unit], left_out: Mapping[str, frozenset[str]], run: Run) -> dict[str, list[str]]:
    """The columns that decisions are made of, for all rows; the texts stay on disk."""
    names = ("digest", "exact", "label", "language", "source")
    found: dict[str, list[str]] = {name: [] for name in names}
    for row in _scratch_rows(units, left_out, run, names):
        for name in names:
            found[name].append(row[name])
    return found


def _write(
    units: Sequence[Unit], left_out: Mapping[str, frozenset[str]], decision: Decision, rows: Rows, run: Run
) -> dict[str, str]:
    """Write `rows.parquet`; returns the first text of each digest that the examples show."""
    shown = {text for text, _, _ in (*_most_repeated(rows), *_most_contradicted(rows))}
    texts: dict[str, str] = {}

    def complete() -> Iterator[dict[str, str]]:
        read = _scratch_rows(units, left_out, run, ROWS.names[:6])
        for number, (row, split, dropped) in enumerate(zip(read, decision.split, decision.dropped, strict=True)):
            if number % 1024 == 0:
                run.check()
            if row["digest"] in shown:
                texts.setdefault(row["digest"], row["text"])
            yield {**row, "split": split, "dropped": dropped}

    write_rows(run.output / "rows.parquet", complete(), ROWS)
    return texts


def _source_facts(
    config: DatasetConfig, columns: Mapping[str, list[str]], left_out: Mapping[str, frozenset[str]]
) -> list[dict[str, Any]]:
    """What the data card says of each source."""
    languages: dict[str, Counter[str]] = {}
    for of_row, language in zip(columns["source"], columns["language"], strict=True):
        languages.setdefault(of_row, Counter())[language] += 1
    facts = []
    for name, source in zip(source_names(config.sources), config.sources, strict=True):
        found = languages.get(name, Counter())
        entry = {"name": name, "type": source.type, **_provenance(source), "rows": found.total(), "languages": dict(found)}
        if name in left_out:
            entry["modules_left_out"] = len(left_out[name])
        facts.append(entry)
    return facts


def _provenance(source: TextSource) -> dict[str, str]:
    return {"licence": source_licence(source), "origin": source.origin, "version": source_version(source)}


def _row_facts(rows: Rows, decision: Decision) -> dict[str, Any]:
    """Counts of rows, distinct texts, repeats and contradictions, overall and by language.

    `repeats` are the rows less the distinct texts; `conflicts` are distinct texts with two labels or more, by canonical
    text, and `conflicts_exact` the same by exact text.
    """
    used = [index for index, reason in enumerate(decision.dropped) if not reason]
    by_language = {}
    for language in sorted(set(rows.languages)):
        members = [index for index, tongue in enumerate(rows.languages) if tongue == language]
        splits = Counter(decision.split[index] for index in members if not decision.dropped[index])
        by_language[language] = {**_text_facts(rows, decision, members), **{name: splits[name] for name in SPLITS}}
    splits = Counter(decision.split[index] for index in used)
    return {
        **_text_facts(rows, decision, range(len(rows.labels))),
        "conflicts_exact": len(conflicts(rows.exact, rows.labels)),
        "conflict_rows": decision.dropped.count("conflict"),
        "dropped": {reason: decision.dropped.count(reason) for reason in ("repeat", "conflict", "limit", "empty")},
        "kept": len(used),
        "by_language": by_language,
        "labels": dict(sorted(Counter(rows.labels[index] for index in used).items())),
        "splits": {name: splits[name] for name in SPLITS},
    }


def _text_facts(rows: Rows, decision: Decision, members: Sequence[int]) -> dict[str, int]:
    texts = {rows.canonical[index] for index in members if decision.dropped[index] != "empty"}
    empty = sum(decision.dropped[index] == "empty" for index in members)
    contradicted = {rows.canonical[index] for index in members if decision.dropped[index] == "conflict"}
    return {
        "rows": len(members),
        "distinct": len(texts),
        "repeats": len(members) - empty - len(texts),
        "conflicts": len(contradicted),
    }


def _most_repeated(rows: Rows) -> list[tuple[str, Counter[str], str]]:
    return repeats_by_size(rows, lambda _: True, _EXAMPLES)


def _most_contradicted(rows: Rows) -> list[tuple[str, Counter[str], str]]:
    return repeats_by_size(rows, conflicts(rows.canonical, rows.labels).__contains__, _EXAMPLES)


def _examples(rows: Rows, texts: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The texts that are repeated most and those that contradict themselves most, for a person to see."""

    def shorten(text: str) -> str:
        return hidden_beginning(texts[text], _EXAMPLE_CHARACTERS)

    return {
        "repeats": [
            {"text": shorten(text), "count": labels.total(), "language": language}
            for text, labels, language in _most_repeated(rows)
        ],
        "conflicts": [
            {"text": shorten(text), "labels": dict(sorted(labels.items())), "language": language}
            for text, labels, language in _most_contradicted(rows)
        ],
    }


def _file_count(units: Sequence[Unit]) -> int:
    return sum(len(unit.files) for unit in units)
