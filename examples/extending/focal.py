"""A task of your own: classification that learns most from what it gets wrong (focal loss, Lin et al. 2017).

Everything but the loss is the built-in task's. 自定义任务：使用焦点损失的分类，多从分错的样本中学习；其余沿用内置分类任务。
"""

from dataclasses import dataclass, replace

import torch

from danlu.tasks import classification

SHARPNESS = 2.0  # 0 would be the usual cross-entropy


@dataclass(frozen=True)
class FocalObjective(classification.ClassificationObjective):
    """Cross-entropy, less for texts whose class is already likely."""

    def loss(self, model, batch):
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
        nats = torch.nn.functional.cross_entropy(logits, batch["labels"], reduction="none")
        return ((1 - torch.exp(-nats)) ** SHARPNESS * nats).sum(), len(batch["labels"])


TASK = replace(classification.TASK, name="focal-classification", objective=FocalObjective)
