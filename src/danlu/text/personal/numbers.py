"""Numbers that people and companies are known by: identity and bank cards, company codes, accounts, passports.

All but passports prove themselves by a check digit; what a word before them calls an order or a product is none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from danlu.text.personal.checksums import IBAN_LENGTHS, is_card_prefix, is_credit_code, is_iban, is_id_card, is_luhn
from danlu.text.personal.span import Span

_ID_CARD = re.compile(r"(?<![\w.])[1-9]\d{5}[ -]?(?:18|19|20)\d{2}[01]\d[0-3]\d[ -]?\d{3}[\dXx](?![0-9A-Za-z_])", re.ASCII)
_OLD_ID_CARD = re.compile(r"(?:身份证|ID card)[^\n\d]{0,12}([1-9]\d{14})(?![0-9A-Za-z_])", re.ASCII | re.IGNORECASE)
_CARD = re.compile(
    r"(?<![\w.])[2-69]\d{3}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,4}){1,2}(?![0-9A-Za-z_]|\.\d)"
    r"|(?<![\w.])3\d{3}[ -]?\d{6}[ -]?\d{4,5}(?![0-9A-Za-z_]|\.\d)",
    re.ASCII,
)
_CREDIT_CODE = re.compile(r"(?<![0-9A-Za-z_])[0-9A-HJ-NP-Y]\d{7}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z_])", re.ASCII)
_IBAN_START = re.compile(r"(?<![0-9A-Za-z_])[A-Z]{2}\d{2} ?[0-9A-Z]{4}", re.ASCII)
_PASSPORT_WORD = re.compile(r"护照|護照|通行证|passports?\b", re.ASCII | re.IGNORECASE)
_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z_])(?:[EGDSP]\d{8}|E[A-HJ-NP-Z]\d{7}|[HMKC]\d{8}(?:\d\d)?|[A-Z]\d{7,8}|[A-Z]{2}\d{7}|\d{9})(?![0-9A-Za-z_])",
    re.ASCII,
)
_AFTER_WORD = 32  # characters after the word in which its number stands
_OTHER_NUMBER = re.compile(
    r"(?:order|invoice|tracking|serial|item|product|part|model|sku|isbn|issn|ean|upc|ticket|case|ref(?:erence)?|订单|单|运单|快递|编|流水|批|序列|"
    r"产品|商品|条码|条形码|型|工单|案|文|发票)(?:\s?(?:no|num(?:ber)?|id|code)\b|号码?)?\.?\s{0,2}(?:[:：#=是为]|is)?\s{0,2}\Z",
    re.ASCII | re.IGNORECASE,
)
_BEFORE = 24


def is_other_number(text: str, start: int) -> bool:
    """Whether the words before `start` call what begins there an order, an invoice, a product."""
    return _OTHER_NUMBER.search(text[max(0, start - _BEFORE) : start]) is not None


def find_id_cards(text: str) -> Iterator[Span]:
    """Identity numbers of China with a valid region, date and check digit; those of 15 digits after a word alone."""
    for found in _ID_CARD.finditer(text):
        if is_id_card(_bare(found[0])):
            yield Span(*found.span(), "id_card")
    for found in _OLD_ID_CARD.finditer(text):
        if is_id_card(found[1]):
            yield Span(*found.span(1), "id_card")


def find_bank_cards(text: str) -> Iterator[Span]:
    """Bank cards with the prefix of an issuer and a valid check digit."""
    for found in _CARD.finditer(text):
        digits = _bare(found[0])
        if is_card_prefix(digits) and is_luhn(digits) and len(set(digits)) > 1 and not is_other_number(text, found.start()):
            yield Span(*found.span(), "bank_card")


def find_company_codes(text: str) -> Iterator[Span]:
    """Unified social credit codes with a valid check character."""
    for found in _CREDIT_CODE.finditer(text):
        if is_credit_code(found[0]):
            yield Span(*found.span(), "company_code")


def find_ibans(text: str) -> Iterator[Span]:
    """Bank accounts in the length of their country and with valid check digits, with or without a space every four."""
    for found in _IBAN_START.finditer(text):
        size, at, letters = IBAN_LENGTHS.get(found[0][:2], 0), found.start(), ""
        while len(letters) < size and at < len(text):
            if text[at] != " ":
                letters += text[at]
            elif text[at - 1] == " ":
                break
            at += 1
        if size and letters.isascii() and letters.isalnum() and is_iban(letters) and not _continues(text, at):
            yield Span(found.start(), at, "iban")


def find_passports(text: str) -> Iterator[Span]:
    """Passport numbers (of China, Hong Kong, Macau, Taiwan, USA, UK, Japan, Korea, India), only after a word that says so."""
    last = -1
    for word in _PASSPORT_WORD.finditer(text):
        found = _PASSPORT.search(text, word.end(), word.end() + _AFTER_WORD)
        if (
            found
            and found.start() > last
            and "\n" not in text[word.end() : found.start()]
            and not _continues(text, found.end())
        ):
            last = found.start()
            yield Span(*found.span(), "passport")


def _bare(number: str) -> str:
    return number.replace(" ", "").replace("-", "").upper()


def _continues(text: str, end: int) -> bool:
    after = text[end : end + 1]
    return after.isascii() and after.isalnum()
