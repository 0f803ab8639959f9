"""Files in each encoding that data may be in say the same when they are measured on, learned from and scored."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pytest
from evaluate_asked import Said, evaluate, write

GOOD, BAD = "这家酒店的服务很好，我们都喜欢", "质量太差了，东西也不好看，很失望"


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    found = []
    for number in range(count):
        label = dice.choice(["好", "差"])
        words = GOOD if label == "好" else BAD
        found.append({"id": str(number), "text": "".join(dice.choice(words) for _ in range(20)), "label": label})
    return found


def measured(folder: Path, suffix: str, encoding: str) -> Said:
    folder.mkdir()
    test, train, dice = rows(80, 1), rows(120, 2), random.Random(3)
    given = [{"id": row["id"], "predicted": row["label"] if dice.random() < 0.8 else "好"} for row in test]
    paths = []
    for name, content in (("test", test), ("train", train), ("given", given)):
        path = write(folder / f"{name}.{suffix.removesuffix('.gz')}", content)
        path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
        if suffix.endswith(".gz"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path = path.with_name(f"{path.name}.gz")
        paths.append(path)
    return evaluate(paths[2], "--on", paths[0], "--baseline", paths[1], folder=folder)


def values(said: Said) -> list[dict[str, Any]]:
    """All of each number but its signature, which names the bytes of the files."""
    return [{name: value for name, value in number.items() if name != "signature"} for number in said.last["numbers"]]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "csv.gz"])
def test_the_numbers_are_those_of_utf8(tmp_path: Path, suffix: str) -> None:
    expected = measured(tmp_path / "utf-8", suffix, "utf-8")
    assert expected.status == 0, expected.told
    assert any(number["model"] == "tfidf" for number in expected.last["numbers"])
    for encoding in ("gbk", "gb18030", "utf-16"):
        found = measured(tmp_path / encoding, suffix, encoding)
        assert found.status == 0, found.told
        assert values(found) == values(expected), encoding
