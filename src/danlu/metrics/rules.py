"""Which language's rules a metric of texts went by, and what of that a person should know: under the wrong ones a good
translation scores 0 without a word."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from danlu.metrics.answers import rule
from danlu.metrics.characters import languages_of, script_of
from danlu.metrics.translation import tokenizer
from danlu.text.tags import UNKNOWN, base_language, is_written
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message

RULES = {"bleu": tokenizer, "chrf": tokenizer, "exact_match": rule, "answer_f1": rule}
FEWEST = 5  # references whose script says something of their tag: one alone may be a name
SHOWN = 5  # tags and languages in a note, the commonest


def language_notes(metric: str, references: Sequence[Sequence[str]], languages: Sequence[str] | None) -> list[Message]:
    """The rules; tags that mean no language, or two; and of translations the tags in whose script most of their references are
    not, for the column is then of the source. Nothing of a metric that has the same rules for all languages."""
    if metric not in RULES or not references:
        return []
    used, by = languages_of(references, languages), RULES[metric]
    shown = [f"{base}: {by(base)} ({count})" for base, count in Counter(used).most_common(SHOWN)]
    notes = [message(f"metrics.languages.{'answers' if by is rule else 'translation'}", rules=listed(shown))]
    if languages is None:
        return notes
    strange = Counter(tag for tag in languages if base_language(tag) == UNKNOWN)
    if strange:
        taken = next(base for tag, base in zip(languages, used, strict=True) if tag in strange)
        tags = listed([tag or '""' for tag, _ in strange.most_common(SHOWN)])
        notes.append(message("metrics.languages.unknown", count=strange.total(), tags=tags, taken=taken))
    return notes if by is rule else [*notes, *_unlike(references, languages)]


def _unlike(references: Sequence[Sequence[str]], languages: Sequence[str]) -> list[Message]:
    tagged: defaultdict[str, list[str]] = defaultdict(list)
    for texts, tag in zip(references, languages, strict=True):
        tagged[tag].append(" ".join(texts))
    scripts = {tag: script_of(texts) for tag, texts in tagged.items() if len(texts) >= FEWEST}
    return [
        message("metrics.languages.unlike", tag=tag, count=len(tagged[tag]), script=script)
        for tag, script in scripts.items()
        if not is_written(tag, script)
    ]
