"""The registry of regions: who exists when, under which code in which system, under which name.

Belongs here: identity of regions over time and code systems. Does not belong here: any figure about them.
The key is `region_code`, the BPS code of the 34-province system as a four-character string. Kemendagri codes
are another system: 199 of the 514 differ and most of these mean another region there, so a code is only read
together with its system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from evaluation.catalog import read_text_table
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.regions import checks
from evaluation.regions.checks import WHY_REGISTRY, registry_fault
from evaluation.regions.codes import CODE_COLUMNS, CodeSystem
from evaluation.regions.names import BareName, NameIndex, Resolution

REGION_COLUMNS = (
    *CODE_COLUMNS.values(),
    *("name", "type", "province", "province_2022", "valid_from_year", "parent_region_code", "autonomous"),
    "former_name",
)
GRID_COLUMNS = ("region_code", "district", "island_group", "col", "row", "lon", "lat")
CHANGE_COLUMNS = ("year", "from_code", "to_code", "kind", "weight")
ALIAS_COLUMNS = ("kind", "stands_for", "name", "source")
NO_ALIASES = pd.DataFrame(columns=list(ALIAS_COLUMNS), dtype=str)


@dataclass(frozen=True)
class Registry:
    """All regions with their codes, names, dates and places.

    Parameters
    ----------
    table
        One row a region, sorted by ``region_code``.
    changes
        Splits, recodes and renames with their law and weight.
    aliases
        Other spellings of regions and provinces, with where they were seen.
    """

    table: pd.DataFrame
    changes: pd.DataFrame
    aliases: pd.DataFrame = field(default_factory=NO_ALIASES.copy)

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
    def names(self) -> NameIndex:
        """All names of regions and provinces."""
        return NameIndex(regions=self.table, aliases=self.aliases)

    @property
    def names_of(self) -> dict[str, frozenset[str]]:
        """Region code to the keys of all its names: present, former, other spellings."""
        return self.names.keys

    def name_agrees(self, region_code: str, name: str) -> bool:
        """Tell whether a name belongs to a region: its own, a former one, or one without the type."""
        return region_code in self.names.candidates(name)

    def resolve(
        self,
        names: Sequence[str],
        *,
        province: Sequence[str] | None = None,
        year: int | None = None,
        bare: BareName = "any",
    ) -> Resolution:
        """Resolve names of regions to region codes; what is ambiguous or unknown is listed, never guessed.

        Parameters
        ----------
        names
            As written: present or former names and known spellings, with or without the type.
        province
            Province of each name, of the 34 or the 38; a name that is not there is not resolved.
        year
            Year the names are of: of regions with one name, those that did not exist yet are left out.
        bare
            What a name without its type means: ``any`` region of that name, so that "Bandung" is ambiguous; or
            the ``kabupaten``, as in the tables of BPS, where cities are written "Kota ...".
        """
        return self.names.resolve(names, province=province, year=year, bare=bare)

    def fitting_systems(self, codes: pd.Series, names: pd.Series) -> dict[CodeSystem, int]:
        """Return, for each code system, for how many rows the code is one of the region that is named."""
        found: dict[CodeSystem, int] = {}
        for system in CODE_COLUMNS:
            translated = self.region_codes(codes, system=system)
            found[system] = sum(
                isinstance(code, str) and self.name_agrees(code, name)
                for code, name in zip(translated, names, strict=True)
            )
        return found

    @cached_property
    def codes_in(self) -> dict[CodeSystem, dict[str, str]]:
        """Code system to region code to the code there, without dots."""
        own = self.table["region_code"]
        return {
            system: dict(zip(own, self.table[column].str.replace(".", "", regex=False), strict=True))
            for system, column in CODE_COLUMNS.items()
        }

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


def read_registry(config_dir: Path) -> Registry:
    """Read ``regions.csv``, ``tilegrid.csv``, ``region_changes.csv`` and ``name_aliases.csv``.

    Raises
    ------
    BadInputError
        With every fault: absent columns, repeated or malformed codes, unknown types, impossible years and
        places, regions without a tile, changes and spellings of unknown regions.
    """
    faults: list[Fault] = []
    regions = _read_checked(config_dir / "regions.csv", REGION_COLUMNS, checks.region_faults, faults)
    grid = _read_checked(config_dir / "tilegrid.csv", GRID_COLUMNS, checks.grid_faults, faults)
    changes = _read_checked(config_dir / "region_changes.csv", CHANGE_COLUMNS, checks.change_faults, faults)
    aliases = _read_checked(
        config_dir / "name_aliases.csv", ALIAS_COLUMNS, checks.alias_faults, faults, may_be_empty=True
    )
    if regions is not None and aliases is not None:
        faults.extend(checks.meaning_faults(config_dir / "name_aliases.csv", regions, aliases))
    if regions is not None and grid is not None:
        faults.extend(checks.tile_faults(config_dir / "tilegrid.csv", regions, grid))
    if regions is not None and changes is not None:
        faults.extend(checks.changed_region_faults(config_dir / "region_changes.csv", regions, changes))
        faults.extend(checks.creation_faults(config_dir / "regions.csv", regions, changes))
    raise_if_any(faults)
    assert regions is not None  # a table that could not be read is a fault, and has been raised
    assert grid is not None
    assert changes is not None
    assert aliases is not None
    return Registry(table=_registry_table(regions, grid), changes=changes, aliases=aliases)


def read_config_table(path: Path, needed: tuple[str, ...], *, may_be_empty: bool = False) -> pd.DataFrame:
    """Read a CSV of the configuration as text, empty cells as empty strings.

    Raises
    ------
    BadInputError
        When the file is absent, is no CSV, or lacks a column.
    """
    table = read_text_table(path, why=WHY_REGISTRY, may_be_empty=may_be_empty)
    raise_if_any(
        registry_fault(
            path, f"column {column!r} is absent; got: {', '.join(table.columns)}", "add the column"
        )
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
    *,
    may_be_empty: bool = False,
) -> pd.DataFrame | None:
    """Return the table; keep its faults, and return None when there is no such table at all."""
    try:
        table = read_config_table(path, needed, may_be_empty=may_be_empty)
    except BadInputError as error:
        faults.extend(error.faults)
        return None
    faults.extend(check(path, table))
    return table
