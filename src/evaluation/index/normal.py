"""A multivariate normal fitted to incomplete rows by expectation-maximisation, and what it expects of missing cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluation.errors import BadInputError, Fault

TOLERANCE = 1e-10
"""Largest change of a mean or covariance of the standardised columns at which the iteration has arrived."""

MAX_ITERATIONS = 10_000
SINGULAR_RATIO = 1e-10
"""Smallest eigenvalue of a covariance relative to the largest at which it still has an inverse."""


def fit_normal(values: np.ndarray, *, where: str, codes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of maximum likelihood under values missing at random.

    Parameters
    ----------
    values
        (n, k), NaN where missing; rows without any value are left out.
    where, codes
        Place and columns, for messages.

    Returns
    -------
    mean, covariance
        (k,) and (k, k), the covariance with divisor n.

    Raises
    ------
    BadInputError
        When there are too few rows, a column does not vary, or the iteration does not arrive.

    References
    ----------
    Dempster, Laird and Rubin (1977), Journal of the Royal Statistical Society B 39(1), 1-38; Little and Rubin (2019),
    section 11.2.1, equations 11.3 to 11.8.
    """
    kept = values[~np.isnan(values).all(axis=1)]
    faults = list(_fit_faults(kept, where, codes))
    if faults:
        raise BadInputError(faults)
    centre, spread = np.nanmean(kept, axis=0), np.nanstd(kept, axis=0)
    standard = (kept - centre) / spread
    mean, covariance = np.zeros(len(codes)), np.eye(len(codes))
    for _ in range(MAX_ITERATIONS):
        try:
            new_mean, new_covariance = _step(standard, mean, covariance)
        except np.linalg.LinAlgError:
            raise BadInputError([_fault(where, "some indicators are combinations of others")]) from None
        moved = max(np.abs(new_mean - mean).max(), np.abs(new_covariance - covariance).max())
        mean, covariance = new_mean, new_covariance
        if moved < TOLERANCE:
            return centre + spread * mean, covariance * np.outer(spread, spread)
    raise BadInputError([_fault(where, f"no fit after {MAX_ITERATIONS} rounds (last change {moved:.1e})")])


def conditional_means(values: np.ndarray, *, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return rows in which each missing value is its expectation given the row's others; NaN in rows without any."""
    filled = values.copy()
    for rows, missing in _patterns(values):
        if missing.all():
            continue
        coefficients = _regression(covariance, missing)
        filled[np.ix_(rows, missing)] = mean[missing] + (values[np.ix_(rows, ~missing)] - mean[~missing]) @ (
            coefficients
        )
    return filled


def _step(values: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance after one expectation and one maximisation."""
    expected = conditional_means(values, mean=mean, covariance=covariance)
    uncertain = np.zeros_like(covariance)
    for rows, missing in _patterns(values):
        if missing.any():
            block = covariance[np.ix_(missing, missing)]
            known = covariance[np.ix_(~missing, missing)]
            uncertain[np.ix_(missing, missing)] += rows.sum() * (
                block - known.T @ _regression(covariance, missing)
            )
    new_mean = expected.mean(axis=0)
    centred = expected - new_mean
    return new_mean, (centred.T @ centred + uncertain) / len(values)


def _regression(covariance: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the coefficients of the missing columns on the others, (n_known, n_missing)."""
    known = covariance[np.ix_(~missing, ~missing)]
    return np.linalg.solve(known, covariance[np.ix_(~missing, missing)])


def _patterns(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows of each pattern of missing columns, and the pattern."""
    missing = np.isnan(values)
    patterns, members = np.unique(missing, axis=0, return_inverse=True)
    for position, pattern in enumerate(patterns):
        if pattern.any():
            yield members.ravel() == position, pattern


def _fit_faults(values: np.ndarray, where: str, codes: tuple[str, ...]) -> Iterator[Fault]:
    if len(values) <= len(codes):
        yield _fault(where, f"{len(values)} rows are too few for a normal of {len(codes)} indicators")
        return
    for position, code in enumerate(codes):
        known = values[~np.isnan(values[:, position]), position]
        if len(known) < 2 or known.min() == known.max():
            yield _fault(where, f"indicator {code!r} does not vary")
    complete = values[~np.isnan(values).any(axis=1)]
    if len(complete) > len(codes):
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(complete, rowvar=False).reshape(len(codes), -1))
        if eigenvalues[0] <= SINGULAR_RATIO * eigenvalues[-1]:
            yield _fault(where, "some indicators are combinations of others")


def _fault(where: str, what: str) -> Fault:
    return Fault(
        where=f"impute by em, {where}",
        what=what,
        why="means and covariances cannot be told apart from chance",
        remedy="name a level in within, pool the times, or use another method",
    )
