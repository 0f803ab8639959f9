"""`module:name`: where the module is found, which files it is made of, what is said of a wrong name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from danlu.workspace.code import closure, find_code, fingerprint, is_own
from danlu.workspace.errors import RecipeError


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("rules:loud", True),
        ("a.b:c", True),
        ("规则:太吵", True),
        ("loud", False),
        ("rules:", False),
        ("a/b.py:c", False),
        ("", False),
    ],
)
def test_what_a_name_of_ones_own_is(name: str, own: bool) -> None:
    assert is_own(name) is own


def test_modules_beside_the_recipe_count_as_far_as_they_are_imported(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="import json\nimport one\nfrom two import x\n\ndef f():\n    from pack import deep\n",
        one="import three\n",
        two="x = 1\n",
        three="",
        unused="",
    )
    write(tmp_path / "pack", __init__="from . import near\n", deep="from .near import y\n", near="y = 1\n")
    files, foreign = closure("main", tmp_path)
    assert sorted(files) == ["main", "one", "pack", "pack.deep", "pack.near", "three", "two"]
    assert not foreign
    assert set(fingerprint(["main:f"], tmp_path)) == {
        f"code:{name}"
        for name in ("main.py", "one.py", "two.py", "three.py", "pack/__init__.py", "pack/deep.py", "pack/near.py")
    }


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    write(tmp_path, main="import other\ndef f(): pass\n", other="import main\n")
    assert set(fingerprint(["main:f"], tmp_path)) == {"code:main.py", "code:other.py"}


def test_a_folder_of_data_is_no_module(tmp_path: Path) -> None:
    (tmp_path / "yaml").mkdir()  # a folder of files, and the installed package of that name
    write(tmp_path, main="import yaml\ndef f(): pass\n")
    found = fingerprint(["main:f"], tmp_path)
    assert set(found) == {"code:main.py", "code:package PyYAML"}
    assert found["code:package PyYAML"][0].isdigit()


def test_what_danlu_stands_on_is_in_no_key(tmp_path: Path) -> None:
    write(tmp_path, main="import torch, numpy\nfrom danlu.tasks import task\ndef f(): pass\n")
    assert set(fingerprint(["main:f"], tmp_path)) == {"code:main.py"}


def test_a_changed_line_counts_and_line_ends_do_not(tmp_path: Path) -> None:
    write(tmp_path, main="import part\ndef f(): pass\n", part="x = 1\n")
    before = fingerprint(["main:f"], tmp_path)
    (tmp_path / "part.py").write_bytes(b"x = 1\r\n")
    assert fingerprint(["main:f"], tmp_path) == before
    (tmp_path / "part.py").write_bytes(b"x = 2\n")
    after = fingerprint(["main:f"], tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"code:part.py"}


def test_a_module_on_pythons_path_counts_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, recipe = tmp_path / "shared", tmp_path / "recipe"
    recipe.mkdir()
    write(shared, elsewhere_rules="import elsewhere_part\ndef f(): pass\n", elsewhere_part="")
    monkeypatch.syspath_prepend(str(shared))
    assert set(fingerprint(["elsewhere_rules:f"], recipe)) == {"code:elsewhere_rules.py", "code:elsewhere_part.py"}
    write(recipe, mine="import elsewhere_part\ndef g(): pass\n")
    assert set(fingerprint(["mine:g"], recipe)) == {"code:mine.py", "code:elsewhere_part.py"}


def test_an_installed_module_counts_by_its_version(tmp_path: Path) -> None:
    assert list(fingerprint(["yaml:safe_load"], tmp_path)) == ["code:package PyYAML"]


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("ruels:loud", "extension.module-missing", ("rules",)),
        ("rules:laud", "extension.name-missing", ("loud",)),
        ("json:loads", "extension.name-taken", ("json",)),
        ("broken:f", "extension.syntax", ("broken.py", ":2")),
    ],
)
def test_wrong_names_are_said_with_the_nearest(tmp_path: Path, name: str, key: str, said: tuple[str, ...]) -> None:
    write(tmp_path, rules="def loud(): pass\nclass _Hidden: pass\n", broken="def f():\n  return (\n")
    with pytest.raises(RecipeError) as error:
        find_code(name, tmp_path)
    assert error.value.key == key
    for language in ("en", "zh"):
        words = " ".join(error.value.explain(language).values())  # type: ignore[arg-type]
        assert all(part in words for part in said), words


@pytest.mark.parametrize(
    "text",
    [
        "from other import *\n",
        "def __getattr__(name): return 1\n",
        "if True:\n    f = 1\n",
        "try:\n    (f := 2)\nfinally: pass\n",
    ],
)
def test_names_that_the_text_cannot_tell_are_left_to_the_import(tmp_path: Path, text: str) -> None:
    write(tmp_path, main=text, other="f = 1\n")
    assert find_code("main:f", tmp_path).name == "f"


def test_finding_imports_nothing(tmp_path: Path) -> None:
    write(tmp_path, never_imported="raise RuntimeError\nf = 1\n")
    find_code("never_imported:f", tmp_path)
    assert "never_imported" not in sys.modules
