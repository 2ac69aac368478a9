"""The plan of impact analyses, ``config/study_plan.yml``, as frozen, checked records.

Belongs here: what the plan may say. Does not belong here: what in it contradicts what else
(`evaluation.studies.plan_faults`), and carrying it out (`evaluation.studies.estimates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from evaluation.catalog import Record, Text
from evaluation.catalog.model import Day, Flag, Named, Number, Whole, Year, YearRange

Scale = Literal["linear", "log", "log1p"]
Family = Literal["primary", "secondary", "placebo"]
CovariateSet = Literal["planned", "none", "exposure", "tourism", "island_only", "without_island"]
TreatedFilter = Literal["all", "finished", "two_sources"]
ControlFilter = Literal[
    "clean", "not_yet_treated", "never_treated", "outside_java", "beyond_50km", "beyond_100km"
]
UnitFilter = Literal["all", "not_mining", "not_java_bali"]
RowEstimator = Literal[
    "dr",
    "reg",
    "ipw",
    "entropy",
    "imputation",
    "sun_abraham",
    "etwfe",
    "two_stage",
    "synthetic_did",
    "stacked",
    "twfe",
]
"""Estimators as `evaluation.impact.Design` names them, and ``synthetic_did`` (`evaluation.impact.synthetic`)."""
PLAIN = "twfe"
"""The estimator of rows that are shown for comparison only."""
Adjustment = Literal["romano_wolf", "benjamini_hochberg"]
"""How p-values are adjusted: each family by itself, or all families with ``benjamini_hochberg`` as one."""
PAGE_DESIGNS = ("joiners_2017_2018", "joiners_2021")
PAGE_OUTCOMES = ("poverty_rate", "unemployment_rate")
ROWS_OF_ALL = ("conditional", "unconditional")
LATER_BASE_ROW = "base_2020"
"""The row that counts from after the shock of 2020; only the 2021 joiners have it."""
ROWS_OF_2021 = (LATER_BASE_ROW, "base_2020_unconditional", "with_exposure")
"""Codes that the impact page and its sentences name."""
HEADLINE_ROW = "conditional"
JAVA_AND_BALI = "Java_Bali"
"""The island group that rows with ``units: not_java_bali`` leave out."""
JAVA = "Java"
"""The group of the tile grid whose regions are no controls in rows with ``controls: outside_java``."""
NEARLY_COMPLETE = 0.1
"""Share of announced participants that may be missing from a list that still counts as complete."""
POPULATION = "population"
"""The indicator that weights regions in the row ``weights: population``."""
MAX_PRE_PERIOD_MEANS = 5
"""With more, a cohort of 26 regions cannot be compared with regions like it."""


class PanelRules(Record):
    """Which regions, years and figures enter."""

    first_year: Year
    exclude_split_regions: Flag
    exclude_not_autonomous: Flag
    exclude_grades: tuple[str, ...]


class CovariatePlan(Record):
    """What comparisons are conditioned on, and why."""

    kinds: tuple[Literal["is_city", "island_group"], ...]
    pre_period_means: Annotated[tuple[str, ...], Field(max_length=MAX_PRE_PERIOD_MEANS)]
    controls_per_island_group: Annotated[Whole, Field(ge=1)]
    reason: Text
    island_groups: dict[Named, Annotated[tuple[Named, ...], Field(min_length=1)]]


class OutcomePlan(Record):
    """An outcome with its family, the scale it is compared on, and the margin that counts as meaningful."""

    indicator: Named
    family: Family
    scale: Scale
    margin: Annotated[Number, Field(gt=0)]
    margin_reason: Text


class FamilyPlan(Record):
    """A family of outcomes, why they stand together, and how their p-values are adjusted."""

    name: Text
    reason: Text
    adjustment: Adjustment


class DesignPlan(Record):
    """Which joiners are studied, to which year, against which base."""

    code: Named
    joined: Annotated[tuple[Year, ...], Field(min_length=1)]
    end_year: Year
    anticipation: Annotated[Whole, Field(ge=0)] | None = None
    covariate_years: YearRange
    title: Text
    how_chosen: Text


class Exposure(Record):
    """Change over the shock of 2020, as a covariate."""

    indicator: Named
    scale: Scale
    years: YearRange


class TourismDependence(Record):
    """A measure of tourism dependence before the shock: its mean over years, where somebody has brought figures."""

    indicator: Named
    scale: Scale
    years: YearRange


class MiningRule(Record):
    """How regions whose output is mining are told apart."""

    indicator: Named
    years: YearRange
    rule: Named


class RowPlan(Record):
    """One variation of the analysis; what it does not name is as in the headline."""

    code: Named
    headline: Flag = False
    added_later: Flag = False
    designs: Annotated[tuple[Named, ...], Field(min_length=1)] | None = None
    estimator: RowEstimator | None = None
    covariates: CovariateSet = "planned"
    exposures: Annotated[tuple[Named, ...], Field(min_length=1)] | None = None
    anticipation: Annotated[Whole, Field(ge=0)] | None = None
    treated: TreatedFilter = "all"
    controls: ControlFilter = "clean"
    units: UnitFilter = "all"
    weights: Literal["none", "population"] = "none"
    end_year: Year | None = None
    drop_years: tuple[Year, ...] = ()
    title: Text


class UnknownParticipants(Record):
    """Participants that no list found names, among the never treated."""

    missing_from_rosters: Annotated[Whole, Field(ge=0)]
    from_year: Year


class Announced(Record):
    """How many regions the ministry announced for a year, repeats included."""

    joined: Year
    announced: Annotated[Whole, Field(ge=0)]


class StudyPlan(Record):
    """The whole plan."""

    written: Day
    known_before: tuple[Text, ...]
    departures: tuple[Text, ...] = ()
    estimand: Text
    panel: PanelRules
    estimator: Literal["dr", "reg", "ipw"]
    control_group: Literal["never_treated", "not_yet_treated"]
    anticipation: Annotated[Whole, Field(ge=0)]
    covariates: CovariatePlan
    outcomes: Annotated[tuple[OutcomePlan, ...], Field(min_length=1)]
    families: dict[Family, FamilyPlan]
    designs: Annotated[tuple[DesignPlan, ...], Field(min_length=1)]
    exposure_to_2020: tuple[Exposure, ...]
    tourism_dependence: TourismDependence | None = None
    mining_outliers: MiningRule
    rows: Annotated[tuple[RowPlan, ...], Field(min_length=1)]
    other_cohorts: tuple[DesignPlan, ...]
    announced: tuple[Announced, ...]
    unknown_participants: UnknownParticipants
    shown_over_time: Annotated[tuple[Named, ...], Field(min_length=1)]

    @property
    def studied_indicators(self) -> tuple[str, ...]:
        """Codes of all indicators that estimates are made from: outcomes, covariates, filters and weights."""
        tourism = self.tourism_dependence
        codes = (
            *(outcome.indicator for outcome in self.outcomes),
            *self.covariates.pre_period_means,
            *(exposure.indicator for exposure in self.exposure_to_2020),
            *([tourism.indicator] if tourism else []),
            self.mining_outliers.indicator,
            POPULATION,
        )
        return tuple(dict.fromkeys(codes))

    def outcome(self, indicator: str) -> OutcomePlan:
        """Return the plan of one outcome."""
        return next(outcome for outcome in self.outcomes if outcome.indicator == indicator)

    def design(self, code: str) -> DesignPlan:
        """Return one design, headline or other cohort."""
        return next(design for design in (*self.designs, *self.other_cohorts) if design.code == code)

    def row(self, code: str) -> RowPlan:
        """Return one row."""
        return next(row for row in self.rows if row.code == code)

    def incomplete_years(self, found: Mapping[int, int]) -> tuple[int, ...]:
        """Return the years for which fewer participants were found in lists than were announced by more than a tenth."""
        return tuple(
            batch.joined
            for batch in self.announced
            if found.get(batch.joined, 0) < (1 - NEARLY_COMPLETE) * batch.announced
        )

    def rows_of(self, design: DesignPlan) -> tuple[RowPlan, ...]:
        """Return the rows planned for a design; other cohorts have the two plain ones."""
        if design in self.other_cohorts:
            return tuple(row for row in self.rows if row.code in ("conditional", "unconditional"))
        return tuple(row for row in self.rows if row.designs is None or design.code in row.designs)

    def estimator_of(self, row: RowPlan) -> RowEstimator:
        """Return the estimator of a row."""
        return row.estimator or self.estimator

    def exposures_of(self, row: RowPlan) -> tuple[Exposure, ...]:
        """Return the exposures that a row is conditioned on, all of the plan where it names none."""
        return tuple(
            one for one in self.exposure_to_2020 if row.exposures is None or one.indicator in row.exposures
        )

    def anticipation_of(self, design: DesignPlan, row: RowPlan) -> int:
        """Return the years before the first year of effect that are not used as a base."""
        for years in (row.anticipation, design.anticipation):
            if years is not None:
                return years
        return self.anticipation
