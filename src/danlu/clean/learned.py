"""Rules by what was learned from the user's own texts: scores by models, thresholds that no preset sets.

A language model gives `perplexity` (a token), `bits_per_character` and, in Chinese, `misplaced_characters`; a classifier the
probability `classifier` that a document is good; a dictionary the share `misspelling` of English words; lists the share
`flagged`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.clean.dictionary import dictionary_path
from danlu.clean.flagged import Lists, flagged_lists, flagged_shares
from danlu.clean.model_rules import LEARNED
from danlu.clean.preset import Family, Rule
from danlu.clean.rules import by_family
from danlu.recipe.clean import CleanConfig
from danlu.text import linear, ngrams, spelling
from danlu.text.buffers import text_buffers
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import read_json


class Models(NamedTuple):
    """What scores are made by; paths, so that each process opens them for itself."""

    language_model: Path | None = None
    classifier: Path | None = None
    dictionary: Path | None = None
    flagged: Lists = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the scores that these make."""
        there: dict[str, Any] = {
            "language_model": self.language_model,
            "classifier": self.classifier,
            "misspelling": self.dictionary,
        }
        there |= {"flagged": self.flagged or None}
        return tuple(name for name, rule in LEARNED.items() if there[rule.section])


NO_MODELS = Models()


def models_of(language_model: Artifact | None, classifier: Artifact | None, config: CleanConfig, base: Path) -> Models:
    """The models and lists of a run. DanluError if the dictionary is asked for and not installed, or a list is not there."""
    return Models(
        language_model.path if language_model else None,
        classifier.path if classifier else None,
        dictionary_path() if config.misspelling else None,
        flagged_lists(config, base),
    )


def schema_of(models: Models) -> list[pa.Field]:
    """The columns that `score_learned` gives; a score is NaN where a language has no model."""
    return [pa.field(name, pa.float32(), nullable=False) for name in models.columns]


def score_learned(models: Models, texts: Any, families: NDArray[np.str_]) -> dict[str, NDArray[np.float64]]:
    """The scores of an Arrow column of texts by name, float64[texts]."""
    if not models.columns:
        return {}
    data, offsets = text_buffers(texts)
    found = {name: np.full(len(families), np.nan) for name in models.columns}
    for name in ("en", "zh"):
        wanted = families == name
        if not wanted.any():
            continue
        model = _language_model(models.language_model / f"{name}.ngrams") if models.language_model else None
        if model:
            scores = ngrams.score_buffers(model, data, offsets, wanted)
            known = wanted & (scores.words > 0)
            found["perplexity"][known] = np.minimum(scores.perplexity[known], np.finfo(np.float32).max)
            found["bits_per_character"][known] = scores.bits[known] / scores.characters[known]
        if models.dictionary and name == "en":
            wrong = spelling.misspelled(_dictionary(models.dictionary), model, data, offsets, wanted)
            found["misspelling"][wanted] = wrong[wanted]
        if model and name == "zh":
            found["misplaced_characters"][wanted] = spelling.misplaced(model, data, offsets, wanted)[wanted]
    for name, path in models.flagged:
        wanted = families == name
        if wanted.any():
            found["flagged"][wanted] = flagged_shares(path, data, offsets)[wanted]
    if models.classifier:
        weights, learned = _classifier(models.classifier)
        found["classifier"] = np.where(np.isin(families, learned), linear.score_buffers(weights, data, offsets), np.nan)
    return found


def learned_rules(
    config: CleanConfig, scores: Mapping[str, NDArray[np.float64]], families: NDArray[np.str_], training: NDArray[np.bool_]
) -> dict[str, Rule]:
    """The rules that decide: thresholds of the recipe, and the perplexity below which the share `keep` of a language lies."""
    rules: dict[str, Rule] = {}
    for name, rule in LEARNED.items():
        limits: dict[Family, float] = {}
        if (threshold := config.rules.get(name)) is not None:
            named = by_family(threshold).items()
            limits = {each: limit for each, limit in named if limit is not None and each in rule.families}
        keep = config.language_model.keep if name == "perplexity" and config.language_model else None
        for each in rule.families:
            if keep is None:
                continue
            asked = (families == each) & training & (scores["words"] >= rule.at({}).least_words(each))
            known = scores[name][asked & ~np.isnan(scores[name])]
            if len(known):
                limits[each] = min(limits.get(each, math.inf), float(np.quantile(known, keep, method="inverted_cdf")))
        if limits:
            rules[name] = rule.at(limits)
    return rules


@lru_cache(maxsize=2)
def _language_model(path: Path) -> ngrams.NgramModel | None:
    """A model opened once in each process; None where the sample had too little of its language."""
    return ngrams.read_model(path) if path.exists() else None


@lru_cache(maxsize=1)
def _classifier(path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Weights, and the families of languages that they were learned from: of others they say nothing."""
    return linear.read_weights(path / "weights.npy"), read_json(path / "facts.json")["languages"]


@lru_cache(maxsize=1)
def _dictionary(path: Path) -> spelling.Dictionary:
    return spelling.read_dictionary(path)
