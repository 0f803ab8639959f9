"""Small artifacts of every kind that evaluation reads: two languages, a tokenizer, token stores, tiny models."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluate_made import LANGUAGES, dataset_rows, sentence, write_dataset

from danlu.documents.schema import document_id
from danlu.documents.store import write_documents
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenBatch, write_store
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.files import write_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


@pytest.fixture(scope="session")
def rows() -> list[dict[str, str]]:
    return dataset_rows(900)


@pytest.fixture(scope="session")
def dataset(rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_dataset(tmp_path_factory.mktemp("dataset") / "a", rows)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """A run that writes below `tmp_path / name`; the same name again is the same run, resumed."""

    def make(stage: str, name: str = "out", seed: int = 0) -> Run:
        output = tmp_path / name
        output.mkdir(exist_ok=True)
        return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage), seed=seed)

    return make


@pytest.fixture(scope="session")
def texts() -> dict[str, list[tuple[str, str]]]:
    """Training and held-out documents as (language, text)."""
    source = random.Random(5)

    def document(index: int) -> tuple[str, str]:
        language = LANGUAGES[index % 2]
        return language, "\n".join(sentence(source, language, source.choice(["positive", "negative"])) for _ in range(3))

    return {"train": [document(index) for index in range(160)], "holdout": [document(index) for index in range(40)]}


@pytest.fixture(scope="session")
def documents(texts: dict[str, list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A `clean.decide` artifact."""
    root = tmp_path_factory.mktemp("documents")
    for split, folder in (("train", "documents"), ("holdout", "holdout")):
        write_documents(
            root / folder,
            (
                {"id": document_id("made", split, index), "digest": digest_bytes(text.encode()), "text": text, "source": "made",
                 "url": "", "licence": "", "language": language, "created": "", "protected": False, "meta": "{}"}
                for index, (language, text) in enumerate(texts[split])
            ),
        )  # fmt: skip
    return Artifact("clean.decide", "0", root)


@pytest.fixture(scope="session")
def tokenizer(texts: dict[str, list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A byte-level BPE with danlu's special tokens, as a transformers directory."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator([text for _, text in texts["train"]], trainer)
    made.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[3]} $A {SPECIAL[4]}", special_tokens=[(SPECIAL[3], 3), (SPECIAL[4], 4)]
    )
    root = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2], cls_token=SPECIAL[3],
        sep_token=SPECIAL[4], mask_token=SPECIAL[5], model_max_length=128,
    ).save_pretrained(root)  # fmt: skip
    write_json(root / "facts.json", {"vocabulary": 520})
    return Artifact("tokenize.train", "0", root)


@pytest.fixture(scope="session")
def tokens(texts: dict[str, list[tuple[str, str]]], tokenizer: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    root = tmp_path_factory.mktemp("tokens")
    for split, found in texts.items():
        ids = [made.encode(text, add_special_tokens=False).ids for _, text in found]
        batch = TokenBatch(
            np.concatenate([np.array(row) for row in ids]), np.array([len(row) for row in ids]), np.zeros(len(ids)),
            np.array([LANGUAGES.index(language) for language, _ in found]), np.array([len(text.encode()) for _, text in found]),
        )  # fmt: skip
        write_store(
            root / split, [batch], vocabulary=520, sources=["made"], languages=list(LANGUAGES), tokenizer_digest="0" * 64
        )
    return Artifact("tokenize.encode", "0", root)


@pytest.fixture(scope="session")
def language_models(tokenizer: Artifact, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """A tiny GPT-2 and a tiny BERT with random weights, as `pretrain` artifacts."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

    from danlu.models.files import save_model

    torch.manual_seed(0)
    gpt = GPT2LMHeadModel(
        GPT2Config(vocab_size=520, n_positions=64, n_embd=32, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2)
    )
    bert = BertForMaskedLM(
        BertConfig(vocab_size=520, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
                   max_position_embeddings=64, pad_token_id=0)
    )  # fmt: skip
    found = {}
    for name, objective, model in (("bert", "mlm", bert), ("gpt", "clm", gpt)):
        root = tmp_path_factory.mktemp(name)
        facts = {"objective": objective, "tokens": 4000, "parameters": 2000, "epochs": 1.0}
        save_model(model, root / "model", tokenizer.path, facts)
        write_json(root / "facts.json", facts)
        found[name] = Artifact("pretrain.decay", "0", root)
    return found


@pytest.fixture(scope="session")
def simple(
    dataset: Artifact, tokens: Artifact, tokenizer: Artifact, documents: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """What `evaluate.baselines` makes of them."""
    from danlu.evaluate.baselines import baselines
    from danlu.recipe.evaluate import EvaluateConfig

    output = tmp_path_factory.mktemp("simple")
    run = Run(stage="evaluate.baselines", output=output, ledger=Ledger(output / "ledger.sqlite", "evaluate.baselines"))
    config = EvaluateConfig(models=(), labels=(100, 500, 2000), resamples=200)
    baselines({"reviews": dataset}, tokens, tokenizer, documents, config=config, run=run)
    return Artifact("evaluate.baselines", "0", output)
