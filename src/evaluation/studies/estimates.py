"""The study plan carried out: every design, row and outcome, as the table `estimates`.

Belongs here: which estimates are asked of the engine and how they are filed. Does not belong here: the
methods (`evaluation.impact`) and what is said about the results (`evaluation.reporting`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evaluation.impact import AttGtResult, Design, aggregate, att_gt, pre_trend_test
from evaluation.impact.aggregate import Kind
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.schema import ESTIMATES
from evaluation.studies.panels import OutcomePanel, StudyData, outcome_panel, study_data
from evaluation.studies.plan import DesignPlan, OutcomePlan, RowPlan, StudyPlan
from evaluation.studies.project import Project

DETAILED_ROWS = ("conditional", "unconditional", "base_2020")
"""Rows whose effects by year are kept; of the others the average and the test before treatment are."""
NO_COMPARISON = "no_comparison"
BEYOND_DATA = "beyond_data"
METHOD_CHANGES = "method_changes"


def build_estimates(project: Project, indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the table `estimates` for the whole plan.

    Every row of the plan has at least one row here for every outcome: an estimate, or the reason why there is
    none, in ``status`` (``not_estimable:<reason>:<last year of the data>``). An estimate's ``status`` is empty, or
    says what it lacks: ``without_cohort:<joining year>``, ``ends:<last year>``.
    """
    plan = project.study_plan
    data = study_data(project, indicators, plan)
    parts = [
        _one_study(data, design=design, row=row, outcome=outcome)
        for design in (*plan.designs, *plan.other_cohorts)
        for row in plan.rows_of(design)
        for outcome in plan.outcomes
    ]
    return pd.concat(parts, ignore_index=True)


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
    panel = outcome_panel(data, design=chosen, row=variation, outcome=plan.outcome(outcome))
    return _effects(panel, plan=plan, design=chosen, row=variation)


def _one_study(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> pd.DataFrame:
    panel = outcome_panel(data, design=design, row=row, outcome=outcome)
    result = _effects(panel, plan=data.plan, design=design, row=row)
    rows = list(_filed(result, panel, row=row, detailed=row.code in DETAILED_ROWS))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(
        design=design.code,
        row=row.code,
        estimator=data.plan.estimator,
        outcome=outcome.indicator,
        region_code="",
        p_adjusted=np.nan,
    ).reindex(columns=list(ESTIMATES.columns))


def _effects(panel: OutcomePanel, *, plan: StudyPlan, design: DesignPlan, row: RowPlan) -> AttGtResult | None:
    cohorts = tuple(joined + YEARS_TO_FIRST_EFFECT for joined in design.joined)
    anticipation = plan.anticipation_of(design, row)
    if not _has_comparison(panel.table, cohorts=cohorts, anticipation=anticipation):
        return None
    engine_design = Design(
        outcome="value",
        unit="region_code",
        time="year",
        cohort="cohort",
        control_group=plan.control_group,
        anticipation=anticipation,
        covariates=panel.covariates,
        base_period="universal",
        eligible_control="clean_control",
        cohorts=cohorts,
        weights="weight" if row.weights == "population" else None,
        estimator=plan.estimator,
    )
    return att_gt(panel.table, engine_design)


def _has_comparison(table: pd.DataFrame, *, cohorts: tuple[int, ...], anticipation: int) -> bool:
    """Tell whether there are joiners, and a clean control in their first year with data after joining."""
    if not table["cohort"].isin(cohorts).any():
        return False
    years = table.loc[table["year"] >= min(cohorts), "year"]
    if years.empty:
        return True  # the engine says that the first year of effect lies beyond the data
    later = table["cohort"].isna() | (table["cohort"] > years.min() + anticipation)
    return bool((table["clean_control"] & later).any())


def _filed(
    result: AttGtResult | None, panel: OutcomePanel, *, row: RowPlan, detailed: bool
) -> Iterator[pd.DataFrame]:
    reason = _why_not(result, panel, row)
    if result is None or reason:
        yield _status_row(reason, panel.last_year)
        return
    remark = _remark(result, panel)
    yield _average(result, "simple", elements=False).assign(status=remark)
    yield _pre_trends(result)
    if detailed:
        yield _average(result, "group", elements=True)
        yield _average(result, "dynamic", elements=True)
        yield result.tidy().assign(parameter="att_gt", status="")


def _why_not(result: AttGtResult | None, panel: OutcomePanel, row: RowPlan) -> str:
    """Return why a row has no estimate, empty where it has one.

    A row that asks for a later end year than the outcome has would only repeat a shorter one.
    """
    if result is None:
        return NO_COMPARISON
    too_short = row.end_year is not None and (panel.last_year or 0) < row.end_year
    if (result.table["event_time"] >= 0).any() and not too_short:
        return ""
    missing = result.not_estimable[result.not_estimable["cohort"].isin(result.design.cohorts or ())]
    after = missing[missing["event_time"].fillna(0) >= 0]
    reason = BEYOND_DATA if too_short or after.empty else str(after["reason"].iloc[0])
    return METHOD_CHANGES if reason == BEYOND_DATA and panel.method_changes else reason


def _remark(result: AttGtResult, panel: OutcomePanel) -> str:
    """Return what a reader must know of an estimate: cohorts it lacks, and a last year before the one asked for."""
    after = result.table[result.table["event_time"] >= 0]
    lacking = sorted(set(result.design.cohorts or ()) - set(after["cohort"]))
    remarks = [f"without_cohort:{cohort - YEARS_TO_FIRST_EFFECT}" for cohort in lacking]
    last_year = int(after["year"].max())
    if last_year < panel.wanted_year:
        remarks.append(f"ends:{last_year}")
    return "+".join(remarks)


def _average(result: AttGtResult, kind: Kind, *, elements: bool) -> pd.DataFrame:
    average = aggregate(result, kind)
    table = average.elements if elements else average.table.iloc[:1]
    after = result.table[result.table["event_time"] >= 0]
    base_year = pd.Series(float(after["base_year"].min()), index=table.index)
    if kind == "group":
        base_year = table["cohort"].map(after.groupby("cohort")["base_year"].min())
    return table.assign(parameter=kind, status="", base_year=base_year)


def _pre_trends(result: AttGtResult) -> pd.DataFrame:
    test = pre_trend_test(result, window="before_anticipation")
    row = {
        "parameter": "pre_trends",
        "estimate": test.statistic,
        "p_value": test.p_value,
        "n_units": float(test.df),
        "status": test.reason,
        "band": "",
    }
    return pd.DataFrame([row])


def _status_row(reason: str, last_year: int | None) -> pd.DataFrame:
    status = f"not_estimable:{reason}:{last_year or ''}"
    return pd.DataFrame([{"parameter": "simple", "status": status, "band": ""}])
