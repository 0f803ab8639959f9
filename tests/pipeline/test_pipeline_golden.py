"""What the training stages make of a small fixed input, in fp32 on one thread: a change with the same version is a failure.

The bits of training differ from processor to processor. So digests are kept of what no rounding reaches (configurations,
tokenizers, names and shapes of weights, rows and their order, which numbers there are), and numbers (losses, norms of weights,
scores) are kept as they are and may differ by a ten-thousandth.

After a deliberate change of a stage's output, raise its version and run this file with `DANLU_UPDATE_DIGESTS=1`.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from danlu.compute.machine import Machine
from danlu.pipeline.execute import Share, execute
from danlu.pipeline.graph import Node, build_graph
from danlu.pipeline.keys import external_inputs, node_key
from danlu.recipe.load import load_recipe
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.digest import digest_file, digest_json
from danlu.workspace.files import read_json
from danlu.workspace.progress import SilentProgress

KEPT = Path(__file__).with_name("golden.json")
LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "numpy")
TOLERANCE = 1e-4
MACHINE = Machine("a plain one", cores=1, memory_bytes=4 << 30, bf16=False, compiler=None)
STEPS = ["pretrain.bert.budget=10 steps", "pretrain.gpt.budget=10 steps", "finetune.mood.budget=8 steps"]
MEASURED = ("validation_loss",)  # over as many batches as the speed of the machine allows
FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")

Golden = dict[str, Any]


@pytest.fixture(scope="module")
def made(job: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Node, Artifact]]]:
    """Every node of the job with what it made, on a machine that computes in fp32 on one thread, whatever this one is."""
    import torch

    threads, workspace = torch.get_num_threads(), Workspace(tmp_path_factory.mktemp("golden") / "w")
    workspace.create()
    loaded, done = load_recipe(job / "recipe.yaml", STEPS), dict[str, Artifact]()
    nodes = build_graph(loaded.recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "probe", classmethod(lambda cls, *, gpu=False: MACHINE))
        for name, node in nodes.items():
            external = external_inputs(node, loaded.base, workspace.path)
            key = node_key(node, loaded.recipe.seed, external, done)
            assert key is not None
            done[name] = execute(
                node, key, workspace, done, seed=loaded.recipe.seed, base=loaded.base, machine=MACHINE,
                share=Share(1, MACHINE.memory_bytes), progress=SilentProgress(), cancelled=threading.Event(), external=external,
            )  # fmt: skip
    yield {name: (nodes[name], artifact) for name, artifact in done.items()}
    torch.set_num_threads(threads)


def parted(tree: Any, at: str = "") -> tuple[Any, dict[str, float]]:
    """JSON without its fractions, and the fractions by their place. What this machine measured is in neither."""
    if isinstance(tree, float):
        return None, {at: tree}
    if not isinstance(tree, dict | list):
        return tree, {}
    exact, numbers = {}, {}
    for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if key not in MEASURED:
            exact[str(key)], inside = parted(child, f"{at}.{key}" if at else str(key))
            numbers |= inside
    return exact, numbers


def golden(node: Node, artifact: Artifact) -> Golden:
    """What is kept of an artifact: digests of what is exact, and numbers."""
    exact: Golden = {}
    numbers: dict[str, float] = {}
    for file in sorted(path for path in artifact.path.rglob("*") if path.name in FILES):
        exact[file.relative_to(artifact.path).as_posix()] = digest_file(file)
    if (artifact / "facts.json").exists():
        facts = read_json(artifact / "facts.json")
        facts.get("start", {}).pop("version", None)  # the digest of the weights
        exact["facts"], numbers = parted(facts)
    if (artifact / "model").exists():
        exact["weights"], norms = weights(artifact / "model" / "model.safetensors")
        numbers |= norms
    if (artifact / "predictions.parquet").exists():
        exact["predictions"], sums = predictions(artifact / "predictions.parquet")
        numbers |= sums
    if (artifact / "evaluation.json").exists():
        exact["numbers"], values = measured(read_json(artifact / "evaluation.json"))
        numbers |= values
    return {
        "version": node.stage.version,
        "exact": {name: value if isinstance(value, str) else digest_json(value) for name, value in exact.items()},
        "numbers": {name: float(f"{value:.7g}") for name, value in numbers.items()},
    }


def weights(path: Path) -> tuple[Any, dict[str, float]]:
    """Names, shapes and types of the weights; the norm of each."""
    from safetensors.numpy import load_file

    found = load_file(path)
    shapes = {name: [list(array.shape), str(array.dtype)] for name, array in found.items()}
    return shapes, {f"weights.{name}": float((array.astype("float64") ** 2).sum() ** 0.5) for name, array in found.items()}


def predictions(path: Path) -> tuple[Any, dict[str, float]]:
    """Rows in their order; of the probabilities their number and the mean of each row's largest."""
    import pyarrow.parquet as parquet

    rows = parquet.read_table(path).to_pylist()
    chosen = [row.pop("probabilities") for row in rows]
    for row, shares in zip(rows, chosen, strict=True):
        row["classes"] = len(shares)
    return rows, {"predictions.mean": sum(max(shares) for shares in chosen) / len(chosen)}


def measured(evaluation: Golden) -> tuple[Any, dict[str, float]]:
    """Which numbers and comparisons there are, each with its definition and its count; the values of the numbers."""
    shapes, values = [], {}
    for kind in ("numbers", "comparisons"):
        for index, entry in enumerate(evaluation[kind]):
            named = ("metric", "model", "a", "b", "slice", "split", "unit", "better", "count", "signature")
            shapes.append({name: entry[name] for name in named if name in entry})
            if kind == "numbers":
                values[f"{index:02}.{entry['model']}.{entry['metric']}"] = float(entry["value"])
    return shapes, values


def differences(now: Golden, kept: Golden) -> list[str]:
    """What is not as it was, by name."""
    exact = [name for name in {**now["exact"], **kept["exact"]} if now["exact"].get(name) != kept["exact"].get(name)]
    numbers = [
        f"{name}: {kept['numbers'].get(name)} -> {now['numbers'].get(name)}"
        for name in {**now["numbers"], **kept["numbers"]}
        if not math.isclose(
            now["numbers"].get(name, math.nan), kept["numbers"].get(name, math.nan), rel_tol=TOLERANCE, abs_tol=1e-6
        )
    ]
    return [*exact, *numbers]


def is_trained(node: Node) -> bool:
    """Models as they are used, and what is measured of them; what stands between is seen by what comes after it."""
    return node.name.count(".") == 1 and node.name.startswith(("pretrain.", "finetune.", "evaluate."))


def test_models_and_numbers_change_only_with_the_version(made: dict[str, tuple[Node, Artifact]]) -> None:
    found: Golden = {name: golden(*one) for name, one in made.items() if is_trained(one[0])}
    assert sorted(found) == ["evaluate.baselines", "evaluate.models", "finetune.mood", "pretrain.bert", "pretrain.gpt"]
    found["made with"] = {name: version(name) for name in LIBRARIES}
    if os.environ.get("DANLU_UPDATE_DIGESTS"):
        KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    if kept.pop("made with") != found.pop("made with"):
        pytest.skip("these were kept with other versions of the libraries")
    assert sorted(found) == sorted(kept)
    for name, now in found.items():
        assert now["version"] == kept[name]["version"], f"{name}: keep what it makes now (DANLU_UPDATE_DIGESTS=1)"
        assert differences(now, kept[name]) == [], f"{name}: what it makes has changed; raise the version of its stage"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"exact": {"weights": "another"}}, ["weights"]),
        ({"exact": {}}, ["weights"]),
        ({"numbers": {"loss": 2.0003}}, ["loss: 2.0 -> 2.0003"]),
        ({"numbers": {"loss": 2.0001}}, []),
        ({"numbers": {"loss": 2.0, "more": 1.0}}, ["more: None -> 1.0"]),
        ({"numbers": {}}, ["loss: 2.0 -> None"]),
    ],
)
def test_the_comparison_sees_what_has_changed(change: Golden, seen: list[str]) -> None:
    kept: Golden = {"exact": {"weights": "one"}, "numbers": {"loss": 2.0}}
    assert differences({**kept, **change}, kept) == seen


def test_fractions_are_parted_from_the_rest() -> None:
    tree = {"steps": 3, "loss": 0.5, "validation_loss": 0.25, "list": [{"rate": 1.5, "name": "a"}]}
    exact, numbers = parted(tree)
    assert exact == {"steps": 3, "loss": None, "list": {"0": {"rate": None, "name": "a"}}}
    assert numbers == {"loss": 0.5, "list.0.rate": 1.5}
