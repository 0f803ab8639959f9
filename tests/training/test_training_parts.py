"""The parts of the loop against references: cross-entropy, masking, schedule, optimizer, step, checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import danlu.training.cross_entropy as cross_entropy
from danlu.models.build import build_config, build_model
from danlu.recipe.budget import BudgetConfig
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.packing import CAUSAL, MASKED
from danlu.tokens.special import BOS_ID, MASK_ID, PAD_ID, SPECIAL
from danlu.training.budget import Measured, checkpoint_interval, count_steps, validation_batches
from danlu.training.checkpoint import load_checkpoint, save_checkpoint
from danlu.training.compiling import compile_seconds, compiling_repays
from danlu.training.language import CausalObjective, MaskedObjective, Windows
from danlu.training.masking import IGNORED, mask_tokens
from danlu.training.optimizer import build_optimizer, second_beta
from danlu.training.plan import TrainPlan
from danlu.training.schedule import trunk_steps, warmup_steps, wsd
from danlu.training.step import evaluate, take_step
from danlu.training.windows import WindowSource, fixed_windows
from danlu.workspace.errors import DanluError

VOCABULARY = 300
PLAN = TrainPlan(steps=10, learning_rate=1e-3, weight_decay=0.1, threads=1)


def make(family: Any = "gpt", preset: Any = "modern", dropout: float = 0.0) -> Any:
    model = build_model(build_config(ModelConfig(family=family, preset=preset, size="nano"), VOCABULARY, 32, dropout), 1)
    for parameter in model.parameters():  # open the residual branches
        parameter.data.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)), alpha=0.02)
    return model


def make_windows(rows: int, seed: int = 0) -> Windows:
    ids = np.random.default_rng(seed).integers(len(SPECIAL), VOCABULARY, (rows, 32))
    ids[:, 0] = BOS_ID
    ids[0, 20:] = PAD_ID
    return Windows(ids, np.arange(rows), 0)


@pytest.mark.parametrize("rows", [0, 1, 7, 50])
@pytest.mark.parametrize("bias", [True, False])
def test_chunked_cross_entropy_equals_torch(rows: int, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "CHUNK_BYTES", 4 * 90 * 8)  # 8 rows a chunk
    generator = torch.Generator().manual_seed(rows)
    inputs = [torch.randn(shape, generator=generator) * 3 for shape in ((rows, 16), (90, 16), (90,))]
    targets = torch.randint(0, 90, (rows,), generator=generator)
    results = []
    for chunked in (True, False):
        hidden, weight, offset = (tensor.clone().requires_grad_() for tensor in inputs)
        shift = offset if bias else None
        if chunked:
            total = cross_entropy.chunked_cross_entropy(hidden, weight, shift, targets)
        else:
            total = F.cross_entropy(F.linear(hidden, weight, shift), targets, reduction="sum")
        (total * 0.25).backward()
        results.append([total.detach(), hidden.grad, weight.grad, *([offset.grad] if bias else [])])
    for mine, reference in zip(*results, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


def test_chunked_cross_entropy_far_from_the_truth_stays_finite() -> None:
    hidden, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[500.0, 0.0], [-500.0, 0.0]])
    assert cross_entropy.chunked_cross_entropy(hidden, weight, None, torch.tensor([1])).item() == pytest.approx(1000.0)


def test_chunked_cross_entropy_without_gradient_and_in_bf16() -> None:
    hidden, weight, targets = torch.randn(20, 16, requires_grad=True), torch.randn(50, 16), torch.randint(0, 50, (20,))
    with torch.no_grad():
        exact = cross_entropy.chunked_cross_entropy(hidden, weight, None, targets)
    assert not exact.requires_grad
    with torch.autocast("cpu", torch.bfloat16):
        rough = cross_entropy.chunked_cross_entropy(hidden, weight, None, targets)
    rough.backward()
    assert hidden.grad is not None
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.detach(), exact, rtol=0.02, atol=0.1)


@pytest.mark.parametrize("preset", ["modern", "classic"])
@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_the_loss_is_transformers_own(family: str, preset: str) -> None:
    model, windows = make(family, preset).eval(), make_windows(4)
    objective = MaskedObjective(VOCABULARY, 0.3, 0) if family == "bert" else CausalObjective()
    batch = objective.collate(windows)
    nats, count = objective.loss(model, batch)
    labels = torch.full((4, 32), IGNORED)
    places = batch["places"] if family == "bert" else batch["places"] + 1  # transformers shifts causal labels itself
    labels.view(-1)[places] = batch["targets"]
    mask = torch.from_numpy(windows.ids != PAD_ID)
    expected = model(input_ids=batch["input_ids"], attention_mask=mask, labels=labels).loss
    torch.testing.assert_close(nats / count, expected, rtol=1e-5, atol=1e-5)


def test_a_causal_model_is_not_asked_for_padding_or_for_the_beginning_of_a_piece() -> None:
    ids = np.array([[BOS_ID, 200, 201, BOS_ID, 202, PAD_ID]])
    batch = CausalObjective().collate(Windows(ids, np.arange(1), 0))
    assert batch["targets"].tolist() == [200, 201, 202]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 2**40), st.floats(0.01, 0.9))
def test_masking_is_a_function_of_its_sample(seed: int, epoch: int, sample: int, rate: float) -> None:
    ids = make_windows(2, seed).ids
    special = range(len(SPECIAL))
    inputs, targets = mask_tokens(ids, special, rate, seed, [sample, sample + 1], epoch, VOCABULARY)
    alone = mask_tokens(ids[1:], special, rate, seed, [sample + 1], epoch, VOCABULARY)
    assert (inputs[1] == alone[0][0]).all()
    assert (targets[1] == alone[1][0]).all()
    chosen = targets != IGNORED
    ordinary = ids >= len(SPECIAL)
    assert not (chosen & ~ordinary).any()
    assert (targets[chosen] == ids[chosen]).all()
    assert (inputs[~chosen] == ids[~chosen]).all()
    assert (chosen.sum(1) == np.maximum(1, np.round(rate * ordinary.sum(1)))).all()
    assert ((inputs[chosen] == MASK_ID) | (inputs[chosen] >= len(SPECIAL))).all()


def test_masking_is_eighty_ten_ten_and_evaluation_ignores_seed_and_epoch() -> None:
    ids = np.random.default_rng(0).integers(len(SPECIAL), VOCABULARY, (400, 100))
    inputs, targets = mask_tokens(ids, range(len(SPECIAL)), 0.3, 0, range(400), 0, VOCABULARY)
    chosen = targets != IGNORED
    assert (inputs[chosen] == MASK_ID).mean() == pytest.approx(0.8, abs=0.02)
    assert (inputs[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.02)
    fixed = [
        mask_tokens(ids, [0], 0.15, seed, range(400), epoch, VOCABULARY, evaluate=True) for seed, epoch in ((0, 0), (5, 7))
    ]
    assert (fixed[0][0] == fixed[1][0]).all()
    other = mask_tokens(ids, range(len(SPECIAL)), 0.3, 0, range(400), 1, VOCABULARY)[1]
    assert (other != targets).any()


def test_wsd_has_its_three_parts() -> None:
    factors = [wsd(step, 100, 10, 0.5) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert factors[10:51] == [1.0] * 41
    assert factors[51:] == pytest.approx([step / 50 for step in range(49, 0, -1)])
    assert wsd(0, 1, 1, 0.5) == 1.0


@given(st.integers(1, 400), st.integers(1, 500), st.floats(0, 1))
def test_the_trunk_is_what_any_other_length_begins_with(steps: int, warmup: int, decay: float) -> None:
    trunk = trunk_steps(steps, warmup, decay)
    assert 1 <= trunk <= steps
    rising = [min(1.0, (step + 1) / warmup) for step in range(steps)]
    assert [wsd(step, steps, warmup, decay) for step in range(trunk)] == rising[:trunk]
    assert all(wsd(step, steps, warmup, decay) < rising[step] for step in range(trunk, steps))


def test_trunks_of_some_lengths() -> None:
    assert [trunk_steps(100, 5, decay) for decay in (0, 0.25, 0.5, 1)] == [100, 76, 51, 4]
    assert [trunk_steps(steps, 1, 0.5) for steps in (1, 2, 3, 4)] == [1, 2, 2, 3]
    assert [trunk_steps(steps, warmup_steps(steps, 0.05), 1) for steps in (1, 2, 10, 1000)] == [1, 1, 1, 47]


def test_adamw_decays_matrices_only_and_takes_the_reference_step() -> None:
    model, reference = make(), make()
    optimizer = build_optimizer("adamw", model, 1e-2, 0.5, 0.95)
    kept = [p for p in reference.parameters() if p.ndim >= 2], [p for p in reference.parameters() if p.ndim < 2]
    groups = [{"params": kept[0], "weight_decay": 0.5}, {"params": kept[1], "weight_decay": 0.0}]
    plain = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), foreach=False)
    for seed in range(3):
        for net, chosen in ((model, optimizer), (reference, plain)):
            objective, windows = CausalObjective(), make_windows(2, seed)
            nats, count = objective.loss(net, objective.collate(windows))
            if net is model:
                take_step(net, chosen, objective, [windows], PLAN, seed)
                continue
            (nats / count).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            chosen.step()
            chosen.zero_grad()
    for mine, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_second_beta_keeps_its_half_life() -> None:
    assert second_beta(100_000) ** 100 == pytest.approx(0.5)
    assert second_beta(10**9) == 0.95
    assert second_beta(64) == 0.999


def test_micro_batches_equal_the_big_batch() -> None:
    windows = make_windows(6)
    parts = [Windows(windows.ids[start : start + 2], windows.numbers[start : start + 2], 0) for start in (0, 2, 4)]
    objective, models = MaskedObjective(VOCABULARY, 0.3, 0), []
    for given_parts in ([windows], parts):
        model = make("bert")
        done = take_step(model, torch.optim.SGD(model.parameters(), lr=1.0), objective, given_parts, PLAN, 0)
        models.append((model, done))
    assert models[0][1].count == models[1][1].count
    assert models[0][1].nats == pytest.approx(models[1][1].nats, rel=1e-5)
    assert models[0][1].norm == pytest.approx(models[1][1].norm, rel=1e-4)
    for one, other in zip(models[0][0].parameters(), models[1][0].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_dropout_is_a_function_of_seed_and_step() -> None:
    model, objective = make("bert", dropout=0.3).train(), MaskedObjective(VOCABULARY, 0.3, 0)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    losses = [
        take_step(model, still, objective, [make_windows(2)], replace(PLAN, seed=seed), step).nats
        for seed, step in ((0, 4), (0, 4), (0, 5), (1, 4))
    ]
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


def test_a_loss_that_is_no_number_names_the_step_and_a_lower_rate() -> None:
    model = make()
    next(model.parameters()).data[200] = float("nan")
    with pytest.raises(DanluError) as caught:
        take_step(model, build_optimizer("adamw", model, 3e-3, 0.1), CausalObjective(), [make_windows(4)], PLAN, 41)
    assert caught.value.key == "training.not-finite"
    assert "42" in caught.value.explain("en")["what"]
    assert "0.0003" in caught.value.explain("zh")["remedy"]


def test_out_of_memory_names_the_tokens() -> None:
    class Greedy(CausalObjective):
        def loss(self, model: Any, batch: Any) -> Any:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    model = make()
    with pytest.raises(DanluError) as caught:
        take_step(model, build_optimizer("adamw", model, 3e-3, 0.1), Greedy(), [make_windows(4)], PLAN, 0)
    assert caught.value.key == "training.out-of-memory"
    assert "128" in caught.value.explain("en")["what"]


def test_evaluation_leaves_the_mode_and_needs_no_gradient() -> None:
    model, objective = make("bert", dropout=0.5).train(), MaskedObjective(VOCABULARY, 0.3, 0, evaluate=True)
    batches = [objective.collate(make_windows(3))]
    assert evaluate(model, objective, batches, PLAN) == evaluate(model, objective, batches, PLAN)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def stepped() -> tuple[Any, torch.optim.Optimizer]:
    model = make()
    optimizer = build_optimizer("adamw", model, 1e-3, 0.1)
    take_step(model, optimizer, CausalObjective(), [make_windows(2)], PLAN, 0)
    return model, optimizer


def test_a_checkpoint_comes_back_to_the_bit_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    model, optimizer = stepped()
    save_checkpoint(tmp_path, 1, model, optimizer, {"sum": 0.1 + 0.2})
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for step in (2, 3):
        take_step(model, optimizer, CausalObjective(), [make_windows(2)], PLAN, step)
        save_checkpoint(tmp_path, step, model, optimizer, {"sum": float(step)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002", "step-000000003"]
    weights = tmp_path / "step-000000003/model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    fresh = make()
    rebuilt = build_optimizer("adamw", fresh, 1e-3, 0.1)
    found = load_checkpoint(tmp_path, fresh, rebuilt)
    assert found == (2, {"sum": 2.0}, ["step-000000003"])
    assert not torch.equal(fresh.state_dict()["lm_head.weight"], kept["lm_head.weight"])
    for net, chosen in ((model, optimizer), (fresh, rebuilt)):
        if net is fresh:
            take_step(net, chosen, CausalObjective(), [make_windows(2)], PLAN, 3)
    for one, other in zip(model.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, other)
    (tmp_path / "step-000000002/state.json").write_text("{")
    assert load_checkpoint(tmp_path, fresh, rebuilt) is None


def make_source(objective_marks: Any = CAUSAL, windows: int = 4, micro: int = 4) -> WindowSource:
    lengths = np.random.default_rng(0).integers(3, 90, 120)
    tokens = np.random.default_rng(1).integers(len(SPECIAL), VOCABULARY, int(lengths.sum()))
    return WindowSource(tokens, np.cumsum(lengths), 32, objective_marks, windows, micro, 7)


def test_the_order_of_the_data_is_a_function_of_the_place() -> None:
    one, two = make_source(), make_source(micro=3)
    places = [(epoch, step) for epoch in (0, 1, 2) for step in range(one.steps_per_epoch)]
    straight = {place: one.batches(*place)[0].ids for place in places}
    for place in np.random.default_rng(2).permutation(places):
        parts = two.batches(int(place[0]), int(place[1]))
        assert [len(part.ids) for part in parts] == [3, 1]
        assert (np.concatenate([part.ids for part in parts]) == straight[int(place[0]), int(place[1])]).all()
    assert (straight[0, 0] != straight[1, 0]).any()


def test_validation_windows_are_fixed_and_spread() -> None:
    source = make_source(MASKED)
    numbers = np.concatenate([part.numbers for part in fixed_windows(source, 9)])
    assert len(numbers) == 9
    assert numbers[0] == 0
    assert numbers[-1] == len(source.plan(0)) - 1
    assert len(fixed_windows(source, 10**6)) == -(-len(source.plan(0)) // 4)


def test_budgets_become_steps() -> None:
    measured = Measured(0.2, 0.05, 0.3, 0)
    options: dict[str, Any] = {"positions": 2048, "steps_per_epoch": 500, "spent": 12.0}
    assert count_steps(BudgetConfig(amount=70, unit="steps"), measured, **options) == 70
    assert count_steps(BudgetConfig(amount=1e6, unit="tokens"), measured, **options) == 489
    assert count_steps(BudgetConfig(amount=1.5, unit="epochs"), measured, **options) == 750
    steps = count_steps(BudgetConfig(amount=180, unit="seconds"), measured, **options)
    checkpoints = steps / checkpoint_interval(measured) * measured.checkpoint_seconds
    validations = 11 * validation_batches(measured, steps, 1000) * measured.validation_seconds
    assert 170 < 12 + steps * 0.2 + checkpoints + validations + 0.3 < 180
    assert count_steps(BudgetConfig(amount=5, unit="seconds"), measured, **options) == 1


def test_compiling_must_repay() -> None:
    cost = compile_seconds("modernbert", 4, 65e9)
    assert not compiling_repays("modernbert", 60, cost)
    assert compiling_repays("modernbert", 3600, cost)
    assert not compiling_repays("bert", 36000, compile_seconds("bert", 4, 65e9))
    assert not compiling_repays("unknown", 36000, compile_seconds("unknown", 4, 65e9))
    assert compile_seconds("qwen3", 8, 65e9) == 2 * compile_seconds("qwen3", 4, 65e9)
