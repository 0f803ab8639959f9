"""Where text comes from: files, installed packages, Python's own documentation, a dataset of the recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from danlu.recipe.base import Language, Section


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


class FilesSource(Origin, TextFormat):
    """Files and folders."""

    type: Literal["files"]
    path: str = Field(description="A file or a folder; relative paths start at the recipe's folder.")
    include: tuple[str, ...] = Field(
        ("*.txt", "*.text", "*.md", "*.jsonl", "*.ndjson", "*.csv", "*.tsv", "*.parquet", "*.html", "*.htm"),
        description="File name patterns below a folder.",
    )
    label: str | None = Field(None, description="For datasets: column that holds the label.")


class PackageSource(Origin, TextFormat):
    """Files inside an installed Python package, read by path; the package is never imported."""

    type: Literal["package"]
    package: str = Field(description="Name of the distribution, as pip knows it.")
    files: tuple[str, ...] | dict[str, str] = Field(
        description="Paths inside the package; for a dataset also a map from label to path."
    )
    label: str | None = Field(None, description="For datasets: column that holds the label.")
    label_names: dict[str, str] = Field({}, description="Names for the values of the label column.")


class PythonDocsSource(Origin):
    """The documentation that ships with Python: docstrings of the standard library and `pydoc_data.topics`."""

    type: Literal["python-docs"]
    licence: str = "PSF-2.0"
    origin: str = "Python standard library"


class DatasetSource(Section):
    """The texts of one split of a dataset of the recipe (pretraining sees its training part only)."""

    type: Literal["dataset"]
    dataset: str
    split: Literal["train"] = "train"


DocumentSource = Annotated[FilesSource | PackageSource | PythonDocsSource | DatasetSource, Field(discriminator="type")]
RowSource = Annotated[FilesSource | PackageSource | PythonDocsSource, Field(discriminator="type")]
