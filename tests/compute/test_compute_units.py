"""Units on one process or several: equal results, workers that die, memory, errors, resume."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from danlu.compute.units import DIED_KEY, MEMORY_KEY, Unit, each_unit
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


def make_run(path: Path, workers: int, **options: Any) -> Run:
    path.mkdir(exist_ok=True)
    ledger = Ledger(path / "ledger.sqlite", "stage")
    return Run(stage="stage", output=path, ledger=ledger, name="mine", seed=7, workers=workers, **options)


def files(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(path.glob("*.txt"))}


SQUARES = [Unit(f"unit-{value}", (value,)) for value in range(6)]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_facts_and_files_are_the_same_for_any_number_of_workers(workers: int, tmp_path: Path) -> None:
    steps: list[int] = []
    run = make_run(tmp_path / "run", workers)
    facts = each_unit(run, "compute_work:write_square", SQUARES, advance=lambda: steps.append(1))
    assert facts == [{"square": value * value} for value in range(6)]
    assert files(tmp_path / "run") == {f"{value}.txt": f"{value * value} 7 mine" for value in range(6)}
    assert len(steps) == 6
    assert run.ledger.get("unit-5") == {"square": 25}


def test_finished_units_are_not_done_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    run.ledger.finish("unit-3", {"square": -1})
    facts = each_unit(run, "compute_work:write_square", SQUARES)
    assert facts[3] == {"square": -1}
    assert not (tmp_path / "run/3.txt").exists()


def test_a_worker_that_dies_is_replaced_and_its_unit_done_once_more(tmp_path: Path) -> None:
    units = [Unit(f"unit-{value}", (value, tmp_path / "died")) for value in range(6)]
    facts = each_unit(make_run(tmp_path / "run", 2), "compute_work:die_once", units)
    assert (tmp_path / "died").exists()
    assert facts == [{"square": value * value} for value in range(6)]


def test_a_unit_that_kills_twice_is_given_up_with_the_reason(tmp_path: Path) -> None:
    lost: list[tuple[str, str]] = []

    def give_up(unit: Unit, error: DanluError) -> dict[str, int]:
        lost.append((unit.name, error.key))
        assert "SIGSEGV" in str(error)
        return {"square": 0}

    facts = each_unit(make_run(tmp_path / "run", 2), "compute_work:die_at_two", SQUARES, lost=give_up)
    assert lost == [("unit-2", DIED_KEY)]
    assert [fact["square"] for fact in facts] == [0, 1, 0, 9, 16, 25]
    with pytest.raises(DanluError) as caught:
        each_unit(make_run(tmp_path / "strict", 2), "compute_work:die_at_two", SQUARES)
    assert caught.value.key == DIED_KEY


def test_an_error_of_a_unit_is_the_error_of_all(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as caught:
        each_unit(make_run(tmp_path / "run", 2), "compute_work:refuse_two", SQUARES)
    assert (caught.value.key, caught.value.where) == ("workspace.disk-full", "unit 2")


def test_a_unit_too_large_for_its_share_is_done_alone_and_one_too_large_for_all_is_given_up(tmp_path: Path) -> None:
    alone = make_run(tmp_path / "alone", 2, memory_bytes=400 << 20)
    assert each_unit(alone, "compute_work:hold", [Unit("small", (1,)), Unit("large", (250,))]) == [1, 250]
    keys: list[str] = []

    def give_up(unit: Unit, error: DanluError) -> int:
        keys.append(error.key)
        return -1

    never = make_run(tmp_path / "never", 2, memory_bytes=300 << 20)
    facts = each_unit(never, "compute_work:hold", [Unit("small", (1,)), Unit("large", (600,))], lost=give_up)
    assert facts == [1, -1]
    assert keys == [MEMORY_KEY]


def test_a_wish_to_stop_ends_the_workers(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    threading.Timer(1.0, run.cancelled.set).start()
    with pytest.raises(Interrupted):
        each_unit(run, "compute_work:wait_for_stop", SQUARES[:2])
