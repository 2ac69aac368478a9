"""Many effects together: how much of their spread is noise, and each effect pulled towards the rest.

Belongs here: the normal model of true effects, its mean and spread with intervals, shrunken effects with
intervals that count the estimation of both. Does not belong here: how the effects were estimated, ranks.

Estimates are ``y_i ~ N(theta_i, s_i^2)``, true effects ``theta_i ~ N(mu, A)``. An effect is pulled towards the mean
by ``B_i = s_i^2 / (s_i^2 + A)``. Intervals are Morris's, or the robust ones of Armstrong, Kolesár and
Plagborg-Møller, which cover on average over units whatever the distribution of the true effects. Where true
effects are small beside their errors, shrinking only ties with calling all of them zero
(docs/methods/synthetic_inference.md).

References
----------
Morris (1983), J. American Statistical Association 78(381), doi:10.1080/01621459.1983.10477920. DerSimonian and Laird
(1986), Controlled Clinical Trials 7(3), doi:10.1016/0197-2456(86)90046-2. Paule and Mandel (1982), J. Research of the
National Bureau of Standards 87(5), doi:10.6028/jres.087.022. Viechtbauer (2007), Statistics in Medicine 26(1),
doi:10.1002/sim.2514, on the interval of the spread. Armstrong, Kolesár and Plagborg-Møller (2022), Econometrica
90(6), doi:10.3982/ECTA18597.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr, ndtri

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.robust_shrinkage import critical_values, robust_variance

Floats = NDArray[np.float64]
SpreadMethod = Literal["reml", "moment", "paule_mandel", "robust"]

MIN_EFFECTS = 4
"""Effects below which Morris's factor (k - 3) / (k - 1) leaves nothing to shrink by."""

STEPS = 200
"""Iterations at most; the restricted likelihood needs about ten."""

CONVERGED = 1e-12
"""Change of the variance, relative to the mean squared error of the estimates, at which iterations stop."""


@dataclass(frozen=True)
class ShrunkenEffects(Tabular):
    """Effects pulled towards their mean.

    Parameters
    ----------
    table
        One row per unit, in the order given: unit, estimate, std_error, shrinkage (weight of the mean, B),
        shrunken, conf_low, conf_high, probability_positive. Units without an estimate have missing values.
    mean, mean_error
        Of the true effects.
    spread, spread_low, spread_high
        Standard deviation of the true effects, with its interval (Q profile).
    q, q_p_value
        Cochran's Q: the hypothesis that all true effects are the same.
    method, level
        What was asked.
    """

    table: pd.DataFrame
    mean: float
    mean_error: float
    spread: float
    spread_low: float
    spread_high: float
    q: float
    q_p_value: float
    method: SpreadMethod
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row about all effects; i_squared is the share of their variance that is not error."""
        known = self.table["estimate"].notna()
        squares = self.table.loc[known, "std_error"] ** 2
        names = (
            "mean",
            "mean_error",
            "spread",
            "spread_low",
            "spread_high",
            "q",
            "q_p_value",
            "method",
            "level",
        )
        row = {name: getattr(self, name) for name in names}
        typical = _typical_variance(squares.to_numpy(dtype=float))
        total = self.spread**2 + typical
        return pd.DataFrame([{"n_effects": int(known.sum()), **row, "i_squared": self.spread**2 / total}])

    def plot(self, *, title: str = "Effects pulled towards their mean") -> Chart:
        """Draw shrunken effects with their intervals, largest first.

        Parameters
        ----------
        title
            Words of the chart.
        """
        rows = self.table[self.table["shrunken"].notna()].sort_values("shrunken", ascending=False)
        drawn = rows.assign(label=rows["unit"].astype(str), estimate=rows["shrunken"])
        return interval_forest(drawn, title=title)


def shrink(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    *,
    units: ArrayLike | None = None,
    method: SpreadMethod = "reml",
    level: float = CONFIDENCE,
) -> ShrunkenEffects:
    """Shrink effects towards their mean by empirical Bayes.

    Parameters
    ----------
    estimates, std_errors
        (n_units,), in units of one outcome; a unit whose estimate is missing stays missing and does not count.
    units
        Names; positions when None.
    method
        How the spread is estimated: ``"reml"``, ``"moment"`` (DerSimonian and Laird), ``"paule_mandel"``; or
        ``"robust"``: moments, and intervals that need no normal distribution of true effects.
    level
        Coverage of the intervals, for the robust ones on average over units.

    Raises
    ------
    BadInputError
        With every fault: a standard error that is not positive, fewer than `MIN_EFFECTS` effects.
    """
    if method not in get_args(SpreadMethod) or not 0 < level < 1:
        allowed = ", ".join(get_args(SpreadMethod))
        raise UsageError(
            f"method must be one of {allowed}, level between 0 and 1; got: {method!r}, {level!r}"
        )
    values, errors = np.asarray(estimates, dtype=float), np.asarray(std_errors, dtype=float)
    names = np.arange(len(np.atleast_1d(values))) if units is None else np.asarray(units)
    raise_if_any(_faults(values, errors, names))
    known = np.isfinite(values)
    y, s2 = values[known], errors[known] ** 2
    a = spread_variance(y, s2, method=method)
    mean, mean_error = _mean(y, s2, a)
    q = float(((y - _mean(y, s2, 0.0)[0]) ** 2 / s2).sum())
    low, high = spread_interval(y, s2, level=level)
    kernel = _robust if method == "robust" else _morris
    columns = kernel(y, s2, a, level)
    table = pd.DataFrame({"unit": names, "estimate": values, "std_error": np.where(known, errors, np.nan)})
    for name, column in columns.items():
        filled = np.full(len(values), np.nan)
        filled[known] = column
        table[name] = filled
    return ShrunkenEffects(
        table=table,
        mean=mean,
        mean_error=mean_error,
        spread=float(np.sqrt(a)),
        spread_low=float(np.sqrt(low)),
        spread_high=float(np.sqrt(high)),
        q=q,
        q_p_value=float(chdtrc(len(y) - 1.0, q)),
        method=method,
        level=level,
    )


def spread_variance(y: Floats, s2: Floats, *, method: SpreadMethod = "reml") -> float:
    """Return the variance of true effects, never below zero.

    Parameters
    ----------
    y, s2
        Estimates and their squared standard errors, (n,).
    method
        As in `shrink`.
    """
    if method == "robust":
        return robust_variance(y, s2)
    if method == "paule_mandel":
        return _profile_root(y, s2, len(y) - 1.0)
    moment = _moment(y, s2)
    return moment if method == "moment" else _reml(y, s2, start=moment)


def spread_interval(y: Floats, s2: Floats, *, level: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of the variance of true effects by the profile of Q.

    ``Q(A) = sum (y - mu_A)^2 / (s^2 + A)`` has a chi-square distribution with n - 1 degrees of freedom at the
    true A when true effects are normal; the interval holds every A that it does not reject.

    Parameters
    ----------
    y, s2
        Estimates and their squared standard errors, (n,).
    level
        Coverage.
    """
    df, tail = len(y) - 1.0, (1 - level) / 2
    upper, lower = float(chdtri(df, tail)), float(chdtri(df, 1 - tail))
    return _profile_root(y, s2, upper), _profile_root(y, s2, lower)


def _faults(values: Floats, errors: Floats, names: NDArray[np.generic]) -> list[Fault]:
    why = "each effect is weighed by its standard error"
    if values.ndim != 1 or errors.shape != values.shape or names.shape != values.shape:
        what = f"shapes {values.shape}, {errors.shape}, {names.shape}"
        return [Fault("effects", what, why, "give one estimate, error and name per unit")]
    known = np.isfinite(values)
    bad = np.flatnonzero(known & ~(np.isfinite(errors) & (errors > 0)))
    faults = [
        Fault(f"standard error of {names[place]}", f"got: {errors[place]}", why, "give a number above 0")
        for place in bad
    ]
    if known.sum() < MIN_EFFECTS:
        what = f"{int(known.sum())} effects with an estimate"
        faults.append(
            Fault("effects", what, "mean and spread come from the effects", f"give {MIN_EFFECTS} or more")
        )
    return faults


def _mean(y: Floats, s2: Floats, a: float) -> tuple[float, float]:
    weights = 1 / (s2 + a)
    return float(weights @ y / weights.sum()), float(1 / np.sqrt(weights.sum()))


def _moment(y: Floats, s2: Floats) -> float:
    """DerSimonian and Laird: Q less its expectation without spread."""
    weights = 1 / s2
    mean = weights @ y / weights.sum()
    excess = weights @ (y - mean) ** 2 - (len(y) - 1)
    return max(float(excess / (weights.sum() - (weights**2).sum() / weights.sum())), 0.0)


def _reml(y: Floats, s2: Floats, *, start: float) -> float:
    """Restricted likelihood by Fisher scoring; a step that lowers the likelihood is halved."""
    a, scale = start, float(s2.mean())
    likelihood = _restricted_likelihood(y, s2, a)
    for _ in range(STEPS):
        weights = 1 / (s2 + a)
        total, squares = weights.sum(), (weights**2).sum()
        residual = y - weights @ y / total
        score = (weights**2) @ residual**2 - total + squares / total
        information = squares - 2 * (weights**3).sum() / total + (squares / total) ** 2
        step = max(float(score / information), -a)
        proposed = _restricted_likelihood(y, s2, a + step)
        while proposed < likelihood and abs(step) > CONVERGED * scale:
            step /= 2
            proposed = _restricted_likelihood(y, s2, a + step)
        if abs(step) <= CONVERGED * scale:
            return a
        a, likelihood = a + step, proposed
    return a


def _restricted_likelihood(y: Floats, s2: Floats, a: float) -> float:
    weights = 1 / (s2 + a)
    total = weights.sum()
    residual = y - weights @ y / total
    return float(np.log(weights).sum() - np.log(total) - weights @ residual**2) / 2


def _profile_root(y: Floats, s2: Floats, target: float) -> float:
    """Find the variance at which Q, which falls in it, equals a target; 0 where Q is below it already."""

    def excess(a: float) -> float:
        mean, _ = _mean(y, s2, a)
        return float(((y - mean) ** 2 / (s2 + a)).sum()) - target

    if excess(0.0) <= 0:
        return 0.0
    high = float(y.var()) + float(s2.max())
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-15 * high, rtol=8 * np.finfo(float).eps))


def _morris(y: Floats, s2: Floats, a: float, level: float) -> dict[str, Floats]:
    """Morris (1983): the factor (k - 3) / (k - 1) and the variance that counts mean and spread."""
    k = len(y)
    weights = 1 / (s2 + a)
    mean = float(weights @ y / weights.sum())
    b = (k - 3) / (k - 1) * s2 * weights
    typical = float(weights @ s2 / weights.sum())
    share = weights / weights.sum()
    doubt = 2 / (k - 3) * b**2 * (typical + a) * weights
    variance = s2 * (1 - (1 - share) * b) + doubt * (y - mean) ** 2
    shrunken, error = y - b * (y - mean), np.sqrt(variance)
    reach = float(ndtri(0.5 + level / 2)) * error
    return {
        "shrinkage": b,
        "shrunken": shrunken,
        "conf_low": shrunken - reach,
        "conf_high": shrunken + reach,
        "probability_positive": ndtr(shrunken / error),
    }


def _robust(y: Floats, s2: Floats, a: float, level: float) -> dict[str, Floats]:
    """Armstrong, Kolesár and Plagborg-Møller: normal shrinkage, critical value for the worst distribution.

    The probability is that of the normal model: no probability is robust to every distribution.
    """
    mean, _ = _mean(y, s2, a)
    kept = a / (s2 + a)
    shrunken, error = mean + kept * (y - mean), np.sqrt(s2)
    reach = critical_values(s2 / a, level=level) * kept * error
    return {
        "shrinkage": 1 - kept,
        "shrunken": shrunken,
        "conf_low": shrunken - reach,
        "conf_high": shrunken + reach,
        "probability_positive": ndtr(shrunken / np.sqrt(kept * s2)),
    }


def _typical_variance(s2: Floats) -> float:
    """Higgins and Thompson (2002), doi:10.1002/sim.1186: the error variance that makes I squared."""
    weights = 1 / s2
    return float((len(s2) - 1) * weights.sum() / (weights.sum() ** 2 - (weights**2).sum()))
