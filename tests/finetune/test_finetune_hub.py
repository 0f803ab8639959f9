"""A start by the name of a hub's model, through the command, from a hub on loopback; then again without the network."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from hub_made import hub

from danlu.workspace.artifact import Artifact


def test_a_model_of_a_hub_is_fetched_once_and_then_used_offline(starts: dict[str, Artifact], tmp_path: Path) -> None:
    with (tmp_path / "film.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(60):
            word, label = [("good and fine", "praise"), ("坏而无聊", "blame")][number % 2]
            writer.writerow([f"a {word} film, number {number}", label])
    command = [
        sys.executable, "-m", "danlu", "finetune", "--data", "film.csv", "--from", "someone/small", "--json",
        "--set", "finetune.film-classifier.freeze.until=1", "--set", "evaluate.resamples=100",
    ]  # fmt: skip
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hub")}
    with hub("someone/small", starts["modern-bert"] / "model") as (address, asked):
        first = environment | {"HF_ENDPOINT": address}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=first)
        assert done.returncode == 0, done.stderr
        assert any(path.endswith("model.safetensors") for path in asked)
        made = json.loads(done.stdout.splitlines()[-1])
        facts = json.loads((Path(made["artifacts"]["finetune.film-classifier"]) / "facts.json").read_text())
        assert facts["start"]["name"] == "someone/small"
    offline = environment | {"HF_HUB_OFFLINE": "1"}
    again = [*command, "--workspace", "again"]
    done = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False, env=offline)
    assert done.returncode == 0, done.stderr
    assert (
        json.loads(done.stdout.splitlines()[-1])["payloads"]["finetune.film-classifier"]
        == (made["payloads"]["finetune.film-classifier"])
    )
