"""Where the English dictionary is: package data of symspellpy, which is found through its metadata and never imported."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from danlu.workspace.errors import DanluError

PACKAGE, FILE = "symspellpy", "symspellpy/frequency_dictionary_en_82_765.txt"


def dictionary_path() -> Path:
    """The file of words and frequencies. DanluError with the command that installs it where it is not there."""
    return Path(str(_package().locate_file(FILE)))


def dictionary_version() -> dict[str, str]:
    """What enters the key of scores that are made by it."""
    return {f"package:{PACKAGE} version": _package().version}


def _package() -> importlib.metadata.Distribution:
    try:
        found = importlib.metadata.distribution(PACKAGE)
        if Path(str(found.locate_file(FILE))).is_file():
            return found
    except importlib.metadata.PackageNotFoundError:
        pass
    raise DanluError("clean.dictionary-missing", where="clean.misspelling", package=PACKAGE, file=FILE)
