"""Each headline design on its own roster: the plan's estimator finds an effect of known size without bias.

Regions, joining years, clean controls, covariates and gaps in the data are the real ones of the study plan's headline
row; only the outcome is drawn: a level and a trend that follow the covariates (so that joiners would have moved
differently anyway), AR(1) errors, an effect from each cohort's first year on, for every cohort, and a smaller one
already in the joining year.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import Design, aggregate, att_gt
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies import processed
from evaluation.studies.panels import OutcomePanel, outcome_panel, study_data
from evaluation.studies.project import Project

EFFECT = 0.3
IN_THE_JOINING_YEAR = 0.1
PERSISTENCE = 0.7
DRAWS = 50
OUTCOME = "poverty_rate"

BIAS_ERRORS = 4.0
"""Monte Carlo standard errors that the mean error may be away from zero: once in 16,000 trials by chance."""

DESIGNS = ("joiners_2017_2018", "joiners_2021")


@cache
def shape(project: Project, code: str) -> tuple[OutcomePanel, Design]:
    plan = project.study_plan
    design = plan.design(code)
    row = next(one for one in plan.rows_of(design) if one.code == "conditional")
    data = study_data(project, processed.indicators(project), plan)
    panel = outcome_panel(data, design=design, row=row, outcome=plan.outcome(OUTCOME))
    return panel, Design(
        outcome="value",
        unit="region_code",
        time="year",
        cohort="cohort",
        control_group=plan.control_group,
        anticipation=plan.anticipation_of(design, row),
        covariates=panel.covariates,
        base_period="universal",
        eligible_control="clean_control",
        cohorts=tuple(joined + YEARS_TO_FIRST_EFFECT for joined in design.joined),
        estimator=plan.estimator,
    )


def drawn(panel: OutcomePanel, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """The panel with an outcome whose level and trend follow what tells joiners from controls."""
    table = panel.table
    numbers = pd.get_dummies(table[list(panel.covariates)], dtype=float).fillna(0.0)
    scaled = ((numbers - numbers.mean()) / numbers.std()).to_numpy()
    joiners = table["cohort"].isin(design.cohorts).to_numpy()
    controls = table["clean_control"].to_numpy() & ~joiners
    wealth = scaled @ (scaled[joiners].mean(axis=0) - scaled[controls].mean(axis=0))
    units, unit = np.unique(table["region_code"], return_inverse=True)
    years = np.arange(table["year"].min(), table["year"].max() + 1)
    noise = rng.normal(size=(len(units), len(years)))
    noise[:, 0] /= np.sqrt(1 - PERSISTENCE**2)
    for year in range(1, len(years)):
        noise[:, year] += PERSISTENCE * noise[:, year - 1]
    event_time = (table["year"] - table["cohort"]).fillna(-99).to_numpy()
    effect = EFFECT * (event_time >= 0) + IN_THE_JOINING_YEAR * (event_time == -YEARS_TO_FIRST_EFFECT)
    since = table["year"].to_numpy() - years[0]
    errors = noise[unit, since]
    return table.assign(value=2 * wealth + 0.4 * wealth * since + errors + effect)


@pytest.mark.slow
@pytest.mark.parametrize("code", DESIGNS)
def test_the_conditional_row_is_without_bias_on_the_real_roster(project: Project, code: str) -> None:
    panel, design = shape(project, code)
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(DRAWS):
        row = aggregate(att_gt(drawn(panel, design, rng), design), "simple").overall
        errors.append(row["estimate"] - EFFECT)
    spread = np.std(errors, ddof=1) / np.sqrt(DRAWS)
    print(f"\n{code}: mean error {np.mean(errors):+.4f}, Monte Carlo error {spread:.4f}")
    assert abs(np.mean(errors)) < BIAS_ERRORS * spread


@pytest.mark.slow
@pytest.mark.parametrize("code", DESIGNS)
def test_the_unconditional_row_takes_the_covariates_trend_for_an_effect(project: Project, code: str) -> None:
    """So that the test above could fail: without covariates the same draws are far off."""
    panel, design = shape(project, code)
    rng = np.random.default_rng(5)
    plain = Design(**{**design.as_dict(), "covariates": (), "cohorts": design.cohorts})
    errors = [
        aggregate(att_gt(drawn(panel, design, rng), plain), "simple").overall["estimate"] - EFFECT
        for _ in range(DRAWS)
    ]
    assert abs(np.mean(errors)) > 2 * BIAS_ERRORS * np.std(errors, ddof=1) / np.sqrt(DRAWS)
