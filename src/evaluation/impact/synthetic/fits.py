"""What an estimator finds for the targets of one comparison.

Belongs here: the record that every estimator returns, and what follows from weights alone. Does not belong here: how weights
are found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """Synthetic outcomes of the targets of a comparison.

    Parameters
    ----------
    weights
        (B, J).
    offset
        Added to the weighted donors, (B,).
    synthetic
        (B, T).
    objective, solver_gap
        What was minimised, and by how much no weights can be better, (B,); missing where there is no certificate.
    converged
        Whether the estimator accepts its own answer, (B,).
    unique, perfect
        Whether no other weights are optimal, and whether the fit before treatment leaves no gap, (B,).
    tied
        Donors that some optimal weights may use, (B, J); None when weights are unique by construction.
    penalty
        Ridge or penalty used, missing where there is none, (B,).
    time_weights
        Weights of the years before treatment, (B, T0); None where there are none.
    simplex
        The part of the weights over which ties range, (B, J); all of them when None.
    """

    weights: Floats
    offset: Floats
    synthetic: Floats
    objective: Floats
    solver_gap: Floats
    converged: Bools
    unique: Bools
    perfect: Bools
    tied: Bools | None
    penalty: Floats
    time_weights: Floats | None = None
    simplex: Floats | None = None

    def gaps(self, of: Comparison) -> Floats:
        """Return observed less synthetic, missing where a year or a needed donor is not observed, (B, T)."""
        gaps: Floats = of.target_outcome - self.synthetic
        return gaps


def weighted(of: Comparison, weights: Floats, offset: Floats) -> Floats:
    """Return the synthetic outcomes of weights, missing where a donor with weight is not observed, (B, T).

    Parameters
    ----------
    of
        The comparison.
    weights, offset
        (B, J) and (B,).
    """
    missing = np.isnan(of.donor_outcome)
    synthetic = weights @ np.where(missing, 0.0, of.donor_outcome) + offset[:, None]
    if missing.any():
        synthetic = np.where((weights != 0).astype(float) @ missing.astype(float) > 0, np.nan, synthetic)
    result: Floats = synthetic
    return result


def is_perfect(of: Comparison, synthetic: Floats, tolerance: float) -> Bools:
    """Return whether squared gaps before treatment are below a share of the donors' mean squared distance, (B,)."""
    targets, donors = of.target_outcome[:, of.pre], of.donor_outcome[:, of.pre]
    centre = donors.mean(axis=0)
    distance = ((donors - centre) ** 2).sum(axis=1).mean() + ((targets - centre) ** 2).sum(axis=1)
    squares = ((targets - synthetic[:, of.pre]) ** 2).sum(axis=1)
    result: Bools = squares <= tolerance * distance
    return result
