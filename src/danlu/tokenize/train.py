"""`tokenize.train`: one tokenizer for Chinese and English, with the special tokens of every family.

In one process: merges are chosen one after another, what `tokenizers` can do side by side it does by threads, and drawing the
sample takes a small part of the time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from danlu.models.locate import locate_tokenizer
from danlu.recipe.tokenize import LEAST, LEAST_WORDPIECE, MOST, TokenizeConfig
from danlu.tokenize.adopt import adopted
from danlu.tokenize.fitting import EXAMPLES as TAUGHT
from danlu.tokenize.fitting import SHARE, fitting_size
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.sample import bytes_by_language, sample
from danlu.tokens.files import (
    CONFIG,
    NAMED,
    SPECIAL_MAP,
    TOKENIZER,
    read_tokenizer,
    tokenizer_config,
    tokenizer_text,
    vocabulary_of,
)
from danlu.tokens.pieces import bytes_of_tokens, is_whole, readable
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_atomic, write_json
from danlu.workspace.run import Run

LONGEST_RUN = 64  # letters; the cost of training grows with the length of a run, so hostile ones are cut
MEASURED_BYTES = 500_000  # of each language, spread over the sample, to measure fertility on
TRIED_BYTES = 200_000  # of each language, on which a tokenizer that is taken must give back the text
KEPT_BYTES = 8_000_000  # of the sample; of a larger one every second text, every third and so on
EXAMPLES, EXAMPLE_CHARACTERS = 2, 60


def train(documents: Artifact, *, config: TokenizeConfig, run: Run) -> None:
    """Train on a balanced sample of the documents; write the tokenizer for transformers, and `facts.json`."""
    directory = documents / "documents"
    totals = bytes_by_language(directory)
    if not sum(totals.values()):
        raise DanluError("tokenize.no-text", where=str(directory))
    drawn = Drawn(directory, totals, config, run)
    content, rule = _taken(drawn, config.start) if config.start is not None else _trained(drawn)
    pieces = bytes_of_tokens(content)
    write_atomic(run.output / TOKENIZER, tokenizer_text(content))
    write_json(run.output / CONFIG, tokenizer_config())
    write_json(run.output / SPECIAL_MAP, NAMED)
    facts = {
        "vocabulary": len(pieces),
        "special": len(SPECIAL),
        "sample_bytes": dict(sorted(drawn.taken.items())),
        **rule,
        **measure(content, pieces, drawn.spread(MEASURED_BYTES)),
    }
    write_json(run.output / "facts.json", facts)
    run.counts["vocabulary"] = len(pieces)
    run.counts["sample_bytes"] = sum(drawn.taken.values())


@dataclass
class Drawn:
    """The sample of the documents: read once for each training. `taken`: bytes of each language. `kept`: its texts, or a
    part of them."""

    directory: Path
    totals: Mapping[str, int]
    config: TokenizeConfig
    run: Run
    taken: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[str]] = field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """For a trainer: hostile runs are cut."""
        self.taken.clear()
        self.kept.clear()
        every = max(1, -(-self.config.sample // KEPT_BYTES))
        with self.run.progress.task("tokenize.train", min(self.config.sample, sum(self.totals.values())), "B") as task:
            for number, (language, text) in enumerate(sample(self.directory, self.totals, self.config.sample)):
                self.run.check()
                size = len(text.encode("utf-8"))
                if number % every == 0:
                    self.kept.setdefault(language, []).append(text)
                self.taken[language] += size
                task.advance(size)
                yield cut_runs(text)

    def spread(self, most: int) -> dict[str, list[str]]:
        """Texts of each language that was found, taken evenly from all of the sample: about `most` bytes, or what there is."""
        sizes = {language: sum(len(text.encode("utf-8")) for text in texts) for language, texts in self.kept.items()}
        return {language: texts[:: max(1, -(-sizes[language] // most))] for language, texts in self.kept.items()}


def _taken(drawn: Drawn, start: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A tokenizer that is there already, tried on the sample; and nothing more for the facts."""
    directory = locate_tokenizer(start, drawn.run.base)
    for _ in drawn.texts():
        pass
    tried = [text for texts in drawn.spread(TRIED_BYTES).values() for text in texts]
    return adopted(read_tokenizer(directory), tried, str(directory)), {}


def _trained(drawn: Drawn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new tokenizer, and the rule that its size was chosen by, where none was asked for."""
    config, progress = drawn.config, drawn.run.progress
    size, rule = config.vocabulary, {}
    if size == "auto":
        largest = train_tokenizer(drawn.texts(), MOST, config.type, config.digits)
        least = LEAST_WORDPIECE if config.type == "wordpiece" else LEAST
        size, reached = fitting_size(largest, drawn.kept, drawn.totals, least)
        rule = {"rule": {"share": SHARE, "examples": TAUGHT, "reached": round(reached, 4)}}
        said = {"size": size, "share": round(100 * SHARE), "examples": TAUGHT}
        if reached < SHARE:
            progress.say("tokenize.fitting-least", **said, reached=round(100 * reached))
        else:
            progress.say("tokenize.fitting", **said)
    content = train_tokenizer(drawn.texts(), size, config.type, config.digits)
    if (found := len(vocabulary_of(content))) < size:
        progress.warn("tokenize.fewer", found=found, asked=size)
    return content, rule


def cut_runs(text: str) -> str:
    """Break runs of letters that no word or clause needs, for training only."""
    return re.sub(rf"[^\W\d_]{{{LONGEST_RUN}}}", "\\g<0>\n", text)


def measure(content: Mapping[str, Any], pieces: Sequence[bytes], texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
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
