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


@pytest.mark.parametrize(("shift", "count", "precision"), [(0.0, 100, "bf16"), (0.003, 100, "bf16"), (0.003, 100_000, "fp32"),
                                                           (0.5, 100, "fp32"), (np.nan, 100, "fp32")])  # fmt: skip
def test_an_error_is_held_against_the_width_that_the_score_will_have(shift: float, count: int, precision: str) -> None:
    values = np.random.default_rng(0).normal(size=100)
    found = notices(mean_of(values, {}), mean_of(values + shift, {}), count)
    assert found.precision == precision
    if np.isfinite(shift):
        assert found.error == pytest.approx(abs(shift), abs=1e-9)
        assert found.half == pytest.approx(1.96 * values.std() / np.sqrt(count), rel=0.2)
        assert (found.error <= SHARE * found.half) == (precision == "bf16")


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
