"""What sources are called: by their documents, by a mixture, in messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from danlu.recipe.sources import CustomSource, DatasetSource, FilesSource, PackageSource, PythonDocsSource

AnySource = FilesSource | PackageSource | PythonDocsSource | CustomSource | DatasetSource


def source_names(sources: Sequence[AnySource]) -> list[str]:
    """A short name for each source, unique among them: the package, the path as written, `python-docs`, the dataset."""
    seen: Counter[str] = Counter()
    names = []
    for source in sources:
        name = short_name(source)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def short_name(source: AnySource) -> str:
    """The name of a source that has no other beside it."""
    if isinstance(source, PackageSource):
        return source.package
    if isinstance(source, PythonDocsSource):
        return "python-docs"
    if isinstance(source, DatasetSource):
        return source.dataset
    if source.name:
        return source.name
    if source.path is None:
        return source.read
    written = PurePosixPath(Path(source.path).as_posix())
    if written.is_absolute() or source.path.startswith("~") or ".." in written.parts:
        return storable(Path(source.path).expanduser().resolve().name) or "files"
    return storable(str(written))


def storable(name: str) -> str:
    """File names that are not UTF-8 with their bytes written out, so that they can be stored."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
