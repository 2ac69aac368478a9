"""Several questions at once: adjusted p-values.

Belongs here: Romano-Wolf over estimates that come with influence functions, Benjamini-Hochberg over p-values.
Does not belong here: which questions form a family, which is fixed before any estimate.

References
----------
Romano and Wolf (2005), Econometrica 73(4), doi:10.1111/j.1468-0262.2005.00615.x, section 4; (2016), Statistics
and Probability Letters 113, doi:10.1016/j.spl.2016.02.012, on p-values. Benjamini and Hochberg (1995), J. Royal
Statistical Society B 57(1), doi:10.1111/j.2517-6161.1995.tb02031.x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from evaluation.errors import UsageError
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.inference import DEFAULT_SEED, Multiplier, bootstrap_draws, standard_errors

Floats = NDArray[np.float64]

FAMILY_DRAWS = 9_999
"""Draws of the joint bootstrap: an adjusted p-value of 0.05 has a Monte Carlo error of 0.002."""


def romano_wolf(
    results: Mapping[str, AggregateResult],
    *,
    draws: int = FAMILY_DRAWS,
    seed: int = DEFAULT_SEED,
    multiplier: Multiplier = "rademacher",
) -> pd.DataFrame:
    """Adjust the p-values of the overall estimates of a family by step-down.

    Multipliers are drawn once for each unit (or cluster) and used for every outcome, so that the dependence
    between outcomes is that of the data; units may differ between outcomes. A family-wise error is at most
    the level at which adjusted p-values are read.

    Parameters
    ----------
    results
        Averages by name of the question.
    draws, seed, multiplier
        Of the joint multiplier bootstrap.

    Returns
    -------
    DataFrame
        name, estimate, std_error, p_value (alone, normal), p_adjusted, in the order given.

    Raises
    ------
    UsageError
        For an empty family.
    """
    if not results:
        raise UsageError("A family needs at least one estimate.")
    influence, clusters = _joined(list(results.values()))
    errors = standard_errors(influence, clusters=clusters)
    drawn = bootstrap_draws(influence, clusters=clusters, draws=draws, seed=seed, multiplier=multiplier)
    overall = pd.DataFrame([result.overall for result in results.values()])
    estimate = overall["estimate"].to_numpy(dtype=float)
    adjusted = step_down(np.abs(estimate / errors), np.abs(drawn / errors))
    return pd.DataFrame(
        {
            "name": list(results),
            "estimate": estimate,
            "std_error": overall["std_error"].to_numpy(dtype=float),
            "p_value": overall["p_value"].to_numpy(dtype=float),
            "p_adjusted": adjusted,
        }
    )


def step_down(statistic: ArrayLike, drawn: ArrayLike) -> Floats:
    """Return Romano-Wolf p-values from absolute t statistics.

    Parameters
    ----------
    statistic
        Of the data, (n,).
    drawn
        Of the joint draws under the null, (n_draws, n).
    """
    own, many = np.asarray(statistic, dtype=float), np.asarray(drawn, dtype=float)
    order = np.argsort(-own, kind="stable")
    # Largest draw among the statistics not yet rejected: from the right.
    largest = np.maximum.accumulate(many[:, order[::-1]], axis=1)[:, ::-1]
    p_values = ((largest >= own[order]).sum(axis=0) + 1) / (len(many) + 1)
    adjusted = np.empty(len(own))
    adjusted[order] = np.maximum.accumulate(p_values)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike | Sequence[float]) -> Floats:
    """Return p-values adjusted for the false discovery rate; missing ones stay missing and do not count.

    Parameters
    ----------
    p_values
        (n,).
    """
    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(np.isfinite(values))
    adjusted = np.full(len(values), np.nan)
    order = known[np.argsort(values[known], kind="stable")]
    scaled = values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _joined(results: list[AggregateResult]) -> tuple[Floats, NDArray[np.int64]]:
    """Influence of all outcomes on the union of units, and one cluster per unit that serves all of them."""
    names = sorted({str(unit) for result in results for unit in result.units})
    position = {name: place for place, name in enumerate(names)}
    influence = np.zeros((len(names), len(results)))
    pairs = []
    for column, result in enumerate(results):
        places = np.array([position[str(unit)] for unit in result.units])
        influence[places, column] = result.influence[:, 0] * len(names) / len(places)
        if result.clusters is not None:
            first = places[np.unique(result.clusters, return_index=True)[1]]
            pairs.append((places, first[result.clusters]))
    return influence, _components(pairs, len(names))


def _components(pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]], n_units: int) -> NDArray[np.int64]:
    """Units that share a cluster in any outcome get one multiplier."""
    if not pairs:
        return np.arange(n_units)
    one = np.concatenate([places for places, _ in pairs])
    other = np.concatenate([first for _, first in pairs])
    links = coo_array((np.ones(len(one)), (one, other)), shape=(n_units, n_units))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
