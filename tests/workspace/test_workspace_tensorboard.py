from __future__ import annotations

import json
import math
import struct
from collections import defaultdict
from pathlib import Path

import pytest

from danlu.workspace.events import JsonLines
from danlu.workspace.tensorboard import crc32c, event_file, export_scalars, masked_crc

Curves = dict[str, list[tuple[int, float]]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720, appendix B.4, and the usual check value
        (b"\0" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_crc32c_of_known_data(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def bitwise_crc32c(data: bytes) -> int:
    """By the definition: division of polynomials, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if not byte & 0x80:
            return value, at


def fields(data: bytes) -> list[tuple[int, object]]:
    """A protobuf message as (number, value): an independent reader of the wire format."""
    found: list[tuple[int, object]] = []
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: object
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif wire == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            assert wire == 2
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        found.append((number, value))
    return found


def records(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        for start, length in ((at, 8), (at + 12, size)):
            (stored,) = struct.unpack_from("<I", content, start + length)
            crc = bitwise_crc32c(content[start : start + length])
            assert stored == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        found.append(content[at + 12 : at + 12 + size])
        at += 16 + size
    return found


def decode(path: Path) -> Curves:
    """The curves of an event file."""
    first, *rest = (dict(fields(record)) for record in records(path.read_bytes()))
    assert first[3] == b"brain.Event:2"
    curves: Curves = defaultdict(list)
    for event in rest:
        assert isinstance(event[1], float)
        assert isinstance(event[5], bytes)
        for number, value in fields(event[5]):
            assert number == 1
            assert isinstance(value, bytes)
            point = dict(fields(value))
            assert isinstance(point[1], bytes)
            curves[point[1].decode()].append((event[2], point[2]))  # type: ignore[arg-type]
    return dict(curves)


def only(folder: Path) -> Path:
    (path,) = folder.glob("events.out.tfevents.*")
    return path


def test_masked_checksum_is_the_published_one() -> None:
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_curves_are_what_the_metrics_say(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl")
    for step in (1, 100, 300, 70_000, 5_000_000_000):
        log.write(kind="train", training="", step=step, loss=8 / step, tokens=step * 1024, learning_rate=1e-3)
    log.write(kind="validation", training="", step=300, loss=2.5, seconds=None)
    assert export_scalars(log.path, tmp_path / "out") == 16
    curves = decode(only(tmp_path / "out"))
    assert set(curves) == {"train/loss", "train/tokens", "train/learning_rate", "validation/loss"}
    assert [step for step, _ in curves["train/loss"]] == [1, 100, 300, 70_000, 5_000_000_000]
    assert curves["train/loss"][0][1] == 8.0
    assert curves["train/learning_rate"][0][1] == pytest.approx(1e-3)
    assert curves["validation/loss"] == [(300, 2.5)]


def test_what_a_resumed_run_wrote_twice_counts_once(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl")
    for step, loss in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 8.5), (3, 7.5), (4, 6.0)):
        log.write(kind="train", step=step, loss=loss)
    export_scalars(log.path, tmp_path)
    assert decode(only(tmp_path))["train/loss"] == [(1, 9.0), (2, 8.5), (3, 7.5), (4, 6.0)]


def test_several_trainings_get_a_folder_each(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl")
    for training in ("50", "200"):
        log.write(kind="train", training=training, step=1, loss=float(training))
    export_scalars(log.path, tmp_path / "out")
    assert {folder.name: decode(only(folder))["train/loss"] for folder in (tmp_path / "out").iterdir()} == {
        "50": [(1, 50.0)],
        "200": [(1, 200.0)],
    }


def test_refreshing_replaces_the_file(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl")
    log.write(kind="train", step=1, loss=1.0)
    export_scalars(log.path, tmp_path / "out")
    (tmp_path / "out" / "events.out.tfevents.12.other").write_bytes(b"")
    log.write(kind="train", step=2, loss=0.5)
    with log.path.open("a") as file:
        file.write('{"kind": "train", "step": 3, "lo')  # at work just now
    export_scalars(log.path, tmp_path / "out")
    assert decode(only(tmp_path / "out"))["train/loss"] == [(1, 1.0), (2, 0.5)]


def test_numbers_that_are_none_or_too_large(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    row = {
        "time": 5.5,
        "kind": "train",
        "step": 1,
        "loss": math.nan,
        "norm": math.inf,
        "huge": -1e300,
        "flag": True,
        "word": "x",
    }
    path.write_text(json.dumps(row) + "\n")
    export_scalars(path, tmp_path)
    curves = decode(only(tmp_path))
    assert math.isnan(curves["train/loss"][0][1])
    assert curves["train/norm"] == [(1, math.inf)]
    assert curves["train/huge"] == [(1, -math.inf)]
    assert set(curves) == {"train/loss", "train/norm", "train/huge"}


def test_nothing_to_export(tmp_path: Path) -> None:
    assert export_scalars(tmp_path / "metrics.jsonl", tmp_path / "out") == 0
    assert not (tmp_path / "out").exists()
    assert list(event_file([])) == []


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard here")
    log = JsonLines(tmp_path / "metrics.jsonl")
    for step in range(1, 200):
        log.write(kind="train", step=step, loss=1 / step)
    export_scalars(log.path, tmp_path / "out")
    events = accumulator.EventAccumulator(str(tmp_path / "out"), size_guidance={"scalars": 0})
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert found == [(step, pytest.approx(1 / step)) for step in range(1, 200)]
