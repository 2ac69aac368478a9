"""The study plan carried out: every design, row and outcome, as the table `estimates`.

Belongs here: which estimates are asked of the engine and how they are filed. Does not belong here: the
methods (`evaluation.impact`) and what is said about the results (`evaluation.reporting`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from evaluation.impact import AttGtResult, aggregate, pre_trend_test
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.schema import ESTIMATES
from evaluation.studies.families import with_adjusted
from evaluation.studies.impact_fits import RowFit, cohorts_of, fit_row
from evaluation.studies.panels import study_data
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project

DETAILED_ROWS = ("conditional", "unconditional", "base_2020")
"""Rows whose effects by year are kept; of the others the average and the test before treatment are."""
NUMBERS = (
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "band",
    "p_value",
    "mde",
    "n_units",
    "n_treated",
    "n_control",
)
"""Columns of an average as the engine gives them."""


def build_estimates(project: Project, indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the table `estimates` for the whole plan.

    Every row of the plan has at least one row here for every outcome: an estimate, or the reason why there is
    none, in ``status`` (``not_estimable:<reason>:<last year of the data>``). An estimate's ``status`` is empty, or
    says what it lacks: ``without_cohort:<joining year>``, ``ends:<last year>``. ``p_adjusted`` is filled for the
    averages of headline rows (`evaluation.studies.families`).
    """
    plan = project.study_plan
    data = study_data(project, indicators, plan)
    fits = [
        fit_row(data, design=design, row=row, outcome=outcome)
        for design in (*plan.designs, *plan.other_cohorts)
        for row in plan.rows_of(design)
        for outcome in plan.outcomes
    ]
    rows = pd.DataFrame([row for fit in fits for row in _averages(fit, plan)])
    details = [table for fit in fits if not fit.reason for table in _details(fit, plan)]
    table = pd.concat([rows, *details], ignore_index=True).reindex(columns=list(ESTIMATES.columns))
    return with_adjusted(table.assign(region_code=""), data)


def group_time_effects(
    project: Project,
    indicators: pd.DataFrame,
    *,
    design: str,
    row: str,
    outcome: str,
    plan: StudyPlan | None = None,
) -> AttGtResult | None:
    """Return the group-time effects of one row of the plan, None where the outcome has no base year.

    For notebooks and diagnostics: what `build_estimates` files is an average of these.
    """
    plan = plan or project.study_plan
    chosen = plan.design(design)
    variation = next(one for one in plan.rows_of(chosen) if one.code == row)
    data = study_data(project, indicators, plan)
    return fit_row(data, design=chosen, row=variation, outcome=plan.outcome(outcome)).result


def _key(fit: RowFit, plan: StudyPlan) -> dict[str, Any]:
    return {
        "design": fit.design.code,
        "row": fit.row.code,
        "estimator": plan.estimator_of(fit.row),
        "outcome": fit.outcome.indicator,
    }


def _averages(fit: RowFit, plan: StudyPlan) -> Iterator[dict[str, Any]]:
    """Yield the average of a row of the plan, or why there is none, and its test before treatment."""
    key = _key(fit, plan)
    if fit.reason:
        yield {**key, "parameter": "simple", "status": fit.status, "band": ""}
        return
    numbers = {name: fit.numbers[name] for name in NUMBERS}
    base_year = float(_after(fit)["base_year"].min())
    yield {**key, "parameter": "simple", **numbers, "base_year": base_year, "status": _remark(fit)}
    if fit.result is not None:
        yield {**key, **_pre_trends(fit.result)}


def _details(fit: RowFit, plan: StudyPlan) -> Iterator[pd.DataFrame]:
    """Yield the effects by cohort and year behind an average, for the rows that show them."""
    if fit.row.code not in DETAILED_ROWS:
        return
    after = _after(fit)
    group, dynamic = aggregate(fit.answer, "group").elements, aggregate(fit.answer, "dynamic").elements
    by_cohort = group["cohort"].map(after.groupby("cohort")["base_year"].min())
    yield group.assign(parameter="group", base_year=by_cohort, status="", **_key(fit, plan))
    earliest = float(after["base_year"].min())
    yield dynamic.assign(parameter="dynamic", base_year=earliest, status="", **_key(fit, plan))
    yield fit.answer.tidy().assign(parameter="att_gt", status="", **_key(fit, plan))


def _remark(fit: RowFit) -> str:
    """Return what a reader must know of an estimate: cohorts it lacks, and a last year before the one asked for."""
    after = _after(fit)
    lacking = sorted(set(cohorts_of(fit.design)) - set(after["cohort"]))
    remarks = [f"without_cohort:{cohort - YEARS_TO_FIRST_EFFECT}" for cohort in lacking]
    last_year = int(after["year"].max())
    if last_year < fit.panel.wanted_year:
        remarks.append(f"ends:{last_year}")
    return "+".join(remarks)


def _after(fit: RowFit) -> pd.DataFrame:
    """Return cohort, year and base year of the effects behind an average; regressions on all years have no base."""
    if fit.result is not None:
        return fit.result.table[fit.result.table["event_time"] >= 0]
    table = fit.panel.table
    cohorts = cohorts_of(fit.design) if fit.synthetic is None else fit.synthetic.cohorts
    treated = table["cohort"].isin(cohorts) & (table["year"] >= table["cohort"])
    return table.loc[treated, ["cohort", "year"]].drop_duplicates().assign(base_year=np.nan)


def _pre_trends(result: AttGtResult) -> dict[str, Any]:
    test = pre_trend_test(result, window="before_anticipation")
    return {
        "parameter": "pre_trends",
        "estimate": test.statistic,
        "p_value": test.p_value,
        "n_units": float(test.df),
        "status": test.reason,
        "band": "",
    }
