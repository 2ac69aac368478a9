"""Reader of the tables that the web site of BPS gives as workbook or CSV.

Two header rows (title over years), provinces in capitals between their regions, names without codes, a kabupaten
without its type and a city as "Kota ...", the country last, then notes, source address and access time.

Belongs here: where things stand in such a table. Does not belong here: what its title stands for.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.regions import Registry, name_key
from evaluation.sources.grid import Grid, file_fault, open_grids
from evaluation.sources.layout import FigureColumn, Layout, RegionRow, observe, refuse

NAME_HEADER = re.compile(r".*\b(?:(?:kabupaten|kab\.?)\s*/\s*kota|regency\s*/\s*(?:municipality|city))\b.*")
YEAR = re.compile(r"((?:19|20)[0-9]{2})(\*{0,2})")
HEADER_ROWS = 30
"""Rows from the top in which the header is looked for: some lines may stand above it."""
TITLE_ROWS = 4
"""Rows between the title and the years, at most."""
COUNTRY = "indonesia"
ADDRESS = re.compile(r"(?:source url|sumber url|url sumber)\s*:\s*(\S+)", re.IGNORECASE)
ACCESSED = re.compile(r"(?:access time|waktu akses|diakses)\s*:\s*(.+)", re.IGNORECASE)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "januari"), ("february", "februari"), ("march", "maret"), ("april",), ("may", "mei"),
            ("june", "juni"), ("july", "juli"), ("august", "agustus"), ("september",), ("october", "oktober"),
            ("november",), ("december", "desember"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
TABLE_NUMBER = re.compile(r"/indicator/[0-9]+/([0-9]+)/")
TABLE_TOKEN = re.compile(r"/statistics-table/[0-9]+/([A-Za-z0-9+/=%]+)")
REMEDY_SHAPE = "take the table as the site of BPS gives it, with its header rows, names of regions and years"
REMEDY_SECOND = "save each table in a file of its own"


@dataclass(frozen=True)
class Header:
    """Where the header of a table stands: its row, the row of years, and the column of names."""

    row: int
    years_row: int
    name_column: int


def is_bps_web_table(grid: Grid) -> bool:
    """Tell whether a grid is such a table, by content."""
    return _find_header(grid) is not None


def read_bps_web_table(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one web table of BPS into observations with the cell of each figure.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    for grid in open_grids(path):
        if is_bps_web_table(grid):
            return observe(parse_bps_web_table(grid, registry=registry), origin=origin, registry=registry)
    raise refuse(str(path), "this is no web table of BPS", REMEDY_SHAPE)


def parse_bps_web_table(grid: Grid, *, registry: Registry) -> Layout:
    """Return rows, columns, address and day of access of a web table.

    Raises
    ------
    BadInputError
        When titles or years are missing or unreadable, when no region is listed, or when a second table begins.
    """
    header = _find_header(grid)
    if header is None:
        raise refuse(str(grid.path), "there is no header with names of regions and years", REMEDY_SHAPE)
    columns, faults = _columns(grid, header)
    body = _body(grid, header, columns)
    raise_if_any([*faults, *_second_header(grid, header, body), *_stray_cells(grid, header, body, columns)])
    rows = _region_rows(grid, header, body, registry)
    if not rows:
        raise refuse(str(grid.path), "the table lists no kabupaten and no kota", REMEDY_SHAPE)
    foot = [
        grid.text(row, column) for row in range(body.stop, len(grid.rows)) for column in _width(grid, row)
    ]
    return Layout(
        grid=grid,
        name_column=header.name_column,
        rows=rows,
        columns=columns,
        bare="kabupaten",
        address=_first_match(ADDRESS, foot),
        accessed=_day(_first_match(ACCESSED, foot)),
        notes=(*grid.notes, *_preliminary(grid, header, columns)),
    )


def table_number(address: str) -> str:
    """Return the number of the dynamic table in an address of the site, empty where it has none.

    >>> table_number("https://www.bps.go.id/indicator/26/417/2/-metode-baru-harapan-lama-sekolah.html")
    '417'
    """
    plain = TABLE_NUMBER.search(address)
    if plain:
        return plain[1]
    token = TABLE_TOKEN.search(address)
    if token is None:
        return ""
    try:
        decoded = base64.b64decode(token[1].replace("%3D", "=").split("/")[0], validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    found = re.match(r"([0-9]+)#", decoded)
    return found[1] if found else ""


def _find_header(grid: Grid) -> Header | None:
    for row in range(min(HEADER_ROWS, len(grid.rows))):
        for column in _width(grid, row):
            if NAME_HEADER.fullmatch(grid.text(row, column).casefold()):
                years_row = _years_row(grid, row, column)
                if years_row is not None:
                    return Header(row=row, years_row=years_row, name_column=column)
    return None


def _years_row(grid: Grid, header_row: int, name_column: int) -> int | None:
    for row in range(header_row + 1, min(header_row + 2 + TITLE_ROWS, len(grid.rows))):
        cells = [grid.text(row, column) for column in _width(grid, row) if column > name_column]
        given = [cell for cell in cells if cell]
        if given and YEAR.fullmatch(given[0]) and not grid.text(row, name_column):
            return row
    return None


def _columns(grid: Grid, header: Header) -> tuple[tuple[FigureColumn, ...], list[Fault]]:
    columns: list[FigureColumn] = []
    faults: list[Fault] = []
    title = ""
    widest = max(len(grid.rows[row]) for row in range(header.row, header.years_row + 1))
    for column in range(header.name_column + 1, widest):
        above = [grid.text(row, column) for row in range(header.row, header.years_row)]
        title = " ".join(text for text in above if text) or title
        stated = grid.text(header.years_row, column)
        if not stated:
            continue
        year = YEAR.fullmatch(stated)
        place = grid.place(header.years_row, column)
        if year is None:
            faults.append(file_fault(place, f"{stated!r} stands where a year should", REMEDY_SHAPE))
        elif not title:
            faults.append(file_fault(place, "there is no title above the year", REMEDY_SHAPE))
        else:
            columns.append(FigureColumn(column=column, title=title, year=int(year[1])))
    return tuple(columns), [*faults, *_repeated_columns(grid, header, columns)]


def _repeated_columns(grid: Grid, header: Header, columns: list[FigureColumn]) -> Iterator[Fault]:
    seen: set[tuple[str, int | None]] = set()
    for column in columns:
        if (column.title, column.year) in seen:
            what = f"{column.title!r} of {column.year} stands in two columns"
            yield file_fault(grid.place(header.years_row, column.column), what, REMEDY_SHAPE)
        seen.add((column.title, column.year))


def _body(grid: Grid, header: Header, columns: tuple[FigureColumn, ...]) -> range:
    """Return the rows from the first below the years to the last that holds a figure."""
    start = header.years_row + 1
    last = start
    for row in range(start, len(grid.rows)):
        if any(grid.text(row, column.column) for column in columns):
            last = row + 1
    return range(start, last)


def _second_header(grid: Grid, header: Header, body: range) -> Iterator[Fault]:
    for row in body:
        if NAME_HEADER.fullmatch(grid.text(row, header.name_column).casefold()):
            yield file_fault(grid.place(row, header.name_column), "a second table begins here", REMEDY_SECOND)


def _stray_cells(
    grid: Grid, header: Header, body: range, columns: tuple[FigureColumn, ...]
) -> Iterator[Fault]:
    """Find cells outside the columns with a year: the cells of such a row have been moved."""
    known = {header.name_column, *(column.column for column in columns)}
    for row in body:
        for column in _width(grid, row):
            if column not in known and grid.text(row, column):
                what = f"{grid.text(row, column)!r} stands in a column without a year"
                yield file_fault(grid.place(row, column), what, REMEDY_SHAPE)


def _region_rows(grid: Grid, header: Header, body: range, registry: Registry) -> tuple[RegionRow, ...]:
    provinces = registry.names.provinces
    rows: list[RegionRow] = []
    province, province_key = "", ""
    for row in body:
        name = grid.text(row, header.name_column)
        if not name and grid.is_blank(row):
            continue
        key = name_key(name)
        if key == COUNTRY:
            province, province_key = "", COUNTRY
        elif key in provinces and _is_heading(name, provinces[key], province_key, registry):
            province, province_key = name, provinces[key]
        else:
            rows.append(RegionRow(row=row, name=name, province=province))
    return tuple(rows)


def _is_heading(name: str, key: str, current: str, registry: Registry) -> bool:
    """Tell a province from a kabupaten of its name: in capitals, and not below its own heading."""
    namesake = bool(registry.names.candidates(f"Kabupaten {name}"))
    return not namesake or (name == name.upper() and key != current)


def _width(grid: Grid, row: int) -> range:
    return range(len(grid.rows[row]))


def _first_match(pattern: re.Pattern[str], texts: list[str]) -> str:
    return next((found[1].strip() for text in texts if (found := pattern.search(text))), "")


def _day(text: str) -> str:
    """Return a day written in words as YYYY-MM-DD, empty where it is none.

    >>> _day("October 10, 2022, 9:16 am")
    '2022-10-10'
    """
    words = re.findall(r"[a-z]+|[0-9]+", text.casefold())
    month = next((MONTHS[word] for word in words if word in MONTHS), 0)
    numbers = [int(word) for word in words if word.isdigit()]
    year = next((number for number in numbers[:2] if number > 1900), 0)
    day = next((number for number in numbers[:2] if number <= 31), 0)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _preliminary(grid: Grid, header: Header, columns: tuple[FigureColumn, ...]) -> Iterator[str]:
    marked = [
        str(column.year) for column in columns if grid.text(header.years_row, column.column).endswith("*")
    ]
    if marked:
        yield f"the publisher marks {', '.join(marked)} as preliminary"
