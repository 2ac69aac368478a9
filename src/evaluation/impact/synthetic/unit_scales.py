"""How much each unit moves of itself, so that restless units are not compared with calm ones as equals.

Belongs here: the scale of a unit from its years before treatment. Does not belong here: ranks, or fit, which says how well
a twin follows and not how much a unit moves.

A placebo rank takes the errors of all units as of one size. Where they are not, restless regions have too small p-values
and calm ones too little power (docs/methods/synthetic_inference.md). Dividing every average gap by the unit's own yearly
moves before treatment, for the unit and its placebos alike, leaves the test exact for exchangeable units and takes most of
the distortion off. Few years make a scale uncertain, so that it is drawn towards the median, as if some years had that one.

References
----------
Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1), doi:10.2202/1544-6115.1027, on scales drawn
towards a common one. Ferman and Pinto (2017), Placebo tests for synthetic controls, MPRA 78079, on unequal variances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import UsageError

Floats = NDArray[np.float64]

COMMON_YEARS = 4.0
"""Years that the common scale counts for: half of the moves of nine years before treatment."""

LEAST_MOVES = 2
"""Yearly moves below which a unit has no scale of its own."""


def yearly_moves(
    outcome: ArrayLike, *, pre: ArrayLike, centre: ArrayLike, common_years: float = COMMON_YEARS
) -> Floats:
    """Return the scale of each unit: root mean square of its yearly moves before treatment, less those of all.

    ``sqrt((n s^2 + d m) / (n + d))``, s^2 the unit's mean squared move over n moves, m the median of s^2, d `common_years`.

    Parameters
    ----------
    outcome
        Units and donors together, in whatever order, (n, n_years).
    pre
        Years before treatment, (n_years,); moves are between neighbours among them.
    centre
        What all share in a year, taken off: the donors' mean, (n_years,).
    common_years
        d; 0 leaves every unit its own scale.

    Returns
    -------
    ndarray
        (n,), missing with fewer than `LEAST_MOVES` moves.
    """
    values, before = np.asarray(outcome, dtype=float), np.asarray(pre, dtype=bool)
    shared = np.asarray(centre, dtype=float)
    if values.ndim != 2 or before.shape != values.shape[1:] or shared.shape != values.shape[1:]:
        raise UsageError(
            f"outcome, pre and centre must share their years; got: {values.shape}, {before.shape}, {shared.shape}"
        )
    if common_years < 0:
        raise UsageError(f"common_years must be 0 or more; got: {common_years!r}")
    moves = np.diff((values - shared)[:, before], axis=1)
    known = np.isfinite(moves)
    n = known.sum(axis=1)
    total = np.where(known, moves**2, 0.0).sum(axis=1)
    enough = n >= LEAST_MOVES
    if not enough.any():
        return np.full(len(values), np.nan)
    common = float(np.median(total[enough] / n[enough]))
    scale = np.sqrt((total + common_years * common) / np.where(enough, n + common_years, 1.0))
    return np.where(enough, scale, np.nan)
