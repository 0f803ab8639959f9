"""`clean.normalise`: every document repaired, and each edit recorded by where and why, never what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from danlu.clean.lines import drop_lines
from danlu.clean.parts import Part, each_part, join_parquet, parts_of, row_groups, set_aside, write_parquet
from danlu.clean.personal import PERSONAL, example, mask, treat
from danlu.clean.rules import line_rules
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.recipe.personal import Action
from danlu.text.canonical import digest
from danlu.text.edits import apply_edits, compose
from danlu.text.repair import Repair, repair
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
COUNTS = ("documents", "edited", "searched", "characters_in", "characters_out")  # searched: by patterns for personal data


def normalise(documents: Artifact, *, config: CleanConfig, run: Run) -> None:
    """Repair the documents and held-out documents; write them, `edits.parquet`, `personal.parquet` and `facts.json`."""
    thresholds, actions = line_rules(config), config.pii.actions(config.preset)
    parts = parts_of(documents)
    with run.progress.task("clean.progress.normalise", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.normalise:normalise_part", parts, lambda part: (thresholds, actions), bar)
    facts = done.values()
    join_parquet(run.output / "edits.parquet", [_scratch("edits", part, run) for part in done], EDITS)
    join_parquet(run.output / "personal.parquet", [_scratch("personal", part, run) for part in done], PERSONAL)
    edits: Counter[str] = Counter()
    personal: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    for fact in facts:
        edits.update(fact["edits"])
        personal.update(fact["personal"])
        _keep_first(examples, fact["examples"])
    totals = {name: sum(fact[name] for fact in facts) for name in COUNTS}
    write_json(
        run.output / "facts.json",
        {
            **totals,
            "edits": dict(sorted(edits.items())),
            "personal": dict(sorted(personal.items())),
            "examples": [example for _, found in sorted(examples.items()) for _, example in found],
            **set_aside(run, lost),
        },
    )
    run.counts.update({**{name: totals[name] for name in COUNTS[:3]}, "edits": sum(edits.values())})


def normalise_text(text: str, thresholds: Mapping[str, float], actions: Mapping[str, Action]) -> Repair:
    """A text as this stage leaves it: repaired, without the lines that line rules drop, with personal data masked."""
    return mask(_repaired(text, thresholds), actions)


def _repaired(text: str, thresholds: Mapping[str, float]) -> Repair:
    repaired = repair(text)
    dropped = drop_lines(repaired.text, thresholds)
    if not dropped:
        return repaired
    text, edits = apply_edits(repaired.text, dropped), compose(repaired.edits, repaired.text, dropped)
    again = repair(text)  # a dropped line may leave blank lines or spaces at an end
    return Repair(again.text, compose(edits, text, again.edits))


def normalise_part(run: Run, part: Part, thresholds: Mapping[str, float], actions: Mapping[str, Action]) -> dict[str, Any]:
    """The unit of work: one part repaired, its edits in scratch; counts, reasons and examples as its fact."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    personal: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    edit_tables: list[pa.Table] = []
    personal_tables: list[pa.Table] = []

    def tables() -> Iterator[pa.Table]:
        for table in row_groups(part.path):
            run.check()
            texts, protected = table["text"].to_pylist(), table["protected"].to_pylist()
            ids, digests = table["id"].to_pylist(), table["digest"].to_pylist()
            sources, languages = table["source"].to_pylist(), table["language"].to_pylist()
            repairs = [
                Repair(text, []) if keep else _repaired(text, thresholds) for text, keep in zip(texts, protected, strict=True)
            ]
            treated = treat(repairs, actions, protected)
            rows: list[tuple[str, int, int, str, int]] = []
            for row, (before, (text, edits)) in enumerate(zip(texts, treated.repairs, strict=True)):
                counts.update({"documents": 1, "characters_in": len(before), "characters_out": len(text)})
                if edits:
                    counts["edited"] += 1
                    rows += [(ids[row], edit.start, edit.end, edit.reason, len(edit.text)) for edit in edits]
                    for edit in {edit.reason: edit for edit in reversed(edits)}.values():
                        made = {"before": before, "edit": edit, "edits": edits, "source": sources[row]}
                        _keep_first(examples, {f"{edit.reason} {languages[row]}": [[digests[row], made]]})
                    texts[row], digests[row] = text, digest(text)
            run.bar.advance(table.nbytes)
            reasons.update(row[3] for row in rows)
            counts["searched"] += treated.searched
            personal.update(span.kind for spans in treated.found for span in spans)
            edit_tables.append(pa.Table.from_pylist([dict(zip(EDITS.names, row, strict=True)) for row in rows], schema=EDITS))
            recorded = [{"id": ids[row], **span._asdict()} for row, span in treated.recorded]
            personal_tables.append(pa.Table.from_pylist(recorded, schema=PERSONAL))
            table = table.set_column(table.schema.get_field_index("text"), "text", pa.array(texts, pa.large_string()))
            yield table.set_column(table.schema.get_field_index("digest"), "digest", pa.array(digests, pa.string()))

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    write_parquet(_scratch("edits", part, run), edit_tables, EDITS)
    write_parquet(_scratch("personal", part, run), personal_tables, PERSONAL)
    return {
        **{name: counts[name] for name in COUNTS},
        "edits": dict(reasons),
        "personal": dict(personal),
        "examples": {name: [[key, example(**made)] for key, made in found] for name, found in examples.items()},
    }


def _scratch(name: str, part: Part, run: Run) -> Path:
    return run.scratch / f"{name}-{part.set}-{part.path.name}"


def _keep_first(kept: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Keep the examples with the smallest digests: a choice that no order of work changes."""
    for name, examples in found.items():
        kept[name] = sorted([*kept.get(name, []), *examples], key=lambda pair: (pair[0], pair[1]["before"]))[:EXAMPLES]
