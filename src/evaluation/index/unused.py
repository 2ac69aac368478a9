"""Fields that a step's method does not use: refused where somebody wrote them, for they would change nothing.

Belongs here: what a file says. A record made in Python may hold such fields, so that its method can be varied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evaluation.errors import Fault
from evaluation.index.records import OVERRIDES, fault

ROWS = ("scope", "reference")
SHAPE = ("skewness", "kurtosis")
USED: dict[str, dict[str, tuple[str, ...]]] = {
    "impute": {
        "none": (),
        **dict.fromkeys(("mean", "median"), ROWS),
        **dict.fromkeys(("group_mean", "group_median"), ("group", *ROWS)),
        **dict.fromkeys(("row_mean", "row_median", "em"), ("within", *ROWS)),
        "last": ("limit",),
        "linear": ("limit", "use_later"),
    },
    "treat": {
        "none": (),
        "winsorise": ("fallback", *SHAPE, "max_points", *ROWS),
        "log": ("log", *SHAPE, *ROWS),
        "box_cox": ("box_cox_lambda", *SHAPE, *ROWS),
        "bounds": ("bounds",),
        "custom": ("function", *ROWS),
    },
    "normalise": {
        "none": (),
        "goalposts": ("score_range", "capped"),
        "minmax": ("score_range", *ROWS),
        "zscore": ("centre", "spread", *ROWS),
        **dict.fromkeys(("percentile_rank", "rank"), ROWS),
        **dict.fromkeys(("distance_to_target", "distance_to_maximum"), ("capped", *ROWS)),
        "distance_to_reference": ("capped", "reference_unit", *ROWS),
        "scaled": ("score_range", "scale"),
    },
}
"""By step and method, the fields that the method uses."""

COMPONENT_FIELDS = ("components", "min_eigenvalue", "min_share", "min_cumulative", *ROWS)
"""Fields of `Weight` that only ``pca`` uses."""

COMBINED = {
    "impute": ("group", "within", "limit", "use_later"),
    "treat": ("bounds", "function"),
    "normalise": ("reference_unit",),
}
"""Fields that `evaluation.index.combinations` refuses, for records made in Python too."""


def unused_faults(name: str, step: Any, content: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each field that a mapping gives to a step whose method does not use it.

    Parameters
    ----------
    name, step
        The step's name and the record read from the mapping.
    content
        The mapping.
    """
    if name == "weight":
        if "pca" not in (step.method, *step.levels.values()):
            yield from _faults(name, step.method, [one for one in COMPONENT_FIELDS if one in content])
        return
    if name not in USED:
        return
    yield from _faults(name, step.method, _unused(name, step, content))
    for code, own in (content.get(OVERRIDES) or {}).items():
        rule = step.overrides[str(code)]
        yield from _faults(f"{name}, override {code}", rule.method, _unused(name, rule, own))


def _unused(name: str, rule: Any, content: Mapping[str, Any]) -> list[str]:
    known = {"method", OVERRIDES, *COMBINED[name], *USED[name][rule.method]}
    if name == "treat" and rule.method == "winsorise" and rule.fallback != "none":
        known.add("log" if rule.fallback == "log" else "box_cox_lambda")
    return [one for one in content if one not in known]


def _faults(where: str, method: str, names: Collection[str]) -> Iterator[Fault]:
    for one in names:
        yield fault(where, f"{method} has no use for {one!r}", "remove it", why="it would be ignored")
