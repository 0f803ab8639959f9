"""`danlu evaluate` of language models on texts: pseudo-likelihoods only where they are asked for, spans of encoder-decoders."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluate_asked import evaluate, write
from evaluate_tiny import SIZE, SMALL, byte_tokenizer, save
from tokenizers import normalizers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from danlu.inference.prepare import prepare_text
from danlu.inference.spans import hide

TEXTS = ["The old man tends", "the fire", "炉火烧了七天", "a", "", "two words more"]
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(100))


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = BertConfig(vocab_size=SIZE, max_position_embeddings=64, **SMALL)
    return save(BertForMaskedLM(config), byte_tokenizer(), tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="session")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = GPT2Config(vocab_size=SIZE, n_embd=16, n_layer=1, n_head=2, n_positions=64, bos_token_id=4, eos_token_id=4)
    return save(GPT2LMHeadModel(config), byte_tokenizer(), tmp_path_factory.mktemp("models") / "gpt")


@pytest.fixture(scope="session")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = T5Config(
        vocab_size=SIZE + 100, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0,
        pad_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return save(T5ForConditionalGeneration(config), byte_tokenizer(SENTINELS), tmp_path_factory.mktemp("models") / "t5")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write(tmp_path / "texts.jsonl", [{"text": text} for text in TEXTS])


def losses(folder: Path, name: str, metric: str) -> list[list[float]]:
    lines = (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["losses"][name][metric] for line in lines]


def test_pseudo_perplexity_asks_for_each_token(bert: Path, texts: Path, tmp_path: Path) -> None:
    """Bytes are tokens: of a word those to the right of the asked one are hidden, in Han those of the same character."""
    said = evaluate(bert, "--on", texts, "--metric", "pseudo_perplexity", "--out", tmp_path / "out", folder=tmp_path)
    assert said.status == 0, said.told
    assert {number["metric"] for number in said.last["numbers"]} == {"pseudo_perplexity"}
    model, tokenizer = BertForMaskedLM.from_pretrained(bert).eval(), byte_tokenizer()
    expected = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        # Where the word of each token ends: at the byte before a space (which begins a word), or with its character of Han.
        data, ends = text.encode(), list[int]()
        for place in range(len(data)):
            end = place + 1
            han = data[place] >= 0x80
            while end < len(data) and (data[end] & 0xC0 == 0x80 if han else 32 < data[end] < 0x80):
                end += 1
            ends.append(end)
        nats = []
        for place, end in enumerate(ends):
            hidden = [*ids[: place + 1], *[tokenizer.mask_token_id] * (end - place), *ids[end + 1 :]]
            with torch.no_grad():
                logs = model(torch.tensor([hidden])).logits[0, place + 1].double().log_softmax(-1)
            nats.append(-float(logs[ids[place + 1]]))
        expected.append([len(nats), sum(nats)])
    np.testing.assert_allclose(losses(tmp_path / "out", "bert", "pseudo_perplexity"), expected, atol=1e-4)
    tokens, total = np.sum(expected, axis=0)
    assert said.value("bert", "pseudo_perplexity") == pytest.approx(math.exp(total / tokens), rel=1e-5)


def test_what_is_not_asked_for_is_not_computed(
    bert: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "danlu.evaluate.exam_text"
    monkeypatch.setattr(f"{module}.pseudo_nats", None)  # called, it would fail
    said = evaluate(bert, "--on", texts, folder=tmp_path)
    assert {number["metric"] for number in said.last["numbers"]} == {"masked_nats"}
    monkeypatch.undo()
    monkeypatch.setattr(f"{module}.masked_nats", None)
    said = evaluate(bert, "--on", texts, "--metric", "pseudo_perplexity", folder=tmp_path)
    assert said.status == 0, said.told
    monkeypatch.undo()
    both = evaluate(bert, "--on", texts, "--metric", "masked_nats", "--metric", "pseudo_perplexity", folder=tmp_path)
    assert {number["metric"] for number in both.last["numbers"]} == {"masked_nats", "pseudo_perplexity"}


def test_span_losses_are_transformers_own(t5: Path, tmp_path: Path) -> None:
    texts = [
        "炉火烧了七天七夜，老人守在旁边，一刻也不敢离开。",
        "The furnace burns day and night, and the old man tends the fire.",
        "A",
    ]
    file = write(tmp_path / "texts.jsonl", [{"text": text} for text in texts])
    said = evaluate(t5, "--on", file, "--out", tmp_path / "out", folder=tmp_path)
    assert said.last["task"] == "language"
    model, tokenizer, total, size = T5ForConditionalGeneration.from_pretrained(t5).eval(), byte_tokenizer(SENTINELS), 0.0, 0
    for text in texts[:2]:
        (part,) = hide(text)
        source, target, labels = list[int](), list[int](), list[int]()
        for number, (seen, hidden) in enumerate(zip(part.seen, part.hidden, strict=True)):
            mark = tokenizer.convert_tokens_to_ids(f"<extra_id_{number}>")
            span = tokenizer(hidden, add_special_tokens=False)["input_ids"]
            source += [*tokenizer(seen, add_special_tokens=False)["input_ids"], mark]
            target += [mark, *span]
            labels += [-100, *span]
            size += len(hidden.encode())
        with torch.no_grad():
            loss = model(
                torch.tensor([[*source, 2]]),
                decoder_input_ids=torch.tensor([[0, *target]]),
                labels=torch.tensor([[*labels, -100]]),
            ).loss
        total += float(loss) * sum(label >= 0 for label in labels)
    assert said.value("t5", "span_bits_per_byte") == pytest.approx(total / size / math.log(2), rel=1e-4)
    assert "1 texts are too short to hide a span in" in said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_models_beside_others_that_have_other_metrics(
    language: str, bert: Path, gpt: Path, t5: Path, texts: Path, tmp_path: Path
) -> None:
    said = evaluate(gpt, bert, t5, "--on", texts, language=language, folder=tmp_path)
    found = {(number["model"], number["metric"]) for number in said.last["numbers"]}
    assert {("gpt", "bits_per_byte"), ("bert", "masked_nats"), ("t5", "span_bits_per_byte")} <= found
    said = evaluate(bert, gpt, "--on", texts, "--metric", "pseudo_perplexity", language=language, folder=tmp_path)
    assert ("gpt (clm) has none of the metrics" if language == "en" else "gpt（clm）没有所指定的任何指标") in said.told
    said = evaluate(gpt, "--on", texts, "--metric", "pseudo_perplexity", language=language, folder=tmp_path)
    assert said.last["error"] == "evaluate.metric-kind"
    assert ("models of the kind mlm" if language == "en" else "mlm 类模型") in said.told


def test_pseudo_perplexity_is_compared_with_the_same_tokenizer_only(bert: Path, texts: Path, tmp_path: Path) -> None:
    config = BertConfig(vocab_size=SIZE + 100, max_position_embeddings=64, **SMALL)
    other = save(BertForMaskedLM(config), byte_tokenizer(SENTINELS), tmp_path / "other")
    said = evaluate(bert, other, "--on", texts, "--metric", "pseudo_perplexity", folder=tmp_path)
    assert said.last["comparisons"] == []
    assert "bert and other are not compared" in said.told


def test_an_encoder_decoder_without_marks_of_spans(texts: Path, tmp_path: Path) -> None:
    config = BartConfig(
        vocab_size=SIZE, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    bart = save(BartForConditionalGeneration(config), byte_tokenizer(), tmp_path / "bart")
    said = evaluate(bart, "--on", texts, folder=tmp_path)
    assert said.last["error"] == "inference.no-sentinels"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_xz_reads_what_models_read(language: str, gpt: Path, tmp_path: Path) -> None:
    """Mark-up and indentation, which a compressor is best at, are gone from both; clean texts are as they were."""
    marked = [f"<div class='row'>\n      <p>The old man &amp; fire {number}</p>\n</div>" for number in range(20)]
    clean = [f"The old man and fire {number}" for number in range(20)]
    for texts, many in ((marked, 20), (clean, 0)):
        said = evaluate(
            gpt, "--on", write(tmp_path / "texts.jsonl", [{"text": text} for text in texts]), language=language, folder=tmp_path
        )
        read = [prepare_text(text) for text in texts]
        size = len("".join(read).encode())
        packed = len(lzma.compress("\n".join(read).encode(), preset=9 | lzma.PRESET_EXTREME))
        assert said.value("xz", "bits_per_byte") == pytest.approx(8 * packed / size)
        notes = [note["params"] for note in said.last["notes"] if note["key"] == "evaluate.note.prepared"]
        before = len("".join(texts).encode())
        assert notes == ([{"count": many, "rows": 20, "before": before, "after": size}] if many else [])
        if many:
            assert ("20 of 20 texts were changed" if language == "en" else "20 条文本中有 20 条") in said.told


@pytest.fixture(scope="session")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT whose tokenizer makes letters small and leaves spaces out."""
    backend = byte_tokenizer().backend_tokenizer
    backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", pad_token="[PAD]")
    config = GPT2Config(vocab_size=SIZE, n_embd=16, n_layer=1, n_head=2, n_positions=64, bos_token_id=4, eos_token_id=4)
    return save(GPT2LMHeadModel(config), tokenizer, tmp_path_factory.mktemp("models") / "lossy")


@pytest.mark.parametrize(
    ("language", "words"), [("en", "does not give 4 of 6 texts back"), ("zh", "无法还原 6 条文本中的 4 条")]
)
def test_a_tokenizer_that_leaves_text_out_is_told_and_not_compared(
    gpt: Path, lossy: Path, tmp_path: Path, language: str, words: str
) -> None:
    """Fewer letters need fewer bits: between such models bits a byte are no measure."""
    rows = ["The Fire burns", "fire", "two words", "炉火 Burns", "", "One\nTwo"]
    texts = write(tmp_path / "texts.jsonl", [{"text": text} for text in rows])
    said = evaluate(gpt, lossy, "--on", texts, folder=tmp_path, language=language)
    assert said.status == 0, said.told
    assert words in said.told
    assert not [one for one in said.last["comparisons"] if {one["a"], one["b"]} == {"gpt", "lossy"}]
    numbers = {one["model"]: one for one in said.last["numbers"] if one["metric"] == "bits_per_byte" and not one["slice"]}
    assert "texts-not-given-back=4" in numbers["lossy"]["signature"].replace(":", "=")
    assert "texts-not-given-back" not in numbers["gpt"]["signature"]
