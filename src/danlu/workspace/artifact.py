"""Artifacts: immutable directories named by the content of what made them.

A workspace holds `artifacts/<stage>-<key>/`. Work in progress lives in `<stage>-<key>.partial/` and is renamed when it
is whole, so an artifact that has its name is finished. The payload is the files listed in `payload.sha256`; manifest,
events, metrics and resolved values are records beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.workspace.digest import digest_file, digest_json, digest_payload
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, read_json, sync_directory, write_atomic, write_json
from danlu.workspace.run import RESOLVED, SCRATCH

FORMAT = 1
PAYLOAD = "payload.sha256"
MANIFEST = "manifest.json"
LEDGER = "ledger.sqlite"
LOCK = "lock.json"
RECORDS = frozenset(
    {PAYLOAD, MANIFEST, LEDGER, LEDGER + "-wal", LEDGER + "-shm", LOCK, RESOLVED, "events.jsonl", "metrics.jsonl"}
)


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

    def create(self) -> None:
        """Make the directories and write the format version; an error if another version or no permission."""
        stamp = self.path / "workspace.json"
        with disk_errors(self.path):
            if stamp.exists():
                found = read_json(stamp).get("format")
                if found != FORMAT:
                    raise DanluError("workspace.format", where=str(stamp), found=found, expected=FORMAT)
            try:
                for name in ("artifacts", "runs", "reports"):
                    (self.path / name).mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:  # a file stands in the way
                raise DanluError("workspace.not-writable", where=str(error.filename)) from error
            if not os.access(self.path / "artifacts", os.W_OK):
                raise DanluError("workspace.not-writable", where=str(self.path / "artifacts"))
            if not stamp.exists():
                write_atomic(self.path / ".gitignore", "*\n")
                write_json(stamp, {"format": FORMAT})

    def directory(self, stage: str, key: str) -> Path:
        return self.path / "artifacts" / f"{stage}-{key}"

    def partial(self, stage: str, key: str) -> Path:
        return self.path / "artifacts" / f"{stage}-{key}.partial"

    def find(self, stage: str, key: str) -> Artifact | None:
        """The finished artifact of that key, if there is one."""
        path = self.directory(stage, key)
        return Artifact(stage, key, path) if (path / PAYLOAD).exists() else None

    def named(self, name: str) -> Artifact:
        """The artifact whose directory name starts with `name` (stage-key, or any unique part of the key)."""
        root = self.path / "artifacts"
        entries = sorted(root.iterdir()) if root.exists() else []
        found = [entry for entry in entries if (entry / PAYLOAD).exists() and (entry.name == name or name in entry.name)]
        exact = [entry for entry in found if entry.name == name]
        if len(exact or found) != 1:
            raise DanluError("workspace.no-such-artifact", where=str(root), name=name, count=len(found))
        path = (exact or found)[0]
        stage, _, key = path.name.rpartition("-")
        return Artifact(stage, key, path)

    def publish(self, stage: str, key: str, manifest: Mapping[str, Any]) -> Artifact:
        """Hash the payload of the partial directory, write its records, rename it into place."""
        partial, final = self.partial(stage, key), self.directory(stage, key)
        shutil.rmtree(partial / SCRATCH, ignore_errors=True)
        payload = hash_payload(partial)
        for name in payload:
            (partial / name).chmod(0o644)  # some libraries keep their files from other users of the workspace
            with (partial / name).open("rb") as file:
                os.fsync(file.fileno())
        write_json(partial / MANIFEST, {"format": FORMAT, "stage": stage, "key": key, **manifest})
        write_atomic(partial / PAYLOAD, "".join(f"{digest}  {name}\n" for name, digest in sorted(payload.items())))
        for name in (LEDGER, LEDGER + "-wal", LEDGER + "-shm", LOCK):
            (partial / name).unlink(missing_ok=True)
        partial.replace(final)
        sync_directory(final.parent)
        return Artifact(stage, key, final)
