"""Faults of a factor, found before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evaluation.errors import BadInputError, Fault
from evaluation.index.fields import get_field, set_fields
from evaluation.index.records import unknown
from evaluation.index.spec import IndexSpec

WHY = "the intervals would not cover what the factor stands for"


def factor_fault(name: str, what: str, remedy: str) -> Fault:
    """Return a fault of a factor."""
    return Fault(where=f"factor {name}", what=what, why=WHY, remedy=remedy)


def code_faults(name: str, codes: tuple[str, ...] | None, spec: IndexSpec) -> Iterator[Fault]:
    """Yield a fault for each element that does not exist."""
    for code in codes or ():
        if code not in spec.by_code:
            yield _of_factor(unknown("", "element", code, spec.by_code), name)


def level_faults(name: str, levels: tuple[str, ...] | None, spec: IndexSpec) -> Iterator[Fault]:
    """Yield a fault for each level that does not exist."""
    for level in levels or ():
        if level not in spec.level_names:
            yield _of_factor(unknown("", "level", level, spec.level_names), name)


def path_faults(name: str, path: str, spec: IndexSpec) -> Iterator[Fault]:
    """Yield a fault where a path leads nowhere; the override of a step need not exist yet."""
    if ".overrides." in path:
        return
    try:
        get_field(spec, path)
    except BadInputError as error:
        yield from (_of_factor(one, f"{name}, {path}") for one in error.faults)


def edit_faults(name: str, edits: Mapping[str, Any], spec: IndexSpec) -> Iterator[Fault]:
    """Yield what is wrong with the specification once some fields are set."""
    try:
        set_fields(spec, edits)
    except BadInputError as error:
        yield from (replace(one, where=f"factor {name}: {one.where}") for one in error.faults)


def probability_faults(name: str, probabilities: tuple[float, ...] | None, count: int) -> Iterator[Fault]:
    """Yield a fault where probabilities do not fit the number of options."""
    if probabilities is None:
        return
    if len(probabilities) != count:
        yield factor_fault(
            name, f"{len(probabilities)} probabilities for {count} options", "write one an option"
        )
    if any(not one >= 0 for one in probabilities) or not sum(probabilities) > 0:
        yield factor_fault(name, f"probabilities must be 0 or more; got: {probabilities}", "write shares")


def _of_factor(one: Fault, name: str) -> Fault:
    return replace(one, where=f"factor {name}")
