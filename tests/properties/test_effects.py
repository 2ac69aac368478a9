"""A headline effect is never told without the cautions that the other rows of the plan demand."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.catalog import Language
from evaluation.impact import equivalence_test
from evaluation.reporting.effects import (
    ONE_SIDED_QUANTILE,
    average,
    effect_with_cautions,
    is_within_margin,
    reading,
    shock_caution,
)
from evaluation.reporting.labels import Labels
from evaluation.studies import processed
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project

EARLY, LATE = "joiners_2017_2018", "joiners_2021"
POVERTY, UNEMPLOYMENT = "poverty_rate", "unemployment_rate"
MOVED_BEFORE: dict[Language, str] = {
    "en": "already moved differently before",
    "id": "sudah bergerak berbeda sebelumnya",
}
SHOCK: dict[Language, str] = {
    "en": "COVID-19 hit these regions in 2020",
    "id": "COVID-19 melanda daerah-daerah ini",
}
SMALL = "the effect, if any, is smaller than"
UNTOLD = "cannot tell the programme's effect from zero"
OPEN = "other rows of the plan leave that open"
TWO_SIDED_QUANTILE = 1.959963984540054
"""Normal quantile of 0.975."""
NOT_TOLD = 0.5
EXACT = 1e-12
"""Closed forms agree to rounding."""
BOTH = pytest.mark.parametrize("language", ["en", "id"])


@pytest.fixture(scope="module")
def estimates(project: Project) -> pd.DataFrame:
    return processed.estimates(project)


@pytest.fixture(scope="module")
def plan(project: Project) -> StudyPlan:
    return project.study_plan


def edited(
    estimates: pd.DataFrame, design: str, outcome: str, rows: dict[str, tuple[float, float]]
) -> pd.DataFrame:
    """Return the table with these intervals for rows of one design and outcome; ``*`` stands for all others."""
    table = estimates.copy()
    own = (table["design"] == design) & (table["outcome"] == outcome) & (table["parameter"] == "simple")
    for row, (low, high) in sorted(rows.items()):
        where = own & (table["estimate"].notna() if row == "*" else table["row"] == row)
        assert where.any()
        std_error = (high - low) / (2 * TWO_SIDED_QUANTILE)
        names = ["estimate", "conf_low", "conf_high", "std_error", "p_adjusted"]
        table.loc[where, names] = [(low + high) / 2, low, high, std_error, NOT_TOLD]
    return table


def with_adjusted(estimates: pd.DataFrame, design: str, outcome: str, p: float) -> pd.DataFrame:
    table = estimates.copy()
    where = (table["design"] == design) & (table["outcome"] == outcome) & (table["parameter"] == "simple")
    table.loc[where & (table["row"] == "conditional"), "p_adjusted"] = p
    return table


def with_pre_trend(estimates: pd.DataFrame, design: str, outcome: str, p: float) -> pd.DataFrame:
    table = estimates.copy()
    where = (table["design"] == design) & (table["outcome"] == outcome) & (table["parameter"] == "pre_trends")
    table.loc[where & (table["row"] == "conditional"), "p_value"] = p
    table.loc[where & (table["row"] != "conditional"), "p_value"] = 0.5
    return table


def n_others(estimates: pd.DataFrame, design: str, outcome: str) -> int:
    """Count the other rows with an estimate; plain two-way fixed effects are shown and not counted."""
    told = "parameter == 'simple' and row not in ('conditional', 'twfe') and estimate.notna()"
    rows = estimates.query(told)
    return len(rows[(rows["design"] == design) & (rows["outcome"] == outcome)])


def told(
    project: Project, estimates: pd.DataFrame, design: str, outcome: str, language: Language = "en"
) -> str:
    plan = project.study_plan
    return effect_with_cautions(
        estimates,
        design=plan.design(design),
        outcome=plan.outcome(outcome),
        plan=plan,
        labels=Labels(project, language),
    )


def an_estimate(low: float, high: float) -> pd.Series:
    std_error = (high - low) / (2 * TWO_SIDED_QUANTILE)
    return pd.Series(
        {"estimate": (low + high) / 2, "conf_low": low, "conf_high": high, "std_error": std_error}
    )


@pytest.mark.parametrize(
    ("low", "high", "read"),
    [
        (0.01, 0.9, "above"),
        (-0.9, -0.01, "below"),
        (0.01, 0.1, "above"),
        (-0.29, 0.29, "within"),
        (-0.34, 0.34, "within"),
        (-0.36, 0.36, "undecided"),
        (-0.01, 0.36, "undecided"),
        (-0.36, 0.01, "undecided"),
        (0.0, 0.31, "within"),
    ],
)
def test_an_interval_reads_by_both_its_ends(low: float, high: float, read: str) -> None:
    """The 90% interval decides whether an effect lies within the margin: 0.357 times 1.645/1.960 is 0.3."""
    assert reading(an_estimate(low, high), 0.3) == read


@pytest.mark.parametrize(("estimate", "std_error"), [(0.1, 0.12), (0.1, 0.1217), (-0.1, 0.1215), (0.0, 0.18)])
def test_an_effect_lies_within_a_margin_when_both_one_sided_tests_say_so(
    estimate: float, std_error: float
) -> None:
    test = equivalence_test(estimate=estimate, std_error=std_error, margin=0.3)
    row = pd.Series({"estimate": estimate, "std_error": std_error})
    assert is_within_margin(row, 0.3) == (test.p_value < 0.05)
    assert test.conf_high == pytest.approx(estimate + ONE_SIDED_QUANTILE * std_error, abs=EXACT)


@BOTH
@pytest.mark.parametrize(
    ("p", "holds", "fails"), [(0.01, True, False), (0.2, False, True), (float("nan"), False, False)]
)
def test_an_effect_told_from_zero_says_whether_it_is_so_among_its_family(
    project: Project, estimates: pd.DataFrame, language: Language, p: float, holds: bool, fails: bool
) -> None:
    told_rows = edited(estimates, EARLY, POVERTY, {"*": (0.1, 0.5)})
    sentence = told(project, with_adjusted(told_rows, EARLY, POVERTY, p), EARLY, POVERTY, language)
    assert ({"en": "still can be told", "id": "tetap dapat dibedakan"}[language] in sentence) == holds
    assert (
        {"en": "for this figure by itself", "id": "untuk angka ini sendiri"}[language] in sentence
    ) == fails


@BOTH
@pytest.mark.parametrize(
    ("p", "warned"), [(0.0001, True), (0.049, True), (0.051, False), (0.9, False), (float("nan"), False)]
)
def test_groups_that_moved_differently_before_are_said_to_have(
    project: Project, estimates: pd.DataFrame, language: Language, p: float, warned: bool
) -> None:
    for design, outcome in ((EARLY, POVERTY), (LATE, UNEMPLOYMENT)):
        sentence = told(project, with_pre_trend(estimates, design, outcome, p), design, outcome, language)
        assert (MOVED_BEFORE[language] in sentence) == warned


def test_the_warning_of_trends_before_gives_their_p_value(project: Project, estimates: pd.DataFrame) -> None:
    sentence = told(project, with_pre_trend(estimates, EARLY, POVERTY, 0.0312), EARLY, POVERTY)
    assert "already moved differently before (p = 0.031)" in sentence
    sentence = told(project, with_pre_trend(estimates, EARLY, POVERTY, 0.0002), EARLY, POVERTY)
    assert "already moved differently before (p < 0.001)" in sentence


def test_the_2021_joiners_poverty_and_unemployment_carry_the_warning_as_estimated(
    project: Project, estimates: pd.DataFrame
) -> None:
    tests = estimates.query("parameter == 'pre_trends' and row == 'conditional' and design == @LATE")
    p_values = tests.set_index("outcome")["p_value"]
    for outcome, p in p_values.items():
        assert (MOVED_BEFORE["en"] in told(project, estimates, LATE, str(outcome))) == (p < 0.05)
    assert p_values[POVERTY] < 0.05
    assert p_values[UNEMPLOYMENT] < 0.05


@BOTH
@pytest.mark.parametrize(
    ("headline", "later", "warned"),
    [
        ((0.1, 0.9), (-0.2, 0.6), True),
        ((-0.9, -0.1), (-0.6, 0.2), True),
        ((0.1, 0.9), (0.05, 0.6), False),
        ((0.1, 0.9), (-0.6, -0.05), False),
        ((-0.2, 0.9), (-0.2, 0.6), False),
    ],
)
def test_an_effect_that_vanishes_from_2020_on_is_told_as_a_shock(
    project: Project,
    estimates: pd.DataFrame,
    language: Language,
    headline: tuple[float, float],
    later: tuple[float, float],
    warned: bool,
) -> None:
    table = edited(estimates, LATE, UNEMPLOYMENT, {"conditional": headline, "base_2020": later})
    assert (SHOCK[language] in told(project, table, LATE, UNEMPLOYMENT, language)) == warned


def test_the_shock_s_warning_gives_the_figure_counted_from_2020(
    project: Project, estimates: pd.DataFrame
) -> None:
    table = edited(estimates, LATE, UNEMPLOYMENT, {"conditional": (0.1, 0.9), "base_2020": (-0.15, 0.65)})
    assert "counted from 2020 the figure is +0.25 (−0.15 to +0.65) points" in told(
        project, table, LATE, UNEMPLOYMENT
    )


def test_joiners_before_the_shock_have_no_row_from_2020_and_no_such_warning(
    project: Project, estimates: pd.DataFrame, plan: StudyPlan
) -> None:
    table = edited(estimates, EARLY, UNEMPLOYMENT, {"conditional": (0.1, 0.9)})
    caution = shock_caution(
        table,
        design=plan.design(EARLY),
        outcome=plan.outcome(UNEMPLOYMENT),
        labels=Labels(project, "en"),
    )
    assert caution == ""


def test_rows_that_do_not_show_an_effect_are_counted_and_the_furthest_named(
    project: Project, estimates: pd.DataFrame
) -> None:
    rows = {
        "*": (0.1, 0.5),
        "unconditional": (-0.1, 0.5),
        "population_weighted": (-0.9, -0.5),
        "no_neighbours_100km": (1.0, 3.0),
    }
    sentence = told(project, edited(estimates, EARLY, POVERTY, rows), EARLY, POVERTY)
    everyone = n_others(estimates, EARLY, POVERTY)
    assert "0.30 points higher" in sentence
    assert f"2 of {everyone} other rows of the plan do not show it" in sentence
    assert "furthest is “Weighted by population”, −0.70 (−0.90 to −0.50) points" in sentence


def test_rows_that_tell_an_effect_where_the_headline_does_not_are_counted(
    project: Project, estimates: pd.DataFrame
) -> None:
    rows = {
        "*": (-0.5, 0.5),
        "unconditional": (0.1, 0.5),
        "population_weighted": (-0.9, -0.5),
        "to_2024": (-0.6, -0.2),
        "no_neighbours_100km": (-1.0, 6.0),
    }
    sentence = told(project, edited(estimates, EARLY, POVERTY, rows), EARLY, POVERTY)
    everyone = n_others(estimates, EARLY, POVERTY)
    assert UNTOLD in sentence
    assert f"But in 3 of {everyone} other rows of the plan it can be told from zero" in sentence
    assert "furthest is “Weighted by population”, −0.70 (−0.90 to −0.50) points" in sentence


@pytest.mark.parametrize("interval", [(0.1, 0.5), (-0.5, -0.1)])
def test_rows_that_all_read_alike_need_no_caution(
    project: Project, estimates: pd.DataFrame, interval: tuple[float, float]
) -> None:
    sentence = told(project, edited(estimates, EARLY, POVERTY, {"*": interval}), EARLY, POVERTY)
    assert "other rows" not in sentence


def test_an_effect_is_smaller_than_the_margin_only_where_every_row_stays_within(
    project: Project, estimates: pd.DataFrame
) -> None:
    inside = edited(estimates, EARLY, POVERTY, {"*": (-0.2, 0.1)})
    agreed = told(project, inside, EARLY, POVERTY)
    assert SMALL in agreed
    assert OPEN not in agreed
    rows = inside.query(
        "parameter == 'simple' and estimate.notna() and design == @EARLY and outcome == @POVERTY"
    )
    others = [str(row) for row in rows["row"] if row not in ("conditional", "twfe")]
    assert len(others) > 10
    for row in others:
        for outside in ((-0.35, 0.1), (-0.1, 0.35)):
            sentence = told(project, edited(inside, EARLY, POVERTY, {row: outside}), EARLY, POVERTY)
            assert f"1 of {len(others)} {OPEN}" in sentence


def test_an_effect_outside_the_margin_is_not_called_small_though_all_others_are_within(
    project: Project, estimates: pd.DataFrame
) -> None:
    rows = {"*": (-0.2, 0.1), "conditional": (-0.36, 0.01)}
    assert UNTOLD in told(project, edited(estimates, EARLY, POVERTY, rows), EARLY, POVERTY)


def test_what_has_no_estimate_says_why_and_claims_nothing(project: Project, estimates: pd.DataFrame) -> None:
    sentence = told(project, estimates, LATE, "grdp_pc_real")
    assert sentence == "Real GRDP per person: not estimable: the method changed after 2019."
    assert told(project, estimates, "joiners_2024", POVERTY) == (
        "Poverty rate: not yet estimable: data end in 2024."
    )


def test_an_estimate_that_ends_early_says_so(project: Project, estimates: pd.DataFrame) -> None:
    row = average(estimates, design=LATE, row="conditional", outcome="night_light_dn_mean")
    assert row["status"] == "ends:2022"
    assert "Its figures end in 2022." in told(project, estimates, LATE, "night_light_dn_mean")
