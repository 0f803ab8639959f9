"""From a metric's name to numbers with intervals: every metric of the table, clusters, parts, what has no value."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from danlu.metrics.bootstrap import difference, estimate, generator, interval
from danlu.metrics.compare import Comparison, at_once, compare_items, corrected, disagreements, summary
from danlu.metrics.items import Items, Sums, mean_of
from danlu.metrics.measure import few, items_of, numbers
from danlu.metrics.number import Estimate
from danlu.metrics.registry import METRICS
from danlu.metrics.slices import lengths, parts
from danlu.workspace.sentences import say

WHOLE = [({}, np.ones(60, np.bool_))]


def _made(metric: str, seed: int = 0, items: int = 60) -> Items:
    """The metric on random input of the kind that it needs."""
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(0, 3, items)
    guess = np.where(random.random(items) < 0.6, truth, random.integers(0, 3, items))
    words = ["甲", "乙", "丙丁"]
    tags = ["O", "B-PER", "B-LOC"]
    match METRICS[metric].needs:
        case "labels":
            return items_of(metric, truth, guess, classes=3)
        case "probabilities":
            return items_of(metric, truth, random.dirichlet(np.ones(3), items))
        case "values":
            return items_of(metric, truth, guess + random.normal(size=items))
        case "losses":
            return items_of(metric, truth + 5, random.random(items) * 9)
        case "pairs":
            return items_of(metric, random.normal(size=items), random.normal(size=items) - 1)
        case "tags":
            return items_of(metric, [[tags[t], "O"] for t in truth], [[tags[g], "O"] for g in guess])
        case "spans":
            return items_of(metric, [[(0, 1, tags[t])] for t in truth], [[(0, 1, tags[g])] for g in guess])
        case "words":
            return items_of(metric, [["丙丁", words[t]] for t in truth], [["丙丁", words[g]] for g in guess], known={"丙丁"})
        case "texts" | "answers":
            texts = [["the old cat sat on it", "the cat sat on the mat"], ["今天天气很好", "今天很好啊"], ["abcd", "ab"]]
            languages = [("en", "zh-Hans", "de")[t] for t in truth]
            return items_of(metric, [[texts[t][0]] for t in truth], [texts[g][1] for g in guess], languages=languages)
        case "rankings":
            scores = random.random((items, 3))
            found = [(0, 1, 2) if g == t else () for t, g in zip(truth, guess, strict=True)]  # some queries find nothing
            rankings = [{f"d{n}": row[n] for n in places} for row, places in zip(scores, found, strict=True)]
            return items_of(metric, [{f"d{t}": 1} for t in truth], rankings)
    raise AssertionError(metric)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_gives_a_number_with_interval_and_signature(metric: str) -> None:
    if metric in ("bleu", "chrf"):
        pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    items = _made(metric)
    (number,) = numbers(metric, "m", items, WHOLE, split="test", resamples=200, keys={"model": "abc", "precision": "fp32"})
    assert number.value is not None
    assert number.value == pytest.approx(items.value())
    encoded = json.loads(json.dumps(number.to_json()))
    if metric == "calibration_error":
        assert encoded["interval"] is None
    else:
        low, high = encoded["interval"]
        assert low < high
        assert low <= encoded["value"] <= high
        assert "confidence:0.95" in number.signature
    assert number.signature.startswith(f"metric:{metric}|definition:1|")
    assert number.signature.endswith("|model:abc|precision:fp32")
    assert number.count == len(items) == 60
    assert encoded["better"] == METRICS[metric].better
    again = numbers(metric, "m", _made(metric), WHOLE, split="test", resamples=200, keys={"model": "abc", "precision": "fp32"})
    assert again == [number]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_compared(metric: str) -> None:
    if metric in ("bleu", "chrf"):
        pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    a, b = _made(metric, 0), _made(metric, 1)
    found = compare_items(metric, ("a", "b"), a, b, slice={}, resamples=200)
    assert found.difference.value == pytest.approx(a.value() - b.value())
    assert metric == "calibration_error" or found.difference.low <= found.difference.value <= found.difference.high
    turned = compare_items(metric, ("b", "a"), b, a, slice={}, resamples=200)
    assert turned.difference.value == pytest.approx(-found.difference.value)
    assert 0 < found.p <= 1
    if isinstance(a, Sums):
        swapped = compare_items(metric, ("a", "b"), a, b, slice={}, resamples=200, test="permutation")
        assert str(swapped.difference) == str(found.difference)
        assert "test:permutation" in swapped.signature


def test_shares_have_exact_tests_and_others_do_not() -> None:
    a, b = _made("accuracy", 0), _made("accuracy", 1)
    assert isinstance(a, Sums)
    assert isinstance(b, Sums)
    ahead, behind = ((a.each() > b.each()).sum(), (a.each() < b.each()).sum())
    found = compare_items("accuracy", ("a", "b"), a, b, slice={}, test="mcnemar")
    by_hand = 2 * sum(math.comb(ahead + behind, k) for k in range(min(ahead, behind) + 1)) / 2 ** (ahead + behind)
    assert found.p == pytest.approx(min(1, by_hand))
    with pytest.raises(ValueError, match="mcnemar"):
        compare_items("f1_macro", ("a", "b"), _made("f1_macro"), _made("f1_macro", 1), slice={}, test="mcnemar")
    with pytest.raises(ValueError, match="permutation"):
        compare_items("roc_auc", ("a", "b"), _made("roc_auc"), _made("roc_auc", 1), slice={}, test="permutation")
    with pytest.raises(ValueError, match="same items"):
        difference(a, b.take(np.arange(5)), generator(0))


@pytest.mark.parametrize("kind", ["sums", "order"])
def test_coverage_over_clusters(kind: str) -> None:
    """Documents of very different luck: intervals over documents hold the truth about as often as they say, intervals over
    questions far too seldom."""
    random = np.random.default_rng(3)
    documents = np.repeat(np.arange(30), 8)
    held = {"items": 0, "clusters": 0}
    for trial in range(120):
        luck = random.normal(size=30)[documents]
        if kind == "sums":
            items: Items = mean_of(luck + random.normal(size=240), {})
            truth = 0.0
        else:  # whether a question is positive is a coin; its score is the document's luck: the area is one half
            sides = (luck > 0).astype(int)
            scores = 1 / (1 + np.exp(-random.normal(size=30)[documents] - 0.3 * random.normal(size=240)))
            items, truth = items_of("roc_auc", sides, np.stack((1 - scores, scores), 1)), 0.5
        for over, clusters in (("items", None), ("clusters", documents)):
            _, low, high = estimate(items, generator(trial), clusters=clusters, resamples=200)
            held[over] += low <= truth <= high
    assert held["clusters"] / 120 >= 0.87
    assert held["items"] / 120 < 0.7


def test_coverage_of_measured_numbers() -> None:
    random = np.random.default_rng(8)
    held = {"f1_macro": 0, "spearman": 0, "answer_f1": 0}
    rho = 6 / np.pi * np.arcsin(0.6 / 2)  # of two normal variables with correlation 0.6
    for trial in range(200):
        truth = random.integers(0, 2, 150)
        guess = np.where(random.random(150) < 0.8, truth, 1 - truth)  # F1 is 0.8 by symmetry
        x = random.normal(size=150)
        y = 0.6 * x + 0.8 * random.normal(size=150)
        overlap = random.integers(0, 2, 150)  # F1 1 or 2/3
        made = {
            "f1_macro": (items_of("f1_macro", truth, guess, classes=2), 0.8),
            "spearman": (items_of("spearman", x, y), rho),
            "answer_f1": (items_of("answer_f1", [["ab cd"]] * 150, ["ab cd" if o else "ab" for o in overlap]), 5 / 6),
        }
        for name, (items, expected) in made.items():
            _, low, high = estimate(items, generator(trial), resamples=200)
            held[name] += low <= expected <= high
    for name, count in held.items():
        assert 0.89 <= count / 200 <= 0.99, name


def test_what_has_no_value_says_why() -> None:
    table = np.full((3, 2), 0.5)
    (one_class,) = numbers("roc_auc", "m", items_of("roc_auc", [1, 1, 1], table), [({}, np.ones(3, bool))], split="test")
    assert one_class.value is None
    assert one_class.interval is None
    assert one_class.reason is not None
    assert say(one_class.reason, "en") == "All items are of one class, so there is nothing to tell apart."
    found = json.loads(json.dumps(one_class.to_json(), allow_nan=False))
    assert found["value"] is None
    assert found["reason"]["key"] == "metrics.undefined.one-class"
    table[1, 1] = np.nan
    for metric in ("roc_auc", "log_loss", "brier", "calibration_error"):
        (broken,) = numbers(metric, "m", items_of(metric, [1, 1, 0], table), [({}, np.ones(3, bool))], split="test")
        assert broken.value is None
        assert broken.reason == {"key": "metrics.undefined.not-finite", "params": {}}
    (nothing,) = numbers("accuracy", "m", _made("accuracy"), [({}, np.zeros(60, bool))], split="test")
    assert (nothing.value, nothing.count) == (None, 0)
    assert nothing.reason == {"key": "metrics.undefined.empty", "params": {}}
    (right,) = numbers("mse", "m", items_of("mse", [1.0], [1.0]), [({}, np.ones(1, bool))], split="test")
    assert (right.value, right.interval) == (0.0, None)
    assert right.reason is not None
    assert say(right.reason, "en") == "There is no interval: it takes 5 items, and there are 1."


def test_resamples_without_a_value_are_left_out_and_most_of_them_are_told() -> None:
    rare = np.zeros(40, int)
    rare[:2] = 1
    scores = np.random.default_rng(0).random(40)
    table = np.stack((1 - scores, scores), 1)
    value, low, high = estimate(items_of("roc_auc", rare, table), generator(0))
    assert 0 <= low <= value <= high <= 1  # about one resample in eight has no positive item
    rare[1] = 0
    single = estimate(items_of("roc_auc", rare, table), generator(0))
    assert not math.isnan(single.low)
    mostly = np.where(np.arange(100) < 80, np.nan, 0.5)
    assert np.isnan(interval(mostly, 0.95)).all()


def test_undefined_comparisons() -> None:
    items = items_of("roc_auc", [1, 1], np.full((2, 2), 0.5))
    found = compare_items("roc_auc", ("a", "b"), items, items, slice={"language": "en"})
    assert found.verdict == "none"
    encoded = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert encoded["difference"] is None
    assert encoded["p"] is None
    assert "cannot be compared on English" in say(found.sentence(), "en")
    broken = mean_of([math.nan, 1.0], {})
    assert compare_items("mse", ("a", "b"), broken, broken, slice={}).to_json()["difference"] is None


def _comparison(low: float, high: float, p: float, language: str = "zh-Hans", metric: str = "accuracy") -> Comparison:
    return Comparison(metric, "B", "A", Estimate((low + high) / 2, low, high), p, 500, {"language": language})


def test_the_sentence_over_parts() -> None:
    told = summary([_comparison(0.021, 0.040, 0.001), _comparison(-0.01, 0.02, 0.4, "en")])
    assert say(told, "en") == (
        "B and A compared by accuracy: B is better than A on Chinese by 2.1 to 4.0 points; no difference is shown on English."
    )
    assert say(told, "zh") == "按准确率比较 B 与 A：在中文上，B 优于 A，领先 2.1 到 4.0 个百分点；在英文上看不出差别。"
    assert json.loads(json.dumps(told)) == told


def test_many_comparisons_are_corrected() -> None:
    alone = _comparison(0.001, 0.05, 0.04)
    assert alone.verdict == "better"
    both = corrected([alone, _comparison(0.02, 0.04, 0.001, "en"), _comparison(math.nan, math.nan, math.nan, "ja")])
    assert [found.verdict for found in both] == ["better", "better", "none"]  # 0.04 is the larger of two: it stays
    assert both[2].adjusted is None
    more = corrected([alone, _comparison(-0.01, 0.04, 0.3, "en"), _comparison(-0.1, 0.1, 0.9, "ja")])
    assert [found.verdict for found in more] == ["none"] * 3
    assert more[0].to_json()["adjusted"] == pytest.approx(0.12)
    assert say(more[0].sentence(), "en").endswith("Corrected for 3 comparisons (Holm).")
    assert say(more[0].sentence(), "zh").endswith("已按 3 次比较校正（Holm 法）。")
    assert "adjusted" not in alone.to_json()


def test_non_inferiority() -> None:
    found = _comparison(-0.012, 0.01, 0.8)
    assert found.not_worse(0.02)
    assert not found.not_worse(0.01)
    assert say(found.margin_sentence(0.02), "en") == (
        "B is not worse than A on Chinese by 2.0 points or more (accuracy; at most 1.2 worse)."
    )
    assert say(found.margin_sentence(0.01), "zh") == (
        "在中文上，不能排除 B 落后于 A 1.0 个百分点或更多（准确率；可能落后 1.2）。"
    )
    lower = _comparison(-0.012, 0.01, 0.8, metric="bits_per_byte")  # lower is better: B may be 0.010 worse
    assert lower.not_worse(0.011)
    assert not lower.not_worse(0.009)
    worse = _comparison(-0.05, -0.03, 0.001)
    assert say(worse.margin_sentence(0.06), "en").startswith("B is not worse than A on Chinese by 6.0 points or more")


def test_the_error_rate_of_non_inferiority() -> None:
    """A model that is worse by exactly the margin is called not worse in about one of forty trials."""
    random = np.random.default_rng(4)
    called = 0
    for trial in range(300):
        hard = random.normal(size=80)
        a, b = mean_of(hard + random.normal(-0.2, 0.5, 80), {}), mean_of(hard + random.normal(0, 0.5, 80), {})
        found = compare_items("accuracy", ("a", "b"), a, b, slice={}, seed=trial, resamples=200)
        called += found.not_worse(0.2)
    assert called / 300 <= 0.06


def test_an_interval_that_leaves_out_0_but_does_not_hold_says_so() -> None:
    """The interval is of one comparison, the verdict of all: the sentence must say how they go together."""
    several = [_comparison(0.092, 0.25, 0.02), *(_comparison(-0.1, 0.1, 0.9, tag) for tag in ("en", "ja"))]
    found = corrected(several)[0]
    assert found.verdict == "none"
    assert say(found.sentence(), "en") == (
        "No difference between B and A is shown on Chinese (accuracy): taken alone B is ahead by 9.2 to 25.0 points, "
        "but p is 0.06 after correction. Corrected for 3 comparisons (Holm)."
    )
    assert say(found.sentence(), "zh") == (
        "在中文上，看不出 B 与 A 有差别（准确率）：单看这一次比较，B 领先 9.2 到 25.0 个百分点，但校正后 p 为 0.06。"
        "已按 3 次比较校正（Holm 法）。"
    )
    assert "on Chinese (taken alone B is ahead by 9.2 to 25.0 points, but p is 0.06 after correction)" in say(
        summary(corrected(several)), "en"
    )
    turned = corrected([_comparison(-0.25, -0.092, 0.02), *several[1:]])[0]
    assert "taken alone A is ahead by 9.2 to 25.0 points" in say(turned.sentence(), "en")


def test_without_an_interval_p_decides_and_no_margin_is_claimed() -> None:
    """A that has every item right and B that has none: no resample differs, and no interval is given, but the coins tell."""
    right, wrong = mean_of(np.ones(40), {}), mean_of(np.zeros(40), {})
    found = compare_items("answer_f1", ("a", "b"), right, wrong, slice={}, test="permutation")
    assert found.to_json()["interval"] is None
    assert found.verdict == "better"
    assert say(found.sentence(), "en").startswith("a is better than b over all by 100.0 points (answer F1; p is ")
    assert say(found.part(), "zh").startswith("总体上，a 优于 b，领先 100.0 个百分点（p 为 ")
    turned = compare_items("answer_f1", ("b", "a"), wrong, right, slice={}, test="permutation")
    assert turned.verdict == "worse"
    assert say(turned.sentence(), "en").startswith("a is better than b over all by 100.0 points")
    same = compare_items("answer_f1", ("a", "b"), right, right, slice={}, test="permutation")
    assert same.verdict == "none"
    assert say(same.sentence(), "en") == (
        "No difference between a and b is shown over all (answer F1; advantage of a: 0.0 points, without an interval)."
    )
    assert not same.not_worse(0.5)
    assert say(same.margin_sentence(0.02), "en").startswith(
        "Whether a is worse than b over all by 2.0 points or more cannot be"
    )
    assert say(same.margin_sentence(0.02), "zh").startswith("总体上，无法判断 a 是否落后于 b 2.0 个百分点或更多")
    tiny = compare_items("answer_f1", ("a", "b"), right.take(np.arange(4)), wrong.take(np.arange(4)), slice={})
    assert tiny.verdict == "none"  # p of four signs is 1/8
    assert say(tiny.sentence(), "en") == "Which of a and b is better over all cannot be told: too few rows (answer F1)."
    assert say(tiny.part(), "zh") == "总体上无法判断孰优，因为行数太少"
    one_cluster = compare_items("accuracy", ("a", "b"), right, right, slice={}, clusters=np.zeros(40, int))
    assert not one_cluster.not_worse(0.02)


def test_a_part_without_a_value_is_not_called_alike() -> None:
    undefined = Comparison("spearman", "B", "A", Estimate(math.nan, math.nan, math.nan), math.nan, 30, {"language": "en"})
    known = Comparison("spearman", "B", "A", Estimate(0.1, -0.1, 0.3), 0.4, 30, {"language": "zh-Hans"})
    told = summary(corrected([known, undefined]))
    assert say(told, "en") == (
        "B and A compared by Spearman correlation: no difference is shown on Chinese; "
        "they cannot be compared on English, where one has no value."
    )
    assert say(told, "zh").endswith("在中文上看不出差别；在英文上无法比较，因为有一方没有值。")
    assert "cannot be compared" in say(undefined.margin_sentence(0.1), "en")


def test_many_claims_of_a_margin_hold_together() -> None:
    """Ten models that are worse by just the margin: in about one family of forty any is called not worse."""
    random = np.random.default_rng(11)
    options = at_once(0.95, 1000, 10)
    assert options["confidence"] == pytest.approx(0.995)
    assert options["resamples"] == 4000
    assert at_once(0.95, 1000, 1) == {"confidence": 0.95, "resamples": 1000}
    alone = together = 0
    for _ in range(100):
        family = []
        for _ in range(10):
            first, ahead = random.random(150) < 0.15, random.random(150) < 0.05  # 10 points worse
            family.append((mean_of(~first | ahead, {}, share=True), mean_of(np.ones(150) - (ahead & ~first), {}, share=True)))
        truth = 0.05 * 0.85 - 0.15 * 0.95
        alone += any(compare_items("accuracy", ("a", "b"), *both, slice={}).not_worse(-truth) for both in family)
        together += any(compare_items("accuracy", ("a", "b"), *both, slice={}, **options).not_worse(-truth) for both in family)
    assert together / 100 <= 0.09
    assert alone / 100 > 0.1


def test_few_items_are_told_of() -> None:
    few_rows = few(mean_of(np.arange(12.0), {}))
    assert few_rows is not None
    assert say(few_rows, "en").startswith("12 items are few: over fewer than 20 intervals")
    by_cluster = few(mean_of(np.ones(60), {}, share=True), np.repeat(np.arange(3), 20))
    assert by_cluster is not None
    assert say(by_cluster, "zh").startswith("只有 3 组样本")
    assert few(mean_of(np.ones(6), {}, share=True)) is None  # Wilson's and Tango's hold for few
    assert few(mean_of(np.ones(60), {})) is None
    (number,) = numbers(
        "accuracy", "m", mean_of(np.ones(60), {}, share=True), [({}, np.ones(60, bool))], split="test",
        clusters=np.zeros(60, int), over="document",
    )  # fmt: skip
    assert (number.value, number.interval) == (1.0, None)
    assert number.reason is not None
    assert say(number.reason, "en") == "There is no interval: it takes 5 groups of items, and there are 1."


def test_few_differences_claim_no_margin() -> None:
    """No share, 20 items, 2 points worse: a bootstrap does not know of losses that the sample happens to lack."""
    random = np.random.default_rng(12)
    called = 0
    for trial in range(200):
        place = random.random(20)
        gaps = np.where(place < 0.07, -1.0, np.where(place < 0.12, 1.0, 0.0))
        found = compare_items("answer_f1", ("a", "b"), mean_of(gaps, {}), mean_of(np.zeros(20), {}), slice={}, seed=trial)
        called += found.not_worse(0.02)
        assert found.differ == (gaps != 0).sum()
    assert called / 200 <= 0.025
    many = mean_of(random.normal(0.1, 0.1, 50), {})
    assert compare_items("answer_f1", ("a", "b"), many, mean_of(np.zeros(50), {}), slice={}).not_worse(0.02)


def test_items_on_which_models_disagree() -> None:
    a, b = (
        items_of("accuracy", [0, 1, 1, 0], [0, 1, 0, 0], classes=2),
        items_of("accuracy", [0, 1, 1, 0], [1, 1, 1, 0], classes=2),
    )
    assert isinstance(a, Sums)
    assert isinstance(b, Sums)
    found = disagreements("accuracy", a, b)
    assert (found.a.tolist(), found.b.tolist()) == ([0], [2])
    errors = [mean_of(values, {}) for values in ([0.1, 5.0, 2.0], [0.1, 1.0, 9.0])]
    by_error = disagreements("mae", *errors)  # less is better: item 2 has the larger gap
    assert (by_error.a.tolist(), by_error.b.tolist()) == ([2], [1])


def test_parts_of_the_data() -> None:
    languages, sources = np.array(["zh", "en", "zh", "zh"]), np.array(["web", "web", "web", "book"])
    found = [
        (slice, mask.tolist()) for slice, mask in parts({"language": languages, "source": sources}, 4, {"dataset": "d"}, 2)
    ]
    assert found == [
        ({"dataset": "d"}, [True] * 4),
        ({"language": "zh", "dataset": "d"}, [True, False, True, True]),
        ({"source": "web", "dataset": "d"}, [True, True, True, False]),
    ]
    assert lengths(["", "字" * 49, "字" * 50, "字" * 1000]).tolist() == ["0-49", "0-49", "50-199", "1000+"]


def test_ranges_of_lengths_stand_in_their_order() -> None:
    attributes = {"length": lengths([size * "a" for size in (5000, 300, 60, 3, 1000)])}
    found = [slice["length"] for slice, _ in parts(attributes, 5, fewest=1) if slice]
    assert found == ["0-49", "50-199", "200-999", "1000+"]
