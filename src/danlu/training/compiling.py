"""Compiling a model's layers, and going back to eager where that fails.

The head stays outside: the number of its rows changes from batch to batch, and each change would compile again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedModel


def compile_layers(model: PreTrainedModel) -> None:
    """From the next call on, the layers run compiled (the first call of each shape takes the time)."""
    model.base_model.compile(dynamic=False)


def eager_layers(model: PreTrainedModel) -> None:
    """Take compilation back."""
    model.base_model._compiled_call_impl = None


def try_compiling(model: PreTrainedModel, attempt: Callable[[], object]) -> str | None:
    """Compile and run `attempt`, a forward and backward pass; None if it worked, else the reason, and the layers are eager.

    The compiler is a foreign program (a C++ compiler must be there and work): whatever it raises, training can go on.
    """
    compile_layers(model)
    try:
        attempt()
    except Exception as error:
        eager_layers(model)
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0][:200]
    return None


@dataclass(frozen=True)
class Cost:
    """What compiling a class of model costs and gains, on two cores without bf16, 4 layers of 128, fp32."""

    seconds: float
    gain: float


EXPECTED = {"modernbert": Cost(30.0, 1.35), "qwen3": Cost(45.0, 1.2), "bert": Cost(33.0, 0.9), "gpt2": Cost(33.0, 0.9)}
"""ModernBERT and BERT were measured; Qwen3 and GPT-2 are estimates after them, with the cost of a longer graph."""
MEASURED_LAYERS = 4
MEASURED_FLOPS = 65e9
"""Floating-point operations a second of uncompiled training steps on the machine of `EXPECTED`."""
MARGIN = 1.1
"""It must promise to be this much better: a prediction is not a measurement."""


def compile_seconds(kind: str, layers: int, flops_per_second: float) -> float:
    """Expected time to compile: proportional to layers (each is unrolled), and to the slowness of the machine.

    The probe's speed stands for the speed of one core, within a factor of 4: a compiler gains nothing from a GPU.
    """
    slowness = min(4.0, max(0.25, MEASURED_FLOPS / max(flops_per_second, 1.0)))
    return EXPECTED[kind].seconds * layers / MEASURED_LAYERS * slowness if kind in EXPECTED else float("inf")


def compiling_repays(kind: str, eager_seconds: float, cost_seconds: float) -> bool:
    """Whether cost + eager / gain is clearly less than the time of the same steps uncompiled."""
    if kind not in EXPECTED:
        return False
    return (cost_seconds + eager_seconds / EXPECTED[kind].gain) * MARGIN < eager_seconds
