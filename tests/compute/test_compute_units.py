"""Units on one process or several: equal results, workers that die, memory, errors, resume."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from danlu.compute.losses import Loss
from danlu.compute.units import DIED_KEY, MEMORY_KEY, WORKER_BYTES, Crew, Unit, worker_count
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.ledger import Ledger
from danlu.workspace.progress import SilentTask
from danlu.workspace.run import Run

pytestmark = pytest.mark.usefixtures("real_workers")


def make_run(path: Path, workers: int, **options: Any) -> Run:
    path.mkdir(exist_ok=True)
    ledger = Ledger(path / "ledger.sqlite", "stage")
    return Run(stage="stage", output=path, ledger=ledger, name="mine", seed=7, workers=workers, **options)


def files(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(path.glob("*.txt"))}


LARGE = 2 * WORKER_BYTES  # enough for workers, however many units there are
SQUARES = [Unit(f"unit-{value}", (value,), LARGE) for value in range(6)]


class Bar(SilentTask):
    def __init__(self) -> None:
        self.done = 0.0

    def advance(self, amount: float = 1) -> None:
        assert amount > 0
        self.done += amount


def each_unit(run: Run, entry: str, units: list[Unit], **options: Any) -> list[Any]:
    with Crew(run) as crew:
        return crew.each(entry, units, **options)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_facts_and_files_are_the_same_for_any_number_of_workers(workers: int, tmp_path: Path) -> None:
    bar = Bar()
    run = make_run(tmp_path / "run", workers)
    facts = each_unit(run, "compute_work:write_square", SQUARES, bar=bar)
    assert facts == [{"square": value * value} for value in range(6)]
    assert files(tmp_path / "run") == {f"{value}.txt": f"{value * value} 7 mine" for value in range(6)}
    assert bar.done == 6 * LARGE
    assert run.ledger.get("unit-5") == {"square": 25}


def test_finished_units_are_not_done_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    run.ledger.finish("unit-3", {"square": -1})
    facts = each_unit(run, "compute_work:write_square", SQUARES)
    assert facts[3] == {"square": -1}
    assert not (tmp_path / "run/3.txt").exists()


def test_a_worker_that_dies_is_replaced_and_its_unit_done_once_more(tmp_path: Path) -> None:
    units = [Unit(f"unit-{value}", (value, tmp_path / "died"), LARGE) for value in range(6)]
    facts = each_unit(make_run(tmp_path / "run", 2), "compute_work:die_once", units)
    assert (tmp_path / "died").exists()
    assert facts == [{"square": value * value} for value in range(6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_kills_twice_is_given_up_with_the_reason(workers: int, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", workers)
    facts = each_unit(run, "compute_work:die_at_two", SQUARES, give_up=True)
    assert facts[2] == Loss("unit-2", DIED_KEY, {"unit": "unit-2", "how": "SIGSEGV"})
    assert [fact["square"] for fact in facts if fact is not facts[2]] == [0, 1, 9, 16, 25]
    assert each_unit(run, "compute_work:die_at_two", SQUARES, give_up=True) == facts, "what the ledger says stays"
    with pytest.raises(DanluError) as caught:
        each_unit(make_run(tmp_path / "strict", workers), "compute_work:die_at_two", SQUARES)
    assert caught.value.key == DIED_KEY
    for language in ("en", "zh"):
        assert "SIGSEGV" in caught.value.explain(language)["cause"]


def test_an_error_of_a_unit_is_the_error_of_all(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as caught:
        each_unit(make_run(tmp_path / "run", 2), "compute_work:refuse_two", SQUARES)
    assert (caught.value.key, caught.value.where) == ("workspace.disk-full", "unit 2")


def test_a_unit_too_large_for_its_share_is_done_alone_and_one_too_large_for_all_is_given_up(tmp_path: Path) -> None:
    alone = make_run(tmp_path / "alone", 2, memory_bytes=400 << 20)
    assert each_unit(alone, "compute_work:hold", [Unit("small", (1,), LARGE), Unit("large", (250,), LARGE)]) == [1, 250]
    for workers in (1, 2):
        never = make_run(tmp_path / f"never-{workers}", workers, memory_bytes=300 << 20)
        units = [Unit("small", (1,), LARGE), Unit("large", (600,), LARGE)]
        small, large = each_unit(never, "compute_work:hold", units, give_up=True)
        assert small == 1
        assert (large.unit, large.key) == ("large", MEMORY_KEY)


def test_a_unit_that_was_too_large_once_may_die_of_something_else(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2, memory_bytes=400 << 20)
    units = [Unit("small", (1, tmp_path / "none"), LARGE), Unit("large", (250, tmp_path / "seen"), LARGE)]
    small, large = each_unit(run, "compute_work:hold_then_crash", units, give_up=True)
    assert small == 1
    assert large == Loss("large", DIED_KEY, {"unit": "large", "how": "SIGSEGV"})


def test_a_worker_that_was_ended_just_after_its_answer_is_no_death_of_the_next_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def too_late(pid: int) -> int:
        """Too much memory, found out when the answer is on its way; once."""
        looked.append(pid)
        while len(looked) == 1 and not (tmp_path / "answered").exists():
            time.sleep(0.05)
        time.sleep(0.5 if len(looked) == 1 else 0)
        return 1 << 60 if len(looked) == 1 else 0

    monkeypatch.setattr("danlu.compute.units.tree_pss_bytes", too_late)
    with Crew(make_run(tmp_path / "run", 1)) as crew:
        units = [Unit(f"unit-{value}", (value, tmp_path / "answered"), LARGE) for value in range(3)]
        assert crew.each("compute_work:slow_square", units) == [{"square": value * value} for value in range(3)]
        assert not crew.careful  # nothing has died at its work
    assert looked


def test_memory_that_the_system_refuses_counts_as_death(tmp_path: Path) -> None:
    (lost,) = each_unit(make_run(tmp_path / "run", 1), "compute_work:no_memory", [Unit("unit", (), LARGE)], give_up=True)
    assert lost.key == DIED_KEY


def test_a_wish_to_stop_ends_the_workers(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    threading.Timer(1.0, run.cancelled.set).start()
    with pytest.raises(Interrupted):
        each_unit(run, "compute_work:wait_for_stop", SQUARES[:2])


def test_workers_are_started_where_there_is_enough_for_each(tmp_path: Path) -> None:
    def count(workers: int, *sizes: int) -> int:
        return worker_count(make_run(tmp_path / "run", workers), [Unit(str(n), (), size) for n, size in enumerate(sizes)])

    assert count(4, *[WORKER_BYTES // 2] * 3) == 0
    assert count(4, *[WORKER_BYTES // 2] * 4) == 2
    assert count(4, *[WORKER_BYTES] * 9) == 4
    assert count(1, *[WORKER_BYTES] * 9) == 1
    assert count(4, 9 * WORKER_BYTES) == 1
    assert count(4) == 0


def test_little_work_is_done_in_the_own_process_until_something_has_killed(tmp_path: Path) -> None:
    little = [Unit(f"unit-{value}", (value,)) for value in range(3)]
    with Crew(make_run(tmp_path / "run", 2)) as crew:
        assert set(crew.each("compute_work:who", little)) == {os.getpid()}
    with Crew(make_run(tmp_path / "careful", 2, careful=True)) as crew:
        assert os.getpid() not in crew.each("compute_work:who", little)


def test_workers_are_kept_for_the_next_units_and_one_that_died_makes_careful(tmp_path: Path) -> None:
    with Crew(make_run(tmp_path / "run", 2)) as crew:
        first = set(crew.each("compute_work:who", SQUARES))
        little = [Unit(f"little-{value}", (value,)) for value in range(3)]
        assert set(crew.each("compute_work:who", little)) <= first
    with Crew(make_run(tmp_path / "dead", 1)) as crew:
        crew.each("compute_work:die_at_two", SQUARES[2:3], give_up=True)
        assert os.getpid() not in crew.each("compute_work:who", [Unit("little", (0,))])


@pytest.mark.parametrize("size", [0, LARGE])
def test_units_move_the_bar_and_never_more_than_their_bytes(size: int, tmp_path: Path) -> None:
    bar = Bar()
    each_unit(
        make_run(tmp_path / "run", 2), "compute_work:advance", [Unit("a", (10,), size), Unit("b", (1 << 40,), size)], bar=bar
    )
    assert bar.done == 2 * size
