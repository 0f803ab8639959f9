"""The stage: models that transformers loads, facts that say what they are, the same bytes whatever interrupts."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from danlu.pretrain.stage import pretrain
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest
from danlu.tokens.special import CLS_ID, SEP_ID
from danlu.tokens.store import TokenBatch, write_store
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.events import read_json_lines
from danlu.workspace.files import read_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

OBJECTIVES = {"bert": "mlm", "gpt": "clm"}


def make_config(family: str, preset: str = "modern", **options: Any) -> PretrainConfig:
    values = {"budget": "24 steps", "length": 32, "batch_tokens": 256, "compile": "never", **options}
    return PretrainConfig.model_validate(
        {"model": {"family": family, "preset": preset, "size": "nano"}, "objective": OBJECTIVES[family], **values}
    )


def make_run(path: Path, **options: Any) -> Run:
    path.mkdir(exist_ok=True)
    return Run(stage="pretrain", output=path, ledger=Ledger(path / "ledger.sqlite", "pretrain"), threads=1, **options)


@pytest.mark.parametrize("family", ["bert", "gpt"])
@pytest.mark.parametrize("preset", ["modern", "classic"])
def test_it_learns_and_transformers_loads_it(
    family: str, preset: str, tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    pretrain(tokens, tokenizer, config=make_config(family, preset, budget="60 steps"), run=run)
    facts = read_json(run.output / "facts.json")
    assert facts == read_json(run.output / "model/facts.json")
    factory = AutoModelForMaskedLM if family == "bert" else AutoModelForCausalLM
    model = factory.from_pretrained(run.output / "model")
    assert type(model).__name__ == facts["architecture"]
    assert facts["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert facts["steps"] == 60
    assert facts["tokens"] == 60 * 256
    assert facts["validation_loss"] < facts["train_loss"] + 0.5 < math.log(512)
    ids = AutoTokenizer.from_pretrained(run.output / "model")("老人慢慢走到河边 the old man")["input_ids"]
    assert (ids[0] == CLS_ID and ids[-1] == SEP_ID) == (family == "bert")
    assert torch.isfinite(model(torch.tensor([ids])).logits).all()
    lines = read_json_lines(run.output / "metrics.jsonl")
    trained = [line for line in lines if line["kind"] == "train"]
    assert {"step", "tokens", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "seconds"} <= set(trained[0])
    assert trained[-1]["loss"] < (trained[0]["loss"] if family == "gpt" else math.log(512)) - 0.3  # BERT starts from counts
    assert len([line for line in lines if line["kind"] == "validation"]) == 10
    assert run.facts["tokens_per_second"] > 0
    assert run.facts["flops"] > 6 * 60 * 256 * (facts["parameters"] - facts["embedding_parameters"])


def test_the_same_call_gives_the_same_bytes_and_nothing_of_the_clock(
    tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    payloads = []
    for name in ("one", "two"):
        run = make_run(tmp_path / name)
        pretrain(tokens, tokenizer, config=make_config("gpt", dropout=0.1), run=run)
        payloads.append(hash_payload(run.output))
    assert payloads[0] == payloads[1]
    assert "seconds" not in (tmp_path / "one/facts.json").read_text()


PROGRAM = """
import sys
from pathlib import Path
from danlu.pretrain.stage import pretrain
from danlu.recipe.pretrain import PretrainConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

tokens, tokenizer, output, config = sys.argv[1:]
folder = Path(output)
run = Run(stage="pretrain", output=folder, ledger=Ledger(folder / "ledger.sqlite", "pretrain"), threads=1)
pretrain(
    Artifact("tokenize.encode", "key", Path(tokens)), Artifact("tokenize.train", "key", Path(tokenizer)),
    config=PretrainConfig.model_validate_json(config), run=run,
)
"""


def call(tokens: Artifact, tokenizer: Artifact, output: Path, config: PretrainConfig, failpoint: str = "") -> int:
    output.mkdir(exist_ok=True)
    environment = os.environ | {"DANLU_FAILPOINT": f"pretrain:{failpoint}" if failpoint else "", "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-c", PROGRAM, str(tokens.path), str(tokenizer.path), str(output), config.model_dump_json()]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -9), done.stderr[-2000:]
    return done.returncode


def test_a_killed_run_goes_on_to_the_same_bytes(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("bert", dropout=0.1, budget="23 steps")
    pretrain(tokens, tokenizer, config=config, run=make_run(tmp_path / "whole"))
    resolved = read_json(tmp_path / "whole/resolved.json")
    resolved["pretrain"]["plan"]["checkpoint_every"] = 6  # as on a slower machine
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / "resolved.json").write_text(json.dumps(resolved))
    for failpoint in ("step-9", "step-23"):  # between two checkpoints, right after the last step
        assert call(tokens, tokenizer, killed, config, failpoint) == -9
        assert not (killed / "facts.json").exists()
    assert call(tokens, tokenizer, killed, config) == 0
    assert hash_payload(killed) == hash_payload(tmp_path / "whole")
    steps = [line["step"] for line in read_json_lines(killed / "metrics.jsonl") if line["kind"] == "train"]
    assert steps.count(9) == 2  # the run killed there had only the checkpoint of step 6
    assert steps.count(3) == 1


def test_an_interrupted_run_keeps_its_last_step(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("gpt")
    whole = make_run(tmp_path / "whole")
    pretrain(tokens, tokenizer, config=config, run=whole)
    run = make_run(tmp_path / "stopped")
    run.resolve("pretrain", lambda: read_json(whole.output / "resolved.json")["pretrain"])
    run.cancelled.set()
    with pytest.raises(Interrupted):
        pretrain(tokens, tokenizer, config=config, run=run)
    assert [path.name for path in (run.scratch / "checkpoints").iterdir()] == ["step-000000001"]
    run.cancelled.clear()
    pretrain(tokens, tokenizer, config=config, run=run)
    assert hash_payload(run.output) == hash_payload(whole.output)


def test_a_budget_in_seconds_becomes_steps_once(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    pretrain(tokens, tokenizer, config=make_config("gpt", budget="4s"), run=run)
    resolved = read_json(run.output / "resolved.json")
    decided = resolved["pretrain"]
    assert decided["plan"]["steps"] > 5
    assert resolved["steps of checkpoints after 0.375"] == read_json(run.output / "facts.json")["steps"] > 5
    assert decided["plan"]["steps"] * decided["measured"]["step_seconds"] < 4
    assert decided["measured"]["peak_bytes"] > 1 << 26
    assert decided["plan"]["weight_decay"] >= 0.1
    assert len(run.facts["reasons"]) == 6
    assert all("{" not in reason for reason in run.facts["reasons"])


def test_no_text_is_an_error(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    empty = np.empty(0, np.int64)
    for name in ("train", "holdout"):
        write_store(
            tmp_path / "tokens" / name, [TokenBatch(empty, empty, empty, empty, empty)], vocabulary=512, sources=[],
            languages=[], tokenizer_digest=tokenizer_digest(tokenizer.path),
        )  # fmt: skip
    with pytest.raises(DanluError, match="no text"):
        pretrain(Artifact("t", "k", tmp_path / "tokens"), tokenizer, config=make_config("gpt"), run=make_run(tmp_path / "run"))


def test_another_tokenizer_is_an_error(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    other = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    other.add_tokens(["新词"])
    (tmp_path / "other").mkdir()
    other.save(str(tmp_path / "other/tokenizer.json"))
    with pytest.raises(DanluError) as caught:
        pretrain(tokens, Artifact("t", "k", tmp_path / "other"), config=make_config("gpt"), run=make_run(tmp_path / "run"))
    assert caught.value.key == "tokens.other-tokenizer"
