"""The specification of a composite index as data: elements, levels, means and coverage rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from evaluation.errors import Fault, raise_if_any

Mean = Literal["arithmetic", "geometric"]
Transform = Literal["linear", "log", "log1p"]


@dataclass(frozen=True)
class Element:
    """One element of the index, an indicator at the lowest level or an aggregate above.

    Parameters
    ----------
    code, parent
        Name of the element and of the element it is aggregated into (None at the top).
    level
        Name of its level, one of the specification's.
    weight
        Weight within its parent, 0 or more; weights need not sum to one.
    direction
        +1 when more is better, -1 when less is better (indicators only).
    goalposts
        Values at which the score is lowest and highest, low before high whatever the direction (indicators).
    transform
        Scale on which the goalposts are applied.
    """

    code: str
    parent: str | None
    level: str
    weight: float = 1.0
    direction: int = 1
    goalposts: tuple[float, float] | None = None
    transform: Transform = "linear"


@dataclass(frozen=True)
class Minimum:
    """What an aggregate needs to be given: a share of its children's weight and a number of children."""

    share: float = 0.0
    count: int = 1


@dataclass(frozen=True)
class Level:
    """A level above the indicators: its name, how its children are averaged, what it needs."""

    name: str
    mean: Mean
    minimum: Minimum


@dataclass(frozen=True)
class IndexSpec:
    """A composite index: elements in a tree, levels from the bottom up.

    Parameters
    ----------
    elements
        All elements; children stand under the element their ``parent`` names.
    levels
        The levels above the indicators, from the bottom up.
    indicator_level
        Name of the lowest level.
    score_range
        Lowest and highest score.
    """

    elements: tuple[Element, ...]
    levels: tuple[Level, ...]
    indicator_level: str = "indicator"
    score_range: tuple[float, float] = (1.0, 100.0)

    def __post_init__(self) -> None:
        raise_if_any(_spec_faults(self))

    @cached_property
    def indicators(self) -> tuple[Element, ...]:
        """Elements of the lowest level, in order."""
        return self.of_level(self.indicator_level)

    def of_level(self, level: str) -> tuple[Element, ...]:
        """Return the elements of a level, in order."""
        return tuple(element for element in self.elements if element.level == level)

    def children(self, code: str) -> tuple[Element, ...]:
        """Return the children of an element, in order."""
        return tuple(element for element in self.elements if element.parent == code)


def _spec_faults(spec: IndexSpec) -> Iterator[Fault]:
    level_names = [spec.indicator_level, *(level.name for level in spec.levels)]
    parents = {element.code: element for element in spec.elements}
    for code, count in Counter(element.code for element in spec.elements).items():
        if count > 1:
            yield _fault(code, f"the code stands {count} times", "give each element its own code")
    for element in spec.elements:
        if element.level not in level_names:
            yield _fault(element.code, f"level {element.level!r} is unknown", f"use one of {level_names}")
        elif element.parent is not None:
            yield from _parent_faults(element, parents, level_names)
        if element.weight < 0:
            yield _fault(element.code, f"weight {element.weight} is below zero", "write 0 or more")
        if element.level == spec.indicator_level:
            yield from _goalpost_faults(element)
    if spec.score_range[0] <= 0 and any(level.mean == "geometric" for level in spec.levels):
        yield _fault(
            "score_range", f"a geometric mean needs scores above zero; got: {spec.score_range}", "use 1"
        )


def _parent_faults(element: Element, elements: dict[str, Element], level_names: list[str]) -> Iterator[Fault]:
    parent = elements.get(element.parent or "")
    if parent is None:
        yield _fault(element.code, f"parent {element.parent!r} does not exist", "add it or correct the name")
    elif parent.level in level_names and level_names.index(parent.level) <= level_names.index(element.level):
        yield _fault(
            element.code, f"parent {parent.code!r} is not on a higher level", "correct level or parent"
        )


def _goalpost_faults(element: Element) -> Iterator[Fault]:
    if element.goalposts is None:
        yield _fault(element.code, "goalposts are absent", "give low and high")
        return
    low, high = element.goalposts
    if not low < high:
        yield _fault(element.code, f"goalposts must rise; got: {low}, {high}", "write low before high")
    if element.transform == "log" and low <= 0:
        yield _fault(element.code, f"log goalposts must be above zero; got: {low}", "raise low or use log1p")
    if element.direction not in (-1, 1):
        yield _fault(element.code, f"direction {element.direction} is unknown", "write +1 or -1")


def _fault(code: str, what: str, remedy: str) -> Fault:
    return Fault(where=f"index specification, {code}", what=what, why="it changes every score", remedy=remedy)
