"""Bringing one's own data: files in, a preview of what they would change, and the vintages to file.

Belongs here: the order of the steps. Does not belong here: any one of them (`received`, `meanings`, `comparing`,
`filing`), or asking anybody anything (the command line).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import pandas as pd

from evaluation.catalog import Catalog
from evaluation.errors import BadInputError, Fault, UsageError, raise_if_any
from evaluation.indicators import FIGURE, latest_vintage
from evaluation.schema import OBSERVATIONS
from evaluation.sources.bounds import Bounds, read_bounds
from evaluation.sources.origins import vintage_day, vintage_order
from evaluation.sources.read import observation_faults, read_files, read_sources, without_copies
from evaluation.sources.titles import TitleBook, read_titles
from evaluation.studies.batches import Batch, Request, make_batches, make_filing, mismatch_doubts
from evaluation.studies.comparing import Comparison, compare, with_status
from evaluation.studies.filing import Filing, filed_hashes
from evaluation.studies.meanings import Meaning, Use, indicator_sources, meanings_of, uses_of
from evaluation.studies.project import Project
from evaluation.studies.received import ReceivedFile, open_received

FileStatus = Literal["to_file", "known", "nothing_new"]
"""To be filed; filed already, byte for byte; all of its figures are there already."""
SOURCE_BLOCK = """  {source}:
    title: {{id: "...", en: "..."}}
    publisher: "..."
    product: "..."
    citation: "..."
    url: "https://..."
    licence: {{id: "tidak diketahui", en: "unknown"}}
    accessed: unknown
    updates: {{id: "...", en: "..."}}
    code_system: bps_2021
"""


@dataclass(frozen=True)
class FilePreview:
    """One file: what it is, what its titles stand for, what becomes of it, and where its bytes are already."""

    file: ReceivedFile
    status: FileStatus
    meanings: tuple[Meaning, ...]
    filed_in: str = ""


@dataclass(frozen=True)
class Intake:
    """What files would change, and the vintages that would be filed.

    Parameters
    ----------
    files
        Every file that was named.
    comparison
        Their figures beside those that are there.
    filings
        Vintages to file; none when there is nothing new.
    notices
        What is worth knowing beside the comparison.
    """

    files: tuple[FilePreview, ...]
    comparison: Comparison
    filings: tuple[Filing, ...]
    notices: tuple[str, ...] = ()

    @property
    def guesses(self) -> tuple[tuple[ReceivedFile, Meaning], ...]:
        """Titles whose indicator is known from their words alone and wants confirming."""
        return tuple(
            (preview.file, meaning)
            for preview in self.files
            if preview.status == "to_file"
            for meaning in preview.meanings
            if meaning.indicator is not None and meaning.how == "known_title"
        )


def prepare_intake(project: Project, request: Request) -> Intake:
    """Read files, say what their figures would change, and make the vintages to file; nothing is written.

    Raises
    ------
    BadInputError
        With every fault of every file: format, names, cells, years that no segment covers, impossible figures, other
        units, another series.
    UsageError
        When an indicator or source that was named does not exist, or a year is named for a file that states its own.
    """
    catalog = project.catalog
    check_request(request, catalog)
    bounds, book = read_bounds(project.config_dir, catalog), read_titles(project.config_dir, catalog)
    files, known = _opened(project, request, bounds)
    _check_year(files, request)
    meanings, uses = _understood(project, request, files, book)
    batches = make_batches(uses, raw_dir=project.raw_dir, catalog=catalog, request=request)
    figures = _read(batches, project)
    there = read_sources(
        project.raw_dir, indicator_sources(use for _, use in uses), registry=project.registry
    )
    batches = _with_news(batches, figures, there)
    to_file = {str(file.path) for batch in batches for file in batch.files}
    figures = without_copies(figures[figures["file"].isin(to_file)].reset_index(drop=True))
    comparison = compare(
        latest_vintage(figures) if len(figures) else figures,
        there,
        catalog=catalog,
        registry=project.registry,
        bounds=bounds,
        is_revision=request.is_revision,
    )
    impossible = observation_faults(figures, catalog, project.registry) if len(figures) else ()
    raise_if_any([*impossible, *comparison.faults])
    doubtful = (*comparison.doubtful, *mismatch_doubts(batches, figures, project.registry))
    return Intake(
        files=(*_previews(files, meanings, batches), *known),
        comparison=replace(comparison, doubtful=doubtful),
        filings=tuple(make_filing(batch, figures, doubtful) for batch in batches),
        notices=tuple(_older_than_there(batches, there)),
    )


def check_request(request: Request, catalog: Catalog) -> None:
    """Raise `UsageError` when an indicator or source that was named does not exist."""
    if request.indicator is not None and request.indicator not in catalog.indicators:
        likely = get_close_matches(request.indicator, catalog.indicators, n=3)
        offered = f"; perhaps {', '.join(likely)}" if likely else ""
        raise UsageError(f"--indicator {request.indicator} is not in config/indicators{offered}.")
    if request.source is not None and request.source not in catalog.sources:
        raise UsageError(
            f"--source {request.source} is not described in config/sources.yml, and its figures could not be cited. "
            f"Add this block under `sources:` with what you know of it, and a segment of an indicator that names it:\n\n"
            + SOURCE_BLOCK.format(source=request.source)
        )


def _check_year(files: Sequence[ReceivedFile], request: Request) -> None:
    silent = [file for file in files if not file.states_years]
    if request.year is None or len(silent) == 1:
        return
    if not silent:
        raise UsageError("--year is for a file that does not say of which year it is; these say it.")
    names = ", ".join(file.path.name for file in silent)
    raise UsageError(
        f"--year names one year, and {len(silent)} files say none: {names}. Add them one at a time."
    )


def _opened(
    project: Project, request: Request, bounds: Bounds
) -> tuple[list[ReceivedFile], list[FilePreview]]:
    filed = filed_hashes(project.raw_dir)
    files: list[ReceivedFile] = []
    known: list[FilePreview] = []
    faults: list[Fault] = []
    for path in request.files:
        try:
            file = open_received(
                path,
                registry=project.registry,
                largest_megabytes=bounds.largest_file_megabytes,
                code_system=request.code_system,
            )
        except BadInputError as error:
            faults.extend(error.faults)
            continue
        if file.sha256 in filed:
            known.append(FilePreview(file, "known", (), filed_in=filed[file.sha256]))
        else:
            filed[file.sha256] = str(path)
            files.append(file)
    raise_if_any(faults)
    return files, known


def _understood(
    project: Project, request: Request, files: Sequence[ReceivedFile], book: TitleBook
) -> tuple[dict[Path, list[Meaning]], list[tuple[ReceivedFile, Use]]]:
    meanings: dict[Path, list[Meaning]] = {}
    uses: list[tuple[ReceivedFile, Use]] = []
    faults: list[Fault] = []
    for file in files:
        found, unclear = meanings_of(file, catalog=project.catalog, book=book, named=request.indicator)
        taken, uncovered = uses_of(
            file, found, config_dir=project.config_dir, year=request.year, source=request.source
        )
        meanings[file.path] = found
        uses.extend((file, use) for use in taken)
        faults += [*unclear, *uncovered]
    raise_if_any(faults)
    return meanings, uses


def _read(batches: Sequence[Batch], project: Project) -> pd.DataFrame:
    faults: list[Fault] = []
    tables = [pd.DataFrame(columns=[*OBSERVATIONS.columns, "file", "row"])]
    for batch in batches:
        for file in batch.files:
            try:
                tables.append(read_files([file.path], origin=batch.origin, registry=project.registry))
            except BadInputError as error:
                faults.extend(error.faults)
    raise_if_any(dict.fromkeys(faults))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _with_news(batches: Sequence[Batch], figures: pd.DataFrame, there: pd.DataFrame) -> list[Batch]:
    """Return batches without the files all of whose figures are there, or in a file before them."""
    if figures.empty:
        return []
    current = latest_vintage(there) if len(there) else there
    compared = with_status(figures, current)
    news = (compared["status"] != "equal") & ~compared.duplicated([*FIGURE, "value"])
    with_news = {Path(name) for name in compared.loc[news, "file"]}
    kept = [batch.keeping(with_news) for batch in batches]
    return [batch for batch in kept if batch.members]


def _previews(
    files: Sequence[ReceivedFile], meanings: Mapping[Path, Sequence[Meaning]], batches: Sequence[Batch]
) -> Iterator[FilePreview]:
    to_file = {file.path for batch in batches for file in batch.files}
    for file in files:
        status: FileStatus = "to_file" if file.path in to_file else "nothing_new"
        yield FilePreview(file, status, tuple(meanings[file.path]))


def _older_than_there(batches: Sequence[Batch], there: pd.DataFrame) -> Iterator[str]:
    """Tell vintages that are older than one that is there: figures that both have count from the newer one."""
    for batch in batches:
        vintages = there.loc[there["source"] == batch.origin.source, "vintage"].unique()
        newest = max(vintages, key=vintage_order, default="")
        if newest and vintage_order(batch.origin.vintage) < vintage_order(newest):
            yield (
                f"{batch.origin.source}: received {vintage_day(batch.origin.vintage)}, before the vintage {newest} that "
                "is there; where both have a figure, that of the newer counts"
            )
