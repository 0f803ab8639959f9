"""Rows and artifacts made for the tests of evaluation."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.schema import document_id
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.files import write_json

WORDS = {
    "en": {"positive": ["lovely", "superb", "moving", "warm"], "negative": ["dull", "awful", "boring", "cold"],
           "": ["the", "film", "was", "story", "actor", "and", "scene", "with", "music", "it"]},
    "zh-Hans": {"positive": ["精彩", "感人", "好看", "喜欢"], "negative": ["无聊", "难看", "失望", "糟糕"],
                "": ["电影", "故事", "演员", "音乐", "这部", "非常", "的", "场面", "我们", "觉得"]},
}  # fmt: skip
LANGUAGES = ("en", "zh-Hans")


def sentence(source: random.Random, language: str, label: str) -> str:
    words = [source.choice(WORDS[language][""]) for _ in range(source.randint(6, 14))]
    for _ in range(source.randint(1, 2)):
        words.insert(source.randrange(len(words)), source.choice(WORDS[language][label]))
    return (" ".join(words) + ".") if language == "en" else ("".join(words) + "。")


def dataset_rows(count: int, seed: int = 0, noise: float = 0.1, repeats: float = 0.5) -> list[dict[str, str]]:
    """Rows as `dataset` writes them: labels partly wrong, half of the texts repeated, a fifth each in validation and test."""
    source = random.Random(seed)
    rows: list[dict[str, str]] = []
    for ordinal in range(count):
        language, label = LANGUAGES[ordinal % 2], ("negative", "positive")[ordinal // 2 % 2]
        text = sentence(source, language, label)
        if source.random() < noise:
            label = {"negative": "positive", "positive": "negative"}[label]
        split = ("train", "train", "train", "validation", "test")[source.randrange(5)]
        digest = digest_bytes(text.encode())
        rows.extend(
            {"id": document_id("made", "rows", 2 * ordinal + turn), "digest": digest, "text": text, "label": label,
             "language": language, "source": "made", "split": "" if turn else split, "dropped": "repeat" if turn else ""}
            for turn in range(1 + (source.random() < repeats))
        )  # fmt: skip
    return rows


def write_dataset(path: Path, rows: list[dict[str, str]]) -> Artifact:
    path.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path / "rows.parquet")
    return Artifact("dataset", "0", path)


def write_finetuned(
    path: Path, rows: list[dict[str, str]], sharpness: dict[int, float], *, initial: str = "weights", seed: int = 0
) -> Artifact:
    """A `finetune` artifact whose answers are right with probability `sharpness[labels]`; labels in the other order."""
    source = np.random.default_rng(seed)
    names = ["negative", "positive"]
    found = []
    for labels, right in sharpness.items():
        for row in reversed(rows):
            if row["split"] in ("validation", "test"):
                hit = source.random() < right
                sure = 0.5 + source.random() / 2
                index = names.index(row["label"]) if hit else 1 - names.index(row["label"])
                shares = [1 - sure, sure] if index == 1 else [sure, 1 - sure]
                found.append(
                    {
                        "id": row["id"],
                        "split": row["split"],
                        "language": row["language"],
                        "labels": labels,
                        "probabilities": shares,
                    }
                )
    path.mkdir(parents=True)
    schema = pa.schema(
        [("id", pa.string()), ("split", pa.string()), ("language", pa.string()), ("labels", pa.int32()),
         ("probabilities", pa.list_(pa.float32()))]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(found, schema=schema), path / "predictions.parquet")
    facts = {"task": "classification", "labels": names, "initial": initial, "frozen": 0.0, "trained_on": sorted(sharpness),
             "start": {"name": "bert", "kind": "recipe", "version": ""}}  # fmt: skip
    write_json(path / "facts.json", facts)
    return Artifact("finetune", "0", path)
