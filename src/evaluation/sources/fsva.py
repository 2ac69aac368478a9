"""Reader of the Food Security and Vulnerability Atlas (FSVA) as its publisher gives it: one edition a file.

One row a region, written "province - name"; the edition's year is nowhere in the file.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.regions import Registry
from evaluation.sources.grid import Grid, file_fault, open_grids
from evaluation.sources.layout import Layout, RegionRow, observe, refuse
from evaluation.sources.long_table import body_rows, column_of, figure_columns, find_header

PLACE = "Wilayah"
SIGNATURE = (PLACE, "IKP", "NCPR")
"""Titles by which such a file is known."""
REMEDY_SHAPE = "take the file as its publisher gives it, with the columns Wilayah, NCPR and IKP"
REMEDY_PLACE = "write the province and the region with a hyphen between: aceh - simeulue"


def is_fsva(grid: Grid) -> bool:
    """Tell whether a grid is such a table, by content."""
    return find_header(grid, SIGNATURE) is not None


def read_fsva(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one edition into observations with the cell of each figure.

    The edition is ``year`` of ``origin.yml``; each variable's figures are of that year plus its ``year_offset``
    (the indicators are of the year before the edition, the index is of its year).

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    for grid in open_grids(path):
        if is_fsva(grid):
            return observe(parse_fsva(grid, registry=registry), origin=origin, registry=registry)
    raise refuse(str(path), "this is no table of the FSVA", REMEDY_SHAPE)


def parse_fsva(grid: Grid, *, registry: Registry) -> Layout:
    """Return rows and columns of an edition."""
    header = find_header(grid, SIGNATURE)
    if header is None:
        raise refuse(str(grid.path), "there is no header with Wilayah, NCPR and IKP", REMEDY_SHAPE)
    place_column = column_of(grid, header, PLACE)
    faults: list[Fault] = []
    rows = []
    for row in body_rows(grid, header):
        province, separator, name = grid.text(row, place_column).partition(" - ")
        if not separator:
            what = f"{province!r} does not name province and region"
            faults.append(file_fault(grid.place(row, place_column), what, REMEDY_PLACE))
        rows.append(RegionRow(row=row, name=name.strip(), province=province.strip()))
    raise_if_any(faults)
    return Layout(
        grid=grid,
        name_column=place_column,
        rows=tuple(rows),
        columns=figure_columns(grid, header, without=(PLACE,)),
        bare="kabupaten",
        notes=grid.notes,
    )
