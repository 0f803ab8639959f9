"""A loaded model as the server offers it: under a name, for one task, within its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from danlu.inference.load import Kind, Loaded
from danlu.serve.errors import ApiError
from danlu.workspace.messages import text

COMPLETE, CLASSIFY, FILL = "/v1/completions", "/v1/classify", "/v1/fill-mask"
TASKS: dict[Kind, str] = {"clm": COMPLETE, "classification": CLASSIFY, "mlm": FILL}


@dataclass(frozen=True)
class Served:
    """One model. `name` is what requests call it."""

    name: str
    loaded: Loaded

    @property
    def kind(self) -> Kind:
        return self.loaded.kind

    @property
    def task(self) -> str:
        """The endpoint that it answers at."""
        return TASKS[self.loaded.kind]

    @cached_property
    def limit(self) -> int:
        """Most tokens of a request's text, with special tokens and what is generated."""
        return self.loaded.length if self.kind == "classification" else self.loaded.context

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.loaded.labels) if self.kind == "classification" else ()

    @cached_property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.loaded.model.parameters())

    def card(self, created: int) -> dict[str, object]:
        """The model as `GET /v1/models` lists it: OpenAI's fields, then ours. `created` in seconds since 1970."""
        return {
            "id": self.name, "object": "model", "created": created, "owned_by": "danlu",
            "kind": self.kind, "endpoint": self.task, "max_tokens": self.limit, "parameters": self.parameters,
            **({"labels": list(self.labels)} if self.labels else {}),
        }  # fmt: skip


def choose(models: Mapping[str, Served], name: str | None, task: str) -> Served:
    """The model that a request means; without a name, the only one for its task."""
    fitting = [model.name for model in models.values() if model.task == task]
    if name is None:
        if len(fitting) == 1:
            return models[fitting[0]]
        if fitting:
            raise ApiError("serve.model-needed", param="model", models=", ".join(fitting))
        kind = next(kind for kind, endpoint in TASKS.items() if endpoint == task)
        raise ApiError("serve.no-kind", 404, param="model", kind=text(f"serve.kind.{kind}"), models=", ".join(models))
    if name not in models:
        raise ApiError("serve.unknown-model", 404, param="model", code="model_not_found", model=name, models=", ".join(models))
    chosen = models[name]
    if chosen.task != task:
        raise ApiError(
            "serve.wrong-kind", param="model", code="model_not_supported", model=name, kind=text(f"serve.kind.{chosen.kind}"),
            endpoint=chosen.task, models=", ".join(fitting) or text("serve.none"),
        )  # fmt: skip
    return chosen
