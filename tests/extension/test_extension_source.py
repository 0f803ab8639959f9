"""A source that is a function of the user's: records, what it could not read, and its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from danlu.collect.dataset import build_dataset
from danlu.collect.locate import SourceFile, fingerprint
from danlu.collect.readers.custom import read_custom
from danlu.collect.records import Record, Rejected
from danlu.collect.stage import collect
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.sources import CustomSource
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.ledger import Ledger
from danlu.workspace.messages import text
from danlu.workspace.run import Run


def source(folder: Path, body: str, **options: object) -> CustomSource:
    (folder / "ext_source.py").write_text(f"def read(options, place):\n{body}", encoding="utf-8")
    return CustomSource.model_validate({"type": "custom", "read": "ext_source:read", **options})


def read(folder: Path, body: str, labelled: bool = False, **options: object) -> list[Record | Rejected]:
    config = source(folder, body, **options)
    return list(read_custom(config, SourceFile(folder, "here"), folder, labelled=labelled))


def test_texts_and_mappings_are_records(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '    yield "第一篇"\n'
        '    yield {"text": options["second"], "label": 3, "url": "u", "created": "2026", "meta": {"line": 4}}\n',
        options={"second": "two"},
    )
    assert found == [Record(1, "第一篇"), Record(2, "two", None, "u", "2026", {"line": 4})]


def test_what_is_no_record_is_quarantined_with_its_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '    yield {"error": "broken clock", "where": "a.log:7"}\n    yield {"text": ""}\n    yield 5\n'
        '    yield {"text": 5, "label": "x"}\n    yield {"text": "no label"}\n'
        '    yield {"text": "t", "label": "x", "meta": {1, 2}}\n    yield {"text": "t", "label": "x", "meta": [1]}\n'
        '    yield {"text": "\\ud800", "label": "x"}\n    yield {"text": "kept", "label": "x"}\n',
        labelled=True,
    )
    assert [event.reason for event in found if isinstance(event, Rejected)] == [
        "custom", "empty", "not-text", "not-text", "no-label", "meta", "meta", "encoding",
    ]  # fmt: skip
    assert found[0] == Rejected("a.log:7", "custom", {"reason": "broken clock"})
    assert found[-1] == Record(9, "kept", "x")
    for event in found[:-1]:
        assert isinstance(event, Rejected)
        for language in ("en", "zh"):
            assert text(event.key, language, **event.parameters)  # type: ignore[arg-type]


def test_an_exception_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as error:
        read(tmp_path, '    yield "fine"\n    yield {}["text"]\n')
    assert error.value.key == "extension.failed"
    assert error.value.where == f"{tmp_path / 'ext_source.py'}:3"
    assert "KeyError" in error.value.explain("en")["what"]


@pytest.mark.parametrize("body", ["    return 'a text'\n", "    return {'text': 'x'}\n", "    return None\n"])
def test_what_gives_no_records_is_told_how(tmp_path: Path, body: str) -> None:
    with pytest.raises(RecipeError) as error:
        read(tmp_path, body)
    assert error.value.key == "extension.shape-source"


def test_a_field_that_does_not_exist_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as error:
        read(tmp_path, '    yield {"text": "x", "lable": "y"}\n')
    assert error.value.key == "extension.record"
    assert "label" in error.value.explain("zh")["remedy"]


def test_the_key_knows_what_lies_at_the_path(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("a", encoding="utf-8")
    (logs / "b.tmp").write_text("b", encoding="utf-8")
    every = CollectConfig(sources=(source(tmp_path, "    yield 'x'\n", path="logs"),))
    some = CollectConfig(sources=(source(tmp_path, "    yield 'x'\n", path="logs", include=["*.log"]),))
    none = CollectConfig(sources=(source(tmp_path, "    yield 'x'\n"),))
    assert [set(fingerprint(config, tmp_path)) for config in (every, some, none)] == [
        {"logs/a.log", "logs/b.tmp"}, {"logs/a.log"}, set(),
    ]  # fmt: skip
    assert every.own_code() == ("ext_source:read",)


def run_of(folder: Path, name: str) -> Run:
    output = folder / "w" / "artifacts" / f"{name}.partial"
    output.mkdir(parents=True)
    return Run(stage=name, output=output, ledger=Ledger(output / "ledger.sqlite", name), name=name, base=folder)


def test_documents_and_rows_of_a_function(tmp_path: Path) -> None:
    body = (
        "    for line in (place / 'a.tsv').read_text(encoding='utf-8').splitlines():\n"
        "        text, _, mood = line.partition('\\t')\n"
        "        yield {'text': text, 'label': mood, 'meta': {'size': len(text)}} if mood else {'error': 'no mood'}\n"
    )
    (tmp_path / "data").mkdir()
    lines = [f"sentence number {n} 这是第{n}句\t{'good' if n % 2 else 'bad'}" for n in range(30)]
    (tmp_path / "data" / "a.tsv").write_text("\n".join([*lines, "nothing"]), encoding="utf-8")
    config = source(tmp_path, body, path="data", licence="CC0-1.0")

    run = run_of(tmp_path, "collect")
    collect({}, config=CollectConfig(sources=(config,)), run=run)
    card = json.loads((run.output / "card.json").read_text(encoding="utf-8"))
    assert (card["documents"] + card["holdout"]["documents"], card["quarantine"]) == (30, {"custom": 1})
    assert card["sources"][0]["type"] == "custom"
    documents = pq.read_table(run.output / "documents").to_pylist()
    assert json.loads(documents[0]["meta"]).keys() == {"file", "record", "size"}
    assert {row["licence"] for row in documents} == {"CC0-1.0"}

    run = run_of(tmp_path, "dataset")
    build_dataset(config=DatasetConfig(sources=(config,)), run=run)
    facts = json.loads((run.output / "facts.json").read_text(encoding="utf-8"))
    assert facts["labels"] == {"bad": 15, "good": 15}
    assert facts["quarantine"] == {"custom": 1}
