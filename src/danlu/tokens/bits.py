"""A column of one bit a token, packed into bytes (the first token's is the lowest bit of the first byte)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bits:
    """`count` bits in `packed` [ceil(count / 8)], read by slices as an array is."""

    packed: npt.NDArray[np.uint8]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> npt.NDArray[np.uint8]:
        """Bits of a slice of step 1, each 0 or 1."""
        start, stop, step = part.indices(self.count)
        if step != 1:
            raise ValueError("bits are read by slices of step 1")
        found = np.unpackbits(self.packed[start // 8 : packed_size(stop)], bitorder="little")
        return found[start % 8 : start % 8 + max(0, stop - start)]


def packed_size(count: int) -> int:
    """Bytes that hold `count` bits."""
    return -(-count // 8)


class BitWriter:
    """Appends bits to a file that is open for reading and writing and holds `count` bits already."""

    def __init__(self, file: BinaryIO, count: int) -> None:
        self._file, self._left = file, np.empty(0, np.uint8)
        file.seek(count // 8)
        if count % 8:
            self._left = np.unpackbits(np.frombuffer(file.read(1), np.uint8), bitorder="little")[: count % 8]
            file.seek(count // 8)
            self.append(np.empty(0, np.uint8))  # the rest of the last byte may hold bits that were not to stay

    def append(self, bits: npt.NDArray[np.generic]) -> None:
        """Write `bits` (true or false) after those that are there. An unfilled byte is written, and later written anew."""
        found = np.concatenate((self._left, bits.astype(np.uint8)))
        self._file.write(np.packbits(found, bitorder="little").tobytes())
        whole = len(found) // 8 * 8
        self._left = found[whole:]
        if len(self._left):
            self._file.seek(-1, 1)
