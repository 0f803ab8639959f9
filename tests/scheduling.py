"""Which worker of pytest-xdist runs which tests, and in what order: the longest first, lest one worker end late.

A file is run by one worker, and files that share something expensive likewise.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

KERNELS = ("tests/clean/", "tests/text/")
"""What compiles the kernels of cleaning, which takes a minute: one worker does, while the other is at what needs none."""
FINISHED = tuple(
    f"tests/pipeline/test_pipeline_{name}."
    for name in ("end_to_end", "starts", "moved", "digests", "evaluate", "why", "card", "forget", "lockfile")
)
"""What looks at the runs that a session makes once, `finished` and `small_done`."""
FIRST = (
    "kernels", "tests/pretrain/", "tests/training/", "tests/serve/", "tests/inference/", "finished", "tests/pipeline/",
    "tests/docs/", "tests/cli/", "tests/collect/", "tests/extension/", "tests/finetune/", "tests/tokenize/", "tests/tokens/",
)  # fmt: skip
"""Groups, or folders where the long ones are."""


class Scheduling(LoadFileScheduling):
    """As `--dist loadfile`, by groups in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    if nodeid.startswith(KERNELS):
        return "kernels"
    if nodeid.startswith(FINISHED):
        return "finished"
    return nodeid.partition("::")[0]


def rank(item: pytest.Item) -> int:
    """The place of a test's group in `FIRST`; after all of them if it is not there."""
    name = group(item.nodeid)
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))
