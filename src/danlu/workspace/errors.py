"""The one family of errors that a user sees.

An error names its sentence by a key of the message tables (`workspace/messages/*.yaml`), so that it reads the same in
the terminal, the browser and the API, in Chinese and in English. Each sentence has three parts: `what` happened,
the likely `cause` with the number that shows it, and the `remedy`, an exact command or edit to try.
"""

from __future__ import annotations

from danlu.workspace.messages import Language, text


class DanluError(Exception):
    """Something that a user can cause and mend. Anything else that escapes is a defect of danlu.

    `key` names the sentences, `where` says stage, file, line or recipe key, `parameters` fill the sentences.
    """

    exit_status = 1

    def __init__(self, key: str, /, *, where: str = "", **parameters: object) -> None:
        super().__init__(key)
        self.key = key
        self.where = where
        self.parameters = parameters

    def explain(self, language: Language | None = None) -> dict[str, str]:
        """The parts of the message in words: what, where, cause, remedy (empty parts left out)."""
        parts = {name: text(f"{self.key}.{name}", language, **self.parameters) for name in ("what", "cause", "remedy")}
        parts["where"] = self.where
        return {name: parts[name] for name in ("what", "where", "cause", "remedy") if parts[name]}

    def __str__(self) -> str:
        return " ".join(self.explain().values())


class RecipeError(DanluError):
    """The recipe, an option or an argument is wrong."""

    exit_status = 2


class Interrupted(DanluError):  # noqa: N818 (asked for, not an error)
    """The user stopped the run; what is finished stays and the same command goes on."""

    exit_status = 130
