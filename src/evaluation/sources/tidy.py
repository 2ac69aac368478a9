"""Reader of the tidy form: one row a region, year and variable.

Columns: ``region_code``, ``year``, ``variable``, ``value``, ``unit``, ``quality``, and optionally
``region_name``, which must then agree with the code, and ``quality_reason``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from evaluation.catalog import read_text_table
from evaluation.errors import Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.quality import GRADE_REASONS
from evaluation.regions import Registry
from evaluation.schema import GRADES
from evaluation.sources.grid import Grid

NEEDED = ("region_code", "year", "variable", "value", "unit", "quality")
OPTIONAL = ("region_name", "quality_reason")
WHY_ROW = "one wrong row changes scores and estimates of its region and of all it is compared with"
REMEDY_CODE = (
    "state the right code_system in origin.yml (Kemendagri codes are not BPS codes), or correct the code"
)

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
NUMBER_WITH_COMMA = r"[+-]?[0-9][0-9.]*,[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"
REMEDY_YEAR = "write the year with four digits"
REMEDY_NUMBER = "write a number with a decimal point; leave the row out where it is missing"
REMEDY_COMMA = "write a decimal point, and no sign between thousands: 1234.5"
REMEDY_GRADE = f"grade it: one of {', '.join(GRADES)}"


def is_tidy(grid: Grid) -> bool:
    """Tell whether a text is in the tidy form, by its header."""
    first = next((row for row in range(len(grid.rows)) if not grid.is_blank(row)), None)
    if first is None:
        return False
    return set(NEEDED) <= {grid.text(first, column) for column in range(len(grid.rows[first]))}


def read_tidy(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one tidy CSV into observations with the row number of each figure.

    Raises
    ------
    BadInputError
        With every row that cannot be read.
    """
    text = _read_text_table(path)
    region_code = registry.region_codes(text["region_code"], system=origin.code_system)  # type: ignore[arg-type]
    raise_if_any(
        [
            *_code_faults(path, text, region_code, origin),
            *_name_faults(path, text, region_code, registry),
            *_cell_faults(path, text),
        ]
    )
    quality = text["quality"]
    return pd.DataFrame(
        {
            "source": origin.source,
            "vintage": origin.vintage,
            "region_code": region_code,
            "year": text["year"].astype("int64"),
            "variable": text["variable"],
            "value": text["value"].astype("float64"),
            "unit": text["unit"],
            "quality": quality,
            "quality_reason": text.get("quality_reason", quality.map(GRADE_REASONS)),
            "file": str(path),
            "row": text.index + 2,
        }
    )


def _read_text_table(path: Path) -> pd.DataFrame:
    text = read_text_table(path, why=WHY_ROW)
    absent = [column for column in NEEDED if column not in text.columns]
    unknown = [column for column in text.columns if column not in (*NEEDED, *OPTIONAL)]
    raise_if_any(
        Fault(
            where=str(path),
            what=f"column {column!r} is {'absent' if column in absent else 'unknown'}",
            why=WHY_ROW,
            remedy=f"the columns are {', '.join(NEEDED)}; optional: {', '.join(OPTIONAL)}",
        )
        for column in (*absent, *unknown)
    )
    return text


def _code_faults(path: Path, text: pd.DataFrame, code: pd.Series, origin: Origin) -> Iterator[Fault]:
    for row in text[code.isna()].itertuples():
        yield Fault(
            where=f"{path}, row {row.Index + 2}",
            what=f"region_code {row.region_code!r} is no code of the system {origin.code_system}",
            why=WHY_ROW,
            remedy=REMEDY_CODE,
        )


def _name_faults(path: Path, text: pd.DataFrame, code: pd.Series, registry: Registry) -> Iterator[Fault]:
    if "region_name" not in text.columns:
        return
    pairs = pd.DataFrame({"code": code, "name": text["region_name"], "given": text["region_code"]})
    for row in pairs[pairs["code"].notna() & (pairs["name"] != "")].itertuples():
        if not registry.name_agrees(row.code, row.name):
            registered = registry.by_code.loc[row.code, "name"]
            yield Fault(
                where=f"{path}, row {row.Index + 2}",
                what=f"code {row.given} is {registered}, but the name is {row.name}",
                why=WHY_ROW,
                remedy=REMEDY_CODE,
            )


def _cell_faults(path: Path, text: pd.DataFrame) -> Iterator[Fault]:
    no_number = ~text["value"].str.fullmatch(NUMBER)
    comma = text["value"].str.fullmatch(NUMBER_WITH_COMMA)
    checks = (
        (~text["year"].str.fullmatch("(19|20)[0-9]{2}"), "year cannot be used", "year", REMEDY_YEAR),
        (no_number & ~comma, "value cannot be used", "value", REMEDY_NUMBER),
        (comma, "value has a decimal comma", "value", REMEDY_COMMA),
        (~text["quality"].isin(GRADES), "quality cannot be used", "quality", REMEDY_GRADE),
        (text["variable"] == "", "variable cannot be used", "variable", "name the variable"),
    )
    for wrong, what, column, remedy in checks:
        for row, got in text.loc[wrong, column].items():
            yield Fault(
                where=f"{path}, row {int(str(row)) + 2}",
                what=f"{what}; got: {got!r}",
                why=WHY_ROW,
                remedy=remedy,
            )
