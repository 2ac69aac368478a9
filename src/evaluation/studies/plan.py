"""The plan of impact analyses, ``config/study_plan.yml``, as frozen, checked records.

Belongs here: what the plan may say. Does not belong here: carrying it out (`evaluation.studies.estimates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from evaluation.catalog import Catalog, Record, Text, read_config, record_faults
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.schema import GRADES

Scale = Literal["linear", "log", "log1p"]
Family = Literal["primary", "secondary", "placebo"]
CovariateSet = Literal["planned", "none", "exposure", "island_only"]
TreatedFilter = Literal["all", "finished", "two_sources"]
ControlFilter = Literal["clean", "not_yet_treated", "not_java", "beyond_50km", "beyond_100km"]
UnitFilter = Literal["all", "not_mining"]
YearRange = tuple[int, int]
WHY_PLAN = "the plan decides every estimate"
MAX_PRE_PERIOD_MEANS = 5
"""With more, a cohort of 26 regions cannot be compared with regions like it."""


class PanelRules(Record):
    """Which regions, years and figures enter."""

    first_year: int
    exclude_split_regions: bool
    exclude_not_autonomous: bool
    exclude_grades: tuple[str, ...]


class CovariatePlan(Record):
    """What comparisons are conditioned on, and why."""

    kinds: tuple[Literal["is_city", "island_group"], ...]
    pre_period_means: Annotated[tuple[str, ...], Field(max_length=MAX_PRE_PERIOD_MEANS)]
    reason: Text
    island_groups: dict[str, tuple[str, ...]]


class OutcomePlan(Record):
    """An outcome with its family, the scale it is compared on, and the margin that counts as meaningful."""

    indicator: str
    family: Family
    scale: Scale
    margin: Annotated[float, Field(gt=0)]
    margin_reason: Text


class FamilyPlan(Record):
    """A family of outcomes and why they stand together."""

    name: Text
    reason: Text


class DesignPlan(Record):
    """Which joiners are studied, to which year, against which base."""

    code: str
    joined: Annotated[tuple[int, ...], Field(min_length=1)]
    end_year: int
    anticipation: Annotated[int, Field(ge=0)] | None = None
    covariate_years: YearRange
    title: Text
    how_chosen: Text


class Exposure(Record):
    """Change over the shock of 2020, as a covariate."""

    indicator: str
    scale: Scale
    years: YearRange


class MiningRule(Record):
    """How regions whose output is mining are told apart."""

    indicator: str
    years: YearRange
    rule: str


class RowPlan(Record):
    """One variation of the analysis; what it does not name is as in the headline."""

    code: str
    headline: bool = False
    designs: tuple[str, ...] | None = None
    covariates: CovariateSet = "planned"
    anticipation: Annotated[int, Field(ge=0)] | None = None
    treated: TreatedFilter = "all"
    controls: ControlFilter = "clean"
    units: UnitFilter = "all"
    weights: Literal["none", "population"] = "none"
    end_year: int | None = None
    drop_years: tuple[int, ...] = ()
    title: Text


class UnknownParticipants(Record):
    """Participants that no list found names, among the never treated."""

    missing_from_rosters: int
    from_year: int


class Announced(Record):
    """How many regions the ministry announced for a year, repeats included."""

    joined: int
    announced: Annotated[int, Field(ge=0)]


class StudyPlan(Record):
    """The whole plan."""

    written: date
    known_before: tuple[Text, ...]
    estimand: Text
    panel: PanelRules
    estimator: Literal["dr", "reg", "ipw"]
    control_group: Literal["never_treated", "not_yet_treated"]
    anticipation: Annotated[int, Field(ge=0)]
    covariates: CovariatePlan
    outcomes: tuple[OutcomePlan, ...]
    families: dict[Family, FamilyPlan]
    designs: tuple[DesignPlan, ...]
    exposure_to_2020: tuple[Exposure, ...]
    mining_outliers: MiningRule
    rows: tuple[RowPlan, ...]
    other_cohorts: tuple[DesignPlan, ...]
    announced: tuple[Announced, ...]
    unknown_participants: UnknownParticipants
    shown_over_time: tuple[str, ...]

    def outcome(self, indicator: str) -> OutcomePlan:
        """Return the plan of one outcome."""
        return next(outcome for outcome in self.outcomes if outcome.indicator == indicator)

    def design(self, code: str) -> DesignPlan:
        """Return one design, headline or other cohort."""
        return next(design for design in (*self.designs, *self.other_cohorts) if design.code == code)

    def rows_of(self, design: DesignPlan) -> tuple[RowPlan, ...]:
        """Return the rows planned for a design; other cohorts have the two plain ones."""
        if design in self.other_cohorts:
            return tuple(row for row in self.rows if row.code in ("conditional", "unconditional"))
        return tuple(row for row in self.rows if row.designs is None or design.code in row.designs)

    def anticipation_of(self, design: DesignPlan, row: RowPlan) -> int:
        """Return the years before the first year of effect that are not used as a base."""
        for years in (row.anticipation, design.anticipation):
            if years is not None:
                return years
        return self.anticipation


def read_study_plan(config_dir: Path, catalog: Catalog) -> StudyPlan:
    """Read and check ``study_plan.yml``.

    Raises
    ------
    BadInputError
        With every fault.
    """
    path = config_dir / "study_plan.yml"
    try:
        plan = StudyPlan.model_validate(read_config(path))
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error
    raise_if_any(_plan_faults(path, plan, catalog))
    return plan


def _plan_faults(path: Path, plan: StudyPlan, catalog: Catalog) -> Iterator[Fault]:
    named = {
        "outcomes": [outcome.indicator for outcome in plan.outcomes],
        "covariates.pre_period_means": list(plan.covariates.pre_period_means),
        "exposure_to_2020": [exposure.indicator for exposure in plan.exposure_to_2020],
        "shown_over_time": list(plan.shown_over_time),
        "mining_outliers": [plan.mining_outliers.indicator],
    }
    for field, codes in named.items():
        for code in codes:
            if code not in catalog.indicators:
                yield _fault(path, field, f"indicator {code!r} is not in config/indicators")
            elif not catalog.indicators[code].segments:
                yield _fault(path, field, f"indicator {code!r} has no data")
    codes = [design.code for design in (*plan.designs, *plan.other_cohorts)]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield _fault(path, "designs", f"design {code!r} stands twice")
    for row in plan.rows:
        for design in row.designs or ():
            if design not in codes:
                yield _fault(path, f"rows, {row.code}", f"design {design!r} is not in the plan")
    for grade in plan.panel.exclude_grades:
        if grade not in GRADES:
            yield _fault(path, "panel.exclude_grades", f"grade {grade!r} is unknown")
    for outcome in plan.outcomes:
        if outcome.family not in plan.families:
            yield _fault(path, f"outcomes, {outcome.indicator}", f"family {outcome.family!r} has no entry")


def _fault(path: Path, field: str, what: str) -> Fault:
    return Fault(
        where=f"{path}, {field}",
        what=what,
        why=WHY_PLAN,
        remedy="correct the name; see docs/configuration.md",
    )
