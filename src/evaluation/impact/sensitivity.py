"""How large violations of parallel trends must be before a conclusion falls.

Belongs here: sensitivity of an event study by any estimator, with its full covariance and a universal base.
Does not belong here: the sets of violations (`evaluation.impact.restrictions`) and the two kinds of interval
(`evaluation.impact.conditional_test`, `evaluation.impact.fixed_length`).

References
----------
Rambachan and Roth (2023), A more credible approach to parallel trends, Review of Economic Studies 90(5),
doi:10.1093/restud/rdad018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.conditional_test import ConditionalTest, Hybrid, Target, conditional_test
from evaluation.impact.event_study import EventStudy, event_study_of
from evaluation.impact.fixed_length import fixed_length_interval, folded_normal_quantile
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.restrictions import BiasSign, Restriction, violations

Floats = NDArray[np.float64]
Method = Literal["fixed_length", "hybrid", "conditional"]
Effect = Literal["average", "first", "last"]

DEFAULT_BOUNDS: dict[Restriction, tuple[float, ...]] = {
    "smoothness": (0.0, 0.25, 0.5, 1.0),
    "relative_magnitudes": (0.0, 0.5, 1.0, 1.5, 2.0),
}
"""Bounds when none are given: ratios, or multiples of the effect's standard error (smoothness)."""

CRITICAL_DRAWS = 10_000
"""Draws behind the least favourable critical value; R's HonestDiD takes 1,000."""

GRID_POINTS = 1_000
"""Effects that are tested before the ends of the interval are refined."""

REACH = 20.0
"""Statistic above its least, in standard errors, up to which a conditional interval is searched at first."""

WIDENINGS = 20
"""Doublings of that before an interval is called unbounded."""

HALVINGS = 30
"""Halvings of a grid step when an end is refined: to 1e-9 of it."""

SMALLEST_RATIO, LARGEST_RATIO, RATIOS = 0.1, 100.0, 31
"""Bounds among which a breakdown value is searched: ratios, or multiples of the effect's standard error."""

BREAKDOWN_TOLERANCE = 1e-6
"""Relative width at which the search for a breakdown value stops."""


@dataclass(frozen=True)
class HonestResult(Tabular):
    """Intervals for an effect under growing violations of parallel trends.

    Parameters
    ----------
    study
        The event study.
    restriction, method, bias_sign
        What was allowed, and the kind of interval.
    weights
        Of the event times after the base in the effect, (n_post,).
    level
        Coverage.
    table
        See `tidy`.
    breakdown
        Smallest bound at which zero is compatible; 0 when it is under the tightest restriction, infinite when
        no bound up to `LARGEST_RATIO` brings zero in.
    """

    study: EventStudy
    restriction: Restriction
    method: Method
    bias_sign: BiasSign
    weights: Floats
    level: float
    table: pd.DataFrame
    breakdown: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per bound, the first as if trends were parallel.

        Returns
        -------
        DataFrame
            restriction ("parallel_trends" in the first row), method ("normal" there), bias_sign, bound (missing
            there), estimate (of the effect, or of the affine estimator of a fixed-length interval), conf_low,
            conf_high (missing when the years before the base contradict the restriction), excludes_zero,
            breakdown (the same in all rows).
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: restriction, method, level, estimate, std_error, breakdown, n_pre, n_post."""
        target = _target(self.study, self.weights)
        row = {
            "restriction": self.restriction,
            "method": self.method,
            "level": self.level,
            "estimate": target.effect,
            "std_error": target.std_error,
            "breakdown": self.breakdown,
            "n_pre": len(self.study.event_time) - target.timeline.n_post,
            "n_post": target.timeline.n_post,
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Sensitivity to violations of parallel trends", unit: str = "") -> Chart:
        """Draw the intervals by bound.

        Parameters
        ----------
        title, unit
            Words of the chart.
        """
        labels = ["parallel trends", *(f"{bound:g}" for bound in self.table["bound"].iloc[1:])]
        return interval_forest(self.table.assign(label=labels), title=title, unit=unit)


def honest(
    study: EventStudy | AggregateResult,
    *,
    restriction: Restriction = "relative_magnitudes",
    bounds: Sequence[float] | None = None,
    method: Method | None = None,
    effect: Effect | Sequence[float] = "average",
    bias_sign: BiasSign = "any",
    level: float = CONFIDENCE,
    draws: int = CRITICAL_DRAWS,
    seed: int = DEFAULT_SEED,
) -> HonestResult:
    """Return intervals for an effect that hold although trends differed within bounds.

    Parameters
    ----------
    study
        An event study with full covariance and one base, or a dynamic average with a universal base.
    restriction
        ``"relative_magnitudes"``: after the base the difference in trends moves in a year by at most `bound`
        times its largest yearly move before. ``"smoothness"``: its slope changes by at most `bound` a year.
    bounds
        Zero or more, in units of the outcome for smoothness. `DEFAULT_BOUNDS` when None.
    method
        ``"fixed_length"`` (shortest affine interval; only smoothness without a sign, the default there),
        ``"hybrid"`` (conditional test with a least favourable first stage, the default otherwise) or
        ``"conditional"``.
    effect
        ``"average"`` of the event times from 0 on, the ``"first"``, the ``"last"``, or a weight for each time
        after the base.
    bias_sign
        ``"positive"`` or ``"negative"``: the sign of the difference in trends after the base, where known.
    level
        Coverage, between 0 and 1.
    draws, seed
        Of the critical value of the hybrid's first stage.

    Raises
    ------
    UsageError
        For options that do not exist or do not go together, all at once; or when the study has no estimate
        before or after its base.
    """
    events = event_study_of(study)
    chosen = method or _default_method(restriction, bias_sign)
    _check_options(restriction, chosen, bias_sign, bounds, level, draws)
    target = _target(events, _effect_weights(events, effect))
    question = _Question(target, restriction, chosen, bias_sign, level, _normal_draws(target, draws, seed))
    scale = target.std_error if restriction == "smoothness" else 1.0
    asked = DEFAULT_BOUNDS[restriction] if bounds is None else sorted(float(bound) for bound in bounds)
    values = [scale * bound for bound in asked] if bounds is None else asked
    breakdown = _breakdown(question, scale)
    rows = [_parallel_row(question), *(_bound_row(question, bound) for bound in values)]
    table = pd.DataFrame(rows).assign(breakdown=breakdown)
    return HonestResult(events, restriction, chosen, bias_sign, target.weights, level, table, breakdown)


@dataclass(frozen=True)
class _Question:
    """One effect under one kind of violation, for any bound."""

    target: Target
    restriction: Restriction
    method: Method
    bias_sign: BiasSign
    level: float
    normal_draws: Floats

    def tests(self, bound: float) -> list[ConditionalTest]:
        sets = violations(
            self.target.timeline, restriction=self.restriction, bound=bound, bias_sign=self.bias_sign
        )
        hybrid: Hybrid = "least_favorable" if self.method == "hybrid" else "none"
        return [
            conditional_test(
                self.target, one, level=self.level, hybrid=hybrid, normal_draws=self.normal_draws
            )
            for one in sets
        ]

    def interval(self, bound: float) -> tuple[float, float, float]:
        """Estimate and ends of the interval."""
        if self.method == "fixed_length":
            found = fixed_length_interval(self.target, bound=bound, level=self.level)
            return found.estimate, found.estimate - found.half_length, found.estimate + found.half_length
        ends = np.array([_accepted_range(test) for test in self.tests(bound)])
        if np.isnan(ends).all():
            return self.target.effect, np.nan, np.nan
        return self.target.effect, float(np.nanmin(ends[:, 0])), float(np.nanmax(ends[:, 1]))

    def excludes_zero(self, bound: float) -> bool:
        if self.method == "fixed_length":
            _, low, high = self.interval(bound)
            return low > 0 or high < 0
        return not any(test.accepts(np.zeros(1))[0] for test in self.tests(bound))


def _default_method(restriction: Restriction, bias_sign: BiasSign) -> Method:
    return "fixed_length" if restriction == "smoothness" and bias_sign == "any" else "hybrid"


def _check_options(
    restriction: Restriction,
    method: Method,
    bias_sign: BiasSign,
    bounds: Sequence[float] | None,
    level: float,
    draws: int,
) -> None:
    options = (
        ("restriction", restriction, get_args(Restriction)),
        ("method", method, get_args(Method)),
        ("bias_sign", bias_sign, get_args(BiasSign)),
    )
    problems = [
        f"{name} must be one of {', '.join(allowed)}; got: {value!r}"
        for name, value, allowed in options
        if value not in allowed
    ]
    if method == "fixed_length" and (restriction, bias_sign) != ("smoothness", "any"):
        problems.append("fixed_length goes with smoothness and without a sign: elsewhere it is far too long")
    if bounds is not None and (len(bounds) == 0 or not all(0 <= bound < np.inf for bound in bounds)):
        problems.append(f"bounds must be finite numbers of zero or more; got: {list(bounds)!r}")
    if not 0 < level < 1:
        problems.append(f"level must lie between 0 and 1; got: {level!r}")
    if draws < 1:
        problems.append(f"draws must be 1 or more; got: {draws!r}")
    if problems:
        raise UsageError("; ".join(problems) + ".")


def _effect_weights(study: EventStudy, effect: Effect | Sequence[float]) -> Floats:
    after = study.event_time[study.event_time > study.base]
    if not isinstance(effect, str):
        weights = np.asarray(effect, dtype=float)
        if weights.shape != after.shape or not np.isfinite(weights).all() or not weights.any():
            raise UsageError(f"effect needs one finite weight for each of the times {after.tolist()}.")
        return weights
    if effect not in get_args(Effect):
        raise UsageError(f"effect must be one of {', '.join(get_args(Effect))}, or weights; got: {effect!r}")
    counted = after >= 0
    if not counted.any():
        raise UsageError("The event study has no estimate from event time 0 on.")
    chosen = {"average": counted, "first": after == after[counted][0], "last": after == after[-1]}[effect]
    return chosen / chosen.sum()


def _target(study: EventStudy, weights: Floats) -> Target:
    return Target(estimate=study.estimate, vcov=study.vcov, timeline=study.timeline, weights=weights)


def _normal_draws(target: Target, draws: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((draws, len(target.estimate)))


def _accepted_range(test: ConditionalTest) -> tuple[float, float]:
    """Lowest and highest effect that a test accepts; missing when none, infinite when there is no end."""
    limit = test.first_stage if np.isfinite(test.first_stage) else max(test.least, 0.0) + REACH
    for _ in range(WIDENINGS):
        low, high = test.range_below(limit)
        if low > high:
            return np.nan, np.nan
        grid = np.linspace(low, high, GRID_POINTS)
        accepted = test.accepts(grid)
        if np.isfinite(test.first_stage) or not (accepted[0] or accepted[-1]):
            return _refined(test, grid, accepted)
        # Without a first stage nothing bounds the interval: look further.
        limit *= 2
    places = np.flatnonzero(accepted)
    return (
        -np.inf if accepted[0] else float(grid[places[0]]),
        np.inf if accepted[-1] else float(grid[places[-1]]),
    )


def _refined(test: ConditionalTest, grid: Floats, accepted: NDArray[np.bool_]) -> tuple[float, float]:
    """Refine the ends between the outermost accepted points of a grid and their neighbours."""
    places = np.flatnonzero(accepted)
    if not len(places):
        return np.nan, np.nan
    inner = grid[[places[0], places[-1]]]
    outer = grid[[max(places[0] - 1, 0), min(places[-1] + 1, len(grid) - 1)]]
    for _ in range(HALVINGS):
        middle = (inner + outer) / 2
        inside = test.accepts(middle)
        inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
    return float(inner[0]), float(inner[1])


def _breakdown(question: _Question, scale: float) -> float:
    """Smallest bound at which zero is compatible: the first on a growing list, then by halving.

    Intervals need not grow with the bound where the years before the base contradict a small one.
    """
    if not question.excludes_zero(0.0):
        return 0.0
    low = 0.0
    for high in scale * np.geomspace(SMALLEST_RATIO, LARGEST_RATIO, RATIOS):
        if not question.excludes_zero(high):
            break
        low = high
    else:
        return np.inf
    while high - low > BREAKDOWN_TOLERANCE * high:
        middle = (low + high) / 2
        low, high = (middle, high) if question.excludes_zero(middle) else (low, middle)
    return float(low)


def _parallel_row(question: _Question) -> dict[str, object]:
    target = question.target
    half = target.std_error * folded_normal_quantile(0.0, level=question.level)
    row = {"restriction": "parallel_trends", "method": "normal", "bias_sign": "", "bound": np.nan}
    return {**row, **_ends(target.effect, target.effect - half, target.effect + half)}


def _bound_row(question: _Question, bound: float) -> dict[str, object]:
    row = {
        "restriction": question.restriction,
        "method": question.method,
        "bias_sign": question.bias_sign,
        "bound": bound,
    }
    return {**row, **_ends(*question.interval(bound))}


def _ends(estimate: float, low: float, high: float) -> dict[str, object]:
    excludes_zero = bool(low > 0 or high < 0)
    return {"estimate": estimate, "conf_low": low, "conf_high": high, "excludes_zero": excludes_zero}
