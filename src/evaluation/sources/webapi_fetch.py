"""A table of the BPS WebAPI fetched year by year, checked, and laid down as received.

Belongs here: which questions make a table, whether the answers are answers to them, and the folder they are kept in.
Does not belong here: how a question is asked (`evaluation.sources.webapi`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.provenance import Origin, ReceivedVariable, sha256_bytes
from evaluation.regions import CodeSystem, Registry
from evaluation.sources.origins import ORIGIN_FILE, origin_text
from evaluation.sources.webapi import NATIONAL_DOMAIN, WebApi
from evaluation.sources.webapi_answers import REMEDY_SHAPE, WHY_ANSWER
from evaluation.sources.webapi_table import WebApiTable, code_system_of, parse_table

FORMAT = "bps_webapi"
LANGUAGE = "ind"
PUBLISHER = "Badan Pusat Statistik (BPS)"
LICENCE = "unknown; BPS asks to cite it as source"
NOTE = "answers of the BPS WebAPI as received, one a year"


@dataclass(frozen=True)
class FetchedTable:
    """A table as received, with what its answers say of it.

    Parameters
    ----------
    variable, title, unit
        Number, title and unit as the publisher writes them.
    domain
        Whose table it is: ``0000`` the national office's.
    years
        Years that have figures.
    code_system
        The system that its numbers of regions belong to, found by comparing them with the names.
    address
        Address of the table, without the key.
    files
        File name to the bytes as received.
    """

    variable: int
    title: str
    unit: str
    domain: str
    years: tuple[int, ...]
    code_system: CodeSystem
    address: str
    files: Mapping[str, bytes]


def fetch_table(
    api: WebApi,
    *,
    variable: int,
    years: Sequence[int],
    registry: Registry,
    domain: str = NATIONAL_DOMAIN,
    turvar: int | None = None,
    turth: int | None = None,
) -> FetchedTable:
    """Fetch a table, one answer a year.

    Parameters
    ----------
    api
        The session.
    variable
        Number of the dynamic table.
    years
        Calendar years.
    registry
        All regions: every row of the table must be one, by number and name, or a province, or the country.
    domain
        Four digits.
    turvar, turth
        Numbers of one breakdown and one part of the year, where the table has several.

    Raises
    ------
    UsageError
        When the table lacks a year; the message names those it has.
    BadInputError
        When an answer is unusable, is an answer to another question, or has rows that are no region.
    """
    ids = api.year_ids(variable=variable, domain=domain, language=LANGUAGE)
    _check_years(years, tuple(ids), variable)
    narrowed = {name: number for name, number in (("turvar", turvar), ("turth", turth)) if number is not None}
    files, tables, address = {}, [], ""
    for year in sorted(set(years)):
        answer = api.get(model="data", lang=LANGUAGE, domain=domain, var=variable, **narrowed, th=ids[year])
        table = parse_table(answer.content, where=answer.address)
        raise_if_any(_other_question(table, variable=variable, year=year, where=answer.address))
        files[f"bps_{domain}_{variable}_{year}.json"] = answer.content
        tables.append(table)
        address = answer.address.rsplit("/th/", maxsplit=1)[0]
    raise_if_any(_changing_table(tables, address))
    return FetchedTable(
        variable=variable,
        title=tables[0].title,
        unit=tables[0].unit,
        domain=domain,
        years=tuple(year for table in tables for year in table.years),
        code_system=code_system_of(_together(tables), registry),
        address=address,
        files=files,
    )


def write_fetched(
    table: FetchedTable, folder: Path, *, accessed: date, meaning: ReceivedVariable | None = None
) -> tuple[Path, ...]:
    """Write the answers as received into a new folder, with ``origin.yml``; all of it or nothing.

    Parameters
    ----------
    table
        What was fetched.
    folder
        A folder that is not there yet.
    accessed
        The day.
    meaning
        What the table is in the catalogue; without it the figures cannot be read yet.

    Raises
    ------
    UsageError
        When the folder is there already: nothing received is overwritten.
    """
    if folder.exists():
        raise UsageError(
            f"{folder} is there already, and nothing received is overwritten. Name another --out."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    origin = origin_of(table, folder, accessed=accessed, meaning=meaning)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, content in table.files.items():
            (temporary / name).write_bytes(content)
        (temporary / ORIGIN_FILE).write_text(origin_text(origin), encoding="utf-8")
        temporary.chmod(0o755)
        os.rename(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return tuple(sorted(folder.iterdir()))


def origin_of(
    table: FetchedTable, folder: Path, *, accessed: date, meaning: ReceivedVariable | None = None
) -> Origin:
    """Return what is known of a fetched table, for its ``origin.yml``."""
    product = f"{table.title} (dynamic table {table.variable}, domain {table.domain})"
    return Origin(
        source=folder.parent.name,
        vintage=folder.name,
        publisher=PUBLISHER,
        product=product,
        citation=f"{PUBLISHER}. {product}. {table.address}. Accessed {accessed.isoformat()}.",
        address=table.address,
        accessed=accessed.isoformat(),
        licence=LICENCE,
        code_system=table.code_system,
        files={name: sha256_bytes(content) for name, content in sorted(table.files.items())},
        note=NOTE,
        format=FORMAT,
        variables={} if meaning is None else {str(table.variable): meaning},
    )


def _check_years(years: Sequence[int], known: tuple[int, ...], variable: int) -> None:
    lacking = sorted(set(years) - set(known))
    if lacking or not years:
        raise UsageError(
            f"Table {variable} has no year {', '.join(map(str, lacking))}; it has {', '.join(map(str, known))}."
        )


def _other_question(table: WebApiTable, *, variable: int, year: int, where: str) -> Iterator[Fault]:
    if table.variable != variable:
        yield _fault(where, f"table {variable} was asked for, the answer is table {table.variable}")
    for other in sorted(set(table.cells["year"]) - {year}):
        yield _fault(where, f"year {year} was asked for, the answer has cells of {other}")


def _changing_table(tables: Sequence[WebApiTable], address: str) -> Iterator[Fault]:
    names = {(table.title, table.unit) for table in tables}
    if len(names) > 1:
        shown = "; ".join(sorted(f"{title} ({unit})" for title, unit in names))
        yield _fault(address, f"title or unit differ between the years: {shown}")


def _together(tables: Sequence[WebApiTable]) -> WebApiTable:
    return replace(tables[0], cells=pd.concat([table.cells for table in tables], ignore_index=True))


def _fault(where: str, what: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_ANSWER, remedy=REMEDY_SHAPE)
