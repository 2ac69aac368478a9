"""One comparison of treated and control units in two years, for many outcome changes at once.

Belongs here: the three estimators of the ATT with their influence functions, in the conventions of R's DRDID.
Does not belong here: who is compared with whom (`evaluation.impact.cells`).

Assumption: among units with the same covariates X, the outcome without treatment would have moved equally,
E[Y_t(0) - Y_b(0) | X, D = 1] = E[Y_t(0) - Y_b(0) | X, D = 0], and every treated unit has comparable controls.

References
----------
Sant'Anna and Zhao (2020), Doubly robust difference-in-differences estimators, J. Econometrics 219,
doi:10.1016/j.jeconom.2020.06.003: section 2 (the three estimands), theorem 1 (influence functions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.design import Estimator
from evaluation.impact.entropy_balance import fit_entropy_weights
from evaluation.impact.notes import NotEstimable
from evaluation.impact.propensity import Propensity, fit_propensity, independent_columns, is_singular

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TRIM_LEVEL = 0.995
"""Controls with a propensity at or above this carry no weight, as in R's DRDID: one of them would outweigh
two hundred others."""


@dataclass(frozen=True)
class Sample:
    """The units of one comparison.

    Parameters
    ----------
    treated
        (n,).
    covariates
        Standardised, with a column of ones first and no constant or repeated column, (n, k).
    weights
        Sampling weights with mean one, (n,).
    """

    treated: Bools
    covariates: Floats
    weights: Floats


@dataclass(frozen=True)
class TwoByTwo:
    """Estimates of one comparison for m outcome changes.

    Parameters
    ----------
    estimate
        ATT, (m,).
    influence
        Influence function with mean zero, (n, m); its mean square over n is the variance.
    n_trimmed
        Controls without weight because their propensity reaches `TRIM_LEVEL`.
    """

    estimate: Floats
    influence: Floats
    n_trimmed: int


def make_sample(*, treated: Bools, covariates: Floats, weights: Floats) -> Sample:
    """Return a comparison's units with covariates standardised and those that do not vary left out.

    Estimates do not depend on the units of covariates, and a covariate that is constant among the units
    compared, or a combination of others, has nothing to say: leaving it out changes nothing.

    Parameters
    ----------
    treated
        (n,).
    covariates
        (n, k), without the column of ones.
    weights
        (n,).
    """
    weights = weights / weights.mean()
    if not covariates.shape[1]:
        return Sample(treated=treated, covariates=np.ones((len(treated), 1)), weights=weights)
    centred = covariates - covariates.mean(axis=0) if len(covariates) else covariates
    spread = centred.std(axis=0) if len(covariates) else np.ones(covariates.shape[1])
    largest = np.abs(covariates).max(axis=0, initial=0.0)
    varies = spread > np.sqrt(np.finfo(float).eps) * largest * 1e-3
    scaled = centred[:, varies] / spread[varies]
    stacked = np.column_stack([np.ones(len(treated)), scaled])
    if stacked.shape[1] > 1 and len(stacked) and is_singular(stacked.T @ stacked):
        stacked = stacked[:, independent_columns(stacked)]
    return Sample(treated=treated, covariates=stacked, weights=weights)


def estimate_two_by_two(*, sample: Sample, change: Floats, estimator: Estimator) -> TwoByTwo:
    """Estimate the ATT of one comparison.

    Parameters
    ----------
    sample
        The units.
    change
        Outcome minus outcome in the base year, (n, m).
    estimator
        ``"dr"``, ``"reg"``, ``"ipw"`` or ``"entropy"``.

    Raises
    ------
    NotEstimable
        When the covariates are collinear among the controls or leave treated units without controls.
    """
    if sample.covariates.shape[1] == 1:
        return _difference_of_means(sample, change)
    return ESTIMATORS[estimator](sample, change)


def control_weights(sample: Sample, propensity: Propensity) -> tuple[Floats, int]:
    """Return the odds weights of the controls, zero for treated and trimmed units, and how many are trimmed.

    Parameters
    ----------
    sample
        The units.
    propensity
        Their fitted propensity.
    """
    probability = propensity.probability
    trimmed = ~sample.treated & (probability >= TRIM_LEVEL)
    kept = ~sample.treated & ~trimmed
    if not kept.any() or not (sample.weights * probability)[kept].any():
        raise NotEstimable("no_comparable_control")
    odds = sample.weights * probability / (1 - probability)
    return np.where(kept, odds, 0.0), int(trimmed.sum())


@dataclass(frozen=True)
class _Regression:
    """Least squares among the controls: residuals of everybody, and the expansion of the coefficients."""

    residual: Floats  # (n, m)
    inverse_gram: Floats  # (k, k)


def _regress_controls(sample: Sample, change: Floats) -> _Regression:
    weights = sample.weights * ~sample.treated
    weighted = sample.covariates * weights[:, None]
    gram = weighted.T @ sample.covariates / len(weights)
    if is_singular(gram):
        raise NotEstimable("singular_covariates")
    inverse = np.linalg.inv(gram).astype(np.float64)
    coefficients = inverse @ (weighted.T @ change) / len(weights)
    return _Regression(residual=change - sample.covariates @ coefficients, inverse_gram=inverse)


def _regression_influence(sample: Sample, regression: _Regression, moment: Floats) -> Floats:
    """Influence of estimating the controls' coefficients on a moment linear in them, (n, m)."""
    reach = sample.covariates @ (regression.inverse_gram @ moment)
    return (sample.weights * ~sample.treated * reach)[:, None] * regression.residual


def _weighted_mean(weights: Floats, values: Floats) -> tuple[Floats, Floats, float]:
    """Weighted mean (m,), its influence before division (n, m), and the mean weight to divide by."""
    size = float(weights.mean())
    mean = weights @ values / len(weights) / size
    return mean, weights[:, None] * (values - mean), size


def _control_mean(
    sample: Sample, values: Floats, propensity: Propensity, weights: Floats
) -> tuple[Floats, Floats, float]:
    """Odds-weighted mean among the controls, with the influence of the estimated propensity."""
    mean, deviation, size = _weighted_mean(weights, values)
    moment = sample.covariates.T @ deviation / len(weights)
    return mean, deviation + propensity.expansion @ moment, size


def _difference_of_means(sample: Sample, change: Floats) -> TwoByTwo:
    """Compare mean changes, which is what all three estimators come to without covariates."""
    treated, treated_influence, treated_size = _weighted_mean(sample.weights * sample.treated, change)
    control, control_influence, control_size = _weighted_mean(sample.weights * ~sample.treated, change)
    influence = treated_influence / treated_size - control_influence / control_size
    return TwoByTwo(estimate=treated - control, influence=influence, n_trimmed=0)


def _doubly_robust(sample: Sample, change: Floats) -> TwoByTwo:
    regression = _regress_controls(sample, change)
    propensity = fit_sample(sample)
    odds, n_trimmed = control_weights(sample, propensity)
    treated, treated_influence, treated_size = _weighted_mean(
        sample.weights * sample.treated, regression.residual
    )
    control, control_influence, control_size = _control_mean(sample, regression.residual, propensity, odds)
    weights = sample.weights * sample.treated
    # The regression enters both means; its coefficients move them by the difference of mean covariates.
    moment = sample.covariates.T @ (weights / treated_size - odds / control_size) / len(odds)
    influence = treated_influence / treated_size - control_influence / control_size
    influence -= _regression_influence(sample, regression, moment)
    return TwoByTwo(estimate=treated - control, influence=influence, n_trimmed=n_trimmed)


def _inverse_probability(sample: Sample, change: Floats) -> TwoByTwo:
    propensity = fit_sample(sample)
    odds, n_trimmed = control_weights(sample, propensity)
    treated, treated_influence, treated_size = _weighted_mean(sample.weights * sample.treated, change)
    control, control_influence, control_size = _control_mean(sample, change, propensity, odds)
    influence = treated_influence / treated_size - control_influence / control_size
    return TwoByTwo(estimate=treated - control, influence=influence, n_trimmed=n_trimmed)


def _outcome_regression(sample: Sample, change: Floats) -> TwoByTwo:
    regression = _regress_controls(sample, change)
    mean, influence, size = _weighted_mean(sample.weights * sample.treated, regression.residual)
    moment = sample.covariates.T @ (sample.weights * sample.treated) / len(sample.weights) / size
    influence = influence / size - _regression_influence(sample, regression, moment)
    return TwoByTwo(estimate=mean, influence=influence, n_trimmed=0)


def fit_sample(sample: Sample) -> Propensity:
    """Return the fitted propensity of a comparison's units.

    Parameters
    ----------
    sample
        The units.
    """
    return fit_propensity(treated=sample.treated, covariates=sample.covariates, weights=sample.weights)


def _entropy_balance(sample: Sample, change: Floats) -> TwoByTwo:
    fit = fit_entropy_weights(treated=sample.treated, covariates=sample.covariates, weights=sample.weights)
    treated, treated_influence, size = _weighted_mean(sample.weights * sample.treated, change)
    control, deviation, control_size = _weighted_mean(fit.weights, change)
    moment = sample.covariates.T @ deviation / len(fit.weights)
    influence = treated_influence / size - (deviation + fit.expansion @ moment) / control_size
    return TwoByTwo(estimate=treated - control, influence=influence, n_trimmed=0)


ESTIMATORS: dict[Estimator, Callable[[Sample, Floats], TwoByTwo]] = {
    "dr": _doubly_robust,
    "entropy": _entropy_balance,
    "ipw": _inverse_probability,
    "reg": _outcome_regression,
}
"""The estimators by their name in a design."""
