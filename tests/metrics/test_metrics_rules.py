"""The language's rules that texts are measured by do not hang on how a tag is written, and what is odd about tags is said."""

from __future__ import annotations

import pytest

from danlu.metrics.answers import answers, rule
from danlu.metrics.characters import languages_of
from danlu.metrics.rouge import rouge
from danlu.metrics.rules import language_notes
from danlu.metrics.translation import bleu, tokenizer
from danlu.workspace.sentences import say

pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")

TAGS = ["zh_CN", "ZH", "zho_Hans", "cmn", "Chinese", "中文", "yue", "en-zh", "und", ""]  # the last three: by script
REFERENCES = [["今天天气很好，我们去公园。"], ["他把书看完了。"], ["OK"]]
PREDICTED = ["今天天气不好，我们去公园。", "他看完了书。", "OK"]


@pytest.mark.parametrize("tag", TAGS)
def test_odd_tags_get_the_rules_of_chinese(tag: str) -> None:
    plain, odd = (bleu(REFERENCES, PREDICTED, languages=[one] * 3) for one in ("zh", tag))
    assert odd.value() == plain.value() > 40
    assert odd.made["tok"] == "zh"
    right, given = [["《红楼梦》"], ["曹雪芹"]], ["红楼梦", "曹雪芹等"]
    for score in ("exact", "f1"):
        assert (
            answers(right, given, languages=[tag] * 2, score=score).value()
            == answers(  # type: ignore[arg-type]
                right,
                given,
                languages=["zh"] * 2,
                score=score,  # type: ignore[arg-type]
            ).value()
        )


@pytest.mark.parametrize("tag", ["en", "en_US", "ENG", "eng_Latn", "English", "英文"])
def test_odd_tags_get_the_rules_of_english(tag: str) -> None:
    assert rule(tag) == "squad"
    assert tokenizer(tag) == "13a"
    assert rouge([["running dogs"]], ["run dog"], languages=[tag], stemming=True).value() == 1.0
    assert rule("de_DE") == rule("deu") == "squad-no-articles"
    assert tokenizer("jpn_Jpan") == tokenizer("Thai") == "char"


def test_what_has_no_tag_goes_by_its_own_script_beside_what_has() -> None:
    assert languages_of([["The cat"], ["今天"], ["好"], ["OK"]], ["en_GB", "und", "", "und"]) == ["en", "zh", "zh", "zh"]
    assert languages_of([["今天"], ["OK"]], None) == ["zh", "zh"]
    assert languages_of([["1 2"]], ["und"]) == ["en"]
    assert languages_of([], ["und"][:0]) == []


def test_the_rules_are_said() -> None:
    (found,) = language_notes("chrf", [*REFERENCES, ["The cat sat."]], ["zh_CN", "zh", "zho", "en"])
    assert say(found, "en") == "BLEU's tokenisers by the language of the references (texts): zh: zh (3), en: 13a (1)."
    (guessed,) = language_notes("answer_f1", [["红楼梦"], ["曹雪芹"]], None)
    assert say(guessed, "zh") == "答案按各自语言的规则比较（问题数）：zh: cmrc (2)。"
    assert language_notes("rouge_l", REFERENCES, ["xx"] * 3) == language_notes("accuracy", [], None) == []


def test_unknown_tags_are_said() -> None:
    _, found = language_notes("bleu", REFERENCES, ["en-zh", "en-zh", "zh"])
    assert say(found, "en") == (
        "The column language names no language, or two, in 2 rows (en-zh); "
        "they were taken as zh, by the script of the references."
    )
    _, empty = language_notes("exact_match", REFERENCES, ["", "zh", "zh"])
    assert '1 行没有指明一种语言（""）' in say(empty, "zh")


def test_a_tag_of_the_source_is_said() -> None:
    """Twelve translations into Chinese whose column says what they were translated from: BLEU by the rules of English."""
    references = [[f"今天是第{number}天，天气很好。"] for number in range(12)] + [["iPhone"]]
    _, found = language_notes("bleu", references, ["en"] * 13)
    assert say(found, "en").startswith("The column language says en in 13 rows, but their references are written like zh.")
    assert say(found, "zh").startswith("language 列有 13 行写的是 en，但这些参考文本的文字像是 zh。")
    assert len(language_notes("bleu", references, ["zh-Hans"] * 13)) == 1
    assert len(language_notes("answer_f1", references, ["en"] * 13)) == 1  # answers may be names
    mostly = [*references[:3], *[["A day like any other."]] * 4]
    assert len(language_notes("chrf", mostly, ["en"] * 7)) == 1
