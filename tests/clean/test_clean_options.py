"""The keys `width` and `chinese`: what they change, what they leave, and how it is recorded."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from danlu.clean.treatment import is_chinese, treatment
from danlu.pipeline.graph import repairs
from danlu.recipe.clean import CleanConfig
from danlu.text.edits import apply_edits
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import LANGUAGES, Language


def treated(text: str, **options: str) -> str:
    config = CleanConfig.model_validate(options)
    (repaired,) = treatment(config).treat([text])
    assert apply_edits(text, repaired.edits) == repaired.text
    (again,) = treatment(config).treat([repaired.text])
    assert again.edits == []
    return repaired.text


@pytest.mark.parametrize(
    ("text", "letters", "every"),
    [
        ("增长１２％，“ＡＢＣ”公司（北京）！", "增长12%，“ABC”公司（北京）！", "增长12%，“ABC”公司（北京）！"),
        ("价格：￥１．５＋２＝３；编号＃７", "价格：￥1.5＋2＝3；编号＃7", "价格：￥1.5+2=3；编号#7"),
        ("English text ＡＢＣ １２", "English text ＡＢＣ １２", "English text ABC 12"),
        ("ｶﾞｰﾄﾞ下｡", "ｶﾞｰﾄﾞ下｡", "ガード下。"),
        ("，。：；！？（）「」、", "，。：；！？（）「」、", "，。：；！？（）「」、"),
    ],
)
def test_width(text: str, letters: str, every: str) -> None:
    assert treated(text) == letters
    assert treated(text, width="all") == every
    assert treated(text, width="keep") == text


def test_the_keys_are_those_of_the_repairing_stage() -> None:
    config = CleanConfig(width="all", chinese="simplified", decontaminate=False)
    assert repairs(config) == CleanConfig(width="all", chinese="simplified")


def test_which_languages_are_converted() -> None:
    tags = pa.chunked_array([["zh-Hans", "en", "zh-Hant"], ["ja", "und", "yue", "zh_CN"]])
    assert is_chinese(tags).tolist() == [True, False, True, False, False, True, True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_opencc_the_error_says_what_to_install(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(DanluError) as caught:
        treatment(CleanConfig(chinese="simplified"))
    assert "pip install 'danlu[chinese]'" in caught.value.explain(language)["remedy"]


def test_chinese_is_brought_into_one_script() -> None:
    pytest.importorskip("opencc", reason="opencc (extra chinese) is not installed")
    assert treated("後來他說頭髮發展了，Ａ里。", chinese="simplified") == "后来他说头发发展了，A里。"
    assert treated("他的头发和发展，皇后在后面。", chinese="traditional") == "他的頭髮和發展，皇后在後面。"
    assert treated("他的头发", chinese="keep") == "他的头发"
    (repaired,) = treatment(CleanConfig(chinese="simplified")).treat(["他說  頭髮"])
    # Where one edit touches the next they are one, as everywhere.
    assert repaired.text == "他说 头发"
    assert {name for edit in repaired.edits for name in edit.reason.split("+")} == {"chinese", "space"}
    assert repaired.edits[0].start == 1
    assert repaired.edits[-1].end == 6
