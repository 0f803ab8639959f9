"""The classification task: starts, heads, batches, loss, and BERT's averaging layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
)

from danlu.inference.batches import pad_rows
from danlu.inference.classify import forward_rows
from danlu.tasks.averaging import pools_by_mean, with_averaging
from danlu.tasks.classification import ClassificationObjective, build_classifier, label_names
from danlu.tasks.layers import freeze, head_of, set_head, without_head
from danlu.tasks.source import Examples, ExampleSource, epoch_batches
from danlu.tasks.task import TASKS, task_named

NAMES = ["负", "neutral", "正"]
SHAPE = {
    "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 48,
    "max_position_embeddings": 40, "vocab_size": 90,
}  # fmt: skip
ROWS = [[3, 20, 30, 40, 4], [3, 4], [3, *range(50, 80), 4], [3, 21, 4]]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("starts")
    torch.manual_seed(11)
    models: dict[str, Any] = {
        "bert": BertForMaskedLM(BertConfig(pad_token_id=0, **SHAPE)),
        "pooled-bert": BertForPreTraining(BertConfig(pad_token_id=0, **SHAPE)),
        "modernbert": ModernBertForMaskedLM(ModernBertConfig(pad_token_id=0, bos_token_id=1, eos_token_id=2, **SHAPE)),
        "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=90, n_embd=32, n_layer=4, n_head=2, n_positions=40, eos_token_id=2)),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
    return {name: str(folder / name) for name in models}


@pytest.mark.parametrize(
    ("name", "pooling"), [("bert", "mean"), ("pooled-bert", "cls"), ("modernbert", "mean"), ("gpt2", "last")]
)
def test_a_start_keeps_its_weights_and_is_saved_for_everyone(
    name: str, pooling: str, addresses: dict[str, str], tmp_path: Path
) -> None:
    model, found = build_classifier(addresses[name], NAMES, "weights", 0)
    assert found == pooling
    start = AutoModelForSequenceClassification.from_pretrained(addresses[name], num_labels=3)
    for key, tensor in start.base_model.state_dict().items():
        if "pooler" not in key or pooling == "cls":
            assert torch.equal(model.base_model.state_dict()[key], tensor), key
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert [again.config.id2label[index] for index in range(3)] == NAMES
    assert again.config.problem_type == "single_label_classification"
    np.testing.assert_array_equal(forward_rows(again, ROWS, pad=0), forward_rows(model, ROWS, pad=0))


@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2"])
def test_random_is_the_same_architecture_without_its_training(name: str, addresses: dict[str, str]) -> None:
    trained, pooling = build_classifier(addresses[name], NAMES, "weights", 0)
    fresh, fresh_pooling = build_classifier(addresses[name], NAMES, "random", 0)
    other, _ = build_classifier(addresses[name], NAMES, "random", 1)
    same, _ = build_classifier(addresses[name], NAMES, "random", 0)
    assert pooling == fresh_pooling
    shapes = {key: tensor.shape for key, tensor in trained.state_dict().items()}
    assert {key: tensor.shape for key, tensor in fresh.state_dict().items()} == shapes
    table = fresh.get_input_embeddings().weight
    assert not torch.equal(table, trained.get_input_embeddings().weight)
    assert not torch.equal(table, other.get_input_embeddings().weight)
    assert all(torch.equal(tensor, same.state_dict()[key]) for key, tensor in fresh.state_dict().items())


def test_the_averaging_layer_gives_the_mean_whatever_the_padding(addresses: dict[str, str]) -> None:
    plain = AutoModelForSequenceClassification.from_pretrained(addresses["bert"], num_labels=3).eval()
    with without_head(with_averaging(plain)) as encoder:
        found = forward_rows(encoder, ROWS, pad=0)
    for row, features in zip(ROWS, found, strict=True):
        with torch.no_grad():
            mean = plain.bert(torch.tensor([row])).last_hidden_state[0].mean(0)
        expected = torch.tanh((mean - mean.mean()) / mean.std(unbiased=False) / 2)
        np.testing.assert_allclose(features, expected, atol=2e-3)


def test_which_bert_is_averaged(addresses: dict[str, str], tmp_path: Path) -> None:
    assert pools_by_mean(addresses["bert"])
    assert not pools_by_mean(addresses["pooled-bert"])
    BertForPreTraining.from_pretrained(addresses["pooled-bert"]).save_pretrained(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    assert pools_by_mean(str(tmp_path)), "a sentence encoder says how it pools"


@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2"])
def test_freezing_is_from_the_embeddings_up(name: str, addresses: dict[str, str]) -> None:
    def learned(until: float) -> set[str]:
        model, _ = build_classifier(addresses[name], NAMES, "weights", 0)
        freeze(model, until)
        return {key for key, parameter in model.named_parameters() if parameter.requires_grad}

    every, half, head = learned(0), learned(0.5), learned(1)
    assert head < half < every
    assert not any("embed" in key or "wte" in key or "wpe" in key for key in half)
    layers = {int(part) for key in half for part in key.split(".") if part.isdigit()}
    assert layers == {2, 3}
    assert {key.split(".")[0] for key in head} <= {"classifier", "score"}


def test_the_head_can_be_taken_off_and_set(addresses: dict[str, str]) -> None:
    model, _ = build_classifier(addresses["modernbert"], NAMES, "weights", 0)
    before = forward_rows(model, ROWS, pad=0)
    with without_head(model) as encoder:
        features = forward_rows(encoder, ROWS, pad=0)
    assert features.shape == (4, 32)
    np.testing.assert_array_equal(forward_rows(model, ROWS, pad=0), before)
    weight, bias = torch.randn(3, 32), torch.randn(3)
    set_head(model, weight, bias)
    np.testing.assert_allclose(forward_rows(model, ROWS, pad=0), features @ weight.numpy().T + bias.numpy(), atol=1e-4)
    assert head_of(model)[0] == "classifier"


def test_the_loss_is_transformers_loss_summed(addresses: dict[str, str]) -> None:
    model, _ = build_classifier(addresses["bert"], NAMES, "weights", 0)
    targets = np.array([0, 2, 1, 1])
    objective = ClassificationObjective(pad=0)
    nats, count = objective.loss(model, objective.collate(Examples(ROWS, targets)))
    ids, mask = pad_rows(ROWS, 0)
    expected = model(input_ids=ids, attention_mask=mask, labels=torch.from_numpy(targets)).loss
    assert count == 4
    assert nats.item() == pytest.approx(4 * expected.item(), rel=1e-5)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 32), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_an_epoch_has_every_row_once(lengths: list[int], batch: int, epoch: int) -> None:
    batches = epoch_batches(np.array(lengths), batch, 3, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // batch)
    assert all(len(rows) <= batch for rows in batches)


def test_batches_are_of_like_length_and_hang_on_epoch_and_seed() -> None:
    lengths = np.random.default_rng(0).integers(4, 128, 1000)
    batches = epoch_batches(lengths, 16, 0, 0)
    filled = lengths.sum() / sum(len(rows) * lengths[rows].max() for rows in batches)
    assert filled > 0.9
    assert [rows.tolist() for rows in epoch_batches(lengths, 16, 0, 0)] == [rows.tolist() for rows in batches]
    for other in (epoch_batches(lengths, 16, 0, 1), epoch_batches(lengths, 16, 1, 0)):
        assert [rows.tolist() for rows in other] != [rows.tolist() for rows in batches]


def test_a_step_is_cut_into_micro_batches() -> None:
    examples = Examples([[1] * 10] * 8, np.arange(8))
    source = ExampleSource(examples, batch=8, seed=0, most_tokens=30)
    parts = source.batches(0, 0)
    assert [len(part) for part in parts] == [3, 3, 2]
    assert sorted(np.concatenate([part.targets for part in parts]).tolist()) == list(range(8))


def test_every_task_of_the_registry_is_there() -> None:
    for name in TASKS:
        assert task_named(name).name == name
    assert label_names(["正", "a", "正"]) == ["a", "正"]
