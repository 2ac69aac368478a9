"""What counts as found: one region's effect by itself, and among all that were looked at.

Belongs here: the two rules, the same for tables, marks and sentences. Does not belong here: tests and adjustments
(`evaluation.studies.region_judgement`, `evaluation.studies.region_effects`), or words.

The rank of the average gap finds too much where a region moves more from year to year than those it is held against
(docs/methods/synthetic_inference.md), so what it finds counts only when the rank of gaps in each region's own scale
agrees.
"""

from __future__ import annotations

import pandas as pd

from evaluation.studies.region_effects_plan import RegionEffectsPlan

ATTAINED = 1e-9
"""Slack, so that one in twenty is not above 0.05 for being no binary fraction."""


def beyond_placebos(effects: pd.DataFrame, rules: RegionEffectsPlan) -> pd.Series:
    """Tell which effects lie further out than the stated share of placebos: their interval excludes zero."""
    return effects["p_value"] <= 1 - rules.inference.level + ATTAINED


def beyond_in_own_scale(effects: pd.DataFrame, rules: RegionEffectsPlan) -> pd.Series:
    """Tell which do so when every gap is measured by how much its region moves from year to year."""
    return effects["p_scaled"] <= 1 - rules.inference.level + ATTAINED


def told_from_chance(effects: pd.DataFrame, rules: RegionEffectsPlan) -> pd.Series:
    """Tell which effects both ranks find, each by itself."""
    return beyond_placebos(effects, rules) & beyond_in_own_scale(effects, rules)


def stands_out(effects: pd.DataFrame, rules: RegionEffectsPlan) -> pd.Series:
    """Tell which effects are found among all of their family, and by the rank in their own scale as well."""
    adjusted = effects["p_adjusted"] <= rules.inference.false_discovery_rate + ATTAINED
    return adjusted & beyond_in_own_scale(effects, rules)
