"""What a specification must hold: a tree that hangs together, and options that fit each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from evaluation.errors import Fault
from evaluation.index.records import fault, field_faults, field_types, record_faults, unknown

if TYPE_CHECKING:
    from evaluation.index.spec import Element, IndexSpec, Level

NOT_USED = "it would be ignored, for the step that uses it is absent"
"""Why something a specification says is a fault when its step is not there."""
IGNORED = "it would be ignored"
NO_PLACE = "the element would have no place in the index"
UNIT_FIELDS = ("denominator", "target", "goalposts")
"""Fields that only an indicator has."""
SOUND = "_sound"
"""Mark of a record whose types were checked: replications make thousands of specifications of the same records."""


def spec_faults(spec: IndexSpec) -> Iterator[Fault]:
    """Yield every fault of a specification; combinations are looked at once types and tree are sound."""
    from evaluation.index.combinations import combination_faults

    typed = list(_type_faults(spec))
    yield from typed
    if typed:
        return
    tree = list(_tree_faults(spec))
    yield from tree
    yield from combination_faults(spec, sound=not tree)


def _type_faults(spec: IndexSpec) -> Iterator[Fault]:
    for element in spec.elements:
        yield from _record_faults_once(element, f"element {element.code}")
    for level in spec.levels:
        yield from _record_faults_once(level, f"level {level.name}")
    for name in field_types(type(spec)):
        if name not in ("elements", "levels"):
            yield from field_faults(spec, name, "top")


def _record_faults_once(record: Element | Level, where: str) -> Iterator[Fault]:
    """Yield the faults of a frozen record; one without faults is not looked at again."""
    if SOUND in vars(record):
        return
    found = list(record_faults(record, where))
    yield from found
    if not found:
        object.__setattr__(record, SOUND, True)


def _tree_faults(spec: IndexSpec) -> Iterator[Fault]:
    for name, count in Counter(spec.level_names).items():
        if count > 1:
            yield fault(f"level {name}", f"the name stands {count} times", "give each level its own name")
    for code, count in Counter(element.code for element in spec.elements).items():
        if count > 1:
            yield fault(code, f"the code stands {count} times", "give each element its own code")
    if not spec.indicators:
        yield fault("elements", f"none is on the level {spec.indicator_level!r}", "list the indicators")
    for element in spec.elements:
        yield from _place_faults(element, spec)
        yield from _element_faults(element, spec)
    for level in spec.levels:
        for element in spec.of_level(level.name):
            yield from _children_faults(element, spec)


def _place_faults(element: Element, spec: IndexSpec) -> Iterator[Fault]:
    names = list(spec.level_names)
    if element.level not in names:
        yield unknown(element.code, "level", element.level, names, why=NO_PLACE)
        return
    height = names.index(element.level)
    if element.parent is None:
        if height < len(names) - 1:
            what = f"it has no parent, but stands on level {element.level!r}, below {names[-1]!r}"
            yield fault(element.code, what, f"name its parent on level {names[height + 1]!r}")
        return
    parent = spec.by_code.get(element.parent)
    if height == len(names) - 1:
        yield fault(
            element.code, f"it is on the top level and has the parent {element.parent!r}", "remove it"
        )
    elif parent is None:
        yield unknown(element.code, "parent", element.parent, spec.by_code, why=NO_PLACE)
    elif parent.level in names and names.index(parent.level) != height + 1:
        what = (
            f"parent {parent.code!r} is on level {parent.level!r}, not on the next one, {names[height + 1]!r}"
        )
        why = "elements that skip a level have no weight there, and their coverage has no meaning"
        yield fault(element.code, what, "put an element on each level between them", why=why)


def _element_faults(element: Element, spec: IndexSpec) -> Iterator[Fault]:
    if element.weight < 0:
        yield fault(element.code, f"weight {element.weight:g} is below zero", "write 0 or more")
    if element.direction not in (-1, 1):
        yield fault(element.code, f"direction {element.direction} is unknown", "write +1 or -1")
    if element.level == spec.indicator_level:
        yield from _goalpost_faults(element)
        return
    if element.direction == -1:
        yield fault(
            element.code, "an aggregate has no direction of its own", "turn its indicators", why=IGNORED
        )
    for name in UNIT_FIELDS:
        if getattr(element, name) is not None:
            yield fault(element.code, f"an aggregate has no {name}", "remove it", why=IGNORED)


def _goalpost_faults(element: Element) -> Iterator[Fault]:
    if element.goalposts is None:
        return
    low, high = element.goalposts.low, element.goalposts.high
    if not low < high:
        yield fault(element.code, f"goalposts must rise; got: {low:g}, {high:g}", "write low before high")
    if element.transform == "log" and low <= 0:
        what = f"log goalposts must be above zero; got: {low:g}"
        yield fault(element.code, what, "raise low or use log1p")
    if element.transform == "log1p" and low <= -1:
        what = f"log1p goalposts must be above -1; got: {low:g}"
        yield fault(element.code, what, "raise low or use linear")


def _children_faults(element: Element, spec: IndexSpec) -> Iterator[Fault]:
    children = spec.children(element.code)
    if not children and spec.empty_aggregates == "refuse":
        yield fault(element.code, "nothing is aggregated into it", "add its elements or remove it")
    if children and sum(child.weight for child in children) <= 0:
        yield fault(element.code, "the weights of its elements sum to zero", "give one of them a weight")
