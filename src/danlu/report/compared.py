"""The page of two cleanings: what one keeps and the other drops, by reason, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.cleaning import texts_and_words
from danlu.report.frame import Article, Section, fill, frame, make_live
from danlu.report.sections import cleaning as removed
from danlu.report.sections.access import largest
from danlu.report.tidy import tidy
from danlu.report.words import Value, clip_middle, count, language_name, plain, reason_definition, say, size
from danlu.workspace.messages import LANGUAGES, Language

Facts = Mapping[str, Any]
SIDES = ("first", "second")
OPEN = 2


def render(facts: Facts, language: Language = "en") -> str:
    """The page as HTML, whole in both languages, from the facts of `danlu.clean.compare`."""
    examples = {
        f"{side}:{entry['reason']}": [one | {"head": "kept-there"} for one in entry["examples"]]
        for side, drops in zip(SIDES, facts["drops"], strict=True)
        for entry in drops
    }
    plain_facts = tidy({**facts, "drops": [[{**entry, "examples": []} for entry in drops] for drops in facts["drops"]]})
    title = plain(language, "cleaning.compared.title")
    live = make_live("cleaning.js", texts_and_words(examples))
    return frame([_article(plain_facts, each) for each in LANGUAGES], title, language, live)


def _article(facts: Facts, language: Language) -> Article:
    names = [clip_middle(name, 40) for name in facts["names"]]
    sections = []
    for place, side in enumerate(SIDES):
        view = {
            "side": side,
            "documents": count(facts["only"][1 - place]["documents"]),
            "bytes": size(facts["only"][1 - place]["bytes"]),
            "drops": [
                {
                    "key": f"{side}:{entry['reason']}",
                    "name": removed.named(language, entry["reason"], {}),
                    "definition": reason_definition(language, entry["reason"]),
                    "documents": Value("count", entry["documents"]),
                    "bytes": size(entry["bytes"]),
                    "languages": " · ".join(
                        f"{language_name(language, tag)} {count(number)}" for tag, number in largest(entry["by_language"], 6)
                    ),
                    "open": index < OPEN,
                }
                for index, entry in enumerate(facts["drops"][place])
            ],
        }
        heading = plain(language, "cleaning.compared.drops", name=names[place])
        sections.append(Section(side, heading, fill(language, "cleaning-compared.html", view=view)))
    head = fill(
        language, "opening.html", view=_opening(facts, names, language), eyebrow=say(language, "cleaning.compared.eyebrow")
    )
    return Article(language, head, sections, plain(language, "cleaning.page.footer"))


def _opening(facts: Facts, names: list[str], language: Language) -> dict[str, Any]:
    """How many documents they differ on, then what each keeps."""
    first, second = (Value("name", name) for name in names)
    differ = facts["only"][0]["documents"] + facts["only"][1]["documents"]
    n = Value("count", facts["common"]["documents"])
    told = say(language, "cleaning.compared.differ", differ=Value("count", differ), n=n)
    more = [
        say(
            language,
            "cleaning.compared.keeps",
            name=name,
            other=other,
            kept=Value("count", facts["both"]["documents"] + facts["only"][place]["documents"]),
            only=Value("count", facts["only"][place]["documents"]),
            bytes=Value("bytes", facts["only"][place]["bytes"]),
        )
        for place, (name, other) in enumerate(((first, second), (second, first)))
    ]
    amounts = {name: Value("count", facts[name]["documents"]) for name in ("both", "neither")}
    more.append(say(language, "cleaning.compared.agree", **amounts))
    more += [
        say(language, "cleaning.compared.apart", name=name, n=Value("count", apart))
        for name, apart in zip((first, second), facts["apart"], strict=True)
        if apart
    ]
    return {
        "first": {"text": told, "section": ""},
        "more": [{"text": text, "section": ""} for text in more],
        "unfinished": [],
        "line": "",
    }
