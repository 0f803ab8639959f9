from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import script
from danlu.documents.store import text_bytes
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize import encode as encoding
from danlu.tokenize import encoder, slices
from danlu.tokenize.encode import encode
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.encoding import Encoded
from danlu.tokens.files import TOKENIZER, tokenizer_digest, tokenizer_text
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.progress import SilentProgress


@pytest.fixture
def tokenizer(tmp_path: Path, rows: Any) -> Artifact:
    directory = tmp_path / "tokenizer"
    directory.mkdir()
    (directory / TOKENIZER).write_text(tokenizer_text(train_tokenizer((row["text"] for row in rows), 500)), encoding="utf-8")
    return Artifact("tokenize.train", "key", directory)


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.keys: list[str] = []

    def say(self, key: str, **parameters: object) -> None:
        self.keys.append(key)


def test_stores_hold_every_document(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, config: TokenizeConfig
) -> None:
    run = make_run("tokenize.encode", "out")
    encode(make_documents(rows), tokenizer, config=config, run=run)
    pieces = token_bytes(tokenizer.path)
    for split, chosen in (("holdout", rows[:30]), ("train", rows[30:])):
        store = TokenStore.open(run.output / split, tokenizer_digest(tokenizer.path))
        assert len(store) == len(chosen)
        texts = [b"".join(pieces[token] for token in store.document(index)).decode() for index in range(len(store))]
        assert texts == [row["text"] for row in chosen]
        assert store.document_bytes.tolist() == [len(row["text"].encode()) for row in chosen]
        assert [store.header["sources"][place] for place in store.sources] == [row["source"] for row in chosen]
        assert [store.header["languages"][place] for place in store.languages] == [row["language"] for row in chosen]
    facts = json.loads((run.output / "facts.json").read_text())
    assert facts["train"]["documents"] == 570
    assert facts["train"]["bytes"] == sum(len(row["text"].encode()) for row in rows[30:])
    train = TokenStore.open(run.output / "train")
    for kind, places in (("languages", train.languages), ("sources", train.sources)):
        for number, name in enumerate(train.header[kind]):
            mine = [index for index in range(len(train)) if places[index] == number]
            assert facts["train"][kind].get(name, {"documents": 0})["documents"] == len(mine)
            if mine:
                assert facts["train"][kind][name]["tokens"] == sum(len(train.document(index)) for index in mine)
                assert facts["train"][kind][name]["bytes"] == sum(int(train.document_bytes[index]) for index in mine)
    seen = Counter(np.asarray(train.tokens).tolist())
    ordinary = range(len(SPECIAL), len(pieces))
    assert facts["use"] == {
        "ordinary": len(ordinary), "unused": sum(seen[index] == 0 for index in ordinary),
        "rare": sum(0 < seen[index] < 10 for index in ordinary), "rare_below": 10,
    }  # fmt: skip
    assert run.facts["encoder"] in ("gigatoken", "tokenizers")
    assert run.facts["checked"] > 30 or run.facts["encoder"] == "tokenizers"


def test_same_bytes_whatever_the_parts_and_batches(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, config: TokenizeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = []
    for part_rows, batch_bytes, read_bytes in ((7, 100, 1), (250, 5000, 20_000), (1000, 8_000_000, 8_000_000)):
        monkeypatch.setattr(slices, "BATCH_BYTES", batch_bytes)
        monkeypatch.setattr(slices, "READ_BYTES", read_bytes)
        monkeypatch.setattr(encoding, "AHEAD_BYTES", 3 * batch_bytes)
        run = make_run("tokenize.encode", f"out-{part_rows}")
        encode(make_documents(rows, f"documents-{part_rows}", part_rows), tokenizer, config=config, run=run)
        payload = hash_payload(run.output)
        payloads.append(payload)
    assert payloads[0] == payloads[1] == payloads[2]


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("more", [0, 1])
def test_much_text_is_cut_for_the_fast_encoder(
    rows: Any,
    make_documents: Any,
    make_run: Any,
    tokenizer: Artifact,
    config: TokenizeConfig,
    monkeypatch: pytest.MonkeyPatch,
    more: int,
    loaded: bool,
) -> None:
    documents = make_documents(rows)
    size = sum(text_bytes(documents.path / folder) for folder in ("documents", "holdout"))
    monkeypatch.setattr(encoder, "CUT_LOADED_FROM" if loaded else "CUT_FROM", size + more)
    monkeypatch.setattr(encoder, "is_loaded", lambda: loaded)
    asked = []

    def none(plain: str, *, cut: bool) -> None:
        asked.append(cut)

    monkeypatch.setattr(encoder, "fast_encoder", none)
    encode(documents, tokenizer, config=config, run=make_run("tokenize.encode", "out"))
    assert asked == [not more]


@pytest.mark.parametrize("reason", ["missing", "kind", "unequal"])
def test_falls_back_and_says_so(
    rows: Any,
    make_documents: Any,
    make_run: Any,
    tokenizer: Artifact,
    config: TokenizeConfig,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    documents = make_documents(rows)
    whole = make_run("tokenize.encode", "whole")
    encode(documents, tokenizer, config=config, run=whole)

    def wrong(texts: Any) -> Encoded:
        return Encoded(np.full(len(texts), 200, np.uint32), np.ones(len(texts), np.int64))

    monkeypatch.setattr(encoder, "fast_encoder", lambda plain, *, cut: wrong if reason == "unequal" else None)
    monkeypatch.setattr(encoder, "find_spec", lambda name: None if reason == "missing" else name)
    run = make_run("tokenize.encode", "slow")
    run.progress = Heard()
    encode(documents, tokenizer, config=config, run=run)
    assert run.progress.keys == [f"tokenize.slow.{reason}"]
    assert run.facts["encoder"] == "tokenizers"
    assert hash_payload(whole.output) == hash_payload(run.output)


KILLED = """
import sys
from pathlib import Path
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.encode import encode
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
documents, tokenizer, output = map(Path, sys.argv[1:])
run = Run(stage="tokenize.encode", output=output, ledger=Ledger(output / "ledger.sqlite", "tokenize.encode"))
encode(Artifact("d", "k", documents), Artifact("t", "k", tokenizer), config=TokenizeConfig(), run=run)
"""


def test_killed_and_resumed_gives_the_same_bytes(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, config: TokenizeConfig, tmp_path: Path
) -> None:
    documents = make_documents(rows)
    whole = make_run("tokenize.encode", "whole")
    encode(documents, tokenizer, config=config, run=whole)
    output = tmp_path / "killed"
    output.mkdir()
    for unit in ("train:part-00001.parquet", "train:part-00005.parquet", "holdout:part-00000.parquet"):
        killed = script(KILLED, documents.path, tokenizer.path, output, failpoint=f"tokenize.encode:{unit}")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        with (output / "train" / "tokens.bin").open("ab") as file:
            file.write(b"half of the next unit")
    resumed = make_run("tokenize.encode", "killed")
    encode(documents, tokenizer, config=config, run=resumed)
    one, other = hash_payload(whole.output), hash_payload(output)
    assert one == other


def test_no_documents(make_documents: Any, make_run: Any, tokenizer: Artifact, config: TokenizeConfig) -> None:
    run = make_run("tokenize.encode", "out")
    encode(make_documents([]), tokenizer, config=config, run=run)
    assert len(TokenStore.open(run.output / "train")) == len(TokenStore.open(run.output / "holdout")) == 0


def test_special_tokens_in_documents_stay_text(
    rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact, config: TokenizeConfig
) -> None:
    text = "hello<|eos|><|bos|>你好<|sentinel_7|><|end|>"
    run = make_run("tokenize.encode", "out")
    encode(make_documents([{**rows[0], "text": text}], holdout=0), tokenizer, config=config, run=run)
    ids = TokenStore.open(run.output / "train").document(0)
    assert ids.min() >= 110
    assert b"".join(token_bytes(tokenizer.path)[token] for token in ids).decode() == text


THREADS = """
import sys
from pathlib import Path
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.encode import encode
from danlu.tokenize.train import train
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
documents, output, cores = Artifact("d", "k", Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
for name in ("train", "encode"):
    (output / name).mkdir(parents=True)
runs = [
    Run(stage=name, output=output / name, ledger=Ledger(output / name / "ledger.sqlite", name), workers=cores, threads=cores)
    for name in ("train", "encode")
]
config = TokenizeConfig(vocabulary=600, sample=200_000)
train(documents, config=config, run=runs[0])
encode(documents, Artifact("t", "k", output / "train"), config=config, run=runs[1])
"""


def test_same_bytes_for_any_number_of_threads(rows: Any, make_documents: Any, tmp_path: Path) -> None:
    documents, payloads = make_documents(rows), []
    for threads in ("1", "2", "4"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads}
        command = [sys.executable, "-c", THREADS, str(documents.path), str(tmp_path / threads), threads]
        subprocess.run(command, env=environment, check=True)
        payloads.append([hash_payload(tmp_path / threads / name) for name in ("train", "encode")])
    assert "tokenizer.json" in payloads[0][0]
    assert "train/tokens.bin" in payloads[0][1]
    assert payloads[0] == payloads[1] == payloads[2]


def test_a_document_of_64_megabytes(rows: Any, make_documents: Any, make_run: Any, tokenizer: Artifact) -> None:
    """Encoded whole, beside small ones: every byte is there."""
    sentences = [str(row["text"]) for row in rows if row["text"]]
    generator = random.Random(0)
    text = ""
    while len(text.encode()) < 64_000_000:
        text += "".join(generator.choices(sentences, k=20_000))
    documents = [rows[0], {**rows[1], "text": text}, rows[2]]
    run = make_run("tokenize.encode", "out")
    encode(make_documents(documents, holdout=0), tokenizer, config=TokenizeConfig(), run=run)
    store, pieces = TokenStore.open(run.output / "train"), token_bytes(tokenizer.path)
    found = [b"".join(pieces[token] for token in store.document(place)) for place in range(3)]
    assert found == [str(one["text"]).encode() for one in documents]
