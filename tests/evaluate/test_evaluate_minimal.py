"""`danlu evaluate` on minimal pairs: log-probabilities and accuracy as lm-eval's formula and transformers alone give them."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_asked import Said, evaluate, write
from evaluate_tiny import SIZE, SMALL, byte_tokenizer, save
from scipy import stats
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

WORDS = ["the", "a", "man", "men", "tends", "tend", "fire", "fires", "burns", "burn", "old", "night"]
HAN = "他她把书看完了写得真好炉火烧不下去这那本"
CONTEXT = 128


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return byte_tokenizer()


def _save(model: Any, tokenizer: Any, factory: pytest.TempPathFactory, name: str) -> Path:
    return save(model, tokenizer, factory.mktemp("models") / name)


@pytest.fixture(scope="session")
def gpt(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = GPT2Config(vocab_size=SIZE, n_embd=16, n_layer=1, n_head=2, n_positions=CONTEXT, bos_token_id=4, eos_token_id=4)
    return _save(GPT2LMHeadModel(config), tokenizer, tmp_path_factory, "gpt")


@pytest.fixture(scope="session")
def qwen(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = Qwen3Config(
        vocab_size=SIZE, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        intermediate_size=16, max_position_embeddings=CONTEXT, pad_token_id=0, bos_token_id=4, eos_token_id=4,
    )  # fmt: skip
    return _save(Qwen3ForCausalLM(config), tokenizer, tmp_path_factory, "qwen")


@pytest.fixture(scope="session")
def bert(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = BertConfig(vocab_size=SIZE, max_position_embeddings=CONTEXT, **SMALL)
    return _save(BertForMaskedLM(config), tokenizer, tmp_path_factory, "bert")


def made(count: int, seed: int = 5) -> list[dict[str, Any]]:
    """Random pairs, half of them Chinese, with what they test as BLiMP and ZhoBLiMP write it."""
    dice, rows = random.Random(seed), list[dict[str, Any]]()
    for number in range(count):
        if number % 2:
            good, bad = ("".join(dice.choices(HAN, k=dice.randint(3, 7))) for _ in range(2))
            rows.append({"phenomenon": "BA", "paradigm": "ba_order"})
        else:
            good, bad = (" ".join(dice.choices(WORDS, k=dice.randint(2, 5))) for _ in range(2))
            rows.append({"linguistics_term": "agreement", "UID": "subject_verb", "field": "syntax"})
        rows[-1] |= {"sentence_good": good, "sentence_bad": bad}
    return rows


def answers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


def causal(model: Any, tokenizer: Any, text: str) -> float:
    """lm-eval's log-likelihood of a text after nothing: its tokens' log-probabilities, each after BOS and those before it."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = torch.log_softmax(model(torch.tensor([[tokenizer.bos_token_id, *ids]])).logits[0].double(), -1)
    return sum(float(logs[place, token]) for place, token in enumerate(ids))


def masked(model: Any, tokenizer: Any, text: str) -> float:
    """Each token asked with the rest of its word to its right hidden too; in Han a character is a word of its own."""
    coded = tokenizer(text, return_offsets_mapping=True)
    ids, total = coded["input_ids"], 0.0

    def word(place: int) -> object:
        start, end = coded["offset_mapping"][place]
        return start if text[start:end].strip() and ord(text[end - 1]) > 0x3400 else (coded.word_ids()[place],)

    real = [place for place, number in enumerate(coded.word_ids()) if number is not None]
    for place in real:
        hidden = [
            tokenizer.mask_token_id if other >= place and other in real and word(other) == word(place) else token
            for other, token in enumerate(ids)
        ]
        with torch.no_grad():
            total += float(torch.log_softmax(model(torch.tensor([hidden])).logits[0, place].double(), -1)[ids[place]])
    return total


@pytest.mark.parametrize(
    ("name", "kind", "formula"),
    [
        ("gpt", AutoModelForCausalLM, causal),
        ("qwen", AutoModelForCausalLM, causal),
        ("bert", AutoModelForMaskedLM, masked),
    ],
)
def test_log_probabilities_are_those_of_the_formula(
    name: str, kind: Any, formula: Callable[..., float], tokenizer: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place, rows = request.getfixturevalue(name), made(44)
    said = evaluate(place, "--on", write(tmp_path / "pairs.jsonl", rows), "--out", tmp_path / "out", folder=tmp_path)
    assert said.last["task"] == "minimal-pairs"
    model = kind.from_pretrained(place).eval()
    expected = [[formula(model, tokenizer, row[key]) for key in ("sentence_good", "sentence_bad")] for row in rows]
    np.testing.assert_allclose([row["answers"][name] for row in answers(tmp_path / "out")], expected, atol=1e-4)
    right = [good > bad for good, bad in expected]
    assert said.value(name, "pair_accuracy") == pytest.approx(np.mean(right))
    assert said.value(name, "pair_accuracy", phenomenon="BA") == pytest.approx(np.mean(right[1::2]))
    assert said.value(name, "pair_accuracy", paradigm="subject_verb") == pytest.approx(np.mean(right[::2]))
    assert said.value(name, "pair_accuracy", language="zh-Hans") == pytest.approx(np.mean(right[1::2]), abs=0.1)
    lengths = [[len(tokenizer(row[key])["input_ids"]) for key in ("sentence_good", "sentence_bad")] for row in rows]
    same = [a == b for a, b in lengths]
    share = 100 * np.mean([hit for hit, alike in zip(right, same, strict=True) if alike])
    assert f"{name}: in {same.count(False)} of 44 pairs one sentence has fewer tokens" in said.told
    assert f"on the other {same.count(True)} it is right in {share:.1f}%" in said.told


def test_chance_is_half_and_the_shorter_sentence_is_a_baseline(gpt: Path, tmp_path: Path) -> None:
    rows = made(60)
    said = evaluate(gpt, "--on", write(tmp_path / "pairs.jsonl", rows), folder=tmp_path)
    sizes = [(len(row["sentence_good"]), len(row["sentence_bad"])) for row in rows]
    assert said.value("shorter", "pair_accuracy") == pytest.approx(np.mean([(a < b) + (a == b) / 2 for a, b in sizes]))
    assert said.value("chance", "pair_accuracy") == 0.5
    assert {(one["a"], one["b"]) for one in said.last["comparisons"]} == {("gpt", "chance"), ("gpt", "shorter")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_models_are_compared_on_the_same_pairs(language: str, gpt: Path, bert: Path, tmp_path: Path) -> None:
    rows, out = made(60), tmp_path / "out"
    truth = write(tmp_path / "pairs.jsonl", rows)
    said = evaluate(gpt, bert, "--on", truth, "--out", out, language=language, folder=tmp_path)
    right = {name: [row["answers"][name][0] > row["answers"][name][1] for row in answers(out)] for name in ("gpt", "bert")}
    ahead = sum(a and not b for a, b in zip(right["gpt"], right["bert"], strict=True))
    behind = sum(b and not a for a, b in zip(right["gpt"], right["bert"], strict=True))
    first = said.last["comparisons"][0]
    assert (first["a"], first["b"], first["slice"]) == ("gpt", "bert", {})
    assert first["difference"] == pytest.approx((ahead - behind) / 60)
    assert first["p"] == pytest.approx(stats.binomtest(ahead, ahead + behind, 0.5).pvalue)  # McNemar's exact test
    assert ("accuracy on minimal pairs" if language == "en" else "最小对立对准确率") in said.told
    listed = [json.loads(line) for line in (out / "disagreements.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(listed) == ahead + behind
    for one in listed:
        row = rows[one["line"] - 1]
        assert one["inputs"] == {key: row[key] for key in ("sentence_good", "sentence_bad")}
        better, other = (one["answers"][name] for name in (one["better"], {"gpt": "bert", "bert": "gpt"}[one["better"]]))
        assert better[0] > better[1]
        assert other[0] <= other[1]


def test_a_folder_is_one_table_in_the_order_of_its_files(gpt: Path, tmp_path: Path) -> None:
    """As BLiMP comes: a file a paradigm, perhaps compressed. A pair that names no paradigm is of its file's."""
    folder = tmp_path / "blimp"
    folder.mkdir()
    parts = {"b": made(24, seed=1), "a": made(22, seed=2), "c": made(20, seed=3)}
    bare = [{key: row[key] for key in ("sentence_good", "sentence_bad")} for row in parts["a"]]
    write(folder / "b.jsonl", parts["b"])
    write(
        folder / "c.csv", [{"sentence_good": row["sentence_good"], "sentence_bad": row["sentence_bad"]} for row in parts["c"]]
    )
    with gzip.open(folder / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in bare)
    (folder / "README.txt").write_text("not pairs", encoding="utf-8")
    (folder / "._b.jsonl").write_bytes(b"\x00")
    (folder / "below").mkdir()
    said = evaluate(gpt, "--on", folder, "--out", tmp_path / "out", folder=tmp_path)
    rows = [*parts["a"], *parts["b"], *parts["c"]]
    found = answers(tmp_path / "out")
    assert [row["sentence_good"] for row in found] == [row["sentence_good"] for row in rows]
    assert [(row["file"], row["line"]) for row in found[:1] + found[-1:]] == [("a.jsonl.gz", 1), ("c.csv", 21)]
    right = [row["answers"]["gpt"][0] > row["answers"]["gpt"][1] for row in found]
    assert said.value("gpt", "pair_accuracy", paradigm="a") == pytest.approx(np.mean(right[:22]))
    assert said.value("gpt", "pair_accuracy", paradigm="c") == pytest.approx(np.mean(right[46:]))
    again = evaluate(gpt, "--on", folder, folder=tmp_path)
    assert again.last["earlier_openings"] == 1
    write(folder / "d.jsonl", made(2))
    assert evaluate(gpt, "--on", folder, folder=tmp_path).last["earlier_openings"] == 0  # it is another table now


def test_a_file_may_have_the_log_probabilities(tmp_path: Path) -> None:
    rows, dice = made(50), random.Random(1)
    truth = write(tmp_path / "pairs.jsonl", rows)
    logs = [(dice.gauss(-20, 3), dice.gauss(-21, 3)) for _ in rows]
    two = write(tmp_path / "two.csv", [{"logprob_good": good, "logprob_bad": bad} for good, bad in logs])
    one = write(tmp_path / "one.jsonl", [{"predicted": [good, bad]} for good, bad in logs])
    said = evaluate(two, one, "--on", truth, folder=tmp_path)
    share = np.mean([good > bad for good, bad in logs])
    assert said.value("two", "pair_accuracy") == said.value("one", "pair_accuracy") == pytest.approx(share)
    assert "two: answers from the column 'logprob_good + logprob_bad'." in said.told


def test_language_models_read_the_sentences_of_pairs_where_a_column_is_named(gpt: Path, tmp_path: Path) -> None:
    truth = write(tmp_path / "pairs.jsonl", made(4))
    for more in (["--text", "sentence_good"], ["--text", "sentence_good", "--task", "language"]):
        assert evaluate(gpt, "--on", truth, *more, folder=tmp_path).last["task"] == "language"


def test_equal_sentences_are_wrong_and_counted(gpt: Path, tmp_path: Path) -> None:
    rows = [*made(2), {"sentence_good": "他走了", "sentence_bad": "他走了"}]
    truth = write(tmp_path / "pairs.jsonl", rows)
    for language, words in (("en", "In 1 pairs both sentences are the same"), ("zh", "有 1 对的两个句子完全相同")):
        said = evaluate(gpt, "--on", truth, "--out", tmp_path / "out", language=language, folder=tmp_path)
        assert words in said.told
    right = [row["answers"]["gpt"][0] > row["answers"]["gpt"][1] for row in answers(tmp_path / "out")]
    assert not right[2]
    assert said.value("gpt", "pair_accuracy") == pytest.approx(np.mean(right))


def test_sentences_are_taken_as_they_are(gpt: Path, tokenizer: Any, tmp_path: Path) -> None:
    """What the repair of texts removes may be what a pair is about."""
    rows = [{"sentence_good": "a  fire", "sentence_bad": "a fire"}, {"sentence_good": "<b>x</b>", "sentence_bad": "x"}]
    evaluate(gpt, "--on", write(tmp_path / "pairs.jsonl", rows), "--out", tmp_path / "out", folder=tmp_path)
    model = AutoModelForCausalLM.from_pretrained(gpt).eval()
    expected = [[causal(model, tokenizer, text) for text in row.values()] for row in rows]
    np.testing.assert_allclose([row["answers"]["gpt"] for row in answers(tmp_path / "out")], expected, atol=1e-4)


def test_parts_too_many_to_show_are_left_out_as_a_whole(gpt: Path, tmp_path: Path) -> None:
    rows = [{**row, "paradigm": f"p{number // 20:02d}", "field": "ab"[number % 2]} for number, row in enumerate(made(900))]
    rows = [{key: row[key] for key in ("sentence_good", "sentence_bad", "paradigm", "field")} for row in rows]
    given = write(tmp_path / "given.jsonl", [{"predicted": [number % 3, 1]} for number in range(900)])
    said = evaluate(given, "--on", write(tmp_path / "pairs.jsonl", rows), folder=tmp_path)
    assert "By paradigm there are 45 parts, too many to show" in said.told
    assert "p00" not in said.shown.partition("{")[0]
    assert len({number["slice"]["paradigm"] for number in said.last["numbers"] if "paradigm" in number["slice"]}) == 45


def test_too_few_pairs_tell_nothing(tmp_path: Path) -> None:
    truth = write(tmp_path / "pairs.jsonl", made(3))
    given = write(tmp_path / "given.jsonl", [{"predicted": [-1, -2]}] * 3)
    for language, words in (("en", "cannot be told: too few rows"), ("zh", "孰优：行数太少")):
        assert words in evaluate(given, "--on", truth, language=language, folder=tmp_path).told


PAIR = {"sentence_good": "a b", "sentence_bad": "b a"}


def wrong(said: Said, key: str, words: dict[str, str], language: str) -> None:
    assert said.status == 1
    assert said.last["error"] == key
    assert "Traceback" not in said.told
    assert words[language] in said.told, said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_can_be_wrong_with_pairs(language: str, gpt: Path, tmp_path: Path) -> None:
    def ask(rows: list[dict[str, Any]], *more: object) -> Said:
        return evaluate(gpt, "--on", write(tmp_path / "pairs.jsonl", rows), *more, language=language, folder=tmp_path)

    said = ask([PAIR, {**PAIR, "sentence_bad": " "}])
    wrong(said, "evaluate.cell", {"en": "a sentence that is not empty", "zh": "非空的句子"}, language)
    assert said.last["where"] == f"{tmp_path / 'pairs.jsonl'}:2"
    wrong(
        ask([{"sentence_good": "a"}]),
        "evaluate.no-sentence",
        {"en": "no column 'sentence_bad'", "zh": "“sentence_bad”"},
        language,
    )
    said = ask([{"text": "a"}], "--task", "minimal-pairs")
    wrong(said, "evaluate.no-sentence", {"en": "no column 'sentence_good'", "zh": "“sentence_good”"}, language)
    said = ask([PAIR], "--metric", "bits_per_byte")
    wrong(said, "evaluate.metric-needs", {"en": "task minimal-pairs", "zh": "任务 minimal-pairs"}, language)
    (tmp_path / "empty").mkdir()
    said = evaluate(gpt, "--on", tmp_path / "empty", language=language, folder=tmp_path)
    wrong(said, "evaluate.no-files", {"en": "The folder has no files of rows.", "zh": "没有可读取的数据文件"}, language)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(PAIR).encode() * 99)[:-9])
    said = evaluate(gpt, "--on", tmp_path / "cut.jsonl.gz", language=language, folder=tmp_path)
    wrong(said, "documents.damaged", {"en": "cannot be decompressed", "zh": "文件无法解压"}, language)
    (tmp_path / "plain.jsonl.gz").write_text(json.dumps(PAIR), encoding="utf-8")
    said = evaluate(gpt, "--on", tmp_path / "plain.jsonl.gz", language=language, folder=tmp_path)
    wrong(said, "documents.damaged", {"en": "cannot be decompressed", "zh": "文件无法解压"}, language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_can_be_wrong_with_predictions_of_pairs(language: str, tmp_path: Path) -> None:
    truth = write(tmp_path / "pairs.jsonl", [PAIR, PAIR])

    def ask(*rows: dict[str, Any]) -> Said:
        return evaluate(write(tmp_path / "given.jsonl", list(rows)), "--on", truth, language=language, folder=tmp_path)

    wrong(ask({"good": -1}, {"good": -1}), "evaluate.no-logs", {"en": "`logprob_good`", "zh": "logprob_good"}, language)
    said = ask({"logprob_good": -1, "logprob_bad": -2}, {"logprob_good": math.nan, "logprob_bad": -2})
    wrong(said, "evaluate.cell", {"en": "a finite number", "zh": "有限的数"}, language)
    said = ask({"predicted": [-1, -2]}, {"predicted": [-1]})
    wrong(said, "evaluate.cell", {"en": "two log-probabilities", "zh": "两个对数概率"}, language)
    assert said.last["where"] == f"{tmp_path / 'given.jsonl'}:2"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_models_that_give_no_likelihood(language: str, gpt: Path, tokenizer: Any, tmp_path: Path) -> None:
    truth = write(tmp_path / "pairs.jsonl", [PAIR] * 3)
    classifier = save(BertForSequenceClassification(BertConfig(vocab_size=SIZE, **SMALL)), tokenizer, tmp_path / "classifier")
    said = evaluate(classifier, "--on", truth, language=language, folder=tmp_path)
    wrong(said, "evaluate.no-scorer", {"en": "clm -> minimal-pairs", "zh": "clm -> minimal-pairs"}, language)
    bare = byte_tokenizer()
    bare.mask_token = bare.bos_token = None
    masked = save(BertForMaskedLM(BertConfig(vocab_size=SIZE, **SMALL)), bare, tmp_path / "bert")
    said = evaluate(masked, "--on", truth, language=language, folder=tmp_path)
    wrong(said, "evaluate.no-mask", {"en": "has no mask token", "zh": "没有遮盖词元"}, language)
    model = GPT2LMHeadModel.from_pretrained(gpt)
    model.save_pretrained(tmp_path / "bare")
    bare.save_pretrained(tmp_path / "bare")
    said = evaluate(tmp_path / "bare", "--on", truth, language=language, folder=tmp_path)
    wrong(said, "inference.no-begin", {"en": "neither a BOS nor an EOS", "zh": "既没有 BOS 也没有 EOS"}, language)
    torch.nn.init.constant_(next(model.parameters()), math.nan)
    model.save_pretrained(tmp_path / "broken")
    tokenizer.save_pretrained(tmp_path / "broken")
    said = evaluate(tmp_path / "broken", "--on", truth, language=language, folder=tmp_path)
    assert said.last["numbers"][0]["value"] is None
    assert ("not finite (NaN or infinite)" if language == "en" else "不是有限数") in said.told


def test_the_real_blimp(gpt: Path, shared_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "blimp"
    folder.mkdir()
    for name in ("transitive", "wh_vs_that_no_gap_long_distance"):
        source = shared_data / "language-modelling" / "blimp" / f"{name}.jsonl.gz"
        with gzip.open(source, "rt", encoding="utf-8") as file:
            (folder / f"{name}.jsonl").write_text("".join(list(file)[:200]), encoding="utf-8")
    said = evaluate(gpt, "--on", folder, folder=tmp_path)
    assert said.last["rows"] == 400
    attributes = {name for number in said.last["numbers"] for name in number["slice"]}
    assert {"phenomenon", "paradigm"} <= attributes
    assert said.value("chance", "pair_accuracy", paradigm="transitive") == 0.5
