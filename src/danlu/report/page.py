"""The page of a run: facts in, one HTML page out, whole in both languages, without script or anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import jinja2

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
from danlu.report.words import HTML_LANGUAGE, clip, count, format_value, plain, say
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
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("danlu.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["slug"] = slug
    facts = tidy(facts)
    articles = [_article(environment, facts, each) for each in LANGUAGES]
    return environment.get_template("page.html").render(
        articles=articles,
        default=language,
        html_language=HTML_LANGUAGE[language],
        title=plain(language, "report.page.title", name=clip(run_name(facts), 80)),
    )


def run_name(facts: Mapping[str, Any]) -> str:
    """The recipe's name, the word for a run where it is absent."""
    return str((facts.get("recipe") or {}).get("name") or "danlu")


def slug(name: object) -> str:
    """A name as part of an HTML id: what is neither letter, digit nor hyphen becomes its code point."""
    return re.sub(r"[^\w-]", lambda found: f".{ord(found[0]):x}", str(name))


def _article(environment: jinja2.Environment, facts: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """One language's page: its sections' views, each with its name for the contents and its template."""
    views = [(name, build(facts, language)) for name, build in SECTIONS]
    present = [(name, view) for name, view in views if view is not None]
    names = frozenset(name for name, _ in present)
    tools = {
        "language": language,
        "tag": HTML_LANGUAGE[language],
        "t": partial(say, language),
        "words": partial(plain, language),
        "show": partial(format_value, language),
        "count": count,
        "name": clip(run_name(facts), 80),
        "gap": "" if language == "zh" else " ",  # between sentences: Chinese ones end with a wide stop
    }
    parts = [
        {"name": name, "html": environment.get_template(f"{name}.html").render(view=view, **tools)} for name, view in present
    ]
    head = environment.get_template("opening.html").render(view=opening.build(facts, language, names), parts=parts, **tools)
    return {"language": language, "tag": HTML_LANGUAGE[language], "head": head, "parts": parts, "t": tools["t"]}
