"""What all sections share: frozen models, sizes and durations with units, and which keys concern execution only."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from danlu.workspace.messages import table

LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$|^und$"
ENTRY_NAME = r"^[^/\\\s]+$"
BYTES_PATTERN = r"^\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?i?[bB])\s*$"
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class Section(BaseModel):
    """A part of a recipe: frozen, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False,
        defer_build=True,  # a section that is only read, as in a stage's own process, needs no validator
    )  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """The configuration that enters an artifact's key: JSON without the fields marked `execution`, and without those
        marked `later` that are at their default. So it is for the sections inside."""
        found = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            value, marks = getattr(self, name), field.json_schema_extra
            marked = marks if isinstance(marks, dict) else {}
            if marked.get("execution") or (marked.get("later") and value == field.default):
                del found[name]
            elif _holds_sections(value):
                found[name] = _identities(value)
        return found

    def own_code(self) -> tuple[str, ...]:
        """Names of the user's own code (`module:name`) that this section runs; it counts in the key of what runs it."""
        return ()


def _holds_sections(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_sections(child) for child in value.values())
    return isinstance(value, Section) or (isinstance(value, tuple) and any(_holds_sections(child) for child in value))


def _identities(value: Any) -> Any:
    """Sections, and lists and maps of them, as they enter a key."""
    if isinstance(value, Section):
        return value.identity()
    if isinstance(value, dict):
        return {name: _identities(child) for name, child in value.items()}
    return [_identities(child) for child in value]


def refuse(reason: str, at: tuple[str | int, ...] | None = None, **parameters: str | float) -> PydanticCustomError:
    """The error for a validator to raise; its words are `recipe.reasons.REASON` of the message tables.

    `at` is the key that is wrong, from the section on, where keys do not fit together.
    """
    words = table()[f"recipe.reasons.{reason}"]["en"]
    return PydanticCustomError(reason, words, {**parameters, **({} if at is None else {"at": at})})


def unit(name: str) -> dict[str, JsonValue]:
    """Marks what a number counts, for `json_schema_extra` of a field."""
    return {"unit": name}


def execution(default: Any, description: str) -> Any:
    """A field that changes how a stage runs, never what it makes; it is not part of the key."""
    return Field(default=default, description=description, json_schema_extra={"execution": True})


def later(default: Any, description: str) -> Any:
    """A field that came when artifacts were there already: at its default it is not part of the key, so they stay good."""
    return Field(default=default, description=description, json_schema_extra={"later": True})


def _parse_bytes(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(BYTES_PATTERN, value)
        if not found:
            raise refuse("bytes")
        return int(float(found[1]) * BYTES[found[2].lower()])
    return value


Bytes = Annotated[
    int,
    BeforeValidator(
        _parse_bytes,
        json_schema_input_type=Annotated[int, Field(ge=0)]
        | Annotated[str, Field(pattern=BYTES_PATTERN, examples=["100KB", "2MB", "1.5GiB"])],
    ),
    Field(ge=0, json_schema_extra={"unit": "bytes"}),
]
Share = Annotated[float, Field(ge=0, le=1, json_schema_extra={"unit": "share"})]
Language = Annotated[str, Field(pattern=LANGUAGE, examples=["en", "zh-Hans"])]
Count = Annotated[int, Field(ge=1)]
EntryName = Annotated[str, Field(pattern=ENTRY_NAME)]
"""A name that the user gives to a dataset or a model: it must do as a part of a path and of a command."""
