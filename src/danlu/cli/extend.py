"""`danlu extend`: more tokens for an existing tokenizer, learned from a person's texts, and rows for them in its model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.cli.run import collect_and_tell
from danlu.pipeline.subject import find_tokenizer
from danlu.workspace.artifact import Workspace
from danlu.workspace.files import refuse_taken
from danlu.workspace.messages import listed, text
from danlu.workspace.progress import progress_for_terminal

EXAMPLES = 12  # tokens that are shown, spread over all


@command
def extend(
    model: Annotated[
        str,
        typer.Argument(
            help="A model (name, RUN/NAME, directory, package:NAME, owner/name), or a tokenizer alone. 模型，或单独的分词器"
        ),
    ],
    on: Annotated[list[Path], typer.Option("--on", help="Texts to learn tokens from, repeatable. 用于学习词元的文本，可重复")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder. 新目录")],
    tokens: Annotated[int, typer.Option(min=1, help="How many new tokens at most. 新词元的最大数目")] = 2000,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """More tokens for a tokenizer and its model, from your texts. 用您的文本为分词器及其模型扩充词元。"""
    place = Workspace(workspace)
    found = find_tokenizer(place, model)
    refuse_taken(output)
    documents = collect_and_tell(on, "extend", place)
    from danlu.tokenize.extend import LEAST, extend
    from danlu.tokens.pieces import readable

    made = extend(model, found, documents, tokens, output, progress_for_terminal())
    count, last = len(made.tokens), made.first + len(made.tokens) - 1
    shown = listed(repr(readable(piece)) for piece in made.tokens[:: -(-count // EXAMPLES)])
    say(text("extend.done", tokens=f"{count:,}", first=made.first, last=last, examples=shown))
    if count < tokens:
        say(text("extend.fewer", found=count, asked=tokens, least=LEAST))
    for language, amount in made.to_json()["languages"].items():
        both = {when: f"{amount[when]['bytes_per_token']:.2f}" for when in ("before", "after")}
        say(text("extend.language", language=language, **both))
    if made.after.unknown:
        say(text("extend.unknown", share=f"{made.after.unknown:.2%}"))
    say(text("extend.model" if made.model else "extend.tokenizer", path=output))
    last_line({"path": str(output), **made.to_json()}, json_line)
