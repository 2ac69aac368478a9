"""Whether the indicators of a group measure one thing: Cronbach's alpha, and what it would be without each of them.

Belongs here: internal consistency. Does not belong here: components of the correlations (`principal_components`).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import check_columns, check_numeric, check_option

Missing = Literal["listwise", "pairwise"]

ACCEPTABLE_ALPHA = 0.7
"""Nunnally (1978), Psychometric Theory, 2nd edition, p. 245, as quoted by OECD/JRC (2008), section 4.3."""


def cronbach_alpha(
    values: pd.DataFrame, *, missing: Missing = "listwise", standardised: bool = False
) -> float:
    """Return Cronbach's coefficient alpha.

    Parameters
    ----------
    values
        (n_units, k), one column an indicator, all with more on the same side; NaN where missing.
    missing
        ``listwise``: units with all indicators. ``pairwise``: each covariance over the units that have both.
    standardised
        Whether correlations stand in for covariances, as when indicators have different units.

    Returns
    -------
    float
        At most 1; negative where indicators pull against each other; NaN for fewer than two indicators.

    Notes
    -----
    k / (k - 1) (1 - tr C / sum C), C the covariance matrix.

    References
    ----------
    Cronbach (1951), Psychometrika 16(3), 297-334, doi:10.1007/BF02310555; OECD/JRC (2008), section 4.3.
    """
    return _alpha(_dispersion(values, missing=missing, standardised=standardised))


def alpha_if_dropped(
    values: pd.DataFrame, *, missing: Missing = "listwise", standardised: bool = False
) -> pd.DataFrame:
    """Return alpha without each indicator in turn, over the same units.

    Returns
    -------
    DataFrame
        One row an indicator: indicator, rest_correlation (with the sum of the others), alpha (of all), alpha_if_dropped,
        flag: ``better_without`` where alpha would rise, else empty.

    Notes
    -----
    OECD/JRC (2008), table 11.
    """
    matrix = _dispersion(values, missing=missing, standardised=standardised)
    count = len(matrix)
    whole = _alpha(matrix)
    rest = [np.delete(np.arange(count), position) for position in range(count)]
    dropped = np.array([_alpha(matrix[np.ix_(others, others)]) for others in rest])
    return pd.DataFrame(
        {
            "indicator": values.columns,
            "rest_correlation": [_rest_correlation(matrix, i, others) for i, others in enumerate(rest)],
            "alpha": whole,
            "alpha_if_dropped": dropped,
            "flag": np.where(dropped > whole, "better_without", ""),
        }
    )


def reliability(
    values: pd.DataFrame,
    spec: IndexSpec,
    *,
    missing: Missing = "listwise",
    acceptable: float = ACCEPTABLE_ALPHA,
) -> pd.DataFrame:
    """Return alpha for the children of each aggregate.

    Parameters
    ----------
    values
        (n_units, n_elements), scores of all levels; an aggregate whose children have no column is left out.
    spec
        The hierarchy.
    missing
        As in `cronbach_alpha`.
    acceptable
        Alpha from which a group counts as consistent.

    Returns
    -------
    DataFrame
        level, code, n_children, n_units (with all children), alpha, alpha_standardised, flag: ``negative``, ``low`` (below
        `acceptable`), ``single`` (one child: no alpha), else empty.

    Raises
    ------
    BadInputError
        When an indicator has no column.
    """
    check_columns(values, [element.code for element in spec.indicators])
    rows = []
    for level in spec.level_names[1:]:
        for element in spec.of_level(level):
            codes = [child.code for child in spec.children(element.code)]
            if codes and set(codes) <= set(values.columns):
                rows.append(
                    {"level": level, "code": element.code, **_group_row(values[codes], missing, acceptable)}
                )
    return pd.DataFrame(rows)


def _group_row(values: pd.DataFrame, missing: Missing, acceptable: float) -> dict[str, object]:
    alpha = cronbach_alpha(values, missing=missing)
    flag = (
        "single" if values.shape[1] == 1 else "negative" if alpha < 0 else "low" if alpha < acceptable else ""
    )
    return {
        "n_children": values.shape[1],
        "n_units": len(values.dropna()),
        "alpha": alpha,
        "alpha_standardised": cronbach_alpha(values, missing=missing, standardised=True),
        "flag": flag,
    }


def _dispersion(values: pd.DataFrame, *, missing: Missing, standardised: bool) -> NDArray[np.float64]:
    check_option(missing, get_args(Missing), name="missing")
    check_numeric(values)
    used = values.astype(float)
    used = used.dropna() if missing == "listwise" else used
    if len(used) < 2:
        return np.full((values.shape[1], values.shape[1]), np.nan)
    return (used.corr() if standardised else used.cov()).to_numpy()


def _alpha(matrix: NDArray[np.float64]) -> float:
    count = len(matrix)
    total = float(matrix.sum())
    if count < 2 or total == 0:
        return np.nan
    return count / (count - 1) * (1 - float(np.trace(matrix)) / total)


def _rest_correlation(matrix: NDArray[np.float64], position: int, others: NDArray[np.int_]) -> float:
    spread = np.sqrt(matrix[position, position] * matrix[np.ix_(others, others)].sum())
    return float(matrix[position, others].sum() / spread) if spread > 0 else np.nan
