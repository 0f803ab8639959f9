"""An objective of your own: whole words are masked (BERT's second edition, 2019), of Chinese whole characters.

A token alone is often easy to guess from the rest of its word. So the mask falls on words: all tokens of one, or none.
自定义训练目标：整词掩码。英文遮住整个单词，中文不会只遮住一个字的部分字节。
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from pieces import continues_word

from danlu.tokens.special import MASK_ID, PAD_ID, SPECIAL
from danlu.training.language import MaskedObjective


@dataclass(frozen=True)
class WholeWords(MaskedObjective):
    """Masked language modelling whose places are chosen by word; the loss is the built-in one."""

    continues: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))  # [vocabulary]

    def collate(self, samples):
        inputs, chosen = samples.ids.copy(), np.zeros(samples.ids.shape, bool)
        for row, number in enumerate(samples.numbers):
            ordinary = samples.ids[row] >= len(SPECIAL)
            words = np.cumsum(~self.continues[samples.ids[row]])  # the same number for all tokens of a word
            names = np.unique(words[ordinary])
            # Drawn by the sample's own number: a run that goes on after a stop must draw the same.
            random = np.random.default_rng([self.seed, samples.epoch, int(number)])
            count = max(1, round(self.rate * len(names)))
            chosen[row] = ordinary & np.isin(words, random.permutation(names)[:count])
        inputs[chosen] = MASK_ID
        places = np.flatnonzero(chosen)
        return {
            "input_ids": torch.from_numpy(inputs),
            "attention_mask": torch.from_numpy(samples.ids != PAD_ID),
            "places": torch.from_numpy(places),
            "targets": torch.from_numpy(samples.ids.reshape(-1)[places]),
        }


def whole_words(setting):
    """The objective, made for a vocabulary: `setting` tells its size, the recipe's mask rate and seed, and its tokens."""
    continues = np.array([continues_word(piece) for piece in setting.pieces()])
    continues[: len(SPECIAL)] = False
    return WholeWords(setting.vocabulary, setting.rate, setting.seed, continues=continues)
