"""Token stores written for another trainer, in a folder that is there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from danlu.tokens.files import FOREIGN, tokenizer_digest
from danlu.tokens.layouts import LAYOUTS
from danlu.tokens.special import EOS_ID
from danlu.tokens.store import TokenStore
from danlu.workspace.disk import size_words
from danlu.workspace.errors import DanluError
from danlu.workspace.files import whole_folder
from danlu.workspace.messages import listed
from danlu.workspace.progress import Progress

TOKENIZER = "tokenizer"
"""Folder of the tokenizer beside the exported stores: ids mean nothing without it."""


def export_stores(
    stores: Mapping[str, Path], tokenizer: Path | None, target: Path, layout: str, progress: Progress, *, eos: bool = True
) -> dict[str, int]:
    """Write the stores (name -> folder) to the new folder `target` in a layout of `LAYOUTS`; the tokens of each, without marks.

    `eos` puts the mark of the end after each document: readers of flat layouts often know documents by it alone. Memory is that
    of a run of documents (a million tokens). DanluError if there is no such layout, the folder is not empty, a store is
    broken or of another tokenizer than `tokenizer`.
    """
    if layout not in LAYOUTS:
        raise DanluError("export.no-such-layout", where=layout, name=layout, layouts=listed(LAYOUTS))
    digest = None if tokenizer is None else tokenizer_digest(tokenizer)
    found = {name: TokenStore.open(path, digest) for name, path in stores.items()}
    counts = {name: len(store.tokens) for name, store in found.items()}
    with whole_folder(target) as folder, progress.task("export.progress", sum(counts.values()), "tokens") as task:
        for name, store in found.items():
            LAYOUTS[layout](store, folder, name, EOS_ID if eos else None, task.advance)
        if tokenizer is not None:
            (folder / TOKENIZER).mkdir()
            for file in FOREIGN:
                if (tokenizer / file).exists():
                    shutil.copyfile(tokenizer / file, folder / TOKENIZER / file)
    return counts


def folder_words(folder: Path) -> str:
    """The size of what lies in a folder, in words."""
    return size_words(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
