"""Files that somebody brings, opened: their format, titles, years, address, and what they do not say.

Belongs here: what is in a file. Does not belong here: what its titles stand for (`evaluation.studies.meanings`), or
whether its figures are plausible (`evaluation.studies.comparing`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from evaluation.catalog import read_text_table
from evaluation.errors import BadInputError, Fault
from evaluation.provenance import sha256_bytes
from evaluation.regions import CODE_COLUMNS, CodeSystem, Registry
from evaluation.sources.bps_web_table import table_number
from evaluation.sources.formats import Recognised, recognise
from evaluation.sources.layout import Layout
from evaluation.sources.origins import Format
from evaluation.sources.template import read_form
from evaluation.sources.tidy import WHY_ROW
from evaluation.sources.webapi_table import code_system_of, kept_address, parse_table

BYTES_PER_MEGABYTE = 1_000_000
YEAR_IN_NAME = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(?![0-9])")
WHY_SIZE = "a table of all regions takes far less; a larger file is another one, or holds more than the table"
WHY_CODES = "codes of different systems mean different regions, and many a code stands in several"
DEFAULT_SYSTEM: CodeSystem = "bps_2021"


@dataclass(frozen=True)
class Title:
    """A title of a file and the years of its figures, as far as the file states them.

    Parameters
    ----------
    key
        What the readers know it by.
    text
        What the publisher calls it.
    years
        Empty where the file does not say.
    """

    key: str
    text: str
    years: tuple[int, ...]


@dataclass(frozen=True)
class ReceivedFile:
    """One file, opened.

    Parameters
    ----------
    path, sha256, format
        The file, its bytes' hash, the format of its content.
    titles
        What it holds figures of.
    code_system
        System of its region codes; for files with names alone the registry's own.
    address, accessed
        As the file states them; empty where it does not.
    table
        Number of the dynamic table of BPS, empty where there is none.
    told_by
        Who told the figures and from which document, where the file says so.
    notes
        What a reader of the preview should know.
    layout
        Rows and columns, where the format has a grid.
    """

    path: Path
    sha256: str
    format: Format
    titles: tuple[Title, ...]
    code_system: CodeSystem = DEFAULT_SYSTEM
    address: str = ""
    accessed: str = ""
    table: str = ""
    told_by: str = ""
    notes: tuple[str, ...] = ()
    layout: Layout | None = field(default=None, repr=False, compare=False)

    @property
    def states_years(self) -> bool:
        """Tell whether the file says of which years its figures are."""
        return all(title.years for title in self.titles)

    @property
    def year_in_name(self) -> int | None:
        """Year that the file's name suggests, None where it names none or several."""
        found = {int(year) for year in YEAR_IN_NAME.findall(self.path.stem)}
        return found.pop() if len(found) == 1 else None


def open_received(
    path: Path, *, registry: Registry, largest_megabytes: float, code_system: CodeSystem | None = None
) -> ReceivedFile:
    """Open a file.

    Parameters
    ----------
    path
        The file.
    registry
        All regions.
    largest_megabytes
        Larger files are refused.
    code_system
        System of the codes of a tidy file, as stated by whoever brings it; told from its names when None.

    Raises
    ------
    BadInputError
        When it is not there, too large, of no known format, or its codes fit its names in no system.
    """
    _check_size(path, largest_megabytes)
    recognised = recognise(path)
    digest = sha256_bytes(path.read_bytes())
    if recognised.format == "bps_webapi":
        return _open_webapi(path, digest, registry)
    if recognised.format == "template":
        return _open_template(path, digest, registry)
    if recognised.format == "tidy":
        return _open_tidy(recognised, digest, registry, code_system)
    return _open_grid(recognised, digest, registry)


def _check_size(path: Path, largest_megabytes: float) -> None:
    if not path.is_file():
        what, remedy = "there is no such file", "name the file as it was saved, with its folder"
        raise BadInputError(
            [Fault(where=str(path), what=what, why="there is nothing to read", remedy=remedy)]
        )
    megabytes = path.stat().st_size / BYTES_PER_MEGABYTE
    if megabytes > largest_megabytes:
        what = f"the file has {megabytes:.1f} MB; the largest that is read has {largest_megabytes:g} MB"
        remedy = "save the one table that is meant; or raise largest_file_megabytes in config/checks.yml"
        raise BadInputError([Fault(where=str(path), what=what, why=WHY_SIZE, remedy=remedy)])


def _open_grid(recognised: Recognised, digest: str, registry: Registry) -> ReceivedFile:
    layout = recognised.parse(registry)
    return ReceivedFile(
        path=recognised.path,
        sha256=digest,
        format=recognised.format,
        titles=tuple(Title(title, title, _years_of(layout, title)) for title in layout.titles),
        address=layout.address,
        accessed=layout.accessed,
        table=table_number(layout.address),
        notes=tuple(dict.fromkeys((*recognised.notes, *layout.notes))),
        layout=layout,
    )


def _years_of(layout: Layout, title: str) -> tuple[int, ...]:
    of_columns = {column.year for column in layout.columns if column.title == title}
    years = of_columns if None not in of_columns else {row.year for row in layout.rows}
    return tuple(sorted(year for year in years if year is not None))


def _open_webapi(path: Path, digest: str, registry: Registry) -> ReceivedFile:
    table = parse_table(path.read_bytes(), where=str(path))
    text = f"{table.title} ({table.unit})" if table.unit else table.title
    address, accessed = kept_address(path)
    return ReceivedFile(
        path=path,
        sha256=digest,
        format="bps_webapi",
        titles=(Title(str(table.variable), text, table.years),),
        code_system=code_system_of(table, registry),
        address=address,
        accessed=accessed,
        table=str(table.variable),
    )


def _open_template(path: Path, digest: str, registry: Registry) -> ReceivedFile:
    form = read_form(path, registry=registry)
    years = tuple(sorted({int(year) for year in form.cells["year"]}))
    return ReceivedFile(
        path=path,
        sha256=digest,
        format="template",
        titles=(Title(form.indicator, form.indicator, years),),
        told_by=", ".join(part for part in (form.office, form.document, form.filled_on) if part),
    )


def _open_tidy(
    recognised: Recognised, digest: str, registry: Registry, stated: CodeSystem | None
) -> ReceivedFile:
    text = read_text_table(recognised.path, why=WHY_ROW)
    years: Mapping[str, set[int]] = {
        variable: {int(year) for year in rows["year"] if YEAR_IN_NAME.fullmatch(year)}
        for variable, rows in text.groupby("variable", sort=True)
    }
    return ReceivedFile(
        path=recognised.path,
        sha256=digest,
        format="tidy",
        titles=tuple(Title(name, name, tuple(sorted(found))) for name, found in years.items()),
        code_system=_system_of(recognised.path, text, registry, stated),
        notes=recognised.notes,
    )


def _system_of(path: Path, text: pd.DataFrame, registry: Registry, stated: CodeSystem | None) -> CodeSystem:
    """Return the system of a file's codes: the stated one, or the one in which codes and names agree."""
    if "region_name" not in text.columns:
        if stated is None:
            remedy = f"state it: --code-system, one of {', '.join(CODE_COLUMNS)}; or add a column region_name"
            what = "the file has codes without names, and does not say of which system they are"
            raise BadInputError([Fault(where=str(path), what=what, why=WHY_CODES, remedy=remedy)])
        return stated
    fits = registry.fitting_systems(text["region_code"], text["region_name"])
    best: CodeSystem = max(fits, key=lambda system: (fits[system], system == DEFAULT_SYSTEM))
    wanted = best if stated is None else stated
    if fits[wanted] == len(text):
        return wanted
    raise BadInputError(_disagreements(path, text, registry, wanted, fits))


def _disagreements(
    path: Path, text: pd.DataFrame, registry: Registry, system: CodeSystem, fits: Mapping[CodeSystem, int]
) -> list[Fault]:
    best = max(fits, key=lambda name: fits[name])
    better = f"; all rows fit the system {best}: --code-system {best}" if fits[best] == len(text) else ""
    codes = registry.region_codes(text["region_code"], system=system)
    faults = []
    for row, given, code, name in zip(
        text.index, text["region_code"], codes, text["region_name"], strict=True
    ):
        if isinstance(code, str) and registry.name_agrees(code, name):
            continue
        owner = registry.by_code.loc[code, "name"] if isinstance(code, str) else "no region"
        faults.append(
            Fault(
                where=f"{path}, row {int(str(row)) + 2}",
                what=f"code {given} is {owner} in the system {system}, but the name is {name}",
                why=WHY_CODES,
                remedy=f"correct the code or the name{better}",
            )
        )
    return faults
