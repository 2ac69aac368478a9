"""One row of the study plan for one outcome: its panel, the engine's answer, or the reason why there is none.

Belongs here: asking the engine for a row of the plan, once for all who want the answer. Does not belong here: which
rows there are (`evaluation.studies.plan`), filing the answers (`evaluation.studies.estimates`), and what is asked of
an answer beside the estimate (`evaluation.studies.impact_checks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd

from evaluation.impact import AggregateResult, AttGtResult, Design, aggregate, estimate_effects, run_did
from evaluation.impact.design import GROUP_TIME_ESTIMATORS, Estimator
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.panels import OutcomePanel, StudyData, outcome_panel, tourism_dependence
from evaluation.studies.plan import HEADLINE_ROW, LATER_BASE_ROW, DesignPlan, OutcomePlan, RowPlan
from evaluation.studies.synthetic_rows import SyntheticRow, synthetic_row

NO_COMPARISON = "no_comparison"
BEYOND_DATA = "beyond_data"
METHOD_CHANGES = "method_changes"
NO_DATA = "no_data"
TOO_FEW_LIKE_CONTROLS = "too_few_like_controls"
ISLAND_GROUP = "island_group"
REMEMBERED_ROWS = (HEADLINE_ROW, LATER_BASE_ROW, "population_weighted")
"""Rows that several checks ask for; of the others nothing is kept, since each holds a whole panel."""


@dataclass(frozen=True)
class RowFit:
    """A row of the plan carried out for one outcome.

    Parameters
    ----------
    design, row, outcome
        What the plan asks.
    panel
        The panel, see `OutcomePanel`.
    question
        The engine's design; None when nobody can be compared.
    result
        Effects by cohort and year on a universal base; None when nobody can be compared, and for plain two-way
        fixed effects, which have none.
    simple
        Average of the effects from the cohort on; None where there is no estimate.
    reason
        Why there is no estimate, empty where there is one.
    synthetic
        The answer of a row by synthetic difference-in-differences, which has neither question nor result.
    """

    design: DesignPlan
    row: RowPlan
    outcome: OutcomePlan
    panel: OutcomePanel
    question: Design | None
    result: AttGtResult | None
    simple: AggregateResult | None
    reason: str
    synthetic: SyntheticRow | None = None

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The average effect in the columns of `estimates`; only where there is an estimate."""
        return self.average.overall if self.synthetic is None else self.synthetic.numbers

    @property
    def status(self) -> str:
        """Why there is no estimate, as in the tables: ``not_estimable:<reason>:<last year>``; empty otherwise."""
        last_year = None if self.reason == NO_DATA else self.panel.last_year
        return not_estimable(self.reason, last_year) if self.reason else ""

    @property
    def average(self) -> AggregateResult:
        """The simple average of effects from the cohort on; only where there is an estimate."""
        assert self.simple is not None
        return self.simple

    @property
    def answer(self) -> AttGtResult:
        """The effects by cohort and year; only where there is an estimate."""
        assert self.result is not None
        return self.result

    @property
    def asked(self) -> Design:
        """The engine's design; only where there is an estimate."""
        assert self.question is not None
        return self.question


def not_estimable(reason: str, last_year: int | None = None) -> str:
    """Return the status of what has no estimate: the reason's code and the last year of the data."""
    return f"{NOT_ESTIMABLE}:{reason}:{last_year or ''}"


def fit_row(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> RowFit:
    """Return a row of the plan carried out for one outcome; of `REMEMBERED_ROWS` the same answer when asked again.

    Parameters
    ----------
    data
        What panels are made from.
    design, row, outcome
        What the plan asks.
    """
    key = (design.code, row.code, outcome.indicator)
    fit = data.fits.get(key) or _fit(data, design=design, row=row, outcome=outcome)
    if row.code in REMEMBERED_ROWS:
        data.fits[key] = fit
    return fit


def headline_fits(data: StudyData) -> Iterator[RowFit]:
    """Yield the headline row of every headline design, for every outcome."""
    for design in data.plan.designs:
        for outcome in data.plan.outcomes:
            yield fit_row(data, design=design, row=data.plan.row(HEADLINE_ROW), outcome=outcome)


def wide_panel(fit: RowFit) -> WidePanel:
    """Return the panel of a row that has an estimate, as arrays."""
    return read_panel(fit.panel.table, fit.asked)


def engine_design(panel: OutcomePanel, *, data: StudyData, design: DesignPlan, row: RowPlan) -> Design:
    """Return what the engine is asked for a row of the plan."""
    plan = data.plan
    return Design(
        outcome="value",
        unit="region_code",
        time="year",
        cohort="cohort",
        control_group=plan.control_group,
        anticipation=plan.anticipation_of(design, row),
        covariates=panel.covariates,
        base_period="universal",
        eligible_control="clean_control",
        cohorts=cohorts_of(design),
        weights="weight" if row.weights == "population" else None,
        estimator=cast("Estimator", plan.estimator_of(row)),
    )


def cohorts_of(design: DesignPlan) -> tuple[int, ...]:
    """Return the first years in which an effect is looked for."""
    return tuple(joined + YEARS_TO_FIRST_EFFECT for joined in design.joined)


def _fit(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> RowFit:
    panel = outcome_panel(data, design=design, row=row, outcome=outcome)
    answered = partial(RowFit, design=design, row=row, outcome=outcome, panel=panel)
    if row.covariates == "tourism" and tourism_dependence(data).empty:
        return answered(question=None, result=None, simple=None, reason=NO_DATA)
    anticipation = data.plan.anticipation_of(design, row)
    if not _has_comparison(panel.table, cohorts=cohorts_of(design), anticipation=anticipation):
        return answered(question=None, result=None, simple=None, reason=NO_COMPARISON)
    if _has_lonely_joiners(panel, cohorts_of(design), least=data.plan.covariates.controls_per_island_group):
        return answered(question=None, result=None, simple=None, reason=TOO_FEW_LIKE_CONTROLS)
    estimator = data.plan.estimator_of(row)
    if estimator not in GROUP_TIME_ESTIMATORS and _ends_before(panel.table, cohorts_of(design)):
        # the others list what is missing; these refuse such a panel
        reason = METHOD_CHANGES if panel.method_changes else BEYOND_DATA
        return answered(question=None, result=None, simple=None, reason=reason)
    if estimator == "synthetic_did":
        found = synthetic_row(panel.table, cohorts=cohorts_of(design), anticipation=anticipation)
        reason = BEYOND_DATA if not found.reason and _is_short(panel, row) else found.reason
        reason = METHOD_CHANGES if reason == BEYOND_DATA and panel.method_changes else reason
        return answered(question=None, result=None, simple=None, reason=reason, synthetic=found)
    question = engine_design(panel, data=data, design=design, row=row)
    answered = partial(answered, question=question)
    if question.estimator == "twfe":
        study = run_did(panel.table, question)
        reason = _why_not(study.att_gt, panel, row, estimated="simple" in study.aggregates)
        simple = None if reason else study.aggregates["simple"]
        return answered(result=None, simple=simple, reason=reason)
    result = estimate_effects(panel.table, question)
    reason = _why_not(result, panel, row, estimated=bool((result.table["event_time"] >= 0).any()))
    return answered(result=result, simple=None if reason else aggregate(result, "simple"), reason=reason)


def _has_comparison(table: pd.DataFrame, *, cohorts: tuple[int, ...], anticipation: int) -> bool:
    """Tell whether there are joiners, and a clean control in their first year with data after joining."""
    cohort, year = table["cohort"].to_numpy(dtype=float), table["year"].to_numpy()
    if not np.isin(cohort, cohorts).any():
        return False
    after = year >= min(cohorts)
    if not after.any():
        return True  # the engine says that the first year of effect lies beyond the data
    later = np.isnan(cohort) | (cohort > year[after].min() + anticipation)
    return bool((table["clean_control"].to_numpy(dtype=bool) & later).any())


def _has_lonely_joiners(panel: OutcomePanel, cohorts: tuple[int, ...], *, least: int) -> bool:
    """Tell whether an island group that holds joiners has fewer comparison regions than a row asks for.

    Asked of rows that compare within island groups: one region would stand for all joiners of its group, and an error made
    from one region's figures says nothing.
    """
    if ISLAND_GROUP not in panel.covariates:
        return False
    units = panel.table.drop_duplicates("region_code")
    joined = units["cohort"].isin(cohorts)
    controls = units.loc[units["clean_control"].astype(bool) & ~joined, ISLAND_GROUP].value_counts()
    return bool((controls.reindex(units.loc[joined, ISLAND_GROUP].unique()).fillna(0) < least).any())


def _ends_before(table: pd.DataFrame, cohorts: tuple[int, ...]) -> bool:
    """Tell whether no joiner has a figure of a year after joining."""
    return not (table["cohort"].isin(cohorts) & (table["year"] >= table["cohort"])).any()


def _is_short(panel: OutcomePanel, row: RowPlan) -> bool:
    """Tell whether a row asks for a later end year than the outcome has."""
    return row.end_year is not None and (panel.last_year or 0) < row.end_year


def _why_not(result: AttGtResult, panel: OutcomePanel, row: RowPlan, *, estimated: bool) -> str:
    """Return why a row has no estimate, empty where it has one.

    A row that asks for a later end year than the outcome has would only repeat a shorter one.
    """
    too_short = _is_short(panel, row)
    if estimated and not too_short:
        return ""
    missing = result.not_estimable[result.not_estimable["cohort"].isin(result.design.cohorts or ())]
    after = missing[missing["event_time"].fillna(0) >= 0]
    reason = BEYOND_DATA if too_short or after.empty else str(after["reason"].iloc[0])
    return METHOD_CHANGES if reason == BEYOND_DATA and panel.method_changes else reason
