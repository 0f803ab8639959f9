"""From a recipe's `model` section to a transformers configuration, and from that to an initialised model."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    BertConfig,
    GPT2Config,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from danlu.models.shapes import HEAD, SHAPES, Shape
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.special import BOS, CLS, EOS, PAD, SEP, SPECIAL

ENCODERS = ("bert", "modernbert")
NEIGHBOUR_NORM = 1.7
"""Length of an embedding that starts from its token's neighbours. Nats of a masked and of a next token after 400 steps of 1,024
tokens at width 128: .63 (as long as random ones) 5.27 and 5.52, 1.1 5.13 and 5.43, 1.7 5.08 and 5.42, 2.8 5.15 and 5.45;
random ones 6.15 for the next token."""
ROPE_BASE = 10_000.0
"""Rotary base for windows of up to a few thousand tokens (RoFormer, arXiv 2104.09864); the million-fold bases of the
published long-context models leave most frequencies unused on short windows."""
GLOBAL_ONLY = 512
"""Up to this length every ModernBERT layer sees the whole window: a sliding mask of 128 would save nothing."""


def build_config(model: ModelConfig, vocabulary: int, length: int, dropout: float) -> PretrainedConfig:
    """The configuration of a model that reads windows of up to `length` tokens of a vocabulary of that many ids."""
    return _BUILDERS[model.preset, model.family](SHAPES[model.size], vocabulary, length, dropout)


def _ids() -> dict[str, int]:
    return {"pad_token_id": SPECIAL.index(PAD), "bos_token_id": SPECIAL.index(BOS), "eos_token_id": SPECIAL.index(EOS)}


def small_init(hidden: int) -> float:
    """Standard deviation of initial matrices: sqrt(2 / (5 hidden)) (Transformers without Tears, arXiv 1910.05895).

    It is .023 at width 768, about the .02 of the published classes; but .056 at width 128, where .02 is too little: with it a
    tiny BERT was .12 nats worse after 300 steps.
    """
    return math.sqrt(2 / (5 * hidden))


def _bert(shape: Shape, vocabulary: int, length: int, dropout: float) -> PretrainedConfig:
    return BertConfig(
        vocab_size=vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward, max_position_embeddings=length, hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout, **_ids(),
    )  # fmt: skip


def _modernbert(shape: Shape, vocabulary: int, length: int, dropout: float) -> PretrainedConfig:
    every = {"layer_types": ["full_attention"] * shape.layers} if length <= GLOBAL_ONLY else {}
    rope = {"rope_type": "default", "rope_theta": ROPE_BASE}
    return ModernBertConfig(
        vocab_size=vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        intermediate_size=shape.gated, max_position_embeddings=length, embedding_dropout=dropout, mlp_dropout=dropout,
        attention_dropout=dropout, classifier_dropout=dropout, classifier_pooling="mean",
        initializer_range=small_init(shape.hidden), cls_token_id=SPECIAL.index(CLS), sep_token_id=SPECIAL.index(SEP),
        rope_parameters={"full_attention": dict(rope), "sliding_attention": dict(rope)}, **every, **_ids(),
    )  # fmt: skip


def _gpt2(shape: Shape, vocabulary: int, length: int, dropout: float) -> PretrainedConfig:
    return GPT2Config(
        vocab_size=vocabulary, n_embd=shape.hidden, n_layer=shape.layers, n_head=shape.heads, n_inner=shape.feed_forward,
        n_positions=length, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout, **_ids(),
    )  # fmt: skip


def _qwen3(shape: Shape, vocabulary: int, length: int, dropout: float) -> PretrainedConfig:
    return Qwen3Config(  # its class has dropout in attention only
        vocab_size=vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads, head_dim=HEAD, intermediate_size=shape.gated, max_position_embeddings=length,
        attention_dropout=dropout, tie_word_embeddings=True, initializer_range=small_init(shape.hidden),
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE}, **_ids(),
    )  # fmt: skip


_BUILDERS = {
    ("classic", "bert"): _bert, ("modern", "bert"): _modernbert, ("classic", "gpt"): _gpt2, ("modern", "gpt"): _qwen3,
}  # fmt: skip


def build_model(config: PretrainedConfig, seed: int) -> PreTrainedModel:
    """A new model in fp32 with its masked-LM or causal-LM head; the same `seed` gives the same weights.

    Each class keeps its own initialisation but for one thing: in Qwen3's, as GPT-2 and ModernBERT do, the
    projections that write to the residual stream start smaller by sqrt(2 x layers). (Starting them at zero, as
    modded-nanogpt does, was .03 to .04 nats worse after 100 and 400 steps of a tiny GPT: the first steps are lost.)
    """
    factory = AutoModelForMaskedLM if config.model_type in ENCODERS else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = factory.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    if config.model_type == "qwen3":
        shrink = math.sqrt(2 * config.num_hidden_layers)
        with torch.no_grad():
            for name, module in model.named_modules():
                if isinstance(module, nn.Linear) and name.endswith((".o_proj", ".down_proj")):
                    module.weight /= shrink
    return model


def start_from_frequencies(model: PreTrainedModel, counts: npt.NDArray[np.integer]) -> None:
    """Set the bias of the output matrix, where the class has one, to the log frequencies of the tokens (`counts` [vocabulary]).

    The model then starts from what counting tells instead of learning it: a tiny masked model was .23 nats better for it
    after 300 steps. (The last bias for imbalanced classes: Lin et al., Focal Loss, arXiv 1708.02002, section 4.1.)
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    if bias is not None:
        smoothed = counts.astype(np.float64) + 1
        with torch.no_grad():
            bias.copy_(torch.from_numpy(np.log(smoothed / smoothed.sum())))


def start_from_neighbours(model: PreTrainedModel, vectors: npt.NDArray[np.float32]) -> None:
    """Let the token embeddings begin as `vectors` [vocabulary, at most the width] of length 1 each, made `NEIGHBOUR_NORM` long.

    A row of zeros (a token that was not seen) stays random, and so do the columns to the right of the vectors. The output
    matrix of these models is the same one, so what is alike is also guessed alike.
    """
    weight = model.get_input_embeddings().weight
    width = vectors.shape[1]
    seen = torch.from_numpy(np.any(vectors != 0, axis=1))
    with torch.no_grad():
        weight[seen, :width] = torch.from_numpy(vectors)[seen] * NEIGHBOUR_NORM


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Distinct parameters: `parameters` in all, `embedding_parameters` in look-up tables, `trainable` not frozen."""
    distinct = {id(parameter): parameter for parameter in model.parameters()}
    tables = {id(module.weight): module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    return {
        "parameters": sum(parameter.numel() for parameter in distinct.values()),
        "embedding_parameters": sum(table.numel() for table in tables.values()),
        "trainable": sum(parameter.numel() for parameter in distinct.values() if parameter.requires_grad),
    }
