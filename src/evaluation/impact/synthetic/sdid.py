"""Synthetic difference-in-differences: weights of donors with an intercept and a ridge, and weights of years.

Belongs here: unit and time weights of Arkhangelsky et al., exact, or by the Frank-Wolfe steps of their R package with its
stopping rule. Does not belong here: many treated units as one effect (`evaluation.impact.synthetic.cohort_effect`).

References
----------
Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111(12), doi:10.1257/aer.20190159;
algorithm 1 and section II.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.fits import Fit, is_perfect, weighted
from evaluation.impact.synthetic.plain import demean
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex
from evaluation.impact.synthetic.uniqueness import PERFECT

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TIME_ZETA = 1e-6
"""Ridge of the time weights, as a multiple of the noise level: only to make them unique (page 4093 of the paper)."""

FEW_DONORS = 4
"""Below this many donors for each year, time weights are found from the donors themselves rather than from their
cross-products."""


class Regularisation(NamedTuple):
    """Noise level, and zeta of the unit and of the time weights."""

    noise: float
    unit: float
    time: float


def regularisation(pre: Floats, *, n_treated: int, n_post: int) -> Regularisation:
    """Return zeta = (treated unit-years)^(1/4) times the standard deviation of first differences of the donors.

    Parameters
    ----------
    pre
        Donors' outcomes before treatment, (J, T0).
    n_treated, n_post
        Treated units and years after treatment.
    """
    changes = np.diff(pre, axis=1)
    noise = float(changes.std(ddof=1)) if changes.size > 1 else 0.0
    return Regularisation(noise, (n_treated * n_post) ** 0.25 * noise, TIME_ZETA * noise)


def fit_sdid(of: Comparison, design: SyntheticDesign) -> Fit:
    """Estimate each target by itself.

    Parameters
    ----------
    of, design
        Who is compared, and the study. A comparison of placebos has the zeta of all of its donors.
    """
    pre = of.donor_outcome[:, of.pre]
    zeta = regularisation(pre, n_treated=1, n_post=int(of.post.sum()))
    units = unit_weights(pre, of.target_outcome[:, of.pre], zeta=zeta.unit, allowed=of.allowed)
    post = of.donor_outcome[:, of.post].mean(axis=1)
    times, times_converged = time_weights(pre, post, zeta=zeta.time, allowed=of.allowed)
    weights = units.weights
    before = of.target_outcome[:, of.pre] - weights @ pre
    offset = (times * before).sum(axis=1)
    synthetic = weighted(of, weights, offset)
    return Fit(
        weights=weights,
        offset=offset,
        synthetic=synthetic,
        objective=units.objective,
        solver_gap=units.gap,
        converged=units.converged & times_converged,
        unique=np.full(len(weights), zeta.unit > 0),
        perfect=is_perfect(of, synthetic, PERFECT),
        tied=None,
        penalty=np.full(len(weights), zeta.unit),
        time_weights=times,
    )


def unit_weights(donors: Floats, targets: Floats, *, zeta: float, allowed: Bools) -> SimplexSolution:
    """Minimise |y - w'X - intercept|^2 + T0 zeta^2 |w|^2 over the simplex.

    Parameters
    ----------
    donors, targets
        Before treatment, (J, T0) and (B, T0).
    zeta
        Regularisation.
    allowed
        Donors of each target, (B, J).
    """
    ridge = donors.shape[1] * zeta**2
    return solve_simplex(demean(donors)[0], demean(targets)[0], ridge=ridge, allowed=allowed)


def time_weights(pre: Floats, post: Floats, *, zeta: float, allowed: Bools) -> tuple[Floats, Bools]:
    """Weigh years before treatment so that the donors' weighted years predict their mean after it.

    Minimises sum_j (b_j - a_j'l - intercept)^2 + J zeta^2 |l|^2 over the simplex, where a_j are the years before treatment of
    donor j and b_j its mean after it.

    Parameters
    ----------
    pre, post
        (J, T0) and (J,).
    zeta
        Regularisation.
    allowed
        Donors of each target, (B, J).

    Returns
    -------
    tuple
        Weights (B, T0), and whether they are certified, (B,).
    """
    distinct, back = np.unique(np.packbits(allowed, axis=1), axis=0, return_index=True, return_inverse=True)[
        1:
    ]
    table = np.column_stack([pre, post])
    n_years = pre.shape[1]
    mine = allowed[distinct]
    kept = mine.sum(axis=1)
    few = kept.min() < FEW_DONORS * (n_years + 1)
    reduced = _centred(table, mine) if few else _reduced(table, ~mine)
    damping = np.sqrt(kept) * zeta
    ridge_rows = damping[:, None, None] * np.eye(n_years)
    years = np.concatenate([reduced[:, :, :n_years].transpose(0, 2, 1), ridge_rows], axis=2)
    goals = np.concatenate([reduced[:, :, n_years], np.zeros((len(distinct), n_years))], axis=1)
    solution = solve_simplex(years, goals)
    back = back.ravel()
    return solution.weights[back], solution.converged[back]


def _centred(table: Floats, allowed: Bools) -> Floats:
    """Return the table of the allowed rows, columns centred; other rows are zero, so that all have the same size."""
    mean = allowed @ table / allowed.sum(axis=1, keepdims=True)
    return np.where(allowed[:, :, None], table - mean[:, None, :], 0.0)


def _reduced(table: Floats, left_out: Bools) -> Floats:
    """Return small tables with the cross-products of the centred rows that are not left out, (b, k, k).

    With table = QR, those rows have cross-products R'(I - sum q q' - n m m')R, where q are the rows of Q left out, n the
    number of the rest and m their mean; the bracket is well-conditioned where R is not.
    """
    q, r = np.linalg.qr(table - table.mean(axis=0))
    out = left_out.astype(float)
    kept = (len(table) - out.sum(axis=1))[:, None]
    mean = (q.sum(axis=0) - out @ q) / kept
    k = q.shape[1]
    inner = np.eye(k) - (out @ (q[:, :, None] * q[:, None, :]).reshape(len(q), -1)).reshape(-1, k, k)
    inner -= kept[:, :, None] * mean[:, :, None] * mean[:, None, :]
    values, vectors = np.linalg.eigh(inner)
    root = np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.transpose(0, 2, 1)
    reduced: Floats = root @ r
    return reduced
