"""The tokenizer in GGUF: what gguf's own reader finds is the tokenizer, and llama.cpp's ids are those of tokenizers."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from commands import danlu as command
from danlu.recipe.tokenize import Digits, Kind
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.alphabet import byte_alphabet
from danlu.tokens.files import CONFIG, TOKENIZER, merges_of, tokenizer_config, tokenizer_text, vocabulary_of
from danlu.tokens.llama import export_llama, unlike
from danlu.tokens.pretokenizer import layout, splits
from danlu.tokens.special import BOS_ID, END_ID, EOS_ID, MASK_ID, PAD_ID, SEP_ID, SPECIAL
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json

UNICODE_16 = re.compile(
    "[\u0897\u1b4e\u1b4f\u1b7f\u1c89\u1c8a\u2427-\u2429\u31e4\u31e5\ua7cb-\ua7cd\ua7da-\ua7dc\U000105c0-\U000105ff"
    "\U00010d40-\U00010d8f\U00010ec2-\U00010ec4\U00010efc\U00011380-\U000113ff\U000116d0-\U000116ff\U00011bc0-\U00011bff"
    "\U00011f5a\U00013460-\U000143ff\U00016100-\U0001613f\U00016d40-\U00016d7f\U0001cc00-\U0001cebf\U0001e5d0-\U0001e5ff"
    "\U0001f8b2-\U0001f8c1\U0001fa89\U0001fa8f\U0001fabe\U0001fac6\U0001fadc\U0001fadf\U0001fae9\U0001fbcb-\U0001fbef]"
)
"""Where characters came with Unicode 16, which llama.cpp's tables lack."""


def save(content: dict[str, Any], directory: Path) -> Path:
    directory.mkdir()
    (directory / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    write_json(directory / CONFIG, tokenizer_config())
    return directory


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    texts = ["The cat sat on the mat, and the dog didn't. 12345 things!\n", "今天的天气很好，我们去公园散步。一九九八年３％。"]
    return train_tokenizer(iter(texts * 9), 600)


@pytest.fixture(scope="module")
def bordered(content: dict[str, Any]) -> dict[str, Any]:
    """Every two bytes are a token, so that ids show each border that texts are cut at."""
    found = copy.deepcopy(content)
    bytes_ = sorted(byte_alphabet())
    pairs = [[one, other] for one in bytes_ for other in bytes_]
    names = [*SPECIAL, *bytes_, *map("".join, pairs)]
    found["model"] |= {"vocab": {name: place for place, name in enumerate(names)}, "merges": pairs}
    return found


def test_what_the_reader_of_gguf_finds_is_the_tokenizer(content: dict[str, Any], tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf, of the extra `export`, is not installed")
    count = export_llama(save(content, tmp_path / "made"), tmp_path / "a/new/tokenizer.gguf")
    found = {name: field.contents() for name, field in gguf.GGUFReader(tmp_path / "a/new/tokenizer.gguf").fields.items()}
    names = vocabulary_of(content)
    assert {name: place for place, name in enumerate(found["tokenizer.ggml.tokens"])} == names
    assert count == len(names) == len(found["tokenizer.ggml.tokens"])
    assert [pair.split(" ") for pair in found["tokenizer.ggml.merges"]] == merges_of(content)
    types = [gguf.TokenType(kind) for kind in found["tokenizer.ggml.token_type"]]
    assert types == [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (count - len(SPECIAL))
    assert (found["tokenizer.ggml.model"], found["tokenizer.ggml.pre"]) == ("gpt2", "deepseek-v3")
    ids = {name.split(".")[-1].removesuffix("_token_id"): value for name, value in found.items() if name.endswith("_token_id")}
    assert ids == {
        "bos": BOS_ID, "eos": EOS_ID, "eot": END_ID, "padding": PAD_ID, "seperator": SEP_ID, "mask": MASK_ID,
    }  # fmt: skip
    assert not found["tokenizer.ggml.add_bos_token"]
    assert not found["tokenizer.ggml.add_eos_token"]
    export_llama(tmp_path / "made", tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == (tmp_path / "a/new/tokenizer.gguf").read_bytes()
    assert [path.name for path in (tmp_path / "a/new").iterdir()] == ["tokenizer.gguf"]


def test_the_layout_is_what_training_writes(content: dict[str, Any]) -> None:
    digits: Digits
    for digits in (1, 2, 3):
        made = train_tokenizer(iter(["1234 老人"] * 9), 520, digits=digits)
        assert made["pre_tokenizer"] == layout(splits(digits))
        assert unlike(made) == ("" if digits == 3 else "digits")


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_other_types_are_refused_with_the_reason(kind: Kind, tmp_path: Path) -> None:
    made = save(train_tokenizer(iter(["the old 老人 的"] * 99), 800, kind), tmp_path / "made")
    with pytest.raises(DanluError) as caught:
        export_llama(made, tmp_path / "x.gguf")
    assert caught.value.key == f"export.llama.{kind}"
    assert "digits: 3}" in caught.value.explain("en")["remedy"]
    assert caught.value.explain("zh")["cause"] != caught.value.explain("en")["cause"]
    assert not (tmp_path / "x.gguf").exists()


def changed(name: str) -> Callable[[dict[str, Any]], Any]:
    return {
        "normaliser": lambda content: content.update(normalizer={"type": "NFC"}),
        "no pre-tokeniser": lambda content: content.update(pre_tokenizer=None),
        "other borders": lambda content: content["pre_tokenizer"]["pretokenizers"].pop(0),
        "other special tokens": lambda content: content["added_tokens"].pop(),
        "whole words": lambda content: content["model"].update(ignore_merges=True),
        "dropout": lambda content: content["model"].update(dropout=0.1),
    }[name]


@pytest.mark.parametrize(
    "name", ["normaliser", "no pre-tokeniser", "other borders", "other special tokens", "whole words", "dropout"]
)
def test_what_is_not_danlus_own_is_refused(content: dict[str, Any], name: str) -> None:
    found = copy.deepcopy(content)
    changed(name)(found)
    assert unlike(content) == ""
    assert unlike(found) == "foreign"


def test_what_goes_wrong_is_said_and_leaves_nothing(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(content, tmp_path / "made")
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    for target, key in (("there", "workspace.taken"), ("file/x.gguf", "workspace.not-a-folder")):
        pytest.importorskip("gguf", reason="gguf, of the extra `export`, is not installed")
        with pytest.raises(DanluError) as caught:
            export_llama(made, tmp_path / target)
        assert caught.value.key == key
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(DanluError) as caught:
        export_llama(made, tmp_path / "x.gguf")
    assert caught.value.key == "export.no-gguf"
    assert "danlu[export]" in caught.value.explain("zh")["remedy"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "made", "there"]


def test_the_command_finds_the_tokenizer_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf", reason="gguf, of the extra `export`, is not installed")

    def danlu(*arguments: str) -> subprocess.CompletedProcess[str]:
        return command(*arguments, check=False, cwd=tmp_path)

    text = "\n".join(f"{place}: rivers and hills. 河流与山，第 {place} 段。" for place in range(300))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    plain = ("--set", "tokenize.vocabulary=512", "--set", "clean.preset=none")
    assert danlu("tokenize", "text.txt", *plain).returncode == 0
    done = danlu("export", "tokenize.train", "gguf", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["path"], told["layout"]) == ("tokenize.train.gguf", "gguf")
    [made] = (tmp_path / ".danlu/artifacts").glob("tokenize.train-*")
    assert danlu("export", str(made), "gguf", "-o", "new/x.gguf").returncode == 0
    assert (tmp_path / "new/x.gguf").read_bytes() == (tmp_path / "tokenize.train.gguf").read_bytes()
    for mark in ("--eos", "--no-eos"):
        no_stores = danlu("export", "tokenize.train", "gguf", "-o", "z.gguf", mark)
        assert no_stores.returncode == 1
        assert "no end marks" in no_stores.stderr
        assert not (tmp_path / "z.gguf").exists()
    kept = tmp_path / "cache/models--owner--name"  # as `huggingface_hub` keeps what it has fetched
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text("0" * 40)
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / ("0" * 40)).symlink_to(made)
    with monkeypatch.context() as patched:
        patched.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        patched.setenv("HF_HUB_OFFLINE", "1")
        assert danlu("export", "owner/name", "gguf").returncode == 0
        assert danlu("export", "owner/other", "gguf").returncode == 1
    assert (tmp_path / "name.gguf").read_bytes() == (tmp_path / "tokenize.train.gguf").read_bytes()
    again = danlu("export", "tokenize.train", "gguf", "--lang", "zh")
    assert again.returncode == 1
    assert "已有内容" in again.stderr
    digits = danlu("tokenize", "text.txt", *plain, "--set", "tokenize.digits=1", "-w", "other")
    assert digits.returncode == 0, digits.stderr
    refused = danlu("export", "tokenize.train", "gguf", "-w", "other", "-o", "y.gguf")
    assert refused.returncode == 1
    assert "three digits" in refused.stderr
    assert "Traceback" not in refused.stderr


Encode = Callable[[str], list[int]]


def both(content: dict[str, Any], folder: Path) -> tuple[Encode, Encode, Any, Path]:
    """Ids of a text by llama.cpp and by tokenizers, special tokens written in it as text; llama.cpp itself; the directory."""
    pytest.importorskip("gguf", reason="gguf, of the extra `export`, is not installed")
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    directory = save(content, folder / "tokenizer")
    export_llama(directory, folder / "tokenizer.gguf")
    llama = llama_cpp.Llama(str(folder / "tokenizer.gguf"), vocab_only=True, verbose=False)
    plain = Tokenizer.from_str(tokenizer_text({**content, "added_tokens": []}))
    return (
        lambda text: llama.tokenize(text.encode(), add_bos=False, special=False),
        lambda text: plain.encode(text).ids,
        llama,
        directory,
    )


@pytest.fixture(scope="module")
def borders(bordered: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Encode, Encode]:
    llama, ours, *_ = both(bordered, tmp_path_factory.mktemp("llama"))
    return llama, ours


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cn", "Cs"]), max_size=12)
        | st.sampled_from(["the", "'ll", " ", "\n", "\r\n", "\t", "\u3000", "1234", "３％", "老人", "ーぁ", "。", "e\u0301"]),
        max_size=12,
    ).map("".join)
)  # fmt: skip
def test_llama_cuts_random_texts_at_the_same_borders(borders: tuple[Encode, Encode], text: str) -> None:
    llama, ours = borders
    text = UNICODE_16.sub("", text)
    assert llama(text) == ours(text)


def test_llama_gives_the_ids_of_tokenizers_and_transformers(shared_data: Path, tmp_path: Path) -> None:
    """On real texts, English and Chinese, prose and technical, with a vocabulary that was trained on them."""
    english = gzip.decompress((shared_data / "language-modelling/wikitext-2/test.txt.gz").read_bytes()).decode()[:400_000]
    table = gzip.decompress((shared_data / "classification/chnsenticorp-hotel.csv.gz").read_bytes()).decode()
    chinese = [row["review"] for row in csv.DictReader(io.StringIO(table))][:1000]
    mixed = gzip.decompress((shared_data / "translation/python-docs-en-zh.jsonl.gz").read_bytes()).decode().splitlines()[:1000]
    texts = [*english.splitlines(), *chinese, *mixed]
    llama, ours, model, directory = both(train_tokenizer(iter(texts), 4096), tmp_path)
    loaded = AutoTokenizer.from_pretrained(directory)
    for text in texts:
        ids = ours(text)
        assert llama(text) == ids
        assert loaded(text, add_special_tokens=False)["input_ids"] == ids
        assert model.detokenize(ids).decode() == text
    assert (model.token_bos(), model.token_eos()) == (loaded.bos_token_id, loaded.eos_token_id) == (BOS_ID, EOS_ID)


def test_special_tokens_where_they_are_asked_for(content: dict[str, Any], tmp_path: Path) -> None:
    """The one difference: tokenizers takes the space before the mask into it, as danlu trains masks; llama.cpp keeps it."""
    *_, model, directory = both(content, tmp_path)
    ours = Tokenizer.from_file(str(directory / TOKENIZER))

    def llama(text: str) -> list[int]:
        found: list[int] = model.tokenize(text.encode(), add_bos=False, special=True)
        return found

    for text in ("<|bos|>the cat<|eos|>", "<|user|>\n今天<|end|>", "the<|mask|> cat", "".join(SPECIAL)):
        assert llama(text) == ours.encode(text).ids
    [space] = ours.encode(" ").ids
    kept, taken = llama("the <|mask|>"), ours.encode("the <|mask|>").ids
    assert kept[:-2] + kept[-1:] == taken
    assert kept[-2] == space


def test_letters_of_unicode_16_are_other_letters_to_llama(borders: tuple[Encode, Encode]) -> None:
    """Once its tables know them, the docs can be shorter by a line."""
    llama, ours = borders
    assert llama("a\ua7cbb") != ours("a\ua7cbb")
