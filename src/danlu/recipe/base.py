"""What all sections share: frozen models, sizes and durations with units, and which keys concern execution only."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class Section(BaseModel):
    """A part of a recipe: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def identity(self) -> dict[str, Any]:
        """The configuration that enters an artifact's key: JSON without the fields marked `execution`."""
        skipped = {
            name
            for name, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("execution")
        }
        return self.model_dump(mode="json", exclude=skipped)


def execution(default: Any, description: str) -> Any:
    """A field that changes how a stage runs, never what it makes; it is not part of the key."""
    return Field(default=default, description=description, json_schema_extra={"execution": True})


def _parse_bytes(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([\d.]+)\s*([kmg]?i?b)\s*", value, re.IGNORECASE)
        if not found:
            raise ValueError("a size such as 2MB, 512KiB or 1GB")
        return int(float(found[1]) * BYTES[found[2].lower()])
    return value


Bytes = Annotated[int, BeforeValidator(_parse_bytes), Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$|^und$")]
