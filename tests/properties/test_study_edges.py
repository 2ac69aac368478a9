"""Studies with next to nothing in them: every check answers, with numbers or with the reason why there are none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.schema import IMPACT_CHECKS, conform
from evaluation.studies import processed
from evaluation.studies.heterogeneity import heterogeneity_checks
from evaluation.studies.impact_diagnostics import diagnostic_checks
from evaluation.studies.impact_power import power_checks
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.project import Project

OUTCOME = "unemployment_rate"
NEEDED = (OUTCOME, "poverty_rate", "grdp_pc_real", "mean_years_schooling")
"""The outcome that is spoilt, and those that covariates are means of."""
SAME = 1e-12
"""Rounding of a product of a p-value with a ratio of counts."""
PARTS = (diagnostic_checks, heterogeneity_checks, power_checks)


@pytest.fixture(scope="module")
def small(project: Project) -> StudyData:
    """Return the study of the 2021 and the 2024 joiners and of few outcomes."""
    plan = project.study_plan
    outcomes = tuple(plan.outcome(code) for code in NEEDED)
    fewer = plan.model_copy(
        update={
            "outcomes": outcomes,
            "designs": (plan.design("joiners_2021"),),
            "other_cohorts": (plan.design("joiners_2024"),),
        }
    )
    data = study_data(project, processed.indicators(project), plan)
    return replace(data, plan=fewer, fits={}, tables={})


def with_units(data: StudyData, **columns: object) -> StudyData:
    return replace(data, units=data.units.assign(**columns), fits={}, tables={})


def with_figures(data: StudyData, figures: pd.DataFrame) -> StudyData:
    return replace(data, figures={**data.figures, OUTCOME: figures}, fits={}, tables={})


def without_joiners(data: StudyData, n_left: int) -> StudyData:
    joiners = data.units.index[data.units["joined"] == 2021]
    gone = data.units.index.isin(joiners[n_left:])
    return with_units(data, joined=data.units["joined"].mask(gone), cohort=data.units["cohort"].mask(gone))


def of_years(data: StudyData, years: list[int]) -> StudyData:
    figures = data.figures[OUTCOME]
    return with_figures(data, figures[figures["year"].isin(years)])


SPOILT: dict[str, tuple[Callable[[StudyData], StudyData], str]] = {
    "no figure": (lambda data: of_years(data, []), "not_estimable:no_comparison:"),
    "nobody joined": (lambda data: without_joiners(data, 0), "not_estimable:no_comparison:2024"),
    "one joiner": (lambda data: without_joiners(data, 1), "not_estimable:too_few_treated:2024"),
    "no control": (lambda data: with_units(data, clean_control=False), "not_estimable:no_comparison:2024"),
    "nothing after joining": (
        lambda data: of_years(data, [2017, 2018, 2019]),
        "not_estimable:beyond_data:2019",
    ),
}


@pytest.mark.parametrize("case", list(SPOILT))
def test_what_cannot_be_answered_has_its_reason(small: StudyData, case: str) -> None:
    spoil, reason = SPOILT[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = [part(spoil(small)) for part in PARTS]
    table = conform(
        pd.concat(parts).reindex(columns=list(IMPACT_CHECKS.columns)).fillna({"element": "", "status": ""}),
        IMPACT_CHECKS,
    )
    rows = table[(table["outcome"] == OUTCOME) & (table["design"] == "joiners_2021")]
    asked = rows[rows["check"] != "power"]
    assert asked["check"].nunique() == 16
    assert (asked["status"] == reason).all()
    assert (
        rows[["estimate", "std_error", "p_value", "mde"]].isna().all(axis=None)
        or case == "nothing after joining"
    )


def test_a_base_year_and_one_year_after_are_enough_for_an_answer(small: StudyData) -> None:
    found = diagnostic_checks(of_years(small, [2019, 2022]))
    rows = found[(found["outcome"] == OUTCOME) & (found["design"] == "joiners_2021")].set_index("check")
    for check in ("pretrend_power", "honest_relative", "breakdown_smoothness", "placebo_date"):
        assert (rows.loc[[check], "status"] == "not_estimable:no_years_before:2022").all()
    assert rows.loc["without_province", "estimate"].notna().all()
    assert rows.loc["ring", "estimate"].notna().any()
    rings = found[(found["check"] == "ring") & found["p_value"].notna()]
    assert (rings["p_adjusted"] >= rings["p_value"] * (1 - SAME)).all()
    assert found.loc[found["check"] != "ring", "p_adjusted"].isna().all()


def test_no_figure_of_population_leaves_that_grouping_without_groups(small: StudyData) -> None:
    found = heterogeneity_checks(replace(small, population=small.population.iloc[:0], fits={}, tables={}))
    rows = found[(found["outcome"] == OUTCOME) & (found["row"] == "conditional")].set_index("check")
    assert rows.loc["by_population", "estimate"].isna().all()
    assert rows.loc["by_baseline", "estimate"].notna().any()


def test_the_2024_joiners_have_their_checks_once_there_are_figures_of_2025(small: StudyData) -> None:
    figures = small.figures[OUTCOME]
    last = figures[figures["year"] == 2024]
    noise = np.random.default_rng(1).normal(0, 0.3, len(last))
    longer = with_figures(small, pd.concat([figures, last.assign(year=2025, value=last["value"] + noise)]))
    found = diagnostic_checks(longer)
    rows = found[(found["outcome"] == OUTCOME) & (found["design"] == "joiners_2024")].set_index("check")
    where = rows.loc["composition"].set_index("element")["n_treated"]
    assert where["joined"] == 10
    assert where["in_estimate"] == rows.loc["without_province", "n_treated"].max()
    left_out = rows.loc["without_province"]
    assert left_out["estimate"].notna().mean() > 0.9  # ten joiners less one can leave nothing to compare
    assert left_out.loc[left_out["estimate"].isna(), "status"].str.startswith("not_estimable:").all()
    power = power_checks(longer)
    rows = power[(power["outcome"] == OUTCOME) & (power["design"] == "joiners_2024")].set_index("element")
    assert rows.index.tolist() == ["2025", "2027"]
    assert (rows["mde"] > 0).all()
