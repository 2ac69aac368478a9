"""How large an effect must be to be seen when regions of one province share shocks.

Belongs here: by how much shared shocks widen the errors of `evaluation.studies.impact_power`. Does not belong here: the
jackknife over provinces itself (`evaluation.studies.impact_inference`).

Planned errors let regions err independently. How much provinces add cannot be planned from squared changes of single
regions; it is taken from the estimates: the standard error by the jackknife over provinces over that by region.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.impact.inference import MDE_FACTOR
from evaluation.studies.impact_power import chance_to_see
from evaluation.studies.plan import HEADLINE_ROW, StudyPlan

Source = Literal["own", "pool", "outcome", ""]
"""Where a factor is from: the same joiners and outcome, the pool they are estimated in, the other joiners' of the outcome;
empty where the outcome has none."""
KEYS = ["design", "outcome"]


def with_provinces(
    power: pd.DataFrame, *, estimates: pd.DataFrame, checks: pd.DataFrame, plan: StudyPlan
) -> pd.DataFrame:
    """Return rows on power with what shocks shared by a province do to them.

    A factor below one is taken as one: a ratio of two estimated errors is below one by chance about as often as it is
    above where provinces share nothing, and an error must not shrink by chance.

    Parameters
    ----------
    power
        Rows of the check ``power``.
    estimates, checks
        Tables `estimates` and `impact_checks`.
    plan
        The study plan.

    Returns
    -------
    pandas.DataFrame
        The rows with province_factor (one or more), province_source (``own``: of the same joiners and outcome, ``pool``:
        of the design that pools them with others, ``outcome``: root mean square over the outcome's other designs, empty
        where there is none), mde_province, share_province (of the margin) and chance_province (that an effect of the
        margin is told from zero). Missing where a row has no answer or the outcome no factor.
    """
    ratios = error_ratios(estimates, checks)
    pools = {f"joiners_{joined}": pool.code for pool in plan.designs for joined in pool.joined}
    margins = {outcome.indicator: outcome.margin for outcome in plan.outcomes}
    keys = zip(power["design"], power["outcome"], strict=True)
    found = [_factor(ratios, str(design), str(outcome), pools) for design, outcome in keys]
    factor = np.maximum([ratio for ratio, _ in found], 1.0)
    std_error = power["std_error"].to_numpy(dtype=float) * factor
    margin = power["outcome"].map(margins).to_numpy(dtype=float)
    return power.assign(
        province_factor=factor,
        province_source=[source for _, source in found],
        mde_province=MDE_FACTOR * std_error,
        share_province=MDE_FACTOR * std_error / margin,
        chance_province=chance_to_see(margin, std_error),
    )


def error_ratios(estimates: pd.DataFrame, checks: pd.DataFrame) -> pd.Series:
    """Return the standard error by province over that by region of each headline estimate, by design and outcome."""
    averages = (estimates["row"] == HEADLINE_ROW) & (estimates["parameter"] == "simple")
    jackknife = (checks["row"] == HEADLINE_ROW) & (checks["check"] == "jackknife_province")
    by_region = estimates[averages].set_index(KEYS)["std_error"]
    by_province = checks[jackknife].set_index(KEYS)["std_error"]
    ratios = (by_province / by_region).astype(float)
    return ratios[np.isfinite(ratios)]


def _factor(ratios: pd.Series, design: str, outcome: str, pools: dict[str, str]) -> tuple[float, Source]:
    for code, source in _nearest(design, pools):
        if (code, outcome) in ratios.index:
            return float(ratios[code, outcome]), source
    others = ratios[ratios.index.get_level_values("outcome") == outcome].to_numpy()
    return (float(np.sqrt(np.mean(others**2))), "outcome") if len(others) else (float("nan"), "")


def _nearest(design: str, pools: dict[str, str]) -> Iterator[tuple[str, Source]]:
    yield design, "own"
    if pools.get(design, design) != design:
        yield pools[design], "pool"
