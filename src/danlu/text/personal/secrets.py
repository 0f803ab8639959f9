"""Keys and tokens: by the prefix that their issuer gives them, or by disorder after a word such as `token:`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from danlu.text.personal.span import Span

_ISSUED = re.compile(
    r"(?<![0-9A-Za-z_-])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)(?=[A-Z]{0,15}\d)[0-9A-Z]{16}"  # Amazon
    r"|gh[pousr]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{22,255}|glpat-[0-9A-Za-z_-]{20,64}"  # GitHub, GitLab
    r"|sk-(?=[A-Za-z_-]{0,200}\d)[0-9A-Za-z_-]{20,256}"  # OpenAI, Anthropic, DeepSeek
    r"|[spr]k_(?:live|test)_[0-9A-Za-z]{16,128}"  # Stripe
    r"|xox[abeoprs]-[0-9A-Za-z-]{10,250}|xapp-[0-9A-Za-z-]{10,250}"  # Slack
    r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,256}"  # Google
    r"|hf_[0-9A-Za-z]{30,64}|npm_[0-9A-Za-z]{36}|pypi-[0-9A-Za-z_-]{50,256}|dop_v1_[0-9a-f]{64}"
    r"|LTAI[0-9A-Za-z]{12,26}|AKID[0-9A-Za-z]{13,40}"  # Alibaba, Tencent
    r"|eyJ[0-9A-Za-z_-]{8,2048}\.eyJ[0-9A-Za-z_-]{8,4096}\.[0-9A-Za-z_-]{8,1024}"  # JSON web tokens
    r")(?![0-9A-Za-z_])",
    re.ASCII,
)
_HOOK = re.compile(r"hooks\.slack\.com/services/(T[0-9A-Z]{6,16}/B[0-9A-Z]{6,16}/[0-9A-Za-z]{16,40})", re.ASCII)
_BLOCK = re.compile(r"-----BEGIN (?:[0-9A-Z]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----", re.ASCII)
_BLOCK_LINES = re.compile(r"(?:[0-9A-Za-z+/=\\]*\r?\n)*[0-9A-Za-z+/=\\]*", re.ASCII)
_LONGEST_BLOCK = 20_000
_NAMED = re.compile(
    r"(?:key|secret|token|passw(?:or)?d|passwd|pwd|passphrase|auth|bearer|credentials?|密钥|密鑰|秘钥|口令|密码|密碼|令牌)"
    r"[\"']?\s{0,3}(?:=>|:=|[=:：]|\bis\b|[是为])\s{0,3}(?:bearer\s)?[\"'“]?([0-9A-Za-z_+/=-]{16,512})",
    re.ASCII | re.IGNORECASE,
)
_LEAST_ENTROPY = 3.2  # bits a character of a named value; random hexadecimal digits have 4, sixteen of them about 3.3


def find_key_blocks(text: str) -> Iterator[Span]:
    """Private keys between their lines of dashes."""
    end = 0
    for found in _BLOCK.finditer(text):
        if found.start() >= end:
            end = _block_end(text, found.end())
            yield Span(found.start(), end, "secret")


def find_secrets(text: str) -> Iterator[Span]:
    """Keys and tokens in one line."""
    for found in _ISSUED.finditer(text):
        yield Span(*found.span(), "secret")
    for pattern in (_HOOK, _NAMED):
        for found in pattern.finditer(text):
            value = found[1].rstrip("-")
            if looks_random(value):
                yield Span(found.start(1), found.start(1) + len(value), "secret")


def looks_random(value: str) -> bool:
    """Whether a value has letters and digits without the order of words: paths and versions have some."""
    if not any(letter.isdigit() for letter in value) or not any(letter.isalpha() for letter in value):
        return False
    if re.fullmatch(r"[A-Za-z_-]{0,64}\d{0,4}", value) or value.count("/") > 3:
        return False
    counts = Counter(value)
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return len(value) >= 16 and entropy >= _LEAST_ENTROPY


def _block_end(text: str, start: int) -> int:
    """The end of a key block: its closing line, or of the lines that look like one where it is cut off."""
    close = text.find("-----END", start, start + _LONGEST_BLOCK)
    if close >= 0 and (dashes := text.find("-----", close + 8, close + 80)) >= 0:
        return dashes + 5
    lines = _BLOCK_LINES.match(text, start, start + _LONGEST_BLOCK)
    return lines.end() if lines else start
