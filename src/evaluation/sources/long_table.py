"""Tables with one header row and one row a region: where their columns are.

Belongs here: what FSVA and SIPSN files share. Does not belong here: what is particular to either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.errors import Fault, raise_if_any
from evaluation.sources.grid import Grid, file_fault
from evaluation.sources.layout import FigureColumn

HEADER_ROWS = 20
"""Rows from the top in which the header is looked for."""
REMEDY_COLUMNS = "take the file as its publisher gives it: one header row, equally many cells a row"


def find_header(grid: Grid, wanted: Sequence[str]) -> int | None:
    """Return the first row that holds all wanted titles, None where none does."""
    for row in range(min(HEADER_ROWS, len(grid.rows))):
        titles = {grid.text(row, column).casefold() for column in range(len(grid.rows[row]))}
        if all(title.casefold() in titles for title in wanted):
            return row
    return None


def column_of(grid: Grid, header: int, title: str) -> int:
    """Return the column of a title."""
    cells = [grid.text(header, column).casefold() for column in range(len(grid.rows[header]))]
    return cells.index(title.casefold())


def figure_columns(grid: Grid, header: int, *, without: Sequence[str]) -> tuple[FigureColumn, ...]:
    """Return the columns with a title that is not one of those that identify the row."""
    left = {title.casefold() for title in without}
    return tuple(
        FigureColumn(column=column, title=title)
        for column in range(len(grid.rows[header]))
        if (title := grid.text(header, column)) and title.casefold() not in left
    )


def body_rows(grid: Grid, header: int) -> tuple[int, ...]:
    """Return the rows below the header that are not blank.

    Raises
    ------
    BadInputError
        When a title stands twice, a row has more or fewer cells than the header, or there is no row.
    """
    rows = tuple(row for row in range(header + 1, len(grid.rows)) if not grid.is_blank(row))
    raise_if_any([*_shape_faults(grid, header, rows)])
    return rows


def _shape_faults(grid: Grid, header: int, rows: Sequence[int]) -> Iterator[Fault]:
    titles = [grid.text(header, column) for column in range(len(grid.rows[header]))]
    for column, title in enumerate(titles):
        if title and title in titles[:column]:
            yield file_fault(grid.place(header, column), f"column {title!r} stands twice", REMEDY_COLUMNS)
    if not rows:
        yield file_fault(grid.path, "there is no row below the header", REMEDY_COLUMNS)
    width = len(grid.rows[header])
    untitled = [column for column, title in enumerate(titles) if not title]
    for row in rows:
        if len(grid.rows[row]) != width:
            what = f"the row has {len(grid.rows[row])} cells, the header {width}"
            yield file_fault(grid.place(row, 0), what, REMEDY_COLUMNS)
            continue
        for column in untitled:
            if grid.text(row, column):
                what = f"{grid.text(row, column)!r} stands in a column without a title"
                yield file_fault(grid.place(row, column), what, REMEDY_COLUMNS)
