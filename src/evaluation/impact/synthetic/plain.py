"""Synthetic control on outcomes before treatment: plain, demeaned with a ridge, and penalised by distance.

Belongs here: estimators that are one convex problem over the simplex. Does not belong here: the solver
(`evaluation.impact.synthetic.simplex`).

References
----------
Abadie, Diamond and Hainmueller (2010), J. American Statistical Association 105(490), doi:10.1198/jasa.2009.ap08746.
Doudchenko and Imbens (2016), NBER 22791, doi:10.3386/w22791, and Ferman and Pinto (2021), Quantitative Economics 12(4),
doi:10.3982/QE1596, on demeaned synthetic controls.
Abadie and L'Hour (2021), J. American Statistical Association 116(536), doi:10.1080/01621459.2021.1971535.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.fits import Fit, is_perfect, weighted
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex
from evaluation.impact.synthetic.uniqueness import PERFECT, settle

Floats = NDArray[np.float64]

PENALTIES = (0.0, *(float(10.0**power) for power in np.arange(-3, 1.01, 0.5)))
"""Penalties that are tried when none is given, in units of squared outcomes relative to squared distances."""


def fit_sc(of: Comparison, design: SyntheticDesign) -> Fit:
    """Minimise the squared gaps before treatment; of several optimal weights, those of least norm.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    donors, targets = of.donor_outcome[:, of.pre], of.target_outcome[:, of.pre]
    solution = solve_simplex(donors, targets, allowed=of.allowed)
    settled = settle(donors, targets, of.allowed, solution)
    offset = np.zeros(len(targets))
    return Fit(
        weights=settled.weights,
        offset=offset,
        synthetic=weighted(of, settled.weights, offset),
        objective=solution.objective,
        solver_gap=solution.gap,
        converged=solution.converged,
        unique=settled.unique,
        perfect=settled.perfect,
        tied=settled.tied,
        penalty=np.full(len(targets), np.nan),
    )


def fit_demeaned(of: Comparison, design: SyntheticDesign) -> Fit:
    """Minimise the squared gaps of deviations from each unit's mean before treatment, plus a ridge.

    The ridge counts in squares of the donors' scale: the root mean square of their deviations from their own mean and from the
    donors' mean of the year. A target and its placebos share it, because the comparison's donors do.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    donors, donor_mean = demean(of.donor_outcome[:, of.pre])
    targets, target_mean = demean(of.target_outcome[:, of.pre])
    ridge = design.ridge * spread(of, donors) ** 2
    solution = solve_simplex(donors, targets, ridge=ridge, allowed=of.allowed)
    return convex_fit(of, solution, target_mean - solution.weights @ donor_mean, penalty=design.ridge)


def fit_penalised(of: Comparison, design: SyntheticDesign) -> Fit:
    """Minimise |y - w'X|^2 + penalty sum_j w_j |y - x_j|^2: fit, with donors that resemble the unit one by one.

    Without a penalty given, the one of `PENALTIES` is taken that predicts the last year before treatment best for the donors as
    placebos, each from the other years (section 3.3 of the paper, its second rule, in one year); the largest when several tie.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    donors, targets = of.donor_outcome[:, of.pre], of.target_outcome[:, of.pre]
    penalty = _chosen_penalty(donors) if design.penalty is None else design.penalty
    solution = solve_simplex(
        donors, targets, linear=penalty * _squared_distances(donors, targets), allowed=of.allowed
    )
    fit = convex_fit(of, solution, np.zeros(len(targets)), penalty=penalty)
    if penalty > 0:
        return fit
    return fit_sc(of, design)


def convex_fit(of: Comparison, solution: SimplexSolution, offset: Floats, *, penalty: float) -> Fit:
    """Return the fit of a strictly convex problem, whose weights are unique.

    Parameters
    ----------
    of, solution
        Who is compared, and the solver's answer.
    offset
        (B,).
    penalty
        What made it strictly convex.
    """
    synthetic = weighted(of, solution.weights, offset)
    return Fit(
        weights=solution.weights,
        offset=offset,
        synthetic=synthetic,
        objective=solution.objective,
        solver_gap=solution.gap,
        converged=solution.converged,
        unique=np.ones(len(offset), dtype=bool),
        perfect=is_perfect(of, synthetic, PERFECT),
        tied=None,
        penalty=np.full(len(offset), penalty),
    )


def demean(values: Floats) -> tuple[Floats, Floats]:
    """Return values less the mean of their row, and those means."""
    mean: Floats = values.mean(axis=1)
    return values - mean[:, None], mean


def spread(of: Comparison, deviations: Floats) -> float:
    """Return the root mean square of the donors' deviations around their mean of each year; 1 when they have none."""
    return float(np.sqrt(((deviations - deviations.mean(axis=0)) ** 2).mean())) or 1.0


def _squared_distances(donors: Floats, targets: Floats) -> Floats:
    centre = donors.mean(axis=0)
    x, y = donors - centre, targets - centre
    return np.maximum((x**2).sum(axis=1) - 2 * y @ x.T + (y**2).sum(axis=1)[:, None], 0.0)


def _chosen_penalty(donors: Floats) -> float:
    """Return the penalty with the least squared error of the donors' last year before treatment."""
    if donors.shape[1] < 3 or len(donors) < 3:
        return PENALTIES[1]
    early, last = donors[:, :-1], donors[:, -1]
    distances = _squared_distances(early, early)
    own = np.arange(len(donors))
    errors = [
        ((solve_simplex(early, early, linear=one * distances, exclude=own).weights @ last - last) ** 2).mean()
        for one in PENALTIES
    ]
    best = min(errors) * (1 + 1e-9)
    return max(one for one, error in zip(PENALTIES, errors, strict=True) if error <= best)
