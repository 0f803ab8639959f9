"""BLEU and chrF by sacrebleu: its tokenisers, its counts and its signature; 0 to 100.

Both are functions of counts summed over items, so resamples add up sacrebleu's counts of each item. Identical texts score 100
in any language. An empty prediction, or one against an empty reference, adds no match; where there is nothing else, they are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from danlu.metrics.characters import languages_of
from danlu.metrics.items import Floats, Sums, ratio
from danlu.text.tags import base_language

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

ORDERS, CHARACTER_ORDERS = 4, 6
BETA = 2  # recall counts twice as much as precision in chrF


def tokenizer(language: str) -> str:
    """sacrebleu's tokeniser for a language (its tag or name): `zh`, characters where words have no spaces or long endings, else
    `13a`.

    `zh` splits the common Han only (its table misreads extension B and on, which stay in one piece with their like).
    """
    base = base_language(language)
    return "zh" if base == "zh" else "char" if base in ("ja", "ko", "th", "lo", "km", "my", "bo") else "13a"


def bleu(references: Sequence[Sequence[str]], predicted: Sequence[str], *, languages: Sequence[str] | None = None) -> Sums:
    """Corpus BLEU (Papineni et al. 2002), exponential smoothing. By item, its references and its text; `languages` (by item,
    else guessed from the references) choose the tokeniser, also within one corpus.

    Orders of which the whole prediction has no n-gram are left out (`eff:yes`), so that a text of three tokens can score 100;
    this changes no score of a corpus that has a text of four.
    """
    from sacrebleu.metrics.bleu import BLEU

    names = [tokenizer(tag) for tag in languages_of(references, languages)]
    table = np.zeros((len(predicted), 2 + 2 * ORDERS))
    made: dict[str, str] = {}
    for name in sorted(set(names)) or ["13a"]:
        metric = BLEU(tokenize=name, effective_order=True)
        places = [place for place, tokenized in enumerate(names) if tokenized == name]
        made |= _count(metric, table, places, references, predicted)
    made |= {"tok": "+".join(sorted(set(names)))} | _references(references)
    return Sums(table, bleu_of, made)


def chrf(references: Sequence[Sequence[str]], predicted: Sequence[str], *, languages: Sequence[str] | None = None) -> Sums:
    """Corpus chrF2 (Popović 2015): n-grams of 1 to 6 characters, white space left out; the same for all `languages`."""
    from sacrebleu.metrics.chrf import CHRF

    table = np.zeros((len(predicted), 3 * CHARACTER_ORDERS))
    made = _count(CHRF(char_order=CHARACTER_ORDERS, beta=BETA), table, range(len(predicted)), references, predicted)
    return Sums(table, chrf_of, made)


def _references(references: Sequence[Sequence[str]]) -> dict[str, str]:
    several = {max(len(texts), 1) for texts in references}
    return {"nrefs": str(several.pop()) if len(several) == 1 else "var"}


def _count(
    metric: Metric, table: Floats, places: Sequence[int], references: Sequence[Sequence[str]], predicted: Sequence[str]
) -> dict[str, str]:
    """Writes the counts of the items at `places` into `table`, and gives the parts of sacrebleu's signature."""
    if not places:
        return {}
    wanted = [references[place] or [""] for place in places]
    # sacrebleu takes the first references of all items, then the second, with None where an item has fewer. Its public
    # functions give no counts by item, so this is the one that its own significance tests use.
    lists = list(zip_longest(*wanted))
    table[places] = metric._extract_corpus_statistics([predicted[place] for place in places], lists)
    return dict(part.split(":", 1) for part in metric.get_signature().format().split("|"))


def bleu_of(sums: Floats) -> Floats:
    """(..., 2 + 2 orders) counts as sacrebleu has them (length of prediction, of reference, matches, n-grams) -> BLEU (...)."""
    given, true = sums[..., 0], sums[..., 1]
    right, total = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    there = total > 0
    halvings = np.cumsum((right == 0) & there, -1)  # exponential smoothing: 1/2, 1/4... of a match
    matches = np.where(right > 0, right, 0.5**halvings)
    logs = np.log(ratio(matches, total, 1.0)) * there
    level = ratio(logs.sum(-1), there.sum(-1).astype(np.float64))
    short = np.where(given < true, 1 - ratio(true, given, np.inf), 0.0)
    return np.where(right.any(-1), 100 * np.exp(short + level), 0.0 * sums.sum(-1))


def chrf_of(sums: Floats) -> Floats:
    """(..., 3 orders) n-grams of prediction, of reference, of both, by order -> chrF (...)."""
    counts = sums.reshape(*sums.shape[:-1], -1, 3)
    given, true, both = counts[..., 0], counts[..., 1], counts[..., 2]
    there = (given > 0) & (true > 0)
    orders = there.sum(-1).astype(np.float64)
    precision = ratio((ratio(both, given) * there).sum(-1), orders)
    recall = ratio((ratio(both, true) * there).sum(-1), orders)
    factor = BETA**2
    return 100 * ratio((1 + factor) * precision * recall, factor * precision + recall)
