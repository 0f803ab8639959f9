"""What one would otherwise clean with, in a process of its own on one core: datatrove, rensa, datasketch."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

WORDS = re.compile(r"\w+")
SHINGLE, PERMUTATIONS, THRESHOLD = 5, 112, 0.8


def datatrove_filters(file: str, work: str, language: str) -> dict[str, Any]:
    """Gopher repetition, Gopher quality, C4 and FineWeb filters by their defaults; C4 as for FineWeb, without end marks."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.pipeline.writers import ParquetWriter

    filters = [
        GopherRepetitionFilter(language=language),
        GopherQualityFilter(language=language),
        C4QualityFilter(filter_no_terminal_punct=False, language=language),
        FineWebQualityFilter(language=language),
    ]
    warm_up(language)
    seconds = run([reader(file), *filters, ParquetWriter(f"{work}/filtered")], work, "filter")
    kept = sum(pq.read_metadata(path).num_rows for path in Path(work, "filtered").rglob("*.parquet"))
    return {"seconds": seconds, "kept": kept}


def datatrove_minhash(file: str, work: str, language: str) -> dict[str, Any]:
    """MinHash of 14 x 8 over 5-grams of words, in its four stages."""
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.writers import ParquetWriter

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=14, hashes_per_bucket=8)
    warm_up(language)
    seconds = run([reader(file), MinhashDedupSignature(f"{work}/signatures", config, language=language)], work, "signatures")
    seconds += run([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], work, "buckets", tasks=14)
    seconds += run([MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)], work, "clusters")
    last = [reader(file), MinhashDedupFilter(f"{work}/remove"), ParquetWriter(f"{work}/unique")]
    seconds += run(last, work, "unique")
    kept = sum(pq.read_metadata(path).num_rows for path in Path(work, "unique").rglob("*.parquet"))
    return {"seconds": seconds, "kept": kept}


def reader(file: str) -> Any:
    from datatrove.pipeline.readers import ParquetReader

    return ParquetReader(str(Path(file).parent), glob_pattern=Path(file).name)


def warm_up(language: str) -> None:
    """Loading spaCy or a dictionary is no part of the work."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    load_word_tokenizer(language).word_tokenize("A text. 一篇文本。")


def run(pipeline: list[Any], work: str, name: str, tasks: int = 1) -> float:
    from datatrove.executor import LocalPipelineExecutor

    logging.getLogger().setLevel(logging.ERROR)
    start = time.perf_counter()
    LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=1, logging_dir=f"{work}/logs-{name}").run()
    return time.perf_counter() - start


def shingles(text: str, han: bool) -> list[str]:
    """Runs of five words, or of eight characters in Chinese."""
    if han:
        letters = "".join(WORDS.findall(text))
        return [letters[at : at + 8] for at in range(max(1, len(letters) - 7))]
    words = WORDS.findall(text.lower())
    return [" ".join(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))]


def rensa(file: str, language: str) -> dict[str, Any]:
    """Its RMinHash and RMinHashLSH over our shingles; pairs are candidates, not compared."""
    from rensa import RMinHash, RMinHashLSH

    texts = pq.read_table(file)["text"].to_pylist()
    start = time.perf_counter()
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=14)
    pairs = 0
    for row, text in enumerate(texts):
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update(shingles(text, language == "zh"))
        pairs += len(index.query(sketch))
        index.insert(row, sketch)
    return {"seconds": time.perf_counter() - start, "pairs": pairs}


def datasketch(file: str, language: str) -> dict[str, Any]:
    """Its MinHash and MinHashLSH (14 x 8) over our shingles; pairs are candidates, not compared."""
    from datasketch import MinHash, MinHashLSH

    texts = pq.read_table(file)["text"].to_pylist()
    start = time.perf_counter()
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(14, 8))
    pairs = 0
    for row, text in enumerate(texts):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in shingles(text, language == "zh")])
        pairs += len(index.query(sketch))
        index.insert(row, sketch)
    return {"seconds": time.perf_counter() - start, "pairs": pairs}
