"""What weights say and what they do: the share of each element in the index, and its influence on the scores.

Belongs here: weights carried through the hierarchy, and measures of importance beside them. Does not belong here:
setting weights (`weight`, `methods`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.index.result import IndexResult
from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import check_columns

CURVE_DEGREE = 3
"""Degree of the polynomial that stands for the curve of an aggregate over an element; lower for few different values."""

LEAST_UNITS = 10
"""Fewest units for a curve to say anything."""


def nominal_weights(spec: IndexSpec, *, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the share of each element in the top of the hierarchy that its weights give it.

    Parameters
    ----------
    spec
        The hierarchy.
    weights
        Weights within parents by code, where they are not the specification's.

    Returns
    -------
    DataFrame
        level, code, parent, weight (as given), share_in_parent, share (in the top; sums to one on each level); 0-1.

    Notes
    -----
    The share in the parent times the parent's share. Of a geometric mean it is the exponent, of an arithmetic one the
    factor; means of other kinds have no constant share.
    """
    within = {element.code: element.weight for element in spec.elements} | dict(weights or {})
    share: dict[str, float] = {}
    rows = []
    for level in reversed(spec.level_names):
        for element in spec.of_level(level):
            siblings = spec.children(element.parent) if element.parent else spec.of_level(level)
            total = sum(within[sibling.code] for sibling in siblings)
            part = within[element.code] / total if total > 0 else 0.0
            share[element.code] = part * (share[element.parent] if element.parent else 1.0)
            rows.append((level, element.code, element.parent or "", within[element.code], part))
    table = pd.DataFrame(rows, columns=["level", "code", "parent", "weight", "share_in_parent"])
    table["share"] = table["code"].map(share)
    order = {element.code: position for position, element in enumerate(spec.elements)}
    return table.sort_values("code", key=lambda codes: codes.map(order), ignore_index=True)


def importance(
    scores: pd.DataFrame,
    spec: IndexSpec,
    *,
    of: str | None = None,
    weights: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return how much each element below an aggregate says about it, beside the weight it was given.

    Parameters
    ----------
    scores
        (n_units, n_elements), scores of all levels.
    spec
        The hierarchy.
    of
        The aggregate; by default the top.
    weights
        Weights within parents by code, where they are not the specification's.

    Returns
    -------
    DataFrame
        level, code, share (nominal, in the aggregate), n_units (with both scores), correlation, determination (its square),
        main_effect (share of the aggregate's variance that a cubic curve of the element explains, 0-1; missing below
        `LEAST_UNITS` units), main_effect_share (of the sum on the level), covariance_share (share of the element in the
        variance of the arithmetic mean with the nominal shares, over units that have the whole level: sums to one on each
        level, and may be negative).

    Raises
    ------
    UsageError
        When the aggregate does not exist.
    BadInputError
        When an element has no column.

    Notes
    -----
    main_effect is the Pearson correlation ratio, Var(E(y | x)) / Var(y), with a cubic polynomial for E(y | x). An element
    whose main effect is far from its share has an influence that its weight does not tell (Paruolo, Saisana and Saltelli
    2013, JRSS A 176(3), 609-634, doi:10.1111/j.1467-985X.2012.01059.x; they use local regressions).
    """
    top = of or top_of(spec)
    if top not in spec.by_code:
        raise UsageError(f"of must be an element of the specification; got: {top!r}")
    check_columns(scores, [element.code for element in spec.elements])
    table = nominal_weights(spec, weights=weights)
    below = [top in spec.lineage(code)[1:] for code in table["code"]]
    whole = float(table.loc[table["code"] == top, "share"].iloc[0])
    table = table.loc[below, ["level", "code", "share"]].reset_index(drop=True)
    table["share"] = table["share"] / whole if whole > 0 else np.nan
    measured = pd.DataFrame([_measure(scores[code], scores[top]) for code in table["code"]])
    table = pd.concat([table, measured], axis=1)
    table["main_effect_share"] = table["main_effect"] / table.groupby("level")["main_effect"].transform("sum")
    table["covariance_share"] = _covariance_shares(scores, table)
    return table


def used_weights(result: IndexResult) -> dict[str, float]:
    """Return the weights within parents that a result was made with, by code."""
    return dict(zip(result.weights["code"], result.weights["weight"].astype(float), strict=True))


def top_of(spec: IndexSpec) -> str:
    """Return the code of the element on the top level.

    Raises
    ------
    UsageError
        When there are several.
    """
    tops = spec.of_level(spec.level_names[-1])
    if len(tops) != 1:
        raise UsageError(
            f"the specification has {len(tops)} elements on its top level, so the aggregate must be named (of=...); "
            f"got: {', '.join(element.code for element in tops)}"
        )
    return tops[0].code


def correlation_ratio(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the share of the variance of y that a cubic curve of x explains: r^2 at least, 1 at most.

    Parameters
    ----------
    x, y
        (n,), without missing values.
    """
    degree = min(CURVE_DEGREE, len(np.unique(x)) - 1)
    if len(y) < LEAST_UNITS or degree < 1 or np.ptp(y) == 0:
        return np.nan
    powers = np.vander((x - x.mean()) / x.std(), degree + 1)
    fitted = powers @ np.linalg.lstsq(powers, y, rcond=None)[0]
    return float(np.clip(fitted.var() / y.var(), 0.0, 1.0))


def _measure(element: pd.Series, aggregate: pd.Series) -> dict[str, float]:
    both = (element.notna() & aggregate.notna()).to_numpy()
    x, y = element.to_numpy(dtype=float)[both], aggregate.to_numpy(dtype=float)[both]
    varies = both.sum() > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    correlation = float(np.corrcoef(x, y)[0, 1]) if varies else np.nan
    return {
        "n_units": int(both.sum()),
        "correlation": correlation,
        "determination": correlation**2,
        "main_effect": correlation_ratio(x, y),
    }


def _covariance_shares(scores: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    shares = pd.Series(np.nan, index=table.index)
    for _, rows in table.groupby("level", sort=False):
        weights = rows["share"].to_numpy(dtype=float)
        complete = scores[rows["code"].tolist()].dropna().to_numpy(dtype=float)
        if len(complete) > 1:
            parts = weights * (np.atleast_2d(np.cov(complete, rowvar=False)) @ weights)
            total = parts.sum()
            shares[rows.index] = parts / total if total > 0 else np.nan
    return shares
