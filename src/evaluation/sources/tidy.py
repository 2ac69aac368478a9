"""Reader of the tidy form: one row a region, year and variable.

Columns: ``region_code``, ``year``, ``variable``, ``value``, ``unit``, ``quality``, and optionally
``region_name``, which must then agree with the code, and ``quality_reason``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Origin
from evaluation.quality import GRADE_REASONS
from evaluation.regions import Registry
from evaluation.schema import GRADES

NEEDED = ("region_code", "year", "variable", "value", "unit", "quality")
OPTIONAL = ("region_name", "quality_reason")
WHY_ROW = "one wrong row changes scores and estimates of its region and of all it is compared with"
REMEDY_CODE = (
    "state the right code_system in origin.yml (Kemendagri codes are not BPS codes), or correct the code"
)


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
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInputError(
            [
                Fault(
                    where=str(path),
                    what=f"this is no readable CSV: {' '.join(str(error).split())}",
                    why=WHY_ROW,
                    remedy="save it as CSV in UTF-8: commas, one header row, equally many cells a row",
                )
            ]
        ) from error
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
    bad_value = pd.to_numeric(text["value"], errors="coerce").isna()
    checks = (
        (~text["year"].str.fullmatch(r"(19|20)\d\d"), "year", "write the year with four digits"),
        (bad_value, "value", "write a number with a decimal point; leave the row out where it is missing"),
        (~text["quality"].isin(GRADES), "quality", f"grade it: one of {', '.join(GRADES)}"),
        (text["variable"] == "", "variable", "name the variable"),
    )
    for wrong, column, remedy in checks:
        for row, got in text.loc[wrong, column].items():
            yield Fault(
                where=f"{path}, row {int(str(row)) + 2}",
                what=f"{column} cannot be used; got: {got!r}",
                why=WHY_ROW,
                remedy=remedy,
            )
