"""Outliers treated, by thresholds that are decided once and hold for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.outliers import (
    Shape,
    Winsorised,
    box_cox,
    box_cox_exponent,
    log_transform,
    shape_of,
    winsorise,
)
from evaluation.index.scopes import row_groups
from evaluation.index.spec import IndexSpec
from evaluation.index.steps import Treat

Treatment = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A custom treatment: from the values to treat, and those that decide how, to treated values of the first's shape."""

HIGH, LOW = "high", "low"
NOT_DONE = Winsorised(-np.inf, np.inf, 0)


@dataclass(frozen=True)
class Treated:
    """Values, which of them are treated, and why.

    Parameters
    ----------
    data
        (n_rows, n_indicators).
    points
        Of the same shape: ``high`` or ``low`` where a value was drawn in from that side, the name of the transform
        where the indicator was transformed, else empty.
    table
        One row an indicator and group of rows decided together: code, method, scope, times, skewness, kurtosis, passed
        (before); n_points drawn in, low and high bound; skewness_winsorised and kurtosis_winsorised (missing where
        winsorising was not tried); transform, parameter (exponent of Box-Cox); skewness_treated, kurtosis_treated,
        passed_treated (at the end). All of the rows that decided.
    """

    data: pd.DataFrame
    points: pd.DataFrame
    table: pd.DataFrame


@dataclass(frozen=True)
class _Decision:
    """What is done to an indicator: bounds, then a transform of what lies above `smallest`."""

    bounds: Winsorised = NOT_DONE
    transform: str = ""
    smallest: float = np.nan
    largest: float = np.nan
    exponent: float = np.nan


def treat(
    values: pd.DataFrame, spec: IndexSpec, *, functions: Mapping[str, Treatment] | None = None
) -> Treated:
    """Return the indicators with outliers treated by the specification's step `treat`.

    Parameters
    ----------
    values
        (n_rows, n_indicators), columns the codes; index units, or units and times.
    functions
        Custom treatments by the name that the specification gives them.

    Raises
    ------
    BadInputError
        When a custom function is not given or changes the number of values or what is missing, or a ``gii`` logarithm
        meets a largest value of 1 or less (it would turn the indicator round).

    Notes
    -----
    The decision and its thresholds come from the rows of the scope, and all rows of the group are treated by them: a
    later year leaves earlier ones as they are where the scope is ``reference``. A value below the smallest of the
    deciding rows is held there before a transform, and marked ``low``.
    """
    assert spec.treat is not None
    given = {element.code: values[element.code].astype(float) for element in spec.indicators}
    rules = {code: spec.rule(spec.treat, code) for code in given}
    raise_if_any(_function_faults(rules, functions or {}))
    treated, points, rows = {}, {}, []
    faults: list[Fault] = []
    for code, column in given.items():
        made = _treated_column(column, rules[code], functions or {}, faults)
        treated[code], points[code] = made[0], made[1]
        rows += [{"code": code, **row} for row in made[2]]
    raise_if_any(faults)
    return Treated(
        data=pd.DataFrame(treated, index=values.index),
        points=pd.DataFrame(points, index=values.index),
        table=pd.DataFrame(rows),
    )


def _treated_column(
    column: pd.Series, rule: Treat, functions: Mapping[str, Treatment], faults: list[Fault]
) -> tuple[np.ndarray, np.ndarray, list[dict[str, object]]]:
    values = column.to_numpy()
    treated, points = values.copy(), np.full(len(values), "", dtype=object)
    rows = []
    for members, fitted, label in row_groups(column.index, rule.scope, rule.reference):
        before = shape_of(values[fitted])
        if rule.method == "custom":
            assert rule.function is not None
            treated[members] = functions[rule.function](values[members], values[fitted])
            changed = members & ~np.isclose(treated, values, rtol=0, atol=0, equal_nan=True)
            points[changed] = rule.function
            faults += _custom_faults(values[members], treated[members], str(column.name), rule.function)
            decision, winsorised = _Decision(transform=rule.function), before
        else:
            decision, winsorised = _decide(values[fitted], rule, before)
            faults += _log_faults(decision, rule, str(column.name))
            treated[members] = _apply(values[members], decision, rule)
            points[members] = _marks(values[members], decision)
        after = shape_of(treated[fitted])
        rows.append(_row(rule, label, decision, before=before, winsorised=winsorised, after=after))
    return treated, points, rows


def _decide(values: np.ndarray, rule: Treat, before: Shape) -> tuple[_Decision, Shape]:
    """Return what is to be done, and the shape after winsorising."""
    if rule.method == "bounds":
        assert rule.bounds is not None
        low = -np.inf if rule.bounds[0] is None else rule.bounds[0]
        high = np.inf if rule.bounds[1] is None else rule.bounds[1]
        beyond = int(((values < low) | (values > high)).sum())
        return _Decision(bounds=Winsorised(low, high, beyond)), shape_of(np.clip(values, low, high))
    if rule.method == "none" or _passes(before, rule):
        return _Decision(), before
    if rule.method != "winsorise":
        return _transform(values, rule.method, rule), before
    bounds = winsorise(values, skewness=rule.skewness, kurtosis=rule.kurtosis, max_points=rule.max_points)
    after = shape_of(np.clip(values, bounds.low, bounds.high))
    if _passes(after, rule) or rule.fallback == "none":
        return _Decision(bounds=bounds), after
    return _transform(values, rule.fallback, rule), after


def _transform(values: np.ndarray, name: str, rule: Treat) -> _Decision:
    smallest, largest = float(np.nanmin(values)), float(np.nanmax(values))
    exponent = np.nan
    if name == "box_cox":
        exponent = rule.box_cox_lambda if rule.box_cox_lambda is not None else np.nan
        exponent = box_cox_exponent(values, smallest=smallest) if np.isnan(exponent) else exponent
    return _Decision(transform=name, smallest=smallest, largest=largest, exponent=exponent)


def _apply(values: np.ndarray, decision: _Decision, rule: Treat) -> np.ndarray:
    if not decision.transform:
        return np.clip(values, decision.bounds.low, decision.bounds.high)
    held = np.maximum(values, decision.smallest)
    if decision.transform == "box_cox":
        return box_cox(held, smallest=decision.smallest, exponent=decision.exponent)
    with np.errstate(invalid="ignore"):
        return log_transform(held, smallest=decision.smallest, largest=decision.largest, form=rule.log)


def _marks(values: np.ndarray, decision: _Decision) -> np.ndarray:
    if not decision.transform:
        return np.select([values > decision.bounds.high, values < decision.bounds.low], [HIGH, LOW], "")
    marks = np.where(values < decision.smallest, LOW, decision.transform)
    return np.where(np.isnan(values), "", marks)


def _passes(shape: Shape, rule: Treat) -> bool:
    return shape.within(skewness=rule.skewness, kurtosis=rule.kurtosis)


def _row(
    rule: Treat, label: str, decision: _Decision, *, before: Shape, winsorised: Shape, after: Shape
) -> dict[str, object]:
    tried = not _passes(before, rule) and rule.method == "winsorise"
    return {
        "method": rule.method,
        "scope": rule.scope,
        "times": label,
        "skewness": before.skewness,
        "kurtosis": before.kurtosis,
        "passed": _passes(before, rule),
        "n_points": decision.bounds.n_points,
        "low": decision.bounds.low if np.isfinite(decision.bounds.low) else np.nan,
        "high": decision.bounds.high if np.isfinite(decision.bounds.high) else np.nan,
        "skewness_winsorised": winsorised.skewness if tried else np.nan,
        "kurtosis_winsorised": winsorised.kurtosis if tried else np.nan,
        "transform": decision.transform,
        "parameter": decision.exponent,
        "skewness_treated": after.skewness,
        "kurtosis_treated": after.kurtosis,
        "passed_treated": _passes(after, rule),
    }


def _function_faults(rules: Mapping[str, Treat], functions: Mapping[str, Treatment]) -> Iterator[Fault]:
    for code, rule in rules.items():
        if rule.method == "custom" and rule.function not in functions:
            yield _fault(code, f"function {rule.function!r} is not given", "pass it in functions")


def _custom_faults(values: np.ndarray, treated: np.ndarray, code: str, function: str) -> Iterator[Fault]:
    if not np.array_equal(np.isnan(values), np.isnan(treated)):
        yield _fault(code, f"function {function!r} changes which values are missing", "treat values only")


def _log_faults(decision: _Decision, rule: Treat, code: str) -> Iterator[Fault]:
    if decision.transform == "log" and rule.log == "gii" and decision.largest <= 1:
        what = f"the largest value is {decision.largest:g}; a gii logarithm needs one above 1"
        yield _fault(code, what, "use log: shifted")


def _fault(code: str, what: str, remedy: str) -> Fault:
    return Fault(where=f"treat, {code}", what=what, why="the treated values would be wrong", remedy=remedy)
