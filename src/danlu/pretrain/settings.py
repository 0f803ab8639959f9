"""What a recipe leaves open, by formula. Imports nothing heavy.

None of these is tuned to a corpus: each follows from the model's width, the machine's cores and the passes over the text.
"""

from __future__ import annotations

import math

from danlu.models.shapes import SHAPES, Shape
from danlu.recipe.pretrain import ModelConfig, PretrainConfig

CORE_TOKENS = 512
ACCELERATOR_TOKENS = 65_536
LEAST_STEPS = 200
REFERENCE_WIDTH = 768
REFERENCE_RATES = {
    ("modern", "gpt"): 1e-3, ("modern", "bert"): 8e-4, ("classic", "gpt"): 6e-4, ("classic", "bert"): 1e-4,
}  # fmt: skip
REFERENCE_DECAY = 0.1
MANY_PASSES = 1.5
MANY_DROPOUT = 0.1


def batch_tokens(cores: int, accelerator: bool, planned_tokens: float | None) -> int:
    """Tokens in an optimizer step: the smallest batch that keeps the device busy, a power of two.

    Small Batch Size Training (arXiv 2507.07101): below a critical size more steps are better than bigger ones, and the
    smallest batch that saturates the device is the best on one device. On a CPU about 512 tokens a core saturate it
    (twice as many raised the speed of a tiny GPT by 13%, and at equal tokens, 200 thousand, lost .17 nats; four times
    as many by 20%, and lost .31), on an accelerator about 65 thousand. Where the budget is known in tokens, there are at
    least 200 steps: a schedule needs them.
    """
    busy = ACCELERATOR_TOKENS if accelerator else CORE_TOKENS * cores
    most = busy if planned_tokens is None else min(busy, planned_tokens / LEAST_STEPS)
    return int(1 << max(6, int(max(most, 1)).bit_length() - 1))


def learning_rate(model: ModelConfig) -> float:
    """Peak rate of AdamW: the published one at width 768, scaled by width^-0.5.

    BERT's is 1e-4, GPT-3's 6e-4 and ModernBERT's 8e-4; with QK-norm, as Qwen3's class has, more is stable. The exponent is
    nanochat's. With small batches and few steps the 1 / width of Tensor Programs V (arXiv 2203.03466) is too much at width
    128: a masked model was .35 nats better after 200k tokens at 2e-3 than at 4.8e-3, a causal one .06 at 2e-3 than at 3.6e-3.
    """
    return REFERENCE_RATES[model.preset, model.family] * math.sqrt(REFERENCE_WIDTH / SHAPES[model.size].hidden)


def weight_decay(passes: float) -> float:
    """0.1 for one pass over the text (GPT-3, Chinchilla), growing with the passes up to 16 times that.

    On fixed data and many epochs the best decay is 10 to 30 times the usual one (arXiv 2509.14786, slowrun).
    """
    return REFERENCE_DECAY * min(16.0, max(1.0, passes))


def dropout(passes: float) -> float:
    """None where most of the text is read once, 0.1 where it is read again (cramming, nanoT5 and slowrun agree)."""
    return 0.0 if passes <= MANY_PASSES else MANY_DROPOUT


def micro_windows(windows: int, length: int, shape: Shape, vocabulary: int, memory_bytes: int) -> int:
    """Windows that go through the model at once, so that activations take at most half the memory.

    fp32 activations kept for the backward pass: about 68 bytes a token, hidden unit and layer
    (34 in 16 bits: arXiv 2205.05198, without recomputation) and 5 x 4 bytes a head and pair of positions.
    """
    per_window = length * shape.layers * (68 * shape.hidden + 20 * shape.heads * length) + 8 * length * shape.hidden
    weights = 16 * (12 * shape.layers * shape.hidden**2 + vocabulary * shape.hidden)  # weight, gradient, two moments
    room = max(0, memory_bytes // 2 - weights)
    return max(1, min(windows, room // per_window))


def planned_tokens(config: PretrainConfig, epoch_tokens: int) -> float | None:
    """Tokens that the budget will read, where that is known before the probe."""
    amount, unit = config.budget.amount, config.budget.unit
    return {"tokens": amount, "epochs": amount * epoch_tokens}.get(unit)
