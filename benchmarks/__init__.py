"""Benchmarks, one module per claim: `python -m benchmarks.NAME [--quick] [--json]`."""
