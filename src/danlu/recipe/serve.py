"""`serve`: which models answer over HTTP."""

from __future__ import annotations

from pydantic import Field

from danlu.recipe.base import Section


class ServeConfig(Section):
    """Models and where to listen."""

    models: tuple[str, ...] = Field((), description="Names of models of this recipe.")
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0: any free one.")
