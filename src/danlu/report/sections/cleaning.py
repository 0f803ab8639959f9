"""What was removed and why: the way from collected to kept, each reason with examples, repairs before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup, escape

from danlu.report.figures import Step, flow
from danlu.report.sections.access import entries, largest, part
from danlu.report.words import (
    clip,
    count,
    finite,
    general,
    language_name,
    own_words,
    plain,
    reason,
    reason_definition,
    rule_limits,
    share,
    size,
    visible,
)
from danlu.workspace.messages import Language

REASONS, EXAMPLES, CHARACTERS, EDITS, FLOW = 40, 3, 300, 12, 10


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """The flow of documents, the reasons with examples, the repairs, what each source kept."""
    decide, normalise = part(facts, "decide"), part(facts, "normalise")
    if not decide and not normalise:
        return None
    before, after = part(decide, "documents").get("in", 0), part(decide, "documents").get("kept", 0)
    bytes_in, bytes_kept = part(decide, "bytes").get("in", 0), part(decide, "bytes").get("kept", 0)
    reasons, own = part(decide, "reasons"), part(decide, "own_rules")
    order = largest({name: entry.get("documents", 0) for name, entry in reasons.items()}, REASONS)
    return {
        "decided": bool(before),
        "before": count(before),
        "after": count(after),
        "removed": before - after,
        "kept_share": share(after / before) if before else "",
        "kept_bytes": share(bytes_kept / bytes_in) if bytes_in else "",
        "flow": waterfall(language, before, after, order, own) if before else "",
        "reasons": [
            _reason(language, name, reasons[name], part(decide, "examples").get(name) or [], own, part(decide, "rules"))
            for name, _ in order
        ],
        "sources": [
            {
                "name": clip(name, 120),
                "in": count(row.get("in", 0)),
                "kept": count(row.get("kept", 0)),
                "share": share(row.get("kept", 0) / row["in"]) if row.get("in") else "–",
                "bytes": size(row.get("bytes_kept", 0)),
            }
            for name, row in list(part(decide, "by_source").items())[:40]
        ],
        "edited": count(normalise.get("edited", 0)),
        "documents": count(normalise.get("documents", 0)),
        "any_edits": normalise.get("edited", 0),
        "edits": [{"name": reason(language, name), "count": count(n)} for name, n in largest(normalise.get("edits") or {}, 20)],
        "repairs": [
            {
                "reason": reason(language, str(entry.get("reason", ""))),
                "source": clip(str(entry.get("source") or ""), 80),
                **difference(clip(str(entry.get("before", "")), CHARACTERS), clip(str(entry.get("after", "")), CHARACTERS)),
            }
            for entry in entries(facts, "normalise", "examples")[:EDITS]
        ],
    }


def waterfall(
    language: Language, before: int, after: int, order: Sequence[tuple[str, float]], own: Mapping[str, Any],
    form: Callable[[float], str] = count,
) -> str:  # fmt: skip
    """The waterfall from collected to kept. What the reasons do not add up to is shown as other, so the rows always meet."""
    rows = [Step(plain(language, "report.removed.collected"), 0, before, form(before), "all")]
    left = float(before)
    shown = order[:FLOW]
    for name, number_gone in shown:
        gone = min(number_gone, left - after)
        if gone > 0:
            rows.append(Step(named(language, name, own), left, left - gone, f"−{form(gone)}", "gone"))
            left -= gone
    if left > after:
        rows.append(Step(plain(language, "report.removed.other"), left, after, f"−{form(left - after)}", "gone"))
    rows.append(Step(plain(language, "report.removed.kept"), 0, after, f"{form(after)} ({share(after / before)})", "kept"))
    return flow(
        rows,
        title=plain(language, "report.removed.flow-title"),
        description="; ".join(f"{row.name}: {row.text}" for row in rows),
    )


def named(language: Language, name: str, own: Mapping[str, Any]) -> str:
    """A reason in words; a rule of the user's own brings its words along."""
    return own_words(language, own.get(name) or {}, "name") or reason(language, name)


def _reason(
    language: Language,
    name: str,
    entry: Mapping[str, Any],
    examples: list[dict[str, Any]],
    own: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, Any]:
    definition = own_words(language, own.get(name) or {}, "definition") or reason_definition(language, name)
    limits = rule_limits(language, rules[name]) if name in rules else ""
    by_language = largest(entry.get("by_language") or {}, 6)
    return {
        "name": named(language, name, own),
        "definition": f"{definition}{'' if language == 'zh' else ' '}{limits}".strip(),
        "documents": count(entry.get("documents", 0)),
        "bytes": size(entry.get("bytes", 0)),
        "languages": " · ".join(f"{language_name(language, tag)} {count(value)}" for tag, value in by_language),
        "examples": [
            {
                "text": visible(clip(str(example.get("text", "")), CHARACTERS)),
                "source": clip(str(example.get("source") or ""), 80),
                "tag": example.get("language") or "",
                "measure": plain(
                    language, "report.removed.measure", value=general(example["value"]), threshold=general(example["threshold"])
                )
                if finite(example.get("value")) and finite(example.get("threshold"))
                else "",
            }
            for example in examples[:EXAMPLES]
        ],
    }


def difference(before: str, after: str) -> dict[str, Markup]:
    """Both texts with what differs marked: taken out in the first, put in in the second."""
    old, new = Markup(), Markup()
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, come = visible(before[i1:i2]), visible(after[j1:j2])
        if kind == "equal":
            old += escape(gone)
            new += escape(come)
        else:
            old += Markup("<del>{}</del>").format(gone) if gone else Markup()
            new += Markup("<ins>{}</ins>").format(come) if come else Markup()
    return {"before": old, "after": new}
