"""What moved a score: the change of an aggregate split into parts by indicator that add up to it.

Belongs here: decomposing a change between two times, or two specifications of one hierarchy. Does not belong here:
changes of method, which are taken one at a time (`compare`).

Notes
-----
A weighted mean of any kind but Copeland's is linear after a transformation f: f(M) = sum(w f(s)), with f(s) = s for the
arithmetic, ln s for the geometric, 1/s for the harmonic and s^p for the power mean. Between two situations 0 and 1

    M1 - M0 = sum_i c_i (s_i1 - s_i0) + sum_i r_i,   with v_i = (w_i0 + w_i1) / 2,
    c_i = v_i D(s_i) / D(M),   D(x) = (f(x1) - f(x0)) / (x1 - x0), or f'(x) where nothing changed,
    r_i = (w_i1 - w_i0) ((f(s_i0) + f(s_i1)) / 2 - m) / D(M),   m = (f(M0) + f(M1)) / 2,

exactly: for the geometric mean 1 / D(x) is the logarithmic mean, and c_i the weight of the logarithmic mean Divisia
index, which leaves no residual, gives the opposite answer backwards in time, and may be aggregated in any order (Ang
2004, Energy Policy 32(9), 1131-1139, doi:10.1016/S0301-4215(03)00076-4). Through a hierarchy the factors c multiply
along the path. A child that is there only once has weight zero at the other time, and its own f stands for both; its
part is all r.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.index.effective_weights import top_of, used_weights
from evaluation.index.result import IndexResult
from evaluation.index.scopes import units_of
from evaluation.index.spec import IndexSpec, Level

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]
Part = Literal["value", "composition"]
COLUMNS = ("unit", "level", "code", "part", "score_before", "score_after", "contribution")


@dataclass(frozen=True)
class Contributions:
    """The change of one aggregate, split by element.

    Parameters
    ----------
    of
        The aggregate.
    spec
        Its hierarchy.
    totals
        One row a unit: unit, score_before, score_after, change; missing where the aggregate is missing at one time.
    table
        One row for each part: unit, level, code, part, score_before, score_after, contribution (in points of the
        aggregate). part is ``value``: the indicator's score moved; or ``composition``: the weight of the element within
        its parent moved, because it or a sibling came or went, or was given another weight. Only units with a change
        and parts that are not zero.
    """

    of: str
    spec: IndexSpec
    totals: pd.DataFrame
    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the parts; those of a unit add up to its change."""
        return self.table

    def by_level(self, level: str) -> pd.DataFrame:
        """Return the parts summed up to the elements of a level: unit, code, contribution.

        What happened above the level stands under the element it happened to.
        """
        if level not in self.spec.level_names:
            raise UsageError(f"level must be one of {', '.join(self.spec.level_names)}; got: {level!r}")
        above = {
            code: next(
                (one for one in self.spec.lineage(code) if self.spec.by_code[one].level == level), code
            )
            for code in self.spec.by_code
        }
        parts = self.table.assign(code=self.table["code"].map(above))
        return parts.groupby(["unit", "code"], sort=False, as_index=False)["contribution"].sum()


def contributions(
    before: IndexResult,
    after: IndexResult,
    *,
    of: str | None = None,
    time_before: Hashable | None = None,
    time_after: Hashable | None = None,
) -> Contributions:
    """Split the change of an aggregate between two results into parts by indicator.

    Parameters
    ----------
    before, after
        Results with the same hierarchy and means; weights may differ. Give a panel twice to compare two of its times.
    of
        The aggregate; by default the top.
    time_before, time_after
        Times of a panel.

    Raises
    ------
    UsageError
        When the aggregate or a time does not exist, or a panel is given without one.
    BadInputError
        When the hierarchies or means differ, or a mean has no decomposition (Copeland's).

    Notes
    -----
    Where scores depend on the other units (min-max per year, ranks), so do the parts.
    """
    return decompose(
        _at(before.scores, time_before, name="time_before"),
        _at(after.scores, time_after, name="time_after"),
        spec=before.spec,
        spec_after=after.spec,
        weights=used_weights(before),
        weights_after=used_weights(after),
        of=of,
    )


def decompose(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    spec: IndexSpec,
    spec_after: IndexSpec | None = None,
    weights: Mapping[str, float] | None = None,
    weights_after: Mapping[str, float] | None = None,
    of: str | None = None,
) -> Contributions:
    """Split the change of an aggregate between two tables of scores.

    Parameters
    ----------
    before, after
        (n_units, n_elements), scores of all levels, index units; units in one table only are left out.
    spec, spec_after
        The hierarchies, equal but for weights and names; `spec_after` is `spec` by default.
    weights, weights_after
        Weights within parents by code; those of the specifications by default.
    of
        The aggregate; by default the top.
    """
    later = spec_after or spec
    top = of or top_of(spec)
    if top not in spec.by_code or spec.by_code[top].level == spec.indicator_level:
        raise UsageError(f"of must be an aggregate of the specification; got: {top!r}")
    raise_if_any(_hierarchy_faults(spec, later, top))
    units = before.index.intersection(after.index, sort=False)
    scores = (before.loc[units], after.loc[units])
    given = (_weights(spec, weights), _weights(later, weights_after))
    parts = _Parts(spec=spec, scores=scores, weights=given)
    parts.walk(top, np.ones(len(units)))
    return Contributions(of=top, spec=spec, totals=_totals(scores, top), table=parts.collected(units, top))


class _Parts:
    """The walk down a hierarchy, collecting parts of the change at its top."""

    def __init__(
        self,
        *,
        spec: IndexSpec,
        scores: tuple[pd.DataFrame, pd.DataFrame],
        weights: tuple[dict[str, float], dict[str, float]],
    ) -> None:
        self.spec = spec
        self.scores = scores
        self.weights = weights
        self.found: list[tuple[str, Part, Floats]] = []

    def walk(self, code: str, factor: Floats) -> None:
        """Collect the parts below an element, whose change counts `factor` times at the top."""
        children = [child.code for child in self.spec.children(code)]
        if not children:
            self.found.append((code, "value", factor * (self._score(1, code) - self._score(0, code))))
            return
        level = next(one for one in self.spec.levels if one.name == self.spec.by_code[code].level)
        first, second = (np.column_stack([self._score(time, child) for child in children]) for time in (0, 1))
        before, after = (np.array([given[child] for child in children]) for given in self.weights)
        factors, composition = node_parts(
            (first, second),
            (self._score(0, code), self._score(1, code)),
            weights=(before, after),
            level=level,
        )
        for position, child in enumerate(children):
            self.found.append((child, "composition", factor * composition[:, position]))
            self.walk(child, np.where(factors[:, position] == 0, 0.0, factor * factors[:, position]))

    def collected(self, units: pd.Index, top: str) -> pd.DataFrame:
        """Return the parts that are not zero, of units that have the top at both times."""
        whole = ~np.isnan(self._score(0, top) + self._score(1, top))
        frames = [self._frame(units, code, part, values, whole) for code, part, values in self.found]
        table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)
        order = {unit: position for position, unit in enumerate(units)}
        return table.sort_values(
            "unit", key=lambda column: column.map(order), kind="stable", ignore_index=True
        )

    def _frame(
        self, units: pd.Index, code: str, part: Part, values: Floats, whole: NDArray[np.bool_]
    ) -> pd.DataFrame:
        rows = np.flatnonzero(whole & (np.nan_to_num(values) != 0))
        return pd.DataFrame(
            {
                "unit": units[rows],
                "level": self.spec.by_code[code].level,
                "code": code,
                "part": part,
                "score_before": self._score(0, code)[rows],
                "score_after": self._score(1, code)[rows],
                "contribution": values[rows],
            },
            columns=list(COLUMNS),
        )

    def _score(self, time: int, code: str) -> Floats:
        return self.scores[time][code].to_numpy(dtype=float)


def node_parts(scores: Pair, means: Pair, *, weights: Pair, level: Level) -> tuple[Floats, Floats]:
    """Return, for one weighted mean, the factor of each child's change and the part of its change of weight.

    Parameters
    ----------
    scores
        Before and after, (n, k) each: scores of the children, NaN where missing.
    means
        Before and after, (n,) each: the mean.
    weights
        Before and after, (k,) each; those of missing children are shared out among the others.
    level
        The kind of mean.

    Returns
    -------
    factors, composition
        (n, k); the change of the mean is the sum of factors times changes, plus the sum of composition. Zero for a child
        that is missing at one time (factors) or at both.
    """
    shares = [_shares(given, weight) for given, weight in zip(scores, weights, strict=True)]
    there = [~np.isnan(given) for given in scores]
    # A child that is there once keeps its own score at the other time, where its weight is zero.
    first, second = np.where(there[0], *scores), np.where(there[1], *reversed(scores))
    steepness = _steepness(*means, level)[:, None]
    factors = (shares[0] + shares[1]) / 2 * _steepness(first, second, level) / steepness
    middle = (_transformed(first, level) + _transformed(second, level)) / 2
    mean = (_transformed(means[0], level) + _transformed(means[1], level))[:, None] / 2
    composition = (shares[1] - shares[0]) * (middle - mean) / steepness
    return np.where(there[0] & there[1], factors, 0.0), np.where(there[0] | there[1], composition, 0.0)


def _transformed(scores: Floats, level: Level) -> Floats:
    if level.aggregation == "arithmetic":
        return scores
    if level.aggregation == "geometric":
        return np.log(scores)
    return scores ** _exponent(level)


def _steepness(first: Floats, second: Floats, level: Level) -> Floats:
    """Return the slope of the transformation between two scores, without cancellation where they are close."""
    if level.aggregation == "arithmetic":
        return np.ones_like(first)
    if level.aggregation not in ("geometric", "harmonic"):
        # A power mean takes scores of zero, where a ratio has no value; the steepness is the same both ways.
        first, second = np.fmax(first, second), np.fmin(first, second)
    ratio = np.divide(second - first, first, out=np.zeros_like(first), where=first != 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(ratio == 0, 1.0, np.log1p(ratio) / ratio)
        if level.aggregation == "geometric":
            return logarithm / first
        exponent = _exponent(level)
        growth = np.where(ratio == 0, exponent, np.expm1(exponent * np.log1p(ratio)) / ratio)
    return np.asarray(growth * first ** (exponent - 1))


def _exponent(level: Level) -> float:
    return -1.0 if level.aggregation == "harmonic" else level.power


def _shares(scores: Floats, weights: Floats) -> Floats:
    present = ~np.isnan(scores) * weights
    total = present.sum(axis=1, keepdims=True)
    return np.divide(present, total, out=np.zeros_like(present), where=total > 0)


def _weights(spec: IndexSpec, given: Mapping[str, float] | None) -> dict[str, float]:
    return {element.code: element.weight for element in spec.elements} | dict(given or {})


def _totals(scores: tuple[pd.DataFrame, pd.DataFrame], top: str) -> pd.DataFrame:
    first, second = (frame[top].to_numpy(dtype=float) for frame in scores)
    return pd.DataFrame(
        {"unit": scores[0].index, "score_before": first, "score_after": second, "change": second - first}
    )


def _at(scores: pd.DataFrame, time: Hashable | None, *, name: str) -> pd.DataFrame:
    if scores.index.nlevels == 1:
        if time is not None:
            raise UsageError(f"{name} is for panels, and the scores have no times; got: {time!r}")
        return scores
    times = scores.index.get_level_values(1)
    if time not in set(times):
        raise UsageError(f"{name} must be one of {', '.join(map(str, pd.unique(times)))}; got: {time!r}")
    chosen = scores[times == time]
    return chosen.set_axis(pd.Index(units_of(chosen.index), name=scores.index.names[0]))


def _hierarchy_faults(before: IndexSpec, after: IndexSpec, top: str) -> list[Fault]:
    faults = [
        _fault(f"level {level.name}", "Copeland's rule has no decomposition", "decompose the levels below it")
        for level in before.levels
        if level.aggregation == "copeland" and _reaches(before, top, level.name)
    ]
    if [(one.code, one.parent, one.level) for one in before.elements] != [
        (one.code, one.parent, one.level) for one in after.elements
    ]:
        faults.append(
            _fault("elements", "the hierarchies differ", "compare the two specifications step by step")
        )
    means = [[(one.name, one.aggregation, one.power) for one in spec.levels] for spec in (before, after)]
    if means[0] != means[1]:
        faults.append(_fault("levels", "the means differ", "compare the two specifications step by step"))
    return faults


def _reaches(spec: IndexSpec, top: str, level: str) -> bool:
    return spec.level_names.index(level) <= spec.level_names.index(spec.by_code[top].level)


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why="the parts would not add up to the change", remedy=remedy)
