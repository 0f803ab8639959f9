"""Views of packed windows: borders and positions against the plan, and real model classes that take them.

What a piece of a window gives with documents kept apart must be what it gives alone.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from danlu.models.build import build_config, build_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.packing import CAUSAL, MASKED, PLAIN, Marks, pack
from danlu.tokens.views import attention_within_documents, flatten, positions

FIRST = 200
VOCABULARY = 512


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(4, 24), st.sampled_from([CAUSAL, MASKED, PLAIN]))
def test_the_flat_view_holds_every_piece(lengths: list[int], length: int, marks: Marks) -> None:
    ends = np.cumsum(np.array(lengths, np.uint64), dtype=np.uint64)
    plan = pack(ends, length, marks=marks)
    ids, segments = plan.windows(range(len(plan)), np.arange(FIRST, FIRST + sum(lengths)))
    flat = flatten(ids, segments)
    pieces = [flat.ids[a:b].tolist() for a, b in zip(flat.borders[:-1], flat.borders[1:], strict=True)]
    expected = [
        row[number == segment].tolist()
        for row, number in zip(ids, segments, strict=True)
        for segment in range(1, number.max(initial=0) + 1)
    ]
    assert pieces == expected
    assert len(pieces) == len(plan.starts)
    assert flat.longest == max(map(len, pieces), default=0)
    assert flat.positions.tolist() == [place for piece in pieces for place in range(len(piece))]
    assert np.array_equal(positions(segments)[segments > 0], flat.positions)
    assert not positions(segments)[segments == 0].any()


@pytest.mark.parametrize("causal", [True, False])
def test_who_sees_whom_by_hand(causal: bool) -> None:
    segments = np.array([[1, 1, 2, 2, 0], [1, 1, 1, 1, 1]], np.int32)
    found = attention_within_documents(segments, causal=causal)
    assert found.shape == (2, 1, 5, 5)
    for row, numbers in enumerate(segments):
        for query in range(5):
            for key in range(5):
                together = numbers[query] == numbers[key] != 0 and (key <= query or not causal)
                assert found[row, 0, query, key] == (together or query == key)


@pytest.mark.parametrize("family, preset", [("gpt", "modern"), ("gpt", "classic"), ("bert", "modern"), ("bert", "classic")])
def test_documents_kept_apart_in_a_window_are_as_alone(family: str, preset: str) -> None:
    model, ids, segments = made(family, preset)
    seen = torch.from_numpy(attention_within_documents(segments, causal=family == "gpt"))
    with torch.no_grad():
        packed = model(
            torch.from_numpy(ids), attention_mask=seen, position_ids=torch.from_numpy(positions(segments))
        ).logits  # fmt: skip
        for row, numbers in enumerate(segments):
            for segment in range(1, numbers.max() + 1):
                here = np.flatnonzero(numbers == segment)
                alone = model(torch.from_numpy(ids[row, here][None])).logits[0]
                assert torch.allclose(packed[row, here], alone, atol=1e-4)


def test_without_padding_in_one_row_too() -> None:
    """transformers' decoders tell packed pieces by positions that start again."""
    model, ids, segments = made("gpt", "modern")
    flat = flatten(ids, segments)
    with torch.no_grad():
        rows = (torch.from_numpy(each[None]) for each in (flat.ids, flat.positions))
        together = model(next(rows), position_ids=next(rows), use_cache=False).logits[0]  # a cache would mean one sequence
        for start, stop in zip(flat.borders[:-1], flat.borders[1:], strict=True):
            alone = model(torch.from_numpy(flat.ids[None, start:stop])).logits[0]
            assert torch.allclose(together[start:stop], alone, atol=1e-4)


def made(
    family: str, preset: str
) -> tuple[PreTrainedModel, np.ndarray[tuple[int, ...], np.dtype[np.int64]], np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    """A small random model, and windows of a few documents each with padding at the end of some."""
    shape = ModelConfig.model_validate({"family": family, "preset": preset, "size": "nano"})
    model = build_model(build_config(shape, VOCABULARY, 32, 0.0), 0).eval()
    plan = pack(np.cumsum([20, 9, 12, 5, 7, 40]), 32, marks=MASKED if family == "bert" else CAUSAL)
    draw = np.random.default_rng(0)
    ids, segments = plan.windows(range(len(plan)), draw.integers(FIRST, VOCABULARY, 93))
    assert (segments == 0).any()
    assert segments.max() > 1
    return model, ids, segments
