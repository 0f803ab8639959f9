"""Which rules a recipe applies: the preset's, with the recipe's own thresholds."""

from __future__ import annotations

import difflib

from danlu.clean.model_rules import LEARNED
from danlu.clean.preset import FAMILIES, LINE_RULES, RULES, WITHOUT_MEANING, Family, Rule, load_preset
from danlu.recipe.clean import CleanConfig, Threshold
from danlu.workspace.code import is_own
from danlu.workspace.errors import RecipeError


def document_rules(config: CleanConfig) -> dict[str, Rule]:
    """The rules that decide, in order. A threshold of the recipe holds in every language where the rule has a meaning, or in
    those that it names; in others the preset's stays.

    To how short a text it is applied is as in the preset, or as in `danlu` where the preset has no such rule.
    """
    check_names(config)
    preset, usual = load_preset(config.preset).rules, load_preset("danlu").rules
    chosen = {}
    for name, direction in RULES.items():
        if name in config.rules:
            threshold = config.rules[name]
            if threshold is not None:
                there = preset.get(name)
                rule = there or (usual.get(name) or Rule(direction, None, None, None))._replace(en=None, zh=None, other=None)
                without = WITHOUT_MEANING.get(name, ())
                limits = {family: None if family in without else limit for family, limit in by_family(threshold).items()}
                chosen[name] = rule._replace(**limits)  # type: ignore[arg-type]
        elif name in preset:
            chosen[name] = preset[name]
    return chosen


def by_family(threshold: Threshold) -> dict[Family, float | None]:
    """The languages that a threshold is of, and what it is there."""
    return dict.fromkeys(FAMILIES, threshold) if isinstance(threshold, int | float) else dict(threshold)


def line_rules(config: CleanConfig) -> dict[str, float]:
    """The line rules that apply and their thresholds."""
    check_names(config)
    preset = load_preset(config.preset).lines
    wanted = {name: config.rules.get(name, preset.get(name)) for name in LINE_RULES}
    return {name: threshold for name, threshold in wanted.items() if isinstance(threshold, int | float)}


def own_rules(config: CleanConfig) -> dict[str, Threshold]:
    """Rules of the user's own and their thresholds, in the order of the recipe."""
    built_in = {*LINE_RULES, *RULES, *LEARNED}
    return {name: limit for name, limit in config.rules.items() if limit is not None and name not in built_in and is_own(name)}


def check_names(config: CleanConfig) -> None:
    """An error with the nearest right name if the recipe names a rule that does not exist, one that nothing makes scores for,
    or a language in which it says nothing."""
    known = [*LINE_RULES, *RULES, *LEARNED]
    for name, threshold in config.rules.items():
        where = f"clean.rules.{name}"
        if name not in known and not is_own(name):
            nearest = difflib.get_close_matches(name, known, 1, 0.0)[0]
            raise RecipeError("clean.unknown-rule", where=where, name=name, nearest=nearest, known=", ".join(known))
        if name in LEARNED and threshold is not None and not getattr(config, LEARNED[name].section):
            raise RecipeError("clean.rule-without-model", where=where, name=name, section=LEARNED[name].section)
        if isinstance(threshold, dict):
            possible = _languages(name)
            for family, limit in threshold.items():
                if limit is not None and family not in possible:
                    languages = ", ".join(possible) or "–"
                    raise RecipeError(
                        "clean.rule-language", where=f"{where}.{family}", name=name, language=family, languages=languages
                    )


def _languages(name: str) -> tuple[Family, ...]:
    """Where a rule can have a threshold of its own: a line rule holds whatever the language."""
    if name in LINE_RULES:
        return ()
    if name in LEARNED:
        return LEARNED[name].families
    return tuple(family for family in FAMILIES if family not in WITHOUT_MEANING.get(name, ()))
