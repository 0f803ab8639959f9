"""`clean.language_model`: an n-gram model of each family of languages that the reference sample has enough text of."""

from __future__ import annotations

from typing import Any

import numpy as np

from danlu.clean.preset import FAMILIES, Family
from danlu.clean.sample import Sample, read_sample
from danlu.recipe.learned import LanguageModelConfig
from danlu.text.ngrams import score_buffers, split, train, write_model
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

LEAST_BYTES = 20_000  # of a language; less teaches nothing
HELD_OUT = 32  # one line in so many is measured on, not learned from
MODELED: tuple[Family, ...] = tuple(name for name in FAMILIES if name != "other")


def learn(sample: Artifact, *, config: LanguageModelConfig, run: Run) -> None:
    """Write `FAMILY.ngrams` for English and Chinese, and `facts.json`."""
    facts: dict[str, dict[str, Any]] = {}
    with run.progress.task("clean.progress.language_model", len(MODELED), "") as bar:
        for name in MODELED:
            run.check()
            texts = read_sample(sample, config.bytes, name)
            learned = len(texts.data) >= LEAST_BYTES
            facts[name] = _learn(texts, name, config, run) if learned else {"learned": False, **_size(texts)}
            bar.advance()
    if not any(fact["learned"] for fact in facts.values()):
        sizes = {name: fact["bytes"] for name, fact in facts.items()}
        raise DanluError("clean.sample-small", where="clean.language_model.sample", least=LEAST_BYTES, **sizes)
    write_json(run.output / "facts.json", {"order": config.order, "languages": facts})
    run.counts.update({"bytes": sum(fact["bytes"] for fact in facts.values())})


def _size(texts: Sample) -> dict[str, int]:
    return {"documents": len(texts.digests), "bytes": len(texts.data)}


def _learn(texts: Sample, name: str, config: LanguageModelConfig, run: Run) -> dict[str, Any]:
    lines, held = split(texts.data, HELD_OUT)
    model, _ = train(lines, config.order)
    path = run.output / f"{name}.ngrams"
    write_model(path, model)
    found = score_buffers(model, held, np.array([0, len(held)])).total()
    return {
        "learned": True,
        **_size(texts),
        "ngrams": model.about["ngrams"],
        "file_bytes": path.stat().st_size,
        "held_out": {key: round(value, 6) for key, value in found.items()},
    }
