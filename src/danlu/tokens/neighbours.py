"""What counting tells of tokens before any training: which stand near each other, and a vector for each made of that.

Tokens with like neighbours get like vectors. These are the word vectors of before the neural ones, and on a small text no
worse: Levy, Goldberg and Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings" (TACL 2015).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

MOST_TOKENS = 4_000_000
"""Neighbours are counted in the first so many tokens: more moved nothing that could be measured."""
WINDOW = 4
SMOOTHING = 0.75
"""Power of the neighbours' frequencies: rare ones would otherwise seem to tell much (Levy et al., section 3.2)."""
MOST_DIMENSIONS = 256
"""Directions that are computed; what comes after them is noise at any size of text that this is meant for."""
POWER_ITERATIONS = 4

Floats = npt.NDArray[np.float32]


def count_neighbours(tokens: npt.NDArray[np.integer], ends: npt.NDArray[np.integer], vocabulary: int) -> sparse.csr_matrix:
    """How often each token stands near each other one: float32 [vocabulary, vocabulary], symmetric.

    Pairs at most `WINDOW` apart within a document count 1 / distance. `ends` says where each document ends in `tokens`.
    """
    ids = np.asarray(tokens[:MOST_TOKENS]).astype(np.int32)
    inner = np.asarray(ends).astype(np.int64)
    starts = np.zeros(len(ids), np.int32)
    starts[inner[inner < len(ids)]] = 1
    document = np.cumsum(starts, dtype=np.int32)
    counts = sparse.csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    for distance in range(1, min(WINDOW, len(ids) - 1) + 1):
        together = document[:-distance] == document[distance:]
        left, right = ids[:-distance][together], ids[distance:][together]
        weights = np.full(len(left), 1 / distance, np.float32)
        counts = counts + sparse.coo_matrix((weights, (left, right)), shape=counts.shape).tocsr()
    return counts + counts.T


def neighbour_information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Positive pointwise mutual information of token and neighbour, in nats: log p(a, b) / (p(a) q(b)) where that is above 0,
    with q the neighbours' smoothed frequencies."""
    pairs = counts.tocoo()
    token = np.asarray(counts.sum(axis=1), np.float64).ravel()
    neighbour = token**SMOOTHING
    neighbour /= max(neighbour.sum(), 1e-12)
    values = np.log(pairs.data / (token[pairs.row] * neighbour[pairs.col]))
    kept = values > 0
    return sparse.csr_matrix((values[kept].astype(np.float32), (pairs.row[kept], pairs.col[kept])), shape=counts.shape)


def neighbour_vectors(
    tokens: npt.NDArray[np.integer], ends: npt.NDArray[np.integer], vocabulary: int, width: int, seed: int
) -> Floats:
    """A vector for each token, [vocabulary, at most `width`], the strongest direction first; zeros for one without neighbours.

    The truncated singular value decomposition of `neighbour_information`, U times the root of S, centred on the tokens that
    occur, each row of length 1.
    """
    information = neighbour_information(count_neighbours(tokens, ends, vocabulary))
    dimensions = min(width, MOST_DIMENSIONS, vocabulary - 1)
    if not information.nnz:
        return np.zeros((vocabulary, dimensions), np.float32)
    left, strength, _ = randomized_svd(information, dimensions, n_iter=POWER_ITERATIONS, random_state=seed)
    vectors = left * np.sqrt(strength)
    seen = np.diff(information.indptr) > 0
    vectors[seen] -= vectors[seen].mean(axis=0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(seen[:, None], vectors / np.maximum(length, 1e-12), 0).astype(np.float32)
