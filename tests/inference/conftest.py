"""Tiny random models and a tokenizer trained on a few sentences, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from danlu.tokens.special import BOS, BOS_ID, CLS, CLS_ID, EOS, EOS_ID, MASK, PAD, PAD_ID, SEP, SEP_ID, SPECIAL

SENTENCES = [
    "The furnace burns day and night, and the old man tends the fire.",
    "This film is a small miracle: funny, sad and true.",
    "丹炉里的火烧了七天七夜，老人守在旁边。",
    "这本书写得真好，我一口气读完了。",
    "Café, naïve, 😀 and 𠮷 are hard for careless programs.",
] * 4


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=480, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(SENTENCES, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}", pair=f"{CLS} $A {SEP} $B {SEP}", special_tokens=[(CLS, CLS_ID), (SEP, SEP_ID)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, bos_token=BOS, eos_token=EOS, cls_token=CLS, sep_token=SEP, mask_token=MASK
    )


def _spread(model: Any, seed: int) -> Any:
    """Random weights wide enough that the answers differ clearly from token to token."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.25, generator=generator)
    model.tie_weights()
    return model.eval()


def _ids() -> dict[str, int]:
    return {"pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}


@pytest.fixture(scope="session")
def gpt2(tokenizer: Any) -> Any:
    size = len(tokenizer)
    return _spread(GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=32, n_layer=2, n_head=2, n_positions=48, **_ids())), 1)


@pytest.fixture(scope="session")
def qwen3(tokenizer: Any) -> Any:
    config = Qwen3Config(
        vocab_size=len(tokenizer) + 3, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        head_dim=16, intermediate_size=48, max_position_embeddings=48, tie_word_embeddings=True, **_ids(),
    )  # fmt: skip
    return _spread(Qwen3ForCausalLM(config), 2)


@pytest.fixture(scope="session")
def llama(tokenizer: Any) -> Any:
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, max_position_embeddings=48, tie_word_embeddings=False, **_ids(),
    )  # fmt: skip
    return _spread(LlamaForCausalLM(config), 7)


BERT = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 48,
}  # fmt: skip


@pytest.fixture(scope="session")
def bert(tokenizer: Any) -> Any:
    return _spread(BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **BERT, **_ids())), 3)


@pytest.fixture(scope="session")
def roberta(tokenizer: Any) -> Any:
    """Its positions begin after the padding id, so of 49 it uses 48."""
    config = RobertaConfig(
        vocab_size=len(tokenizer), **{**BERT, "max_position_embeddings": 49}, type_vocab_size=1, **_ids()
    )  # fmt: skip
    return _spread(RobertaForMaskedLM(config), 8)


@pytest.fixture(scope="session")
def modernbert(tokenizer: Any) -> Any:
    return _spread(ModernBertForMaskedLM(ModernBertConfig(vocab_size=len(tokenizer), **BERT, **_ids())), 4)


@pytest.fixture(scope="session")
def classifiers(tokenizer: Any) -> dict[str, Any]:
    names = {"id2label": {0: "bad", 1: "fine", 2: "好"}, "label2id": {"bad": 0, "fine": 1, "好": 2}}
    size = len(tokenizer)
    modern = ModernBertConfig(vocab_size=size, classifier_pooling="mean", **BERT, **_ids(), **names)
    return {
        "bert": _spread(BertForSequenceClassification(BertConfig(vocab_size=size, **BERT, **_ids(), **names)), 5),
        "modernbert": _spread(ModernBertForSequenceClassification(modern), 6),
    }
