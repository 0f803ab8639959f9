"""The page of a cleaning: what went and why, every threshold to try out, removed and borderline texts, duplicates side by side.

`render` makes it of the facts of `danlu.clean.account`; nothing is read here.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from danlu.report.figures import threshold_chart
from danlu.report.frame import Article, Live, Section, fill, frame, make_live
from danlu.report.sections import cleaning as removed
from danlu.report.sections import found as findings
from danlu.report.sections.access import largest
from danlu.report.tidy import FORBIDDEN, tidy
from danlu.report.words import (
    Value,
    clip,
    count,
    finite,
    general,
    language_name,
    own_words,
    plain,
    reason_definition,
    rule_limits,
    say,
    share,
    short,
    size,
    visible,
)
from danlu.workspace.messages import LANGUAGES, Language

Facts = Mapping[str, Any]

FAMILIES = ("en", "zh", "other")  # in the order in which `tried` numbers them
LIVE = (
    "sum", "change", "same", "as-run", "exact", "unknown", "leads", "sampled", "effect", "most", "least", "turned-off",
    "of-language", "would-go", "would-pass", "none", "near-removed", "near-kept", "removed", "kept-there",
)  # fmt: skip
SLOTS = (
    "kept", "of", "share", "bytes", "come", "go", "n", "rows", "margin", "fails", "alone", "value", "rule", "language", "limit",
)  # fmt: skip
OPEN, TONGUES, COPY_NAME = 2, 3, 80


def render(facts: Facts, language: Language = "en") -> str:
    """The page as HTML, whole in both languages. `language` is the one shown first."""
    facts = tidy({**{name: value for name, value in facts.items() if name not in ("tried", "examples", "clusters")}}) | {
        name: facts[name] for name in ("tried", "examples", "clusters")
    }
    order = _order(facts)
    title = plain(language, "cleaning.page.title", name=clip(str(facts["name"]), 80))
    return frame([_article(facts, order, each) for each in LANGUAGES], title, language, live(facts, order))


def live(facts: Facts, order: Sequence[Facts]) -> Live:
    """The script and what it works on: panels in the order of the page, columns, texts, words."""
    tried = facts["tried"]
    names = list(tried["codes"])
    panels = [
        {
            "rule": names.index(rule["name"]),
            "family": FAMILIES.index(panel["family"]),
            "most": panel["direction"] == "most",
            "place": panel["place"],
            "cuts": panel["cuts"],
        }
        for rule in order
        for panel in rule["panels"]
    ]
    groups = tried["groups"]
    columns = (tried["state"], tried["families"], tried["bytes"], groups[0], groups[1], *tried["codes"].values())
    first, firsts = 0, {}
    for rule in order:
        firsts[rule["name"]] = first
        first += len(rule["panels"])
    data = {
        "rows": tried["rows"],
        "of": tried["of"],
        "paired": len(groups[0]),
        "rules": names,
        "panels": panels,
        "first": firsts,
        "columns": packed(b"".join(np.ascontiguousarray(column).tobytes() for column in columns)),
        **texts_and_words(facts["examples"]),
        "families": {each: [plain(each, f"cleaning.family.{family}") for family in FAMILIES] for each in LANGUAGES},
    }
    return make_live("cleaning.js", data)


def texts_and_words(examples: Mapping[str, Sequence[Facts]]) -> dict[str, Any]:
    """What the script needs to show texts: them by name, and its sentences in both languages, with their places left open."""
    shown = {name: [_example(one) for one in found] for name, found in examples.items()}
    places = {name: f"{{{name}}}" for name in SLOTS}
    return {
        "texts": packed(json.dumps(shown, separators=(",", ":")).encode("ascii")),
        "words": {
            language: {name: plain(language, f"cleaning.live.{name}", **places) for name in LIVE} for language in LANGUAGES
        },
    }


def packed(data: bytes) -> str:
    """Bytes for a script to unpack: zlib in Base64."""
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def lined(text: str) -> str:
    """A text whose lines stay lines, other characters without a shape made visible."""
    return FORBIDDEN.sub("\ufffd", visible(text).replace("↵", "\n"))


def marked(pieces: Iterable[Sequence[Any]]) -> Markup:
    """Pieces of a text (see `danlu.clean.excerpts`) as HTML."""
    forms = {0: "{}", 1: "<mark>{}</mark>", 2: '<span class="cut">…</span>'}
    return Markup("").join(Markup(forms[mark]).format(lined(text)) for mark, text in pieces)


def _order(facts: Facts) -> list[Facts]:
    """The rules, those that took the most first, others in the order in which they decide."""
    return sorted(facts["rules"], key=lambda rule: -sum(panel["took"] for panel in rule["panels"]))


def _example(one: Facts) -> dict[str, Any]:
    near = {True: "near-kept", False: "near-removed"}[one["kept"]] if one.get("near") else "removed"
    shown = {
        "head": one.get("head", near),
        "tag": "" if one["language"] == "und" else one["language"],
        "source": clip(lined(one["source"]), COPY_NAME),
        "text": [[mark, lined(text)] for mark, text in one["text"]],
    }
    if finite(one.get("value")):
        limits = {"value": general(one["value"]), "threshold": general(one["threshold"])}
        shown["measure"] = {language: plain(language, "report.removed.measure", **limits) for language in LANGUAGES}
    if one.get("panel") is not None:
        shown |= {"panel": one["panel"], "code": one["code"], "kept": one["kept"]}
    return shown


def _article(facts: Facts, order: Sequence[Facts], language: Language) -> Article:
    views = {"losses": _losses(facts, language)}
    if facts["rules"] or facts["examples"]:
        views["rules"] = _rules(facts, order, language)
    if facts["clusters"]:
        amounts = {name: count(number) for name, number in facts["repeats"].items()}
        views["duplicates"] = {"clusters": [_cluster(one, language) for one in facts["clusters"]], "repeats": amounts}
    sections = [
        Section(name, plain(language, f"cleaning.page.{name}"), fill(language, f"cleaning-{name}.html", view=view))
        for name, view in views.items()
    ]
    if (found := findings.build(facts["found"], language)) is not None:
        html = fill(language, "cleaning-found.html", view=found)
        sections.append(Section("found", plain(language, "cleaning.page.found"), html))
    repairs = removed.build({"normalise": facts["repairs"]}, language)
    if repairs and repairs["any_edits"]:
        html = fill(language, "removed.html", view={**repairs, "decided": False})
        sections.append(Section("repairs", plain(language, "cleaning.page.repairs"), html))
    head = fill(
        language,
        "opening.html",
        view=_opening(facts, language),
        eyebrow=say(language, "cleaning.page.eyebrow", **_about(facts)),
    )
    return Article(language, head, sections, plain(language, "cleaning.page.footer"))


def _about(facts: Facts) -> dict[str, Value]:
    return {"name": Value("name", facts["name"]), "preset": Value("name", facts["preset"])}


def _opening(facts: Facts, language: Language) -> dict[str, Any]:
    """How much stays, then the reasons that took the most."""
    documents, bytes_ = facts["documents"], facts["bytes"]
    stays = say(
        language,
        "cleaning.page.stay",
        kept=Value("count", documents["kept"]),
        n=Value("count", documents["in"]),
        share=Value("share", documents["kept"] / max(documents["in"], 1)),
    )
    tokens = sum(row["tokens"] for row in facts["losses"])
    lost = {"bytes": Value("bytes", bytes_["in"] - bytes_["kept"]), "tokens": Value("short", tokens)}
    more = [{"text": say(language, "cleaning.page.lost", **lost), "section": "losses"}] if tokens else []
    for reason, number in largest(_documents_by_reason(facts), 3):
        name = Value("name", removed.named(language, reason, facts["own_rules"]))
        n = Value("count", number)
        section = "duplicates" if reason in ("repeat", "near") else "rules"
        more.append({"text": say(language, "cleaning.page.took", name=name, n=n), "section": section})
    return {"first": {"text": stays, "section": ""}, "more": more, "unfinished": [], "line": ""}


def _documents_by_reason(facts: Facts) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in facts["losses"]:
        found[row["reason"]] += row["documents"]
    return dict(found)


def _losses(facts: Facts, language: Language) -> dict[str, Any]:
    """The way from all documents to those that stay, and a table of reasons by language."""
    by_reason, own = _documents_by_reason(facts), facts["own_rules"]
    order = largest(by_reason, len(by_reason))
    tags = [tag for tag, _ in largest({tag: entry["documents"] for tag, entry in facts["languages"].items()}, TONGUES)]

    def cell(rows: Sequence[Facts]) -> dict[str, str]:
        documents, tokens = sum(row["documents"] for row in rows), sum(row["tokens"] for row in rows)
        amount = size(sum(row["bytes"] for row in rows))
        small = plain(language, "cleaning.page.cell", bytes=amount, tokens=short(language, tokens)) if documents else ""
        return {"value": count(documents) if documents else "–", "small": small}

    def line(name: str, rows: Sequence[Facts]) -> dict[str, Any]:
        return {
            "name": name,
            "cells": [cell([row for row in rows if row["language"] == tag]) for tag in tags],
            "all": cell(rows),
        }

    lines = [
        line(removed.named(language, name, own), [row for row in facts["losses"] if row["reason"] == name]) for name, _ in order
    ]
    by_bytes: Counter[str] = Counter()
    for row in facts["losses"]:
        by_bytes[row["reason"]] += row["bytes"]
    flows = [
        removed.waterfall(language, facts[amount]["in"], facts[amount]["kept"], largest(lost, removed.FLOW), own, form)
        for amount, lost, form in (("documents", by_reason, count), ("bytes", by_bytes, size))
    ]
    return {
        "flows": flows,
        "languages": [language_name(language, tag) for tag in tags],
        "lines": lines,
        "total": line(plain(language, "cleaning.page.all"), facts["losses"]) if lines else None,
    }


def _rules(facts: Facts, order: Sequence[Facts], language: Language) -> dict[str, Any]:
    """Every rule with its panels, those that took most open; then the reasons that no threshold decides."""
    own, index, rules = facts["own_rules"], 0, []
    for place, rule in enumerate(order):
        name = removed.named(language, rule["name"], own)
        panels = [_panel(language, name, panel, index + at) for at, panel in enumerate(rule["panels"])]
        index += len(panels)
        took = sum(panel["took"] for panel in rule["panels"])
        words = own_words(language, own.get(rule["name"]) or {}, "definition") or reason_definition(language, rule["name"])
        rules.append(
            {
                "key": rule["name"],
                "name": name,
                "definition": words,
                "limits": rule_limits(language, rule["rule"]),
                "took": Value("count", took),
                "bytes": size(sum(panel["bytes"] for panel in rule["panels"])),
                "any": took,
                "panels": panels,
                "open": place < OPEN and took,
            }
        )
    named = {rule["name"] for rule in order}
    others = [
        {
            "key": reason,
            "name": removed.named(language, reason, own),
            "definition": reason_definition(language, reason),
            "took": Value("count", number),
        }
        for reason, number in largest(_documents_by_reason(facts), 100)
        if reason not in named and facts["examples"].get(reason)
    ]
    tried = facts["tried"]
    sampled = {"rows": count(tried["rows"]), "of": count(tried["of"])} if tried["rows"] < tried["of"] else None
    return {"rules": rules, "others": others, "sampled": sampled}


def _panel(language: Language, name: str, panel: Facts, index: int) -> dict[str, Any]:
    """A rule in one language family: the figure, the slider's places, what the threshold does now."""
    most = panel["direction"] == "most"
    cuts = panel["cuts"]
    family = plain(language, f"cleaning.family.{panel['family']}")
    limit = plain(language, f"cleaning.live.{panel['direction']}", value=f"{panel['threshold']:,.6g}")
    told = plain(language, "cleaning.page.panel", fails=count(panel["fails"]), asked=count(panel["asked"]))
    figure = threshold_chart(
        panel["counts"],
        place=panel["place"],
        ends=(general(cuts[0]), general(cuts[-1])),
        fails_above=most,
        title=f"{name}: {family}",
        description=told,
        heading=family,
    )
    return {
        "index": index,
        "figure": figure,
        "low": 0 if most else -1,
        "high": len(cuts) if most else len(cuts) - 1,
        "place": panel["place"],
        "label": f"{name}: {family}",
        "limit": limit,
        "told": told,
    }


def _cluster(one: Facts, language: Language) -> dict[str, Any]:
    return {
        "size": one["size"],
        "kept": one["kept"],
        "similar": share(least) if (least := min((copy["similarity"] for copy in one["copies"]), default=1)) < 1 else "",
        "tag": clip(lined(one["language"]), COPY_NAME),
        "source": clip(lined(one["source"]), COPY_NAME),
        "copies": [
            {
                "first": marked(copy["first"]),
                "text": marked(copy["text"]),
                "source": clip(lined(copy["source"]), COPY_NAME),
                "similar": share(copy["similarity"]) if copy["similarity"] < 1 else "",
            }
            for copy in one["copies"]
        ],
    }
