"""What `docs/pretrain.md` and its Chinese twin print beyond single keys works as printed, and both pages print the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from commands import danlu
from danlu.documents.store import write_documents
from danlu.models.build import build_config, build_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.store import TokenBatch, write_store
from danlu.workspace.digest import digest_bytes
from danlu.workspace.files import read_json

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("pretrain.md", "pretrain.zh.md")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_both_pages_print_the_same() -> None:
    for kind in ("sh", "yaml", "python"):
        bare = [[re.sub(r" +#.*", "", code) for code in blocks(page, kind)] for page in PAGES]
        assert bare[0] == bare[1]


def test_a_batch_without_padding_has_the_loss_of_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = [code for code in blocks(PAGES[0], "python") if "flatten" in code]
    artifacts, draw = tmp_path / ".danlu/artifacts", np.random.default_rng(0)
    lengths = draw.integers(1, 100, 40)
    batch = TokenBatch(draw.integers(110, 512, lengths.sum()), lengths, np.zeros(40), np.zeros(40), lengths)
    write_store(
        artifacts / "tokenize.encode-key/train", [batch], vocabulary=512, sources=["a"], languages=["en"], tokenizer_digest="d"
    )
    shape = ModelConfig.model_validate({"family": "gpt", "size": "nano"})
    build_model(build_config(shape, 512, 128, 0.0), 0).save_pretrained(artifacts / "pretrain.decay-key/model")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    places, padded, tokens, flat = map(float, re.findall(r"\d+(?:\.\d+)?", capsys.readouterr().out))
    assert places == 8 * 128
    assert 0.9 * places < tokens < places
    assert padded > 1
    assert abs(padded - flat) < 0.0002  # of four printed places


def test_texts_of_earlier_runs_are_sources_to_mix(tmp_path: Path) -> None:
    """The recipe as printed: each run's kept documents under the name that the mixture has, none that were held out."""
    [recipe] = [code for code in blocks(PAGES[0], "yaml") if "clean.decide" in code]
    (tmp_path / "both.yaml").write_text(recipe, encoding="utf-8")
    for name, count in (("reviews", 30), ("news", 20)):
        for part in ("documents", "holdout"):
            texts = [f"{name}, {part}: text number {number}, of some length." for number in range(count)]
            rows = [
                {
                    "id": f"{number:032x}", "digest": digest_bytes(text.encode()), "text": text, "source": "x", "url": "",
                    "licence": "", "language": "en", "created": "", "protected": False, "meta": "{}",
                }
                for number, text in enumerate(texts)
            ]  # fmt: skip
            write_documents(tmp_path / name / ".danlu/artifacts/clean.decide-key" / part, rows)
    danlu("run", "both.yaml", "--until", "collect", cwd=tmp_path)
    [card] = (tmp_path / ".danlu/artifacts").glob("collect-*/card.json")
    assert {one["name"]: one["documents"] + one["holdout_documents"] for one in read_json(card)["sources"]} == {
        "reviews": 30,
        "news": 20,
    }
    wrong = danlu("run", "both.yaml", "--set", "pretrain.gpt.mixture.new=1", cwd=tmp_path, check=False)
    assert wrong.returncode != 0
    assert "news" in wrong.stderr
