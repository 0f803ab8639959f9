"""`module:name` where a built-in name could stand: a user's own source, rule, objective, task or metric. Text only."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from danlu.recipe.base import refuse
from danlu.workspace.code import NAME, is_own, short_names

SHAPE = {"type": "string", "pattern": f"^{NAME.pattern}$"}


class BuiltInOrOwn:
    """For `Annotated[str, BuiltInOrOwn("mlm", "clm")]`: one of the names that danlu has, or a user's own."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.names)}, SHAPE]}

    def check(self, value: str) -> str:
        """The value; an error with the nearest name if it is neither."""
        if value in self.names or is_own(value):
            return value
        known = [*self.names, *short_names()]
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.5) or known
        raise refuse("built_in_or_own", known=", ".join(known), near=", ".join(near))


def own_name(value: str) -> str:
    """A name of the user's; an error in words if it is none."""
    if not is_own(value):
        raise refuse("own_name")
    return value


Own = Annotated[str, AfterValidator(own_name), WithJsonSchema(SHAPE)]
"""A name of the user's own: `module:name`, or a short name that an installed package offers."""
