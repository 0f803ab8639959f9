"""Which encoder a run uses: the fast one where a sample of the documents shows that it is right."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from danlu.compute.machine_code import is_loaded
from danlu.documents.store import document_parts, text_bytes
from danlu.tokenize.slices import SPLITS, opened
from danlu.tokens.encoding import CUT_FROM, CUT_LOADED_FROM, Encoder, fast_encoder, plain_tokenizer, reference_encoder, same
from danlu.tokens.special import EOS, MASK
from danlu.workspace.artifact import Artifact
from danlu.workspace.run import Run

CHECKED_DOCUMENTS = 512  # on which the fast encoder is compared, spread over the parts
CHECKED_CHARACTERS = 4096  # of each
AWKWARD = (
    f"{EOS}你好{MASK}", "don't I'LL 'tis", "\r\n\n \t x  y ", "１２３4567½²", "A股上涨3.5%，“好！”——他说。",
    "カタカナとひらがな",
    "我们今天在公园里看见很多孩子们玩得非常高兴所以也想去那里走走看看中国人民银行的经济发展情况",
    "```code()[];``` <br /> &amp;", "。" * 40, " " * 40,
    "한국어 русский עברית ١٢٣", "e\u0301\u0301 \u200b\ufeff\u2028\u0085", "👩\u200d👩\u200d👧🇨🇳", "𠀀𪛖㐀龦鿿",
)  # fmt: skip
"""What encoders differ on where they differ at all."""


def encoder_of(documents: Artifact, tokenizer: Path, run: Run) -> Encoder:
    """The encoder that this run uses, and says so: chosen once, also for a run that goes on."""
    plain = plain_tokenizer(tokenizer)
    size = sum(text_bytes(documents / folder) for _, folder in SPLITS)
    cut = size >= (CUT_LOADED_FROM if is_loaded() else CUT_FROM)
    with ThreadPoolExecutor(1, "danlu-import") as beside:  # its imports take as long as encoding the sample
        made = beside.submit(fast_encoder, plain, cut=cut)
        reference = reference_encoder(plain)
        chosen = run.resolve("encoder", lambda: choose_encoder(documents, reference, made))
        fast = made.result()
    run.facts |= chosen
    if chosen["encoder"] == "gigatoken" and fast is not None:
        return fast
    run.progress.warn(f"tokenize.slow.{chosen['reason']}")
    return reference


def choose_encoder(documents: Artifact, reference: Encoder, fast: Future[Encoder | None]) -> dict[str, Any]:
    """gigatoken where it gives the ids of tokenizers on a sample of these documents and on awkward text, else tokenizers."""
    parts = [part for _, folder in SPLITS for part in document_parts(documents / folder)][:CHECKED_DOCUMENTS]
    rows = CHECKED_DOCUMENTS // max(1, len(parts))
    samples = [AWKWARD, *(_first_texts(part, rows) for part in parts)]
    expected = [reference(texts) for texts in samples]
    if (encoder := fast.result()) is None:
        return {"encoder": "tokenizers", "checked": 0, "reason": "kind" if find_spec("gigatoken") else "missing"}
    checked = 0
    for texts, right in zip(samples, expected, strict=True):
        if not same(right, encoder(texts)):
            return {"encoder": "tokenizers", "checked": checked, "reason": "unequal"}
        checked += len(texts)
    return {"encoder": "gigatoken", "checked": checked, "reason": "equal"}


def _first_texts(part: Path, rows: int) -> list[str]:
    """The beginning of each of the first `rows` texts, and of a long one its end too: it may be of another language."""
    with opened(part) as file:
        found = [text for batch in islice(file.iter_batches(rows, columns=["text"]), 1) for text in batch.column(0).to_pylist()]
    ends = [text[-CHECKED_CHARACTERS:] for text in found if len(text) > CHECKED_CHARACTERS]
    return [*(text[:CHECKED_CHARACTERS] for text in found), *ends]
