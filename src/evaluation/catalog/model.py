"""The frozen records that ``config/`` turns into: pillars, dimensions, indicators, sources and scoring rules.

Belongs here: the shape of the configuration and what each single record must satisfy. Does not belong here:
what several records must satisfy together (`evaluation.catalog.load`), or any number about a region.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from math import inf
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal["id", "en"]
Grade = Literal["A", "B", "C"]
Use = Literal["scored", "beside", "available", "wanted"]
Mean = Literal["arithmetic", "geometric"]
Transform = Literal["linear", "log", "log1p"]
YearRange = tuple[int, int]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """Base of all records: frozen, and an unknown field is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Record):
    """The same words in Bahasa Indonesia and English."""

    id: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def get(self, language: Language) -> str:
        """Return the words in one language."""
        return self.id if language == "id" else self.en


class TextList(Record):
    """The same points in both languages, one to one."""

    id: tuple[str, ...]
    en: tuple[str, ...]

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
    publisher: str
    product: str
    citation: str
    url: str
    licence: str
    accessed: str
    updates: str | Text
    code_system: Literal["bps_2021", "bps_2024", "kemendagri"]
    note: Text | None = None


class Goalposts(Record):
    """Fixed bounds of an indicator, in its own units: where the score is 1 and where it is 100."""

    low: float
    high: float
    set_on: date
    reason: Text
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> Goalposts:
        if not self.low < self.high:
            raise ValueError(f"low must be below high; got: low {self.low}, high {self.high}")
        return self


class Segment(Record):
    """A stretch of years in which one variable of one source carries the indicator."""

    source: str
    variable: str
    unit: str
    years: YearRange

    @property
    def first_year(self) -> int:
        """First year of the segment."""
        return self.years[0]

    @property
    def last_year(self) -> int:
        """Last year of the segment, included."""
        return self.years[1]


class Window(Record):
    """Years in which the method did not change: no score and no estimate crosses its ends."""

    years: YearRange
    method: Text

    def covers(self, year: int) -> bool:
        """Tell whether the year lies in the window."""
        return self.years[0] <= year <= self.years[1]


class Wanted(Record):
    """What would fill a hole: who would publish it, in which form it fits, and why it is not here."""

    publisher: str
    product: str
    form: Text
    why_missing: Text


class Indicator(Record):
    """One indicator with everything a reader needs to judge it.

    Parameters
    ----------
    use
        ``scored`` carries a score; ``beside`` is another institution's composite, shown and never averaged;
        ``available`` is in the data and not used; ``wanted`` has no open data.
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

    code: str
    dimension: str | None
    use: Use
    in_series: bool = False
    direction: Literal[-1, 1] | None = None
    unit: Text
    short_unit: str
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    valid_range: tuple[float | None, float | None] = (None, None)
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
    if indicator.use == "wanted" and (indicator.wanted is None or indicator.segments):
        problems.append("a wanted indicator needs the block `wanted` and has no segments")
    if indicator.use != "wanted" and not indicator.segments:
        problems.append("an indicator with data needs at least one segment")
    if indicator.goalposts is not None and indicator.transform == "log" and indicator.goalposts.low <= 0:
        problems.append(f"log goalposts must be above zero; got: low {indicator.goalposts.low}")
    problems.extend(_year_problems(indicator))
    return problems


def _year_problems(indicator: Indicator) -> list[str]:
    problems = []
    for kind, ranges in (
        ("segments", [segment.years for segment in indicator.segments]),
        ("windows", [window.years for window in indicator.windows]),
    ):
        if any(first > last for first, last in ranges):
            problems.append(f"{kind}: the first year lies after the last")
        ordered = sorted(ranges)
        if any(a[1] >= b[0] for a, b in pairwise(ordered)):
            problems.append(f"{kind} overlap in years: one year would have two official values")
    uncovered = [
        year
        for segment in indicator.segments
        for year in range(segment.first_year, segment.last_year + 1)
        if indicator.window_of(year) is None
    ]
    if uncovered:
        problems.append(f"years {uncovered[0]}..{uncovered[-1]} lie in no constant-method window")
    return problems


class Dimension(Record):
    """A part of a pillar."""

    code: str
    name: Text
    weight: NonNegative = 1.0
    evidence: str


class Pillar(Record):
    """One of the six pillars of the programme."""

    code: str
    name: Text
    short_name: Text
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
    weight: NonNegative = 1.0
    description: Text
    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1)]


class Band(Record):
    """A stretch of 20 points of the score, named."""

    band: int
    from_score: Annotated[float, Field(alias="from")]
    name: Text


class PopulationClass(Record):
    """A size class of regions; the last has no upper end."""

    code: str
    below: int | None = None
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
    pillar_min_dimensions: Annotated[int, Field(ge=1)]
    index_min_pillars: Annotated[int, Field(ge=1)]
    index_dimension_share_of_regions: Share
    reason: Text


class GradeRules(Record):
    """How age and coverage lower the grade of a score."""

    max_age_without_downgrade: Annotated[int, Field(ge=0)]
    coverage_floor: dict[Grade, Share]
    reason: Text


class GradeWord(Record):
    """What a reader may do with a number of this grade."""

    symbol: str
    name: Text


class SeriesRule(Record):
    """A series of constant composition, for change and for impact."""

    name: str
    years: YearRange


class Framework(Record):
    """The content of ``config/pillars.yml``: pillars and the rules by which they are scored."""

    edition_years: Annotated[tuple[int, ...], Field(min_length=1)]
    edition_window: Annotated[int, Field(ge=1)]
    series: SeriesRule
    score_range: tuple[float, float]
    bands: tuple[Band, ...]
    aggregation: Aggregation
    coverage: Coverage
    grades: GradeRules
    population_classes: tuple[PopulationClass, ...]
    population_classes_reason: Text | None = None
    grade_words: dict[Grade, GradeWord]
    pillars: tuple[Pillar, ...]
