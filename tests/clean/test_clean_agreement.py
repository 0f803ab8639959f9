"""Verdicts beside those that datatrove gave, rule by rule, on texts around each threshold (`datatrove.json`)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from benchmarks.clean.agreement import NAMED

from danlu.clean.preset import load_preset
from danlu.clean.score import score_texts
from danlu.clean.verdicts import KEPT, apply_rules

# Characters of n-grams are counted otherwise (`NAMED`): of these texts, made to lie around the thresholds, so many still agree.
LEAST_OF_N_GRAMS = 0.93


def test_verdicts_agree_with_datatrove_s_or_the_difference_has_a_name() -> None:
    reference = json.loads(Path(__file__).with_name("datatrove.json").read_text(encoding="utf-8"))
    texts = [row["text"] for row in reference["rows"]]
    measured = score_texts(pa.array(texts), pa.array(["en"] * len(texts)))
    scores = {name: values.astype(np.float32) for name, values in measured.items()}  # as they are kept
    rules = {**load_preset("fineweb").rules, **load_preset("gopher").rules}
    for name in reference["rules"]:
        ours = apply_rules(scores, np.array(["en"] * len(texts)), {name: rules[name]})[0].reasons != KEPT
        theirs = np.array([name in row["drops"] for row in reference["rows"]])
        agree = float((ours == theirs).mean())
        if name.endswith("gram"):
            assert agree >= LEAST_OF_N_GRAMS, name
            assert name in NAMED
        else:
            assert agree == 1, name
    assert sum(bool(row["drops"]) for row in reference["rows"]) > len(texts) / 2
