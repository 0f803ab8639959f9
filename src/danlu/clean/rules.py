"""Which rules a recipe applies: the preset's, with the recipe's own thresholds."""

from __future__ import annotations

import difflib

from danlu.clean.preset import FAMILIES, LEARNED, LINE_RULES, RULES, Rule
from danlu.recipe.clean import CleanConfig
from danlu.workspace.code import is_own
from danlu.workspace.errors import RecipeError


def document_rules(config: CleanConfig) -> dict[str, Rule]:
    """The rules that decide, in order. A threshold of the recipe holds in every language where the rule has a meaning."""
    check_names(config)
    chosen = {}
    for name, rule in RULES.items():
        if name in config.rules:
            threshold = config.rules[name]
            if threshold is not None:
                chosen[name] = rule._replace(
                    **{family: threshold for family in FAMILIES if rule.threshold(family) is not None},  # type: ignore[arg-type]
                )
        elif config.preset == "danlu":
            chosen[name] = rule
    return chosen


def line_rules(config: CleanConfig) -> dict[str, float]:
    """The line rules that apply and their thresholds."""
    check_names(config)
    chosen = {}
    for name, rule in LINE_RULES.items():
        threshold = config.rules.get(name, rule.threshold if config.preset == "danlu" else None)
        if threshold is not None:
            chosen[name] = threshold
    return chosen


def own_rules(config: CleanConfig) -> dict[str, float]:
    """Rules of the user's own and their thresholds, in the order of the recipe."""
    built_in = {*LINE_RULES, *RULES, *LEARNED}
    return {name: limit for name, limit in config.rules.items() if limit is not None and name not in built_in and is_own(name)}


def check_names(config: CleanConfig) -> None:
    """An error with the nearest right name if the recipe names a rule that does not exist, or one that nothing makes scores
    for."""
    known = [*LINE_RULES, *RULES, *LEARNED]
    for name in config.rules:
        if name not in known and not is_own(name):
            nearest = difflib.get_close_matches(name, known, 1, 0.0)[0]
            where = f"clean.rules.{name}"
            raise RecipeError("clean.unknown-rule", where=where, name=name, nearest=nearest, known=", ".join(known))
        if name in LEARNED and config.rules[name] is not None and not getattr(config, LEARNED[name].section):
            section = LEARNED[name].section
            raise RecipeError("clean.rule-without-model", where=f"clean.rules.{name}", name=name, section=section)
