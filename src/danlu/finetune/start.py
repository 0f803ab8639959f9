"""Where a fine-tuning starts: a model of this recipe or of another run, a directory, a package or a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from danlu.models.files import TOKENIZER_FILES, load_tokenizer
from danlu.models.locate import locate_model
from danlu.recipe.finetune import FinetuneConfig
from danlu.workspace.artifact import PAYLOAD, Artifact
from danlu.workspace.run import Run


@dataclass(frozen=True)
class Start:
    """`address` is what transformers loads; the others are for people and for the facts."""

    address: str
    name: str
    kind: str
    version: str

    def facts(self) -> dict[str, str]:
        return {"name": self.name, "kind": self.kind, "version": self.version}


def find_start(config: FinetuneConfig, pretrained: Artifact | None, base: Path) -> Start:
    """The starting model. The version of one that danlu made is the digest of its payload: equal models, equal facts."""
    if pretrained is not None:
        version = pretrained.payload[:16] if (pretrained / PAYLOAD).exists() else ""
        return Start(str(pretrained / "model"), config.start, "recipe", version)
    found = locate_model(config.start, base)
    return Start(found.address, found.name, found.kind, found.version)


def tokenizer_files(start: Start, run: Run) -> Path:
    """A directory with the tokenizer's files: the model's own, or a copy of what a hub gave."""
    if (Path(start.address) / TOKENIZER_FILES[0]).is_file():
        return Path(start.address)
    copy = run.scratch / "tokenizer"
    load_tokenizer(start.address).save_pretrained(copy)
    return copy
