"""Which choices behind the scores are varied, ``config/uncertainty.yml``, as frozen, checked records.

Belongs here: what the file may say. Does not belong here: carrying it out (`evaluation.studies.ranks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from evaluation.catalog import Record, Text, read_config, record_faults
from evaluation.catalog.model import Mean, Named, Number, Share, Whole
from evaluation.errors import BadInputError, Fault, raise_if_any

UNCERTAINTY_FILE = "uncertainty.yml"
WHY_UNCERTAINTY = "every rank is printed with an interval that says what it covers"
WeightedLevel = Literal["indicator", "dimension", "pillar"]
AggregatedLevel = Literal["dimension", "pillar", "index"]


class Assumption(Record):
    """A choice that is varied: its name, how it is varied and why, for readers."""

    code: Named
    name: Text
    how: Text
    reason: Text


class WeightsVaried(Assumption):
    """Weights of the elements of some levels, each multiplied by 1 - spread to 1 + spread."""

    vary: Literal["weights"]
    levels: Annotated[tuple[WeightedLevel, ...], Field(min_length=1)]
    spread: Annotated[Number, Field(gt=0, lt=1)]


class AggregationVaried(Assumption):
    """The mean by which one level is made from the level below."""

    vary: Literal["aggregation"]
    level: AggregatedLevel
    choices: Annotated[tuple[Mean, ...], Field(min_length=2)]


class GoalpostsVaried(Assumption):
    """Both goalposts of every indicator, each moved by up to a share of their distance."""

    vary: Literal["goalposts"]
    shift: Annotated[Number, Field(gt=0, lt=0.5)]


class IndicatorLeftOut(Assumption):
    """None or any one of the indicators left out, equally often."""

    vary: Literal["leave_out"]


Varied = Annotated[
    WeightsVaried | AggregationVaried | GoalpostsVaried | IndicatorLeftOut, Field(discriminator="vary")
]


class NotVaried(Record):
    """A choice that is not varied, and why."""

    name: Text
    reason: Text


class UncertaintyPlan(Record):
    """The whole plan of what is varied."""

    replications: Annotated[Whole, Field(ge=100)]
    seed: Annotated[Whole, Field(ge=0)]
    interval: tuple[Share, Share]
    interval_reason: Text
    covers: Text
    assumptions: Annotated[tuple[Varied, ...], Field(min_length=1)]
    not_varied: tuple[NotVaried, ...] = ()

    @model_validator(mode="after")
    def _low_before_high(self) -> UncertaintyPlan:
        low, high = self.interval
        if not low < 0.5 < high:
            raise ValueError(f"the interval must hold the median; got: {low}, {high}")
        return self


def read_uncertainty_plan(config_dir: Path) -> UncertaintyPlan:
    """Read and check ``config/uncertainty.yml``.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    path = config_dir / UNCERTAINTY_FILE
    content = read_config(path, why=WHY_UNCERTAINTY)
    try:
        plan = UncertaintyPlan.model_validate(content)
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error
    raise_if_any(_plan_faults(path, plan))
    return plan


def _plan_faults(path: Path, plan: UncertaintyPlan) -> Iterator[Fault]:
    for code, count in Counter(one.code for one in plan.assumptions).items():
        if count > 1:
            yield _fault(path, f"assumption {code!r} stands {count} times")
    aggregated = Counter(one.level for one in plan.assumptions if isinstance(one, AggregationVaried))
    for level, count in aggregated.items():
        if count > 1:
            yield _fault(path, f"the mean of level {level!r} is varied {count} times")
    for kind in ("goalposts", "leave_out"):
        count = sum(one.vary == kind for one in plan.assumptions)
        if count > 1:
            yield _fault(path, f"{kind!r} is varied {count} times")


def _fault(path: Path, what: str) -> Fault:
    return Fault(where=str(path), what=what, why=WHY_UNCERTAINTY, remedy="keep it once")
