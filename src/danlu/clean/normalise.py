"""`clean.normalise`: every document repaired, and each edit recorded by where and why, never what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from danlu.clean.lines import drop_lines
from danlu.clean.parts import Part, each_part, join_parquet, parts_of, row_groups, set_aside, write_parquet
from danlu.clean.rules import line_rules
from danlu.compute.units import Crew
from danlu.documents.schema import DOCUMENTS
from danlu.recipe.clean import CleanConfig
from danlu.text.canonical import digest
from danlu.text.edits import Edit, apply_edits, compose
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
CONTEXT = 40  # characters shown on either side of an edit


def normalise(documents: Artifact, *, config: CleanConfig, run: Run) -> None:
    """Repair the documents and held-out documents; write them, `edits.parquet` and `facts.json`."""
    thresholds = line_rules(config)
    parts = parts_of(documents)
    with run.progress.task("clean.progress.normalise", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.normalise:normalise_part", parts, lambda part: (thresholds,), bar)
    facts = done.values()
    join_parquet(run.output / "edits.parquet", [_edits_path(part, run) for part in done], EDITS)
    edits: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    for fact in facts:
        edits.update(fact["edits"])
        _keep_first(examples, fact["examples"])
    totals = {name: sum(fact[name] for fact in facts) for name in ("documents", "edited", "characters_in", "characters_out")}
    write_json(
        run.output / "facts.json",
        {
            **totals,
            "edits": dict(sorted(edits.items())),
            "examples": [example for _, found in sorted(examples.items()) for _, example in found],
            **set_aside(run, lost),
        },
    )
    run.counts.update({"documents": totals["documents"], "edited": totals["edited"], "edits": sum(edits.values())})


def normalise_text(text: str, thresholds: Mapping[str, float]) -> Repair:
    """A text repaired and without the lines that line rules drop."""
    repaired = repair(text)
    dropped = drop_lines(repaired.text, thresholds)
    if not dropped:
        return repaired
    text, edits = apply_edits(repaired.text, dropped), compose(repaired.edits, repaired.text, dropped)
    again = repair(text)  # a dropped line may leave blank lines or spaces at an end
    return Repair(again.text, compose(edits, text, again.edits))


def normalise_part(run: Run, part: Part, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The unit of work: one part repaired, its edits in scratch; counts, reasons and examples as its fact."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    edit_tables: list[pa.Table] = []

    def tables() -> Iterator[pa.Table]:
        for table in row_groups(part.path):
            run.check()
            texts = table["text"].to_pylist()
            ids, digests = table["id"].to_pylist(), table["digest"].to_pylist()
            sources, languages = table["source"].to_pylist(), table["language"].to_pylist()
            rows: list[tuple[str, int, int, str, int]] = []
            for row, protected in enumerate(table["protected"].to_pylist()):
                counts["documents"] += 1
                counts["characters_in"] += len(texts[row])
                if not protected:
                    before = texts[row]
                    repaired = normalise_text(before, thresholds)
                    if repaired.edits:
                        counts["edited"] += 1
                        rows += [(ids[row], edit.start, edit.end, edit.reason, len(edit.text)) for edit in repaired.edits]
                        for edit in {edit.reason: edit for edit in reversed(repaired.edits)}.values():
                            example = _example(before, edit, repaired.edits, sources[row])
                            _keep_first(examples, {f"{edit.reason} {languages[row]}": [[digests[row], example]]})
                        texts[row], digests[row] = repaired.text, digest(repaired.text)
                counts["characters_out"] += len(texts[row])
            run.bar.advance(table.nbytes)
            reasons.update(row[3] for row in rows)
            edit_tables.append(pa.Table.from_pylist([dict(zip(EDITS.names, row, strict=True)) for row in rows], schema=EDITS))
            table = table.set_column(table.schema.get_field_index("text"), "text", pa.array(texts, pa.large_string()))
            yield table.set_column(table.schema.get_field_index("digest"), "digest", pa.array(digests, pa.string()))

    write_parquet(run.output / part.set / part.path.name, tables(), DOCUMENTS)
    write_parquet(_edits_path(part, run), edit_tables, EDITS)
    return {
        **{name: counts[name] for name in ("documents", "edited", "characters_in", "characters_out")},
        "edits": dict(reasons),
        "examples": examples,
    }


def _edits_path(part: Part, run: Run) -> Path:
    return run.scratch / f"edits-{part.set}-{part.path.name}"


def _example(before: str, edit: Edit, edits: list[Edit], source: str) -> dict[str, str]:
    """An edit in its context, as it was and as it is now with what is around it repaired too."""
    start, end = max(0, edit.start - CONTEXT), min(len(before), edit.end + CONTEXT)
    around = [other for other in edits if start <= other.start and other.end <= end]
    shown = [Edit(other.start - start, other.end - start, other.text, other.reason) for other in around]
    cut = before[start:end]
    return {"reason": edit.reason, "before": cut, "after": apply_edits(cut, shown), "source": source}


def _keep_first(kept: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Keep the examples with the smallest digests: a choice that no order of work changes."""
    for name, examples in found.items():
        kept[name] = sorted([*kept.get(name, []), *examples], key=lambda pair: (pair[0], pair[1]["before"]))[:EXAMPLES]
