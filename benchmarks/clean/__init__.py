"""The claims of clean (`python -m benchmarks.clean`)."""
