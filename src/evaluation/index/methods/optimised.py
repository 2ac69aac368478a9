"""Optimised weights: weights under which each component has the influence it is meant to have.

Belongs here: weights of one arithmetic mean from target importances. Does not belong here: measuring importance
(`effective_weights`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from evaluation.errors import EvaluationError, UsageError
from evaluation.index.methods.inputs import check_complete

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OptimisedWeights:
    """Weights fitted to target importances.

    Parameters
    ----------
    components
        k of them.
    target
        (k,), importances asked for, sum to one.
    obtained
        (k,), correlations with the mean as shares of their sum.
    correlations
        (k,), correlations of each component with the mean.
    weights
        (k,), zero or more, sum to one, on the scores as given.
    """

    components: tuple[str, ...]
    target: Floats
    obtained: Floats
    correlations: Floats
    weights: Floats

    @property
    def distance(self) -> float:
        """Root of the summed squares of obtained minus target; zero where the target is met."""
        return float(np.linalg.norm(self.obtained - self.target))

    def tidy(self) -> pd.DataFrame:
        """Return one row a component: component, target, obtained, correlation, weight."""
        return pd.DataFrame(
            {
                "component": self.components,
                "target": self.target,
                "obtained": self.obtained,
                "correlation": self.correlations,
                "weight": self.weights,
            }
        )


def optimised_weights(scores: pd.DataFrame, *, target: Mapping[str, float] | None = None) -> OptimisedWeights:
    """Return the weights under which the correlations with the weighted mean come closest to a target.

    Parameters
    ----------
    scores
        (n_units, k), scores of the components of one arithmetic mean, more is better.
    target
        Importance of each component, positive; equal by default.

    Raises
    ------
    BadInputError
        With every component that has missing values or one value only.
    UsageError
        When the target does not name all components with positive numbers.

    Notes
    -----
    Minimises the sum over components of (r_i / sum(r) - t_i)^2 over weights that are not negative, r_i the correlation of
    component i with the mean. With a_i = w_i sd_i and R the correlations of the components, r is proportional to R a; under
    the condition 1'R a = 1 the problem is a convex quadratic programme, whose solution is unique in r. Where R^-1 t has no
    negative element it is that, and the target is met exactly (Paruolo, Saisana and Saltelli 2013,
    doi:10.1111/j.1467-985X.2012.01059.x, section 5).

    References
    ----------
    Becker, Saisana, Paruolo and Vandecasteele (2017), Ecological Indicators 80, 12-22, doi:10.1016/j.ecolind.2017.03.056,
    with correlations for the importances that they measure by curves.
    """
    check_complete(scores, method="optimised weights", varying=True)
    wanted = _target(scores, target)
    numbers = scores.to_numpy(dtype=float)
    correlation = np.corrcoef(numbers, rowvar=False)
    scaled = _closest(correlation, wanted)
    weights = scaled / numbers.std(axis=0, ddof=1)
    products = correlation @ scaled
    return OptimisedWeights(
        components=tuple(map(str, scores.columns)),
        target=wanted,
        obtained=products / products.sum(),
        correlations=products / np.sqrt(scaled @ products),
        weights=weights / weights.sum(),
    )


def _closest(correlation: Floats, target: Floats) -> Floats:
    """Return a >= 0 that minimises |R a - t|^2 subject to 1'R a = 1, up to a factor.

    Under the condition the objective is |B a|^2, B = (I - t 1') R. Least squares of (B; s') a on (0; 1), s = R 1, without
    the condition, has a solution on the same ray: at the best length it comes to q / (1 + q), q = |B a|^2 at s'a = 1.
    """
    sums = correlation.sum(axis=0)
    system = np.vstack([correlation - np.outer(target, sums), sums])
    solution, _ = nnls(system, np.append(np.zeros(len(target)), 1.0))
    if not sums @ solution > 0:
        raise EvaluationError(
            "No weights give correlations with a positive sum; turn the components the same way."
        )
    return np.asarray(solution, dtype=float)


def _target(scores: pd.DataFrame, target: Mapping[str, float] | None) -> Floats:
    names = list(scores.columns)
    given = dict.fromkeys(names, 1.0) if target is None else dict(target)
    if set(given) != set(names) or any(not value > 0 for value in given.values()):
        raise UsageError(
            f"target must be a positive number for each of {', '.join(map(str, names))}; got: {target!r}"
        )
    wanted = np.array([given[name] for name in names], dtype=float)
    return wanted / wanted.sum()
