"""Which options fit each other: steps with elements, steps with steps, aggregations with scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from evaluation.errors import Fault
from evaluation.index.checks import IGNORED, NOT_USED
from evaluation.index.records import fault, unknown
from evaluation.index.steps import Impute, Normalise, Screen, Treat, Weight

if TYPE_CHECKING:
    from evaluation.index.spec import Element, IndexSpec, Level

POSITIVE_MEANS = ("geometric", "harmonic")
BY_SERIES = ("last", "linear")
BY_GROUP = ("group_mean", "group_median")
BY_PROFILE = ("row_mean", "row_median", "em")
RANKINGS = ("rank", "percentile_rank")
TRANSFORMS = ("log", "box_cox")
LARGEST_POWER = 100
"""Largest exponent of a power mean in size: scores of 1,000 to it are still numbers."""


def combination_faults(spec: IndexSpec, *, sound: bool) -> Iterator[Fault]:
    """Yield every impossible combination; those that need the tree only where it is sound."""
    yield from _level_faults(spec)
    if spec.denominate is not None and not any(element.denominator for element in spec.elements):
        yield fault(
            "denominate", "no element has a denominator", "name them, or remove the step", why=IGNORED
        )
    if spec.screen is not None:
        yield from _screen_faults(spec.screen)
    if spec.weight is not None:
        yield from _weight_faults(spec.weight, spec)
    for name in ("denominate", "impute", "treat", "normalise"):
        yield from _override_faults(name, getattr(spec, name), spec)
    if spec.impute is not None:
        for where, rule in _rules("impute", spec.impute):
            yield from _impute_faults(where, rule, spec)
    if spec.treat is not None:
        for where, rule in _rules("treat", spec.treat):
            yield from _treat_faults(where, rule)
    if spec.normalise is not None:
        for where, rule in _rules("normalise", spec.normalise):
            yield from _normalise_faults(where, rule)
    if sound:
        for element in spec.indicators:
            yield from _indicator_faults(element, spec)
        yield from _positive_faults(spec)


def _level_faults(spec: IndexSpec) -> Iterator[Fault]:
    for level in spec.levels:
        where, minimum = f"level {level.name}", level.minimum
        if not 0 <= minimum.share <= 1:
            yield fault(where, f"minimum share {minimum.share:g} is not a share", "write 0 to 1")
        if minimum.count < 0:
            yield fault(where, f"minimum count {minimum.count} is below zero", "write 0 or more")
        if level.aggregation == "copeland" and (minimum.share > 0 or minimum.count > 1):
            why = "a unit left out after the contests would still stand in the counts of all others"
            yield fault(where, "copeland cannot have a minimum", "screen the units instead", why=why)
        if level.aggregation == "power" and level.power == 0:
            yield fault(where, "the power mean with exponent 0 is the geometric mean", "write geometric")
        if abs(level.power) > LARGEST_POWER:
            what = f"power {level.power:g} would leave the range of numbers"
            yield fault(where, what, f"write one from -{LARGEST_POWER} to {LARGEST_POWER}")
        if level.aggregation != "power" and level.power != 1:
            yield fault(where, f"power {level.power:g} without the power mean", "remove it", why=IGNORED)


def _screen_faults(screen: Screen) -> Iterator[Fault]:
    shares = (screen.min_availability, screen.min_nonzero, screen.indicator_min_availability)
    if not all(0 <= share <= 1 for share in shares):
        yield fault("screen", f"least shares must lie between 0 and 1; got: {shares}", "write 0 to 1")
    if not any(shares):
        yield fault("screen", "every least share is 0", "ask for a share, or remove the step", why=IGNORED)
    if screen.by == "missing" and screen.min_nonzero:
        yield fault("screen", "min_nonzero is given, but by is 'missing'", "write by: both", why=IGNORED)
    if screen.by == "zeros" and screen.min_availability:
        yield fault("screen", "min_availability is given, but by is 'zeros'", "write by: both", why=IGNORED)


def _weight_faults(weight: Weight, spec: IndexSpec) -> Iterator[Fault]:
    names = spec.level_names[:-1]
    for name in weight.levels:
        if name not in names:
            yield unknown("weight, levels", "level", name, names)
    if weight.components is not None and weight.components < 1:
        yield fault("weight", f"components must be 1 or more; got: {weight.components}", "write 1 or more")
    if weight.scope == "per_time":
        why = "scores of different times would not be comparable"
        yield fault("weight", "weights cannot differ from time to time", "use pooled or reference", why=why)
    yield from _scope_faults("weight", weight)


def _override_faults(name: str, step: Any, spec: IndexSpec) -> Iterator[Fault]:
    if step is None:
        return
    for code, rule in step.overrides.items():
        if code not in spec.by_code:
            yield unknown(f"{name}, overrides", "element", code, spec.by_code)
        if rule.overrides:
            yield fault(f"{name}, override {code}", "an override has overrides", "write them side by side")


def _rules(name: str, step: Any) -> Iterator[tuple[str, Any]]:
    yield name, step
    yield from ((f"{name}, override {code}", rule) for code, rule in step.overrides.items())


def _scope_faults(where: str, rule: Any) -> Iterator[Fault]:
    if rule.scope == "reference" and not rule.reference:
        yield fault(where, "the scope is reference, but no time is named", "list the times in reference")
    if rule.scope != "reference" and rule.reference:
        what = f"reference is given, but the scope is {rule.scope!r}"
        yield fault(where, what, "write scope: reference", why=IGNORED)


def _impute_faults(where: str, rule: Impute, spec: IndexSpec) -> Iterator[Fault]:
    yield from _scope_faults(where, rule)
    if (rule.method in BY_GROUP) != (rule.group is not None):
        what = f"{rule.method} {'needs a' if rule.group is None else 'has no'} group"
        yield fault(where, what, "name the column in group, with group_mean or group_median")
    if rule.within is not None and rule.method not in BY_PROFILE:
        yield fault(where, f"{rule.method} has no within", "remove it", why=IGNORED)
    if rule.within is not None and rule.within not in spec.level_names[1:]:
        yield unknown(where, "level", rule.within, spec.level_names[1:])
    if rule.limit is not None and (rule.method not in BY_SERIES or rule.limit < 1):
        yield fault(where, f"limit {rule.limit} with {rule.method}", "use 1 or more with last or linear")
    if rule.use_later and rule.method != "linear":
        yield fault(where, f"{rule.method} has no later values", "remove use_later", why=IGNORED)


def _treat_faults(where: str, rule: Treat) -> Iterator[Fault]:
    yield from _scope_faults(where, rule)
    if (rule.method == "bounds") != (rule.bounds is not None):
        yield fault(where, "bounds and the method bounds go together", "give both, or neither")
    if rule.bounds is not None:
        low, high = rule.bounds
        if low is not None and high is not None and low >= high:
            yield fault(where, f"bounds must rise; got: {low:g}, {high:g}", "write low before high")
    if (rule.method == "custom") != (rule.function is not None):
        yield fault(where, "a function and the method custom go together", "give both, or neither")
    if rule.skewness < 0:
        yield fault(where, f"skewness {rule.skewness:g} is below zero", "write the absolute value")
    if rule.max_points is not None and rule.max_points < 1:
        yield fault(where, f"max_points must be 1 or more; got: {rule.max_points}", "use method none")


def _normalise_faults(where: str, rule: Normalise) -> Iterator[Fault]:
    yield from _scope_faults(where, rule)
    for name, (low, high) in (("score_range", rule.score_range), ("scale", rule.scale)):
        if not low < high:
            yield fault(where, f"{name} must rise; got: {low:g}, {high:g}", "write low before high")
    if rule.spread <= 0:
        yield fault(where, f"spread must be above zero; got: {rule.spread:g}", "write the standard deviation")
    if (rule.method == "distance_to_reference") != (rule.reference_unit is not None):
        yield fault(where, "a reference_unit and distance_to_reference go together", "give both, or neither")
    if rule.method in RANKINGS and rule.scope == "reference":
        yield fault(where, f"a {rule.method} has no reference times", "use pooled or per_time")


def _indicator_faults(element: Element, spec: IndexSpec) -> Iterator[Fault]:
    code = element.code
    if element.denominator is not None and spec.denominate is None:
        yield fault(code, "it has a denominator", "add the step denominate", why=NOT_USED)
    if spec.denominate is not None and spec.rule(spec.denominate, code).scale == 0:
        yield fault(f"denominate, {code}", "scale is zero", "write the factor on the ratio")
    if spec.normalise is None:
        if element.direction == -1 or element.goalposts is not None or element.transform != "linear":
            what = "it has a direction of -1, goalposts or a transform"
            yield fault(code, what, "add the step normalise", why=NOT_USED)
        return
    rule = spec.rule(spec.normalise, code)
    if rule.method == "goalposts" and element.goalposts is None:
        yield fault(code, "goalposts are absent", "give low and high, or another method")
    if rule.method in ("none", "scaled") and element.transform != "linear":
        what = f"it has the transform {element.transform}, and {rule.method} takes values as they are"
        yield fault(code, what, "remove the transform, or normalise otherwise", why=IGNORED)
    if rule.method == "distance_to_target" and element.target is None:
        yield fault(code, "the target is absent", "give one, or another method")
    yield from _unit_faults(element, rule, spec)


def _unit_faults(element: Element, rule: Normalise, spec: IndexSpec) -> Iterator[Fault]:
    """Yield a fault where fixed bounds meet values that a treatment may have put on another scale."""
    if spec.treat is None or rule.method not in ("goalposts", "distance_to_target", "scaled"):
        return
    treat = spec.rule(spec.treat, element.code)
    changes = treat.method in TRANSFORMS or (treat.method == "winsorise" and treat.fallback in TRANSFORMS)
    if changes:
        what = f"it may be transformed by the treatment, and {rule.method} is in its own unit"
        remedy = "write fallback: none, or give the element a transform instead"
        yield fault(element.code, what, remedy)


def _positive_faults(spec: IndexSpec) -> Iterator[Fault]:
    """Yield a fault for each mean of positive numbers that may meet others."""
    lowest = min((_lowest_score(element, spec) for element in spec.indicators), default=0.0)
    for level in spec.levels:
        strict = level.aggregation in POSITIVE_MEANS or (level.aggregation == "power" and level.power < 0)
        wrong = lowest <= 0 if strict else level.aggregation == "power" and lowest < 0
        if wrong and level.non_positive == "ruled_out":
            remedy = "start the score range above zero, or say non_positive: checked if the data have none"
            needed = "above zero, and these may be zero or less" if strict else "of zero or more"
            what = f"a {level.aggregation} mean needs scores {needed}"
            why = "it has no value there, and clipping would invent a score"
            yield fault(f"level {level.name}", what, remedy, why=NOT_USED if spec.normalise is None else why)
        lowest = _lowest_aggregate(level, lowest)


def _lowest_aggregate(level: Level, lowest: float) -> float:
    return -float("inf") if level.aggregation == "copeland" else lowest


def _lowest_score(element: Element, spec: IndexSpec) -> float:
    if spec.normalise is None:
        return -float("inf")
    rule = spec.rule(spec.normalise, element.code)
    if rule.method == "goalposts" and rule.capped:
        return rule.score_range[0]
    if rule.method == "minmax" and rule.scope != "reference":
        return rule.score_range[0]
    return {"rank": 1.0, "percentile_rank": 0.0}.get(rule.method, -float("inf"))
