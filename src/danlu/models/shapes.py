"""How large each named size is. Imports nothing heavy.

Every attention head has 64 dimensions at every size: below 512 dimensions a head of 128 leaves too few of them.
With a vocabulary of 8192 and tied embeddings, sizes have about these parameters:

| size  | layers | hidden | of the blocks | with embeddings |
| ----- | ------ | ------ | ------------- | --------------- |
| nano  |      2 |     64 |         0.1 M |           0.6 M |
| tiny  |      4 |    128 |         0.8 M |           1.8 M |
| small |      6 |    320 |         7.4 M |            10 M |
| base  |     12 |    768 |          85 M |            91 M |
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD = 64


@dataclass(frozen=True)
class Shape:
    """Layers and width of a model; the rest follows."""

    layers: int
    hidden: int

    @property
    def heads(self) -> int:
        return self.hidden // HEAD

    @property
    def feed_forward(self) -> int:
        """Inner width of a plain feed-forward block: 4 times the model's (Attention Is All You Need)."""
        return 4 * self.hidden

    @property
    def gated(self) -> int:
        """Inner width of a gated one with the same parameters, 8/3 (GLU Variants, arXiv 2002.05202), in whole heads."""
        return round(8 * self.hidden / 3 / HEAD) * HEAD


SHAPES = {"nano": Shape(2, 64), "tiny": Shape(4, 128), "small": Shape(6, 320), "base": Shape(12, 768)}
PARAMETERS = {"nano": 0.3e6, "tiny": 1.8e6, "small": 10e6, "base": 100e6}
"""About how many each has, with embeddings of 8192 ids."""
