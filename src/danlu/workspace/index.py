"""`index.sqlite`: what the manifests of a workspace say, to be asked at once.

The files are the truth. The index is brought up to date at each reading, by the modification time of each artifact's
directory; if it is missing, broken or of another version it is made anew, and where it cannot be written it is made in memory.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.workspace.artifact import MANIFEST, PARTIAL, PAYLOAD, Workspace
from danlu.workspace.digest import digest_payload

FILE = "index.sqlite"
VERSION = 1  # of the tables; another one is made anew
BUSY_SECONDS = 10.0
TABLES = """
create table artifacts (
    name text primary key, stage text, key text, payload text, bytes integer, seconds real, finished real, changed integer
);
create table edges (name text, input text, primary key (name, input)) without rowid;
create index made_of on edges (input);
"""


@dataclass(frozen=True)
class Entry:
    """An artifact: `payload` is its payload's digest, `bytes` all its files, `seconds` what it took to make, `finished` when
    (seconds since 1970), `inputs` the names of the artifacts that it was made from."""

    name: str
    stage: str
    key: str
    payload: str
    bytes: int
    seconds: float
    finished: float
    inputs: tuple[str, ...]


def read_index(workspace: Workspace) -> dict[str, Entry]:
    """Every finished artifact by name, as the files are now."""
    path = workspace.path / FILE
    if workspace.artifacts.is_dir():
        for _ in range(2):
            try:
                with closing(_connect(path)) as connection:
                    _refresh(connection, workspace.artifacts)
                    return _entries(connection)
            except (sqlite3.DatabaseError, OSError) as error:
                if not _broken(error):
                    break
                with suppress(OSError):
                    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
                        (workspace.path / name).unlink(missing_ok=True)
    with closing(_prepared(sqlite3.connect(":memory:", isolation_level=None))) as connection:
        _refresh(connection, workspace.artifacts)
        return _entries(connection)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=off")  # what a power cut breaks is made anew
        return _prepared(connection)
    except BaseException:
        connection.close()
        raise


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    if connection.execute("pragma user_version").fetchone()[0] != VERSION:
        connection.execute("begin immediate")
        if connection.execute("pragma user_version").fetchone()[0] != VERSION:  # nobody else has made them meanwhile
            for table in ("artifacts", "edges"):
                connection.execute(f"drop table if exists {table}")
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma user_version={VERSION}")
        connection.execute("commit")
    return connection


def _broken(error: Exception) -> bool:
    """Whether to make the file anew: not where it is only locked or cannot be written."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (
        sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH,
    )  # fmt: skip


def _refresh(connection: sqlite3.Connection, artifacts: Path) -> None:
    """Read what is new or changed, forget what is gone."""
    known = dict(connection.execute("select name, changed from artifacts"))
    there = dict(_directories(artifacts))
    gone = [name for name in known if name not in there]
    fresh = [
        (entry, changed)
        for name, changed in there.items()
        if known.get(name) != changed and (entry := _read(artifacts / name, name))
    ]
    gone += [name for name in there if name in known and known[name] != there[name]]
    if not gone and not fresh:
        return
    connection.execute("begin immediate")
    for table in ("artifacts", "edges"):
        connection.executemany(f"delete from {table} where name = ?", [(name,) for name in gone])
    connection.executemany("insert or replace into artifacts values (?, ?, ?, ?, ?, ?, ?, ?)", (_row(*one) for one in fresh))
    connection.executemany(
        "insert or replace into edges values (?, ?)", ((entry.name, name) for entry, _ in fresh for name in entry.inputs)
    )
    connection.execute("commit")


def _row(entry: Entry, changed: int) -> tuple[object, ...]:
    return (entry.name, entry.stage, entry.key, entry.payload, entry.bytes, entry.seconds, entry.finished, changed)


def _entries(connection: sqlite3.Connection) -> dict[str, Entry]:
    inputs: dict[str, list[str]] = {}
    for name, other in connection.execute("select name, input from edges order by name, input"):
        inputs.setdefault(name, []).append(other)
    rows = connection.execute("select name, stage, key, payload, bytes, seconds, finished from artifacts order by name")
    return {
        name: Entry(name, stage, key, payload, size, seconds, finished, tuple(inputs.get(name, ())))
        for name, stage, key, payload, size, seconds, finished in rows
    }


def _directories(artifacts: Path) -> Iterator[tuple[str, int]]:
    """Name and modification time (nanoseconds) of each directory that may be a finished artifact."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(artifacts) as entries:
        for entry in entries:
            if "-" in entry.name and not entry.name.startswith(".") and not entry.name.endswith(PARTIAL):
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat().st_mtime_ns


def _read(path: Path, name: str) -> Entry | None:
    """What the files of an artifact say; None if it is none."""
    stage, _, key = name.rpartition("-")
    folder = str(path)
    try:
        with open(f"{folder}/{PAYLOAD}", encoding="utf-8") as file:  # noqa: PTH123 (a Path costs as much as the reading)
            lines = file.read().splitlines()
        with open(f"{folder}/{MANIFEST}", "rb") as file:  # noqa: PTH123
            manifest: dict[str, Any] = json.loads(file.read())
        return Entry(
            name, stage, key, digest_payload({name: digest for digest, _, name in (line.partition("  ") for line in lines)}),
            _bytes(folder), float(manifest.get("seconds", 0.0)), float(manifest.get("finished", 0.0)),
            tuple(sorted(set(input_names(manifest)))),
        )  # fmt: skip
    except (OSError, ValueError, AttributeError, TypeError):
        return None


def input_names(manifest: Mapping[str, Any]) -> Iterable[str]:
    """Names of the artifacts that an artifact was made from."""
    for value in manifest.get("inputs", {}).values():
        yield from [value] if isinstance(value, str) else (value or {}).values()


def _bytes(folder: str) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += _bytes(entry.path)
            else:
                total += entry.stat(follow_symlinks=False).st_size
    return total
