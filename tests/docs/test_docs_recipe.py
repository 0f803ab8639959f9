"""`docs/recipe.md` and its Chinese twin name every key of the schema, with its default and its sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from danlu.recipe.budget import BudgetConfig
from danlu.recipe.editor import chinese
from danlu.recipe.load import load_recipe
from danlu.recipe.schema import Recipe, RecipeFile
from danlu.recipe.sources import DocumentSource, RowSource

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"recipe.md": "required", "recipe.zh.md": "必填"}
MAPS = ("datasets", "pretrain", "finetune")  # sections by a name that the user gives


def tables(page: str) -> dict[str, dict[str, list[str]]]:
    """Heading (the code in it, empty for the file itself) -> key -> cells of its row: type, default, meaning."""
    found: dict[str, dict[str, list[str]]] = {}
    heading = ""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            code = re.search("`(.+)`", line)
            heading = code[1] if code else ""
            assert heading not in found, f"{page}: two tables under {heading}"
            found[heading] = {}
        elif row := re.match(r"\| `([^`]+)` \| (.*) \|$", line):
            assert row[1] not in found[heading], f"{page}: {heading}.{row[1]} stands twice"
            found[heading][row[1]] = row[2].split(" | ")
    return found


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Keys of a section, those of a part of it as `part.key`."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not BudgetConfig:
            yield from fields(kind, f"{prefix}{field.alias or name}.")
        else:
            yield f"{prefix}{field.alias or name}", field


def schema() -> dict[str, dict[str, FieldInfo]]:
    """The same headings and keys from the schema."""
    found = {"": dict(RecipeFile.model_fields)}
    for name, field in Recipe.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[f"{name}.NAME" if name in MAPS else name] = dict(fields(kind))
    for union in (DocumentSource, RowSource):
        for source in get_args(get_args(union)[0]):
            found[f"type: {get_args(source.model_fields['type'].annotation)[0]}"] = dict(fields(source))
    return found


def default(field: FieldInfo, required: str) -> str | None:
    """What the cell says; None for a section, whose keys have their own."""
    if field.is_required():
        return required
    value: Any = field.default
    if isinstance(value, BudgetConfig):
        return f"`{value.amount:g}{'s' if value.unit == 'seconds' else f' {value.unit}'}`"
    if isinstance(value, BaseModel):
        return None
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


@pytest.mark.parametrize("page", PAGES)
def test_every_key_is_on_the_page_and_no_other(page: str) -> None:
    written, real = tables(page), schema()
    assert {name: sorted(keys) for name, keys in written.items()} == {name: sorted(keys) for name, keys in real.items()}


@pytest.mark.parametrize("page", PAGES)
def test_types_defaults_and_sentences_are_those_of_the_schema(page: str) -> None:
    for heading, keys in schema().items():
        for key, field in keys.items():
            where = f"{page}: {heading}.{key}"
            kind, cell, meaning = tables(page)[heading][key]
            expected = default(field, PAGES[page])
            assert expected is None or cell == expected, where
            choices = [value for value in _choices(field.annotation) if isinstance(value, str)]
            assert not choices or sorted(re.findall("`([^`]+)`", kind)) == sorted(choices), where
            assert meaning.strip(), where
            said = field.description or ""
            sentence = chinese().get(said, said).removesuffix("。") if page == "recipe.zh.md" else said
            assert sentence in meaning, where


@pytest.mark.parametrize("page", PAGES)
def test_the_recipe_on_the_page_is_one(page: str, tmp_path: Path) -> None:
    block = re.search("```yaml\n(.+?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    path = tmp_path / "small.yaml"
    path.write_text(block[1], encoding="utf-8")
    assert load_recipe(path).recipe.name == "small"


def _choices(annotation: Any) -> list[Any]:
    """The values of a `Literal`, also of one inside a tuple."""
    arguments = get_args(annotation)
    if any(isinstance(value, str) for value in arguments):
        return list(arguments)
    return [value for inner in arguments if inner is not type(None) for value in _choices(inner)]
