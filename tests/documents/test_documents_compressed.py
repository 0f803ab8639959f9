"""Compressed files give the records of the same file uncompressed; a damaged one what stands before the damage."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from danlu.collect.locate import SourceFile, locate
from danlu.collect.read import read_documents_of
from danlu.collect.records import Record, Rejected
from danlu.documents.compressed import bare_name, open_bytes, open_whole
from danlu.recipe.sources import FilesSource
from danlu.workspace.errors import DanluError

PACK = {
    ".gz": lambda data: gzip.compress(data),
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}
LINES = [
    {"text": f"第{number}行：the river was low that summer.", "url": f"https://a.example/{number}"} for number in range(500)
]
FILES = {
    "a.jsonl": "\n".join(json.dumps(line, ensure_ascii=False) for line in LINES).encode(),
    "b.txt": "昨天下了一场大雨，河里的水涨了不少。\n".encode("gb18030") * 40,  # read twice: the encoding is found first
    "c.csv": b"text,label\none,1\ntwo,2\n",
    "d.tsv": 'text\tlabel\na "quoted word\t1\n'.encode("utf-16"),
}


def read(folder: Path) -> dict[str, list[tuple[int, str, str] | tuple[str, str]]]:
    """Bare name -> what a reader gives of the file."""
    source = FilesSource(type="files", path=str(folder))
    return {
        bare_name(file.name): [
            (event.ordinal, event.text, event.url) if isinstance(event, Record) else (bare_name(event.where), event.reason)
            for event in read_documents_of(source, file)
        ]
        for file in locate(source, Path(), "in")
    }


@pytest.mark.parametrize("ending", PACK)
def test_a_compressed_file_gives_the_same_records(tmp_path: Path, ending: str) -> None:
    for folder in ("plain", "packed"):
        (tmp_path / folder).mkdir()
    for name, data in FILES.items():
        (tmp_path / "plain" / name).write_bytes(data)
        (tmp_path / "packed" / f"{name}{ending.upper() if name == 'c.csv' else ending}").write_bytes(PACK[ending](data))
    found = read(tmp_path / "packed")
    assert found == read(tmp_path / "plain")
    assert {name: len(events) for name, events in found.items()} == {
        "in/a.jsonl": 500,
        "in/b.txt": 1,
        "in/c.csv": 2,
        "in/d.tsv": 1,
    }


@pytest.mark.parametrize("ending", PACK)
def test_several_streams_in_one_file_are_read_on(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(b"".join(PACK[ending](piece) for piece in (b"one ", b"two ", b"three")))
    with open_bytes(path) as file:
        assert file.read() == b"one two three"
        file.seek(4)
        assert file.read(3) == b"two"


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("harm", ["cut", "changed"])
def test_whole_lines_before_the_damage_are_kept(tmp_path: Path, ending: str, harm: str) -> None:
    letters = np.random.default_rng(0).integers(97, 123, (6000, 60), np.uint8)  # hardly compressed: damage stays in its place
    lines = [bytes(row).decode() for row in letters]
    packed = bytearray(PACK[ending]("\n".join(lines).encode()))
    packed[len(packed) // 2 :] = b"" if harm == "cut" else b"\xff" * (len(packed) - len(packed) // 2)
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(packed)
    with open_bytes(path) as file:  # what decompresses on from damage may give bytes for ever
        while file.read1():
            pass
        assert not any(file.read1() for _ in range(100))
    with open_whole(path) as file, pytest.raises(DanluError, match=r"cannot be decompressed"):
        file.read()
    source = FilesSource(type="files", path=str(path), format="lines")
    *records, last = read_documents_of(source, SourceFile(path, path.name))
    assert isinstance(last, Rejected)
    assert last.reason == "compressed"
    assert last.where == f"{path.name}:{len(records) + 1}"
    texts = [record.text for record in records if isinstance(record, Record)]
    # Zstandard tells damage at the end of a block of 128 kB only: what it gives of that block may be wrong.
    assert 2000 < len(texts) < 5000
    assert texts[:2000] == lines[:2000]
