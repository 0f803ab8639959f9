"""`tokenize.from`: a tokenizer that was there before cuts as it did, and danlu's special tokens are at their ids."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

import danlu
from danlu.pipeline.graph import build_graph
from danlu.pipeline.keys import external_inputs
from danlu.recipe.load import load_recipe
from danlu.recipe.tokenize import Kind, TokenizeConfig
from danlu.tokenize.adopt import adopted
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.train import train
from danlu.tokens.files import TOKENIZER, tokenizer_digest, tokenizer_text, write_tokenizer
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenStore
from danlu.workspace.errors import DanluError

TEXTS = [
    "The weather is good today, isn't it? " * 20,
    "今天的天气很好，孩子们在公园里玩。" * 20,
    "x = [1, 2, 34567]\n\n    return x\n" * 9,
]


def gpt2_like(**more: Any) -> Tokenizer:
    """As GPT-2's: byte-level BPE with one special token after all others."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = more.get("normalizer")
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=more.get("prefix", False))
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if more.get("alphabet", True) else []
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False))
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


@pytest.fixture(scope="module")
def foreign() -> Tokenizer:
    return gpt2_like()


@pytest.fixture(scope="module")
def taken(foreign: Tokenizer) -> dict[str, Any]:
    return adopted(json.loads(foreign.to_str()), TEXTS, "here")


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.text("ab' \n\t.，。天气很好１２3éカ𠀀", max_size=60))
def test_texts_are_cut_as_before(foreign: Tokenizer, taken: dict[str, Any], text: str) -> None:
    before = foreign.encode(text)
    after = Tokenizer.from_str(tokenizer_text({**taken, "added_tokens": []})).encode(text)
    assert after.tokens == before.tokens
    assert [token - len(SPECIAL) for token in after.ids] == before.ids  # in their old order


def test_special_tokens_are_danlus(foreign: Tokenizer, taken: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / TOKENIZER).write_text(tokenizer_text(taken), encoding="utf-8")
    write_tokenizer(tmp_path, tmp_path / "bert", "bert", 64)
    loaded = AutoTokenizer.from_pretrained(tmp_path / "bert")
    assert loaded.convert_tokens_to_ids(list(SPECIAL)) == list(range(len(SPECIAL)))
    assert "<|endoftext|>" not in loaded.get_vocab()
    assert len(loaded) == foreign.get_vocab_size() - 1 + len(SPECIAL)
    ids = loaded("good weather")["input_ids"]
    assert (ids[0], ids[-1]) == (3, 4)
    assert loaded.decode(ids[1:-1]) == "good weather"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_one_of_danlus_stays_as_it_is(kind: Kind, tmp_path: Path) -> None:
    content = train_tokenizer(iter(TEXTS), 800, kind)
    (tmp_path / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    write_tokenizer(tmp_path, tmp_path / "bert", "bert", 64)  # with a template
    written = json.loads((tmp_path / "bert" / TOKENIZER).read_text(encoding="utf-8"))
    (tmp_path / TOKENIZER).write_text(tokenizer_text(adopted(written, TEXTS, "here")), encoding="utf-8")
    assert tokenizer_digest(tmp_path) == tokenizer_digest(tmp_path / "bert")
    assert adopted(written, TEXTS, "here")["post_processor"] is None


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: gpt2_like(normalizer=normalizers.Lowercase()), "tokenize.from-inexact"),
        (lambda: gpt2_like(normalizer=normalizers.NFKC()), "tokenize.from-inexact"),
        (lambda: gpt2_like(prefix=True), "tokenize.from-inexact"),
        (lambda: gpt2_like(alphabet=False), "tokenize.from-kind"),
        (lambda: Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]")), "tokenize.from-kind"),
        (lambda: Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), "tokenize.from-kind"),
        (lambda: Tokenizer(models.Unigram([("a", -1.0)], 0)), "tokenize.from-kind"),
    ],
)
def test_what_changes_texts_is_refused(make: Any, key: str) -> None:
    with pytest.raises(DanluError) as caught:
        adopted(json.loads(make().to_str()), TEXTS, "there")
    assert caught.value.key == key
    for language in ("en", "zh"):
        assert all(caught.value.explain(language).values())


def test_nothing_is_left_to_chance(foreign: Tokenizer) -> None:
    content = json.loads(foreign.to_str())
    content["model"]["dropout"] = 0.5
    assert adopted(content, TEXTS, "here")["model"]["dropout"] is None
    content["decoder"] = None
    assert adopted(content, TEXTS, "here")["decoder"]["type"] == "ByteLevel"


@pytest.mark.parametrize("name", ["the", "!"])
def test_a_special_token_that_words_are_made_of_stays_a_token(name: str) -> None:
    tokenizer = gpt2_like()
    before = {text: tokenizer.encode(text).tokens for text in ("weather", "a ball", "plain")}
    tokenizer.add_special_tokens([name])
    content = adopted(json.loads(tokenizer.to_str()), TEXTS, "here")
    after = Tokenizer.from_str(tokenizer_text({**content, "added_tokens": []}))
    assert {text: after.encode(text).tokens for text in before} == before


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (
            lambda content: content["added_tokens"][0].update(special=False),
            "tokenize.from-added",
        ),
        (lambda content: content["model"]["merges"].append(["no", "such"]), "tokens.no-tokenizer"),
        (lambda content: content["model"]["vocab"].pop("a"), "tokenize.from-kind"),
    ],
)
def test_what_contradicts_itself_is_refused(foreign: Tokenizer, change: Any, key: str) -> None:
    content = json.loads(foreign.to_str())
    change(content)
    with pytest.raises(DanluError) as caught:
        adopted(content, TEXTS, "there")
    assert caught.value.key == key


def test_special_tokens_in_a_text_must_stay_text(foreign: Tokenizer) -> None:
    """With `ignore_merges` and no borders at punctuation, `<|eos|>` would be looked up whole."""
    content = json.loads(foreign.to_str())
    content["model"]["ignore_merges"] = True
    content["pre_tokenizer"]["use_regex"] = False
    with pytest.raises(DanluError) as caught:
        adopted(content, TEXTS, "there")
    assert caught.value.key == "tokenize.from-inexact"


@pytest.mark.parametrize("name", ["dropout", "ignore_merges", "byte_fallback", "fuse_unk"])
def test_what_a_bpe_does_besides_is_in_its_digest(foreign: Tokenizer, name: str, tmp_path: Path) -> None:
    found = set()
    for value in (None, 0.5 if name == "dropout" else True):
        content = json.loads(foreign.to_str())
        content["model"][name] = value
        (tmp_path / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
        found.add(tokenizer_digest(tmp_path))
    assert len(found) == 2


def test_stage(rows: Any, make_documents: Any, make_run: Any, foreign: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    foreign.save(str(tmp_path / "old" / TOKENIZER))
    run = make_run("tokenize.train", "out")
    train(make_documents(rows), config=TokenizeConfig(start=str(tmp_path / "old"), sample=100_000), run=run)
    facts = json.loads((run.output / "facts.json").read_text(encoding="utf-8"))
    assert facts["vocabulary"] == foreign.get_vocab_size() - 1 + len(SPECIAL)
    text = "".join(str(row["text"]) for row in rows if row["language"] == "en")
    measured = facts["fertility"]["en"]["bytes_per_token"]
    assert measured == pytest.approx(len(text.encode()) / len(foreign.encode(text).ids), rel=0.05)


def recipe(folder: Path, line: str) -> Path:
    (folder / "t").mkdir(exist_ok=True)
    (folder / "t" / "a.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    path = folder / "recipe.yaml"
    collected = "name: a\ncollect: {sources: [{type: files, path: t}]}\nclean: {preset: none}\n"
    path.write_text(f"{collected}tokenize: {line}\n", encoding="utf-8")
    return path


def test_its_content_is_in_the_key_and_its_folder_is_not(tmp_path: Path, foreign: Tokenizer) -> None:
    found = []
    for name, tokenizer in (("one", foreign), ("other", foreign), ("changed", gpt2_like(prefix=True))):
        (tmp_path / name).mkdir()
        tokenizer.save(str(tmp_path / name / TOKENIZER))
        loaded = load_recipe(recipe(tmp_path, f"{{from: {name}}}"), [])
        node = build_graph(loaded.recipe)["tokenize.train"]
        found.append((node.config.identity(), external_inputs(node, loaded.base)))
    assert found[0] == found[1]
    assert found[0][0] == found[2][0]
    assert found[0][1] != found[2][1]


@pytest.mark.parametrize("key", ["type: unigram", "vocabulary: 600", "digits: 1"])
def test_it_is_taken_as_it_is_or_trained(tmp_path: Path, key: str) -> None:
    with pytest.raises(DanluError) as caught:
        load_recipe(recipe(tmp_path, f"{{from: there, {key}}}"), [])
    assert key.partition(":")[0] in caught.value.explain("en")["cause"]
    assert key.partition(":")[0] in caught.value.explain("zh")["cause"]


def test_what_its_file_shows_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    Tokenizer(models.Unigram([("a", -1.0)], 0)).save(str(tmp_path / "old" / TOKENIZER))
    path = recipe(tmp_path, "{from: old}")
    for ask in (danlu.plan, danlu.run):
        with pytest.raises(DanluError) as caught:
            ask(path, workspace=tmp_path / "w")
        assert caught.value.key == "tokenize.from-kind"
        assert caught.value.where == str(tmp_path / "old")
    assert not list((tmp_path / "w").glob("artifacts/*"))


def test_a_run_with_one_that_is_there_and_without(tmp_path: Path, foreign: Tokenizer) -> None:
    (tmp_path / "old").mkdir()
    foreign.save(str(tmp_path / "old" / TOKENIZER))
    path = recipe(tmp_path, "{from: old}")
    result = danlu.run(path, until="tokenize.encode", workspace=tmp_path / "w")
    store = TokenStore.open(result.artifacts["tokenize.encode"].path / "train")
    assert store.tokens.min() >= len(SPECIAL)
    shutil.rmtree(tmp_path / "old")
    with pytest.raises(DanluError) as caught:
        danlu.run(path, until="tokenize.encode", workspace=tmp_path / "w")
    assert caught.value.key == "tokens.no-tokenizer"
