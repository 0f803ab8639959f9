"""`danlu show`: lineage as a tree, and the card of an artifact from lineage and evaluations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from danlu.cli.app import app
from danlu.pipeline.card import gather, render
from danlu.pipeline.lineage import ancestors, made_from, read_manifests, tree
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.messages import choose_language
from danlu.workspace.tombstones import Tombstone, add_tombstones

MACHINE = {"processor": "P", "cores": 2, "memory_bytes": 8 * 10**9, "bf16": False, "compiler": None, "gpu": None}
SOURCE = {"licence": "CC0-1.0", "origin": "a | made-up origin", "version": "", "type": "files"}


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """What `--lang` chose in this process ends with the test."""
    yield
    choose_language(None)


def danlu(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["--lang", "en", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def publish(workspace: Workspace, node: str, key: str, files: dict[str, Any], inputs: dict[str, Any], **more: Any) -> Artifact:
    """An artifact with JSON files as its payload."""
    first, _, rest = node.partition(".")
    parts = {"pretrain": "pretrain.trunk" if rest.endswith(".trunk") else "pretrain.decay"}
    stage = node if first in ("clean", "tokenize", "evaluate") else parts.get(first, first)
    partial = workspace.partial(stage, key)
    partial.mkdir(parents=True)
    for name, content in files.items():
        (partial / name).write_text(json.dumps(content), encoding="utf-8")
    manifest = {
        "node": node, "version": 1, "config": {"seed-free": True}, "seed": 0, "inputs": inputs, "external": {}, "resolved": {},
        "counts": {}, "facts": {}, "seconds": 60.0, "peak_memory_bytes": 2 * 10**8, "machine": MACHINE,
        "versions": {"danlu": "1", "torch": "2"}, "finished": 1000.0, **more,
    }  # fmt: skip
    return workspace.publish(stage, key, manifest)


def number(model: str, value: float, slice_: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    signature = "interval:wilson|confidence:0.9"
    interval = [value - 0.01, value + 0.01]
    entry = {"metric": "accuracy", "model": model, "value": value, "interval": interval, "count": 1600, "split": "test"}
    return {**entry, "slice": slice_ or {}, "unit": "share", "better": "higher", "signature": signature, **more}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two models: `gpt` from collected text, `mood` fine-tuned from it on a dataset; `mood` is measured, `gpt` is not."""
    place = Workspace(tmp_path / "w")
    place.create()
    splits = {"train": 4000, "validation": 500, "test": 1600}
    facts = {"name": "mood", "rows": 9000, "kept": 6100, "repeats": 7, "conflicts": 3, "splits": splits, "labels": {"bad": 1}}
    rows = {**facts, "sources": [{"name": "rows.csv", "rows": 9000, "languages": {"zh-Hans": 9000}, **SOURCE}]}
    publish(place, "dataset.mood", "1" * 16, {"facts.json": rows}, {}, external={"rows.csv": "d" * 64})
    text = {"name": "texts", "documents": 50, "bytes": 3 * 10**6, "languages": {"en": 3 * 10**6}, **SOURCE}
    card = {"sources": [text], "documents": 50, "bytes": 3 * 10**6, "holdout": {"documents": 1234, "bytes": 10**6}}
    publish(place, "collect", "2" * 16, {"card.json": card}, {"datasets": {}}, external={"texts/a.txt": "e" * 64})
    decided = {"documents": {"in": 50, "kept": 45}, "leaked": {"holdout": 2}}
    documents = {"documents": "collect-" + "2" * 16, "datasets": {"mood": "dataset-" + "1" * 16}}
    publish(place, "clean.decide", "3" * 16, {"facts.json": decided}, documents)
    model = {"objective": "clm", "architecture": "A", "parameters": 2_000_000, "length": 64}
    mixture = {"texts": {"share": 0.75, "epochs": 0.4}, "others": {"share": 0.25, "epochs": 3.125}}
    learned = {**model, "tokens": 1_000_000, "steps": 10, "epochs": 0.5, "mixture": mixture}
    inputs = {"documents": "clean.decide-" + "3" * 16}
    begun = {**learned, "tokens": 400_000, "steps": 4, "total_steps": 10}
    went_on = {"goes_on_from": {"artifact": "pretrain.trunk-" + "9" * 16, "step": 3}}
    publish(place, "pretrain.gpt.trunk", "8" * 16, {"facts.json": begun}, inputs, facts=went_on)
    publish(place, "pretrain.gpt", "4" * 16, {"facts.json": learned}, {"trunk": "pretrain.trunk-" + "8" * 16, **inputs})
    tuned = {"task": "classification", "labels": ["good", "bad"], "parameters": 2_000_000, "trainable": 770, "length": 64}
    tuned |= {"trained_on": [100, 4000], "initial": "weights", "start": {"kind": "recipe", "name": "gpt", "version": "v"}}
    inputs = {"start": "pretrain.decay-" + "4" * 16, "dataset": "dataset-" + "1" * 16}
    publish(place, "finetune.mood", "5" * 16, {"facts.json": tuned}, inputs, config={"dataset": "mood"})
    baselines = {"numbers": [number("tfidf", 0.8), number("ngram", 1.0, metric="bits_per_byte")]}
    publish(place, "evaluate.baselines", "6" * 16, {"evaluation.json": baselines}, {})
    numbers = [number("mood", 0.71), number("mood", 0.66, {"language": "zh-Hans"}, interval=None), number("other", 0.5)]
    sentence = {"key": "metrics.compare.none", "params": {}}
    comparisons = [{"a": "other", "b": "tfidf", "slice": {}, "sentence": sentence}]
    measured = {"models": {"mood": "finetune-" + "5" * 16}, "baselines": "evaluate.baselines-" + "6" * 16}
    evaluation = {"numbers": numbers, "comparisons": comparisons}
    publish(place, "evaluate.models", "7" * 16, {"evaluation.json": evaluation}, measured)
    return place


def card_of(workspace: Workspace, name: str, language: Any = "en") -> str:
    return render(gather(workspace, read_manifests(workspace), workspace.named(name)), language)


def test_the_card_of_a_measured_model(workspace: Workspace) -> None:
    card = card_of(workspace, "finetune")
    head = yaml.safe_load(card.split("---")[1])
    assert head["pipeline_tag"] == "text-classification"
    assert head["language"] == ["en", "zh"]
    assert "# mood" in card
    assert "`good`, `bad`" in card
    assert "Fine-tuned from gpt" in card
    assert "| texts | English | 50 documents, 3.0 MB | CC0-1.0 | a ¦ made-up origin |" in card
    assert "| rows.csv | Chinese | 9,000 rows |" in card
    assert "kept 45 of 50" in card
    assert "4,000 labelled texts of the dataset mood" in card
    assert "1,000,000 tokens" in card
    assert "What it read, by source: texts 75% (0.40 passes), others 25% (3.12 passes)." in card
    assert "1,234 documents" in card
    assert "| accuracy | test texts, all languages | **mood** | 71.0% | 70.0% – 72.0% | 1,600 |" in card
    assert "| accuracy | test texts, all languages | tfidf | 80.0% |" in card
    assert "| accuracy | test texts, Chinese | **mood** | 66.0% |  | 1,600 |" in card
    assert "90% interval" in card
    assert "other" not in card.split("## How good it is")[1].split("##")[0]
    assert "0.5 tokens a parameter" in card
    assert "6.0 minutes for it and all" in card
    assert f"pretrain.gpt.trunk: its first 3 steps were done before, for pretrain.trunk-{'9' * 16}" in card
    assert "`texts/a.txt` eeeeeeeeeeeeeeee" in card


def test_a_model_that_nobody_measured_says_so_and_warns_of_inventions(workspace: Workspace) -> None:
    card = card_of(workspace, "pretrain.decay")
    assert "No evaluation in this workspace has measured it." in card
    assert "may be false" in card
    assert "Dataset mood" in card  # whose test texts were taken out of what it read


def test_both_languages_have_the_same_parts_and_no_gap(workspace: Workspace) -> None:
    for name in ("finetune", "pretrain.decay", "pretrain.trunk", "dataset", "collect", "clean.decide", "evaluate.models"):
        english, chinese = card_of(workspace, name, "en"), card_of(workspace, name, "zh")
        assert english.count("## ") == chinese.count("## "), name
        assert english.count("\n- ") == chinese.count("\n- "), name
        assert not re.search(r"\{[a-z]+\}", english + chinese), name
    assert "每个参数只见过 0.5 个词元" in card_of(workspace, "finetune", "zh")


def test_the_card_of_a_trunk_says_that_it_is_no_model_yet(workspace: Workspace) -> None:
    card = card_of(workspace, "pretrain.trunk")
    assert card.startswith("# pretrain.gpt.trunk")
    assert "4 of 10 steps" in card
    assert "400,000 tokens" in card
    assert "transformers import pipeline" not in card
    assert "共 10 步中的前 4 步" in card_of(workspace, "pretrain.trunk", "zh")


def test_documents_forgotten_since_stand_on_the_card(workspace: Workspace) -> None:
    assert "forgotten since" not in card_of(workspace, "finetune")
    add_tombstones(workspace.path, [Tombstone("a" * 32, "", 0.0)])
    assert "forgotten since" in card_of(workspace, "finetune")


def test_the_newest_evaluation_counts(workspace: Workspace) -> None:
    inputs = {"models": {"mood": "finetune-" + "5" * 16}}
    again = {"numbers": [number("mood", 0.99)], "comparisons": []}
    publish(workspace, "evaluate.models", "8" * 16, {"evaluation.json": again}, inputs, finished=2000.0)
    card = card_of(workspace, "finetune")
    assert "99.0%" in card
    assert "71.0%" not in card


def test_the_tree_spells_out_each_shared_ancestor_once(workspace: Workspace) -> None:
    manifests = read_manifests(workspace)
    name = "finetune-" + "5" * 16
    branches = tree(manifests, name)
    names = [branch.name for branch in branches if not branch.seen]
    assert len(names) == len(set(names))
    assert [branch.name for branch in branches if branch.seen] == ["dataset-" + "1" * 16, "clean.decide-" + "3" * 16]
    assert {branch.name for branch in branches if branch.source} == {"rows.csv", "texts/a.txt"}
    assert [branch.guide for branch in branches][:2] == ["", "├─ "]
    assert ancestors(manifests, name)[-1] == name
    assert made_from(manifests, {name}) == {"evaluate.models-" + "7" * 16}


def test_what_is_gone_stands_in_the_tree_as_gone(workspace: Workspace) -> None:
    (workspace.artifacts / ("collect-" + "2" * 16) / "payload.sha256").unlink()
    out = danlu("show", "finetune", "--workspace", workspace.path)
    assert f"collect-{'2' * 16} (no longer there)" in out
    assert "(see above)" in out


def test_show_on_a_real_workspace_by_every_kind_of_name(small_done: Path) -> None:
    out = danlu("show", "tokenize.encode", "--workspace", small_done, "--json")
    assert "├─ documents: clean.decide-" in out
    assert "texts/secret.txt" in out
    answer = json.loads(out.splitlines()[-1])
    assert {"path", "payload", "manifest", "lineage"} <= set(answer)
    name = Path(answer["path"]).name
    assert danlu("show", name, "--workspace", small_done).startswith(answer["path"])
    assert danlu("show", "small/collect", "--workspace", small_done).splitlines()[0].rpartition("/")[2].startswith("collect-")
    card = danlu("show", "mood", "--card", "--workspace", small_done)
    assert card.startswith("# mood\n")
    assert "CC0-1.0" in card
