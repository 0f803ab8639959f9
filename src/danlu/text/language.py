"""The language of a text: by its letters (`guess_language`), or by its script alone (`script_language`).

Answers and other pieces of a few words are judged by script: "Gare du Nord" stands in any language. There Latin script counts
as English and Cyrillic as Russian. `danlu.text.languages` tells the languages of many texts at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SAMPLE = 8192  # characters looked at: the beginning, the middle and the end of a longer text, a third each
_MARKUP = re.compile(
    r"<(script|style)\b.*?</\1\s*>|<[!?/]?[A-Za-z][^<>]*>|&#?\w{1,31};|https?://\S+", re.DOTALL | re.IGNORECASE
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9f]")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]+(?:['’][A-Za-z]+)?")
_CYRILLIC = re.compile("[\u0400-\u052f]+")
_HAN_PER_WORD = 1.6  # characters of a Chinese word, on average; weighs Han against words of alphabets
_KANA_SHARE = 0.1  # Japanese has more kana than this among Han and kana; Chinese that quotes a の has less


def guess_language(text: str) -> str:
    """The language as BCP-47 (`zh-Hans`, `zh-Hant`, `en`, `ja`, `fr` ...), `und` where none is told.

    What may be either Chinese script counts as simplified, and a line of few Latin letters that no language claims as English.
    """
    return guess_languages([text])[0]


def guess_languages(texts: Sequence[str]) -> list[str]:
    """The same of many texts, at a hundredth of the price each."""
    from danlu.text.languages import languages, plain  # NumPy and Numba, only for those who guess

    return languages(*plain(texts)).names


def script_language(text: str) -> str:
    """`zh-Hans`, `zh-Hant`, `en` (Latin), `ja`, `ko`, `ru` (Cyrillic), else `und`.

    Which of the two Chinese scripts is told by which characters GB 2312 (simplified) has and Big5 (traditional) has not, and
    the other way round; a text with neither counts as simplified.
    """
    text = _sample(text)
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    words = {
        "zh": han / _HAN_PER_WORD,
        "en": len(_LATIN.findall(text)),
        "ko": len(_HANGUL.findall(text)) / _HAN_PER_WORD,
        "ru": len(_CYRILLIC.findall(text)),
    }
    if kana > _KANA_SHARE * (han + kana):
        words["ja"] = words.pop("zh") + kana / _HAN_PER_WORD
    language = max(words, key=lambda name: words[name])
    if not words[language]:
        return "und"
    return _chinese_script(text) if language == "zh" else language


def _sample(text: str) -> str:
    if "<" in text:  # mark-up is Latin whatever the language; look at enough of it to find the text
        text = _MARKUP.sub(" ", _thirds(text, 8 * _SAMPLE))
    return _thirds(text, _SAMPLE)


def _thirds(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    third, middle = size // 3, len(text) // 2
    return " ".join((text[:third], text[middle : middle + third], text[-third:]))


def _chinese_script(text: str) -> str:
    han = "".join(_HAN.findall(text))
    in_simplified = han.encode("gb2312", "ignore").decode("gb2312")
    both = len(in_simplified.encode("big5", "ignore")) // 2
    only_simplified = len(in_simplified) - both
    only_traditional = len(han.encode("big5", "ignore")) // 2 - both
    return "zh-Hant" if only_traditional > only_simplified else "zh-Hans"
