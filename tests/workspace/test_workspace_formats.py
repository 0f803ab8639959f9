from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.formats import FORMAT, MIGRATIONS, check_format, migrate, read_format


def test_a_new_workspace_has_the_newest_format_and_keeps_it(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    assert check_format(place.path) is None
    place.create()
    place.create()
    assert read_format(place.path) == FORMAT
    assert set(MIGRATIONS) == set(range(1, FORMAT))


def test_a_newer_one_is_refused_with_the_remedy(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    (place.path / "workspace.json").write_text('{"format": 99}')
    with pytest.raises(DanluError, match="format 99") as caught:
        place.create()
    assert "pip install --upgrade danlu" in caught.value.explain("en")["remedy"]
    assert "升级" in caught.value.explain("zh")["remedy"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "new"}'])
def test_a_stamp_that_cannot_be_read_is_no_reason_to_guess(tmp_path: Path, content: str) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    (place.path / "workspace.json").write_text(content)
    with pytest.raises(DanluError) as caught:
        place.create()
    assert caught.value.key == "workspace.format-unreadable"
    assert f'{{"format": {FORMAT}}}' in caught.value.explain("en")["remedy"]


def test_an_older_one_is_migrated_step_by_step_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    stamp = tmp_path / "workspace.json"
    stamp.write_text('{"format": 1, "kept": true}')
    calls: list[str] = []

    def second(path: Path) -> None:
        calls.append("second")
        (path / "two").touch()

    def third(path: Path) -> None:
        calls.append("third")
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(tmp_path, {1: second, 2: third}, 3)
    assert json.loads(stamp.read_text()) == {"format": 2, "kept": True}
    assert migrate(tmp_path, {1: second, 2: third}, 3) == [3]
    assert calls == ["second", "third", "third"]
    assert json.loads(stamp.read_text())["format"] == 3
    assert migrate(tmp_path, {1: second, 2: third}, 3) == []


def test_without_a_way_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text('{"format": 1}')
    with pytest.raises(DanluError) as caught:
        migrate(tmp_path, {2: lambda path: None}, 3)
    assert caught.value.key == "workspace.format-too-old"
