"""Standard errors and degrees of freedom for few clusters: CR2 with Satterthwaite, and the cluster jackknife.

Belongs here: inference on one regression coefficient. Does not belong here: the bootstrap.

Residuals of a cluster are too small because the cluster moved the fit towards itself. CR2 undoes that for
independent errors of equal variance, A_c = (I - H_cc)^(-1/2), which makes the variance unbiased in that case;
the reference distribution is a t with the degrees of freedom that match its first two moments.

References
----------
Bell and McCaffrey (2002), Survey Methodology 28(2). Imbens and Kolesar (2016), Review of Economics and
Statistics 98(4), doi:10.1162/REST_a_00552, section III. Pustejovsky and Tipton (2018), J. Business and
Economic Statistics 36(4), doi:10.1080/07350015.2016.1247004, theorem 2 on effects swept out. MacKinnon, Nielsen
and Webb (2023), J. Econometrics 232(2), doi:10.1016/j.jeconom.2022.04.001, on the jackknife (CV3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.clustered_regression import ClusteredRegression
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.output import OneEstimate

Floats = NDArray[np.float64]
Correction = Literal["cr2", "jackknife"]

FULL_LEVERAGE = 1e-10
"""Distance of a leverage from one below which a cluster determines a direction alone: nothing is left to
correct there, and the residuals are zero (generalised inverse, as in R's clubSandwich)."""


@dataclass(frozen=True)
class SmallSampleResult(OneEstimate):
    """An estimate with inference for few clusters.

    Parameters
    ----------
    estimate, std_error
        The estimate and its corrected standard error.
    df
        Degrees of freedom of the t distribution.
    conf_low, conf_high, p_value
        Of that t distribution.
    level
        Coverage.
    n_clusters
        Clusters.
    correction
        ``"cr2"`` or ``"jackknife"``.
    """

    estimate: float
    std_error: float
    df: float
    conf_low: float
    conf_high: float
    p_value: float
    level: float
    n_clusters: int
    correction: Correction

    def tidy(self) -> pd.DataFrame:
        """Return one row with every field."""
        return pd.DataFrame([self.__dict__])


def cr2(
    regression: ClusteredRegression, *, null: float = 0.0, level: float = CONFIDENCE
) -> SmallSampleResult:
    """Return the bias-reduced standard error with Satterthwaite degrees of freedom.

    Parameters
    ----------
    regression
        The regression; effects swept out must be nested in the clusters.
    null
        Value tested.
    level
        Coverage.
    """
    columns = np.column_stack([regression.interest, regression.others])
    bread = np.linalg.inv(columns.T @ columns).astype(np.float64)
    residual = regression.outcome - columns @ (bread @ (columns.T @ regression.outcome))
    contrast = columns @ bread[:, 0]
    adjusted = np.zeros(len(contrast))
    for cluster in range(regression.n_clusters):
        rows = np.flatnonzero(regression.clusters == cluster)
        adjusted[rows] = _adjust(columns[rows], bread, contrast[rows])
    scores = regression.cluster_sums((adjusted * residual)[:, None])[:, 0]
    # Covariance of the scores under independent errors of equal variance.
    lengths = regression.cluster_sums((adjusted**2)[:, None])[:, 0]
    links = regression.cluster_sums(columns * adjusted[:, None])
    omega = np.diag(lengths) - links @ bread @ links.T
    df = float(np.trace(omega) ** 2 / (omega**2).sum())
    estimate = float(bread[0] @ (columns.T @ regression.outcome))
    error = float(np.sqrt(scores @ scores))
    return _result(estimate, error, df, null, level, regression.n_clusters, "cr2")


def cluster_jackknife(
    regression: ClusteredRegression, *, null: float = 0.0, level: float = CONFIDENCE
) -> SmallSampleResult:
    """Return the jackknife standard error over clusters (CV3), with G - 1 degrees of freedom.

    Parameters
    ----------
    regression
        The regression.
    null
        Value tested.
    level
        Coverage.
    """
    columns = np.column_stack([regression.interest, regression.others])
    gram, moment = columns.T @ columns, columns.T @ regression.outcome
    estimate = float(np.linalg.solve(gram, moment)[0])
    left = []
    for cluster in range(regression.n_clusters):
        rows = np.flatnonzero(regression.clusters == cluster)
        smaller = gram - columns[rows].T @ columns[rows]
        rest = moment - columns[rows].T @ regression.outcome[rows]
        left.append(float(np.linalg.pinv(smaller, hermitian=True)[0] @ rest))
    error = float(np.sqrt(_jackknife_variance(np.array(left), estimate)))
    groups = regression.n_clusters
    return _result(estimate, error, groups - 1.0, null, level, groups, "jackknife")


def influence_jackknife(
    result: AggregateResult,
    clusters: NDArray[np.int64] | None = None,
    *,
    row: int = 0,
    null: float = 0.0,
    level: float = CONFIDENCE,
) -> SmallSampleResult:
    """Return the jackknife over clusters of an average of effects, one step from its influence function.

    Leaving a cluster out moves a mean by its sum of influence over the treated weight that stays: clusters
    that hold a large part of the treated count for more than in the plain sum of squares.

    Parameters
    ----------
    result
        The average.
    clusters
        Cluster of each of its units as 0, 1, ..., (n_units,); those of the design, or single units, when None.
    row
        Row of `tidy`; the overall one by default.
    null
        Value tested.
    level
        Coverage.
    """
    codes = result.clusters if clusters is None else np.asarray(clusters, dtype=np.int64)
    if codes is None:
        codes = np.arange(len(result.influence))
    groups = int(codes.max()) + 1
    moved = np.bincount(codes, weights=result.influence[:, row], minlength=groups) / len(codes)
    share = np.bincount(codes, weights=result.treated_weights[:, row], minlength=groups)
    left = -moved / np.maximum(1 - share, FULL_LEVERAGE)
    estimate = float(result.table["estimate"].iloc[row])
    error = float(np.sqrt((groups - 1) / groups * (left**2).sum()))
    return _result(estimate, error, groups - 1.0, null, level, groups, "jackknife")


def _adjust(rows: Floats, bread: Floats, contrast: Floats) -> Floats:
    """(I - H_cc)^(-1/2) times a vector, from the small cross-product instead of the large hat matrix."""
    root = np.linalg.cholesky(bread)
    values, vectors = np.linalg.eigh(root.T @ (rows.T @ rows) @ root)
    used = values > FULL_LEVERAGE
    directions = rows @ (root @ vectors[:, used]) / np.sqrt(values[used])
    room = 1 - values[used]
    stretch = np.where(room > FULL_LEVERAGE, 1 / np.sqrt(np.maximum(room, FULL_LEVERAGE)), 0.0)
    return contrast + directions @ ((stretch - 1) * (directions.T @ contrast))


def _jackknife_variance(left: Floats, estimate: float) -> float:
    groups = len(left)
    return float((groups - 1) / groups * ((left - estimate) ** 2).sum())


def _result(
    estimate: float,
    error: float,
    df: float,
    null: float,
    level: float,
    n_clusters: int,
    correction: Correction,
) -> SmallSampleResult:
    reach = float(stdtrit(df, 0.5 + level / 2)) * error
    statistic = abs(estimate - null) / error if error > 0 else np.inf
    return SmallSampleResult(
        estimate=estimate,
        std_error=error,
        df=df,
        conf_low=estimate - reach,
        conf_high=estimate + reach,
        p_value=float(2 * stdtr(df, -statistic)),
        level=level,
        n_clusters=n_clusters,
        correction=correction,
    )
