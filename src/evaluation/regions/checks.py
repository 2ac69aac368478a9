"""What the files of the registry must satisfy, each alone and together.

Belongs here: finding faults in ``regions.csv``, ``tilegrid.csv``, ``region_changes.csv`` and ``name_aliases.csv``.
Does not belong here: reading them, or what is done with them (`evaluation.regions.registry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from evaluation.errors import Fault
from evaluation.regions.codes import CODE_COLUMNS, CODE_FORMATS
from evaluation.regions.names import name_key

REGION_TYPES = ("kabupaten", "kota")
YES_NO = ("yes", "no")
CHANGE_KINDS = ("split", "merge", "recode", "rename")
ALIAS_KINDS = ("region", "province")
INDONESIA = {"lon": (90, 145), "lat": (-15, 10)}
"""Degrees that hold every region with room to spare; a pair the wrong way round lies outside."""
YEAR = "(?:19|20)[0-9]{2}"
DECIMAL = r"[+-]?[0-9]+(?:\.[0-9]+)?"
SHARE = r"(?:0|1|[01]\.0|0?\.[0-9]+)?"
WHY_REGISTRY = "every figure is joined to the registry; a wrong code moves figures to another region"


def region_faults(path: Path, regions: pd.DataFrame) -> Iterator[Fault]:
    """Find cells of ``regions.csv`` that cannot be, and codes and names that stand twice."""
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


def grid_faults(path: Path, grid: pd.DataFrame) -> Iterator[Fault]:
    """Find tiles and places that cannot be, and tiles given twice."""
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


def change_faults(path: Path, changes: pd.DataFrame) -> Iterator[Fault]:
    """Find changes of an unknown kind, without a year, with an impossible share, or given twice."""
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


def alias_faults(path: Path, aliases: pd.DataFrame) -> Iterator[Fault]:
    """Find other spellings that say nothing, or not where they were seen."""
    checks = (
        ("kind", ~aliases["kind"].isin(ALIAS_KINDS), "is unknown", f"write one of {', '.join(ALIAS_KINDS)}"),
        ("name", aliases["name"].map(name_key) == "", "is no name", "write the name as it was seen"),
        ("source", aliases["source"].str.strip() == "", "is empty", "say where the spelling was seen"),
    )
    for column, wrong, what, remedy in checks:
        yield from _wrong_cells(path, aliases, column, wrong, what, remedy)


def meaning_faults(path: Path, regions: pd.DataFrame, aliases: pd.DataFrame) -> Iterator[Fault]:
    """Find spellings of no region or province, and those that another region is called by."""
    provinces = {*regions["province"], *regions["province_2022"]}
    known = aliases["stands_for"].isin({*regions["region_code"], *provinces})
    remedy = "write the region code or the name of the province in regions.csv"
    yield from _wrong_cells(path, aliases, "stands_for", ~known, "is not in regions.csv", remedy)
    named: dict[str, str] = {}
    for code, name, former in zip(
        regions["region_code"], regions["name"], regions["former_name"], strict=True
    ):
        named.update({name_key(one): code for one in (name, *former.split(" / ")) if one})
    for row in aliases[aliases["kind"] == "region"].itertuples():
        owner = named.setdefault(name_key(row.name), row.stands_for)
        if owner != row.stands_for:
            what = f"{row.name!r} is the name of {owner}, not of {row.stands_for}"
            yield _row_fault(
                path, row.Index, what, "a name that means two regions resolves none; take it out"
            )


def tile_faults(path: Path, regions: pd.DataFrame, grid: pd.DataFrame) -> Iterator[Fault]:
    """Find regions without a tile and tiles without a region."""
    for code in sorted(set(regions["region_code"]) ^ set(grid["region_code"])):
        yield registry_fault(
            path,
            f"region {code!r} stands in only one of regions.csv and tilegrid.csv",
            "give every region one tile",
        )


def changed_region_faults(path: Path, regions: pd.DataFrame, changes: pd.DataFrame) -> Iterator[Fault]:
    """Find changes of regions that are not in the registry."""
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


def creation_faults(path: Path, regions: pd.DataFrame, changes: pd.DataFrame) -> Iterator[Fault]:
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
    return registry_fault(f"{path}, row {int(str(index)) + 2}", what, remedy)


def registry_fault(where: Path | str, what: str, remedy: str) -> Fault:
    """Return a fault of a file of the registry."""
    return Fault(where=str(where), what=what, why=WHY_REGISTRY, remedy=remedy)
