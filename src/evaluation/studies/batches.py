"""Files that make one vintage, and what its ``origin.yml`` says.

Belongs here: which files go together, under which source and day, with which grade and doubts. Does not belong here:
comparing figures, or writing (`evaluation.studies.filing`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from evaluation.catalog import Catalog, Source
from evaluation.provenance import Doubt, Origin, ReceivedVariable
from evaluation.quality import Grade
from evaluation.regions import CodeSystem, Registry
from evaluation.sources.sipsn import Mismatch, mismatches
from evaluation.studies.comparing import Doubtful
from evaluation.studies.filing import Filing, free_vintage, unique_names, with_files
from evaluation.studies.meanings import Use
from evaluation.studies.received import ReceivedFile

PARTS_GRADE_C = 0.01
"""Share of the total from which parts that do not give it make a figure not to be acted on."""
NAMED_BY_US = ("tidy", "template")
"""Formats that name the catalogue's variables instead of having titles of their own."""
PUBLISHED_AS_FILE = ("fsva", "sipsn", "bps_webapi", "tidy")
"""Formats whose files state no address; that of a BPS web table is looked for at its foot."""


@dataclass(frozen=True)
class Request:
    """What whoever brings the files says of them.

    Parameters
    ----------
    files
        The files.
    year
        Year or edition of a file that states none.
    indicator
        Code of the indicator of a file with one title.
    source
        Source to file under; the one whose segment carries the indicator in that year when None.
    code_system
        System of the codes of a tidy file without names.
    quality
        Grade of the figures; told from the file when None.
    accessed
        Day of access of files that state none; the day of filing when None.
    is_revision
        That the publisher revised the whole series by the same method.
    today
        The day of filing.
    """

    files: tuple[Path, ...]
    today: date
    year: int | None = None
    indicator: str | None = None
    source: str | None = None
    code_system: CodeSystem | None = None
    quality: Grade | None = None
    accessed: date | None = None
    is_revision: bool = False


@dataclass(frozen=True)
class Batch:
    """Files of one source that make one vintage: one format, day, year, code system and grade.

    Parameters
    ----------
    source
        What ``config/sources.yml`` says of the source.
    members
        Each file with each of its titles that the source carries.
    origin
        What is known of the vintage, without the list of files.
    """

    source: Source
    members: tuple[tuple[ReceivedFile, Use], ...]
    origin: Origin

    @property
    def files(self) -> tuple[ReceivedFile, ...]:
        """The files, each once, in order."""
        return tuple(dict.fromkeys(file for file, _ in self.members))

    def keeping(self, paths: Collection[Path]) -> Batch:
        """Return the batch with these files alone."""
        kept = tuple((file, use) for file, use in self.members if file.path in paths)
        origin = _described(self.origin, self.source, kept) if kept else self.origin
        return replace(self, members=kept, origin=origin)


_Key = tuple[str, str, str, int | None, str, str]
"""Source, format, day, year, code system, grade."""


def make_batches(
    uses: Sequence[tuple[ReceivedFile, Use]], *, raw_dir: Path, catalog: Catalog, request: Request
) -> list[Batch]:
    """Return the vintages that files make, each with its origin; a file of two sources goes to both."""
    groups: dict[_Key, list[tuple[ReceivedFile, Use]]] = {}
    for file, use in uses:
        groups.setdefault(_key(file, use, request), []).append((file, use))
    taken: dict[str, list[str]] = {}
    batches = []
    for (name, format, day, year, code_system, quality), members in groups.items():
        vintage = free_vintage(raw_dir, name, day, taken=taken.get(name, ()))
        taken.setdefault(name, []).append(vintage)
        source = catalog.sources[name]
        bare = Origin(
            source=name,
            vintage=vintage,
            publisher=source.publisher,
            product="",
            citation="",
            address="",
            accessed=day,
            licence=source.licence.en,
            code_system=code_system,
            files={},
            format=format,
            quality=quality,
            year=year,
        )
        batches.append(Batch(source, tuple(members), _described(bare, source, members)))
    return batches


def _key(file: ReceivedFile, use: Use, request: Request) -> _Key:
    stated = request.accessed or request.today
    day = file.accessed or stated.isoformat()
    year = None if file.states_years else request.year
    return use.segment.source, file.format, day, year, file.code_system, _quality(file, request)


def _quality(file: ReceivedFile, request: Request) -> Grade:
    """Return the grade: A for a table as its publisher gives it, B for one that was edited or lost its foot."""
    if request.quality is not None:
        return request.quality
    if file.format == "template":
        return "B"
    edited = file.layout is not None and bool(file.layout.grid.formulas)
    told = file.format in PUBLISHED_AS_FILE or (file.address and file.accessed)
    return "A" if told and not edited else "B"


def _described(origin: Origin, source: Source, members: Sequence[tuple[ReceivedFile, Use]]) -> Origin:
    """Return an origin with what its files say: titles, addresses, notes, and what the titles stand for."""
    files = tuple(dict.fromkeys(file for file, _ in members))
    own_words = origin.format not in NAMED_BY_US
    product = "; ".join(
        dict.fromkeys(use.title.text if own_words else use.indicator.title.en for _, use in members)
    )
    address = " ".join(dict.fromkeys(file.address for file in files if file.address)) or source.url
    told_by = "; ".join(dict.fromkeys(file.told_by for file in files if file.told_by))
    return replace(
        origin,
        product=product,
        citation=f"{told_by or source.publisher}. {product}. {address.split()[0]}. Accessed {origin.accessed}.",
        address=address,
        note=_note(files),
        variables=_variables(members) if own_words else {},
    )


def _variables(members: Sequence[tuple[ReceivedFile, Use]]) -> dict[str, ReceivedVariable]:
    """Return what each title stands for; of a title in several files with limits, the years of all of them."""
    found: dict[str, ReceivedVariable] = {}
    limited = {use.title.key for _, use in members if use.variable.years}
    for _, use in members:
        before = found.get(use.title.key)
        years = {*use.years, *(before.years if before else ())} if use.title.key in limited else ()
        found[use.title.key] = replace(use.variable, years=tuple(sorted(years)))
    return found


def _note(files: Sequence[ReceivedFile]) -> str:
    told = dict.fromkeys(file.told_by for file in files if file.told_by)
    notes = dict.fromkeys(note for file in files for note in file.notes)
    return "; ".join([*told, *notes]) or "none"


def mismatch_doubts(
    batches: Sequence[Batch], figures: pd.DataFrame, registry: Registry
) -> tuple[Doubtful, ...]:
    """Return the figures of rows whose parts do not give the total published beside them."""
    return tuple(
        doubtful
        for batch in batches
        for file in batch.files
        if file.format == "sipsn" and file.layout is not None
        for mismatch in mismatches(file.layout)
        for doubtful in _row_doubts(file, mismatch, figures, registry)
    )


def _row_doubts(
    file: ReceivedFile, mismatch: Mismatch, figures: pd.DataFrame, registry: Registry
) -> Iterator[Doubtful]:
    resolution = registry.resolve([mismatch.row.name], province=[mismatch.row.province])
    of_row = figures[
        (figures["file"] == str(file.path))
        & (figures["region_code"] == resolution.codes[0])
        & (figures["year"] == mismatch.row.year)
    ]
    off = abs(mismatch.published - mismatch.expected)
    grade: Grade = "C" if off > PARTS_GRADE_C * abs(mismatch.published) else "B"
    for row in of_row.itertuples():
        yield Doubtful(
            doubt=Doubt(
                variable=row.variable,
                region_code=row.region_code,
                year=row.year,
                grade=grade,
                reason="parts_do_not_add_up",
            ),
            source=row.source,
            place=f"{row.file}, {row.row}",
            what=(
                f"{mismatch.title!r} of {mismatch.row.name} is {mismatch.published:,.2f}, its parts give "
                f"{mismatch.expected:,.2f}"
            ),
        )


def make_filing(batch: Batch, figures: pd.DataFrame, doubtful: Sequence[Doubtful]) -> Filing:
    """Return a batch as a vintage: files by name, their hashes, and the doubts about its figures."""
    own = figures[(figures["source"] == batch.origin.source) & (figures["vintage"] == batch.origin.vintage)]
    held = set(zip(own["variable"], own["region_code"], own["year"], strict=True))
    doubts: dict[tuple[str, str, int], Doubt] = {}
    for one in doubtful:
        key = (one.doubt.variable, one.doubt.region_code, one.doubt.year)
        if one.source == batch.origin.source and key in held:
            before = doubts.get(key)
            if before is None or one.doubt.grade > before.grade:
                doubts[key] = one.doubt
    origin = replace(batch.origin, doubts=tuple(doubts[key] for key in sorted(doubts)))
    paths = [file.path for file in batch.files]
    return with_files(origin, unique_names(paths), {file.path: file.sha256 for file in batch.files})
