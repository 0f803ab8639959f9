"""What cleaning learns from the user's own texts: the stages, their scores and rules, what runs again after which change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from danlu.clean import classifier, language_model
from danlu.clean.decide import decide
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.documents.store import write_documents
from danlu.pipeline.graph import build_graph
from danlu.pipeline.keys import node_key
from danlu.pipeline.lockfile import movable
from danlu.recipe.clean import CleanConfig
from danlu.recipe.learned import ClassifierConfig, LanguageModelConfig
from danlu.recipe.load import load_recipe
from danlu.recipe.schema import Recipe
from danlu.text.buffers import string_buffers
from danlu.text.canonical import digest
from danlu.text.ngrams import read_model, score_buffers
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.files import read_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.messages import LANGUAGES
from danlu.workspace.run import Run

FILES = {"type": "files", "path": "x"}
SAMPLE: dict[str, Any] = {"language_model": {"sample": [FILES]}}
EXAMPLES: dict[str, Any] = {"classifier": {"good": [FILES], "bad": [FILES]}}
MODEL = LanguageModelConfig.model_validate(SAMPLE["language_model"])
CLASSIFIER = ClassifierConfig.model_validate(EXAMPLES["classifier"])
CHINESE = "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然"


def written(seed: int, number: int, language: str = "en") -> list[str]:
    """Texts of a made-up language: each word has few that follow it."""
    random = np.random.default_rng(seed)
    units = list(CHINESE) if language != "en" else [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"]
    follow = np.random.default_rng(99).integers(0, len(units), (len(units), 3))
    texts = []
    for _ in range(number):
        at, words = int(random.integers(0, len(units))), []
        for _ in range(int(random.integers(25, 60))):
            words.append(units[at])
            at = int(follow[at, random.integers(0, 3)])
        texts.append((" " if language == "en" else "").join(words) + ("." if language == "en" else "。"))
    return texts


def shuffled(texts: list[str], language: str = "en") -> list[str]:
    random = np.random.default_rng(0)
    join = " " if language == "en" else ""
    return [join.join(random.permutation(text.split() if join else list(text)).tolist()) for text in texts]


def documents(folder: Path, texts: list[str], language: str | list[str] = "en") -> Artifact:
    languages = language if isinstance(language, list) else [language] * len(texts)
    rows = [
        {"id": digest(f"{place} {text}"), "digest": digest(text), "text": text, "source": "s", "url": "", "licence": "",
         "language": tag, "created": "", "meta": "{}", "protected": False}
        for place, (text, tag) in enumerate(zip(texts, languages, strict=True))
    ]  # fmt: skip
    write_documents(folder / "documents", rows, part_rows=37)
    return Artifact("collect", "key", folder)


def run_of(output: Path) -> Run:
    output.mkdir(parents=True, exist_ok=True)
    return Run(stage="clean.x", output=output, ledger=Ledger(output / "ledger.sqlite", "clean.x"))


def config_of(**more: Any) -> CleanConfig:
    return CleanConfig.model_validate({"preset": "none", **more})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("model")
    english, chinese = written(1, 250), written(2, 250, "zh")
    sample = documents(root / "sample", english + chinese, ["en"] * 250 + ["zh-Hans"] * 250)
    language_model.learn(sample, config=MODEL, run=run_of(root / "made"))
    return Artifact("clean.language_model", "key", root / "made")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("judge")
    good, bad = documents(root / "good", written(1, 60)), documents(root / "bad", shuffled(written(3, 40)) + written(1, 3))
    classifier.learn(good, bad, config=CLASSIFIER, run=run_of(root / "made"))
    return Artifact("clean.classifier", "key", root / "made")


def facts(artifact: Artifact) -> Any:
    return read_json(artifact / "facts.json")


def test_a_language_model_of_each_language_that_says_how_good_it_is(model: Artifact) -> None:
    found = facts(model)["languages"]
    for name in ("en", "zh"):
        # Each word has three that follow: log2(3) = 1.58 bits, and 1.7 with the first of a line and its end.
        assert 3.4 < found[name]["held_out"]["perplexity"] < 4.2
        assert found[name]["documents"] == 250
        path = model.path / f"{name}.ngrams"
        assert found[name]["file_bytes"] == path.stat().st_size
        fresh = "\n".join(written(7, 50, name))
        found_now = score_buffers(read_model(path), *string_buffers([fresh])).total()
        assert found_now["perplexity"] == pytest.approx(found[name]["held_out"]["perplexity"], rel=0.15)


def test_models_do_not_depend_on_the_order_of_documents(model: Artifact, judge: Artifact, tmp_path: Path) -> None:
    english, chinese = written(1, 250), written(2, 250, "zh")
    sample = documents(tmp_path / "sample", [*chinese[::-1], *english, *english[:9]], ["zh-Hant"] * 250 + ["en"] * 259)
    language_model.learn(sample, config=MODEL, run=run_of(tmp_path / "m"))
    assert (tmp_path / "m/en.ngrams").read_bytes() == (model.path / "en.ngrams").read_bytes()
    assert (tmp_path / "m/zh.ngrams").read_bytes() == (model.path / "zh.ngrams").read_bytes()
    good, bad = written(1, 60)[::-1], [*written(1, 3), *shuffled(written(3, 40))[::-1]]
    examples = documents(tmp_path / "g", good), documents(tmp_path / "b", bad)
    classifier.learn(*examples, config=CLASSIFIER, run=run_of(tmp_path / "c"))
    assert hash_payload(tmp_path / "c") == hash_payload(judge.path)


def test_a_sample_larger_than_asked_is_cut(tmp_path: Path) -> None:
    sample = documents(tmp_path / "sample", written(1, 400))
    config = LanguageModelConfig.model_validate({"sample": [FILES], "bytes": 30_000, "order": 2})
    language_model.learn(sample, config=config, run=run_of(tmp_path / "made"))
    found = facts(Artifact("m", "key", tmp_path / "made"))
    assert 20_000 < found["languages"]["en"]["bytes"] <= 30_400
    assert len(found["languages"]["en"]["ngrams"]) == 2
    assert not found["languages"]["zh"]["learned"]


def test_too_little_to_learn_from(tmp_path: Path) -> None:
    few = documents(tmp_path / "few", written(1, 19))
    with pytest.raises(DanluError) as caught:
        language_model.learn(few, config=MODEL, run=run_of(tmp_path / "m"))
    assert caught.value.key == "clean.sample-small"
    with pytest.raises(DanluError) as caught:
        classifier.learn(few, few, config=CLASSIFIER, run=run_of(tmp_path / "c"))
    assert caught.value.key == "clean.few-examples"
    for language in LANGUAGES:
        assert "20" in caught.value.explain(language)["cause"]


def test_the_classifier_says_how_good_it_is_and_what_it_looks_at(judge: Artifact) -> None:
    found = facts(judge)
    assert found["examples"] == {"good": 57, "bad": 40, "in_both": 3}
    held = found["held_out"]
    assert held["auc"]["low"] <= held["auc"]["value"] <= held["auc"]["high"] <= 1
    assert held["accuracy"]["low"] < held["accuracy"]["value"] <= held["accuracy"]["high"]
    assert held["auc"]["value"] > 0.8
    # The words are the same on both sides; what differs is which follows which.
    assert sum(" " in one["ngram"] for one in found["features"]["good"]) > 15
    assert found["languages"] == ["en"]


def cleaned(
    root: Path, config: CleanConfig, model: Artifact | None, judge: Artifact | None
) -> tuple[list[dict[str, Any]], Any]:
    """Scores and decision of twenty English texts, twenty Chinese, each half shuffled, one French and one empty."""
    texts, languages = [], []
    for language in ("en", "zh"):
        fresh = written(11, 20, language)
        texts += [*fresh[:10], *shuffled(fresh[10:], language)]
        languages += [{"en": "en", "zh": "zh-Hans"}[language]] * 20
    made = documents(root / "documents", [*texts, "Une phrase en français.", ""], [*languages, "fr", "en"])
    score(made, model, judge, config=config, run=run_of(root / "score"))
    scored = Artifact("clean.score", "key", root / "score")
    search(made, {}, config=config, run=run_of(root / "search"))
    decide(made, scored, Artifact("clean.search", "key", root / "search"), config=config, run=run_of(root / "decide"))
    scores = pq.read_table(root / "score/scores.parquet").to_pylist()
    for row, verdict in zip(scores, pq.read_table(root / "decide/verdicts.parquet").to_pylist(), strict=True):
        row.update(kept=verdict["kept"], reason=verdict["reason"])
    return scores, facts(scored)


def test_scores_and_rules_of_models(model: Artifact, judge: Artifact, tmp_path: Path) -> None:
    config = config_of(**SAMPLE, **EXAMPLES, rules={"perplexity": 8})
    rows, found = cleaned(tmp_path, config, model, judge)
    for start in (0, 20):
        sound, mixed = rows[start : start + 10], rows[start + 10 : start + 20]
        assert max(row["perplexity"] for row in sound) < 6 < 12 < min(row["perplexity"] for row in mixed)
        assert max(row["bits_per_character"] for row in sound) < min(row["bits_per_character"] for row in mixed)
        assert all(row["kept"] for row in sound)
        if start:
            assert max(row["misplaced_characters"] for row in sound) < 0.1 < min(row["misplaced_characters"] for row in mixed)
        assert {row["reason"] for row in mixed} == {"perplexity"}
    assert np.mean([row["classifier"] for row in rows[:10]]) > 0.5 > np.mean([row["classifier"] for row in rows[10:20]])
    # Languages that nothing was learned of have no score, and no rule.
    assert all(np.isnan(row["classifier"]) for row in rows[20:])
    assert all(np.isnan(row["perplexity"]) for row in rows[40:])
    assert rows[40]["kept"]
    assert set(found["scores"]["en"]) >= {"perplexity", "bits_per_character", "classifier"}


def test_keep_is_a_share_of_each_language(model: Artifact, tmp_path: Path) -> None:
    rows, _ = cleaned(tmp_path, config_of(language_model={"sample": [FILES], "keep": 0.25}), model, None)
    for start in (0, 20):
        kept = {row["perplexity"] for row in rows[start : start + 20] if row["kept"]}
        assert kept == set(sorted(row["perplexity"] for row in rows[start : start + 20])[:5])
    rules = facts(Artifact("clean.decide", "key", tmp_path / "decide"))["rules"]
    assert rules["perplexity"]["en"] != rules["perplexity"]["zh"]


def test_a_rule_without_what_makes_its_score_is_an_error() -> None:
    for name, section in (("perplexity", "language_model"), ("classifier", "classifier"), ("misspelling", "misspelling")):
        with pytest.raises(RecipeError) as caught:
            build_graph(Recipe.model_validate({"name": "r", "collect": {"sources": [FILES]}, "clean": {"rules": {name: 1}}}))
        assert caught.value.key == "clean.rule-without-model"
        assert f"clean.{section}" in caught.value.explain("en")["remedy"]


def keys(clean: dict[str, Any], payloads: dict[str, str]) -> dict[str, str | None]:
    """The key of each node of `clean`, where `payloads` says which sample was read."""
    recipe = Recipe.model_validate({"name": "r", "collect": {"sources": [FILES]}, "clean": clean})
    nodes = {name: node for name, node in build_graph(recipe).items() if name.startswith(("clean", "collect"))}
    found: dict[str, str | None] = {}
    done: dict[str, Any] = {}
    for name, node in nodes.items():
        found[name] = node_key(node, 0, {"file": payloads.get(name, "")} if node.stage.name == "collect" else {}, done)
        done[name] = type("Made", (), {"payload": found[name]})
    return found


def test_what_runs_again_after_which_change() -> None:
    without = keys({}, {})
    plain = keys({**SAMPLE, **EXAMPLES}, {})

    def changed(clean: dict[str, Any], payloads: dict[str, str] | None = None) -> set[str]:
        now = keys(clean, payloads or {})
        return {name for name in plain if now[name] != plain[name]}

    assert without["clean.normalise"] == plain["clean.normalise"]
    assert changed({**SAMPLE, **EXAMPLES, "rules": {"perplexity": 9, "classifier": 0.4}}) == {"clean.decide"}
    kept = {"language_model": {"sample": [FILES], "keep": 0.5}}
    assert changed({**kept, **EXAMPLES}) == {"clean.decide"}
    learned = {"clean.language_model", "clean.score", "clean.decide"}
    assert changed({**SAMPLE, **EXAMPLES}, {"clean.language_model.sample": "other"}) == {
        *learned,
        "clean.language_model.sample",
    }
    assert changed({"language_model": {"sample": [FILES], "order": 4}, **EXAMPLES}) == learned
    judged = {"clean.classifier", "clean.classifier.bad", "clean.score", "clean.decide"}
    assert changed({**SAMPLE, **EXAMPLES}, {"clean.classifier.bad": "other"}) == judged


def test_paths_of_examples_lead_where_those_of_sources_do(tmp_path: Path) -> None:
    (tmp_path / "above").mkdir()
    (tmp_path / "below").mkdir()
    learned = {
        "language_model": {"sample": [{"type": "files", "path": "good"}]},
        "classifier": {"good": [{"type": "files", "path": "good"}], "bad": [{"type": "files", "path": "bad"}]},
    }
    (tmp_path / "above/base.yaml").write_text(yaml.safe_dump({"name": "base", "clean": learned}), encoding="utf-8")
    (tmp_path / "below/mine.yaml").write_text("extends: ../above/base.yaml\nname: mine\n", encoding="utf-8")
    read = load_recipe(tmp_path / "below/mine.yaml").recipe.clean.examples()
    found = {name: (config.sources[0].path, config.sources[0].name) for name, config in read.items()}  # type: ignore[union-attr]
    good, bad = ((str(tmp_path / "above" / name), name) for name in ("good", "bad"))
    assert found == {"language_model.sample": good, "classifier.good": good, "classifier.bad": bad}
    # A lock can be moved with the folder that it lies in.
    for section in (learned["language_model"]["sample"], *learned["classifier"].values()):
        section[0]["path"] = str(tmp_path / section[0]["path"])
    moved = yaml.safe_load(movable(yaml.safe_dump({"name": "base", "clean": learned}), tmp_path))["clean"]
    assert moved["language_model"]["sample"][0]["path"] == moved["classifier"]["good"][0]["path"] == "good"
    assert moved["classifier"]["bad"][0]["path"] == "bad"
