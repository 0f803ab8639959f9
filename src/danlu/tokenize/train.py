"""`tokenize.train`: one byte-level BPE for Chinese and English, with the special tokens of every family.

In one process: merges are chosen one after another, what `tokenizers` can do side by side it does by threads, and drawing the
sample takes a small part of the time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.sample import bytes_by_language, sample
from danlu.tokens.files import CONFIG, NAMED, SPECIAL_MAP, TOKENIZER, added_tokens, tokenizer_config, tokenizer_text
from danlu.tokens.pieces import is_whole, readable, token_bytes
from danlu.tokens.pretokenizer import SPLITS
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_atomic, write_json
from danlu.workspace.run import Run

MOST_TOKEN_BYTES = 16  # five Chinese characters or an English word of fifteen letters: no phrases, no rows of dashes
LONGEST_RUN = 64  # letters; the cost of training grows with the length of a run, so hostile ones are cut
MEASURED_BYTES = 500_000  # of each language, to measure fertility on
EXAMPLES, EXAMPLE_CHARACTERS = 2, 60


def train(documents: Artifact, *, config: TokenizeConfig, run: Run) -> None:
    """Train on a balanced sample of the documents; write the tokenizer for transformers, and `facts.json`."""
    directory = documents / "documents"
    totals = bytes_by_language(directory)
    if not sum(totals.values()):
        raise DanluError("tokenize.no-text", where=str(directory))
    taken: Counter[str] = Counter()
    measured: dict[str, list[str]] = {language: [] for language in totals}

    def texts() -> Iterator[str]:
        with run.progress.task("tokenize.train", min(config.sample, sum(totals.values())), "B") as task:
            for language, text in sample(directory, totals, config.sample):
                run.check()
                size = len(text.encode("utf-8"))
                if taken[language] < MEASURED_BYTES:
                    measured[language].append(text)
                taken[language] += size
                task.advance(size)
                yield cut_runs(text)

    content = train_tokenizer(texts(), config.vocabulary)
    write_atomic(run.output / TOKENIZER, tokenizer_text(content))
    write_json(run.output / CONFIG, tokenizer_config())
    write_json(run.output / SPECIAL_MAP, NAMED)
    pieces = token_bytes(run.output)
    facts = {
        "vocabulary": len(pieces),
        "special": len(SPECIAL),
        "sample_bytes": dict(sorted(taken.items())),
        **measure(content, pieces, {language: chosen for language, chosen in measured.items() if chosen}),
    }
    write_json(run.output / "facts.json", facts)
    run.counts["vocabulary"] = len(pieces)
    run.counts["sample_bytes"] = sum(taken.values())


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> dict[str, Any]:
    """The content of `tokenizer.json`: special tokens at their ids, the 256 bytes, then merges up to `vocabulary` tokens."""
    tokenizer = Tokenizer(models.BPE())
    splits = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in SPLITS]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=MOST_TOKEN_BYTES,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    content["added_tokens"] = added_tokens()
    return content


def cut_runs(text: str) -> str:
    """Break runs of letters that no word or clause needs, for training only."""
    return re.sub(rf"[^\W\d_]{{{LONGEST_RUN}}}", "\\g<0>\n", text)


def measure(content: dict[str, Any], pieces: list[bytes], texts: dict[str, list[str]]) -> dict[str, Any]:
    """`fertility`, `partial_share` and `examples` of a tokenizer on texts by language.

    `partial_share` is the share of the tokens of these texts whose bytes are not whole characters (all languages equally).
    """
    tokenizer = Tokenizer.from_str(tokenizer_text({**content, "added_tokens": []}))
    whole = [is_whole(piece) for piece in pieces]
    fertility, partial, examples = {}, [], []
    for language, chosen in sorted(texts.items()):
        ids = [token for encoding in tokenizer.encode_batch_fast(chosen) for token in encoding.ids]
        size = sum(len(text.encode("utf-8")) for text in chosen)
        fertility[language] = {
            "bytes_per_token": round(size / len(ids), 4),
            "characters_per_token": round(sum(map(len, chosen)) / len(ids), 4),
        }
        partial.append(sum(not whole[token] for token in ids) / len(ids))
        for text in chosen[:EXAMPLES]:
            shown = text[:EXAMPLE_CHARACTERS]
            tokens = [readable(pieces[token]) for token in tokenizer.encode(shown).ids]
            examples.append({"language": language, "text": shown, "tokens": tokens})
    return {"fertility": fertility, "partial_share": round(sum(partial) / max(1, len(partial)), 6), "examples": examples}
