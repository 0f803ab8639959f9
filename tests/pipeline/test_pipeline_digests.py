"""The payload of each data stage on a small fixed input: a changed payload with the same version is a failure.

After a deliberate change of a stage's output, raise its version and run this file with `DANLU_UPDATE_DIGESTS=1`.
"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from danlu.pipeline.graph import stages
from danlu.workspace.artifact import Workspace, read_payload

KEPT = Path(__file__).with_name("digests.json")
STAGES = (
    "dataset", "collect", "clean.normalise", "clean.score", "clean.pairs", "clean.search", "clean.decide", "tokenize.train",
    "tokenize.encode",
)  # fmt: skip


WRITERS = ("pyarrow", "tokenizers")


def test_payloads_change_only_with_the_version(finished: tuple[Path, dict[str, Any], str]) -> None:
    workspace, summary, _ = finished
    found: dict[str, Any] = {"written by": {name: version(name) for name in WRITERS}}
    for path in summary["artifacts"].values():
        artifact = Workspace(workspace).named(Path(path).name)
        if artifact.stage in STAGES:
            found[artifact.stage] = {"version": stages()[artifact.stage].version, "files": read_payload(artifact.path)}
    if os.environ.get("DANLU_UPDATE_DIGESTS"):
        KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    if kept["written by"] != found["written by"]:
        pytest.skip(f"the digests were kept with {kept['written by']}")
    assert sorted(found) == sorted([*STAGES, "written by"])
    for stage, now in found.items():
        assert now == kept[stage], f"{stage}: the payload changed; raise its version"
