"""Words and numbers for people: sentences from the message tables as safe HTML, numbers in the habits of a language.

Everything returned by `say` is `Markup`: the sentence and every parameter in it are escaped exactly once.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from markupsafe import Markup, escape

from danlu.workspace.messages import Language, table

HTML_LANGUAGE: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff\ud800-\udfff]")
BASELINES = ("gzip", "xz", "unigram", "5-gram", "majority", "tfidf")


class Value(NamedTuple):
    """A parameter of a sentence before it has a language: `kind` names the formatter, `raw` is what it formats."""

    kind: str
    raw: Any


def known(key: str) -> bool:
    """Whether the tables have the message `key`."""
    return key in table()


def plain(language: Language, key: str, /, **parameters: object) -> str:
    """The sentence as plain text (the caller escapes it). With `n=1` the form `<key>-one` if there is one."""
    return table()[_form(key, parameters)][language].format(
        **{name: _format(language, value) for name, value in parameters.items()}
    )


def say(language: Language, key: str, /, **parameters: object) -> Markup:
    """The sentence as HTML: parameters are escaped, names are isolated from the direction of the text around them."""
    sentence = escape(table()[_form(key, parameters)][language])
    return sentence.format(**{name: _mark(language, value) for name, value in parameters.items()})


def _form(key: str, parameters: dict[str, object]) -> str:
    number = parameters.get("n")
    raw = number.raw if isinstance(number, Value) else number
    return f"{key}-one" if raw == 1 and known(f"{key}-one") else key


def _format(language: Language, value: object) -> str:
    return format_value(language, value.kind, value.raw) if isinstance(value, Value) else str(value)


def _mark(language: Language, value: object) -> Markup:
    if isinstance(value, Markup):
        return value
    words = _format(language, value)
    if not isinstance(value, Value):
        return Markup("<bdi>{}</bdi>").format(words)
    kind = value.kind
    if kind in ("name", "model"):
        return Markup('<bdi class="name">{}</bdi>').format(words)
    if kind == "code":
        return Markup("<code>{}</code>").format(words)
    return Markup('<span class="number">{}</span>').format(words) if kind in NUMERIC else escape(words)


NUMERIC = frozenset(
    {"about", "count", "short", "bytes", "share", "points", "signed", "score", "fine", "gap", "seconds", "ratio"}
)


def format_value(language: Language, kind: str, raw: Any) -> str:
    """`raw` in words; a kind that is not named here is written as it is."""
    match kind:
        case "count":
            return count(raw)
        case "about":
            return about(raw)
        case "short":
            return short(language, raw)
        case "bytes":
            return size(raw)
        case "share":
            return share(raw)
        case "points":
            return points(raw)
        case "signed":
            return f"{raw * 100:+.1f}".replace("-", "−")
        case "score":
            return f"{raw:.2f}"
        case "fine":
            return number(raw)
        case "gap":
            size_of_gap, unit = raw
            return (
                plain(language, "report.scores.points", points=points(size_of_gap))
                if unit == "share"
                else number(abs(size_of_gap))
            )
        case "seconds":
            return duration(language, raw)
        case "ratio":
            return f"{raw:.1f}" if raw < 10 else f"{raw:,.0f}"
        case "language":
            return language_name(language, raw)
        case "model":
            return model_name(language, raw)
        case "metric":
            return metric_name(language, raw)
        case "reason":
            return reason(language, raw)
        case _:
            return str(raw)


def finite(value: Any) -> bool:
    """Whether `value` is a number that can be shown and drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def count(value: float) -> str:
    """12345 -> 12,345 (the same in both languages)."""
    return f"{value:,.0f}"


def short(language: Language, value: float) -> str:
    """A large number in two or three figures: 3.4 M in English, 341 万 in Chinese; below ten thousand it is whole."""
    scales = ((1e8, "亿"), (1e4, "万")) if language == "zh" else ((1e9, "B"), (1e6, "M"), (1e4, "k"))
    for scale, unit in scales:
        if abs(value) >= scale:
            head = value / (1e3 if unit == "k" else scale)
            return f"{head:.0f} {unit}" if head >= 100 or abs(head - round(head)) < 0.05 else f"{head:.1f} {unit}"
    return count(value) if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def size(value: float) -> str:
    """Bytes in decimal units: 1234567 -> 1.2 MB."""
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= scale:
            head = value / scale
            return f"{head:.0f} {unit}" if head >= 100 else f"{head:.1f} {unit}"
    return f"{value:.0f} B"


def share(value: float) -> str:
    """0.1234 -> 12%; small shares keep a digit; nothing that exists is called 0%, and nothing short of all 100%."""
    percent = round(value * 100, 9)
    if 0 < percent < 0.1:
        return "<0.1%"
    if percent < 10 and not float(percent).is_integer():
        return f"{percent:.1f}%"
    if 99 < percent < 100:
        return f"{min(percent, 99.9):.1f}%"
    return f"{percent:.0f}%"


def points(value: float) -> str:
    """A difference of two shares in percentage points: 0.034 -> 3.4."""
    return f"{abs(value) * 100:.1f}"


def number(value: float) -> str:
    """A measured number with three figures after the point, fewer if it is large."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}" if abs(value) >= 0.0005 else f"{value:.1e}"


def about(value: float) -> str:
    """A rough number: two figures, written whole. 1234 -> 1,200."""
    return count(float(f"{value:.2g}"))


def general(value: float) -> str:
    """A number in three figures, without zeros at its end: 41.0 -> 41, 1.8200 -> 1.82."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def duration(language: Language, seconds: float) -> str:
    """Seconds in two units at most: 200 -> 3 min 20 s, 3 分 20 秒."""
    names = ("小时", "分", "秒") if language == "zh" else ("h", "min", "s")
    if seconds < 10:
        return f"{seconds:.1f} {names[2]}"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} {names[0]} {minutes} {names[1]}" if minutes else f"{hours} {names[0]}"
    if minutes:
        return f"{minutes} {names[1]} {rest} {names[2]}" if rest else f"{minutes} {names[1]}"
    return f"{rest} {names[2]}"


def language_name(language: Language, tag: str) -> str:
    """A BCP-47 tag in words, the tag itself if it has no name here."""
    key = f"report.language.{tag}"
    return plain(language, key) if known(key) else tag


def model_name(language: Language, name: str) -> str:
    """A baseline in words; the user's own models keep their names."""
    key = f"report.model.{name}"
    return plain(language, key) if name in BASELINES and known(key) else name


def metric_name(language: Language, metric: str) -> str:
    """The name of a metric from `metrics.<metric>.name`, else its key with spaces."""
    key = f"metrics.{metric}.name"
    return plain(language, key) if known(key) else metric.rpartition(":")[2].replace("_", " ")


def metric_definition(language: Language, metric: str) -> str:
    """The sentence that defines a metric."""
    key = f"metrics.{metric}.definition"
    return plain(language, key) if known(key) else plain(language, "report.metric-undefined", name=metric)


def own_words(language: Language, entry: Mapping[str, Any], part: str) -> str:
    """A word that something of the user's own brings with it: `{"name": {"en": ..., "zh": ...}}` in an entry of the facts."""
    given = (entry.get(part) or {}) if isinstance(entry, Mapping) else {}
    return str(given.get(language) or "") if isinstance(given, Mapping) else ""


def reason(language: Language, name: str) -> str:
    """Why a document or a piece of one was taken out, in words; `heldout:<dataset>` names the dataset, `a+b` is two reasons."""
    head, _, tail = name.partition(":")
    if head == "heldout" and tail:
        return plain(language, "report.reason.holdout" if tail == "holdout" else "report.reason.heldout", name=tail)
    for key in (f"report.reason.{name}", f"clean.names.{name}", f"text.edits.{name}"):
        if known(key):
            return plain(language, key)
    if "+" in name.strip("+"):
        return " + ".join(reason(language, each) for each in name.split("+") if each)
    return name.replace("_", " ").replace("-", " ")


def reason_definition(language: Language, name: str) -> str:
    """The sentence that says what a rule or a reason looks at; empty where there is none."""
    head = name.partition(":")[0]
    key = next((key for key in (f"clean.rules.{head}", f"clean.reasons.{head}") if known(key)), None)
    return plain(language, key) if key else ""


def rule_limits(language: Language, rule: Mapping[str, Any]) -> str:
    """The sentence that says a rule's thresholds and which texts it is asked of, as `clean.decide` keeps them in its facts."""
    known_limits = {name: rule[name] for name in ("en", "zh", "other") if rule.get(name) is not None}
    if not known_limits:
        return ""
    if len(known_limits) == 3 and len(set(known_limits.values())) == 1:
        limits = plain(language, "clean.limits.all", value=f"{rule['en']:,.10g}")
    else:
        said = [plain(language, f"clean.limits.{name}", value=f"{value:,.10g}") for name, value in known_limits.items()]
        limits = ("，" if language == "zh" else ", ").join(said)
    words, han, lines = rule.get("words") or 0, rule.get("han"), rule.get("lines") or 0
    asked = plain(language, "clean.limits.lines", lines=lines) if lines else ""
    if words and han is not None:
        asked = plain(language, "clean.limits.han", words=words, han=han) + asked
    elif words:
        asked = plain(language, "clean.limits.words", words=words) + asked
    return plain(language, f"clean.limits.{rule['direction']}", limits=limits, asked=asked)


def message_or_key(language: Language, key: str, parameters: dict[str, Any]) -> str:
    """A message that another part of danlu chose, with `…` for parameters that the facts lack; its key if there is none."""
    if not known(key):
        return key
    try:
        return table()[key][language].format_map(defaultdict(lambda: "…", parameters))
    except (IndexError, ValueError, AttributeError):
        return key


def told(language: Language, message: Mapping[str, Any]) -> str | None:
    """A message kept as `{"key", "params"}`, whose parameters may be messages too; None if unknown here."""
    parameters = {name: told(language, value) if _is_message(value) else value for name, value in message["params"].items()}
    if None in parameters.values() or not known(message["key"]):
        return None
    try:
        return plain(language, message["key"], **parameters)
    except (KeyError, IndexError, ValueError):
        return None


def coded(words: str) -> Markup:
    """A sentence as HTML, with what stands between backticks as code."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return escape(words)
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def _is_message(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and set(value) == {"key", "params"}


def clip(text: str, most: int) -> str:
    """At most `most` characters of a text, on one look: the end is marked with an ellipsis where something was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def clip_middle(text: str, most: int) -> str:
    """At most `most` characters of a name that its ends tell from others, as a path's do."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


def visible(text: str) -> str:
    """Text with characters that have no shape made visible, so that a reader sees what a rule saw."""
    return _HIDDEN.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character == "\n":
        return "↵"
    if character == "\t":
        return "⇥"
    # A lone surrogate cannot be written as UTF-8.
    return "\ufffd" if "\ud800" <= character <= "\udfff" else f"⟨{ord(character):04X}⟩"
