"""Workbooks to cells: values by calamine, formulas from the sheets' own markup.

Belongs here: what stands in a workbook's sheets. Does not belong here: choosing a sheet, or what cells mean.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import python_calamine

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of workbooks since 2007 and before."""
ZIPPED_LIMIT = 300_000_000
"""Bytes of all parts of a workbook when unpacked; more is no table of regions."""
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What unpacking raises for archives that are cut off, damaged, packed in an unknown way or encrypted."""
FORMULA = re.compile(rb'<c\b[^>]*\br="([A-Z]+)([0-9]+)"[^>]*>\s*<f\b')


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, its cells from A1, merged ranges, and the cells that hold formulas."""

    name: str
    rows: tuple[tuple[object, ...], ...]
    merged: tuple[tuple[int, int, int, int], ...]
    formulas: frozenset[tuple[int, int]]


def is_workbook(content: bytes) -> bool:
    """Tell whether bytes begin as a workbook does, whatever the file is called."""
    return content.startswith((ZIP, OLE))


def read_sheets(content: bytes) -> tuple[Sheet, ...]:
    """Return all sheets of a workbook.

    Raises
    ------
    ValueError
        When it is no workbook, a torn one, or one that unpacks to more than any table needs.
    """
    if content.startswith(ZIP):
        _check_archive(content)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        formulas = _formulas(content) if content.startswith(ZIP) else {}
        return tuple(_sheet(workbook, name, formulas) for name in workbook.sheet_names)
    except (python_calamine.CalamineError, OSError, KeyError) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            torn = archive.testzip() if unpacked <= ZIPPED_LIMIT else None
    except UNREADABLE as error:
        raise ValueError(f"{error}; it may be cut off, damaged or under a password") from error
    if unpacked > ZIPPED_LIMIT:
        raise ValueError("it unpacks to more than any table of regions needs")
    if torn:
        raise ValueError(f"its part {torn} is damaged")


def _sheet(workbook: Any, name: str, formulas: dict[str, frozenset[tuple[int, int]]]) -> Sheet:
    sheet = workbook.get_sheet_by_name(name)
    merged = sheet.merged_cell_ranges or []
    return Sheet(
        name=name,
        rows=tuple(tuple(row) for row in sheet.to_python(skip_empty_area=False)),
        merged=tuple((top, left, bottom, right) for (top, left), (bottom, right) in merged),
        formulas=formulas.get(name, frozenset()),
    )


def _formulas(content: bytes) -> dict[str, frozenset[tuple[int, int]]]:
    """Return the cells with formulas of each sheet that has any."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {}
        for name, part in _sheet_parts(archive):
            markup = archive.read(part)
            if b"<f" in markup:
                found[name] = frozenset(
                    (int(row) - 1, _column(letters.decode())) for letters, row in FORMULA.findall(markup)
                )
        return found


def _sheet_parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield the name of each sheet with the part of the archive it stands in."""
    targets = dict(
        (identity, target)
        for attributes in re.findall(r"<Relationship\b([^>]*)>", _text(archive, "xl/_rels/workbook.xml.rels"))
        for identity, target in [(_attribute(attributes, "Id"), _attribute(attributes, "Target"))]
    )
    for attributes in re.findall(r"<(?:\w+:)?sheet\b([^>]*)>", _text(archive, "xl/workbook.xml")):
        target = targets.get(_attribute(attributes, "r:id"), "")
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if part in archive.namelist():
            yield _unescaped(_attribute(attributes, "name")), part


def _text(archive: zipfile.ZipFile, part: str) -> str:
    return archive.read(part).decode("utf-8", errors="replace") if part in archive.namelist() else ""


def _attribute(attributes: str, name: str) -> str:
    found = re.search(rf'(?<![\w:]){re.escape(name)}="([^"]*)"', attributes)
    return found[1] if found else ""


def _unescaped(text: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
