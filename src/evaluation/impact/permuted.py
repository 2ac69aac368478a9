"""The overall effect under many assignments of cohorts at once, for permutation tests.

Belongs here: the arithmetic of `evaluation.impact.two_by_two` and of the simple average, one row an assignment, as
products of matrices. Does not belong here: which assignments (`evaluation.impact.randomisation`), and assignments that
need more than the plain case (separation by a plane, collinear covariates): they come back missing, and are
estimated one by one.

Units keep their outcomes and covariates, so that with x_i the covariates every sum over the units of an assignment,
sum_i w_bi x_i x_i', is one product of the assignments' weights (n_assignments, n_units) with a table that is made
once (n_units, k x k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.cells import Cell, clean_controls, list_cells
from evaluation.impact.design import Design, Estimator
from evaluation.impact.inference import cluster_sums
from evaluation.impact.panel import WidePanel
from evaluation.impact.propensity import (
    EXTREME_LOG_ODDS,
    MAX_PROBABILITY,
    PLANE_TOLERANCE,
    SINGULAR_TOLERANCE,
    STEP_TOLERANCE,
)
from evaluation.impact.two_by_two import TRIM_LEVEL

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BATCHED: tuple[Estimator, ...] = ("dr", "reg", "ipw")
"""Estimators that have this form; entropy balancing searches each solution by itself."""

CHUNK = 64
"""Assignments at a time: their weights and influences stay in the processor's cache; changes no number."""

MIN_UNITS = 2
"""Fewest treated units and controls of a cell, as in `evaluation.impact.did`."""

MAX_STEPS = 25
"""Newton steps before an assignment is left to the careful fit; seven are usual."""


@dataclass(frozen=True)
class _Cell:
    """One comparison under all assignments: effect (b,), influence times n_units (b, n), missing where not plain."""

    cohort: int
    effect: Floats
    influence: Floats


@dataclass(frozen=True)
class _Table:
    """Covariates of a base year with a column of ones, (n, k), zero for units without them; and their products."""

    columns: Floats
    products: Floats

    def grams(self, weights: Floats) -> Floats:
        """Return the sums of w x x' by assignment, (b, k, k)."""
        k = self.columns.shape[1]
        return (weights @ self.products).reshape(len(weights), k, k)


def overall_effects(
    wide: WidePanel, design: Design, *, cohort: Floats, may_control: Bools
) -> tuple[Floats, Floats]:
    """Return the simple average and its standard error under each assignment.

    Parameters
    ----------
    wide
        The panel as arrays; outcomes, covariates, weights and clusters stay with their units.
    design
        The study; an estimator of `BATCHED`.
    cohort, may_control
        First year of effect, and whether a unit may serve as a control, by assignment, (n_assignments, n_units).

    Returns
    -------
    tuple of ndarray
        (n_assignments,) each; missing where an assignment has a cell that is not estimated in the plain case.
    """
    parts = [
        _chunk(wide, design, cohort[start : start + CHUNK], may_control[start : start + CHUNK])
        for start in range(0, len(cohort), CHUNK)
    ]
    estimate, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return estimate, error


def _chunk(wide: WidePanel, design: Design, cohort: Floats, may_control: Bools) -> tuple[Floats, Floats]:
    last_year = int(wide.years[-1])
    present = np.unique(wide.cohort[np.isfinite(wide.cohort)]).astype(int).tolist()
    wanted = [year for year in design.cohorts or present if year in present and year <= last_year]
    cells = list_cells(design=design, years=wide.years, cohorts=wanted)
    after = [cell for cell in cells if cell.year >= cell.cohort]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found = [_cell(wide, design, cell, cohort, may_control) for cell in after]
        return _average(wide, found, cohort)


def _average(wide: WidePanel, cells: list[_Cell], cohort: Floats) -> tuple[Floats, Floats]:
    """Average of cells by cohort size, with the influence of estimating the sizes."""
    missing = np.full(len(cohort), np.nan)
    if not cells:
        return missing, missing
    inside = {year: wide.weights * (cohort == year) for year in {cell.cohort for cell in cells}}
    share = {year: one.mean(axis=1) for year, one in inside.items()}
    total = np.sum([share[cell.cohort] for cell in cells], axis=0)
    estimate = np.sum([share[cell.cohort] * cell.effect for cell in cells], axis=0) / total
    moved = np.zeros(cohort.shape)
    for cell in cells:
        own = share[cell.cohort]
        sized = (inside[cell.cohort] - own[:, None]) * (cell.effect - estimate)[:, None]
        moved += own[:, None] * cell.influence + sized
    sums = cluster_sums((moved / total[:, None]).T, clusters=wide.clusters)
    return estimate, np.sqrt((sums**2).sum(axis=0)) / wide.n_units


def _cell(wide: WidePanel, design: Design, cell: Cell, cohort: Floats, may_control: Bools) -> _Cell:
    year, base = np.searchsorted(wide.years, [cell.year, cell.base_year])
    complete = np.isfinite(wide.outcome[:, year]) & np.isfinite(wide.outcome[:, base]) & (wide.weights > 0)
    complete &= np.isfinite(wide.covariates[:, base]).all(axis=1)
    clean = clean_controls(design=design, cell=cell, cohort=cohort, last_year=int(wide.years[-1]))
    treated = wide.weights * ((cohort == cell.cohort) & complete)
    controls = wide.weights * (clean & may_control & complete)
    change = np.where(complete, wide.outcome[:, year] - wide.outcome[:, base], 0.0)
    table = _table(wide.covariates[:, base], complete)
    effect, influence = _compare(table, change, treated, controls, estimator=design.estimator)
    few = np.minimum((treated > 0).sum(axis=1), (controls > 0).sum(axis=1)) < MIN_UNITS
    return _Cell(cell.cohort, np.where(few, np.nan, effect), wide.n_units * influence)


def _table(covariates: Floats, complete: Bools) -> _Table:
    """Standardised covariates that vary, as estimates do not depend on their units."""
    known = covariates[complete]
    centre, spread = known.mean(axis=0), known.std(axis=0)
    varies = spread > np.sqrt(np.finfo(float).eps) * np.abs(known).max(axis=0, initial=0.0) * 1e-3
    scaled = (covariates[:, varies] - centre[varies]) / spread[varies]
    columns = np.column_stack([np.ones(len(covariates)), scaled])
    columns[~complete] = 0.0
    n_units, k = columns.shape
    return _Table(columns, (columns[:, :, None] * columns[:, None, :]).reshape(n_units, k * k))


def _compare(
    table: _Table, change: Floats, treated: Floats, controls: Floats, *, estimator: Estimator
) -> tuple[Floats, Floats]:
    """Effect (b,) and influence (b, n) of one comparison, as in `evaluation.impact.two_by_two`."""
    outcome = np.broadcast_to(change, treated.shape)
    plain = table.columns.shape[1] == 1
    adjusts, weighs = estimator in ("dr", "reg") and not plain, estimator in ("dr", "ipw") and not plain
    inverse = np.empty((0, 0, 0))
    if adjusts:
        inverse = _inverses(table.grams(controls))
        coefficient = np.einsum("bkl,bl->bk", inverse, (controls * change) @ table.columns)
        outcome = change - coefficient @ table.columns.T
    odds, score, hessian_inverse = controls, treated, inverse
    if weighs:
        odds, score, hessian_inverse = _odds(table, treated, controls)
    mean, deviation, size = _mean(treated, outcome)
    influence = deviation / size[:, None]
    moment = (treated @ table.columns) / size[:, None]
    if estimator != "reg" or plain:
        control_mean, deviation, size = _mean(odds, outcome)
        mean = mean - control_mean
        moment = moment - (odds @ table.columns) / size[:, None]
        if weighs:
            reach = np.einsum("bkl,bl->bk", hessian_inverse, deviation @ table.columns)
            deviation = deviation + score * (reach @ table.columns.T)
        influence = influence - deviation / size[:, None]
    if adjusts:
        reach = np.einsum("bkl,bl->bk", inverse, moment) @ table.columns.T
        influence = influence - controls * reach * outcome
    return mean, influence


def _mean(weights: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted mean (b,), weights times deviations (b, n), and the sum of the weights (b,)."""
    size = weights.sum(axis=1)
    mean = (weights * values).sum(axis=1) / size
    return mean, weights * (values - mean[:, None]), size


def _inverses(grams: Floats) -> Floats:
    """Inverse matrices, missing where there is no usable one; the rule of `propensity.is_singular`."""
    scale = np.sqrt(np.einsum("bkk->bk", grams))
    usable = (scale > 0).all(axis=1) & np.isfinite(grams).all(axis=(1, 2))
    inverses = np.full(grams.shape, np.nan)
    if not usable.any():
        return inverses
    scaled = grams[usable] / (scale[usable][:, :, None] * scale[usable][:, None, :])
    eigenvalues = np.linalg.eigvalsh(scaled)
    sound = eigenvalues[:, 0] > SINGULAR_TOLERANCE * eigenvalues[:, -1]
    inverses[np.flatnonzero(usable)[sound]] = np.linalg.inv(grams[usable][sound])
    return inverses


def _solutions(grams: Floats, right: Floats) -> Floats:
    """Solutions of each system, (b, k); missing where there is none."""
    try:
        return np.asarray(np.linalg.solve(grams, right[:, :, None])[:, :, 0], dtype=float)
    except np.linalg.LinAlgError:
        return np.einsum("bkl,bl->bk", _inverses(grams), right)


def _odds(table: _Table, treated: Floats, controls: Floats) -> tuple[Floats, Floats, Floats]:
    """Odds weights of controls, score residuals (b, n), inverse Hessian (b, k, k); missing where not plain.

    Controls that a trait or the plane of the treated singles out are set aside before the fit, as in `propensity`.
    """
    odds, score = np.full(treated.shape, np.nan), np.full(treated.shape, np.nan)
    k = table.columns.shape[1]
    inverse = np.zeros((len(treated), k, k))
    left, dropped = _without_lone_traits(table, treated, controls)
    left, dropped = _without_lone_planes(table, treated, left, dropped)
    for pattern in np.unique(dropped, axis=0):
        rows = np.flatnonzero((dropped == pattern).all(axis=1))
        kept = np.flatnonzero(~pattern)
        products = table.products.reshape(-1, k, k)[:, kept][:, :, kept]
        part = _Table(table.columns[:, kept], products.reshape(len(products), -1))
        fitted = _logit(part, treated[rows], left[rows])
        odds[rows], score[rows], inverse[np.ix_(rows, kept, kept)] = fitted
    return odds, score, inverse


def _without_lone_traits(table: _Table, treated: Floats, controls: Floats) -> tuple[Floats, Bools]:
    """Weights of the controls without those whose indicator no treated unit shares, and the columns it was, (b, k)."""
    columns = table.columns
    inside = columns[:, 0] > 0
    left, dropped = controls.copy(), np.zeros((len(treated), columns.shape[1]), dtype=bool)
    mine, others = (treated > 0).astype(float), (controls > 0).astype(float)
    for column in range(1, columns.shape[1]):
        values = np.unique(columns[inside, column])
        if len(values) != 2:
            continue
        for value in values:
            holds = (columns[:, column] == value).astype(float)
            lone = (mine @ holds == 0) & (others @ holds > 0)
            left[lone] *= 1 - holds
            dropped[lone, column] = True
    return left, dropped


def _without_lone_planes(
    table: _Table, treated: Floats, controls: Floats, dropped: Bools
) -> tuple[Floats, Bools]:
    """Return the same without the controls off the one plane that holds all treated units, see `propensity`."""
    grams = table.grams((treated > 0).astype(float))
    grams[dropped[:, :, None] | dropped[:, None, :]] = 0.0
    scale = np.sqrt(np.einsum("bkk->bk", grams))
    scale[scale == 0] = 1.0
    scaled = grams / (scale[:, :, None] * scale[:, None, :])
    scaled += dropped[:, :, None] * np.eye(dropped.shape[1])  # a dropped column is no plane
    eigenvalues, vectors = np.linalg.eigh(scaled)
    flat = eigenvalues <= SINGULAR_TOLERANCE * eigenvalues[:, -1:]
    slope = vectors[:, :, 0]
    height = (slope / scale) @ table.columns.T
    furthest = np.abs(np.where(controls > 0, height, 0.0)).max(axis=1)
    off = np.abs(height) > PLANE_TOLERANCE * furthest[:, None]
    above, below = ((off & (controls > 0) & (side * height > 0)).any(axis=1) for side in (1, -1))
    lone = (flat.sum(axis=1) == 1) & (above != below) & ~(off & (treated > 0)).any(axis=1)
    left, dropped = controls.copy(), dropped.copy()
    left[lone] *= ~off[lone]
    column = 1 + np.abs(slope[:, 1:]).argmax(axis=1)
    dropped[lone, column[lone]] = True
    return left, dropped


def _logit(table: _Table, treated: Floats, controls: Floats) -> tuple[Floats, Floats, Floats]:
    """Newton's method for every assignment together, see `evaluation.impact.propensity`."""
    weights = treated + controls
    member = weights > 0
    share = treated.sum(axis=1) / weights.sum(axis=1)
    probability = np.repeat(share[:, None], weights.shape[1], axis=1)
    log_odds = np.log(probability / (1 - probability))
    settled = np.zeros(len(weights), dtype=bool)
    for _ in range(MAX_STEPS):
        hessian = table.grams(weights * probability * (1 - probability))
        gradient = (treated - weights * probability) @ table.columns
        step = _solutions(hessian, gradient) @ table.columns.T
        log_odds = log_odds + step
        lost = ~(np.abs(np.where(member, log_odds, 0.0)).max(axis=1) <= EXTREME_LOG_ODDS)
        log_odds[lost] = np.nan
        probability = 1 / (1 + np.exp(-log_odds))
        settled = np.abs(np.where(member, step, 0.0)).max(axis=1) < STEP_TOLERANCE
        if (settled | lost).all():
            break
    probability[~settled] = np.nan
    inverse = _inverses(table.grams(weights * probability * (1 - probability)))
    score = treated - weights * probability
    capped = np.minimum(probability, MAX_PROBABILITY)
    odds = np.where(capped >= TRIM_LEVEL, 0.0, controls * capped / (1 - capped))
    odds[~(odds.sum(axis=1) > 0)] = np.nan
    return odds, score, inverse
