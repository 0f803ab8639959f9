"""`clean.decide`: thresholds on scores, held-out texts taken out, repeats removed; every document has its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.evaluations import evaluation_items, name_of
from danlu.clean.grams import GramIndex, Item, find_overlaps, index_grams
from danlu.clean.learned import learned_rules
from danlu.clean.model_rules import LEARNED
from danlu.clean.overlap import NOTHING, HeldOut, find_items, index_items
from danlu.clean.own import FACTS, thresholds
from danlu.clean.parts import QUARANTINE, Part, each_part, parts_of, row_groups, set_aside, write_parquet
from danlu.clean.personal import treat
from danlu.clean.preset import RULES, family
from danlu.clean.repeats import HOLDOUT, Repeats
from danlu.clean.rules import document_rules, own_rules
from danlu.clean.summary import summarise
from danlu.clean.treatment import treatment
from danlu.clean.verdicts import HELDOUT, KEPT, LOST, NEAR, REPEAT, Verdicts, apply_rules, choose_examples
from danlu.compute.losses import Loss
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import text_buffers, word_hashes
from danlu.text.canonical import canonical
from danlu.text.forms import canonical_forms, digests, form_column, hex_digests
from danlu.text.personal.find import REASON, hidden_beginning
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json
from danlu.workspace.run import Run

SHOWN = 300  # characters of an example
LARGEST = 5  # groups of repeats whose text is shown

VERDICTS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),  # documents or holdout
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # empty if kept
        pa.field("value", pa.float32()),  # the score that failed; null where no threshold decided
        pa.field("threshold", pa.float32()),
        pa.field("twin", pa.string()),  # the document that stays in its place; null where it does not go for another
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),  # of the repaired text in UTF-8
    ]
)
HELDOUT_ROWS = 1000
ITEMS: pa.Schema = pa.schema(
    [
        pa.field("owner", pa.string(), nullable=False),
        pa.field("item", pa.large_string(), nullable=False),
        pa.field("answer", pa.large_string(), nullable=False),
    ]
)
SCAN: pa.Schema = pa.schema(
    [
        pa.field("form", pa.string(), nullable=False),
        pa.field("owner", pa.string(), nullable=False),
        pa.field("way", pa.string(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
    ]
)


class Columns(NamedTuple):
    """What is known of all documents but their texts, rows in the order of the parts."""

    ids: list[str]
    sources: list[str]
    languages: list[str]
    bytes: NDArray[np.int64]
    protected: NDArray[np.bool_]
    families: NDArray[np.str_]
    training: NDArray[np.bool_]  # False: held out
    rows: dict[Part, slice]


def decide(
    documents: Artifact,
    scores: Artifact,
    datasets: dict[str, Artifact],
    pairs: Artifact | None = None,
    *,
    config: CleanConfig,
    run: Run,
) -> None:
    """Judge the repaired documents and held-out documents; write those kept, `verdicts.parquet` and `facts.json`."""
    parts = parts_of(documents)
    own = thresholds(scores.path, own_rules(config))
    asked = [name for name, rule in LEARNED.items() if getattr(config, rule.section)]
    columns, measured, unscored = _read_scored(parts, scores, [*asked, *own])
    learned = learned_rules(config, measured, columns.families, columns.training & ~unscored)
    verdicts = apply_rules(measured, columns.families, document_rules(config) | learned | own)
    _drop_personal(documents, config, columns, verdicts)
    verdicts.reasons[columns.protected] = KEPT
    verdicts.values[columns.protected] = verdicts.thresholds[columns.protected] = np.nan
    verdicts.reasons[unscored] = LOST
    lost: dict[Part, Loss] = {}
    repeats = Repeats(columns, verdicts, config, pairs)

    guard = config.decontamination()
    wanted_share = guard.share if guard else 1.0
    ways = np.full(len(columns.ids), "", object)  # how a document holds a test text
    heldout = [part for part in parts if part.set == HOLDOUT]
    training = [part for part in parts if part.set != HOLDOUT]
    total = 2 * sum(part.bytes for part in parts)
    with run.progress.task("clean.progress.decide", total, "B") as bar, Crew(run) as crew:

        def scan(chosen: list[Part], index: Path | None) -> dict[Part, pa.Table]:
            def arguments(part: Part) -> tuple[Any, ...]:
                return verdicts.reasons[columns.rows[part]] == KEPT, index, wanted_share

            done, gone = each_part(crew, "danlu.clean.decide:scan_part", chosen, arguments, bar, "scan/")
            _drop_lost(gone, columns, verdicts)
            lost.update(gone)
            return {part: pq.read_table(_scan_path(part, run)) for part in done}

        # Held-out documents first: those that are kept are what the training text is searched for.
        repeats.drop(scan(heldout, None))
        index = run.scratch / "heldout.parquet" if guard else None
        if index is not None:
            run.once("heldout", partial(_write_held_out, index, datasets, heldout, columns, verdicts, config, run.base))
        try:
            scans = scan(training, index)
        finally:
            _index.cache_clear()
        for part, table in scans.items():
            owners = np.array(table["owner"].to_pylist(), object)
            leaked = (owners != "") & (verdicts.reasons[columns.rows[part]] == KEPT) & ~columns.protected[columns.rows[part]]
            verdicts.reasons[columns.rows[part]][leaked] = [f"{HELDOUT}:{owner}" for owner in owners[leaked].tolist()]
            found = np.array(table["way"].to_pylist(), object)
            ways[columns.rows[part]][leaked] = found[leaked]
            measured_shares = leaked & (found == "overlap")
            verdicts.values[columns.rows[part]][measured_shares] = table["share"].to_numpy()[measured_shares]
            verdicts.thresholds[columns.rows[part]][measured_shares] = wanted_share
        # Which of equal documents stays depends on all of them together: this is done here, of their forms alone.
        repeats.drop(scans)

        examples = choose_examples(
            _only(verdicts, columns.training & (verdicts.reasons != LOST)), columns.families, columns.ids
        )
        groups = repeats.groups(REPEAT)
        largest = sorted(groups, key=lambda rows: (-len(rows), columns.ids[rows[0]]))[:LARGEST]
        shown = {row for rows in examples.values() for row in rows}
        wanted = sorted(shown | repeats.twins_of(shown) | {rows[0] for rows in largest})

        def to_write(part: Part) -> tuple[Any, ...]:
            span = columns.rows[part]
            kept = (verdicts.reasons[span] == KEPT).astype(bool)
            return kept, [row - span.start for row in wanted if span.start <= row < span.stop]

        left = [part for part in parts if part not in lost and not unscored[columns.rows[part]].any()]
        written, unwritten = each_part(crew, "danlu.clean.decide:write_part", left, to_write, bar, "write/")
        _drop_lost(unwritten, columns, verdicts)
        lost.update(unwritten)
        texts = {columns.rows[part].start + int(row): text for part, fact in written.items() for row, text in fact.items()}
        examples = {reason: [row for row in rows if row in texts] for reason, rows in examples.items()}
        largest = [rows for rows in largest if rows[0] in texts]

    write_parquet(run.output / "verdicts.parquet", [_verdict_table(columns, verdicts, repeats)], VERDICTS)
    kept = verdicts.reasons == KEPT
    names = [*sorted(datasets), *(name_of(file) for file in (guard.files if guard else ()))]
    facts = summarise(columns, verdicts, examples, [(rows[0], len(rows)) for rows in largest], texts, names, ways)
    facts["rules"] = {name: rule._asdict() for name, rule in (document_rules(config) | learned | own).items()}
    if own:  # the words for their reasons, for the page of the run
        facts[FACTS] = read_json(scores / "facts.json")[FACTS]
    facts["repeats"] = {"groups": len(groups), **facts["repeats"]}
    facts["near"] = {"groups": len(repeats.groups(NEAR)), "pairs": repeats.examples(examples.get(NEAR, []), texts)}
    facts |= set_aside(run, lost, {part: int((verdicts.reasons[columns.rows[part]] == LOST).sum()) for part in lost})
    write_json(run.output / "facts.json", facts)
    run.counts.update({"documents": int(columns.training.sum()), "kept": int((kept & columns.training).sum())})
    if unscored.any():
        run.counts["quarantined"] += int(unscored.sum())
    if not (kept & columns.training).any():
        reasons = facts["reasons"]
        reason = max(reasons, key=lambda name: (reasons[name]["documents"], name), default="")
        raise DanluError(
            "clean.nothing-left",
            where=run.stage,
            documents=int(columns.training.sum()),
            reason=reason,
            count=reasons[reason]["documents"] if reason else 0,
            rule=reason if reason in RULES or reason in own or reason in learned else "NAME",
        )


def _read_scored(
    parts: Sequence[Part], scores: Artifact, own: Iterable[str]
) -> tuple[Columns, dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """The columns, the scores float64[documents] by name, and which documents have none, since their part was set aside."""
    columns = _read_columns(parts)
    unscored = np.zeros(len(columns.ids), bool)
    set_aside_before = read_json(scores / "facts.json").get(QUARANTINE, {})
    for part, span in columns.rows.items():
        unscored[span] = part.unit in set_aside_before
    names = ["characters", "words", "lines", "bytes", *RULES, *own]
    table = pq.read_table(scores / "scores.parquet", columns=names)
    measured = {name: np.zeros(len(unscored)) for name in names}
    for name, values in measured.items():
        values[~unscored] = table[name].to_numpy()
    return columns._replace(bytes=measured["bytes"].astype(np.int64)), measured, unscored


def _drop_personal(documents: Artifact, config: CleanConfig, columns: Columns, verdicts: Verdicts) -> None:
    """Documents with personal data of a kind that the recipe drops go, with the first such kind in the order of `KINDS`."""
    dropped = [kind for kind, action in config.pii.actions(config.preset).items() if action == "drop"]
    if not dropped:
        return
    table = pq.read_table(documents / "personal.parquet", columns=["id", "kind"])
    rows = {identity: row for row, identity in enumerate(columns.ids)}
    kinds: dict[int, int] = {}
    for identity, kind in zip(table["id"].to_pylist(), table["kind"].to_pylist(), strict=True):
        if kind in dropped:
            row = rows[identity]
            kinds[row] = min(kinds.get(row, len(dropped)), dropped.index(kind))
    for row, index in kinds.items():
        if verdicts.reasons[row] == KEPT:
            verdicts.reasons[row] = REASON + dropped[index]


def _drop_lost(lost: Iterable[Part], columns: Columns, verdicts: Verdicts) -> None:
    """What is kept of a part that was set aside goes with it."""
    for part in lost:
        reasons = verdicts.reasons[columns.rows[part]]
        reasons[reasons == KEPT] = LOST


def _read_columns(parts: Sequence[Part]) -> Columns:
    """All columns but `bytes`, which the scores know."""
    names = ["id", "source", "language", "protected"]
    schema = pa.schema([DOCUMENTS.field(name) for name in names])
    tables = [schema.empty_table()]
    rows: dict[Part, slice] = {}
    start = 0
    for part in parts:
        tables.append(pq.read_table(part.path, columns=names).cast(schema))
        rows[part] = slice(start, start + tables[-1].num_rows)
        start += tables[-1].num_rows
    table = pa.concat_tables(tables)
    training = np.zeros(start, bool)
    for part, span in rows.items():
        training[span] = part.set != HOLDOUT
    languages = table["language"].to_pylist()
    return Columns(
        table["id"].to_pylist(),
        table["source"].to_pylist(),
        languages,
        np.zeros(start, np.int64),
        table["protected"].to_numpy(),
        np.array([family(language) for language in languages], dtype=np.str_),
        training,
        rows,
    )


def _write_held_out(
    path: Path,
    datasets: dict[str, Artifact],
    heldout: Sequence[Part],
    columns: Columns,
    verdicts: Verdicts,
    config: CleanConfig,
    base: Path,
) -> None:
    """Write the texts that training text is searched for, with whose they are and their answers, where workers find them.

    Validation and test texts of every dataset and those of evaluation files, as they are and as repair leaves them, and the
    held-out documents kept.
    """
    how, actions = treatment(config), config.pii.actions(config.preset)

    def given() -> Iterator[tuple[str, str, str]]:
        for name in sorted(datasets):
            for table in row_groups(datasets[name] / "rows.parquet", ["text", "split"]):
                held = table.filter(pc.is_in(table["split"], pa.array(["validation", "test"])))["text"]
                yield from ((name, text, "") for text in held.to_pylist())
        guard = config.decontamination()
        for file in guard.files if guard else ():
            yield from ((name_of(file), text, answer) for text, answer in evaluation_items(file, base))

    def items() -> Iterator[tuple[str, str, str]]:
        every = given()
        while some := list(islice(every, HELDOUT_ROWS)):
            repairs, _ = treat(how.treat([text for _, text, _ in some]), actions)
            for (name, text, answer), repaired in zip(some, repairs, strict=True):
                yield name, text, answer
                if repaired.edits:
                    yield name, repaired.text, answer
        for part in heldout:
            row = columns.rows[part].start
            for table in row_groups(part.path, ["text"]):
                for text in table["text"].to_pylist():
                    if verdicts.reasons[row] == KEPT:
                        yield HOLDOUT, text, ""
                    row += 1

    def tables() -> Iterator[pa.Table]:
        found = items()
        while batch := list(islice(found, HELDOUT_ROWS)):
            yield pa.table([list(column) for column in zip(*batch, strict=True)], schema=ITEMS)

    write_parquet(path, tables(), ITEMS)


@lru_cache(maxsize=1)
def _index(path: Path | None) -> tuple[HeldOut, GramIndex]:
    """What was written at `path`, ready to be looked for: made once in each process, for all the parts that it scans."""
    items = [
        Item(*row) for table in (row_groups(path) if path else ()) for row in zip(*table.to_pydict().values(), strict=True)
    ]
    return index_items((item.owner, canonical(item.text)) for item in items), index_grams(items)


def scan_part(run: Run, part: Part, passing: NDArray[np.bool_], index: Path | None, share: float) -> None:
    """The unit of work before verdicts: the form of each document (what repeats share) and the held-out item that it holds, in
    scratch. `share` of an item's runs of words is enough.

    Documents that a rule dropped are not looked at. A text without letters has no canonical form: its own digest, inverted, is
    its form.
    """

    def tables() -> Iterator[pa.Table]:
        row = 0
        held, grams = _index(index)
        for table in row_groups(part.path, ["text"]):
            run.check()
            run.bar.advance(table.nbytes)
            texts = pc.if_else(pa.array(passing[row : row + table.num_rows]), table["text"], "")
            row += table.num_rows
            data, offsets = text_buffers(texts)
            forms, ends = canonical_forms(data, offsets)
            keys = digests(forms, ends)
            wordless = ends[1:] == ends[:-1]
            keys[wordless] = ~digests(data, offsets)[wordless]  # a form of its own, which no text with letters has
            found = [NOTHING] * len(texts)
            if held.owners:
                found = find_items(held, texts.to_pylist(), form_column(forms, ends).to_pylist())
                for document, overlap in find_overlaps(grams, *word_hashes(data, offsets), share).items():
                    if found[document] is NOTHING:
                        found[document] = overlap
            columns = zip(*found, strict=True) if found else ((), (), ())
            yield pa.table([hex_digests(keys), *(list(column) for column in columns)], schema=SCAN)

    write_parquet(_scan_path(part, run), tables(), SCAN)


def _scan_path(part: Part, run: Run) -> Path:
    return run.scratch / f"scan-{part.set}-{part.path.name}"


def write_part(run: Run, part: Part, kept: NDArray[np.bool_], wanted: Sequence[int]) -> dict[str, str]:
    """The unit of work after verdicts: write the documents of a part that are `kept`, bool[documents of the part].

    Returns the beginnings of the texts of the `wanted` rows.
    """
    texts: dict[str, str] = {}

    def tables() -> Iterator[pa.Table]:
        row = 0
        for table in row_groups(part.path):
            run.check()
            run.bar.advance(table.nbytes)
            end = row + table.num_rows
            for index in wanted:
                if row <= index < end:
                    texts[str(index)] = hidden_beginning(str(table["text"][index - row]), SHOWN)
            yield table.filter(pa.array(kept[row:end]))
            row = end

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    return texts


def _only(verdicts: Verdicts, rows: NDArray[np.bool_]) -> Verdicts:
    """The verdicts of these rows; of the others as if kept."""
    return verdicts._replace(reasons=np.where(rows, verdicts.reasons, KEPT))


def _verdict_table(columns: Columns, verdicts: Verdicts, repeats: Repeats) -> pa.Table:
    def nullable(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(values.astype(np.float32), mask=np.isnan(values))

    return pa.table(
        [
            columns.ids,
            np.where(columns.training, "documents", HOLDOUT).tolist(),
            pa.array((verdicts.reasons == KEPT).astype(bool)),
            verdicts.reasons.tolist(),
            nullable(verdicts.values),
            nullable(verdicts.thresholds),
            repeats.twin_ids(),
            columns.sources,
            columns.languages,
            columns.bytes,
        ],
        schema=VERDICTS,
    )
