"""All received figures as one table, checked at the door, with every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Doubt, Origin
from evaluation.regions import Registry
from evaluation.schema import OBSERVATIONS, conform
from evaluation.sources.formats import read_received
from evaluation.sources.origins import list_vintages, read_origin
from evaluation.sources.tidy import WHY_ROW


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
    observations = without_copies(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()
    if tables:
        faults.extend(observation_faults(observations, catalog, registry))
    raise_if_any(faults)
    return conform(observations, OBSERVATIONS)


def read_sources(raw_dir: Path, sources: Collection[str], *, registry: Registry) -> pd.DataFrame:
    """Read the vintages of some sources only, each file as its reader does, without what is checked over all.

    Raises
    ------
    BadInputError
        With the faults of their files.
    """
    folders = [folder for folder in list_vintages(raw_dir) if folder.parent.name in sources]
    tables = [_read_vintage(folder, registry) for folder in folders]
    if not tables:
        nothing = pd.DataFrame(columns=[*OBSERVATIONS.columns, "file", "row"])
        return nothing.astype({"year": "int64", "value": "float64"})
    return without_copies(pd.concat(tables, ignore_index=True))


def _read_vintage(folder: Path, registry: Registry) -> pd.DataFrame:
    origin = read_origin(folder)
    return read_files([folder / name for name in sorted(origin.files)], origin=origin, registry=registry)


def read_files(paths: Sequence[Path], *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read the files of one vintage with the reader of their format, and grade what is doubtful.

    Raises
    ------
    BadInputError
        With the faults of all files.
    """
    faults: list[Fault] = []
    tables = []
    for path in paths:
        try:
            tables.append(read_received(path, origin=origin, registry=registry))
        except BadInputError as error:
            faults.extend(error.faults)
    raise_if_any(faults)
    return grade_doubts(pd.concat(tables, ignore_index=True), origin.doubts)


def grade_doubts(observations: pd.DataFrame, doubts: Sequence[Doubt]) -> pd.DataFrame:
    """Return observations with the doubtful figures graded as stated, where that is lower than their grade."""
    if not doubts:
        return observations
    stated = {(doubt.variable, doubt.region_code, doubt.year): doubt for doubt in doubts}
    keys = zip(observations["variable"], observations["region_code"], observations["year"], strict=True)
    quality, reason = observations["quality"].tolist(), observations["quality_reason"].tolist()
    for position, key in enumerate(keys):
        if key in stated:
            quality[position] = max(quality[position], stated[key].grade)
            reason[position] = stated[key].reason
    return observations.assign(quality=quality, quality_reason=reason)


def without_copies(observations: pd.DataFrame) -> pd.DataFrame:
    """Return observations with each figure once where two files of a vintage both hold it, and agree."""
    key = list(OBSERVATIONS.key)
    repeated = observations[observations.duplicated(key, keep=False)]
    if repeated.empty:
        return observations
    first_file = repeated.groupby([*key, "value", "unit"], sort=False)["file"].transform("first")
    return observations.drop(index=repeated.index[repeated["file"] != first_file])


def _absent_sources(raw_dir: Path, catalog: Catalog) -> Iterator[Fault]:
    present = {folder.parent.name for folder in list_vintages(raw_dir)}
    needed = {segment.source for indicator, segment in catalog.segments() if indicator.use != "wanted"}
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
                remedy="move it to data/raw/<source>/<YYYY-MM-DD>/ with an origin.yml (docs/bring_data.md)",
            )


def observation_faults(observations: pd.DataFrame, catalog: Catalog, registry: Registry) -> Iterator[Fault]:
    """Find figures that cannot be: doubled, of no variable of the catalogue, impossible, from before their region.

    Parameters
    ----------
    observations
        As the readers return them, with file and row.
    """
    yield from _duplicates(observations)
    yield from _unknown_variables(observations, catalog)
    yield from _impossible_values(observations, catalog)
    yield from _before_creation(observations, registry)


def _duplicates(observations: pd.DataFrame) -> Iterator[Fault]:
    key = list(OBSERVATIONS.key)
    repeated = observations[observations.duplicated(key, keep=False)]
    first: dict[tuple[object, ...], Any] = {}
    for row in repeated.itertuples():
        before = first.setdefault(tuple(getattr(row, name) for name in key), row)
        if before is not row:
            yield _fault(
                row,
                f"{row.variable} of region {row.region_code} in {row.year} stands twice: {row.value:g} here, "
                f"{before.value:g} in {_place(before)}",
                "keep one figure a region, year and variable; a revision is a new vintage",
            )


def _unknown_variables(observations: pd.DataFrame, catalog: Catalog) -> Iterator[Fault]:
    units: dict[tuple[str, str], set[str]] = {}
    for _, segment in catalog.segments():
        units.setdefault((segment.source, segment.variable), set()).add(segment.unit)
    kinds = observations.drop_duplicates(["source", "variable", "unit"])
    pairs = zip(kinds["source"], kinds["variable"], strict=True)
    for first, pair in zip(kinds.itertuples(), pairs, strict=True):
        if pair not in units:
            yield _fault(
                first,
                f"variable {first.variable!r} is in no indicator of the catalogue",
                "list it in config/indicators (use: available), with its unit and valid range",
            )
        elif first.unit not in units[pair]:
            yield from _wrong_units(observations, first, expected=" or ".join(sorted(units[pair])))


def _wrong_units(observations: pd.DataFrame, kind: Any, *, expected: str) -> Iterator[Fault]:
    same = (observations[["source", "variable", "unit"]] == [kind.source, kind.variable, kind.unit]).all(
        axis=1
    )
    for row in observations[same].itertuples():
        yield _fault(row, f"unit {row.unit!r} of {row.variable} is not {expected!r}", "convert or correct it")


def _impossible_values(observations: pd.DataFrame, catalog: Catalog) -> Iterator[Fault]:
    bounds = {
        (segment.source, segment.variable): indicator.bounds for indicator, segment in catalog.segments()
    }
    open_ended = (-np.inf, np.inf)
    kinds = observations[["source", "variable"]].drop_duplicates()
    limits = kinds.assign(limits=[bounds.get(pair, open_ended) for pair in kinds.itertuples(index=False)])
    limits = observations[["source", "variable"]].merge(limits, how="left", on=["source", "variable"])
    low, high = np.array(limits["limits"].tolist()).T
    value = observations["value"].to_numpy()
    for row in observations[(value < low) | (value > high) | ~np.isfinite(value)].itertuples():
        lowest, highest = bounds.get((row.source, row.variable), open_ended)
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


def _place(row: Any) -> str:
    return f"{row.file}, {row.row if isinstance(row.row, str) else f'row {row.row}'}"


def _fault(row: Any, what: str, remedy: str) -> Fault:
    return Fault(where=_place(row), what=what, why=WHY_ROW, remedy=remedy)
