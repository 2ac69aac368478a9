"""Elements of an index from the table that an index maker keeps, one row an element."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.records import fault, read_record, unknown
from evaluation.index.spec import Element

GOALPOST_COLUMNS = {
    "goalpost_low": "low",
    "goalpost_high": "high",
    "goalpost_date": "date",
    "goalpost_source": "source",
}
ELEMENT_COLUMNS = (
    "code",
    "parent",
    "level",
    "weight",
    "direction",
    "transform",
    "denominator",
    "target",
    "name",
    "unit",
)
ALIASES = {"icode": "code", "iname": "name"}
"""Names of the metadata table of COINr (Becker et al. 2022, doi:10.21105/joss.04567), besides capital letters."""

ELEMENT_TYPES = ("indicator", "aggregate")
OTHER_TYPES = ("group", "denominator", "other")
"""Values of the column ``type`` whose rows describe columns of the data and are no elements."""


def elements_from_table(
    frame: pd.DataFrame, *, levels: Sequence[str] = (), ignore: Collection[str] = ()
) -> tuple[Element, ...]:
    """Return the elements that a table lists.

    Parameters
    ----------
    frame
        Columns ``code``, ``parent``, ``level``, and any of ``weight``, ``direction``, ``transform``,
        ``denominator``, ``target``, ``name``, ``unit``, ``goalpost_low``, ``goalpost_high``, ``goalpost_date``,
        ``goalpost_source``, ``type``; capital letters do not matter, and ``iCode`` and ``iName`` are read too. An
        empty cell stands for the default. Rows of type Group, Denominator or Other are left out.
    levels
        Names of the levels from the indicators up, where the table gives numbers (1 for the indicators).
    ignore
        Further columns that are meant for readers only.

    Raises
    ------
    BadInputError
        With every unknown column, type and unreadable cell.
    """
    faults: list[Fault] = []
    names = _column_names(frame, ignore, faults)
    raise_if_any(faults)
    table = frame.loc[:, list(names)].rename(columns=names)
    elements = [_read_row(row, number, levels, faults) for number, row in enumerate(_rows(table), start=1)]
    raise_if_any(faults)
    return tuple(element for element in elements if element is not None)


def _column_names(frame: pd.DataFrame, ignore: Collection[str], faults: list[Fault]) -> dict[str, str]:
    known = (*ELEMENT_COLUMNS, *GOALPOST_COLUMNS, "type")
    names: dict[str, str] = {}
    for column in frame.columns.difference(pd.Index(list(ignore)), sort=False):
        name = ALIASES.get(str(column).strip().lower(), str(column).strip().lower())
        if name not in known:
            faults.append(unknown("elements", "column", column, known))
        elif name in names.values():
            faults.append(fault("elements", f"column {name!r} stands twice", "keep one"))
        names[column] = name
    for name in ("code", "parent", "level"):
        if name not in names.values():
            faults.append(fault("elements", f"column {name!r} is absent", "add it"))
    return names


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the filled cells of each row."""
    return [
        {str(name): value for name, value in row.items() if not _is_empty(value)}
        for row in table.to_dict(orient="records")
    ]


def _is_empty(value: object) -> bool:
    return bool(pd.isna(value)) or (isinstance(value, str) and not value.strip())


def _read_row(
    row: Mapping[str, Any], number: int, levels: Sequence[str], faults: list[Fault]
) -> Element | None:
    where = f"elements, row {number} ({row.get('code', 'no code')})"
    kind = str(row.get("type", ELEMENT_TYPES[0])).strip().lower()
    if kind in OTHER_TYPES:
        return None
    if kind not in ELEMENT_TYPES:
        faults.append(unknown(where, "type", row["type"], (*ELEMENT_TYPES, *OTHER_TYPES)))
    content: dict[str, Any] = {"parent": None}
    content |= {name: row[name] for name in ELEMENT_COLUMNS if name in row}
    goalposts = {field: row[name] for name, field in GOALPOST_COLUMNS.items() if name in row}
    content |= {"goalposts": goalposts} if goalposts else {}
    content |= {"level": _level_name(row["level"], levels)} if "level" in row else {}
    return read_record(Element, content, where=where, faults=faults)


def _level_name(value: object, levels: Sequence[str]) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    named = text.isdigit() and 1 <= int(text) <= len(levels)
    return levels[int(text) - 1] if named else text
