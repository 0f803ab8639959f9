"""One owner of a partial directory at a time.

Who owns is decided by two things. On one machine by the kernel: the owner holds `flock` on the lock file, which ends with
its process, however that dies. Between machines that share a disk (where `flock` may reach only one of them) by a heartbeat:
the owner counts up a number in the file, and another machine takes over when its own monotonic clock has seen no change for
a minute. No wall-clock time is compared with anything, so clocks may differ, jump or go backwards.

The file is born whole: it is written and locked under another name, then linked to its own, which fails if there is one.
It lies in the directory that it guards, and that directory is renamed when its artifact is published. So whoever gets the
lock looks whether the file it locked is still the one at the path, and begins again if not. An owner that was taken for dead
finds another's name in its file: it is told, and `Held.check` fails.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.files import NO_LINKS, temporary

SIZE = 1024  # of the file at least: it is overwritten in place, and must not change its length
_UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
_TRIES = 4  # of one who does not wait: someone may be only looking who the owner is

Say = Callable[..., None]


@dataclass(frozen=True)
class Timing:
    """How long things take, in seconds, and the clock that says so (monotonic: only its differences count)."""

    heartbeat: float = 5.0
    stale: float = 60.0
    poll: float = 0.5
    clock: Callable[[], float] = time.monotonic


TIMING = Timing()


@dataclass(frozen=True)
class Owner:
    """What a lock file says of its owner: `since` is for people only, `needs` names artifacts that it reads, `beat` counts."""

    token: str
    pid: int
    host: str
    machine: str
    since: str
    stage: str = ""
    needs: tuple[str, ...] = ()
    beat: int = 0


@dataclass
class Held:
    """A lock that is held: `check` it before anything that cannot be taken back."""

    path: Path
    owner: Owner
    descriptor: int

    def check(self) -> None:
        """DanluError if another took this owner for dead and has the lock now."""
        if not _is_at(self.descriptor, self.path) or self.lost():
            raise DanluError("workspace.lock-lost", where=str(self.path))

    def lost(self) -> bool:
        """Whether the file bears another's name."""
        try:
            found = _read(self.descriptor)
        except OSError as error:  # on a shared disk the file may be gone from the server
            return error.errno == errno.ESTALE
        return found is not None and found.token != self.owner.token

    def beat(self) -> None:
        """Show other machines that the owner lives."""
        self.owner = replace(self.owner, beat=self.owner.beat + 1)
        os.pwrite(self.descriptor, _content(self.owner), 0)

    def forget(self) -> None:
        """In a forked child: the lock stays with the parent, and must end with the parent."""
        descriptor, self.descriptor = self.descriptor, -1
        with suppress(OSError):
            os.close(descriptor)


def this_machine() -> str:
    """What tells whether the kernel that decides about `flock` is the same: its boot, or else the name of the host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


@contextmanager
def locked(
    path: Path,
    wait: bool = True,
    *,
    stage: str = "",
    needs: tuple[str, ...] = (),
    say: Say | None = None,
    cancelled: Callable[[], bool] | None = None,
    on_lost: Callable[[], None] | None = None,
    timing: Timing = TIMING,
    machine: str | None = None,
) -> Iterator[Held]:
    """Hold `path` as a lock with a heartbeat. Its directory is made if it is not there, and goes again if nothing came into it.

    Waits for an owner that lives, and says so once (`say` takes a message key and parameters, as `Progress.say` does); with
    `wait=False` it raises `workspace.locked` instead. `cancelled` is asked while waiting: then `Interrupted`. `on_lost` is
    called from another thread if a process on another machine takes this one for dead; if the work is given up for that
    (`Interrupted`), the error is `workspace.lock-lost`.
    """
    owner = Owner(
        token=secrets.token_hex(8), pid=os.getpid(), host=socket.gethostname(), machine=machine or this_machine(),
        since=time.strftime("%Y-%m-%d %H:%M:%S"), stage=stage, needs=needs,
    )  # fmt: skip
    held = _acquire(path, owner, wait, say, cancelled, timing)
    weak = weakref.WeakMethod(held.forget)
    os.register_at_fork(after_in_child=lambda: (weak() or (lambda: None))())
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(held, stop, timing, on_lost), daemon=True, name="danlu-heartbeat")
    thread.start()
    try:
        yield held
    except Interrupted:
        held.check()
        raise
    finally:
        if os.getpid() == owner.pid:  # not in a fork that comes this way
            stop.set()
            thread.join()
            _release(held)


def holder(path: Path) -> Owner | None:
    """Who holds the lock at `path`: None if nobody does. An owner on another machine counts as alive."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        free = _flock(descriptor, fcntl.LOCK_SH)
        found = _read(descriptor)
    finally:
        os.close(descriptor)
    if free and (found is None or found.machine == this_machine()):
        return None
    return found or Owner(token="", pid=0, host="?", machine="", since="?")


@contextmanager
def guarded(path: Path, *, exclusive: bool) -> Iterator[None]:
    """Keep an `exclusive` short piece of work (clearing out) and shared ones (finding and noting down) apart, by `flock` on a
    file that stays. Where the file cannot be made or locked, the work goes on unguarded."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _acquire(
    path: Path, owner: Owner, wait: bool, say: Say | None, cancelled: Callable[[], bool] | None, timing: Timing
) -> Held:
    watch = _Watch(timing)
    said, tries = "", 0
    while True:
        _make_directory(path.parent)
        descriptor = _create(path, owner)
        if descriptor is not None:
            return Held(path, owner, descriptor)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        free = _flock(descriptor, fcntl.LOCK_EX)
        if not _is_at(descriptor, path):  # published or removed meanwhile
            os.close(descriptor)
            continue
        found = _read(descriptor)
        if free and (found is None or found.machine == owner.machine):  # its owner is dead, says the kernel
            os.pwrite(descriptor, _content(owner).ljust(os.fstat(descriptor).st_size), 0)
            return Held(path, owner, descriptor)
        inode = os.fstat(descriptor).st_ino
        os.close(descriptor)
        if found is not None and (found.machine != owner.machine or free is None) and watch.stale(found):
            _displace(path, inode, owner)
            continue
        tries += 1
        if not wait and (tries >= _TRIES or (found is not None and found.machine != owner.machine)):
            raise DanluError("workspace.locked", where=str(path), pid=found.pid if found else "?", **_words(found))
        if cancelled is not None and cancelled():
            raise Interrupted("workspace.interrupted", where=str(path))
        if wait and say is not None and found is not None and said != found.token:
            say("workspace.waits", pid=found.pid, stage=found.stage or path.parent.name, **_words(found))
            said = found.token
        time.sleep(timing.poll if wait else min(timing.poll, 0.05))


def _make_directory(path: Path) -> None:
    """Make it unless it is there; where it goes at this very moment it may still be missing afterwards."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if path.is_file():
            raise


def _words(owner: Owner | None) -> dict[str, str]:
    return {"host": owner.host if owner else "?", "since": owner.since if owner else "?"}


class _Watch:
    """How long the heart of an owner has not beaten, by the clock of who watches.

    Each look counts for two polls at most: if the watcher itself, or the disk they share, stood still, that says nothing of the
    owner.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.seen: tuple[str, int] | None = None
        self.last = timing.clock()
        self.silent = 0.0

    def stale(self, owner: Owner) -> bool:
        """Note what the file says now; whether it has not changed for long enough."""
        now = self.timing.clock()
        elapsed = min(max(now - self.last, 0.0), 2 * self.timing.poll)
        self.last = now
        if (owner.token, owner.beat) != self.seen:
            self.seen, self.silent = (owner.token, owner.beat), 0.0
        else:
            self.silent += elapsed
        return self.silent >= self.timing.stale


def _beat(held: Held, stop: threading.Event, timing: Timing, on_lost: Callable[[], None] | None) -> None:
    while not stop.wait(timing.heartbeat):
        if held.lost():
            if on_lost is not None:
                on_lost()
            return
        with suppress(OSError):  # a full disk must not stop the heart
            held.beat()


def _create(path: Path, owner: Owner) -> int | None:
    """Descriptor of a new lock file that is whole and locked from birth; None if there is one, or no directory any more."""
    if path.exists():
        return None
    beside = temporary(path)
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileNotFoundError:
        return None
    try:
        os.pwrite(descriptor, _content(owner), 0)
        _flock(descriptor, fcntl.LOCK_EX)
        os.link(beside, path)
    except (FileExistsError, FileNotFoundError):
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        if error.errno not in NO_LINKS:
            raise
        return _create_plainly(path, owner)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    return descriptor


def _create_plainly(path: Path, owner: Owner) -> int | None:
    """The same on a file system without hard links: whoever locks the new file first has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except (FileExistsError, FileNotFoundError):
        return None
    if _flock(descriptor, fcntl.LOCK_EX) is False:
        os.close(descriptor)
        return None
    os.pwrite(descriptor, _content(owner), 0)
    return descriptor


def _displace(path: Path, inode: int, owner: Owner) -> None:
    """Take the lock file of an owner that is dead out of the way, and leave a word in it should that owner come back."""
    aside = temporary(path)
    try:
        path.rename(aside)
        descriptor = os.open(aside, os.O_RDWR)
    except FileNotFoundError:  # another was faster
        return
    try:
        if os.fstat(descriptor).st_ino == inode:
            os.pwrite(descriptor, _content(owner), 0)
        else:  # the lock of one who was faster: put it back
            with suppress(OSError):
                os.link(aside, path)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            aside.unlink()


def _release(held: Held) -> None:
    """Remove the lock file while it is still locked, so that nobody can lock it and find it at its path."""
    try:
        if _is_at(held.descriptor, held.path) and not held.lost():
            held.path.unlink(missing_ok=True)
        with suppress(OSError):  # work has begun in it, or it was published
            held.path.parent.rmdir()
    finally:
        held.forget()


def _flock(descriptor: int, how: int) -> bool | None:
    """Whether the kernel gave the lock; None where it cannot say."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    mine = os.fstat(descriptor)
    return (found.st_ino, found.st_dev) == (mine.st_ino, mine.st_dev)


def _content(owner: Owner) -> bytes:
    """The same length at every beat."""
    fields: dict[str, Any] = {**asdict(owner), "beat": None}
    line = json.dumps(fields, ensure_ascii=False)[: -len("null}")] + f"{owner.beat:12}}}"
    return line.encode("utf-8").ljust(SIZE - 1) + b"\n"


def _read(descriptor: int) -> Owner | None:
    """What a lock file says; None if it says nothing that can be read."""
    try:
        fields = json.loads(os.pread(descriptor, 1 << 20, 0))
        return Owner(**{**fields, "needs": tuple(fields["needs"])})
    except (ValueError, KeyError, TypeError):
        return None
