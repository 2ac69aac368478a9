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

import yaml
from pydantic import BaseModel, ValidationError

from evaluation.catalog.model import Dimension, Framework, Indicator, Pillar, Source, Use
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import read_yaml

WHY_CONFIG = "every score and estimate is computed from this configuration"
FIELDS_DOCUMENTED = "see docs/configuration.md for the fields and their meaning"

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
    if framework is not None:
        faults.extend(_framework_faults(framework))
        faults.extend(_reference_faults(framework, indicators, sources))
    raise_if_any(faults)
    assert framework is not None  # a framework that could not be read is a fault
    return Catalog(
        framework=framework,
        indicators={indicator.code: indicator for _, indicator in indicators},
        sources=sources,
    )


def read_config(path: Path) -> Any:
    """Return the content of a YAML file of the configuration.

    Raises
    ------
    BadInputError
        When the file is absent or no YAML.
    """
    if not path.is_file():
        raise BadInputError([_absent(path)])
    try:
        return read_yaml(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInputError(
            [
                Fault(
                    where=str(path),
                    what=f"this is not YAML: {' '.join(str(error).split())}",
                    why=WHY_CONFIG,
                    remedy="mend the line named; text with a colon or a leading % needs quotes",
                )
            ]
        ) from error


def record_faults(path: Path, error: ValidationError, *, inside: str = "") -> Iterator[Fault]:
    """Turn every problem pydantic found into a fault that names the file and the field."""
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        place = ", ".join(part for part in (inside, field) if part)
        got = problem.get("input")
        shown = "" if isinstance(got, dict | BaseModel) else f"; got: {got!r}"
        yield Fault(
            where=f"{path}, {place}" if place else str(path),
            what=problem["msg"].removeprefix("Value error, ") + shown,
            why=WHY_CONFIG,
            remedy=FIELDS_DOCUMENTED,
        )


def _absent(path: Path) -> Fault:
    return Fault(
        where=str(path),
        what="the file is not there",
        why=WHY_CONFIG,
        remedy="restore it from version control (git checkout -- config)",
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
        faults.append(_absent(folder / "*.yml"))
    found = []
    for path in paths:
        content = _read_or_collect(path, faults) or {}
        for number, entry in enumerate(content.get("indicators", []), start=1):
            code = entry.get("code", f"number {number}") if isinstance(entry, dict) else f"number {number}"
            indicator = _validated(path, Indicator, entry, faults, inside=f"indicator {code}")
            if indicator is not None:
                found.append((path, indicator))
    return found


def _read_sources(path: Path, faults: list[Fault]) -> dict[str, Source]:
    content = _read_or_collect(path, faults) or {}
    entries = content.get("sources", {})
    read = {
        code: _validated(path, Source, entry, faults, inside=f"source {code}")
        for code, entry in entries.items()
    }
    return {code: source for code, source in read.items() if source is not None}


def _framework_faults(framework: Framework) -> Iterator[Fault]:
    codes = [pillar.code for pillar in framework.pillars]
    codes += [dimension.code for pillar in framework.pillars for dimension in pillar.dimensions]
    yield from _repeated("config/pillars.yml", "code", codes)
    for pillar in framework.pillars:
        if sum(dimension.weight for dimension in pillar.dimensions) == 0:
            yield _fault("config/pillars.yml", f"all dimension weights of {pillar.code} are zero")
    if sum(pillar.weight for pillar in framework.pillars) == 0:
        yield _fault("config/pillars.yml", "all pillar weights are zero")
    if framework.score_range[0] <= 0 and "geometric" in (
        framework.aggregation.across_dimensions,
        framework.aggregation.across_pillars,
        framework.aggregation.within_dimension,
    ):
        yield _fault(
            "config/pillars.yml, score_range",
            f"a geometric mean needs scores above zero; got: {framework.score_range}",
        )
    starts = [band.from_score for band in framework.bands]
    if starts != sorted(set(starts)):
        yield _fault("config/pillars.yml, bands", f"bands must rise; got: {starts}")


def _reference_faults(
    framework: Framework, indicators: Iterable[tuple[Path, Indicator]], sources: Mapping[str, Source]
) -> Iterator[Fault]:
    found = list(indicators)
    codes = {indicator.code for _, indicator in found}
    dimensions = {dimension.code for pillar in framework.pillars for dimension in pillar.dimensions}
    yield from _repeated("config/indicators", "indicator code", [indicator.code for _, indicator in found])
    yield from _repeated(
        "config/indicators",
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
        if indicator.dimension is not None and indicator.dimension not in dimensions:
            yield _fault(where, f"dimension {indicator.dimension!r} is not in config/pillars.yml")
        if indicator.superseded_by is not None and indicator.superseded_by not in codes:
            yield _fault(where, f"superseded_by {indicator.superseded_by!r} is no indicator")
        for source in indicator.sources():
            if source not in sources:
                yield _fault(where, f"source {source!r} is not in config/sources.yml")
    filled = {indicator.dimension for _, indicator in found if indicator.use in ("scored", "wanted")}
    for dimension in sorted(dimensions - filled):
        yield _fault(
            "config/indicators", f"dimension {dimension!r} has neither a scored nor a wanted indicator"
        )


def _repeated(where: str, kind: str, names: Iterable[str]) -> Iterator[Fault]:
    for name, count in Counter(names).items():
        if count > 1:
            yield _fault(where, f"{kind} {name!r} stands {count} times")


def _fault(where: str, what: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_CONFIG, remedy=FIELDS_DOCUMENTED)
