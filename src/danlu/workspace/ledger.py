"""The ledger of a stage: which units of work are finished, so that a resumed stage does only what it lacks."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

FAILPOINT = "DANLU_FAILPOINT"


class Ledger:
    """Finished units and a small JSON fact for each, in SQLite; a record survives the death of the process."""

    def __init__(self, path: Path, stage: str) -> None:
        self.stage = stage
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=normal")
        self._connection.execute("create table if not exists units (name text primary key, fact text not null)")

    def get(self, unit: str) -> Any | None:
        """The fact recorded for a finished unit; None if it is not finished."""
        row = self._connection.execute("select fact from units where name = ?", (unit,)).fetchone()
        return None if row is None else json.loads(row[0])

    def finish(self, unit: str, fact: Any = True) -> None:
        """Record that `unit` is finished; its files must be whole on disk before."""
        self._connection.execute("insert or replace into units values (?, ?)", (unit, json.dumps(fact)))
        self.failpoint(unit)

    def failpoint(self, unit: str) -> None:
        """Kill this process here if `DANLU_FAILPOINT` is `<stage>:<unit>`: the tests of resume use it."""
        if os.environ.get(FAILPOINT) == f"{self.stage}:{unit}":
            os.kill(os.getpid(), signal.SIGKILL)

    def close(self) -> None:
        self._connection.close()
