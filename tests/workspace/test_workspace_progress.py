from __future__ import annotations

import io
import os
import pickle
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from danlu.workspace.messages import choose_language
from danlu.workspace.progress import BarProgress, ForwardedProgress, LineProgress, Progress, Replay, SilentProgress, Told
from danlu.workspace.progress.lines import INTERVAL_SECONDS
from danlu.workspace.progress.pace import WINDOW_SECONDS, Meter, Pace
from danlu.workspace.progress.words import cells, clip, duration, pad, quantity, speed


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Heard(SilentProgress):
    """Everything that reached a progress, in order."""

    def __init__(self, heard: list[tuple[Any, ...]] | None = None, owner: str = "") -> None:
        self.heard: list[tuple[Any, ...]] = [] if heard is None else heard
        self.owner = owner

    def of(self, owner: str) -> Heard:
        return Heard(self.heard, owner)

    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> Any:
        self.heard.append((self.owner, "open", label, total, unit, done))
        return _HeardTask(self)

    def say(self, key: str, /, **parameters: object) -> None:
        self.heard.append((self.owner, "say", key, parameters))

    def warn(self, key: str, /, **parameters: object) -> None:
        self.heard.append((self.owner, "warn", key, parameters))


class _HeardTask:
    def __init__(self, progress: Heard) -> None:
        self.progress = progress

    def __enter__(self) -> _HeardTask:
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.heard.append((self.progress.owner, "close"))

    def advance(self, amount: float = 1) -> None:
        self.progress.heard.append((self.progress.owner, "advance", amount))

    def note(self, key: str, /, **parameters: object) -> None:
        self.progress.heard.append((self.progress.owner, "note", key, parameters))

    def resize(self, total: float) -> None:
        self.progress.heard.append((self.progress.owner, "resize", total))


@pytest.fixture(autouse=True)
def english() -> Any:
    choose_language("en")
    yield
    choose_language(None)


def test_a_steady_pace_is_the_rate_at_once_and_later() -> None:
    pace = Pace(0.0)
    assert pace.rate(0.0) is None
    for second in range(1, 200):
        pace.add(3, second)
        assert pace.rate(second) == pytest.approx(3)
        assert pace.rate(second + 0.9) == pytest.approx(3)  # between two steps nothing seems to stop


def test_the_rate_is_of_late_not_since_the_start() -> None:
    pace = Pace(0.0)
    pace.add(1, 600.0)  # ten minutes of compiling
    for step in range(1, 1 + round(8 * WINDOW_SECONDS)):
        pace.add(10, 600.0 + step)
    rate = pace.rate(600.0 + 8 * WINDOW_SECONDS)
    assert rate is not None
    assert 9.9 < rate <= 10  # the mean since the start is 2.1


def test_a_stall_lets_the_rate_fall() -> None:
    pace = Pace(0.0)
    for second in range(1, 61):
        pace.add(5, second)
    rates = [pace.rate(60 + silence) or 0.0 for silence in (0, 1, 10, 60, 600)]
    assert rates[0] == pytest.approx(5)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.01


def test_many_units_at_one_moment_and_a_clock_that_stands_still() -> None:
    pace = Pace(5.0)
    pace.add(7, 5.0)
    assert pace.rate(5.0) is None
    pace.add(0, 6.0)
    assert pace.rate(6.0) == pytest.approx(7, rel=0.05)
    pace.add(1, 5.5)  # a step back
    assert (pace.rate(6.0) or 0) > 0


def test_what_an_earlier_run_did_counts_for_the_share_only() -> None:
    time = Time()
    meter = Meter(1000, 900, time)
    assert (meter.share, meter.rate, meter.left) == (0.9, None, None)
    for _ in range(10):
        time.now += 1
        meter.advance(2)
    assert meter.share == 0.92
    assert meter.rate == pytest.approx(2)
    assert meter.left == pytest.approx(40)
    meter.total = 2000
    assert meter.left == pytest.approx(540)
    meter.total = None
    assert (meter.share, meter.left) == (None, None)
    assert Meter(10, 12, time).share == 1.0


def test_words_of_quantities() -> None:
    assert quantity(1234, "steps", "en") == "1,234 steps"
    assert quantity(1234, "steps", "zh") == "1,234 步"
    assert quantity(3.26, "rows", "en") == "3.3 rows"
    assert quantity(0, "", "en") == "0"
    assert quantity(2_500_000, "B", "zh") == "2.5 MB"
    assert quantity(4, "molecules", "zh") == "4 molecules"  # of a stage that is not danlu's
    assert speed(2.5, "steps", "en") == "2.5 steps/s"
    assert speed(0.5, "models", "zh") == "30 个模型/分"
    assert speed(0.001, "models", "en") == "3.6 models/h"
    assert [duration(seconds) for seconds in (7.4, 59.6, 750, 11100, 183600)] == [
        "0:07",
        "1:00",
        "12:30",
        "3:05:00",
        "2d 03:00",
    ]


def test_chinese_takes_two_columns() -> None:
    assert cells("训练 ab") == 7
    assert cells("e\u0301") == 1
    assert pad("训练", 6) == "训练  "
    assert pad("longer", 3) == "longer"
    assert clip("训练模型", 5) == "训练…"
    assert clip("short", 5) == "short"
    assert cells(clip("训练模型", 6)) <= 6


def test_lines_come_seldom_and_say_share_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time()
    progress = LineProgress(clock=time).of("pretrain.gpt")
    with progress.task("training.progress", 1000, "steps", done=400) as task:
        task.note("training.note", loss="3.210")
        for _ in range(40):
            time.now += 1
            task.advance(5)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 40 // int(INTERVAL_SECONDS)
    assert re.fullmatch(r"    pretrain\.gpt: training +48%, 5 steps/s, 1:45 left, loss 3\.210", lines[0])
    choose_language("zh")
    progress = LineProgress(clock=time)
    with progress.task("training.progress", None, "steps") as task:
        time.now += 16
        task.advance(32)
    line = capsys.readouterr().err.rstrip("\n")
    assert line == f"    {pad('训练', 40)} 32 步, 2 步/秒"


def test_a_short_task_leaves_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress(clock=Time()).task("training.progress", 3, "steps") as task:
        task.advance(3)
    assert capsys.readouterr().err == ""


def test_words_are_said_with_the_stage_that_says_them(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress().of("pretrain.bert")
    progress.say("training.resumed", step=5)
    progress.warn("training.broken-checkpoint", name="a", step=5)
    said, warned = capsys.readouterr().err.splitlines()
    assert said == "    pretrain.bert: Going on from step 5."
    assert warned.startswith("    pretrain.bert: Note: The checkpoint a is damaged")


def test_lines_of_a_thread_keep_the_chosen_language(capsys: pytest.CaptureFixture[str]) -> None:
    choose_language("zh")
    progress = LineProgress()
    thread = threading.Thread(target=progress.say, args=("training.resumed",), kwargs={"step": 5})
    thread.start()
    thread.join()
    assert "从第 5 步继续" in capsys.readouterr().err


def drawn(width: int, language: Any = "en") -> tuple[BarProgress, io.StringIO]:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    return BarProgress(language, console), screen


def pictures(screen: io.StringIO) -> list[str]:
    """Lines of the screen without the cursor's movements."""
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", words) if line.strip()]


def test_bars_of_two_stages_stand_under_each_other_with_lines_above() -> None:
    progress, screen = drawn(80)
    bert, gpt = progress.of("pretrain.bert"), progress.of("pretrain.gpt")
    with bert.task("training.progress", 100, "steps", done=50) as first:
        with gpt.task("training.progress", 200, "steps") as second:
            first.advance(25)
            second.note("training.note", loss="3.2")
            gpt.say("training.resumed", step=5)
            progress._display._bars.refresh()  # type: ignore[union-attr]
        assert progress._display._bars.live.is_started  # type: ignore[union-attr]
    assert not progress._display._bars.live.is_started  # type: ignore[union-attr]
    lines = pictures(screen)
    assert "    pretrain.gpt: Going on from step 5." in lines
    both = [index for index, line in enumerate(lines[:-1]) if "pretrain.bert" in line and "pretrain.gpt" in lines[index + 1]]
    assert both
    assert any("75%" in line for line in lines)
    assert any(line.endswith("loss 3.2") for line in lines)
    assert all(cells(line) <= 80 for line in lines)


def test_bars_fit_a_terminal_of_80_columns_in_chinese() -> None:
    progress, screen = drawn(80, "zh")
    with progress.of("finetune.sentiment-minilm").task("finetune.features", 20000, "rows") as task:
        task.advance(12345)
        task.note("training.note", loss="0.693")
        progress._display._bars.refresh()  # type: ignore[union-attr]
    lines = pictures(screen)
    assert any("62%" in line and line.endswith("损失 0.693") for line in lines)
    assert all(cells(line) <= 80 for line in lines)
    assert all("%" in line for line in lines)  # no bar takes two lines
    progress, screen = drawn(120, "zh")
    with progress.task("finetune.features", 20000, "rows") as task:
        progress._display._bars.refresh()  # type: ignore[union-attr]
        task.advance(5)
        progress._display._bars.refresh()  # type: ignore[union-attr]
    assert any("还需" in line for line in pictures(screen))


def test_bars_from_many_threads() -> None:
    progress, screen = drawn(100)

    def work(number: int) -> None:
        with progress.of(f"stage.{number}").task("training.progress", 50, "steps") as task:
            for _ in range(50):
                task.advance()
            progress.say("training.resumed", step=number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [line for line in pictures(screen) if "Going on from step" in line]
    assert sorted(int(re.findall(r"\d+", line)[0]) for line in said) == list(range(8))
    assert progress._display._open == 0


PROGRAM = """
import sys, time
from danlu.workspace.messages import choose_language
from danlu.workspace.progress import progress_for_terminal
choose_language("zh")
progress = progress_for_terminal()
with progress.of("pretrain.gpt").task("training.progress", 10, "steps") as task:
    for step in range(10):
        task.advance()
        time.sleep(0.03)
        if step == 5:
            progress.say("training.resumed", step=5)
            print("a plain print", file=sys.stderr)
print("done", file=sys.stderr)
"""


def test_a_real_terminal_has_bars_and_a_pipe_has_none() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    screen = seen.decode("utf-8")
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    for expected in ("pretrain.gpt: 训练", "步/秒", "从第 5 步继续。", "a plain print", "done"):
        assert expected in words, words
    assert "\x1b[?25h" in screen  # the cursor is there again
    piped = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, encoding="utf-8")
    assert piped.stderr == "    从第 5 步继续。\na plain print\ndone\n"


def speak(progress: Progress) -> None:
    owned = progress.of("clean.score")
    owned.say("training.resumed", step=7)
    with owned.task("clean.progress.score", 10, "parts", done=3) as first, owned.task("training.progress", None) as second:
        first.advance(2)
        second.note("training.note", loss="1")
        first.resize(20)
    owned.warn("training.compile-failed", reason=Path("/nowhere"))


def test_forwarded_words_arrive_in_order_and_whole() -> None:
    sent: list[bytes] = []
    speak(ForwardedProgress(lambda told: sent.append(pickle.dumps(told))))
    direct, replayed = Heard(), Heard()
    speak(direct)
    replay = Replay(replayed)
    for message in sent:
        replay.apply(pickle.loads(message))
    expected = [entry for entry in direct.heard if entry[1] != "advance"]
    assert [entry for entry in replayed.heard if entry[1] != "advance"][:-1] == expected[:-1]
    assert replayed.heard[-1] == ("clean.score", "warn", "training.compile-failed", {"reason": "/nowhere"})
    assert ("clean.score", "advance", 2.0) in replayed.heard


def test_small_steps_are_gathered_and_none_is_lost() -> None:
    sent: list[Told] = []
    with ForwardedProgress(sent.append).task("training.progress", 1e5, "steps") as task:
        for _ in range(100_000):
            task.advance()
    assert sum(told.values["amount"] for told in sent if told.verb == "advance") == 100_000
    assert len(sent) < 1000


def test_bars_of_several_processes_do_not_mix_and_go_with_their_process() -> None:
    heard = Heard()
    replay = Replay(heard)
    children = [ForwardedProgress(replay.apply).of(name) for name in ("a", "b")]
    bars = [child.task("training.progress", 10) for child in children]
    tasks = [bar.__enter__() for bar in bars]
    for amount, task in enumerate(tasks, start=5):
        task.resize(amount)
    assert heard.heard[-2:] == [("a", "resize", 5), ("b", "resize", 6)]
    replay.forget("a")
    assert heard.heard[-1] == ("a", "close")
    before = len(heard.heard)
    tasks[0].resize(1)  # too late
    assert len(heard.heard) == before
    replay.close()
    assert heard.heard[-1] == ("b", "close")


def test_numbers_stay_numbers_on_the_way() -> None:
    numpy = pytest.importorskip("numpy")
    sent: list[Told] = []
    ForwardedProgress(sent.append).say("training.resumed", step=numpy.int64(5), more=numpy.float32(0.5), none=None, flag=True)
    assert sent[0].values["parameters"] == {"step": 5, "more": 0.5, "none": None, "flag": True}
    assert type(sent[0].values["parameters"]["step"]) is int
