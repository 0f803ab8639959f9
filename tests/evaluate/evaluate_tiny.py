"""Tiny models with random weights, whose tokens are bytes, in directories as a person has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

BYTES = pre_tokenizers.ByteLevel.alphabet()
MARKS = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "<s>"]
SIZE = len(MARKS) + len(BYTES)
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "pad_token_id": 0}


def byte_tokenizer(more: tuple[str, ...] = (), **options: Any) -> Any:
    """Bytes as tokens, after five marks and `more` of them; two texts are told apart by token types."""
    names = {name: place for place, name in enumerate([*MARKS, *sorted(BYTES), *more])}
    backend = Tokenizer(models.BPE(vocab=names, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]", bos_token="<s>",
        **options,
    )  # fmt: skip


def save(model: Any, tokenizer: Any, path: Path) -> Path:
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.4, generator=generator)
    model.eval().save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
