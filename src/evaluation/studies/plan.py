"""The plan of impact analyses, ``config/study_plan.yml``, as frozen, checked records.

Belongs here: what the plan may say. Does not belong here: carrying it out (`evaluation.studies.estimates`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from evaluation.catalog import Catalog, Record, Text, read_config, record_faults
from evaluation.catalog.model import Day, Flag, Named, Number, Whole, Year, YearRange
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.regions import Registry
from evaluation.schema import GRADES

Scale = Literal["linear", "log", "log1p"]
Family = Literal["primary", "secondary", "placebo"]
CovariateSet = Literal["planned", "none", "exposure", "island_only"]
TreatedFilter = Literal["all", "finished", "two_sources"]
ControlFilter = Literal["clean", "not_yet_treated", "beyond_50km", "beyond_100km"]
UnitFilter = Literal["all", "not_mining", "not_java_bali"]
WHY_PLAN = "the plan decides every estimate"
REMEDY_NAME = "correct the name; see docs/configuration.md"
REMEDY_YEARS = "correct the years; see docs/configuration.md"
REMEDY_ONCE = "keep it once"
PAGE_DESIGNS = ("joiners_2017_2018", "joiners_2021")
PAGE_OUTCOMES = ("poverty_rate", "unemployment_rate")
ROWS_OF_ALL = ("conditional", "unconditional")
ROWS_OF_2021 = ("base_2020", "base_2020_unconditional", "with_exposure")
"""Codes that the impact page and its sentences name."""
HEADLINE_ROW = "conditional"
JAVA_AND_BALI = "Java_Bali"
"""The island group that rows with ``units: not_java_bali`` leave out."""
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
    """A family of outcomes and why they stand together."""

    name: Text
    reason: Text


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


class MiningRule(Record):
    """How regions whose output is mining are told apart."""

    indicator: Named
    years: YearRange
    rule: Named


class RowPlan(Record):
    """One variation of the analysis; what it does not name is as in the headline."""

    code: Named
    headline: Flag = False
    designs: Annotated[tuple[Named, ...], Field(min_length=1)] | None = None
    covariates: CovariateSet = "planned"
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
    mining_outliers: MiningRule
    rows: Annotated[tuple[RowPlan, ...], Field(min_length=1)]
    other_cohorts: tuple[DesignPlan, ...]
    announced: tuple[Announced, ...]
    unknown_participants: UnknownParticipants
    shown_over_time: Annotated[tuple[Named, ...], Field(min_length=1)]

    @property
    def studied_indicators(self) -> tuple[str, ...]:
        """Codes of all indicators that estimates are made from: outcomes, covariates, filters and weights."""
        codes = (
            *(outcome.indicator for outcome in self.outcomes),
            *self.covariates.pre_period_means,
            *(exposure.indicator for exposure in self.exposure_to_2020),
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

    def anticipation_of(self, design: DesignPlan, row: RowPlan) -> int:
        """Return the years before the first year of effect that are not used as a base."""
        for years in (row.anticipation, design.anticipation):
            if years is not None:
                return years
        return self.anticipation


def read_study_plan(config_dir: Path, catalog: Catalog, *, registry: Registry | None = None) -> StudyPlan:
    """Read and check ``study_plan.yml``.

    Parameters
    ----------
    config_dir
        The folder of the configuration.
    catalog
        The indicators that the plan may name.
    registry
        The regions; when given, the plan's island groups must hold each of theirs once.

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
    faults = list(_plan_faults(path, plan, catalog))
    if registry is not None:
        faults.extend(_island_faults(path, plan, set(registry.table["island_group"])))
    raise_if_any(faults)
    return plan


def _plan_faults(path: Path, plan: StudyPlan, catalog: Catalog) -> Iterator[Fault]:
    yield from _indicator_faults(path, plan, catalog)
    yield from _repeated_faults(path, plan)
    yield from _page_faults(path, plan)
    yield from _name_faults(path, plan)
    for design in (*plan.designs, *plan.other_cohorts):
        yield from _design_faults(path, plan, design)
    for exposure in plan.exposure_to_2020:
        if exposure.years[0] == exposure.years[1]:
            where = f"exposure_to_2020, {exposure.indicator}, years"
            yield _fault(
                path, where, f"a change needs two years; got: {exposure.years[0]} twice", REMEDY_YEARS
            )


def _indicator_faults(path: Path, plan: StudyPlan, catalog: Catalog) -> Iterator[Fault]:
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
    for code in sorted(set(named["covariates.pre_period_means"]) - set(named["outcomes"])):
        yield _fault(
            path,
            "covariates.pre_period_means",
            f"{code!r} is no outcome of the plan, from which its scale is taken",
            "list it under outcomes, or leave it out here",
        )


def _repeated_faults(path: Path, plan: StudyPlan) -> Iterator[Fault]:
    designs = (*plan.designs, *plan.other_cohorts)
    listed: dict[str, list[str]] = {
        "designs": [design.code for design in designs],
        "rows": [row.code for row in plan.rows],
        "outcomes": [outcome.indicator for outcome in plan.outcomes],
        "covariates.pre_period_means": list(plan.covariates.pre_period_means),
        "exposure_to_2020": [exposure.indicator for exposure in plan.exposure_to_2020],
        "shown_over_time": list(plan.shown_over_time),
        "announced": [str(batch.joined) for batch in plan.announced],
    }
    for field, names in listed.items():
        for name in _doubled(names):
            yield _fault(path, field, f"{name!r} stands twice", REMEDY_ONCE)
    for year in _doubled([str(joined) for design in designs for joined in design.joined]):
        yield _fault(path, "designs", f"joining year {year} lies in two designs", "keep it in one of them")


def _page_faults(path: Path, plan: StudyPlan) -> Iterator[Fault]:
    absent = {
        "designs": set(PAGE_DESIGNS) - {design.code for design in plan.designs},
        "rows": {*ROWS_OF_ALL, *ROWS_OF_2021} - {row.code for row in plan.rows},
        "outcomes": set(PAGE_OUTCOMES) - {outcome.indicator for outcome in plan.outcomes},
    }
    for field, codes in absent.items():
        for code in sorted(codes):
            yield _fault(
                path,
                field,
                f"{code!r} is absent, and the impact page names it",
                "keep it; to do without it, change notebooks/04_programme_impact.ipynb and evaluation.reporting too",
            )
    for row in plan.rows:
        if row.code in ROWS_OF_ALL and row.designs is not None:
            yield _fault(
                path, f"rows, {row.code}", "the pages show this row for every design", "leave out `designs`"
            )
        if row.code in ROWS_OF_2021 and row.designs is not None and PAGE_DESIGNS[1] not in row.designs:
            what = f"the impact page shows this row for {PAGE_DESIGNS[1]}; got: {', '.join(row.designs)}"
            yield _fault(path, f"rows, {row.code}", what, f"add {PAGE_DESIGNS[1]} to `designs`")
    headlines = [row.code for row in plan.rows if row.headline]
    if headlines != [HEADLINE_ROW]:
        got = ", ".join(headlines) or "none"
        what = f"exactly one row is the headline, {HEADLINE_ROW!r}, whose figures the pages' sentences give; got: {got}"
        yield _fault(path, "rows", what, f"write `headline: true` at {HEADLINE_ROW} alone")


def _name_faults(path: Path, plan: StudyPlan) -> Iterator[Fault]:
    codes = {design.code for design in (*plan.designs, *plan.other_cohorts)}
    groups = plan.covariates.island_groups
    for row in plan.rows:
        for design in row.designs or ():
            if design not in codes:
                yield _fault(path, f"rows, {row.code}", f"design {design!r} is not in the plan")
        if row.units == "not_java_bali" and JAVA_AND_BALI not in groups:
            what = f"the row leaves out the island group {JAVA_AND_BALI!r}, which the plan lacks"
            yield _fault(path, f"rows, {row.code}", what)
        if row.covariates == "exposure" and not plan.exposure_to_2020:
            yield _fault(path, f"rows, {row.code}", "the row needs an entry in exposure_to_2020")
    for grade in plan.panel.exclude_grades:
        if grade not in GRADES:
            yield _fault(path, "panel.exclude_grades", f"grade {grade!r} is unknown")
    for outcome in plan.outcomes:
        if outcome.family not in plan.families:
            yield _fault(path, f"outcomes, {outcome.indicator}", f"family {outcome.family!r} has no entry")


def _design_faults(path: Path, plan: StudyPlan, design: DesignPlan) -> Iterator[Fault]:
    where, first = f"designs, {design.code}", min(design.joined)
    if design.end_year < first:
        what = f"end_year {design.end_year} lies before the first joining year, {first}"
        yield _fault(path, where, what, REMEDY_YEARS)
    if design.covariate_years[1] >= first:
        what = (
            f"covariate_years end in {design.covariate_years[1]}, not before the first joining year, {first}"
        )
        yield _fault(path, where, what, REMEDY_YEARS)
    if design.covariate_years[0] < plan.panel.first_year:
        what = (
            f"covariate_years begin in {design.covariate_years[0]}, before the panel, {plan.panel.first_year}"
        )
        yield _fault(path, where, what, REMEDY_YEARS)
    for row in plan.rows_of(design):
        if row.end_year is not None and row.end_year < first:
            what = f"end_year {row.end_year} lies before the first joining year of {design.code}, {first}"
            yield _fault(path, f"rows, {row.code}", what, REMEDY_YEARS)


def _island_faults(path: Path, plan: StudyPlan, known: set[str]) -> Iterator[Fault]:
    field = "covariates.island_groups"
    named = [name for names in plan.covariates.island_groups.values() for name in names]
    for name in _doubled(named):
        yield _fault(path, field, f"{name!r} stands twice", REMEDY_ONCE)
    for name in sorted(set(named) - known):
        yield _fault(
            path,
            field,
            f"{name!r} is no island group of config/tilegrid.csv; it has {', '.join(sorted(known))}",
        )
    for name in sorted(known - set(named)):
        what = f"{name!r} of config/tilegrid.csv is in no group, so its regions would drop out"
        yield _fault(path, field, what, "add it to a group")


def _doubled(names: Sequence[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _fault(path: Path, field: str, what: str, remedy: str = REMEDY_NAME) -> Fault:
    return Fault(where=f"{path}, {field}", what=what, why=WHY_PLAN, remedy=remedy)
