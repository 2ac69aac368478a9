"""Known errors and disputes of publishers' figures, as records of ``config/corrections/<source>.yml``.

Belongs here: the records and what they must satisfy. Does not belong here: applying them to figures
(`evaluation.indicators`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from evaluation.catalog.load import Catalog
from evaluation.catalog.model import Day, Grade, Named, Number, Record, Text
from evaluation.catalog.read import WHY_CONFIG, read_config, record_faults
from evaluation.catalog.years import Year
from evaluation.errors import BadInputError, Fault, raise_if_any

CorrectionKind = Literal["correction", "dispute"]
CODE = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
REMEDY = "see docs/corrections.md for the fields of a record"


class Correction(Record):
    """One figure that is known to be wrong, or that is disputed.

    Parameters
    ----------
    source
        The folder of ``data/raw/``, and the name of the file the record stands in.
    code
        Names the record in reasons of grades: small letters, digits and hyphens.
    kind
        ``correction`` puts another value in the figure's place; ``dispute`` leaves the figure and lowers its grade.
    dated
        The day the record was made: the date of the erratum.
    region_code, year, variable
        The figure, in the catalogue's codes and the source's name of the variable.
    vintages
        The vintages that have the error; all when empty.
    published
        The value that the publisher's table has; when the newest vintage has another, the record is out of date.
    corrected
        The value in its place.
    quality
        Best grade of the figure from now on.
    what, why
        What is wrong, and how that is known.
    said_by
        Who said so, as a citation.
    """

    source: Named
    code: Annotated[str, Field(pattern=CODE)]
    kind: CorrectionKind
    dated: Day
    region_code: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    year: Year
    variable: Named
    vintages: tuple[Named, ...] = ()
    published: Number
    corrected: Number | None = None
    quality: Grade
    what: Text
    why: Text
    said_by: Named

    @model_validator(mode="after")
    def _whole(self) -> Correction:
        if (self.corrected is None) == (self.kind == "correction"):
            raise ValueError("a correction needs `corrected`, and a dispute has none")
        if self.corrected == self.published:
            raise ValueError(f"corrected and published are the same; got: {self.published:g}")
        if self.quality == "A":
            raise ValueError("a figure that was corrected or is disputed is graded B or C; got: A")
        return self

    @property
    def figure(self) -> tuple[str, str, int, str]:
        """Source, region, year and variable."""
        return (self.source, self.region_code, self.year, self.variable)

    @property
    def where(self) -> str:
        """File and record, for messages."""
        return f"config/corrections/{self.source}.yml, record {self.code}"


class _CorrectionFile(Record):
    corrections: tuple[Any, ...]


def read_corrections(
    config_dir: Path, *, catalog: Catalog, regions: Collection[str]
) -> tuple[Correction, ...]:
    """Read ``corrections/*.yml``, none where the folder is absent or empty.

    Parameters
    ----------
    config_dir
        The configuration.
    catalog
        Says which variables there are, and what values are possible.
    regions
        Codes of all regions.

    Raises
    ------
    BadInputError
        With every fault of every file: unreadable records, unknown sources, variables and regions, impossible values,
        figures and codes that stand twice.
    """
    faults: list[Fault] = []
    found: list[Correction] = []
    for path in sorted((config_dir / "corrections").glob("*.yml")):
        found.extend(_read_file(path, faults))
    faults.extend(_reference_faults(found, catalog, regions))
    faults.extend(_repeated(found))
    raise_if_any(faults)
    return tuple(sorted(found, key=lambda one: (one.dated, one.code)))


def _read_file(path: Path, faults: list[Fault]) -> Iterator[Correction]:
    try:
        entries = _CorrectionFile.model_validate(read_config(path)).corrections
    except BadInputError as error:
        faults.extend(error.faults)
        return
    except ValidationError as error:
        faults.extend(record_faults(path, error))
        return
    for number, entry in enumerate(entries, start=1):
        inside = f"record {entry.get('code', number) if isinstance(entry, dict) else number}"
        if not isinstance(entry, dict) or "source" in entry:
            got = "the file's name is the source" if isinstance(entry, dict) else f"got: {entry!r}"
            faults.append(
                _fault(f"{path}, {inside}", f"a record is a block of fields without `source`; {got}")
            )
            continue
        try:
            yield Correction.model_validate({"source": path.stem, **entry})
        except ValidationError as error:
            faults.extend(record_faults(path, error, inside=inside))


def _reference_faults(
    records: Sequence[Correction], catalog: Catalog, regions: Collection[str]
) -> Iterator[Fault]:
    segments = [(segment, indicator.bounds) for indicator, segment in catalog.segments()]
    for record in records:
        if record.source not in catalog.sources:
            yield _fault(record.where, f"source {record.source!r} is not in config/sources.yml")
            continue
        if record.region_code not in regions:
            yield _fault(record.where, f"region_code {record.region_code!r} is not in config/regions.csv")
        bounds = [
            limits
            for segment, limits in segments
            if (segment.source, segment.variable) == (record.source, record.variable)
            and segment.first_year <= record.year <= segment.last_year
        ]
        if not bounds:
            what = f"no indicator takes {record.variable!r} of {record.source} in {record.year}"
            yield _fault(record.where, f"{what}, so nothing would be corrected")
        elif record.corrected is not None and not bounds[0][0] <= record.corrected <= bounds[0][1]:
            low, high = bounds[0]
            yield _fault(
                record.where, f"corrected {record.corrected:g} is impossible; possible is {low:g} to {high:g}"
            )


def _repeated(records: Sequence[Correction]) -> Iterator[Fault]:
    for code, count in Counter(record.code for record in records).items():
        if count > 1:
            yield _fault("config/corrections", f"code {code!r} stands {count} times")
    for figure, count in Counter(record.figure for record in records).items():
        if count > 1:
            source, region_code, year, variable = figure
            what = f"{count} records are about {variable} of region {region_code} in {year}"
            yield _fault(f"config/corrections/{source}.yml", what)


def _fault(where: str, what: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_CONFIG, remedy=REMEDY)
