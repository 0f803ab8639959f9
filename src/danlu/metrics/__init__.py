"""Numbers with definition, interval and signature; statistics of comparison. Pure functions of arrays."""
