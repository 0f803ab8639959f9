"""Both stages: models that transformers loads, facts that say what they are, the same bytes however they come about."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

import danlu
from danlu.inference.generate import generate
from danlu.inference.load import load_for
from danlu.inference.masks import fill_mask
from danlu.pretrain.data import Texts
from danlu.pretrain.decay import decay
from danlu.pretrain.settled import Settled
from danlu.pretrain.start import count_text
from danlu.pretrain.trunk import trunk
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest
from danlu.tokens.special import CLS_ID, SEP_ID, SPECIAL
from danlu.tokens.store import TokenBatch, write_store
from danlu.training.loop import train
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.events import read_json_lines
from danlu.workspace.files import read_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.progress import SilentProgress
from danlu.workspace.run import Run

OBJECTIVES = {"bert": "mlm", "gpt": "clm"}


def make_config(family: str, preset: str = "modern", **options: Any) -> PretrainConfig:
    values = {"budget": "24 steps", "length": 32, "batch_tokens": 256, "compile": "never", **options}
    return PretrainConfig.model_validate(
        {"model": {"family": family, "preset": preset, "size": "nano"}, "objective": OBJECTIVES[family], **values}
    )


def make_run(path: Path, stage: str = "pretrain.trunk", **options: Any) -> Run:
    path.mkdir(parents=True, exist_ok=True)
    return Run(stage=stage, output=path, ledger=Ledger(path / "ledger.sqlite", stage), threads=1, **options)


def make_trunk(tokens: Artifact, tokenizer: Artifact, path: Path, config: PretrainConfig, *earlier: Path) -> Path:
    trunk(tokens, tokenizer, config=config, run=make_run(path, earlier=earlier))
    return path


def pretrain(tokens: Artifact, tokenizer: Artifact, path: Path, config: PretrainConfig, *earlier: Path) -> tuple[Run, Run]:
    """Both stages, in `path/trunk` and `path/decay`."""
    runs = make_run(path / "trunk", earlier=earlier), make_run(path / "decay", "pretrain.decay")
    trunk(tokens, tokenizer, config=config, run=runs[0])
    decay(Artifact("pretrain.trunk", "key", path / "trunk"), tokens, tokenizer, config=config, run=runs[1])
    return runs


@pytest.mark.parametrize("family", ["bert", "gpt"])
@pytest.mark.parametrize("preset", ["modern", "classic"])
def test_it_learns_and_transformers_loads_it(
    family: str, preset: str, tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    before, run = pretrain(tokens, tokenizer, tmp_path, make_config(family, preset, budget="60 steps"))
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
    begun = read_json(before.output / "facts.json")
    assert (begun["steps"], begun["total_steps"], begun["tokens"]) == (31, 60, 31 * 256)
    lines = read_json_lines(run.output / "metrics.jsonl")
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, 61)), "the whole curve in one file"
    trained = [line for line in lines if line["kind"] == "train"]
    assert {"step", "tokens", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "seconds"} <= set(trained[0])
    assert trained[-1]["loss"] < (trained[0]["loss"] if family == "gpt" else math.log(512)) - 0.3  # BERT starts from counts
    assert len([line for line in lines if line["kind"] == "validation"]) == 10
    check_samples(
        [line for line in lines if line["kind"] == {"bert": "filled", "gpt": "written"}[family]], run.output / "model"
    )
    assert run.facts["tokens_per_second"] > 0
    assert run.facts["flops"] > 6 * 60 * 256 * (facts["parameters"] - facts["embedding_parameters"])


def check_samples(samples: list[dict[str, Any]], model: Path) -> None:
    """More of them where a model changes most, each time of the same texts; the last ones are what the saved model says."""
    assert [line["step"] for line in samples] == [step for step in (6, 12, 24, 48, 60) for _ in range(2)]
    assert {line["language"] for line in samples} == {"en", "zh-Hans"}
    loaded = load_for(model)
    for line in samples[-2:]:
        if loaded.kind == "mlm":
            assert len({each["text"] for each in samples}) == 2
            answers = fill_mask(loaded.model, loaded.tokenizer, line["text"], 3)[0]
            assert [answer["token"] for answer in line["answers"]] == [answer.token for answer in answers]
            shares = [answer.probability for answer in answers]
            assert [answer["probability"] for answer in line["answers"]] == pytest.approx(shares, rel=1e-3)
        else:
            assert len({each["prompt"] for each in samples}) == 2
            seed = [each["prompt"] for each in samples[-2:]].index(line["prompt"])
            options = {"max_tokens": 40, "temperature": 0.8, "top_p": 0.95}
            assert line["text"] == "".join(
                step.text for step in generate(loaded.model, loaded.tokenizer, line["prompt"], seed=seed, **options)
            )


def test_the_same_call_gives_the_same_bytes_and_nothing_of_the_clock(
    tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    payloads = []
    for name in ("one", "two"):
        runs = pretrain(tokens, tokenizer, tmp_path / name, make_config("gpt", dropout=0.1))
        payloads.append([hash_payload(run.output) for run in runs])
    assert payloads[0] == payloads[1]
    assert sorted(payloads[0][0]) == [
        f"checkpoint/{part}" for part in ("model.safetensors", "optimizer.safetensors", "state.json")
    ] + ["facts.json"]
    written = [tmp_path / "one" / path for path in ("trunk/facts.json", "trunk/checkpoint/state.json", "decay/facts.json")]
    assert not any("seconds" in path.read_text() for path in written)


@pytest.mark.parametrize("family", ["bert", "gpt"])
@pytest.mark.parametrize("share", [0, 0.03, 0.3, 0.5, 1])
def test_trunk_and_fall_are_one_training(
    family: str, share: float, tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    """The same bits as the loop gives that runs through in one go."""
    config = make_config(family, dropout=0.1, decay=share, budget="33 steps", warmup=0.1)
    before, after = pretrain(tokens, tokenizer, tmp_path, config)
    settled = Settled.read(before.output)
    assert settled.trunk_steps == {0: 33, 0.03: 33, 0.3: 24, 0.5: 17, 1: 2}[share]
    run = make_run(tmp_path / "whole")
    texts = Texts.open(tokens, tokenizer, config, run)
    model = settled.model(texts)
    count_text(texts, run)(model)
    validation = texts.validation(settled.micro, read_json(after.output / "resolved.json")["decay"]["validation"])
    result = train(
        model, settled.source(texts), texts.objective(), settled.plan, run, validation=validation, scoring=texts.scoring
    )
    made = load_file(after.output / "model/model.safetensors")
    expected = dict(model.named_parameters())
    assert set(made) <= set(expected)
    assert all(torch.equal(made[name], expected[name]) for name in made)
    facts = read_json(after.output / "facts.json")
    assert (facts["train_loss"], facts["validation_loss"]) == (result.train_loss, result.validation_loss)


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_counting_the_text_first_saves_steps(family: str, tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    losses = []
    for initial in ("counts", "random"):
        runs = pretrain(tokens, tokenizer, tmp_path / initial, make_config(family, initial=initial))
        losses.append(read_json(runs[1].output / "facts.json")["validation_loss"])
    assert losses[0] < losses[1] - 0.1


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_very_few_steps(steps: int, share: float, tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    before, after = pretrain(tokens, tokenizer, tmp_path, make_config("gpt", budget=f"{steps} steps", decay=share))
    assert 1 <= read_json(before.output / "facts.json")["steps"] <= steps
    facts = read_json(after.output / "facts.json")
    assert facts["steps"] == steps
    assert math.isfinite(facts["train_loss"])


GOES_ON = {
    "a shorter fall": ({"budget": "24 steps"}, {"budget": "24 steps", "decay": 0.25}, 19),
    "a longer budget": ({"budget": "24 steps"}, {"budget": "60 steps"}, 31),
    "no fall at all": ({"budget": "24 steps"}, {"budget": "60 steps", "decay": 0}, 60),
    "the same under another name": ({"budget": "24 steps"}, {"budget": "24 steps"}, 13),
    "an end that was not in sight": ({"budget": "24 steps", "decay": 0.05}, {"budget": "60 steps", "decay": 0.05}, 58),
}


@pytest.mark.parametrize("case", GOES_ON)
def test_a_trunk_goes_on_from_a_shorter_one_to_the_same_bytes(
    case: str, tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    first, then, steps = GOES_ON[case]
    one, other = (make_config("bert", dropout=0.1, weight_decay=0.1, warmup="4 steps", **case) for case in (first, then))
    begun = make_trunk(tokens, tokenizer, tmp_path / "begun", one)
    step = read_json(begun / "facts.json")["steps"]
    _, whole = pretrain(tokens, tokenizer, tmp_path / "nothing", other)
    before, after = pretrain(tokens, tokenizer, tmp_path / "earlier", other, begun)
    assert before.facts["goes_on_from"] == {"artifact": "begun", "step": step}
    assert read_json(before.output / "facts.json")["steps"] == steps
    assert hash_payload(before.output) == hash_payload(tmp_path / "nothing/trunk")
    assert hash_payload(after.output) == hash_payload(whole.output)
    curves = [read_json_lines(run.output / "metrics.jsonl") for run in (whole, after)]
    lines = [[(line["step"], line["loss"]) for line in curve if line["kind"] == "train"] for curve in curves]
    assert lines[0] == lines[1], "its curve begins with that of the other"


def test_a_trunk_that_went_on_and_was_stopped_needs_the_other_no_more(
    tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    config = make_config("gpt", weight_decay=0.1, decay=0.25)
    begun = make_trunk(tokens, tokenizer, tmp_path / "begun", make_config("gpt", weight_decay=0.1))
    whole = make_trunk(tokens, tokenizer, tmp_path / "whole", config)
    run = make_run(tmp_path / "run", earlier=(begun,))

    class OnceBegun(threading.Event):
        def is_set(self) -> bool:
            return run.ledger.get("begin") is not None

    run.cancelled = OnceBegun()
    for _ in range(3):
        with pytest.raises(Interrupted):
            trunk(tokens, tokenizer, config=config, run=run)
        run.earlier = (whole,)  # it is longer, but this one has begun already
    run.cancelled = threading.Event()
    trunk(tokens, tokenizer, config=config, run=run)
    assert run.facts["goes_on_from"] == {"artifact": "begun", "step": 13}
    assert hash_payload(run.output) == hash_payload(whole)


STARTS_ANEW = {
    "another warmup": {"warmup": "5 steps"},
    "warmup as a share": {"warmup": 0.3, "budget": "60 steps"},
    "another rate": {"learning_rate": 1e-3},
    "more dropout": {"dropout": 0.2},
    "another batch": {"batch_tokens": 128},
    "fewer steps": {"budget": "12 steps"},
    "a longer fall": {"decay": 0.75},
    "an end that was in sight": {"budget": "25 steps", "decay": 0.04, "first": {"decay": 0.04}},
}


@pytest.mark.parametrize("case", STARTS_ANEW)
def test_a_trunk_that_differs_in_anything_else_is_begun_anew(
    case: str, tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    common = {"dropout": 0.1, "weight_decay": 0.1, "warmup": "4 steps"}
    change = dict(STARTS_ANEW[case])
    begun = make_trunk(tokens, tokenizer, tmp_path / "begun", make_config("gpt", **common, **change.pop("first", {})))
    run = make_run(tmp_path / "run", earlier=(begun,))
    trunk(tokens, tokenizer, config=make_config("gpt", **{**common, **change}), run=run)
    assert "goes_on_from" not in run.facts


def test_of_earlier_trunks_the_longest_whole_one_is_taken(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    options: dict[str, Any] = {"weight_decay": 0.1, "warmup": "4 steps"}
    found = [
        make_trunk(tokens, tokenizer, tmp_path / str(steps), make_config("gpt", budget=f"{steps} steps", **options))
        for steps in (8, 12, 16)
    ]
    (found[2] / "checkpoint/optimizer.safetensors").write_bytes(b"broken")
    (tmp_path / "empty").mkdir()
    run = make_run(tmp_path / "run", earlier=(*found, tmp_path / "empty"))
    trunk(tokens, tokenizer, config=make_config("gpt", **options), run=run)
    assert run.facts["goes_on_from"] == {"artifact": "12", "step": 7}


def test_a_damaged_trunk_is_an_error_with_the_remedy(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("gpt")
    begun = make_trunk(tokens, tokenizer, tmp_path / "begun", config)
    (begun / "checkpoint/model.safetensors").write_bytes(b"broken")
    with pytest.raises(DanluError) as caught:
        decay(Artifact("t", "k", begun), tokens, tokenizer, config=config, run=make_run(tmp_path / "run", "pretrain.decay"))
    assert caught.value.key == "training.broken-start"


# One process imports torch and then forks a child for each run: a real process to kill, without the seconds of importing.
PROGRAM = """
import os, sys
from pathlib import Path
from danlu.pretrain.decay import decay
from danlu.pretrain.trunk import trunk
from danlu.recipe.pretrain import PretrainConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.progress import SilentProgress
from danlu.workspace.run import Run

tokens, tokenizer, begun, output, config, *calls = sys.argv[1:]
for call in calls:
    stage, failpoint = call.split(":")
    folder = Path(output, stage)
    child = os.fork()
    if not child:
        os.environ["DANLU_FAILPOINT"] = call
        run = Run(stage=stage, output=folder, ledger=Ledger(folder / "ledger.sqlite", stage), threads=1)
        inputs = {name: Artifact(name, "key", Path(path)) for name, path in (("tokens", tokens), ("tokenizer", tokenizer))}
        config = PretrainConfig.model_validate_json(config)
        if stage == "pretrain.trunk":
            trunk(**inputs, config=config, run=run)
        else:
            decay(Artifact(stage, "key", Path(begun)), **inputs, config=config, run=run)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (folder / "facts.json").exists(), flush=True)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("bert", dropout=0.1, budget="23 steps")
    pretrain(tokens, tokenizer, tmp_path / "whole", config)
    parts = {"pretrain.trunk": tmp_path / "whole/trunk", "pretrain.decay": tmp_path / "whole/decay"}
    kills = {"pretrain.trunk": ("step-9", "step-12"), "pretrain.decay": ("step-16", "step-23")}
    for stage, made in parts.items():  # checkpoints every few steps, as on a slower machine
        resolved = (made / "resolved.json").read_text(encoding="utf-8")
        (tmp_path / "killed" / stage).mkdir(parents=True)
        often = re.sub(r'"checkpoint_every": \d+', '"checkpoint_every": 6', resolved)
        assert often != resolved
        (tmp_path / "killed" / stage / "resolved.json").write_text(often, encoding="utf-8")
    calls = [f"{stage}:{point}" for stage, points in kills.items() for point in (*points, "")]
    paths = [str(path) for path in (tokens.path, tokenizer.path, parts["pretrain.trunk"], tmp_path / "killed")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(danlu.__file__).parents[1])}
    command = [sys.executable, "-c", PROGRAM, *paths, config.model_dump_json(), *calls]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.splitlines() == 2 * ["-9 False", "-9 False", "0 True"], done.stderr[-2000:]
    for stage, made in parts.items():
        killed, between = tmp_path / "killed" / stage, int(kills[stage][0].removeprefix("step-"))
        assert hash_payload(killed) == hash_payload(made)
        steps = [line["step"] for line in read_json_lines(killed / "metrics.jsonl") if line["kind"] == "train"]
        assert steps.count(between) == 2  # the run killed there had only a checkpoint before
        assert steps.count(3) == 1


def test_an_interrupted_run_keeps_its_last_step(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("gpt")
    begun, whole = (run.output for run in pretrain(tokens, tokenizer, tmp_path, config))

    def again(run: Run) -> None:
        if run.stage == "pretrain.trunk":
            trunk(tokens, tokenizer, config=config, run=run)
        else:
            decay(Artifact("pretrain.trunk", "key", begun), tokens, tokenizer, config=config, run=run)

    for stage, made, name, step in (("pretrain.trunk", begun, "pretrain", 1), ("pretrain.decay", whole, "decay", 14)):
        run = make_run(tmp_path / stage, stage)
        run.resolve(name, lambda made=made, name=name: read_json(made / "resolved.json")[name])  # type: ignore[misc]
        run.ledger.finish(
            "begin", ""
        )  # a wish to stop is heard before this and before the text is counted; here it comes later
        count_text(Texts.open(tokens, tokenizer, config, run), run)
        run.cancelled.set()
        with pytest.raises(Interrupted):
            again(run)
        assert [path.name for path in (run.scratch / "checkpoints").iterdir()] == [f"step-{step:09d}"]
        run.cancelled.clear()
        again(run)
        assert hash_payload(run.output) == hash_payload(made)


def test_a_budget_in_seconds_becomes_steps_once(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    run, after = pretrain(tokens, tokenizer, tmp_path, make_config("gpt", budget="5s"))
    resolved = read_json(run.output / "resolved.json")
    decided = resolved["pretrain"]
    assert decided["plan"]["steps"] > 5
    assert decided["between"] > 1
    assert resolved["steps of checkpoints after 0.75"] == read_json(after.output / "facts.json")["steps"] > 5
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
        make_trunk(Artifact("t", "k", tmp_path / "tokens"), tokenizer, tmp_path / "run", make_config("gpt"))


def test_another_tokenizer_is_an_error(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    other = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    other.add_tokens(["新词"])
    (tmp_path / "other").mkdir()
    other.save(str(tmp_path / "other/tokenizer.json"))
    with pytest.raises(DanluError) as caught:
        make_trunk(tokens, Artifact("t", "k", tmp_path / "other"), tmp_path / "run", make_config("gpt"))
    assert caught.value.key == "tokens.other-tokenizer"


MASKED_OTHERWISE = {"mask_rate": 0.4, "mask_rate_end": 0.2, "mask_unit": "word", "mask_ngram": 2, "mask_replace": "all"}


class Warned(SilentProgress):
    def __init__(self) -> None:
        self.keys: list[str] = []

    def warn(self, key: str, **parameters: object) -> None:
        self.keys.append(key)


def test_other_masks_are_learned_from_and_the_model_says_how(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config("bert", **MASKED_OTHERWISE)
    before, run = pretrain(tokens, tokenizer, tmp_path, config)
    facts, usual = read_json(run.output / "facts.json"), set(MASKED_OTHERWISE)
    assert {name: facts[name] for name in usual} == MASKED_OTHERWISE
    assert read_json(before.output / "facts.json")["settled"]["mask_steps"] == 24
    plain = pretrain(tokens, tokenizer, tmp_path / "plain", make_config("bert"))
    assert usual & set(read_json(plain[1].output / "facts.json")) == {"mask_rate"}
    assert "mask_steps" not in read_json(plain[0].output / "facts.json")["settled"]
    texts = Texts.open(tokens, tokenizer, config, run)
    windows = texts.source(200, 200)
    shares = []
    for step in (0, 23):
        part = windows.batches(0, 0)[0]
        batch = texts.objective(24).collate(replace(part, step=step))
        shares.append(len(batch["targets"]) / (part.ids >= len(SPECIAL)).sum())
    assert shares == pytest.approx([0.4, 0.2], abs=0.02)


def test_chinese_words_that_were_not_kept_are_missed_aloud(tokens: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    for unit, said in (("word", ["pretrain.words-unknown"]), ("token", [])):
        run = make_run(tmp_path / unit)
        run.progress = Warned()
        trunk(tokens, tokenizer, config=make_config("bert", budget="4 steps", mask_unit=unit), run=run)
        assert run.progress.keys == said


def test_a_trunk_with_another_line_of_mask_rates_is_not_gone_on_from(
    tokens: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    fixed = {"weight_decay": 0.1, "dropout": 0, "warmup": "2 steps", "mask_rate_end": 0.15}
    short = make_trunk(tokens, tokenizer, tmp_path / "short", make_config("bert", **fixed))
    longer = make_trunk(tokens, tokenizer, tmp_path / "longer", make_config("bert", **fixed, budget="40 steps"), short)
    later = make_trunk(tokens, tokenizer, tmp_path / "later", make_config("bert", **fixed, decay=0.25), short)
    begun = [read_json(path / "facts.json")["settled"]["mask_steps"] for path in (short, longer, later)]
    assert begun == [24, 40, 24]
    went_on = [Ledger(path / "ledger.sqlite", "pretrain.trunk").get("begin") for path in (longer, later)]
    assert went_on == ["", short.name]
