"""Cells to numbers: decimal comma or point, signs between thousands, and marks for what is missing.

Belongs here: the value of cells of one column. Does not belong here: whether that value is plausible.
A column is read in the one way in which all of its cells can be read; where two ways remain that give other numbers,
it is refused.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.sources.grid import cell_text

MISSING_MARKS = frozenset({"", "-", "–", "—", "...", "…", "..", "na", "n/a", "n.a.", "nan", "null"})
"""What publishers write where they have no figure; never read as zero."""
NO_NUMBERS = (bool, datetime.date, datetime.time, datetime.timedelta)
POINT = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
COMMA = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?")
REMEDY_CELL = "write the number alone, or leave the cell empty where there is none"
REMEDY_DATE = (
    "format the column as text or number and write the figure again: a spreadsheet has made a date of it"
)
REMEDY_NOTATION = (
    "write one notation throughout the column: either 1,234.5 or 1.234,5; or format its cells as numbers"
)


@dataclass(frozen=True)
class Unreadable:
    """A cell that is no number: its place in the column, what is wrong, and the remedy."""

    position: int
    what: str
    remedy: str


@dataclass(frozen=True)
class Numbers:
    """The figures of a column.

    Parameters
    ----------
    figures
        One a cell; NaN where the publisher has none.
    unreadable
        Every cell that is neither a number nor a mark for a missing one.
    """

    figures: tuple[float, ...]
    unreadable: tuple[Unreadable, ...]


def read_numbers(cells: Sequence[object]) -> Numbers:
    """Read the cells of one column.

    Text is read with a decimal point (``1,234.5``) when every text of the column can be, else with a decimal comma
    (``1.234,5``). A column whose texts can all be read in both ways with different results (``1.234``) is refused.
    """
    known: dict[int, float] = {}
    texts: dict[int, str] = {}
    unreadable: list[Unreadable] = []
    for position, cell in enumerate(cells):
        if isinstance(cell, NO_NUMBERS):
            unreadable.append(
                Unreadable(position, f"the cell holds {cell_text(cell)!r}, no number", REMEDY_DATE)
            )
        elif isinstance(cell, int | float):
            known[position] = float(cell)
        elif (text := cell_text(cell)).casefold() in MISSING_MARKS:
            known[position] = math.nan
        else:
            texts[position] = text
    read, faults = _read_texts(texts)
    known.update(read)
    values = tuple(known.get(position, math.nan) for position in range(len(cells)))
    return Numbers(values, (*unreadable, *faults))


def _read_texts(texts: dict[int, str]) -> tuple[dict[int, float], list[Unreadable]]:
    odd = {
        position for position, text in texts.items() if not (POINT.fullmatch(text) or COMMA.fullmatch(text))
    }
    faults = [
        Unreadable(position, f"{texts[position]!r} is no number", REMEDY_CELL) for position in sorted(odd)
    ]
    plain = {position: text for position, text in texts.items() if position not in odd}
    point_only = [position for position, text in plain.items() if not COMMA.fullmatch(text)]
    comma_only = [position for position, text in plain.items() if not POINT.fullmatch(text)]
    if point_only and comma_only:
        fewer = min(point_only, comma_only, key=len)
        other = texts[point_only[0] if fewer is comma_only else comma_only[0]]
        faults += [
            Unreadable(
                position,
                f"{texts[position]!r} is written in another notation than {other!r}",
                REMEDY_NOTATION,
            )
            for position in fewer
        ]
        return {}, faults
    if not point_only and not comma_only:
        return _read_either(plain, faults)
    return {
        position: (_from_point if point_only else _from_comma)(text) for position, text in plain.items()
    }, faults


def _read_either(
    plain: dict[int, str], faults: list[Unreadable]
) -> tuple[dict[int, float], list[Unreadable]]:
    """Read texts that both notations allow, when both give the same numbers."""
    differing = [position for position, text in plain.items() if _from_point(text) != _from_comma(text)]
    faults += [
        Unreadable(
            position,
            f"{plain[position]!r} is {_from_point(plain[position]):g} or {_from_comma(plain[position]):g}, "
            "and no cell of the column tells which",
            REMEDY_NOTATION,
        )
        for position in differing
    ]
    return {position: _from_point(text) for position, text in plain.items()}, faults


def _reader(thousands: str, decimal: str) -> Callable[[str], float]:
    return lambda text: float(text.replace(thousands, "").replace(decimal, "."))


_from_point = _reader(",", ".")
_from_comma = _reader(".", ",")
