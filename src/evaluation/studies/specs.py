"""The rules of ``config/pillars.yml`` and ``config/indicators/`` as specifications of the index engine."""

from __future__ import annotations

from evaluation.catalog import Catalog, Indicator
from evaluation.catalog.model import Framework
from evaluation.index import Element, Goalposts, IndexSpec, Level, Minimum, Normalise
from evaluation.schema import INDEX_CODE


def pillar_spec(catalog: Catalog, *, in_force: tuple[str, ...]) -> IndexSpec:
    """Return the specification from indicators to pillars, for the indicators in force."""
    framework = catalog.framework
    elements = [_indicator_element(catalog.indicators[code]) for code in in_force]
    for pillar in framework.pillars:
        elements += [
            Element(code=dimension.code, parent=pillar.code, level="dimension", weight=dimension.weight)
            for dimension in pillar.dimensions
        ]
        elements.append(Element(code=pillar.code, parent=None, level="pillar", weight=pillar.weight))
    return _spec(elements, framework, n_levels=2)


def index_spec(catalog: Catalog, *, in_force: tuple[str, ...], dimensions: tuple[str, ...]) -> IndexSpec:
    """Return the specification of the overall index, over the dimensions that nearly all regions have."""
    framework = catalog.framework
    elements = [
        _indicator_element(catalog.indicators[code])
        for code in in_force
        if catalog.indicators[code].dimension in dimensions
    ]
    for pillar in framework.pillars:
        kept = [dimension for dimension in pillar.dimensions if dimension.code in dimensions]
        elements += [
            Element(code=dimension.code, parent=pillar.code, level="dimension", weight=dimension.weight)
            for dimension in kept
        ]
        elements.append(Element(code=pillar.code, parent=INDEX_CODE, level="pillar", weight=pillar.weight))
    elements.append(Element(code=INDEX_CODE, parent=None, level="index"))
    return _spec(elements, framework, n_levels=3)


def _indicator_element(indicator: Indicator) -> Element:
    assert indicator.goalposts is not None  # the catalogue refuses a scored indicator without
    assert indicator.direction is not None
    return Element(
        code=indicator.code,
        parent=indicator.dimension,
        level="indicator",
        weight=indicator.weight,
        direction=indicator.direction,
        goalposts=Goalposts(
            low=indicator.goalposts.low,
            high=indicator.goalposts.high,
            date=str(indicator.goalposts.set_on),
            source=indicator.goalposts.source,
        ),
        transform=indicator.transform,
    )


def _spec(elements: list[Element], framework: Framework, *, n_levels: int) -> IndexSpec:
    """Return a specification by goalposts; dimensions without data stay, so that what is missing can be said."""
    return IndexSpec(
        elements=tuple(elements),
        levels=_levels(framework)[:n_levels],
        normalise=Normalise(method="goalposts", score_range=framework.score_range),
        empty_aggregates="missing",
    )


def _levels(framework: Framework) -> tuple[Level, ...]:
    means, coverage = framework.aggregation, framework.coverage
    return (
        Level("dimension", aggregation=means.within_dimension, minimum=Minimum(share=coverage.dimension)),
        Level(
            "pillar",
            aggregation=means.across_dimensions,
            minimum=Minimum(count=coverage.pillar_min_dimensions),
        ),
        Level("index", aggregation=means.across_pillars, minimum=Minimum(count=coverage.index_min_pillars)),
    )
