"""The `danlu` command without the seconds that a new interpreter takes to import torch and transformers.

A server imports them once; each command is a process of its own that is forked from it, with the files, the folder, the
environment and the arguments of whoever asked. Who asks is this file as a script: it stands for `python -m danlu` in every way
but one: Python decided the order of sets (`PYTHONHASHSEED`) when the server began. What is read from the environment at import,
too, is the server's, so a command whose environment differs there is refused.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

IMPORTED = (
    "torch._dynamo", "sklearn.linear_model", "sklearn.feature_extraction.text", "pyarrow.parquet", "numba",
    *(f"transformers.models.{name}.modeling_{name}" for name in ("bert", "gpt2", "modernbert", "qwen3", "t5")),
)  # fmt: skip
READ_AT_IMPORT = ("GOMP", "HF_", "KMP_", "MALLOC", "MKL", "NUMBA", "OMP", "OPENBLAS", "PYTHON", "TORCH", "TRANSFORMERS")
SIZE = STATUS = 8  # bytes that a number is sent in


def read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that a library may have read when it was imported."""
    found = {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}
    return {name: value for name, value in found.items() if name != "PYTHONHASHSEED"}


def serve(address: str) -> None:
    """Import, say so by a line, then fork for everyone who asks, until there is nothing more to read from standard input."""
    import gc
    import importlib
    import pkgutil
    import select

    import danlu

    ours = (module.name for module in pkgutil.walk_packages(danlu.__path__, "danlu.") if "__main__" not in module.name)
    for name in (*IMPORTED, *ours):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    attending: set[int] = set()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in readable:
                return
            connection, _ = listening.accept()
            attendant = os.fork()
            if not attendant:
                listening.close()
                attend(connection)
            connection.close()
            attending = {one for one in attending if os.waitpid(one, os.WNOHANG) == (0, 0)} | {attendant}


def attend(connection: socket.socket) -> NoReturn:
    """Start the command, wait for it, send its wait status; kill it if who asked is gone."""
    import select

    size, files, _, _ = socket.recv_fds(connection, SIZE, 3)
    asked = json.loads(receive(connection, int.from_bytes(size)))
    command = os.fork()
    if not command:
        connection.close()
        become(asked["arguments"], asked["folder"], asked["environment"], files)
    for file in files:
        os.close(file)
    ended = os.pidfd_open(command)
    readable, _, _ = select.select([ended, connection], [], [])
    if connection in readable:
        os.kill(command, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    if ended in readable:
        connection.sendall(status.to_bytes(STATUS))
    os._exit(0)


def receive(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError("the other side is gone")
        found += part
    return found


def become(arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> NoReturn:
    """`python -m danlu ARGUMENTS`, which ends this process."""
    import runpy

    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    # the server's know whether its own files can be sought in
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv[1:] = arguments
    status = 1
    try:
        runpy.run_module("danlu", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    sys.stdout.flush()
    os._exit(status)


def ask(address: str, arguments: list[str]) -> NoReturn:
    """Have a command run, and end as it ended."""
    asked = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(asked).to_bytes(SIZE)], [0, 1, 2])
        connection.sendall(asked)
        status = int.from_bytes(receive(connection, STATUS))
    if os.WIFSIGNALED(status):
        with suppress(OSError):  # SIGKILL has no other way
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    else:
        ask(sys.argv[1], sys.argv[2:])
