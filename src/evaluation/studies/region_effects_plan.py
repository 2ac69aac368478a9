"""How each joiner's own effect is estimated, ``config/region_effects.yml``, as frozen, checked records.

Belongs here: what the file may say. Does not belong here: carrying it out (`evaluation.studies.region_effects`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from evaluation.catalog import Record, Text, read_config, record_faults
from evaluation.catalog.model import Flag, Named, Number, Share, Whole
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.studies.plan import Family, StudyPlan

REGION_EFFECTS_FILE = "region_effects.yml"
WHY_REGION_EFFECTS = "every effect of a single region is estimated and judged by these rules"
SMALLEST_RIDGE = 1e-4
"""With a smaller penalty the weights are no longer unique to rounding."""

MAIN = "main"
WITHOUT = "without"
BACKDATED = "backdated"
LATER_START = "later_start"
"""Rows of `region_effects`: the effect as planned, and made otherwise; the second is followed by ``:`` and a donor."""

OwnEstimator = Literal["sdid", "demeaned", "ridge", "sc"]


class DonorRules(Record):
    """Which regions may stand for a joiner, besides never having joined and being free of doubt."""

    same_type: Flag
    same_island_group: Flag
    beyond_km: Annotated[Number, Field(ge=0)]
    at_least: Annotated[Whole, Field(ge=2)]
    year_coverage: Annotated[Share, Field(gt=0)]
    reason: Text


class EstimatorChoice(Record):
    """The estimator that carries sentences and charts, others with placebos of their own, and gaps beside them."""

    headline: OwnEstimator
    tested: tuple[OwnEstimator, ...] = ()
    checks: tuple[OwnEstimator, ...] = ()
    demeaned_ridge: Annotated[Number, Field(ge=SMALLEST_RIDGE)]
    reason: Text

    @property
    def with_placebos(self) -> tuple[OwnEstimator, ...]:
        """Those whose effects are held against placebos, the headline first."""
        return (self.headline, *self.tested)

    @property
    def beside(self) -> tuple[OwnEstimator, ...]:
        """All but the headline."""
        return (*self.tested, *self.checks)

    @property
    def all(self) -> tuple[OwnEstimator, ...]:
        """The headline, then the others."""
        return (self.headline, *self.beside)


class OwnInference(Record):
    """Coverage of intervals, and which share of marked effects may be false."""

    level: Annotated[Share, Field(gt=0.5, lt=1)]
    false_discovery_rate: Annotated[Share, Field(gt=0, lt=1)]
    reason: Text


class FitLimits(Record):
    """When a twin resembles its region too little for an effect to be given."""

    pre_years_at_least: Annotated[Whole, Field(ge=2)]
    worst_of_spread: Annotated[Number, Field(gt=0)]
    worst_quantile: Annotated[Share, Field(gt=0)]
    small_of_spread: Annotated[Number, Field(ge=0)]
    outside_of_spread: Annotated[Number, Field(ge=0)]
    reason: Text

    @model_validator(mode="after")
    def _small_is_smaller(self) -> FitLimits:
        if self.small_of_spread > self.worst_of_spread:
            raise ValueError(
                f"small_of_spread must be at most worst_of_spread; got: {self.small_of_spread:g}, {self.worst_of_spread:g}"
            )
        return self


class Variations(Record):
    """For which outcomes an effect is made otherwise, and how; zero leaves a variation out."""

    families: tuple[Family, ...]
    leave_out_donors: Annotated[Whole, Field(ge=0)]
    backdate_years: Annotated[Whole, Field(ge=0)]
    later_start_years: Annotated[Whole, Field(ge=0)]


class RegionEffectsPlan(Record):
    """The whole file."""

    outcomes: Annotated[tuple[Named, ...], Field(min_length=1)]
    donors: DonorRules
    estimators: EstimatorChoice
    inference: OwnInference
    fit: FitLimits
    variations: Variations

    @model_validator(mode="after")
    def _level_is_attainable(self) -> RegionEffectsPlan:
        needed = 1 / (1 - self.inference.level) - 1
        if self.donors.at_least + 1e-9 < needed:
            raise ValueError(
                f"with {self.donors.at_least} donors no interval of level {self.inference.level:g} exists, and no p below "
                f"1/{self.donors.at_least + 1}; raise donors.at_least to {round(needed)} or lower inference.level"
            )
        return self


def read_region_effects_plan(config_dir: Path, plan: StudyPlan) -> RegionEffectsPlan:
    """Read and check ``config/region_effects.yml``.

    Parameters
    ----------
    config_dir
        The folder of the configuration.
    plan
        The study plan, whose outcomes the file may name.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    path = config_dir / REGION_EFFECTS_FILE
    content = read_config(path, why=WHY_REGION_EFFECTS)
    try:
        found = RegionEffectsPlan.model_validate(content)
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error
    raise_if_any(_faults(path, found, plan))
    return found


def _faults(path: Path, found: RegionEffectsPlan, plan: StudyPlan) -> Iterator[Fault]:
    known = [outcome.indicator for outcome in plan.outcomes]
    for code in found.outcomes:
        if code not in known:
            what = f"outcome {code!r} is not in study_plan.yml; it has {', '.join(known)}"
            yield _fault(path, "outcomes", what, "correct the name, or add the outcome to the plan")
    for field, codes in (("outcomes", found.outcomes), ("estimators", found.estimators.all)):
        for code, count in Counter(codes).items():
            if count > 1:
                yield _fault(path, field, f"{code!r} stands {count} times", "keep it once")


def _fault(path: Path, field: str, what: str, remedy: str) -> Fault:
    return Fault(where=f"{path}, {field}", what=what, why=WHY_REGION_EFFECTS, remedy=remedy)
