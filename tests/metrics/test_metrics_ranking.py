"""Rankings: beside trec_eval where its bindings are installed, beside the written definitions, and by hand."""

from __future__ import annotations

import math
import random

import pytest

from danlu.metrics.measure import items_of
from danlu.metrics.ranking import one, ranking

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
