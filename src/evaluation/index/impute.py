"""Missing values filled, each flagged; without later years unless the specification says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.normal import conditional_means, fit_normal
from evaluation.index.scopes import row_groups, times_of, units_of
from evaluation.index.series import carried_forward, interpolated, prolonged
from evaluation.index.spec import IndexSpec
from evaluation.index.steps import Impute

COLUMN_METHODS = ("mean", "median", "group_mean", "group_median")
ROW_METHODS = ("row_mean", "row_median")
SERIES_METHODS = ("last", "linear")


@dataclass(frozen=True)
class Imputed:
    """Values and which of them are imputed.

    Parameters
    ----------
    data
        (n_rows, n_indicators); still NaN where the method has nothing to fill with.
    flags
        Of the same shape: whether a value is imputed.
    table
        One row a value that was missing: the index, code, method, value, filled.
    """

    data: pd.DataFrame
    flags: pd.DataFrame
    table: pd.DataFrame


def impute(values: pd.DataFrame, spec: IndexSpec, *, groups: pd.DataFrame | None = None) -> Imputed:
    """Return the indicators with missing values filled by the specification's step `impute`.

    Only observed values are used to fill others.

    Parameters
    ----------
    values
        (n_rows, n_indicators), columns the codes; index units, or units and times.
    groups
        The columns of groups, on the same index.

    Raises
    ------
    BadInputError
        When a group column is absent, a series has no numeric times, or a normal cannot be fitted.

    Notes
    -----
    Means over a group leave a value missing where nobody in the group has one: there is no silent fallback. A row is
    averaged over min-max positions of its other indicators and the position turned back into the indicator's unit.
    ``em``: Dempster, Laird and Rubin (1977), doi:10.1111/j.2517-6161.1977.tb01600.x; Little and Rubin (2019),
    Statistical Analysis with Missing Data, section 11.2.
    """
    assert spec.impute is not None
    given = values[[element.code for element in spec.indicators]].astype(float)
    raise_if_any(_data_faults(given, spec, groups))
    filled = given.copy()
    methods: dict[str, str] = {}
    profiles: dict[tuple[Impute, tuple[str, ...]], np.ndarray] = {}
    for element in spec.indicators:
        code, rule = element.code, replace(spec.rule(spec.impute, element.code), overrides={})
        methods[code] = rule.method
        if rule.method == "none" or not given[code].isna().any():
            continue
        filled[code] = _filled_column(given, code, rule, spec=spec, groups=groups, profiles=profiles)
    flags = given.isna() & filled.notna()
    return Imputed(data=filled, flags=flags, table=_cells(given, filled, methods))


def _filled_column(
    given: pd.DataFrame,
    code: str,
    rule: Impute,
    *,
    spec: IndexSpec,
    groups: pd.DataFrame | None,
    profiles: dict[tuple[Impute, tuple[str, ...]], np.ndarray],
) -> np.ndarray:
    """Return a column with its missing values filled; whole profiles are kept, for their other columns."""
    column = given[code].to_numpy()
    if rule.method in COLUMN_METHODS:
        labels = None if rule.group is None or groups is None else groups[rule.group]
        fill = _column_fill(given[code], rule, labels)
    elif rule.method in SERIES_METHODS:
        fill = _series_fill(given[code], rule)
    else:
        codes = _profile_codes(code, rule, spec)
        if (rule, codes) not in profiles:
            directions = np.array([spec.by_code[one].direction for one in codes])
            profiles[rule, codes] = _profile_fill(given[list(codes)], rule, directions)
        fill = profiles[rule, codes][:, codes.index(code)]
    return np.where(np.isnan(column), fill, column)


def _column_fill(column: pd.Series, rule: Impute, labels: pd.Series | None) -> np.ndarray:
    values = column.to_numpy()
    keys = np.zeros(len(values)) if labels is None else labels.reindex(column.index).to_numpy(dtype=object)
    average = pd.Series.mean if rule.method.endswith("mean") else pd.Series.median
    fill = np.full(len(values), np.nan)
    for members, fitted, _ in row_groups(column.index, rule.scope, rule.reference):
        for key in pd.unique(keys[members]):
            if pd.isna(key):
                continue
            alike = keys == key
            fill[members & alike] = average(pd.Series(values[fitted & alike]))
    return fill


def _series_fill(column: pd.Series, rule: Impute) -> np.ndarray:
    times = times_of(column.index)
    assert times is not None  # checked at the door
    if rule.method == "last":
        return carried_forward(column, limit=rule.limit)
    if rule.use_later:
        return interpolated(column, limit=rule.limit)
    return prolonged(column, limit=rule.limit)


def _profile_codes(code: str, rule: Impute, spec: IndexSpec) -> tuple[str, ...]:
    """Return the indicators among which a value is filled, in order."""
    if rule.within is None:
        return tuple(element.code for element in spec.indicators)
    above = next(one for one in spec.lineage(code) if spec.by_code[one].level == rule.within)
    return tuple(leaf.code for leaf in spec.leaves(above))


def _profile_fill(given: pd.DataFrame, rule: Impute, directions: np.ndarray) -> np.ndarray:
    values = given.to_numpy()
    fill = np.full(values.shape, np.nan)
    for members, fitted, label in row_groups(given.index, rule.scope, rule.reference):
        if rule.method == "em":
            mean, covariance = fit_normal(values[fitted], where=f"times {label}", codes=tuple(given.columns))
            fill[members] = conditional_means(values[members], mean=mean, covariance=covariance)
        else:
            fill[members] = _row_fill(values[members], values[fitted], directions, rule)
    return fill


def _row_fill(values: np.ndarray, fitted: np.ndarray, directions: np.ndarray, rule: Impute) -> np.ndarray:
    directed = pd.DataFrame(fitted * directions)
    low, span = directed.min().to_numpy(), (directed.max() - directed.min()).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        positions = pd.DataFrame((values * directions - low) / span).replace([np.inf, -np.inf], np.nan)
    average = positions.mean(axis=1) if rule.method == "row_mean" else positions.median(axis=1)
    return (low + average.to_numpy()[:, None] * span) * directions


def _data_faults(given: pd.DataFrame, spec: IndexSpec, groups: pd.DataFrame | None) -> Iterator[Fault]:
    assert spec.impute is not None
    rules = {replace(spec.rule(spec.impute, element.code), overrides={}) for element in spec.indicators}
    known = set() if groups is None else set(groups.columns)
    for group in sorted({rule.group for rule in rules if rule.group is not None} - known):
        yield _fault(f"group {group!r} has no column", "add the column, or use another method")
    if not any(rule.method in SERIES_METHODS for rule in rules):
        return
    times = times_of(given.index)
    if times is None:
        yield _fault("values of one time have no earlier ones", "give an index of units and times")
    elif not np.issubdtype(np.asarray(times.tolist()).dtype, np.number):
        yield _fault("times are not numbers", "write years")


def _fault(what: str, remedy: str) -> Fault:
    return Fault(where="impute", what=what, why="missing values are filled from them", remedy=remedy)


def _cells(given: pd.DataFrame, filled: pd.DataFrame, methods: dict[str, str]) -> pd.DataFrame:
    """Return one row a value that was missing, by indicator."""
    columns, rows = np.nonzero(given.isna().to_numpy().T)
    codes = given.columns.to_numpy()[columns]
    values = filled.to_numpy()[rows, columns]
    key = {"unit": units_of(given.index)[rows]}
    times = times_of(given.index)
    if times is not None:
        key["time"] = times[rows]
    return pd.DataFrame(
        {
            **key,
            "code": codes,
            "method": [methods[code] for code in codes],
            "value": values,
            "filled": ~np.isnan(values),
        }
    )
