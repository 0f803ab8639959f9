from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from danlu.tokens import store as module
from danlu.tokens import store as store_module
from danlu.tokens.store import StoreWriter, TokenBatch, TokenStore, add_counts, token_dtype, write_header, write_store
from danlu.workspace.errors import DanluError

DOCUMENTS = ([5, 6, 7], [], [60000, 1], [9])


def batch(documents: tuple[list[int], ...]) -> TokenBatch:
    count = len(documents)
    return TokenBatch(
        np.array([token for document in documents for token in document], np.uint32),
        np.array([len(document) for document in documents]),
        np.arange(count) % 2,
        np.zeros(count, np.uint8),
        np.arange(count) + 10,
    )


def write(directory: Path, vocabulary: int = 65536) -> dict[str, object]:
    batches = [batch(DOCUMENTS[:1]), batch(DOCUMENTS[1:])]
    return write_store(
        directory, batches, vocabulary=vocabulary, sources=["a", "b"], languages=["zh-Hans"], tokenizer_digest="abc"
    )


def test_round_trip(tmp_path: Path) -> None:
    header = write(tmp_path / "store")
    store = TokenStore.open(tmp_path / "store", "abc")
    assert store.header == header
    assert header == {
        "format": "danlu-tokens-1", "dtype": "<u2", "tokens": 6, "documents": 4, "bytes": 43, "sources": ["a", "b"],
        "languages": ["zh-Hans"], "tokenizer": "abc",
    }  # fmt: skip
    assert [store.document(index).tolist() for index in range(len(store))] == list(DOCUMENTS)
    assert store.lengths().tolist() == [3, 0, 2, 1]
    assert store.sources.tolist() == [0, 0, 1, 0]
    assert store.document_bytes.tolist() == [10, 10, 11, 12]
    with pytest.raises(ValueError, match="read-only"):
        store.tokens[0] = 1


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_read_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(module, "READ_AT_ONCE", at_once)
    header = write(tmp_path)
    store = TokenStore.open(tmp_path)
    assert header["documents"] == 4
    assert header["bytes"] == 43
    assert store.counts(65536).tolist() == np.bincount(store.tokens, minlength=65536).tolist()
    lengths, sources, languages, sizes = (np.concatenate(parts) for parts in zip(*store.columns(), strict=True))
    assert lengths.tolist() == store.lengths().tolist()
    assert sources.tolist() == store.sources.tolist()
    assert languages.tolist() == store.languages.tolist()
    assert sizes.tolist() == store.document_bytes.tolist()


def test_three_lines_of_numpy(tmp_path: Path) -> None:
    write(tmp_path)
    header = json.loads((tmp_path / "header.json").read_text())
    ends = np.fromfile(tmp_path / "ends.bin", "<u8")
    documents = np.split(np.fromfile(tmp_path / "tokens.bin", header["dtype"]), ends[:-1].astype(int))
    assert [document.tolist() for document in documents] == list(DOCUMENTS)


@pytest.mark.parametrize("vocabulary, dtype", [(512, "<u2"), (65536, "<u2"), (65537, "<u4")])
def test_dtype_holds_every_id(tmp_path: Path, vocabulary: int, dtype: str) -> None:
    assert token_dtype(vocabulary) == dtype
    assert np.iinfo(dtype).max >= vocabulary - 1
    write(tmp_path, vocabulary)
    assert TokenStore.open(tmp_path).tokens.tolist() == [5, 6, 7, 60000, 1, 9]


def test_other_tokenizer_is_an_error_in_both_languages(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DanluError) as caught:
        TokenStore.open(tmp_path, "other")
    assert caught.value.key == "tokens.other-tokenizer"
    for language in ("en", "zh"):
        said = caught.value.explain(language)
        assert "abc" in said["what"]
        assert "other" in said["what"]
        assert said["remedy"]


def test_broken_stores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as caught:
        TokenStore.open(tmp_path)
    assert caught.value.key == "tokens.no-store"
    write(tmp_path)
    with (tmp_path / "ends.bin").open("r+b") as file:
        file.truncate(17)
    with pytest.raises(DanluError) as caught:
        TokenStore.open(tmp_path)
    assert caught.value.key == "tokens.truncated"
    header = json.loads((tmp_path / "header.json").read_text())
    (tmp_path / "header.json").write_text(json.dumps(header | {"format": "danlu-tokens-9"}))
    with pytest.raises(DanluError) as caught:
        TokenStore.open(tmp_path)
    assert caught.value.key == "tokens.format"


def test_writer_cuts_back_to_the_last_finished_unit(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "whole", "<u2") as writer:
        writer.append(batch(DOCUMENTS))
    with StoreWriter(tmp_path / "killed", "<u2") as writer:
        writer.append(batch(DOCUMENTS[:2]))
        at = {"documents": writer.documents, "tokens": writer.tokens}
        writer.append(batch(([1, 2, 3, 4],)))  # this unit is never recorded as finished
    with StoreWriter(tmp_path / "killed", "<u2", **at) as writer:
        whole = batch(DOCUMENTS)
        rest = (whole.lengths[2:], whole.sources[2:], whole.languages[2:], whole.document_bytes[2:])
        writer.append(TokenBatch(whole.tokens[3:], *rest))
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "killed" / file.name).read_bytes(), file.name
    with pytest.raises(DanluError):
        StoreWriter(tmp_path / "killed", "<u2", documents=99, tokens=99)


def test_a_store_of_nothing(tmp_path: Path) -> None:
    StoreWriter(tmp_path, "<u2").close()
    write_header(tmp_path, dtype="<u2", sources=[], languages=[], tokenizer_digest="abc")
    store = TokenStore.open(tmp_path)
    assert len(store) == len(store.tokens) == store.header["bytes"] == 0


def test_where_words_begin_is_kept_a_bit_a_token(tmp_path: Path) -> None:
    starts = np.random.default_rng(0).random(1000) < 0.7
    parts = [0, 3, 8, 9, 500, 1000]
    with StoreWriter(tmp_path / "whole", "<u2", words=True) as writer:
        for start, stop in pairwise(parts):
            writer.append(words_batch(starts[start:stop]))
    with StoreWriter(tmp_path / "killed", "<u2", words=True) as writer:
        writer.append(words_batch(starts[:9]))
        at = {"documents": writer.documents, "tokens": writer.tokens}
        writer.append(words_batch(~starts[:6]))  # this unit is never recorded as finished
    StoreWriter(tmp_path / "killed", "<u2", **at, words=True).close()
    assert (tmp_path / "killed" / "words.bin").read_bytes() == np.packbits(starts[:9], bitorder="little").tobytes()
    with StoreWriter(tmp_path / "killed", "<u2", **at, words=True) as writer:
        writer.append(words_batch(starts[9:]))
    assert (tmp_path / "killed" / "words.bin").read_bytes() == (tmp_path / "whole" / "words.bin").read_bytes()
    write_header(tmp_path / "whole", dtype="<u2", sources=["a"], languages=["en"], tokenizer_digest="abc", words="rjieba")
    store = TokenStore.open(tmp_path / "whole")
    assert store.header["words"] == "rjieba"
    assert store.words is not None
    assert (store.words[:] == starts).all()
    assert (store.words[7:503] == starts[7:503]).all()
    packed = np.fromfile(tmp_path / "whole" / "words.bin", "u1")  # without danlu
    assert (np.unpackbits(packed, bitorder="little")[:1000] == starts).all()


def test_words_are_there_only_where_the_header_says_so(tmp_path: Path) -> None:
    write(tmp_path)
    assert TokenStore.open(tmp_path).words is None
    assert not (tmp_path / "words.bin").exists()
    with StoreWriter(tmp_path / "more", "<u2", words=True) as writer, pytest.raises(ValueError, match="words"):
        writer.append(batch(DOCUMENTS))
    with StoreWriter(tmp_path / "more", "<u2", words=True) as writer:
        writer.append(words_batch(np.ones(20, bool)))
    write_header(tmp_path / "more", dtype="<u2", sources=["a"], languages=["en"], tokenizer_digest="abc", words="rjieba")
    (tmp_path / "more" / "words.bin").unlink()
    with pytest.raises(DanluError) as caught:
        TokenStore.open(tmp_path / "more")
    assert caught.value.key == "tokens.truncated"


def words_batch(starts: npt.NDArray[np.bool_]) -> TokenBatch:
    """A document of that many tokens."""
    one = np.zeros(1, np.uint8)
    return TokenBatch(np.arange(len(starts)), np.array([len(starts)]), one, one, one, starts)


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
def test_tokens_are_counted_by_numpy_and_by_the_kernel(dtype: str, loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "is_loaded", lambda: loaded)
    tokens = np.random.default_rng(0).integers(0, 300, 5000).astype(dtype)
    counts = np.zeros(310, np.int64)
    for part in (tokens[:4000], tokens[:0], tokens[4000:]):
        add_counts(part, counts)
    assert counts.tolist() == [int((tokens == token).sum()) for token in range(310)]
