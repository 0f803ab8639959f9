"""A Python process that runs functions for this one, one at a time, and tells what happens meanwhile.

Not `multiprocessing`: its children import the user's main script again, so a plain script that says `danlu.run(...)` would
start itself over and over. A child here is a fresh interpreter with the parent's import path; it dies with its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Literal

from danlu.compute.leave import leave
from danlu.compute.malloc import release_freed_memory
from danlu.workspace.errors import DanluError
from danlu.workspace.ledger import PARENT
from danlu.workspace.messages import Language, choose_language, current_language
from danlu.workspace.stage import function_at

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
START = "from danlu.compute.child import main; main()"  # with -m, classes of this module would be those of `__main__`


@dataclass(frozen=True)
class Message:
    """What a child says: a word while it works (`said`), its result (`done`), or why there is none.

    `failed`: `content` is a DanluError. `crashed`: `content` is (one line, traceback). `died`: it is the exit status.
    """

    kind: Literal["said", "done", "failed", "crashed", "died"]
    content: Any


@dataclass
class Caller:
    """The parent as a function in the child sees it. `cancelled` is set when the parent asks to stop."""

    connection: Connection
    cancelled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, content: Any) -> None:
        self._send(Message("said", content))

    def _send(self, message: Message) -> None:
        data = pickle.dumps(message)  # before anything is sent: what cannot be pickled must not leave half a message
        with self._lock:
            self.connection.send_bytes(data)


class Child:
    """A process that runs `module:function` calls. The function gets a `Caller` and the arguments, which are pickled.

    Its standard output goes to standard error, so that the last line of ours is ours. `imports` are modules of danlu that it
    reads at once, while this process still makes up what to ask of it.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, imports: Sequence[str] = ()) -> None:
        self.connection, theirs = Pipe()
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        inherited = {**os.environ, **(environment or {}), "PYTHONPATH": path, PARENT: str(os.getpid())}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(theirs.fileno()), current_language(), *imports],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=2, env=inherited,
        )  # fmt: skip
        theirs.close()
        self.busy = False

    def start(self, entry: str, *arguments: Any) -> None:
        """Begin `entry` (`module:function`); its messages come by `receive`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # dead between two calls: `receive` will say so
            self.connection.send((entry, arguments))
        self.busy = True

    def receive(self) -> Message:
        """The next message; waits for it."""
        try:
            message: Message = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            message = Message("died", self.process.wait())
        if message.kind != "said":
            self.busy = False
        return message

    def cancel(self) -> None:
        """Ask the function to stop at its next safe point."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End the process, at once if it is at work."""
        self.connection.close()  # an idle child reads the end of its orders and leaves
        if self.busy:
            self.process.kill()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def died_of(status: int) -> str:
    """Words for an exit status: the signal's name, or the number."""
    return signal.Signals(-status).name if status < 0 else str(status)


def serve(connection: Connection, imports: Sequence[str] = ()) -> None:
    """The life of a child: import what will be needed, then run what is asked for until the parent hangs up."""
    caller = Caller(connection)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    signal.signal(signal.SIGTERM, lambda number, frame: caller.cancelled.set())
    for module in imports:
        with contextlib.suppress(Exception):  # the function that needs it will say what is wrong with it
            importlib.import_module(module)
    gc.freeze()  # what was imported stays: looking through it for garbage after each piece of work takes longer than small work
    while True:
        try:
            entry, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            message = Message("done", function_at(entry)(caller, *arguments))
        except DanluError as error:
            message = Message("failed", error)
        except BaseException as error:
            message = Message("crashed", (f"{type(error).__name__}: {error}", traceback.format_exc()))
        release_freed_memory()  # the next work may be another's
        try:
            caller._send(message)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # a result that cannot be pickled is a defect of the function
            caller._send(Message("crashed", (f"{type(error).__name__}: {error}", traceback.format_exc())))


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent has died, however it died (Linux; elsewhere the pipe's end tells)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that
        os._exit(1)


def main() -> None:
    """What a child runs: its arguments are the descriptor of its end of the pipe, the language of words, modules to import."""
    language: Language = "zh" if sys.argv[2] == "zh" else "en"
    choose_language(language)
    die_with_parent(int(os.environ[PARENT]))
    serve(Connection(int(sys.argv[1])), sys.argv[3:])
    leave()
