"""Tiny random models of each kind, with a byte-level tokenizer that splits Han characters, and a real server on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from danlu.inference.load import Loaded, load_for
from danlu.tokens.special import BOS, CLS, EOS, MASK, PAD, SEP, SPECIAL
from danlu.workspace.files import write_json

CONTEXT = 96
LABELS = ("negative", "positive")
TEXTS = (
    "The book is on the table and the weather is fine today. ",
    "今天天气很好，我们去公园看花。",
    "这本书非常好看，值得一读。",
) * 8


def build_tokenizer(*, pair: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 600 tokens with danlu's special tokens; `pair`: texts stand between CLS and SEP, as encoders want."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=440, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    if pair:
        tokenizer.post_processor = processors.TemplateProcessing(f"{CLS} $A {SEP}", special_tokens=[(CLS, 3), (SEP, 4)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=EOS, cls_token=CLS, sep_token=SEP, mask_token=MASK
    )


def build_models(folder: Path) -> dict[str, Path]:
    """Directories of three models in the layout that danlu and transformers share."""
    torch.manual_seed(0)
    plain, pair = build_tokenizer(pair=False), build_tokenizer(pair=True)
    shape = {
        "vocab_size": len(plain),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    encoder = BertConfig(**shape, **ids, max_position_embeddings=CONTEXT, initializer_range=0.5)
    named = {
        "num_labels": 2,
        "id2label": dict(enumerate(LABELS)),
        "label2id": {name: index for index, name in enumerate(LABELS)},
    }
    decoder = Qwen3Config(
        **shape, **ids, num_key_value_heads=2, head_dim=16, max_position_embeddings=CONTEXT, initializer_range=0.5,
        tie_word_embeddings=True,
    )  # fmt: skip
    made = {
        "gpt": (Qwen3ForCausalLM(decoder), plain, {}),
        "bert": (BertForMaskedLM(encoder), pair, {}),
        "sentiment": (BertForSequenceClassification(BertConfig(**{**encoder.to_dict(), **named})), pair, {"length": 24}),
    }
    for name, (model, tokenizer, facts) in made.items():
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        write_json(folder / name / "facts.json", facts)
    return {name: folder / name for name in made}


@pytest.fixture(scope="session")
def model_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def loaded(model_paths: dict[str, Path]) -> dict[str, Loaded]:
    torch.set_num_threads(1)
    return {name: load_for(path) for name, path in model_paths.items()}


class Process:
    """`danlu.serve.server.run` in a process of its own; what it printed so far in `lines`."""

    def __init__(self, paths: dict[str, Path], port: int = 0, host: str = "127.0.0.1") -> None:
        code = (
            "import sys; from pathlib import Path; from danlu.serve.server import run;"
            "from danlu.workspace.errors import DanluError\n"
            "try: run({pair.split('=')[0]: Path(pair.split('=')[1]) for pair in sys.argv[3:]}, sys.argv[1], int(sys.argv[2]))\n"
            "except DanluError as error: print(error); sys.exit(error.exit_status)"
        )
        pairs = [f"{name}={path}" for name, path in paths.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, host, str(port), *pairs], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.lines: list[str] = []
        self.url = ""

    def ready(self) -> Process:
        """Wait for the line with the address."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(r"http://\S+:\d+", line):
                self.url = found[0]
                return self
        raise AssertionError("".join(self.lines) + (self.process.stderr.read() if self.process.stderr else ""))

    def finish(self, seconds: float = 30) -> tuple[int, str, str]:
        """Exit status, the rest of standard output, standard error."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, "".join(self.lines) + out, err


@pytest.fixture(scope="session")
def launch(model_paths: dict[str, Path]) -> Iterator[Callable[..., Process]]:
    """Starts servers. Those that still run at the end are stopped as with Ctrl-C, and must end well."""
    started: list[Process] = []

    def start(paths: dict[str, Path] | None = None, **options: object) -> Process:
        started.append(Process(paths or model_paths, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGINT)
            status, _, err = one.finish()
            assert (status, "Traceback" in err) == (0, False), err


@pytest.fixture(scope="session")
def server(launch: Callable[..., Process]) -> str:
    """The address of a server with all three models."""
    process = launch().ready()
    assert httpx.get(f"{process.url}/health").json()["status"] == "ok"
    return process.url
