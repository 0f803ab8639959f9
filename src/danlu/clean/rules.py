"""Which rules a recipe applies: the preset's, with the recipe's own thresholds."""

from __future__ import annotations

import difflib

from danlu.clean.preset import FAMILIES, LINE_RULES, RULES, WITHOUT_MEANING, Rule, load_preset
from danlu.recipe.clean import CleanConfig
from danlu.workspace.code import is_own
from danlu.workspace.errors import RecipeError


def document_rules(config: CleanConfig) -> dict[str, Rule]:
    """The rules that decide, in order. A threshold of the recipe holds in every language where the rule has a meaning.

    To how short a text it is applied is as in the preset, or as in `danlu` where the preset has no such rule.
    """
    check_names(config)
    preset, usual = load_preset(config.preset).rules, load_preset("danlu").rules
    chosen = {}
    for name, direction in RULES.items():
        if name in config.rules:
            threshold = config.rules[name]
            if threshold is not None:
                rule = preset.get(name) or usual.get(name) or Rule(direction, None, None, None)
                without = WITHOUT_MEANING.get(name, ())
                chosen[name] = rule._replace(
                    **{family: None if family in without else threshold for family in FAMILIES},  # type: ignore[arg-type]
                )
        elif name in preset:
            chosen[name] = preset[name]
    return chosen


def line_rules(config: CleanConfig) -> dict[str, float]:
    """The line rules that apply and their thresholds."""
    check_names(config)
    preset = load_preset(config.preset).lines
    wanted = {name: config.rules.get(name, preset.get(name)) for name in LINE_RULES}
    return {name: threshold for name, threshold in wanted.items() if threshold is not None}


def own_rules(config: CleanConfig) -> dict[str, float]:
    """Rules of the user's own and their thresholds, in the order of the recipe."""
    built_in = {*LINE_RULES, *RULES}
    return {name: limit for name, limit in config.rules.items() if limit is not None and name not in built_in and is_own(name)}


def check_names(config: CleanConfig) -> None:
    """An error with the nearest right name if the recipe names a rule that does not exist."""
    known = [*LINE_RULES, *RULES]
    for name in config.rules:
        if name not in known and not is_own(name):
            nearest = difflib.get_close_matches(name, known, 1, 0.0)[0]
            where = f"clean.rules.{name}"
            raise RecipeError("clean.unknown-rule", where=where, name=name, nearest=nearest, known=", ".join(known))
