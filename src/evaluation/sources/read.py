"""All received figures as one table, checked at the door, with every fault at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog, Indicator
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.regions import Registry
from evaluation.schema import OBSERVATIONS, conform
from evaluation.sources.origins import list_vintages, read_origin
from evaluation.sources.tidy import WHY_ROW, read_tidy


def read_observations(raw_dir: Path, *, catalog: Catalog, registry: Registry) -> pd.DataFrame:
    """Read every vintage of every source into the table `observations`.

    Raises
    ------
    BadInputError
        With the faults of all files: changed or missing files, unreadable cells, unknown codes and variables,
        duplicated region-years, impossible values, ungraded figures from before a region existed.
    """
    faults: list[Fault] = []
    tables = []
    for folder in list_vintages(raw_dir):
        try:
            tables.append(_read_vintage(folder, registry))
        except BadInputError as error:
            faults.extend(error.faults)
    faults.extend(_absent_sources(raw_dir, catalog))
    faults.extend(_stray_files(raw_dir))
    observations = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if tables:
        faults.extend(_observation_faults(observations, catalog, registry))
    raise_if_any(faults)
    return conform(observations, OBSERVATIONS)


def _read_vintage(folder: Path, registry: Registry) -> pd.DataFrame:
    origin = read_origin(folder)
    return pd.concat(
        [read_tidy(folder / name, origin=origin, registry=registry) for name in sorted(origin.files)],
        ignore_index=True,
    )


def _absent_sources(raw_dir: Path, catalog: Catalog) -> Iterator[Fault]:
    present = {folder.parent.name for folder in list_vintages(raw_dir)}
    needed = {segment.source for _, segment in catalog.segments()}
    for source in sorted(needed - present):
        yield Fault(
            where=str(raw_dir / source),
            what="the catalogue uses this source and there is no vintage of it",
            why="its indicators would be missing for every region",
            remedy="restore the folder from version control, or take its segments out of config/indicators",
        )
    for source in sorted(present - set(catalog.sources)):
        yield Fault(
            where=str(raw_dir / source),
            what="the source is not described in config/sources.yml",
            why="its figures could not be cited",
            remedy="describe it in config/sources.yml",
        )


def _stray_files(raw_dir: Path) -> Iterator[Fault]:
    """Find files beside the vintage folders, which nothing reads."""
    for path in sorted(raw_dir.glob("*/*")):
        if path.is_file() and not path.name.startswith("."):
            yield Fault(
                where=str(path),
                what="the file lies in no vintage folder, so it is not read",
                why="its figures would be missing without a word",
                remedy="move it to data/raw/<source>/<YYYY-MM-DD>/ with an origin.yml (docs/new_vintage.md)",
            )


def _observation_faults(observations: pd.DataFrame, catalog: Catalog, registry: Registry) -> Iterator[Fault]:
    yield from _duplicates(observations)
    yield from _unknown_variables(observations, catalog)
    yield from _impossible_values(observations, catalog)
    yield from _before_creation(observations, registry)


def _duplicates(observations: pd.DataFrame) -> Iterator[Fault]:
    key = list(OBSERVATIONS.key)
    for row in observations[observations.duplicated(key, keep="first")].itertuples():
        yield _fault(
            row,
            f"{row.variable} of region {row.region_code} in {row.year} stands twice",
            "keep one figure a region, year and variable; a revision is a new vintage",
        )


def _unknown_variables(observations: pd.DataFrame, catalog: Catalog) -> Iterator[Fault]:
    units: dict[tuple[str, str], set[str]] = {}
    for _, segment in catalog.segments():
        units.setdefault((segment.source, segment.variable), set()).add(segment.unit)
    for (source, variable), rows in observations.groupby(["source", "variable"], sort=True):
        first = next(rows.itertuples())
        if (source, variable) not in units:
            yield _fault(
                first,
                f"variable {variable!r} is in no indicator of the catalogue",
                "list it in config/indicators (use: available), with its unit and valid range",
            )
            continue
        for row in rows[~rows["unit"].isin(units[(source, variable)])].itertuples():
            expected = " or ".join(sorted(units[(source, variable)]))
            yield _fault(row, f"unit {row.unit!r} of {variable} is not {expected!r}", "convert or correct it")


def _impossible_values(observations: pd.DataFrame, catalog: Catalog) -> Iterator[Fault]:
    indicator_of: Mapping[tuple[str, str], Indicator] = {
        (segment.source, segment.variable): indicator for indicator, segment in catalog.segments()
    }
    pairs = pd.MultiIndex.from_frame(observations[["source", "variable"]])
    bounds = {pair: indicator.bounds for pair, indicator in indicator_of.items()}
    low, high = np.array([bounds.get(pair, (-np.inf, np.inf)) for pair in pairs]).T
    value = observations["value"].to_numpy()
    for row in observations[(value < low) | (value > high) | ~np.isfinite(value)].itertuples():
        lowest, highest = bounds.get((row.source, row.variable), (-np.inf, np.inf))
        yield _fault(
            row,
            f"{row.variable} of region {row.region_code} in {row.year} is {row.value:g} {row.unit}, "
            f"possible is {lowest:g} to {highest:g}",
            "correct the figure; look for a slipped decimal or unit",
        )


def _before_creation(observations: pd.DataFrame, registry: Registry) -> Iterator[Fault]:
    created = observations["region_code"].map(registry.created)
    early = (observations["year"] < created) & (observations["quality"] != "C")
    for row in observations[early].itertuples():
        yield _fault(
            row,
            f"{row.variable} of {registry.by_code.loc[row.region_code, 'name']} in {row.year}, before it was "
            f"created in {registry.created[row.region_code]}, is graded {row.quality}",
            "grade a back-cast figure C, or leave it out",
        )


def _fault(row: object, what: str, remedy: str) -> Fault:
    place = f"{getattr(row, 'file')}, row {getattr(row, 'row')}"  # noqa: B009
    return Fault(where=place, what=what, why=WHY_ROW, remedy=remedy)
