"""The learning curves of a run, where TensorBoard finds them."""

from __future__ import annotations

from pathlib import Path

from danlu.pipeline.state import read_state
from danlu.workspace.artifact import Workspace
from danlu.workspace.events import METRICS
from danlu.workspace.files import disk_errors
from danlu.workspace.tensorboard import export_scalars

FOLDER = "tensorboard"


def export_curves(workspace: Workspace, name: str) -> tuple[Path, dict[str, int]]:
    """Write `runs/NAME/tensorboard/<node>/` for every node of the run that has metrics, finished or at work.

    The folder, and the number of points of each node. DanluError if there is no such run.
    """
    folder = workspace.path / "runs" / name / FOLDER
    points = {}
    with disk_errors(folder):
        for node in read_state(workspace, name).nodes.values():
            if node.key is None:
                continue
            made = workspace.find(node.stage, node.key)
            metrics = (made.path if made else workspace.partial(node.stage, node.key)) / METRICS
            if metrics.exists() and (count := export_scalars(metrics, folder / node.name)):
                points[node.name] = count
    return folder, points
