"""Parts of a benchmark that take long: each is kept under its name, so that a stopped run goes on where it was."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import commit, finish, version_of


class Cells:
    """Results of one benchmark at one commit, in the user's cache. A tree with changes keeps nothing: it has no name."""

    def __init__(self, benchmark: str, quick: bool) -> None:
        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "danlu" / "benchmarks"
        self._named = not commit().endswith("+")
        self._path = home / f"{benchmark}-{commit()}{'-quick' if quick else ''}.json"
        kept = self._named and self._path.is_file()
        self._found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8")) if kept else {}

    def __call__(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` gave when it was called under this name, now or before."""
        if name not in self._found:
            self._found[name] = measure()
            if self._named:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.write_text(json.dumps(self._found, ensure_ascii=False), encoding="utf-8")
        return self._found[name]


def run_cells(
    name: str,
    cells: Mapping[str, Callable[[], Any]],
    options: argparse.Namespace,
    peers: Iterable[str],
    goals_of: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Measure the cells (with `--only`, print those alone), and finish with the versions of the peers and the goals."""
    kept = Cells(name, options.quick)
    results = {cell: kept(cell, measure) for cell, measure in cells.items() if cell.startswith(options.only)}
    if options.only:
        print(json.dumps(results, ensure_ascii=False))
        return
    results = {"peers": {peer: version_of(peer) for peer in peers}, **results}
    finish(name, results, goals_of(results), options)
