"""Facts of an invented run. Every number, text and name here is made up, to look at the page with; nothing was measured."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

RECIPE = """\
name: reviews
datasets:
  sentiment:
    sources:
      - {type: package, package: reviews-zh, files: {positive: pos.txt, negative: neg.txt}}
      - {type: package, package: reviews-en, files: [reviews.csv], label: label}
collect:
  sources:
    - {type: package, package: newspaper-1998, files: [199801.txt], format: pku, language: zh-Hans}
    - {type: python-docs}
    - {type: dataset, dataset: sentiment, split: train}
clean: {preset: danlu}
pretrain:
  bert: {model: {family: bert, size: tiny}, objective: mlm, budget: 3m}
  gpt: {model: {family: gpt, size: tiny}, objective: clm, budget: 3m}
finetune:
  sentiment: {from: bert, dataset: sentiment, labels: [100, 500, 2000]}
  sentiment-scratch: {from: bert, initial: random, dataset: sentiment, labels: [100, 500, 2000]}
evaluate: {models: [gpt, bert, sentiment, sentiment-scratch]}
"""

SIZES = (100, 500, 2000, 12800)
CURVES = {
    "en": {
        "tfidf": (0.66, 0.752, 0.806, 0.849),
        "sentiment": (0.642, 0.755, 0.824, 0.862),
        "sentiment-scratch": (0.51, 0.55, 0.68, 0.781),
    },
    "zh-Hans": {
        "tfidf": (0.70, 0.782, 0.822, 0.846),
        "sentiment": (0.731, 0.802, 0.848, 0.871),
        "sentiment-scratch": (0.54, 0.6, 0.71, 0.79),
    },
}


def number(
    metric: str, model: str, value: float, count: int, where: dict[str, str], *, split: str, half: float | None
) -> dict[str, Any]:
    higher = metric not in ("bits_per_byte", "masked_nats")
    units = {"bits_per_byte": "bits-per-byte", "masked_nats": "nats-per-token"}
    return {
        "metric": metric,
        "model": model,
        "value": value,
        "interval": None if half is None else [value - half, value + half],
        "count": count,
        "split": split,
        "slice": where,
        "better": "higher" if higher else "lower",
        "unit": units.get(metric, "share"),
        "signature": "interval:bca|resamples:1000|confidence:0.95|seed:0",
    }


def evaluation() -> dict[str, Any]:
    """A merged evaluation of baselines and models."""
    numbers = []
    for tag, scale in ((None, 1.0), ("en", 1.12), ("zh-Hans", 0.93)):
        where = {"language": tag} if tag else {}
        for model, value, half in (("gzip", 3.41, None), ("xz", 3.02, None), ("5-gram", 2.61, 0.03), ("gpt", 2.18, 0.028)):
            numbers.append(number("bits_per_byte", model, round(value * scale, 4), 412, where, split="holdout", half=half))
        for model, value in (("unigram", 6.61), ("bert", 3.74)):
            numbers.append(number("masked_nats", model, round(value * scale, 4), 412, where, split="holdout", half=0.06))
        for model, value in (("majority", 0.506), ("tfidf", 0.848), ("sentiment-scratch", 0.786), ("sentiment", 0.867)):
            here = CURVES[tag][model][-1] if tag and model in CURVES[tag] else value
            numbers.append(
                number("accuracy", model, here, 2000 if tag else 4000, where, split="test", half=0.011 if tag else 0.008)
            )
            lower = 0.336 if model == "majority" else here - 0.002
            numbers.append(number("f1_macro", model, lower, 2000 if tag else 4000, where, split="test", half=0.012))
        numbers.append(number("leak_accuracy", "tfidf", 0.903 if not tag else 0.91, 6000, where, split="random", half=0.007))
    curve = [
        {
            "model": model,
            "labels": size,
            "language": tag,
            "metric": "accuracy",
            "value": value,
            "interval": [value - 0.024, value + 0.022],
        }
        for tag, models in CURVES.items()
        for model, values in models.items()
        for size, value in zip(SIZES, values, strict=True)
    ]
    gap = {"metric": "accuracy", "p": 0.001, "signature": "paired:items"}
    return {
        "numbers": numbers,
        "comparisons": [
            {
                **gap,
                "a": "sentiment",
                "b": "tfidf",
                "difference": 0.019,
                "interval": [0.011, 0.027],
                "count": 4000,
                "slice": {},
                "verdict": "better",
            },
            {
                **gap,
                "a": "sentiment",
                "b": "sentiment-scratch",
                "difference": 0.081,
                "interval": [0.07, 0.092],
                "count": 4000,
                "slice": {},
                "verdict": "better",
            },
            {
                **gap,
                "a": "sentiment",
                "b": "tfidf",
                "difference": 0.013,
                "interval": [-0.001, 0.027],
                "count": 2000,
                "slice": {"language": "en"},
                "verdict": "none",
            },
            {
                **gap,
                "metric": "bits_per_byte",
                "a": "gpt",
                "b": "5-gram",
                "difference": -0.43,
                "interval": [-0.46, -0.4],
                "count": 412,
                "slice": {},
                "verdict": "better",
            },
        ],
        "openings": [{"model": "sentiment", "dataset": "sentiment", "split": "test", "count": 4000}],
        "samples": {
            "generated": [
                {
                    "model": "gpt",
                    "language": "en",
                    "prompt": "The film begins",
                    "text": " with a long walk through the city, and the people of the town are not the same as the man who",
                },
                {
                    "model": "gpt",
                    "language": "zh-Hans",
                    "prompt": "这本书的作者",
                    "text": "在书中写到的是一个人的生活，也是我们的生活。书的内容很好，但是印刷的质量不太好。",
                },
            ],
            "masks": [
                {
                    "model": "bert",
                    "language": "en",
                    "text": "I read it in one night and could not put it <|mask|>.",
                    "truth": "down",
                    "answers": [
                        {"token": " down", "probability": 0.41},
                        {"token": " on", "probability": 0.13},
                        {"token": " off", "probability": 0.07},
                        {"token": " up", "probability": 0.05},
                        {"token": " out", "probability": 0.03},
                    ],
                },
                {
                    "model": "bert",
                    "language": "zh-Hans",
                    "text": "书的内容不错，但是纸的<|mask|>太差了。",
                    "truth": "质量",
                    "answers": [
                        {"token": "质量", "probability": 0.62},
                        {"token": "印刷", "probability": 0.11},
                        {"token": "颜色", "probability": 0.04},
                        {"token": "内容", "probability": 0.03},
                        {"token": "味道", "probability": 0.02},
                    ],
                },
            ],
        },
        "mistakes": [
            {
                "model": "sentiment",
                "text": "Not bad at all, in fact I went back the next day.",
                "label": "positive",
                "predicted": "negative",
                "probability": 0.97,
                "language": "en",
            },
            {
                "model": "sentiment",
                "text": "送货很快，就是书还没拆封就有一股霉味。",
                "label": "positive",
                "predicted": "negative",
                "probability": 0.95,
                "language": "zh-Hans",
            },
            {
                "model": "sentiment",
                "text": "I wanted to love this film. I did not.",
                "label": "negative",
                "predicted": "positive",
                "probability": 0.88,
                "language": "en",
            },
        ],
        "curve": curve,
        "parts": parts(),
        "overlaps": overlaps(),
        "crossings": [
            {"a": "sentiment", "b": "tfidf", "language": "en", "labels": 460},
        ],
        "meaning": [],
    }


def samples(objective: str, step: int) -> list[dict[str, Any]]:
    """What a model might say after so many steps."""
    if objective == "clm":
        return [
            {"language": "en", "prompt": "The old fire <b>", "text": f" burned {'and burned ' * (400 // step)}down."},
            {"language": "zh-Hans", "prompt": "今天的会议", "text": f"由第{step}位代表主持。"},
        ]
    answers = [
        {"token": token, "probability": share} for token, share in ((" warm", step / 500), (" cold", 0.1), (" <i>", 0.05))
    ]
    return [{"language": "en", "text": "By the<|mask|> fire we sat.", "truth": "warm", "answers": answers}]


def parts() -> list[dict[str, Any]]:
    """Scores by label, length and source of the rows, and by position in the documents."""
    found = []
    for model, shift in (("tfidf", 0.0), ("sentiment", 0.02)):
        for attribute, values in (("label", ("negative", "positive")), ("length", ("0-49", "50-199", "1000+"))):
            for place, value in enumerate(values):
                where = {attribute: value}
                found.append(number("accuracy", model, 0.8 + shift + place / 50, 700, where, split="test", half=0.02))
    for model, value in (("5-gram", 2.61), ("gpt", 2.18)):
        for tag in ({}, {"language": "en"}):
            for place, words in enumerate(("0-15", "16-63", "256-1023")):
                where = {"position": words, **tag}
                found.append(number("bits_per_byte", model, value - place / 9, 412, where, split="holdout", half=0.04))
    return found


def overlaps() -> list[dict[str, Any]]:
    """What was looked for and found, with one pair to look at."""
    search = {"dataset": "sentiment", "split": "test", "threshold": 0.7, "rows": 4000, "found": [], "examples": []}
    pair = {
        "text": "A warm film, and we all laughed.", "other": "A warm film and we all cried.", "language": "en",
        "similarity": 0.81, "exact": False,
    }  # fmt: skip
    return [
        {**search, "source": "train", "texts": 29_670, "characters": 9_000_000, "exact": 0, "near": 0},
        {**search, "source": "documents", "texts": 80_000, "characters": 30_000_000, "exact": 2, "near": 5, "examples": [pair]},
        {**search, "dataset": None, "split": "holdout", "rows": 412, "source": "documents", "texts": 80_000,
         "characters": 30_000_000, "exact": 0, "near": 1},
    ]  # fmt: skip


def pretrained(family: str, objective: str, start: float, end: float, parameters: int) -> dict[str, Any]:
    """A pretraining whose loss falls like a power law, invented."""
    total = 6_200_000
    metrics: list[dict[str, Any]] = []
    for step in range(1, 401):
        tokens = step * total // 400
        loss = end + (start - end) * (1 + tokens / 250_000) ** -0.9
        metrics.append(
            {
                "kind": "train",
                "step": step,
                "tokens": tokens,
                "loss": loss * (1 + 0.02 * math.sin(step * 1.7)),
                "learning_rate": 1e-3,
                "gradient_norm": 1.0,
                "tokens_per_second": 34_000.0,
                "seconds": 0.45 * step,
            }
        )
        if step % 40 == 0:
            metrics.append({"kind": "validation", "step": step, "tokens": tokens, "loss": loss * 1.03, "seconds": 0.45 * step})
        if step in (40, 80, 160, 320, 400):
            metrics += [
                {"kind": {"mlm": "filled", "clm": "written"}[objective], "step": step, "tokens": tokens, **sample}
                for sample in samples(objective, step)
            ]
    return {
        "facts": {
            "family": family,
            "preset": "modern",
            "size": "tiny",
            "architecture": "ModernBertForMaskedLM" if family == "bert" else "Qwen3ForCausalLM",
            "parameters": parameters,
            "embedding_parameters": 524_288,
            "objective": objective,
            "steps": 400,
            "tokens": total,
            "epochs": 1.82,
            "batch_tokens": 15_500,
            "length": 128,
            "learning_rate": 0.002,
            "weight_decay": 0.1,
            "train_loss": end * 1.02,
            "validation_loss": [line["loss"] for line in metrics if line["kind"] == "validation"][-1],
        },
        "resolved": {
            "steps": 400,
            "precision": {"kind": "fp32", "reason": "no bf16 instructions"},
            "threads": 2,
            "compile": False,
            "pretrain": {"reasons": [["pretrain.reason.rate", {"rate": "0.002", "width": 128}]]},
        },
        "record": {"reasons": ["learning rate: 0.002, from the width 128"], "seconds": 180.0, "tokens_per_second": 34_120.4},
        "metrics": metrics,
    }


def invented() -> dict[str, Any]:
    """A whole run in two languages."""
    by_language = {
        "en": {
            "rows": 33_200,
            "distinct": 16_310,
            "repeats": 16_890,
            "conflicts": 41,
            "train": 13_000,
            "validation": 1_630,
            "test": 1_630,
        },
        "zh-Hans": {
            "rows": 21_050,
            "distinct": 20_844,
            "repeats": 206,
            "conflicts": 6,
            "train": 16_670,
            "validation": 2_084,
            "test": 2_084,
        },
    }
    nodes = [
        ("dataset.sentiment", "dataset", 3.1),
        ("collect", "collect", 4.4),
        ("clean.normalise", "clean.normalise", 8.2),
        ("clean.score", "clean.score", 6.6),
        ("clean.decide", "clean.decide", 2.0),
        ("tokenize.train", "tokenize.train", 7.9),
        ("tokenize.encode", "tokenize.encode", 1.2),
        ("pretrain.bert", "pretrain", 183.0),
        ("pretrain.gpt", "pretrain", 184.2),
        ("finetune.sentiment", "finetune", 96.5),
        ("finetune.sentiment-scratch", "finetune", 95.1),
        ("evaluate.baselines", "evaluate.baselines", 38.8),
        ("evaluate.models", "evaluate.models", 44.0),
    ]
    return {
        "recipe": {"name": "reviews", "text": RECIPE},
        "run": {
            "started": 1_790_000_000.0,
            "seconds": 675.0,
            "peak_memory_bytes": 2_310_000_000,
            "kwh": None,
            "machine": {
                "processor": "Example CPU @ 2.50GHz",
                "cores": 2,
                "memory_bytes": 16_700_000_000,
                "bf16": False,
                "compiler": "/usr/bin/g++",
                "gpu": None,
            },
            "versions": {"danlu": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0", "python": "3.12.4"},
            "nodes": [
                {
                    "name": name,
                    "stage": stage,
                    "key": f"{index * 7919 + 4096:016x}",
                    "state": "done",
                    "seconds": seconds,
                    "planned": None,
                    "peak_memory_bytes": 900_000_000,
                }
                for index, (name, stage, seconds) in enumerate(nodes)
            ],
            "skipped": [{"name": "minilm", "reason_key": "invented.reason", "params": {"name": "minilm"}}],
        },
        "datasets": {
            "sentiment": {
                "name": "sentiment",
                "sources": [
                    {
                        "name": "reviews-zh",
                        "licence": "MIT",
                        "origin": "product reviews",
                        "version": "0.12.3",
                        "rows": 21_050,
                        "languages": {"zh-Hans": 21_050},
                    },
                    {
                        "name": "reviews-en",
                        "licence": "",
                        "origin": "film reviews",
                        "version": "1.0",
                        "rows": 33_200,
                        "languages": {"en": 33_200},
                    },
                ],
                "rows": 54_250,
                "distinct": 37_154,
                "repeats": 17_096,
                "conflicts": 47,
                "conflict_rows": 118,
                "by_language": by_language,
                "labels": {"positive": 18_610, "negative": 18_497},
                "splits": {"train": 29_670, "validation": 3_714, "test": 3_714},
                "examples": {
                    "repeats": [
                        {"text": "One of the best films I have seen this year.", "count": 14, "language": "en"},
                        {"text": "很好，送货也快。", "count": 9, "language": "zh-Hans"},
                    ],
                    "conflicts": [
                        {"text": "It was what I expected.", "labels": {"positive": 3, "negative": 1}, "language": "en"},
                        {"text": "一般般吧", "labels": {"positive": 1, "negative": 2}, "language": "zh-Hans"},
                    ],
                },
            }
        },
        "collect": {
            "sources": [
                {
                    "name": "newspaper-1998",
                    "type": "package",
                    "licence": "declared MIT",
                    "origin": "A newspaper's corpus of January 1998",
                    "version": "0.12.3",
                    "documents": 3_148,
                    "bytes": 5_410_000,
                    "languages": {"zh-Hans": 5_402_000, "en": 8_000},
                    "quarantined": 0,
                    "holdout_documents": 170,
                    "holdout_bytes": 290_000,
                },
                {
                    "name": "python-docs",
                    "type": "python-docs",
                    "licence": "PSF-2.0",
                    "origin": "Python standard library",
                    "version": "3.12.4",
                    "documents": 6_840,
                    "bytes": 6_930_000,
                    "languages": {"en": 6_930_000},
                    "quarantined": 2,
                    "holdout_documents": 130,
                    "holdout_bytes": 360_000,
                },
                {
                    "name": "sentiment",
                    "type": "dataset",
                    "licence": "",
                    "origin": "",
                    "version": "",
                    "documents": 29_670,
                    "bytes": 21_300_000,
                    "languages": {"en": 16_100_000, "zh-Hans": 5_200_000},
                    "quarantined": 0,
                    "holdout_documents": 112,
                    "holdout_bytes": 350_000,
                },
            ],
            "documents": 39_658,
            "bytes": 33_640_000,
            "languages": {"en": 23_038_000, "zh-Hans": 10_602_000},
            "holdout": {"documents": 412, "bytes": 1_000_000},
            "quarantine": {"encoding": 2, "too-long": 1},
        },
        "normalise": {
            "documents": 40_070,
            "edited": 14_220,
            "characters_in": 27_900_000,
            "characters_out": 27_120_000,
            "edits": {"markup": 13_100, "space": 2_940, "encoding": 31},
            "examples": [
                {
                    "reason": "markup",
                    "before": "A fine film.<br /><br />I would see it again.",
                    "after": "A fine film.\n\nI would see it again.",
                    "source": "reviews-en",
                },
                {
                    "reason": "encoding",
                    "before": "It\u00e2\u0080\u0099s a caf\u00c3\u00a9.",
                    "after": "It\u2019s a caf\u00e9.",
                    "source": "reviews-en",
                },
                {
                    "reason": "space",
                    "before": "很好\u200b\u200b，　　很喜欢。",
                    "after": "很好，很喜欢。",
                    "source": "reviews-zh",
                },
            ],
        },
        "decide": {
            "documents": {"in": 39_658, "kept": 36_902},
            "bytes": {"in": 32_900_000, "kept": 31_870_000},
            "reasons": {
                "repeat": {"documents": 1_804, "bytes": 410_000, "by_language": {"en": 1_702, "zh-Hans": 102}},
                "heldout:sentiment": {"documents": 96, "bytes": 61_000, "by_language": {"en": 90, "zh-Hans": 6}},
                "few_words": {"documents": 622, "bytes": 9_400, "by_language": {"zh-Hans": 571, "en": 51}},
                "letters": {"documents": 234, "bytes": 549_600, "by_language": {"en": 220, "zh-Hans": 14}},
            },
            "by_source": {
                "newspaper-1998": {"in": 3_148, "kept": 3_101, "bytes_in": 5_410_000, "bytes_kept": 5_390_000},
                "python-docs": {"in": 6_840, "kept": 5_402, "bytes_in": 6_930_000, "bytes_kept": 6_240_000},
                "sentiment": {"in": 29_670, "kept": 28_399, "bytes_in": 20_560_000, "bytes_kept": 20_240_000},
            },
            "examples": {
                "repeat": [
                    {
                        "text": "Return the value of the attribute.",
                        "source": "python-docs",
                        "language": "en",
                        "value": 41.0,
                        "threshold": 1.0,
                    }
                ],
                "few_words": [{"text": "好。", "source": "sentiment", "language": "zh-Hans", "value": 1.0, "threshold": 5.0}],
                "letters": [
                    {
                        "text": "+---+---+---+\n| a | b | c |\n+---+---+---+",
                        "source": "python-docs",
                        "language": "en",
                        "value": 0.83,
                        "threshold": 0.4,
                    }
                ],
                "heldout:sentiment": [
                    {
                        "text": "The acting was superb and the music even better.",
                        "source": "sentiment",
                        "language": "en",
                        "value": None,
                        "threshold": None,
                    }
                ],
            },
            "leaked": {"sentiment": 96, "holdout": 0},
            "repeats": {"exact": 1_804},
        },
        "tokenizer": {
            "vocabulary": 8192,
            "special": 112,
            "sample_bytes": {"en": 10_000_000, "zh-Hans": 10_000_000},
            "partial_share": 0.031,
            "fertility": {
                "en": {"bytes_per_token": 3.92, "characters_per_token": 3.9},
                "zh-Hans": {"bytes_per_token": 4.1, "characters_per_token": 1.42},
            },
            "examples": [
                {
                    "language": "en",
                    "text": "Models read tokens, not words.",
                    "tokens": ["Mod", "els", " read", " to", "kens", ",", " not", " words", "."],
                },
                {
                    "language": "zh-Hans",
                    "text": "模型读的是词元，不是字。",
                    "tokens": ["模型", "读", "的是", "词", "元", "，", "不是", "字", "。"],
                },
            ],
        },
        "encode": {
            "train": {
                "tokens": 6_804_000,
                "documents": 36_902,
                "bytes": 31_870_000,
                "sources": {
                    "people": {"documents": 2000, "bytes": 6_000_000, "tokens": 1_500_000},
                    "<b>films</b>": {"documents": 34_902, "bytes": 25_870_000, "tokens": 5_304_000},
                },
            },
            "use": {"ordinary": 8082, "unused": 98, "rare": 32, "rare_below": 10},
            "holdout": {"tokens": 212_000, "documents": 412, "bytes": 1_000_000},
            "encoder": "gigatoken",
            "checked": 200,
        },
        "pretrain": {
            "bert": pretrained("bert", "mlm", 9.0, 3.5, 1_540_000),
            "gpt": pretrained("gpt", "clm", 9.0, 3.1, 1_610_000),
        },
        "finetune": {
            name: {
                "facts": {
                    "task": "classification",
                    "labels": ["negative", "positive"],
                    "start": {"name": "bert", "kind": "recipe", "version": ""},
                    "initial": initial,
                    "frozen": 0.0,
                    "parameters": 1_541_000,
                    "trainable": 1_541_000,
                    "trained_on": [100, 500, 2000, 12_800],
                    "length": 128,
                },
                "resolved": {"batch": 32, "learning_rate": 3e-4},
                "record": {},
                "metrics": [],
            }
            for name, initial in (("sentiment", "weights"), ("sentiment-scratch", "random"))
        },
        "evaluation": evaluation(),
    }


@pytest.fixture
def facts() -> dict[str, Any]:
    """The invented run, fresh for each test."""
    return copy.deepcopy(invented())
