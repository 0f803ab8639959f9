"""Loops over texts as bytes, compiled: arrays in, arrays out (see `danlu.compute.kernel`)."""
