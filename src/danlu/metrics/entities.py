"""Entities of tagged sentences, found as seqeval 1.2.2 finds them, in its lenient mode (the default) and its strict mode.

A tag is a prefix and a type (`B-PER`), or a prefix alone (`B`), whose type is `_`; `O` is outside. Lenient reads any prefixes
and begins an entity wherever conlleval does, also at an `I` after `O`. Strict knows the scheme and drops what is not well
formed. Where no sentence has an entity, true or predicted, the scores are 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from danlu.metrics.items import Sums
from danlu.metrics.spans import Average, Score, Span, spans
from danlu.workspace.errors import DanluError

SchemeName = Literal["IOB1", "IOB2", "IOE1", "IOE2", "IOBES", "BILOU"]
Tag = tuple[str, str]  # prefix, type
OUTSIDE: Tag = ("O", "_")
PREFIXES = "BIESLUM"  # of entities, in all schemes; M is the I of BMES


class Scheme(NamedTuple):
    """Rules on two tags that follow one another: prefix before, prefix after (`.`: any), and whether the types must be the
    same (`=`), must differ (`!`), or do not matter (`*`)."""

    prefixes: str
    start: str
    inside: str
    end: str


SCHEMES: dict[str, Scheme] = {
    "IOB1": Scheme("IOB", "OI* II! BI* IB= BB=", "BI= II=", "II! IO* IB* BO* BI! BB="),
    "IOB2": Scheme("IOB", ".B*", "BI= II=", "IO* II! IB* BO* BI! BB*"),
    "IOE1": Scheme("IOE", "OI* II! EI* EE=", "II= IE=", "II! IO* IE! EI= EE="),
    "IOE2": Scheme("IOE", "OI* OE* EI* EE* II! IE!", "IE= II=", "E.*"),
    "IOBES": Scheme("IOBES", ".B* .S*", "BI= BE= II= IE=", "S.* E.*"),
    "BILOU": Scheme("BILOU", ".B* .U*", "BI= BL= II= IL=", "U.* L.*"),
}


def entities(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, score: Score = "f1", average: Average = "micro",
    scheme: SchemeName = "IOB2", strict: bool = False, types: Collection[str] | None = None, known: Collection[str] = (),
) -> Sums:  # fmt: skip
    """By sentence, the true and the predicted tag of each token. A sentence tagged too short has `O` at its end.

    `known` are types that have columns whether or not they occur here (`tag_types` of all models that are compared).
    """
    found = [_entities(tags, scheme, strict) for tags in truth]
    given = [_entities(_fitted(tags, len(true)), scheme, strict) for tags, true in zip(predicted, truth, strict=True)]
    counted = spans(found, given, score=score, average=average, types=types, known=known)
    return Sums(counted.table, counted.statistic, {**counted.made, "scheme": scheme if strict else "lenient"})


def is_tag(tag: str) -> bool:
    """Whether a tag is `O`, a prefix that any scheme has, or such a prefix with a type: `NOUN` is none."""
    return tag == "O" or (tag[:1] in PREFIXES and (len(tag) == 1 or (len(tag) > 2 and tag[1] in "-_")))


def tag_types(sentences: Iterable[Sequence[str]]) -> set[str]:
    """The types that any of the tags name."""
    return {_tag(tag, dash=False)[1] for tags in sentences for tag in tags}


def _fitted(tags: Sequence[str], length: int) -> list[str]:
    return [*tags[:length], *["O"] * (length - len(tags))]


def _entities(tags: Sequence[str], scheme: SchemeName, strict: bool) -> list[Span]:
    return strict_entities(tags, scheme) if strict else lenient_entities(tags)


def _tag(tag: str, dash: bool) -> Tag:
    """`B-PER` as ("B", "PER"). seqeval strips all dashes of a type in strict mode and cuts at the first in lenient mode."""
    kind = tag[1:].strip("-") if dash else tag[1:].split("-", 1)[-1]
    return tag[:1], kind or "_"


def strict_entities(tags: Sequence[str], scheme: SchemeName) -> list[Span]:
    """Well-formed entities: (start, end, type), end exclusive. DanluError where a prefix is not of the scheme."""
    rules = SCHEMES[scheme]
    for tag in tags:
        if tag[:1] not in rules.prefixes:
            raise DanluError("metrics.tag", where=tag, tag=tag, scheme=scheme, known=", ".join(rules.prefixes))
    read = [*(_tag(tag, dash=True) for tag in tags), OUTSIDE]
    found, place, before = [], 0, OUTSIDE
    while place < len(read):
        if not _holds(rules.start, before, read[place]):
            place, before = place + 1, read[place]
            continue
        end = place + 1
        while _holds(rules.inside, read[end - 1], read[end]):
            end += 1
        if _holds(rules.end, read[end - 1], read[end]):
            found.append((place, end, read[place][1]))
        place, before = end, read[end - 1]
    return found


def _holds(rules: str, before: Tag, after: Tag) -> bool:
    same = before[1] == after[1]
    return any(
        rule[0] in (".", before[0]) and rule[1] in (".", after[0]) and (rule[2] == "*" or (rule[2] == "=") == same)
        for rule in rules.split()
    )


def lenient_entities(tags: Sequence[str]) -> list[Span]:
    """Entities as conlleval begins and ends them: (start, end, type), end exclusive. `L` reads as `E` and `U` as `S`, which
    seqeval does not know in this mode."""
    found: list[Span] = []
    start, before = 0, ("O", "")
    for place, tag in enumerate([*tags, "O"]):
        prefix, kind = _tag(tag, dash=False)
        now = ({"L": "E", "U": "S"}.get(prefix, prefix), kind)
        if _ends(before, now):
            found.append((start, place, before[1]))
        if _starts(before, now):
            start = place
        before = now
    return found


def _ends(before: Tag, now: Tag) -> bool:
    if before[0] in ("E", "S") or (before[0] in ("B", "I") and now[0] in ("B", "S", "O")):
        return True
    return before[0] not in ("O", ".") and before[1] != now[1]


def _starts(before: Tag, now: Tag) -> bool:
    if now[0] in ("B", "S") or (before[0] in ("E", "S", "O") and now[0] in ("E", "I")):
        return True
    return now[0] not in ("O", ".") and before[1] != now[1]
