"""bf16 is taken only where the score's interval does not notice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from danlu.inference.load import Loaded
from danlu.inference.losses import text_losses
from danlu.inference.precision import SHARE, choose_precision, notices, shortened
from danlu.metrics.items import mean_of

TEXTS = [f"The old man {number} tends the fire. 老人守在旁边。" for number in range(40)]


@pytest.mark.parametrize(("shift", "count", "precision"), [(1e-4, 100, "bf16"), (0.003, 100, "bf16"), (0.003, 100_000, "fp32"),
                                                           (0.5, 100, "fp32"), (np.nan, 100, "fp32")])  # fmt: skip
def test_an_error_is_held_against_the_width_that_the_score_will_have(shift: float, count: int, precision: str) -> None:
    values, noise = np.random.default_rng(0).normal(size=(2, 100))
    found = notices(mean_of(values, {}), mean_of(values + shift + 1e-5 * noise, {}), count)
    assert found.precision == precision
    if np.isfinite(shift):
        assert found.error == pytest.approx(abs(shift), abs=1e-5)
        assert found.half == pytest.approx(1.96 * values.std() / np.sqrt(count), rel=0.2)
        assert (found.error <= SHARE * found.half) == (precision == "bf16")


def test_answers_that_did_not_change_prove_as_much_as_there_are_of_them() -> None:
    """Of 100 answers none changed: so may it be with one in thirty that do, which an accuracy over 10,000 notices."""
    right = np.arange(4000) % 5 > 0
    few, many = (mean_of(right[:size], {}, share=True) for size in (100, 4000))
    found = notices(few, few, 10_000)
    assert found.precision == "fp32"
    assert found.error == pytest.approx(3.84 / (100 + 3.84), rel=0.01)
    assert notices(many, many, 4000).precision == "bf16"
    assert notices(many, many, 100_000).precision == "fp32"
    same = mean_of(np.ones(50), {})
    assert notices(same, same, 50).precision == "fp32"  # nothing differs, also between the items: nothing is known


def test_a_model_is_measured_in_both_and_stays_as_it_was(qwen3: Any, tokenizer: Any) -> None:
    def measure(model: Any) -> Any:
        return text_losses(Loaded("clm", model, tokenizer, "m"), TEXTS).items("bits_per_byte")

    exact, short = measure(qwen3), measure(shortened(qwen3))
    assert 0 < abs(exact.value() - short.value()) < 0.05 * exact.value()
    noticed = notices(exact, short, 40)
    assert choose_precision(qwen3, measure, 40, native=True) == (noticed.precision, noticed)
    assert choose_precision(qwen3, measure, 10**9, native=True)[0] == "fp32"
    assert next(qwen3.parameters()).dtype == torch.float32
    assert choose_precision(qwen3, lambda _: pytest.fail("not measured"), 40, native=False) == ("fp32", None)
