"""Turns a project's copy into one of more regions: copies of real ones under codes that do not exist.

The raw figures stay those of the real regions; the kept tables that pages read get the copies' rows, and are
stamped as made from the enlarged registry, so that a run only makes pages.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from evaluation.regions import CODE_COLUMNS
from evaluation.schema import TableSchema
from evaluation.studies import processed, states
from evaluation.studies.project import Project
from evaluation.studies.regional import REGION_TABLES

GRID_START, GRID_WIDTH = 100, 100
"""Where the copies' tiles begin, away from the real ones, and how many stand in a row."""

LEFT_OUT = ("valid_from_year", "parent_region_code", "former_name")
"""What says of a region that it came from another; a copy did not."""


def synthetic_project(root: Path, number: int) -> list[str]:
    """Enlarge the registry and the kept tables of a project to a number of regions, and return all codes."""
    project = Project(root=root)
    whole = {path.stem: pd.read_parquet(path) for path in project.processed_dir.glob("*.parquet")}
    origins = enlarge_registry(project.config_dir, number)
    for schema in REGION_TABLES:
        whole[schema.name] = with_copies(whole[schema.name], origins)
    stamp(Project(root=root), whole)
    return list(Project(root=root).registry.codes)


def enlarge_registry(config_dir: Path, number: int) -> dict[str, str]:
    """Add copies to the tables of regions, tiles and joiners; return the code of each and of its original."""
    path = config_dir / "regions.csv"
    regions = pd.read_csv(path, dtype=str, keep_default_na=False)
    real = list(regions["region_code"])
    codes = itertools.islice(free_codes(regions), number - len(real))
    origins = dict(zip(codes, itertools.cycle(real), strict=False))
    rows = regions.set_index("region_code", drop=False).loc[list(origins.values())].reset_index(drop=True)
    rows["name"] = [f"{name} {place // len(real) + 2}" for place, name in enumerate(rows["name"])]
    rows[list(LEFT_OUT)] = ""
    for column in CODE_COLUMNS.values():
        rows[column] = list(origins)
    pd.concat([regions, rows]).to_csv(path, index=False, lineterminator="\n")
    grid_path = config_dir / "tilegrid.csv"
    grid = pd.read_csv(grid_path, dtype=str, keep_default_na=False)
    tiles = with_copies(grid, origins)
    spots = [divmod(place, GRID_WIDTH) for place in range(len(origins))]
    tiles["row"] = [*grid["row"], *(str(GRID_START + row) for row, _ in spots)]
    tiles["col"] = [*grid["col"], *(str(GRID_START + col) for _, col in spots)]
    tiles.to_csv(grid_path, index=False, lineterminator="\n")
    names = dict(zip(rows["region_code"], rows["name"], strict=True))
    for name in ("cohorts.csv", "unresolved.csv"):
        listed = with_copies(pd.read_csv(config_dir / name, dtype=str, keep_default_na=False), origins)
        listed["region_name"] = listed["region_code"].map(names).fillna(listed["region_name"])
        listed.to_csv(config_dir / name, index=False, lineterminator="\n")
    return origins


def free_codes(regions: pd.DataFrame) -> Iterator[str]:
    """Yield four-digit codes that no code system of the registry has."""
    taken = {code.replace(".", "") for column in CODE_COLUMNS.values() for code in regions[column]}
    return (f"{code:04}" for code in range(10_000) if f"{code:04}" not in taken)


def with_copies(table: pd.DataFrame, origins: dict[str, str]) -> pd.DataFrame:
    """Return a table with the rows of each copy's original again, under the copy's code."""
    pairs = pd.DataFrame({"copy": list(origins), "region_code": list(origins.values())}, dtype="str")
    rows = pairs.merge(table, on="region_code").drop(columns="region_code")
    return pd.concat([table, rows.rename(columns={"copy": "region_code"})[list(table.columns)]])


def stamp(project: Project, whole: dict[str, pd.DataFrame]) -> None:
    """Keep tables as made from the project's present inputs."""

    def build(_project: Project, schema: TableSchema) -> pd.DataFrame:
        return whole[schema.name]

    computing, processed._build = processed._build, build
    try:
        states.current(project, [f"table:{name}" for name in whole])
    finally:
        processed._build = computing
