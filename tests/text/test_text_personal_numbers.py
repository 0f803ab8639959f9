"""Numbers told by their groups: what patterns find in all of a text is found where the kernel lets them look, on random numbers
and the words around them."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from danlu.text.personal.find import _FAMILIES, _disjoint, candidates
from danlu.text.personal.span import Span

# Groups of digits as telephones, cards, codes, dates and decimals of many countries have them.
GROUPS = (
    (3, 4, 4),
    (3, 3, 4),
    (1, 3, 3, 4),
    (4, 4, 4, 4),
    (4, 4, 4, 4, 3),
    (4, 6, 5),
    (6, 8, 4),
    (3, 8),
    (4, 7),
    (5, 6),
    (2, 2, 2, 2, 2),
    (11,),
    (7,),
    (8,),
    (9,),
    (15,),
    (16,),
    (18,),
    (19,),
    (2, 3, 8),
    (2, 11),
    (4, 11),
    (4, 3, 8),
    (3, 4),
    (4, 2, 2),
    (4, 4),
    (2, 2, 4),
    (4, 3, 3),
    (5, 3, 3),
    (7, 4),
    (3, 3, 3),
    (1, 9),
    (1, 3),
    (3, 3, 3, 3),
    (2, 4),
    (3, 6),
)
BEGINNINGS = (
    "1",
    "13",
    "139",
    "0",
    "010",
    "0755",
    "00",
    "0086",
    "86",
    "8613",
    "+86",
    "+",
    "4",
    "4532",
    "62",
    "6222",
    "3",
    "37",
    "20",
    "2024",
    "1998",
    "11010519491231002",
    "555",
    "(0",
    "(2",
    "07",
    "(86)",
    "DE",
    "GB82",
    "E",
    "EA",
    "A",
    "91",
)
WORDS = (
    "",
    "",
    "",
    "tel",
    "Tel: ",
    "call ",
    "call me at ",
    "phone number is ",
    "HOTEL ",
    "TEL",
    "电话",
    "电话号码：",
    "手机是 ",
    "联系人",
    "passport ",
    "passport No. ",
    "护照号码：",
    "通行证",
    "身份证号",
    "ID card: ",
    "order no. ",
    "v",
    "x",
    "IP ",
    "lat ",
    "GPS: ",
    "北纬",
    "text. ",
    "ring(",
    "fax+(",
    "to ",
    "number ",
    "编号",
    "。",
    "-",
    ".",
    "ISBN ",
    "dial  ",
    "at ",
)
BETWEEN = (
    ", ",
    "，",
    "、",
    " or ",
    "和",
    " / ",
    ";",
    "; ",
    "\n",
    " people ",
    "X ",
    "x",
    "°N ",
    "°",
    "度",
    " - ",
    "--",
    "…",
    "",
)


def find_everywhere(text: str) -> list[Span]:
    """What all patterns find in all of a text, without any look at its bytes."""
    return _disjoint([span for _, finders in _FAMILIES for finder in finders for span in finder(text)])


def number(made: random.Random) -> str:
    groups = ["".join(made.choices("0123456789", k=size)) for size in made.choice(GROUPS)]
    joint = made.choice(["", " ", "-", ".", ") ", " (", ")", "/", "--", ". ", ", "])
    text = groups[0] + "".join((joint if made.random() < 0.8 else made.choice(" -.(")) + group for group in groups[1:])
    beginning = made.choice(BEGINNINGS) if made.random() < 0.7 else ""
    digits = sum(letter.isdigit() for letter in beginning)
    kept = text[digits:] if made.random() < 0.8 else text
    return beginning + kept + (made.choice("xXA_") if made.random() < 0.08 else "")


@pytest.mark.parametrize("seed", range(4))
def test_patterns_find_no_number_where_the_kernel_saw_none(seed: int) -> None:
    made = random.Random(seed)
    texts = [
        "".join(made.choice(WORDS) + number(made) + made.choice(BETWEEN) for _ in range(made.randrange(1, 4)))
        + made.choice(["", " of them.", "，谢谢。"])
        for _ in range(6000)
    ]
    asked = candidates(pa.array(texts, pa.large_string()))
    found = 0
    for row, text in enumerate(texts):
        spans = asked.find(row)
        assert spans == find_everywhere(text), text
        found += bool(spans)
    assert found > 500
    assert (asked.flags == 0).sum() > 1000


def test_signs_alone_ask_for_nothing() -> None:
    plain = [
        "@property\ndef f(self): ...", "x @ y", "Example::\n", "std::vector<int>", "-----\nTitle\n-----",
        "On 2004-01-12 and in 1998-2003, 1234567 people in 12.345 rooms.", "tatoeba.org #1898341 (CK) & #5344341 (egg0073)",
        "3.14159265358979 and 1. 2. 3. 4.", "ISBN 978-7-302-12345-6", "它在 2008.5.14 开业，共 12345678 人",
    ]  # fmt: skip
    flags = candidates(pa.array(plain)).flags
    assert flags.tolist() == [0] * len(plain)


@pytest.mark.parametrize(
    "text",
    ["a@b.cn", "li＠qq.com", "2001:4860::8888", "from 8.8.8.8", "IP 8.8.100.8:80", "GPS: 39.9042 , 116.4074",
     "39.9042度N116.4074度E", "-----BEGIN PRIVATE KEY-----", "tel: 1234567", "tel 1234567, 2345678", "+8613912345678"],
)  # fmt: skip
def test_what_is_next_to_a_sign_asks(text: str) -> None:
    assert candidates(pa.array([text])).flags[0]
