"""danlu from Python: the same as the commands `danlu plan` and `danlu run`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.compute.threads import wait_politely
from danlu.pipeline.plan import Plan, make_plan
from danlu.pipeline.prepare import fallback_words, prepare
from danlu.pipeline.reporting import report_of
from danlu.pipeline.runner import RunResult, run_plan
from danlu.workspace.artifact import Workspace
from danlu.workspace.progress import Progress, SilentProgress


def plan(
    recipe: str | Path,
    *,
    workspace: str | Path = ".danlu",
    until: str | None = None,
    variants: Sequence[str] = (),
    **changes: Any,
) -> Plan:
    """What `run` would do. `changes` are keys of the recipe, dots written as two underscores: `clean__preset="none"`.

    Warns if another recipe takes the place of the one that was named, since data packages are missing.
    """
    prepared = prepare(Path(recipe), _overrides(changes), variants=variants)
    if prepared.asked:
        warnings.warn(" ".join(fallback_words(prepared)), stacklevel=2)
    return make_plan(prepared.loaded, Workspace(Path(workspace)), until)


def run(
    recipe: str | Path,
    *,
    workspace: str | Path = ".danlu",
    until: str | None = None,
    variants: Sequence[str] = (),
    progress: Progress | None = None,
    **changes: Any,
) -> RunResult:
    """Build what is missing of a recipe and write its report; `changes` as in `plan`. DanluError if it cannot."""
    wait_politely()
    place = Workspace(Path(workspace))
    result = run_plan(
        plan(recipe, workspace=workspace, until=until, variants=variants, **changes),
        place,
        progress or SilentProgress(),
        lambda _: None,
    )
    report_of(result)
    return result


def _overrides(changes: Mapping[str, Any]) -> list[str]:
    return [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in changes.items()]
