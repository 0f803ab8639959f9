"""Importing a user's module: what runs is what was hashed, and an error names the user's line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.extension import blaming, load, load_function, words_of


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_a_changed_file_is_imported_anew_though_size_and_second_are_the_same(tmp_path: Path) -> None:
    write(tmp_path, ext_a="import ext_b\ndef f(): return ext_b.value\n", ext_b="value = 1\n")
    assert load("ext_a:f", tmp_path)() == 1
    same = load("ext_a:f", tmp_path)
    assert load("ext_a:f", tmp_path) is same
    write(tmp_path, ext_b="value = 2\n")
    assert load("ext_a:f", tmp_path)() == 2
    assert not list(tmp_path.rglob("__pycache__"))


def test_two_recipes_may_name_their_modules_alike(tmp_path: Path) -> None:
    one = write(tmp_path / "one", ext_same="import ext_helper\ndef f(): return ext_helper.x\n", ext_helper="x = 'one'\n")
    two = write(tmp_path / "two", ext_same="import ext_helper\ndef f(): return ext_helper.x\n", ext_helper="x = 'two'\n")
    assert [load("ext_same:f", folder)() for folder in (one, two, one)] == ["one", "two", "one"]


def test_names_of_one_recipe_share_a_helper(tmp_path: Path) -> None:
    write(tmp_path, ext_p="import ext_shared\ndef f(): return ext_shared\n", ext_shared="")
    write(tmp_path, ext_q="import ext_shared\ndef g(): return ext_shared\n")
    f, g = load("ext_p:f", tmp_path), load("ext_q:g", tmp_path)
    assert f() is g()
    assert load("ext_p:f", tmp_path) is f


def test_imports_within_a_function_and_folders_without_init(tmp_path: Path) -> None:
    write(tmp_path, ext_late="def f():\n    import ext_folder.part\n    return ext_folder.part.x\n")
    write(tmp_path / "ext_folder", part="x = 5\n")
    assert load("ext_late:f", tmp_path)() == 5


def test_a_file_beside_the_recipe_hides_no_module_of_python_or_of_a_package(tmp_path: Path) -> None:
    write(tmp_path, random="raise RuntimeError\n", ext_user="import random\ndef f(): return random.random()\n")
    assert 0 <= load("ext_user:f", tmp_path)() < 1
    with pytest.raises(RecipeError) as taken:
        load("random:f", tmp_path)
    assert taken.value.key == "extension.name-taken"
    write(tmp_path, pytest="def f(): pass\n")  # imported already, from elsewhere
    with pytest.raises(RecipeError) as taken:
        load("pytest:f", tmp_path)
    assert taken.value.key == "extension.name-taken"


def test_errors_name_the_users_file_and_line(tmp_path: Path) -> None:
    write(
        tmp_path, ext_bad="import ext_worse\n\ndef f():\n    return ext_worse.g([])\n", ext_worse="def g(x):\n    return x[0]\n"
    )
    function = load("ext_bad:f", tmp_path)
    with pytest.raises(DanluError) as error, blaming("ext_bad:f", tmp_path):
        function()
    assert error.value.key == "extension.failed"
    assert error.value.where == f"{tmp_path / 'ext_worse.py'}:2"
    assert "IndexError" in str(error.value.explain("zh")["what"])


def test_an_error_that_is_not_the_users_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, ext_good="def f(): pass\n")
    with pytest.raises(ZeroDivisionError), blaming("ext_good:f", tmp_path):
        print(1 // 0)


@pytest.mark.parametrize(("text", "line"), [("import math\nimport no_such_package\nf = 1\n", 2), ("f = 1\n1 / 0\n", 2)])
def test_a_module_that_fails_when_imported(tmp_path: Path, text: str, line: int) -> None:
    write(tmp_path, ext_fails=text)
    with pytest.raises(DanluError) as error:
        load("ext_fails:f", tmp_path)
    assert error.value.key == "extension.import"
    assert error.value.where.endswith(f"ext_fails.py:{line}")
    write(tmp_path, ext_fails="f = 3\n")
    assert load("ext_fails:f", tmp_path) == 3


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("def f(text, language): pass", True),
        ("def f(text, language, more=1): pass", True),
        ("def f(*texts): pass", True),
        ("f = max", True),
        ("def f(text): pass", False),
        ("f = 3", False),
    ],
)
def test_functions_must_take_what_they_are_given(tmp_path: Path, text: str, fits: bool) -> None:
    write(tmp_path, ext_shape=f"{text}\n")
    if fits:
        assert callable(load_function("ext_shape:f", tmp_path, "rule", ("text", "language")))
        return
    with pytest.raises(RecipeError) as error:
        load_function("ext_shape:f", tmp_path, "rule", ("text", "language"))
    assert error.value.key == "extension.shape-rule"
    for language in ("en", "zh"):
        assert "def f(text, language)" in error.value.explain(language)["remedy"]  # type: ignore[arg-type]


def test_a_new_process_needs_nothing_of_its_parent(tmp_path: Path) -> None:
    write(tmp_path, ext_child="import ext_part\ndef f(): return ext_part.x\n", ext_part="x = 7\n")
    code = (
        "import sys; from pathlib import Path; from danlu.workspace.extension import load; "
        "print(load(sys.argv[1], Path(sys.argv[2]))())"
    )
    command = [sys.executable, "-c", code, "ext_child:f", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "7\n"


def test_words_of_a_function() -> None:
    def plain() -> None:
        """First line.

        More.
        """

    assert words_of(plain, "m:loud_text") == {
        "name": {"en": "loud text", "zh": "loud text"},
        "definition": {"en": "First line.", "zh": "First line."},
    }
    plain.title = {"zh": "太吵"}  # type: ignore[attr-defined]
    plain.definition = "Words."  # type: ignore[attr-defined]
    assert words_of(plain, "m:x") == {
        "name": {"en": "太吵", "zh": "太吵"},
        "definition": {"en": "Words.", "zh": "Words."},
    }
