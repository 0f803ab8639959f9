"""Memory of `tokenize.encode` by the size of the text: the parts of one text are linked again and again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.alone import alone
from benchmarks.tokens.stages import encode_stage
from danlu.documents.store import document_parts

CORES = 2


def encoding_memory(texts: Path, megabytes: float, tokenizer: Path, work: Path, wanted: float) -> dict[str, Any]:
    """The most memory that the stage takes for about `wanted` megabytes, made of a text of `megabytes`."""
    if (free := shutil.disk_usage(texts).free / 1e6) < wanted:
        raise SystemExit(f"encoding {wanted:.0f} MB writes about 60% of that to {texts.parent}, where {free:.0f} MB are free")
    parts = document_parts(texts / "documents")
    (work / "documents").mkdir(parents=True)
    (work / "holdout").mkdir()
    for number in range(max(1, round(wanted / megabytes)) * len(parts)):
        os.link(parts[number % len(parts)], work / "documents" / f"part-{number:05d}.parquet")
    found, pss = alone(encode_stage, CORES, texts=work, tokenizer=tokenizer, output=work / "output")
    shutil.rmtree(work)
    return {**found, "pss_megabytes": pss / 1e6}
