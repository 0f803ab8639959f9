"""The languages of many texts at once. `danlu.text.language` tells that of one.

Scripts that serve one language tell it at once; Chinese is simplified or traditional, or Japanese without kana, by which of
GB 2312, Big5 and JIS X 0208 its characters are not in. The many languages of Latin, Cyrillic, Arabic and Devanagari letters
are told by a linear model of hashed character n-grams, `languages.safetensors`, made by `danlu.text.language_training`; its
header names every package that it was trained on.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from safetensors import safe_open

from danlu.text.buffers import read_only, text_buffers
from danlu.text.characters import HAN as HAN_FLAG
from danlu.text.characters import INVISIBLE, LETTER, kinds_table, lower_table
from danlu.text.kernels import languages as kernels
from danlu.text.kernels.composing import find_composing
from danlu.text.kernels.language_words import WIDTH

Bytes = NDArray[np.uint8]

MODEL = Path(__file__).with_name("languages.safetensors")
UNKNOWN = "und"
BASIC = 0x10000  # code points of the tables: the Basic Multilingual Plane

# Scripts that serve one language, or one that is by far the commonest: the language, letters of a word where no space parts
# words (else 0), ranges.
ALONE = (
    ("el", 0, ((0x370, 0x400), (0x1F00, 0x2000))),
    ("he", 0, ((0x590, 0x600), (0xFB1D, 0xFB50))),
    ("hy", 0, ((0x530, 0x590),)),
    ("ka", 0, ((0x10A0, 0x1100), (0x1C90, 0x1CC0))),
    ("bn", 0, ((0x980, 0xA00),)),
    ("pa", 0, ((0xA00, 0xA80),)),
    ("gu", 0, ((0xA80, 0xB00),)),
    ("or", 0, ((0xB00, 0xB80),)),
    ("ta", 0, ((0xB80, 0xC00),)),
    ("te", 0, ((0xC00, 0xC80),)),
    ("kn", 0, ((0xC80, 0xD00),)),
    ("ml", 0, ((0xD00, 0xD80),)),
    ("si", 0, ((0xD80, 0xE00),)),
    ("am", 0, ((0x1200, 0x13A0),)),
    ("th", 4, ((0xE00, 0xE80),)),
    ("lo", 4, ((0xE80, 0xF00),)),
    ("bo", 4, ((0xF00, 0x1000),)),
    ("my", 4, ((0x1000, 0x10A0),)),
    ("km", 4, ((0x1780, 0x1800),)),
)
SCRIPTS = ("none", "latin", "cyrillic", "arabic", "devanagari", "han", "kana", "hangul", *(name for name, _, _ in ALONE))
_RANGES = {
    kernels.LATIN: ((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250), (0x1E00, 0x1F00)),
    kernels.CYRILLIC: ((0x400, 0x530),),
    kernels.ARABIC: ((0x600, 0x700), (0x750, 0x780), (0xFB50, 0xFE00), (0xFE70, 0xFEFF)),
    kernels.DEVANAGARI: ((0x900, 0x980),),
    kernels.KANA: ((0x3041, 0x3097), (0x30A1, 0x30FB), (0xFF66, 0xFFA0)),
    kernels.HANGUL: ((0x1100, 0x1200), (0x3131, 0x318F), (0xAC00, 0xD7A4)),
}
_HAN_PER_WORD = 1.6  # characters of a Chinese word, on average; weighs Han against words of alphabets
_ALSO_BIG5 = "僞啓峯嫺爲牀竈糉繮羣衆衞裏説鋭閲着"  # forms of traditional texts (OpenCC's) that Big5 has another form of
_OWN = ("zh-Hans", "zh-Hant", "ja", "ko")  # labels of scripts that the model does not judge


@dataclass(frozen=True)
class Languages:
    """What `languages` tells of each text."""

    labels: tuple[str, ...]  # what the numbers of `label` mean (BCP-47)
    label: Bytes  # [texts]
    confidence: NDArray[np.float32]  # [texts], 0 to 1: that it is this language, less the words in other scripts
    mixed: NDArray[np.float32]  # [texts], the share of words in another script or language
    letters: NDArray[np.int32]  # [texts, len(SCRIPTS)], of those read

    @property
    def names(self) -> list[str]:
        return [self.labels[number] for number in self.label.tolist()]


@dataclass(frozen=True)
class Tables:
    """What the kernel looks up of a character and of a script."""

    scripts: Bytes  # [BASIC]
    lower: NDArray[np.uint16]  # [BASIC]
    absent: Bytes  # [BASIC], flags of Han characters
    per_word: NDArray[np.float64]  # [scripts], letters of a word where no space parts words


@dataclass(frozen=True)
class Model:
    """Rows of n-grams, and the classes they vote for."""

    lanes: NDArray[np.uint64]  # [buckets, WIDTH // 4], rows of int8 as the kernel adds them
    weights: NDArray[np.float64]  # [MODELLED, WIDTH + 1, classes], of each script; minus infinity last where it has fewer
    labels: tuple[str, ...]
    class_label: Bytes  # [MODELLED, classes]
    script_label: Bytes  # [scripts]
    about: dict[str, object]  # what it was trained on


def languages(data: Bytes, offsets: NDArray[np.int64]) -> Languages:
    """Language, confidence and mixed share of each text of a batch.

    `data` uint8[bytes] is UTF-8, text `i` from `offsets[i]` to `offsets[i + 1]` (int64[texts + 1]), as Arrow keeps strings. Of
    a text longer than 432 bytes the beginning, middle and end are read, 144 letters each. A text's answer depends on it alone.
    """
    tables, model = make_tables(), load_model()
    count = len(offsets) - 1
    label, confidence = np.zeros(count, np.uint8), np.zeros(count, np.float32)
    mixed, letters = np.zeros(count, np.float32), np.zeros((count, len(SCRIPTS)), np.int32)
    kernels.tell(
        data, offsets, tables.scripts, tables.lower, tables.absent, tables.per_word, model.script_label, model.lanes,
        model.weights, model.class_label, model.labels.index(UNKNOWN), label, confidence, mixed, letters,
    )  # fmt: skip
    return Languages(model.labels, label, confidence, mixed, letters)


def told_languages(texts: pa.LargeStringArray) -> pa.StringArray:
    """The language of each text, whatever way its letters are composed: what `danlu.text.language.guess_languages` tells."""
    data, offsets = text_buffers(texts)
    found = np.zeros(len(texts), np.bool_)
    find_composing(data, offsets, found)
    if found.any():
        marked = pa.array(found)
        composed = pa.array([unicodedata.normalize("NFC", text) for text in texts.filter(marked).to_pylist()], texts.type)
        data, offsets = text_buffers(pc.replace_with_mask(texts, marked, composed))
    told = languages(data, offsets)
    return pa.array(told.labels, pa.string()).take(pa.array(told.label))


@cache
def make_tables() -> Tables:
    kinds = kinds_table()[:BASIC]
    scripts = np.zeros(BASIC, np.uint8)
    numbered = {**_RANGES, **{kernels.ALONE + place: ranges for place, (_, _, ranges) in enumerate(ALONE)}}
    for script, ranges in numbered.items():
        for start, end in ranges:
            scripts[start:end] = np.where(kinds[start:end] & LETTER != 0, script, 0)
    scripts[kinds & HAN_FLAG != 0] = kernels.HAN
    scripts[0x3005:0x3008] = kernels.NO_LETTER
    scripts[0xFF21:0xFF3B] = scripts[0xFF41:0xFF5B] = kernels.LATIN
    scripts[0x300:0x370] = kernels.IGNORED
    scripts[(kinds & INVISIBLE != 0) & (np.arange(BASIC) != 0x200B)] = kernels.IGNORED
    lower = lower_table()[:BASIC].astype(np.uint16)
    lower[0xFF21:0xFF3B] = lower[0xFF41:0xFF5B] = np.arange(ord("a"), ord("z") + 1)
    per_word = np.zeros(len(SCRIPTS), np.float64)
    per_word[[kernels.HAN, kernels.KANA, kernels.HANGUL]] = _HAN_PER_WORD
    per_word[kernels.ALONE :] = [letters for _, letters, _ in ALONE]
    return Tables(scripts, lower, _absent(scripts), per_word)


def _absent(scripts: Bytes) -> Bytes:
    """Of each Han character, which standard sets of characters it is not in."""
    absent = np.zeros(BASIC, np.uint8)
    codes = np.flatnonzero(scripts == kernels.HAN)
    text = "".join(map(chr, codes.tolist()))
    for flag, encoding in ((kernels.NOT_GB2312, "gb2312"), (kernels.NOT_BIG5, "big5"), (kernels.NOT_JIS, "shift_jis")):
        kept = set(map(ord, text.encode(encoding, "ignore").decode(encoding)))
        kept |= set(map(ord, _ALSO_BIG5)) if flag == kernels.NOT_BIG5 else set()
        absent[[code for code in codes.tolist() if code not in kept]] |= flag
    return absent


@cache
def load_model(path: Path = MODEL) -> Model:
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["about"])
        rows, weights = file.get_tensor("rows"), file.get_tensor("weights")
    classes: list[list[str]] = about["classes"]  # of each script
    return with_labels(rows, weights, classes, about)


def with_labels(
    rows: NDArray[np.int8], weights: NDArray[np.float32], classes: list[list[str]], about: dict[str, object]
) -> Model:
    """A model whose classes are, of each script below `MODELLED`, these."""
    modelled = sorted({name for script in classes for name in script if name != UNKNOWN})
    labels = (*_OWN, *(name for name, _, _ in ALONE), *modelled, UNKNOWN)
    number = {name: place for place, name in enumerate(labels)}
    script_label = np.full(len(SCRIPTS), number[UNKNOWN], np.uint8)
    script_label[[kernels.HAN, kernels.KANA, kernels.HANGUL]] = [number[name] for name in ("zh-Hans", "ja", "ko")]
    script_label[kernels.ALONE :] = [number[name] for name, _, _ in ALONE]
    most = -(-max(map(len, classes)) // 16) * 16  # registers full
    class_label = np.full((len(classes), most), number[UNKNOWN], np.uint8)
    of_script = np.zeros((len(classes), WIDTH + 1, most))
    of_script[:, WIDTH] = -np.inf
    bounds = np.cumsum([0, *map(len, classes)])
    for script, names in enumerate(classes):
        class_label[script, : len(names)] = [number[name] for name in names]
        of_script[script, :, : len(names)] = weights[bounds[script] : bounds[script + 1]].T
    lanes = (rows.astype(np.int16) + 128).astype(np.uint16).view(np.uint64)
    return Model(lanes, of_script, labels, class_label, script_label, about)


def plain(texts: Sequence[str]) -> tuple[Bytes, NDArray[np.int64]]:
    """Texts as `languages` takes them, letters and their marks composed (NFC)."""
    encoded = [unicodedata.normalize("NFC", text).encode("utf-8", "replace") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), read_only(offsets)
