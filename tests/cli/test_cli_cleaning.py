"""`danlu clean IN --out DIR` and `danlu report A B`, as a user types them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from selectolax.lexbor import LexborHTMLParser as Document

from commands import danlu, last_line

TEXTS = [
    "The river was low that summer, and the boys walked across it on the stones.",
    "the river was low that summer and the boys walked across it on the stones!",
    "昨天下了一场大雨，河里的水涨了不少。",
    "==== #### ==== 1 2 3 4 5",
    "Short one.",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cleaning")
    (root / "in").mkdir()
    lines = "\n".join(json.dumps({"text": text}) for text in TEXTS)
    (root / "in" / "texts.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return root


def test_a_cleaning_goes_to_a_folder_and_is_compared_with_another(folder: Path) -> None:
    done = danlu("clean", "in", "--out", "a", "--json", cwd=folder)
    assert "Too few letters (letters)" in done.stderr
    line = last_line(done)
    assert line["reasons"] == {"letters": 1, "repeat": 1}
    assert line["out"] == "a"
    assert sorted(path.name for path in (folder / "a").iterdir()) == [
        "cleaning.json", "documents", "report.html", "verdicts.parquet",
    ]  # fmt: skip
    kept = pq.read_table(folder / "a" / "documents")
    assert kept["text"].to_pylist() == [TEXTS[0], TEXTS[2], TEXTS[4]]
    verdicts = pq.read_table(folder / "a" / "verdicts.parquet")
    assert verdicts["reason"].to_pylist() == ["", "repeat", "", "letters", ""], "nothing is held out of files of one's own"
    assert json.loads((folder / "a" / "cleaning.json").read_text(encoding="utf-8"))["config"]["preset"] == "danlu"
    assert Document((folder / "a" / "report.html").read_text(encoding="utf-8")).css_first("h1").text() == (
        "3 of 5 documents stay, 60%."
    )

    # Who only shows what was measured does without the compiler of kernels.
    script = (
        "import sys; from pathlib import Path\n"
        "from danlu.workspace.artifact import Workspace; from danlu.pipeline import cleaning\n"
        "place = Workspace(Path('.danlu')); found = cleaning.find_cleaning(place, 'in-clean')\n"
        "cleaning.write_page(place, found, 'in-clean', Path('page.html')); print('numba' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
    assert (folder / "page.html").read_text(encoding="utf-8") == (folder / "a" / "report.html").read_text(encoding="utf-8")

    other = danlu(
        "--lang", "zh", "clean", "in", "--out", "b", "--format", "jsonl", "--set", "clean.rules.few_words=3", cwd=folder
    )
    assert "词数太少 (few_words)" in other.stderr
    lines = (folder / "b" / "documents" / "part-00000.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [TEXTS[0], TEXTS[2]]
    assert json.loads(lines[0])["meta"] == {"file": "in/texts.jsonl.gz", "record": 1}

    compared = last_line(danlu("report", "a", "b", "--page", "both.html", "--json", cwd=folder))
    assert compared["both"]["documents"] == 2
    assert [one["documents"] for one in compared["only"]] == [1, 0]
    assert "They differ on 1 of 5 documents." in Document((folder / "both.html").read_text(encoding="utf-8")).text()
    packed = json.loads(Document((folder / "both.html").read_text(encoding="utf-8")).css_first("#data").text())["texts"]
    shown = json.loads(zlib.decompress(base64.b64decode(packed)))["second:few_words"]
    assert [(one["source"], one["text"]) for one in shown] == [("in/texts.jsonl.gz:5", [[0, TEXTS[4]]])]
    again = danlu("report", "in-clean", "--cleaning", cwd=folder)
    assert Path(again.stdout.strip()).name == "cleaning.html"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clean", "in", "--out", "in"], "in"),
        (["clean", "in", "--format", "xml"], "xml"),
        (["clean", "in", "--preset", "best"], "best"),
        (["report", "in", "nowhere"], "in"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(folder: Path, arguments: list[str], words: str) -> None:
    done = danlu(*arguments, cwd=folder, check=False)
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert "collect ..." not in done.stderr
