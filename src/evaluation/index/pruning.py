"""A specification without some of its indicators, as if they had never been in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evaluation.index.steps import STEPS

if TYPE_CHECKING:
    from evaluation.index.spec import Element, IndexSpec


def pruned(spec: IndexSpec, codes: frozenset[str]) -> IndexSpec:
    """Return the specification without the indicators `codes`, and without what this leaves empty."""
    kept = tuple(element for element in spec.elements if element.code not in codes)
    if spec.empty_aggregates == "refuse":
        kept = _with_children(kept, spec)
    left = {element.code for element in kept}
    steps: dict[str, Any] = {}
    for name in STEPS:
        step = getattr(spec, name)
        overrides: Mapping[str, Any] | None = getattr(step, "overrides", None)
        if overrides:
            remaining = {code: rule for code, rule in overrides.items() if code in left}
            steps[name] = replace(step, overrides=remaining)
    if spec.denominate is not None and not any(element.denominator for element in kept):
        steps["denominate"] = None
    return replace(spec, elements=kept, **steps)


def _with_children(elements: tuple[Element, ...], spec: IndexSpec) -> tuple[Element, ...]:
    for level in spec.levels:
        parents = {element.parent for element in elements}
        elements = tuple(one for one in elements if one.level != level.name or one.code in parents)
    return elements
