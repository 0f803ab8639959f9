"""danlu 丹炉: raw text to a language model that you can explain and serve.

    >>> import danlu
    >>> result = danlu.run("recipes/quickstart.yaml")

Importing this package imports none of torch, transformers, numpy or pyarrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from danlu.api import plan, run

__version__ = "0.1.0"
__all__ = ["__version__", "plan", "run"]


def __getattr__(name: str) -> Any:
    if name in ("plan", "run"):
        from danlu import api

        return getattr(api, name)
    raise AttributeError(f"module 'danlu' has no attribute '{name}'")
