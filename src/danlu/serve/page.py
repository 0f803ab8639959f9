"""The page at `/`: which models there are, and a place to try them. It loads nothing from anywhere else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from danlu.serve.served import CLASSIFY, COMPLETE, FILL, Served
from danlu.workspace.messages import Language, text

if TYPE_CHECKING:
    from jinja2 import Template

PANELS = (("complete", COMPLETE), ("classify", CLASSIFY), ("fill", FILL))


@dataclass(frozen=True)
class Page:
    """HTML and the content security policy that lets only its own style and script run."""

    html: str
    policy: str


@cache
def _template() -> Template:
    from jinja2 import Environment

    source = files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=False, lstrip_blocks=True).from_string(source)


def render(models: Sequence[Served], language: Language, address: str) -> Page:
    """The page in `language`; `address` (`http://host:port`) is what its commands call."""

    def words(key: str, **parameters: object) -> str:
        return text(f"serve.page.{key}", language, **parameters)

    nonce = secrets.token_urlsafe(16)
    panels = [
        {
            "kind": name,
            "models": [model.name for model in models if model.task == task],
            "most": max(1, max((model.limit for model in models if model.task == task), default=2) - 1),
            "command": _command(
                task, next(model.name for model in models if model.task == task), words(f"example-{name}"), address
            ),
        }
        for name, task in PANELS
        if any(model.task == task for model in models)
    ]
    html = _template().render(
        t=words,
        language=language,
        nonce=nonce,
        any_labels=any(model.labels for model in models),
        models=[
            {
                "name": model.name,
                "does": text(f"serve.kind.{model.kind}", language),
                "parameters": f"{model.parameters:,}",
                "length": f"{model.limit:,}",
                "labels": ("、" if language == "zh" else ", ").join(model.labels),
            }
            for model in models
        ],
        panels=panels,
        words={
            "language": "zh-CN" if language == "zh" else "en",
            "empty": words("empty"),
            "failed": words("failed"),
            "cut": words("cut", tokens="{tokens}"),
            "mask": words("mask-number", number="{number}"),
        },
    )
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
        "img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _command(task: str, model: str, example: str, address: str) -> str:
    """A curl command that answers as it is printed."""
    body: dict[str, object] = {
        "model": model,
        **({"prompt": example, "max_tokens": 32} if task == COMPLETE else {"input": example}),
    }
    data = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return f"curl {address}{task} -H 'Content-Type: application/json' \\\n  -d '{data}'"
