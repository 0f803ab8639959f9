"""What all benchmarks share: the last JSON line, goals, the commit."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from danlu.compute.machine import Machine

ROOT = Path(__file__).parents[1]


def arguments(description: str, *, cells: bool = False) -> argparse.Namespace:
    """`--quick` ends within a minute or so; `--json` prints the last line; `--save` keeps it in benchmarks/results.

    With `cells` there is `--only PREFIX`, for some cells alone.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", action="store_true")
    if cells:
        parser.add_argument("--only", metavar="PREFIX", default="")
    return parser.parse_args()


def commit() -> str:
    """The commit measured, with a plus if the tree has changes."""
    found = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def version_of(package: str) -> str | None:
    """The version of an installed package, or of an importable module of its name; None if there is neither."""
    try:
        return version(package)
    except PackageNotFoundError:
        module = package.replace("-python", "").replace("-", "_")
        return str(getattr(import_module(module), "__version__", "?")) if find_spec(module) else None


def goal(wanted: float, measured: float, *, higher: bool = False) -> dict[str, Any]:
    """A goal beside what was measured."""
    return {"goal": wanted, "measured": round(measured, 4), "met": measured >= wanted if higher else measured <= wanted}


def finish(name: str, results: dict[str, Any], goals: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the goals for people, the line for programs, and keep it where asked."""
    line = {"benchmark": name, "commit": commit(), "machine": Machine.probe().facts(), "results": results, "goals": goals}
    for key, entry in goals.items():
        print(
            f"{key:45s} goal {entry['goal']:>10}  measured {entry['measured']:>10}  {'met' if entry['met'] else 'MISSED'}",
            file=sys.stderr,
        )
    if options.save and not options.quick:
        (ROOT / "benchmarks" / "results" / f"{name}.json").write_text(
            json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    if options.json:
        print(json.dumps(line, ensure_ascii=False))
