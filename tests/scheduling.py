"""Which worker of pytest-xdist runs which tests, and in what order: the longest first, lest one worker end late.

A file is run by one worker, and files that share an expensive run likewise.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

FINISHED = ("end_to_end", "starts", "moved", "digests", "evaluate", "why", "card", "forget", "lockfile")
"""Files of tests/pipeline that share its session's runs, `finished` and `small_done`."""
ONE = {f"tests/pipeline/test_pipeline_{name}.py": "tests/pipeline/finished" for name in FINISHED}
FIRST = (
    "tests/pipeline/finished", "tests/clean/", "tests/text/", "tests/pretrain/", "tests/pipeline/", "tests/docs/", "tests/cli/",
    "tests/collect/", "tests/extension/", "tests/finetune/", "tests/serve/", "tests/tokenize/", "tests/tokens/",
)  # fmt: skip
"""Where the long ones are. Kernels are compiled by the tests of clean/ and text/, so those are not left to the end."""


class Scheduling(LoadFileScheduling):
    """As `--dist loadfile`, by groups in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return ONE.get(file, file)


def rank(item: pytest.Item) -> int:
    """The place of a test's folder in `FIRST`; after all of them if it is not there."""
    name = group(item.nodeid)
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))
