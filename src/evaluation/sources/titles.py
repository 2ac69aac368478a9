"""What the titles of received tables stand for: ``config/received_titles.csv``.

Belongs here: a title, a unit or a table's number to an indicator. Does not belong here: deciding; whoever brings the
table confirms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from rapidfuzz import fuzz, process

from evaluation.catalog import Catalog, read_text_table
from evaluation.errors import Fault, raise_if_any
from evaluation.sources.origins import FORMATS, Format

TITLES_FILE = "received_titles.csv"
COLUMNS = ("format", "title", "unit", "table", "indicator", "year_offset", "seen_in")
LIKENESS = 60.0
OFFERED = 3
WHY_TITLES = "a title that is taken for another indicator files its figures there"
PLACE_WORDS = re.compile(
    r"(?:menurut|per|by)\s+(?:provinsi\s*(?:/|dan|and)\s*)?(?:kabupaten|kab\.?|regency)\s*/\s*(?:kota|municipality|city)"
)
YEARS = re.compile(r",?\s*(?:19|20)[0-9]{2}(?:\s*[-–]\s*(?:19|20)[0-9]{2})?")
LAST_BRACKET = re.compile(r"\s*\(([^()]*)\)\s*$")


@dataclass(frozen=True)
class TitleEntry:
    """A title that was seen.

    Parameters
    ----------
    format, title, unit
        The publisher's: format of the file, title without its unit, unit in brackets after it (may be empty).
    table
        Number of the dynamic table of BPS, where known.
    indicator
        Code in the catalogue; empty for a column that is known and not taken.
    year_offset
        Added to the file's year to give the year the figures are of.
    seen_in
        Where the title was seen, or why the column is not taken.
    """

    format: Format
    title: str
    unit: str
    table: str
    indicator: str
    year_offset: int
    seen_in: str


@dataclass(frozen=True)
class Guess:
    """What a title may stand for: the entry when exactly one fits, and why none does otherwise."""

    entry: TitleEntry | None
    reason: str = ""


@dataclass(frozen=True)
class TitleBook:
    """All titles that were seen."""

    entries: tuple[TitleEntry, ...]

    @cached_property
    def _by_key(self) -> dict[tuple[Format, str], TitleEntry]:
        return {(entry.format, title_key(entry.title)): entry for entry in self.entries}

    def guess(self, title: str, *, format: Format, table: str = "") -> Guess:
        """Return what a title stands for; likeness alone suggests and does not decide.

        Parameters
        ----------
        title
            As written, with its unit in brackets.
        format
            Of the file.
        table
            Number of the table in the file's address: one that is known for another indicator contradicts.
        """
        entry = self._by_key.get((format, title_key(title)))
        unit = ""
        if entry is None and (bracket := LAST_BRACKET.search(title)):
            entry = self._by_key.get((format, title_key(title[: bracket.start()])))
            unit = bracket[1].strip()
        if entry is None:
            return Guess(None, self._unknown(title, format))
        if unit and entry.unit and title_key(unit) != title_key(entry.unit):
            return Guess(None, f"its unit is {unit!r}, that of {entry.indicator} is {entry.unit!r}")
        owners = {other.indicator for other in self.entries if table and other.table == table}
        if owners and entry.indicator not in owners:
            return Guess(
                None, f"the title says {entry.indicator}, the address (table {table}) {owners.pop()}"
            )
        return Guess(entry)

    def _unknown(self, title: str, format: Format) -> str:
        known = [entry.title for entry in self.entries if entry.format == format and entry.indicator]
        found = process.extract(
            title,
            known,
            scorer=fuzz.token_set_ratio,
            processor=title_key,
            limit=OFFERED,
            score_cutoff=LIKENESS,
        )
        offered = " or ".join(repr(name) for name, _, _ in found)
        return "the title is not known" + (f"; perhaps {offered}" if offered else "")


def title_key(title: str) -> str:
    """Return a spelling-independent key of a title, without years and "by kabupaten/kota".

    >>> title_key("Persentase Penduduk Miskin Menurut Kabupaten/Kota, 2024") == title_key("persentase penduduk miskin")
    True
    """
    plain = PLACE_WORDS.sub("", title.casefold())
    kept = YEARS.sub("", plain) if "sp20" not in plain else plain
    return re.sub(r"[^a-z0-9%/+]", "", kept)


def read_titles(config_dir: Path, catalog: Catalog) -> TitleBook:
    """Read ``received_titles.csv``.

    Raises
    ------
    BadInputError
        With every entry of an unknown format or indicator, and every title that stands twice.
    """
    path = config_dir / TITLES_FILE
    table = read_text_table(path, why=WHY_TITLES)
    absent = [column for column in COLUMNS if column not in table.columns]
    raise_if_any(_fault(str(path), f"column {name!r} is absent", "add the column") for name in absent)
    raise_if_any(_entry_faults(path, table, catalog))
    return TitleBook(
        entries=tuple(
            TitleEntry(**{**row, "year_offset": int(row["year_offset"])})
            for row in table[list(COLUMNS)].to_dict("records")
        )
    )


def _entry_faults(path: Path, table: pd.DataFrame, catalog: Catalog) -> Iterator[Fault]:
    checks = (
        (~table["format"].isin(FORMATS), "format", f"write one of {', '.join(FORMATS)}"),
        (table["title"].map(title_key) == "", "title", "write the title as the publisher does"),
        (
            ~table["indicator"].isin(["", *catalog.indicators]),
            "indicator",
            "write a code of config/indicators",
        ),
        (
            ~table["year_offset"].str.fullmatch("-?[0-5]"),
            "year_offset",
            "write a whole number of years, 0 or -1",
        ),
        (table["seen_in"].str.strip() == "", "seen_in", "say where the title was seen"),
    )
    for wrong, column, remedy in checks:
        for row, got in table.loc[wrong, column].items():
            yield _fault(f"{path}, row {int(str(row)) + 2}", f"{column} {got!r} cannot be used", remedy)
    keys = table["format"] + "/" + table["title"].map(title_key)
    for row in table[keys.duplicated()].itertuples():
        yield _fault(
            f"{path}, row {row.Index + 2}", f"title {row.title!r} stands twice", "keep one row a title"
        )


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_TITLES, remedy=remedy)
