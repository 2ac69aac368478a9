"""For whom: the plan's headline effects by cohort, type, size, island group and where the outcome stood.

Belongs here: the groups of joiners, fixed before any was estimated, and the test that they are equal. Does not belong
here: the estimator.

A group's effect is the plan's conditional estimate with the joiners of other groups set aside. By cohort, type and
island group the clean controls stay the same: type and island are covariates, so that controls of another type or
island carry no weight where no joiner of the group has it. Classes that the design does not condition on (population,
level of the outcome) are compared within the class: those who stood low or high move back towards the middle whatever
the programme does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from evaluation.impact import Design, benjamini_hochberg
from evaluation.impact.inference import covariance
from evaluation.impact.panel import WidePanel
from evaluation.impact.refits import Refit, refit
from evaluation.schema import IMPACT_CHECKS
from evaluation.studies.check_rows import SINGLE_GROUP, check_row, lacking_cohorts, missing_row
from evaluation.studies.impact_fits import RowFit, fit_row, wide_panel
from evaluation.studies.panels import StudyData
from evaluation.studies.plan import HEADLINE_ROW

Bools = NDArray[np.bool_]

ROWS = (HEADLINE_ROW, "population_weighted")
"""Rows of the plan whose effects are told apart: each region counts once, or each inhabitant."""
MIN_TREATED = 10
"""Fewest joiners of a group: with fewer, the eight covariates of the design leave nothing to compare."""
TERCILES = ("low", "middle", "high")
"""Classes of regions of the study, joiners or not, by thirds."""
EQUALITY = "equality"
CHECKS = ("by_cohort", "by_type", "by_population", "by_island_group", "by_baseline")
BEFORE_IN_SAME_YEARS = 0.5
"""Years taken off the cohort of joiners set aside: they are clean controls in the same years as before, and no cohort
that is estimated."""


@dataclass(frozen=True)
class _Grouping:
    """One way to sort regions.

    Parameters
    ----------
    check
        Its code.
    labels
        Group of each unit of the panel, empty where unknown, (n_units,).
    elements
        The groups, in order.
    within
        Whether controls are of the same group.
    """

    check: str
    labels: NDArray[np.object_]
    elements: tuple[str, ...]
    within: bool


def heterogeneity_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` on groups of joiners, for the headline designs.

    Checks `by_cohort` (element: joining year), `by_type` (``kota``, ``kabupaten``), `by_population` and `by_baseline`
    (``low``, ``middle``, ``high``: thirds of the study's regions in the base year), `by_island_group` (the plan's
    groups). Element ``equality`` has the Wald test that all groups of a check have one effect: estimate is its
    statistic, n_units its degrees of freedom. `p_adjusted` is Benjamini-Hochberg over all groups and outcomes of a
    design and row, and apart from them over its tests of equality.
    """
    rows = [
        row
        for design in data.plan.designs
        for code in ROWS
        for outcome in data.plan.outcomes
        for row in effects_by_groups(
            data, fit_row(data, design=design, row=data.plan.row(code), outcome=outcome)
        )
    ]
    return _adjusted(pd.DataFrame(rows, columns=list(IMPACT_CHECKS.columns)))


def effects_by_groups(data: StudyData, fit: RowFit) -> Iterator[dict[str, object]]:
    """Yield the rows of one row of the plan for one outcome, see `heterogeneity_checks`; nothing is adjusted yet."""
    if fit.reason:
        yield from (check_row(fit, check, status=fit.status) for check in CHECKS)
        return
    wide = wide_panel(fit)
    for grouping in _groupings(data, fit, wide):
        yield from _effects_by_group(fit, wide, grouping)


def _groupings(data: StudyData, fit: RowFit, wide: WidePanel) -> Iterator[_Grouping]:
    units = data.units.reindex(wide.units)
    year = _base_year(fit)
    joined = units["joined"].map(lambda value: "" if np.isnan(value) else str(int(value)))
    kind = units["is_city"].map({1.0: "kota", 0.0: "kabupaten"})
    cohorts = tuple(str(one) for one in fit.design.joined)
    islands = tuple(data.plan.covariates.island_groups)
    yield _Grouping("by_cohort", joined.to_numpy(object), cohorts, within=False)
    yield _Grouping("by_type", kind.to_numpy(object), ("kota", "kabupaten"), within=False)
    population = _latest(data.population, year).reindex(wide.units)
    yield _Grouping("by_population", _thirds(population), TERCILES, within=True)
    island = units["island_group"].to_numpy(object)
    yield _Grouping("by_island_group", island, islands, within=False)
    level = pd.Series(wide.outcome[:, np.searchsorted(wide.years, year)], index=wide.units)
    yield _Grouping("by_baseline", _thirds(level), TERCILES, within=True)


def _base_year(fit: RowFit) -> int:
    """Return the first base year of the design's cohorts."""
    table = fit.answer.table
    return int(table.loc[table["event_time"] >= 0, "base_year"].min())


def _latest(figures: pd.DataFrame, year: int) -> pd.Series:
    """Return each region's latest figure up to a year."""
    known = figures[(figures["year"] <= year) & figures["value"].notna()]
    return known.sort_values("year").groupby("region_code")["value"].last()


def _thirds(values: pd.Series) -> NDArray[np.object_]:
    """Return the third that each value lies in; a value on a bound belongs to the lower one."""
    if values.isna().all():
        return np.full(len(values), "", dtype=object)
    bounds = np.nanquantile(values.to_numpy(dtype=float), [1 / 3, 2 / 3])
    place = np.searchsorted(bounds, values.to_numpy(dtype=float), side="left")
    named = np.array([*TERCILES, ""], dtype=object)
    return named[np.where(values.isna(), len(TERCILES), np.minimum(place, len(TERCILES) - 1))]


def _effects_by_group(fit: RowFit, wide: WidePanel, grouping: _Grouping) -> Iterator[dict[str, object]]:
    found: list[Refit] = []
    for element in grouping.elements:
        inside = grouping.labels == element
        joiners = inside & np.isin(wide.cohort, fit.asked.cohorts or ())
        n_treated = int(joiners.sum())
        one = _effect(fit, wide, inside, within=grouping.within) if n_treated >= MIN_TREATED else None
        # cohorts without comparable controls drop out of a group, which may leave too few
        if one is None or one.reason or one.numbers["n_treated"] < MIN_TREATED:
            reason = "too_few_treated" if one is None or not one.reason else one.reason
            row = missing_row(fit, grouping.check, element, reason=reason)
            yield {**row, "n_treated": float(n_treated)}
            continue
        found.append(one)
        absent = set(fit.asked.cohorts or ()) - set(wide.cohort[joiners].astype(int))
        status = lacking_cohorts(fit, {*one.cohorts, *absent})
        yield check_row(fit, grouping.check, element, one.numbers, status=status)
    yield _equality(fit, grouping.check, found)


def _effect(fit: RowFit, wide: WidePanel, inside: Bools, *, within: bool) -> Refit:
    return refit(_set_aside(wide, fit.asked, inside, within=within), fit.asked)


def _set_aside(wide: WidePanel, design: Design, inside: Bools, *, within: bool) -> WidePanel:
    """Return the panel in which only the joiners of a group are treated."""
    outside = np.isin(wide.cohort, design.cohorts or ()) & ~inside
    cohort = np.where(outside, wide.cohort - BEFORE_IN_SAME_YEARS, wide.cohort)
    return replace(wide, cohort=cohort, may_control=wide.may_control & (inside | (not within)))


def _equality(fit: RowFit, check: str, found: list[Refit]) -> dict[str, object]:
    """Return the Wald test of one effect for all groups, with the covariance that shared controls give."""
    if len(found) < 2:
        return missing_row(fit, check, EQUALITY, reason=SINGLE_GROUP)
    effects = np.array([one.numbers["estimate"] for one in found])
    variance = covariance(np.column_stack([one.influence for one in found]), clusters=fit.answer.clusters)
    contrast = np.column_stack([-np.ones(len(found) - 1), np.eye(len(found) - 1)])
    between = contrast @ variance @ contrast.T
    if np.linalg.matrix_rank(between, hermitian=True) < len(between):
        return missing_row(fit, check, EQUALITY, reason="singular_covariance")
    difference = contrast @ effects
    statistic = float(difference @ np.linalg.solve(between, difference))
    df = len(found) - 1
    numbers = {"estimate": statistic, "p_value": float(chi2.sf(statistic, df)), "n_units": float(df)}
    return check_row(fit, check, EQUALITY, numbers)


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    family = [table["design"], table["row"], table["element"] == EQUALITY]
    p_value = table["p_value"].astype(float)
    return table.assign(p_adjusted=p_value.groupby(family).transform(benjamini_hochberg))
