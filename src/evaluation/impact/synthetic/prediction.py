"""Prediction intervals for what a unit would have been, as in scpi.

Belongs here: error of the weights (in-sample, simulated) and of a new year (out-of-sample, three models), added up.
Does not belong here: placebos; the unit's own residuals are the evidence.

In-sample: the weights solve ``min |y - Bw|^2`` over the simplex; their error is bounded by the largest and smallest
``p'(w - x)`` over all x of the simplex with ``(x - w)'Q(x - w) - 2 G'(x - w) <= 0``, Q = B'B / T, for draws of
``G = B'e / T``, e normal with the squared residuals as variances. Each bound is a linear function over a simplex
cut by a ball, found by a search over one multiplier with the exact simplex solver, for all draws at once.
Out-of-sample: a sub-Gaussian bound, location and scale, or quantiles of the residuals. Both parts have half of
one less the level, and the interval covers with at least the level.

Simplified against scpi: the outcome is the only feature, weights are those of the plain synthetic control, residuals
are modelled in levels of the donors with large weights (or by a constant where years are few), without lags. It needs
residuals: a perfect fit has none, and no interval.

References
----------
Cattaneo, Feng and Titiunik (2021), J. American Statistical Association 116(536),
doi:10.1080/01621459.2021.1979561. Cattaneo, Feng, Palomba and Titiunik (2025), J. Statistical Software 113(1),
doi:10.18637/jss.v113.i01, on the defaults followed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.synthetic.simplex import solve_simplex
from evaluation.impact.synthetic.weight_error import largest_in_ball

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ErrorModel = Literal["gaussian", "location_scale", "quantile"]

PREDICTION_DRAWS = 200
"""Draws of the in-sample error, as in scpi."""

MAX_THRESHOLD = 0.2
"""Largest weight that may be treated as zero."""

LOW_THRESHOLD = 0.001
"""Below it residuals say little about which weights are zero, and the threshold is taken from 0.05 up."""

SPARE_YEARS = 10
"""Years more than parameters that a model of residuals needs; a constant otherwise."""

WEIGHT = 1e-6
"""Smallest weight that counts as one."""

QUARTILES_TO_SD = 1.34
"""Interquartile range of a normal distribution in standard deviations, as scpi rounds it."""

PERFECT = 1e-8
"""Residuals below this share of the outcome's spread are rounding."""


@dataclass(frozen=True)
class PredictionIntervals(Tabular):
    """Intervals of the untreated outcome and of the effect.

    Parameters
    ----------
    table
        One row per year after treatment and, last, ``mean``: label, observed, synthetic, estimate, conf_low,
        conf_high (of the effect), weight_low, weight_high (in-sample part), error_low, error_high (out-of-sample part).
        The errors of the mean are those of one year, on the safe side.
    model, level
        What was asked.
    n_modelled
        Donors in the model of residuals, 0 for a constant.
    """

    table: pd.DataFrame
    model: ErrorModel
    level: float
    n_modelled: int

    def tidy(self) -> pd.DataFrame:
        """Return one row per year, and their mean."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: the mean's estimate and interval, model, level, n_modelled."""
        last = self.table.iloc[-1]
        row = {name: last[name] for name in ("estimate", "conf_low", "conf_high")}
        return pd.DataFrame(
            [{**row, "model": self.model, "level": self.level, "n_modelled": self.n_modelled}]
        )

    def plot(self, *, title: str = "Effect by year, with prediction intervals") -> Chart:
        """Draw the effects with their intervals.

        Parameters
        ----------
        title
            Words of the chart.
        """
        return interval_forest(self.table, title=title)


def prediction_intervals(
    outcome: ArrayLike,
    donors: ArrayLike,
    *,
    pre: ArrayLike,
    post: ArrayLike,
    years: ArrayLike | None = None,
    model: ErrorModel = "gaussian",
    level: float = CONFIDENCE,
    draws: int = PREDICTION_DRAWS,
    seed: int = DEFAULT_SEED,
) -> PredictionIntervals:
    """Return prediction intervals of one unit's effects.

    Parameters
    ----------
    outcome
        (n_years,), complete in the years used.
    donors
        (n_donors, n_years), likewise.
    pre, post
        Years before and after treatment, (n_years,).
    years
        Labels of the years, (n_years,); positions when None.
    model
        Of a new year's error: ``"gaussian"`` (sub-Gaussian tails), ``"location_scale"``, ``"quantile"``.
    level
        Coverage at least: each of the two parts may miss with half of 1 - level.
    draws, seed
        Of the in-sample error.

    Raises
    ------
    BadInputError
        With every fault, among them a perfect fit, which leaves no residuals to judge by.
    """
    if model not in get_args(ErrorModel) or not 0 < level < 1 or draws < 1:
        raise UsageError(
            f"model must be one of {', '.join(get_args(ErrorModel))}, level between 0 and 1, draws 1 or more; "
            f"got: {model!r}, {level!r}, {draws!r}"
        )
    own, pool = np.asarray(outcome, dtype=float), np.asarray(donors, dtype=float)
    before, after = np.asarray(pre, dtype=bool), np.asarray(post, dtype=bool)
    raise_if_any(_faults(own, pool, before, after))
    b, y, p = pool[:, before].T, own[before], pool[:, after].T
    weights = solve_simplex(b.T, y[None]).weights[0]
    residual = y - b @ weights
    raise_if_any(_perfect(residual, own))
    threshold = _threshold(weights, residual, b)
    large = weights > threshold
    large[weights.argmax()] |= not large.any()
    rows = np.vstack([p, p.mean(axis=0)])
    tail = (1 - level) / 4
    drawn = _in_sample(weights, residual, b, rows, large, draws=draws, seed=seed)
    weight_low, weight_high = np.quantile(drawn[0], tail, axis=0), np.quantile(drawn[1], 1 - tail, axis=0)
    design, new, n_modelled = _design(b, rows, large)
    error_low, error_high = _out_of_sample(residual, design, new, model, tail)
    synthetic, seen = rows @ weights, np.append(own[after], own[after].mean())
    labels = np.arange(len(own)) if years is None else np.asarray(years)
    table = pd.DataFrame(
        {
            "label": [*(str(label) for label in labels[after]), "mean"],
            "observed": seen,
            "synthetic": synthetic,
            "estimate": seen - synthetic,
            "conf_low": seen - synthetic - weight_high - error_high,
            "conf_high": seen - synthetic - weight_low - error_low,
            "weight_low": weight_low,
            "weight_high": weight_high,
            "error_low": error_low,
            "error_high": error_high,
        }
    )
    return PredictionIntervals(table, model, level, n_modelled)


def _faults(own: Floats, pool: Floats, before: Bools, after: Bools) -> list[Fault]:
    why = "weights and errors are estimated year by year"
    shapes_fit = own.ndim == 1 and pool.ndim == 2 and pool.shape[1:] == own.shape
    if not shapes_fit or before.shape != own.shape or after.shape != own.shape:
        what = f"shapes {own.shape}, {pool.shape}, {before.shape}, {after.shape}"
        return [Fault("outcomes", what, why, "give years, donors x years and one mark per year")]
    faults, used = [], before | after
    for name, values in (("outcome", own[used]), ("donors", pool[:, used])):
        count = int((~np.isfinite(values)).sum())
        if count:
            faults.append(Fault(name, f"{count} missing", why, "leave out years or donors that are missing"))
    if before.sum() < 3:
        faults.append(Fault("years before", f"{int(before.sum())}", why, "give three or more"))
    if not after.any() or (before & after).any():
        faults.append(Fault("years after", "none, or also before", why, "mark each year once"))
    if len(pool) < 2:
        faults.append(Fault("donors", f"{len(pool)}", why, "give two or more"))
    constant = np.flatnonzero(np.ptp(pool[:, before], axis=1) == 0) if before.any() else np.array([])
    if len(constant):
        what = f"{len(constant)} without any variation before treatment"
        faults.append(Fault("donors", what, "the threshold of weights divides by it", "leave them out"))
    return faults


def _perfect(residual: Floats, own: Floats) -> list[Fault]:
    if np.sqrt((residual**2).mean()) > PERFECT * max(float(np.nanstd(own)), np.finfo(float).tiny):
        return []
    why = "the unit's own residuals are the evidence"
    return [Fault("fit before treatment", "perfect", why, "use placebos, or fewer donors")]


def _threshold(weights: Floats, residual: Floats, b: Floats) -> float:
    """Weight below which a weight may be zero, chosen as scpi does (Cattaneo et al. 2025)."""
    n_years, n_donors = b.shape
    count = int((np.abs(weights) >= WEIGHT).sum())
    sd, spread = float(residual.std()), b.std(axis=0, ddof=1)
    growth = np.sqrt(np.log(n_donors) * count * np.log(n_years)) / np.sqrt(n_years)
    first = sd / float(spread.min()) * growth
    second = sd * float(spread.max()) / float(spread.min()) ** 2 * growth
    threshold = min(second, MAX_THRESHOLD)
    if threshold >= LOW_THRESHOLD:
        return threshold
    threshold = max(min(first, MAX_THRESHOLD), min(second, MAX_THRESHOLD))
    return MAX_THRESHOLD if threshold < 0.05 else threshold


def _in_sample(
    weights: Floats,
    residual: Floats,
    b: Floats,
    rows: Floats,
    large: Bools,
    *,
    draws: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Smallest and largest ``p'(w - x)`` of each draw and row, (draws, n_rows) each."""
    n_years = len(residual)
    count = int((np.abs(weights) >= WEIGHT).sum())
    spare = max(n_years - (count - 1), 1)
    design = _design(b, b, large)[0]
    mean = design @ np.linalg.lstsq(design, residual, rcond=None)[0]
    error = np.sqrt(n_years / spare) * np.abs(residual - mean)
    noise = np.random.default_rng(seed).standard_normal((draws, n_years)) * error
    # Large weights may fall to zero, the others may only grow: again a simplex, moved and scaled.
    floor = np.where(large, 0.0, weights)
    best = largest_in_ball(np.vstack([rows, -rows]), b=b, noise=noise, weights=weights, floor=floor)
    own = rows @ weights
    return own - best[:, : len(rows)], own + best[:, len(rows) :]


def _design(b: Floats, rows: Floats, large: Bools) -> tuple[Floats, Floats, int]:
    """Regressors of the residuals before and after: donors with large weights and a constant, or a constant."""
    n_modelled = int(large.sum())
    if len(b) - SPARE_YEARS <= n_modelled + 1:
        return np.ones((len(b), 1)), np.ones((len(rows), 1)), 0
    return (
        np.column_stack([b[:, large], np.ones(len(b))]),
        np.column_stack([rows[:, large], np.ones(len(rows))]),
        n_modelled,
    )


def _out_of_sample(
    residual: Floats, design: Floats, new: Floats, model: ErrorModel, tail: float
) -> tuple[Floats, Floats]:
    if model == "quantile":
        low, high = (new @ _quantile_regression(residual, design, share) for share in (tail, 1 - tail))
        return low, high
    slope = np.linalg.lstsq(design, residual, rcond=None)[0]
    mean, left = new @ slope, residual - design @ slope
    log_variance = np.linalg.lstsq(design, np.log(np.maximum(left**2, np.finfo(float).tiny)), rcond=None)[0]
    quartiles = [new @ _quantile_regression(left, design, share) for share in (0.25, 0.75)]
    sd = np.minimum(np.exp(new @ log_variance / 2), np.abs(quartiles[1] - quartiles[0]) / QUARTILES_TO_SD)
    if model == "gaussian":
        reach = np.sqrt(-2 * np.log(tail)) * sd
        return mean - reach, mean + reach
    scaled = left / np.exp(design @ log_variance / 2)
    return mean + sd * np.quantile(scaled, tail), mean + sd * np.quantile(scaled, 1 - tail)


def _quantile_regression(y: Floats, x: Floats, share: float) -> Floats:
    """Koenker and Bassett (1978), doi:10.2307/1913643, as a linear programme."""
    n, k = x.shape
    cost = np.concatenate([np.zeros(k), np.full(n, share), np.full(n, 1 - share)])
    equal = np.hstack([x, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * k + [(0, None)] * (2 * n)
    return np.asarray(linprog(cost, A_eq=equal, b_eq=y, bounds=bounds, method="highs").x)[:k]
