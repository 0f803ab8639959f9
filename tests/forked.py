"""The `danlu` command, and the workers of its stages, without the seconds that a new interpreter takes to import torch,
transformers and Numba.

A server imports them once; each command is a process of its own that is forked from it, with the files, the folder, the
environment and the arguments of whoever asked. Who asks is this file as a script: it stands for `python -m danlu` in every way
but one: Python decided the order of sets (`PYTHONHASHSEED`) when the server began. What is read from the environment at import,
too, is the server's, so a command whose environment differs there is refused. A script (`python -c`) is run in the same way.

A worker must be a child of the process that asks for it (see `workers`), so it is forked by one that ends at once, and a
command has a server of its own, forked before anything ran in it: what has threads cannot be forked.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

IMPORTED = (
    "torch._dynamo", "sklearn.linear_model", "sklearn.feature_extraction.text", "pyarrow.parquet", "numba",
    *(f"transformers.models.{name}.modeling_{name}" for name in ("bert", "gpt2", "modernbert", "qwen3", "t5")),
)  # fmt: skip
READ_AT_IMPORT = ("GOMP", "HF_", "KMP_", "MALLOC", "MKL", "NUMBA", "OMP", "OPENBLAS", "PYTHON", "TORCH", "TRANSFORMERS")
SIZE = STATUS = 8  # bytes that a number is sent in
WORKER = "danlu-worker"  # the name of its process
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36  # linux/prctl.h


def read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that a library may have read when it was imported."""
    found = {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}
    return {name: value for name, value in found.items() if name != "PYTHONHASHSEED"}


def serve(address: str) -> None:
    """Import, say so by a line, then fork for everyone who asks, until there is nothing more to read from standard input."""
    import gc
    import importlib
    import pkgutil

    import danlu

    ours = (module.name for module in pkgutil.walk_packages(danlu.__path__, "danlu.") if "__main__" not in module.name)
    for name in (*IMPORTED, *ours):
        importlib.import_module(name)
    warm_up()
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        fork_for_all(listening, sys.stdin.fileno(), address)


def warm_up() -> None:
    """What every process makes at first need: Numba's registries, the tables of characters, the templates, the messages."""
    import numba

    from danlu.report import frame
    from danlu.text import forms
    from danlu.workspace.messages import table

    numba.njit(lambda: 0)()
    forms._tables()
    environment = frame._environment()
    for name in environment.list_templates():
        environment.get_template(name)
    for key in table():
        table()[key]


def fork_for_all(listening: socket.socket, lifeline: int, address: str) -> None:
    """Until `lifeline` ends."""
    attending: set[int] = set()
    while True:
        readable, _, _ = select.select([listening, lifeline], [], [])
        if lifeline in readable:
            return
        connection, _ = listening.accept()
        attendant = os.fork()
        if not attendant:
            listening.close()
            attend(connection, address)
        connection.close()
        attending = {one for one in attending if os.waitpid(one, os.WNOHANG) == (0, 0)} | {attendant}


def attend(connection: socket.socket, address: str) -> NoReturn:
    """Start the command, wait for it, send its wait status; kill it if who asked is gone. Of a worker, send its number."""
    size, files, _, _ = socket.recv_fds(connection, SIZE, 4)
    asked = json.loads(receive(connection, int.from_bytes(size)))
    command = os.fork()
    if not command:
        if "parent" in asked:
            become_worker(connection, asked, files)
        connection.close()
        become(asked["arguments"], asked["folder"], asked["environment"], files, address)
    if "parent" in asked:
        connection.sendall(command.to_bytes(SIZE))
        os._exit(0)
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


def become(arguments: list[str], folder: str, environment: dict[str, str], files: list[int], address: str) -> NoReturn:
    """`python -m danlu ARGUMENTS`, or `python -c SCRIPT ARGUMENTS`; it ends this process."""
    import runpy

    from workers import have_workers_forked

    server = own_server(address, files), read_at_import(os.environ)
    have_workers_forked(lambda: server)
    take_on(folder, environment, files)
    sys.path[0] = folder
    status = 1
    try:
        if arguments[:1] == ["-c"]:
            sys.argv[:] = ["-c", *arguments[2:]]
            exec(arguments[1], {"__name__": "__main__"})
            status = 0
        else:
            sys.argv[1:] = arguments
            runpy.run_module("danlu", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    sys.stdout.flush()
    os._exit(status)


def own_server(address: str, files: list[int]) -> str:
    """The address of a server that is a child of this process and ends with it."""
    address = f"{address}-{os.getpid()}"
    lifeline, ours = os.pipe()  # `ours` is closed when this process ends
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    if not os.fork():
        for file in (*files, ours):
            os.close(file)
        null = os.open(os.devnull, os.O_RDWR)
        for place in range(3):
            os.dup2(null, place)
        fork_for_all(listening, lifeline, address)
        os._exit(0)
    listening.close()
    os.close(lifeline)
    return address


def become_worker(connection: socket.socket, asked: dict[str, Any], files: list[int]) -> NoReturn:
    """What `danlu.compute.child` starts, as a child of the process that asked."""
    import ctypes

    from danlu.compute.child import main

    *standard, pipe = files
    take_on(asked["folder"], asked["environment"], standard)
    sys.path[:] = ["", *asked["environment"]["PYTHONPATH"].split(os.pathsep)]
    sys.argv[1:] = [str(pipe), *asked["arguments"]]
    ctypes.CDLL(None).prctl(PR_SET_NAME, WORKER.encode())
    while os.getppid() != asked["parent"]:
        if select.select([connection], [], [], 0.0005)[0]:  # who asked was killed: nobody's child, it would wait for ever
            os._exit(1)
    connection.sendall(b".")
    connection.close()
    try:
        main()
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    os._exit(1)


def take_on(folder: str, environment: dict[str, str], files: list[int]) -> None:
    """The files, the folder and the environment of whoever asked."""
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    # the server's know whether its own files can be sought in
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


def send(connection: socket.socket, asked: dict[str, Any], files: list[int]) -> None:
    data = json.dumps(asked).encode()
    socket.send_fds(connection, [len(data).to_bytes(SIZE)], files)
    connection.sendall(data)


def ask(address: str, arguments: list[str]) -> NoReturn:
    """Have a command run, and end as it ended."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        asked = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
        send(connection, asked, [0, 1, 2])
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
