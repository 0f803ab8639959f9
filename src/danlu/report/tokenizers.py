"""The page of `danlu tokenizers`: several tokenizers on the same texts, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from danlu.report.figures import Bar, bar_chart
from danlu.report.frame import Article, Section, fill, frame
from danlu.report.sections.access import largest
from danlu.report.sections.tokenizer import shown
from danlu.report.tidy import tidy
from danlu.report.words import Value, clip_middle, count, language_name, plain, say, size
from danlu.tokens.measure import RARE
from danlu.workspace.messages import LANGUAGES, Language

Measured = Mapping[str, Any]
"""What is known of one tokenizer: `danlu.tokenize.compare.Measured.to_json`."""

UNKNOWN = 0.01
"""Share of unknown tokens from which on bytes a token are no result: what is not spelled out is cheap."""
COUNTED = ("partial", "unknown", "unused", "rare", "unreachable", "speed")
MEANT = ("type", "vocabulary", "each", *COUNTED)
SOURCES, PICTURED, TOLD = 40, 12, 3
SHORT = 28  # characters of a name where it does not stand alone


class Row(NamedTuple):
    """One measure. `key`: of the sentence that says what it counts. `cells`: one for each tokenizer."""

    key: str
    name: str
    cells: list[str]


def measures(measured: Sequence[Measured], language: Language) -> list[Row]:
    """What a person chooses a tokenizer by, the amount of text in a token by language."""
    counts = {
        "partial": [f"{one['partial_share']:.2%}" for one in measured],
        "unknown": [f"{one['unknown_share']:.2%}" for one in measured],
        "unused": [count(one["unused"]) for one in measured],
        "rare": [count(one["rare"]) for one in measured],
        "unreachable": [count(one["unreachable"]) for one in measured],
        "speed": [f"{one['megabytes_per_second']:.1f}" for one in measured],
    }
    return [
        Row("type", plain(language, "tokenizers.type"), [str(one["type"]) for one in measured]),
        Row("vocabulary", plain(language, "tokenizers.vocabulary"), [count(one["vocabulary"]) for one in measured]),
        *(Row("each", language_name(language, tag), _amounts(measured, "languages", tag)) for tag in measured[0]["languages"]),
        *(Row(key, plain(language, f"tokenizers.{key}"), counts[key]) for key in COUNTED),
    ]


def sources(measured: Sequence[Measured]) -> list[Row]:
    """The amount of text in a token by source; none where there is but one."""
    names = list(measured[0]["sources"])
    return [Row("each", name, _amounts(measured, "sources", name)) for name in names[:SOURCES]] if len(names) > 1 else []


def render(measured: Sequence[Measured], language: Language = "en") -> str:
    """The page as HTML, whole in both languages. `language` is the one shown first."""
    names = [str(one["name"]) for one in measured]
    named = [{**one, "path": one["name"], "name": short} for one, short in zip(measured, short_names(names), strict=True)]
    found = tidy({"tokenizers": named})["tokenizers"]
    return frame([_article(found, each) for each in LANGUAGES], plain(language, "tokenizers.page.title"), language)


def short_names(names: Sequence[str]) -> list[str]:
    """Names as they stand in sentences: artifacts without their keys where that tells them apart."""
    bare = [re.sub(r"(^|/)artifacts/|-[0-9a-f]{16}/*$", r"\1", name) for name in names]
    return [clip_middle(name, SHORT) for name in (bare if len({*bare}) == len({*names}) else names)]


def _article(measured: Sequence[Measured], language: Language) -> Article:
    heads = [{"name": one["name"], "path": one["path"], "tone": _tone(place)} for place, one in enumerate(measured)]
    views = {
        "amounts": {"panels": _panels(measured, language), "lost": any(map(_loses, measured)), "rows": sources(measured)},
        "measures": {"rows": [row._replace(name=_capital(row.name)) for row in measures(measured, language)]},
        "cuts": {"examples": _examples(measured, language)},
        "unreachable": {"tokenizers": [_unreachable(one, place) for place, one in enumerate(measured)]},
        "glossary": {"metrics": [], "terms": _terms(language)},
    }
    sections = [
        Section(name, plain(language, f"tokenizers.page.{name}"), fill(language, _template(name), view=view, heads=heads))
        for name, view in views.items()
    ]
    first, *more = _findings(measured, language)
    view = {"first": first, "more": more, "unfinished": [], "line": _line(measured, language)}
    head = fill(language, "opening.html", view=view, eyebrow=say(language, "tokenizers.page.eyebrow"))
    return Article(language, head, sections, plain(language, "tokenizers.page.footer"))


def _template(section: str) -> str:
    return "glossary.html" if section == "glossary" else f"tokenizers-{section}.html"


def _findings(measured: Sequence[Measured], language: Language) -> list[dict[str, Any]]:
    """The tokenizer that holds the most in each language, those with the most text first; then what speaks against one."""
    fair = [one for one in measured if not _loses(one)]
    found = [_most(fair, tag, language) for tag in _tags(measured)[:TOLD] if fair]
    found += [
        say(language, "tokenizers.page.loses", name=_name(one), share=Value("share", one["unknown_share"]))
        for one in measured
        if _loses(one)
    ][:TOLD]
    worst = max(measured, key=lambda one: int(one["unreachable"]))
    if worst["unreachable"]:
        n = Value("count", worst["unreachable"])
        found.append(say(language, "tokenizers.page.has-unreachable", name=_name(worst), n=n))
    return [{"text": text, "section": ""} for text in found or [say(language, "tokenizers.page.nothing")]]


def _most(fair: Sequence[Measured], tag: str, language: Language) -> Markup:
    """Which of them holds the most text of a language in a token, and which the least."""
    each = {"language": Value("language", tag)}
    most, *_, least = sorted([*fair, fair[0]], key=lambda one: -_bytes(one, tag))
    high, low = (Value("score", _bytes(one, tag)) for one in (most, least))
    if len(fair) == 1:
        return say(language, "tokenizers.page.one", name=_name(most), bytes=high, **each)
    if f"{high.raw:.2f}" == f"{low.raw:.2f}":
        return say(language, "tokenizers.page.same", bytes=high, **each)
    return say(language, "tokenizers.page.most", name=_name(most), bytes=high, other=_name(least), least=low, **each)


def _line(measured: Sequence[Measured], language: Language) -> str:
    """How much text was measured."""
    amounts = measured[0]["languages"].values()
    documents, total = (sum(amount[key] for amount in amounts) for key in ("documents", "bytes"))
    return plain(language, "tokenizers.page.line", n=Value("count", documents), bytes=size(total))


def _panels(measured: Sequence[Measured], language: Language) -> list[str]:
    """A figure a language, all on one scale, so that they can be compared."""
    tags = _tags(measured)[:PICTURED]
    most = max((_bytes(one, tag) for one in measured for tag in tags), default=0.0)
    return [_panel(measured, tag, most, language) for tag in tags]


def _panel(measured: Sequence[Measured], tag: str, most: float, language: Language) -> str:
    texts = _amounts(measured, "languages", tag)
    bars = [
        Bar(one["name"], _bytes(one, tag), text, tone=_tone(place), ghost=_loses(one))
        for place, (one, text) in enumerate(zip(measured, texts, strict=True))
    ]
    name = language_name(language, tag)
    told = "; ".join(f"{bar.name} {bar.text}" for bar in bars)
    title = f"{name}: {plain(language, 'tokenizers.each')}"
    return bar_chart(bars, title=title, description=told, heading=name, most=most or 1.0)


def _examples(measured: Sequence[Measured], language: Language) -> list[dict[str, Any]]:
    """The same texts cut by each tokenizer."""
    return [
        {
            "tag": example["language"],
            "language": language_name(language, example["language"]),
            "characters": count(len(example["text"])),
            "cuts": [
                {"name": one["name"], "tone": _tone(at), "tokens": [shown(token) for token in tokens], "n": len(tokens)}
                for at, one in enumerate(measured)
                for tokens in [one["examples"][place]["tokens"]]
            ],
        }
        for place, example in enumerate(measured[0]["examples"])
    ]


def _unreachable(one: Measured, place: int) -> dict[str, Any]:
    tokens = [shown(token) for token in one["unreachable_tokens"]]
    return {"name": one["name"], "tone": _tone(place), "n": Value("count", one["unreachable"]), "tokens": tokens}


def _terms(language: Language) -> list[dict[str, str]]:
    return [
        {
            "key": key,
            "name": _capital(plain(language, f"tokenizers.{key}")),
            "definition": plain(language, f"tokenizers.meaning.{key}", rare=RARE),
        }
        for key in MEANT
    ]


def _amounts(measured: Sequence[Measured], kind: str, name: str) -> list[str]:
    """Bytes a token, and characters in brackets, of each tokenizer."""
    amounts = [one[kind][name] for one in measured]
    return [f"{amount['bytes_per_token']:.2f} ({amount['characters_per_token']:.2f})" for amount in amounts]


def _tags(measured: Sequence[Measured]) -> list[str]:
    """The languages, that with the most text first."""
    return [tag for tag, _ in largest({tag: amount["bytes"] for tag, amount in measured[0]["languages"].items()}, PICTURED)]


def _bytes(one: Measured, tag: str) -> float:
    return float(one["languages"][tag]["bytes_per_token"])


def _loses(one: Measured) -> bool:
    return float(one["unknown_share"]) > UNKNOWN


def _name(one: Measured) -> Value:
    return Value("name", one["name"])


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _tone(place: int) -> int:
    return place % 5 + 1
