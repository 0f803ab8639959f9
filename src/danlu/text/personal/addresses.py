"""E-mail and IP addresses. Each is looked for around its sign, so that text without one costs next to nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from danlu.text.personal.span import Span

_AT = re.compile("[@＠]", re.ASCII)
_LOCAL = re.compile(
    r"[A-Za-z0-9_%+](?:[A-Za-z0-9._%+'-]{0,63})\Z", re.ASCII
)  # searched for in the 64 characters before the sign
_DOMAIN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}([A-Za-z]{2,24})(?![A-Za-z0-9_(-])", re.ASCII)
_NO_DOMAIN = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "css", "js", "json", "html", "htm", "py", "java", "min", "map")
)  # icon@2x.png
_LONGEST_LOCAL = 64

# Neither a longer chain of numbers, nor part of a word or a version. What stands before is looked at after the first character,
# which alone is cheap to search for.
_IPV4 = re.compile(r"\d(?<![\w.\-/§].)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![\w-]|\.\w)(:\d{2,5}\b|/\d{1,2}\b)?", re.ASCII)
_NO_HOST = re.compile(
    r"(?:\b(?:v|version|ver|release|build|firmware|driver|section|sec|chapter|figure|fig|table|clause|appendix)|"
    r"版本号?|固件|驱动|第|章|节|图|表|附录|条|款)[\s.:：为是]{0,3}\Z",
    re.ASCII | re.IGNORECASE,
)
_HOST_WORD = re.compile(
    r"(?:\bIPv?4?\b|\bIPs?\b|address|host|server|proxy|gateway|\bDNS\b|client|login|visitor|from|地址|服务器|主机|代理|网关|登录|来源|访问)[^\n]{0,24}\Z",
    re.ASCII | re.IGNORECASE,
)
_COLONS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])", re.ASCII)
_BEFORE = 40  # characters before an address that may say what it is
_SMALL = 30  # a section or a version has no number as large


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses. Not the names of files (`icon@2x.png`), of services (`git@host:path`), or products of matrices
    (`a@b.sum()`)."""
    for sign in _AT.finditer(text):
        before = text[max(0, sign.start() - _LONGEST_LOCAL - 1) : sign.start()]
        local, domain = _LOCAL.search(before), _DOMAIN.match(text, sign.end())
        if local is None or domain is None or len(local[0]) > _LONGEST_LOCAL or ".." in local[0]:
            continue
        if domain[1].lower() in _NO_DOMAIN or (local[0] == "git" and text[domain.end() : domain.end() + 1] == ":"):
            continue
        yield Span(sign.start() - len(local[0]), domain.end(), "email")


def find_ips(text: str) -> Iterator[Span]:
    """Addresses of hosts, `ip` if the whole Internet could reach it, else `ip_reserved` (private, documentation, loopback)."""
    for found in _IPV4.finditer(text):
        address = found[0][: -len(found[1])] if found[1] else found[0]
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        if _NO_HOST.search(before):
            continue
        parts = [int(part) for part in address.split(".")]
        # A table whose columns ran together (`辽宁1.06.40.8`) looks like one too.
        alone = parts[0] >= 10 and max(parts) > _SMALL and before[-1:].isascii()
        if alone or found[1] or _HOST_WORD.search(before):
            yield from _host(found.start(), address)
    for found in _COLONS.finditer(text):
        address = found[0]
        if address.count(":") < 2 or (address.count(":") < 7 and "::" not in address):
            continue
        if address.endswith(":") and not address.endswith("::"):
            address = address[:-1]
        # Two groups at least: `::2` is a slice of a list; and a digit: `dead::beef` is a joke.
        if len([group for group in address.split(":") if group]) >= 2 and any(letter.isdigit() for letter in address):
            yield from _host(found.start(), address)


def _host(start: int, address: str) -> Iterator[Span]:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return
    yield Span(start, start + len(address), "ip" if known.is_global and not known.is_multicast else "ip_reserved")
