"""The stages on documents on disk: what goes and why, the same bytes again, kills, protected and held-out documents."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands import script
from danlu.clean import STAGES
from danlu.clean.decide import decide
from danlu.clean.normalise import normalise
from danlu.clean.pairs import pairs
from danlu.clean.preset import RULES
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.documents.schema import document_id
from danlu.documents.store import write_documents
from danlu.recipe.clean import CleanConfig, DedupConfig
from danlu.text.canonical import canonical_digest, digest
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

TEST_ITEM = "An entirely wonderful film about two brothers who sail across the northern sea in winter."
SHORT_ITEM = "值得一看的好书"
DOCUMENTS = [
    ("One sound review.<br /><br />It has two parts, and nobody should mind either of them.", "en", "films"),
    ("ＡＢＣ公司１９９８年增长１２％，这是一条完整的新闻。", "zh-Hans", "news"),
    ("abc公司1998年增长12%，这是一条完整的新闻！", "zh-Hans", "news"),
    ("漂亮", "zh-Hans", "books"),
    (f"Somebody wrote: {TEST_ITEM.upper()} I agree with it.", "en", "films"),
    (f"前面一行。\n{SHORT_ITEM}！\n后面一行。", "zh-Hans", "books"),
    (
        "这篇留出的文档只用来测量语言模型，绝不能出现在训练文本里，即使前后加上别的字句也不行，这一点非常重要。再加一句。",
        "zh-Hans",
        "news",
    ),
    ("canary \x00 <br /> x", "en", "films"),
    ("&nbsp;<br />", "en", "films"),
    ("The same line about a film.\nThe same line about a film.\nThe same line about a film.", "en", "films"),
    ("A last and quite ordinary sentence about the sea.", "en", "films"),
]
HOLDOUT = [
    (
        "这篇留出的文档只用来测量语言模型，绝不能出现在训练文本里，即使前后加上别的字句也不行，这一点非常重要。",
        "zh-Hans",
        "news",
    ),
    (TEST_ITEM, "en", "films"),
    (TEST_ITEM + "<br />", "en", "films"),
    ("漂亮", "zh-Hans", "books"),
]
PROTECTED = 7


def rows(texts: list[tuple[str, str, str]], kind: str) -> list[dict[str, Any]]:
    return [
        {
            "id": document_id(source, kind, index), "digest": digest(text), "text": text, "source": source,
            "url": "", "licence": "", "language": language, "created": "", "meta": "{}",
            "protected": kind == "train" and index == PROTECTED,
        }
        for index, (text, language, source) in enumerate(texts)
    ]  # fmt: skip


def collected(directory: Path, part_rows: int = 4) -> Artifact:
    write_documents(directory / "documents", rows(DOCUMENTS, "train"), part_rows=part_rows)
    write_documents(directory / "holdout", rows(HOLDOUT, "holdout"), part_rows=part_rows)
    return Artifact("collect", "key", directory)


def dataset(directory: Path) -> Artifact:
    directory.mkdir()
    texts, splits = [TEST_ITEM, SHORT_ITEM, DOCUMENTS[10][0]], ["test", "validation", "train"]
    table = pa.table({"text": texts, "split": splits, "digest": [canonical_digest(text) for text in texts]})
    pq.write_table(table, directory / "rows.parquet")
    return Artifact("dataset", "key", directory)


def run_of(stage: str, output: Path, **options: Any) -> Run:
    output.mkdir(parents=True, exist_ok=True)
    return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage), **options)


def clean(
    root: Path,
    config: CleanConfig,
    documents: Artifact,
    datasets: dict[str, Artifact],
    runs: list[Run] | None = None,
    careful: str = "",
    **options: Any,
) -> Path:
    """All stages; returns the directory that holds their outputs. `runs` gets their runs; `careful` names one of them."""
    stages = ("normalise", "score", "pairs", "search", "decide")
    made = [run_of(f"clean.{stage}", root / stage, careful=careful == f"clean.{stage}", **options) for stage in stages]
    normalise(documents, config=config, run=made[0])
    normal = Artifact("clean.normalise", "key", root / "normalise")
    score(normal, config=config, run=made[1])
    scored = Artifact("clean.score", "key", root / "score")
    pairs(normal, {}, {}, config=config, run=made[2])
    search(normal, datasets if config.decontaminate else {}, config=config, run=made[3])
    searched = Artifact("clean.search", "key", root / "search")
    decide(normal, scored, searched, Artifact("clean.pairs", "key", root / "pairs"), config=config, run=made[4])
    if runs is not None:
        runs += made
    return root


def texts(directory: Path) -> list[str]:
    return [text for path in sorted(directory.glob("*.parquet")) for text in pq.read_table(path)["text"].to_pylist()]


def facts(directory: Path) -> Any:
    return json.loads((directory / "facts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    return clean(root / "out", CleanConfig(), collected(root / "in"), {"reviews": dataset(root / "reviews")})


def test_stages_load() -> None:
    assert [stage.load().__name__ for stage in STAGES] == [
        "learn",
        "learn",
        "normalise",
        "score",
        "pairs",
        "units",
        "search",
        "decide",
    ]


def test_normalise_repairs_and_records_edits(cleaned: Path) -> None:
    out = cleaned / "normalise"
    after = texts(out / "documents")
    assert after[0] == "One sound review.\n\nIt has two parts, and nobody should mind either of them."
    assert after[1] == "ABC公司1998年增长12%，这是一条完整的新闻。"
    assert after[PROTECTED] == DOCUMENTS[PROTECTED][0]
    assert after[8] == ""
    table = pq.read_table(out / "documents" / "part-00000.parquet")
    assert table["digest"].to_pylist() == [digest(text) for text in table["text"].to_pylist()]
    edits = pq.read_table(out / "edits.parquet").to_pylist()
    before = {row["id"]: row["text"] for row in rows(DOCUMENTS, "train") + rows(HOLDOUT, "holdout")}
    written = {
        row["id"]: row["text"] for kind in ("documents", "holdout") for path in sorted((out / kind).glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    }  # fmt: skip
    for identity, text in before.items():
        position = done = 0
        for edit in (edit for edit in edits if edit["id"] == identity):
            size = edit["start"] - position
            assert text[position : edit["start"]] == written[identity][done : done + size]
            done, position = done + size + edit["length"], edit["end"]
        assert text[position:] == written[identity][done:]
    found = facts(out)
    assert (found["documents"], found["edited"]) == (15, 4)
    assert found["characters_in"] == sum(map(len, before.values()))
    assert found["characters_out"] == sum(map(len, written.values()))
    assert sum(found["edits"].values()) == len(edits)
    assert found["bytes_in"] == sum(len(text.encode()) for text in before.values())
    assert 0 < found["bytes_slow"] < found["bytes_in"]
    assert {"reason", "before", "after", "source"} == set(found["examples"][0])


def test_scores_are_written_for_every_rule(cleaned: Path) -> None:
    table = pq.read_table(cleaned / "score" / "scores.parquet")
    assert table.column_names[:7] == ["id", "part", "language", "characters", "words", "lines", "bytes"]
    assert table.column_names[7:] == list(RULES)
    assert table.num_rows == len(DOCUMENTS) + len(HOLDOUT)
    assert table["part"].to_pylist() == ["documents"] * len(DOCUMENTS) + ["holdout"] * len(HOLDOUT)
    assert all(table[name].null_count == 0 for name in table.column_names)
    assert table["bytes"].to_pylist()[1] == len("ABC公司1998年增长12%，这是一条完整的新闻。".encode())
    assert facts(cleaned / "score")["documents"] == table.num_rows


def test_each_verdict_has_its_reason(cleaned: Path) -> None:
    out = cleaned / "decide"
    verdicts = pq.read_table(out / "verdicts.parquet").to_pylist()
    assert [row["reason"] for row in verdicts] == [
        "", "", "repeat", "few_words", "heldout:reviews", "heldout:reviews", "heldout:holdout", "", "empty",
        "repeated_line_characters", "", "", "", "repeat", "few_words",
    ]  # fmt: skip
    assert all(row["kept"] == (row["reason"] == "") for row in verdicts)
    assert (verdicts[3]["value"], verdicts[3]["threshold"]) == (2.0, 3.0)
    assert verdicts[4]["value"] is None
    assert texts(out / "documents") == [
        text for text, row in zip(texts(cleaned / "normalise" / "documents"), verdicts, strict=False) if row["kept"]
    ]
    assert texts(out / "holdout") == [HOLDOUT[0][0], TEST_ITEM]


def test_facts_count_what_the_verdicts_say(cleaned: Path) -> None:
    found = facts(cleaned / "decide")
    assert found["documents"] == {"in": 11, "kept": 4}
    assert found["holdout"]["documents"] == {"in": 4, "kept": 2}
    assert found["holdout"]["reasons"] == {"few_words": 1, "repeat": 1}
    assert found["leaked"] == {"reviews": 2, "holdout": 1}
    assert found["repeats"]["groups"] == found["repeats"]["documents"] == 1
    assert found["repeats"]["largest"] == [
        {"count": 2, "language": "zh-Hans", "text": "ABC公司1998年增长12%，这是一条完整的新闻。"}
    ]
    assert found["reasons"]["few_words"] == {"documents": 1, "bytes": 6, "by_language": {"zh-Hans": 1}}
    assert sum(reason["documents"] for reason in found["reasons"].values()) == 7
    assert sum(source["in"] for source in found["by_source"].values()) == 11
    assert sum(source["bytes_kept"] for source in found["by_source"].values()) == found["bytes"]["kept"]
    assert found["examples"]["few_words"] == [
        {"text": "漂亮", "source": "books", "language": "zh-Hans", "value": 2.0, "threshold": 3.0}
    ]
    assert set(found["examples"]) == set(found["reasons"])


def test_switches(tmp_path: Path) -> None:
    documents, datasets = collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")}
    off = CleanConfig(preset="none", dedup=DedupConfig(method="none"), decontaminate=False)
    out = clean(tmp_path / "off", off, documents, datasets)
    assert facts(out / "decide")["reasons"] == {"empty": {"documents": 1, "bytes": 0, "by_language": {"en": 1}}}
    low = clean(tmp_path / "low", CleanConfig(rules={"few_words": 1}), documents, datasets)
    assert "few_words" not in facts(low / "decide")["reasons"]
    # Now that the short text is kept on both sides, the held-out one counts.
    assert facts(low / "decide")["leaked"]["holdout"] == 2


def test_evaluation_files_are_guarded_and_say_how(tmp_path: Path) -> None:
    (tmp_path / "quiz.jsonl").write_text(
        json.dumps({"question": "Who sent the last letter to the island?", "answer": "Captain Moreau"})
        + "\n"
        + json.dumps({"question": DOCUMENTS[6][0] + "另外还有一句只有考题里才有的话，谁也不曾在别处见到。", "answer": "x"}),
        encoding="utf-8",
    )
    rows_of = [
        ("Quiz night. Who sent the last letter to the island? It was, of course, CAPTAIN MOREAU himself.", "en", "films"),
        ("这一篇另有开头。" + DOCUMENTS[6][0] + "这一篇也另有结尾。", "zh-Hans", "news"),
        ("Nobody knew who sent the last letter to the island, and nobody asked about it again.", "en", "films"),
    ]
    write_documents(tmp_path / "in" / "documents", rows(rows_of, "train"))
    config = CleanConfig.model_validate({"decontaminate": {"files": ["quiz.jsonl"]}})
    out = clean(tmp_path / "out", config, Artifact("collect", "key", tmp_path / "in"), {}, base=tmp_path)
    verdicts = pq.read_table(out / "decide" / "verdicts.parquet").to_pylist()
    assert [row["reason"] for row in verdicts] == ["heldout:quiz.jsonl", "heldout:quiz.jsonl", ""]
    assert (verdicts[0]["value"], verdicts[1]["threshold"]) == (None, pytest.approx(0.4))
    assert 0.4 < verdicts[1]["value"] < 1
    found = facts(out / "decide")
    assert found["leaked"] == {"quiz.jsonl": 2, "holdout": 0}
    assert found["leaks"] == {"quiz.jsonl": {"answer": 1, "overlap": 1}}
    assert {example["way"] for example in found["examples"]["heldout:quiz.jsonl"]} == {"answer", "overlap"}
    whole = CleanConfig.model_validate({"decontaminate": {"files": ["quiz.jsonl"], "share": 1}})
    out = clean(tmp_path / "whole", whole, Artifact("collect", "key", tmp_path / "in"), {}, base=tmp_path)
    assert facts(out / "decide")["leaks"] == {"quiz.jsonl": {"answer": 1}}


def test_unknown_rule_stops_before_any_work(tmp_path: Path) -> None:
    run = run_of("clean.normalise", tmp_path / "out")
    with pytest.raises(RecipeError):
        normalise(collected(tmp_path / "in"), config=CleanConfig(rules={"nonsense": 1}), run=run)
    assert not (tmp_path / "out" / "documents").exists()


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    config = CleanConfig(rules={"few_words": 1000})
    documents = tmp_path / "in"
    write_documents(documents / "documents", rows(DOCUMENTS[:3], "train"))
    with pytest.raises(DanluError) as caught:
        clean(tmp_path / "out", config, Artifact("collect", "key", documents), {})
    assert caught.value.key == "clean.nothing-left"
    assert "few_words" in caught.value.explain("en")["remedy"]
    assert "few_words" in caught.value.explain("zh")["cause"]


def payload(root: Path) -> dict[str, str]:
    return {
        f"{stage}/{name}": value for stage in ("normalise", "score", "pairs", "search", "decide")
        for name, value in hash_payload(root / stage).items() if "ledger.sqlite" not in name
    }  # fmt: skip


def test_same_input_same_bytes(tmp_path: Path, cleaned: Path) -> None:
    documents, datasets = collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")}
    assert payload(clean(tmp_path / "again", CleanConfig(), documents, datasets)) == payload(cleaned)


def test_parts_of_another_size_change_no_verdict(tmp_path: Path, cleaned: Path) -> None:
    documents, datasets = collected(tmp_path / "in", part_rows=100), {"reviews": dataset(tmp_path / "reviews")}
    out = clean(tmp_path / "out", CleanConfig(), documents, datasets)
    for name in ("decide/verdicts.parquet", "pairs/pairs.parquet", "score/scores.parquet", "normalise/edits.parquet"):
        assert pq.read_table(out / name).equals(pq.read_table(cleaned / name))
    for name in ("decide", "pairs", "score", "normalise"):
        assert facts(out / name) == facts(cleaned / name)


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], str(Path(sys.argv[1]).parent)]
import test_clean_stages as tests
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact
root = Path(sys.argv[2])
datasets = {"reviews": Artifact("dataset", "key", root / "reviews")}
tests.clean(root / "out", CleanConfig(), Artifact("collect", "key", root / "in"), datasets)
"""


@pytest.mark.parametrize(
    "failpoint",
    [
        "clean.normalise:documents/part-00001",
        "clean.score:holdout/part-00000",
        "clean.pairs:sign/documents/part-00001",
        "clean.pairs:band/007",
        "clean.pairs:compare/candidates/0",
        "clean.search:documents/part-00001",
        "clean.decide:write/documents/part-00000",
    ],
)
def test_killed_stage_resumes_to_the_same_bytes(tmp_path: Path, cleaned: Path, failpoint: str) -> None:
    documents, datasets = collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")}
    killed = script(SCRIPT, Path(__file__).parent, tmp_path, failpoint=failpoint)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # Resume here: what the ledger has is not done again; what the kill cut short is done anew.
    assert payload(clean(tmp_path / "out", CleanConfig(), documents, datasets)) == payload(cleaned)
