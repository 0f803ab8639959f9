"""Personal data through the stages: masked, recorded or dropped, and in no other file of an artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from danlu.clean.decide import decide
from danlu.clean.normalise import normalise
from danlu.clean.own import score_own
from danlu.clean.personal import example, treat
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.documents.schema import document_id
from danlu.documents.store import write_documents
from danlu.pipeline.graph import repairs
from danlu.recipe.clean import CleanConfig
from danlu.text.canonical import digest
from danlu.text.edits import Edit
from danlu.text.repair import repair
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA\n-----END PRIVATE KEY-----"
VALUES = (
    "zhang.wei@qq.com", "13912345678", "11010519491231002X", "6222021234567890128", "john.smith@uni-bonn.de", "8.31.200.7",
    "E12345678", "DE89370400440532013000", "sk-proj-abcdefghijklmnop1234567890", "li.na@163.com", "020 7946 0958",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA", "13787654321", "info@notice-board.cn", "wang@hidden.org",
)  # fmt: skip
FORMS = (
    *VALUES,
    "１３９１２３４５６７８",
    "wang&#64;hidden.org",
    "wang&amp;#64;hidden.org",
)  # also as they came, before repair
DOCUMENTS = [
    ("<p>请写信到 zhang.wei@qq.com ，或打手机13912345678，我们会尽快回复。</p><p>谢谢大家的支持和理解。</p>", "zh-Hans"),
    ("身份证号11010519491231002X，卡号6222021234567890128，请核对无误后再提交申请。", "zh-Hans"),
    ("Write to john.smith@uni-bonn.de  or to the server 8.31.200.7 if nobody answers the letter.", "en"),
    ("Passport No. E12345678 was lost; the account DE89370400440532013000 was closed on the same day.", "en"),
    ("The script sets key = sk-proj-abcdefghijklmnop1234567890  and then reads the list of names.", "en"),
    ("li.na@163.com 020 7946 0958 ==== #### ==== %%%% 1 2 3 4 5 ==== #### ====", "en"),  # goes by a rule: too few letters
    (f"Never put this into a repository, it said in large letters on the page:\n\n\n{KEY}\n\nAnd then they did.", "en"),
    ("第一段写的是去年夏天的事情。\n版权所有 违者必究 info@notice-board.cn\n第二段写的是今年春天的事情。", "zh-Hans"),
    ("全角的手机号码１３９１２３４５６７８也是号码，读者都认得出来，所以也要遮盖。", "zh-Hans"),
    ("His address was wang&#64;hidden.org and he answered every letter that came to him there.", "en"),
    ("同一个号码13787654321出现两次的文档只留下一篇，另一篇算作重复，两篇里都不应该看得到。", "zh-Hans"),
    ("同一个号码13787654321出现两次的文档只留下一篇，另一篇算作重复，两篇里都不应该看得到！", "zh-Hans"),
    ("An ordinary sentence about the sea and the boats that lay on the shore all winter.", "en"),
    ("A protected text may hold protected@canary.org and nobody touches what is protected.", "en"),
]
PROTECTED = 13
HELD = "A held-out sentence about the hills in spring, which nothing else here says."


def collected(folder: Path) -> Artifact:
    rows: list[dict[str, Any]] = [
        {
            "id": document_id("s", "train", index), "digest": digest(text), "text": text, "source": "s", "url": "",
            "licence": "", "language": language, "created": "", "meta": "{}", "protected": index == PROTECTED,
        }
        for index, (text, language) in enumerate(DOCUMENTS)
    ]  # fmt: skip
    write_documents(folder / "documents", rows, part_rows=5)
    write_documents(folder / "holdout", [{**rows[12], "text": HELD, "id": document_id("s", "held", 0)}], part_rows=5)
    return Artifact("collect", "key", folder)


def cleaned(root: Path, config: CleanConfig, **options: Any) -> Path:
    """The three stages, each with the configuration that the pipeline would give it."""

    def run_of(stage: str) -> Run:
        output = root / stage
        output.mkdir(parents=True)
        return Run(stage=f"clean.{stage}", output=output, ledger=Ledger(output / "ledger.sqlite", stage), **options)

    normalise(collected(root / "in"), config=repairs(config), run=run_of("normalise"))
    normal = Artifact("clean.normalise", "key", root / "normalise")
    score(normal, config=config, run=run_of("score"))
    search(normal, {}, config=config, run=run_of("search"))
    scored, searched = (Artifact(f"clean.{stage}", "key", root / stage) for stage in ("score", "search"))
    decide(normal, scored, searched, config=config, run=run_of("decide"))
    return root


def texts(folder: Path) -> list[str]:
    return [text for path in sorted(folder.glob("*.parquet")) for text in pq.read_table(path)["text"].to_pylist()]


def in_words(path: Path) -> str:
    """All that a file says, compressed columns included."""
    if path.suffix == ".parquet":
        return json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str)
    return path.read_bytes().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cleaned(tmp_path_factory.mktemp("personal"), CleanConfig())


def test_no_file_shows_a_masked_value(masked: Path) -> None:
    files = [path for stage in ("normalise", "score", "decide") for path in (masked / stage).rglob("*") if path.is_file()]
    assert {"edits.parquet", "personal.parquet", "facts.json", "verdicts.parquet", "ledger.sqlite"} <= {
        path.name for path in files
    }
    for path in files:
        words = in_words(path)
        assert [value for value in FORMS if value in words or value in words.replace("\\n", "\n")] == [], path


@pytest.mark.parametrize("action", ["none", "tag", "drop"])
def test_no_record_shows_a_value_that_stays_in_the_documents(tmp_path: Path, action: str) -> None:
    config = CleanConfig.model_validate({"pii": action, "preset": "danlu"})
    root = cleaned(tmp_path, config)
    for stage in ("normalise", "score", "decide"):
        for path in (root / stage).rglob("*"):
            if path.is_file() and path.parent.name not in ("documents", "holdout"):
                assert [value for value in FORMS if value in in_words(path)] == [], path
    personal = pq.read_table(root / "normalise" / "personal.parquet").to_pylist()
    if action == "none":
        assert personal == []
        return
    by_id = {
        row["id"]: row["text"]
        for path in (root / "normalise" / "documents").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    }
    found = {by_id[row["id"]][row["start"] : row["end"]] for row in personal}
    assert {*VALUES[:11], "wang@hidden.org", "13787654321"} <= {value.replace("\n", "") for value in found}
    reasons = pq.read_table(root / "decide" / "verdicts.parquet")["reason"].to_pylist()
    gone = [reason for reason in reasons if reason.startswith("pii:")]
    assert len(gone) == (0 if action == "tag" else 10)
    if action == "drop":
        assert (reasons[0], reasons[1], reasons[3], reasons[6]) == ("pii:email", "pii:id_card", "pii:iban", "pii:secret")
        assert (reasons[12], reasons[PROTECTED]) == ("", "")


def test_masks_are_recorded_as_edits_and_nothing_else_changes(masked: Path) -> None:
    after = texts(masked / "normalise" / "documents")
    assert after[0] == "请写信到 <EMAIL> ，或打手机<PHONE>，我们会尽快回复。\n\n谢谢大家的支持和理解。"
    assert after[1] == "身份证号<ID_CARD>，卡号<BANK_CARD>，请核对无误后再提交申请。"
    assert after[2] == "Write to <EMAIL> or to the server <IP> if nobody answers the letter."
    assert after[3] == "Passport No. <PASSPORT> was lost; the account <IBAN> was closed on the same day."
    assert after[6].endswith("on the page:\n\n<SECRET>\n\nAnd then they did.")
    assert after[8].startswith("全角的手机号码<PHONE>也是")
    assert after[9] == "His address was <EMAIL> and he answered every letter that came to him there."
    assert after[12:] == [DOCUMENTS[12][0], DOCUMENTS[13][0]]
    table = pq.read_table(masked / "normalise" / "edits.parquet").to_pylist()
    mails = [row for row in table if row["id"] == document_id("s", "train", 0) and "pii:email" in row["reason"]]
    assert [DOCUMENTS[0][0][row["start"] : row["end"]] for row in mails] == ["zhang.wei@qq.com"]
    assert mails[0]["length"] == len("<EMAIL>")
    reasons = pq.read_table(masked / "decide" / "verdicts.parquet")["reason"].to_pylist()
    assert [reasons[5], *sorted(reasons[10:12])] == ["letters", "", "repeat"]  # so that there are examples
    facts = json.loads((masked / "normalise" / "facts.json").read_text(encoding="utf-8"))
    # The notice went with its address before anything looked for one.
    assert facts["personal"] == {
        "bank_card": 1,
        "email": 4,
        "iban": 1,
        "id_card": 1,
        "ip": 1,
        "passport": 1,
        "phone": 5,
        "secret": 2,
    }
    assert facts["searched"] == 11


def test_each_kind_has_its_switch(tmp_path: Path) -> None:
    root = cleaned(
        tmp_path, CleanConfig.model_validate({"pii": {"email": "none", "id_card": "drop", "phone": "tag", "ip": "mask"}})
    )
    after = texts(root / "normalise" / "documents")
    assert "zhang.wei@qq.com" in after[0]
    assert "13912345678" in after[0]
    assert after[1].startswith("身份证号11010519491231002X，卡号<BANK_CARD>")
    assert "<IP>" in after[2]
    spans = pq.read_table(root / "normalise" / "personal.parquet").to_pylist()
    assert {row["kind"] for row in spans} == {"id_card", "phone"}
    assert "pii:id_card" in pq.read_table(root / "decide" / "verdicts.parquet")["reason"].to_pylist()
    # Where a value stands after masks before it in the same text.
    (repaired,), treated = treat([repair("写信到zhang.wei@qq.com或打13912345678")], {"email": "mask", "phone": "tag"})
    (row, span), text = treated.recorded[0], repaired.text
    assert (row, text[span.start : span.end]) == (0, "13912345678")


def test_drop_and_tag_repair_the_same() -> None:
    tag, drop = (CleanConfig.model_validate({"pii": action}) for action in ("tag", "drop"))
    assert repairs(tag).identity() == repairs(drop).identity() != repairs(CleanConfig()).identity()
    assert repairs(CleanConfig.model_validate({"pii": "mask"})).identity() == repairs(CleanConfig()).identity()
    assert CleanConfig(preset="none").pii.actions("none") == {}
    assert set(CleanConfig().pii.actions("danlu").values()) == {"mask"}
    assert not {"coordinates", "company_code", "ip_reserved"} & set(CleanConfig().pii.actions("danlu"))


def test_an_example_shows_no_neighbour() -> None:
    before = "电话13912345678<br>邮箱zhang.wei@qq.com"
    edits = repair(before).edits
    shown = example(before, edits[0], edits, "s")
    assert shown["before"] == "电话<PHONE><br>邮箱<EMAIL>"
    assert shown["after"] == "电话<PHONE>\n邮箱<EMAIL>"
    # A border that cuts a value: the placeholder is there whole, the value in no part.
    far = "x" * 30 + " zhang.wei@qq.com " + "y" * 30 + "  z"
    spot = [Edit(far.index("  "), far.index("  ") + 2, " ", "space")]
    assert "wei" not in json.dumps(example(far, spot[0], spot, "s"))
    assert (
        len(
            example("a" * 5000 + "  b", Edit(0, 5000, "", "long_word_line"), [Edit(0, 5000, "", "long_word_line")], "s")[
                "before"
            ]
        )
        < 1000
    )


def test_an_error_of_a_rule_of_ones_own_shows_none(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def bad(text, language):\n    return float('nan')\nbad.direction = 'least'\n", encoding="utf-8"
    )
    with pytest.raises(DanluError) as caught:
        score_own(["mine:bad"], tmp_path, ["Call 13912345678 now"], ["en"])
    assert "13912345678" not in str(caught.value)
    assert "<PHONE>" in str(caught.value)
