"""What unknown participants among the controls may have done to an estimate.

Belongs here: the bound for figures of years in which they may count as treated. Does not belong here: how many there
are (``unknown_participants`` in the study plan).

Let a share u of the controls be participants that no list names, with the same effect on average as the known ones. The
controls' mean then holds u times the effect, and the comparison shows (1 - u) times it: an estimate b of that year stands for
b / (1 - u), and its standard error for as much more. This is the largest that u can be, since all of them are taken to lie
among the controls of the comparison; where controls weigh unequally, the share is that of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from evaluation.impact import AggregateResult, AttGtResult, aggregate
from evaluation.studies.check_rows import check_row, missing_row
from evaluation.studies.impact_fits import RowFit, fit_row
from evaluation.studies.impact_inference import Numbers, counts
from evaluation.studies.panels import StudyData
from evaluation.studies.plan import StudyPlan

ALL_CONTROLS_UNKNOWN = "all_controls_unknown"
"""Reason: there are no more controls than unknown participants."""
KNOWN_CONTROLS = ("not_yet_treated",)
"""Rows whose controls are all named in a list, so that none of them can be an unknown participant."""


def contamination_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` with check ``unknown_bound``.

    For every row of the plan whose estimate holds a year from ``unknown_participants.from_year`` on, by year (``element``) and
    for the average (element empty): estimate, interval, p-value as if all unknown participants lay among the controls, and
    in ``share`` the share of controls that they would be.
    """
    plan = data.plan
    fits = (
        fit_row(data, design=design, row=row, outcome=outcome)
        for design in (*plan.designs, *plan.other_cohorts)
        for row in plan.rows_of(design)
        if row.controls not in KNOWN_CONTROLS
        and (row.end_year or design.end_year) >= plan.unknown_participants.from_year
        for outcome in plan.outcomes
    )
    return pd.DataFrame([row for fit in fits if fit.result is not None for row in _bounds(fit, plan)])


def unknown_shares(result: AttGtResult, plan: StudyPlan) -> np.ndarray:
    """Return the largest share of each cell's controls that unknown participants can be, (n_cells,).

    Parameters
    ----------
    result
        Effects by cohort and year.
    plan
        The plan with their number and the year from which they count.
    """
    unknown = plan.unknown_participants
    table = result.table
    affected = (table["year"] >= unknown.from_year) & (table["event_time"] >= 0)
    controls = np.maximum(table["n_control"].to_numpy(dtype=float), 1.0)
    return np.where(affected, np.minimum(unknown.missing_from_rosters / controls, 1.0), 0.0)


def without_unknown(result: AttGtResult, shares: np.ndarray) -> AttGtResult:
    """Return effects as they would be without unknown participants among the controls.

    Parameters
    ----------
    result
        Effects by cohort and year.
    shares
        Share of each cell's controls that are unknown participants, below one, (n_cells,).
    """
    table = result.table.assign(estimate=result.table["estimate"] / (1 - shares))
    return replace(result, table=table, influence=result.influence / (1 - shares))


def _bounds(fit: RowFit, plan: StudyPlan) -> Iterator[Numbers]:
    if fit.reason:
        return
    shares = unknown_shares(fit.answer, plan)
    if not shares.any():
        return
    if shares.max() >= 1:
        yield missing_row(fit, "unknown_bound", reason=ALL_CONTROLS_UNKNOWN)
        return
    bounded = without_unknown(fit.answer, shares)
    as_shares = fit.answer.table.assign(estimate=shares)
    behind = replace(fit.answer, table=as_shares, influence=np.zeros_like(fit.answer.influence))
    average = _numbers(aggregate(bounded, "simple"), aggregate(behind, "simple"), 0)
    yield check_row(fit, "unknown_bound", numbers=average)
    by_year, share_by_year = aggregate(bounded, "calendar"), aggregate(behind, "calendar")
    for place, year in enumerate(by_year.table["year"]):
        if not pd.isna(year) and year >= plan.unknown_participants.from_year:
            numbers = _numbers(by_year, share_by_year, place)
            yield check_row(fit, "unknown_bound", str(int(year)), numbers)


def _numbers(bounded: AggregateResult, shares: AggregateResult, place: int) -> Numbers:
    row = bounded.table.iloc[place]
    names = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "mde")
    share = float(shares.table["estimate"].iloc[place])
    return {name: float(row[name]) for name in names} | {"share": share} | counts(row)
