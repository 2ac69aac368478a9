"""Any field of a specification by its path, for whoever varies one.

A path is written as in a specification file: ``normalise.method``, ``levels.pillar.aggregation``,
``elements.poverty.goalposts.low``, ``treat.overrides.gas.max_points``, or a whole step, ``impute``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index.records import OVERRIDES, read_record, unknown
from evaluation.index.spec import IndexSpec
from evaluation.index.steps import STEPS

NAMED = {"elements": "code", "levels": "name"}
"""Lists of records and the field that tells their members apart."""


def get_field(spec: IndexSpec, path: str) -> Any:
    """Return the value at a path.

    Raises
    ------
    BadInputError
        When the path leads nowhere.
    """
    found: Any = spec
    names = _split(spec, path)
    for depth, name in enumerate(names):
        if found is None:
            raise BadInputError([unknown(path, "step", names[depth - 1], _present_steps(spec))])
        found = _member(found, name, path)
    return found


def set_field(spec: IndexSpec, path: str, value: Any) -> IndexSpec:
    """Return the specification with another value at a path, checked like any other.

    Raises
    ------
    BadInputError
        When the path leads nowhere, or the specification would not hold together.
    """
    return set_fields(spec, {path: value})


def set_fields(spec: IndexSpec, edits: Mapping[str, Any]) -> IndexSpec:
    """Return the specification with other values at some paths, checked once all of them are in place.

    Parameters
    ----------
    spec
        The specification; it is not changed.
    edits
        Path to value. A step may be given as its record, as the mapping of a file, or None to leave it out.

    Raises
    ------
    BadInputError
        With every path that leads nowhere, or every fault of the specification.
    """
    parts: dict[str, Any] = {}
    faults: list[Fault] = []
    for path, value in edits.items():
        head, *rest = _split(spec, path)
        try:
            current = parts[head] if head in parts else _member(spec, head, path)
            parts[head] = _edited(current, rest, value, path=path, step=head)
        except BadInputError as error:
            faults += error.faults
    raise_if_any(faults)
    return replace(spec, **parts)


def _split(spec: IndexSpec, path: str) -> list[str]:
    """Return the names along a path; a code of an element may itself contain a point."""
    names = path.split(".")
    for code in spec.by_code:
        inner = code.split(".")
        for start in (1, 2):
            if len(inner) > 1 and names[start : start + len(inner)] == inner:
                return [*names[:start], code, *names[start + len(inner) :]]
    return names


def _edited(current: Any, names: list[str], value: Any, *, path: str, step: str) -> Any:
    if not names:
        return _read(value, step, path)
    name, *rest = names
    if current is None:
        raise BadInputError([_absent_step(path, step)])
    if isinstance(current, tuple) and step in NAMED:
        changed = _edited(_member(current, name, path), rest, value, path=path, step="")
        return tuple(changed if _key(one) == name else one for one in current)
    if name == OVERRIDES and rest:
        code, *inner = rest
        own = current.overrides.get(code, replace(current, overrides={}))
        override = _edited(own, inner, value, path=path, step=step if not inner else "")
        return replace(current, overrides={**current.overrides, code: override})
    inner_value = _edited(_member(current, name, path), rest, value, path=path, step="")
    return replace(current, **{name: inner_value})


def _read(value: Any, step: str, path: str) -> Any:
    """Return a value as a field holds it: tuples for lists, a record for a step's mapping."""
    if step in STEPS and isinstance(value, Mapping):
        faults: list[Fault] = []
        record: Any = read_record(STEPS[step], value, where=path, faults=faults)
        raise_if_any(faults)
        return record
    return tuple(_read(one, "", path) for one in value) if isinstance(value, list) else value


def _member(record: Any, name: str, path: str) -> Any:
    if isinstance(record, tuple):
        members: dict[str, Any] = {_key(one): one for one in record}
    elif isinstance(record, Mapping):
        members = dict(record)
    elif is_dataclass(record):
        members = {field.name: getattr(record, field.name) for field in fields(record)}
    else:
        members = {}
    if name not in members:
        raise BadInputError([unknown(path, "field", name, members)])
    return members[name]


def _key(record: Any) -> str:
    return str(getattr(record, "code", getattr(record, "name", "")))


def _present_steps(spec: IndexSpec) -> list[str]:
    return [name for name in STEPS if getattr(spec, name) is not None]


def _absent_step(path: str, step: str) -> Fault:
    return Fault(
        where=f"index specification, {path}",
        what=f"the specification has no {step}",
        why="a field of a step that is absent cannot be varied",
        remedy=f"vary {step!r} itself, giving the whole step, or add it to the specification",
    )
