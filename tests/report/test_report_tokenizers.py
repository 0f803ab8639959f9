"""The page of tokenizers: whole in both languages, well formed, safe with hostile names and texts, fit for a phone."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Document

import danlu.report
from danlu.report.tokenizers import MEANT, SHORT, render, short_names
from danlu.workspace.messages import LANGUAGES, Language, table
from pages import HOSTILE, PHONE, laid_out, parsed

KEY = "0123456789abcdef"


def amount(each: float, size: int = 3_000_000, characters: float = 1.0) -> dict[str, Any]:
    return {
        "documents": 20, "bytes": size, "characters": size, "tokens": int(size / each),
        "bytes_per_token": each, "characters_per_token": each * characters,
    }  # fmt: skip


def one(name: str, english: float, chinese: float, *, unknown: float = 0.0, lost: list[str] | None = None) -> dict[str, Any]:
    """What `danlu.tokenize.compare.Measured.to_json` says of an invented tokenizer."""
    return {
        "name": name, "type": "BPE", "vocabulary": 8192, "special": 110, "unused": 254, "rare": 289,
        "unreachable": len(lost or []), "unreachable_tokens": lost or [],
        "partial_share": 0.022, "unknown_share": unknown, "megabytes_per_second": 2.345,
        "languages": {"en": amount(english, 2_000_000), "zh-Hans": amount(chinese, 3_000_000, 0.4)},
        "sources": {"films": amount(english), "报纸": amount(chinese, characters=0.4)},
        "examples": [
            {"language": "en", "text": "The fire burns", "tokens": ["The", " fire", " burns"]},
            {"language": "zh-Hans", "text": "丹炉", "tokens": ["<E4><B8>", "<B9>", "炉"]},
        ],
    }  # fmt: skip


def measured() -> list[dict[str, Any]]:
    return [
        one(f"large/artifacts/tokenize.train-{KEY}", 3.5, 3.96, lost=["###", " zz"]),
        one(f"small/artifacts/tokenize.train-{KEY}", 3.25, 3.9),
        one("package:old", 5.5, 6.5, unknown=0.23),
    ]


def article(page: str, language: Language) -> Any:
    return Document(page).css_first(f"article.{language}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_whole_in_both_languages(language: Language) -> None:
    page = render(measured(), language)
    found = parsed(page)
    assert max(found.identifiers.values()) == 1
    assert {link[1:] for link in found.links} <= set(found.identifiers), "a link that leads nowhere"
    document = Document(page)
    assert not document.css("script, link, iframe, img, object, embed")
    assert not [url for url in re.findall(r"https?://[^\"'<\s]+", page) if url != "http://www.w3.org/2000/svg"]
    assert [node.id for node in document.css("input[checked]")] == [f"show-{language}"]
    for selector in ("h2", "thead th", "dt", "summary", "svg"):
        both = [document.css(f"article.{each} {selector}") for each in LANGUAGES]
        assert len(both[0]) == len(both[1]) > 0
    for words in (node.text() for node in document.css("article.en :is(h2, tbody th, dt)")):
        assert not re.search("[\u4e00-\u9fff]", words) or words == "报纸"
    assert all(re.search("[\u4e00-\u9fff]", node.text()) for node in document.css("article.zh h2"))


def test_every_number_is_there_and_explained() -> None:
    page = article(render(measured()), "en")
    head, *rows = page.css("#en-measures table tr")
    assert [node.text() for node in head.css("th")][1:] == [entry["name"] for entry in measured()]
    cells = {row.css_first("th").text(): [cell.text() for cell in row.css("td")] for row in rows}
    assert cells["English"] == ["3.50 (3.50)", "3.25 (3.25)", "5.50 (5.50)"]
    assert cells["Chinese"] == ["3.96 (1.58)", "3.90 (1.56)", "6.50 (2.60)"]
    assert cells["Unknown"] == ["0.00%", "0.00%", "23.00%"]
    assert cells["Never used"] == ["254"] * 3
    assert cells["MB/s"] == ["2.3"] * 3
    assert {link.attributes["href"] for link in page.css("#en-measures a")} == {f"#en-term-{key}" for key in MEANT}
    by_source = page.css("#en-amounts table tbody tr")
    assert [node.text() for node in by_source[1].css("th, td")] == ["报纸", "3.96 (1.58)", "3.90 (1.56)", "6.50 (2.60)"]


def test_a_tokenizer_that_does_not_know_the_text_is_no_best_one() -> None:
    page = article(render(measured()), "en")
    assert page.css_first("h1").text() == (
        "Chinese: large/tokenize.train holds the most text a token, 3.96 bytes. small/tokenize.train holds the least, 3.90."
    )
    more = [node.text() for node in page.css(".findings li")]
    assert more[1].startswith("23% of the tokens of package:old stand for text that it does not know")
    assert more[2] == "large/tokenize.train has 2 tokens that no text gives."
    assert page.css_first("#en-amounts svg").html.count("stroke-dasharray:4 2") == 1
    assert "A dashed bar is no result" in page.text()


def test_what_one_alone_or_equal_ones_hold_is_said() -> None:
    alone = article(render(measured()[1:2]), "en")
    assert alone.css_first("h1").text() == "Chinese: a token of small/tokenize.train holds 3.90 bytes of text."
    assert [node.text() for node in alone.css(".findings li")] == [
        "English: a token of small/tokenize.train holds 3.25 bytes of text."
    ]
    equal = [one("a", 3.5, 3.9), one("b", 3.5, 3.9), one("c", 3.5, 3.9)]
    assert article(render(equal), "en").css_first("h1").text() == "Chinese: all hold as much text a token, 3.90 bytes."


def test_texts_are_shown_cut_side_by_side() -> None:
    page = article(render(measured()), "zh")
    boxes = [[span.text() for span in node.css("span")] for node in page.css("#zh-cuts .boxes")]
    assert boxes == [["The", "␣fire", "␣burns"]] * 3 + [["<E4><B8>", "<B9>", "炉"]] * 3
    assert [node.attributes["lang"] for node in page.css("#zh-cuts .boxes")] == ["en"] * 3 + ["zh-Hans"] * 3
    named = [span.text() for node in page.css("#zh-unreachable .boxes") for span in node.css("span")]
    assert named == ["###", "␣zz"]


def test_names_are_short_where_they_stay_apart() -> None:
    assert short_names([f"a/artifacts/tokenize.train-{KEY}", "package:b"]) == ["a/tokenize.train", "package:b"]
    same = [f"artifacts/tokenize.train-{KEY}", f"artifacts/tokenize.train-{KEY[::-1]}/"]
    found = short_names(same)
    assert len({*found}) == 2
    assert all(len(name) == SHORT for name in found)


def hostile(text: str) -> list[dict[str, Any]]:
    """Every text and name that a person or a file may choose."""
    found = copy.deepcopy(measured())
    for place, entry in enumerate(found):
        entry["name"] = f"{text}{place}"
        entry["unreachable_tokens"] = [text] * 3
        entry["unreachable"] = 3
        entry["examples"] = [{"language": text, "text": text, "tokens": [text, text]}] * 2
        for part in ("languages", "sources"):
            entry[part] = {f"{place}{text}": value for place, value in enumerate(entry[part].values())}
    return found


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_shown_not_obeyed(text: str) -> None:
    page = render(hostile(text))
    page.encode("utf-8")
    parsed(page)
    document = Document(page)
    assert not document.css("script, img, [onload], [onerror]")
    assert len(document.css("style")) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f]", page)
    assert len(page) < 300_000


def test_no_text_at_all() -> None:
    empty = [{**entry, "languages": {}, "sources": {}, "examples": []} for entry in measured()[:2]]
    empty[0] |= {"unreachable": 0, "unreachable_tokens": []}
    page = render(empty, "zh")
    parsed(page)
    assert article(page, "en").css_first("h1").text() == "There was no text to measure on."


@pytest.mark.parametrize("text", ["", "Donaudampfschifffahrt" * 12, "字" * 200])
@pytest.mark.parametrize("width", [PHONE, 390, 1280])
def test_nothing_is_wider_than_the_screen(text: str, width: int, tmp_path: Path) -> None:
    found = laid_out(render(hostile(text) if text else measured()), tmp_path, width)
    assert found["wide"] == []
    assert (found["en"], found["zh"]) == (["en"], ["zh"])


def test_every_message_of_the_page_is_used() -> None:
    package = Path(danlu.report.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*") if path.suffix in (".py", ".html"))
    source += (package.parent / "cli/tokenizers.py").read_text(encoding="utf-8")
    used = set(re.findall(r"[\"'](tokenizers\.[\w.-]+[\w])[\"']", source))
    used |= {f"tokenizers.page.{name}" for name in ("amounts", "measures", "cuts", "unreachable", "glossary")}
    used |= {f"tokenizers.{key}" for key in MEANT} | {f"tokenizers.meaning.{key}" for key in MEANT}
    assert {key.removesuffix("-one") for key in table() if key.startswith("tokenizers.")} == used
