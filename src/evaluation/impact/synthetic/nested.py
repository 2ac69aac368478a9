"""Synthetic control on predictors: donor weights fit predictors, predictor weights fit outcomes before treatment.

Belongs here: Abadie's nested problem and its search. Does not belong here: the inner problem's solver.

The outer problem is not convex and has many local optima and flat stretches, where optimisers stop early and
say nothing. It is searched here by differential evolution, all candidates of a generation solved together, from equal weights,
each predictor alone, and a regression's weights, until the candidates agree or the fit of outcomes alone is reached, which
no predictor weights can beat.

References
----------
Abadie and Gardeazabal (2003), American Economic Review 93(1), doi:10.1257/000282803321455188, appendix B.
Becker and Kloessner (2018), Econometrics and Statistics 5, doi:10.1016/j.ecosta.2017.08.002, on early stops.
Storn and Price (1997), J. Global Optimization 11, doi:10.1023/A:1008202821328, on the search.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.fits import Fit, is_perfect, weighted
from evaluation.impact.synthetic.simplex import solve_simplex
from evaluation.impact.synthetic.uniqueness import PERFECT, settle

Floats = NDArray[np.float64]

CANDIDATES, GENERATIONS, SEED = 48, 300, 20240101
"""Candidates of a generation, most generations, and the seed of the search: the same data give the same answer."""

SMALLEST = -8.0
"""Decimal logarithm of the least predictor weight relative to the largest."""

CROSSOVER, DITHER = 0.8, (0.4, 0.9)
"""Share of coordinates that a candidate takes over, and range of the step."""

AGREE = 1e-9
"""The search ends when the candidates' losses differ by less than this, relative to the best."""


class _Inner(NamedTuple):
    """One target: scaled predictors and outcomes before treatment of donors and of itself."""

    predictors: Floats
    own_predictors: Floats
    outcome: Floats
    own_outcome: Floats

    def weights(self, logs: Floats) -> Floats:
        """Donor weights for predictor weights given by their logarithms, (m, J)."""
        roots = np.sqrt(predictor_weights(logs))
        return solve_simplex(self.predictors * roots[:, None, :], self.own_predictors * roots).weights

    def loss(self, logs: Floats) -> Floats:
        """Mean squared gap of outcomes before treatment, (m,)."""
        gaps = self.weights(logs) @ self.outcome - self.own_outcome
        result: Floats = (gaps**2).mean(axis=1)
        return result


def fit_predictors(of: Comparison, design: SyntheticDesign) -> Fit:
    """Find donor weights that fit predictors, and predictor weights that make these fit outcomes before treatment.

    Predictors are divided by their standard deviation over donors and target. `objective` is the outer loss: the mean squared
    gap before treatment.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    n, n_donors = len(of.targets), len(of.donors)
    weights, loss, gap = np.zeros((n, n_donors)), np.full(n, np.nan), np.full(n, np.nan)
    converged, unique = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for b in range(n):
        kept = np.flatnonzero(of.allowed[b])
        inner = _inner(of, b, kept)
        logs = search(inner)
        roots = np.sqrt(predictor_weights(logs[None]))[0]
        x, y = inner.predictors * roots, (inner.own_predictors * roots)[None]
        solution = solve_simplex(x, y)
        settled = settle(x, y, np.ones((1, len(kept)), dtype=bool), solution)
        weights[b, kept] = settled.weights[0]
        loss[b] = ((settled.weights @ inner.outcome - inner.own_outcome) ** 2).mean()
        gap[b], converged[b], unique[b] = solution.gap[0], solution.converged[0], settled.unique[0]
    offset = np.zeros(n)
    synthetic = weighted(of, weights, offset)
    return Fit(
        weights=weights,
        offset=offset,
        synthetic=synthetic,
        objective=loss,
        solver_gap=gap,
        converged=converged,
        unique=unique,
        perfect=is_perfect(of, synthetic, PERFECT),
        tied=None,
        penalty=np.full(n, np.nan),
    )


def predictor_weights(logs: Floats) -> Floats:
    """Return predictor weights that sum to one, from their decimal logarithms, (m, P).

    Parameters
    ----------
    logs
        (m, P); only differences within a row matter.
    """
    powers = 10.0 ** (logs - logs.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def search(inner: _Inner) -> Floats:
    """Return the logarithms of the best predictor weights found, (P,).

    Parameters
    ----------
    inner
        One target's problem.
    """
    n_predictors = inner.predictors.shape[1]
    if n_predictors == 1:
        return np.zeros(1)
    rng = np.random.default_rng(SEED)
    bound = solve_simplex(inner.outcome, inner.own_outcome[None]).objective[0] / inner.outcome.shape[1]
    logs = _first_candidates(inner, rng)
    loss = inner.loss(logs)
    for _ in range(GENERATIONS):
        best = loss.min()
        if loss.max() - best <= AGREE * best or best <= bound * (1 + AGREE):
            break
        trial = _trial(logs, logs[loss.argmin()], rng)
        reached = inner.loss(trial)
        better = reached <= loss
        logs, loss = np.where(better[:, None], trial, logs), np.where(better, reached, loss)
    found: Floats = logs[loss.argmin()]
    return found


def _inner(of: Comparison, b: int, kept: NDArray[np.intp]) -> _Inner:
    everyone = np.vstack([of.donor_predictors[kept], of.target_predictors[b]])
    scale = everyone.std(axis=0, ddof=1)
    everyone = everyone / np.where(scale > 0, scale, 1.0)
    return _Inner(
        predictors=everyone[:-1],
        own_predictors=everyone[-1],
        outcome=of.donor_outcome[np.ix_(kept, of.pre)],
        own_outcome=of.target_outcome[b, of.pre],
    )


def _first_candidates(inner: _Inner, rng: np.random.Generator) -> Floats:
    n_predictors = inner.predictors.shape[1]
    alone = np.where(np.eye(n_predictors) > 0, 0.0, SMALLEST / 2)
    starts = np.vstack([np.zeros(n_predictors), _regression_start(inner), alone])[:CANDIDATES]
    rest = rng.uniform(SMALLEST / 2, 0.0, size=(max(CANDIDATES - len(starts), 0), n_predictors))
    return np.vstack([starts, rest])


def _regression_start(inner: _Inner) -> Floats:
    """Return logarithms of the squared coefficients of outcomes on predictors, Synth's other start."""
    table = np.column_stack([np.ones(len(inner.predictors)), inner.predictors])
    slopes = np.linalg.lstsq(table, inner.outcome, rcond=None)[0][1:]
    strength = (slopes**2).sum(axis=1)
    largest = max(float(strength.max()), np.finfo(float).tiny)
    logs: Floats = np.log10(np.maximum(strength / largest, 10.0**SMALLEST))
    return logs


def _trial(logs: Floats, best: Floats, rng: np.random.Generator) -> Floats:
    """Return one trial for each candidate: current to best, with a difference of two others."""
    m, n_predictors = logs.shape
    one, other = rng.integers(0, m, m), rng.integers(0, m, m)
    step = rng.uniform(*DITHER, size=(m, 1))
    pull = np.where(rng.random((m, 1)) < 0.5, step, 0.0)
    mutant = logs + pull * (best - logs) + step * (logs[one] - logs[other])
    taken = rng.random((m, n_predictors)) < CROSSOVER
    taken[np.arange(m), rng.integers(0, n_predictors, m)] = True
    trial = np.where(taken, mutant, logs)
    return np.clip(trial - trial.max(axis=1, keepdims=True), SMALLEST, 0.0)
