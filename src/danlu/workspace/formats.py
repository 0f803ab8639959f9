"""The format of a workspace: an older one is migrated step by step, a newer one refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

FORMAT = 1
STAMP = "workspace.json"

Migration = Callable[[Path], None]

MIGRATIONS: Mapping[int, Migration] = {}
"""From each format but the newest the function that brings the workspace at a path to the next one. It may be killed and is
then called again on what it left, so each of its steps must find out whether it is done."""


def read_format(workspace: Path) -> int | None:
    """The format of a workspace; None where there is none yet. DanluError if its stamp cannot be read."""
    stamp = workspace / STAMP
    try:
        return int(read_json(stamp)["format"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        raise DanluError("workspace.format-unreadable", where=str(stamp), format=FORMAT) from None


def check_format(workspace: Path, newest: int = FORMAT) -> int | None:
    """The format of a workspace, None where there is none yet; DanluError if a newer danlu made it."""
    found = read_format(workspace)
    if found is not None and found > newest:
        raise DanluError("workspace.format", where=str(workspace / STAMP), found=found, expected=newest)
    return found


def migrate(workspace: Path, migrations: Mapping[int, Migration] = MIGRATIONS, newest: int = FORMAT) -> list[int]:
    """Bring a workspace to the newest format; the formats it passed through. It is stamped after each step, so a killed
    migration goes on where it was. DanluError if there is no way from its format."""
    found = check_format(workspace, newest)
    passed = []
    while found is not None and found < newest:
        if found not in migrations:
            raise DanluError("workspace.format-too-old", where=str(workspace / STAMP), found=found, expected=newest)
        migrations[found](workspace)
        found += 1
        write_json(workspace / STAMP, {**read_json(workspace / STAMP), "format": found})
        passed.append(found)
    return passed
