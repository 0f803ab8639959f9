"""Artifacts: immutable directories named by the content of what made them.

A workspace holds `artifacts/<stage>-<key>/`. Work in progress lives in `<stage>-<key>.partial/` and is renamed when it
is whole, so an artifact that has its name is finished. The payload is the files listed in `payload.sha256`; manifest,
events, metrics and resolved values are records beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.workspace.digest import digest_file, digest_json, digest_payload
from danlu.workspace.errors import DanluError
from danlu.workspace.events import EVENTS, METRICS, JsonLines
from danlu.workspace.files import (
    disk_errors,
    is_temporary,
    read_json,
    sync,
    sync_directory,
    temporary,
    write_atomic,
    write_json,
)
from danlu.workspace.formats import FORMAT as WORKSPACE_FORMAT
from danlu.workspace.formats import STAMP, check_format, migrate
from danlu.workspace.ledger import failpoint
from danlu.workspace.lock import guarded
from danlu.workspace.run import RESOLVED, SCRATCH

FORMAT = 1  # of artifacts: part of every key
PAYLOAD = "payload.sha256"
MANIFEST = "manifest.json"
LEDGER = "ledger.sqlite"
LOCK = "lock.json"
MODEL = "model"
"""The folder of a model in the artifact of the stage that made it."""
PARTIAL = ".partial"
TRASH = ".trash"
GUARD = ".guard"
LEFTOVERS = (LEDGER, LEDGER + "-wal", LEDGER + "-shm", LOCK)
"""What of a partial directory goes when it is published, with its scratch."""
RECORDS = frozenset({PAYLOAD, MANIFEST, *LEFTOVERS, RESOLVED, EVENTS, METRICS})


@dataclass(frozen=True)
class Artifact:
    """A finished artifact on disk."""

    stage: str
    key: str
    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """Inputs, config, versions, machine, wall time, peak memory, counts."""
        return read_json(self.path / MANIFEST)  # type: ignore[no-any-return]

    @property
    def payload(self) -> str:
        """The digest of the payload: what the keys of later stages are made of."""
        return digest_payload(read_payload(self.path))

    def __truediv__(self, name: str) -> Path:
        return self.path / name


def artifact_with(model: Path) -> Artifact | None:
    """The finished artifact, of whatever workspace, whose model lies in this directory (or which lies there itself)."""
    place = model.resolve()
    found = place if (place / PAYLOAD).is_file() else place.parent
    stage, hyphen, key = found.name.rpartition("-")
    is_its = place in (found, found / MODEL)
    return Artifact(stage, key, found) if hyphen and is_its and (found / PAYLOAD).is_file() else None


def artifact_key(stage: str, version: int, config: Any, seed: int, inputs: Mapping[str, str]) -> str:
    """The key: hash of stage, version, configuration (less what only concerns execution), seed, input payloads."""
    return digest_json(
        {"format": FORMAT, "stage": stage, "version": version, "config": config, "seed": seed, "inputs": dict(inputs)}, 8
    )


def read_payload(path: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of each payload file, from `payload.sha256`."""
    lines = (path / PAYLOAD).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def hash_payload(path: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every payload file below `path`, read anew."""
    found = {}
    for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
        name = file.relative_to(path).as_posix()
        if name not in RECORDS and not name.startswith(f"{SCRATCH}/"):
            found[name] = digest_file(file)
    return found


class Workspace:
    """The directory that holds all artifacts of all recipes run in it (default `.danlu/`)."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    def create(self) -> None:
        """Make the directories and write the format; an older workspace is migrated. An error if a newer danlu made it, or
        without permission."""
        stamp = self.path / STAMP
        with disk_errors(self.path):
            if check_format(self.path) not in (None, WORKSPACE_FORMAT):
                with guarded(self.path / GUARD, exclusive=True):
                    migrate(self.path)
            try:
                for name in ("artifacts", "runs", "reports"):
                    (self.path / name).mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:  # a file stands in the way
                raise DanluError("workspace.not-writable", where=str(error.filename)) from error
            if not os.access(self.artifacts, os.W_OK):
                raise DanluError("workspace.not-writable", where=str(self.artifacts))
            if not stamp.exists():
                write_atomic(self.path / ".gitignore", "*\n")
                write_json(stamp, {"format": WORKSPACE_FORMAT})

    def steady(self) -> AbstractContextManager[None]:
        """While this is held, `danlu gc` takes no artifact away: to find one and note it down in the state of a run."""
        return guarded(self.path / GUARD, exclusive=False)

    def directory(self, stage: str, key: str) -> Path:
        return self.artifacts / f"{stage}-{key}"

    def partial(self, stage: str, key: str) -> Path:
        return self.artifacts / f"{stage}-{key}{PARTIAL}"

    def find(self, stage: str, key: str) -> Artifact | None:
        """The finished artifact of that key, if there is one."""
        path = self.directory(stage, key)
        return Artifact(stage, key, path) if (path / PAYLOAD).exists() else None

    def finished(self, part: str = "") -> Iterator[Artifact]:
        """All finished artifacts with `part` in their name, by name."""
        try:
            names = sorted(name for name in os.listdir(self.artifacts) if part in name)  # noqa: PTH208 (500 names, not paths)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            stage, hyphen, key = name.rpartition("-")
            if hyphen and not name.startswith(".") and not name.endswith(PARTIAL) and (found := self.find(stage, key)):
                yield found

    def named(self, name: str) -> Artifact:
        """The artifact of that name (stage-key), or the one whose name has `name` as a part. DanluError if none or several."""
        found = list(self.finished(name))
        exact = [artifact for artifact in found if artifact.path.name == name]
        if len(exact or found) != 1:
            raise DanluError("workspace.no-such-artifact", where=str(self.artifacts), name=name, count=len(found))
        return (exact or found)[0]

    def publish(self, stage: str, key: str, manifest: Mapping[str, Any]) -> Artifact:
        """Hash the payload of the partial directory, write its records, rename it into place.

        What is needed to go on after a kill (ledger, scratch, the lock that keeps others out) goes only after the rename; what
        a kill leaves of that is no part of the payload, and `danlu gc` removes it.
        """
        partial, final = self.partial(stage, key), self.directory(stage, key)
        failpoint("publish:start")
        for left in [path for path in partial.rglob(".*.tmp") if is_temporary(path.name)]:  # of an attempt that was killed
            left.unlink()
        payload = hash_payload(partial)
        for name in payload:
            (partial / name).chmod(0o644)  # some libraries keep their files from other users of the workspace
            sync(partial / name)
        for folder in {partial / parent for name in payload for parent in Path(name).parents}:
            sync_directory(folder)
        write_json(partial / MANIFEST, {"format": FORMAT, "stage": stage, "key": key, **manifest})
        failpoint("publish:manifest")
        write_atomic(partial / PAYLOAD, "".join(f"{digest}  {name}\n" for name, digest in sorted(payload.items())))
        failpoint("publish:payload")
        JsonLines(partial / EVENTS).write(kind="published", key=key, payload=digest_payload(payload))
        sync_directory(partial)
        if final.exists():  # without its list of the payload, or it would have been found: damaged
            discard(final)
        failpoint("publish:rename")
        partial.replace(final)
        failpoint("publish:renamed")
        sync_directory(final.parent)
        for name in LEFTOVERS:
            (final / name).unlink(missing_ok=True)
        shutil.rmtree(final / SCRATCH, ignore_errors=True)
        return Artifact(stage, key, final)


def discard(path: Path) -> Path:
    """Move a directory of `artifacts/` or `runs/` out of sight, at once or not at all; what to delete then."""
    aside = temporary(path.parent / TRASH / path.name)
    try:
        aside.parent.mkdir(exist_ok=True)
    except OSError:  # the disk is too full even for a directory
        aside = temporary(path)
    path.rename(aside)
    return aside
