"""The shorter forward of ModernBERT gives what the model's own gives, and is not taken where it would not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import ModernBertConfig, ModernBertForSequenceClassification

from danlu.inference import classify as module
from danlu.inference.batches import pad_rows
from danlu.inference.classify import REPAYS, forward_rows
from danlu.inference.modernbert import agree, forward_of, known

VOCABULARY = 90


def build(seed: int = 0, **options: Any) -> Any:
    config = ModernBertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, num_labels=3, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
        sep_token_id=2, **options,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = ModernBertForSequenceClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.25)
    return model


def rows_of(lengths: Sequence[int], seed: int = 0) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(3, VOCABULARY, length).tolist() for length in lengths]


@pytest.mark.parametrize("lengths", [(9, 9, 9), (40, 13, 1), (17,)])
@pytest.mark.parametrize(
    "options",
    [
        {"classifier_pooling": "mean"},
        {"classifier_pooling": "cls", "attention_bias": True, "mlp_bias": True, "norm_bias": True},
        {"classifier_pooling": "mean", "local_attention": 8},
        {"classifier_pooling": "cls", "layer_types": ["sliding_attention"] * 4, "local_attention": 4},
        {"classifier_pooling": "mean", "layer_types": ["full_attention"] * 4, "classifier_bias": True},
    ],
)
def test_logits_are_those_of_the_models_own_forward(options: dict[str, Any], lengths: tuple[int, ...]) -> None:
    model = build(**options)
    ids, mask = pad_rows(rows_of(lengths), 0)
    assert known(model)
    with torch.inference_mode():
        own, forward = model(input_ids=ids, attention_mask=mask).logits, forward_of(model)
        torch.testing.assert_close(forward(ids, mask), own, atol=2e-5, rtol=1e-5)
        assert agree(forward, model, ids, mask)
        short = model.to(torch.bfloat16)
        rounded = (forward_of(short)(ids, mask).float() - own).abs().max()
        assert rounded <= 2 * (short(input_ids=ids, attention_mask=mask).logits.float() - own).abs().max() + 0.05


def test_what_is_padded_plays_no_part() -> None:
    model = build(local_attention=4)
    ids, mask = pad_rows(rows_of((30, 3)), 0)
    with torch.inference_mode():
        forward = forward_of(model)
        torch.testing.assert_close(forward(ids, mask)[1:], forward(ids[1:, :3], mask[1:, :3]), atol=2e-5, rtol=1e-5)


def test_a_model_with_other_parts_reads_by_itself(classifiers: dict[str, Any]) -> None:
    model = build()
    model.model.layers[1].attn.Wo = torch.nn.Sequential(model.model.layers[1].attn.Wo)
    assert not known(model)
    assert not known(build().train())
    assert not known(build(hidden_activation="silu"))
    assert not known(build().double())
    assert not known(classifiers["bert"])
    assert known(classifiers["modernbert"])


def test_a_forward_that_disagrees_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = build(), rows_of([5] * REPAYS)
    expected = forward_rows(model, rows[:10], pad=0)  # too few for another forward than the model's own
    monkeypatch.setattr(module, "forward_of", lambda model: lambda ids, mask: model(input_ids=ids).logits + 0.01)
    np.testing.assert_allclose(forward_rows(model, rows, pad=0)[:10], expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_log_probabilities_stay_over_batch_padding_order_and_number(pooling: str) -> None:
    model = build(classifier_pooling=pooling, local_attention=8)
    random = np.random.default_rng(1)
    rows = rows_of(random.integers(1, 60, REPAYS + 30))
    alone = np.concatenate([forward_rows(model, [row], pad=0) for row in rows])

    def logs(outputs: Any) -> Any:
        return torch.log_softmax(torch.from_numpy(outputs), -1).numpy()

    order = random.permutation(len(rows))
    for found in (
        forward_rows(model, rows, pad=0, batch_tokens=64),
        forward_rows(model, rows, pad=0, batch_tokens=4096),
        forward_rows(model, [rows[place] for place in order], pad=0)[np.argsort(order)],
    ):
        assert np.abs(logs(found) - logs(alone)).max() < 1e-4
