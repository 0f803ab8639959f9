"""What this machine decides about a fine-tuning: device, precision, threads."""

from __future__ import annotations

from typing import Any

from danlu.compute.machine import Machine
from danlu.workspace.run import Run


def decide_machine(run: Run) -> dict[str, Any]:
    """`device`, `precision` and `threads`, decided once and kept for a resumed run.

    bf16 where the processor or the GPU computes in it; elsewhere it is emulated, many times slower than fp32.
    """

    def decide() -> dict[str, Any]:
        machine = Machine.probe(gpu=True)
        return {
            "device": "cuda" if machine.gpu else "cpu",
            "precision": "bf16" if machine.gpu or machine.bf16 else "fp32",
            "threads": run.threads,
        }

    found: dict[str, Any] = run.resolve("machine", decide)
    return found
