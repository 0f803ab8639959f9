"""Scalars as TensorBoard event files, written by hand: TensorBoard reads them, nothing of it is needed here.

The file is a TFRecord: for each record its length (uint64), the masked CRC-32C of the length, the record, the masked CRC-32C
of the record, all little-endian. A record is a protobuf `Event`: field 1 wall time (double), 2 step (varint), 3 the file's
version, 5 a `Summary` of values (field 1 each: 1 the tag, 2 a float).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from danlu.workspace.events import read_json_lines
from danlu.workspace.files import write_atomic

PREFIX = "events.out.tfevents"
FILE_VERSION = b"brain.Event:2"
NOT_CURVES = frozenset({"v", "seq", "time", "step"})
WORDS = frozenset({"", "written", "filled"})  # lines of these kinds are to be read
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reversed
_DOUBLE, _FLOAT, _VARINT, _BYTES = 1, 5, 0, 2  # protobuf's wire types


def export_scalars(metrics: Path, directory: Path) -> int:
    """Write every number of `metrics.jsonl` as a curve below `directory`; the number of points.

    Curves are named `<kind>/<name>`, such as `train/loss`. Several trainings in one file get a folder each. What stands there
    is replaced; where a resumed run wrote a step twice, the last one counts.
    """
    trainings: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for row in read_json_lines(metrics):
        if isinstance(row.get("step"), int) and row.get("kind", "") not in WORDS:
            trainings.setdefault(str(row.get("training", "")), {})[row["kind"], row["step"]] = row
    points = 0
    for training, rows in trainings.items():
        events = [
            (float(row["time"]), step, {f"{kind}/{name}": value for name, value in _numbers(row)})
            for (kind, step), row in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0]))
        ]
        points += sum(len(values) for _, _, values in events)
        folder = directory / training
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{PREFIX}.{int(events[0][0])}.danlu"
        write_atomic(file, b"".join(event_file(events)))
        for old in folder.glob(f"{PREFIX}.*"):
            if old != file:
                old.unlink()
    return points


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        if name not in NOT_CURVES and isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def event_file(events: Iterable[tuple[float, int, Mapping[str, float]]]) -> Iterator[bytes]:
    """The records of a file: for each event its wall time in seconds, its step, and its curves' values."""
    first = True
    for seconds, step, values in events:
        if first:
            yield _record(_field(1, _DOUBLE, struct.pack("<d", seconds)) + _length(3, FILE_VERSION))
            first = False
        summary = b"".join(
            _length(1, _length(1, tag.encode("utf-8")) + _field(2, _FLOAT, _float(value))) for tag, value in values.items()
        )
        moment = _field(1, _DOUBLE, struct.pack("<d", seconds)) + _field(2, _VARINT, _varint(step))
        yield _record(moment + _length(5, summary))


def _record(data: bytes) -> bytes:
    size = struct.pack("<Q", len(data))
    return size + struct.pack("<I", masked_crc(size)) + data + struct.pack("<I", masked_crc(data))


def _field(number: int, wire: int, data: bytes) -> bytes:
    return _varint(number << 3 | wire) + data


def _length(number: int, data: bytes) -> bytes:
    return _field(number, _BYTES, _varint(len(data)) + data)


def _float(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:  # more than single precision can say
        return struct.pack("<f", math.copysign(math.inf, value))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """The checksum as TFRecord stores it: rotated and shifted, so that a CRC of data that holds CRCs stays useful."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
