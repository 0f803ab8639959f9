from __future__ import annotations

import errno
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from danlu.compute import doctor, packages, trials
from danlu.compute.doctor import diagnose, disk_kind
from danlu.compute.finding import Finding
from danlu.compute.packages import TorchBuild, check_packages, torch_build
from danlu.workspace.messages import LANGUAGES, table
from danlu.workspace.sentences import say


def words(found: Finding) -> str:
    """The whole line; both languages must have it."""
    lines = [say(found.said, language) + (say(found.remedy, language) if found.remedy else "") for language in LANGUAGES]
    assert all(lines)
    assert f"doctor.name.{found.check}" in table()
    return lines[0]


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_every_check_has_its_words_in_both_languages(tmp_path: Path) -> None:
    found = list(diagnose(tmp_path))
    assert [line.check for line in found][:6] == ["python", "processor", "cores", "memory", "disk", "cache"]
    for line in found:
        assert words(line)
        assert line.level != "problem"
        assert line.level == "ok" or line.remedy is not None  # whatever is said to be amiss comes with what to do
    assert not (tmp_path / "x").exists()


def test_a_narrow_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(doctor, "allowed_cores", lambda: 64)
    monkeypatch.setattr(doctor, "usable_cores", lambda: 2)
    monkeypatch.setattr(doctor, "cpu_quota", lambda: 1.5)
    assert words(doctor.check_cores()) == "2 of 64: the container's limit is 1.5"
    monkeypatch.setattr(doctor, "cpu_quota", lambda: None)
    assert "this process may use no more" in words(doctor.check_cores())
    monkeypatch.setattr(doctor, "installed_memory", lambda: 64_000_000_000)
    monkeypatch.setattr(doctor, "_free_memory", lambda: 60_000_000_000)
    monkeypatch.setattr(doctor, "memory_limit", lambda: 8_000_000_000)
    found = doctor.check_memory()
    assert (found.level, found.facts["usable_bytes"]) == ("ok", 8_000_000_000)
    assert "8.0 GB of 64.0 GB" in words(found)
    monkeypatch.setattr(doctor, "memory_limit", lambda: 1_000_000_000)
    found = doctor.check_memory()
    assert found.level == "notice"
    assert "size: nano" in words(found)


def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_disk(tmp_path / "not" / "there").level in ("ok", "notice")
    for free, level in ((1_000, "problem"), (1e9, "notice"), (1e12, "ok")):
        monkeypatch.setattr(doctor, "free_bytes", lambda path, free=free: free)
        assert doctor.check_disk(tmp_path).level == level
    monkeypatch.setattr(doctor, "disk_kind", lambda path: "nfs4")
    found = doctor.check_disk(tmp_path)
    assert found.level == "notice"
    assert "nfs4" in words(found)
    (tmp_path / "file").touch()
    found = doctor.check_disk(tmp_path / "file" / "workspace")
    assert found.level == "problem"
    assert "--workspace" in words(found)


def test_the_kind_of_a_disk_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw 0 0\nb {tmp_path} nfs4 rw 0 0\nc {tmp_path}-other cifs rw 0 0\nd /my\\040disk xfs rw 0 0\n")
    assert disk_kind(tmp_path / "x", mounts) == "nfs4"
    assert disk_kind(Path("/"), mounts) == "ext4"
    assert disk_kind(Path("/my disk/x"), mounts) == "xfs"
    assert disk_kind(tmp_path, tmp_path / "none") == ""


def test_without_a_compiler_the_command_that_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    found = doctor.check_compiler()
    assert found.level == "notice"
    assert "sudo apt-get install g++" in words(found)
    program(tmp_path, "dnf", "exit 0")
    assert "sudo dnf install gcc-c++" in words(doctor.check_compiler())
    program(tmp_path, "g++", "exit 1")
    assert "does not run" in words(doctor.check_compiler())
    assert "does not compile" in words(trials.try_compiler())
    program(tmp_path, "g++", "echo 'g++ 99.1'; echo more")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    found = doctor.check_compiler()
    assert "g++ 99.1, but Python's headers are missing" in words(found)
    (tmp_path / "Python.h").touch()
    assert words(doctor.check_compiler()) == "g++ 99.1"


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here")
def test_a_line_is_really_compiled_and_run() -> None:
    found = trials.try_compiler()
    if found.level != "ok":
        pytest.skip(f"the compiler of this machine lacks something: {words(found)}")
    assert found.facts["seconds"] > 0


def test_a_package_that_cannot_be_loaded_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "FOREIGN", ("json",))
    (found,) = trials.try_imports()
    assert (found.level, words(found)) == ("ok", "json")
    monkeypatch.setattr(trials, "FOREIGN", ("json", "no_such_package_of_danlu"))
    (found,) = trials.try_imports()
    assert found.level == "problem"
    assert "No module named" in words(found)
    assert "pip install --force-reinstall no_such_package_of_danlu" in words(found)


def test_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    build = TorchBuild("2.13.0+cpu")
    monkeypatch.setattr(doctor, "torch_build", lambda: build)
    assert words(doctor.check_gpu()) == "none; models train on the processor"
    card = "NVIDIA H200, 143771 MiB, 570.86.15"
    program(tmp_path, "nvidia-smi", f"echo '{card}'")
    found = doctor.check_gpu()
    assert (found.level, found.facts["gpus"]) == ("notice", [card])
    assert "built without CUDA" in words(found)
    build = TorchBuild("2.13.0", cuda="12.8")
    found = doctor.check_gpu()
    assert found.level == "ok"
    assert "12.8" in words(found)
    program(tmp_path, "nvidia-smi", "echo 'NVML: driver mismatch'; exit 18")
    assert doctor.check_gpu().level == "notice"
    (tmp_path / "nvidia-smi").unlink()
    assert "though torch is built for CUDA 12.8" in words(doctor.check_gpu())


def test_torch_is_read_without_importing_it() -> None:
    build = torch_build()
    if not build.version:
        pytest.skip("no torch here")
    assert build.version.partition("+")[0] == version("torch").partition("+")[0]  # not all wheels say `+cu130`


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("__version__ = '2.13.0'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", TorchBuild("2.13.0", "12.8")),
        ("__version__ = '2.9.0'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4'\n", TorchBuild("2.9.0", "", "6.4")),
    ],
)
def test_builds_of_torch(content: str, expected: TorchBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version.py").write_text(content)

    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(packages, "find_spec", lambda name: Spec)
    assert torch_build() == expected


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that a package with these requirements is installed."""

    def install(*requires: str) -> str:
        folder = tmp_path / "made_up-1.0.dist-info"
        folder.mkdir(exist_ok=True)
        extras = "".join(f"Provides-Extra: {name}\n" for name in ("dev", "export", "unheard"))
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n{extras}{lines}")
        monkeypatch.syspath_prepend(str(tmp_path))
        return "made-up"

    return install


def test_dependencies_against_their_pins(installed: Any) -> None:
    rich = version("rich")
    fine, *_ = check_packages(installed("rich>=1", "PyYAML"))
    assert (fine.level, fine.facts["versions"]["rich"]) == ("ok", rich)
    wrong, *_ = check_packages(installed("rich>=1000,<1001", "PyYAML"))
    assert wrong.level == "notice"
    assert f"rich {rich} (<1001,>=1000)" in words(wrong)
    assert "pip install 'rich<1001,>=1000'" in words(wrong)
    missing, *_ = check_packages(installed("rich>=1000", "no-such-package-of-danlu>=2"))
    assert missing.level == "problem"
    assert "pip install 'no-such-package-of-danlu>=2'" in words(missing)
    elsewhere, *_ = check_packages(installed("no-such-package-of-danlu; sys_platform == 'beos'"))
    assert elsewhere.level == "ok"


def test_extras_say_what_they_give_and_how_to_get_them(installed: Any) -> None:
    name = installed(
        "rich",
        "no-such-package-of-danlu; extra == 'export'",
        "pytest; extra == 'dev'",
        "nothing-of-the-kind; extra == 'unheard'",
    )
    found = {line.facts["extra"]: line for line in check_packages(name) if line.check == "extra"}
    assert (found["dev"].level, found["dev"].remedy) == ("ok", None)
    assert found["export"].level == "notice"
    assert "GGUF" in words(found["export"])
    assert words(found["export"]).endswith("-m pip install 'made-up[export]'")
    assert "more of what danlu can do" in words(found["unheard"])


def test_every_extra_of_danlu_has_its_words() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in project["optional-dependencies"]:
        assert f"doctor.gives.{name}" in table(), name
    oldest = project["requires-python"].removeprefix(">=")
    assert oldest == ".".join(map(str, packages.OLDEST_PYTHON))


def test_not_installed_at_all() -> None:
    (found, *_) = check_packages("no-such-package-of-danlu")
    assert found.level == "notice"
    assert words(found)


def test_language_and_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.GB18030")
    monkeypatch.setattr("locale.getpreferredencoding", lambda setlocale: "GB18030")
    found = doctor.check_language()
    assert found.level == ("ok" if sys.flags.utf8_mode else "notice")
    assert "GB18030" in words(found)
    assert words(doctor.check_terminal())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    assert doctor.check_terminal().level == "notice"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    assert "60 columns" in words(doctor.check_terminal())
    monkeypatch.setenv("COLUMNS", "120")
    assert doctor.check_terminal().level == "ok"


@pytest.fixture
def server() -> Iterator[tuple[str, list[int]]]:
    """An address, and the status that it answers with."""
    status = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", status
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hub(server: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    address, status = server
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", address)
    proxy, hub = trials.check_network()
    assert (words(proxy), hub.level) == ("none", "ok")
    status[0] = 404  # whoever answers is there
    assert [line.level for line in trials.check_network()] == ["ok", "ok"]
    status[0] = 503
    assert "HTTP 503" in words(list(trials.check_network())[1])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "never asked" in words(list(trials.check_network())[1])


def test_no_network_and_no_password_in_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    proxy, hub = trials.check_network()
    assert "secret" not in words(proxy) + str(proxy.facts)
    assert "127.0.0.1:9" in words(proxy)
    assert hub.level == "notice"
    assert os.strerror(errno.ECONNREFUSED) in words(hub)
