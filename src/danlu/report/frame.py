"""The frame of every page: whole in both languages, one of them shown, without anything from elsewhere.

Most pages have no script; one that answers what a reader tries has ours, allowed by its digest alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jinja2
from markupsafe import Markup

from danlu.report.words import HTML_LANGUAGE, count, format_value, plain, say
from danlu.workspace.messages import Language


@dataclass(frozen=True)
class Section:
    """A part of a page with its heading, in one language. `name` is what links in the page lead to."""

    name: str
    heading: str
    html: Markup


@dataclass(frozen=True)
class Article:
    """A page in one language: the opening, its sections, and the line at its foot."""

    language: Language
    head: Markup
    sections: Sequence[Section]
    foot: str

    @property
    def tag(self) -> str:
        """The language as HTML names it."""
        return HTML_LANGUAGE[self.language]


@dataclass(frozen=True)
class Live:
    """A script of ours, its SHA-256 in Base64, and the JSON that it reads."""

    script: Markup
    digest: str
    data: Markup


def fill(language: Language, template: str, **values: Any) -> Markup:
    """A template in one language. In it `t` is a sentence of the message tables as HTML, `words` the same as plain text."""
    tools = {
        "language": language,
        "t": partial(say, language),
        "words": partial(plain, language),
        "show": partial(format_value, language),
        "count": count,
        "gap": "" if language == "zh" else " ",  # between sentences: Chinese ones end with a wide stop
    }
    return Markup(_environment().get_template(template).render(**tools, **values))


def frame(articles: Sequence[Article], title: str, language: Language, live: Live | None = None) -> str:
    """The page as HTML. `language` is the one shown first; the reader can change it. `live`: what a page that answers has."""
    return _environment().get_template("page.html").render(
        articles=articles, default=language, html_language=HTML_LANGUAGE[language], title=title, live=live
    )  # fmt: skip


def make_live(script: str, data: Mapping[str, Any]) -> Live:
    """The script of that template and what it works on. A script is allowed on the page by its digest, and no other."""
    words = _environment().get_template(script).render()
    digest = base64.b64encode(hashlib.sha256(words.encode("utf-8")).digest()).decode()
    return Live(Markup(words), digest, Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")))


def slug(name: object) -> str:
    """A name as part of an HTML id: what is neither letter, digit nor hyphen becomes its code point."""
    return re.sub(r"[^\w-]", lambda found: f".{ord(found[0]):x}", str(name))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("danlu.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["slug"] = slug
    return environment
