"""Text kernels: what is computed from a text alone."""
