"""Telephone numbers: Chinese mobile and landline, international with a plus sign, and usual local forms.

A number of digits alone says little; so local forms count only in the grouping that their country writes, or after a word
that says what the number is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from danlu.text.personal.numbers import is_other_number
from danlu.text.personal.span import Span

_CHINA = re.compile(
    r"(?<![\w.])(?:(?:\(?\+?86\)?|0086)[ -]?)?"
    r"(?:1(?:3\d|4[05-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])[ -]?\d{4}[ -]?\d{4}(?![0-9A-Za-z_]|\.\d|-\d)"  # mobile
    r"|(?:\(0(?:10|2\d|[3-9]\d\d)\) ?|(?<!\d[ -])(?<!\d)0(?:10|2\d|[3-9]\d\d)[ -])[2-8]\d{2,3}[ -]?\d{4}"  # landline
    r"(?![0-9A-Za-z_]|\.\d))",
    re.ASCII,
)
_CHINA_WITHOUT_ZERO = re.compile(r"(?<!\w)\+86[ -]?(?:10|2\d|[3-9]\d\d)[ -]?[2-8]\d{2,3}[ -]?\d{4}(?![0-9A-Za-z_])", re.ASCII)
_PLUS = re.compile(r"(?<![\w+])\+[1-9](?:[ .()-]{0,2}\d){7,15}(?![0-9A-Za-z_]|\.\d)", re.ASCII)
# Country codes of one digit and of two (ITU E.164); all others are of three digits and begin as said in the last group.
_COUNTRY = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[0578]\d|9[679]\d"
)
_LOCAL = re.compile(
    r"(?<![\w.+/-])(?:"
    r"(?:1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4}"  # North America
    r"|(?:0\d{2} \d{4} \d{4}|0\d{3} \d{3} \d{4}|\(0\d{2,4}\) ?\d{3,4} ?\d{3,4}"  # United Kingdom
    r"|07\d{3} \d{6}|07\d{3} \d{3} \d{3})"
    r"|0[1-9](?:[ .]\d\d){4}"  # France
    r")(?![0-9A-Za-z_]|[.-]\d)",
    re.ASCII,
)
_WORD = re.compile(
    r"(?:(?<![\w-])(?:tel(?:ephone)?|phone|mobile|mob|cell(?:phone)?|fax|hotline|whatsapp|call|dial|ring|text|txt|sms|contact)\b"
    r"(?: (?:number|no|num|me|us|him|her|at|on|is|to)\b){0,3}"
    r"|电话|电話|手机|手機|传真|电传|座机|热线|联系方式|联系人|致电|拨打|微信|电联|TEL)"
    r"(?:号码?|號碼?)?(?:[:：#=是为]{1,2}|\. )?[ \u3000]{0,2}(?=[\d(+])",
    re.ASCII | re.IGNORECASE,
)
# One of these is in every such word, in lower case; to look for them is far cheaper than to try the pattern.
_SIGNS = (
    "tel", "phone", "mob", "cell", "fax", "hotline", "whatsapp", "call", "dial", "ring", "text", "txt", "sms", "contact",
    "电话", "电話", "手机", "手機", "传真", "电传", "座机", "热线", "联系", "致电", "拨打", "微信", "电联",
)  # fmt: skip
_AFTER_WORD = re.compile(r"\+?\(?\d(?:[ ().-]{0,2}\d){6,14}(?![0-9A-Za-z_]|\.\d)", re.ASCII)
_DATE = re.compile(
    r"(?:1[89]|20)\d\d(?:[ ./-]{0,3}(?:[01]?\d[ ./-]{0,2}[0-3]?\d|(?:1[89]|20)\d\d))(?:\D.*)?\Z"
    r"|(?:1[89]|20)\d\d[01]\d[0-3]\d\Z",
    re.ASCII,
)
_UNIT = re.compile(r" ?(?:[%％万亿元部台户人个次件米吨美岁年]|people|users|times|dollars|USD|RMB|percent|million)", re.ASCII)
_MORE = re.compile(r" ?(?:[,，、/;；]|或|和|or\b|and\b) ?(?=[\d(+])", re.ASCII)  # another number of the same
_LEAST, _MOST = 7, 15  # digits (E.164)


def find_phones(text: str) -> Iterator[Span]:
    """Telephone numbers; what words before them call an order or a product is none, nor is a date or an amount."""
    signed = "+" in text
    for pattern in (_CHINA, _CHINA_WITHOUT_ZERO, _LOCAL) if signed else (_CHINA, _LOCAL):
        for found in pattern.finditer(text):
            if not is_other_number(text, found.start()) and not _UNIT.match(text, found.end()):
                yield Span(*found.span(), "phone")
    for found in _PLUS.finditer(text) if signed else ():
        digits = _digits(found[0])
        country = _COUNTRY.match(digits)
        if country and 9 <= len(digits) <= _MOST:
            yield Span(*_closed(text, *found.span()), "phone")
    folded = text.lower()
    if not any(sign in folded for sign in _SIGNS):
        return
    for word in _WORD.finditer(text):
        start = word.end()
        while (after := _AFTER_WORD.match(text, start)) and _is_number(text, after):
            yield Span(*_closed(text, *after.span()), "phone")
            more = _MORE.match(text, after.end())
            if more is None:
                break
            start = more.end()


def _is_number(text: str, found: re.Match[str]) -> bool:
    """Whether what follows a word is a number of a telephone: no date, no amount."""
    if _DATE.match(found[0]) or _UNIT.match(text, found.end()):
        return False
    return _LEAST <= len(_digits(found[0])) <= _MOST


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())


def _closed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without an opening parenthesis at the start that nothing closes."""
    return (start + 1, end) if text[start] == "(" and ")" not in text[start:end] else (start, end)
