"""The registry of regions: who exists when, under which code in which system, under which name.

Belongs here: identity of regions over time and code systems. Does not belong here: any figure about them.
The key is `region_code`, the BPS code of the 34-province system as a four-character string. Kemendagri codes
are another system: 199 of the 514 differ and most of these mean another region there, so a code is only read
together with its system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd

from evaluation.catalog import read_text_table
from evaluation.errors import BadInputError, Fault, raise_if_any

CodeSystem = Literal["bps_2021", "bps_2024", "kemendagri"]
CODE_COLUMNS: dict[CodeSystem, str] = {
    "bps_2021": "region_code",
    "bps_2024": "bps_code_2024",
    "kemendagri": "kemendagri_code",
}
CODE_FORMATS: dict[CodeSystem, str] = {
    "bps_2021": "[0-9]{4}",
    "bps_2024": "[0-9]{4}",
    "kemendagri": r"[0-9]{2}\.?[0-9]{2}",
}
REGION_TYPES = ("kabupaten", "kota")
YES_NO = ("yes", "no")
CHANGE_KINDS = ("split", "merge", "recode", "rename")
REGION_COLUMNS = (
    *CODE_COLUMNS.values(),
    *("name", "type", "province", "valid_from_year", "parent_region_code", "autonomous", "former_name"),
)
GRID_COLUMNS = ("region_code", "district", "island_group", "col", "row", "lon", "lat")
CHANGE_COLUMNS = ("year", "from_code", "to_code", "kind", "weight")
INDONESIA = {"lon": (90, 145), "lat": (-15, 10)}
"""Degrees that hold every region with room to spare; a pair the wrong way round lies outside."""
YEAR = "(?:19|20)[0-9]{2}"
DECIMAL = r"[+-]?[0-9]+(?:\.[0-9]+)?"
SHARE = r"(?:0|1|[01]\.0|0?\.[0-9]+)?"
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
        With every fault: absent columns, repeated or malformed codes, unknown types, impossible years and
        places, regions without a tile, changes of unknown regions.
    """
    faults: list[Fault] = []
    regions = _read_checked(config_dir / "regions.csv", REGION_COLUMNS, _region_faults, faults)
    grid = _read_checked(config_dir / "tilegrid.csv", GRID_COLUMNS, _grid_faults, faults)
    changes = _read_checked(config_dir / "region_changes.csv", CHANGE_COLUMNS, _change_faults, faults)
    if regions is not None and grid is not None:
        faults.extend(_tile_faults(config_dir / "tilegrid.csv", regions, grid))
    if regions is not None and changes is not None:
        faults.extend(_changed_region_faults(config_dir / "region_changes.csv", regions, changes))
        faults.extend(_creation_faults(config_dir / "regions.csv", regions, changes))
    raise_if_any(faults)
    assert regions is not None  # a table that could not be read is a fault, and has been raised
    assert grid is not None
    assert changes is not None
    return Registry(table=_registry_table(regions, grid), changes=changes)


def read_config_table(path: Path, needed: tuple[str, ...], *, may_be_empty: bool = False) -> pd.DataFrame:
    """Read a CSV of the configuration as text, empty cells as empty strings.

    Raises
    ------
    BadInputError
        When the file is absent, is no CSV, or lacks a column.
    """
    table = read_text_table(path, why=WHY_REGISTRY, may_be_empty=may_be_empty)
    raise_if_any(
        _fault(path, f"column {column!r} is absent; got: {', '.join(table.columns)}", "add the column")
        for column in needed
        if column not in table.columns
    )
    return table


def _registry_table(regions: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    places = grid[list(GRID_COLUMNS)].astype({"col": int, "row": int, "lon": float, "lat": float})
    table = regions.merge(places, on="region_code", how="left", validate="one_to_one")
    table["short_name"] = [
        name if kind == "kota" else name.removeprefix("Kabupaten ")
        for name, kind in zip(table["name"], table["type"], strict=True)
    ]
    return table.sort_values("region_code").reset_index(drop=True)


def _read_checked(
    path: Path,
    needed: tuple[str, ...],
    check: Callable[[Path, pd.DataFrame], Iterator[Fault]],
    faults: list[Fault],
) -> pd.DataFrame | None:
    """Return the table; keep its faults, and return None when there is no such table at all."""
    try:
        table = read_config_table(path, needed)
    except BadInputError as error:
        faults.extend(error.faults)
        return None
    faults.extend(check(path, table))
    return table


def _region_faults(path: Path, regions: pd.DataFrame) -> Iterator[Fault]:
    for column in (*CODE_COLUMNS.values(), "name"):
        yield from _doubled(path, regions, column, "give each region its own code and name")
    for system, column in CODE_COLUMNS.items():
        wrong = ~regions[column].str.fullmatch(CODE_FORMATS[system])
        what = "is not a four-digit BPS code" if system != "kemendagri" else "is no code of the form 11.09"
        yield from _wrong_cells(path, regions, column, wrong, what, "write all digits, leading zeros too")
    checks = (
        (
            ~regions["type"].isin(REGION_TYPES),
            "type",
            "is neither kabupaten nor kota",
            "write kabupaten or kota",
        ),
        (~regions["autonomous"].isin(YES_NO), "autonomous", "is neither yes nor no", "write yes or no"),
        (
            ~regions["name"].str.match(r"(?:Kabupaten|Kota) \S"),
            "name",
            "does not begin with Kabupaten or Kota",
            "write the region's name with its type",
        ),
        (regions["province"] == "", "province", "is empty", "write the name of the province"),
        (
            ~regions["valid_from_year"].str.fullmatch(f"(?:{YEAR})?"),
            "valid_from_year",
            "is not a year",
            "write the year of creation, or nothing for a region that is older than the data",
        ),
        (
            ~regions["parent_region_code"].isin({"", *regions["region_code"]}),
            "parent_region_code",
            "is not in regions.csv",
            "write the code of the region it was cut from, or nothing",
        ),
    )
    for wrong, column, what, remedy in checks:
        yield from _wrong_cells(path, regions, column, wrong, what, remedy)


def _grid_faults(path: Path, grid: pd.DataFrame) -> Iterator[Fault]:
    yield from _doubled(path, grid, "region_code", "give each region one tile")
    for column in ("col", "row"):
        wrong = ~grid[column].str.fullmatch("[0-9]{1,3}")
        yield from _wrong_cells(
            path, grid, column, wrong, "is no place on the grid", "write a whole number from 0"
        )
    for column, (low, high) in INDONESIA.items():
        degrees = pd.to_numeric(grid[column].where(grid[column].str.fullmatch(DECIMAL)), errors="coerce")
        wrong = ~degrees.between(low, high)
        yield from _wrong_cells(
            path,
            grid,
            column,
            wrong,
            f"is no place in Indonesia ({low} to {high} degrees)",
            "write degrees with a decimal point: longitude east, latitude north (south is negative)",
        )
    for column in ("district", "island_group"):
        yield from _wrong_cells(path, grid, column, grid[column] == "", "is empty", "name it")
    for row in grid[grid.duplicated(["col", "row"])].itertuples():
        yield _row_fault(
            path,
            row.Index,
            f"tile {row.col}, {row.row} is another region's already",
            "give each region a tile",
        )


def _change_faults(path: Path, changes: pd.DataFrame) -> Iterator[Fault]:
    kinds = ", ".join(CHANGE_KINDS)
    checks = (
        (
            ~changes["year"].str.fullmatch(f"{YEAR}|unknown"),
            "year",
            "is not a year",
            "write the year, or `unknown`",
        ),
        (~changes["kind"].isin(CHANGE_KINDS), "kind", "is unknown", f"write one of {kinds}"),
        (
            ~changes["weight"].str.fullmatch(SHARE),
            "weight",
            "is no share",
            "write the share from 0 to 1 that goes over, or nothing where none is used",
        ),
    )
    for wrong, column, what, remedy in checks:
        yield from _wrong_cells(path, changes, column, wrong, what, remedy)
    key = ["year", "from_code", "to_code", "kind"]
    for row in changes[changes.duplicated(key)].itertuples():
        what = f"{row.kind} of {row.from_code} to {row.to_code} stands twice"
        yield _row_fault(path, row.Index, what, "keep one row a change")


def _tile_faults(path: Path, regions: pd.DataFrame, grid: pd.DataFrame) -> Iterator[Fault]:
    for code in sorted(set(regions["region_code"]) ^ set(grid["region_code"])):
        yield _fault(
            path,
            f"region {code!r} stands in only one of regions.csv and tilegrid.csv",
            "give every region one tile",
        )


def _changed_region_faults(path: Path, regions: pd.DataFrame, changes: pd.DataFrame) -> Iterator[Fault]:
    known = set(regions["region_code"])
    later = known | set(regions["bps_code_2024"])
    recoded = changes["kind"] == "recode"
    checks = (
        ("from_code", ~changes["from_code"].isin(known)),
        ("to_code", ~changes["to_code"].isin(known) & ~(recoded & changes["to_code"].isin(later))),
    )
    for column, wrong in checks:
        yield from _wrong_cells(
            path, changes, column, wrong, "is not in regions.csv", "use the code of regions.csv"
        )


def _creation_faults(path: Path, regions: pd.DataFrame, changes: pd.DataFrame) -> Iterator[Fault]:
    """Find regions created since the data begin whose parent no change names: the panel would keep both."""
    named = set(changes.loc[changes["kind"].isin(("split", "merge")), "to_code"])
    wrong = (regions["valid_from_year"] != "") & ~regions["region_code"].isin(named)
    for row in regions[wrong].itertuples():
        yield _row_fault(
            path,
            row.Index,
            f"{row.region_code} was created in {row.valid_from_year} and region_changes.csv does not say from which region",
            "add the split to region_changes.csv",
        )


def _doubled(path: Path, table: pd.DataFrame, column: str, remedy: str) -> Iterator[Fault]:
    given = table.loc[table[column] != "", column]
    for index, value in given[given.duplicated(keep=False)].items():
        yield _row_fault(path, index, f"{column} {value!r} stands more than once", remedy)


def _wrong_cells(
    path: Path, table: pd.DataFrame, column: str, wrong: pd.Series, what: str, remedy: str
) -> Iterator[Fault]:
    for index, value in table.loc[wrong, column].items():
        yield _row_fault(path, index, f"{column} {value!r} {what}", remedy)


def _row_fault(path: Path, index: object, what: str, remedy: str) -> Fault:
    return _fault(f"{path}, row {int(str(index)) + 2}", what, remedy)


def _fault(where: Path | str, what: str, remedy: str) -> Fault:
    return Fault(where=str(where), what=what, why=WHY_REGISTRY, remedy=remedy)
