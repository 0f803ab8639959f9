"""Every metric by name. To add one: a function from truth and prediction to `Items` in a file of its own, and its line here.

`needs` says what the function is given, as `function(truth, predicted, **options)`:

    labels         (items,) class numbers, both (-1 predicted: no class); options `classes`, and `positive` (class number, 1)
    probabilities  (items,) class numbers; (items, classes) probabilities; option `positive` (1)
    values         (items,) numbers, both
    losses         (documents,) weights (bytes, characters, tokens); (documents,) nats
    pairs          (items,) log-probabilities of the acceptable sentences; (items,) of the others
    tags           by sentence, the tags of its tokens, both; options `scheme`, `strict`, `types`, `known`
    spans          by text, its (start, end, label), both; options `types`, `known`
    words          by sentence, its words, both; option `known` (the words of the training texts)
    texts          by item, its references (one or more texts); the text; option `languages` (by item, tags, else guessed)
    answers        by item, its right answers (none: unanswerable); the answer ("": none given); option `languages`
    rankings       by query, {document: grade}; by query, {document: score}

All functions are pure, and the names of the modules are strings, so that a metric's libraries load when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Better = Literal["higher", "lower"]
Needs = Literal[
    "labels", "probabilities", "values", "losses", "pairs", "tags", "spans", "words", "texts", "answers", "rankings"
]  # fmt: skip
NOTHING: Mapping[str, object] = MappingProxyType({})


class Metric(NamedTuple):
    """Which way is better, the unit (`metrics.unit.<unit>`), what it needs, and what computes it.

    `undefined` names the reason where it has no value (`metrics.undefined.<undefined>`); `version` is raised when its
    values change.
    """

    better: Better
    unit: str
    needs: Needs
    function: str
    options: Mapping[str, object] = NOTHING
    undefined: str = "empty"
    version: int = 1


def _labels(score: str, average: str = "", unit: str = "share") -> Metric:
    options = {"score": score} | ({"average": average} if average else {})
    return Metric("higher", unit, "labels", "danlu.metrics.classification:from_labels", options)


def _losses(score: str, unit: str) -> Metric:
    return Metric("lower", unit, "losses", "danlu.metrics.language:losses", {"score": score})


def _counted(needs: Needs, function: str, score: str, average: str = "", undefined: str = "empty") -> Metric:
    options = {"score": score} | ({"average": average} if average else {})
    return Metric("higher", "share", needs, f"danlu.metrics.{function}", options, undefined)


def _rouge(kind: str) -> Metric:
    return Metric("higher", "share", "texts", "danlu.metrics.rouge:rouge", {"kind": kind})


def _ranking(score: str, cut: int | None = None) -> Metric:
    return Metric("higher", "share", "rankings", "danlu.metrics.ranking:ranking", {"score": score, "cut": cut})


METRICS: Mapping[str, Metric] = {
    "bits_per_byte": _losses("bits_per_byte", "bits-per-byte"),
    "bits_per_character": _losses("bits_per_character", "bits-per-character"),
    "span_bits_per_byte": _losses("bits_per_byte", "bits-per-byte"),
    "masked_nats": _losses("nats_per_token", "nats-per-token"),
    "perplexity": _losses("perplexity", "choices"),
    "pseudo_perplexity": _losses("perplexity", "choices"),
    "pair_accuracy": Metric("higher", "share", "pairs", "danlu.metrics.pairs:pairs"),
    "accuracy": _labels("accuracy"),
    "leak_accuracy": _labels("accuracy"),
    "f1_macro": _labels("f1", "macro"),
    "f1_micro": _labels("f1", "micro"),
    "f1_weighted": _labels("f1", "weighted"),
    "f1_binary": _labels("f1", "binary"),
    "precision_macro": _labels("precision", "macro"),
    "precision_binary": _labels("precision", "binary"),
    "recall_macro": _labels("recall", "macro"),
    "recall_binary": _labels("recall", "binary"),
    "mcc": _labels("mcc", unit="correlation"),
    "roc_auc": Metric("higher", "share", "probabilities", "danlu.metrics.ranks:roc_auc", undefined="one-class"),
    "calibration_error": Metric("lower", "share", "probabilities", "danlu.metrics.probability:calibration_error"),
    "brier": Metric("lower", "squared-distance", "probabilities", "danlu.metrics.probability:brier"),
    "log_loss": Metric("lower", "nats", "probabilities", "danlu.metrics.probability:log_loss"),
    "pearson": Metric("higher", "correlation", "values", "danlu.metrics.regression:pearson", undefined="constant"),
    "spearman": Metric("higher", "correlation", "values", "danlu.metrics.ranks:spearman", undefined="constant"),
    "mse": Metric("lower", "squared-distance", "values", "danlu.metrics.regression:mse"),
    "mae": Metric("lower", "distance", "values", "danlu.metrics.regression:mae"),
    "entity_f1": _counted("tags", "entities:entities", "f1", "micro"),
    "entity_f1_macro": _counted("tags", "entities:entities", "f1", "macro"),
    "entity_precision": _counted("tags", "entities:entities", "precision", "micro"),
    "entity_recall": _counted("tags", "entities:entities", "recall", "micro"),
    "span_f1": _counted("spans", "spans:spans", "f1", "micro"),
    "span_f1_macro": _counted("spans", "spans:spans", "f1", "macro"),
    "word_f1": _counted("words", "segmentation:segmentation", "f1"),
    "word_precision": _counted("words", "segmentation:segmentation", "precision"),
    "word_recall": _counted("words", "segmentation:segmentation", "recall"),
    "unknown_word_recall": _counted("words", "segmentation:segmentation", "unknown_recall", undefined="no-unknown-word"),
    "exact_match": _counted("answers", "answers:answers", "exact"),
    "answer_f1": _counted("answers", "answers:answers", "f1"),
    "bleu": Metric("higher", "score", "texts", "danlu.metrics.translation:bleu"),
    "chrf": Metric("higher", "score", "texts", "danlu.metrics.translation:chrf"),
    "rouge_1": _rouge("1"),
    "rouge_2": _rouge("2"),
    "rouge_l": _rouge("l"),
    "rouge_lsum": _rouge("lsum"),
    "ndcg": _ranking("ndcg"),
    "ndcg_10": _ranking("ndcg", 10),
    "mrr": _ranking("mrr"),
    "map": _ranking("map"),
    "recall_10": _ranking("recall", 10),
    "recall_100": _ranking("recall", 100),
    "precision_10": _ranking("precision", 10),
}
