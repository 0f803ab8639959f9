"""A tokenizer as llama.cpp reads it: a GGUF file that holds the vocabulary alone.

A GGUF file holds no patterns: llama.cpp has the ways to cut a text before tokens are looked for in its own code, under names,
and for its BPE alone. What danlu cuts by with three digits is there, as `deepseek-v3` (`danlu.tokens.pretokenizer`). WordPiece
and Unigram cut in ways of their own there, so that ids of danlu's tokenizers of these types would be others.

llama.cpp's ids are those of tokenizers (a test holds them to it) but for three things, as of version 0.3.36 of its Python
package: characters that came with Unicode 16 (September 2024) are none of its letters; a space before the mask is not part of
the mask; and at tens of thousands of letters, marks or spaces without a break its regular expressions overrun the stack, and
the process ends.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from danlu.tokens.files import is_ours, merges_of, read_tokenizer, special_ids, unusual, vocabulary_of
from danlu.tokens.pretokenizer import layout, splits
from danlu.tokens.special import BOS_ID, END_ID, EOS_ID, MASK_ID, PAD_ID, SEP_ID
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, make_folder, sync, sync_directory, temporary

MODEL, CUTS = "gpt2", "deepseek-v3"
"""llama.cpp's names of byte-level BPE, and of the way to cut a text before it."""
ARCHITECTURE = "llama"
"""A file names one even where it holds no model; llama.cpp's own files of vocabularies name this."""
IDS = {"bos": BOS_ID, "eos": EOS_ID, "eot": END_ID, "pad": PAD_ID, "sep": SEP_ID, "mask": MASK_ID}
"""llama.cpp's names of special tokens. Where a text is classified it takes `bos` for CLS."""


def export_llama(directory: Path, target: Path) -> int:
    """Write the tokenizer of a directory to the new file `target`, there whole or not at all; the number of its tokens.

    DanluError if llama.cpp cannot cut texts as this tokenizer does, the package gguf is not installed, or something is there.
    """
    content = read_tokenizer(directory)
    if why := unlike(content):
        raise DanluError(f"export.llama.{why}", where=str(directory))
    try:
        gguf = importlib.import_module("gguf")
    except ImportError as error:
        raise DanluError("export.no-gguf", where="gguf") from error
    if target.exists():
        raise DanluError("workspace.taken", where=str(target))
    names = sorted(vocabulary_of(content).items(), key=lambda item: item[1])
    special = set(special_ids(directory))
    make_folder(target.parent)
    beside = temporary(target)
    with disk_errors(target):
        try:
            writer = gguf.GGUFWriter(beside, ARCHITECTURE)
            writer.add_type(gguf.GGUFType.MODEL)
            writer.add_tokenizer_model(MODEL)
            writer.add_tokenizer_pre(CUTS)
            writer.add_token_list([name for name, _ in names])
            # the tokens of single bytes are ordinary: llama.cpp has a type of its own for them only where bytes have no letters
            types = gguf.TokenType
            writer.add_token_types([types.CONTROL if place in special else types.NORMAL for _, place in names])
            writer.add_token_merges([" ".join(pair) for pair in merges_of(content)])
            for name, place in IDS.items():
                getattr(writer, f"add_{name}_token_id")(place)
            writer.add_add_bos_token(False)  # as tokenizer.json: whoever asks for the ids of a text gets those alone
            writer.add_add_eos_token(False)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.close()
            sync(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        sync_directory(target.absolute().parent)
    return len(names)


def unlike(content: Mapping[str, Any]) -> str:
    """Why llama.cpp would cut texts in another way than this tokenizer does, as a message's key; empty if it would not."""
    model = content["model"]
    if not is_ours(content) or content.get("normalizer"):
        return "foreign"
    if model["type"] in ("WordPiece", "Unigram"):
        return str(model["type"]).lower()
    ids = set(vocabulary_of(content).values())
    if any(token["id"] not in ids for token in content["added_tokens"]) or len(ids) != max(ids) + 1:
        return "foreign"  # tokens that no list has: llama.cpp knows a token by its place alone
    cuts = content.get("pre_tokenizer")
    if cuts in (layout(splits(1)), layout(splits(2))):
        return "digits"
    same = model["type"] == "BPE" and cuts == layout(splits(3)) and not unusual(model)
    return "" if same else "foreign"
