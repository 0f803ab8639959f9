"""What a language model finds likelier: the acceptable sentence of each minimal pair, or the other."""

from __future__ import annotations

import numpy as np

from danlu.evaluate.answered import Answered
from danlu.evaluate.exam import Exam
from danlu.inference.pairs import Pair, PairScores, score_pairs
from danlu.tasks.scoring import BAD, GOOD
from danlu.workspace.sentences import Message, message

CHUNK = 1024  # pairs between two signs of progress; of so many, batches are of like lengths
LIKELIHOOD = {"clm": "causal", "mlm": "pseudo-within-word"}


def minimal_pairs(exam: Exam) -> Answered:
    """The log-probabilities of both sentences, taken as they are: what repair removes may be what the pair is about."""
    loaded, columns = exam.loaded, exam.data.table.columns
    if loaded.kind == "mlm":
        exam.marks()
    pairs = [Pair(good, bad) for good, bad in zip(columns[GOOD], columns[BAD], strict=True)]
    starts = range(0, len(pairs), CHUNK)
    with exam.progress.task("evaluate.progress.pairs", float(len(pairs)), "pairs") as task:
        parts = [score_pairs(loaded, pairs[start : start + CHUNK], advance=task.advance) for start in starts]
    scores = PairScores(np.concatenate([part.logs for part in parts]), np.concatenate([part.tokens for part in parts]))
    rows = exam.tokens([text for pair in pairs for text in pair])
    length = loaded.context - (2 if loaded.kind == "mlm" else 0)
    notes = [*exam.unknown(rows), *exam.windows(rows, length), *_unequal(exam.name, scores)]
    return exam.answered(predicted=scores.logs.tolist(), keys={"likelihood": LIKELIHOOD[loaded.kind]}, notes=notes)


def _unequal(name: str, scores: PairScores) -> list[Message]:
    """How many pairs give one sentence the advantage of fewer tokens, and how often the model is right without it."""
    same = scores.as_long
    if same.all():
        return []
    words: dict[str, object] = {"name": name, "count": int((~same).sum()), "rows": len(same)}
    if not same.any():
        return [message("evaluate.note.unequal-all", **words)]
    share = float((scores.logs[same, 0] > scores.logs[same, 1]).mean())
    return [message("evaluate.note.unequal", **words, same=int(same.sum()), value=f"{100 * share:.1f}%")]
