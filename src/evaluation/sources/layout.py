"""What every received table has: rows of regions and columns of figures; and how they become observations.

Belongs here: the step from a table's cells to observations, the same for all publishers. Does not belong here: where in
a publisher's file the rows and columns are (one module for each format), or whether figures are plausible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.quality import GRADE_REASONS
from evaluation.regions import Registry
from evaluation.regions.names import BareName
from evaluation.sources.grid import Grid, file_fault
from evaluation.sources.numbers import Unreadable, read_numbers

BACK_CAST = "C"
WHY_NAME = "a figure under a wrong name changes scores and estimates of two regions"
REMEDY_NAME = "correct the name, or add the spelling with the place it was seen in to config/name_aliases.csv"
REMEDY_ORDER = (
    "publishers list regions by code; in another order names and figures may have come apart. Download the table "
    "again, or bring it as a tidy CSV with region codes (docs/bring_data.md)"
)
REMEDY_TWICE = "keep one row a region and year"
REMEDY_FORMULA = "open it, let the program compute it, and save; or paste the values"
REMEDY_MERGED = "dissolve the merged cells, so that every figure stands in a cell of its own"
REMEDY_YEAR = "state it: `evaluation data add --year YEAR`"
REMEDY_TITLE = "say under `variables` in origin.yml what it stands for, or file it with `evaluation data add`"


@dataclass(frozen=True)
class RegionRow:
    """A row of the grid that holds the figures of one region.

    Parameters
    ----------
    row
        Row of the grid, from 0.
    name, province
        As written; the province is empty where the table has none.
    year
        Year of the row's figures, None where the column or nothing tells it.
    """

    row: int
    name: str
    province: str = ""
    year: int | None = None


@dataclass(frozen=True)
class FigureColumn:
    """A column of the grid that holds figures: its title as written, and its year where the column has one."""

    column: int
    title: str
    year: int | None = None


@dataclass(frozen=True)
class Layout:
    """A received table, parsed and not yet interpreted.

    Parameters
    ----------
    grid
        The cells.
    name_column
        Column of the regions' names, for messages.
    rows, columns
        Where the figures are.
    bare
        What a name without its type means in this format.
    address, accessed
        Source address and day of access as the file states them; empty where it does not.
    notes
        What a reader of the preview should know.
    """

    grid: Grid
    name_column: int
    rows: tuple[RegionRow, ...]
    columns: tuple[FigureColumn, ...]
    bare: BareName
    address: str = ""
    accessed: str = ""
    notes: tuple[str, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of the columns, each once, in order."""
        return tuple(dict.fromkeys(column.title for column in self.columns))

    @property
    def years(self) -> tuple[int, ...]:
        """Years that the file states, sorted."""
        in_rows = {row.year for row in self.rows} | {column.year for column in self.columns}
        return tuple(sorted(year for year in in_rows if year is not None))


def observe(layout: Layout, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Turn a table into observations with file and cell of each figure.

    Figures from before a region existed are graded C; the rest as ``origin.yml`` says. Nothing is computed.

    Raises
    ------
    BadInputError
        With every name that is not resolved, every cell that is no number, every region and year that stands twice,
        regions out of order, merged cells and uncomputed formulas among the figures.
    """
    columns = [column for column in layout.columns if column.title in origin.variables]
    faults = [
        *_title_faults(layout, columns),
        *_merged_faults(layout, columns),
        *_year_faults(layout, columns, origin),
    ]
    codes, name_faults = _region_codes(layout, registry)
    faults += name_faults
    figures: list[_Figure] = []
    for column in columns:
        values, unreadable = _column_values(layout, column)
        faults += unreadable
        figures += _figures(layout, column, origin=origin, codes=codes, values=values)
    raise_if_any(faults)
    return _observations(figures, origin=origin, registry=registry, path=layout.grid.path)


_Figure = tuple[str | None, int, str, float, str, str]
"""Region code, year, variable, value, unit, cell."""


def _title_faults(layout: Layout, columns: Sequence[FigureColumn]) -> Iterator[Fault]:
    if not columns:
        shown = ", ".join(repr(title) for title in layout.titles)
        yield file_fault(
            layout.grid.path, f"no title of the table is mapped to a variable: {shown}", REMEDY_TITLE
        )


def _region_codes(layout: Layout, registry: Registry) -> tuple[list[str | None], list[Fault]]:
    resolution = registry.resolve(
        [row.name for row in layout.rows],
        province=[row.province for row in layout.rows],
        bare=layout.bare,
    )
    faults = [
        Fault(
            where=layout.grid.place(layout.rows[one.position].row, layout.name_column),
            what=str(one),
            why=WHY_NAME,
            remedy=REMEDY_NAME,
        )
        for one in resolution.unresolved
    ]
    codes = list(resolution.codes)
    faults += [*_repeated_regions(layout, codes), *_order_faults(layout, codes, registry)]
    return codes, faults


def _repeated_regions(layout: Layout, codes: Sequence[str | None]) -> Iterator[Fault]:
    first: dict[tuple[str, int | None], int] = {}
    for row, code in zip(layout.rows, codes, strict=True):
        if code is None:
            continue
        before = first.setdefault((code, row.year), row.row)
        if before != row.row:
            what = f"{row.name!r} stands twice, first in {layout.grid.address(before, layout.name_column)}"
            yield file_fault(layout.grid.place(row.row, layout.name_column), what, REMEDY_TWICE)


def _order_faults(layout: Layout, codes: Sequence[str | None], registry: Registry) -> Iterator[Fault]:
    """Find rows out of order: with neither codes nor order, a name that moved cannot be told from a right one."""
    known = [(row, code) for row, code in zip(layout.rows, codes, strict=True) if code is not None]
    fewest: list[tuple[RegionRow, RegionRow]] | None = None
    for code_of in registry.codes_in.values():
        breaks = list(_breaks(known, code_of))
        if fewest is None or len(breaks) < len(fewest):
            fewest = breaks
        if not fewest:
            return
    for row, before in fewest or ():
        what = f"{row.name!r} stands below {before.name!r}, out of the order of codes"
        place = layout.grid.place(row.row, layout.name_column)
        yield Fault(where=place, what=what, why=WHY_NAME, remedy=REMEDY_ORDER)


def _breaks(
    known: Sequence[tuple[RegionRow, str]], code_of: dict[str, str]
) -> Iterator[tuple[RegionRow, RegionRow]]:
    """Yield rows that stand too low, with the row before: a lower code in its province, or a province begun again."""
    last: dict[tuple[str, int | None], str] = {}
    left: set[str] = set()
    for (before, _), (row, code) in zip([(None, ""), *known], known, strict=False):
        block = (row.province, row.year)
        if before is not None and before.year != row.year:
            left = set()
        elif before is not None and before.province != row.province:
            left.add(before.province)
        begun_again = before is not None and row.province in left and row.province != before.province
        if before is not None and (begun_again or code_of[code] < last.get(block, "")):
            yield row, before
        last[block] = code_of[code]


def _column_values(layout: Layout, column: FigureColumn) -> tuple[tuple[float, ...], list[Fault]]:
    grid = layout.grid
    numbers = read_numbers([grid.cell(row.row, column.column) for row in layout.rows])
    empty_formulas = [
        Unreadable(position, "the cell holds a formula that was never computed", REMEDY_FORMULA)
        for position, row in enumerate(layout.rows)
        if (row.row, column.column) in grid.formulas and math.isnan(numbers.figures[position])
    ]
    faults = [
        file_fault(grid.place(layout.rows[one.position].row, column.column), one.what, one.remedy)
        for one in (*numbers.unreadable, *empty_formulas)
    ]
    return numbers.figures, faults


def _figures(
    layout: Layout,
    column: FigureColumn,
    *,
    origin: Origin,
    codes: Sequence[str | None],
    values: Sequence[float],
) -> Iterator[_Figure]:
    """Yield the figures there are, of the years that this source carries, under the year they are of."""
    use = origin.variables[column.title]
    for row, code, value in zip(layout.rows, codes, values, strict=True):
        year = _year_of(row, column, origin)
        if year is None or math.isnan(value) or (use.years and year not in use.years):
            continue
        cell = layout.grid.address(row.row, column.column)
        yield code, year + use.year_offset, use.variable, value, use.unit, cell


def _year_of(row: RegionRow, column: FigureColumn, origin: Origin) -> int | None:
    if column.year is not None:
        return column.year
    return row.year if row.year is not None else origin.year


def _year_faults(layout: Layout, columns: Sequence[FigureColumn], origin: Origin) -> Iterator[Fault]:
    if any(_year_of(row, column, origin) is None for column in columns for row in layout.rows):
        yield file_fault(layout.grid.path, "the file does not say of which year its figures are", REMEDY_YEAR)


def _merged_faults(layout: Layout, columns: Sequence[FigureColumn]) -> Iterator[Fault]:
    rows = {row.row for row in layout.rows}
    across = {layout.name_column, *(column.column for column in columns)}
    for top, left, bottom, right in layout.grid.merged:
        if rows.intersection(range(top, bottom + 1)) and across.intersection(range(left, right + 1)):
            ends = f"{layout.grid.address(top, left)} to {layout.grid.address(bottom, right)}"
            what = f"cells are merged among the figures: {ends}"
            yield file_fault(layout.grid.path, what, REMEDY_MERGED)


def _observations(
    figures: Sequence[_Figure], *, origin: Origin, registry: Registry, path: Path
) -> pd.DataFrame:
    columns = [list(column) for column in zip(*figures, strict=True)] or [[]] * 6
    code, year, variable, value, unit, cell = columns
    created = registry.created.to_dict()
    quality = [
        BACK_CAST if of < created.get(region, 0) else origin.quality
        for region, of in zip(code, year, strict=True)
    ]
    return pd.DataFrame(
        {
            "source": origin.source,
            "vintage": origin.vintage,
            "region_code": pd.Series(code, dtype=str),
            "year": pd.Series(year, dtype="int64"),
            "variable": pd.Series(variable, dtype=str),
            "value": pd.Series(value, dtype="float64"),
            "unit": pd.Series(unit, dtype=str),
            "quality": pd.Series(quality, dtype=str),
            "quality_reason": pd.Series([GRADE_REASONS[grade] for grade in quality], dtype=str),
            "file": str(path),
            "row": pd.Series(cell, dtype=str),
        }
    )


def refuse(where: str, what: str, remedy: str) -> BadInputError:
    """Return the error of a table that cannot be read at all."""
    return BadInputError([file_fault(where, what, remedy)])
