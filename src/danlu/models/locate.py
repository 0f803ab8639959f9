"""Where a starting model is: a directory, an installed package that carries one, or a hub. Imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from danlu.tokens.files import TOKENIZER
from danlu.workspace.artifact import MODEL, Artifact, artifact_with
from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError

PACKAGE = "package:"
CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class LocatedModel:
    """A model that danlu did not make in this run.

    `path` is its directory (None for a hub), `hub` its `owner/name` there (None elsewhere). `version` tells one state
    of it from another: a package's version, a directory's digest of its weights, empty for a hub. `artifact`: what another
    run made, with all that is known of it; its name is the one that it had there, its version the digest of its payload.
    """

    kind: Literal["directory", "package", "hub", "artifact"]
    path: Path | None
    hub: str | None
    name: str
    version: str
    artifact: Artifact | None = None

    @property
    def address(self) -> str:
        """What `danlu.models.files.load_model` and transformers' `from_pretrained` take."""
        return str(self.path) if self.path is not None else str(self.hub)


def locate_model(name: str, base: Path) -> LocatedModel:
    """Find `name`: `package:NAME`, a directory (relative paths start at `base`; an artifact's too), or `owner/name` of a hub.

    A directory wins over a hub of the same name. Nothing is downloaded here.
    """
    if name.startswith(PACKAGE):
        return _in_package(name, name.removeprefix(PACKAGE))
    directory = base / Path(name).expanduser()
    if directory.is_dir():
        artifact = artifact_with(directory)
        if artifact is not None and weights_of(artifact / MODEL) is not None:
            own = str(artifact.manifest["node"]).partition(".")[2]
            return LocatedModel("artifact", artifact / MODEL, None, own, artifact.payload[:16], artifact)
        weights = weights_of(directory)
        if weights is None:
            raise DanluError("models.incomplete", where=str(directory), name=name, needed=f"{CONFIG}, {WEIGHTS[0]}")
        return LocatedModel("directory", directory.resolve(), None, directory.resolve().name, digest_file(weights)[:16])
    if HUB_NAME.fullmatch(name) and not name.startswith("."):
        return LocatedModel("hub", None, name, name, "")
    raise DanluError("models.not-found", where=str(base), name=name)


def locate_tokenizer(name: str, base: Path) -> Path:
    """The folder that holds `tokenizer.json`: a directory (a model's, an artifact's; relative paths start at `base`) or
    `package:NAME`. DanluError if there is none."""
    found = locate_model(name, base).path if name.startswith(PACKAGE) else base / Path(name).expanduser()
    assert found is not None  # a package has a path
    for directory in (found, found / MODEL):
        if (directory / TOKENIZER).is_file():
            return directory
    raise DanluError("tokens.no-tokenizer", where=str(found))


def weights_of(directory: Path) -> Path | None:
    """The safetensors file (or the index of its shards) of a model directory; None if it is not one."""
    found = [directory / name for name in WEIGHTS if (directory / name).is_file()]
    return found[0] if found and (directory / CONFIG).is_file() else None


def _in_package(asked: str, package: str) -> LocatedModel:
    """The shallowest folder of an installed distribution that holds a configuration and safetensors weights."""
    try:
        found: Distribution = distribution(package)
    except (PackageNotFoundError, ValueError):
        raise DanluError("models.no-package", where=asked, package=package) from None
    files = [str(file) for file in found.files or () if file.name in WEIGHTS]
    folders = sorted(
        {Path(str(found.locate_file(file))).parent for file in files}, key=lambda path: (len(path.parts), str(path))
    )
    for folder in folders:
        if weights_of(folder) is not None:
            return LocatedModel("package", folder, None, package, found.version)
    raise DanluError("models.incomplete", where=asked, name=asked, needed=f"{CONFIG}, {WEIGHTS[0]}")
