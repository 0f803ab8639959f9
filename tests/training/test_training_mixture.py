"""Mixtures of streams: every window of every pass once, the same order from any step on and for any number of processes."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokens.bits import Bits
from danlu.tokens.curriculum import document_scores, easy_first
from danlu.tokens.packing import CAUSAL, MASKED, PLAIN
from danlu.tokens.store import TokenBatch, TokenStore, write_store
from danlu.tokens.stream import Stream
from danlu.training.mixture import MixtureSource
from danlu.training.windows import WindowSource

FIRST = 200  # ids of real tokens: their place in the store, from here on
LENGTH = 16


def make_store(
    seed: int, documents: int, most: int = 40
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(tokens, ends, source of each document): three sources in no order, every token another id, some documents empty."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(0, most, documents)
    ends = np.cumsum(lengths).astype(np.uint64)
    return np.arange(FIRST, FIRST + int(lengths.sum())), ends, draw.integers(0, 3, documents)


def make_mixture(seed: int, weights: dict[str, float], windows: int = 7, **options: Any) -> MixtureSource:
    tokens, ends, sources = make_store(seed, 300)
    streams = {
        name: Stream(tokens, ends, LENGTH, CAUSAL, seed, only=np.flatnonzero(sources == place))
        for place, name in enumerate("abc")
    }
    return MixtureSource(streams, weights, windows, 3, **options)


def ids_of(source: MixtureSource | WindowSource, epoch: int, step: int) -> np.ndarray[Any, Any]:
    return np.concatenate([part.ids for part in source.batches(epoch, step)])


WEIGHTS = st.fixed_dictionaries({name: st.sampled_from([0.0, 0.1, 0.25, 1, 3]) for name in "abc"}).filter(
    lambda weights: any(weights.values())
)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 5), WEIGHTS, st.integers(1, 11))
def test_every_pass_of_a_source_has_each_token_once(seed: int, weights: dict[str, float], windows: int) -> None:
    source = make_mixture(seed, weights, windows)
    tokens, ends, sources = make_store(seed, 300)
    source_of = np.repeat(sources, np.diff(ends.astype(np.int64), prepend=0))
    steps = 2 * source.steps_per_epoch + 1
    rows = np.concatenate([ids_of(source, *divmod(step, source.steps_per_epoch)) for step in range(steps)])
    kinds = np.array([source_of[row[row >= FIRST][0] - FIRST] for row in rows])
    for place, name in enumerate("abc"):
        mine = rows[kinds == place]
        assert np.all(source_of[mine[mine >= FIRST] - FIRST] == place)  # no window of two sources
        share = weights[name] / sum(weights.values())
        taken = np.cumsum(kinds == place)
        assert np.all(np.abs(taken - np.arange(1, len(rows) + 1) * share) < 1 + 1e-9)
        by_step = (kinds == place).reshape(steps, windows).sum(axis=1)
        assert np.all(np.abs(by_step - windows * share) < 2)
        if not share:
            assert not len(mine)
            continue
        each = source.streams[name].windows_in_pass
        for number in range(len(mine) // each):
            seen = mine[number * each : (number + 1) * each]
            assert sorted(seen[seen >= FIRST].tolist()) == tokens[source_of == place].tolist()
        if len(mine) >= 2 * each and each > 5:
            assert not np.array_equal(mine[:each], mine[each : 2 * each])  # shuffled anew
        assert source.passes(steps)[name] == pytest.approx(steps * windows * share / each)
        assert abs(len(mine) / each - source.passes(steps)[name]) < 1 / each


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 3), WEIGHTS, st.integers(0, 200), st.sampled_from([1, 2, 3, 4]))
def test_any_step_for_any_number_of_processes(seed: int, weights: dict[str, float], step: int, ranks: int) -> None:
    """What a process that starts at a step reads, without anything before it, is what one that went there reads."""
    whole = make_mixture(seed, weights)
    at = divmod(step, whole.steps_per_epoch)
    for before in range(0, step, 17):
        whole.batches(*divmod(before, whole.steps_per_epoch))
    expected = whole.batches(*at)
    parts = [make_mixture(seed, weights, rank=rank, ranks=ranks).batches(*at) for rank in range(ranks)]
    assert np.array_equal(np.concatenate([p.ids for p in expected]), np.concatenate([p.ids for r in parts for p in r]))
    assert [n for p in expected for n in p.numbers] == [n for r in parts for p in r for n in p.numbers]  # so equal masks too
    sizes = [sum(len(p.ids) for p in rank) for rank in parts]
    assert max(sizes) - min(sizes) <= 1


def test_ranks_of_one_store() -> None:
    tokens, ends, _ = make_store(1, 300)
    whole = WindowSource(tokens, ends, LENGTH, MASKED, 8, 3, 5)
    parts = [WindowSource(tokens, ends, LENGTH, MASKED, 8, 3, 5, rank=rank, ranks=3) for rank in range(3)]
    for epoch, step in ((0, 0), (2, whole.steps_per_epoch - 1)):
        assert np.array_equal(ids_of(whole, epoch, step), np.concatenate([ids_of(part, epoch, step) for part in parts]))
    with pytest.raises(ValueError, match="too small for 9 processes"):
        WindowSource(tokens, ends, LENGTH, MASKED, 8, 3, 5, rank=0, ranks=9).batches(0, 0)


def test_numbers_of_windows_never_come_twice_in_an_epoch() -> None:
    source = make_mixture(0, {"a": 1, "b": 5})
    numbers = [n for step in range(source.steps_per_epoch) for part in source.batches(0, step) for n in part.numbers]
    assert numbers == list(range(source.steps_per_epoch * source.windows))


def test_an_epoch_is_one_pass_of_all_sources_together() -> None:
    source = make_mixture(0, {"a": 1, "b": 1, "c": 0}, windows=2)
    assert source.steps_per_epoch == (source.streams["a"].windows_in_pass + source.streams["b"].windows_in_pass) // 2
    by_size = {name: source.streams[name].windows_in_pass for name in "abc"}
    even = make_mixture(0, {name: float(size) for name, size in by_size.items()}, windows=1)
    assert even.mean_passes(even.steps_per_epoch) == pytest.approx(1)
    tilted = make_mixture(0, {"a": 100.0, "b": 1.0}, windows=1)
    assert tilted.mean_passes(tilted.steps_per_epoch) > 1.5  # most of what is read is read again


def test_stores_of_their_own_make_a_mixture() -> None:
    streams = {}
    for seed, name in enumerate("xy"):
        tokens, ends, _ = make_store(seed, 100 * (seed + 1))
        streams[name] = Stream(tokens + 10_000 * seed, ends, LENGTH, PLAIN, 3)
    source = MixtureSource(streams, {"x": 0.25, "y": 0.75}, 8, 8)
    rows = np.concatenate([ids_of(source, 0, step) for step in range(10)])
    assert (rows[:, 0] >= 10_000).mean() == 0.75


@pytest.mark.parametrize("weights", [{"a": -1.0, "b": 2.0}, {"a": 0.0}, {}])
def test_weights_that_are_none(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="negative"):
        make_mixture(0, weights)


def test_unknown_and_empty_streams() -> None:
    with pytest.raises(ValueError, match="no stream is called d"):
        make_mixture(0, {"d": 1.0})
    empty = Stream(np.empty(0, np.uint16), np.zeros(3, np.uint64), LENGTH, PLAIN, 0)
    with pytest.raises(ValueError, match="needs a document"):
        MixtureSource({"e": empty}, {"e": 1.0}, 1, 1).batches(0, 0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=300), st.integers(0, 3))
def test_nothing_hard_comes_early_and_nothing_is_left_out(values: list[float], seed: int) -> None:
    scores = np.array(values)
    order = easy_first(scores, seed)
    assert sorted(order.tolist()) == list(range(len(values)))
    rank = np.empty(len(values))
    rank[np.argsort(scores, kind="stable")] = (np.arange(len(values)) + 0.5) / max(1, len(values))
    place = np.argsort(order)
    # of the windows before one of rank p, all have a key below p: at least p^2 of them are expected
    for share in (0.25, 0.5, 0.75):
        early = rank[order[: int(len(values) * share**2 * 0.6)]]
        assert len(values) < 100 or early.max(initial=0) <= share + 0.1
    assert len(values) < 100 or len(set(values)) < 50 or np.corrcoef(rank, place)[0, 1] > 0.3


def test_a_curriculum_leads_and_then_ends() -> None:
    tokens, ends, _ = make_store(2, 400)
    lengths = np.diff(ends.astype(np.int64), prepend=0).astype(float)
    plain = Stream(tokens, ends, LENGTH, CAUSAL, 4)
    led = Stream(tokens, ends, LENGTH, CAUSAL, 4, scores=lengths, led=60)
    numbers = np.arange(2 * plain.windows_in_pass)
    one, other = plain.windows(numbers), led.windows(numbers)
    assert np.array_equal(one[60:], other[60:])
    assert not np.array_equal(one[:60], other[:60])
    assert sorted(map(tuple, one[:60])) == sorted(map(tuple, other[:60]))  # the same windows: a fair sample, in another order
    document = np.repeat(np.arange(len(lengths)), lengths.astype(int))
    mean = np.array([lengths[document[row[row >= FIRST] - FIRST]].mean() for row in other[:60]])
    assert mean[:15].max() <= np.sort(mean)[40]
    assert np.array_equal(led.windows(np.array([59, 3])), other[[59, 3]])


def test_difficulty_knows_no_language(tmp_path: Path) -> None:
    """Chinese takes more tokens a byte here; both languages are ranked among themselves."""
    draw = np.random.default_rng(0)
    languages = draw.integers(0, 2, 100)
    sizes = draw.integers(50, 100, 100)
    lengths = np.where(languages == 0, sizes // 2, sizes // 5) + draw.integers(0, 4, 100)
    batch = TokenBatch(np.zeros(lengths.sum(), np.int64), lengths, np.zeros(100), languages, sizes)
    write_store(tmp_path, [batch], vocabulary=512, sources=["s"], languages=["zh-Hans", "en"], tokenizer_digest="t")
    scores = document_scores(TokenStore.open(tmp_path), "difficulty")
    for language in (0, 1):
        mine = scores[languages == language]
        assert mine.mean() == pytest.approx(0.5)
        density = (lengths / sizes)[languages == language]
        assert np.array_equal(np.argsort(mine), np.argsort(density, kind="stable"))
    assert document_scores(TokenStore.open(tmp_path), "length").tolist() == lengths.tolist()


def test_memory_does_not_grow_on_the_way() -> None:
    source = make_mixture(3, {"a": 1, "b": 2, "c": 0.1})
    peaks = []
    tracemalloc.start()
    for steps in (range(200), range(200, 1000)):  # many passes each
        tracemalloc.reset_peak()
        for step in steps:
            source.batches(*divmod(step, source.steps_per_epoch))
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0], "some kilobytes come and go"


def test_where_words_begin_comes_with_the_ids() -> None:
    tokens, ends, sources = make_store(5, 200)
    begins = np.random.default_rng(0).integers(0, 2, len(tokens)).astype(np.uint8)
    words = Bits(np.packbits(begins, bitorder="little"), len(tokens))
    streams = {
        name: Stream(tokens, ends, LENGTH, CAUSAL, 1, only=np.flatnonzero(sources == place), words=words)
        for place, name in enumerate("abc")
    }
    source = MixtureSource(streams, {"a": 1, "b": 1, "c": 3}, 7, 3)
    for epoch, step in ((0, 0), (3, 5)):
        for part in source.batches(epoch, step):
            assert part.step == epoch * source.steps_per_epoch + step
            assert part.starts is not None
            real = part.ids >= FIRST
            assert np.array_equal(part.starts[real], begins[part.ids[real] - FIRST] == 1)
    assert make_mixture(0, {"a": 1}).batches(0, 0)[0].starts is None
