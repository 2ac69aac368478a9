"""Stacked difference-in-differences: each cohort beside units that stay untreated through its window.

Belongs here: the stacks and their regression. Does not belong here: averages, which weigh cohorts by size as
everywhere, so that a pooled stack's implicit weights play no part.

References
----------
Cengiz, Dube, Lindner and Zipperer (2019), Quarterly J. Economics 134(3), doi:10.1093/qje/qjz014, appendix D.
Wing, Freedman and Hollingsworth (2024), Stacked difference-in-differences, NBER working paper 32054,
doi:10.3386/w32054: section 4 (trimmed windows, corrective weights).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import Intervals
from evaluation.impact.notes import Note
from evaluation.impact.observations import Observations, TreatedCells, cells_of
from evaluation.impact.regression_result import CellAnswer, assemble
from evaluation.impact.saturated import covariate_columns, reference_years
from evaluation.impact.within import fit_within, rows_of, year_dummies

Floats = NDArray[np.float64]
Window = tuple[int, int]


def stacked(observations: Observations, *, intervals: Intervals, window: Window | None = None) -> AttGtResult:
    """Estimate effects by cohort and year within one stack per cohort.

    A stack holds the cohort and its clean controls, units untreated until the window's end, in the years of
    the window; a regression on unit and year effects of the stack gives the effects. Standard errors cluster
    over all stacks that a unit is in and carry no small-sample factor.

    Parameters
    ----------
    observations
        The unit-years.
    intervals
        How intervals are made.
    window
        First and last event time; the widest that every cohort with an effect has when None. A cohort without
        the whole window is left out and listed.
    """
    span = window or _common_window(observations)
    kept = [cohort for cohort in observations.cohorts if _has_window(observations, cohort, span)]
    if not kept:
        raise_if_any([_no_window_fault(span)])
    text = "Stacks run from event time {first} to {last}."
    note = Note("stack_window", text, {"first": span[0], "last": span[1]})
    trimmed = replace(observations, cohorts=tuple(kept), notes=(*observations.notes, note))
    event_time = trimmed.event_time()
    references = reference_years(trimmed)
    chosen = trimmed.used & trimmed.estimated[:, None] & ~references.unit_years
    chosen &= (event_time >= span[0]) & (event_time <= span[1])
    trimmed, cells = cells_of(trimmed, chosen)
    answers = [_one_stack(trimmed, cells, int(cohort), span) for cohort in np.unique(cells.cohort)]
    answer = CellAnswer(
        estimate=np.concatenate([np.empty(0), *(estimate for estimate, _ in answers)]),
        influence=np.hstack([np.empty((trimmed.wide.n_units, 0)), *(influence for _, influence in answers)]),
        base_year=np.array([references.year[cohort] for cohort in cells.cohort], dtype=np.int64),
        random_shares=False,
    )
    return assemble(trimmed, cells, answer, intervals=intervals)


def _common_window(observations: Observations) -> Window:
    """Widest window that all cohorts with an effect have."""
    years = observations.wide.years
    after = [cohort for cohort in observations.cohorts if _effect_years(observations, cohort)]
    first = max((int(years[0]) - cohort for cohort in after), default=0)
    last = min((_effect_years(observations, cohort)[-1] - cohort for cohort in after), default=0)
    return first, last


def _effect_years(observations: Observations, cohort: int) -> list[int]:
    """Years from the cohort on that have a control which is untreated until then."""
    years = observations.wide.years
    return [int(year) for year in years[years >= cohort] if _controls(observations, cohort, int(year)).any()]


def _controls(observations: Observations, cohort: int, last_year: int) -> NDArray[np.bool_]:
    wide, design = observations.wide, observations.design
    clean = wide.cohort > last_year + design.anticipation
    if design.control_group == "never_treated":
        clean = wide.cohort > int(wide.years[-1]) + design.anticipation
    return clean & wide.may_control & observations.used.any(axis=1) & (wide.cohort != cohort)


def _has_window(observations: Observations, cohort: int, span: Window) -> bool:
    wide = observations.wide
    years = wide.years
    inside = cohort + span[0] >= years[0] and cohort + span[1] <= years[-1]
    before = years < cohort - observations.design.anticipation
    seen = observations.used[wide.cohort == cohort][:, before & (years >= cohort + span[0])].any()
    return bool(inside and seen and _controls(observations, cohort, cohort + span[1]).any())


def _no_window_fault(span: Window) -> Fault:
    return Fault(
        where="stacks",
        what=f"no cohort has all event times from {span[0]} to {span[1]}, a reference year and a clean control",
        why="each stack compares one cohort with units untreated through its window",
        remedy="give a shorter window, never treated units, or another estimator",
    )


def _one_stack(
    observations: Observations, cells: TreatedCells, cohort: int, span: Window
) -> tuple[Floats, Floats]:
    """Effects of one cohort and their influence, (n_units, n_cells of the cohort)."""
    wide = observations.wide
    members = (wide.cohort == cohort) | _controls(observations, cohort, cohort + span[1])
    inside = (wide.years >= cohort + span[0]) & (wide.years <= cohort + span[1])
    used = observations.used & members[:, None] & inside[None, :]
    rows = rows_of(used, wide.weights)
    mine = np.flatnonzero(cells.cohort == cohort)
    is_member = (wide.cohort == cohort)[rows.unit]
    dummies = (cells.place[rows.unit, rows.year][:, None] == mine) * is_member[:, None]
    columns = [year_dummies(rows), covariate_columns(observations, rows), dummies.astype(float)]
    fit = fit_within(rows, wide.outcome[rows.unit, rows.year], np.hstack(columns))
    tail = slice(-len(mine), None)
    return fit.coefficient[tail], fit.influence(rows, wide.n_units)[:, tail]
