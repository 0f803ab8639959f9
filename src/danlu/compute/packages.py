"""Installed packages beside what danlu asks for, read from their metadata: nothing is imported."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from danlu.compute.finding import Finding, Level, finding, remedy
from danlu.workspace.messages import table

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OLDEST_PYTHON = (3, 11)
PROGRAMS = {"tensorboard": "tensorboard"}
"""Packages that no command of danlu needs, but that its users like to have: name -> module."""


@dataclass(frozen=True)
class TorchBuild:
    """What torch was built for; empty where it is not installed."""

    version: str = ""
    cuda: str = ""
    hip: str = ""


def torch_build() -> TorchBuild:
    """Read from torch's file of versions, since importing torch takes seconds."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return TorchBuild()
    try:
        words = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return TorchBuild(_installed("torch") or "")
    values = dict(re.findall(r"^(__version__|cuda|hip)\b[^=\n]*= *['\"]([^'\"]*)['\"]", words, re.MULTILINE))
    return TorchBuild(values.get("__version__", ""), values.get("cuda", ""), values.get("hip", ""))


def check_packages(name: str = "danlu") -> Iterator[Finding]:
    """The dependencies of `name` against their pins, its extras, and programs that go well with it."""
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        yield finding("packages", "problem", "missing", remedy("run", command=pip("packaging")), names="packaging")
        return
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        yield finding("packages", "notice", "no-metadata", remedy("run", command=pip("-e", _source())))
        return
    wanted = [Requirement(line) for line in lines]
    yield _dependencies([one for one in wanted if _applies(one, "")])
    for extra in sorted(distribution(name).metadata.get_all("Provides-Extra") or []):
        yield _extra(name, extra, [one for one in wanted if not _applies(one, "") and _applies(one, extra)])
    for package, module in PROGRAMS.items():
        if find_spec(module) is None:
            yield finding("optional", "notice", package, remedy("run", command=pip(package)))


def _applies(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _dependencies(wanted: list[Requirement]) -> Finding:
    found = {one.name: _installed(one.name) for one in wanted}
    facts = {"versions": found}
    missing = [one for one in wanted if found[one.name] is None]
    if missing:
        command = pip(*(_pin(one) for one in missing))
        return finding("packages", "problem", "missing", remedy("run", command=command), facts, names=_names(missing))
    wrong = [one for one in wanted if not one.specifier.contains(found[one.name] or "", prereleases=True)]
    if wrong:
        named = ", ".join(f"{one.name} {found[one.name]} ({one.specifier})" for one in wrong)
        command = pip(*(_pin(one) for one in wrong))
        return finding("packages", "notice", "versions", remedy("run", command=command), facts, names=named)
    return finding("packages", "ok", "fine", None, facts, count=len(wanted))


def _extra(name: str, extra: str, wanted: list[Requirement]) -> Finding:
    """What an extra would give, and whether it is there."""
    key = f"doctor.gives.{extra}"
    gives = {"key": key if key in table() else "doctor.gives.other", "params": {}}
    missing = [one for one in wanted if _installed(one.name) is None]
    if missing:
        command = pip(*_where_from(name, extra))
        facts = {"extra": extra, "missing": [one.name for one in missing]}
        level: Level = "ok" if extra == "dev" else "notice"  # whoever only uses danlu lacks nothing without it
        return finding(
            "extra", level, "missing", remedy("run", command=command), facts, name=extra, gives=gives, names=_names(missing)
        )
    return finding("extra", "ok", "fine", None, {"extra": extra, "missing": []}, name=extra, gives=gives)


def _where_from(name: str, extra: str) -> list[str]:
    """What pip is told to get an extra: the folder that `name` was installed from, else its name."""
    told = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    if told.get("url", "").startswith("file://") and told.get("dir_info", {}).get("editable"):
        return ["-e", f"{url2pathname(urlsplit(told['url']).path)}[{extra}]"]
    return [f"{name}[{extra}]"]


def _source() -> str:
    """The folder that this danlu runs from."""
    found = find_spec("danlu")
    return str(Path(found.origin).parents[2]) if found and found.origin else "."


def _names(wanted: list[Requirement]) -> str:
    return ", ".join(one.name for one in wanted)


def _pin(wanted: Requirement) -> str:
    return f"{wanted.name}{wanted.specifier}"


def pip(*packages: str) -> str:
    """The command that installs packages into the Python that runs this."""
    return f"{_python()} -m pip install {' '.join(shlex.quote(one) for one in packages)}"


def _python() -> str:
    """How this Python is called from the shell: by a short name if that finds it."""
    short = next((name for name in ("python", "python3") if shutil.which(name) == sys.executable), sys.executable)
    return shlex.quote(short or "python3")
