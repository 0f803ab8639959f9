from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from danlu.tokens.files import tokenizer_digest, vocabulary_size, write_tokenizer
from danlu.tokens.special import BOS_ID, CLS_ID, EOS_ID, MASK, MASK_ID, PAD_ID, SEP_ID
from danlu.workspace.errors import DanluError

TEXT = f"the cat{MASK} the park，今天{MASK}很好"


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_transformers_reads_it(tokenizer_directory: Path, tmp_path: Path, family: str) -> None:
    write_tokenizer(tokenizer_directory, tmp_path, family, 64)  # type: ignore[arg-type]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    named = [getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos", "cls", "sep", "mask")]
    assert named == [PAD_ID, BOS_ID, EOS_ID, CLS_ID, SEP_ID, MASK_ID]
    assert tokenizer.model_max_length == 64
    assert len(tokenizer) == vocabulary_size(tmp_path)
    encoded = tokenizer(TEXT)
    ids = encoded["input_ids"]
    assert set(encoded) == {"input_ids", "attention_mask"}
    assert ids.count(MASK_ID) == 2
    assert (ids[0] == CLS_ID, ids[-1] == SEP_ID) == ((True, True) if family == "bert" else (False, False))
    assert tokenizer.decode(ids, skip_special_tokens=True) == TEXT.replace(MASK, "")
    pair = tokenizer("the cat", "今天")["input_ids"]
    assert (pair.count(CLS_ID), pair.count(SEP_ID)) == ((1, 2) if family == "bert" else (0, 0))
    assert tokenizer(["a", "今天天气"], padding=True)["input_ids"][0][-1] == PAD_ID


def test_mask_takes_in_the_space_before_it(tokenizer_directory: Path, tmp_path: Path) -> None:
    write_tokenizer(tokenizer_directory, tmp_path, "gpt")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    whole = tokenizer("the cat sat")["input_ids"]
    masked = tokenizer(f"the {MASK} sat")["input_ids"]
    assert masked == [whole[0], MASK_ID, *whole[-len(masked) + 2 :]]


def test_digest_is_of_what_decides_ids(tokenizer_directory: Path, tmp_path: Path) -> None:
    digest = tokenizer_digest(tokenizer_directory)
    for family in ("bert", "gpt"):
        write_tokenizer(tokenizer_directory, tmp_path / family, family)  # type: ignore[arg-type]
        AutoTokenizer.from_pretrained(tmp_path / family).save_pretrained(tmp_path / f"{family}-saved")
        assert tokenizer_digest(tmp_path / family) == tokenizer_digest(tmp_path / f"{family}-saved") == digest
    content = json.loads((tmp_path / "gpt/tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["merges"] = content["model"]["merges"][:-1]
    (tmp_path / "gpt/tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert tokenizer_digest(tmp_path / "gpt") != digest


def test_foreign_tokenizers_are_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    content = {"model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "a": 1}}, "added_tokens": []}
    (source / "tokenizer.json").write_text(json.dumps(content))
    (source / "tokenizer_config.json").write_text("{}")
    (source / "model.safetensors").write_text("not a tokenizer's")
    write_tokenizer(source, target, "bert")
    assert sorted(file.name for file in target.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    assert (target / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()


def test_broken_tokenizers_are_refused(tmp_path: Path) -> None:
    for content in (None, "{", "[]", '{"model": {}}'):
        if content is not None:
            (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(DanluError) as caught:
            tokenizer_digest(tmp_path)
        assert caught.value.key == "tokens.no-tokenizer"
        assert caught.value.explain("zh")["remedy"]
