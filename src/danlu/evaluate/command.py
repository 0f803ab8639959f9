"""`danlu evaluate MODEL|PREDICTIONS... --on FILE`: answers scored beside what is simpler, and compared on the same rows."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

from danlu.evaluate.answered import LOSSY, Answered, Asked, check_classes, from_file
from danlu.evaluate.checks import data_notes
from danlu.evaluate.data import LANGUAGE, METRICS_OF, Columns, Data, read_data, task_of
from danlu.evaluate.files import SPLIT, Table, read_table
from danlu.evaluate.seen import Overlap, overlaps_by_column
from danlu.evaluate.subjects import Subject
from danlu.evaluate.trivial import trivial
from danlu.metrics.compare import Comparison, Test, at_once, compare_items, corrected, disagreements, summary
from danlu.metrics.entities import tag_types
from danlu.metrics.items import Floats, Items, Sums
from danlu.metrics.measure import few, numbers
from danlu.metrics.number import Number
from danlu.metrics.registry import METRICS
from danlu.metrics.rules import language_notes
from danlu.metrics.slices import Mask, Slice, parts
from danlu.metrics.words import amount
from danlu.tasks.scoring import MINIMAL, SCORED
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.progress import Progress
from danlu.workspace.sentences import Message, message

CLASSES = ("classification", "pairs")
LINEAR = (*CLASSES, "regression")
BY_TOKEN = ("masked_nats", "perplexity", "pseudo_perplexity")  # they divide by tokens, which each tokenizer has its own of


@dataclass(frozen=True)
class Request:
    """What was asked.

    `split`: which rows of a file with such a column. `train`: rows for TF-IDF and trivial baselines. `seen`: (name, texts, how
    many characters of them) that models may have read. `margin`: how much worse is not yet worse, in the first metric's unit.
    """

    subjects: Sequence[Subject]
    on: Path
    split: str = "test"
    task: str | None = None
    metrics: Sequence[str] = ()
    columns: Columns = field(default_factory=Columns)
    train: Path | None = None
    seen: Sequence[tuple[str, Path, int | None]] = ()
    positive: str | None = None
    margin: float | None = None
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """What was found. `metrics`: the first decides. `sentences` compare; `notes` are what a person should know."""

    data: Data
    split: str
    metrics: Sequence[str]
    answered: Sequence[Answered]
    numbers: Sequence[Number]
    comparisons: Sequence[Comparison]
    sentences: Sequence[Message]
    notes: Sequence[Message]
    overlaps: Sequence[Overlap]
    disagreements: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.data.task, "file": str(self.data.table.path), "data": self.data.table.key, "split": self.split,
            "rows": len(self.data),
            "numbers": [number.to_json() for number in self.numbers],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "sentences": list(self.sentences), "notes": list(self.notes),
            "overlaps": [one.to_json() for one in self.overlaps], "disagreements": len(self.disagreements),
        }  # fmt: skip


def measure(request: Request, progress: Progress) -> Measured:
    """Score every subject and the baselines on the file."""
    _check_metrics(request.metrics)
    data, train, answered, notes = _answer(request, progress)
    asked, strange = _asked(data, train, answered, request.positive)
    baselines = _baselines(request, asked, train, {one.name for one in answered})
    everyone = [*answered, *baselines]
    asked = _with_types(asked, everyone)
    metrics = _metrics(request, asked, answered)
    compared, sentences, apart = _compare(request, asked, metrics[0], answered, baselines)
    said = [*notes, *strange, *(note for one in baselines for note in one.notes), *apart]
    return Measured(
        data, split_of(request, data), metrics, everyone, _numbers(request, asked, metrics, everyone), compared, sentences,
        said, _overlaps(data, train, request.seen), _disagreements(asked, metrics[0], answered),
    )  # fmt: skip


def _answer(request: Request, progress: Progress) -> tuple[Data, Data | None, list[Answered], list[Message]]:
    """The rows, the training rows if there are any, and what each subject answers; all files are read here."""
    whole = read_table(request.on)
    table = whole.of_split(request.split)
    models = _Models(request.metrics, progress)
    task = request.task or _task(request, table, models)
    data = read_data(table, task, request.columns)
    train = None
    if request.train is not None:
        learned = read_table(request.train).of_split("train")
        train = read_data(learned, task, replace(request.columns, cluster=None))
    answered = []
    for subject in request.subjects:
        if subject.is_file:
            predictions = read_table(Path(subject.place))
            if SPLIT in table.columns:  # what `danlu predict` writes keeps all columns
                predictions = predictions.of_split(request.split)
            same = Path(subject.place).resolve() == request.on.resolve()
            answered.append(from_file(subject.name, predictions, data, request.columns, same))
        else:
            answered.append(models.score(subject, data))
    notes = [*_read_notes(data), *(note for one in answered for note in one.notes)]
    if len(table) < len(whole):
        notes.append(message("evaluate.note.split", split=request.split, count=len(table), rows=len(whole)))
    return data, train, answered, notes


def _task(request: Request, table: Table, models: _Models) -> str:
    """What the columns tell; but a language model reads the texts of any file that has no minimal pairs."""
    told, first = task_of(table, request.columns), request.subjects[0]
    if told != MINIMAL and not first.is_file and models.kind(first) in METRICS_OF:
        return LANGUAGE
    if told is None:
        tasks = ", ".join((*SCORED, LANGUAGE))
        raise DanluError("evaluate.which-task", where=str(table.path), columns=listed(table.columns), tasks=tasks)
    return told


def _baselines(request: Request, asked: Asked, train: Data | None, taken: Collection[str]) -> list[Answered]:
    """Those of the task; one whose name a subject has is told from it."""
    found = trivial(asked.data, train, request.seed)
    if train is not None and asked.data.inputs and asked.data.task in LINEAR:
        from danlu.evaluate.fitted import fitted

        found.append(fitted(asked.data, train, asked.classes))
    return [replace(one, name=f"{one.name} (baseline)") if one.name in taken else one for one in found]


def split_of(request: Request, data: Data) -> str:
    """The split that the rows are of; `file` where the file does not say."""
    return request.split if SPLIT in data.table.columns else "file"


def _check_metrics(names: Sequence[str]) -> None:
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=3, cutoff=0.4)
            raise DanluError("evaluate.no-metric", where=name, metric=name, near=listed(near), known=listed(METRICS))


class _Models:
    """Opens models one at a time. Their libraries take seconds to load, which a file of predictions need not wait for."""

    def __init__(self, metrics: Sequence[str], progress: Progress) -> None:
        self._metrics, self._progress = metrics, progress
        self._open: dict[Subject, tuple[Any, dict[str, object]]] = {}

    def _opened(self, subject: Subject) -> tuple[Any, dict[str, object]]:
        if subject not in self._open:
            from danlu.evaluate.open import open_model

            self._open = {subject: open_model(subject.place)}
        return self._open[subject]

    def kind(self, subject: Subject) -> str:
        """What the model is for."""
        return str(self._opened(subject)[0].kind)

    def score(self, subject: Subject, data: Data) -> Answered:
        from danlu.evaluate.exam import Exam
        from danlu.evaluate.scorers import score_model

        return score_model(Exam(*self._opened(subject), subject.name, data, self._metrics, self._progress))


def _asked(data: Data, train: Data | None, answered: Sequence[Answered], positive: str | None) -> tuple[Asked, list[Message]]:
    """The classes by number: those of the data, of the training rows and of the models. What names another is counted."""
    if data.task not in CLASSES:
        known = None if train is None or data.task != "segmentation" else {word for words in train.truth for word in words}
        return Asked(data, known=None if known is None else frozenset(known)), []
    own = {*data.truth, *(train.truth if train is not None else ())}
    classes = sorted(own.union(*(one.classes for one in answered)))
    if positive is not None and positive not in classes:
        raise DanluError("evaluate.positive", where=positive, positive=positive, classes=listed(classes))
    notes = [note for one in answered for note in check_classes(one, data, classes, own)]
    return Asked(data, classes, positive=positive), notes


def _with_types(asked: Asked, answered: Sequence[Answered]) -> Asked:
    """Models that name other types of entities are compared too, so each type has a column in all of them."""
    if asked.data.task != "entities":
        return asked
    return replace(
        asked, types=frozenset(tag_types([*asked.data.truth, *(tags for one in answered for tags in one.predicted)]))
    )


def _metrics(request: Request, asked: Asked, answered: Sequence[Answered]) -> list[str]:
    """The metrics that were named, which all must have a value, else those of the task that any of the answers has one of."""
    if request.metrics:
        for name in request.metrics:
            if not any(_has(asked, name, one) for one in answered):
                raise _unmeasured(name, asked.data.task)
            if name.endswith("_binary") and asked.positive is None:
                raise DanluError("evaluate.which-positive", where=name, metric=name, classes=listed(asked.classes))
        return list(request.metrics)
    usual: Sequence[str] = [name for names in METRICS_OF.values() for name in names]
    if asked.data.task in SCORED:
        usual = SCORED[asked.data.task].metrics
    return [name for name in usual if any(_has(asked, name, one) for one in answered)]


def _unmeasured(metric: str, task: str) -> DanluError:
    """Why none of the answers has a value of the metric."""
    kinds = [kind for kind, names in METRICS_OF.items() if metric in names]
    if task == LANGUAGE and kinds:
        return DanluError("evaluate.metric-kind", where=metric, metric=metric, kinds=listed(kinds))
    return DanluError("evaluate.metric-needs", where=metric, metric=metric, task=task, needs=METRICS[metric].needs)


def _has(asked: Asked, metric: str, one: Answered) -> bool:
    """Whether the answers can be measured so: tried on what is there, since it depends on the task, the file and the model."""
    needs = METRICS[metric].needs
    if needs == "losses":
        return metric in one.losses
    usual = {METRICS[name].needs for name in SCORED[asked.data.task].metrics} if asked.data.task in SCORED else set()
    if needs not in usual or (needs == "probabilities" and one.shares is None):
        return False
    return metric != "unknown_word_recall" or asked.known is not None


def _numbers(request: Request, asked: Asked, metrics: Sequence[str], answered: Sequence[Answered]) -> list[Number]:
    data, found = asked.data, []
    where, split = _parts(data), split_of(request, data)
    for one in answered:
        found += [number for number in one.numbers if number.metric in metrics]
        for metric in metrics:
            items = asked.items(metric, one)
            if items is not None:
                found += numbers(
                    metric, one.name, items, _fitting(metric, where), split=split, clusters=data.clusters,
                    over=request.columns.cluster or "items", keys=_keys(asked, metric, one), seed=request.seed,
                    resamples=request.resamples, confidence=request.confidence,
                )  # fmt: skip
    return found


def _parts(data: Data) -> list[tuple[Slice, Mask]]:
    """All rows, and the parts by each attribute of which at least two are large enough: one alone would be nearly all again.
    Rows that lack an attribute ("") are no part."""
    found = [(slice, mask) for slice, mask in parts(data.parts, len(data)) if all(slice.values())]
    many = Counter(name for slice, _ in found for name in slice)
    return [(slice, mask) for slice, mask in found if all(many[name] > 1 for name in slice)]


def _fitting(metric: str, where: Sequence[tuple[Slice, Mask]]) -> list[tuple[Slice, Mask]]:
    """Among the rows of one label only accuracy says something: that label's recall."""
    return [(slice, mask) for slice, mask in where if "label" not in slice or metric == "accuracy"]


def _keys(asked: Asked, metric: str, one: Answered) -> dict[str, object]:
    """All that could change a number, for its signature."""
    data = asked.data
    keys: dict[str, object] = {**one.keys, "data": data.table.key[:16], "text": "+".join(data.inputs) or "none"}
    if data.truth_column is not None:
        keys["truth"] = data.truth_column
    if metric.endswith("_binary"):
        keys["positive"] = asked.positive
    return {**keys, "danlu": version("danlu")}


def _compare(
    request: Request, asked: Asked, metric: str, answered: Sequence[Answered], baselines: Sequence[Answered]
) -> tuple[list[Comparison], list[Message], list[Message]]:
    """By the first metric each of the answers with each other and with each baseline, over all rows and by language.

    One family of tests: each p is corrected for all of them.
    """
    groups: list[list[Comparison]] = []
    notes: list[Message] = []
    where = [(slice, mask) for slice, mask in _parts(asked.data) if not slice or "language" in slice]
    items = {one.name: asked.items(metric, one) for one in (*answered, *baselines)}
    for a, b in [*combinations(answered, 2), *((a, b) for a in answered for b in baselines)]:
        left, right = items[a.name], items[b.name]
        if left is None or right is None:
            continue
        if (reason := _incomparable(metric, a, b)) is not None:
            notes.append(reason)
            continue
        groups.append([
            compare_items(
                metric, (a.name, b.name), left.take(mask), right.take(mask), slice=slice,
                clusters=None if asked.data.clusters is None else asked.data.clusters[mask],
                test=_test(left, right, asked.data.clusters is not None), seed=request.seed,
                resamples=request.resamples, confidence=request.confidence,
            )
            for slice, mask in where
        ])  # fmt: skip
    flat = corrected([one for group in groups for one in group])
    sentences: list[Message] = []
    rest = iter(flat)
    for group in groups:
        mine = [next(rest) for _ in group]
        sentences.append(replace(mine[0], family=1).sentence() if len(mine) == 1 else summary(mine))
    family = max((one.family for one in flat), default=1)
    if family > 1:  # said once, not in every sentence
        sentences.append(message("evaluate.corrected", count=family))
    sentences += _margins(request, asked, items, [one for one in flat if not one.slice and one.b in {b.name for b in answered}])
    return flat, sentences, [*notes, *_cautions(asked, metric, items)]


def _margins(
    request: Request, asked: Asked, items: Mapping[str, Items | None], compared: Sequence[Comparison]
) -> list[Message]:
    """Of each pair of models whether the first is not worse by the margin; all of these hold together."""
    known = [one for one in compared if one.defined]
    if request.margin is None or not known:
        return []
    found: list[Message] = []
    for one in known:
        left, right = items[one.a], items[one.b]
        assert left is not None
        assert right is not None
        at_level = compare_items(
            one.metric, (one.a, one.b), left, right, slice={}, clusters=asked.data.clusters, seed=request.seed,
            **at_once(request.confidence, request.resamples, len(known)),
        )  # fmt: skip
        found.append(at_level.margin_sentence(request.margin))
    if len(known) > 1:
        unit = METRICS[known[0].metric].unit
        words = {"margin": amount(request.margin, unit), "unit": message(f"metrics.unit.{unit}")}
        found.append(message("metrics.compare.claims", claims=len(known), **words))
    return found


def _cautions(asked: Asked, metric: str, items: Mapping[str, Items | None]) -> list[Message]:
    """What to know of the metric on these rows: few of them, languages that its rules do not fit."""
    some = next((one for one in items.values() if one is not None), None)
    caution = None if some is None else few(some, asked.data.clusters)
    notes = language_notes(metric, asked.data.truth, asked.data.languages)
    return notes if caution is None else [*notes, caution]


def _incomparable(metric: str, a: Answered, b: Answered) -> Message | None:
    """Why a metric of predicting text says nothing about two models; None where it does."""
    if METRICS[metric].needs != "losses" or a.keys.get("tokenizer") == b.keys.get("tokenizer"):
        return None
    if metric in BY_TOKEN:
        return message("evaluate.note.other-tokenizers", a=a.name, b=b.name, metric=_name(metric))
    lossy = [one.name for one in (a, b) if one.keys.get(LOSSY)]
    if not lossy:
        return None
    return message("evaluate.note.lossy-apart", a=a.name, b=b.name, metric=_name(metric), lossy=listed(lossy))


def _test(a: Items, b: Items, clustered: bool) -> Test:
    """The exact test where there is one: McNemar's for shares, permutations for sums; else the bootstrap's p."""
    if not isinstance(a, Sums) or not isinstance(b, Sums):
        return "bootstrap"
    return "mcnemar" if a.share and b.share and not clustered else "permutation"


def _disagreements(asked: Asked, deciding: str, answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """The rows on which two of the answers differ, by the task's metric of one row, those with the largest gap first."""
    data = asked.data
    metric = SCORED[data.task].item if data.task in SCORED else deciding
    found: list[dict[str, Any]] = []
    for a, b in combinations(answered, 2):
        left, right = asked.items(metric, a), asked.items(metric, b)
        if isinstance(left, Sums) and isinstance(right, Sums):
            scores = {a.name: left.each(), b.name: right.each()}
            rows = disagreements(metric, left, right)
            found += [_disagreement(data, row, metric, better, (a, b), scores)
                      for better, places in ((a.name, rows.a), (b.name, rows.b)) for row in places.tolist()]  # fmt: skip
    return found


def _disagreement(
    data: Data, row: int, metric: str, better: str, both: tuple[Answered, Answered], scores: Mapping[str, Floats]
) -> dict[str, Any]:
    return {
        "a": both[0].name, "b": both[1].name, "better": better, **data.table.place(row),
        "id": data.table.columns["id"][row] if "id" in data.table.columns else None,
        "text": data.texts[row] if data.texts else None, "inputs": data.asked(row),
        "truth": data.truth[row] if data.truth else None,
        "answers": {one.name: one.shown(row) for one in both}, "metric": metric,
        "scores": {name: float(values[row]) for name, values in scores.items()},
    }  # fmt: skip


def _overlaps(data: Data, train: Data | None, seen: Sequence[tuple[str, Path, int | None]]) -> list[Overlap]:
    found: list[Overlap] = []
    if train is not None and train.texts and data.texts:
        rows = [(train.table.where(row), text) for row, text in enumerate(train.texts)]
        found += overlaps_by_column(data.apart, str(train.table.path), rows)
    if data.texts:
        found += [one for name, path, most in seen for one in overlaps_by_column(data.apart, name, path, most)]
    return found


def _read_notes(data: Data) -> list[Message]:
    """Which columns were taken, and what of them a person should look at."""
    if data.truth_column is not None:
        truth = {"truth": data.truth_column}
        read = message("evaluate.note.columns", **truth, inputs=listed(data.inputs)) if data.inputs else None
        return [read or message("evaluate.note.truth", **truth), *data_notes(data)]
    notes = [message("evaluate.note.reads", inputs=listed(data.inputs)), *data_notes(data)]
    if data.task == MINIMAL and (same := sum(good == bad for good, bad in data.couples or ())):
        notes.append(message("evaluate.note.same-sentences", count=same))
    return notes


def _name(metric: str) -> Message:
    return message(f"metrics.{metric}.name")
