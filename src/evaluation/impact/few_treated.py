"""Inference when few units are treated: the spread of controls stands in for that of the treated.

Belongs here: the test of Conley and Taber, and Ferman and Pinto's correction for units of different size.
Does not belong here: inference for many treated units, where standard errors do.

With few treated units their mean error is not normal, and its spread cannot be learnt from them. If errors of
treated and controls follow one law, up to a variance that falls with size, the controls' residuals show it:
each draw puts residuals of controls, scaled to the unit's own variance, in the place of all units.

References
----------
Conley and Taber (2011), Review of Economics and Statistics 93(1), doi:10.1162/REST_a_00049. Ferman and Pinto
(2019), Review of Economics and Statistics 101(3), doi:10.1162/rest_a_00759: sections III and IV.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.cells import clean_controls, list_cells
from evaluation.impact.design import Design
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import OneEstimate
from evaluation.impact.panel import WidePanel, read_panel, unit_column

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEW_TREATED_DRAWS = 9_999
"""Draws: with 9,999 a p-value of 0.05 has a Monte Carlo error of 0.002."""

MIN_CONTROLS = 10
"""Fewest controls whose residuals can show a distribution."""

SMALLEST_VARIANCE = 0.01
"""Floor of a fitted variance, as a share of the controls' mean: a line through squared residuals may fall below
zero for the largest units (Ferman and Pinto 2019, footnote on non-negative fits)."""


@dataclass(frozen=True)
class FewTreatedResult(OneEstimate):
    """A test and an interval for few treated units.

    Parameters
    ----------
    design
        What was asked.
    estimate
        Average effect by outcome regression, over cohorts by size and over years evenly, with the controls
        that are clean in every year of a cohort.
    p_value
        Share of draws at least as large in absolute value.
    conf_low, conf_high
        Effects, the same for all treated units, that are not rejected.
    level
        Coverage.
    n_treated, n_control
        Units.
    variance_by_size
        Fitted variance of a unit of infinite size, and what is added for one over size; (nan, nan) without.
    """

    design: Design
    estimate: float
    p_value: float
    conf_low: float
    conf_high: float
    level: float
    n_treated: int
    n_control: int
    variance_by_size: tuple[float, float]

    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, p_value, conf_low, conf_high, level, n_treated, n_control."""
        names = ("estimate", "p_value", "conf_low", "conf_high", "level", "n_treated", "n_control")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


@dataclass(frozen=True)
class _Change:
    """Residual changes of one cohort and its controls.

    Positions of units, who is treated, residual average change after the cohort, leverage-free.
    """

    members: NDArray[np.int64]
    treated: Bools
    residual: Floats
    weights: Floats

    @property
    def effect(self) -> float:
        return float(np.average(self.residual[self.treated], weights=self.weights[self.treated]))


def few_treated_test(
    panel: pd.DataFrame,
    design: Design,
    *,
    size: str | None = None,
    draws: int = FEW_TREATED_DRAWS,
    seed: int = DEFAULT_SEED,
    level: float = CONFIDENCE,
) -> FewTreatedResult:
    """Test the average effect with the residuals of the controls.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study; a group-time estimator, covariates by outcome regression.
    size
        Column with the size of each unit (population): variances are a constant plus a multiple of 1 / size.
        All units alike when None.
    draws, seed
        Of the bootstrap.
    level
        Coverage.

    Raises
    ------
    BadInputError
        With every fault of the panel, or when a cohort has fewer than `MIN_CONTROLS` controls throughout.
    """
    if draws < 1 or not 0 < level < 1:
        raise UsageError(f"draws must be 1 or more, level between 0 and 1; got: {draws!r}, {level!r}")
    wide = read_panel(panel, replace(design, base_period="universal"))
    changes = _changes(wide, design)
    inverse_size = _inverse_size(panel, design, wide, size)
    variances, line = _variances(changes, inverse_size)
    share = np.array([change.weights[change.treated].sum() for change in changes])
    share = share / share.sum()
    estimate = float(share @ [change.effect for change in changes])
    drawn = _draw(changes, variances, share, n_units=wide.n_units, draws=draws, seed=seed)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    controls = np.unique(np.concatenate([change.members[~change.treated] for change in changes]))
    return FewTreatedResult(
        design=design,
        estimate=estimate,
        p_value=float((1 + (np.abs(drawn) >= abs(estimate)).sum()) / (1 + draws)),
        conf_low=estimate - float(high),
        conf_high=estimate - float(low),
        level=level,
        n_treated=int(sum(change.treated.sum() for change in changes)),
        n_control=len(controls),
        variance_by_size=line,
    )


def _changes(wide: WidePanel, design: Design) -> list[_Change]:
    universal = replace(design, base_period="universal")
    last_year = int(wide.years[-1])
    wanted = design.cohorts or np.unique(wide.cohort[np.isfinite(wide.cohort)]).astype(int).tolist()
    found = [_cohort_change(wide, universal, cohort) for cohort in wanted if cohort <= last_year]
    changes = [change for change in found if change is not None]
    if not changes:
        why, remedy = "their residuals stand in for the treated", "give more controls or later data"
        what = f"no cohort has {MIN_CONTROLS} controls that are clean and observed in all its years"
        raise_if_any([Fault("control group", what, why, remedy)])
    return changes


def _cohort_change(wide: WidePanel, design: Design, cohort: int) -> _Change | None:
    cells = [
        cell for cell in list_cells(design=design, years=wide.years, cohorts=[cohort]) if cell.year >= cohort
    ]
    if not cells:
        return None
    last_year = int(wide.years[-1])
    clean = [
        clean_controls(design=design, cell=cell, cohort=wide.cohort, last_year=last_year) for cell in cells
    ]
    control = np.logical_and.reduce(clean) & wide.may_control
    years = np.searchsorted(wide.years, [cell.year for cell in cells])
    base = int(np.searchsorted(wide.years, cells[0].base_year))
    outcome = wide.outcome[:, years].mean(axis=1) - wide.outcome[:, base]
    known = np.isfinite(outcome) & np.isfinite(wide.covariates[:, base]).all(axis=1) & (wide.weights > 0)
    members = np.flatnonzero(known & (control | (wide.cohort == cohort)))
    treated = wide.cohort[members] == cohort
    if not treated.any() or (~treated).sum() < MIN_CONTROLS + wide.covariates.shape[2]:
        return None
    weights = wide.weights[members]
    columns = np.column_stack([np.ones(len(members)), wide.covariates[members, base]])
    root = np.sqrt(weights[~treated])[:, None]
    change = outcome[members]
    fit = np.linalg.lstsq(columns[~treated] * root, change[~treated] * root[:, 0], rcond=None)[0]
    return _Change(members=members, treated=treated, residual=change - columns @ fit, weights=weights)


def _inverse_size(panel: pd.DataFrame, design: Design, wide: WidePanel, size: str | None) -> Floats | None:
    if size is None:
        return None
    values = pd.to_numeric(pd.Series(unit_column(panel, design, wide, size)), errors="coerce").to_numpy(float)
    faults = [
        Fault(
            f"{size} of {design.unit} {unit}",
            f"got: {value}",
            "variances fall with size",
            "write a size above 0",
        )
        for unit, value in zip(wide.units, values, strict=True)
        if not value > 0
    ]
    raise_if_any(faults)
    return 1 / values


def _variances(
    changes: list[_Change], inverse_size: Floats | None
) -> tuple[list[Floats], tuple[float, float]]:
    """Variance of each member's change, up to scale, from the controls' squared residuals."""
    if inverse_size is None:
        return [np.ones(len(change.members)) for change in changes], (np.nan, np.nan)
    sizes = np.concatenate([inverse_size[change.members[~change.treated]] for change in changes])
    squares = np.concatenate([change.residual[~change.treated] ** 2 for change in changes])
    columns = np.column_stack([np.ones(len(sizes)), sizes])
    constant, slope = np.linalg.lstsq(columns, squares, rcond=None)[0]
    if slope < 0:
        # Variances that rise with size contradict the model: all units alike.
        constant, slope = float(squares.mean()), 0.0
    floor = SMALLEST_VARIANCE * float(squares.mean())
    fitted = [np.maximum(constant + slope * inverse_size[change.members], floor) for change in changes]
    return fitted, (float(constant), float(slope))


def _draw(
    changes: list[_Change],
    variances: list[Floats],
    share: Floats,
    *,
    n_units: int,
    draws: int,
    seed: int,
) -> Floats:
    """Differences of means when every unit has a scaled residual of some control."""
    rng = np.random.default_rng(seed)
    uniform = rng.random((draws, n_units), dtype=np.float32)
    total = np.zeros(draws)
    for change, variance, part in zip(changes, variances, share, strict=True):
        control = ~change.treated
        scaled = change.residual[control] / np.sqrt(variance[control])
        taken = (uniform[:, change.members] * len(scaled)).astype(np.int64)
        values = scaled[np.minimum(taken, len(scaled) - 1)] * np.sqrt(variance)
        weights = np.where(
            change.treated,
            change.weights / change.weights[change.treated].sum(),
            -change.weights / change.weights[control].sum(),
        )
        total += part * (values @ weights)
    return total
