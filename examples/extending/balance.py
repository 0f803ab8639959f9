"""A metric of your own: accuracy where each class counts alike, however rare it is. 自定义指标：各类同等看待的准确率。"""

import numpy as np


def balanced_accuracy(truth, predicted, probabilities):
    """Mean over the classes of the share of a class's texts that were given it."""
    return np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)])


balanced_accuracy.title = {"en": "Balanced accuracy", "zh": "均衡准确率"}
balanced_accuracy.definition = {
    "en": "The share of texts answered rightly, averaged over the classes: a rare class counts as much as a frequent one.",
    "zh": "先算每一类答对的比例，再对各类取平均，因此少见的类与常见的类同样重要。",
}
balanced_accuracy.better = "higher"
balanced_accuracy.unit = "share"
