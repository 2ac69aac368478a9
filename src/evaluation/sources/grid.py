"""A received file as a grid of cells, whatever carries it, with the place of each cell for messages.

Belongs here: opening workbooks and delimited text, and what makes either unreadable or doubtful as a file. Does not
belong here: what the cells mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.errors import BadInputError, Fault
from evaluation.sources.encodings import decode_text
from evaluation.sources.workbook import is_workbook, read_sheets

Cell = object
"""Text, a number, a date, a truth value, or an empty text: what a cell of a workbook or of a text file can hold."""

WHY_FILE = "a table that is not read as its publisher wrote it gives figures that nobody published"
REMEDY_DOWNLOAD = "download it again; if it was edited, take the file as the publisher gives it"
REMEDY_TEXT = (
    "save the table as a workbook (.xlsx), or as CSV with one separator and equally many cells a row"
)
REMEDY_HTML = (
    "open it in a spreadsheet program and save it as a workbook (.xlsx), or download it again as one"
)
REMEDY_EMPTY = "take the file that holds the table"
REMEDY_CUT = "download it again; if the file is whole, end its last line with a line break"
SEPARATORS = (",", ";", "\t", "|")
MARKUP = ("<!doctype html", "<html", "<?xml", "<table", "<head", "<meta", "<div")


@dataclass(frozen=True)
class Grid:
    """One sheet of a workbook, or one text file.

    Parameters
    ----------
    path, sheet
        The file, and the sheet in it (empty for text).
    rows
        Cells by row, from the first row of the file; rows may differ in length.
    first_line
        Line of the file in which each row begins, from 1.
    merged
        Merged ranges: first row, first column, last row, last column, from 0, ends included.
    formulas
        Row and column, from 0, of cells that hold a formula.
    notes
        What a reader of the preview should know of the file.
    """

    path: Path
    sheet: str
    rows: tuple[tuple[Cell, ...], ...]
    first_line: tuple[int, ...]
    merged: tuple[tuple[int, int, int, int], ...] = ()
    formulas: frozenset[tuple[int, int]] = frozenset()
    notes: tuple[str, ...] = field(default=())

    def cell(self, row: int, column: int) -> Cell:
        """Return a cell, an empty text where the row is shorter."""
        cells = self.rows[row]
        return cells[column] if column < len(cells) else ""

    def text(self, row: int, column: int) -> str:
        """Return a cell as text without surrounding blanks."""
        return cell_text(self.cell(row, column))

    def address(self, row: int, column: int) -> str:
        """Return what a reader looks for: ``sheet Sheet1, cell B17`` or ``line 17, column 2``."""
        if self.sheet:
            return f"sheet {self.sheet}, cell {column_letters(column)}{row + 1}"
        return f"line {self.first_line[row]}, column {column + 1}"

    def place(self, row: int, column: int) -> str:
        """Return the address with the name of the file."""
        return f"{self.path}, {self.address(row, column)}"

    def is_blank(self, row: int) -> bool:
        """Tell whether a row has no text."""
        return all(not cell_text(cell) for cell in self.rows[row])


def cell_text(cell: Cell) -> str:
    """Return a cell as text without surrounding blanks; whole numbers without a point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).replace("\xa0", " ").strip()


def column_letters(column: int) -> str:
    """Return the letters of a column counted from 0.

    >>> column_letters(0), column_letters(27)
    ('A', 'AB')
    """
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def open_grids(path: Path) -> tuple[Grid, ...]:
    """Return the grids of a file that hold anything: sheets of a workbook, or the one of a text.

    Raises
    ------
    BadInputError
        When the file is no table: empty, HTML under another name, torn, or of no known encoding.
    """
    content = path.read_bytes()
    if not content.strip():
        raise BadInputError([file_fault(path, "the file is empty", REMEDY_EMPTY)])
    if is_workbook(content):
        return _workbook_grids(path, content)
    return (_text_grid(path, content),)


def file_fault(where: Path | str, what: str, remedy: str) -> Fault:
    """Return a fault of a received file."""
    return Fault(where=str(where), what=what, why=WHY_FILE, remedy=remedy)


def _workbook_grids(path: Path, content: bytes) -> tuple[Grid, ...]:
    try:
        sheets = read_sheets(content)
    except ValueError as error:
        what = f"the workbook cannot be opened: {error}"
        raise BadInputError([file_fault(path, what, REMEDY_DOWNLOAD)]) from error
    filled = [sheet for sheet in sheets if any(cell_text(cell) for row in sheet.rows for cell in row)]
    if not filled:
        raise BadInputError([file_fault(path, "every sheet of the workbook is empty", REMEDY_EMPTY)])
    empty = [sheet.name for sheet in sheets if sheet not in filled]
    notes = tuple(f"sheet {name} is empty" for name in empty)
    return tuple(
        Grid(
            path=path,
            sheet=sheet.name,
            rows=sheet.rows,
            first_line=tuple(range(1, len(sheet.rows) + 1)),
            merged=sheet.merged,
            formulas=sheet.formulas,
            notes=notes,
        )
        for sheet in filled
    )


def _text_grid(path: Path, content: bytes) -> Grid:
    text, encoding = decode_text(path, content)
    start = text.lstrip("\ufeff \t\r\n")[:200].casefold()
    if start.startswith(MARKUP):
        what = f"this is HTML, whatever its name says ({path.suffix or 'no ending'})"
        raise BadInputError([file_fault(path, what, REMEDY_HTML)])
    rows, lines = _split(path, text)
    notes = () if encoding == "utf-8" else (f"the text is in {encoding}",)
    return Grid(path=path, sheet="", rows=rows, first_line=lines, notes=notes)


def _split(path: Path, text: str) -> tuple[tuple[tuple[Cell, ...], ...], tuple[int, ...]]:
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[Cell, ...]] = []
    lines: list[int] = []
    begins = 1
    try:
        for row in reader:
            rows.append(tuple(row))
            lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        what = f"the text is torn near line {reader.line_num}: {error}"
        raise BadInputError([file_fault(path, what, REMEDY_TEXT)]) from error
    _check_end(path, text, rows, lines)
    return tuple(rows), tuple(lines)


def _separator(text: str) -> str:
    """Return the separator that splits most lines into the same number of cells, more than one."""
    sample = text.splitlines()[:200]

    def regularity(separator: str) -> tuple[int, int]:
        counts = [len(row) for row in _lenient_rows(sample, separator) if len(row) > 1]
        most = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(most), most)

    return max(SEPARATORS, key=regularity)


def _lenient_rows(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=separator)


def _check_end(path: Path, text: str, rows: Sequence[tuple[Cell, ...]], lines: Sequence[int]) -> None:
    """Refuse a text that ends within a line: its last figure may have lost digits."""
    if text.endswith(("\n", "\r")) or not rows or not rows[-1]:
        return
    last = cell_text(rows[-1][-1])
    if last[-1:].isdigit() or len(rows[-1]) < max(len(row) for row in rows):
        what = f"the text ends in the middle of line {lines[-1]}: {last!r} may have lost digits"
        raise BadInputError([file_fault(path, what, REMEDY_CUT)])
