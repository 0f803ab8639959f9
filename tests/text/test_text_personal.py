"""Personal data: check digits against other ways to compute them, recall and precision on planted values, hard negatives."""

from __future__ import annotations

import itertools
import random
import string
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from danlu.recipe.personal import KINDS
from danlu.text.edits import apply_edits
from danlu.text.personal.checksums import IBAN_LENGTHS, REGIONS, is_credit_code, is_iban, is_id_card, is_luhn
from danlu.text.personal.find import _FAMILIES, _disjoint, candidates, find, hide, masks
from danlu.text.personal.span import Span

Make = Callable[[random.Random], str]
LETTERS = string.ascii_letters + string.digits


def digits(made: random.Random, size: int) -> str:
    return "".join(made.choices("0123456789", k=size))


def letters(made: random.Random, size: int) -> str:
    return "".join(made.choices(LETTERS, k=size - 2)) + made.choice("ABCdef") + made.choice("0123456789")


def id_card(made: random.Random) -> str:
    """Check digit by the recursion of ISO 7064, not by the weights of the standard."""
    region = made.choice(["110101", "310104", "440305", "510107", "650102", "320508"])
    body = f"{region}{made.randrange(1930, 2015)}{made.randrange(1, 13):02}{made.randrange(1, 29):02}{digits(made, 3)}"
    rest = 0
    for digit in body:
        rest = (rest + int(digit)) * 2 % 11
    check = (12 - rest) % 11
    return body + ("X" if check == 10 else str(check))


def luhn(body: str) -> str:
    doubled = [sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body))]
    return body + str(-sum(doubled) % 10)


def bank_card(made: random.Random) -> str:
    prefix, size = made.choice(
        [("622202", 19), ("6228", 19), ("621700", 19), ("4532", 16), ("5412", 16), ("3782", 15), ("625", 16)]
    )
    number = luhn(prefix + digits(made, size - 1 - len(prefix)))
    if size == 15 or made.random() < 0.5:
        return number
    return made.choice(" -").join(number[at : at + 4] for at in range(0, size, 4))


def credit_code(made: random.Random) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"9{made.choice('123')}{made.choice(['110108', '310115', '440300'])}" + "".join(made.choices(alphabet, k=9))
    return body + alphabet[-sum(pow(3, place, 31) * alphabet.index(letter) for place, letter in enumerate(body)) % 31]


def iban(made: random.Random) -> str:
    country, size = made.choice([("DE", 22), ("GB", 22), ("FR", 27), ("NL", 18), ("ES", 24), ("CH", 21)])
    account = ("ABNA" if country in ("NL", "GB") else "") + digits(made, size - 4 - 4 * (country in ("NL", "GB")))
    number = "".join(str(ord(letter) - 55) if letter.isalpha() else letter for letter in account + country + "00")
    value = f"{country}{98 - int(number) % 97:02}{account}"
    return " ".join(value[at : at + 4] for at in range(0, size, 4)) if made.random() < 0.5 else value


def email(made: random.Random) -> str:
    name = made.choice(["zhang.wei", "li_na88", "john.o-connor", "m+news", "a.b.c", "info2024", "x"])
    return f"{name}@{made.choice(['qq.com', '163.com', 'gmail.com', 'mail.uni-bonn.de', 'cs.ox.ac.uk', 'pku.edu.cn'])}"


def mobile(made: random.Random) -> str:
    number = made.choice(["139", "158", "177", "186", "199", "166", "145"]) + digits(made, 8)
    forms = ("{0}{1}{2}", "{0} {1} {2}", "{0}-{1}-{2}", "+86 {0}{1}{2}", "+86-{0}-{1}-{2}", "86 {0} {1} {2}")
    return made.choice(forms).format(number[:3], number[3:7], number[7:])


def landline(made: random.Random) -> str:
    local = made.choice("2345678") + digits(made, 7)
    return made.choice(["010-{0}", "021-{0}", "(0755){0}", "(010) {0}", "0571-{0}", "+86 10 {0}", "020 {0}"]).format(local)


def foreign(made: random.Random) -> str:
    return made.choice(
        [
            f"+1 {made.randrange(201, 990)} {made.randrange(201, 999)} {digits(made, 4)}",
            f"({made.randrange(201, 990)}) {made.randrange(201, 999)}-{digits(made, 4)}",
            f"{made.randrange(201, 990)}-{made.randrange(201, 999)}-{digits(made, 4)}",
            f"+44 20 7{digits(made, 3)} {digits(made, 4)}",
            f"+49 30 {made.randrange(1, 10)}{digits(made, 7)}",
            f"+33 1 {' '.join(digits(made, 2) for _ in range(4))}",
            f"020 7{digits(made, 3)} {digits(made, 4)}",
            f"+65{made.choice('689')}{digits(made, 7)}",
            f"+81-3-{digits(made, 4)}-{digits(made, 4)}",
        ]
    )


def public_ip(made: random.Random) -> str:
    if made.random() < 0.3:
        return f"2001:4860:{':'.join(f'{made.randrange(1, 65536):x}' for _ in range(6))}"
    first = made.choice([8, 47, 101, 123, 203, 220])
    return f"{first}.{made.randrange(1, 100)}.{made.randrange(31, 250)}.{made.randrange(1, 250)}"


def reserved_ip(made: random.Random) -> str:
    ends = f"{made.randrange(256)}.{made.randrange(31, 256)}"
    return made.choice(
        [f"192.168.{ends}", f"10.3.{ends}", f"192.0.2.{made.randrange(31, 255)}", "127.0.0.1", "2001:db8::8:800:200c:417a"]
    )


def secret(made: random.Random) -> str:
    return made.choice(
        [
            "AKIA7" + "".join(made.choices(string.ascii_uppercase + string.digits, k=15)),
            "ghp_" + letters(made, 36),
            "github_pat_" + letters(made, 40),
            "sk-" + letters(made, 48),
            "sk-proj-" + letters(made, 60),
            f"xoxb-{digits(made, 12)}-{letters(made, 24)}",
            f"eyJ{letters(made, 30)}.eyJ{letters(made, 60)}.{letters(made, 43)}",
            f"-----BEGIN RSA PRIVATE KEY-----\n{letters(made, 64)}\n{letters(made, 20)}==\n-----END RSA PRIVATE KEY-----",
        ]
    )


def coordinates(made: random.Random) -> str:
    north, east = made.uniform(10, 60), made.uniform(60, 170)
    return made.choice(
        [
            f"{north:.4f}°N, {east:.4f}°E",
            f"{int(north)}°{made.randrange(60)}′{made.randrange(60)}″N {int(east)}°{made.randrange(60)}′{made.randrange(60)}″E",
            f"北纬{int(north)}度{made.randrange(60)}分，东经{int(east)}度{made.randrange(60)}分",
        ]
    )


def passport(made: random.Random) -> str:
    return made.choice(
        ["E" + digits(made, 8), "EA" + digits(made, 7), "G" + digits(made, 8), digits(made, 9), "TK" + digits(made, 7)]
    )


# What is planted, and the words around it in either language.
PLANTED: dict[str, tuple[Make, tuple[str, ...], tuple[str, ...]]] = {
    "email": (
        email,
        ("Write to {} for details.", "<{}>", "Contact: {}, or call."),
        ("请发邮件到{}，谢谢。", "邮箱：{}。", "联系人({})"),
    ),
    "phone mobile": (
        mobile,
        ("My number is {}.", "Ask Mr Li ({}) first."),
        ("我的手机号是{}，请来电。", "联系电话：{}", "（{}）李师傅"),
    ),
    "phone landline": (landline, ("The office in Beijing: {}.", "Tel: {}"), ("办公室电话{}，传真同号。", "咨询{}或来访。")),
    "phone foreign": (foreign, ("Call {} after six.", "Phone: {}"), ("海外客服：{}。", "请拨打 {} 联系我们")),
    "id_card": (id_card, ("His ID number is {}.", "({})"), ("身份证号{}，请核对。", "张三，{}，住址不详")),
    "bank_card": (bank_card, ("Pay to card {} today.", "Card: {}."), ("卡号：{}，户名张三。", "请汇款至{}（工商银行）")),
    "company_code": (credit_code, ("Registered as {}.", "Code: {}"), ("统一社会信用代码：{}。", "（{}）")),
    "iban": (iban, ("Account {}, thank you.", "IBAN: {}"), ("账户：{}，谢谢。", "汇款到 {} 即可")),
    "passport": (passport, ("Passport No. {} was lost.", "passport number: {}"), ("护照号码：{}。", "持护照{}入境")),
    "ip": (public_ip, ("The request came from {} at noon.", "Server {} is down."), ("服务器地址是{}，已下线。", "登录IP：{}")),
    "ip_reserved": (reserved_ip, ("The router is {} here.", "ping {}"), ("路由器地址{}，密码见背面。", "内网主机：{}")),
    "coordinates": (coordinates, ("The camp lies at {}.", "({})"), ("位于{}。", "坐标：{}，海拔三百米")),
    "secret": (secret, ("Use {} as the key.", "export KEY={}"), ("密钥是{}。", "令牌：{}")),
}

NEGATIVES = (
    "ISBN 978-7-302-12345-6, ISBN 0-306-40615-2, ISBN-13: 9787302511625.",
    "书号：978-7-115-54608-1，定价：69.00元。",
    "Order number 4532015112830366 was shipped; tracking number 622202123456789012.",
    "订单号：13800138000，运单号 621700123456789012345，流水号20240115123045001。",
    "On 2024-01-15 12:30:45, between 1998-2003 and 20240115, at 2023/11/05.",
    "一九九八年，1998年1月12日，2008-08-08 20:08:08，从1949至1976。",
    "Version 10.0.19041.1, v4.2.1.1, Chrome/91.0.4472.124, release 1.2.3.4 and section 3.1.2.1.",
    "版本 2.10.3.1，见第 4.3.2.1 节，固件版本号：8.12.4.2。",
    "SHA-256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b, index 13912345678a..e69de29bb",
    "UUID 550e8400-e29b-41d4-a716-446655440000 and md5 d41d8cd98f00b204e9800998ecf8427e.",
    "π = 3.14159265358979323846264338327950288419716939937510",
    "3.1415926535 8979323846 2643383279 5028841971 6939937510 5820974944",
    "It costs $1,234,567.89 or ¥12,345,678.00, not 1 000 000 000 dollars.",
    "价格 1299.00 元，总投资 12345678 万元，用户达 13800000000 人次。",
    "doi:10.1038/s41586-020-2649-2, https://doi.org/10.1000/182, arXiv:2112.11446, ISSN 0031-9007.",
    "身份证号 110105194912310021（校验位错误），卡号 6222021234567890123。",
    "ID 110105199913310029 and 999999199001011234 are none; 4111 1111 1111 1112 fails.",
    "统一社会信用代码 91350100M000100Y44 校验位不对。IBAN GB82 WEST 1234 5698 7654 33.",
    "电话费从1998-1999年上涨，手机用户2003年达12345678户。",
    "a[::2], std::vector<int>, 12:30:45, Foo::bar, dead::beef, {'a': 1}",
    "icon@2x.png, git@github.com:user/repo.git, @property, user @ host, C = A@B.T, x@y.sum()",
    "The ratio was 0.12345, 0.67890 and 0.98765; 39.9042, 116.4074 degrees of freedom.",
    "token: the_beginning_of_everything, key: value, password: correct-horse-battery, key=configuration_option_name",
    "EAN 6901234567892, 4006381333931; model 0571-8765-XL; timestamp 1700000000 and 1700000000000.",
    "山东0.8-1.40.5涨幅\n辽宁1.06.41.8\n福州1.10.42.3\n昆明12.45.17.9，西安1.5",
    "气温 25°C，第 39 届，长 116.4 米；the 5th of 39; 90° turn, 45° angle.",
    "passport photos cost 12 dollars; 护照工本费120元。",
    "二十世纪30年代，GB 32100-2015，QB/T 2829-2006，京ICP备12345678号。",
)


def planted(language: int) -> list[tuple[str, str, str]]:
    """(label, text, value)"""
    made = random.Random(5 + language)
    rows = []
    for label, (make, *frames) in PLANTED.items():
        for _ in range(150):
            value = make(made)
            if label.startswith("phone foreign") and value[0] in "0(23456789" and language == 1:
                frame = frames[1][1]  # a local form of another country in Chinese text comes with its word
            else:
                frame = made.choice(frames[language])
            before, after = ("今天天气很好。", "下次再说。") if language else ("It was a fine day. ", " More another time.")
            rows.append((label, before + frame.format(value) + after, value))
    return rows


@pytest.mark.parametrize("language", [0, 1], ids=["en", "zh"])
def test_recall_and_precision_on_planted_values(language: int) -> None:
    rows = planted(language)
    found: Counter[str] = Counter()
    wrong: list[tuple[str, str]] = []
    missed: dict[str, list[str]] = {}
    for label, text, value in rows:
        start = text.index(value)
        spans = find(text)
        hit = [span for span in spans if span.start < start + len(value) and start < span.end]
        # Found: of its kind, and nothing of it is left beside the placeholder but a prefix such as 86.
        if any(span.kind == label.split()[0] for span in hit) and value[-4:] not in hide(text):
            found[label] += 1
        else:
            missed.setdefault(label, []).append(text)
        wrong += [(label, text[span.start : span.end]) for span in spans if span not in hit]
        wrong += [(label, text[span.start : span.end]) for span in hit if span.kind != label.split()[0]]
    for label in PLANTED:
        assert found[label] >= 0.98 * 150, (label, missed[label][:5])
    spurious = [(text[span.start : span.end], span.kind) for text in NEGATIVES for span in find(text)]
    total = found.total()
    assert total >= 0.98 * len(rows)
    assert total / (total + len(wrong) + len(spurious)) >= 0.98, (wrong[:10], spurious)


@pytest.mark.parametrize("text", NEGATIVES)
def test_hard_negatives(text: str) -> None:
    assert [(text[span.start : span.end], span.kind) for span in find(text)] == []


def find_everywhere(text: str) -> list[Span]:
    """What all patterns find in all of a text, without any look at its bytes."""
    return _disjoint([span for _, finders in _FAMILIES for finder in finders for span in finder(text)])


def test_looking_around_candidates_misses_nothing() -> None:
    made = random.Random(4)
    rows = [text for language in (0, 1) for _, text, _ in planted(language)]
    filled = ["The river was low. ", "昨天下了雨，", "x" * 70, "\n\n", "1998-2003 ", "😀𠀀", "3.14 "]
    mixed = ["".join(made.choices([*rows, *filled * 40], k=made.randrange(1, 9))) for _ in range(1500)]
    asked = candidates(pa.array([*rows, *mixed], pa.large_string()))
    for row, text in enumerate([*rows, *mixed]):
        assert asked.find(row) == find(text) == find_everywhere(text), text


def test_the_prefilter_passes_plain_text_over() -> None:
    plain = [
        "The river was low that summer, and the boys walked across it (on the stones) in 1998.",
        "昨天下了一场大雨，河里的水涨了不少，已经有三十年没有见过了。",
        "",
        "Well-known: a semi-detached house -- 3.5 rooms, 120 m2, built 1998/99.",
    ]
    assert candidates(pa.array(plain)).flags.tolist() == [0, 0, 0, 0]
    longer = pa.array(["x", *plain, "a@b.cn"])[1:]  # an array that begins within its memory
    assert candidates(longer).flags.tolist() == [0, 0, 0, 0, 1]
    assert candidates(pa.array([], pa.string())).flags.tolist() == []


def test_published_examples_of_check_digits() -> None:
    assert is_id_card("11010519491231002X")  # GB 11643
    assert is_id_card("440524188001010014")
    assert not is_id_card("110105194912310021")
    assert not is_id_card("110105194902310029")  # no such day
    assert is_credit_code("91350100M000100Y43")  # GB 32100
    assert not is_credit_code("91350100M000100Y44")
    assert is_luhn("4111111111111111")
    assert is_luhn("79927398713")
    assert not is_luhn("79927398710")
    for number in ("GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947"):
        assert is_iban(number)
        assert not is_iban(number[:-1] + str((int(number[-1]) + 1) % 10))
    assert len(IBAN_LENGTHS) > 70
    assert len(REGIONS) == 36


def test_one_wrong_digit_is_noticed() -> None:
    made = random.Random(2)
    for _ in range(300):
        number = id_card(made)
        place = made.randrange(17)
        changed = number[:place] + str((int(number[place]) + made.randrange(1, 10)) % 10) + number[place + 1 :]
        assert is_id_card(number)
        assert not is_id_card(changed)
        code = credit_code(made)
        assert is_credit_code(code)
        assert not is_credit_code(code[:9] + ("A" if code[9] != "A" else "B") + code[10:])


def test_masks_are_edits_that_leave_the_rest() -> None:
    text = "邮箱zhang@qq.com，电话13912345678。"
    spans = find(text)
    assert spans == [Span(2, 14, "email"), Span(17, 28, "phone")]
    assert apply_edits(text, masks(spans)) == "邮箱<EMAIL>，电话<PHONE>。"
    assert [edit.reason for edit in masks(spans)] == ["pii:email", "pii:phone"]
    assert hide(hide(text)) == hide(text)


def test_numbers_after_the_first_count_too() -> None:
    assert hide("电话：65092140，65092141、65092142。邮政编码：100733") == "电话：<PHONE>，<PHONE>、<PHONE>。邮政编码：100733"
    assert hide("Call 555 2368 or 555 2369, 3000 people did.") == "Call <PHONE> or <PHONE>, 3000 people did."


@pytest.mark.parametrize(
    "word",
    ["tel", "Telephone", "PHONE", "mobile", "mob", "cell", "cellphone", "fax", "hotline", "WhatsApp", "call", "dial", "ring",
     "text", "txt", "SMS", "contact", "电话", "电話", "手机", "手機", "传真", "电传", "座机", "热线", "联系方式", "联系人",
     "致电", "拨打", "微信", "电联", "TEL"],
)  # fmt: skip
def test_every_word_that_says_telephone_is_heard(word: str) -> None:
    assert hide(f"{word}: 5552368.") == f"{word}: <PHONE>."
    assert hide(f"{word}s: 5552368.") == f"{word}s: 5552368."


def test_an_identity_number_is_no_telephone_number() -> None:
    assert [span.kind for span in find("11010519491231002X")] == ["id_card"]
    assert {span.kind for _, text, _ in planted(1) for span in find(text)} <= set(KINDS)


@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "1-", "1.", "a@", "@", "a.", ":", "::", "1:", "key=", "sk-", "eyJ", "eyJa.", "-----BEGIN PRIVATE KEY-----\n",
     "(0", "+1 ", "护照", "passport ", "tel:1", "电话", "DE89 ", "°", "1°", "39.9042, ", "4111 ", "A1", "北纬1度", "0 ",
     "token: a1", "a1B2+/"],
)  # fmt: skip
def test_no_input_takes_more_than_its_length_asks(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    find(text)
    find("x" + text + "!")
    assert time.process_time() - started < 20  # one that backtracks takes hours


def test_spans_are_disjoint_and_in_order() -> None:
    made = random.Random(11)
    pieces = [text for language in (0, 1) for _, text, _ in planted(language)]
    for _ in range(50):
        text = "".join(made.choices(pieces, k=20))
        spans = find(text)
        assert spans == sorted(spans)
        assert all(first.end <= second.start for first, second in itertools.pairwise(spans))
        assert len(spans) >= 19
    assert np.all(candidates(pa.array(pieces)).flags > 0)
