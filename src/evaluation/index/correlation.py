"""How indicators go together: correlations within and across groups, and with the aggregates above them.

Belongs here: correlations and what is remarkable about them. Does not belong here: internal consistency
(`reliability`) and components (`principal_components`).

Signs speak of agreement only where more is better on both sides: give scores after normalising, or values turned by
their directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import t as student

from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import check_columns, check_numeric, check_option, joined_flags

CorrelationMethod = Literal["pearson", "spearman"]


@dataclass(frozen=True, kw_only=True)
class CorrelationLimits:
    """When a correlation is flagged.

    Parameters
    ----------
    high
        Above it two indicators tell much the same: counted twice.
    weak
        Below it an element hardly shows in the aggregate above it.
    low
        Below it two indicators of a group pull against each other.

    Notes
    -----
    -0.4, 0.3 and 0.9 are the bands in which the COIN tool of the European Commission's Joint Research Centre shows
    correlations (Becker et al. 2019, COIN Tool User Guide, EUR 29899 EN).
    """

    high: float = 0.9
    weak: float = 0.3
    low: float = -0.4


def correlation_matrix(values: pd.DataFrame, *, method: CorrelationMethod = "pearson") -> pd.DataFrame:
    """Return the correlations of all columns, each over the units that have both.

    Parameters
    ----------
    values
        (n_units, n_columns), NaN where missing.
    method
        ``pearson``, or ``spearman``: Pearson's of the ranks (means of ties).

    Returns
    -------
    DataFrame
        (n_columns, n_columns); NaN where fewer than two units have both or one does not vary.
    """
    check_option(method, get_args(CorrelationMethod), name="method")
    check_numeric(values)
    return values.astype(float).corr(method=method)


def correlations(values: pd.DataFrame, *, method: CorrelationMethod = "pearson") -> pd.DataFrame:
    """Return one row for each pair of columns.

    Returns
    -------
    DataFrame
        first, second (in the order of the columns), correlation, n_units (that have both), p_value (two-sided, from the
        t-distribution with n - 2 degrees of freedom; for ``spearman`` an approximation).
    """
    matrix = correlation_matrix(values, method=method).to_numpy()
    present = values.notna().to_numpy(dtype=float)
    rows, columns = np.triu_indices(len(matrix), k=1)
    correlation = matrix[rows, columns]
    count = (present.T @ present)[rows, columns].astype(int)
    names = values.columns.to_numpy()
    return pd.DataFrame(
        {
            "first": names[rows],
            "second": names[columns],
            "correlation": correlation,
            "n_units": count,
            "p_value": _p_value(correlation, count),
        }
    )


def group_correlations(
    values: pd.DataFrame,
    spec: IndexSpec,
    *,
    level: str | None = None,
    method: CorrelationMethod = "pearson",
    limits: CorrelationLimits = CorrelationLimits(),
) -> pd.DataFrame:
    """Return the correlations of indicators with the group of each, and what is remarkable about them.

    Parameters
    ----------
    values
        (n_units, n_indicators), scores on which more is better.
    spec
        The hierarchy.
    level
        Level whose elements are the groups; by default the first above the indicators.
    method, limits
        As elsewhere in this module.

    Returns
    -------
    DataFrame
        The columns of `correlations`, then first_group, second_group, within (whether they are one group) and flag, within
        groups only: ``redundant`` (above `high`), ``opposed`` (below `low`), else empty.

    Raises
    ------
    BadInputError
        When an indicator has no column.
    UsageError
        When the level does not exist.
    """
    codes = [element.code for element in spec.indicators]
    check_columns(values, codes)
    group = group_of(spec, level=level)
    table = correlations(values[codes], method=method)
    table["first_group"] = table["first"].map(group)
    table["second_group"] = table["second"].map(group)
    table["within"] = table["first_group"] == table["second_group"]
    conditions = [
        table["within"] & (table["correlation"] > limits.high),
        table["within"] & (table["correlation"] < limits.low),
    ]
    return table.assign(flag=np.select(conditions, ["redundant", "opposed"], default=""))


def ancestor_correlations(
    scores: pd.DataFrame,
    spec: IndexSpec,
    *,
    method: CorrelationMethod = "pearson",
    limits: CorrelationLimits = CorrelationLimits(),
) -> pd.DataFrame:
    """Return how each element correlates with the aggregates it goes into, and with those it does not.

    Parameters
    ----------
    scores
        (n_units, n_elements), scores of all levels.
    spec
        The hierarchy.
    method, limits
        As elsewhere in this module.

    Returns
    -------
    DataFrame
        One row for each element and each level above it: level, code, ancestor_level, ancestor, correlation, n_siblings
        (elements that the ancestor is made of, directly), closest (the element of the ancestor's level with the highest
        correlation), closest_correlation, flags: codes joined by ``+`` of ``negative`` (below 0), ``weak`` (below
        `weak`), ``dominant`` (above `high`, among at least two siblings), ``closer_elsewhere`` (to another element than its
        own).
    """
    check_columns(scores, [element.code for element in spec.elements])
    matrix = correlation_matrix(scores[[element.code for element in spec.elements]], method=method)
    rows = [
        _ancestor_row(matrix, spec, code=element.code, ancestor=ancestor)
        for element in spec.elements
        for ancestor in spec.lineage(element.code)[1:]
    ]
    table = pd.DataFrame(rows)
    raised = {
        "negative": table["correlation"] < 0,
        "weak": (table["correlation"] >= 0) & (table["correlation"] < limits.weak),
        "dominant": (table["correlation"] > limits.high) & (table["n_siblings"] > 1),
        "closer_elsewhere": table["closest"] != table["ancestor"],
    }
    return table.assign(flags=joined_flags(raised, length=len(table)))


def rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Return Spearman's correlation over the units that have both; NaN where one does not vary among them."""
    both = pd.DataFrame({"first": first, "second": second}).dropna()
    if len(both) < 2 or bool((both.max() == both.min()).any()):
        return np.nan
    return float(both["first"].corr(both["second"], method="spearman"))


def group_of(spec: IndexSpec, *, level: str | None = None) -> dict[str, str]:
    """Return the element of a level (by default the first above the indicators) that each indicator is in."""
    check_option(level or spec.level_names[1], spec.level_names[1:], name="level")
    return {
        leaf.code: element.code
        for element in spec.of_level(level or spec.level_names[1])
        for leaf in spec.leaves(element.code)
    }


def _ancestor_row(matrix: pd.DataFrame, spec: IndexSpec, *, code: str, ancestor: str) -> dict[str, object]:
    level = spec.by_code[ancestor].level
    column = matrix.loc[code, [element.code for element in spec.of_level(level)]]
    own = float(column[ancestor])
    best = column.max()
    # Equal correlations, as of a group of one with its only child, count as the element's own.
    closest = ancestor if np.isnan(best) or own >= best else str(column.idxmax())
    return {
        "level": spec.by_code[code].level,
        "code": code,
        "ancestor_level": level,
        "ancestor": ancestor,
        "correlation": own,
        "n_siblings": len(spec.children(ancestor)),
        "closest": closest,
        "closest_correlation": float(column[closest]),
    }


def _p_value(correlation: np.ndarray, count: np.ndarray) -> np.ndarray:
    df = np.where(count > 2, count - 2, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = correlation * np.sqrt(df / np.clip(1 - correlation**2, 0, None))
    return np.asarray(2 * student.sf(np.abs(statistic), df))
