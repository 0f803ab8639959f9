"""Errors over HTTP: the shape of the OpenAI API, the words of the message tables."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from danlu.workspace.errors import DanluError
from danlu.workspace.messages import Language


class ApiError(DanluError):
    """A request that cannot be answered: its HTTP status, the parameter at fault, and a code for programs."""

    def __init__(
        self, key: str, status: int = 400, *, param: str | None = None, code: str | None = None, **parameters: object
    ) -> None:
        super().__init__(key, where=param or "", **parameters)
        self.status = status
        self.param = param
        self.code = code or key.rpartition(".")[2].replace("-", "_")


def error_body(error: DanluError, language: Language) -> tuple[int, dict[str, Any]]:
    """Status and body of an error, e.g. `{"error": {"message", "type", "param", "code"}}`.

    A `DanluError` from below the server (a text that a model cannot take) is the request's fault as well: 400.
    """
    parts = error.explain(language)
    status = error.status if isinstance(error, ApiError) else HTTPStatus.BAD_REQUEST.value
    return status, {
        "error": {
            "message": ("" if language == "zh" else " ").join(
                parts[name] for name in ("what", "cause", "remedy") if name in parts
            ),
            "type": _type(status),
            "param": error.param if isinstance(error, ApiError) else None,
            "code": error.code if isinstance(error, ApiError) else error.key.rpartition(".")[2].replace("-", "_"),
        }
    }


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
