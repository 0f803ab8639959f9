"""Stages side by side, a process that dies, errors and the wish to stop, with stages made for the test."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from danlu.compute.machine import Machine
from danlu.pipeline.bill import Estimate
from danlu.pipeline.floor import DIED_KEY, Floor, warmed
from danlu.pipeline.graph import Node
from danlu.pipeline.plan import Plan, PlannedNode
from danlu.pipeline.state import NodeState, RunState
from danlu.recipe.base import Section
from danlu.recipe.load import recipe_from
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.progress import Replay, SilentProgress
from danlu.workspace.stage import Stage

GIGABYTE = 1 << 30


def node(name: str, entry: str, needs: tuple[str, ...] = (), cores: int | None = 1) -> Node:
    stage = Stage(name, 1, f"floor_stages:{entry}", most_cores=cores)
    return Node(name, stage, Section(), name, {"inputs": {need: need for need in needs}})


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    floors: list[Floor] = []

    def build(*nodes: Node, cores: int = 2) -> Floor:
        workspace = Workspace(tmp_path / "workspace")
        workspace.create()
        loaded = recipe_from({"name": "floor"}, tmp_path)
        lines = {each.name: PlannedNode(each, "waits", None, Estimate(1.0, 0.0)) for each in nodes}
        plan = Plan(loaded, lines, (), {each.name: {} for each in nodes})
        state = RunState("floor", "floor", nodes={each.name: NodeState(each.name, each.stage.name) for each in nodes})
        machine = Machine("test", cores, cores * GIGABYTE, bf16=False, compiler=None)
        heard: list[tuple[str, str]] = []
        floor = Floor(
            plan, workspace, state, machine, Replay(SilentProgress()), threading.Event(),
            lambda entry: heard.append((entry.name, entry.state)),
        )  # fmt: skip
        floor.heard = heard  # type: ignore[attr-defined]
        floors.append(floor)
        return floor

    yield build
    for floor in floors:
        floor.close()


def spans(floor: Floor) -> dict[str, tuple[float, float]]:
    found = {}
    for name, artifact in floor.done.items():
        start, end = (artifact / "span.txt").read_text().split()
        found[name] = float(start), float(end)
    return found


def test_a_clock_that_goes_backwards_is_no_negative_time_and_no_other_result(make: Callable[..., Floor]) -> None:
    floor = make(node("turned", "turn_the_clock_back"), node("after", "sleep", ("turned",)))
    floor.work()
    assert {entry.state for entry in floor.state.nodes.values()} == {"done"}
    assert all(0 <= entry.seconds < 60 for entry in floor.state.nodes.values())
    assert (floor.done["turned"] / "turned.txt").read_text() == "whole"


def test_independent_stages_work_side_by_side_and_the_next_waits_for_both(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "sleep"), node("b", "sleep"), node("c", "sleep", ("a", "b")))
    floor.work()
    times = spans(floor)
    assert times["a"][0] < times["b"][1]
    assert times["b"][0] < times["a"][1]
    assert times["c"][0] >= max(times["a"][1], times["b"][1])
    assert [entry for entry in floor.heard if entry[0] == "c"] == [("c", "running"), ("c", "done")]


def test_cores_and_memory_are_shared_out(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "sleep", cores=None), node("b", "sleep", cores=None), node("c", "sleep", cores=1))
    floor.work()
    times = spans(floor)
    order = sorted(times.values())
    assert order[0][1] <= order[1][0], "each of the first two takes all cores"
    shares = {name: (artifact / "share.txt").read_text() for name, artifact in floor.done.items()}
    assert shares == {"a": f"2 2 {2 * GIGABYTE}", "b": f"2 2 {2 * GIGABYTE}", "c": f"1 1 {GIGABYTE}"}


def test_what_went_on_from_another_artifact_tells_nothing_of_the_speed(make, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    remembered: list[str] = []
    monkeypatch.setattr("danlu.pipeline.floor.remember_rate", lambda stage, *_: remembered.append(stage))
    make(node("a", "go_on"), node("b", "sleep")).work()
    assert remembered == ["b"]


def test_a_stage_whose_process_dies_goes_on_in_another(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "die_once"))
    floor.work()
    assert (floor.done["a"] / "units.txt").read_text() == "first second"
    assert floor.heard == [("a", "running"), ("a", "running"), ("a", "done")]


def test_a_stage_that_dies_twice_is_an_error_with_the_signal(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "die"))
    with pytest.raises(DanluError) as caught:
        floor.work()
    assert caught.value.key == DIED_KEY
    assert "SIGKILL" in str(caught.value)
    assert floor.state.nodes["a"].state == "failed"


def test_an_error_stops_the_others_and_is_what_is_raised(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "until_stopped"), node("b", "fail"), node("c", "sleep", ("a",)))
    start = time.monotonic()
    with pytest.raises(DanluError) as caught:
        floor.work()
    assert caught.value.key == "workspace.disk-full"
    assert time.monotonic() - start < 25
    assert {name: entry.state for name, entry in floor.state.nodes.items()} == {"a": "waiting", "b": "failed", "c": "waiting"}


def test_a_wish_to_stop_reaches_every_stage(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "until_stopped"), node("b", "until_stopped"))
    threading.Timer(1.5, floor.cancelled.set).start()
    with pytest.raises(Interrupted):
        floor.work()
    assert {entry.state for entry in floor.state.nodes.values()} == {"waiting"}


def test_a_defect_leaves_a_log(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "defect"))
    with pytest.raises(DanluError) as caught:
        floor.work()
    assert caught.value.key == "pipeline.defect"
    assert "floor_stages.py" in Path(str(caught.value.parameters["log"])).read_text()
    assert os.getpid() > 0


def test_a_process_is_warmed_where_something_is_to_run_and_ended_where_nobody_took_it(make) -> None:  # type: ignore[no-untyped-def]
    floor = make(node("a", "sleep"))
    with warmed(floor.plan) as ready:
        [child] = ready
        floor.idle.append(ready.pop())
    assert child.process.poll() is None
    floor.work()
    assert floor.idle == [child], "the stage ran in it"
    with warmed(floor.plan) as ready:
        left = ready[0].process
    assert left.poll() is not None
    there = replace(floor.plan, nodes={name: replace(line, state="cached") for name, line in floor.plan.nodes.items()})
    with warmed(there) as ready:
        assert ready == []
