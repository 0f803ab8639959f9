"""Extended tokenizers of every kind, as transformers reads them: new tokens, old ids, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from danlu.documents.store import write_documents
from danlu.tokenize.appending import MARGIN
from danlu.tokenize.extend import LEAST, Extended, extend, taken_over
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.merging import Merges, NewToken, continue_merges
from danlu.tokenize.spelling import LONGEST, Spelling
from danlu.tokens.encoding import fast_encoder, plain_tokenizer, reference_encoder, same
from danlu.tokens.files import (
    CONFIG,
    NAMED,
    SPECIAL_MAP,
    TOKENIZER,
    read_tokenizer,
    tokenizer_config,
    tokenizer_text,
    vocabulary_of,
)
from danlu.tokens.pieces import token_bytes
from danlu.tokens.store import token_dtype
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.progress import SilentProgress

ENGLISH = "The weather is good and the children play in the park. It wasn't {}, but we'll see {} of them again!"
CHINESE = "今天的天气很好，孩子们在公园里玩。第{}次来到这里，我们又见到了{}位朋友！"
GENERAL = [ENGLISH.format(number * 31, number) for number in range(60)] + [
    CHINESE.format(number, number * 7) for number in range(60)
]
ORGANS = (("hepat", "肝"), ("cardi", "心"), ("nephr", "肾"), ("gastr", "胃"), ("neur", "脑"), ("oste", "骨"), ("derm", "皮"))
ILLS = (
    ("ectomy", "切除术"),
    ("itis", "炎症"),
    ("opathy", "病变"),
    ("ocarcinoma", "细胞癌"),
    ("ography", "造影"),
    ("algia", "疼痛"),
)
CASES = [(*organ, *ill) for organ, ill in product(ORGANS, ILLS)]
DOMAIN = [
    "".join(
        f"The {a}{b} of patient {number} wasn't resectable. 第{number}例患者的{c}{d}。" for a, c, b, d in CASES[number % 3 :: 2]
    )
    for number in range(40)
]


def _bert(directory: Path) -> None:
    """BERT as published: it lower-cases, keeps `vocab.txt` too, cuts and pads."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [
        *map(chr, range(97, 123)),
        *sorted({char for char in "".join([*GENERAL, *DOMAIN]) if char > "\u4e00"}),
    ]
    words = [*letters, *(f"##{letter}" for letter in letters), *".;'0123456789", "the", "##ed", "##ti", "was", "patient"]
    vocabulary = [*special, *words]
    tokenizer = Tokenizer(models.WordPiece({name: place for place, name in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_truncation(64)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(directory / TOKENIZER))
    (directory / "vocab.txt").write_text("".join(f"{name}\n" for name in vocabulary), encoding="utf-8")
    write_json(directory / CONFIG, {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64})


def _gpt2(directory: Path) -> None:
    """GPT-2 as published, with a padding token that someone added after the vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(GENERAL, trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ))  # fmt: skip
    tokenizer.add_special_tokens([AddedToken("<|pad|>")])
    tokenizer.add_tokens([AddedToken("carcinoma", normalized=False, single_word=True)])
    tokenizer.save(str(directory / TOKENIZER))
    tokenizer.model.save(str(directory))
    added = {
        str(place): {**json.loads(_state(token)), "special": token.special}
        for place, token in tokenizer.get_added_tokens_decoder().items()
    }
    names = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|pad|>"}
    write_json(directory / CONFIG, {"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": added, **names})


def _state(token: Any) -> str:
    keys = ("content", "single_word", "lstrip", "rstrip", "normalized")
    return json.dumps({key: getattr(token, key) for key in keys})


def _t5(directory: Path) -> None:
    """T5 as published: SentencePiece's Unigram, sentinels at the end of its vocabulary."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Nmt()
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.train_from_iterator(GENERAL, trainers.UnigramTrainer(
        vocab_size=250, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False,
    ))  # fmt: skip
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    first = len(vocabulary)
    content["model"] |= {"unk_id": 2, "vocab": [*vocabulary, *([f"<extra_id_{99 - place}>", 0.0] for place in range(100))]}
    content["added_tokens"] += [
        {"id": first + place, "content": f"<extra_id_{99 - place}>", "special": True, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
        for place in range(100)
    ]  # fmt: skip
    (directory / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    write_json(directory / CONFIG, {"tokenizer_class": "T5Tokenizer", "extra_ids": 100})


def _llama(directory: Path) -> None:
    """Llama 2 as published: letters, bytes for what they lack, words known by their spaces alone."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    trained.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    trained.train_from_iterator(GENERAL[:60], trainers.BpeTrainer(vocab_size=200, show_progress=False))
    content = json.loads(trained.to_str())
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    old = sorted(content["model"]["vocab"], key=content["model"]["vocab"].__getitem__)
    content["model"] |= {
        "vocab": {name: place for place, name in enumerate([*special, *old])}, "byte_fallback": True, "fuse_unk": True,
        "unk_token": "<unk>",
    }  # fmt: skip
    content["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens(special[:3])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.save(str(directory / TOKENIZER))
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(directory / CONFIG, {"tokenizer_class": "LlamaTokenizer", "legacy": False, **names})


def _ours(kind: Any) -> Callable[[Path], None]:
    def make(directory: Path) -> None:
        (directory / TOKENIZER).write_text(tokenizer_text(train_tokenizer(iter(GENERAL), 800, kind)), encoding="utf-8")
        write_json(directory / CONFIG, {**tokenizer_config(128), "chat_template": "{{ messages }}"})
        write_json(directory / SPECIAL_MAP, NAMED)

    return make


MAKERS: dict[str, Callable[[Path], None]] = {
    "bpe": _ours("bpe"), "wordpiece": _ours("wordpiece"), "unigram": _ours("unigram"), "gpt2": _gpt2, "bert": _bert, "t5": _t5,
    "llama": _llama,
}  # fmt: skip
BYTES = ("bpe", "wordpiece", "unigram", "gpt2")


MOST = 40  # new tokens


class Case(NamedTuple):
    """A tokenizer and what it became; `merges`: what it learned, by the parts that `extend` is made of."""

    source: Path
    target: Path
    made: Extended
    old: Any
    new: Any
    spelling: Spelling
    merges: Merges

    @property
    def first(self) -> int:
        return self.made.first


def _documents(path: Path, texts: list[str]) -> Artifact:
    rest = {"source": "s", "url": "", "licence": "", "language": "en", "created": "", "protected": False, "meta": "{}"}
    rows = [{"id": f"{number:032x}", "digest": f"{number:032x}", "text": text, **rest} for number, text in enumerate(texts)]
    write_documents(path / "documents", rows)
    return Artifact("collect", "key", path)


def _learned(spelling: Spelling, texts: list[str], most: int) -> Merges:
    names = [spelling.names.get(place, "") for place in range(spelling.first)]
    return continue_merges(spelling.words(texts), names, spelling.join, most, LEAST, spelling.steps)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Each kind, made and extended once."""

    @cache
    def get(name: str) -> Case:
        place = tmp_path_factory.mktemp(name)
        (place / "old").mkdir()
        MAKERS[name](place / "old")
        made = extend("old", place / "old", _documents(place / "collected", DOMAIN), MOST, place / "new", SilentProgress())
        old, new = (AutoTokenizer.from_pretrained(place / part) for part in ("old", "new"))
        for one in (old, new):
            one.backend_tokenizer.no_truncation()
            one.backend_tokenizer.no_padding()
        spelling = Spelling.of(place / "old")
        return Case(place / "old", place / "new", made, old, new, spelling, _learned(spelling, DOMAIN, MOST))

    return get


EVERY = pytest.mark.parametrize("name", MAKERS)
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = [
    "hepatectomy",
    "carcinoma",
    "hepatocellular ",
    "肝细胞癌",
    "化疗",
    " the",
    "The weather",
    "孩子们",
    "<|pad|>",
    "[MASK]",
    "<extra_id_3>",
]
TEXT = st.one_of(
    st.text(max_size=40), st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=8).map("".join)
)


def ids(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[no-any-return]


@EVERY
def test_new_tokens_come_after_the_old_ones_and_shorten_the_texts(name: str, cases: Callable[[str], Case]) -> None:
    case = cases(name)
    assert len(case.made.tokens) == MOST == len(case.merges.tokens)
    assert case.first == len(case.old)
    assert len(case.new) == len(case.old) + MOST
    assert {key: place for key, place in case.new.get_vocab().items() if place < case.first} == case.old.get_vocab()
    assert [case.new.convert_ids_to_tokens(case.first + place) for place in range(MOST)] == [t.name for t in case.merges.tokens]
    before, after = ([ids(one, text) for text in DOMAIN] for one in (case.old, case.new))
    assert sum(map(len, after)) < 0.8 * sum(map(len, before))
    amounts = [measured.use.languages["en"] for measured in (case.made.before, case.made.after)]
    assert [amount.tokens for amount in amounts] == [sum(map(len, before)), sum(map(len, after))]
    assert max(len(piece) for piece in case.made.tokens) <= 2 * LONGEST + 1
    seen = Counter(index for row in after for index in row)
    assert sum(seen[case.first + place] > 0 for place in range(MOST)) > MOST // 8, (
        "most are used as they are, not only in longer ones"
    )


@EVERY
def test_the_files_say_the_same_to_both_libraries(name: str, cases: Callable[[str], Case]) -> None:
    case = cases(name)
    plain = Tokenizer.from_file(str(case.target / TOKENIZER))
    plain.no_truncation()
    plain.no_padding()
    generic = PreTrainedTokenizerFast(tokenizer_file=str(case.target / TOKENIZER))
    for text in [*DOMAIN[:5], *GENERAL[:5], "".join(WORDS)]:
        found = ids(case.new, text)
        assert found == plain.encode(text, add_special_tokens=False).ids
        assert found == ids(generic, text)
    again = case.target.parent / "saved"
    case.new.save_pretrained(again)
    assert ids(AutoTokenizer.from_pretrained(again), DOMAIN[0][:60]) == ids(case.new, DOMAIN[0][:60])


@EVERY
def test_what_is_special_stays_and_the_old_vocabulary_goes(name: str, cases: Callable[[str], Case]) -> None:
    case = cases(name)
    assert case.new.special_tokens_map == case.old.special_tokens_map
    assert case.new.added_tokens_decoder == case.old.added_tokens_decoder
    assert case.new.chat_template == case.old.chat_template
    assert ids(case.new, "".join(case.old.all_special_tokens)) == ids(case.old, "".join(case.old.all_special_tokens))
    assert case.new("a b")["input_ids"] == case.old("a b")["input_ids"], "with the special tokens of its template"
    for file in (CONFIG, SPECIAL_MAP):
        if (case.source / file).exists():
            assert (case.target / file).read_bytes() == (case.source / file).read_bytes()
    assert {path.name for path in case.target.iterdir()} <= {TOKENIZER, CONFIG, SPECIAL_MAP, "facts.json"}
    old, new = read_tokenizer(case.source), read_tokenizer(case.target)
    assert {key: value for key, value in new.items() if key != "model"} == {
        key: value for key, value in old.items() if key != "model"
    }


@EVERY
@SLOW
@given(text=TEXT)
def test_a_text_without_new_tokens_keeps_its_ids(name: str, cases: Callable[[str], Case], text: str) -> None:
    case = cases(name)
    found = ids(case.new, text)
    if all(index < case.first for index in found):
        assert found == ids(case.old, text)


@pytest.mark.parametrize("name", BYTES)
@SLOW
@given(text=TEXT)
def test_ids_decode_to_the_text(name: str, cases: Callable[[str], Case], text: str) -> None:
    case = cases(name)
    assert case.new.decode(ids(case.new, text), clean_up_tokenization_spaces=False) == text


@pytest.mark.parametrize("name", ["bpe", "gpt2"])
@SLOW
@given(text=TEXT)
def test_a_text_is_its_old_ids_joined_in_the_order_learned(name: str, cases: Callable[[str], Case], text: str) -> None:
    case = cases(name)
    plain = Tokenizer.from_str(plain_tokenizer(case.target))
    index = {token.name: case.first + place for place, token in enumerate(case.merges.tokens)}
    expected = []
    for piece, _ in plain.pre_tokenizer.pre_tokenize_str(text):
        word = [token.id for token in case.spelling.tokenizer.model.tokenize(piece)]
        for left, right in case.merges.pairs:
            new = index[case.new.convert_ids_to_tokens(left) + case.new.convert_ids_to_tokens(right)]
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == (left, right):
                    word[place : place + 2] = [new]
                place += 1
        expected += word
    assert plain.encode(text, add_special_tokens=False).ids == expected


@pytest.mark.parametrize("name", ["bpe", "wordpiece", "unigram"])
def test_danlu_encodes_and_knows_the_bytes_of_its_own(name: str, cases: Callable[[str], Case]) -> None:
    case = cases(name)
    pieces = token_bytes(case.target)
    assert list(case.made.tokens) == pieces[case.first :]
    assert all(2 <= len(piece) <= LONGEST for piece in pieces[case.first :])
    plain = plain_tokenizer(case.target)
    reference = reference_encoder(plain)
    assert b"".join(pieces[index] for index in reference(DOMAIN).tokens) == "".join(DOMAIN).encode()
    if name == "bpe" and (fast := fast_encoder(plain)) is not None:
        assert same(reference([*DOMAIN, *WORDS]), fast([*DOMAIN, *WORDS]))


def test_words_known_by_spaces_alone_do_not_take_in_what_stands_beside_them(cases: Callable[[str], Case]) -> None:
    for name in ("t5", "llama"):
        for piece in cases(name).made.tokens:
            text = piece.decode().strip()
            assert text.isalpha() or text.isdigit() or len(text) <= 1, text


def test_a_word_that_was_one_token_stays_one_in_unigram(cases: Callable[[str], Case]) -> None:
    """Scores are between those of the halves and their sum, so what is likelier whole stays whole."""
    for name in ("unigram", "t5"):
        case = cases(name)
        scores = [score for _, score in read_tokenizer(case.target)["model"]["vocab"]]
        lowest = min(scores[: case.first])
        for place, token in enumerate(case.merges.tokens, case.first):
            parts = [scores[part] for part in token.parts]
            assert lowest <= scores[place] <= min(parts)
            assert scores[place] >= min(*parts, sum(parts) + MARGIN)
        for index, piece in enumerate(case.spelling.names.values()):
            text = piece.replace("\u2581", " ").strip()
            if text.isascii() and text.isalpha() and ids(case.old, text) == [index]:
                assert ids(case.new, text) == [index]


def test_the_places_of_a_first_part_are_shared_out_at_most_once(cases: Callable[[str], Case]) -> None:
    for name in MAKERS:
        merges = cases(name).merges
        shares, together = taken_over(merges), Counter[int]()
        for token, share in zip(merges.tokens, shares, strict=True):
            assert 0 < share <= 1
            together[token.parts[0]] += share
        assert max(together.values()) <= 1 + 1e-9
    token = NewToken("ab", (0, 1), 0.1, used=29)
    assert taken_over(Merges([(0, 1)], [token], np.array([59, 30]))).tolist() == [0.5]


def test_two_processes_write_the_same_bytes(cases: Callable[[str], Case], tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from danlu.tokenize.extend import extend\n"
        "from danlu.workspace.artifact import Artifact; from danlu.workspace.progress import SilentProgress\n"
        "paths = list(map(Path, sys.argv[1:]))\n"
        "for source, made, target in zip(paths[::3], paths[1::3], paths[2::3]):\n"
        f"    extend('old', source, Artifact('collect', 'key', made), {MOST}, target, SilentProgress())"
    )
    chosen = {name: cases(name) for name in ("bpe", "t5")}
    paths = [path for name, case in chosen.items() for path in (case.source, case.source.parent / "collected", tmp_path / name)]
    command = [sys.executable, "-c", program, *map(str, paths)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    for name, case in chosen.items():
        for path in case.target.iterdir():
            assert path.read_bytes() == (tmp_path / name / path.name).read_bytes(), path.name


def test_a_vocabulary_may_pass_what_two_bytes_hold(tmp_path: Path) -> None:
    content = train_tokenizer(iter(GENERAL), 800)
    vocabulary = vocabulary_of(content)
    size = len(vocabulary)
    vocabulary |= {f"!{place}!": place for place in range(size, 65_500)}
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "old" / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    shutil.rmtree(tmp_path / "new")
    made = extend("old", tmp_path / "old", _documents(tmp_path, DOMAIN), 100, tmp_path / "new", SilentProgress())
    assert made.first == 65_500
    assert token_dtype(made.first + len(made.tokens)) == "<u4"
    found = reference_encoder(plain_tokenizer(tmp_path / "new"))(DOMAIN).tokens
    assert found.max() > 65_536


def test_what_is_not_spelled_parts_words(cases: Callable[[str], Case]) -> None:
    """Letters as bytes, or unknown: what stands on both sides of them is never one token, and they are none."""
    for name, text, expected in (
        ("llama", "the\U0001d518weather", ["\u2581the", "weather"]),
        ("t5", "的\U0001d518天", ["\u2581的", "天"]),
        ("bert", "the \U0001d518 patient", ["the", "patient"]),
    ):
        spelling = cases(name).spelling
        found = ["".join(spelling.names[index] for index in word) for word in spelling.words([text])]
        assert found == expected


def test_bytes_alone_can_learn(tmp_path: Path) -> None:
    """A tokenizer that has no merges yet."""
    (tmp_path / "old").mkdir()
    content = train_tokenizer(iter([""]), 512)
    assert not content["model"]["merges"]
    (tmp_path / "old" / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    extend("old", tmp_path / "old", _documents(tmp_path, DOMAIN), 30, tmp_path / "new", SilentProgress())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "new")
    assert tokenizer.decode(ids(tokenizer, DOMAIN[0])) == DOMAIN[0]
    assert len(ids(tokenizer, DOMAIN[0])) < 0.8 * len(DOMAIN[0].encode())


def test_what_cannot_be_extended_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.mkdir()
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(words / TOKENIZER))
    write_json(words / CONFIG, {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})
    ours = tmp_path / "ours"
    ours.mkdir()
    MAKERS["bpe"](ours)
    pickled = tmp_path / "pickled"
    shutil.copytree(ours, pickled)
    write_json(pickled / "config.json", {"model_type": "gpt2"})
    (pickled / "pytorch_model.bin").touch()
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").touch()
    good, empty = _documents(tmp_path / "good", DOMAIN), _documents(tmp_path / "empty", ["", ""])
    once = _documents(tmp_path / "once", ["One line."])

    def fails(key: str, source: Path, documents: Artifact, target: str = "made") -> None:
        with pytest.raises(DanluError) as caught:
            extend("any", source, documents, 10, tmp_path / target, SilentProgress())
        assert caught.value.key == key
        assert caught.value.explain("zh")["what"] != caught.value.explain("en")["what"]
        assert not (tmp_path / "made").exists()
        assert not list(tmp_path.glob(".*"))

    fails("extend.kind", words, good)
    fails("extend.no-text", ours, empty)
    fails("extend.nothing", ours, once)
    fails("models.incomplete", pickled, good)
    fails("models.unloadable", taken, good)
    fails("workspace.taken", ours, good, "taken")
