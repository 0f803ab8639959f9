"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from danlu.workspace.disk import explain_full
from danlu.workspace.errors import DanluError

NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV)
"""What says that a file system has no hard links."""
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]+\.tmp")


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process or thread uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file of that name is what a killed `write_atomic` left."""
    return _TEMPORARY.fullmatch(name) is not None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` beside `path`, flush it to disk, then rename over it."""
    beside = temporary(path)
    try:
        with beside.open("wb") as file:
            file.write(data.encode("utf-8") if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes | str) -> bool:
    """Write `data` whole unless there is a file already: whether it was written. Of several at once, one writes."""
    beside = temporary(path)
    try:
        write_atomic(beside, data)
        try:
            os.link(beside, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with path.open("xb") as file:
                file.write(beside.read_bytes())
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sync(path: Path) -> None:
    """Flush a file, or a directory's entries, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Flush a directory's entries, so that a rename in it survives a power cut."""
    sync(path)


def file_error(error: OSError, path: Path) -> DanluError:
    """What the file system says, in words."""
    where = str(error.filename or path)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return DanluError("workspace.not-a-folder", where=where)
    return explain_full(error, path) or DanluError("workspace.file-error", where=where, reason=error.strerror or str(error))


def make_folder(path: Path) -> None:
    """A folder that can be written in, made if it is not there. DanluError if it cannot be: before long work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = temporary(path / "probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise file_error(error, path) from error


def check_file(path: Path) -> None:
    """See that a file can be written, its folder made if it is not there. DanluError if not: before long work, not after it."""
    make_folder(path.parent)
    if path.is_dir():
        raise file_error(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)), path)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn 'no space' (of whatever library), 'no permission' and 'read-only' into errors with a remedy."""
    try:
        yield
    except Exception as error:
        if full := explain_full(error, path):
            raise full from error
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DanluError("workspace.not-writable", where=str(error.filename or path)) from error
        raise


def refuse_taken(target: Path) -> None:
    """DanluError if `target` holds anything already: before long work."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DanluError("workspace.taken", where=str(target))


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target` to write to, which becomes it at the end: `target` is there whole or not at all.

    What a killed process left there goes first. DanluError if `target` holds anything already.
    """
    refuse_taken(target)
    target = target.absolute()
    partial = target.with_name(f".{target.name}.partial")
    with disk_errors(target):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            for path in sorted(partial.rglob("*")):
                if path.is_file():
                    sync(path)
            sync_directory(partial)
            partial.replace(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    sync_directory(target.parent)
