"""The pre-tokeniser of the tokenizers that danlu trains."""

from __future__ import annotations

SPLITS = (
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
    "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
)
"""Where no token may reach across, one after the other: numbers by three digits; runs of Chinese characters and kana by
themselves (never with the punctuation or the Latin letters beside them); words with the space before them, `'ll` and `'s` by
themselves, punctuation, line ends, spaces. This is DeepSeek-V3's scheme to the letter, because gigatoken encodes it natively;
the runs of Chinese characters are unbounded here, so training bounds the length of a token instead (`tokenize.train`).
Measured on 1,000 reviews and 3,000 Chinese documents with 8,192 tokens, bytes a token: English 3.61, Chinese 3.84;
with Chinese runs bounded to four characters 3.64 and 3.62, because the bound cuts words at chance places."""
