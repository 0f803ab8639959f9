"""Where text comes from: files, packages, Python's own documentation, a dataset of the recipe, a function of the user's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from danlu.recipe.base import Language, Section
from danlu.recipe.extension import Own
from danlu.recipe.paths import portable_name


class Origin(Section):
    """What a data card must say of a source."""

    licence: str = Field("", description="Licence as declared by whoever publishes the source (SPDX name where there is one).")
    origin: str = Field("", description="Where the text comes from in truth, when that is stricter than the declared licence.")


class TextFormat(Section):
    """How to read the text of a file."""

    format: Literal["auto", "txt", "lines", "jsonl", "csv", "parquet", "pku"] = Field(
        "auto",
        description="auto goes by the file name; txt is one document a file; lines is one document a line; "
        "pku is the People's Daily format: `word/tag` a token, a line a paragraph.",
    )
    text: str = Field("text", description="Column or key that holds the text (jsonl, csv, parquet).")
    language: Language | None = Field(None, description="BCP-47 tag such as en or zh-Hans; None: told by script.")


class Placed(Section):
    """A source at a path. Keys and documents know it by a name, so that both stay the same when its folder is moved."""

    path: str | None = None
    name: str | None = Field(
        None,
        min_length=1,
        description="What its documents say of where they come from, and what keys know it by; None: the path.",
    )

    def identity(self) -> dict[str, Any]:
        found = super().identity()
        name = found.pop("name") or (portable_name(self.path) if self.path is not None else None)
        return {**found, "path": name}


class FilesSource(Placed, Origin, TextFormat):
    """Files and folders."""

    type: Literal["files"] = Field(description="The kind of source.")
    path: str = Field(description="A file or a folder; relative paths start at the recipe's folder.")
    include: tuple[str, ...] = Field(
        ("*.txt", "*.text", "*.md", "*.jsonl", "*.ndjson", "*.csv", "*.tsv", "*.parquet", "*.html", "*.htm"),
        description="File name patterns below a folder.",
    )
    label: str | None = Field(None, description="For datasets: column that holds the label.")


class PackageSource(Origin, TextFormat):
    """Files inside an installed Python package, read by path; the package is never imported."""

    type: Literal["package"] = Field(description="The kind of source.")
    package: str = Field(description="Name of the distribution, as pip knows it.")
    files: tuple[str, ...] | dict[str, str] = Field(
        description="Paths inside the package; for a dataset also a map from label to path."
    )
    label: str | None = Field(None, description="For datasets: column that holds the label.")
    label_names: dict[str, str] = Field({}, description="Names for the values of the label column.")


class PythonDocsSource(Origin):
    """The documentation that ships with Python: docstrings of the standard library and `pydoc_data.topics`."""

    type: Literal["python-docs"] = Field(description="The kind of source.")
    licence: str = Field("PSF-2.0", description="Licence for the data card.")
    origin: str = Field("Python standard library", description="Origin for the data card.")


class DatasetSource(Section):
    """The texts of one split of a dataset of the recipe (pretraining sees its training part only)."""

    type: Literal["dataset"] = Field(description="The kind of source.")
    dataset: str = Field(description="Its name under `datasets`.")
    split: Literal["train"] = Field("train", description="Only training texts can be read.")


class CustomSource(Placed, Origin):
    """Records from a function of your own."""

    type: Literal["custom"] = Field(description="The kind of source.")
    read: Own = Field(description="The function, `module:name`: of (options, place) to an iterable of records.")
    path: str | None = Field(
        None,
        description="File or folder that it reads, its `place`; what is there enters the key. None: the recipe's folder.",
    )
    include: tuple[str, ...] = Field(("*",), description="File name patterns below that folder: which files enter the key.")
    options: dict[str, Any] = Field({}, description="What else the function is given, as it stands here.")
    language: Language | None = Field(None, description="BCP-47 tag such as en or zh-Hans; None: told by script.")


DocumentSource = Annotated[
    FilesSource | PackageSource | PythonDocsSource | CustomSource | DatasetSource, Field(discriminator="type")
]
RowSource = Annotated[FilesSource | PackageSource | PythonDocsSource | CustomSource, Field(discriminator="type")]
