"""Check digits: whether a number proves itself. Each takes the number without spaces or hyphens, in capitals."""

from __future__ import annotations

from datetime import date

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_DIGITS = "10X98765432"
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_FIRST_BIRTH = 1880
# The first two digits of a region of China (GB/T 2260), with 83 of residence permits for Taiwan and 91 for foreigners.
REGIONS = frozenset(
    (
        "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45",
        "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83", "91",
    )
)  # fmt: skip
# Characters of an IBAN by country (the registry of SWIFT, release 99).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
    "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def is_id_card(number: str) -> bool:
    """A citizen's identity number (GB 11643): region, date of birth and the check digit by ISO 7064 MOD 11-2. The old one of
    15 digits has no check digit."""
    if len(number) == 15:
        return number[:2] in REGIONS and _is_date(f"19{number[6:12]}")
    if number[:2] not in REGIONS or not _is_date(number[6:14]):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return number[17] == _ID_DIGITS[total % 11]


def is_credit_code(code: str) -> bool:
    """A unified social credit code (GB 32100): region and check character modulo 31."""
    if code[2:4] not in REGIONS and code[2:8] != "100000":
        return False
    values = [_CREDIT_LETTERS.find(letter) for letter in code]
    if min(values) < 0:
        return False
    total = sum(weight * value for weight, value in zip(_CREDIT_WEIGHTS, values, strict=False))
    return values[17] == (31 - total % 31) % 31


def is_luhn(digits: str) -> bool:
    """The check digit of bank cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_card_prefix(digits: str) -> bool:
    """Whether an issuer gives out numbers with this beginning in this length (ISO/IEC 7812 prefixes as published)."""
    size, two, four = len(digits), int(digits[:2]), int(digits[:4])
    return (
        (digits[0] == "4" and size in (16, 19))  # Visa
        or (size == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))  # Mastercard
        or (size == 15 and two in (34, 37))  # American Express
        or (two == 62 and 16 <= size <= 19)  # UnionPay
        or (size == 19 and four in (9558, 9559, 6013, 6227))  # Chinese debit cards from before UnionPay's prefix
        or (size == 16 and 3528 <= four <= 3589)  # JCB
        or (size == 16 and (four == 6011 or two == 65 or 644 <= int(digits[:3]) <= 649))  # Discover
        or (size == 14 and (two in (36, 38, 39) or 300 <= int(digits[:3]) <= 305))  # Diners Club
    )


def is_iban(number: str) -> bool:
    """An international bank account number (ISO 13616): the length of its country, and 1 modulo 97."""
    if IBAN_LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1


def _is_date(digits: str) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return _FIRST_BIRTH <= born.year < 2100
