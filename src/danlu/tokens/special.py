"""Special tokens and their ids, the same in every tokenizer that danlu trains, so one store serves BERT, GPT and T5."""

from __future__ import annotations

PAD, BOS, EOS, CLS, SEP, MASK = "<|pad|>", "<|bos|>", "<|eos|>", "<|cls|>", "<|sep|>", "<|mask|>"
SENTINELS = tuple(f"<|sentinel_{number}|>" for number in range(100))
SYSTEM, USER, ASSISTANT, END = "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"

SPECIAL: tuple[str, ...] = (PAD, BOS, EOS, CLS, SEP, MASK, *SENTINELS, SYSTEM, USER, ASSISTANT, END)
"""Every special token; its place is its id."""

PAD_ID, BOS_ID, EOS_ID, CLS_ID, SEP_ID, MASK_ID = range(6)
FIRST_SENTINEL_ID = 6
SYSTEM_ID, USER_ID, ASSISTANT_ID, END_ID = range(106, 110)
