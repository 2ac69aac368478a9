"""Reader of templates that came back filled in.

A template is read only if its codes, names, unit and years were not altered. Such figures are told by a region of
itself: grade B at best.

Belongs here: reading. Does not belong here: writing it (`evaluation.sources.template_workbook`), or where it is filed.
"""

from __future__ import annotations

import datetime
import math
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.quality import GRADE_REASONS, grade_ranks, grades_of
from evaluation.regions import Registry, name_key
from evaluation.sources import template_layout as layout

BEST_GRADE = "B"
SELF_REPORTED = "self_reported"
BACK_CAST = "C"
NOT_XLSX = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    OSError,
    IndexError,
    TypeError,
    AttributeError,
    SyntaxError,
)
"""What openpyxl raises for files that are no workbook or a broken one; XML errors are syntax errors."""
WHY_TEMPLATE = "a figure in a row, column or unit that was altered would be filed as another one"
REMEDY_ALTERED = (
    "copy the figures into a fresh template: evaluation data template {indicator} --out FILE.xlsx"
)
REMEDY_FIELD = "write it in this cell; a figure whose source is not known cannot be cited"
REMEDY_CELL = "write a number without unit or sign, or leave the cell empty"
REMEDY_FORMULA = "replace the formula by its value (copy, then paste as values)"
REMEDY_PERCENT = "format the cell as a number and write 45.5 for 45.5 percent"
REMEDY_EMPTY = "fill in at least one figure, or leave the file out"
REMEDY_FILE = "save it as an Excel workbook (.xlsx), unprotected by a password for opening"


@dataclass(frozen=True)
class TemplateForm:
    """A template as it came back.

    Parameters
    ----------
    indicator, variable, unit
        What the figures are, as the hidden sheet says.
    office, document, filled_on
        Who filled it in, from which document, when (empty where not said).
    cells
        One row a filled cell: region_code, year, value, cell.
    """

    indicator: str
    variable: str
    unit: str
    office: str
    document: str
    filled_on: str
    cells: pd.DataFrame


def is_template(path: Path) -> bool:
    """Tell whether a file is one of these workbooks, by content."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f'name="{layout.MACHINE_SHEET}"'.encode() in archive.read("xl/workbook.xml")
    except (zipfile.BadZipFile, KeyError, OSError):
        return False


def read_form(path: Path, *, registry: Registry) -> TemplateForm:
    """Read a template that came back.

    Raises
    ------
    BadInputError
        With every cell that was altered (codes, names, unit, years), every cell that is no number, and every field
        about the source that is empty.
    """
    workbook = _opened(path)
    try:
        fields = _read_machine_sheet(workbook, path)
        sheet = workbook[layout.ENTRY_SHEET]
        grid = [[cell for cell in row] for row in sheet.iter_rows()]
    finally:
        workbook.close()
    years = [int(year) for year in fields["years"].split(",")]
    faults = [*_frame_faults(path, grid, fields, years), *_source_faults(path, grid)]
    rows = list(_region_rows(grid))
    faults += _row_faults(path, rows, fields, registry)
    faults += _cell_faults(path, rows, years)
    cells = _filled(rows, years)
    if cells.empty and not faults:
        faults.append(_fault(path, "no cell is filled in", REMEDY_EMPTY))
    raise_if_any(faults)
    source = {name: _text(_at(grid, row, 2)) for name, row in layout.FIELD_ROWS.items()}
    return TemplateForm(
        indicator=fields["indicator"],
        variable=fields["variable"],
        unit=fields["unit"],
        cells=cells,
        **source,
    )


def read_template(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read a template into observations with the cell of each figure; empty cells are missing.

    Figures are graded B (``self_reported``), or lower where ``origin.yml`` says so; those of a year before the region
    existed are graded C.

    Raises
    ------
    BadInputError
        As `read_form` does.
    """
    form = read_form(path, registry=registry)
    cells = form.cells
    worst = max(grade_ranks(pd.Series([BEST_GRADE, origin.quality])))
    early = cells["year"] < cells["region_code"].map(registry.created).fillna(0)
    quality = pd.Series(grades_of(early.map({True: 2, False: worst}).to_numpy(dtype="int64")), dtype=str)
    return pd.DataFrame(
        {
            "source": origin.source,
            "vintage": origin.vintage,
            "region_code": cells["region_code"],
            "year": cells["year"],
            "variable": form.variable,
            "value": cells["value"],
            "unit": form.unit,
            "quality": quality,
            "quality_reason": [
                SELF_REPORTED if grade == BEST_GRADE else f"{SELF_REPORTED}+{GRADE_REASONS[grade]}"
                for grade in quality
            ],
            "file": str(path),
            "row": layout.ENTRY_SHEET + "!" + cells["cell"],
        }
    )


def _opened(path: Path) -> Any:
    # its import takes longer than all other readers together, and most runs read no template
    import openpyxl  # type: ignore[import-untyped]

    try:
        workbook = openpyxl.load_workbook(path)
    except NOT_XLSX as error:
        raise BadInputError([_fault(path, f"this is no readable workbook: {error}", REMEDY_FILE)]) from error
    lacking = [name for name in (layout.ENTRY_SHEET, layout.MACHINE_SHEET) if name not in workbook.sheetnames]
    if lacking:
        workbook.close()
        what = f"sheet {', '.join(lacking)} is not there; this is no template of ours"
        raise BadInputError([_fault(path, what, REMEDY_ALTERED.format(indicator="INDICATOR"))])
    return workbook


def _read_machine_sheet(workbook: Any, path: Path) -> dict[str, str]:
    rows = workbook[layout.MACHINE_SHEET].iter_rows(max_col=2, values_only=True)
    fields = {str(row[0]): str(row[1]) for row in rows if row[0] is not None}
    remedy = REMEDY_ALTERED.format(indicator=fields.get("indicator", "INDICATOR"))
    if tuple(fields) != layout.MACHINE_FIELDS or fields["form"] != layout.FORM:
        raise BadInputError([_fault(path, f"the hidden sheet {layout.MACHINE_SHEET} was altered", remedy)])
    if fields["version"] != layout.VERSION:
        what = f"the template has version {fields['version']}; this is read: {layout.VERSION}"
        raise BadInputError([_fault(path, what, remedy)])
    if not re.fullmatch(r"[0-9]{4}(,[0-9]{4})*", fields["years"]):
        raise BadInputError(
            [_fault(path, f"the hidden sheet {layout.MACHINE_SHEET} was altered: years", remedy)]
        )
    return fields


def _frame_faults(
    path: Path, grid: list[list[Any]], fields: Mapping[str, str], years: Sequence[int]
) -> Iterator[Fault]:
    expected = {(1, 1): fields["title"], (2, 1): fields["shown_unit"]}
    headings = (*layout.HEADINGS, *map(str, years))
    expected |= {(layout.HEADING_ROW, column): text for column, text in enumerate(headings, start=1)}
    for (row, column), text in expected.items():
        found = _text(_at(grid, row, column))
        if found != text:
            yield _altered(path, row, column, f"{text!r} stood here; got: {found!r}", fields)
    beyond = layout.FIRST_YEAR_COLUMN + len(years)
    for row, cells in enumerate(grid, start=1):
        for column, cell in enumerate(cells[beyond - 1 :], start=beyond):
            if cell.value is not None:
                yield _altered(path, row, column, f"nothing belongs here; got: {cell.value!r}", fields)


def _source_faults(path: Path, grid: list[list[Any]]) -> Iterator[Fault]:
    for name in layout.NEEDED_FIELDS:
        row = layout.FIELD_ROWS[name]
        if not _text(_at(grid, row, 2)):
            yield _fault(_place(path, row, 2), f"{layout.FIELDS[name].id} is empty", REMEDY_FIELD)


def _region_rows(grid: list[list[Any]]) -> Iterator[tuple[int, list[Any]]]:
    for number, cells in enumerate(grid[layout.HEADING_ROW :], start=layout.HEADING_ROW + 1):
        if any(cell.value is not None for cell in cells):
            yield number, cells


def _row_faults(
    path: Path, rows: list[tuple[int, list[Any]]], fields: Mapping[str, str], registry: Registry
) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for number, cells in rows:
        code, name, province = (_text(cell.value) for cell in cells[:3])
        if code not in registry.codes or fields["region"] not in (layout.ALL_REGIONS, code):
            yield _altered(path, number, 1, f"{code!r} is no code of this template", fields)
            continue
        if code in seen:
            yield _altered(path, number, 1, f"{code} stands in row {seen[code]} already", fields)
        seen.setdefault(code, number)
        registered = registry.by_code.loc[code]
        for column, text, known in ((2, name, registered["name"]), (3, province, registered["province"])):
            if name_key(text) != name_key(str(known)):
                yield _altered(path, number, column, f"{code} is {known}; got: {text!r}", fields)


def _cell_faults(path: Path, rows: list[tuple[int, list[Any]]], years: Sequence[int]) -> Iterator[Fault]:
    for number, cells in rows:
        for position in range(len(years)):
            column = layout.FIRST_YEAR_COLUMN + position
            cell = cells[column - 1] if column <= len(cells) else None
            problem = None if cell is None else _cell_problem(cell)
            if problem:
                yield _fault(_place(path, number, column), *problem)


def _cell_problem(cell: Any) -> tuple[str, str] | None:
    value = cell.value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if cell.data_type == "f":
        return f"this is a formula: {value!s}", REMEDY_FORMULA
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"this is no number: {value!r}", REMEDY_CELL
    if "%" in str(cell.number_format):
        return (
            f"the cell is formatted as a percentage: it shows {value:.2%} and holds {value:g}",
            REMEDY_PERCENT,
        )
    return None


def _filled(rows: list[tuple[int, list[Any]]], years: Sequence[int]) -> pd.DataFrame:
    found = [
        (_text(cells[0].value), year, float(cells[place].value), f"{xl_col_to_name(place)}{number}")
        for number, cells in rows
        for place, year in enumerate(years, start=layout.FIRST_YEAR_COLUMN - 1)
        if place < len(cells) and isinstance(cells[place].value, int | float)
    ]
    table = pd.DataFrame(found, columns=["region_code", "year", "value", "cell"])
    return table.astype({"region_code": "str", "year": "int64", "value": "float64", "cell": "str"})


def _at(grid: list[list[Any]], row: int, column: int) -> object:
    if row > len(grid) or column > len(grid[row - 1]):
        return None
    return grid[row - 1][column - 1].value


def _text(value: object) -> str:
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _place(path: Path, row: int, column: int) -> str:
    return f"{path}, {layout.ENTRY_SHEET}!{xl_col_to_name(column - 1)}{row}"


def _altered(path: Path, row: int, column: int, what: str, fields: Mapping[str, str]) -> Fault:
    return _fault(_place(path, row, column), what, REMEDY_ALTERED.format(indicator=fields["indicator"]))


def _fault(where: Path | str, what: str, remedy: str) -> Fault:
    return Fault(where=str(where), what=what, why=WHY_TEMPLATE, remedy=remedy)
