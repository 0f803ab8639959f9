"""The commands that `docs/evaluate.md` and its Chinese twin print work as printed, and both pages say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
)

from commands import bash
from danlu.metrics.registry import METRICS
from danlu.models.files import save_model
from danlu.tasks.scoring import SCORED
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.files import TOKENIZER, tokenizer_text
from danlu.tokens.special import BOS_ID, EOS_ID, PAD_ID
from danlu.workspace.files import write_atomic

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("evaluate.md", "evaluate.zh.md")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def make_models(folder: Path) -> None:
    """Models with random weights under the names on the page: a directory of a name comes before a run's model."""
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    content = train_tokenizer(iter(["".join(blocks(PAGES[0], "sh"))]), 600)
    write_atomic(tokenizer / TOKENIZER, tokenizer_text(content))
    ids = {"vocab_size": 600, "pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, **ids}
    names = dict(enumerate(("contradiction", "entailment", "neutral")))
    t5 = T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=PAD_ID, **ids)
    made = {
        "gpt": GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=128, **ids)),
        "bert": BertForMaskedLM(BertConfig(**small)),
        "models/t5": T5ForConditionalGeneration(t5),
        "models/nli": BertForSequenceClassification(BertConfig(**small, id2label=names)),
    }
    for name, model in made.items():
        save_model(model, folder / name, tokenizer, {})


def test_commands_and_examples(tmp_path: Path) -> None:
    """Of one page: they are the same on both."""
    script = "\n".join(blocks(PAGES[0], "sh"))
    make_models(tmp_path)
    done = bash(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "compared").iterdir()} == {
        "evaluation.json", "answers.jsonl", "disagreements.jsonl", "seen.jsonl",
    }  # fmt: skip
    found = json.loads((tmp_path / "compared" / "evaluation.json").read_text(encoding="utf-8"))
    assert [number["value"] for number in found["numbers"] if number["metric"] == "accuracy"] == [1.0, 0.5, 0.5]
    (example,) = (code for code in blocks(PAGES[0], "python") if "evaluation.json" in code)
    shown = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "tfidf accuracy" in shown.stdout


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_tasks_is_the_code(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = {
        name: row
        for row in re.findall(r"^\| (`.*)$", text, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", row.split("|")[0])
    }
    for task, scored in SCORED.items():
        cells = rows[task].split("|")
        assert [name for name in re.findall(r"`(\w+)`", cells[3]) if name in METRICS] == list(scored.metrics), task
        assert set(re.findall(r"`(\w+)`", cells[1])) <= {*scored.truth, *scored.inputs}
        assert set(re.findall(r"`(\w+)`", cells[2])) <= {*scored.predicted, "probabilities"}


def test_both_languages_say_the_same() -> None:
    """The same headings, blocks, lists and tables in the same places, and the same commands."""
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    shapes = [[line[:3] for line in text.splitlines() if line.startswith(("#", "```", "|", "- "))] for text in texts]
    assert [line[0] for line in shapes[0]] == [line[0] for line in shapes[1]]
    for kind in ("sh", "python"):
        assert blocks(PAGES[0], kind) == blocks(PAGES[1], kind)
