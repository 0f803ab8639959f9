"""The account of a cleaning and its page: what the sliders say is what another cleaning with those thresholds decides."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import danlu.clean.whatif
from danlu.clean.account import account
from danlu.clean.compare import Side, compare
from danlu.clean.decide import decide
from danlu.clean.judged import Cleaning
from danlu.clean.normalise import normalise
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.clean.whatif import GONE, LEADS
from danlu.documents.schema import document_id
from danlu.documents.store import write_documents
from danlu.recipe.clean import CleanConfig
from danlu.report import cleaning as page
from danlu.report import compared
from danlu.text.canonical import digest
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
from pages import answered

ENGLISH = "the river was low that summer and boys walked across it on stones in evening they made a fire told each other"
CHINESE = "昨天下了一场大雨河里的水涨不少孩子们在石头上走过去晚生火讲见到事情"


def corpus(count: int = 500) -> list[dict[str, Any]]:
    """Random documents that fail some rules: short ones, repetition, figures, addresses; and copies in other case."""
    chance = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        chinese = chance.random() < 0.4
        words = list(CHINESE) if chinese else ENGLISH.split()
        text = ("" if chinese else " ").join(chance.choices(words, k=int(1.5 ** chance.uniform(0, 14)) + 1))
        match chance.randrange(8):
            case 0:
                text = (text + "。 ") * chance.randrange(1, 6)
            case 1:
                text += " " + " ".join(str(chance.randrange(10**6)) for _ in range(chance.randrange(30)))
            case 2:
                text += " https://a.example/" + "x" * chance.randrange(60)
            case 4:
                text += " =*=" * chance.randrange(60)
            case 3 if rows:
                copied = chance.choice(rows)
                text, chinese = copied["text"].upper(), copied["language"] != "en"
        source = "left" if chance.random() < 0.5 else "右"
        rows.append(
            {
                "id": document_id(source, "test", number), "digest": digest(text), "text": text, "source": source,
                "url": "", "licence": "", "language": "zh-Hans" if chinese else "en", "created": "", "meta": "{}",
                "protected": number == 3,
            }
        )  # fmt: skip
    return rows


def run_of(stage: str, output: Path) -> Run:
    output.mkdir(parents=True)
    return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage))


class Cleaned:
    """The corpus repaired and scored once, to be decided with any rules."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write_documents(root / "in" / "documents", corpus(), part_rows=200)
        write_documents(root / "in" / "holdout", [])
        normalise(Artifact("collect", "k", root / "in"), config=CleanConfig(), run=run_of("clean.normalise", root / "normal"))
        self.normal = Artifact("clean.normalise", "k", root / "normal")
        score(self.normal, config=CleanConfig(), run=run_of("clean.score", root / "scores"))
        self.scores = Artifact("clean.score", "k", root / "scores")
        search(self.normal, {}, config=CleanConfig(), run=run_of("clean.search", root / "search"))
        self.search = Artifact("clean.search", "k", root / "search")

    def decide(self, name: str, rules: dict[str, float | None]) -> Cleaning:
        output, config = self.root / name, CleanConfig(rules=rules)
        if not output.exists():
            decide(self.normal, self.scores, self.search, config=config, run=run_of("clean.decide", output))
        return Cleaning(name, output, self.normal.path, self.scores.path, config)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    return Cleaned(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def facts(cleaned: Cleaned) -> dict[str, Any]:
    return account(cleaned.decide("as-is", {}))


def kept(cleaning: Cleaning) -> tuple[int, int]:
    """Documents and bytes of text that stay."""
    verdicts = pq.read_table(cleaning.decided / "verdicts.parquet", filters=[("kept", "=", True)])
    return len(verdicts), sum(verdicts["bytes"].to_pylist())


def texts(pieces: list[list[Any]]) -> list[str]:
    return [text for mark, text in pieces if mark == 1]


def test_losses_add_up_to_what_went(cleaned: Cleaned, facts: dict[str, Any]) -> None:
    documents, size = kept(cleaned.decide("as-is", {}))
    assert facts["documents"] == {"in": 500, "kept": documents}
    assert sum(row["documents"] for row in facts["losses"]) == 500 - documents
    assert sum(row["bytes"] for row in facts["losses"]) == facts["bytes"]["in"] - size
    assert {"repeat", "few_words"} < {row["reason"] for row in facts["losses"]}
    for rule in facts["rules"]:
        for panel in rule["panels"]:
            assert len(panel["counts"]) == len(panel["cuts"]) + 1
            assert sum(panel["counts"]) == panel["asked"]
    took = {rule["name"]: sum(panel["took"] for panel in rule["panels"]) for rule in facts["rules"]}
    for row in {row["reason"] for row in facts["losses"]} - {"repeat"}:
        assert took[row] == sum(one["documents"] for one in facts["losses"] if one["reason"] == row)


def test_examples_stand_on_both_sides_of_the_threshold_nearest_first(facts: dict[str, Any]) -> None:
    found = facts["examples"]["letters"]
    for side in (False, True):
        near = [one for one in found if one["near"] and one["kept"] is side and one["language"] == "en"]
        assert near
        assert all((one["value"] >= one["threshold"]) is side for one in near)
        distances = [abs(one["value"] - one["threshold"]) for one in near]
        assert distances == sorted(distances)
    assert all(len(rows) <= 40 + 2 for rows in facts["examples"].values())
    urls = [one for one in facts["examples"]["urls"] if not one["kept"]]
    assert urls
    assert all(text.lower().startswith("https://a.example/") for one in urls for text in texts(one["text"]))


def test_copies_stand_beside_the_document_that_stays(facts: dict[str, Any]) -> None:
    repeats = sum(row["documents"] for row in facts["losses"] if row["reason"] == "repeat")
    assert facts["repeats"]["documents"] == repeats
    assert facts["clusters"]
    for cluster in facts["clusters"]:
        assert cluster["kept"]
        assert all(copy["similarity"] == 1 for copy in cluster["copies"])
    shouted = [copy for one in facts["clusters"] if one["language"] == "en" for copy in one["copies"]]
    assert any(texts(copy["text"]) for copy in shouted), "other case is marked"


def test_near_duplicates_are_shown_and_what_goes_for_them_is_told(cleaned: Cleaned, tmp_path: Path) -> None:
    base = cleaned.decide("as-is", {})
    decided = tmp_path / "decided"
    decided.mkdir()
    (decided / "facts.json").write_bytes((base.decided / "facts.json").read_bytes())
    table = pq.read_table(base.decided / "verdicts.parquet")
    rows = table.to_pylist()
    stays, goes = [row for row in rows if row["kept"]][:2]
    goes |= {"kept": False, "reason": "near", "twin": stays["id"], "value": 0.8125, "threshold": 0.75}
    pq.write_table(table.from_pylist(rows, schema=table.schema), decided / "verdicts.parquet")
    found = account(Cleaning("near", decided, base.normalised, base.scored, base.config))
    assert found["clusters"][0]["copies"][0]["similarity"] == 0.8125
    assert (found["tried"]["state"] == GONE).sum() == 1
    assert (found["tried"]["state"] >= LEADS).sum() == 1


TRIES: list[tuple[str, dict[str, float | None]]] = [
    ("tighter", {"few_words": 9.0, "letters": 0.8}),
    ("looser", {"letters": 0.1, "urls": None, "repeated_5_gram": 0.6}),
    ("both", {"few_words": None, "letters": 0.9}),
]


SLIDE = """
const data = JSON.parse(document.getElementById("data").textContent), found = [];
const article = language => document.querySelector(`article.${language}`);
const look = () => ["en", "zh"].map(language => {
  const total = article(language).querySelector(".total");
  document.getElementById(`show-${language}`).click();
  return {...total.dataset, words: total.innerText, shown: article(language).offsetHeight > 0};
});
found.push(look());
for (const [index, [name, rules]] of tries.entries()) {
  const here = article(index % 2 ? "zh" : "en");
  for (const [rule, value] of Object.entries(rules))
    for (const node of here.querySelectorAll(`[data-rule=${rule}] .panel`)) {
      const panel = data.panels[node.dataset.panel], slider = node.querySelector("input");
      const off = panel.most ? slider.max : slider.min;
      slider.value = value === null ? off : panel.cuts.findIndex(cut => Math.abs(cut - value) < 1e-6);
      slider.dispatchEvent(new Event("input"));
    }
  await tick();
  found.push(look());
  here.querySelector(".total button").click();
  await tick();
}
found.push(look());
const rule = article("zh").querySelector("[data-rule=urls]");
rule.open = true;
await tick(); await tick();
return [found, [...rule.querySelectorAll("mark")].map(node => node.textContent)];
"""


def test_sliders_say_what_another_cleaning_decides(cleaned: Cleaned, facts: dict[str, Any], tmp_path: Path) -> None:
    """In a real browser, in both languages: every number is that of a cleaning with those thresholds, or says why not."""
    (first, *tried, last), marks = answered(page.render(facts), tmp_path, f"const tries = {json.dumps(TRIES)};{SLIDE}")
    assert last == first
    documents, size = kept(cleaned.decide("as-is", {}))
    for seen, words in zip(first, ("Exact.", "精确值。"), strict=True):
        assert (int(seen["kept"]), int(seen["bytes"])) == (documents, size)
        assert seen["shown"]
        assert words in seen["words"]
    for (name, rules), both in zip(TRIES, tried, strict=True):
        documents, size = kept(cleaned.decide(name, rules))
        for seen in both:
            shown, unknown = int(seen["kept"]), int(seen["unknown"])
            assert (unknown > 0) == (name != "tighter")
            # What passes anew may repeat another: the page says so, and says of how many.
            assert documents <= shown <= documents + unknown
            if not unknown:
                assert (shown, int(seen["bytes"])) == (documents, size)
            assert f"{shown:,}" in seen["words"]
            assert shown == int(first[0]["kept"]) + int(seen["come"]) - int(seen["go"])
            assert f"--set clean.rules.letters={rules['letters']:g}" in seen["words"]
    assert marks
    assert all(text.lower().startswith("https://a.example/") for text in marks)


def test_more_documents_than_a_page_holds_are_a_sample_by_chance(
    cleaned: Cleaned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(danlu.clean.whatif, "MOST_TRIED", 200)
    facts = account(cleaned.decide("as-is", {}))
    tried = facts["tried"]
    assert tried["of"] == 500
    assert 150 < tried["rows"] < 250
    found = answered(page.render(facts), tmp_path, "return document.querySelector('.total').innerText;")
    assert f"Estimate from {tried['rows']} of 500 documents" in found
    share = int(found.split("≈ ")[1].split()[0]) / facts["documents"]["kept"]
    assert 0.8 < share < 1.2


def test_two_cleanings_differ_where_their_verdicts_do(cleaned: Cleaned, tmp_path: Path) -> None:
    rules = dict(TRIES)
    sides = [Side(name, cleaned.decide(name, rules[name]).decided) for name in ("tighter", "looser")]
    facts = compare(*sides)
    verdicts = [
        {row["id"]: row["reason"] for row in pq.read_table(side.folder / "verdicts.parquet").to_pylist()} for side in sides
    ]
    for place in (0, 1):
        dropped: dict[str, int] = {}
        for name, reason in verdicts[place].items():
            if reason and not verdicts[1 - place][name]:
                dropped[reason] = dropped.get(reason, 0) + 1
        assert {entry["reason"]: entry["documents"] for entry in facts["drops"][place]} == dropped
        assert facts["only"][1 - place]["documents"] == sum(dropped.values())
    both = [name for name, reason in verdicts[0].items() if not reason and not verdicts[1][name]]
    assert facts["both"]["documents"] == len(both)
    originals = {row["text"].casefold().strip() for row in corpus()}
    for entry in facts["drops"][0]:
        assert entry["examples"]
        for one in entry["examples"]:
            shown = "".join(text for mark, text in one["text"] if mark != 2)
            if not any(mark == 2 for mark, _ in one["text"]):
                assert shown.casefold() in originals
    script = (
        "const list=document.querySelector('#en-first [data-examples]');await tick();"
        "return [list.querySelectorAll('.example').length,document.querySelector('h1').innerText];"
    )
    shown, head = answered(compared.render(facts), tmp_path, script)
    assert shown == len(facts["drops"][0][0]["examples"])
    assert head == f"They differ on {sum(one['documents'] for one in facts['only'])} of 500 documents."


def test_cleanings_of_other_documents_are_not_compared(cleaned: Cleaned, tmp_path: Path) -> None:
    one = cleaned.decide("as-is", {})
    table = pq.read_table(one.decided / "verdicts.parquet")
    other = [row | {"id": row["id"][::-1]} for row in table.to_pylist()]
    pq.write_table(table.from_pylist(other, schema=table.schema), tmp_path / "verdicts.parquet")
    with pytest.raises(DanluError) as error:
        compare(Side("a", one.decided), Side("b", tmp_path))
    assert error.value.key == "cleaning.nothing-in-common"
    with pytest.raises(DanluError) as error:
        compare(Side("a", one.decided), Side("c", tmp_path / "none"))
    assert error.value.key == "cleaning.no-verdicts"
