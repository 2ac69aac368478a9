"""The wild cluster bootstrap with the null imposed, from cluster scores only.

Belongs here: tests and intervals when clusters are few. Does not belong here: the regression
(`evaluation.impact.clustered_regression`).

Residuals are those of the regression with the coefficient held at the null. A draw flips the signs of whole
clusters. With x the regressor less what the others explain, X all regressors and u the residuals, the
bootstrap t statistic needs only

    s_c = x_c'u_c   and   P_cd = x_c'X_c (X'X)^-1 X_d'u_d,
    t* = sum v_c s_c / sqrt(sum (v_c s_c - (P v)_c)^2),

G numbers and a G x G matrix, both linear in the null: no draw touches the data, and an interval is found by
moving the null. For few clusters all 2^G sign patterns are listed instead of drawn.

References
----------
Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90(3), doi:10.1162/rest.90.3.414.
Roodman, MacKinnon, Nielsen and Webb (2019), Stata Journal 19(1), doi:10.1177/1536867X19830877, section 5.
Kline and Santos (2012), J. Econometric Methods 1(1), doi:10.1515/2156-6674.1006, on scores of any estimator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.clustered_regression import ClusteredRegression
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import OneEstimate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Signs = Literal["rademacher", "webb"]

DEFAULT_WILD_DRAWS = 9_999
"""Draws: with 9,999 a p-value of 0.05 has a Monte Carlo error of 0.002."""

WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))
"""Absolute values of Webb's six-point weights (Webb 2023, doi:10.1111/caje.12661), for fewer than ten clusters."""

TIE = 1e-10
"""Relative difference at which two t statistics are the same: patterns that only flip all signs tie exactly."""

CHUNK = 20_000
"""Patterns that are reduced at a time: bounds the memory, changes no number."""

WIDENINGS = 60
"""Doublings of the distance from the estimate in which an end of the interval is searched."""

HALVINGS = 45
"""Halvings of that distance afterwards."""


@dataclass(frozen=True)
class WildBootstrapResult(OneEstimate):
    """A test and an interval by the wild cluster bootstrap.

    Parameters
    ----------
    estimate, statistic
        The estimate, and its t statistic against the null.
    null
        Value tested.
    p_value
        Share of draws with a larger absolute t statistic.
    conf_low, conf_high
        Values that are not rejected; infinite where no value is.
    level
        Coverage.
    n_clusters, draws
        Clusters, and draws or listed patterns.
    enumerated
        Whether every sign pattern was listed, so that nothing is random.
    """

    estimate: float
    statistic: float
    null: float
    p_value: float
    conf_low: float
    conf_high: float
    level: float
    n_clusters: int
    draws: int
    enumerated: bool

    def tidy(self) -> pd.DataFrame:
        """Return one row with every field."""
        return pd.DataFrame([self.__dict__])


@dataclass(frozen=True)
class ClusterScores:
    """What each cluster contributes to a t statistic, linear in the null.

    Parameters
    ----------
    estimate
        The estimate.
    score, score_slope
        s_c = score - null x score_slope, (G,).
    feedback, feedback_slope
        P = feedback - null x feedback_slope, (G, G).
    factor
        Small-sample factor of the variance; cancels in p-values.
    """

    estimate: float
    score: Floats
    score_slope: Floats
    feedback: Floats
    feedback_slope: Floats
    factor: float

    def at(self, null: float) -> ClusterScores:
        """Return the scores at one null, which no longer move with it."""
        return replace(
            self,
            score=self.score - null * self.score_slope,
            score_slope=np.zeros_like(self.score),
            feedback=self.feedback - null * self.feedback_slope,
            feedback_slope=np.zeros_like(self.feedback),
        )

    def patterns(self, signs: Floats) -> Patterns:
        """Return sign patterns, (n_patterns, G), reduced to what a t statistic needs."""
        parts = [self._reduce(signs[start : start + CHUNK]) for start in range(0, len(signs), CHUNK)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return Patterns(columns[0], columns[1], columns[2], columns[3], columns[4], factor=self.factor)

    def _reduce(self, signs: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        # v_c s_c - (P v)_c is linear in the signs: one product for the score and its slope.
        if not self.score_slope.any():
            own, none = signs @ (np.diag(self.score) - self.feedback).T, np.zeros(len(signs))
            return signs @ self.score, none, np.einsum("ij,ij->i", own, own), none, none
        left = np.diag(self.score) - self.feedback
        left_slope = np.diag(self.score_slope) - self.feedback_slope
        both = signs @ np.hstack([left.T, left_slope.T])
        own, slope = both[:, : len(left)], both[:, len(left) :]
        total = signs @ np.column_stack([self.score, self.score_slope])
        square, square_slope = (np.einsum("ij,ij->i", one, one) for one in (own, slope))
        return total[:, 0], total[:, 1], square, np.einsum("ij,ij->i", own, slope), square_slope


@dataclass(frozen=True)
class Patterns:
    """Sign patterns reduced to numerators and denominators of t statistics, each (n_patterns,).

    t*(null) = (total - null x total_slope) / sqrt(factor x (square - 2 null x cross + null^2 x square_slope)).
    """

    total: Floats
    total_slope: Floats
    square: Floats
    cross: Floats
    square_slope: Floats
    factor: float

    def statistics(self, null: float) -> Floats:
        """Return the t statistics at a null, (n_patterns,)."""
        variance = self.square - 2 * null * self.cross + null**2 * self.square_slope
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.total - null * self.total_slope) / np.sqrt(self.factor * np.maximum(variance, 0.0))

    def beyond(self, null: float, limit: float) -> Bools:
        """Tell which absolute t statistics at a null exceed a limit, (n_patterns,); no root is taken."""
        if not np.isfinite(limit):
            return np.zeros(len(self.total), dtype=bool)
        variance = self.square - (2 * null) * self.cross + null**2 * self.square_slope
        numerator = self.total - null * self.total_slope
        return numerator**2 > (limit**2 * self.factor) * np.maximum(variance, 0.0)


@dataclass(frozen=True)
class _Test:
    """Drawn patterns beside the data, which is the pattern of plus signs."""

    own: Patterns
    drawn: Patterns

    def statistic(self, null: float) -> float:
        return float(self.own.statistics(null)[0])

    def p_value(self, null: float) -> float:
        return float(self.drawn.beyond(null, abs(self.statistic(null)) * (1 + TIE)).mean())


def wild_cluster_bootstrap(
    source: ClusteredRegression | ClusterScores,
    *,
    null: float = 0.0,
    draws: int = DEFAULT_WILD_DRAWS,
    seed: int = DEFAULT_SEED,
    signs: Signs = "rademacher",
    level: float = CONFIDENCE,
    interval: bool = True,
) -> WildBootstrapResult:
    """Test a value, and find the values that are not rejected.

    Parameters
    ----------
    source
        A regression, or the scores of another estimator from `cluster_scores`.
    null
        Value tested.
    draws
        Sign patterns drawn; with Rademacher signs and no more than `draws` patterns in all, each is taken once.
    seed
        Of the draws.
    signs
        ``"rademacher"`` (-1, 1) or ``"webb"`` (six points).
    level
        Coverage of the interval.
    interval
        Whether the interval is searched; it takes about half of the time. Its ends are missing without.

    Raises
    ------
    UsageError
        For options that do not exist.
    """
    problems = []
    if signs not in get_args(Signs):
        problems.append(f"signs must be one of {', '.join(get_args(Signs))}; got: {signs!r}")
    if draws < 1:
        problems.append(f"draws must be 1 or more; got: {draws!r}")
    if not 0 < level < 1:
        problems.append(f"level must lie between 0 and 1; got: {level!r}")
    if problems:
        raise UsageError("; ".join(problems) + ".")
    scores = regression_scores(source) if isinstance(source, ClusteredRegression) else source
    n_clusters = len(scores.score)
    enumerated = signs == "rademacher" and 2.0**n_clusters <= draws
    patterns = _all_patterns(n_clusters) if enumerated else _draw(draws, n_clusters, seed, signs)
    known = scores if interval else scores.at(null)
    test = _Test(own=known.patterns(np.ones((1, n_clusters))), drawn=known.patterns(patterns))
    low = high = np.nan
    if interval:
        low, high = (_end(test, scores.estimate, level=level, side=side) for side in (-1.0, 1.0))
    return WildBootstrapResult(
        estimate=scores.estimate,
        statistic=test.statistic(null),
        null=null,
        p_value=test.p_value(null),
        conf_low=low,
        conf_high=high,
        level=level,
        n_clusters=n_clusters,
        draws=len(patterns),
        enumerated=enumerated,
    )


def regression_scores(regression: ClusteredRegression) -> ClusterScores:
    """Return the cluster scores of a regression's coefficient.

    Parameters
    ----------
    regression
        The regression.
    """
    # Restricted residuals: outcome and null x regressor, both less what the others explain.
    restricted = regression.without_others(np.column_stack([regression.outcome, regression.interest]))
    partialled = restricted[:, 1]
    columns = np.column_stack([partialled, regression.others])
    inverse = np.linalg.inv(columns.T @ columns)
    own = regression.cluster_sums(columns * partialled[:, None]) @ inverse
    outer = [regression.cluster_sums(columns * one[:, None]) for one in restricted.T]
    return ClusterScores(
        estimate=float(partialled @ regression.outcome / (partialled @ partialled)),
        score=outer[0][:, 0],
        score_slope=outer[1][:, 0],
        feedback=own @ outer[0].T,
        feedback_slope=own @ outer[1].T,
        factor=regression.small_sample,
    )


def cluster_scores(
    result: AggregateResult, clusters: NDArray[np.int64] | None = None, *, row: int = 0
) -> ClusterScores:
    """Return the cluster scores of an average of effects, by any estimator with an influence function.

    The null enters as a shift of the treated units' outcomes; other parts of the estimator (means and
    regressions of the controls, the propensity) are held as estimated, which is the score bootstrap.

    Parameters
    ----------
    result
        The average.
    clusters
        Cluster of each of its units as 0, 1, ..., (n_units,); those of the design when None.
    row
        Row of `tidy`; the overall one by default.

    Raises
    ------
    UsageError
        Without clusters.
    """
    codes = result.clusters if clusters is None else np.asarray(clusters, dtype=np.int64)
    if codes is None or len(codes) != len(result.influence):
        raise UsageError("Name the cluster of each unit, or estimate with a design that has clusters.")
    n_clusters = int(codes.max()) + 1
    moved = np.bincount(codes, weights=result.influence[:, row], minlength=n_clusters) / len(codes)
    share = np.bincount(codes, weights=result.treated_weights[:, row], minlength=n_clusters).astype(float)
    estimate = float(result.table["estimate"].iloc[row])
    score = moved + estimate * share
    return ClusterScores(
        estimate=estimate,
        score=score,
        score_slope=share,
        feedback=np.outer(share, score),
        feedback_slope=np.outer(share, share),
        factor=n_clusters / (n_clusters - 1),
    )


def _all_patterns(n_clusters: int) -> Floats:
    numbers = np.arange(2**n_clusters)[:, None]
    return np.where((numbers >> np.arange(n_clusters)) & 1, 1.0, -1.0)


def _draw(draws: int, n_clusters: int, seed: int, signs: Signs) -> Floats:
    rng = np.random.default_rng(seed)
    sign = np.where(rng.random((draws, n_clusters)) < 0.5, -1.0, 1.0)
    return sign if signs == "rademacher" else sign * WEBB[rng.integers(3, size=(draws, n_clusters))]


def _end(test: _Test, estimate: float, *, level: float, side: float) -> float:
    """Furthest value on one side of the estimate that is not rejected."""

    def rejects(null: float) -> bool:
        return test.p_value(null) < 1 - level

    step = abs(estimate / test.statistic(0.0)) if estimate else 1.0
    inside, outside = estimate, estimate + side * step
    for _ in range(WIDENINGS):
        if rejects(outside):
            break
        inside, outside = outside, estimate + 2 * (outside - estimate)
    else:
        return side * np.inf
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if rejects(middle) else (middle, outside)
    return inside
