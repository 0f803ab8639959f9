"""The page of a run: facts in, one HTML page out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.frame import Article, Section, fill, frame
from danlu.report.sections import (
    cleaning,
    cost,
    curve,
    data,
    glossary,
    opening,
    reproduce,
    samples,
    scores,
    tokenizer,
    training,
)
from danlu.report.tidy import tidy
from danlu.report.words import clip, plain, say
from danlu.workspace.messages import LANGUAGES, Language

SECTIONS = (
    ("data", data.build),
    ("removed", cleaning.build),
    ("tokenizer", tokenizer.build),
    ("training", training.build),
    ("scores", scores.build),
    ("curve", curve.build),
    ("samples", samples.build),
    ("cost", cost.build),
    ("reproduce", reproduce.build),
    ("glossary", glossary.build),
)


def render(facts: Mapping[str, Any], language: Language = "en") -> str:
    """The page as HTML. `language` is the one shown first; the reader can change it without script.

    Every part of `facts` is optional: what a run did not make has no section.
    """
    facts = tidy(facts)
    title = plain(language, "report.page.title", name=clip(run_name(facts), 80))
    return frame([_article(facts, each) for each in LANGUAGES], title, language)


def run_name(facts: Mapping[str, Any]) -> str:
    """The recipe's name, the word for a run where it is absent."""
    return str((facts.get("recipe") or {}).get("name") or "danlu")


def _article(facts: Mapping[str, Any], language: Language) -> Article:
    """One language's page: its sections are those that there is something to show in."""
    views = [(name, build(facts, language)) for name, build in SECTIONS]
    sections = [
        Section(name, plain(language, f"report.{name}.heading"), fill(language, f"{name}.html", view=view))
        for name, view in views
        if view is not None
    ]
    view = opening.build(facts, language, frozenset(section.name for section in sections))
    eyebrow = say(language, "report.page.eyebrow", name=clip(run_name(facts), 80))
    head = fill(language, "opening.html", view=view, eyebrow=eyebrow)
    head += fill(language, "next.html", view=view, sections=sections)
    return Article(language, head, sections, plain(language, "report.page.footer"))
