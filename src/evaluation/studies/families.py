"""P-values of the headline rows, adjusted for the outcomes that are looked at together.

Belongs here: which estimates form a family. Does not belong here: the adjustments (`evaluation.impact.families`).

A family with ``adjustment: romano_wolf`` (the primary outcomes) is, in each headline design, the outcomes of that
family which its headline row really has; they are adjusted jointly by the multiplier bootstrap of their influence
functions, one draw for each region that serves every outcome (Romano and Wolf 2005,
doi:10.1111/j.1468-0262.2005.00615.x). The families with ``adjustment: benjamini_hochberg`` (secondary and placebo)
are together the other family of the design, adjusted for the false discovery rate (Benjamini and Hochberg 1995,
doi:10.1111/j.2517-6161.1995.tb02031.x). Other rows of the plan are variations of the same question, no questions of their
own: they have none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.impact import benjamini_hochberg, romano_wolf
from evaluation.studies.impact_fits import RowFit, headline_fits
from evaluation.studies.panels import StudyData
from evaluation.studies.plan import Family, StudyPlan

Key = tuple[str, str, str]


def with_adjusted(estimates: pd.DataFrame, data: StudyData) -> pd.DataFrame:
    """Return estimates with `p_adjusted` of the averages of the headline rows of the headline designs.

    Parameters
    ----------
    estimates
        The table `estimates`; everything else in it stays.
    data
        What its panels were made from, with the rows that were carried out.
    """
    adjusted = adjusted_p_values(data)
    keys = pd.MultiIndex.from_frame(estimates[["design", "row", "outcome"]])
    values = np.array([adjusted.get(key, np.nan) for key in keys])
    return estimates.assign(p_adjusted=np.where(estimates["parameter"] == "simple", values, np.nan))


def adjusted_p_values(data: StudyData) -> dict[Key, float]:
    """Return adjusted p-values by design, row and outcome: headline rows with an estimate, and no others.

    Parameters
    ----------
    data
        What panels are made from.
    """
    fits = [fit for fit in headline_fits(data) if not fit.reason]
    found: dict[Key, float] = {}
    for design in data.plan.designs:
        own = [fit for fit in fits if fit.design.code == design.code]
        for family in jointly_adjusted(data.plan):
            found |= _romano_wolf([fit for fit in own if fit.outcome.family == family])
        found |= _benjamini_hochberg(
            [fit for fit in own if _adjustment(data.plan, fit) == "benjamini_hochberg"]
        )
    return found


def jointly_adjusted(plan: StudyPlan) -> tuple[Family, ...]:
    """Return the families that are adjusted each by itself and jointly over its outcomes."""
    return tuple(code for code, family in plan.families.items() if family.adjustment == "romano_wolf")


def _adjustment(plan: StudyPlan, fit: RowFit) -> str:
    return plan.families[fit.outcome.family].adjustment


def _key(fit: RowFit) -> Key:
    return fit.design.code, fit.row.code, fit.outcome.indicator


def _romano_wolf(fits: list[RowFit]) -> dict[Key, float]:
    if not fits:
        return {}
    table = romano_wolf({fit.outcome.indicator: fit.average for fit in fits})
    return {_key(fit): float(p) for fit, p in zip(fits, table["p_adjusted"], strict=True)}


def _benjamini_hochberg(fits: list[RowFit]) -> dict[Key, float]:
    adjusted = benjamini_hochberg([float(fit.average.overall["p_value"]) for fit in fits])
    return {_key(fit): float(p) for fit, p in zip(fits, adjusted, strict=True)}
