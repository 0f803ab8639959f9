"""Loops over text as bytes, compiled: arrays in, arrays out (see `danlu.compute.kernel`)."""
