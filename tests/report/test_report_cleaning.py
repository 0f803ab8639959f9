"""The pages of a cleaning and of two: whole in both languages, well formed, safe with hostile texts, fit for a phone."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser as Document

from danlu.report import cleaning, compared
from danlu.workspace.messages import LANGUAGES
from pages import HOSTILE, PHONE, answered, laid_out, parsed


def example(text: str, *, kept: bool = False, panel: int | None = 0) -> dict[str, Any]:
    return {
        "panel": panel, "code": 1, "value": 0.4, "threshold": 0.5, "near": True, "kept": kept, "source": "films",
        "language": "en", "text": [[2, ""], [0, "before "], [1, text], [0, " after"]],
    }  # fmt: skip


RULE = {"direction": "least", "en": 0.5, "zh": 0.5, "other": 0.5}


FOUND: dict[str, Any] = {
    "leaks": {"exam.csv": {"line": 3, "answer": 1}, "holdout": {"equal": 2}},
    "personal": {"email": 1234, "coordinates": 2}, "actions": {"email": "mask"},
    "units": {"unit": "line", "removed": 5, "documents": 3, "bytes": 400},
    "language_model": {
        "languages": {
            "en": {"learned": False, "documents": 1, "bytes": 10},
            "zh": {
                "learned": True, "documents": 77, "bytes": 123456,
                "held_out": {"perplexity": 321.0, "bits_per_character": 6.5, "unknown": 0.04},
            },
        }
    },
    "classifier": {
        "examples": {"good": 90, "bad": 60}, "held_out": {"auc": {"value": 0.91, "low": 0.85, "high": 0.95}},
        "features": {"good": [{"ngram": "<b>the"}], "bad": [{"ngram": "click here"}]},
    },
}  # fmt: skip


def panel(family: str, took: int) -> dict[str, Any]:
    return {
        "family": family, "direction": "least", "threshold": 0.5, "cuts": [0.25, 0.5, 0.75], "place": 1, "counts": [1, 2, 0, 1],
        "asked": 4, "fails": 3, "took": took, "bytes": 30,
    }  # fmt: skip


def facts() -> dict[str, Any]:
    """What `danlu.clean.account` says of four invented documents in English and four in Chinese."""
    codes = np.array([0, 1, 1, 3, 0, 1, 1, 3], np.uint8)
    return {
        "name": "texts", "preset": "danlu", "documents": {"in": 8, "kept": 2}, "bytes": {"in": 80, "kept": 20},
        "languages": {"en": {"documents": 4, "bytes": 40}, "zh-Hans": {"documents": 4, "bytes": 40}},
        "losses": [
            {"reason": "letters", "language": "en", "documents": 3, "bytes": 30, "tokens": 8},
            {"reason": "letters", "language": "zh-Hans", "documents": 3, "bytes": 30, "tokens": 8},
        ],
        "own_rules": {},
        "rules": [{"name": "letters", "rule": RULE, "panels": [panel("en", 3), panel("zh", 3)]}],
        "examples": {"letters": [example("1998"), example("河", kept=True, panel=1)], "heldout:x": [example("y", panel=None)]},
        "clusters": [
            {
                "size": 2, "kept": True, "language": "en", "source": "films",
                "copies": [{"source": "films", "similarity": 0.87, "first": [[1, "b"]], "text": [[0, "a "], [1, "c"]]}],
            }
        ],
        "repeats": {"documents": 1, "clusters": 1},
        "tried": {
            "of": 8, "kept": 2, "rows": 8, "state": np.zeros(8, np.uint8), "bytes": np.full(8, 10, np.uint32),
            "groups": np.zeros((2, 0), np.uint32), "families": np.array([0] * 4 + [1] * 4, np.uint8),
            "codes": {"letters": codes},
        },
        "found": FOUND,
        "repairs": {"edited": 0, "documents": 8, "edits": {}, "examples": []},
    }  # fmt: skip


def two() -> dict[str, Any]:
    drop = {
        "reason": "letters", "documents": 2, "bytes": 20, "by_language": {"en": 2}, "examples": [example("1998", panel=None)],
    }  # fmt: skip
    amount = {"documents": 2, "bytes": 20}
    return {
        "names": ["one", "other"], "common": {"documents": 8, "bytes": 80}, "both": amount, "only": [amount, amount],
        "neither": amount, "apart": [0, 3], "drops": [[drop], []],
    }  # fmt: skip


PAGES = {"cleaning": lambda: cleaning.render(facts()), "compared": lambda: compared.render(two())}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_well_formed_and_whole_in_both_languages(name: str) -> None:
    page = PAGES[name]()
    found = parsed(page)
    assert max(found.identifiers.values()) == 1
    assert {link[1:] for link in found.links} <= set(found.identifiers)
    document = Document(page)
    assert not [url for url in re.findall(r"https?://[^\"'<\s]+", page) if url != "http://www.w3.org/2000/svg"]
    for selector in ("h2", "summary", "svg", "input[type=range]", "[data-examples]"):
        both = [document.css(f"article.{each} {selector}") for each in LANGUAGES]
        assert len(both[0]) == len(both[1])
    assert all(re.search("[\u4e00-\u9fff]", node.text()) for node in document.css("article.zh h2"))
    assert not any(re.search("[\u4e00-\u9fff]", node.text()) for node in document.css("article.en :is(h1, h2, summary, th)"))


@pytest.mark.parametrize("name", PAGES)
def test_no_script_but_ours_may_run(name: str) -> None:
    page = PAGES[name]()
    policy = re.search(r"script-src ([^\"]*)\"", page)
    data, script = Document(page).css("script")
    assert policy
    digest = base64.b64encode(hashlib.sha256(script.text().encode()).digest()).decode()
    assert policy[1] == f"'sha256-{digest}'"
    assert data.attributes["type"] == "application/json"
    words = json.loads(data.text())["words"]
    assert set(words) == set(LANGUAGES)
    slots = [{key: sorted(re.findall(r"\{(\w+)\}", said)) for key, said in words[each].items()} for each in LANGUAGES]
    assert slots[0] == slots[1]
    assert set(re.findall(r'say\(\w+, "([\w-]+)"', script.text())) <= set(words["en"])
    unused = {key for key in words["en"] if f'"{key}"' not in script.text()}
    assert unused == {"near-removed", "near-kept", "removed", "kept-there"}, "the heads of examples, which the data names"


def test_what_else_was_found_is_counted_and_never_shown() -> None:
    document = Document(PAGES["cleaning"]())
    for language, words in (
        ("en", ("went: 5, out of 3", "400 B", "masked", "held-out documents")),
        ("zh", ("5 行", "遮盖", "留出文档")),
    ):
        section = document.css_first(f"#{language}-found").text()
        for said in (*words, "exam.csv", "1,234", "321", "123 kB", "77", "0.91", "0.85", "<b>the", "click here"):
            assert said in section, said
    without = {**facts(), "found": {"leaks": {}, "personal": {}, "actions": {}, "units": None}}
    assert Document(cleaning.render(without)).css_first("#en-found") is None


def texts(page: str) -> Any:
    data = json.loads(Document(page).css_first("#data").text())
    return json.loads(zlib.decompress(base64.b64decode(data["texts"])))


def hostile(text: str) -> dict[str, Any]:
    found = copy.deepcopy(facts())
    found["name"] = text or "x"
    found["losses"][0] |= {"reason": text, "language": text}
    found["languages"] = {text: found["languages"]["en"]}
    found["examples"] = {text: [example(text) | {"source": text, "language": text}], "letters": [example(text)]}
    copied = {"source": text, "similarity": 1.0, "first": [[1, text]], "text": [[0, text]]}
    found["clusters"] = [{"size": 2, "kept": True, "language": text, "source": text, "copies": [copied]}]
    return found


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_shown_not_obeyed(text: str) -> None:
    page = cleaning.render(hostile(text))
    page.encode("utf-8")
    parsed(page)
    document = Document(page)
    assert len(document.css("script")) == 2
    assert not document.css("img, iframe, [onload], [onerror]")
    assert not re.search("[\x00-\x08\x0b-\x1f]", page)
    assert all(not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", piece) for _, piece in texts(page)["letters"][0]["text"])


def test_the_page_fits_a_phone_with_hostile_texts(tmp_path: Path) -> None:
    long = hostile("Donaudampfschifffahrt" * 30)
    found = laid_out(cleaning.render(long), tmp_path, PHONE)
    assert found["wide"] == []
    assert (found["en"], found["zh"]) == (["en"], ["zh"])
    script = (
        "const rule=document.querySelector('[data-rule=letters]'),slider=rule.querySelector('input');"
        "const total=document.querySelector('.total'),first=total.dataset.kept;await tick();"
        "slider.value=0;slider.dispatchEvent(new Event('input'));await tick();"
        "return [first,total.dataset.kept,rule.querySelector('.limit').textContent,"
        "rule.querySelector('mark').textContent.length,rule.querySelector('.effect').textContent];"
    )
    # At least .5: codes 0 and 1 fail. At least .25: code 0 alone does.
    assert answered(cleaning.render(long), tmp_path, script) == [
        "2", "4", "at least 0.25", 630, "1 fail (10 B); 1 of them fail nothing else.",
    ]  # fmt: skip
