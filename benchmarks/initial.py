"""The claim of `initial: counts`: counting the text first, a model gets further in 200 steps than from random weights in 600.

The quickstart's text; a BERT and a GPT from each start at both lengths, all else equal, measured on the held-out text. The
seconds of each training are told too: counting takes some of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common import ROOT, arguments, finish, goal

FAMILIES = {"bert": ("mlm", "masked_nats"), "gpt": ("clm", "bits_per_byte")}
STARTS = ("counts", "random")


def recipe_of(lengths: tuple[int, int], size: str) -> dict[str, Any]:
    """The quickstart's data, and a model for each family, start and length in steps."""
    recipe = yaml.safe_load((ROOT / "recipes" / "quickstart.yaml").read_text(encoding="utf-8"))
    for section in ("fallback", "finetune", "serve"):
        del recipe[section]
    recipe["pretrain"] = {
        name_of(family, start, steps): {
            "model": {"family": family, "size": size}, "objective": FAMILIES[family][0], "initial": start,
            "budget": f"{steps} steps", "batch_tokens": 1024, "weight_decay": 0.1, "dropout": 0.0,
        }
        for family in FAMILIES for start in STARTS for steps in lengths
    }  # fmt: skip
    recipe["evaluate"] = {"models": list(recipe["pretrain"]), "baselines": ["unigram", "ngram"]}
    return {**recipe, "name": "initial"}


def name_of(family: str, start: str, steps: int) -> str:
    return f"{family}-{start}-{steps}"


def measure(lengths: tuple[int, int], size: str) -> dict[str, Any]:
    """Model -> score with interval, and seconds of training."""
    with tempfile.TemporaryDirectory() as folder:
        path, workspace = Path(folder) / "recipe.yaml", Path(folder) / "w"
        path.write_text(yaml.safe_dump(recipe_of(lengths, size), allow_unicode=True), encoding="utf-8")
        command = [sys.executable, "-m", "danlu", "run", str(path), "--workspace", str(workspace), "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        summary = json.loads(done.stdout.strip().splitlines()[-1])
        found = {}
        for name in ("evaluate.baselines", "evaluate.models"):
            evaluation = json.loads((Path(summary["artifacts"][name]) / "evaluation.json").read_text(encoding="utf-8"))
            for number in evaluation["numbers"]:
                if not number["slice"]:
                    found[f"{number['model']} {number['metric']}"] = [number["value"], number["interval"]]
        state = json.loads((workspace / "runs" / "initial" / "state.json").read_text(encoding="utf-8"))
        seconds = {name: node["seconds"] for name, node in state["nodes"].items() if name.startswith("pretrain.")}
    return {"numbers": found, "seconds": seconds}


def main() -> None:
    options = arguments(__doc__ or "")
    lengths, size = ((20, 60), "nano") if options.quick else ((200, 600), "tiny")
    results = measure(lengths, size)
    goals = {}
    for family, (_, metric) in FAMILIES.items():
        short, long = (
            results["numbers"][f"{name_of(family, start, steps)} {metric}"][0]
            for start, steps in zip(STARTS, lengths, strict=True)
        )
        goals[f"{family}, {metric}, {lengths[0]} steps, less {lengths[1]} from random"] = goal(0, short - long)
    finish("initial", results, goals, options)


if __name__ == "__main__":
    main()
