"""Pages as tests read them: parsed strictly, with hostile texts to put into them, and as a real Chromium lays them out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

VOID = {"meta", "input", "br", "hr", "img", "link"}
SVG_EMPTY = {"rect", "line", "circle", "path", "polyline", "polygon"}
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
HOSTILE = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "{0} {name} {",
    "x" * 5000,
    "字" * 5000,
    "مرحبا بالعالم \u202e gnp.exe",
    "",
    "\x00\x07\x1b[31m",
    "\ud800 lone",
    "a\u0301" * 300,
    "&amp;lt;b&gt;",
    "\n\n\t ",
]


class Balanced(HTMLParser):
    """Raises where an element is closed that is not open, or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.identifiers: Counter[str] = Counter()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        values = dict(attrs)
        if values.get("id"):
            self.identifiers[str(values["id"])] += 1
        if tag == "a":
            self.links.add(str(values["href"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID | SVG_EMPTY, f"{tag} closes itself"

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} is closed twice"
        assert self.open.pop() == tag, f"{tag} is closed out of order"


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def answered(page: str, folder: Path, script: str) -> Any:
    """What a script of the test sees of a page that answers: the body of an async function of (`tick`), run when the page is
    ready. The page keeps its content security policy; only the test's script is let in beside its own."""
    body = (
        "(async()=>{const pause=()=>new Promise(done=>setTimeout(done,50)),tick=async()=>{await pause();await pause()};"
        "while(!document.documentElement.dataset.ready)await pause();"
        f"const found=await(async()=>{{{script}}})();"
        'document.title="answered "+encodeURIComponent(JSON.stringify(found));})()'
    )
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    assert "script-src 'sha256-" in page
    page = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    file = folder / "page.html"
    file.write_text(page.replace("</body>", f"<script>{body}</script></body>"), encoding="utf-8")
    found = re.search("<title>answered ([^<]*)</title>", _dumped(file, folder, 1200, "--virtual-time-budget=30000"))
    assert found, "the page did not answer"
    return json.loads(unquote(found[1]))


def laid_out(page: str, folder: Path, width: int) -> dict[str, Any]:
    """What a script put into the test's copy of the page sees (the page forbids any but its own)."""
    file = folder / "page.html"
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    file.write_text(page.replace("</head>", MEASURE % (width, width) + "</head>"), encoding="utf-8")
    dom = _dumped(file, folder, max(width, 500))
    found = re.search("<title>measured ([^<]*)</title>", dom)
    assert found, "the page was not measured"
    result: dict[str, Any] = json.loads(unquote(found[1]))
    return result


def _dumped(file: Path, folder: Path, width: int, *options: str) -> str:
    """The document as Chromium has it when the page is loaded and its scripts have run."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("the Debian package chromium is not installed")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", *options, "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
