"""A small bilingual job, made of generated text, that goes through every stage in seconds."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from commands import danlu, last_line

ENGLISH = {
    "positive": "a wonderful film with great acting and a moving story that i would gladly see again".split(),  # noqa: SIM905
    "negative": "the dull plot and terrible acting made this boring film a waste of two long hours".split(),  # noqa: SIM905
}
CHINESE = {
    "positive": "这本书写得非常好内容精彩值得推荐给朋友们一起阅读",
    "negative": "质量太差了服务态度恶劣完全不值这个价格让人失望透顶",
}
COMMON_EN = "it was the in one evening people city house of and then with some about world work year".split()  # noqa: SIM905
COMMON_ZH = "昨天我们在北京的一家酒店里看到了很多人他们都说时间过得很快今年天气不错"


def sentence(generator: random.Random, label: str, language: str) -> str:
    if language == "en":
        words = [
            generator.choice(ENGLISH[label] if generator.random() < 0.6 else COMMON_EN)
            for _ in range(generator.randint(12, 30))
        ]
        return " ".join(words).capitalize() + "."
    return (
        "".join(
            generator.choice(CHINESE[label] if generator.random() < 0.6 else COMMON_ZH)
            for _ in range(generator.randint(20, 50))
        )
        + "。"
    )


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts, labelled rows (some repeat, two stand in both classes) and a recipe for nano models."""
    folder = tmp_path_factory.mktemp("job")
    generator = random.Random(7)
    rows = [(sentence(generator, label, language), label) for label in ENGLISH for language in ("en", "zh") for _ in range(90)]
    rows += rows[:40] + [(rows[0][0], "negative"), (rows[100][0], "negative")]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    texts = folder / "texts"
    texts.mkdir()
    for number in range(120):
        language = "zh" if number % 2 else "en"
        body = " ".join(sentence(generator, generator.choice(["positive", "negative"]), language) for _ in range(8))
        (texts / f"{number:03}.txt").write_text(body, encoding="utf-8")
    (texts / "broken.txt").write_bytes(b"\x00\x01binary")
    recipe: dict[str, Any] = {
        "name": "job",
        "datasets": {
            "mood": {
                "sources": [{"type": "files", "path": "rows.csv", "label": "label"}],
                "split": {"validation": 0.2, "test": 0.2},
            }
        },
        "collect": {
            "sources": [{"type": "files", "path": "texts"}, {"type": "dataset", "dataset": "mood"}],
            "holdout": {"bytes": "8KB"},
        },
        "tokenize": {"vocabulary": 600},
        "pretrain": {
            "bert": {
                "model": {"family": "bert", "size": "nano"},
                "objective": "mlm",
                "budget": "30 steps",
                "length": 32,
                "batch_tokens": 512,
            },
            "gpt": {
                "model": {"family": "gpt", "size": "nano"},
                "objective": "clm",
                "budget": "30 steps",
                "length": 32,
                "batch_tokens": 512,
            },
        },
        "finetune": {"mood": {"from": "bert", "dataset": "mood", "labels": [40], "length": 48, "budget": "20 steps"}},
        "evaluate": {"models": ["bert", "gpt", "mood"], "resamples": 100, "samples": 2},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def finished(job: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """The job run once without interruption: workspace, summary, what was said.

    Fresh: payloads that tests compare with these come from processes with another order of sets.
    """
    workspace = tmp_path_factory.mktemp("finished") / "w"
    done = danlu("--lang", "en", "run", job / "recipe.yaml", "--workspace", workspace, "--json", fresh=True)
    return workspace, last_line(done), done.stderr


SECRET = "Quixotic zanzibar told the committee that her neighbour owed him money, and everybody in the village heard of it."


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few texts (one of them `SECRET`), labelled rows and a recipe without models: `small.yaml`."""
    folder = tmp_path_factory.mktemp("small")
    generator = random.Random(3)
    rows = [(sentence(generator, label, language), label) for label in ENGLISH for language in ("en", "zh") for _ in range(20)]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (folder / "texts").mkdir()
    for number in range(24):
        body = " ".join(sentence(generator, "positive", "zh" if number % 2 else "en") for _ in range(5))
        (folder / "texts" / f"{number:02}.txt").write_text(body, encoding="utf-8")
    (folder / "texts" / "secret.txt").write_text(SECRET, encoding="utf-8")
    mood = {"type": "files", "path": "rows.csv", "label": "label", "licence": "CC0-1.0", "origin": "made up"}
    recipe = {
        "name": "small",
        "datasets": {"mood": {"sources": [mood], "split": {"validation": 0.2, "test": 0.2}}},
        "collect": {
            "sources": [{"type": "files", "path": "texts"}, {"type": "dataset", "dataset": "mood"}],
            "holdout": {"bytes": "1KB"},
        },
        "tokenize": {"vocabulary": 512},
    }
    (folder / "small.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_done(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of `small.yaml`, run once. Copy it before you change it."""
    workspace = tmp_path_factory.mktemp("small-done") / "w"
    danlu("run", small / "small.yaml", "--workspace", workspace)
    return workspace
