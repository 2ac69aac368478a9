"""Read ``config/`` into a checked `Catalog`, with all faults of all files at once.

Belongs here: reading the files, and what records must satisfy together. Does not belong here: defaults that
hide a choice, or anything about the data themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evaluation.catalog.model import (
    BAND_EDGES,
    Dimension,
    Framework,
    Indicator,
    IndicatorFile,
    Pillar,
    Source,
    SourceFile,
    Use,
)
from evaluation.catalog.read import FIELDS_DOCUMENTED, WHY_CONFIG, absent_file, read_config, record_faults
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.schema import GRADES

RecordType = TypeVar("RecordType", bound=BaseModel)


@dataclass(frozen=True)
class Catalog:
    """The whole configuration of what is measured.

    Parameters
    ----------
    framework
        Pillars, dimensions and the rules of scoring.
    indicators
        Code to indicator, in the order of the files.
    sources
        Name of the folder in ``data/raw/`` to source.
    """

    framework: Framework
    indicators: Mapping[str, Indicator]
    sources: Mapping[str, Source]

    @cached_property
    def pillars(self) -> Mapping[str, Pillar]:
        """Code to pillar, in the order of the programme."""
        return {pillar.code: pillar for pillar in self.framework.pillars}

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """Code to dimension, in the order of the pillars."""
        return {
            dimension.code: dimension for pillar in self.framework.pillars for dimension in pillar.dimensions
        }

    @cached_property
    def pillar_of(self) -> Mapping[str, str]:
        """Dimension code to pillar code."""
        return {
            dimension.code: pillar.code
            for pillar in self.framework.pillars
            for dimension in pillar.dimensions
        }

    def indicators_of(self, dimension: str, *uses: Use) -> tuple[Indicator, ...]:
        """Return the indicators of a dimension with one of the given uses (all when none is given)."""
        return tuple(
            indicator
            for indicator in self.indicators.values()
            if indicator.dimension == dimension and (not uses or indicator.use in uses)
        )

    def with_use(self, *uses: Use) -> tuple[Indicator, ...]:
        """Return the indicators with one of the given uses."""
        return tuple(indicator for indicator in self.indicators.values() if indicator.use in uses)

    def series_indicators(self) -> tuple[Indicator, ...]:
        """Return the indicators of the main series: chosen for it, with one method over all of its years."""
        first, last = self.framework.series.years
        return tuple(
            one
            for one in self.with_use("scored")
            if one.in_series
            and one.window_of(first) is not None
            and one.window_of(first) == one.window_of(last)
        )

    def segments(self) -> Iterator[tuple[Indicator, Any]]:
        """Yield every indicator with each of its segments."""
        for indicator in self.indicators.values():
            for segment in indicator.segments:
                yield indicator, segment


def load_catalog(config_dir: Path) -> Catalog:
    """Read and check ``pillars.yml``, ``indicators/*.yml`` and ``sources.yml``.

    Raises
    ------
    BadInputError
        With every fault of every file.
    """
    faults: list[Fault] = []
    framework = _read_record(config_dir / "pillars.yml", Framework, faults)
    indicators = _read_indicators(config_dir / "indicators", faults)
    sources = _read_sources(config_dir / "sources.yml", faults)
    all_read = not faults
    if framework is not None:
        faults.extend(_framework_faults(config_dir / "pillars.yml", framework))
        faults.extend(_dimension_faults(framework, indicators))
    if framework is not None and all_read:
        # a record that could not be read would be missed here by all that name it
        faults.extend(_reference_faults(config_dir, framework, indicators, sources))
    raise_if_any(faults)
    assert framework is not None  # a framework that could not be read is a fault
    return Catalog(
        framework=framework,
        indicators={indicator.code: indicator for _, indicator in indicators},
        sources=sources,
    )


def _read_or_collect(path: Path, faults: list[Fault]) -> Any:
    try:
        return read_config(path)
    except BadInputError as error:
        faults.extend(error.faults)
        return None


def _read_record(path: Path, record: type[RecordType], faults: list[Fault]) -> RecordType | None:
    content = _read_or_collect(path, faults)
    if content is None:
        return None
    return _validated(path, record, content, faults, inside="")


def _validated(
    path: Path, record: type[RecordType], content: Any, faults: list[Fault], *, inside: str
) -> RecordType | None:
    try:
        return record.model_validate(content)
    except ValidationError as error:
        faults.extend(record_faults(path, error, inside=inside))
        return None


def _read_indicators(folder: Path, faults: list[Fault]) -> list[tuple[Path, Indicator]]:
    paths = sorted(folder.glob("*.yml"))
    if not paths:
        faults.append(absent_file(folder / "*.yml", why=WHY_CONFIG))
    found = []
    for path in paths:
        content = _read_record(path, IndicatorFile, faults)
        for number, entry in enumerate(content.indicators if content else (), start=1):
            code = entry.get("code", f"number {number}") if isinstance(entry, dict) else f"number {number}"
            indicator = _validated(path, Indicator, entry, faults, inside=f"indicator {code}")
            if indicator is not None:
                found.append((path, indicator))
    return found


def _read_sources(path: Path, faults: list[Fault]) -> dict[str, Source]:
    content = _read_record(path, SourceFile, faults)
    read = {
        code: _validated(path, Source, entry, faults, inside=f"source {code}")
        for code, entry in (content.sources if content else {}).items()
    }
    return {code: source for code, source in read.items() if source is not None}


def _framework_faults(path: Path, framework: Framework) -> Iterator[Fault]:
    codes = [pillar.code for pillar in framework.pillars]
    codes += [dimension.code for pillar in framework.pillars for dimension in pillar.dimensions]
    yield from _repeated(path, "code", codes)
    yield from _repeated(path, "edition_years", framework.edition_years)
    for pillar in framework.pillars:
        if sum(dimension.weight for dimension in pillar.dimensions) == 0:
            yield _fault(path, f"all dimension weights of {pillar.code} are zero")
    if sum(pillar.weight for pillar in framework.pillars) == 0:
        yield _fault(path, "all pillar weights are zero")
    yield from _score_faults(path, framework)
    yield from _coverage_faults(path, framework)
    yield from _class_faults(path, framework)


def _score_faults(path: Path, framework: Framework) -> Iterator[Fault]:
    lowest, highest = framework.score_range
    means = framework.aggregation
    if lowest >= highest:
        yield _fault(
            f"{path}, score_range", f"the lowest score must lie below the highest; got: {lowest}, {highest}"
        )
    if lowest <= 0 and "geometric" in (
        means.across_dimensions,
        means.across_pillars,
        means.within_dimension,
    ):
        yield _fault(
            f"{path}, score_range",
            f"a geometric mean needs scores above zero; got: {framework.score_range}",
        )
    starts = [band.from_score for band in framework.bands]
    if starts != sorted(set(starts)):
        yield _fault(f"{path}, bands", f"bands must rise; got: {starts}")
    if starts[0] != lowest or starts[1:] != list(BAND_EDGES):
        expected = [lowest, *BAND_EDGES]
        yield _fault(
            f"{path}, bands",
            f"bands start at the lowest score and at the edges the pages draw, {expected}; got: {starts}",
        )
    numbers = [band.band for band in framework.bands]
    if numbers != list(range(1, len(numbers) + 1)):
        yield _fault(f"{path}, bands", f"bands are numbered from 1, one after the other; got: {numbers}")


def _coverage_faults(path: Path, framework: Framework) -> Iterator[Fault]:
    coverage, floors = framework.coverage, framework.grades.coverage_floor
    if coverage.index_min_pillars > len(framework.pillars):
        yield _fault(
            f"{path}, coverage.index_min_pillars",
            f"there are only {len(framework.pillars)} pillars; got: {coverage.index_min_pillars}",
        )
    for pillar in framework.pillars:
        if coverage.pillar_min_dimensions > len(pillar.dimensions):
            yield _fault(
                f"{path}, coverage.pillar_min_dimensions",
                f"pillar {pillar.code} has only {len(pillar.dimensions)} dimensions; "
                f"got: {coverage.pillar_min_dimensions}",
            )
    for grade in sorted({"A", "B"} - set(floors)):
        yield _fault(f"{path}, grades.coverage_floor", f"the floor of grade {grade} is absent")
    if floors.get("A", 1.0) < floors.get("B", 0.0):
        yield _fault(f"{path}, grades.coverage_floor", "grade A asks for less coverage than grade B")
    for grade in sorted(set(GRADES) - set(framework.grade_words)):
        yield _fault(f"{path}, grade_words", f"grade {grade} has no entry")


def _class_faults(path: Path, framework: Framework) -> Iterator[Fault]:
    where = f"{path}, population_classes"
    classes = framework.population_classes
    yield from _repeated(where, "code", [size.code for size in classes])
    if classes[-1].below is not None:
        yield _fault(where, f"the last class must be open-ended (no `below`); got: below {classes[-1].below}")
    ends = [size.below for size in classes[:-1] if size.below is not None]
    if len(ends) < len(classes) - 1:
        yield _fault(where, "every class but the last needs its upper end, `below`")
    elif ends != sorted(set(ends)):
        yield _fault(where, f"classes must rise; got: {ends}")


def _dimension_faults(framework: Framework, indicators: Iterable[tuple[Path, Indicator]]) -> Iterator[Fault]:
    dimensions = {dimension.code for pillar in framework.pillars for dimension in pillar.dimensions}
    for path, indicator in indicators:
        if indicator.dimension is not None and indicator.dimension not in dimensions:
            yield _fault(
                f"{path}, indicator {indicator.code}",
                f"dimension {indicator.dimension!r} is not in config/pillars.yml",
            )


def _reference_faults(
    config_dir: Path,
    framework: Framework,
    indicators: Iterable[tuple[Path, Indicator]],
    sources: Mapping[str, Source],
) -> Iterator[Fault]:
    found = list(indicators)
    folder = config_dir / "indicators"
    codes = {indicator.code for _, indicator in found}
    yield from _repeated(folder, "indicator code", [indicator.code for _, indicator in found])
    yield from _repeated(
        folder,
        "source and variable in overlapping years",
        [
            f"{segment.source}/{segment.variable}/{year}"
            for _, indicator in found
            for segment in indicator.segments
            for year in range(segment.first_year, segment.last_year + 1)
        ],
    )
    for path, indicator in found:
        where = f"{path}, indicator {indicator.code}"
        if indicator.superseded_by is not None and indicator.superseded_by not in codes:
            yield _fault(where, f"superseded_by {indicator.superseded_by!r} is no indicator")
        for source in indicator.sources():
            if source not in sources:
                yield _fault(where, f"source {source!r} is not in config/sources.yml")
    yield from _filling_faults(folder, framework, [indicator for _, indicator in found])


def _filling_faults(folder: Path, framework: Framework, indicators: Iterable[Indicator]) -> Iterator[Fault]:
    weights: dict[str, list[float]] = {}
    for indicator in indicators:
        if indicator.dimension is not None and indicator.use in ("scored", "wanted"):
            weight = indicator.weight if indicator.use == "scored" else 1.0
            weights.setdefault(indicator.dimension, []).append(weight)
    dimensions = {dimension.code for pillar in framework.pillars for dimension in pillar.dimensions}
    for dimension in sorted(dimensions - set(weights)):
        yield _fault(folder, f"dimension {dimension!r} has neither a scored nor a wanted indicator")
    for dimension in sorted(dimensions & set(weights)):
        if sum(weights[dimension]) == 0:
            yield _fault(folder, f"all indicator weights of dimension {dimension!r} are zero")


def _repeated(where: Path | str, kind: str, names: Iterable[object]) -> Iterator[Fault]:
    for name, count in Counter(names).items():
        if count > 1:
            yield _fault(where, f"{kind} {name!r} stands {count} times")


def _fault(where: Path | str, what: str) -> Fault:
    return Fault(where=str(where), what=what, why=WHY_CONFIG, remedy=FIELDS_DOCUMENTED)
