"""Pretraining on a mixture: read in the shares asked for, nothing of a source that is left out, the same bytes after a stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danlu.pretrain.data import Texts
from danlu.pretrain.decay import decay
from danlu.pretrain.mixing import mixed_sample
from danlu.pretrain.trunk import trunk
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenBatch, TokenStore, write_store
from danlu.training.mixture import MixtureSource
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.files import read_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

SOURCES = ("law", "wiki", "forum", "gone")
DOCUMENTS = (40, 300, 160, 0)
FIRST = len(SPECIAL)


@pytest.fixture(scope="module")
def mixed(tokenizer: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A store in which tokens tell their source: those of source s are FIRST + 60 s to FIRST + 60 s + 59."""
    path = tmp_path_factory.mktemp("mixed")
    draw = np.random.default_rng(0)
    sources = draw.permutation(np.repeat(np.arange(4), DOCUMENTS))
    for name, some in (("train", sources), ("holdout", sources[:20])):
        lengths = draw.integers(1, 70, len(some))
        tokens = FIRST + 60 * np.repeat(some, lengths) + draw.integers(0, 60, lengths.sum())
        batch = TokenBatch(tokens, lengths, some, np.zeros(len(some)), lengths * 3)
        digest = tokenizer_digest(tokenizer.path)
        write_store(path / name, [batch], vocabulary=512, sources=SOURCES, languages=["en"], tokenizer_digest=digest)
    return Artifact("tokenize.encode", "key", path)


def make_config(**options: Any) -> PretrainConfig:
    model = {"family": "gpt", "size": "nano"}
    values = {"budget": "12 steps", "length": 32, "batch_tokens": 256, "compile": "never", **options}
    return PretrainConfig.model_validate({"model": model, "objective": "clm", **values})


def make_run(path: Path, stage: str = "pretrain.trunk") -> Run:
    path.mkdir(parents=True, exist_ok=True)
    return Run(stage=stage, output=path, ledger=Ledger(path / "ledger.sqlite", stage), threads=1)


def open_texts(mixed: Artifact, tokenizer: Artifact, path: Path, **options: Any) -> Texts:
    return Texts.open(mixed, tokenizer, make_config(**options), make_run(path))


def source_of(ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The source of each window."""
    return np.array([(row[row >= FIRST][0] - FIRST) // 60 for row in ids])


def test_steps_have_the_shares_of_the_recipe(mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    mixture = {"law": 1, "wiki": 2, "forum": 0}
    texts = open_texts(mixed, tokenizer, tmp_path, mixture=mixture)
    source = texts.source(8, 4)
    assert isinstance(source, MixtureSource)
    kinds = [source_of(np.concatenate([part.ids for part in source.batches(0, step)])) for step in range(30)]
    assert all(abs((kind == 0).sum() - 8 / 3) < 2 and (kind == 1).sum() == 8 - (kind == 0).sum() for kind in kinds)
    assert abs(sum((kind == 0).sum() for kind in kinds) - 80) < 1
    assert texts.windows == sum(len(stream.plan(0)) for stream in source.streams.values())
    lengths, sources = texts.train.lengths(), texts.train.sources
    assert texts.epoch_tokens == lengths[sources < 2].sum()


def test_counting_reads_nothing_of_a_source_that_is_left_out(mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    texts = open_texts(mixed, tokenizer, tmp_path, mixture={"law": 3, "forum": 1})
    tokens, ends = texts.counted()
    for found in (texts.counts, np.bincount(tokens, minlength=512)):
        assert found[FIRST + 60 : FIRST + 120].sum() == 0
        assert found[FIRST : FIRST + 60].sum() > 0
        assert found[FIRST + 120 : FIRST + 180].sum() > 0
    counts = texts.counts
    assert counts[FIRST : FIRST + 60].sum() / counts.sum() == pytest.approx(0.75, abs=0.01)
    assert counts.sum() == pytest.approx(texts.epoch_tokens, rel=0.01)
    documents = np.split(tokens, ends[:-1])
    assert all(len(set(source_of(document[None]))) == 1 for document in documents if len(document))
    some, _ = mixed_sample(texts.train, {"law": 3.0, "forum": 1.0}, 400)
    assert (some < FIRST + 60).mean() == pytest.approx(0.75, abs=0.15)
    assert len(some) < 700


def test_without_a_mixture_nothing_changes(mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    config = make_config()
    assert {"mixture", "curriculum", "attention"}.isdisjoint(config.identity())
    assert {"mixture", "curriculum"} <= set(make_config(mixture={"law": 1}, curriculum={"by": "length"}).identity())
    texts = open_texts(mixed, tokenizer, tmp_path)
    assert not isinstance(texts.source(8, 4), MixtureSource)
    assert texts.epoch_tokens == len(texts.train.tokens)
    assert texts.counted()[0] is texts.train.tokens


@pytest.mark.parametrize("by", ["length", "difficulty"])
def test_a_curriculum_without_a_mixture(by: str, mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    texts = open_texts(mixed, tokenizer, tmp_path, curriculum={"by": by, "steps": 20})
    source = texts.source(8, 4)
    plain = open_texts(mixed, tokenizer, tmp_path).source(8, 4)
    assert source.steps_per_epoch == plain.steps_per_epoch
    first, later = (
        [np.concatenate([part.ids for step in steps for part in one.batches(0, step)]) for one in (source, plain)]
        for steps in (range(20), range(20, 24))
    )
    assert np.array_equal(*later)
    assert not np.array_equal(*first)
    assert sorted(map(tuple, first[0])) == sorted(map(tuple, first[1]))


def test_it_trains_says_what_it_read_and_survives_a_stop(mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    options = {"mixture": {"law": 0.7, "wiki": 0.3}, "curriculum": {"by": "length", "steps": 4}, "attention": "document"}
    config = make_config(**options)

    def train(path: Path, *, stop: bool = False) -> tuple[Run, Run]:
        runs = make_run(path / "trunk"), make_run(path / "decay", "pretrain.decay")
        begun = Artifact("pretrain.trunk", "key", path / "trunk")
        for run, work in zip(runs, (trunk, decay), strict=True):
            inputs = {"tokens": mixed, "tokenizer": tokenizer, **({} if work is trunk else {"trunk": begun})}
            if not stop:
                work(**inputs, config=config, run=run)
                continue
            name = "pretrain" if work is trunk else "decay"
            made = tmp_path / "whole" / path_of[work] / "resolved.json"
            run.resolve(name, lambda made=made, name=name: read_json(made)[name])  # type: ignore[misc]
            stops = 0
            while True:
                run.cancelled = Soon()
                try:
                    work(**inputs, config=config, run=run)
                    break
                except Interrupted:
                    stops += 1
            assert 1 <= stops <= 8
        return runs

    path_of: dict[object, str] = {trunk: "trunk", decay: "decay"}

    class Soon(threading.Event):
        """Set after having been asked a few times: some steps later."""

        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 3

    whole = train(tmp_path / "whole")
    facts = read_json(whole[1].output / "facts.json")
    texts = Texts.open(mixed, tokenizer, config, make_run(tmp_path / "again"))
    law = texts.source(8, 8).streams["law"].windows_in_pass  # type: ignore[union-attr]
    assert facts["mixture"]["law"] == {"share": 0.7, "epochs": round(0.7 * 12 * 8 / law, 4)}
    assert facts["mixture"]["wiki"]["share"] == 0.3
    assert facts["attention"] == "document"
    assert facts["curriculum"] == {"by": "length", "steps": 4}
    assert facts["epochs"] == round(12 / texts.source(8, 8).steps_per_epoch, 4)
    (said,) = [reason for reason in whole[0].facts["reasons"] if "mixture" in reason]
    assert f"law 70% × {0.7 * 12 * 8 / law:.2f}" in said
    stopped = train(tmp_path / "stopped", stop=True)
    for one, other in zip(whole, stopped, strict=True):
        assert hash_payload(one.output) == hash_payload(other.output)


def test_a_source_without_text_is_named(mixed: Artifact, tokenizer: Artifact, tmp_path: Path) -> None:
    texts = open_texts(mixed, tokenizer, tmp_path, mixture={"gone": 1, "law": 1})
    with pytest.raises(DanluError) as caught:
        texts.source(8, 8)
    assert caught.value.key == "pretrain.empty-source"
    for language in ("en", "zh"):
        said = caught.value.explain(language)
        assert "gone" in said["what"]
        assert "law" in said["cause"]
        assert "gone" not in said["cause"]
    assert texts.config.mixture is not None
    texts = open_texts(mixed, tokenizer, tmp_path / "b", mixture={"gone": 0, "law": 1})
    assert texts.source(8, 8).steps_per_epoch


def test_runs_of_documents_are_bounded_and_whole(mixed: Artifact) -> None:
    store = TokenStore.open(mixed / "train")
    for most in (1, 100, 10**9):
        runs = list(store.runs(most))
        assert [place for documents, _ in runs for place in range(len(store))[documents]] == list(range(len(store)))
        assert [place for _, tokens in runs for place in range(len(store.tokens))[tokens]] == list(range(len(store.tokens)))
        for documents, tokens in runs:
            assert tokens.stop == store.ends[documents.stop - 1]
            assert tokens.stop - tokens.start <= most or documents.stop - documents.start == 1
