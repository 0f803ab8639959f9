"""`danlu schema`: the JSON Schema of a recipe."""

from __future__ import annotations

import json
import sys

from danlu.cli.output import JsonOption, command, last_line, say
from danlu.workspace.messages import current_language, text


@command
def schema(json_line: JsonOption = False) -> None:
    """The JSON Schema of a recipe, for editors. 输出配方的 JSON Schema，供编辑器使用。"""
    from danlu.recipe.editor import recipe_schema

    made = recipe_schema(current_language())
    if not json_line:
        print(json.dumps(made, ensure_ascii=False, indent=2))
        if sys.stdout.isatty():
            say(text("recipe.schema-use"))
    last_line(made, json_line)
