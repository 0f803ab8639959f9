"""Settings of a fine-tuning by written formulas; a key of the recipe wins over each."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from danlu.recipe.finetune import FinetuneConfig

LEAST_STEPS = 100
FEW = 1000
RATE, RATE_PARAMETERS, RATE_POWER = 5e-4, 2e6, 0.75
RATE_LEAST, RATE_MOST = 1e-5, 1e-3
WARMUP, DECAY = 0.1, 0.9


@dataclass(frozen=True)
class Settings:
    """One training: optimizer steps of `batch` examples, peak rate, decay of the matrices."""

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float

    def facts(self) -> dict[str, float | int]:
        return asdict(self)


def batch_size(config: FinetuneConfig, examples: int) -> int:
    """16 examples a step below a thousand, where steps are what is short; else 32."""
    return min(config.batch or (16 if examples <= FEW else 32), examples)


def learning_rate(config: FinetuneConfig, parameters: int) -> float:
    """5e-4 at 2 million parameters, falling with their power .75: 8e-5 at 22 million, 2.5e-5 at 110 million (BERT-base)."""
    if config.learning_rate is not None:
        return config.learning_rate
    rate = RATE * (RATE_PARAMETERS / max(1, parameters)) ** RATE_POWER
    return float(f"{min(RATE_MOST, max(RATE_LEAST, rate)):.2g}")


def budget_steps(config: FinetuneConfig, examples: int, batch: int, tokens: int, seconds_per_step: float | None) -> int:
    """The budget in steps for a set of `examples` with `tokens` tokens; `seconds_per_step` is asked for time budgets alone."""
    an_epoch = -(-examples // batch)
    amount = config.budget.amount
    if config.budget.unit == "steps":
        return max(1, round(amount))
    if config.budget.unit == "epochs":
        return max(1, round(amount * an_epoch))
    if config.budget.unit == "tokens":
        return max(1, round(amount / max(1, tokens) * an_epoch))
    if seconds_per_step is None:
        raise ValueError("a budget of time needs the time of a step")
    return max(1, int(amount / seconds_per_step))


def choose(config: FinetuneConfig, examples: int, all_examples: int, all_steps: int, parameters: int) -> Settings:
    """Settings for a part of the training rows.

    The budget speaks of all rows (`all_steps`). A part gets as many epochs, but few examples need more passes: at least 100
    steps (twice as many were no better at 100 and 500 labels), though never more than all rows get.
    """
    batch = batch_size(config, examples)
    steps = all_steps
    if examples < all_examples:
        epochs = all_steps * batch_size(config, all_examples) / all_examples
        steps = min(all_steps, max(LEAST_STEPS, round(epochs * examples / batch)))
    return Settings(max(1, steps), batch, learning_rate(config, parameters), config.weight_decay)
