"""Averages of joiners' own effects over those who joined together, held against placebo cohorts.

Belongs here: which joiners an average is over, and the table `cohort_effects`. Does not belong here: placebo cohorts and
bounds (`evaluation.impact.synthetic`), single regions (`evaluation.studies.region_judgement`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.impact.synthetic.average_bounds import average_with_bounds
from evaluation.impact.synthetic.cohort_placebos import cohort_test
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.panels import StudyData
from evaluation.studies.plan import StudyPlan
from evaluation.studies.region_effects_plan import RegionEffectsPlan
from evaluation.studies.region_judgement import JudgedComparison

Floats = NDArray[np.float64]

TOGETHER = "+"
"""Between the years of a group that joined in several."""
LEAST_REGIONS = 2
"""One region is no average."""
SLACK = 1e-9
"""So that 0.95 of 2,000 is 1,900 although 0.95 is no binary fraction."""
TOO_FEW_REGIONS = "too_few_regions"
NO_PLACEBO_COHORT = "no_placebo_cohort"


@dataclass(frozen=True)
class _Gathered:
    """Gaps of all joiners of a group for whom a twin was made, beside those of their placebos.

    `gaps` (n,), also where the fit was poor; `placebos` (n, n_donors), missing where a donor is no placebo of the joiner.
    """

    regions: tuple[str, ...]
    gaps: Floats
    estimable: NDArray[np.bool_]
    placebos: pd.DataFrame


def cohort_averages(
    judged: Sequence[JudgedComparison], headline: pd.DataFrame, data: StudyData, rules: RegionEffectsPlan
) -> pd.DataFrame:
    """Return the average effect of every group of joiners on every outcome: each year of joining, and each design.

    A placebo cohort has as many donors from one province as the group has joiners in one of its provinces, because what
    befalls a province befalls them together. The p-value is never below one in the number of different placebo averages
    plus one.

    Parameters
    ----------
    judged
        All comparisons, with gaps by the headline estimator.
    headline
        Rows of `region_effects` by the headline estimator: every joiner, with an effect or a reason.
    data
        Provinces of regions, and the study plan.
    rules
        Level of the intervals; outcomes.
    """
    with_twins = [one for one in judged if one.headline is not None]
    rows = []
    for years in _groups(headline, data.plan):
        members = headline[headline["joined"].isin(years)]
        for outcome in rules.outcomes:
            own = members[members["outcome"] == outcome]
            found = [
                one
                for one in with_twins
                if one.headline is not None
                and one.headline.comparison.joined in years
                and one.headline.comparison.outcome == outcome
            ]
            key = {
                "joined": TOGETHER.join(map(str, years)),
                "outcome": outcome,
                "design": own["design"].iloc[0],
            }
            rows.append({**key, **_average(own, _gather(found), data, rules)})
    return pd.DataFrame(rows)


def _groups(headline: pd.DataFrame, plan: StudyPlan) -> Iterator[tuple[int, ...]]:
    """Yield every year of joining, then the years of designs that have several."""
    present = sorted({int(year) for year in headline["joined"].dropna()})
    yield from ((year,) for year in present)
    for design in (*plan.designs, *plan.other_cohorts):
        years = tuple(year for year in design.joined if year in present)
        if len(years) > 1:
            yield years


def _gather(found: Sequence[JudgedComparison]) -> _Gathered | None:
    if not found:
        return None
    panels = [one.panel for one in found if one.panel is not None]
    return _Gathered(
        regions=tuple(code for panel in panels for code in panel.units),
        gaps=np.concatenate([panel.estimates for panel in panels]),
        estimable=np.concatenate([one.estimable for one in found if one.estimable is not None]),
        placebos=pd.concat(
            [
                pd.DataFrame(panel.placebo_estimates, index=list(panel.units), columns=list(panel.placebos))
                for panel in panels
            ]
        ),
    )


def _average(
    own: pd.DataFrame, gathered: _Gathered | None, data: StudyData, rules: RegionEffectsPlan
) -> dict[str, Any]:
    """Return the columns of one average; without one, the counts and the reason."""
    n_estimated = 0 if gathered is None else int(gathered.estimable.sum())
    counts = {"n_joiners": len(own), "n_estimated": n_estimated, "n_with_gap": 0, "n_provinces": 0}
    if gathered is None or not n_estimated:
        commonest = own["status"].mode()
        return {**counts, "status": commonest.iloc[0] if len(commonest) else ""}
    counts["n_with_gap"] = int(np.isfinite(gathered.gaps).sum())
    if n_estimated < LEAST_REGIONS:
        return {**counts, "status": f"{NOT_ESTIMABLE}:{TOO_FEW_REGIONS}:{n_estimated}"}
    kept = gathered.placebos.loc[gathered.estimable].dropna(axis=1, how="all")
    provinces = data.units["province"]
    of_joiners, of_donors = provinces.loc[kept.index], provinces.loc[kept.columns]
    counts["n_provinces"] = of_joiners.nunique()
    if of_joiners.value_counts().max() > of_donors.value_counts().max():
        return {**counts, "status": f"{NOT_ESTIMABLE}:{NO_PLACEBO_COHORT}:"}
    test = cohort_test(
        gathered.gaps[gathered.estimable],
        kept.to_numpy(),
        clusters=of_joiners.tolist(),
        placebo_clusters=of_donors.tolist(),
        level=rules.inference.level,
    )
    row = test.table.iloc[0]
    draws = test.draws[:, 0]
    smallest = 1 / (1 + len(np.unique(draws)))
    reach = _reach(draws, rules.inference.level)
    shown = ("estimate", "std_error", "independent_error")
    estimated = own[own["status"] == ""]
    return {
        **counts,
        **{name: float(row[name]) for name in shown},
        "conf_low": float(row["estimate"]) - reach,
        "conf_high": float(row["estimate"]) + reach,
        "placebo_mean": float(draws.mean()),
        "p_value": max(float(row["p_value"]), smallest),
        "p_smallest": smallest,
        **_bounds(gathered, len(own)),
        "first_year": estimated["first_year"].min(),
        "last_year": estimated["last_year"].max(),
        "status": "",
    }


def _reach(draws: Floats, level: float) -> float:
    """Return how far an average may lie from a hypothesis before the rank of its absolute value rejects it.

    The interval of averages less than this away excludes zero exactly when the p-value is at most one less the level,
    as that of a single region does; donors that drift from their own twins widen it, on both sides.
    """
    place = math.ceil(level * (len(draws) + 1) - SLACK)
    return float(np.sort(np.abs(draws))[place - 1]) if place <= len(draws) else math.inf


def _bounds(gathered: _Gathered, n_joiners: int) -> dict[str, float]:
    """Return the average over all with a gap, and bounds over all joiners; the range is that of the effects given."""
    given = gathered.gaps[gathered.estimable]
    low, high = float(given.min()), float(given.max())
    without = n_joiners - len(gathered.gaps)
    found = average_with_bounds(
        np.r_[gathered.gaps, np.full(without, np.nan)],
        np.r_[gathered.estimable, np.zeros(without, dtype=bool)],
        effect_range=(low, high),
    )
    return {
        "everyone": found.everyone,
        "bound_low": found.low,
        "bound_high": found.high,
        "range_low": low,
        "range_high": high,
    }
