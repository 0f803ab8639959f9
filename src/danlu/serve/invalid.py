"""What is wrong with a request's fields, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from danlu.serve.errors import ApiError
from danlu.serve.requests import ClassifyRequest, CompletionRequest, DetokenizeRequest, FillMaskRequest, TokenizeRequest
from danlu.serve.served import CLASSIFY, COMPLETE, FILL
from danlu.workspace.messages import Language, table, text

REQUESTS: dict[str, type[BaseModel]] = {
    COMPLETE: CompletionRequest, CLASSIFY: ClassifyRequest, FILL: FillMaskRequest, "/tokenize": TokenizeRequest,
    "/detokenize": DetokenizeRequest,
}  # fmt: skip


def invalid_request(problems: Sequence[Mapping[str, Any]], path: str, language: Language) -> ApiError:
    """The error for pydantic's `problems` with a request to `path`: the first field's."""
    first = problems[0]
    place = [str(part) for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        return ApiError("serve.bad-json", detail=str(first.get("ctx", {}).get("error", first["msg"])))
    if not place or (first["type"] in ("model_attributes_type", "dict_type") and len(place) < 2):
        return ApiError("serve.bad-json", detail=text("serve.detail.object", language))
    field = place[0]
    if first["type"] == "extra_forbidden" and len(place) == 1 and path in REQUESTS:
        return ApiError("serve.unknown-field", param=field, field=field, fields=", ".join(REQUESTS[path].model_fields))
    return ApiError("serve.invalid", param=field, code=str(first["type"]), field=field, detail=_detail(field, first, language))


def _detail(field: str, problem: Mapping[str, Any], language: Language) -> str:
    """What the field must be: its own sentence, or pydantic's reason in `language`, or pydantic's words."""
    if problem["type"] != "missing" and f"serve.field.{field}" in table():
        return text(f"serve.field.{field}", language)
    key = f"serve.detail.{problem['type']}"
    return text(key, language, **problem.get("ctx", {})) if key in table() else str(problem["msg"])
