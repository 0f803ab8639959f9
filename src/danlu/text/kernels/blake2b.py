"""BLAKE2b of many byte strings at once (RFC 7693), 128 bits each: what `hashlib.blake2b(..., digest_size=16)` gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

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
def _mix(state: NDArray[np.uint64], a: int, b: int, c: int, d: int, x: np.uint64, y: np.uint64) -> None:
    state[a] += state[b] + x
    state[d] = _turned(state[d] ^ state[a], np.uint64(32))
    state[c] += state[d]
    state[b] = _turned(state[b] ^ state[c], np.uint64(24))
    state[a] += state[b] + y
    state[d] = _turned(state[d] ^ state[a], np.uint64(16))
    state[c] += state[d]
    state[b] = _turned(state[b] ^ state[c], np.uint64(63))


@kernel
def _turned(word: np.uint64, bits: np.uint64) -> np.uint64:
    return word >> bits | word << (np.uint64(64) - bits)


@kernel
def digest_spans(data: NDArray[np.uint8], offsets: NDArray[np.int64], out: NDArray[np.uint64]) -> None:
    """The digest of `data[offsets[i]:offsets[i + 1]]` as two words in little-endian order, uint64[spans, 2], into `out`."""
    chain = np.empty(8, np.uint64)
    state = np.empty(16, np.uint64)
    words = np.empty(16, np.uint64)
    for span in range(len(offsets) - 1):
        begin, end = offsets[span], offsets[span + 1]
        chain[:] = _START
        chain[0] ^= _PARAMETERS
        at = begin
        while True:
            last = end - at <= _BLOCK
            stop = end if last else at + _BLOCK
            for index in range(16):
                word = np.uint64(0)
                place = at + 8 * index
                for step in range(min(8, max(0, stop - place))):
                    word |= np.uint64(data[place + step]) << np.uint64(8 * step)
                words[index] = word
            state[:8] = chain
            state[8:] = _START
            state[12] ^= np.uint64(stop - begin)
            if last:
                state[14] = ~state[14]
            for turn in range(12):
                order = _ORDER[turn]
                _mix(state, 0, 4, 8, 12, words[order[0]], words[order[1]])
                _mix(state, 1, 5, 9, 13, words[order[2]], words[order[3]])
                _mix(state, 2, 6, 10, 14, words[order[4]], words[order[5]])
                _mix(state, 3, 7, 11, 15, words[order[6]], words[order[7]])
                _mix(state, 0, 5, 10, 15, words[order[8]], words[order[9]])
                _mix(state, 1, 6, 11, 12, words[order[10]], words[order[11]])
                _mix(state, 2, 7, 8, 13, words[order[12]], words[order[13]])
                _mix(state, 3, 4, 9, 14, words[order[14]], words[order[15]])
            for index in range(8):
                chain[index] ^= state[index] ^ state[index + 8]
            if last:
                break
            at = stop
        out[span, 0] = chain[0]
        out[span, 1] = chain[1]
