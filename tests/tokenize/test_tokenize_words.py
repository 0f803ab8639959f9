"""`tokenize.words`: where words begin is kept beside the tokens, the same bytes whatever the parts, and only if asked for."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from danlu.pipeline.graph import build_graph
from danlu.recipe.load import load_recipe
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize import slices
from danlu.tokenize import words as module
from danlu.tokenize.encode import encode
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.words import Words
from danlu.tokens.encoding import plain_tokenizer, reference_encoder
from danlu.tokens.files import TOKENIZER, tokenizer_text
from danlu.tokens.pieces import token_bytes
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError

ASKED = TokenizeConfig(words="rjieba")


@pytest.fixture
def tokenizer(tmp_path: Any, rows: Any) -> Artifact:
    directory = tmp_path / "tokenizer"
    directory.mkdir()
    (directory / TOKENIZER).write_text(tokenizer_text(train_tokenizer((row["text"] for row in rows), 500)), encoding="utf-8")
    return Artifact("tokenize.train", "key", directory)


@pytest.fixture
def by_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmenter in the place of rjieba: every two characters are a word."""

    def cut(text: str) -> list[str]:
        return [text[place : place + 2] for place in range(0, len(text), 2)]

    monkeypatch.setitem(sys.modules, "rjieba", SimpleNamespace(cut=cut))
    monkeypatch.setattr(module, "version", lambda name: "9")


def encoded_words(store: TokenStore, tokenizer: Artifact) -> list[list[str]]:
    """The words of each document, as its bits part them."""
    pieces, found = token_bytes(tokenizer.path), []
    assert store.words is not None
    stops = store.ends.astype(int).tolist()
    for start, stop in zip([0, *stops[:-1]], stops, strict=True):
        bits, parts = store.words[start:stop], list[bytes]()
        for token, begins in zip(store.tokens[start:stop].tolist(), bits.tolist(), strict=True):
            parts = [*parts, pieces[token]] if begins else [*parts[:-1], parts[-1] + pieces[token]]
        found.append([part.decode() for part in parts])  # fails where a character is parted
    return found


@pytest.mark.usefixtures("by_twos")
def test_words_are_those_of_the_segmenter_and_of_the_tokens(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact
) -> None:
    run = make_run("tokenize.encode", "out")
    encode(make_documents(rows), tokenizer, config=ASKED, run=run)
    assert run.facts["words"] == "rjieba 9"
    for split, chosen in (("holdout", rows[:30]), ("train", rows[30:])):
        store = TokenStore.open(run.output / split)
        assert store.header["words"] == "rjieba"
        for words, row in zip(encoded_words(store, tokenizer), chosen, strict=True):
            text = row["text"]
            assert "".join(words) == text
            borders = set(np.cumsum([0, *map(len, words)]).tolist())
            if row["language"] == "zh-Hans":  # a border stands only where the segmenter has one
                assert borders <= {*range(0, len(text), 2), len(text)}
            else:
                assert not any(one[-1:].isalpha() and other[:1].isalpha() for one, other in pairwise(words))


@pytest.mark.usefixtures("by_twos")
def test_same_bytes_whatever_the_parts_and_batches(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = []
    for part_rows, batch_bytes in ((7, 100), (250, 5000), (1000, 8_000_000)):
        monkeypatch.setattr(slices, "BATCH_BYTES", batch_bytes)
        run = make_run("tokenize.encode", f"out-{part_rows}")
        encode(make_documents(rows, f"documents-{part_rows}", part_rows), tokenizer, config=ASKED, run=run)
        payloads.append(hash_payload(run.output))
    assert payloads[0] == payloads[1] == payloads[2]
    assert "train/words.bin" in payloads[0]
    plain = make_run("tokenize.encode", "plain")
    encode(make_documents(rows, "again"), tokenizer, config=TokenizeConfig(), run=plain)
    rest = hash_payload(plain.output)
    changed = {name for name in payloads[0] if payloads[0][name] != rest.get(name)}
    assert changed == {f"{split}/{name}" for split in ("train", "holdout") for name in ("words.bin", "header.json")}


def test_a_missing_segmenter_is_named_with_what_to_install(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(DanluError) as caught:
        encode(make_documents(rows), tokenizer, config=ASKED, run=make_run("tokenize.encode", "out"))
    assert caught.value.key == "tokenize.no-segmenter"
    for language in ("en", "zh"):
        assert "danlu[words]" in caught.value.explain(language)["remedy"]


def test_real_chinese_words(tokenizer: Artifact) -> None:
    rjieba = pytest.importorskip("rjieba", reason="rjieba, of the extra `words`, is not installed")
    texts = ["今天的天气很好，孩子们在公园里玩。", "", "The weather is good", "A股上涨3.5%，“好！”——他说。don't"]
    words = Words.of("rjieba", tokenizer.path)
    encoded = reference_encoder(plain_tokenizer(tokenizer.path))(texts)
    starts = words.starts(texts, encoded)
    stops = np.cumsum(encoded.lengths)
    for text, start, stop in zip(texts, stops - encoded.lengths, stops, strict=True):
        offsets = np.cumsum([0, *words.sizes[encoded.tokens[start:stop]]])[:-1]
        found = {int(offset) for offset, begins in zip(offsets, starts[start:stop], strict=True) if begins}
        borders = {int(place) for place in np.cumsum([0, *(len(word.encode()) for word in rjieba.cut(text))])}
        assert (0 in found) == bool(text)
        assert text.isascii() or found <= borders


def test_words_change_the_key_of_the_encoding_only(tmp_path: Any) -> None:
    (tmp_path / "t").mkdir()
    path = tmp_path / "recipe.yaml"
    path.write_text("name: a\ncollect: {sources: [{type: files, path: t}]}\n", encoding="utf-8")
    nodes = [build_graph(load_recipe(path, changes).recipe) for changes in ([], ["tokenize.words=rjieba"])]
    identities = [{name: node.config.identity() for name, node in one.items()} for one in nodes]
    assert {name for name in identities[0] if identities[0][name] != identities[1][name]} == {"tokenize.encode"}
    assert identities[0]["tokenize.encode"] == {"type": "bpe", "vocabulary": 8192, "sample": 8_000_000}
