"""Reader of the national waste information system (SIPSN) as its publisher gives it.

One row a year and region that reported, with province and "Kab." or "Kota" before the name. The parts of a row and the
totals published beside them are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.regions import Registry
from evaluation.sources.grid import Grid, file_fault, open_grids
from evaluation.sources.layout import Layout, RegionRow, observe, refuse
from evaluation.sources.long_table import body_rows, column_of, figure_columns, find_header
from evaluation.sources.numbers import read_numbers

YEAR, PROVINCE, PLACE = "Tahun", "Provinsi", "Kabupaten/Kota"
SIGNATURE = (YEAR, PROVINCE, PLACE)
MARK = "sampah"
"""Word in the titles of such a file's figures."""
YEAR_CELL = re.compile("(?:19|20)[0-9]{2}")
DAYS = 365
"""Days that the publisher counts in a year, leap years too."""
REMEDY_SHAPE = "take the file as its publisher gives it, with the columns Tahun, Provinsi and Kabupaten/Kota"
REMEDY_YEAR = "write the year with four digits"


@dataclass(frozen=True)
class Identity:
    """An equation that a row must satisfy: a total is the sum of parts times a factor.

    Parameters
    ----------
    total, parts
        Keys of titles, see `_title_key`.
    factor
        What the sum of the parts is multiplied by.
    tolerance
        Largest difference from rounding: half a unit of the last published digit of each number, times the factor.
    """

    total: str
    parts: tuple[str, ...]
    factor: float
    tolerance: float


IDENTITIES = (
    Identity("timbulansampahtahunanton", ("timbulansampahharianton",), DAYS, 0.005 * DAYS + 0.005),
    Identity(
        "sampahterkelolatahunantontahunbc",
        ("pengurangansampahtahunantontahunb", "penanganansampahtahunantontahunc"),
        1.0,
        0.015,
    ),
)


@dataclass(frozen=True)
class Mismatch:
    """A row whose parts do not give its total: the region's row, the title of the total, and both numbers."""

    row: RegionRow
    title: str
    published: float
    expected: float


def is_sipsn(grid: Grid) -> bool:
    """Tell whether a grid is such a table, by content."""
    header = find_header(grid, SIGNATURE)
    return header is not None and any(
        MARK in column.title.casefold() for column in figure_columns(grid, header, without=SIGNATURE)
    )


def read_sipsn(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one file into observations with the cell of each figure.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    for grid in open_grids(path):
        if is_sipsn(grid):
            return observe(parse_sipsn(grid, registry=registry), origin=origin, registry=registry)
    raise refuse(str(path), "this is no table of SIPSN", REMEDY_SHAPE)


def parse_sipsn(grid: Grid, *, registry: Registry) -> Layout:
    """Return rows and columns of a file."""
    header = find_header(grid, SIGNATURE)
    if header is None:
        raise refuse(
            str(grid.path), "there is no header with Tahun, Provinsi and Kabupaten/Kota", REMEDY_SHAPE
        )
    year, province, place = (column_of(grid, header, title) for title in SIGNATURE)
    rows = body_rows(grid, header)
    raise_if_any(_year_cell_faults(grid, rows, year))
    return Layout(
        grid=grid,
        name_column=place,
        rows=tuple(
            RegionRow(
                row=row,
                name=grid.text(row, place),
                province=grid.text(row, province),
                year=int(grid.text(row, year)),
            )
            for row in rows
        ),
        columns=figure_columns(grid, header, without=SIGNATURE),
        bare="any",
        notes=grid.notes,
    )


def mismatches(layout: Layout) -> Iterator[Mismatch]:
    """Yield every row whose parts do not give the total published beside them."""
    by_key = {_title_key(column.title): column for column in layout.columns}
    for identity in IDENTITIES:
        if identity.total in by_key and all(part in by_key for part in identity.parts):
            values = {key: _values(layout, by_key[key].column) for key in (identity.total, *identity.parts)}
            yield from _unequal(layout, identity, values, by_key[identity.total].title)


def _unequal(
    layout: Layout, identity: Identity, values: Mapping[str, np.ndarray], title: str
) -> Iterator[Mismatch]:
    parts = np.column_stack([values[part] for part in identity.parts])
    expected = identity.factor * np.nansum(parts, axis=1)
    published = values[identity.total]
    wrong = np.abs(published - expected) > identity.tolerance
    for position in np.flatnonzero(wrong & ~np.isnan(published) & ~np.isnan(parts).all(axis=1)):
        yield Mismatch(layout.rows[position], title, float(published[position]), float(expected[position]))


def _values(layout: Layout, column: int) -> np.ndarray:
    return np.array(read_numbers([layout.grid.cell(row.row, column) for row in layout.rows]).figures)


def _title_key(title: str) -> str:
    return re.sub("[^a-z0-9]", "", title.casefold())


def _year_cell_faults(grid: Grid, rows: Sequence[int], column: int) -> Iterator[Fault]:
    for row in rows:
        if not YEAR_CELL.fullmatch(grid.text(row, column)):
            what = f"{grid.text(row, column)!r} is no year"
            yield file_fault(grid.place(row, column), what, REMEDY_YEAR)
