"""A model with what is needed to use it, from a directory or a hub name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from danlu.inference.context import context_length
from danlu.models.files import FACTS, load_model, load_tokenizer
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json
from danlu.workspace.messages import listed

Kind = Literal["clm", "mlm", "classification", "spans"]
HEADS: tuple[tuple[str, Kind], ...] = (
    ("ForSequenceClassification", "classification"),
    ("ForMaskedLM", "mlm"),
    ("ForCausalLM", "clm"),
    ("LMHeadModel", "clm"),
    ("ForConditionalGeneration", "spans"),
)
USED: tuple[Kind, ...] = ("clm", "mlm", "classification")  # by predict and serve; an encoder-decoder is only scored


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode, its tokenizer, what it is for, and its `facts.json` (empty for models not made here)."""

    kind: Kind
    model: Any
    tokenizer: Any
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> int:
        """Positions that the model reads, special tokens among them."""
        return context_length(self.model)

    @property
    def length(self) -> int:
        """Most tokens of a text to classify: what it was fine-tuned on, else the context."""
        return min(int(self.facts.get("length") or self.context), self.context)

    @property
    def labels(self) -> list[str]:
        """Names of the classes, in the order of the probabilities."""
        names = self.model.config.id2label
        return [str(names[index]) for index in range(len(names))]

    def in_bf16(self) -> Loaded:
        """The same model, itself changed to weights in bf16: up to twice as fast on a processor that has it. Three digits
        are kept, so that a probability may be off by about .01."""
        return replace(self, model=self.model.bfloat16())


def load_for(path: Path | str, kinds: Collection[Kind] = USED) -> Loaded:
    """Load the model in the directory `path` (or of that hub name) with the head that its configuration names, of `kinds`.

    DanluError if it names none of them, or if the tokenizer there has ids that the model has no embedding for.
    """
    config = Path(path) / "config.json"
    if Path(path).is_dir() and not config.is_file():
        raise DanluError("inference.no-model", where=str(path))
    kind = _kind(path, config, kinds)
    model, tokenizer, name = load_model(path, kind), load_tokenizer(path), Path(path).name
    rows, most = len(model.get_input_embeddings().weight), max(tokenizer.get_vocab().values(), default=-1)
    if most >= rows:
        raise DanluError("inference.tokenizer", where=str(path), name=name, largest=most, rows=rows)
    facts = Path(path) / FACTS
    return Loaded(kind, model, tokenizer, name, read_json(facts) if facts.is_file() else {})


def _kind(path: Path | str, config: Path, kinds: Collection[Kind]) -> Kind:
    if config.is_file():
        named = read_json(config).get("architectures") or []
    else:  # a hub name
        from transformers import AutoConfig

        named = AutoConfig.from_pretrained(str(path), trust_remote_code=False).architectures or []
    for architecture in named:
        for ending, kind in HEADS:
            if architecture.endswith(ending) and kind in kinds:
                return kind
    raise DanluError("inference.no-head", where=str(path), found=listed(named))
