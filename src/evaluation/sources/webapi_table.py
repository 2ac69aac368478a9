"""Reader of kept answers of the BPS WebAPI: one dynamic table of a domain, as received.

The cells of an answer have keys that are the numbers of region, variable, breakdown, year and part of the year written
one after the other without a sign between, in lengths that vary. So no key is cut up: every combination of the listed
numbers is written out and looked up. A key that no combination gives, and one that two give, are faults.

Belongs here: an answer's table, and its rows as observations. Does not belong here: asking for it
(`evaluation.sources.webapi`).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.catalog import read_config
from evaluation.errors import Fault, raise_if_any
from evaluation.provenance import Origin, sha256_file
from evaluation.quality import GRADE_REASONS
from evaluation.regions import CODE_COLUMNS, CodeSystem, Registry, name_key
from evaluation.sources.origins import ORIGIN_FILE
from evaluation.sources.webapi_answers import (
    REMEDY_SHAPE,
    WHY_ANSWER,
    decode_answer,
    whole_number,
)

PARTS = ("vervar", "var", "turvar", "tahun", "turtahun")
"""Lists of an answer whose numbers make up the keys of its cells, in the order they are written in."""
BPS_SYSTEMS: tuple[CodeSystem, ...] = ("bps_2021", "bps_2024")
MOST_COMBINATIONS = 5_000_000
"""Enough for all regions, 40 years, 12 months and 20 breakdowns; more is no answer to one question."""
NATIONAL = "indonesia"
NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?"
SHOWN_KEYS = 5
WHY_REGION = "a figure under a wrong region changes scores and estimates of two regions"
REMEDY_REGION = (
    "the numbers of this table are not BPS codes of the stated system, or names have changed; take the table as a "
    "file from the web page, whose names are resolved one by one (docs/webapi.md)"
)
REMEDY_NARROW = "fetch it again with --turvar or --turth and one of these numbers"
REMEDY_MAPPING = "say in origin.yml under `variables` which variable of the catalogue it is, and its unit"
BACK_CAST = "C"


@dataclass(frozen=True)
class WebApiTable:
    """One dynamic table.

    Parameters
    ----------
    variable
        Its number.
    title, unit, note
        As the publisher writes them.
    cells
        One row a figure: region_id, region_label, turvar, turvar_label, year, turtahun, turtahun_label, value
        (missing where the publisher has none), key.
    """

    variable: int
    title: str
    unit: str
    note: str
    cells: pd.DataFrame

    @property
    def years(self) -> tuple[int, ...]:
        """Years that have at least one figure."""
        return tuple(sorted(self.cells.loc[self.cells["value"].notna(), "year"].unique().tolist()))


def is_webapi(content: bytes) -> bool:
    """Tell whether bytes are an answer of the service with a table, by content."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"{") or b'"datacontent"' not in content:
        return False
    return all(f'"{part}"'.encode() in content for part in PARTS)


def parse_table(content: bytes, *, where: str) -> WebApiTable:
    """Return the table of a data answer.

    Parameters
    ----------
    content
        The bytes as received.
    where
        File or address, for messages.

    Raises
    ------
    BadInputError
        When it is no data answer; with every key that nothing explains or that is ambiguous, every figure that is no
        number, every year that is none.
    """
    answer = decode_answer(content, where=where)
    raise_if_any(_shape_faults(answer, where))
    listed = {part: _entries(answer[part]) for part in PARTS}
    cells, faults = _explained(answer["datacontent"], listed, where)
    raise_if_any([*faults, *_year_faults(answer["tahun"], where)])
    (variable,) = answer["var"]
    return WebApiTable(
        variable=int(variable["val"]),
        title=plain_label(variable.get("label")),
        unit=plain_label(variable.get("unit")),
        note=plain_label(variable.get("note")),
        cells=cells,
    )


def read_webapi(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one kept answer into observations with the key of each figure.

    Rows of provinces and of the country are left out. Numbers of regions are taken as codes of the stated system and
    compared with the names beside them. Figures from before a region existed are graded C, all others as ``origin.yml`` says.

    Parameters
    ----------
    path
        The answer as received.
    origin
        Says the code system, and under ``variables`` what each number of a table is in the catalogue.
    registry
        All regions.

    Raises
    ------
    BadInputError
        With every row that is no region by code and name, and what `parse_table` finds.
    """
    table = parse_table(path.read_bytes(), where=str(path))
    raise_if_any([*_breakdown_faults(table, path), *_mapping_faults(table, origin, path)])
    meaning = origin.variables[str(table.variable)]
    regional = table.cells[~_is_aggregate(table.cells, registry)]
    codes = regional["region_id"].map(_code_of(regional, registry, origin.code_system))  # type: ignore[arg-type]
    raise_if_any(_region_faults(regional, codes, registry, system=origin.code_system, where=str(path)))
    year = regional["year"] + meaning.year_offset
    carried = regional["value"].notna() & (regional["year"].isin(meaning.years) if meaning.years else True)
    kept = regional.assign(region_code=codes, year=year)[carried]
    early = kept["year"] < kept["region_code"].map(registry.created).fillna(0)
    quality = early.map({True: BACK_CAST, False: origin.quality})
    return pd.DataFrame(
        {
            "source": origin.source,
            "vintage": origin.vintage,
            "region_code": kept["region_code"],
            "year": kept["year"].astype("int64"),
            "variable": meaning.variable,
            "value": kept["value"].astype("float64"),
            "unit": meaning.unit,
            "quality": quality,
            "quality_reason": quality.map(GRADE_REASONS),
            "file": str(path),
            "row": "datacontent " + kept["key"],
        }
    ).reset_index(drop=True)


def code_system_of(table: WebApiTable, registry: Registry) -> CodeSystem:
    """Return the BPS code system under which the table's numbers of regions fit the names beside them.

    Raises
    ------
    BadInputError
        When they fit none: with every row that does not fit the best one.
    """
    regional = table.cells[~_is_aggregate(table.cells, registry)].drop_duplicates(
        ["region_id", "region_label"]
    )
    found: dict[CodeSystem, list[Fault]] = {}
    for system in BPS_SYSTEMS:
        codes = regional["region_id"].map(_code_of(regional, registry, system))
        where = f"table {table.variable}"
        found[system] = list(_region_faults(regional, codes, registry, system=system, where=where))
    best = min(found, key=lambda system: len(found[system]))
    raise_if_any(found[best])
    return best


def kept_address(path: Path) -> tuple[str, str]:
    """Return address and day of access of an answer that was fetched: those in the ``origin.yml`` beside it.

    Empty where there is none beside it, or it is about another file.
    """
    beside = path.parent / ORIGIN_FILE
    if not beside.is_file():
        return "", ""
    fields = read_config(beside)
    listed = fields.get("files")
    if not isinstance(listed, dict) or listed.get(path.name) != sha256_file(path):
        return "", ""
    return str(fields.get("address", "")), str(fields.get("accessed", ""))


def plain_label(text: object) -> str:
    """Return a label without markup and doubled spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", str(text or "")).split())


def _shape_faults(answer: dict[str, Any], where: str) -> Iterator[Fault]:
    for part in PARTS:
        entries = answer.get(part)
        if not isinstance(entries, list) or not entries:
            yield _fault(where, f"`{part}` lists nothing", REMEDY_SHAPE)
        elif wrong := [entry for entry in entries if not _is_entry(entry)]:
            yield _fault(
                where, f"`{part}` holds what is no pair of val and label: {str(wrong[0])[:80]}", REMEDY_SHAPE
            )
        elif len({str(entry["val"]) for entry in entries}) < len(entries):
            yield _fault(where, f"`{part}` lists a number twice", REMEDY_SHAPE)
        elif part == "var" and len(entries) > 1:
            yield _fault(where, "the answer holds more than one table (`var`)", "fetch them one by one")
    content = answer.get("datacontent")
    if not isinstance(content, dict) or not content:
        yield _fault(where, "`datacontent` holds no cell", REMEDY_SHAPE)
    if not _small_enough(answer):
        yield _fault(where, "the lists allow more cells than any regional table has", REMEDY_SHAPE)


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and whole_number(entry.get("val")) is not None and "label" in entry


def _small_enough(answer: dict[str, Any]) -> bool:
    sizes = [len(answer[part]) for part in PARTS if isinstance(answer.get(part), list)]
    return math.prod(sizes) <= MOST_COMBINATIONS


def _entries(entries: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the numbers as they are written in keys, each with its label."""
    return [(str(entry["val"]).strip(), plain_label(entry["label"])) for entry in entries]


def _explained(
    content: dict[str, Any], listed: dict[str, list[tuple[str, str]]], where: str
) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the cells with what their keys say, and the keys and figures at fault."""
    waiting, rows, ambiguous = dict(content), {}, set()
    for combination in itertools.product(*(listed[part] for part in PARTS)):
        key = "".join(number for number, _ in combination)
        if key in rows:
            ambiguous.add(key)
        elif key in waiting:
            rows[key] = combination
            del waiting[key]
    faults = [*_key_faults(list(waiting), sorted(ambiguous), where)]
    values = {key: _number(content[key]) for key in rows}
    for key, value in values.items():
        if value is None:
            got = f"{content[key]!r}"[:40]
            faults.append(_fault(f"{where}, datacontent {key}", f"this is no figure: {got}", REMEDY_SHAPE))
    return _cells(rows, values), faults


def _key_faults(unexplained: list[str], ambiguous: list[str], where: str) -> Iterator[Fault]:
    for keys, what in (
        (unexplained, "cells have keys that no combination of the listed numbers gives"),
        (ambiguous, "cells have keys that two combinations of the listed numbers give"),
    ):
        if keys:
            shown = ", ".join(keys[:SHOWN_KEYS]) + (", ..." if len(keys) > SHOWN_KEYS else "")
            yield _fault(where, f"{len(keys)} {what}: {shown}", REMEDY_SHAPE)


def _cells(rows: dict[str, tuple[tuple[str, str], ...]], values: dict[str, float | None]) -> pd.DataFrame:
    names = ("region", "variable", "turvar", "year", "turtahun")
    table = pd.DataFrame(
        [[part for pair in combination for part in pair] for combination in rows.values()],
        columns=[column for name in names for column in (f"{name}_id", f"{name}_label")],
        dtype=str,
    )
    years = pd.to_numeric(table["year_label"], errors="coerce").fillna(0).astype("int64")
    return pd.DataFrame(
        {
            "region_id": table["region_id"],
            "region_label": table["region_label"],
            "turvar": table["turvar_id"],
            "turvar_label": table["turvar_label"],
            "year": years,
            "turtahun": table["turtahun_id"],
            "turtahun_label": table["turtahun_label"],
            "value": pd.Series([values[key] for key in rows], dtype="float64"),
            "key": pd.Series(list(rows), dtype=str),
        }
    )


def _number(cell: object) -> float | None:
    """Return a figure, NaN for a cell that is empty, None for what is neither."""
    if cell is None or cell == "":
        return math.nan
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    if isinstance(cell, str):
        return float(cell) if re.fullmatch(NUMBER, cell.strip()) else None
    return float(cell) if math.isfinite(cell) else None


def _year_faults(entries: Sequence[dict[str, Any]], where: str) -> Iterator[Fault]:
    for entry in entries:
        label = plain_label(entry["label"])
        if not re.fullmatch("(19|20)[0-9]{2}", label) or int(label) - 1900 != int(entry["val"]):
            what = f"`tahun` {entry['val']} is labelled {label!r}; a year's number is the year less 1900"
            yield _fault(where, what, REMEDY_SHAPE)


def _breakdown_faults(table: WebApiTable, path: Path) -> Iterator[Fault]:
    filled = table.cells[table.cells["value"].notna()]
    for column, what in (("turvar", "breakdowns"), ("turtahun", "parts of the year")):
        pairs = filled[[column, f"{column}_label"]].drop_duplicates()
        if len(pairs) > 1:
            shown = "; ".join(f"{number} {label}" for number, label in pairs.itertuples(index=False))
            yield _fault(str(path), f"the table has several {what}: {shown}", REMEDY_NARROW)


def _mapping_faults(table: WebApiTable, origin: Origin, path: Path) -> Iterator[Fault]:
    if str(table.variable) not in origin.variables:
        what = f"table {table.variable} ({table.title!r}, in {table.unit!r}) is not mapped to a variable"
        yield _fault(str(path), what, REMEDY_MAPPING)


def _is_aggregate(cells: pd.DataFrame, registry: Registry) -> pd.Series:
    """Tell which rows are the country or a province: by name, and for a province by a number that ends in 00."""
    keys = cells["region_label"].map(name_key)
    province = keys.isin(set(registry.names.provinces)) & cells["region_id"].str.fullmatch("[0-9]{2}(00)?")
    return province | (keys == NATIONAL)


def _code_of(cells: pd.DataFrame, registry: Registry, system: CodeSystem) -> dict[str, Any]:
    numbers = pd.Series(cells["region_id"].unique(), dtype=str)
    if system not in CODE_COLUMNS:
        return {}
    return dict(zip(numbers, registry.region_codes(numbers, system=system), strict=True))


def _region_faults(
    cells: pd.DataFrame, codes: pd.Series, registry: Registry, *, system: str, where: str
) -> Iterator[Fault]:
    rows = cells.assign(region_code=codes).drop_duplicates(["region_id", "region_label"])
    for row in rows.itertuples():
        place = f"{where}, vervar {row.region_id}"
        if pd.isna(row.region_code):
            yield _region_fault(place, f"{row.region_label!r} has no code of the system {system}")
        elif not _name_fits(registry, str(row.region_code), str(row.region_label)):
            name = registry.by_code.loc[row.region_code, "name"]
            yield _region_fault(
                place, f"the name is {row.region_label!r}, the code that of {name} ({system})"
            )


def _name_fits(registry: Registry, region_code: str, label: str) -> bool:
    """Tell whether a label names a region; a bare name that a kabupaten and a kota share is the kabupaten's."""
    return region_code in registry.names.candidates(label, bare="kabupaten")


def _region_fault(place: str, what: str) -> Fault:
    return Fault(where=place, what=what, why=WHY_REGION, remedy=REMEDY_REGION)


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_ANSWER, remedy=remedy)
