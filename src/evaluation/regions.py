"""The registry of regions: who exists when, under which code in which system, under which name.

Belongs here: identity of regions over time and code systems. Does not belong here: any figure about them.
The key is `region_code`, the BPS code of the 34-province system as a four-character string. Kemendagri codes
are another system: 199 of the 514 differ and most of these mean another region there, so a code is only read
together with its system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd

from evaluation.errors import BadInputError, Fault, raise_if_any

CodeSystem = Literal["bps_2021", "bps_2024", "kemendagri"]
CODE_COLUMNS: dict[CodeSystem, str] = {
    "bps_2021": "region_code",
    "bps_2024": "bps_code_2024",
    "kemendagri": "kemendagri_code",
}
REGION_TYPES = ("kabupaten", "kota")
WHY_REGISTRY = "every figure is joined to the registry; a wrong code moves figures to another region"


@dataclass(frozen=True)
class Registry:
    """All regions with their codes, names, dates and places.

    Parameters
    ----------
    table
        One row a region, sorted by ``region_code``.
    changes
        Splits, recodes and renames with their law and weight.
    """

    table: pd.DataFrame
    changes: pd.DataFrame

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All region codes, sorted."""
        return tuple(self.table["region_code"])

    @cached_property
    def by_code(self) -> pd.DataFrame:
        """The registry indexed by region code."""
        return self.table.set_index("region_code")

    def region_codes(self, codes: pd.Series, *, system: CodeSystem) -> pd.Series:
        """Translate codes of a stated system; a code that the system does not know becomes missing.

        Parameters
        ----------
        codes
            Codes as strings; dots (``11.09``) are ignored.
        system
            The system the codes belong to. It is never guessed from the numbers.
        """
        known = self.table[CODE_COLUMNS[system]].str.replace(".", "", regex=False)
        translation = dict(zip(known, self.table["region_code"], strict=True))
        return codes.str.replace(".", "", regex=False).map(translation)

    @cached_property
    def names_of(self) -> dict[str, frozenset[str]]:
        """Region code to the keys of all its names, present and former."""
        return {
            row.region_code: frozenset(
                name_key(name) for name in (row.name_, *row.former_name.split(" / ")) if name
            )
            for row in self.table.rename(columns={"name": "name_"}).itertuples()
        }

    def name_agrees(self, region_code: str, name: str) -> bool:
        """Tell whether a name belongs to a region: its own, a former one, or one without the type."""
        key = name_key(name)
        return any(key in (known, _without_type(known)) for known in self.names_of[region_code])

    @cached_property
    def created(self) -> pd.Series:
        """Region code to the year of creation, for regions created after 2010."""
        years = self.by_code["valid_from_year"]
        return years[years != ""].astype(int)

    @cached_property
    def split_codes(self) -> frozenset[str]:
        """Regions created by the splits of 2012-2014 and the parents they were cut from."""
        splits = self.changes[self.changes["kind"] == "split"]
        return frozenset(splits["from_code"]) | frozenset(splits["to_code"])


def name_key(name: str) -> str:
    """Return a spelling-independent key of a region's name that keeps kabupaten and kota apart.

    >>> name_key("Kab. Siau-Tagulandang") == name_key("KABUPATEN SIAU TAGULANDANG")
    True
    """
    lowered = re.sub(r"^\s*(kabupaten|kab\.?)\s+", "kabupaten ", name.strip().casefold())
    return re.sub(r"[^a-z0-9]", "", lowered)


def _without_type(key: str) -> str:
    return re.sub(r"^(kabupaten|kota)", "", key)


def read_registry(config_dir: Path) -> Registry:
    """Read ``regions.csv``, ``tilegrid.csv`` and ``region_changes.csv``.

    Raises
    ------
    BadInputError
        With every fault: repeated or malformed codes, unknown types, regions without a place on the grid.
    """
    regions = read_config_table(config_dir / "regions.csv", ("region_code", "name", "type", "province"))
    grid = read_config_table(config_dir / "tilegrid.csv", ("region_code", "col", "row", "island_group"))
    changes = read_config_table(config_dir / "region_changes.csv", ("year", "from_code", "to_code", "kind"))
    raise_if_any(_registry_faults(config_dir, regions, grid, changes))
    places = grid[["region_code", "district", "island_group", "col", "row", "lon", "lat"]].astype(
        {"col": int, "row": int, "lon": float, "lat": float}
    )
    table = regions.merge(places, on="region_code", how="left", validate="one_to_one")
    table["short_name"] = [
        name if kind == "kota" else name.removeprefix("Kabupaten ")
        for name, kind in zip(table["name"], table["type"], strict=True)
    ]
    return Registry(table=table.sort_values("region_code").reset_index(drop=True), changes=changes)


def read_config_table(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV of the configuration as text, empty cells as empty strings.

    Raises
    ------
    BadInputError
        When the file is absent, is no CSV, or lacks a column.
    """
    if not path.is_file():
        raise BadInputError([_fault(path, "the file is not there", "restore it from version control")])
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.ParserError, UnicodeDecodeError, pd.errors.EmptyDataError) as error:
        message = f"this is no readable CSV: {' '.join(str(error).split())}"
        raise BadInputError(
            [_fault(path, message, "save it as CSV in UTF-8, with commas, one header row")]
        ) from error
    raise_if_any(
        _fault(path, f"column {column!r} is absent; got: {', '.join(table.columns)}", "add the column")
        for column in needed
        if column not in table.columns
    )
    return table


def _registry_faults(
    config_dir: Path, regions: pd.DataFrame, grid: pd.DataFrame, changes: pd.DataFrame
) -> Iterator[Fault]:
    path = config_dir / "regions.csv"
    for column in CODE_COLUMNS.values():
        for row in regions[regions[column].duplicated(keep=False)].itertuples():
            yield _fault(
                f"{path}, row {row.Index + 2}",
                f"{column} {getattr(row, column)!r} stands more than once",
                "give each region its own code",
            )
    for row in regions[~regions["region_code"].str.fullmatch(r"\d{4}")].itertuples():
        yield _fault(
            f"{path}, row {row.Index + 2}",
            f"region_code {row.region_code!r} is not a four-digit BPS code",
            "write the BPS code as four digits",
        )
    for row in regions[~regions["type"].isin(REGION_TYPES)].itertuples():
        yield _fault(
            f"{path}, row {row.Index + 2}",
            f"type {row.type!r} is neither kabupaten nor kota",
            "write kabupaten or kota",
        )
    known = set(regions["region_code"])
    for code in sorted(known ^ set(grid["region_code"])):
        yield _fault(
            config_dir / "tilegrid.csv",
            f"region {code} stands in only one of regions.csv and tilegrid.csv",
            "give every region one tile",
        )
    for row in changes[~changes["from_code"].isin(known)].itertuples():
        yield _fault(
            f"{config_dir / 'region_changes.csv'}, row {row.Index + 2}",
            f"from_code {row.from_code!r} is not in regions.csv",
            "use the code of regions.csv",
        )


def _fault(where: Path | str, what: str, remedy: str) -> Fault:
    return Fault(where=str(where), what=what, why=WHY_REGISTRY, remedy=remedy)
