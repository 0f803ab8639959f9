"""Masks against a plain reference, one sample after the other, and what a recipe promises: rate, shares, whole words."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.words import Words
from danlu.tokens.bits import Bits
from danlu.tokens.encoding import Encoded, plain_tokenizer, reference_encoder
from danlu.tokens.files import TOKENIZER, tokenizer_text
from danlu.tokens.packing import MASKED
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import MASK_ID, SPECIAL
from danlu.tokens.words import WordTable
from danlu.training.draws import sample_draws
from danlu.training.language import MaskedObjective, Windows
from danlu.training.masking import IGNORED, Manner, Ramp, mask_tokens
from danlu.training.windows import WindowSource

VOCABULARY = 300
MANY = np.random.default_rng(0).integers(len(SPECIAL), VOCABULARY, (800, 128))  # 102,400 tokens
STARTS = np.random.default_rng(1).random(MANY.shape) < 0.6


def plain(ids: Any, special: Any, rate: float, seed: int, samples: Any, epoch: int, purpose: int = 2) -> Any:
    """Masking as it was first written, by tokens, 80-10-10: the numbers that models were trained with."""
    ordinary = np.ones(VOCABULARY, bool)
    ordinary[list(special)] = False
    replacements = np.flatnonzero(ordinary)
    inputs, targets = ids.copy(), np.full_like(ids, IGNORED)
    for row, sample in enumerate(samples):
        candidates = np.flatnonzero(ordinary[ids[row]])
        if not len(candidates):
            continue
        key, counter = np.array([seed, epoch], np.uint64), np.array([0, 0, sample, purpose], np.uint64)
        draws = np.random.Philox(key=key, counter=counter).random_raw(3 * len(candidates)).reshape(3, -1)
        chosen = np.argsort(draws[0], kind="stable")[: min(len(candidates), max(1, round(rate * len(candidates))))]
        places = candidates[chosen]
        targets[row, places] = ids[row, places]
        fate = draws[1, chosen] % np.uint64(10)
        inputs[row, places[fate < 8]] = MASK_ID
        swapped = fate == 8
        inputs[row, places[swapped]] = replacements[draws[2, chosen[swapped]] % np.uint64(len(replacements))]
    return inputs, targets


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**40), st.integers(0, 9), st.floats(0.001, 1), st.booleans(), st.data())
def test_masks_are_those_of_the_plain_reference(
    seed: int, sample: int, epoch: int, rate: float, evaluate: bool, data: st.DataObject
) -> None:
    rows, length = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 60))
    random = np.random.default_rng(sample)
    ids = random.integers(0, VOCABULARY, (rows, length))
    ids[random.random(rows) < 0.3] = 0  # samples of special tokens only
    samples = [sample + 7 * row for row in range(rows)]
    special = range(data.draw(st.sampled_from([1, len(SPECIAL)])))
    found = mask_tokens(ids, special, rate, seed, samples, epoch, VOCABULARY, evaluate=evaluate)
    expected = plain(ids, special, rate, *((0, samples, 0, 3) if evaluate else (seed, samples, epoch, 2)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**31), st.integers(0, 9), st.floats(0, 1), st.sampled_from(["80-10-10", "all"]), st.integers(1, 5),
    st.booleans(), st.data(),
)  # fmt: skip
def test_a_mask_is_a_function_of_its_sample_in_any_batch(
    seed: int, epoch: int, rate: float, replace: Any, ngram: int, words: bool, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    ids = random.integers(90, VOCABULARY, (6, data.draw(st.integers(1, 50))))
    starts = random.random(ids.shape) < 0.6 if words else None
    order = np.array(data.draw(st.permutations(range(6))))[: data.draw(st.integers(0, 6))]

    def masked(rows: Any) -> Any:
        chosen = None if starts is None else starts[rows]
        return mask_tokens(
            ids[rows], range(110), rate, seed, rows + 1000, epoch, VOCABULARY, manner=Manner(replace, ngram), starts=chosen
        )

    inputs, targets = masked(np.arange(6))
    for one, whole in zip(masked(order), (inputs, targets), strict=True):
        np.testing.assert_array_equal(one, whole[order])
    hidden = targets != IGNORED
    assert not hidden[ids < 110].any()
    assert (targets[hidden] == ids[hidden]).all()
    assert (inputs[~hidden] == ids[~hidden]).all()
    assert ((inputs[hidden] == MASK_ID) | (inputs[hidden] >= 110)).all()
    if rate in (0, 1):
        assert (hidden == (ids >= 110) * bool(rate)).all()
    if replace == "all":
        assert (inputs[hidden] == MASK_ID).all()
    if words:  # what is no start belongs to the token before it, unless that one is special
        together = ~starts[:, 1:] & (ids[:, 1:] >= 110) & (ids[:, :-1] >= 110)
        assert (hidden[:, 1:] == hidden[:, :-1])[together].all()


@pytest.mark.parametrize("manner", [Manner(), Manner("all"), Manner(ngram=3), Manner("all", 10)])
@pytest.mark.parametrize("rate", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("starts", [None, STARTS], ids=["tokens", "words"])
def test_rate_and_shares_are_as_asked(manner: Manner, rate: float, starts: Any) -> None:
    inputs, targets = mask_tokens(MANY, range(110), rate, 0, range(len(MANY)), 0, VOCABULARY, manner=manner, starts=starts)
    hidden = targets != IGNORED
    assert hidden.mean() == pytest.approx(rate, abs=0.01)
    masked, stayed = (inputs[hidden] == MASK_ID).mean(), (inputs[hidden] == MANY[hidden]).mean()
    if manner.replace == "all":
        assert masked == 1
    else:
        same = 0.1 / (VOCABULARY - 110)  # of the random ones some are the token itself
        tolerance = 0.01 if manner.ngram == 1 else 0.025  # words and runs have one fate, so there are fewer to count
        assert masked == pytest.approx(0.8, abs=tolerance)
        assert stayed == pytest.approx(0.1 + same, abs=tolerance)


def test_lengths_of_runs_are_those_of_albert() -> None:
    ids, rate = MANY.reshape(100, 1024), 0.03  # so few that runs seldom touch
    targets = mask_tokens(ids, range(110), rate, 0, range(len(ids)), 0, VOCABULARY, manner=Manner("all", 3))[1]
    hidden = np.pad(targets != IGNORED, ((0, 0), (1, 1)))
    begins, ends = (np.argwhere(hidden[:, 1:] & ~hidden[:, :-1]), np.argwhere(~hidden[:, 1:] & hidden[:, :-1]))
    lengths = (ends - begins)[:, 1]
    share = np.bincount(lengths, minlength=4)[1:4] / len(lengths)
    assert share == pytest.approx([6 / 11, 3 / 11, 2 / 11], abs=0.04)


def test_a_word_longer_than_the_rate_allows_is_hidden_as_often_as_the_rate_says() -> None:
    ids = np.full((2000, 20), 150)
    starts = np.zeros(ids.shape, bool)
    targets = mask_tokens(ids, range(110), 0.15, 3, range(2000), 0, VOCABULARY, starts=starts)[1]
    hidden = (targets != IGNORED).sum(1)
    assert set(hidden) == {0, 20}
    assert (hidden == 20).mean() == pytest.approx(0.15, abs=0.025)


def test_one_token_is_hidden_and_nothing_of_special_ones_is() -> None:
    for manner, starts in ((Manner(), None), (Manner(ngram=3), np.ones((2, 3), bool))):
        ids = np.array([[3, 150, 4], [3, 4, 0]])
        inputs, targets = mask_tokens(ids, range(110), 0.15, 0, [0, 1], 0, VOCABULARY, manner=manner, starts=starts)
        assert targets.tolist() == [[IGNORED, 150, IGNORED], [IGNORED] * 3]
        assert inputs[1].tolist() == [3, 4, 0]


def test_the_key_of_a_word_is_its_own_and_special_tokens_part_words() -> None:
    ids = np.array([[150, 3, 150, 151]] * 400)
    targets = mask_tokens(ids, range(110), 0.4, 0, range(400), 0, VOCABULARY, starts=np.zeros(ids.shape, bool))[1]
    first, second = targets[:, 0] != IGNORED, targets[:, 2] != IGNORED
    assert (second == (targets[:, 3] != IGNORED)).all()
    assert (first != second).any()


def test_a_ramp_is_a_function_of_the_step() -> None:
    ramp = Ramp(0.3, 0.15, 11)
    assert [ramp.at(step) for step in (0, 5, 10, 500)] == pytest.approx([0.3, 0.225, 0.15, 0.15])
    assert [Ramp(0.3, 0.15, steps).at(0) for steps in (0, 1)] == [0.15, 0.15]
    objective = MaskedObjective(VOCABULARY, Ramp(0.1, 0.5, 101), 0)
    counts = [len(objective.collate(Windows(MANY, np.arange(len(MANY)), 0, step))["targets"]) for step in (0, 50, 100)]
    assert np.array(counts) / MANY.size == pytest.approx([0.1, 0.3, 0.5], abs=0.01)


def test_windows_know_where_words_begin_and_at_which_step_they_are_read() -> None:
    lengths = np.random.default_rng(0).integers(1, 90, 120)
    begins = np.random.default_rng(1).random(int(lengths.sum())) < 0.5
    tokens = len(SPECIAL) + np.arange(len(begins))  # each its own place
    bits = Bits(np.packbits(begins, bitorder="little"), len(begins))
    source = WindowSource(tokens, np.cumsum(lengths), 32, MASKED, 4, 3, 7, bits)
    seen = 0
    for epoch, step in ((0, 0), (0, 5), (2, 1)):
        for part in source.batches(epoch, step):
            assert part.step == epoch * source.steps_per_epoch + step
            assert part.starts is not None
            real = part.ids >= len(SPECIAL)
            assert (part.starts[real] == begins[part.ids[real] - len(SPECIAL)]).all()
            seen += real.sum()
    assert seen > 300
    assert replace(source, words=None).batches(0, 0)[0].starts is None


def test_the_column_of_the_store_comes_before_the_table() -> None:
    table = WordTable(np.ones(VOCABULARY, np.uint8), np.ones(VOCABULARY, np.uint8))  # all tokens are letters: one long word
    objective = MaskedObjective(VOCABULARY, 0.3, 0, manner=Manner("all"), words=table)
    hidden = []
    for starts in (None, STARTS):
        batch = objective.collate(Windows(MANY, np.arange(len(MANY)), 0, 0, starts))
        hidden.append((batch["input_ids"] == MASK_ID).numpy())
    assert (hidden[0].all(1) | ~hidden[0].any(1)).all()
    assert (hidden[1][:, 1:] == hidden[1][:, :-1])[~STARTS[:, 1:]].all()
    assert not (hidden[1].all(1) | ~hidden[1].any(1)).all()


def test_evaluation_knows_neither_words_nor_runs_nor_ramps() -> None:
    windows = Windows(MANY[:4], np.arange(4), 2, 9, STARTS[:4])
    table = WordTable(np.zeros(VOCABULARY, np.uint8), np.zeros(VOCABULARY, np.uint8))
    usual = MaskedObjective(VOCABULARY, 0.3, 5, evaluate=True).collate(windows)
    other = MaskedObjective(VOCABULARY, Ramp(0.9, 0.8, 3), 5, True, Manner("all", 3), table).collate(windows)
    assert all((usual[name] == other[name]).all() for name in usual)


def test_more_draws_are_the_same_first_ones() -> None:
    few, firsts = sample_draws(1, 2, [5, 6], [3, 4], 2)
    many, others = sample_draws(1, 2, [6, 5], [9, 9], 2)
    assert (few[firsts[0] : firsts[0] + 3] == many[others[1] : others[1] + 3]).all()
    assert (few[firsts[1] :] == many[:4]).all()
    reference = np.random.Philox(key=np.array([1, 2], np.uint64), counter=np.array([0, 0, 5, 2], np.uint64))
    assert (few[:3] == reference.random_raw(3)).all()
    assert sample_draws(1, 2, [], [], 2)[0].shape == (0,)


OTHER_PROCESS = """
import sys
import numpy as np
from danlu.training.masking import Manner, mask_tokens
ids = np.random.default_rng(0).integers(110, 300, (800, 128))
rows = np.arange(int(sys.argv[1]), int(sys.argv[2]))
inputs, targets = mask_tokens(ids[rows], range(110), 0.3, 0, rows, 0, 300, manner=Manner(ngram=3))
sys.stdout.buffer.write(inputs.tobytes() + targets.tobytes())
"""


def test_masks_do_not_depend_on_how_many_processes_make_them() -> None:
    whole = mask_tokens(MANY, range(110), 0.3, 0, range(800), 0, VOCABULARY, manner=Manner(ngram=3))
    for first, last in ((0, 500), (500, 800)):
        command = [sys.executable, "-c", OTHER_PROCESS, str(first), str(last)]
        done = subprocess.run(command, capture_output=True, check=True, env=dict(os.environ))
        found = np.frombuffer(done.stdout, np.int64).reshape(2, last - first, 128)
        assert (found == np.stack([one[first:last] for one in whole])).all()


@pytest.fixture
def sentences(shared_data: Path) -> list[str]:
    """A thousand real English and Chinese sentences."""
    with gzip.open(shared_data / "translation" / "tatoeba-en-zh.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.split("\t")[:2] for line in file.readlines()[5000:5500]]
    return [cell for row in rows for cell in row]


@pytest.fixture
def directory(tmp_path: Path, sentences: list[str]) -> Path:
    (tmp_path / TOKENIZER).write_text(tokenizer_text(train_tokenizer(iter(sentences), 1000)), encoding="utf-8")
    return tmp_path


def windows_of(directory: Path, sentences: list[str], starts: Any = None) -> tuple[Windows, list[bytes]]:
    """Real sentences as windows of 128, each in its own row, padded."""
    tokens, lengths = reference_encoder(plain_tokenizer(directory))(sentences)
    ids = np.zeros((len(sentences), 128), np.int64)
    begins = None if starts is None else np.ones(ids.shape, bool)
    stops = np.cumsum(lengths)
    for row, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        ids[row, : stop - start] = tokens[start:stop][:128]
        if begins is not None:
            begins[row, : stop - start] = starts(sentences[row], tokens[start:stop])[:128]
    return Windows(ids, np.arange(len(ids)), 0, 0, begins), token_bytes(directory)


def hidden_words(objective: MaskedObjective, windows: Windows, pieces: list[bytes], sentences: list[str]) -> list[Any]:
    """For each sentence its text with every hidden byte as 0."""
    batch = objective.collate(windows)
    hidden = np.zeros(windows.ids.size, bool)
    hidden[batch["places"].numpy()] = True
    rows = hidden.reshape(windows.ids.shape)
    return [
        b"".join(bytes(len(pieces[token])) if gone else pieces[token] for token, gone in zip(ids, row, strict=True) if token)
        for ids, row in zip(windows.ids, rows, strict=True)
    ]


def test_real_english_words_are_hidden_whole(directory: Path, sentences: list[str]) -> None:
    english = [text for text in sentences if text.isascii() and len(text) < 100]
    windows, pieces = windows_of(directory, english)
    objective = MaskedObjective(len(pieces), 0.3, 0, manner=Manner("all"), words=WordTable.of(pieces))
    count = 0
    for text, seen in zip(english, hidden_words(objective, windows, pieces, english), strict=True):
        start = 0
        while start < len(text):  # by the text alone: the letters of a word are all there or all gone
            stop = start + 1
            while stop < len(text) and text[start].isalpha() and text[stop].isalpha():
                stop += 1
            gone = {byte == 0 for byte in seen[start:stop]}
            assert len(gone) == 1, (text, text[start:stop])
            count += text[start].isalpha() and gone == {True}
            start = stop
    assert count > 200


def test_real_chinese_words_are_hidden_whole(directory: Path, sentences: list[str]) -> None:
    rjieba = pytest.importorskip("rjieba", reason="rjieba, of the extra `words`, is not installed")
    chinese = [text for text in sentences if not text.isascii() and len(text) < 60]
    words = Words.of("rjieba", directory)

    def starts(text: str, tokens: Any) -> Any:
        return words.starts([text], Encoded(tokens, np.array([len(tokens)])))

    windows, pieces = windows_of(directory, chinese, starts)
    objective = MaskedObjective(len(pieces), 0.3, 0, manner=Manner("all"), words=words.table)
    long = 0
    for text, seen in zip(chinese, hidden_words(objective, windows, pieces, chinese), strict=True):
        start = 0
        for word in rjieba.cut(text):
            stop = start + len(word.encode())
            gone = {byte == 0 for byte in seen[start:stop]}
            assert len(gone) == 1, (text, word)
            long += len(word) > 1 and gone == {True}
            start = stop
    assert long > 100
