"""Many targets in one batch, each with donors of its own: a rule on who may stand for whom, applied to everybody alike.

Belongs here: targets whose pools differ, such as all units beyond a distance, over complete years. Does not belong here:
studies that are described by a `SyntheticDesign`, whose targets share their pools
(`evaluation.impact.synthetic.effects`), or any estimator.

A placebo made by the same rule as the treated unit has a pool of its own as well. Solved pool by pool that would be a study
for each unit; here all units and all placebos of one outcome are one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import UsageError
from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import DEFAULT_RIDGE, SyntheticDesign
from evaluation.impact.synthetic.estimators import fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
PoolEstimator = Literal["sdid", "demeaned", "ridge", "sc"]


@dataclass(frozen=True)
class PoolFits:
    """Synthetic twins of targets that have donors of their own.

    Parameters
    ----------
    weights
        Of every unit as a donor, (B, N).
    gaps
        Observed less synthetic, (B, T).
    estimate
        Mean gap after treatment, (B,).
    converged
        Whether the weights are certified as the best, (B,).
    """

    weights: Floats
    gaps: Floats
    estimate: Floats
    converged: Bools


@dataclass(frozen=True)
class _OwnPools(Comparison):
    """A comparison in which each target says which donors it may use."""

    may_use: Bools

    @property
    def allowed(self) -> Bools:
        return self.may_use

    @property
    def n_donors(self) -> Ints:
        return self.may_use.sum(axis=1)


def fit_own_pools(
    outcome: ArrayLike,
    *,
    pre: ArrayLike,
    post: ArrayLike,
    targets: ArrayLike,
    allowed: ArrayLike,
    estimator: PoolEstimator = "sdid",
    ridge: float = DEFAULT_RIDGE,
) -> PoolFits:
    """Estimate each target from the donors that it may use.

    The ridge of ``"demeaned"`` and the regularisation of ``"sdid"`` are those of all donors together, so that targets and
    placebos share them.

    Parameters
    ----------
    outcome
        Units by years, complete, (N, T).
    pre, post
        Years before and after treatment, (T,).
    targets
        Rows of `outcome`, (B,).
    allowed
        Which units may be donors of each target, (B, N).
    estimator
        As in `SyntheticDesign`.
    ridge
        Of ``"demeaned"``.

    Raises
    ------
    UsageError
        For shapes that do not fit, missing values, a target that is its own donor or has fewer than two; all at once.
    """
    values, rows = np.asarray(outcome, dtype=float), np.asarray(targets, dtype=np.int64)
    before, after = np.asarray(pre, dtype=bool), np.asarray(post, dtype=bool)
    may = np.asarray(allowed, dtype=bool)
    problems = _problems(values, before, after, rows, may, estimator)
    if problems:
        raise UsageError("Targets with pools of their own cannot be estimated: " + "; ".join(problems) + ".")
    used = np.flatnonzero(may.any(axis=0))
    nothing = np.empty((0, 0))
    found = fit(
        _OwnPools(
            donors=used,
            targets=rows,
            exclude=np.full(len(rows), -1),
            donor_outcome=values[used],
            target_outcome=values[rows],
            pre=before,
            post=after,
            years=np.arange(values.shape[1]),
            donor_predictors=nothing,
            target_predictors=nothing,
            may_use=may[:, used],
        ),
        SyntheticDesign(
            outcome="outcome", unit="unit", time="year", treated={"": 0}, estimator=estimator, ridge=ridge
        ),
    )
    weights = np.zeros(may.shape)
    weights[:, used] = found.weights
    gaps = values[rows] - found.synthetic
    return PoolFits(weights, gaps, gaps[:, after].mean(axis=1), found.converged)


def _problems(
    values: Floats, pre: Bools, post: Bools, rows: Ints, allowed: Bools, estimator: str
) -> list[str]:
    found = []
    if estimator not in get_args(PoolEstimator):
        found.append(f"estimator must be one of {', '.join(get_args(PoolEstimator))}; got: {estimator!r}")
    if values.ndim != 2 or pre.shape != values.shape[1:] or post.shape != values.shape[1:]:
        shapes = f"{values.shape}, {pre.shape}, {post.shape}"
        return [*found, f"outcome must be units x years, pre and post one a year; got: {shapes}"]
    if pre.sum() < 2 or not post.any() or (pre & post).any():
        found.append("two years before, one after and none that is both are needed")
    if not np.isfinite(values).all():
        found.append(f"{int((~np.isfinite(values)).sum())} outcomes are missing or infinite")
    if rows.ndim != 1 or not len(rows) or rows.min() < 0 or rows.max() >= len(values):
        return [*found, f"targets must be rows from 0 to {len(values) - 1}, at least one"]
    if allowed.shape != (len(rows), len(values)):
        return [
            *found,
            f"allowed must be targets x units; got: {allowed.shape} for {len(rows)} x {len(values)}",
        ]
    if allowed[np.arange(len(rows)), rows].any():
        found.append("a target may not be its own donor")
    if (allowed.sum(axis=1) < 2).any():
        found.append("every target needs two donors or more")
    return found
