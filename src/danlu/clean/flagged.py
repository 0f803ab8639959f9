"""The share of words that a list of the user's flags. The words themselves never reach a report, a log or an example."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from danlu.recipe.clean import CleanConfig
from danlu.recipe.paths import portable_name
from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError

if TYPE_CHECKING:  # keys are made without them
    import numpy as np
    from numpy.typing import NDArray

    from danlu.clean.overlap import Table

Lists = tuple[tuple[str, Path], ...]


class Runs(NamedTuple):
    """The entries of a list as runs of words."""

    table: Table
    lengths: NDArray[np.int64]  # [entries], words
    sizes: NDArray[np.int64]  # lengths that there are


def flagged_lists(config: CleanConfig, base: Path) -> Lists:
    """Language family and file of each list. DanluError if one is not there."""
    found = []
    for family, named in config.flagged.items():
        path = base / Path(named.path).expanduser()
        if not path.is_file():
            beside = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
            near = ", ".join(name for name in beside if name[:1] == path.name[:1])[:200] or "–"
            raise DanluError("collect.file-missing", where=str(path), name=named.path, near=near)
        found.append((str(family), path))
    return tuple(sorted(found))


def flagged_digests(config: CleanConfig, base: Path) -> dict[str, str]:
    """Name -> SHA-256 of each list, for keys."""
    names = {family: named.name or portable_name(named.path) for family, named in config.flagged.items()}
    return {
        f"flagged.{family}:{names[family]}": digest_file(path)  # type: ignore[index]
        for family, path in flagged_lists(config, base)
    }


def flagged_shares(path: Path, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each text the share of its words that are in the list, alone or as a part of an entry; 0 without words."""
    import numpy as np

    from danlu.text.buffers import word_hashes
    from danlu.text.kernels.grams import find_grams

    runs = _read(path)
    words, firsts = word_hashes(data, offsets)
    room = 1 << 16
    while True:
        documents, places, values = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
        count = find_grams(words, firsts, runs.sizes, *runs.table, documents, places, values)
        if count <= room:
            break
        room = count
    edges = np.zeros(len(words) + 1, np.int64)
    np.add.at(edges, places[:count], 1)
    np.add.at(edges, places[:count] + runs.lengths[values[:count]], -1)
    covered = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.cumsum(edges[:-1]) > 0)])
    many = np.diff(firsts)
    return np.asarray(np.diff(covered[firsts]) / np.maximum(many, 1), np.float64)


@lru_cache(maxsize=4)
def _read(path: Path) -> Runs:
    """A word or phrase a line; what follows a # is a remark. DanluError if it is not UTF-8, or names nothing."""
    import numpy as np

    from danlu.clean.overlap import make_table
    from danlu.text.buffers import string_buffers, word_hashes
    from danlu.text.kernels.grams import hash_grams

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DanluError("clean.flagged-unreadable", where=str(path), reason=str(error)) from error
    entries = list(dict.fromkeys(entry for line in lines if (entry := line.partition("#")[0].strip())))
    words, firsts = word_hashes(*string_buffers(entries))
    hashes: dict[int, int] = {}  # of an entry -> its words
    for low, high in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
        if high > low:
            hashed = np.empty(1, np.uint64)
            hash_grams(words[low:high], high - low, hashed)
            hashes[int(hashed[0])] = high - low
    if not hashes:
        raise DanluError("clean.flagged-unreadable", where=str(path), reason="0")
    lengths = np.array(list(hashes.values()), np.int64)
    return Runs(make_table(np.array(list(hashes), np.uint64)), lengths, np.unique(lengths))
