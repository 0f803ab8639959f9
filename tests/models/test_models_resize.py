"""Resized models: new rows are means, old ones the same bits, old logits the same, and transformers loads what was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from danlu.models.build import build_config, build_model, count_parameters
from danlu.models.files import load_as_saved, saved_precision
from danlu.models.resize import add_rows, resize_model
from danlu.recipe.pretrain import ModelConfig
from danlu.workspace.errors import DanluError

OLD = 120
PARTS = [(7, 9), (7, 9, 11), (50, 7), (3, 3, 3, 119)]
SHARES = np.array([0.5, 0.25, 0.01, 1.0])
NEW = OLD + len(PARTS)

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


def _ours(family: Any, preset: Any) -> Callable[[int], PreTrainedModel]:
    config = ModelConfig(family=family, preset=preset, size="nano")
    return lambda rows: build_model(build_config(config, rows, 64, 0.0), 3)


MODELS: dict[str, Callable[[int], PreTrainedModel]] = {
    "bert": _ours("bert", "classic"), "modernbert": _ours("bert", "modern"), "gpt2": _ours("gpt", "classic"),
    "qwen3": _ours("gpt", "modern"),
    "roberta": lambda rows: RobertaForMaskedLM(RobertaConfig(vocab_size=rows, **SMALL)),
    "distilbert": lambda rows: DistilBertForMaskedLM(DistilBertConfig(
        vocab_size=rows, dim=16, n_layers=1, n_heads=2, hidden_dim=24)),
    "albert": lambda rows: AlbertForMaskedLM(AlbertConfig(vocab_size=rows, embedding_size=8, **SMALL)),
    "llama-untied": lambda rows: LlamaForCausalLM(LlamaConfig(vocab_size=rows, tie_word_embeddings=False, **SMALL)),
    "phi-untied-bias": lambda rows: PhiForCausalLM(PhiConfig(vocab_size=rows, tie_word_embeddings=False, **SMALL)),
    "t5": lambda rows: T5ForConditionalGeneration(T5Config(
        vocab_size=rows, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, decoder_start_token_id=0)),
    "t5-untied": lambda rows: T5ForConditionalGeneration(T5Config(
        vocab_size=rows, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, decoder_start_token_id=0,
        tie_word_embeddings=False)),
    "encoder": lambda rows: BertModel(BertConfig(vocab_size=rows, **SMALL)),
    "classifier": lambda rows: BertForSequenceClassification(BertConfig(vocab_size=rows, num_labels=3, **SMALL)),
}  # fmt: skip
"""Tied and untied, with and without a bias, with and without an output over the vocabulary."""


def _saved(name: str, path: Path, rows: int = OLD, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    torch.manual_seed(1)
    model = MODELS[name](rows).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # no bias is left at zero, no two rows alike
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    model.to(dtype).save_pretrained(path)
    return model


def _answers(model: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    options = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        found = model(input_ids=ids, **options)
    return found.logits if "logits" in found else found.last_hidden_state  # type: ignore[no-any-return]


@pytest.mark.parametrize("rows", [OLD, OLD + 2, OLD + 8], ids=["exact", "padded", "padded-enough"])
@pytest.mark.parametrize("name", MODELS)
def test_new_rows_are_means_and_nothing_old_changes(name: str, rows: int, tmp_path: Path) -> None:
    old = _saved(name, tmp_path / "old", rows)
    before = {key: tensor.clone() for key, tensor in old.state_dict().items()}
    resize_model(tmp_path / "old", tmp_path / "new", OLD, PARTS, SHARES)
    config = json.loads((tmp_path / "new/config.json").read_text())
    new = getattr(transformers, config["architectures"][0]).from_pretrained(tmp_path / "new").eval()
    assert type(new) is type(old)
    assert config["vocab_size"] == max(rows, NEW)
    after = new.state_dict()
    assert set(after) == set(before)
    grown = {key for key in before if before[key].shape[:1] == (rows,) and key.endswith(("weight", "bias"))}
    assert any("bias" in key for key in grown) == (
        name in ("bert", "modernbert", "roberta", "distilbert", "albert", "phi-untied-bias")
    )
    for key, tensor in before.items():
        if key not in grown:
            assert torch.equal(after[key], tensor), key
            continue
        assert torch.equal(after[key][:OLD], tensor[:OLD]), key
        assert torch.equal(after[key][NEW:], tensor[NEW:]), key
        means = torch.stack([sum(tensor[part] for part in parts) / len(parts) for parts in PARTS])  # type: ignore[misc]
        expected = means + torch.tensor(SHARES).log() if tensor.ndim == 1 else means
        torch.testing.assert_close(after[key][OLD:NEW], expected.float(), rtol=1e-5, atol=1e-6)
    ids = torch.randint(5, OLD, (2, 12), generator=torch.Generator().manual_seed(2))
    expected, found = _answers(old, ids), _answers(new, ids)
    width = OLD if expected.shape[-1] == rows else expected.shape[-1]
    torch.testing.assert_close(found[..., :width], expected[..., :width], rtol=1e-5, atol=1e-5)
    assert _answers(new, torch.tensor([[NEW - 1, OLD, 7]])).isfinite().all()


@pytest.mark.parametrize("name", ["bert", "llama-untied"])
def test_precision_and_bytes_are_kept(name: str, tmp_path: Path) -> None:
    _saved(name, tmp_path / "old", dtype=torch.bfloat16)
    config = json.loads((tmp_path / "old/config.json").read_text())
    (tmp_path / "old/config.json").write_text(json.dumps({**config, "dtype": "float16"}))  # whatever it says
    for target in ("one", "two"):
        torch.manual_seed(len(target) * 7)
        resize_model(tmp_path / "old", tmp_path / target, OLD, PARTS, SHARES)
    weights = load_file(tmp_path / "one/model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert saved_precision(tmp_path / "one") == torch.bfloat16
    for file in ("model.safetensors", "config.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").glob("*.safetensors*")) == ["model.safetensors"]


def test_of_several_precisions_the_one_that_holds_all(tmp_path: Path) -> None:
    save_file(
        {"a": torch.ones(2, dtype=torch.bfloat16), "b": torch.ones(2, dtype=torch.float16)}, tmp_path / "model.safetensors"
    )
    assert saved_precision(tmp_path) == torch.float32
    save_file({"a": torch.ones(2, dtype=torch.int8)}, tmp_path / "model.safetensors")
    assert saved_precision(tmp_path) == torch.float32


def test_a_model_in_shards(tmp_path: Path) -> None:
    model = MODELS["llama-untied"](OLD)
    model.save_pretrained(tmp_path / "old", max_shard_size="10KB")
    assert len(list((tmp_path / "old").glob("*.safetensors"))) > 1
    resize_model(tmp_path / "old", tmp_path / "new", OLD, PARTS, SHARES)
    assert torch.equal(load_as_saved(tmp_path / "new").lm_head.weight[:OLD], model.lm_head.weight)


def test_facts_say_how_large_the_model_is_now(tmp_path: Path) -> None:
    model = _saved("qwen3", tmp_path / "old")
    facts = {"parameters": 1, "embedding_parameters": 1, "length": 64, "objective": "clm"}
    (tmp_path / "old/facts.json").write_text(json.dumps(facts))
    resize_model(tmp_path / "old", tmp_path / "new", OLD, PARTS, SHARES)
    found = json.loads((tmp_path / "new/facts.json").read_text())
    added = len(PARTS) * model.config.hidden_size
    was = count_parameters(model)
    assert found == facts | {
        "parameters": was["parameters"] + added, "embedding_parameters": was["embedding_parameters"] + added,
    }  # fmt: skip


def test_new_tokens_do_not_multiply_a_guess() -> None:
    """A piece that many new tokens begin with: together they get at most what it gets, whatever the states are."""
    model = MODELS["bert"](OLD).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()  # guesses by the bias alone
        model.get_output_embeddings().bias.copy_(torch.randn(OLD))
    before = _answers(model, torch.tensor([[5, 6]]))[0, 0].softmax(-1)
    parts = [(7, 7)] * 40
    add_rows(model, OLD, parts, np.full(40, 1 / 41))
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    after = _answers(model, torch.tensor([[5, 6]]))[0, 0].softmax(-1)
    assert after[OLD:].sum() == pytest.approx(float(after[7]) * 40 / 41, rel=1e-4)
    torch.testing.assert_close(after[:OLD] / after[:OLD].sum(), before)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    _saved("bert", tmp_path / "old", OLD - 1)
    with pytest.raises(DanluError) as caught:
        resize_model(tmp_path / "old", tmp_path / "new", OLD, PARTS, SHARES)
    assert caught.value.key == "models.too-few-rows"
    assert str(OLD - 1) in caught.value.explain("zh")["what"]
    (tmp_path / "old/model.safetensors").write_bytes(b"no")
    with pytest.raises(DanluError) as caught:
        resize_model(tmp_path / "old", tmp_path / "new", OLD, PARTS, SHARES)
    assert caught.value.key == "models.unloadable"
