"""Factors from plain mappings, as a file holds them, with every fault and the nearest name that exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.factors import Choice, Factor, FieldRange, GoalpostShift, LeaveOut
from evaluation.index.records import fault, read_record, unknown
from evaluation.index.weight_factors import WeightDirichlet, WeightNoise, WeightSets

RECORDS: dict[str, type] = {
    "range": FieldRange,
    "leave_out": LeaveOut,
    "weight_noise": WeightNoise,
    "weight_dirichlet": WeightDirichlet,
    "goalpost_shift": GoalpostShift,
}
KINDS = ("choice", "weight_sets", *RECORDS)


def factors_from_mappings(entries: object) -> tuple[Factor, ...]:
    """Return the factors that a file lists.

    Parameters
    ----------
    entries
        A list of mappings. ``kind`` says which: ``choice`` (name, options: label to path to value, probabilities),
        ``range`` (path, low, high), ``leave_out`` (codes, or_nothing), ``weight_noise`` (spread, levels, codes),
        ``weight_dirichlet`` (concentration, levels, codes), ``weight_sets`` (sets: label to code to weight),
        ``goalpost_shift`` (spread, codes, ends); each may have a name.

    Raises
    ------
    BadInputError
        With every unknown kind and field and every value that cannot be read.
    """
    faults: list[Fault] = []
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        faults.append(fault("factors", f"a list is needed; got: {entries!r}", "list the factors"))
        entries = ()
    read = [_read(entry, f"factor {number}", faults) for number, entry in enumerate(entries, start=1)]
    raise_if_any(faults)
    return tuple(factor for factor in read if factor is not None)


def _read(entry: object, where: str, faults: list[Fault]) -> Factor | None:
    if not isinstance(entry, Mapping):
        faults.append(fault(where, f"a mapping is needed; got: {entry!r}", "write a kind and its fields"))
        return None
    content = {str(name): value for name, value in entry.items() if name != "kind"}
    kind = entry.get("kind")
    if kind not in KINDS:
        faults.append(unknown(where, "kind", kind, KINDS))
        return None
    if kind == "choice":
        return _choice(content, where, faults)
    if kind == "weight_sets":
        return _weight_sets(content, where, faults)
    record: Any = read_record(RECORDS[kind], content, where=where, faults=faults)
    return record


def _choice(content: dict[str, Any], where: str, faults: list[Fault]) -> Choice | None:
    options, probabilities = content.get("options"), content.get("probabilities")
    found = list(_unknown_fields(content, ("name", "options", "probabilities"), where))
    if not isinstance(content.get("name"), str):
        found.append(fault(where, "field 'name' is absent or no text", "name the factor"))
    if not isinstance(options, Mapping) or not all(isinstance(one, Mapping) for one in options.values()):
        found.append(
            fault(
                where, f"options must map labels to paths and values; got: {options!r}", "write {} for none"
            )
        )
    if probabilities is not None and not _are_numbers(probabilities):
        found.append(fault(where, f"probabilities must be numbers; got: {probabilities!r}", "write a list"))
    faults += found
    if found:
        return None
    shares = None if probabilities is None else tuple(map(float, probabilities))
    named = {str(label): dict(edits) for label, edits in content["options"].items()}
    return Choice(name=content["name"], options=named, probabilities=shares)


def _weight_sets(content: dict[str, Any], where: str, faults: list[Fault]) -> WeightSets | None:
    sets = content.get("sets")
    found = list(_unknown_fields(content, ("name", "sets"), where))
    if not isinstance(sets, Mapping) or not all(
        isinstance(one, Mapping) and _are_numbers(list(one.values())) for one in sets.values()
    ):
        found.append(
            fault(where, f"sets must map labels to codes and weights; got: {sets!r}", "write numbers")
        )
    faults += found
    if found or not isinstance(sets, Mapping):
        return None
    table = pd.DataFrame({str(label): dict(own) for label, own in sets.items()}, dtype=float).T
    return WeightSets(sets=table, name=str(content.get("name", "weights")))


def _unknown_fields(content: Mapping[str, Any], known: Sequence[str], where: str) -> list[Fault]:
    return [unknown(where, "field", name, known) for name in content if name not in known]


def _are_numbers(values: object) -> bool:
    if isinstance(values, str) or not isinstance(values, Sequence):
        return False
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
