"""The page in a real Chromium: nothing is wider than a phone, the language can be changed, each language shows alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from danlu.report.page import render

PHONE = 375  # px: the layout viewport of a small phone
MEASURE = """
<style>html,body{width:%dpx}</style>
<script>addEventListener("load", () => {
  const wide = [...document.querySelectorAll("body *")].filter(node =>
    node.getBoundingClientRect().right > %d + 1 && !node.closest(".scroll, pre, .token, svg, .switch"));
  const shown = id => { document.getElementById("show-" + id).click();
    return [...document.querySelectorAll("article")].filter(node => node.offsetHeight > 0).map(node => node.className); };
  const result = {wide: wide.map(node => node.tagName + "." + node.className + " " + node.textContent.slice(0, 40)),
    en: shown("en"), zh: shown("zh"), height: document.body.offsetHeight};
  document.title = "measured " + encodeURIComponent(JSON.stringify(result));
});</script>
"""


def measured(page: str, folder: Path, width: int) -> dict[str, Any]:
    """What a script put into the test's copy of the page sees (the page itself has none, and forbids any)."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("the Debian package chromium is not installed")
    file = folder / "page.html"
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    file.write_text(page.replace("</head>", MEASURE % (width, width) + "</head>"), encoding="utf-8")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={max(width, 500)},900", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search("<title>measured ([^<]*)</title>", dom)
    assert found, "the page was not measured"
    result: dict[str, Any] = json.loads(unquote(found[1]))
    return result


def long_words(node: Any) -> Any:
    """The facts with every text without spaces and long."""
    if isinstance(node, dict):
        return {key: value if key in ("language", "metric", "split") else long_words(value) for key, value in node.items()}
    if isinstance(node, list):
        return [long_words(value) for value in node]
    return f"{node}" + "Donaudampfschifffahrt" * 12 if isinstance(node, str) else node


@pytest.mark.parametrize("hostile", [False, True])
def test_nothing_is_wider_than_a_phone_and_languages_change(facts: dict[str, Any], tmp_path: Path, hostile: bool) -> None:
    found = measured(render(long_words(facts) if hostile else facts), tmp_path, PHONE)
    assert found["wide"] == []
    assert (found["en"], found["zh"]) == (["en"], ["zh"])
    assert found["height"] > 2000
