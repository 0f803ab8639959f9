"""Exported stores, read back by plain readers written from the published layouts, equal the store, in bounded memory."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import danlu as command
from danlu.tokens import layouts
from danlu.tokens.export import export_stores
from danlu.tokens.files import tokenizer_digest
from danlu.tokens.special import EOS_ID
from danlu.tokens.store import TokenBatch, TokenStore, write_store
from danlu.workspace.errors import DanluError
from danlu.workspace.progress import SilentProgress

Documents = list[list[int]]


def read_megatron(folder: Path, name: str) -> Documents:
    """As `megatron.core.datasets.indexed_dataset.IndexedDataset` reads it (format version 1)."""
    index = (folder / f"{name}.idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack_from("<Q", index, 9) == (1,)
    dtype = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}[index[17]]
    sequences, documents = struct.unpack_from("<QQ", index, 18)
    lengths = np.frombuffer(index, "<i4", sequences, 34)
    pointers = np.frombuffer(index, "<i8", sequences, 34 + lengths.nbytes)
    borders = np.frombuffer(index, "<i8", documents, 34 + lengths.nbytes + pointers.nbytes)
    assert len(index) == 34 + lengths.nbytes + pointers.nbytes + borders.nbytes
    data = (folder / f"{name}.bin").read_bytes()
    assert len(data) == int(lengths.sum()) * np.dtype(dtype).itemsize
    found = [np.frombuffer(data, dtype, size, at).tolist() for at, size in zip(pointers, lengths, strict=True)]
    assert borders[0] == 0
    assert borders[-1] == sequences
    return [[token for part in found[a:b] for token in part] for a, b in pairwise(borders)]


def read_datatrove(folder: Path, name: str) -> Documents:
    """As `datatrove.pipeline.tokens.merger` reads it."""
    first, count, _ = (folder / f"{name}.ds.metadata").read_text().split("\n")
    _, size = first.split("|")
    ends = np.frombuffer((folder / f"{name}.ds.index").read_bytes(), np.uint64).astype(int)
    ids = np.frombuffer((folder / f"{name}.ds").read_bytes(), {"2": "<u2", "4": "<u4"}[size])
    assert len(ids) == int(count) == (ends[-1] if len(ends) else 0)
    return [part.tolist() for part in np.split(ids, ends)[:-1]] if len(ends) else []


def read_arrow(folder: Path, name: str) -> Documents:
    with pa.memory_map(str(folder / f"{name}.arrow")) as source:
        return pa.ipc.open_file(source).read_all()["input_ids"].to_pylist()  # type: ignore[no-any-return]


READERS: dict[str, Callable[[Path, str], Documents]] = {
    "megatron": read_megatron, "datatrove": read_datatrove, "arrow": read_arrow,
}  # fmt: skip


def make_store(path: Path, documents: Documents, vocabulary: int = 65536, digest: str = "abc") -> None:
    lengths = np.array([len(document) for document in documents], np.int64)
    tokens = np.array([token for document in documents for token in document], np.int64)
    places = np.arange(len(documents))
    batch = TokenBatch(tokens, lengths, places % 3, places % 2, lengths * 4)
    write_store(
        path, [batch], vocabulary=vocabulary, sources=["a", "乙", "c"], languages=["en", "zh-Hans"], tokenizer_digest=digest
    )


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 65535), max_size=9), max_size=30), st.sampled_from(list(READERS)), st.booleans(),
    st.sampled_from([65536, 100_000]), st.integers(1, 20),
)  # fmt: skip
def test_round_trip_of_random_stores(
    tmp_path_factory: pytest.TempPathFactory, documents: Documents, layout: str, eos: bool, vocabulary: int, run: int
) -> None:
    path = tmp_path_factory.mktemp("export")
    make_store(path / "train", documents, vocabulary)
    with pytest.MonkeyPatch.context() as patch:  # runs of very few tokens and documents: borders of runs must not show
        patch.setattr(layouts, "RUN_TOKENS", run)
        patch.setattr(layouts, "RUN_DOCUMENTS", 3)
        counts = export_stores({"train": path / "train"}, None, path / "out", layout, SilentProgress(), eos=eos)
    assert counts == {"train": sum(map(len, documents))}
    expected = [document + [EOS_ID] * eos for document in documents]
    assert READERS[layout](path / "out", "train") == expected
    assert sorted(entry.name for entry in path.iterdir()) == ["out", "train"]


def test_arrow_keeps_what_is_known_of_a_document(tmp_path: Path) -> None:
    make_store(tmp_path / "s", [[1], [2, 3], [], [4]])
    export_stores({"s": tmp_path / "s"}, None, tmp_path / "out", "arrow", SilentProgress(), eos=False)
    table = pa.ipc.open_file(str(tmp_path / "out/s.arrow")).read_all()
    assert table["source"].to_pylist() == ["a", "乙", "c", "a"]
    assert table["language"].to_pylist() == ["en", "zh-Hans", "en", "zh-Hans"]
    assert table["bytes"].to_pylist() == [4, 8, 0, 4]


@pytest.mark.parametrize("layout", READERS)
def test_memory_does_not_grow_with_the_store(layout: str, tmp_path: Path) -> None:
    peaks = []
    for count in (3000, 12_000):
        path = tmp_path / str(count)
        lengths = np.full(count, 1000)
        batch = TokenBatch(
            np.random.default_rng(0).integers(0, 60_000, count * 1000, np.uint16), lengths, lengths * 0, lengths * 0, lengths
        )
        write_store(path, [batch], vocabulary=60_000, sources=["s"], languages=["en"], tokenizer_digest="t")
        del batch
        tracemalloc.start()
        export_stores({"x": path}, None, tmp_path / f"{count}-out", layout, SilentProgress())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 24_000_000  # a store of 12 and of 24 MB


def test_what_goes_wrong_leaves_nothing_and_says_so(tmp_path: Path, tokenizer_directory: Path) -> None:
    make_store(tmp_path / "s", [[1, 2, 3]], digest=tokenizer_digest(tokenizer_directory))
    make_store(tmp_path / "other", [[1, 2, 3]])

    def fails(key: str, stores: list[str], layout: str = "megatron", out: str = "out") -> None:
        with pytest.raises(DanluError) as caught:
            export_stores(
                {name: tmp_path / name for name in stores}, tokenizer_directory, tmp_path / out, layout, SilentProgress()
            )
        assert caught.value.key == key
        assert caught.value.explain("zh")["what"] != caught.value.explain("en")["what"]
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob(".*"))

    fails("export.no-such-layout", ["s"], "megatrom")
    fails("tokens.other-tokenizer", ["s", "other"])
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    fails("workspace.taken", ["s"], out="full")
    with (tmp_path / "s/tokens.bin").open("r+b") as file:
        file.truncate(4)
    fails("tokens.truncated", ["s"])


def test_a_stop_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    make_store(tmp_path / "s", [[1, 2, 3]] * 10)

    class Stops(SilentProgress):
        def task(self, *arguments: Any, **options: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_stores({"s": tmp_path / "s"}, None, tmp_path / "out", "megatron", Stops())
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    (tmp_path / ".out.partial").mkdir()  # of one that was killed
    (tmp_path / ".out.partial/half").touch()
    export_stores({"s": tmp_path / "s"}, None, tmp_path / "out", "megatron", SilentProgress())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["s.bin", "s.idx"]


KILLED = """
import os, signal, sys
from pathlib import Path
from danlu.tokens import export, layouts
from danlu.workspace.progress import SilentProgress

layouts.RUN_TOKENS = 5
write = export.LAYOUTS["megatron"]
export.LAYOUTS["megatron"] = lambda store, folder, name, end, advance: write(
    store, folder, name, end, lambda count: os.kill(os.getpid(), signal.SIGKILL)
)
export.export_stores({"s": Path(sys.argv[1])}, None, Path(sys.argv[2]), "megatron", SilentProgress())
"""


def test_a_kill_on_the_way_leaves_no_export(tmp_path: Path) -> None:
    make_store(tmp_path / "s", [[1, 2, 3]] * 10)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "s"), str(tmp_path / "out")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    export_stores({"s": tmp_path / "s"}, None, tmp_path / "out", "megatron", SilentProgress(), eos=False)
    assert read_megatron(tmp_path / "out", "s") == [[1, 2, 3]] * 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s"]


def danlu(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return command(*arguments, check=False, cwd=cwd)


def test_the_command_on_a_run(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for number in range(30):
        text = f"Document {number} of a small text about rivers and hills.\n第 {number} 篇短文，讲河流与山。" * (1 + number % 5)
        (tmp_path / "texts" / f"{number}.txt").write_text(text, encoding="utf-8")
    made = danlu("tokenize", "texts", "--set", "tokenize.vocabulary=512", "--json", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    artifact = Path(json.loads(made.stdout.splitlines()[-1])["artifacts"]["tokenize.encode"])
    done = danlu("export", "tokens", "megatron", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["path"], told["layout"]) == ("tokens-megatron", "megatron")
    store = TokenStore.open(tmp_path / artifact / "train")
    expected = [[*store.document(place).tolist(), EOS_ID] for place in range(len(store))]
    assert read_megatron(tmp_path / "tokens-megatron", "train") == expected
    assert told["tokens"]["train"] == len(store.tokens)
    assert tokenizer_digest(tmp_path / "tokens-megatron/tokenizer") == store.header["tokenizer"]

    again = danlu("export", "tokens", "megatron", "--lang", "zh", cwd=tmp_path)
    assert again.returncode == 1
    assert "已有内容" in again.stderr
    by_name = danlu("export", artifact.name, "arrow", "-o", "x/y", "--no-eos", cwd=tmp_path)
    assert by_name.returncode == 0, by_name.stderr
    assert read_arrow(tmp_path / "x/y", "train") == [document[:-1] for document in expected]
    by_path = danlu("export", str(artifact / "train"), "datatrove", cwd=tmp_path)
    assert by_path.returncode == 0, by_path.stderr
    assert "tokenizer is not in it" in by_path.stderr
    assert read_datatrove(tmp_path / "train-datatrove", "train") == expected
    for wrong in (
        ("export", "texts", "arrow"),
        ("export", "collect", "arrow"),
        ("export", "tokens", "arow"),
        ("export", "tokens", "gguf"),
    ):
        assert danlu(*wrong, cwd=tmp_path).returncode == 1
    assert "danlu export tokens" in danlu("export", "texts", "arrow", cwd=tmp_path).stderr
    assert "danlu export tokenize.train gguf" in danlu("export", "tokens", "gguf", cwd=tmp_path).stderr
