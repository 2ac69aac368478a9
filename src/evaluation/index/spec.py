"""The specification of a composite index as data: elements in a tree, levels, and what is done before aggregating.

Belongs here: the records and how they hang together. Does not belong here: what may be combined with what
(`evaluation.index.checks`), reading mappings (`evaluation.index.records`) and tables (`evaluation.index.elements`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from evaluation.errors import raise_if_any
from evaluation.index.checks import spec_faults
from evaluation.index.records import to_plain
from evaluation.index.steps import STEPS, Denominate, Impute, Normalise, Screen, Treat, Weight
from evaluation.provenance import fingerprint

Aggregation = Literal["arithmetic", "geometric", "harmonic", "power", "copeland"]
Transform = Literal["linear", "log", "log1p"]
NonPositive = Literal["ruled_out", "checked"]
EmptyAggregates = Literal["refuse", "missing"]
StepRecord = TypeVar("StepRecord", Denominate, Impute, Treat, Normalise)

HASH_LENGTH = 8
"""Hexadecimal digits of the content hash in a label: enough to tell some thousand specifications apart."""


@dataclass(frozen=True)
class Goalposts:
    """Fixed bounds of an indicator in its own unit, low before high whatever the direction.

    Parameters
    ----------
    low, high
        Values between which scores are measured.
    date, source
        When the bounds were set, and by whom.
    """

    low: float
    high: float
    date: str = ""
    source: str = ""


@dataclass(frozen=True)
class Element:
    """One element of the index: an indicator on the lowest level, or an aggregate above.

    Parameters
    ----------
    code, parent
        Name of the element and of the element it is aggregated into (None on the top level).
    level
        Name of its level, one of the specification's.
    weight
        Weight within its parent, 0 or more; weights need not sum to one.
    direction
        +1 when more is better, -1 when less is better (indicators).
    goalposts
        Fixed bounds, in the unit after denominating (indicators).
    transform
        Scale on which the distance between goalposts is measured.
    denominator
        Column that the values are divided by (indicators).
    target
        Value, after denominating, at which ``distance_to_target`` is one.
    name, unit
        For readers.
    """

    code: str
    parent: str | None
    level: str
    weight: float = 1.0
    direction: int = 1
    goalposts: Goalposts | None = None
    transform: Transform = "linear"
    denominator: str | None = None
    target: float | None = None
    name: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        # A pair is what a list of goalposts in a file, or a caller in a hurry, means.
        if isinstance(self.goalposts, tuple) and len(self.goalposts) == 2:
            object.__setattr__(self, "goalposts", Goalposts(*self.goalposts))


@dataclass(frozen=True)
class Minimum:
    """What an aggregate needs to be given: a share of its children's weight and a number of children.

    Parameters
    ----------
    share
        Least share of the children's weight, 0-1.
    count
        Least number of children.
    counts_imputed
        Whether imputed indicators count as there.
    """

    share: float = 0.0
    count: int = 1
    counts_imputed: bool = True


@dataclass(frozen=True)
class Level:
    """A level above the indicators: its name, how its children are aggregated, what it needs.

    Parameters
    ----------
    name
        Name of the level.
    aggregation
        With weights w that sum to one: ``arithmetic`` sum(w s), ``geometric`` prod(s^w), ``harmonic``
        1 / sum(w / s), ``power`` sum(w s^p)^(1/p), ``copeland``: contests won minus contests lost, a contest being
        won by the unit that is ahead on more of the weight.
    minimum
        Below it the aggregate is missing.
    power
        Exponent p of ``power``, not zero.
    non_positive
        How scores of zero or less are kept from a mean that has no value there: ``ruled_out`` by the specification,
        or ``checked`` when the index is built, by whoever knows that the data have none. They are never clipped.
    """

    name: str
    aggregation: Aggregation = "arithmetic"
    minimum: Minimum = Minimum()
    power: float = 1.0
    non_positive: NonPositive = "ruled_out"


@dataclass(frozen=True)
class IndexSpec:
    """A composite index: elements in a tree of any depth, levels from the bottom up, steps in their order.

    Parameters
    ----------
    elements
        All elements; the parent of each stands on the next level up.
    levels
        The levels above the indicators, from the bottom up.
    indicator_level
        Name of the lowest level.
    denominate, screen, impute, treat, normalise, weight
        Steps, taken in this order before aggregating; one that is None is not done (weights: as the elements say).
    empty_aggregates
        What an aggregate without children is: a fault, or an element whose score is ``missing``.
    label, unit_column, time_column
        Name of the index, and the columns of a data file that hold units and times (None: one time).

    Raises
    ------
    BadInputError
        With every fault of the tree and of the combination of options.
    """

    elements: tuple[Element, ...]
    levels: tuple[Level, ...]
    indicator_level: str = "indicator"
    denominate: Denominate | None = None
    screen: Screen | None = None
    impute: Impute | None = None
    treat: Treat | None = None
    normalise: Normalise | None = None
    weight: Weight | None = None
    empty_aggregates: EmptyAggregates = "refuse"
    label: str = "index"
    unit_column: str = "unit"
    time_column: str | None = None

    def __post_init__(self) -> None:
        # A caller who writes a list means its members; a frozen specification must not change with the list.
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "levels", tuple(self.levels))
        raise_if_any(spec_faults(self))

    @cached_property
    def level_names(self) -> tuple[str, ...]:
        """Names of all levels from the bottom up."""
        return (self.indicator_level, *(level.name for level in self.levels))

    @cached_property
    def by_code(self) -> dict[str, Element]:
        """Elements by code."""
        return {element.code: element for element in self.elements}

    @cached_property
    def indicators(self) -> tuple[Element, ...]:
        """Elements of the lowest level, in order."""
        return self.of_level(self.indicator_level)

    @cached_property
    def _children(self) -> dict[str | None, tuple[Element, ...]]:
        found: dict[str | None, list[Element]] = {}
        for element in self.elements:
            found.setdefault(element.parent, []).append(element)
        return {code: tuple(members) for code, members in found.items()}

    def of_level(self, level: str) -> tuple[Element, ...]:
        """Return the elements of a level, in order."""
        return tuple(element for element in self.elements if element.level == level)

    def children(self, code: str) -> tuple[Element, ...]:
        """Return the children of an element, in order."""
        return self._children.get(code, ())

    def leaves(self, code: str) -> tuple[Element, ...]:
        """Return the indicators at or below an element, in order of the tree."""
        element = self.by_code[code]
        if element.level == self.indicator_level:
            return (element,)
        return tuple(leaf for child in self.children(code) for leaf in self.leaves(child.code))

    def lineage(self, code: str) -> tuple[str, ...]:
        """Return the codes of an element and of all above it, from the bottom up."""
        codes = [code]
        while (parent := self.by_code[codes[-1]].parent) is not None:
            codes.append(parent)
        return tuple(codes)

    def rule(self, step: StepRecord, code: str) -> StepRecord:
        """Return the record of a step that holds for an indicator: its own, the nearest above it, or the step's."""
        overrides: Mapping[str, StepRecord] = step.overrides
        return next((overrides[one] for one in self.lineage(code) if one in overrides), step)

    def without(self, codes: Iterable[str]) -> IndexSpec:
        """Return the specification without some indicators, and without the aggregates this leaves empty.

        Overrides and level weights that speak of what is gone are dropped with it.
        """
        from evaluation.index.pruning import pruned

        return pruned(self, frozenset(codes))

    def to_mapping(self, *, defaults: bool = False) -> dict[str, Any]:
        """Return the specification as plain values, as a YAML file holds it; `spec_from_mapping` reads it.

        Parameters
        ----------
        defaults
            Whether fields that stand at their default are written out.
        """
        given = {name: step for name in STEPS if (step := getattr(self, name)) is not None}
        steps = {name: to_plain(step, defaults=defaults) for name, step in given.items()}
        return {
            "label": self.label,
            "unit_column": self.unit_column,
            "time_column": self.time_column,
            "empty_aggregates": self.empty_aggregates,
            "levels": [
                {"name": self.indicator_level},
                *(to_plain(level, defaults=defaults) for level in self.levels),
            ],
            "elements": [to_plain(element, defaults=defaults) for element in self.elements],
            "steps": steps,
        }

    def content_hash(self) -> str:
        """Return a sha256 over all that changes a score: everything but label, column names and names for readers."""
        content = self.to_mapping()
        for word in ("label", "unit_column", "time_column"):
            content.pop(word)
        for element in content["elements"]:
            element.pop("name", None)
            element.pop("unit", None)
        return fingerprint(content)

    @property
    def id(self) -> str:
        """A short readable label with a hash of the content."""
        return f"{self.label}-{self.content_hash()[:HASH_LENGTH]}"


def spec_from_mapping(mapping: Mapping[str, Any], elements: Iterable[Element] | None = None) -> IndexSpec:
    """Return a specification from what a YAML file holds.

    Parameters
    ----------
    mapping
        Keys ``label``, ``unit_column``, ``time_column``, ``empty_aggregates``; ``levels``: a list from the indicators
        up, each a name or a mapping with the fields of `Level`; ``elements``: a list of mappings with the fields of
        `Element`; ``steps``: from the name of a step to its fields. An override inherits what it does not name.
    elements
        The elements, where they stand in a table of their own (`elements_from_table`); then ``elements`` is absent.

    Raises
    ------
    BadInputError
        With every unknown field, step, option and impossible combination, and the nearest name that exists.
    """
    from evaluation.index.reading import read_spec

    return read_spec(mapping, None if elements is None else tuple(elements))


__all__ = [
    "Aggregation",
    "Denominate",
    "Element",
    "Goalposts",
    "Impute",
    "IndexSpec",
    "Level",
    "Minimum",
    "Normalise",
    "Screen",
    "Transform",
    "Treat",
    "Weight",
    "spec_from_mapping",
]
