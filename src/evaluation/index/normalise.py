"""Indicators to scores on one scale on which more is better.

Array functions take units along the last axis but one or broadcast freely; `normalise` takes frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.ranking import ascending_ranks
from evaluation.index.scopes import row_groups, units_of
from evaluation.index.spec import Element, IndexSpec, Transform
from evaluation.index.steps import Normalise

TRANSFORMS: dict[Transform, Callable[..., np.ndarray]] = {
    "linear": np.asarray,
    "log": np.log,
    "log1p": np.log1p,
}
_DOMAINS: dict[Transform, float] = {"linear": -np.inf, "log": 0.0, "log1p": -1.0}
FIXED = ("goalposts", "scaled", "none")
"""Methods whose scale does not come from the data, so that their scope has no meaning."""
LINEAR_ONLY = ("scaled", "none")
"""Methods that measure in the indicator's own unit, whatever its transform."""
RANKINGS = ("rank", "percentile_rank")


@dataclass(frozen=True)
class Normalised:
    """Scores of the indicators and how they were made.

    Parameters
    ----------
    data
        (n_rows, n_indicators) scores.
    capped
        Where a value was held at an end of its scale.
    table
        One row an indicator and group of rows that share a scale: code, method, direction, scope (``fixed``,
        ``pooled``, ``per_time``, ``reference``), times, low and high (value at the worst and best end in the
        indicator's own unit; mean and standard deviation of ``zscore``), n.
    """

    data: pd.DataFrame
    capped: pd.DataFrame
    table: pd.DataFrame


def normalise(values: pd.DataFrame, spec: IndexSpec) -> Normalised:
    """Return the indicators of a frame as scores, by the specification's step `normalise`.

    Parameters
    ----------
    values
        (n_rows, n_indicators), columns the codes; index units, or units and times.
    spec
        Elements with directions, goalposts, targets and transforms, and the step.

    Raises
    ------
    BadInputError
        When an indicator does not vary where its scale comes from the data, a logarithm meets a value that has none,
        a target lies on the wrong side, or the reference unit has no value.

    Notes
    -----
    With x' the value times its direction: ``minmax`` a + (b - a)(x' - min)/(max - min); ``zscore`` (x' - mean)/sd
    with ddof 1; ``rank`` of x' from below, equal values share the lower one; ``percentile_rank`` (rank - 1)/(n - 1);
    distances 1 - (x0 - x')/(x0 - min). OECD/JRC Handbook (2008), step 5.
    """
    assert spec.normalise is not None
    scores, capped, rows = {}, {}, []
    faults: list[Fault] = []
    for element in spec.indicators:
        column = values[element.code]
        made = _scored_column(column, element, spec.rule(spec.normalise, element.code), faults)
        scores[element.code], capped[element.code] = made.scores, made.capped
        rows += made.rows
    raise_if_any(faults)
    return Normalised(
        data=pd.DataFrame(scores, index=values.index),
        capped=pd.DataFrame(capped, index=values.index),
        table=pd.DataFrame(rows),
    )


def goalpost_scores(
    values: np.ndarray,
    *,
    goalposts: tuple[float, float],
    direction: int,
    transform: Transform,
    score_range: tuple[float, float],
    capped: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores between fixed goalposts, and where they were capped.

    Parameters
    ----------
    values
        Values in the indicator's unit, NaN where missing; any shape.
    goalposts
        Values of the lowest and the highest end, low before high.
    direction
        +1 when more is better, -1 when less is better.
    transform
        Scale on which distances are measured.
    score_range
        Score at the worst and at the best goalpost.
    capped
        Whether values beyond a goalpost score as at it.

    Returns
    -------
    scores, capped
        Of the shape of ``values``; NaN and False where the value is missing.

    Notes
    -----
    With f the transform and (a, b) the score range, s = a + (b - a) (f(x) - f(low)) / (f(high) - f(low)),
    measured from the other end when the direction is -1, and x held within [low, high]. Human Development
    Report technical note 1 and BPS (new-method IPM) use the same form with fixed goalposts.
    """
    low, high = goalposts
    scale = TRANSFORMS[transform]
    held = np.clip(values, low, high) if capped else values
    position = (scale(held) - scale(low)) / (scale(high) - scale(low))
    if direction < 0:
        position = 1.0 - position
    lowest, highest = score_range
    beyond = (values < low) | (values > high)
    return lowest + (highest - lowest) * position, beyond & capped


def linear_scores(
    values: np.ndarray, *, low: np.ndarray, high: np.ndarray, score_range: tuple[float, float]
) -> np.ndarray:
    """Return a + (b - a)(x - low)/(high - low), all arrays broadcast."""
    lowest, highest = score_range
    return (values - low) / (high - low) * (highest - lowest) + lowest


def percentile_ranks(values: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """Return (rank - 1)/(n - 1) along an axis, n the values present.

    0 for the lowest; equal values share the lower rank; NaN where one value is alone.
    """
    count = (~np.isnan(values)).sum(axis=axis, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ascending_ranks(values, axis=axis) - 1.0) / (count - 1.0)


@dataclass(frozen=True)
class _Column:
    scores: np.ndarray
    capped: np.ndarray
    rows: list[dict[str, object]]


def _scored_column(column: pd.Series, element: Element, rule: Normalise, faults: list[Fault]) -> _Column:
    values = column.to_numpy(dtype=float)
    if not (rule.method == "goalposts" and rule.capped) and rule.method not in LINEAR_ONLY:
        faults += _domain_faults(values, element)
    if rule.method in FIXED:
        return _fixed_column(values, element, rule)
    scores, capped, rows = np.full(len(values), np.nan), np.zeros(len(values), dtype=bool), []
    with np.errstate(invalid="ignore", divide="ignore"):
        directed = element.direction * TRANSFORMS[element.transform](values)
    for members, fitted, label in row_groups(column.index, rule.scope, rule.reference):
        ends = _ends(directed, fitted, column.index, element, rule)
        if (~np.isnan(directed[members])).any():
            faults += _scale_faults(ends, element, rule, label)
        scores[members], capped[members] = _scores(directed[members], ends, rule)
        rows.append(_table_row(element, rule, scope=rule.scope, times=label, ends=ends, n=int(fitted.sum())))
    return _Column(scores, capped & ~np.isnan(values), rows)


def _fixed_column(values: np.ndarray, element: Element, rule: Normalise) -> _Column:
    ends = (np.nan, np.nan)
    if rule.method == "none":
        scores, capped = element.direction * values, np.zeros(len(values), dtype=bool)
    else:
        ends = rule.scale
        if rule.method == "goalposts" and element.goalposts is not None:
            ends = (element.goalposts.low, element.goalposts.high)
        with np.errstate(divide="ignore", invalid="ignore"):  # a value without logarithm is among the faults
            scores, capped = goalpost_scores(
                values,
                goalposts=ends,
                direction=element.direction,
                transform=element.transform if rule.method == "goalposts" else "linear",
                score_range=rule.score_range,
                capped=rule.capped and rule.method == "goalposts",
            )
        ends = ends if element.direction > 0 else ends[::-1]
    row = _named_row(element, rule, scope="fixed", times="all", low=ends[0], high=ends[1], n=len(values))
    return _Column(scores, capped, [row])


def _ends(
    directed: np.ndarray, fitted: np.ndarray, index: pd.Index, element: Element, rule: Normalise
) -> tuple[float, float]:
    """Return the two parameters of a scale: worst and best end, or mean and standard deviation."""
    known = directed[fitted & ~np.isnan(directed)]
    if not len(known) or rule.method in RANKINGS:
        return np.nan, np.nan
    if rule.method == "zscore":
        return float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else 0.0
    low, best = float(known.min()), float(known.max())
    if rule.method == "distance_to_target":
        assert element.target is not None  # checked by the specification
        best = element.direction * float(TRANSFORMS[element.transform](element.target))
    if rule.method == "distance_to_reference":
        own = directed[fitted & (units_of(index).astype(str) == str(rule.reference_unit))]
        best = float(own[~np.isnan(own)].mean()) if (~np.isnan(own)).any() else np.nan
    return low, best


def _scores(
    directed: np.ndarray, ends: tuple[float, float], rule: Normalise
) -> tuple[np.ndarray, np.ndarray]:
    beyond = np.zeros(len(directed), dtype=bool)
    low, high = np.asarray(ends[0]), np.asarray(ends[1])
    if rule.method == "rank":
        return ascending_ranks(directed), beyond
    if rule.method == "percentile_rank":
        return percentile_ranks(directed), beyond
    with np.errstate(invalid="ignore", divide="ignore"):
        if rule.method == "zscore":
            return (directed - low) / high * rule.spread + rule.centre, beyond
        if rule.method == "minmax":
            return linear_scores(directed, low=low, high=high, score_range=rule.score_range), beyond
        scores = 1.0 - (high - directed) / (high - low)
    beyond = (scores > 1.0) & rule.capped
    return np.where(beyond, 1.0, scores), beyond


def _domain_faults(values: np.ndarray, element: Element) -> Iterator[Fault]:
    wrong = int((values <= _DOMAINS[element.transform]).sum())
    if wrong:
        yield _fault(
            element.code,
            f"{wrong} values have no {element.transform} (lowest {np.nanmin(values):g})",
            "use goalposts that hold values (capped), or the transform linear",
        )


def _scale_faults(
    ends: tuple[float, float], element: Element, rule: Normalise, label: str
) -> Iterator[Fault]:
    low, high = ends
    where = f"{element.code}, times {label}"
    if rule.method in RANKINGS:
        return
    if np.isnan(low):
        yield _fault(where, "no value is present", "screen the indicator, or take a wider reference")
    elif np.isnan(high):
        yield _fault(where, f"reference unit {rule.reference_unit!r} has no value", "name another unit")
    elif rule.method == "zscore" and high == 0:
        yield _fault(
            where, "all values are equal, or there is one", "leave the indicator out, or pool the times"
        )
    elif rule.method != "zscore" and low == high:
        yield _fault(where, "all values are equal", "leave the indicator out, or use goalposts")
    elif rule.method != "zscore" and low > high:
        yield _fault(where, "every value is on the near side of the target", "correct target or direction")


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=f"normalise, {where}", what=what, why="scores have no scale then", remedy=remedy)


def _table_row(
    element: Element, rule: Normalise, *, scope: str, times: str, ends: tuple[float, float], n: int
) -> dict[str, object]:
    low, high = ends
    if rule.method == "zscore":
        return _named_row(
            element, rule, scope=scope, times=times, low=element.direction * low, high=high, n=n
        )
    inverse: dict[Transform, Callable[[float], float]] = {"linear": float, "log": np.exp, "log1p": np.expm1}
    back = inverse[element.transform]
    low, high = float(back(element.direction * low)), float(back(element.direction * high))
    return _named_row(element, rule, scope=scope, times=times, low=low, high=high, n=n)


def _named_row(
    element: Element, rule: Normalise, *, scope: str, times: str, low: float, high: float, n: int
) -> dict[str, object]:
    return {
        "code": element.code,
        "method": rule.method,
        "direction": element.direction,
        "scope": scope,
        "times": times,
        "low": low,
        "high": high,
        "n": n,
    }
