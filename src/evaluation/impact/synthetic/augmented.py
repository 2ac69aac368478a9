"""Ridge-augmented synthetic control: the synthetic control, corrected by a ridge regression for the gap it leaves.

Belongs here: the correction and the choice of its penalty. Does not belong here: the synthetic control itself.

References
----------
Ben-Michael, Feller and Rothstein (2021), J. American Statistical Association 116(536), doi:10.1080/01621459.2021.1929245;
their R package augsynth for the grid and the one-standard-error rule.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.fits import Fit, is_perfect, weighted
from evaluation.impact.synthetic.plain import fit_sc
from evaluation.impact.synthetic.simplex import solve_simplex
from evaluation.impact.synthetic.uniqueness import PERFECT, settle

Floats = NDArray[np.float64]

GRID, LEAST_RATIO = 20, 1e-8
"""Steps of the penalty's grid below the largest squared singular value, and the ratio of its ends, as in augsynth."""


def fit_ridge(of: Comparison, design: SyntheticDesign) -> Fit:
    """Add to synthetic control weights what a ridge regression of outcomes on years before treatment makes of the gap.

    With donors X centred by their mean and the gap u that the synthetic control leaves before treatment,
    w = w_sc + X (X'X + penalty I)^-1 u; weights may be negative. Without a penalty given, each target has its own: the largest
    within one standard error of the least squared error of years before treatment left out in turn.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    plain = fit_sc(of, design)
    donors = of.donor_outcome[:, of.pre]
    centre = donors.mean(axis=0)
    donors, targets = donors - centre, of.target_outcome[:, of.pre] - centre
    mean, products = _cross_products(donors, of.allowed)
    if design.penalty is None:
        penalty = _chosen_penalty(of, donors, targets, products)
    else:
        penalty = np.full(len(targets), float(design.penalty))
    gap = targets - plain.weights @ donors
    identity = np.eye(donors.shape[1])
    slope = np.linalg.solve(products + penalty[:, None, None] * identity, gap[:, :, None])[:, :, 0]
    correction = slope @ donors.T - (slope * mean).sum(axis=1)[:, None]
    weights = plain.weights + np.where(of.allowed, correction, 0.0)
    synthetic = weighted(of, weights, plain.offset)
    return replace(
        plain,
        weights=weights,
        synthetic=synthetic,
        perfect=is_perfect(of, synthetic, PERFECT),
        penalty=penalty,
        simplex=plain.weights,
    )


def _cross_products(donors: Floats, allowed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the mean (B, T0) and the centred cross-products (B, T0, T0) of the donors of each target."""
    n, n_years = allowed.sum(axis=1)[:, None], donors.shape[1]
    mean = allowed @ donors / n
    squares = (donors[:, :, None] * donors[:, None, :]).reshape(len(donors), -1)
    products = (allowed @ squares).reshape(-1, n_years, n_years)
    return mean, products - n[:, :, None] * mean[:, :, None] * mean[:, None, :]


def _chosen_penalty(of: Comparison, donors: Floats, targets: Floats, products: Floats) -> Floats:
    """Return the largest penalty within a standard error of the best at years left out, (B,)."""
    n_years = donors.shape[1]
    largest = np.maximum(np.linalg.eigvalsh(products)[:, -1], np.finfo(float).tiny)
    grid = largest[:, None] * LEAST_RATIO ** (np.arange(GRID + 1) / GRID)
    errors = np.empty((len(targets), n_years, GRID + 1))
    for year in range(n_years):
        rest = np.arange(n_years) != year
        solution = solve_simplex(donors[:, rest], targets[:, rest], allowed=of.allowed)
        weights = settle(donors[:, rest], targets[:, rest], of.allowed, solution).weights
        gap = targets[:, rest] - weights @ donors[:, rest]
        values, vectors = np.linalg.eigh(products[:, rest][:, :, rest])
        turned = np.einsum("bij,bi->bj", vectors, gap)
        across = np.einsum("bij,bi->bj", vectors, products[:, year][:, rest])
        shrunk = (across * turned)[:, None, :] / (np.maximum(values, 0.0)[:, None, :] + grid[:, :, None])
        predicted = (weights @ donors[:, year])[:, None] + shrunk.sum(axis=2)
        errors[:, year] = (targets[:, year, None] - predicted) ** 2
    mean = errors.mean(axis=1)
    spread = errors.std(axis=1, ddof=1) / np.sqrt(n_years)
    best = mean.argmin(axis=1)
    rows = np.arange(len(best))
    within = mean <= (mean[rows, best] + spread[rows, best])[:, None]
    chosen: Floats = np.where(within, grid, 0.0).max(axis=1)
    return chosen
