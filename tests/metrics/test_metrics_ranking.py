"""Rankings: beside trec_eval where its bindings are installed, beside the written definitions, and by hand."""

from __future__ import annotations

import itertools
import math
import random
import time
import tracemalloc
from fractions import Fraction

import pytest

from danlu.metrics.measure import items_of
from danlu.metrics.ranking import Score, expected, one, random_order, ranking

Run = tuple[dict[str, int], dict[str, float]]
TREC = {
    ("ndcg", None): "ndcg", ("ndcg", 10): "ndcg_cut_10", ("mrr", None): "recip_rank", ("map", None): "map",
    ("recall", 10): "recall_10", ("recall", 100): "recall_100", ("precision", 10): "P_10", ("map", 10): "map_cut_10",
}  # fmt: skip


def _query(rng: random.Random) -> Run:
    """Grades from -1 to 3, some of documents that are not found; scores with many ties."""
    names = [f"d{number}" for number in range(30)]
    grades = {name: rng.choice((-1, 0, 0, 1, 1, 2, 3)) for name in rng.sample(names, rng.randint(1, 20))}
    scores = {name: rng.randint(0, 6) / 4 for name in rng.sample(names, rng.randint(1, 25))}
    return grades, scores


@pytest.mark.parametrize("score, cut", TREC)
def test_equals_trec_eval(score: str, cut: int | None) -> None:
    trec = pytest.importorskip("pytrec_eval", reason="pytrec-eval is not installed")
    rng = random.Random(0)
    for _ in range(200):
        grades, scores = _query(rng)
        measures = {"ndcg", "ndcg_cut", "recip_rank", "map", "map_cut", "recall", "P"}
        expected = trec.RelevanceEvaluator({"q": grades}, measures).evaluate({"q": scores})["q"][TREC[score, cut]]
        assert one(grades, scores, score, cut) == pytest.approx(expected), (grades, scores)  # type: ignore[arg-type]


def _by_definition(grades: dict[str, int], scores: dict[str, float], score: str, cut: int | None) -> float:
    names = sorted(sorted(scores, reverse=True), key=lambda name: -scores[name])
    gains = [max(0, grades.get(name, 0)) for name in names][: cut or len(names)]
    best = sorted((max(0, grade) for grade in grades.values()), reverse=True)[: cut or len(grades)]
    relevant = sum(grade > 0 for grade in grades.values())
    hits = [gain > 0 for gain in gains]
    if not relevant:
        return 0.0
    if score == "ndcg":
        shown, most = (sum(gain / math.log2(rank + 2) for rank, gain in enumerate(side)) for side in (gains, best))
        return shown / most
    if score == "mrr":
        return max((1 / (rank + 1) for rank, hit in enumerate(hits) if hit), default=0)
    if score == "map":
        return sum(sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit) / relevant
    return sum(hits) / (relevant if score == "recall" else 10)


@pytest.mark.parametrize("score, cut", TREC)
def test_equals_the_definitions(score: str, cut: int | None) -> None:
    rng = random.Random(1)
    for _ in range(200):
        grades, scores = _query(rng)
        expected = _by_definition(grades, scores, score, cut)
        assert one(grades, scores, score, cut) == pytest.approx(expected)  # type: ignore[arg-type]


def test_ties_go_by_name_from_high_to_low() -> None:
    assert one({"a": 1}, {"a": 1.0, "b": 1.0}, "mrr", None) == 1 / 2
    assert one({"b": 1}, {"a": 1.0, "b": 1.0}, "mrr", None) == 1


def test_queries_without_ranking_or_relevant_documents_score_zero() -> None:
    found = ranking([{"a": 1}, {"a": 0}, {"a": 2}], [{}, {"a": 1.0}, {"a": 1.0, "b": 0.5}], score="ndcg", cut=10)
    assert found.each().tolist() == [0, 0, 1]
    assert items_of("ndcg_10", [{"a": 2}], [{"a": 1.0}]).value() == 1
    assert not ranking([{"a": 1}], [{"a": math.nan}]).finite()


SCORES: list[tuple[Score, int | None]] = [
    ("ndcg", None), ("ndcg", 1), ("ndcg", 3), ("ndcg", 10), ("mrr", None), ("mrr", 2), ("map", None), ("map", 3),
    ("recall", 1), ("recall", 4), ("recall", 100), ("precision", 2), ("precision", 10), ("precision", None),
]  # fmt: skip


@pytest.mark.parametrize("score, cut", SCORES)
def test_a_random_order_is_the_mean_over_all_orders(score: Score, cut: int | None) -> None:
    """Every order of up to six documents, some of grade 0 or less and some with none."""
    rng = random.Random(4)
    for documents in (1, 2, 3, 5, 6):
        for _ in range(4):
            grades = {f"d{number}": rng.choice((-1, 0, 1, 1, 2, 3)) for number in range(rng.randint(1, documents))}
            names = [f"d{number}" for number in range(documents)]
            orders = list(itertools.permutations(names))
            scores = [one(grades, {name: -float(place) for place, name in enumerate(order)}, score, cut) for order in orders]
            found = random_order([grades], documents, score=score, cut=cut).each()
            assert found == pytest.approx([sum(scores) / len(orders)]), (grades, documents)


@pytest.mark.parametrize("score, cut", SCORES)
def test_a_random_order_of_more_documents_is_what_draws_give(score: Score, cut: int | None) -> None:
    rng = random.Random(5)
    names = [f"d{number}" for number in range(40)]
    grades = {name: rng.choice((0, 1, 2)) for name in rng.sample(names, 7)} | {"d0": 1}
    draws = [one(grades, {name: rng.random() for name in names}, score, cut) for _ in range(4000)]
    mean = sum(draws) / len(draws)
    error = math.sqrt(sum((draw - mean) ** 2 for draw in draws)) / len(draws)
    assert abs(random_order([grades], 40, score=score, cut=cut).value() - mean) <= 4 * error + 1e-12


def test_the_first_relevant_document_by_counting() -> None:
    """1 / place of the first of r among n, from the numbers of combinations as whole numbers."""
    for documents, relevant in ((50, 1), (50, 7), (50, 50), (1000, 3)):
        whole = sum(
            Fraction(math.comb(documents - place, relevant - 1), place) for place in range(1, documents - relevant + 2)
        ) / math.comb(documents, relevant)
        assert expected([1] * relevant, documents, "mrr", None) == pytest.approx(float(whole), rel=1e-12)


def test_a_random_order_of_many_documents_takes_little() -> None:
    rng = random.Random(6)
    truth = [{f"d{rng.randrange(100_000)}": 1 for _ in range(rng.randint(0, 30))} for _ in range(10_000)]
    start = time.perf_counter()
    tracemalloc.start()
    for score, cut in SCORES:
        assert 0 <= random_order(truth, 100_000, score=score, cut=cut).value() <= 1
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert time.perf_counter() - start < 60
