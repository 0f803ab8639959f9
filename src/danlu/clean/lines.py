"""Line rules: single lines that are not of the text (notices of web pages, data), taken out as edits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from danlu.clean.c4 import c4_edits
from danlu.text.edits import Edit

_NOTICES = re.compile(
    "|".join(
        (
            r"(?:enable|activate|turn on|requires?|without|disabled?) javascript",
            r"javascript (?:is |must be |to be |has been )?(?:disabled|enabled|required|turned off)",
            r"lorem ipsum",
            r"(?:we|this (?:web)?site|our (?:web)?site) uses? cookies|use of cookies|accept (?:all )?cookies|cookie policy",
            r"(?:read|see|view|accept|agree (?:to|with)) (?:our|the) (?:privacy policy|terms of (?:use|service))",
            r"^(?:privacy policy|terms of (?:use|service)|terms (?:and|&) conditions|all rights reserved)\.?$",
            r"^(?:back to top|skip to (?:main )?content|read more|advertisement)[.…]*$",
            r"^(?:share (?:this|on) (?:facebook|twitter|article|post)|click here to (?:subscribe|continue|log ?in))\.?$",
            r"^(?:copyright )?(?:©|\(c\)) ?\d{4}.{0,80}all rights reserved",
            r"(?:启用|开启|不支持) ?javascript",
            r"本(?:网)?站使用 ?cookies?|(?:阅读|同意)(?:我们的)?(?:隐私政策|服务条款|用户协议)",
            r"^(?:返回顶部|回到顶部|阅读全文|阅读原文|查看更多|点击查看更多|加载更多|上一[篇页]|下一[篇页])[：:]?$",
            r"^(?:分享到|广告|隐私政策|服务条款|版权所有)[：:]?$",
            r"^(?:责任编辑|本文责编)[：:].{0,20}$|^(?:扫码|扫一扫|长按二维码|微信扫).{0,20}关注",
            r"版权所有[，, ]*(?:不得|未经|违者)|^[(（]?未经.{0,12}(?:许可|授权).{0,4}(?:不得|禁止)转载",
        )
    ),
    re.IGNORECASE,
)
# One of these is in every notice, in lower case; to look for them is far cheaper than to try the pattern.
SIGNS = (
    "javascript", "lorem ipsum", "cookie", "privacy policy", "terms of ", "terms and ", "terms & ", "all rights reserved",
    "back to top", "skip to ", "read more", "advertisement", "share this ", "share on ", "click here to ",
    "隐私政策", "服务条款", "用户协议", "返回顶部", "回到顶部", "阅读全文", "阅读原文", "查看更多", "加载更多", "上一篇",
    "上一页", "下一篇", "下一页", "分享到", "广告", "版权所有", "责任编辑", "本文责编", "扫码", "扫一扫", "长按二维码",
    "微信扫", "未经",
)  # fmt: skip


def drop_lines(text: str, thresholds: Mapping[str, float]) -> list[Edit]:
    """Edits that take out whole lines, reason the rule's name, and what C4 takes out of a line. But for the rules of C4, a text
    of one line is left alone."""
    by_c4 = any(name.startswith("c4_") for name in thresholds)
    if not (by_c4 or ("\n" in text and thresholds)):
        return []
    notice, word = thresholds.get("boilerplate_line", 0), thresholds.get("long_word_line")
    if "\n" not in text:
        notice, word = 0, None
    lines = text.split("\n")
    notices = _notices(text, lines, notice) if notice else frozenset[int]()
    if word is not None and max(map(len, lines)) <= word:
        word = None
    if not (notices or by_c4 or word is not None):
        return []
    edits: list[Edit] = []
    start = 0
    for number, line in enumerate(lines):
        end = start + len(line)
        reason, inside = "", list[Edit]()
        if number in notices:
            reason = "boilerplate_line"
        elif word is not None and len(line) > word and _longest_run(line) > word:
            reason = "long_word_line"
        elif by_c4 and line:
            reason, inside = c4_edits(line, start, thresholds)
        if reason:
            # The line goes with the break after it; the last one with the break before it.
            span = (start, end + 1) if end < len(text) else (max(start - 1, edits[-1].end if edits else 0), end)
            edits.append(Edit(*span, "", reason))
        edits += inside
        start = end + 1
    return edits


def _notices(text: str, lines: Sequence[str], most: float) -> frozenset[int]:
    """Which of a text's lines are notices of up to `most` characters: the pattern is tried only on those with a sign."""
    folded = text.lower()
    found: set[int] = set()
    for sign in SIGNS:
        at, number, counted = folded.find(sign), 0, 0
        while at >= 0:
            number += folded.count("\n", counted, at)
            found.add(number)
            counted, end = at, folded.find("\n", at)
            at = folded.find(sign, end) if end >= 0 else -1
    return frozenset(one for one in found if 0 < len(lines[one]) <= most and _NOTICES.search(lines[one].strip()))


def _longest_run(line: str) -> int:
    """Characters of the longest run without a space; in text of Han, kana and the like, of ASCII alone."""
    return max((len(found) for found in re.findall(r"[\x21-\x7e]+|[\u00a1-\u2e7f\ua4d0-\uabff]+", line)), default=0)
