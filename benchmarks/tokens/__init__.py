"""What tokens cost: training and encoding beside their peers, the loader, packing, memory. `python -m benchmarks.tokens`."""
