"""`clean.score`: every measure of every document, whether or not a rule asks for it. Thresholds come later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.learned import NO_MODELS, Models, models_of, score_learned
from danlu.clean.learned import schema_of as learned_schema
from danlu.clean.own import FACTS, declared, score_own
from danlu.clean.parts import (
    Part,
    each_group,
    each_part,
    join_parquet,
    parts_of,
    row_groups,
    scratch_of,
    set_aside,
    write_scratch,
)
from danlu.clean.preset import RULES, family, is_unspaced
from danlu.clean.removed import removed_shares, write_removed
from danlu.clean.rules import check_names, own_rules
from danlu.compute.units import Crew
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import text_buffers
from danlu.text.languages import UNKNOWN, Languages
from danlu.text.languages import languages as tell_languages
from danlu.text.measures import measure_buffers
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

SCORES: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),  # documents or holdout
        pa.field("language", pa.string(), nullable=False),
        pa.field("characters", pa.int64(), nullable=False),
        pa.field("words", pa.int64(), nullable=False),
        pa.field("lines", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),  # of the text in UTF-8
        *(pa.field(name, pa.float32(), nullable=False) for name in RULES),
    ]
)


def schema_of(own: Sequence[str], models: Models = NO_MODELS) -> pa.Schema:
    """The columns of `scores.parquet` with those of models and of rules of the user's own."""
    return pa.schema([*SCORES, *learned_schema(models), *(pa.field(name, pa.float32(), nullable=False) for name in own)])


def score(
    documents: Artifact,
    language_model: Artifact | None = None,
    classifier: Artifact | None = None,
    *,
    config: CleanConfig,
    run: Run,
) -> None:
    """Measure the documents and held-out documents; write `scores.parquet` and `facts.json`."""
    check_names(config)
    own = tuple(own_rules(config))
    words = {FACTS: declared(own, run.base)} if own else {}
    models = models_of(language_model, classifier, config, run.base)
    parts = parts_of(documents)
    run.once("removed", lambda: write_removed(documents / "edits.parquet", _removed_path(run)))
    with run.progress.task("clean.progress.score", sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.score:score_part", parts, lambda part: (own, models), bar)
    rows = join_parquet(
        run.output / "scores.parquet", [scratch_of(run, part, "scores") for part in done], schema_of(own, models)
    )
    quantiles = {"quantiles": list(QUANTILES), "scores": _quantiles(run.output, [*models.columns, *own])}
    write_json(run.output / "facts.json", {"documents": rows, **quantiles, **words, **set_aside(run, lost)})
    run.counts["documents"] += rows


def score_texts(texts: Any, languages: Any) -> dict[str, NDArray[np.float64]]:
    """Each rule's measure, and `characters`, `words`, `lines`, of each text, float64[texts]. Columns of strings, Arrow's."""
    families = families_of(languages)
    data, offsets = text_buffers(texts)
    result = measure_buffers(data, offsets, _unspaced(languages))
    result["script"][families == "other"] = 1.0  # in which script they are written is not known
    told = tell_languages(data, offsets)
    result["language_confidence"] = _confidence(told, languages)
    result["mixed"] = told.mixed.astype(np.float64)
    result["characters"] = pc.utf8_length(texts).to_numpy().astype(np.float64)
    result["short_text"] = result["long_text"] = result["characters"]
    result["few_words"] = result["words"]
    return result


def _confidence(told: Languages, tags: Any) -> NDArray[np.float64]:
    """Likelihood that each text is in the language of its tag, whatever the script or region; 0 if it looks like another, 1
    where the tag says nothing or names a language that is not told apart."""
    values, rows = _encoded(tags)
    primary = [label.split("-")[0] for label in told.labels]
    number = {name: place for place, name in enumerate(dict.fromkeys(primary))}
    wanted = np.array([number.get(tag.split("-")[0], -1) for tag in values], np.int64)
    untold = np.array([number.get(tag.split("-")[0], -1) < 0 or tag == UNKNOWN for tag in values], bool)
    found = np.array([number[name] for name in primary], np.int64)[told.label]
    return np.where(untold[rows], 1.0, np.where(found == wanted[rows], told.confidence, 0.0))


def _unspaced(languages: Any) -> NDArray[np.bool_]:
    values, rows = _encoded(languages)
    return np.asarray(np.array([is_unspaced(tag) for tag in values], bool)[rows])


def families_of(languages: Any) -> NDArray[np.str_]:
    """Which thresholds each of a column of BCP-47 tags reads, str[languages]."""
    values, rows = _encoded(languages)
    return np.asarray(np.array([family(tag) for tag in values], dtype=np.str_)[rows])


def _encoded(column: Any) -> tuple[list[str], NDArray[np.int32]]:
    """The distinct strings of a column, and which of them each row has."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def score_part(run: Run, part: Part, own: Sequence[str] = (), models: Models = NO_MODELS) -> int:
    """The unit of work: the scores of one part, in scratch; how many documents as its fact."""

    removed = pq.read_table(_removed_path(run))

    def scores(table: pa.Table) -> pa.Table:
        families = families_of(table["language"])
        measured = score_texts(table["text"], table["language"])
        measured["boilerplate"] = removed_shares(removed, table["id"], measured["characters"])
        columns: dict[str, Any] = {
            "id": table["id"],
            "part": pa.array([part.set] * table.num_rows),
            "language": table["language"],
            "bytes": pc.binary_length(table["text"]),
            **{name: pa.array(values) for name, values in measured.items()},
            **{name: pa.array(values) for name, values in score_learned(models, table["text"], families).items()},
            **_own_columns(own, run.base, table),
        }
        return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)

    schema = schema_of(own, models)
    made = each_group(run, part.path, scores, ["id", "text", "language"])
    return write_scratch(scratch_of(run, part, "scores"), (table for table, _ in made), schema)


def _own_columns(own: Sequence[str], folder: Path, table: pa.Table) -> dict[str, pa.Array]:
    """The rules of the user's own are functions of Python strings; where there are none, no string is made."""
    if not own:
        return {}
    scored = score_own(own, folder, table["text"].to_pylist(), table["language"].to_pylist())
    return {name: pa.array(values) for name, values in scored.items()}


def _removed_path(run: Run) -> Path:
    return run.scratch / "removed.parquet"


def _quantiles(output: Path, more: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """By language family and rule: the quantiles of the scores of the documents for training, to choose thresholds by."""
    columns: dict[str, list[NDArray[np.float32]]] = {name: [] for name in (*RULES, *more)}
    groups: list[NDArray[np.str_]] = []
    for table in row_groups(output / "scores.parquet"):
        keep = pc.equal(table["part"], "documents").to_numpy()
        groups.append(families_of(table["language"])[keep])
        for name, values in columns.items():
            values.append(table[name].to_numpy()[keep])
    families = np.concatenate([np.zeros(0, np.str_), *groups])
    result: dict[str, dict[str, list[float]]] = {}
    for chosen in sorted(set(families.tolist())):
        mask = families == chosen
        result[chosen] = {
            name: [round(float(value), 4) for value in np.quantile(known, QUANTILES)]
            for name, values in columns.items()
            if len(known := _known(np.concatenate(values)[mask]))
        }
    return result


def _known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without those of texts for which a model or a rule of the user's says nothing."""
    return values[~np.isnan(values)]
