"""`danlu extend` as a person types it, and what then can be done with the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from commands import danlu, last_line
from danlu.models.files import fetched, save_model
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.files import TOKENIZER, tokenizer_text
from danlu.tokens.special import BOS_ID, EOS_ID, PAD_ID
from danlu.workspace.errors import DanluError

OLD = 600
IDS = {"vocab_size": OLD, "pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small models with a tokenizer of danlu's, and texts of a field they do not know."""
    path = tmp_path_factory.mktemp("extend")
    (path / "tokenizer").mkdir()
    content = train_tokenizer(iter(["The old man walked to the river. 老人走到河边。" * 40]), OLD)
    size = len(content["model"]["vocab"])
    (path / "tokenizer" / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    save_model(
        GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=64, **IDS)), path / "gpt", path / "tokenizer",
        {"parameters": 1, "objective": "clm"},
    )  # fmt: skip
    bert = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, **IDS)
    save_model(BertForMaskedLM(bert), path / "bert", path / "tokenizer", {})
    assert size < OLD, "the model has more rows than the tokenizer has ids"
    (path / "texts").mkdir()
    for number in range(4):
        words = f"Hepatocellular carcinoma {number}: hepatectomy follows embolisation.\n" * 20
        (path / "texts" / f"en-{number}.txt").write_text(words, encoding="utf-8")
        (path / "texts" / f"zh-{number}.txt").write_text(f"第{number}例肝细胞癌患者接受肝切除术。\n" * 20, encoding="utf-8")
    return path


def test_a_model_with_more_tokens_is_evaluated_and_used(place: Path) -> None:
    done = danlu("extend", "gpt", "--on", "texts", "--tokens", "50", "-o", "made/more", "--json", cwd=place)
    told = last_line(done)
    assert (told["path"], told["tokens"], told["model"]) == ("made/more", 50, True)
    assert "50 new tokens" in done.stderr
    assert "train the model on your texts" in done.stderr
    for language in ("en", "zh-Hans"):
        each = told["languages"][language]
        assert each["after"]["bytes_per_token"] > 1.3 * each["before"]["bytes_per_token"]
    facts = json.loads((place / "made/more/facts.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(place / "made/more")
    assert facts["extended"] == {"first": told["first"], "from": "gpt", "tokens": 50}
    assert facts["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert facts["objective"] == "clm"
    tokenizer = AutoTokenizer.from_pretrained(place / "made/more")
    assert model.get_input_embeddings().weight.shape[0] == max(OLD, len(tokenizer))
    assert sorted(path.name for path in (place / "made").iterdir()) == ["more"]

    (place / "rows.txt").write_text("Hepatectomy follows.\n肝切除术。\n", encoding="utf-8")
    predicted = danlu("predict", "made/more", "rows.txt", cwd=place)
    assert len(predicted.stdout.splitlines()) == 2
    measured = last_line(danlu("evaluate", "gpt", "made/more", "--on", "rows.txt", "--json", cwd=place))
    assert {number["model"] for number in measured["numbers"]} >= {"gpt", "more"}
    compared = last_line(danlu("tokenizers", "made/more", "--on", "texts", "--json", cwd=place))
    assert compared["tokenizers"][0]["languages"]["en"]["tokens"] == told["languages"]["en"]["after"]["tokens"]


def test_a_tokenizer_alone_in_chinese_words(place: Path) -> None:
    done = danlu("extend", "tokenizer", "--on", "texts", "--tokens", "100000", "-o", "alone", "--lang", "zh", cwd=place)
    assert "新增词元" in done.stderr
    assert "少于所要的 100000 个" in done.stderr
    assert "原处没有模型" in done.stderr
    assert {path.name for path in (place / "alone").iterdir()} == {TOKENIZER, "facts.json"}


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("bert", "--on", "texts", "--tokens", "0", "-o", "made/x"), 2, "--tokens"),
        (("bert", "--on", "texts", "-o", "texts"), 1, "something in this folder already"),
        (("bert", "--on", "empty.txt", "-o", "made/x"), 1, "the files hold text"),
        (("nobody", "--on", "texts", "-o", "made/x"), 1, "nobody"),
    ],
)
def test_bad_input_is_said_and_leaves_nothing(place: Path, options: tuple[str, ...], status: int, words: str) -> None:
    (place / "empty.txt").write_text("")
    done = danlu("extend", *options, cwd=place, check=False)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "made/x").exists()


def test_what_a_hub_has_is_read_from_its_copy(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `huggingface_hub` keeps it, without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit = "0" * 40
    kept = tmp_path / "models--owner--name"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text(commit)
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / commit).symlink_to(place / "gpt")
    found = fetched("owner/name")
    assert (found / "config.json").read_bytes() == (place / "gpt/config.json").read_bytes()
    assert fetched(place) == place
    with pytest.raises(DanluError) as caught:
        fetched("owner/other")
    assert caught.value.key == "models.unreachable"
