"""Scoring, classifying and generating beside what one would otherwise take: lm-eval, transformers' `pipeline` and `generate`,
CTranslate2, llama.cpp. The same weights in fp32, the same items, one process, each in turn; the scores must be equal.

Peers are taken from the environment that this runs in; the result says which were missing. Texts are real sentences in Chinese
and English; a pair's bad sentence is made by a rule (`benchmarks.material`). Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bound import operations, product_rate
from benchmarks.cells import Cells
from benchmarks.common import arguments, finish, goal, version_of
from benchmarks.engines import load_engines
from benchmarks.material import make_classifier, make_model, make_tokenizer, pairs, prompts, reviews
from danlu.compute.machine import Machine
from danlu.inference.classify import SHORT_TOKENS, classify
from danlu.inference.load import Loaded
from danlu.inference.losses import text_losses
from danlu.inference.pairs import score_pairs
from danlu.inference.precision import choose_precision, shortened

THREADS = 2
BATCHES = (8, 32, 64, 128)  # lm-eval's batch sizes tried beside its default of 1
PROMPT = 16  # tokens
WORDS = (20, 60)  # of texts to classify: a sentence, a paragraph


def seconds(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Median wall seconds, after one untimed call on whatever `work` does first, and the last result."""
    taken, result = [], None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


def alternately(
    works: Mapping[str, Callable[[], Any]], times: int
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Median wall seconds, median seconds of all cores, and the last result of each: one after another, again and again, so
    that whatever else the machine does is borne by all."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    spent: dict[str, list[float]] = {name: [] for name in works}
    results: dict[str, Any] = {}
    for _ in range(times):
        for name, work in works.items():
            start, begun = time.perf_counter(), time.process_time()
            results[name] = work()
            taken[name].append(time.perf_counter() - start)
            spent[name].append(time.process_time() - begun)
    medians = [{name: statistics.median(found) for name, found in each.items()} for each in (taken, spent)]
    return medians[0], medians[1], results


def pair_cells(cells: Cells, loaded: Loaded, model: str, count: int, slow: int) -> dict[str, Any]:
    """Items a second of ours and of lm-eval's `loglikelihood`, and how far the log-probabilities are apart."""
    found = pairs(count)
    score_pairs(loaded, found[:64])

    def ours() -> dict[str, Any]:
        taken, scores = seconds(lambda: score_pairs(loaded, found), 3)
        return {"items_per_second": count / taken, "logs": scores.logs.tolist()}

    result = {"danlu": cells(f"pairs {model} danlu", ours)}
    if version_of("lm-eval"):
        for size in (1, *BATCHES):
            items = found[:: max(1, count // slow)] if size == 1 else found
            result[f"lm-eval batch {size}"] = cells(
                f"pairs {model} lm-eval {size}", lambda i=items, s=size: lm_eval(loaded, i, s)
            )
    logs = np.array(result["danlu"].pop("logs"))
    for entry in result.values():
        if "logs" in entry:
            theirs = np.array(entry.pop("logs"))
            entry["largest_difference"] = float(np.abs(theirs - logs[:: max(1, count // len(theirs))][: len(theirs)]).max())
    return result


def lm_eval(loaded: Loaded, items: list[Any], size: int) -> dict[str, Any]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=size, device="cpu")
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=("", text), idx=place)
        for pair in items
        for place, text in enumerate((pair.good, pair.bad))
    ]
    model.loglikelihood(requests[:4], disable_tqdm=True)
    taken, answers = seconds(lambda: model.loglikelihood(requests, disable_tqdm=True), 1)
    logs = np.array([log for log, _ in answers]).reshape(-1, 2)
    return {"items_per_second": len(items) / taken, "items": len(items), "logs": logs.tolist()}


def class_cells(cells: Cells, loaded: Loaded, size: str, words: int, count: int) -> dict[str, Any]:
    """Texts a second of ours and of `pipeline` with its defaults, on the first `words` words of reviews, in turn; ours also in
    bf16 where the machine has it.

    `most_ratio`: what `ratio` would be if there were nothing but the matrix products, at the rate of those alone.
    """
    from transformers import pipeline

    texts = [" ".join(text.split()[:words]) for text in islice(reviews(), count)]

    def measure() -> dict[str, Any]:
        model, tokenizer = loaded.model, loaded.tokenizer
        peer = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
        works = {"danlu": lambda: classify(model, tokenizer, texts), "pipeline": lambda: peer(texts)}
        if Machine.probe().bf16:
            short = shortened(model)
            works["danlu bf16"] = lambda: classify(short, tokenizer, texts)
        classify(model, tokenizer, texts[:32])
        peer(texts[:4])
        taken, spent, found = alternately(works, 3)
        named = [found["danlu"][row][loaded.labels.index(answer["label"])] for row, answer in enumerate(found["pipeline"])]
        apart = max(abs(float(a) - answer["score"]) for a, answer in zip(named, found["pipeline"], strict=True))
        rate, lengths = product_rate(model, SHORT_TOKENS), [len(ids) for ids in tokenizer(texts)["input_ids"]]
        result = {
            **{name: count / taken[name] for name in works}, "ratio": taken["pipeline"] / taken["danlu"],
            "cpu_seconds": spent, "cpu_ratio": spent["pipeline"] / spent["danlu"], "largest_difference": apart,
            "product_rate": rate, "most_ratio": taken["pipeline"] / (operations(model, lengths) / rate),
        }  # fmt: skip
        if "danlu bf16" in found:
            exact, shortly = found["danlu"], found["danlu bf16"]
            result["bf16_ratio"] = taken["pipeline"] / taken["danlu bf16"]
            result["bf16_largest_difference"] = float(np.abs(exact - shortly).max())
            result["bf16_same_classes"] = float((exact.argmax(1) == shortly.argmax(1)).mean())
        return result

    return dict(cells(f"classes {size} {words}", measure))


def engine_cells(cells: Cells, loaded: Loaded, directory: Path, work: Path, times: int, new: int) -> dict[str, Any]:
    """Tokens a second of each engine that makes `new` of them for one prompt and for 32 at a time, greedily; and how many of
    the tokens are those that danlu makes."""
    rows = prompts(32, loaded.tokenizer, PROMPT)
    engines = load_engines(loaded, directory, work, THREADS, 32, PROMPT + new)
    result: dict[str, Any] = {}
    wanted = engines["danlu"](rows, new)
    for batch in (1, 32):
        for name, run in engines.items():

            def measure(run: Any = run, batch: int = batch) -> dict[str, Any]:
                run(rows[:batch], 8)
                taken, made = seconds(lambda: run(rows[:batch], new), times)
                same = np.mean([a == b for x, y in zip(made, wanted[:batch], strict=True) for a, b in zip(x, y, strict=True)])
                return {"tokens_per_second": batch * new / taken, "same_tokens": float(same)}

            result[f"{name} batch {batch}"] = cells(f"engine {name} {batch}", measure)
    alone = result["transformers batch 1"]["tokens_per_second"]
    for entry in result.values():
        entry["times_generate_one_by_one"] = entry["tokens_per_second"] / alone
    return result


def precision_cells(cells: Cells, loaded: Loaded, count: int) -> dict[str, Any]:
    """Bits per byte of documents in fp32 and bf16: what is gained, and what the check says."""
    texts = [text for text in islice(reviews(), count) if text.strip()]

    def measure() -> dict[str, Any]:
        def score(model: Any, some: list[str]) -> Any:
            return text_losses(Loaded("clm", model, loaded.tokenizer, "m"), some).items("bits_per_byte")

        short = shortened(loaded.model)
        exact_seconds, exact = seconds(lambda: score(loaded.model, texts), 1)
        short_seconds, shortly = seconds(lambda: score(short, texts), 1)
        chosen, _ = choose_precision(loaded.model, lambda model: score(model, texts[: count // 4]), count, native=True)
        return {
            "fp32": exact.value(), "bf16": shortly.value(), "times_faster": exact_seconds / short_seconds, "chosen": chosen,
        }  # fmt: skip

    return dict(cells("precision", measure))


def measure(quick: bool) -> dict[str, Any]:
    torch.set_num_threads(THREADS)
    cells = Cells("evaluate", quick)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        tokenizer = make_tokenizer(work / "tokenizer")
        models = {size: make_model(work / size, tokenizer, "gpt", size) for size in ("tiny", "small")}
        result: dict[str, Any] = {"threads": THREADS, "peers": {name: version_of(name) for name in (
            "torch", "transformers", "lm-eval", "ctranslate2", "llama-cpp-python", "gguf")}}  # fmt: skip
        print("peers:", result["peers"], file=sys.stderr)
        for size, loaded in models.items():
            result[f"pairs {size}"] = pair_cells(cells, loaded, size, 60 if quick else 2000, 20 if quick else 250)
            classifier = make_classifier(work / f"classifier-{size}", tokenizer, size)
            for words in WORDS:
                result[f"classes {size} {words}"] = class_cells(cells, classifier, size, words, 40 if quick else 500)
        result["engines small"] = engine_cells(
            cells, models["small"], work / "small", work, 1 if quick else 3, 16 if quick else 128
        )
        result["precision small"] = precision_cells(cells, models["small"], 20 if quick else 200)
        return result


def main() -> None:
    options = arguments(__doc__ or "")
    results = measure(options.quick)
    engines, small, tiny = results["engines small"], results["pairs small"], results["pairs tiny"]
    goals = {
        **{
            f"{words} words classified beside pipeline ({size})": goal(
                5, results[f"classes {size} {words}"]["ratio"], higher=True
            )
            for size in ("tiny", "small")
            for words in WORDS
        },
        "32 prompts beside generate one by one": goal(6, engines["danlu batch 32"]["times_generate_one_by_one"], higher=True),
    }
    for name, entry in (("tiny", tiny), ("small", small)):
        theirs = {key: value for key, value in entry.items() if key != "danlu"}
        if theirs:
            ours = entry["danlu"]["items_per_second"]
            first = theirs["lm-eval batch 1"]["items_per_second"]
            best = max(value["items_per_second"] for value in theirs.values())
            apart = max(value["largest_difference"] for value in theirs.values())
            goals[f"pairs beside lm-eval's default batch ({name})"] = goal(5, ours / first, higher=True)
            goals[f"pairs beside lm-eval's best batch ({name})"] = goal(1.3, ours / best, higher=True)
            goals[f"log-probabilities apart from lm-eval ({name})"] = goal(1e-4, apart)
    finish("evaluate", results, goals, options)


if __name__ == "__main__":
    main()
