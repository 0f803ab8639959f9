"""The language of an answer's words: what the request asks for, else the server's."""

from __future__ import annotations

from collections.abc import Mapping

from danlu.workspace.messages import LANGUAGES, Language, current_language


def request_language(headers: Mapping[str, str], asked: str | None = None) -> Language:
    """`asked` (a query's `lang`) if it is one of ours, else the best of `Accept-Language`, else the server's language."""
    for name in (asked or "", *_accepted(headers.get("accept-language", ""))):
        for language in LANGUAGES:
            if name.partition("-")[0].lower() == language:
                return language
    return current_language()


def _accepted(header: str) -> list[str]:
    """Language tags of the header, the most wanted first."""
    wanted: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag))
        except ValueError:
            continue
    return [tag for _, tag in sorted(wanted, key=lambda pair: pair[0])]
