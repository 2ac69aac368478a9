"""Matrix completion: outcomes as unit and year effects plus a matrix of low rank, fitted to what is untreated.

Belongs here: nuclear-norm completion of one target's years after treatment, and the choice of its penalty. Does not belong
here: estimators with weights of donors.

References
----------
Athey, Bayati, Doudchenko, Imbens and Khosravi (2021), J. American Statistical Association 116(536),
doi:10.1080/01621459.2021.1891924. Mazumder, Hastie and Tibshirani (2010), J. Machine Learning Research 11, on soft-impute.
Varadhan and Roland (2008), Scandinavian J. Statistics 35(2), doi:10.1111/j.1467-9469.2007.00585.x, on the acceleration.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.fits import Fit, is_perfect
from evaluation.impact.synthetic.uniqueness import PERFECT

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SHARES = (0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
"""Penalties that are tried when none is given, as shares of the largest singular value of the donors' two-way residuals."""

JUDGES = 60
"""Donors, evenly spread, whose years after treatment judge the penalties."""

STEADY, MAX_CYCLES = 1e-10, 2000
"""The iteration ends when imputed outcomes move by less than this share of the donors' spread; most cycles of three."""


def fit_completion(of: Comparison, design: SyntheticDesign) -> Fit:
    """Impute each target's years after treatment from its years before and all years of its donors.

    Minimises the squared misfit of observed outcomes / 2 + penalty |L|_*, outcomes being unit effects + year effects + L. There
    are no weights of donors. The penalty is on the scale of singular values; without one given, that of `SHARES` is taken that
    predicts donors' years after treatment best when they are hidden in the same way.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    used = of.pre | of.post
    hidden = of.post[used]
    donors, targets = of.donor_outcome[:, used], of.target_outcome[:, used]
    penalty = _chosen_penalty(donors, hidden) if design.penalty is None else design.penalty
    fitted, converged = complete(donors, targets, hidden=hidden, allowed=of.allowed, penalty=penalty)
    synthetic = np.full(of.target_outcome.shape, np.nan)
    synthetic[:, used] = fitted
    n = len(targets)
    missing = np.full(n, np.nan)
    return Fit(
        weights=np.zeros((n, len(donors))),
        offset=missing,
        synthetic=synthetic,
        objective=missing,
        solver_gap=missing,
        converged=converged,
        unique=np.ones(n, dtype=bool),
        perfect=is_perfect(of, synthetic, PERFECT),
        tied=None,
        penalty=np.full(n, penalty),
    )


def complete(
    donors: Floats, targets: Floats, *, hidden: Bools, allowed: Bools, penalty: float
) -> tuple[Floats, Bools]:
    """Return fitted outcomes of each target, hidden years included, (B, T), and whether the iteration came to rest, (B,).

    Parameters
    ----------
    donors, targets
        (J, T) and (B, T).
    hidden
        Years of the targets that are not used, (T,).
    allowed
        Donors of each target, (B, J).
    penalty
        Of the nuclear norm.
    """
    centre = donors.mean(axis=0)
    x = donors - centre
    rows = x - x.mean(axis=1, keepdims=True)
    scale = float(np.sqrt((rows**2).mean())) or 1.0
    y = np.where(hidden, 0.0, targets - centre)
    y[:, hidden] = y[:, ~hidden].mean(axis=1, keepdims=True)
    squares = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
    others = _Others(
        n=allowed.sum(axis=1).astype(float) + 1,
        sums=allowed @ rows,
        products=(allowed @ squares).reshape(-1, x.shape[1], x.shape[1]),
    )
    converged = np.zeros(len(y), dtype=bool)
    active = np.arange(len(y))
    for _ in range(MAX_CYCLES):
        y[active], moved = _cycle(y[active], others.of(active), hidden, penalty)
        rest = moved <= STEADY * scale
        converged[active[rest]] = True
        active = active[~rest]
        if not len(active):
            break
    return _fitted(y, others, penalty) + centre, converged


class _Others(NamedTuple):
    """What a target needs of its donors: their number and itself (b,), sums and cross-products of rows less their means."""

    n: Floats
    sums: Floats
    products: Floats

    def of(self, which: NDArray[np.intp]) -> _Others:
        return _Others(self.n[which], self.sums[which], self.products[which])


def _cycle(own: Floats, others: _Others, hidden: Bools, penalty: float) -> tuple[Floats, Floats]:
    """Impute three times, the third from where the first two point to (SQUAREM); return outcomes and the last movement, (b,)."""
    one = _imputed(own, others, hidden, penalty)
    two = _imputed(one, others, hidden, penalty)
    first, second = one - own, two - one
    bend = second - first
    size, curve = np.linalg.norm(first, axis=1), np.linalg.norm(bend, axis=1)
    reach = np.maximum(np.divide(size, curve, out=np.ones_like(size), where=curve > 0), 1.0)[:, None]
    ahead = own + 2 * reach * first + reach**2 * bend
    three = _imputed(ahead, others, hidden, penalty)
    moved, before = np.abs(three - ahead).max(axis=1), np.abs(second).max(axis=1)
    better = moved <= before
    return np.where(better[:, None], three, two), np.minimum(moved, before)


def _imputed(own: Floats, others: _Others, hidden: Bools, penalty: float) -> Floats:
    return np.where(hidden, _fitted(own, others, penalty), own)


def _fitted(own: Floats, others: _Others, penalty: float) -> Floats:
    """Fit effects and the shrunken matrix to complete outcomes; return the fit of the targets' own rows, (b, T).

    The left singular vectors of the two-way residuals R are never formed: L = R V diag(max(0, 1 - penalty / s)) V'.
    """
    own_mean = own.mean(axis=1, keepdims=True)
    row = own - own_mean
    n = others.n
    year = (others.sums + row) / n[:, None]
    cross = (
        others.products
        + row[:, :, None] * row[:, None, :]
        - n[:, None, None] * year[:, :, None] * year[:, None, :]
    )
    values, vectors = np.linalg.eigh(cross)
    size = np.sqrt(np.maximum(values, 0.0))
    kept = np.divide(np.maximum(size - penalty, 0.0), size, out=np.zeros_like(size), where=size > 0)
    turned = np.einsum("bt,btk->bk", row - year, vectors) * kept
    return own_mean + year + np.einsum("bk,btk->bt", turned, vectors)


def _chosen_penalty(donors: Floats, hidden: Bools) -> float:
    residual = donors - donors.mean(axis=0)
    residual = residual - residual.mean(axis=1, keepdims=True)
    largest = float(np.linalg.norm(residual, 2))
    judges = np.unique(np.linspace(0, len(donors) - 1, min(JUDGES, len(donors))).astype(int))
    allowed = np.arange(len(donors)) != judges[:, None]
    errors = []
    for share in SHARES:
        fitted, _ = complete(donors, donors[judges], hidden=hidden, allowed=allowed, penalty=share * largest)
        errors.append(float(((fitted - donors[judges])[:, hidden] ** 2).mean()))
    return SHARES[int(np.argmin(errors))] * largest
