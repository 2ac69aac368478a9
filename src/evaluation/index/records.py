"""Frozen records from plain mappings and back, with every fault and the nearest name that exists.

Belongs here: types of fields. Does not belong here: what fields mean together (`evaluation.index.checks`).
"""

from __future__ import annotations

import datetime
import difflib
import math
import types
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from evaluation.errors import Fault

Record = TypeVar("Record")

SPECIFICATION = "index specification"
OVERRIDES = "overrides"
"""Field from codes to records of the same kind, which inherit what they do not name."""


class _Unreadable(Exception):
    """A value has no place in its field; says what was expected."""


def fault(where: str, what: str, remedy: str, why: str = "it changes every score") -> Fault:
    """Return a fault at a place of the specification."""
    return Fault(where=f"{SPECIFICATION}, {where}", what=what, why=why, remedy=remedy)


def unknown(
    where: str, kind: str, name: object, names: Iterable[str], *, why: str = "it would be ignored"
) -> Fault:
    """Return the fault of a name that does not exist, with the nearest that does, or all."""
    listed = sorted(names)
    close = difflib.get_close_matches(str(name), listed, n=1, cutoff=0.5)
    remedy = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(listed) or 'none exists'}"
    return fault(where, f"{kind} {str(name)!r} is unknown", remedy, why=why)


def field_types(cls: Any) -> dict[str, Any]:
    """Return the type of each field of a record."""
    return _field_types(cls)


@cache
def _field_types(cls: Hashable) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in _fields(cls)}


def read_record(
    cls: type[Record], content: object, *, where: str, faults: list[Fault], base: Record | None = None
) -> Record | None:
    """Return a record of `cls` from a mapping; what cannot be read stands at its default and among the faults.

    Parameters
    ----------
    content
        Field to plain value.
    where
        Place of the specification, for messages.
    faults
        List that faults are added to.
    base
        Record whose values stand where `content` names none.

    Returns
    -------
    Record or None
        None where a field without default is absent or unreadable.
    """
    if not isinstance(content, Mapping):
        faults.append(fault(where, f"a mapping is needed; got: {content!r}", "write fields and their values"))
        return None
    hints: dict[str, Any] = field_types(cls)
    faults += [unknown(where, "field", name, hints) for name in content if name not in hints]
    values = {} if base is None else {name: getattr(base, name) for name in hints if name != OVERRIDES}
    for name in hints.keys() & content.keys() - {OVERRIDES}:
        read: list[Fault] = []
        value = _read_field(content[name], hints[name], where=f"{where}, {name}", faults=read)
        faults += read
        values |= {} if read else {name: value}
    absent = [name for name in _required(cls) if name not in values]
    faults += [fault(where, f"field {name!r} is absent", "add it") for name in absent if name not in content]
    if absent:
        return None
    return _with_overrides(cls(**values), content.get(OVERRIDES), values, where=where, faults=faults)


def record_faults(record: Any, where: str) -> Iterator[Fault]:
    """Yield a fault for each field of a record whose value has no place in it."""
    for name in field_types(type(record)):
        yield from field_faults(record, name, where)


def field_faults(record: Any, name: str, where: str) -> list[Fault]:
    """Return the faults of one field of a record."""
    found: list[Fault] = []
    _read_field(
        getattr(record, name), field_types(type(record))[name], where=f"{where}, {name}", faults=found
    )
    return found


def to_plain(value: Any, *, defaults: bool = False) -> Any:
    """Return a record as plain values for YAML or JSON, without fields at their default unless these are asked for."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name), defaults=defaults)
            for field in _fields(type(value))
            if defaults or getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Mapping):
        return {str(name): to_plain(one, defaults=defaults) for name, one in value.items()}
    if isinstance(value, tuple):
        return [to_plain(one, defaults=defaults) for one in value]
    return value


def _with_overrides(
    record: Record, overrides: object, values: dict[str, Any], *, where: str, faults: list[Fault]
) -> Record:
    if overrides is None:
        return record
    if not isinstance(overrides, Mapping):
        faults.append(fault(where, "overrides must be a mapping", "write codes and their fields"))
        return record
    read = {
        str(code): read_record(
            type(record), content, where=f"{where}, override {code}", faults=faults, base=record
        )
        for code, content in overrides.items()
    }
    known = {code: one for code, one in read.items() if one is not None}
    return type(record)(**values, **{OVERRIDES: known})


def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


def _required(cls: Any) -> tuple[str, ...]:
    return tuple(
        field.name for field in _fields(cls) if field.default is MISSING and field.default_factory is MISSING
    )


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _read_field(value: object, hint: Any, *, where: str, faults: list[Fault]) -> Any:
    try:
        return _read_value(value, hint, where=where, faults=faults)
    except _Unreadable as error:
        faults.append(fault(where, f"{error} is needed; got: {value!r}", "correct the value"))
        return None


def _read_value(value: object, hint: Any, *, where: str, faults: list[Fault]) -> Any:
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _read_union(value, options, where=where, faults=faults)
    if origin is Literal:
        if value not in options:
            faults.append(unknown(where, "option", value, map(str, options)))
        return value
    if origin is tuple:
        return _read_tuple(value, options, where=where, faults=faults)
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return _read_mapping(value, options[1], where=where, faults=faults)
    if is_dataclass(hint):
        return _read_nested(value, hint, where=where, faults=faults)
    return _SCALARS[hint](value)


def _read_union(value: object, options: tuple[Any, ...], *, where: str, faults: list[Fault]) -> Any:
    if value is None and type(None) in options:
        return None
    wanted = [option for option in options if option is not type(None)]
    if len(wanted) == 1:
        return _read_value(value, wanted[0], where=where, faults=faults)
    return value if isinstance(value, str) else _whole(value)


def _read_tuple(
    value: object, options: tuple[Any, ...], *, where: str, faults: list[Fault]
) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _Unreadable("a list")
    if options[-1] is Ellipsis:
        options = (options[0],) * len(value)
    if len(options) != len(value):
        raise _Unreadable(f"a list of {len(options)}")
    return tuple(
        _read_value(one, hint, where=where, faults=faults) for one, hint in zip(value, options, strict=True)
    )


def _read_mapping(value: object, hint: Any, *, where: str, faults: list[Fault]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Unreadable("a mapping")
    return {
        str(name): _read_value(one, hint, where=f"{where}, {name}", faults=faults)
        for name, one in value.items()
    }


def _read_nested(value: object, cls: Any, *, where: str, faults: list[Fault]) -> Any:
    if isinstance(value, cls):
        faults += record_faults(value, where)
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        names = [field.name for field in _fields(cls)][: len(value)]
        value = dict(zip(names, value, strict=False))
    return read_record(cls, value, where=where, faults=faults)


def _text(value: object) -> str:
    if isinstance(value, str | datetime.date) or (
        isinstance(value, Integral) and not isinstance(value, bool)
    ):
        return str(value)
    raise _Unreadable("a text")


def _number(value: object) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise _Unreadable("a finite number")


def _whole(value: object) -> int:
    if isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer():
        return int(float(value))
    raise _Unreadable("a whole number")


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _Unreadable("true or false")


_SCALARS: dict[Any, Any] = {str: _text, float: _number, int: _whole, bool: _truth}
