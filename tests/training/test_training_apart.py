"""Documents kept apart in a window: their losses and gradients are those of each document in a window of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from danlu.models.build import build_config, build_model
from danlu.models.head import hidden_states
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.packing import CAUSAL, MASKED, pack
from danlu.training.apart import DocumentsApart, pieces_of
from danlu.training.language import CausalObjective, MaskedObjective, Windows

FIRST, VOCABULARY = 200, 512


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(4, 24), st.sampled_from([CAUSAL, MASKED]))
def test_marks_tell_the_pieces_that_the_plan_has(lengths: list[int], length: int, marks: object) -> None:
    plan = pack(np.cumsum(np.array(lengths, np.int64)), length, marks=marks)  # type: ignore[arg-type]
    ids, segments = plan.windows(range(len(plan)), np.arange(FIRST, FIRST + sum(lengths)))
    assert np.array_equal(pieces_of(ids, plan.marks.begin or 0), segments)


@pytest.mark.parametrize("family, preset", [("gpt", "modern"), ("gpt", "classic"), ("bert", "modern"), ("bert", "classic")])
def test_losses_and_gradients_are_those_of_documents_alone(family: str, preset: str) -> None:
    marks = MASKED if family == "bert" else CAUSAL
    model = made(family, preset, 32)
    plan = pack(np.cumsum([20, 9, 12, 5, 7, 40]), 32, marks=marks)
    ids, segments = plan.windows(range(len(plan)), np.random.default_rng(0).integers(FIRST, VOCABULARY, 93))
    inner = MaskedObjective(VOCABULARY, 0.3, 1) if family == "bert" else CausalObjective()
    apart = DocumentsApart(inner, marks.begin or 0, causal=family == "gpt")
    batch = apart.collate(Windows(ids, np.arange(len(ids)), 0))
    nats, count = apart.loss(model, batch)
    nats.backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()

    total, targets = 0.0, 0
    places = {int(place): int(target) for place, target in zip(batch["places"], batch["targets"], strict=True)}
    for row, numbers in enumerate(segments):
        for segment in range(1, numbers.max() + 1):
            here = np.flatnonzero(numbers == segment)
            wanted = [(index, places[row * 32 + place]) for index, place in enumerate(here) if row * 32 + place in places]
            if not wanted:
                continue
            logits = model(batch["input_ids"][row, here][None]).logits[0, [index for index, _ in wanted]]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor([target for _, target in wanted]), reduction="sum")
            loss.backward()  # type: ignore[no-untyped-call]
            total, targets = total + loss.item(), targets + len(wanted)
    assert targets == count > 20
    assert nats.item() == pytest.approx(total, rel=1e-4)
    alone = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert len(alone) == len(gradients)
    for one, other in zip(gradients, alone, strict=True):
        assert torch.allclose(one, other, atol=1e-3, rtol=1e-3)
    together, _ = inner.loss(model, inner.collate(Windows(ids, np.arange(len(ids)), 0)))
    assert abs(together.item() - total) > 1e-3  # else this would show nothing


def test_local_layers_stay_local() -> None:
    """For windows over 512 tokens ModernBERT has layers that see only what is near; a mask of who sees whom leaves them so."""
    model = made("bert", "modern", 600)
    assert "sliding_attention" in model.config.layer_types
    ids = torch.randint(FIRST, VOCABULARY, (1, 600), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = hidden_states(model, ids, torch.ones(1, 600, dtype=torch.bool))
        masked = hidden_states(model, ids, torch.ones(1, 1, 600, 600, dtype=torch.bool))
    assert torch.allclose(plain, masked, atol=1e-4)


def made(family: str, preset: str, length: int) -> PreTrainedModel:
    shape = ModelConfig.model_validate({"family": family, "preset": preset, "size": "nano"})
    return build_model(build_config(shape, VOCABULARY, length, 0.0), 0).eval()
