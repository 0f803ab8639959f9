"""The ledger of a stage: which units of work are finished, so that a resumed stage does only what it lacks."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from danlu.workspace.files import disk_errors

FAILPOINT = "DANLU_FAILPOINT"
POISON = "DANLU_POISON"
PARENT = "DANLU_PARENT"
"""In the environment of a child process: the process number of whoever started it."""


def failpoint(name: str) -> None:
    """Kill the whole run here if `DANLU_FAILPOINT` is `name` (`<stage>:<unit>`, `publish:manifest`): for the tests of resume.

    A stage may run in a child of the run: then the parent goes first, as when the machine itself fails.
    """
    if os.environ.get(FAILPOINT) == name:
        if PARENT in os.environ:
            os.kill(int(os.environ[PARENT]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def poison(name: str) -> None:
    """Kill this process, and it alone, if `DANLU_POISON` lists `name` (`<stage>:<unit>`, commas between): for the tests of
    work that kills whoever does it."""
    if name in os.environ.get(POISON, "").split(","):
        os.kill(os.getpid(), signal.SIGKILL)


class Ledger:
    """Finished units and a small JSON fact for each, in SQLite; a record survives the death of the process."""

    def __init__(self, path: Path, stage: str) -> None:
        self.stage, self.path = stage, path
        with disk_errors(path):
            self._connection = sqlite3.connect(path, isolation_level=None)
            try:
                self._connection.execute("pragma journal_mode=wal")
                self._connection.execute("pragma synchronous=normal")
                self._connection.execute("create table if not exists units (name text primary key, fact text not null)")
            except sqlite3.Error:
                self._connection.close()
                raise

    def get(self, unit: str) -> Any | None:
        """The fact recorded for a finished unit; None if it is not finished."""
        row = self._connection.execute("select fact from units where name = ?", (unit,)).fetchone()
        return None if row is None else json.loads(row[0])

    def finish(self, unit: str, fact: Any = True) -> None:
        """Record that `unit` is finished; its files must be whole on disk before."""
        with disk_errors(self.path):
            self._connection.execute("insert or replace into units values (?, ?)", (unit, json.dumps(fact)))
        self.failpoint(unit)

    def failpoint(self, unit: str) -> None:
        """Kill the whole run here if `DANLU_FAILPOINT` is `<stage>:<unit>`."""
        failpoint(f"{self.stage}:{unit}")

    def close(self) -> None:
        self._connection.close()
