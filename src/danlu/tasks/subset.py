"""Small labelled sets for label curves: balanced, nested, the same for every model that is compared.

A label curve is only fair if each model learns from the same examples, and only smooth if a larger set holds the
smaller ones. So all sets are prefixes of one order, and the order is a pure function of the rows and the seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from danlu.workspace.digest import digest_bytes

RARE = 0.05  # share of the rows; a language below it has no part of its own


def nested_subsets(rows: Sequence[Mapping[str, object]], sizes: Iterable[int], seed: int = 0) -> dict[int, list[int]]:
    """Number of labels -> indexes into `rows`, for each of `sizes` below `len(rows)` and for `len(rows)` itself.

    `rows` are training rows with `digest`, `label` and `language`. Each set holds the smaller ones, and its classes and
    languages are as equal as the rows allow. The order of `rows` does not matter to which rows are chosen. Indexes come
    in the common order, so that `subsets[b][:a] == subsets[a]` for a < b.
    """
    order = balanced_order(rows, seed)
    wanted = sorted({size for size in sizes if 0 < size < len(rows)} | ({len(rows)} if rows else set()))
    return {size: order[:size] for size in wanted}


def balanced_order(rows: Sequence[Mapping[str, object]], seed: int = 0) -> list[int]:
    """All indexes so that every prefix is balanced: in turn one row of each (class, language), by seeded digest."""
    keys = [digest_bytes(f"{seed}\0{row['digest']}\0{row['label']}".encode()) for row in rows]
    languages = _languages(rows)
    taken: Counter[tuple[str, str]] = Counter()
    turns: list[tuple[int, str, int]] = []
    for index in sorted(range(len(rows)), key=lambda index: (keys[index], index)):
        part = (str(rows[index]["label"]), languages[index])
        turns.append((taken[part], keys[index], index))
        taken[part] += 1
    return [index for _, _, index in sorted(turns)]


def _languages(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The language part of each row. A rare language counts with the most frequent one: a language told by script from a
    few characters is often wrong, and a handful of such rows must not take an equal share of a set of 100."""
    counts = Counter(str(row["language"]) for row in rows)
    most = min(counts, key=lambda language: (-counts[language], language), default="")
    kept = {language for language, count in counts.items() if count >= RARE * len(rows)}
    return [language if (language := str(row["language"])) in kept else most for row in rows]
