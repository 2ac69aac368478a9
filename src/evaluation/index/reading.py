"""A specification from the mapping that a YAML file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index.checks import NOT_USED
from evaluation.index.records import fault, read_record, unknown
from evaluation.index.spec import Element, IndexSpec, Level
from evaluation.index.steps import STEPS
from evaluation.index.unused import unused_faults

SCALAR_FIELDS = ("label", "unit_column", "time_column", "empty_aggregates")
FIELDS = (*SCALAR_FIELDS, "levels", "elements", "steps")


def read_spec(mapping: object, elements: tuple[Element, ...] | None) -> IndexSpec:
    """Return the specification, or raise `BadInputError` with every fault of the mapping and of what it says."""
    if not isinstance(mapping, Mapping):
        raise BadInputError(
            [fault("file", f"a mapping is needed; got: {mapping!r}", "write levels and elements")]
        )
    faults: list[Fault] = [unknown("top", "field", name, FIELDS) for name in mapping if name not in FIELDS]
    names, levels = _read_levels(mapping.get("levels"), faults)
    read = _elements(mapping, elements, names, faults)
    content = {name: mapping[name] for name in SCALAR_FIELDS if name in mapping}
    steps, unread = _read_steps(mapping.get("steps"), faults)
    if not names or not all(names):
        raise BadInputError(faults)  # without levels nothing else has a place
    try:
        spec = IndexSpec(
            elements=read, levels=levels, indicator_level=names[0] if names else "", **content, **steps
        )
    except BadInputError as error:
        told = [one for one in error.faults if not (unread and one.why == NOT_USED)]
        raise BadInputError(dict.fromkeys([*faults, *told])) from None
    raise_if_any(faults)
    return spec


def mapping_faults(mapping: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the fields, levels and steps of a mapping by themselves, whatever its elements."""
    faults: list[Fault] = [unknown("top", "field", name, FIELDS) for name in mapping if name not in FIELDS]
    _read_levels(mapping.get("levels"), faults)
    _read_steps(mapping.get("steps"), faults)
    return faults


def _read_levels(content: object, faults: list[Fault]) -> tuple[list[str], tuple[Level, ...]]:
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) < 2:
        what = f"a list of at least two levels is needed, the indicators' first; got: {content!r}"
        faults.append(fault("levels", what, "list the levels from the bottom up"))
        return [], ()
    entries = [entry if isinstance(entry, Mapping) else {"name": entry} for entry in content]
    for name in set(entries[0]) - {"name"}:
        what = f"the indicators' level has no {name!r}"
        faults.append(fault("levels", what, "write it at the level that the indicators are aggregated into"))
    if "name" not in entries[0]:
        faults.append(fault("levels", "the indicators' level has no name", "name it"))
    levels = [
        read_record(Level, entry, where=f"level {entry.get('name', number)}", faults=faults)
        for number, entry in enumerate(entries[1:], start=2)
    ]
    names = [str(entry.get("name", "")) for entry in entries]
    return names, tuple(level or Level(name) for level, name in zip(levels, names[1:], strict=True))


def _elements(
    mapping: Mapping[str, Any], given: tuple[Element, ...] | None, names: list[str], faults: list[Fault]
) -> tuple[Element, ...]:
    content = mapping.get("elements")
    if given is not None:
        if content is not None:
            faults.append(fault("elements", "they stand here and in a table", "keep one of the two"))
        return tuple(_with_level_name(element, names) for element in given)
    if not isinstance(content, Sequence) or isinstance(content, str):
        faults.append(fault("elements", f"a list is needed; got: {content!r}", "list the elements"))
        return ()
    read = [_read_element(entry, number, faults) for number, entry in enumerate(content, start=1)]
    return tuple(_with_level_name(element, names) for element in read if element is not None)


def _read_element(entry: object, number: int, faults: list[Fault]) -> Element | None:
    if isinstance(entry, Mapping):
        return read_record(
            Element, {"parent": None, **entry}, where=f"element {entry.get('code', number)}", faults=faults
        )
    return read_record(Element, entry, where=f"element {number}", faults=faults)


def _with_level_name(element: Element, names: list[str]) -> Element:
    """Return the element with its level's name where it is given by number, 1 for the indicators."""
    if element.level in names or not element.level.isdigit() or not 1 <= int(element.level) <= len(names):
        return element
    return replace(element, level=names[int(element.level) - 1])


def _read_steps(content: object, faults: list[Fault]) -> tuple[dict[str, Any], bool]:
    """Return the steps that could be read, and whether there were others."""
    if content is None:
        return {}, False
    if not isinstance(content, Mapping):
        faults.append(
            fault("steps", f"a mapping is needed; got: {content!r}", "write steps and their fields")
        )
        return {}, True
    faults += [unknown("steps", "step", name, STEPS) for name in content if name not in STEPS]
    steps: dict[str, Any] = {}
    for name, cls in STEPS.items():
        before = len(faults)
        step = (
            None if content.get(name) is None else read_record(cls, content[name], where=name, faults=faults)
        )
        steps |= {} if len(faults) > before else {name: step}
        if step is not None and name in steps:
            faults += unused_faults(name, step, content[name])
    return steps, len(steps) < len(STEPS) or len(set(content) - set(STEPS)) > 0
