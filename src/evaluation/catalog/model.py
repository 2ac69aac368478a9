"""The frozen records that ``config/`` turns into: pillars, dimensions, indicators, sources and scoring rules.

Belongs here: the shape of the configuration and what each single record must satisfy. Does not belong here:
what several records must satisfy together (`evaluation.catalog.load`), or any number about a region.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from math import inf
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from evaluation.catalog.years import LAST_YEAR, OpenYearRange, Year, YearRange, end_of

Language = Literal["id", "en"]
Grade = Literal["A", "B", "C"]
Use = Literal["scored", "beside", "available", "wanted"]
Mean = Literal["arithmetic", "geometric"]
Transform = Literal["linear", "log", "log1p"]
BAND_EDGES = (20.0, 40.0, 60.0, 80.0)
"""Where bands after the first start: the charts draw and name these."""


SELF_REPORTED = "regional_offices"
"""The source of figures that regions' own offices fill in; a wanted indicator has no other."""


LOWEST_OF_TRANSFORM = {"log": 0.0, "log1p": -1.0}
"""At and below these the logarithm does not exist."""


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("this must be -1 or 1")
    return value


Whole = Annotated[int, Field(strict=True)]
"""A whole number written as one: no text, no true or false."""
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Day = Annotated[date, Field(strict=True)]
Named = Annotated[str, Field(min_length=1)]
NonNegative = Annotated[float, Field(strict=True, ge=0)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Score = Annotated[float, Field(strict=True, ge=0, le=100)]
Direction = Annotated[Literal[-1, 1], BeforeValidator(_no_flag)]


class Record(BaseModel):
    """Base of all records: frozen; an unknown field, NaN and infinity are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(Record):
    """The same words in Bahasa Indonesia and English."""

    id: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def get(self, language: Language) -> str:
        """Return the words in one language."""
        return self.id if language == "id" else self.en


class TextList(Record):
    """The same points in both languages, one to one."""

    id: Annotated[tuple[Named, ...], Field(min_length=1)]
    en: Annotated[tuple[Named, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _same_number_of_points(self) -> TextList:
        if len(self.id) != len(self.en):
            raise ValueError(f"{len(self.id)} points in Indonesian and {len(self.en)} in English")
        return self

    def get(self, language: Language) -> tuple[str, ...]:
        """Return the points in one language."""
        return self.id if language == "id" else self.en


class Source(Record):
    """A publisher's product as received: one folder of ``data/raw/``."""

    title: Text
    publisher: Named
    product: Named
    citation: Named
    url: Named
    licence: Text
    accessed: Named
    updates: Named | Text
    code_system: Literal["bps_2021", "bps_2024", "kemendagri", "kemendagri_2021"]
    note: Text | None = None


class Goalposts(Record):
    """Fixed bounds of an indicator, in its own units: where the score is 1 and where it is 100."""

    low: Number
    high: Number
    set_on: Day
    reason: Text
    source: Named

    @model_validator(mode="after")
    def _low_before_high(self) -> Goalposts:
        if not self.low < self.high:
            raise ValueError(f"low must be below high; got: low {self.low}, high {self.high}")
        return self


class Segment(Record):
    """A stretch of years in which one variable of one source carries the indicator."""

    source: Named
    variable: Named
    unit: Named
    years: OpenYearRange

    @property
    def first_year(self) -> int:
        """First year of the segment."""
        return self.years[0]

    @property
    def last_year(self) -> int:
        """Last year of the segment, included; `LAST_YEAR` where it is open."""
        return end_of(self.years)

    def covers(self, year: int) -> bool:
        """Tell whether the year lies in the segment."""
        return self.first_year <= year <= self.last_year


class Window(Record):
    """Years in which the method did not change: no score and no estimate crosses its ends."""

    years: OpenYearRange
    method: Text

    @property
    def last_year(self) -> int:
        """Last year of the window, included; `LAST_YEAR` where it is open."""
        return end_of(self.years)

    def covers(self, year: int) -> bool:
        """Tell whether the year lies in the window."""
        return self.years[0] <= year <= self.last_year


class Wanted(Record):
    """What would fill a hole: who would publish it, in which form it fits, and why it is not here."""

    publisher: Named
    product: Named
    form: Text
    why_missing: Text


class Indicator(Record):
    """One indicator with everything a reader needs to judge it.

    Parameters
    ----------
    use
        ``scored`` carries a score; ``beside`` is another institution's composite, shown and never averaged;
        ``available`` is in the data and not used; ``wanted`` has no open data, and is shown where a region's own
        office has filled in a template.
    direction
        +1 when more is better, -1 when less is better, None where none is claimed.
    valid_range
        Values outside are impossible and refused; an open end is null.
    transform
        Scale on which the goalposts are applied: ``linear``, ``log`` (natural) or ``log1p``.
    superseded_by
        Another definition of the same thing that takes its place in every edition that has data of it: two
        definitions of one thing are not two indicators.
    """

    code: Named
    dimension: str | None
    use: Use
    in_series: Flag = False
    direction: Direction | None = None
    unit: Text
    short_unit: str
    decimals: Annotated[Whole, Field(ge=0, le=6)] = 2
    valid_range: tuple[Number | None, Number | None] = (None, None)
    transform: Transform = "linear"
    goalposts: Goalposts | None = None
    weight: NonNegative = 1.0
    superseded_by: str | None = None
    segments: tuple[Segment, ...] = ()
    windows: tuple[Window, ...] = ()
    title: Text
    short_title: Text
    description_short: Text
    description_key: TextList | None = None
    description_processing: Text | None = None
    numerator: Text | None = None
    denominator: Text | None = None
    wanted: Wanted | None = None

    @model_validator(mode="after")
    def _complete_for_its_use(self) -> Indicator:
        problems = _indicator_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Valid range with open ends as infinities."""
        low, high = self.valid_range
        return (-inf if low is None else low, inf if high is None else high)

    def window_of(self, year: int) -> int | None:
        """Return the first year of the constant-method window that covers a year, None when none does."""
        return next((window.years[0] for window in self.windows if window.covers(year)), None)

    def sources(self) -> tuple[str, ...]:
        """Return the sources of the segments, each once, in order."""
        return tuple(dict.fromkeys(segment.source for segment in self.segments))


def _indicator_problems(indicator: Indicator) -> list[str]:
    problems = []
    if indicator.use == "scored":
        lacking = [
            name
            for name in ("dimension", "direction", "goalposts", "description_key")
            if getattr(indicator, name) is None
        ]
        if lacking:
            problems.append(f"a scored indicator needs {', '.join(lacking)}")
    if indicator.use == "wanted" and indicator.wanted is None:
        problems.append("a wanted indicator needs the block `wanted`")
    if indicator.use == "wanted" and set(indicator.sources()) - {SELF_REPORTED}:
        problems.append(f"segments of a wanted indicator name the source {SELF_REPORTED} alone; got others")
    if indicator.use != "wanted" and not indicator.segments:
        problems.append("an indicator with data needs at least one segment")
    floor = LOWEST_OF_TRANSFORM.get(indicator.transform)
    if indicator.goalposts is not None and floor is not None and indicator.goalposts.low <= floor:
        problems.append(
            f"{indicator.transform} goalposts must be above {floor:g}; got: low {indicator.goalposts.low:g}"
        )
    problems.extend(_range_problems(indicator))
    problems.extend(_year_problems(indicator))
    return problems


def _range_problems(indicator: Indicator) -> list[str]:
    problems = []
    low, high = indicator.bounds
    goalposts = indicator.goalposts
    if indicator.segments and "valid_range" not in indicator.model_fields_set:
        problems.append("an indicator with data needs its valid_range; write null for an open end")
    if not low < high:
        problems.append(f"valid_range must rise; got: {low:g}, {high:g}")
    if goalposts is not None and not (low <= goalposts.low and goalposts.high <= high):
        problems.append(
            f"goalposts must lie in the valid range, {low:g} to {high:g}; "
            f"got: low {goalposts.low:g}, high {goalposts.high:g}"
        )
    return problems


def _year_problems(indicator: Indicator) -> list[str]:
    problems = []
    for kind, ranges in (
        ("segments", [segment.years for segment in indicator.segments]),
        ("windows", [window.years for window in indicator.windows]),
    ):
        ordered = sorted((years[0], end_of(years)) for years in ranges)
        if any(a[1] >= b[0] for a, b in pairwise(ordered)):
            problems.append(f"{kind} overlap in years: one year would have two official values")
    uncovered = [
        year
        for segment in indicator.segments
        for year in range(segment.first_year, segment.last_year + 1)
        if indicator.window_of(year) is None
    ]
    if uncovered:
        last = "on" if uncovered[-1] == LAST_YEAR else str(uncovered[-1])
        problems.append(f"years {uncovered[0]}..{last} lie in no constant-method window")
    return problems


class Dimension(Record):
    """A part of a pillar."""

    code: Named
    name: Text
    weight: NonNegative = 1.0
    evidence: Named


class Pillar(Record):
    """One of the six pillars of the programme."""

    code: Named
    name: Text
    short_name: Text
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
    weight: NonNegative = 1.0
    description: Text
    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1)]


class Band(Record):
    """A stretch of 20 points of the score, named."""

    band: Whole
    from_score: Annotated[Score, Field(alias="from")]
    name: Text


class PopulationClass(Record):
    """A size class of regions; the last has no upper end."""

    code: Named
    below: Annotated[Whole, Field(gt=0)] | None = None
    name: Text


class Aggregation(Record):
    """How scores become one score, level by level, and why."""

    within_dimension: Mean
    across_dimensions: Mean
    across_pillars: Mean
    reason: Text


class Coverage(Record):
    """From which coverage on an aggregate is given; below it is missing."""

    dimension: Share
    pillar_min_dimensions: Annotated[Whole, Field(ge=1)]
    index_min_pillars: Annotated[Whole, Field(ge=1)]
    index_dimension_share_of_regions: Share
    reason: Text


class GradeRules(Record):
    """How age and coverage lower the grade of a score."""

    max_age_without_downgrade: Annotated[Whole, Field(ge=0)]
    coverage_floor: dict[Grade, Share]
    reason: Text


class GradeWord(Record):
    """What a reader may do with a number of this grade."""

    symbol: Named
    name: Text


class SeriesRule(Record):
    """A series of constant composition, for change and for impact."""

    name: Named
    years: YearRange


class Framework(Record):
    """The content of ``config/pillars.yml``: pillars and the rules by which they are scored."""

    edition_years: Annotated[tuple[Year, ...], Field(min_length=1)]
    edition_window: Annotated[Whole, Field(ge=1)]
    series: SeriesRule
    score_range: tuple[Score, Score]
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    aggregation: Aggregation
    coverage: Coverage
    grades: GradeRules
    population_classes: Annotated[tuple[PopulationClass, ...], Field(min_length=1)]
    population_classes_reason: Text | None = None
    grade_words: dict[Grade, GradeWord]
    pillars: Annotated[tuple[Pillar, ...], Field(min_length=1)]


class IndicatorFile(Record):
    """A file of ``config/indicators/``, its entries not yet read."""

    indicators: tuple[Any, ...]


class SourceFile(Record):
    """The content of ``config/sources.yml``, its entries not yet read."""

    sources: dict[Named, Any]
