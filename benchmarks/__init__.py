"""Benchmarks, one module per claim: `python -m benchmarks.NAME [--quick] [--json]`."""

from danlu.compute.threads import wait_politely

wait_politely()  # as danlu's commands do, for danlu and its peers alike; it must come before torch
