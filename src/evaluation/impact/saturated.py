"""Regression estimators of effects by cohort and year: Sun-Abraham, extended TWFE, imputation, two-stage.

Belongs here: the estimators that answer the same `Design` by regressions on unit and year effects. Does not
belong here: which unit-years they use (`evaluation.impact.observations`), plain and stacked TWFE.

Assumption: without treatment, outcomes of all units would have moved in parallel, Y_it(0) = a_i + l_t +
x_it'b + e_it, in every year and not only from the base year on. Covariates that vary within units enter as
they are; those that do not enter times year effects, since unit effects absorb them.

References
----------
Sun and Abraham (2021), J. Econometrics 225(2), doi:10.1016/j.jeconom.2020.09.006, section 4. Wooldridge
(2021), Two-way fixed effects, the two-way Mundlak regression, and difference-in-differences estimators,
doi:10.2139/ssrn.3906345, section 6. Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6),
doi:10.1093/restud/rdae007, section 4. Gardner (2022), Two-stage differences in differences, arXiv:2207.05943.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import Intervals
from evaluation.impact.notes import Note
from evaluation.impact.observations import Observations, TreatedCells, cells_of, treated_cells
from evaluation.impact.regression_result import CellAnswer, assemble
from evaluation.impact.within import Rows, fit_within, rows_of, small_sample_factor, year_dummies

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def sun_abraham(observations: Observations, *, intervals: Intervals) -> AttGtResult:
    """Estimate effects by cohort and year from one regression with all leads and lags of each cohort.

    Controls are the never treated; without any, the cohort treated last, in the years before its treatment.
    The reference is the year before `cohort - anticipation`, or the latest before it that the cohort has.

    Parameters
    ----------
    observations
        The unit-years.
    intervals
        How intervals are made.
    """
    chosen = _with_never_treated(observations)
    return _saturated(chosen, leads=True, by_covariates=False, intervals=intervals)


def extended_twfe(observations: Observations, *, intervals: Intervals) -> AttGtResult:
    """Estimate effects by cohort and year from one regression with a dummy for each treated cell.

    With never treated controls each cohort also has its years before treatment but the reference, so that
    only that year and the controls are compared; without covariates this is `sun_abraham`. Covariates that
    are constant within units interact with the cells, less their mean in the cohort.

    Parameters
    ----------
    observations
        The unit-years.
    intervals
        How intervals are made.
    """
    leads = observations.design.control_group == "never_treated"
    return _saturated(observations, leads=leads, by_covariates=True, intervals=intervals)


def imputation(observations: Observations, *, intervals: Intervals) -> AttGtResult:
    """Estimate effects as outcomes less those imputed from untreated unit-years.

    Standard errors are the conservative ones of the paper (theorem 3), with treated residuals taken from the
    average of their cohort and year.

    Parameters
    ----------
    observations
        The unit-years.
    intervals
        How intervals are made.
    """
    return _imputed(observations, random_shares=False, intervals=intervals)


def two_stage(observations: Observations, *, intervals: Intervals) -> AttGtResult:
    """Estimate effects by Gardner's two stages: the same effects as `imputation`.

    Averages are second stages with fewer dummies, so that differences between cells count as variance.

    Parameters
    ----------
    observations
        The unit-years.
    intervals
        How intervals are made.
    """
    return _imputed(observations, random_shares=True, intervals=intervals)


def covariate_columns(observations: Observations, rows: Rows) -> Floats:
    """Return the covariates of the outcome without treatment by row, (n_rows, n_columns).

    Parameters
    ----------
    observations, rows
        The unit-years, and the same as rows.
    """
    columns = []
    for position in range(observations.wide.covariates.shape[2]):
        values = observations.wide.covariates[rows.unit, rows.year, position][:, None]
        columns.append(values * year_dummies(rows) if is_constant(rows, values) else values)
    return np.hstack(columns) if columns else np.empty((len(rows.unit), 0))


def is_constant(rows: Rows, values: Floats) -> bool:
    """Tell whether a covariate never varies within a unit.

    Parameters
    ----------
    rows, values
        The unit-years, and the covariate by row, (n_rows, 1).
    """
    return bool(np.abs(values - rows.group_means(values)).max(initial=0.0) <= 1e-9 * np.abs(values).max())


def _with_never_treated(observations: Observations) -> Observations:
    """Keep the never treated as controls, or else turn the last cohort into them."""
    wide, design = observations.wide, observations.design
    never = wide.cohort > int(wide.years[-1]) + design.anticipation
    if (observations.used.any(axis=1) & never).any():
        others = observations.used & ~(never | observations.estimated)[:, None]
        return observations.without(others)
    present = wide.cohort[observations.used.any(axis=1)]
    last = int(present.max())
    cohorts = tuple(cohort for cohort in observations.cohorts if cohort != last)
    if not cohorts:
        raise_if_any([_no_control_fault(observations)])
    too_late = np.broadcast_to(wide.years >= last - design.anticipation, observations.used.shape)
    text = "No unit is never treated: cohort {cohort}, treated last, is the control until then."
    note = Note("last_cohort_controls", text, {"cohort": last})
    return _replaced(observations.without(too_late), cohorts, note)


def _replaced(observations: Observations, cohorts: tuple[int, ...], note: Note) -> Observations:
    return Observations(
        wide=observations.wide,
        design=observations.design,
        cohorts=cohorts,
        used=observations.used,
        treated=observations.treated & np.isin(observations.wide.cohort, cohorts)[:, None],
        missing=observations.missing,
        notes=(*observations.notes, note),
    )


def _no_control_fault(observations: Observations) -> Fault:
    return Fault(
        where="cohorts",
        what=f"a single cohort ({observations.cohorts[0]}) and nobody never treated",
        why="nobody is left to compare it with",
        remedy="give never treated units or a later cohort",
    )


@dataclass(frozen=True)
class References:
    """Reference year of each cohort, and the unit-years that are it, (n_units, n_years)."""

    year: dict[int, int]
    unit_years: Bools


def reference_years(observations: Observations) -> References:
    """Return the latest year before `cohort - anticipation` in which each cohort is observed.

    Parameters
    ----------
    observations
        The unit-years.
    """
    wide = observations.wide
    years, chosen = {}, np.zeros_like(observations.used)
    for cohort in observations.cohorts:
        members = wide.cohort == cohort
        seen = (observations.untreated & members[:, None]).any(axis=0)
        column = int(np.flatnonzero(seen & (wide.years < cohort - observations.design.anticipation))[-1])
        years[cohort] = int(wide.years[column])
        chosen[members, column] = True
    return References(year=years, unit_years=chosen)


def _saturated(
    observations: Observations, *, leads: bool, by_covariates: bool, intervals: Intervals
) -> AttGtResult:
    observations = _seen_before(observations)
    reference = reference_years(observations)
    chosen = observations.treated
    if leads:
        chosen = observations.used & observations.estimated[:, None] & ~reference.unit_years
    observations, cells = cells_of(observations, chosen)
    rows = rows_of(observations.used, observations.wide.weights)
    place = cells.place[rows.unit, rows.year]
    dummies = (place[:, None] == np.arange(len(cells))).astype(float)
    moderated = _moderated(observations, rows, dummies, cells) if by_covariates else dummies[:, :0]
    nuisance = np.hstack([year_dummies(rows), covariate_columns(observations, rows)])
    fit = fit_within(
        rows,
        observations.wide.outcome[rows.unit, rows.year],
        np.hstack([nuisance, dummies, moderated]),
    )
    factor = small_sample_factor(
        n_rows=len(rows.unit), n_clusters=_n_clusters(observations, rows), n_coefficients=len(fit.kept) + 1
    )
    mine = slice(nuisance.shape[1], nuisance.shape[1] + len(cells))
    answer = CellAnswer(
        estimate=fit.coefficient[mine],
        influence=fit.influence(rows, observations.wide.n_units)[:, mine] * np.sqrt(factor),
        base_year=np.array([reference.year[cohort] for cohort in cells.cohort], dtype=np.int64),
        random_shares=False,
    )
    return assemble(observations, cells, answer, intervals=intervals)


def _seen_before(observations: Observations) -> Observations:
    """Leave out the treated years of cohorts that nobody observes before treatment."""
    lost = np.zeros_like(observations.used)
    for cohort in observations.cohorts:
        members = (observations.wide.cohort == cohort)[:, None]
        if not (observations.untreated & members).any():
            lost |= np.broadcast_to(members, lost.shape)
    if not lost.any():
        return observations
    kept = tuple(
        cohort for cohort in observations.cohorts if not lost[observations.wide.cohort == cohort].all()
    )
    return Observations(
        wide=observations.wide,
        design=observations.design,
        cohorts=kept,
        used=observations.used & ~lost,
        treated=observations.treated & ~lost,
        missing=observations.missing,
        notes=observations.notes,
    )


def _moderated(observations: Observations, rows: Rows, dummies: Floats, cells: TreatedCells) -> Floats:
    """Cells times constant covariates less their cohort means, (n_rows, n_columns)."""
    columns = []
    cohort = observations.wide.cohort[rows.unit]
    for position in range(observations.wide.covariates.shape[2]):
        values = observations.wide.covariates[rows.unit, rows.year, position]
        if not is_constant(rows, values[:, None]):
            continue
        centred = np.zeros(len(values))
        for one in np.unique(cells.cohort):
            members = cohort == one
            first = members & np.isin(np.arange(len(values)), rows.starts)
            centred[members] = values[members] - np.average(values[first], weights=rows.weights[first])
        columns.append(dummies * centred[:, None])
    return np.hstack(columns) if columns else dummies[:, :0]


def _n_clusters(observations: Observations, rows: Rows) -> int:
    clusters = observations.wide.clusters
    return len(rows.present) if clusters is None else len(np.unique(clusters[rows.present]))


def _imputed(observations: Observations, *, random_shares: bool, intervals: Intervals) -> AttGtResult:
    observations, cells = treated_cells(observations)
    wide = observations.wide
    rows = rows_of(observations.used, wide.weights)
    columns = np.hstack([year_dummies(rows), covariate_columns(observations, rows)])
    outcome = wide.outcome[rows.unit, rows.year]
    untreated = observations.untreated[rows.unit, rows.year]
    clean = rows_of(observations.untreated, wide.weights)
    fit = fit_within(clean, outcome[untreated], columns[untreated])
    # Effects: outcome and regressors, both less their means over the unit's untreated years.
    moved = columns - _untreated_means(rows, clean, columns[untreated])
    change = outcome - _untreated_means(rows, clean, outcome[untreated][:, None])[:, 0]
    effect = change - moved[:, fit.kept] @ fit.coefficient[fit.kept]
    answer = _cell_means(
        observations, cells, rows, effect=effect, moved=moved[:, fit.kept], variance=not random_shares
    )
    nuisance = fit.influence(clean, wide.n_units)[:, fit.kept]
    influence = answer.influence - nuisance @ answer.moved
    references = reference_years(observations)
    found = CellAnswer(
        estimate=answer.estimate,
        influence=influence,
        base_year=np.array([references.year[cohort] for cohort in cells.cohort], dtype=np.int64),
        random_shares=random_shares,
    )
    return assemble(observations, cells, found, intervals=intervals)


def _untreated_means(rows: Rows, clean: Rows, values: Floats) -> Floats:
    """Means over each unit's untreated years, by row of all years, (n_rows, k)."""
    sizes = np.diff(np.append(clean.starts, len(clean.unit)))
    means = np.zeros((int(rows.unit.max()) + 1, values.shape[1]))
    means[clean.present] = clean.unit_sums(values) / sizes[:, None]
    return means[rows.unit]


@dataclass(frozen=True)
class _CellMeans:
    """Means of effects by cell, their own influence, and the mean regressors that multiply the first stage."""

    estimate: Floats
    influence: Floats
    moved: Floats


def _cell_means(
    observations: Observations,
    cells: TreatedCells,
    rows: Rows,
    *,
    effect: Floats,
    moved: Floats,
    variance: bool,
) -> _CellMeans:
    place = cells.place[rows.unit, rows.year]
    inside = (place[:, None] == np.arange(len(cells))) * rows.weights[:, None]
    share = inside / inside.sum(axis=0)
    estimate = share.T @ effect
    # The paper's auxiliary averages weight by the square of a unit-year's weight in the estimate.
    centre = (share**2).T @ effect / (share**2).sum(axis=0) if variance else estimate
    own = share * (effect[:, None] - centre)
    influence = np.zeros((observations.wide.n_units, len(cells)))
    influence[rows.present] = observations.wide.n_units * rows.unit_sums(own)
    return _CellMeans(estimate=estimate, influence=influence, moved=(share.T @ moved).T)
