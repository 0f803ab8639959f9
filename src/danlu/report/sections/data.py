"""What went in: a card for each source of text, and each dataset with its repeats and contradictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.figures import share_bar
from danlu.report.sections.access import entries, largest, part
from danlu.report.words import clip, count, language_name, message_or_key, plain, share, size, visible
from danlu.workspace.messages import Language

SOURCES, EXAMPLES, CHARACTERS, LANGUAGES_SHOWN = 40, 4, 280, 6


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Sources with licence, origin, version and languages; datasets with splits, repeats, conflicts."""
    card = part(facts, "collect")
    datasets = [_dataset(language, name, entry) for name, entry in part(facts, "datasets").items()]
    if not card and not datasets:
        return None
    sources = entries(facts, "collect", "sources")
    known = {source.get("name") for source in sources}
    for dataset in part(facts, "datasets").values():
        sources += [{**source, "rows_only": True} for source in dataset.get("sources") or [] if source.get("name") not in known]
    return {
        "sources": [_source(language, source) for source in sources[:SOURCES]],
        "more_sources": max(len(sources) - SOURCES, 0),
        "total": _total(language, card),
        "quarantine": [
            {"reason": _quarantine(language, reason), "count": count(number)}
            for reason, number in largest(card.get("quarantine") or {}, 12)
        ],
        "set_aside": [_set_aside(language, entry) for entry in entries(facts, "set_aside")],
        "datasets": datasets,
    }


def _set_aside(language: Language, entry: Mapping[str, Any]) -> str:
    """A piece of work that killed whoever did it, and why."""
    reason = message_or_key(language, f"{entry.get('reason')}.cause", dict(entry.get("params") or {}))
    told = {"stage": clip(str(entry.get("stage", "")), 80), "unit": clip(str(entry.get("unit", "")), 120)}
    return plain(language, "report.data.set-aside-entry", count=count(entry.get("count", 0)), reason=reason, **told)


def _total(language: Language, card: Mapping[str, Any]) -> dict[str, Any] | None:
    if not card.get("documents"):
        return None
    holdout = card.get("holdout") or {}
    return {
        "documents": count(card["documents"]),
        "bytes": size(card.get("bytes", 0)),
        **_languages(language, card.get("languages") or {}),
        "holdout_documents": count(holdout.get("documents", 0)),
        "holdout_bytes": size(holdout.get("bytes", 0)),
        "has_holdout": bool(holdout.get("documents")),
    }


def _source(language: Language, source: Mapping[str, Any]) -> dict[str, Any]:
    rows = source.get("rows_only")
    languages = source.get("languages") or {}
    return {
        "name": clip(str(source.get("name", "")), 120),
        "licence": clip(
            str(source.get("licence") or (plain(language, "report.data.own") if source.get("type") == "dataset" else "")), 160
        ),
        "origin": clip(str(source.get("origin") or ""), 300),
        "version": clip(str(source.get("version") or ""), 60),
        "amount": plain(language, "report.data.rows", n=source.get("rows", 0), count=count(source.get("rows", 0)))
        if rows
        else plain(language, "report.data.documents", n=source.get("documents", 0), count=count(source.get("documents", 0))),
        "bytes": "" if rows else size(source.get("bytes", 0)),
        "quarantined": count(source["quarantined"]) if source.get("quarantined") else "",
        **_languages(language, languages),
    }


def _languages(language: Language, amounts: Mapping[str, Any]) -> dict[str, Any]:
    """Names and shares of the languages, and their bar."""
    tones = {"en": 2, "zh-Hans": 1}  # a language has one colour on the whole page
    top = largest({tag: value for tag, value in amounts.items() if isinstance(value, int | float)}, LANGUAGES_SHOWN)
    total = sum(value for value in amounts.values() if isinstance(value, int | float)) or 1
    named = [
        {"name": language_name(language, tag), "share": share(value / total), "tone": tones.get(tag, index % 3 + 3)}
        for index, (tag, value) in enumerate(top)
    ]
    bar = share_bar(
        [(value, tones.get(tag, index % 3 + 3)) for index, (tag, value) in enumerate(top)],
        title=plain(language, "report.data.languages"),
        description=", ".join(f"{entry['name']} {entry['share']}" for entry in named),
    )
    return {"languages": named, "language_bar": bar if len(named) > 1 else ""}


def _quarantine(language: Language, reason: str) -> str:
    """Why something could not be read; the key names an error or a plain message."""
    for key in (f"collect.quarantine.{reason}", f"{reason}.what", reason):
        found = message_or_key(language, key, {})
        if found != key:
            head, colon, _ = found.partition("…")[0].rpartition("：" if language == "zh" else ":")
            return head if colon and "…" in found else found  # the numbers of single documents are in quarantine.jsonl
    return clip(reason, 120)


def _dataset(language: Language, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    by_language = entry.get("by_language") or {}
    columns = ("rows", "distinct", "repeats", "conflicts", "train", "validation", "test")
    labels = entry.get("labels") or {}
    total = sum(labels.values()) or 1
    examples = entry.get("examples") or {}
    return {
        "name": clip(name, 80),
        "rows": count(entry.get("rows", 0)),
        "distinct": count(entry.get("distinct", 0)),
        "repeats": entry.get("repeats", 0),
        "conflicts": entry.get("conflicts", 0),
        "columns": [plain(language, f"report.data.column.{column}") for column in columns],
        "table": [
            {"language": language_name(language, tag), "cells": [count(row.get(column, 0)) for column in columns]}
            for tag, row in sorted(by_language.items())
        ],
        "labels": [
            {"name": clip(str(label), 60), "count": count(number), "share": share(number / total)}
            for label, number in largest(labels, 20)
        ],
        "repeat_examples": [
            {
                "text": visible(clip(str(example.get("text", "")), CHARACTERS)),
                "count": count(example.get("count", 0)),
                "tag": example.get("language") or "",
            }
            for example in (examples.get("repeats") or [])[:EXAMPLES]
        ],
        "conflict_examples": [
            {
                "text": visible(clip(str(example.get("text", "")), CHARACTERS)),
                "labels": [(clip(str(label), 60), count(number)) for label, number in (example.get("labels") or {}).items()],
                "tag": example.get("language") or "",
            }
            for example in (examples.get("conflicts") or [])[:EXAMPLES]
        ],
    }
