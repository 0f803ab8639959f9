"""What the terminal says of a cleaning: what went and why, where its page and its files are, on what two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from danlu.cli.output import say, short
from danlu.pipeline.runner import RunResult
from danlu.workspace.disk import size_words
from danlu.workspace.errors import RecipeError
from danlu.workspace.files import read_json
from danlu.workspace.messages import current_language, text

if TYPE_CHECKING:
    from danlu.pipeline.cleaning import Format

FORMATS = ("parquet", "jsonl")


def check_format(name: str) -> Format:
    """The format of documents that a person asked for. RecipeError if there is none of that name."""
    if name not in FORMATS:
        raise RecipeError("cleaning.format", where="--format", name=name)
    return name  # type: ignore[return-value]


def tell_cleaning(result: RunResult, out: Path | None, form: Format) -> dict[str, Any]:
    """Print what went and why, write the page and, where asked for, the files; what the last line says of them."""
    from danlu.pipeline.cleaning import STAGE, write_out, write_page  # brings the libraries of tables

    decided, name = result.artifacts[STAGE], result.state.name
    facts = read_json(decided / "facts.json")
    if facts["reasons"]:
        Console(stderr=True).print(losses_table(facts))
    if units := facts.get("units"):
        amounts = {name: f"{units[name]:,}" for name in ("removed", "documents")}
        say(text(f"cleaning.page.units-{units['unit']}", **amounts, bytes=size_words(units["bytes"])))
    made = {"reasons": {reason: entry["documents"] for reason, entry in facts["reasons"].items()}}
    page = write_page(result.workspace, decided, name)
    say(text("cleaning.summary.page", path=short(page)))
    if out is not None:
        write_out(decided, name, page, out, form)
        say(text("cleaning.summary.written", documents=f"{facts['documents']['kept']:,}", path=short(out)))
    return {**made, "cleaning": str(page), "out": None if out is None else str(out)}


def losses_table(facts: Mapping[str, Any]) -> Table:
    """Each reason with the documents, text and tokens (about) that went by it, the largest first."""
    from danlu.clean.account import TOKEN_BYTES
    from danlu.report.words import reason as words

    table = Table(title=text("cleaning.summary.title"), title_justify="left", box=None, pad_edge=False)
    table.add_column(text("cleaning.summary.reason"))
    for column in ("documents", "bytes", "tokens"):
        table.add_column(text(f"cleaning.summary.{column}"), justify="right")
    for name, entry in sorted(facts["reasons"].items(), key=lambda pair: (-pair[1]["documents"], pair[0])):
        amounts = f"{entry['documents']:,}", size_words(entry["bytes"]), f"{entry['bytes'] / TOKEN_BYTES:,.0f}"
        table.add_row(f"{words(current_language(), name)} ({name})", *amounts)
    return table


def comparison_words(facts: Mapping[str, Any]) -> list[str]:
    """What two cleanings agree and differ on, and for each the reasons that it drops by what the other keeps."""
    lines = [
        text("cleaning.summary.agree", **{name: f"{facts[name]['documents']:,}" for name in ("common", "both", "neither")}),
    ]
    for place, name in enumerate(facts["names"]):
        reasons = ", ".join(f"{entry['reason']} {entry['documents']:,}" for entry in facts["drops"][place])
        only = f"{facts['only'][1 - place]['documents']:,}"
        lines.append(text("cleaning.summary.drops", name=name, documents=only, reasons=reasons or "-"))
    return lines
