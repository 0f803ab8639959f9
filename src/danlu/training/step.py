"""One optimizer step, and one evaluation: what the loop repeats and the probe times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from danlu.training.objective import Batch, Objective
from danlu.training.plan import TrainPlan
from danlu.workspace.digest import digest_bytes
from danlu.workspace.errors import DanluError

CLIP = 1.0
"""Most norm of a step's gradient (the mean over its targets); the usual value since GPT-3, arXiv 2005.14165."""
OUT_OF_MEMORY_KEY = "training.out-of-memory"
OUT_OF_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory|cannot allocate memory", re.IGNORECASE)
"""What torch says, in a RuntimeError, where the CPU or the GPU has no more."""

Samples = TypeVar("Samples")


@dataclass(frozen=True)
class StepResult:
    """One optimizer step: the sum of nats, targets, positions read, the gradient's norm before clipping."""

    nats: float
    count: int
    tokens: int
    norm: float


def take_step(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    objective: Objective[Samples],
    parts: Sequence[Samples],
    plan: TrainPlan,
    step: int,
) -> StepResult:
    """One optimizer step over the micro-batches `parts`, at the rates that the optimizer's groups hold.

    The gradients of the sums are divided once by the number of targets of all parts; the norm of that mean is clipped.
    """
    nats, count, tokens = accumulate(model, objective, parts, plan, step)
    if not math.isfinite(nats):
        raise _not_finite(optimizer, plan, step)
    learned = (parameter for group in optimizer.param_groups for parameter in group["params"])
    gradients = [parameter.grad for parameter in learned if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients).item() / max(1, count)
    if not math.isfinite(norm):
        raise _not_finite(optimizer, plan, step)
    torch._foreach_mul_(gradients, min(1.0, CLIP / (norm + 1e-6)) / max(1, count))
    with _memory_errors(step, tokens):
        optimizer.step()
    model.zero_grad(set_to_none=True)  # also of parameters that the optimizer was not given
    return StepResult(nats, count, tokens, norm)


def accumulate(
    model: PreTrainedModel, objective: Objective[Samples], parts: Sequence[Samples], plan: TrainPlan, step: int
) -> tuple[float, int, int]:
    """Forward and backward over `parts`, gradients of the sums left in the parameters: (nats, targets, positions).

    Random numbers of the forward pass (dropout) start from (seed, step), so a checkpoint need not hold their state.
    """
    nats, count, tokens = 0.0, 0, 0
    with torch.random.fork_rng(devices=[] if plan.device == "cpu" else None):
        torch.manual_seed(int(digest_bytes(f"{plan.seed} {step}".encode(), 4), 16))  # torch's CPU generator reads 32 bits
        for part in parts:
            batch = objective.collate(part)
            positions = batch["input_ids"].numel()
            with _memory_errors(step, positions):
                with autocast(plan):
                    total, targets = objective.loss(model, _to(batch, plan.device))
                total.backward()  # type: ignore[no-untyped-call]
            nats, count, tokens = nats + total.item(), count + targets, tokens + positions
    return nats, count, tokens


def evaluate(model: PreTrainedModel, objective: Objective[Any], batches: Sequence[Batch], plan: TrainPlan) -> float:
    """Mean nats a target over collated batches, in evaluation mode."""
    training = model.training
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad(), autocast(plan):
        for batch in batches:
            total, targets = objective.loss(model, _to(batch, plan.device))
            nats, count = nats + total.item(), count + targets
    model.train(training)
    return nats / max(1, count)


def autocast(plan: TrainPlan) -> torch.autocast:
    return torch.autocast(torch.device(plan.device).type, torch.bfloat16, enabled=plan.precision == "bf16")


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    """Compute with `count` threads within the block: another number adds floats in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_errors(step: int, positions: int) -> Iterator[None]:
    """Turn what torch raises where memory runs out into an error with a remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        raise DanluError(OUT_OF_MEMORY_KEY, where=f"step {step + 1}", positions=positions) from error


def _not_finite(optimizer: torch.optim.Optimizer, plan: TrainPlan, step: int) -> DanluError:
    rate, lower = max(group["lr"] for group in optimizer.param_groups), plan.learning_rate / 3
    return DanluError("training.not-finite", where=f"step {step + 1}", step=step + 1, rate=f"{rate:.2g}", lower=f"{lower:.1g}")


def _to(batch: Batch, device: str) -> Batch:
    return {name: tensor.to(device) for name, tensor in batch.items()}
