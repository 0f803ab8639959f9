"""By the rules of which language each row is scored, where the file does not say: those of its right answers' script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from danlu.text.canonical import canonical
from danlu.text.language import script_language

LATIN, UNTOLD = "en", "und"
FEW_WORDS, FEW_HAN = 4, 10  # of right answers that tell little: a name in Latin letters stands in any language


def row_languages(truth: Sequence[Sequence[str]], asked: Sequence[str] | None) -> list[str]:
    """The language of each row (BCP-47), guessed from its right answers (none: unanswerable).

    Where they tell little, the text that was `asked` decides, where it is in the same language (a translation's is not), else
    the commonest language of the file that is written so.
    """
    told = [script_language(" ".join(texts)) for texts in truth]
    sure = [_tells(language, texts, bool(asked)) for language, texts in zip(told, truth, strict=True)]
    counts = Counter(language for language, known in zip(told, sure, strict=True) if known)
    counts = counts or Counter(language for language in told if language != UNTOLD)
    commonest = counts.most_common(1)[0][0] if counts else LATIN
    found = []
    for row, (language, texts) in enumerate(zip(told, truth, strict=True)):
        if sure[row]:
            found.append(language)
            continue
        whole = script_language(" ".join((asked[row], *texts))) if asked else UNTOLD
        other = commonest if whole == UNTOLD else whole
        found.append(other if _may_be(language, other) else language)
    return found


def _tells(language: str, texts: Sequence[str], asked: bool) -> bool:
    if language == LATIN:  # a title in Latin letters may be long, so the text around it is looked at
        return not asked and max(len(text.split()) for text in texts) >= FEW_WORDS
    if language.startswith("zh"):
        return max(len(canonical(text)) for text in texts) >= FEW_HAN
    return language != UNTOLD


def _may_be(language: str, other: str) -> bool:
    """Whether a few words of the one's script may stand in the other: Latin letters anywhere, Han in Chinese and Japanese."""
    return language in (UNTOLD, LATIN) or other.startswith("zh") or other == "ja"
