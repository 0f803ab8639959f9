"""Names of runs: letters of any script, safe as a folder's name and in `--set`."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_schema_made import problems

from danlu.recipe.editor import recipe_schema
from danlu.recipe.load import load_recipe, recipe_from
from danlu.recipe.run_name import MOST_BYTES, as_name, is_name
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import choose_language


def recipe(name: object) -> dict[str, object]:
    return {"name": name, "collect": {"sources": [{"type": "files", "path": "texts"}]}}


@pytest.mark.parametrize(
    "name", ["小说", "小说-gpt", "2024-年报", "a--b", "été", "новости", "ニュース", "हिन्दी", "k", "字" * 66]
)
def test_a_run_is_called_by_letters_of_any_script(name: str, tmp_path) -> None:
    loaded = recipe_from(recipe(name), tmp_path)
    assert loaded.recipe.name == name
    assert list(problems(recipe_schema(), recipe(name))) == []
    file = tmp_path / "kept.yaml"
    file.write_text(loaded.text, encoding="utf-8")
    assert load_recipe(file).recipe.name == name
    (tmp_path / name).mkdir()


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("Novels", "novels"), ("my novels", "my-novels"), ("小说/新", "小说-新"), ("..", "files"), ("-x", "x"), ("a.b", "a-b"),
        ("ｇｐｔ", "gpt"), ("e\u0301te\u0301", "été"), ("con", "con-files"), ("a=b", "a-b"), ("小说\u3000集", "小说-集"),
        ("👍", "files"), ("字" * 67, "字" * 66), ("", "files"),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused_with_one_that_is(name: str, proposed: str, tmp_path) -> None:
    assert as_name(name) == proposed
    with pytest.raises(RecipeError) as caught:
        recipe_from(recipe(name), tmp_path)
    for language in ("en", "zh"):
        choose_language(language)
        assert proposed in caught.value.explain()["cause"]
    choose_language(None)


@given(st.text(max_size=300))
def test_every_text_becomes_a_name_that_stays_and_fits_a_folder(words: str) -> None:
    name = as_name(words)
    assert is_name(name)
    assert as_name(name) == name
    assert len(name.encode()) <= MOST_BYTES
    assert name == unicodedata.normalize("NFC", name) == name.lower()
    assert not set(name) & set(" ./\\:*?\"<>|=+'\n\0")
