"""The page: whole in both languages, well formed, safe with hostile text, small, and good with parts missing."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Document

import danlu.report
from danlu.report.frame import slug
from danlu.report.page import SECTIONS, render
from danlu.report.words import metric_definition
from danlu.workspace.messages import LANGUAGES, table
from pages import HOSTILE, parsed

PACKAGE = Path(danlu.report.__file__).parent
OPTIONAL = (
    "recipe",
    "run",
    "datasets",
    "collect",
    "normalise",
    "decide",
    "tokenizer",
    "encode",
    "pretrain",
    "finetune",
    "evaluation",
)


def replaced(node: Any, text: str) -> Any:
    """The facts with every free text replaced."""
    if isinstance(node, dict):
        return {key: replaced(value, text) for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(value, text) for value in node]
    return text if isinstance(node, str) else node


def renamed(node: Any, text: str) -> Any:
    """As `replaced`, and the keys that users choose (datasets, models, reasons, labels) too, told apart by number."""
    if isinstance(node, dict):
        return {
            (
                f"{text}{index}"
                if key in ("sentiment", "sentiment-scratch", "bert", "gpt", "en", "zh-Hans", "positive", "repeat", "markup")
                else key
            ): renamed(value, text)
            for index, (key, value) in enumerate(node.items())
        }
    if isinstance(node, list):
        return [renamed(value, text) for value in node]
    return text if isinstance(node, str) else node


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_well_formed_whole_and_small(facts: dict[str, Any], language: str) -> None:
    page = render(facts, language)  # type: ignore[arg-type]
    found = parsed(page)
    assert max(found.identifiers.values()) == 1
    assert {link[1:] for link in found.links} <= set(found.identifiers), "a link that leads nowhere"
    assert len(page.encode()) < 500_000
    document = Document(page)
    assert document.css_first("html").attributes["lang"] == {"en": "en", "zh": "zh-Hans"}[language]
    assert [node.id for node in document.css("input[checked]")] == [f"show-{language}"]
    for each in LANGUAGES:
        sections = [node.id for node in document.css(f"article.{each} section")]
        assert sections == [f"{each}-next", *(f"{each}-{name}" for name, _ in SECTIONS)]
        assert all(node.text().strip() for node in document.css(f"article.{each} :is(h1, h2, h3, summary, dt, figcaption)"))


def test_page_needs_nothing_from_elsewhere(facts: dict[str, Any]) -> None:
    page = render(facts)
    document = Document(page)
    assert not document.css("script, link, iframe, img, object, embed")
    assert not [url for url in re.findall(r"https?://[^\"'<\s]+", page) if url != "http://www.w3.org/2000/svg"]
    assert "url(" not in page
    assert "@import" not in page


def test_each_article_is_in_its_language(facts: dict[str, Any]) -> None:
    document = Document(render(facts))
    for selector in ("h2", "h3", "thead th", "summary", "dt", "figcaption"):
        english = [node.text() for node in document.css(f"article.en {selector}")]
        chinese = [node.text() for node in document.css(f"article.zh {selector}")]
        assert len(english) == len(chinese)
        assert not [words for words in english if re.search("[\u4e00-\u9fff]", words)]
    headings = [node.text() for node in document.css("article.zh h2")]
    assert all(re.search("[\u4e00-\u9fff]", words) for words in headings)


def test_opens_with_the_leak(facts: dict[str, Any]) -> None:
    document = Document(render(facts))
    assert document.css_first("article.en h1").text() == (
        "51% of the English rows in sentiment repeat another row, and 41 texts carry more than one label. "
        "Without the leak the accuracy is 0.85, not 0.91."
    )
    assert "41" in document.css_first("article.zh h1").text()
    commands = [node.text() for node in document.css("article.en .steps code")]
    assert commands[:2] == ["danlu predict sentiment texts.txt", "danlu serve sentiment gpt"]


@pytest.mark.parametrize("part", OPTIONAL)
def test_any_part_may_be_missing(facts: dict[str, Any], part: str) -> None:
    without = {name: value for name, value in facts.items() if name != part}
    parsed(render(without))
    parsed(render({**facts, part: {}}))
    alone = render({part: facts[part]})
    parsed(alone)
    assert Document(alone).css_first("article.en h1").text().strip()


def test_nothing_at_all() -> None:
    page = render({}, "zh")
    assert {link[1:] for link in parsed(page).links} <= set(parsed(page).identifiers)
    assert "还没有完成" in Document(page).css_first("article.zh h1").text()


def test_run_that_stopped_early_says_so(facts: dict[str, Any]) -> None:
    early = {name: facts[name] for name in ("recipe", "run", "collect", "normalise")}
    for node in early["run"]["nodes"][4:]:
        node.update(state="waiting", seconds=None, key=None, peak_memory_bytes=None)
    early["run"]["nodes"][3]["state"] = "failed"
    document = Document(render(early))
    assert "clean.score" in document.css_first("article.en .notice").text()
    assert document.css_first("article.en .steps code").text() == "danlu run reviews.yaml"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_not_obeyed(facts: dict[str, Any], text: str) -> None:
    for hostile in (replaced(facts, text), renamed(facts, text)):
        page = render(hostile)
        page.encode("utf-8")
        parsed(page)
        document = Document(page)
        assert not document.css("script, img, [onload], [onerror]")
        assert len(document.css("style")) == 1
        assert not re.search("[\x00-\x08\x0b-\x1f]", page)


def test_page_stays_small_with_much_of_everything(facts: dict[str, Any]) -> None:
    long = "A long text. 很长的文本。" * 400
    big = replaced(copy.deepcopy(facts), long)
    big["recipe"] = {"name": "big", "text": "key: value\n" * 40_000}
    big["run"]["nodes"] = [
        {"name": f"pretrain.{i}", "stage": "pretrain", "key": "0" * 16, "state": "done", "seconds": 3.0 * i} for i in range(400)
    ]
    big["collect"]["sources"] = [{**big["collect"]["sources"][0], "name": f"{i}{long}"} for i in range(100)]
    big["datasets"] = {
        f"{i}": {**big["datasets"]["sentiment"], "sources": big["datasets"]["sentiment"]["sources"] * 20} for i in range(10)
    }
    for name in ("reasons", "examples"):
        one = big["decide"][name]["repeat"]
        big["decide"][name] = {f"rule-{i}": one * 10 if isinstance(one, list) else one for i in range(60)}
    big["tokenizer"]["examples"] = [{"language": "en", "text": "a" * 1000, "tokens": ["a"] * 1000}] * 40
    big["pretrain"] = {
        f"m{i}": {**facts["pretrain"]["bert"], "metrics": facts["pretrain"]["bert"]["metrics"] * 6} for i in range(30)
    }
    evaluation = facts["evaluation"]
    big["evaluation"] = {
        "numbers": [
            {**number, "model": f"{number['model']}-{i}", "metric": f"{number['metric']}-{i % 9}"}
            for i in range(80)
            for number in evaluation["numbers"]
        ],
        "comparisons": evaluation["comparisons"] * 200,
        "curve": evaluation["curve"] * 50,
        "crossings": evaluation["crossings"] * 100,
        "openings": evaluation["openings"] * 300,
        "parts": [
            {**part, "model": f"{part['model']}-{i}", "slice": {**part["slice"], "source": f"{j}{long}"}}
            for part in evaluation["parts"]
            for i in range(20)
            for j in range(20)
        ],
        "overlaps": [{**entry, "examples": evaluation["overlaps"][1]["examples"] * 9} for entry in evaluation["overlaps"] * 50],
        "mistakes": [{**entry, "text": long} for entry in evaluation["mistakes"]] * 100,
        "samples": {
            kind: [{**entry, "text": long} for entry in entries] * 100 for kind, entries in evaluation["samples"].items()
        },
    }
    page = render(big)
    parsed(page)
    assert len(page.encode()) < 2_000_000


def test_every_message_of_the_report_is_used_and_every_used_one_is_there() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*") if path.suffix in (".py", ".html"))
    used = set(re.findall(r"[\"'](report\.[\w.-]+[\w])[\"']", source))
    assert {key for key in used if not any(name.startswith(f"{key}.") for name in table())} <= set(table())
    prefixes = (
        "report.language.",
        "report.model.",
        "report.state.",
        "report.split.",
        "report.term.",
        "report.reason.",
        "report.training.",
        "report.cost.",
        "report.data.column.",
        "report.scores.lead.",
        "report.next.",
        "report.finding.",
        "report.parts.by.",
    )
    mine = {key.removesuffix("-one") for key in table() if key.startswith("report.")}
    built = {key for key in mine if key.startswith(prefixes) or re.fullmatch(r"report\.\w+\.heading", key)}
    assert mine - used - built == set()


def test_messages_name_the_same_parameters_in_both_languages() -> None:
    for key, words in table().items():
        if key.startswith("report."):
            names = [set(re.findall(r"{(\w+)", words[language])) for language in LANGUAGES]
            assert names[0] == names[1] or names[1] < names[0], key
            assert all(words.values())


def test_each_metric_shown_has_its_definition_within_reach(facts: dict[str, Any]) -> None:
    document = Document(render(facts))
    for metric in {number["metric"] for number in facts["evaluation"]["numbers"]}:
        place = document.css_first(f'[id="en-metric-{slug(metric)}"]')
        assert place is not None
        assert (
            place.next.text() == metric_definition("en", metric)
            or metric_definition("en", metric) in document.css_first("article.en dl.glossary").text()
        )
        assert document.css(f'a[href="#en-metric-{slug(metric)}"]')


def test_scores_by_part_and_overlaps_are_told(facts: dict[str, Any]) -> None:
    document = Document(render(facts))
    captions = [node.text() for node in document.css("article.en .parts caption")]
    assert captions == [
        "accuracy, by label",
        "accuracy, by length of the text in characters",
        "bits per byte, by how many tokens of the document stand before",
        "bits per byte, by how many tokens of the document stand before · English",
    ]
    table = document.css("article.en .parts table")[2]
    assert [node.text() for node in table.css("thead th")] == ["", "gpt", "5-gram counts", "Items"]
    assert [node.text() for node in table.css("tbody th")] == ["0–15", "16–63", "256–1,023"]
    assert [node.text() for node in table.css("tbody tr")[0].css("td")] == ["2.1802.140–2.220", "2.6102.570–2.650", "412"]
    heading = next(node for node in document.css("article.en h3") if node.text() == "Were the test texts seen before?")
    rows = [[cell.text() for cell in row.css("th, td")] for row in heading.parent.css("table.fine")[0].css("tbody tr")]
    assert rows == [
        ["sentiment · test set", "training set", "0", "0", "4,000", "29,670"],
        ["sentiment · test set", "text for pretraining", "2", "5", "4,000", "80,000"],
        ["text set aside", "text for pretraining", "0", "1", "412", "80,000"],
    ]
    (pair,) = [node for node in document.css("article.en #en-scores .repair") if "81% alike" in node.text()]
    assert [node.text() for node in pair.css("del")]
    assert not document.css("article.en .parts details[open]")
    facts["evaluation"]["overlaps"] = facts["evaluation"]["overlaps"][:1]
    assert "None was found." in render(facts)
    assert "perhaps by chance" not in render(facts)


def test_copies_that_may_be_chance_are_told_apart(facts: dict[str, Any]) -> None:
    facts["evaluation"]["overlaps"][1]["short"] = 1_234
    page = render(facts)
    heading = next(node for node in Document(page).css("article.en h3") if node.text() == "Were the test texts seen before?")
    table = heading.parent.css("table.fine")[0]
    assert [node.text() for node in table.css("thead th")][2:5] == ["As they are", "Nearly", "Short, perhaps by chance"]
    assert [row.css("td")[3].text() for row in table.css("tbody tr")] == ["0", "1,234", "0"]
    assert "很短，或属巧合" in page
    assert "makes a score look better" in page
    facts["evaluation"]["overlaps"] = [{**entry, "exact": 0, "near": 0} for entry in facts["evaluation"]["overlaps"]]
    assert "Only texts so short that chance" in render(facts)


def test_why_the_machine_decided_so_is_told_in_each_language(facts: dict[str, Any]) -> None:
    page = render(facts)
    assert "learning rate: 0.002, from the width 128" in page
    assert "学习率：0.002，由宽度 128 推得" in page
    assert "reason.rate" not in page
    assert page.count("learning rate: 0.002, from the width 128") == len(facts["pretrain"]), "in English on the English page"


def test_what_a_model_said_while_it_learned_is_shown_in_order(facts: dict[str, Any]) -> None:
    page = render(facts)
    start = page.index("What they said as they learned")
    after = [page.index(f"由第{step}位代表主持。", start) for step in (40, 80, 160, 320, 400)]
    assert after == sorted(after)
    assert "The old fire &lt;b&gt;" in page
    assert 'class="answer right"><bdi>warm</bdi>' in page


def test_the_vocabulary_that_the_text_hardly_has_is_told(facts: dict[str, Any]) -> None:
    document = Document(render(facts))
    section = document.css("article.en #en-tokenizer")[0]
    assert "Of 8,082 tokens 98 never occur in the training text and 32 fewer than 10 times" in section.text()
    rows = [[cell.text() for cell in row.css("th, td")] for row in section.css("details table tbody tr")]
    assert rows == [["<b>films</b>", "4.88", "5.3 M"], ["people", "4.00", "1.5 M"]]


def test_same_facts_same_bytes(facts: dict[str, Any]) -> None:
    assert render(facts) == render(copy.deepcopy(facts))
