"""The commands that `docs/tokenize.md` and its Chinese twin print for a vocabulary that grows work as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from transformers import AutoTokenizer

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"tokenize.md": "## Extend a vocabulary", "tokenize.zh.md": "## 扩充词表"}


def blocks(page: str) -> list[tuple[str, str]]:
    """(the heading it stands under, the commands) of each block."""
    parts = re.split(r"^(##+ .*)$", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = zip(["", *parts[1::2]], parts[::2], strict=True)
    return [(heading, block) for heading, part in found for block in re.findall(r"```sh\n(.*?)```", part, re.DOTALL)]


def test_the_commands_that_extend_a_vocabulary(tmp_path: Path) -> None:
    """After the first ones of the page, which make the tokenizer."""
    [(_, first), *rest] = blocks("tokenize.md")
    script = first + dict(rest)[PAGES["tokenize.md"]]
    names = f'danlu() {{ "{sys.executable}" -m danlu "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", names + script], capture_output=True, text=True, check=False, cwd=tmp_path, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    [made] = (tmp_path / ".danlu/artifacts").glob("tokenize.train-*")
    assert len(AutoTokenizer.from_pretrained(tmp_path / "more")) == len(AutoTokenizer.from_pretrained(made)) + 300
    assert re.search(r"^ more .*", done.stdout, re.MULTILINE)


def test_both_languages_print_the_same() -> None:
    found = [dict(blocks(page))[heading] for page, heading in PAGES.items()]
    assert found[0] == found[1]
