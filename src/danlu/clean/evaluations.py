"""Evaluation sets in files: their items, with answers where there are any.

Nothing but names and digests is read for a key, so this module imports no heavy library before items are asked for.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from danlu.recipe.clean import CleanConfig, EvaluationFile
from danlu.recipe.paths import portable_name
from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError

# Columns that are known without being named, those of the usual sets; an answer is one text, a number, or a list of them.
TEXTS = (
    "question", "text", "prompt", "problem", "query", "instruction", "input", "sentence", "sentence1", "sentence2", "content",
    "context", "passage", "premise", "hypothesis", "stem", "article", "题目", "问题", "文本", "内容",
)  # fmt: skip
ANSWERS = ("answer", "answers", "target", "output", "solution", "答案")
FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".text", ".parquet")
PACKED = (".gz", ".zst")


def name_of(file: EvaluationFile) -> str:
    """What its items are called in verdicts."""
    return file.name or portable_name(file.path)


def evaluation_digests(config: CleanConfig, base: Path) -> dict[str, str]:
    """Name -> SHA-256 of each file. DanluError if one is not there or cannot be read."""
    wanted = config.decontamination()
    found = {}
    for file in wanted.files if wanted else ():
        path = _path(file, base)
        try:
            found[f"evaluation:{name_of(file)}"] = digest_file(path)
        except OSError as error:
            raise DanluError("collect.file-unreadable", where=str(path), reason=error.strerror or str(error)) from error
    return found


def evaluation_items(file: EvaluationFile, base: Path) -> Iterator[tuple[str, str]]:
    """Texts and their answers ("" where there is none). DanluError with file and line for a row that is none."""
    path = _path(file, base)
    any_row = False
    for row in _rows(path):
        texts = [column for column in file.text or TEXTS if column in row]
        if not any_row:
            any_row = True
            _require(path, row, texts, file)
        answer = _text(row.get(file.answer) if file.answer else next((row[name] for name in ANSWERS if name in row), ""))
        for column in texts:
            if text := _text(row[column]):
                yield text, answer


def _path(file: EvaluationFile, base: Path) -> Path:
    path = base / Path(file.path).expanduser()
    if not path.is_file():
        beside = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        near = ", ".join(name for name in beside if name[:1] == path.name[:1])[:200] or "–"
        raise DanluError("collect.file-missing", where=str(path), name=file.path, near=near)
    return path


def _require(path: Path, row: Mapping[str, Any], texts: list[str], file: EvaluationFile) -> None:
    missing = [column for column in (*file.text, *([file.answer] if file.answer else [])) if column not in row]
    if missing or not texts:
        raise DanluError(
            "clean.evaluation-column", where=str(path), column=", ".join(missing) or TEXTS[0], columns=", ".join(row) or "–"
        )


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    suffix = next((each for each in reversed(path.suffixes) if each.lower() not in PACKED), "").lower()
    if suffix not in FORMATS:
        raise DanluError("clean.evaluation-format", where=str(path), suffix=suffix or path.name, formats=", ".join(FORMATS))
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(1024):
                yield from batch.to_pylist()
        return
    with _opened(path) as lines:
        if suffix in (".csv", ".tsv"):
            csv.field_size_limit(2**31 - 1)
            yield from csv.DictReader(lines, delimiter="," if suffix == ".csv" else "\t")
        elif suffix in (".txt", ".text"):
            yield from ({"text": line} for line in lines)
        elif suffix == ".json":
            yield from _objects(path, json.loads(lines.read()))
        else:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield from _objects(path, [_parsed(path, number, line)], number)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    import pyarrow as pa

    packed = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    try:
        with (
            pa.input_stream(str(path), compression=packed) as stream,
            io.TextIOWrapper(stream, "utf-8-sig", newline="") as lines,
        ):
            yield lines
    except (OSError, ValueError, csv.Error) as error:  # not UTF-8, not JSON, a broken archive
        raise DanluError("clean.evaluation-broken", where=str(path), reason=str(error).splitlines()[0][:200]) from error


def _parsed(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise DanluError("clean.evaluation-broken", where=f"{path}:{number}", reason=str(error).splitlines()[0]) from error


def _objects(path: Path, values: Any, line: int = 0) -> Iterator[Mapping[str, Any]]:
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, dict):
            reason = f"{type(value).__name__}, {{...}}"
            raise DanluError("clean.evaluation-broken", where=f"{path}:{line}" if line else str(path), reason=reason)
        yield value


def _text(value: Any) -> str:
    """One text of a cell: its first where it is a list, as SQuAD's `{"text": [...]}`."""
    if isinstance(value, dict):
        value = value.get("text", "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return "" if value is None or isinstance(value, dict | list | bool) else str(value).strip()
