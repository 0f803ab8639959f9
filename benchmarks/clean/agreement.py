"""Whether our verdicts are datatrove's, rule by rule, on the same documents; and by what they differ where they do.

Each rule is asked alone, so that no earlier one hides it. `NAMED` says what is counted otherwise, on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.clean.lines import drop_lines
from danlu.clean.preset import family, load_preset
from danlu.clean.score import score_texts
from danlu.clean.verdicts import KEPT, apply_rules
from danlu.text.edits import apply_edits

TAGS = {"en": ("en", "eng"), "zh": ("zh-Hans", "zho")}
MOST = 200_000  # characters of a document: spaCy takes no million
LINES = "c4 lines"
WORDS = "a word is a run of letters and digits (a Chinese character is one); spaCy parts contractions, hyphens and marks"
CHARACTERS = "shares are of the characters of words; theirs of all characters, spaces too, and n-grams with them"
NAMED = {
    "few_words": WORDS,
    "many_words": WORDS,
    "short_words": WORDS,
    "long_words": WORDS,
    "hashes": WORDS,
    "ellipses": f"{WORDS}; a run of dots is one ellipsis, theirs counts each three",
    "bullet_lines": "empty lines do not count; more signs than • and - are bullets",
    "ellipsis_lines": "empty lines do not count",
    "alphabetic_tokens": "marks that stand together are one token",
    "gopher_stop_words": "`The` is `the`",
    "repeated_lines": "lines are compared without the space around them",
    "repeated_line_characters": "characters are those of lines, without line breaks",
    "repeated_paragraph_characters": "characters are those of paragraphs, without line breaks",
    **{f"top_{n}_gram": f"an n-gram must come twice to be the most frequent; {CHARACTERS}" for n in (2, 3, 4)},
    **{f"repeated_{n}_gram": f"characters in overlapping copies count once, theirs skips n words after each; {CHARACTERS}"
       for n in range(5, 11)},
    "ended_lines": "a line may end in a quotation mark or bracket too",
    "short_lines": "lines are measured without the space around them",
    "newlines_per_word": WORDS,
    LINES: f"theirs also break at U+0085 and other rare breaks; {WORDS}",
}  # fmt: skip

HAN = "a Chinese character is a word here, and 1.6 of them stand for one of jieba's"
NAMED_ZH = {
    "few_words": f"{HAN}: 80 characters for 50 words; the peer's words without marks are fewer than that in terse text",
    **{f"top_{n}_gram": f"{HAN}; an n-gram must come twice, theirs may come once, which drops short texts" for n in (2, 3, 4)},
    "newlines_per_word": f"{HAN}: .19 a character for .3 a word",
    LINES: f"{HAN}; theirs are words between spaces, so that nearly every Chinese line is too short",
}


def theirs(language: str) -> dict[str, Any]:
    """datatrove's filters with one rule each, by the name of ours."""
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    quality = {
        "few_words": {"min_doc_words": 50}, "many_words": {"max_doc_words": 100_000},
        "short_words": {"min_avg_word_length": 3}, "long_words": {"max_avg_word_length": 10},
        "bullet_lines": {"max_bullet_lines_ratio": 0.9}, "ellipsis_lines": {"max_ellipsis_lines_ratio": 0.3},
        "alphabetic_tokens": {"max_non_alpha_words_ratio": 0.8}, "gopher_stop_words": {"min_stop_words": 2},
    }  # fmt: skip
    every = [key for keys in quality.values() for key in keys]
    made: dict[str, Any] = {
        name: GopherQualityFilter(**{**dict.fromkeys([*every, "max_symbol_word_ratio"]), **keys}, language=language)
        for name, keys in quality.items()
    }
    repetition = {
        "repeated_lines": {"dup_line_frac": 0.3}, "repeated_paragraphs": {"dup_para_frac": 0.3},
        "repeated_line_characters": {"dup_line_char_frac": 0.2}, "repeated_paragraph_characters": {"dup_para_char_frac": 0.2},
        **{f"top_{n}_gram": {"top_n_grams": ((n, share),)} for n, share in ((2, 0.2), (3, 0.18), (4, 0.16))},
        **{f"repeated_{n}_gram": {"dup_n_grams": ((n, (20 - n) / 100),)} for n in range(5, 11)},
    }  # fmt: skip
    off: dict[str, Any] = {**dict.fromkeys(["dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac"])}
    off |= {"top_n_grams": (), "dup_n_grams": ()}
    made |= {name: GopherRepetitionFilter(**{**off, **keys}, language=language) for name, keys in repetition.items()}
    fineweb = {
        "ended_lines": {"line_punct_thr": 0.12}, "short_lines": {"short_line_thr": 0.67},
        "newlines_per_word": {"new_line_ratio": 0.3},
    }  # fmt: skip
    never = {"line_punct_thr": -1.0, "short_line_thr": 2.0, "char_duplicates_ratio": 2.0, "new_line_ratio": 1e9}
    return made | {name: FineWebQualityFilter(**{**never, **keys}, language=language) for name, keys in fineweb.items()}


def their_lines(language: str) -> Callable[[Any], str]:
    """What datatrove's C4 filter leaves of a document, by the rules of lines that FineWeb takes."""
    from datatrove.pipeline.filters import C4QualityFilter

    step = C4QualityFilter(
        filter_no_terminal_punct=False, min_num_sentences=-1, filter_lorem_ipsum=False, filter_curly_bracket=False,
        language=language,
    )  # fmt: skip

    def left(document: Any) -> str:
        step.filter(document)
        return str(document.text)

    return left


def agreement(file: str, language: str, most: int) -> dict[str, Any]:
    """Of the first documents of a Parquet file: by rule, how many both drop, only ours, only theirs, and the share of equal
    verdicts, with the name of the difference."""
    from datatrove.data import Document

    tag, code = TAGS[language]
    texts = [text[:MOST] for text in pq.read_table(file)["text"].to_pylist()[:most]]
    scores = score_texts(pa.array(texts), pa.array([tag] * len(texts)))
    families = np.array([family(tag)] * len(texts))
    rules = {**load_preset("fineweb").rules, **load_preset("gopher").rules}
    result: dict[str, Any] = {}
    for name, step in theirs(code).items():
        if rules[name].threshold(family(tag)) is None:
            continue
        ours = apply_rules(scores, families, {name: rules[name]})[0].reasons != KEPT
        other = np.array([bool(text) and step.filter(Document(text=text, id="x")) is not True for text in texts])
        result[name] = _beside(ours, other, _named(name, language))
    left, lines = their_lines(code), load_preset("fineweb").lines
    changed = [
        [apply_edits(text, drop_lines(text, lines)) for text in texts], [left(Document(text=text, id="x")) for text in texts]
    ]  # fmt: skip
    same = np.array([list(_lines(ours)) == list(_lines(other)) for ours, other in zip(*changed, strict=True)])
    result[LINES] = {"documents": len(same), "agree": round(float(same.mean()), 4), "difference": _named(LINES, language)}
    return result


def _named(name: str, language: str) -> str:
    return (NAMED_ZH if language == "zh" else {}).get(name) or NAMED.get(name, "")


def _beside(ours: Any, other: Any, difference: str) -> dict[str, Any]:
    return {
        "documents": len(ours), "both": int((ours & other).sum()), "ours": int((ours & ~other).sum()),
        "theirs": int((other & ~ours).sum()), "agree": round(float((ours == other).mean()), 4),
        "difference": difference if (ours != other).any() else "",
    }  # fmt: skip


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.split("\n") if line.strip())
