"""Tokenizer files as transformers reads them: written for a model family, and identified by a digest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from danlu.tokens.special import BOS, CLS, EOS, MASK, PAD, SEP, SPECIAL
from danlu.workspace.digest import digest_json
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_atomic, write_json

Family = Literal["bert", "gpt"]

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_MAP = "special_tokens_map.json"
NAMED = {
    "pad_token": PAD, "bos_token": BOS, "eos_token": EOS, "cls_token": CLS, "sep_token": SEP, "mask_token": MASK,
}  # fmt: skip
FOREIGN = (
    TOKENIZER, CONFIG, SPECIAL_MAP, "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "added_tokens.json", "chat_template.jinja",
)  # fmt: skip
"""Files that make up a tokenizer of any kind in a transformers directory."""
PLAIN = (
    "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges",
)  # fmt: skip
"""What BPE may do besides joining the pairs of its list."""


def write_tokenizer(source: Path, target: Path, family: Family, length: int | None = None) -> None:
    """Write the tokenizer of directory `source` into `target` for `AutoTokenizer`, with the special tokens that a family adds.

    bert: encodes `<|cls|> text <|sep|>`, pairs `<|cls|> one <|sep|> two <|sep|>`; gpt: adds nothing. `length`: the most tokens
    that the model takes. The ids of texts are the same in every family. A tokenizer that danlu did not train keeps its own
    special tokens and template: its files are copied as they are.
    """
    target.mkdir(parents=True, exist_ok=True)
    content = read_tokenizer(source) if (source / TOKENIZER).exists() else None
    if content is None or not is_ours(content):
        for name in FOREIGN:
            if (source / name).exists() and source != target:
                shutil.copyfile(source / name, target / name)
        return
    content["post_processor"] = _template() if family == "bert" else None
    write_atomic(target / TOKENIZER, tokenizer_text(content))
    write_json(target / CONFIG, tokenizer_config(length))
    write_json(target / SPECIAL_MAP, NAMED)


def read_tokenizer(directory: Path) -> dict[str, Any]:
    """The content of `tokenizer.json`."""
    path = directory / TOKENIZER
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["model"]["vocab"], (dict, list)):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DanluError("tokens.no-tokenizer", where=str(path)) from error
    return content  # type: ignore[no-any-return]


def tokenizer_text(content: Mapping[str, Any]) -> str:
    """`tokenizer.json` in the layout of the tokenizers library; the order of keys matters to nobody but a reader."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def tokenizer_config(length: int | None = None) -> dict[str, Any]:
    """`tokenizer_config.json`. No token type ids: half of our model classes refuse them and none is trained with them."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": length if length is not None else 10**30,  # transformers' own word for "no limit"
        **NAMED,
    }


def added_tokens() -> list[dict[str, Any]]:
    """The `added_tokens` of `tokenizer.json`.

    The mask takes in the space before it: a word's token holds its space, so `a <|mask|> b` must stand for `a`, mask, ` b`.
    """
    return [
        {
            "id": place, "content": token, "single_word": False, "lstrip": token == MASK, "rstrip": False,
            "normalized": False, "special": True,
        }
        for place, token in enumerate(SPECIAL)
    ]  # fmt: skip


def tokenizer_digest(directory: Path) -> str:
    """Digest of what decides the ids of a text: model, normaliser, pre-tokeniser, added tokens.

    The template of a family, truncation, padding and the layout of the file do not enter it, so the tokenizer inside a model
    directory, also one that transformers saved anew, has the digest of the artifact it came from.
    """
    content = read_tokenizer(directory)
    model = content["model"]
    added = sorted((token["id"], token["content"]) for token in content.get("added_tokens") or [])
    identity = {
        "type": model.get("type"), "vocab": model["vocab"], "merges": merges_of(content), "added": added,
        "normalizer": content.get("normalizer"), "pre_tokenizer": content.get("pre_tokenizer"), **unusual(model),
    }  # fmt: skip
    return digest_json(identity, 16)


def unusual(model: Mapping[str, Any]) -> dict[str, Any]:
    """What a BPE does besides joining pairs (`PLAIN`), where it does any of it; nothing of the other types."""
    return {name: model[name] for name in PLAIN if model.get("type") == "BPE" and model.get(name)}


def vocabulary_of(content: Mapping[str, Any]) -> dict[str, int]:
    """The ids of the tokens that the model of `tokenizer.json` has, by their names; Unigram has a list with scores."""
    vocab = content["model"]["vocab"]
    return vocab if isinstance(vocab, dict) else {name: place for place, (name, _) in enumerate(vocab)}


def merges_of(content: Mapping[str, Any]) -> list[list[str]]:
    """The pairs of tokens that BPE joins, the first one first; older files have them as strings."""
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in content["model"].get("merges") or []]


def vocabulary_size(directory: Path) -> int:
    """One more than the largest id."""
    content = read_tokenizer(directory)
    ids = [*vocabulary_of(content).values(), *(token["id"] for token in content.get("added_tokens") or [])]
    return int(max(ids)) + 1


def special_ids(directory: Path) -> list[int]:
    """The ids of the tokens that no text is made of."""
    return [token["id"] for token in read_tokenizer(directory).get("added_tokens") or [] if token.get("special")]


def is_ours(content: Mapping[str, Any]) -> bool:
    """Whether the special tokens are danlu's, at their ids."""
    found = {token["content"]: token["id"] for token in content.get("added_tokens") or []}
    return all(found.get(token) == place for place, token in enumerate(SPECIAL))


def _template() -> dict[str, Any]:
    def special(token: str, segment: int = 0) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": segment}}

    def sequence(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    single = [special(CLS), sequence("A", 0), special(SEP)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, sequence("B", 1), special(SEP, 1)],
        "special_tokens": {token: {"id": token, "ids": [SPECIAL.index(token)], "tokens": [token]} for token in (CLS, SEP)},
    }
