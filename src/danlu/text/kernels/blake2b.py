"""BLAKE2b of many byte strings at once (RFC 7693), 128 bits each: what `hashlib.blake2b(..., digest_size=16)` gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.eight import eight_bytes

_BLOCK = 128
_START = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.uint8,
)  # fmt: skip
_PARAMETERS = np.uint64(0x01010000 ^ 16)  # no key, one lane, 16 bytes of digest


@kernel
def _mix(
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, x: np.uint64, y: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    a += b + x
    d = _turned(d ^ a, np.uint64(32))
    c += d
    b = _turned(b ^ c, np.uint64(24))
    a += b + y
    d = _turned(d ^ a, np.uint64(16))
    c += d
    return a, _turned(b ^ c, np.uint64(63)), c, d


@kernel
def _turned(word: np.uint64, bits: np.uint64) -> np.uint64:
    return word >> bits | word << (np.uint64(64) - bits)


@kernel
def _read(data: NDArray[np.uint8], begin: int, end: int, words: NDArray[np.uint64]) -> None:
    """The block `data[begin:end]` as sixteen words in little-endian order, zeros after its end."""
    if end - begin == _BLOCK:
        for index in range(16):
            words[index] = eight_bytes(data, begin + 8 * index)
        return
    words[:] = 0
    for place in range(begin, end):
        words[(place - begin) >> 3] |= np.uint64(data[place]) << np.uint64(8 * ((place - begin) & 7))


@kernel
def _compress(chain: NDArray[np.uint64], words: NDArray[np.uint64], size: np.uint64, last: bool) -> None:
    """The function F: `chain` after a block. Its sixteen words of state are variables, which stay in registers."""
    a0, a1, a2, a3, b0, b1, b2, b3 = chain[0], chain[1], chain[2], chain[3], chain[4], chain[5], chain[6], chain[7]
    c0, c1, c2, c3, d0, d1, d2, d3 = _START[0], _START[1], _START[2], _START[3], _START[4], _START[5], _START[6], _START[7]
    d0 ^= size
    if last:
        d2 = ~d2
    for turn in range(12):
        order = _ORDER[turn]
        a0, b0, c0, d0 = _mix(a0, b0, c0, d0, words[order[0]], words[order[1]])
        a1, b1, c1, d1 = _mix(a1, b1, c1, d1, words[order[2]], words[order[3]])
        a2, b2, c2, d2 = _mix(a2, b2, c2, d2, words[order[4]], words[order[5]])
        a3, b3, c3, d3 = _mix(a3, b3, c3, d3, words[order[6]], words[order[7]])
        a0, b1, c2, d3 = _mix(a0, b1, c2, d3, words[order[8]], words[order[9]])
        a1, b2, c3, d0 = _mix(a1, b2, c3, d0, words[order[10]], words[order[11]])
        a2, b3, c0, d1 = _mix(a2, b3, c0, d1, words[order[12]], words[order[13]])
        a3, b0, c1, d2 = _mix(a3, b0, c1, d2, words[order[14]], words[order[15]])
    chain[0] ^= a0 ^ c0
    chain[1] ^= a1 ^ c1
    chain[2] ^= a2 ^ c2
    chain[3] ^= a3 ^ c3
    chain[4] ^= b0 ^ d0
    chain[5] ^= b1 ^ d1
    chain[6] ^= b2 ^ d2
    chain[7] ^= b3 ^ d3


@kernel
def digest_spans(data: NDArray[np.uint8], offsets: NDArray[np.int64], out: NDArray[np.uint64]) -> None:
    """The digest of `data[offsets[i]:offsets[i + 1]]` as two words in little-endian order, uint64[spans, 2], into `out`."""
    chain = np.empty(8, np.uint64)
    words = np.empty(16, np.uint64)
    for span in range(len(offsets) - 1):
        begin, end = offsets[span], offsets[span + 1]
        chain[:] = _START
        chain[0] ^= _PARAMETERS
        at = begin
        while True:
            last = end - at <= _BLOCK
            stop = end if last else at + _BLOCK
            _read(data, at, stop, words)
            _compress(chain, words, np.uint64(stop - begin), last)
            if last:
                break
            at = stop
        out[span, 0] = chain[0]
        out[span, 1] = chain[1]
