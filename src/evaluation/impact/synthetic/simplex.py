"""Weights of zero or more that sum to one: many least-squares problems over the simplex, exact and certified.

Belongs here: the solver that every synthetic control rests on, its scaling, its certificate, the choice of engine. Does not
belong here: what donors and targets are.

The method is an active set of Wolfe's kind, in NumPy (`simplex_lockstep`) or compiled (`simplex_compiled`, where numba is
installed); with a ridge, Newton's method on the dual (`simplex_ridge`). Whatever found the weights, the duality gap says how
far from the optimum they can be.

References
----------
Wolfe (1976), Finding the nearest point in a polytope, Mathematical Programming 11, doi:10.1007/BF01580381.
Jaggi (2013), Revisiting Frank-Wolfe, ICML, on the gap as certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import UsageError
from evaluation.impact.synthetic.simplex_lockstep import (
    ABSOLUTE_GAP,
    CHUNK,
    RELATIVE_GAP,
    Found,
    Problems,
    solve_lockstep,
)
from evaluation.impact.synthetic.simplex_ridge import solve_ridge

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Engine = Literal["numpy", "compiled"]

LEAST_DUAL_RIDGE = 1e-7
"""Below this ridge, relative to the mean square of the donors, the dual is too ill-conditioned: the active set solves the
problem with the ridge as further rows, exact and slower."""


@dataclass(frozen=True)
class SimplexSolution:
    """Weights of many problems.

    Parameters
    ----------
    support, values
        Donors and their weights, (B, K); a weight of zero is padding.
    objective
        |y - w'X|^2 + ridge |w|^2 + c'w at the weights, (B,).
    gap
        Duality gap: no weights are better by more than this, (B,).
    converged
        Whether the gap is at most 1e-10 of the objective plus 1e-14 of the mean squared distance of donors, (B,).
    n_donors
        J.
    """

    support: Ints
    values: Floats
    objective: Floats
    gap: Floats
    converged: Bools
    n_donors: int

    @property
    def weights(self) -> Floats:
        """Weights of every donor, (B, J)."""
        dense = np.zeros((len(self.values), self.n_donors))
        np.add.at(dense, (np.arange(len(dense))[:, None], self.support), self.values)
        return dense

    @property
    def status(self) -> NDArray[np.object_]:
        """``"optimal"``, ``"stalled"`` (rounding stopped the solve above the gap), ``"infeasible"`` (no donor), (B,)."""
        named = np.where(self.converged, "optimal", "stalled")
        return np.where(np.isnan(self.gap), "infeasible", named).astype(object)

    def tidy(self) -> pd.DataFrame:
        """Return one row a problem: objective, gap, n_support, effective_donors, status."""
        return pd.DataFrame(
            {
                "objective": self.objective,
                "gap": self.gap,
                "n_support": (self.values > 0).sum(axis=1),
                "effective_donors": 1 / np.where(np.isnan(self.gap), np.nan, (self.values**2).sum(axis=1)),
                "status": self.status,
            }
        )


def solve_simplex(
    donors: ArrayLike,
    targets: ArrayLike,
    *,
    ridge: float | ArrayLike = 0.0,
    linear: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    engine: Engine | None = None,
) -> SimplexSolution:
    """Minimise |y - w'X|^2 + ridge |w|^2 + c'w over weights of zero or more that sum to one, for each target y.

    Parameters
    ----------
    donors
        X: (J, T), shared by all problems, or (B, J, T). Donors that are not allowed anywhere may be missing.
    targets
        y, (B, T).
    ridge
        Zero or more; one, or (B,).
    linear
        c, (J,) or (B, J); none when None.
    allowed
        Which donors may have weight, (J,) or (B, J); all when None.
    exclude
        One donor that a problem must do without, or -1, (B,): leave-one-out and placebos.
    engine
        ``"compiled"`` (needs numba) or ``"numpy"``; compiled where numba is installed when None. Both walk the same steps.

    Returns
    -------
    SimplexSolution
        Where several weights are optimal, one of them (`evaluation.impact.synthetic.uniqueness`).

    Raises
    ------
    UsageError
        For shapes that do not fit, missing values or an engine that is not there; all at once.
    """
    x, y = np.asarray(donors, dtype=float), np.asarray(targets, dtype=float)
    _check_shapes(x, y, engine)
    n, n_donors = len(y), int(x.shape[-2])
    rho = np.broadcast_to(np.asarray(ridge, dtype=float), (n,))
    blocked = _blocked(allowed, exclude, n, n_donors)
    c = None if linear is None else np.broadcast_to(np.asarray(linear, dtype=float), (n, n_donors))
    x = np.where(np.logical_and.reduce(blocked, axis=0)[:, None], 0.0, x)
    _check_values(x, y, rho, c)
    empty = blocked.all(axis=1)
    solution = _empty(n, n_donors)
    rows = np.flatnonzero(~empty)
    if len(rows):
        own = x if x.ndim == 2 else x[rows]
        part = _solve(own, y[rows], rho[rows], None if c is None else c[rows], blocked[rows], engine)
        solution = part if len(rows) == n else _scatter(part, rows, solution)
    return solution


def default_engine() -> Engine:
    """Return the engine used when none is named."""
    return "compiled" if _has_numba() else "numpy"


@cache
def _has_numba() -> bool:
    """Whether numba is there and works with the NumPy that is there."""
    try:
        import_module("numba")
    except ImportError:
        return False
    return True


def _solve(
    x: Floats, y: Floats, rho: Floats, c: Floats | None, blocked: Bools, engine: Engine | None
) -> SimplexSolution:
    sets = x[None] if x.ndim == 2 else x
    centre = sets.mean(axis=1, keepdims=True)
    scale = np.sqrt(((sets - centre) ** 2).mean(axis=(1, 2)))
    scale = np.where(scale > 0, scale, 1.0)
    which = np.zeros(len(y), dtype=np.int64) if x.ndim == 2 else np.arange(len(y))
    scaled = Problems(
        donors=(sets - centre) / scale[:, None, None],
        which=which,
        targets=(y - centre[which, 0]) / scale[which, None],
        blocked=blocked,
        linear=None if c is None else c / scale[which, None] ** 2,
    )
    squared = scale[which] ** 2
    ridge = rho / squared
    if not ridge.any():
        return _rescale(_finish(_walk(scaled, engine), scaled, ridge), squared)
    return _rescale(_with_ridge(scaled, ridge, engine), squared)


def _walk(problems: Problems, engine: Engine | None) -> Found:
    if (engine or default_engine()) == "numpy":
        return solve_lockstep(problems)
    from evaluation.impact.synthetic.simplex_compiled import solve_compiled

    return solve_compiled(problems)


def _with_ridge(problems: Problems, ridge: Floats, engine: Engine | None) -> SimplexSolution:
    """Solve by the dual; what it does not certify, or has too small a ridge for it, by the active set."""
    weights = np.zeros(problems.blocked.shape)
    dual = ridge >= LEAST_DUAL_RIDGE
    for one, rows in _shared_sets(problems.which, dual):
        shift = None if problems.linear is None else problems.linear[rows] / (2 * ridge[rows, None])
        weights[rows] = solve_ridge(
            problems.donors[one], problems.targets[rows], problems.blocked[rows], ridge[rows], shift
        )
    everyone = np.broadcast_to(np.arange(problems.blocked.shape[1]), problems.blocked.shape)
    solution = _finish(Found(everyone, weights, np.zeros(0), np.zeros(0, dtype=bool)), problems, ridge)
    rest = np.flatnonzero(~(dual & solution.converged))
    if not len(rest):
        return solution
    dense = weights.copy()
    for row in rest.tolist():
        augmented = _augmented(problems, row, float(ridge[row]))
        found = _walk(augmented, engine)
        dense[row] = 0.0
        np.add.at(dense[row], found.support[0], found.weights[0])
    return _finish(Found(everyone, dense, np.zeros(0), np.zeros(0, dtype=bool)), problems, ridge)


def _shared_sets(which: Ints, wanted: Bools) -> Iterator[tuple[int, Ints]]:
    """Yield each set of donors with the problems that share it, at most `CHUNK` of them at a time."""
    for one in np.unique(which[wanted]).tolist():
        rows = np.flatnonzero(wanted & (which == one))
        for at in range(0, len(rows), CHUNK):
            yield one, rows[at : at + CHUNK]


def _augmented(problems: Problems, row: int, ridge: float) -> Problems:
    """Return one problem with its ridge as rows of its own: sqrt(ridge) times the identity, target zero."""
    donors = problems.donors[problems.which[row]]
    n_donors = len(donors)
    return Problems(
        donors=np.column_stack([donors, np.sqrt(ridge) * np.eye(n_donors)])[None],
        which=np.zeros(1, dtype=np.int64),
        targets=np.concatenate([problems.targets[row], np.zeros(n_donors)])[None],
        blocked=problems.blocked[[row]],
        linear=None if problems.linear is None else problems.linear[[row]],
    )


def _finish(found: Found, problems: Problems, ridge: Floats) -> SimplexSolution:
    """Return weights with their objective; those of the dual are certified here."""
    support, weights = found.support, found.weights
    linear = 0.0
    if problems.linear is not None:
        linear = (np.take_along_axis(problems.linear, support, axis=1) * weights).sum(axis=1)
    by_dual = not len(found.gap)
    residual = _synthetic(problems, support, weights, dense=by_dual) - problems.targets
    squares = (residual**2).sum(axis=1)
    objective = squares + ridge * (weights**2).sum(axis=1) + linear
    gap, converged = found.gap, found.converged
    if by_dual:
        gap, scale = _certificate(problems, weights, residual, ridge)
        converged = gap <= RELATIVE_GAP * np.abs(objective) + ABSOLUTE_GAP * scale
    return SimplexSolution(
        support=support,
        values=weights,
        objective=objective,
        gap=np.maximum(gap, 0.0),
        converged=converged,
        n_donors=problems.blocked.shape[1],
    )


def _synthetic(problems: Problems, support: Ints, weights: Floats, *, dense: bool) -> Floats:
    if len(problems.donors) == 1 and dense:
        synthetic: Floats = weights @ problems.donors[0]
        return synthetic
    result = np.zeros(problems.targets.shape)
    for k in range(support.shape[1]):
        result += weights[:, k, None] * problems.donors[problems.which, support[:, k]]
    return result


def _certificate(
    problems: Problems, weights: Floats, residual: Floats, ridge: Floats
) -> tuple[Floats, Floats]:
    """Return the duality gap of dense weights, and the mean squared distance of donors, (B,) each."""
    if len(problems.donors) == 1:
        donors = problems.donors[0]
        slope = residual @ donors.T
        scale = (donors**2).sum(axis=1).mean() + (problems.targets**2).sum(axis=1)
    else:
        donors = problems.donors[problems.which]
        slope = np.matmul(donors, residual[:, :, None])[:, :, 0]
        scale = (donors**2).sum(axis=2).mean(axis=1) + (problems.targets**2).sum(axis=1)
    slope = 2 * (slope + ridge[:, None] * weights)
    if problems.linear is not None:
        slope = slope + problems.linear
    lowest = np.where(problems.blocked, np.inf, slope).min(axis=1)
    # Differences from the lowest first: the sum of products of weights would cancel.
    gap = (weights * np.where(problems.blocked, 0.0, slope - lowest[:, None])).sum(axis=1)
    return gap, scale + ridge


def _rescale(solution: SimplexSolution, squared: Floats) -> SimplexSolution:
    return replace(solution, objective=solution.objective * squared, gap=solution.gap * squared)


def _empty(n: int, n_donors: int) -> SimplexSolution:
    return SimplexSolution(
        support=np.zeros((n, 1), dtype=np.int64),
        values=np.zeros((n, 1)),
        objective=np.full(n, np.nan),
        gap=np.full(n, np.nan),
        converged=np.zeros(n, dtype=bool),
        n_donors=n_donors,
    )


def _scatter(part: SimplexSolution, rows: Ints, into: SimplexSolution) -> SimplexSolution:
    n, k = len(into.gap), part.support.shape[1]
    wide = replace(into, support=np.zeros((n, k), dtype=np.int64), values=np.zeros((n, k)))
    for name in ("support", "values", "objective", "gap", "converged"):
        getattr(wide, name)[rows] = getattr(part, name)
    return wide


def _blocked(allowed: ArrayLike | None, exclude: ArrayLike | None, n: int, n_donors: int) -> Bools:
    blocked = np.zeros((n, n_donors), dtype=bool)
    if allowed is not None:
        may = np.asarray(allowed, dtype=bool)
        if may.shape not in ((n_donors,), (n, n_donors)):
            raise UsageError(f"allowed must be ({n_donors},) or ({n}, {n_donors}); got: {may.shape}")
        blocked |= ~may
    if exclude is not None:
        left_out = np.asarray(exclude)
        if left_out.shape != (n,) or (left_out >= n_donors).any():
            raise UsageError(f"exclude must name one of {n_donors} donors, or -1, for each of {n} problems")
        rows = np.flatnonzero(left_out >= 0)
        blocked[rows, left_out[rows]] = True
    return blocked


def _check_shapes(x: Floats, y: Floats, engine: str | None) -> None:
    problems = []
    if y.ndim != 2 or y.shape[1] == 0:
        problems.append(f"targets must be problems x years; got the shape {y.shape}")
    elif x.ndim not in (2, 3) or x.shape[-1] != y.shape[1] or (x.ndim == 3 and len(x) != len(y)):
        problems.append(f"donors must be J x {y.shape[1]} or {len(y)} x J x {y.shape[1]}; got: {x.shape}")
    if engine is not None and engine not in get_args(Engine):
        problems.append(f"engine must be one of {', '.join(get_args(Engine))}; got: {engine!r}")
    if engine == "compiled" and not _has_numba():
        problems.append("the compiled engine needs numba: pip install 'evaluation[fast]'")
    if problems:
        raise UsageError("The problems cannot be solved: " + "; ".join(problems) + ".")


def _check_values(x: Floats, y: Floats, rho: Floats, c: Floats | None) -> None:
    problems = [
        f"{name} must be finite"
        for name, values in (("donors", x), ("targets", y), ("linear", c))
        if values is not None and not np.isfinite(values).all()
    ]
    if not (np.isfinite(rho) & (rho >= 0)).all():
        problems.append("ridge must be zero or more")
    if problems:
        raise UsageError("The problems cannot be solved: " + "; ".join(problems) + ".")
