"""How the threads of one computation wait for each other."""

from __future__ import annotations

import os

SPINS = "3000"


def wait_politely() -> None:
    """Let OpenMP threads spin only for microseconds before they sleep, unless the user decided otherwise.

    Call it before torch is imported: GNU's OpenMP reads it when it is loaded. A model of a few million parameters has
    thousands of short parallel regions a second. By default the threads spin long between them, and as soon as anything
    else needs a core, the spinning thread holds it while the one it waits for cannot run. Tokens a second of a tiny BERT on
    two cores, alone and beside one busy process: default 6,351 and 315; always asleep 8,008 and 5,635; 3,000 spins 13,428
    and 4,664.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
