"""Tables for readers: HTML on a page, CSV and Excel to take away.

Belongs here: laying out a finished tidy table. Does not belong here: choosing, computing or rounding what is
in it; words and number formats are passed in.
"""

from __future__ import annotations

import base64
import datetime
import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xlsxwriter
from markupsafe import Markup, escape

from evaluation.errors import EvaluationError

WORKBOOK_DATE = datetime.datetime(2000, 1, 1)
"""Creation date written into every workbook, so that equal tables give equal bytes."""

SHEET_NAME_LENGTH = 31
"""Longest name of a sheet that Excel opens."""

WIDEST_COLUMN = 60
"""Widest column of a workbook, in characters."""

GRADE_SYMBOLS: Mapping[str, str] = {"A": "●", "B": "◐", "C": "○"}
"""A full, a half and an empty circle: the grade is readable without colour and without the letter."""

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Column:
    """One column of an HTML table.

    Parameters
    ----------
    key
        Column of the frame.
    heading
        Heading in words, with the unit.
    align
        ``number`` sets figures of equal width, flush right.
    format_value
        Writes a cell that is not missing; without it the cell is shown as text. A result of type
        `markupsafe.Markup` is taken as HTML, anything else is escaped.
    render
        Writes a cell that is not missing from its whole row, for example a grade with its word or a link;
        goes before `format_value`.
    reason_key
        Column that says why a cell is missing; without it, or where it is empty, a missing cell is hatched
        and says nothing.
    """

    key: str
    heading: str
    align: Literal["text", "number"] = "text"
    format_value: Callable[[Any], object] | None = None
    reason_key: str = ""
    render: Callable[[Mapping[str, Any]], object] | None = None


@dataclass(frozen=True, repr=False)
class Table:
    """A finished table as HTML, ready to be shown in a notebook or put on a page."""

    html: str
    caption: str = ""

    def __repr__(self) -> str:
        return f"Table({self.caption!r})"

    def _repr_html_(self) -> str:
        return self.html

    def __html__(self) -> str:
        """Return the table as HTML."""
        return self.html


def html_table(
    frame: pd.DataFrame,
    *,
    columns: Sequence[Column],
    caption: str,
    group_by: str | None = None,
    footnote: str = "",
    sortable: bool = False,
    phone: Literal["cards", "scroll"] = "cards",
    row_attributes: Sequence[str] = (),
    wide: bool = False,
) -> Table:
    """Return a table for readers.

    Parameters
    ----------
    frame
        The rows in the order to be shown.
    columns
        The columns to show; the first one names the row.
    caption
        What the table shows.
    group_by
        Column whose changes start a new block under a heading of its own; rows are not reordered.
    footnote
        A line below the table.
    sortable
        Whether a click on a heading sorts the rows (with scripts; ignored with ``group_by``).
    phone
        On a narrow screen, rows become ``cards``, or the table can ``scroll`` inside its own box.
    row_attributes
        Columns written as ``data-`` attributes of each row, for filters.
    wide
        Whether the table may be wider than the column of text.

    Returns
    -------
    Table

    Raises
    ------
    EvaluationError
        When the frame lacks a column.
    """
    _require(
        frame, [column.key for column in columns] + list(row_attributes) + ([group_by] if group_by else [])
    )
    rows = [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False)]
    classes = ["table", f"phone-{phone}"] + ["wide"] * wide + ["sortable"] * (sortable and group_by is None)
    head = "".join(
        f'<th scope="col" class="{column.align}">{escape(column.heading)}</th>' for column in columns
    )
    bodies = _bodies(rows, columns, group_by, row_attributes, merge_missing="sortable" not in classes)
    html = (
        f'<div class="{" ".join(classes)}"><div class="table-box" tabindex="0" role="region" '
        f'aria-label="{escape(caption)}"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>{bodies}</table></div>"
        + (f'<p class="table-note">{escape(footnote)}</p>' if footnote else "")
        + "</div>"
    )
    return Table(html=html, caption=caption)


def grade_badge(grade: str, word: str) -> Markup:
    """Return a grade as symbol, letter and word.

    Parameters
    ----------
    grade
        ``A`` use it, ``B`` with care, ``C`` do not act on it.
    word
        What the grade lets a reader do, in the reader's language.
    """
    if grade not in GRADE_SYMBOLS:
        raise EvaluationError(
            f"A grade is one of {', '.join(GRADE_SYMBOLS)}, or a reader cannot look it up; got: {grade!r}."
        )
    return Markup('<span class="grade grade-{}"><i aria-hidden="true">{}</i>{} · {}</span>').format(
        grade.lower(), GRADE_SYMBOLS[grade], grade, word
    )


def to_csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8: commas, decimal points, empty cells where values are missing."""
    return frame.to_csv(index=False, lineterminator="\n").encode("utf-8")


def to_xlsx_bytes(frames: Mapping[str, pd.DataFrame]) -> bytes:
    """Return a workbook with one sheet a table; equal tables give equal bytes.

    Parameters
    ----------
    frames
        Sheet name to table. Text is written as text, so a region code keeps its leading zero and nothing is
        read as a formula; missing cells stay empty.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as workbook:
        workbook.set_properties({"created": WORKBOOK_DATE})
        heading = workbook.add_format({"bold": True, "bottom": 1})
        for name, frame in frames.items():
            _write_sheet(workbook.add_worksheet(name[:SHEET_NAME_LENGTH]), frame, heading)
    return buffer.getvalue()


def download_links(
    frames: Mapping[str, pd.DataFrame], *, file_stem: str, labels: Mapping[str, str], heading: str
) -> Table:
    """Return links that save the tables of a page, carried by the page itself.

    Parameters
    ----------
    frames
        Short name (used in file and sheet names) to table.
    file_stem
        Start of every file name.
    labels
        Short name to what the table is called on the page; ``xlsx`` to the text of the workbook's link.
    heading
        Words before the links.
    """
    links = [
        _data_link(to_csv_bytes(frame), "text/csv", f"{file_stem}-{name}.csv", f"{labels[name]} (CSV)")
        for name, frame in frames.items()
    ]
    links.append(_data_link(to_xlsx_bytes(frames), XLSX_TYPE, f"{file_stem}.xlsx", labels["xlsx"]))
    items = "".join(f"<li>{link}</li>" for link in links)
    return Table(
        html=f'<div class="downloads"><p>{escape(heading)}</p><ul>{items}</ul></div>', caption=heading
    )


def _require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    lacking = [column for column in columns if column not in frame.columns]
    if lacking:
        raise EvaluationError(
            f"The table lacks the columns {', '.join(lacking)}, so it would have empty columns on the page. "
            f"Add them to the frame; got: {', '.join(map(str, frame.columns))}."
        )


def _bodies(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    group_by: str | None,
    row_attributes: Sequence[str],
    *,
    merge_missing: bool,
) -> str:
    blocks: list[tuple[str, list[str]]] = []
    for row in rows:
        group = str(row[group_by]) if group_by else ""
        if not blocks or blocks[-1][0] != group:
            blocks.append((group, []))
        blocks[-1][1].append(_row(row, columns, row_attributes, merge_missing=merge_missing))
    return "".join(
        "<tbody>" + (_group_heading(group, len(columns)) if group_by else "") + "".join(body) + "</tbody>"
        for group, body in blocks
    )


def _group_heading(group: str, width: int) -> str:
    return f'<tr class="group"><th colspan="{width}" scope="rowgroup">{escape(group)}</th></tr>'


def _row(
    row: Mapping[str, Any], columns: Sequence[Column], row_attributes: Sequence[str], *, merge_missing: bool
) -> str:
    attributes = "".join(f' data-{escape(name)}="{escape(_plain(row[name]))}"' for name in row_attributes)
    cells = _heading_cell(row, columns[0])
    for missing, members in itertools.groupby(columns[1:], key=lambda column: _is_missing(row[column.key])):
        run = list(members)
        merged = missing and merge_missing
        cells += _missing_cell(row, run) if merged else "".join(_cell(row, column) for column in run)
    return f"<tr{attributes}>{cells}</tr>"


def _heading_cell(row: Mapping[str, Any], column: Column) -> str:
    return f'<th scope="row" class="{column.align}"><span>{escape(_content(row, column))}</span></th>'


def _cell(row: Mapping[str, Any], column: Column) -> str:
    value = row[column.key]
    if _is_missing(value):
        return _missing_cell(row, [column])
    sort_value = f' data-value="{escape(value)}"' if column.align == "number" else ""
    return (
        f'<td class="{column.align}" data-label="{escape(column.heading)}"{sort_value}>'
        f"<span>{escape(_content(row, column))}</span></td>"
    )


def _missing_cell(row: Mapping[str, Any], run: Sequence[Column]) -> str:
    """Return one hatched cell for neighbouring columns without a value, with the first reason there is."""
    reasons = (_plain(row.get(column.reason_key)) for column in run)
    reason = next((text for text in reasons if text), "")
    span = f' colspan="{len(run)}"' if len(run) > 1 else ""
    return (
        f'<td class="hatched"{span} data-label="{escape(run[0].heading)}"><span>{escape(reason)}</span></td>'
    )


def _content(row: Mapping[str, Any], column: Column) -> object:
    if column.render is not None:
        return column.render(row)
    value = row[column.key]
    return value if column.format_value is None else column.format_value(value)


def _is_missing(value: object) -> bool:
    if value is None or isinstance(value, str | Markup):
        return value is None or value == ""
    return bool(pd.isna(value)) if pd.api.types.is_scalar(value) else False


def _plain(value: object) -> str:
    return "" if _is_missing(value) else str(value)


def _write_sheet(sheet: Any, frame: pd.DataFrame, heading: Any) -> None:
    sheet.freeze_panes(1, 1)
    for position, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, position]
        is_filled = column.notna().to_numpy() & ~column.isin([""]).to_numpy()
        lines, filled = np.flatnonzero(is_filled), column[is_filled]
        longest = max([len(name), *map(len, map(str, filled.unique().tolist()))])
        sheet.set_column(position, position, min(longest + 2, WIDEST_COLUMN))
        sheet.write_string(0, position, name, heading)
        for line, value in zip(lines.tolist(), filled.tolist(), strict=True):
            _write_cell(sheet, line + 1, position, value)


def _write_cell(sheet: Any, line: int, position: int, value: object) -> None:
    if isinstance(value, str):
        sheet.write_string(line, position, value)
    elif isinstance(value, bool):
        sheet.write_boolean(line, position, value)
    elif isinstance(value, float) and math.isinf(value):
        sheet.write_string(
            line, position, f"{value:g}"
        )  # a workbook holds no infinite number; CSV writes the same
    else:
        sheet.write_number(line, position, float(value))  # type: ignore[arg-type]


def _data_link(content: bytes, media_type: str, file_name: str, text: str) -> str:
    address = f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<a class="download" download="{escape(file_name)}" href="{address}">{escape(text)}</a>'
