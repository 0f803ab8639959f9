"""Models and tokenizers on disk, in the transformers layout: safetensors only, and never code from a model's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from danlu.models.build import ENCODERS
from danlu.models.locate import WEIGHTS
from danlu.tokens.files import FOREIGN, Family, write_tokenizer
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

Kind = Literal["mlm", "clm", "classification", "encoder", "spans"]
CLASSES: dict[Kind, Any] = {
    "mlm": AutoModelForMaskedLM, "clm": AutoModelForCausalLM,
    "classification": AutoModelForSequenceClassification, "encoder": AutoModel, "spans": AutoModelForSeq2SeqLM,
}  # fmt: skip
TOKENIZER_FILES = FOREIGN
"""Names of files that belong to a tokenizer."""
FACTS = "facts.json"
FETCHED = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors", "LICENSE*", "NOTICE*")
"""Of a hub: no weights that can run code, none of other frameworks."""
PRECISIONS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""The names of safetensors."""
TOO_LONG = "sequence-length-is-longer-than-the-specified-maximum"


def save_model(model: PreTrainedModel, directory: Path, tokenizer_directory: Path, facts: Mapping[str, Any]) -> None:
    """Write `config.json`, `model.safetensors`, the tokenizer's files and `facts.json`; the same model, the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(directory)
    family: Family = "bert" if model.config.model_type in ENCODERS else "gpt"
    write_tokenizer(tokenizer_directory, directory, family, getattr(model.config, "max_position_embeddings", None))
    write_json(directory / FACTS, dict(facts))


def load_model(path_or_hub: str | Path, kind: Kind, **options: Any) -> PreTrainedModel:
    """A model in fp32 and evaluation mode, with the head that `kind` names; `options` go to `from_pretrained`.

    A head that the files lack is initialised anew, from torch's generator: seed it before.
    """
    options = {"dtype": torch.float32, "trust_remote_code": False, "use_safetensors": True} | options
    try:
        with quiet():
            model: PreTrainedModel = CLASSES[kind].from_pretrained(str(path_or_hub), **options)
    except (OSError, ValueError, KeyError) as error:
        raise _unloadable(path_or_hub, error) from error
    return model.eval()


def load_as_saved(directory: Path) -> PreTrainedModel:
    """The model of a directory in the class that its configuration names and the precision of its file, in evaluation mode.

    What the class has and the file lacks is initialised, always alike.
    """
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            named = AutoConfig.from_pretrained(directory, trust_remote_code=False).architectures or []
            known = (getattr(transformers, name, None) for name in named)
            factory: Any = next((one for one in known if isinstance(one, type) and issubclass(one, PreTrainedModel)), AutoModel)
            model: PreTrainedModel = factory.from_pretrained(
                directory, dtype=saved_precision(directory), trust_remote_code=False, use_safetensors=True
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise _unloadable(directory, error) from error
    return model.eval()


def saved_precision(directory: Path) -> torch.dtype:
    """The precision that holds all weights of a directory as they are: that of its file, the widest where there are several."""
    single, index = (directory / name for name in WEIGHTS)
    files = [single] if single.is_file() else sorted({directory / name for name in read_json(index)["weight_map"].values()})
    found: list[torch.dtype] = []
    for path in files:
        with safe_open(path, "pt") as weights:
            kinds = (weights.get_slice(name).get_dtype() for name in weights.keys())  # noqa: SIM118 (it is no mapping)
            found += [PRECISIONS[kind] for kind in kinds if kind in PRECISIONS]
    return reduce(torch.promote_types, found) if found else torch.float32


def fetched(place: Path | str, patterns: Sequence[str] = FETCHED) -> Path:
    """The directory of a model or tokenizer: itself, or a copy of what a hub has by that name, of files named by `patterns`.
    DanluError if there is none."""
    if isinstance(place, Path):
        return place
    try:
        with quiet():
            return Path(snapshot_download(place, allow_patterns=list(patterns)))
    except (OSError, ValueError) as error:
        raise _unloadable(place, error) from error


def load_tokenizer(path_or_hub: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model directory or hub name, without transformers' word on texts longer than the model reads: whoever
    asks for their ids looks to that."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(path_or_hub), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise _unloadable(path_or_hub, error) from error
    tokenizer.deprecation_warnings[TOO_LONG] = True  # said already, as far as transformers knows
    return tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bars and its table of weights that a new head lacks: danlu's own words say the same."""
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def _unloadable(path_or_hub: str | Path, error: Exception) -> DanluError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    key = "models.unloadable" if Path(path_or_hub).is_dir() else "models.unreachable"
    return DanluError(key, where=str(path_or_hub), reason=lines[0][:300])
