"""What a stage is: a named, versioned function from artifacts to one artifact."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A stage as the pipeline knows it, without importing its code.

    `entry` is `module:function`; the function is called as `function(**inputs, config=..., run=...)`, where each input
    is an `Artifact` or a dict of them by name, and writes its payload into `run.output`. Raise `version` whenever the
    output changes for the same input and configuration. `most_cores` is how many cores it can use (None: any number); stages
    that leave some free run side by side. `grows` are keys of its configuration that only say how far it goes: what
    an artifact that differs in these alone has done, a new one need not do again (`Run.earlier`).
    """

    name: str
    version: int
    entry: str
    most_cores: int | None = None
    grows: tuple[str, ...] = ()

    def load(self) -> Callable[..., None]:
        return function_at(self.entry)


def function_at(entry: str) -> Callable[..., Any]:
    """The function of danlu that `module:function` names."""
    module, _, name = entry.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
