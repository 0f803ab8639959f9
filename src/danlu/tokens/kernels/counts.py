"""How often each token occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel


@kernel
def count(tokens: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Add the occurrences of `tokens` (ids below the vocabulary) to `counts` [vocabulary]."""
    for token in tokens:
        counts[token] += 1
