"""Classification: each text has one of a few labels. The heads are transformers' `*ForSequenceClassification`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from danlu.inference.batches import pad_rows
from danlu.inference.classify import encode_texts, softmax
from danlu.inference.prepare import prepare_text
from danlu.models.build import build_model
from danlu.models.files import load_model
from danlu.tasks.averaging import pools_by_mean, with_averaging
from danlu.tasks.source import Examples
from danlu.tasks.task import Task
from danlu.training.objective import Batch, Objective

BUILT_HERE = ("bert", "modernbert", "gpt2", "qwen3")
UNLABELLED = -1


def label_names(labels: Sequence[str]) -> list[str]:
    """The classes, sorted."""
    return sorted(set(labels))


def build_classifier(address: str, names: Sequence[str], initial: str, seed: int) -> tuple[PreTrainedModel, str]:
    """A classifier over `names` that starts from the model at `address`, and how it pools: mean, cls or last.

    `initial` "random": the same architecture, freshly initialised as pretraining does. ModernBERT pools by mean; BERT by its
    first token if it has a trained pooler, else by an averaging layer; decoders by their last token.
    """
    options: dict[str, Any] = {
        "num_labels": len(names),
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }
    config = AutoConfig.from_pretrained(address, trust_remote_code=False, **options)
    kind = config.model_type
    config.problem_type = "single_label_classification"
    if kind == "modernbert":
        config.classifier_pooling = "mean"
    if config.pad_token_id is None:
        config.pad_token_id = config.eos_token_id if isinstance(config.eos_token_id, int) else 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if initial == "random":
            model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32).eval()
            if kind in BUILT_HERE:
                fresh = build_model(config, seed).base_model.state_dict()
                model.base_model.load_state_dict(fresh, strict=False)
        else:
            model = load_model(address, "classification", config=config)
    if kind == "bert" and pools_by_mean(address):
        return with_averaging(model), "mean"
    return model, {"modernbert": "mean", "gpt2": "last", "qwen3": "last"}.get(kind, "cls")


def encode(tokenizer: Any, texts: Sequence[str], labels: Sequence[str] | None, names: Sequence[str], length: int) -> Examples:
    """Prepared texts as token ids of at most `length`, and class numbers (-1 without labels)."""
    ids = encode_texts(tokenizer, [prepare_text(text) for text in texts], length)
    place = {name: index for index, name in enumerate(names)}
    targets = [UNLABELLED] * len(ids) if labels is None else [place[label] for label in labels]
    return Examples(ids, np.array(targets, np.int64))


@dataclass(frozen=True)
class ClassificationObjective:
    """Cross-entropy of the classes."""

    pad: int

    def collate(self, samples: Examples) -> Batch:
        ids, mask = pad_rows(samples.ids, self.pad)
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.from_numpy(samples.targets)}

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        nats = torch.nn.functional.cross_entropy(logits.float(), batch["labels"], reduction="sum")
        return nats, len(batch["labels"])


def _objective(pad: int) -> Objective[Examples]:
    return ClassificationObjective(pad)


TASK = Task(
    name="classification",
    metrics=("accuracy", "f1_macro"),
    names=label_names,
    build=build_classifier,
    encode=encode,
    objective=_objective,
    answers=softmax,
)
