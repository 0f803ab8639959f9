"""Workers of stages (`danlu.compute.child`) that are forked from the server of `forked` instead of started anew."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from danlu.compute import child
from forked import SIZE, WORKER, read_at_import, receive, send

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Worker:
    """A forked worker, as far as `danlu.compute.child` knows a `subprocess.Popen`.

    While it is made, this process is the one that gets the orphans among its descendants: the worker is one of them, and so
    becomes a child that can be waited for, is killed and dies with this process like any other.
    """

    _alone = threading.Lock()

    def __init__(self, address: str, arguments: Sequence[str], pipe: int, environment: Mapping[str, str]) -> None:
        self.returncode: int | None = None
        asked = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(environment), "parent": os.getpid()}  # noqa: PTH109
        null, prctl = os.open(os.devnull, os.O_RDONLY), ctypes.CDLL(None).prctl
        with self._alone, socket.socket(socket.AF_UNIX) as connection:
            prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            try:
                connection.connect(address)
                send(connection, asked, [null, 2, 2, pipe])
                self.pid = int.from_bytes(receive(connection, SIZE))
                connection.recv(1)  # it is our child now, or was
            finally:
                prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
                os.close(null)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            handle = os.pidfd_open(self.pid)
            readable, _, _ = select.select([handle], [], [], timeout)
            os.close(handle)
            if not readable:
                raise subprocess.TimeoutExpired(WORKER, timeout or 0)
            self.poll()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def have_workers_forked(server: Callable[[], tuple[str, dict[str, str]]]) -> None:
    """From now on, in this process, by a server (its address, what it read at import), but where the environment differs."""

    def start(
        command: list[str], *, pass_fds: list[int], env: dict[str, str], **files: Any
    ) -> Worker | subprocess.Popen[bytes]:
        address, began = server()
        if read_at_import({**env, "PYTHONPATH": ""}) != {**began, "PYTHONPATH": ""}:
            return subprocess.Popen(command, pass_fds=pass_fds, env=env, **files)
        return Worker(address, command[command.index(child.START) + 2 :], *pass_fds, env)

    names = {name: getattr(subprocess, name) for name in ("DEVNULL", "TimeoutExpired")}
    child.subprocess = SimpleNamespace(Popen=start, **names)  # type: ignore[assignment]
