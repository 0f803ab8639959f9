"""Names of runs: letters of any script, and how a file's name becomes one.

A name is a folder on Linux, macOS and Windows, a word on the command line and a value in YAML. So what looks or sounds alike
is one name (compatibility forms as in NFKC, lower case, since many disks know no case), nothing in it means anything to a shell
or to `--set`, it is no device of Windows, and it leaves room in the 255 bytes of a folder's name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from danlu.recipe.base import refuse

MOST_BYTES = 200
PATTERN = r"^[^\x00-/:-`{-\x7f][^\x00-,./:-`{-\x7f]*$"
"""What of the rule a JSON Schema can say: of ASCII only small letters, digits and hyphens."""
DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
FALLBACK = "files"


def is_name(name: str) -> bool:
    """Whether a run can be called so."""
    return (
        bool(name)
        and name == _plain(name)
        and len(name.encode("utf-8", "replace")) <= MOST_BYTES
        and not DEVICES.fullmatch(name)
        and _kind(name[0]) in "LN"
        and all(letter == "-" or _kind(letter) in "LMN" for letter in name)
    )


def as_name(words: str) -> str:
    """The name of a run that is nearest to any words: `评论-表` for `评论 表`, `my-texts` for `My_Texts`; else `files`."""
    spaced = "".join(letter if _kind(letter) in "LMN" else "-" for letter in _plain(words))
    name = re.sub("-+", "-", "".join(part.lstrip(_marks(part)) + "-" for part in spaced.split("-"))).strip("-")
    while len(name.encode()) > MOST_BYTES:
        name = name[:-1].rstrip("-")
    return f"{name}-{FALLBACK}" if DEVICES.fullmatch(name) else name or FALLBACK


def _plain(words: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", words).lower())


def _kind(letter: str) -> str:
    """L: a letter; M: a mark on the letter before; N: a digit; other signs."""
    return unicodedata.category(letter)[0]


def _marks(part: str) -> str:
    return "".join({letter for letter in part if _kind(letter) == "M"})


def _checked(name: str) -> str:
    if not is_name(name):
        raise refuse("name", proposed=as_name(name))
    return name


RunName = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": PATTERN})]
