"""What in the plan of impact analyses contradicts what else, all faults at once.

Belongs here: reading ``config/study_plan.yml``, and checks across its records, the catalogue and the registry. Does not
belong here: what each record may hold (`evaluation.studies.plan`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from evaluation.catalog import Catalog, read_config, record_faults
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.regions import Registry
from evaluation.schema import GRADES
from evaluation.studies.plan import (
    HEADLINE_ROW,
    JAVA,
    JAVA_AND_BALI,
    PAGE_DESIGNS,
    PAGE_OUTCOMES,
    ROWS_OF_2021,
    ROWS_OF_ALL,
    DesignPlan,
    RowPlan,
    StudyPlan,
)

WHY_PLAN = "the plan decides every estimate"
REMEDY_NAME = "correct the name; see docs/configuration.md"
REMEDY_YEARS = "correct the years; see docs/configuration.md"
REMEDY_ONCE = "keep it once"


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
        known = set(registry.table["island_group"])
        faults.extend([*_island_faults(path, plan, known), *_java_faults(path, plan, known)])
    raise_if_any(faults)
    return plan


def _plan_faults(path: Path, plan: StudyPlan, catalog: Catalog) -> Iterator[Fault]:
    yield from _indicator_faults(path, plan, catalog)
    yield from _repeated_faults(path, plan)
    yield from _page_faults(path, plan)
    yield from _name_faults(path, plan)
    for design in (*plan.designs, *plan.other_cohorts):
        yield from _design_faults(path, plan, design)
    for row in plan.rows:
        yield from _row_faults(path, plan, row)
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
        "tourism_dependence": [plan.tourism_dependence.indicator] if plan.tourism_dependence else [],
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
    for grade in plan.panel.exclude_grades:
        if grade not in GRADES:
            yield _fault(path, "panel.exclude_grades", f"grade {grade!r} is unknown")
    for outcome in plan.outcomes:
        if outcome.family not in plan.families:
            yield _fault(path, f"outcomes, {outcome.indicator}", f"family {outcome.family!r} has no entry")


def _row_faults(path: Path, plan: StudyPlan, row: RowPlan) -> Iterator[Fault]:
    where = f"rows, {row.code}"
    if row.headline and (row.estimator or row.added_later):
        what = "the headline row names an estimator of its own, or was added later"
        remedy = "leave out `estimator` and `added_later`; the plan's `estimator` is the headline's"
        yield _fault(path, where, what, remedy)
    if row.added_later and not plan.departures:
        what = "the row was added later, and no departure from the plan says so"
        yield _fault(path, where, what, "add an entry under `departures` with the reason")
    if row.estimator == "synthetic_did" and not _is_plain(row):
        what = "synthetic difference-in-differences takes neither traits nor weights, and donors that never joined"
        yield _fault(
            path, where, what, "write `covariates: none`, `controls: never_treated`, and no `weights`"
        )
    yield from _exposure_faults(path, plan, row)
    yield from _tourism_faults(path, plan, row)


def _is_plain(row: RowPlan) -> bool:
    return (row.covariates, row.controls, row.weights) == ("none", "never_treated", "none")


def _exposure_faults(path: Path, plan: StudyPlan, row: RowPlan) -> Iterator[Fault]:
    where = f"rows, {row.code}"
    if row.covariates == "exposure" and not plan.exposure_to_2020:
        yield _fault(path, where, "the row needs an entry in exposure_to_2020")
    if row.exposures is not None and row.covariates != "exposure":
        what = f"`exposures` belongs to rows with `covariates: exposure`; got: {row.covariates}"
        yield _fault(path, where, what, "leave it out, or write `covariates: exposure`")
    listed = {exposure.indicator for exposure in plan.exposure_to_2020}
    for code in row.exposures or ():
        if code not in listed:
            yield _fault(path, where, f"exposure {code!r} is not in exposure_to_2020")
    for code in _doubled(row.exposures or ()):
        yield _fault(path, where, f"exposure {code!r} stands twice", REMEDY_ONCE)


def _tourism_faults(path: Path, plan: StudyPlan, row: RowPlan) -> Iterator[Fault]:
    if row.covariates != "tourism":
        return
    where, tourism = f"rows, {row.code}", plan.tourism_dependence
    if tourism is None:
        what = "the row needs `tourism_dependence`, which the plan lacks"
        yield _fault(path, where, what, "name an indicator, its scale and years under `tourism_dependence`")
        return
    for design in (*plan.designs, *plan.other_cohorts):
        if row in plan.rows_of(design) and tourism.years[1] >= min(design.joined):
            last, first = tourism.years[1], min(design.joined)
            what = f"the years end in {last}, not before the first joining year of {design.code}, {first}"
            yield _fault(path, "tourism_dependence, years", what, REMEDY_YEARS)


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


def _java_faults(path: Path, plan: StudyPlan, known: set[str]) -> Iterator[Fault]:
    for row in plan.rows:
        if row.controls == "outside_java" and JAVA not in known:
            what = f"the row has no controls in {JAVA!r}, which is no island group of config/tilegrid.csv"
            yield _fault(path, f"rows, {row.code}", what)


def _doubled(names: Sequence[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _fault(path: Path, field: str, what: str, remedy: str = REMEDY_NAME) -> Fault:
    return Fault(where=f"{path}, {field}", what=what, why=WHY_PLAN, remedy=remedy)
