"""`clean.decide`: thresholds on scores, held-out texts taken out, repeats removed; every document has its verdict.

All of it is arithmetic on columns that earlier stages wrote; texts are read only to be copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.cuts import NO_CUTS, Cuts, choose_cuts
from danlu.clean.learned import learned_rules
from danlu.clean.model_rules import LEARNED, UNSHOWN
from danlu.clean.overlap import OVERLAP, WAYS
from danlu.clean.own import FACTS, thresholds
from danlu.clean.parts import QUARANTINE, Part, each_part, parts_of, row_groups, scratch_of, set_aside, write_parquet
from danlu.clean.preset import RULES, family
from danlu.clean.repeats import HOLDOUT, Repeats
from danlu.clean.rules import document_rules, own_rules
from danlu.clean.summary import summarise
from danlu.clean.units import read_units
from danlu.clean.verdicts import HELDOUT, KEPT, LOST, NEAR, REPEAT, UNIT, Fails, Verdicts, apply_rules, choose_examples
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import read_only, text_buffers
from danlu.text.forms import digests, form_column, hex_digests
from danlu.text.kernels.cuts import cut_spans
from danlu.text.personal.find import REASON, hidden_beginning
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_atomic, write_json
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
        # Every rule that it fails and test set that it holds, in the order in which they decide; also if it is protected.
        pa.field("fails", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
    ]
)
CUT_EDITS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # characters of the repaired text
        pa.field("end", pa.int32(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),  # of what stands there now: 0
        pa.field("twin", pa.string(), nullable=False),  # the document in which the same stays
    ]
)


class Columns(NamedTuple):
    """What is known of all documents but their texts, rows in the order of the parts."""

    ids: pa.StringArray
    sources: pa.ChunkedArray
    languages: pa.ChunkedArray
    bytes: NDArray[np.int64]
    protected: NDArray[np.bool_]
    families: NDArray[np.str_]
    training: NDArray[np.bool_]  # False: held out
    rows: dict[Part, slice]


def decide(
    documents: Artifact,
    scores: Artifact,
    search: Artifact,
    pairs: Artifact | None = None,
    units: Artifact | None = None,
    *,
    config: CleanConfig,
    run: Run,
) -> None:
    """Judge the repaired documents and held-out documents; write those kept, `verdicts.parquet` and `facts.json`; where lines
    or paragraphs go too, `edits.parquet`."""
    parts = parts_of(documents)
    own = thresholds(scores.path, own_rules(config))
    asked = [name for name, rule in LEARNED.items() if getattr(config, rule.section)]
    columns, measured, unscored = _read_scored(parts, scores, [*asked, *own])
    learned = learned_rules(config, measured, columns.families, columns.training & ~unscored)
    rules = document_rules(config) | learned | own
    verdicts, fails = apply_rules(measured, columns.families, rules)
    _drop_personal(documents, config, columns, verdicts, fails)
    verdicts.reasons[columns.protected] = KEPT
    verdicts.values[columns.protected] = verdicts.thresholds[columns.protected] = np.nan
    unscored |= _set_aside_before(search, columns)
    verdicts.reasons[unscored] = LOST
    repeats = Repeats(columns, verdicts, config, pairs, _read_forms(search, columns))

    # Held-out documents first: those that are kept are what training text must not hold.
    repeats.drop(~columns.training)
    ways = _drop_leaks(search, config, columns, verdicts, repeats.forms, fails)
    # Which of equal documents stays depends on all of them together.
    repeats.drop(columns.training)
    cuts = _choose_cuts(units, config, columns, verdicts, fails)

    shows = columns.training & ~np.isin(verdicts.reasons.astype(str), (LOST, *UNSHOWN))
    examples = choose_examples(_only(verdicts, shows), columns.families, columns.ids)
    groups = repeats.groups(REPEAT)
    largest = sorted(groups, key=lambda rows: (-len(rows), columns.ids[rows[0]].as_py()))[:LARGEST]
    shown = {row for rows in examples.values() for row in rows}
    wanted = sorted(shown | repeats.twins_of(shown) | {rows[0] for rows in largest})

    def to_write(part: Part) -> tuple[Any, ...]:
        span = columns.rows[part]
        kept = (verdicts.reasons[span] == KEPT).astype(bool)
        return kept, [row - span.start for row in wanted if span.start <= row < span.stop], cuts.of(span.start, span.stop)

    left = [part for part in parts if not unscored[columns.rows[part]].any()]
    with run.progress.task("clean.progress.decide", sum(part.bytes for part in left), "B") as bar, Crew(run) as crew:
        written, lost = each_part(crew, "danlu.clean.decide:write_part", left, to_write, bar, "write/", run.threads)
    _drop_lost(lost, columns, verdicts)
    texts = {columns.rows[part].start + int(row): text for part, fact in written.items() for row, text in fact.items()}
    examples = {reason: [row for row in rows if row in texts] for reason, rows in examples.items()}
    largest = [rows for rows in largest if rows[0] in texts]

    for reason in (REPEAT, NEAR):
        fails.add(reason, verdicts.reasons == reason)
    if units is not None:
        _write_edits(run, written, cuts, columns, UNIT + config.dedup.unit)
    write_parquet(run.output / "verdicts.parquet", [_verdict_table(columns, verdicts, repeats, fails)], VERDICTS)
    kept = verdicts.reasons == KEPT
    owners = read_json(search / "facts.json")["owners"]
    facts = summarise(columns, verdicts, examples, [(rows[0], len(rows)) for rows in largest], texts, owners, ways)
    facts["rules"] = {name: rule._asdict() for name, rule in rules.items()}
    if units is not None:
        facts["units"] = _cut_facts(cuts, config)
        facts["bytes"]["kept"] -= facts["units"]["bytes"]
    facts["fails"] = fails.counts(columns.training)
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
    unscored = _set_aside_before(scores, columns)
    names = ["characters", "words", "lines", "bytes", *RULES, *own]
    table = pq.read_table(scores / "scores.parquet", columns=names)
    measured = {name: table[name].to_numpy() for name in names}
    if unscored.any():
        for name, values in measured.items():
            measured[name] = np.zeros(len(unscored), values.dtype)
            measured[name][~unscored] = values
    return columns._replace(bytes=measured["bytes"].astype(np.int64)), measured, unscored


def _set_aside_before(made: Artifact, columns: Columns) -> NDArray[np.bool_]:
    """Which documents an earlier stage knows nothing of, bool[documents], since it set their part aside."""
    missing = np.zeros(len(columns.ids), bool)
    lost = read_json(made / "facts.json").get(QUARANTINE, {})
    for part, span in columns.rows.items():
        missing[span] = part.unit in lost
    return missing


def _read_forms(search: Artifact, columns: Columns) -> NDArray[np.int64]:
    """Of each document the least row that has the same form; -1 where its form is not known."""
    known = np.flatnonzero(~_set_aside_before(search, columns))
    table = pq.read_table(search / "forms.parquet", columns=["form_high", "form_low"])
    high, low = table["form_high"].to_numpy(), table["form_low"].to_numpy()
    order = np.lexsort((low, high))  # stable: rows ascend among equals
    new = np.ones(len(order), bool)
    new[1:] = (high[order[1:]] != high[order[:-1]]) | (low[order[1:]] != low[order[:-1]])
    starts = np.flatnonzero(new)
    forms = np.full(len(columns.ids), -1)
    forms[known[order]] = np.repeat(known[order[starts]], np.diff(np.append(starts, len(order))))
    return forms


def _drop_leaks(
    search: Artifact,
    config: CleanConfig,
    columns: Columns,
    verdicts: Verdicts,
    forms: NDArray[np.int64],
    fails: Fails,
) -> NDArray[np.object_]:
    """Documents that hold a text which models are tested on go; how each holds it, "" for the others, object[documents].

    The text of a held-out document counts as long as one of its form is kept.
    """
    ways = np.full(len(columns.ids), "", object)
    guard = config.decontamination()
    if guard is None:
        return ways
    table = pq.read_table(search / "leaks.parquet")
    items = pc.index_in(table["item"], columns.ids).to_numpy()  # NaN where the item is of a dataset or a file
    alive = np.zeros(len(columns.ids) + 1, bool)
    alive[forms[~columns.training & (verdicts.reasons == KEPT)]] = True
    alive[-1] = True
    of_item = np.where(np.isnan(items), len(columns.ids), forms[np.nan_to_num(items).astype(np.int64)])
    way = pc.index_in(table["way"], pa.array(WAYS)).to_numpy()
    share = table["share"].to_numpy()
    counts = np.flatnonzero(alive[of_item] & ((way != OVERLAP) | (share >= guard.share)))
    rows, first = np.unique(pc.index_in(table["id"], columns.ids).to_numpy()[counts], return_index=True)
    first = counts[first]
    owners = np.array(table["owner"].to_pylist(), object)
    fails.add_each(rows, [f"{HELDOUT}:{owner}" for owner in owners[first].tolist()])
    going = (verdicts.reasons[rows] == KEPT) & ~columns.protected[rows]
    rows, first = rows[going], first[going]
    verdicts.reasons[rows] = [f"{HELDOUT}:{owner}" for owner in owners[first].tolist()]
    ways[rows] = np.array(WAYS, object)[way[first]]
    by_share = way[first] == OVERLAP
    verdicts.values[rows[by_share]] = share[first[by_share]]
    verdicts.thresholds[rows[by_share]] = guard.share
    return ways


def _choose_cuts(units: Artifact | None, config: CleanConfig, columns: Columns, verdicts: Verdicts, fails: Fails) -> Cuts:
    """What goes of the documents that are kept; one of which nothing would be left goes as a whole."""
    if units is None:
        return NO_CUTS
    kept = (verdicts.reasons == KEPT) & columns.training
    cuts = choose_cuts(read_units(units), kept, columns.protected, columns.bytes, columns.ids, config.dedup.keep)
    sizes = np.bincount(cuts.documents, cuts.stops - cuts.starts, len(columns.ids)).astype(np.int64)
    emptied = kept & (sizes > 0) & (sizes == columns.bytes)
    verdicts.reasons[emptied] = UNIT + config.dedup.unit
    fails.add(UNIT + config.dedup.unit, emptied)
    return Cuts(*(column[~emptied[cuts.documents]] for column in cuts))


def _cut_facts(cuts: Cuts, config: CleanConfig) -> dict[str, Any]:
    return {
        "unit": config.dedup.unit,
        "removed": len(cuts.documents),
        "documents": len(np.unique(cuts.documents)),
        "bytes": int((cuts.stops - cuts.starts).sum()),
    }


def _write_edits(run: Run, written: Iterable[Part], cuts: Cuts, columns: Columns, reason: str) -> None:
    """`edits.parquet`: what went out of the documents that stay."""

    def tables() -> Iterator[pa.Table]:
        for part in written:
            span = columns.rows[part]
            here = cuts.of(span.start, span.stop)
            if len(here.documents):
                places = np.frombuffer(_places_of(part, run).read_bytes(), np.int32).reshape(-1, 2)
                ids, twins = (columns.ids.take(pa.array(rows)) for rows in (here.documents + span.start, here.twins))
                size = len(places)
                yield pa.table([ids, places[:, 0], places[:, 1], [reason] * size, [0] * size, twins], schema=CUT_EDITS)

    write_parquet(run.output / "edits.parquet", tables(), CUT_EDITS)


def _drop_personal(documents: Artifact, config: CleanConfig, columns: Columns, verdicts: Verdicts, fails: Fails) -> None:
    """Documents with personal data of a kind that the recipe drops go, with the first such kind in the order of `KINDS`."""
    dropped = [kind for kind, action in config.pii.actions(config.preset).items() if action == "drop"]
    if not dropped:
        return
    table = pq.read_table(documents / "personal.parquet", columns=["id", "kind"])
    rows = pc.index_in(table["id"], columns.ids).to_numpy()
    for kind in dropped:
        has = np.zeros(len(columns.ids), bool)
        has[rows[pc.equal(table["kind"], kind).to_numpy()]] = True
        fails.add(REASON + kind, has)
        verdicts.reasons[has & (verdicts.reasons == KEPT)] = REASON + kind


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
    tags = table["language"].combine_chunks().dictionary_encode()
    families = np.array([family(tag) for tag in tags.dictionary.to_pylist()], np.str_)
    return Columns(
        table["id"].combine_chunks(),
        table["source"],
        table["language"],
        np.zeros(start, np.int64),
        table["protected"].to_numpy(),
        families[tags.indices.to_numpy()],
        training,
        rows,
    )


def write_part(run: Run, part: Part, kept: NDArray[np.bool_], wanted: Sequence[int], cuts: Cuts) -> dict[str, str]:
    """The unit of work after verdicts: write the documents of a part that are `kept`, bool[documents of the part], without
    what is cut. Where that was, in characters, goes to scratch.

    Returns the beginnings of the texts of the `wanted` rows.
    """
    texts: dict[str, str] = {}
    places: list[NDArray[np.int32]] = [np.zeros((0, 2), np.int32)]

    def tables() -> Iterator[pa.Table]:
        row = 0
        for table in row_groups(part.path):
            run.check()
            run.bar.advance(table.nbytes)
            end = row + table.num_rows
            for index in wanted:
                if row <= index < end:
                    texts[str(index)] = hidden_beginning(str(table["text"][index - row]), SHOWN)
            here = cuts.of(row, end)
            if len(here.documents):
                table, spans = _without(table, here)
                places.append(spans)
            yield table.filter(pa.array(kept[row:end]))
            row = end

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    if len(cuts.documents):
        write_atomic(_places_of(part, run), np.concatenate(places).tobytes())
    return texts


def _without(table: pa.Table, cuts: Cuts) -> tuple[pa.Table, NDArray[np.int32]]:
    """Documents without what is cut, and where that was in characters, int32[cuts, 2]."""
    data, offsets = text_buffers(table["text"])
    out, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(len(offsets), np.int64)
    places = np.empty((len(cuts.documents), 2), np.int32)
    cut_spans(data, offsets, cuts.documents, cuts.starts, cuts.stops, out, ends[1:], places)
    out, ends = read_only(out[: ends[-1]]), read_only(ends)
    for name, column in (("text", form_column(out, ends)), ("digest", hex_digests(digests(out, ends)))):
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, column.cast(field.type))
    return table, places


def _places_of(part: Part, run: Run) -> Path:
    return scratch_of(run, part, "places").with_suffix(".i32")


def _only(verdicts: Verdicts, rows: NDArray[np.bool_]) -> Verdicts:
    """The verdicts of these rows; of the others as if kept."""
    return verdicts._replace(reasons=np.where(rows, verdicts.reasons, KEPT))


def _verdict_table(columns: Columns, verdicts: Verdicts, repeats: Repeats, fails: Fails) -> pa.Table:
    def nullable(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(values.astype(np.float32), mask=np.isnan(values))

    parts = pa.DictionaryArray.from_arrays(pa.array(columns.training.astype(np.int8)), pa.array([HOLDOUT, "documents"]))
    return pa.table(
        [
            columns.ids,
            parts.cast(pa.string()),
            pa.array((verdicts.reasons == KEPT).astype(bool)),
            pa.array(verdicts.reasons, pa.string()),
            nullable(verdicts.values),
            nullable(verdicts.thresholds),
            repeats.twin_ids(),
            columns.sources,
            columns.languages,
            columns.bytes,
            fails.column(),
        ],
        schema=VERDICTS,
    )
