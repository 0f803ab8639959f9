"""Languages of many texts at once: by script, by n-grams, and how mixed they are."""

from __future__ import annotations

import importlib.metadata
import json
import re
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open

from danlu.text import language_training
from danlu.text.buffers import string_buffers
from danlu.text.kernels import language_words as words_of
from danlu.text.kernels import languages as kernels
from danlu.text.kernels.composing import find_composing
from danlu.text.languages import MODEL, SCRIPTS, Languages, Model, languages, load_model, make_tables, plain

SENTENCES = {
    "en": "The children were playing in the garden when it began to rain.",
    "fr": "Les enfants jouaient dans le jardin quand il a commencé à pleuvoir.",
    "de": "Die Kinder spielten im Garten, als es zu regnen begann.",
    "es": "Los niños jugaban en el jardín cuando empezó a llover.",
    "pt": "As crianças brincavam no jardim quando começou a chover.",
    "it": "I bambini giocavano in giardino quando ha cominciato a piovere.",
    "nl": "De kinderen speelden in de tuin toen het begon te regenen.",
    "pl": "Dzieci bawiły się w ogrodzie, kiedy zaczęło padać.",
    "tr": "Yağmur başladığında çocuklar bahçede oynuyordu.",
    "vi": "Bọn trẻ đang chơi trong vườn thì trời bắt đầu mưa.",
    "id": "Anak-anak sedang bermain di taman ketika hujan mulai turun.",
    "sv": "Barnen lekte i trädgården när det började regna.",
    "cs": "Děti si hrály na zahradě, když začalo pršet.",
    "hu": "A gyerekek a kertben játszottak, amikor elkezdett esni az eső.",
    "fi": "Lapset leikkivät puutarhassa, kun alkoi sataa.",
    "ro": "Copiii se jucau în grădină când a început să plouă.",
    "ru": "Дети играли в саду, когда начался дождь.",
    "uk": "Діти гралися в саду, коли почався дощ.",
    "ar": "كان الأطفال يلعبون في الحديقة عندما بدأ المطر.",
    "fa": "بچه‌ها در باغ بازی می‌کردند که باران شروع شد.",
    "hi": "बच्चे बगीचे में खेल रहे थे जब बारिश शुरू हुई।",
    "ja": "雨が降り始めたとき、子供たちは庭で遊んでいた。",
    "ko": "비가 내리기 시작했을 때 아이들은 정원에서 놀고 있었다.",
    "zh-Hans": "孩子们在花园里玩的时候，开始下雨了。",
    "zh-Hant": "孩子們在花園裡玩的時候，開始下雨了。",
    "el": "Τα παιδιά έπαιζαν στον κήπο όταν άρχισε να βρέχει.",
    "he": "הילדים שיחקו בגינה כשהתחיל לרדת גשם.",
    "th": "เด็กๆ กำลังเล่นอยู่ในสวนตอนที่ฝนเริ่มตก",
    "und": "1984 + 16 = 2000 😀",
}


def told(*texts: str) -> Languages:
    return languages(*plain(texts))


def test_a_sentence_of_each_language() -> None:
    found = told(*SENTENCES.values())
    assert found.names == list(SENTENCES)
    assert (found.confidence[:-1] > 0.6).all()
    assert found.mixed.max() == 0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("検索結果", "ja"),  # no kana, but forms that only Japan has
        ("经济发展", "zh-Hans"),
        ("經濟發展", "zh-Hant"),
        ("Hello, world!", "en"),
        ("OK", "en"),
        ("import numpy as np\nfor i in range(10):\n    print(i)", "en"),
        ("Breaking: stocks fall as markets react", "en"),
        ("https://example.com/une-page-en-francais 这里是正文", "zh-Hans"),
        ("<script>if (a < b) { window.location = other }</script><p>正文在这里</p>", "zh-Hans"),
        ("l\u2019homme qui rit dans la maison", "fr"),
        (unicodedata.normalize("NFD", "Où êtes-vous allé cet été, à la mer ou à la montagne ?"), "fr"),
        (SENTENCES["de"].upper(), "de"),
    ],
)
def test_short_and_odd_texts(text: str, language: str) -> None:
    assert told(text).names == [language]


MIXED = [
    "今天的 meeting 我们 discuss 一下 project plan",
    "这个 feature 的 deadline 是下周五，please 尽快 update 一下 status",
    "我觉得这个 idea 很 interesting，但是 budget 不够",
    "昨日の meeting で project の schedule を discuss しました",
    "Мы обсудили project plan и назначили следующий meeting",
    f"{SENTENCES['en']}\n{SENTENCES['zh-Hans']}",
    f"{SENTENCES['fr']}\n{SENTENCES['en']}\n{SENTENCES['fr']}",
]
PLAIN = [
    "我用的是 iPhone 和 MacBook Pro，系统是 iOS 18，用起来很顺手，电池也比较耐用。",
    "华为和 Apple 都发布了新手机，其中 Mate 70 的价格比 iPhone 16 要低一些。",
    "Python 3.13 的新解释器比以前快了不少，很多人已经把自己的项目升级到新的版本。",
    "Мы установили Django и PostgreSQL на новый сервер, и теперь всё работает быстрее.",
    "\n".join([SENTENCES["en"]] * 5),
]


def test_lines_that_switch_languages_are_mixed_and_names_are_not() -> None:
    assert told(*MIXED).mixed.min() > 0.2
    assert told(*PLAIN).mixed.max() < 0.1


def test_the_share_of_another_language() -> None:
    """1.6 Han make a word; of words in Latin letters those in small ones are no names."""
    assert told("今天下午我们一起去 meeting about Danlu plan").mixed[0] == pytest.approx(3 / (9 / 1.6 + 4), abs=1e-4)
    assert told("我们去 Beijing").mixed[0] == 0
    found = told("\n".join([SENTENCES["de"]] * 3 + [SENTENCES["en"]]))
    letters = [sum(map(str.isalpha, SENTENCES[name])) for name in ("de", "en")]
    assert found.names == ["de"]
    assert found.mixed[0] == pytest.approx(letters[1] / (3 * letters[0] + letters[1]), abs=1e-4)


@given(st.lists(st.sampled_from([*SENTENCES.values(), *MIXED, "", "<", "&amp;", "\u3000"]), max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_text_is_told_the_same_in_any_batch(texts: list[str]) -> None:
    together = told(*texts)
    for place, text in enumerate(texts):
        alone = told(text)
        assert (alone.label[0], alone.confidence[0], alone.mixed[0]) == (
            together.label[place], together.confidence[place], together.mixed[place],
        )  # fmt: skip


AROUND_MARKS = "ab é\u02ff\u0300\u036f\u0370\u0652\u0653\u0656\u093b\u093c\u10ff\u1100\u11ff\u1200\u3098\u309aか天😀"


@given(st.lists(st.text(alphabet=AROUND_MARKS, max_size=20)))
@example(["", "abcdefgh" * 2 + "\u0301"])
@settings(max_examples=200, deadline=None)
def test_marks_that_compose_are_found_as_by_a_regular_expression(texts: list[str]) -> None:
    data, offsets = string_buffers(texts)
    found = np.zeros(len(texts), np.bool_)
    find_composing(data, offsets, found)
    marks = re.compile("[\u0300-\u036f\u0653-\u0655\u093c\u1100-\u11ff\u3099\u309a]")
    assert found.tolist() == [marks.search(text) is not None for text in texts]


def _script(character: str) -> str:
    """By the character's Unicode name: another way to its script than tables of ranges."""
    name = unicodedata.name(character, "")
    for prefix, script in (
        ("LATIN", "latin"), ("CYRILLIC", "cyrillic"), ("CJK UNIFIED", "han"), ("HIRAGANA", "kana"), ("KATAKANA", "kana"),
        ("HANGUL", "hangul"), ("GREEK", "el"), ("HEBREW", "he"), ("THAI", "th"),
    ):  # fmt: skip
        if name.startswith(prefix) and unicodedata.category(character)[0] == "L":
            return script
    return "none"


@given(st.text(alphabet="abzÀéßčŁơДжяЁ天地漢語あんアン가힣αΩאתกข 123,.!?\n-", max_size=300))
@settings(max_examples=100, deadline=None)
def test_letters_by_script(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    counted = told(text).letters[0]
    expected = [sum(_script(character) == script for character in text) for script in SCRIPTS]
    assert counted.tolist() == [0, *expected[1:]]


def _buckets(text: str) -> list[int]:
    """The buckets of words of small letters with single spaces between, computed plainly."""
    modulus, odd = 1 << 64, [int(number) for number in (words_of._K0, words_of._K1, words_of._K2, words_of._K3)]
    added = {2: int(words_of._TWO), 3: int(words_of._THREE), 4: int(words_of._FOUR)}
    found = []
    for word in text.split():
        characters = [0, 0, 32, *map(ord, word), 32]
        for end in range(3, len(characters)):
            for length in (2, 3, 4):
                gram = characters[end - length + 1 : end + 1][::-1]
                value = sum(code * factor for code, factor in zip(gram, odd, strict=False)) + added[length]
                found.append(value % modulus >> (64 - words_of.BITS))
        value = 0
        for character in word:
            value = (value + ord(character)) * odd[1] % modulus
        found.append((value * odd[0] + int(words_of._WORD)) % modulus >> (64 - words_of.BITS))
    return found


@given(st.lists(st.text(alphabet="abcdeéñüßzłčě", min_size=1, max_size=9), max_size=20))
@example([])
@settings(max_examples=50, deadline=None)
def test_buckets_are_those_of_a_plain_computation(words: list[str]) -> None:
    found, starts = language_training.read_snippets([" ".join(words), ""], kernels.LATIN)
    assert found.tolist() == _buckets(" ".join(words))
    assert starts.tolist() == [0, len(found), len(found)]


@given(st.lists(st.text(alphabet="abcdeéñüßzłčěI'ж", min_size=1, max_size=60), max_size=20))
@example(["e" * 48 + "t"])
@settings(max_examples=100, deadline=None)
def test_a_sum_is_that_of_the_rows_whatever_was_kept_before(words: list[str]) -> None:
    """Words of more than 16 bytes and those that meet in one place of the table included: the same as rows added plainly."""
    texts, model = [" ".join(words), *words, " ".join(words)], load_model()
    for script in (kernels.LATIN, kernels.CYRILLIC):
        kept = np.zeros((words_of.SLOTS + 1, words_of.KEPT), np.uint64)
        for text in texts:
            numbers, _ = language_training.read_snippets([text], script)
            vectors, grams = _sums(text, script, kept)
            assert vectors.sum(axis=0).tolist() == _rows(model, numbers).tolist()
            assert grams.sum() == len(numbers)


def _rows(model: Model, numbers: NDArray[np.uint16]) -> NDArray[np.int64]:
    return (model.lanes[numbers].view(np.uint16).astype(np.int64) - 128).sum(axis=0)


def _sums(text: str, script: int, kept: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    tables = make_tables()
    data, offsets = plain([text])
    count, size = len(SCRIPTS), len(data)
    words, keys, characters = np.zeros((size, 4), np.int32), np.zeros((size, 2), np.uint64), np.zeros(size + 8, np.uint16)
    held = np.zeros(size // kernels.ENOUGH + kernels.MODELLED + 1, np.int64)
    used = kernels.read(
        data, 0, offsets[1], size, tables.scripts, tables.lower, tables.absent, np.zeros(count, np.int64),
        np.zeros(count, np.int64), np.zeros(8, np.int64), np.zeros(1, np.int64), words, keys, characters, 0, held,
    )  # fmt: skip
    vectors, grams = np.zeros((len(held), words_of.WIDTH), np.int32), np.zeros(len(held), np.int64)
    words_of.sum_words(words[:used], keys, characters, script, load_model().lanes, kept, vectors, grams)
    return vectors, grams


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_within_bounds(data: bytes) -> None:
    found = languages(np.frombuffer(data, np.uint8), np.array([0, len(data) // 2, len(data)]))
    assert found.label.max(initial=0) < len(found.labels)
    assert ((found.mixed >= 0) & (found.mixed <= 1) & (found.confidence >= 0) & (found.confidence <= 1)).all()


@pytest.mark.parametrize("piece", ["<a", "&a", "<script>", "<a&lt;", "a<", "http://", "'", "\u0301"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    assert told(piece * 100_000).confidence[0] <= 1
    assert time.process_time() - began < 20  # a quadratic search would take hours


def test_a_long_text_is_read_at_its_beginning_middle_and_end() -> None:
    long = f"{SENTENCES['en']} " * 40 + SENTENCES["zh-Hans"] * 4000
    found = told(long)
    assert found.names == ["zh-Hans"]
    assert 0 < found.letters[0, SCRIPTS.index("latin")] < found.letters[0, SCRIPTS.index("han")] <= 3 * kernels.WINDOW


def test_the_model_is_small_and_names_its_sources() -> None:
    assert MODEL.stat().st_size < 600_000
    model = load_model()
    assert model.lanes.shape == (1 << words_of.BITS, words_of.WIDTH // 4)
    with safe_open(MODEL, framework="numpy") as file:
        about = json.loads(file.metadata()["about"])
    sources = about["sources"]
    assert len(sources) > 20
    for source in sources:
        assert source["licence"].startswith(("Apache", "BSD", "MIT")), source
    assert not {"django", "Django"} & {source["package"] for source in sources}  # what it is tested on


def test_the_same_packages_give_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_training, "SNIPPETS", 300)
    for language in ("fr", "de"):
        folder = tmp_path / "packages" / "some-1.0" / "locale" / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        entries = [f'msgid "{SENTENCES["en"]}"\nmsgstr "{SENTENCES[language]}"', '#, fuzzy\nmsgid "Doubtful"\nmsgstr "Nein"']
        (folder / "some.po").write_text("\n\n".join(entries), "utf-8")
    (tmp_path / "packages/some-1.0/METADATA").write_text("Name: some\nLicense-Expression: MIT\n\n")
    files = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for file in files:
        language_training.main([str(tmp_path / "packages"), "--out", str(file)])
    assert files[0].read_bytes() == files[1].read_bytes()
    about = load_model(files[0]).about
    assert about["sources"] == [{"package": "some", "version": "1.0", "licence": "MIT"}]
    assert about["characters"] == {f"{name}.1": len(SENTENCES[name]) for name in ("en", "fr", "de")}


def test_messages_of_django() -> None:
    """Recall in each class on messages of 20 characters or more; no model here was trained on them."""
    try:
        folder = Path(str(importlib.metadata.distribution("django").locate_file("django/conf")))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("package django is not installed")
    texts, _ = language_training.read_package(folder.parent / "contrib" / "admin")
    english = {text for language, text in texts if language == "en"}
    for wanted in ("en", "fr", "de", "es", "ru", "ja", "ko"):
        own = {text for language, text in texts if language == wanted and len(text) >= 20}
        found = own if wanted == "en" else own - english
        names = told(*sorted(found)).names
        assert np.mean([name == wanted for name in names]) >= 0.95, wanted
