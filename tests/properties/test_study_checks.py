"""Checks beside the estimates: each against plain arithmetic, and every row of the plan with an answer or a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from evaluation.impact import Design, aggregate, att_gt
from evaluation.schema import IMPACT_CHECKS, conform
from evaluation.studies import impact_inference, processed, reads, states
from evaluation.studies.contamination import unknown_shares, without_unknown
from evaluation.studies.impact_fits import RowFit, fit_row
from evaluation.studies.impact_inference import CHECKS, FEW_TREATED, inference_checks
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.plain_regression import plain_regression_checks
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project

SAME_ARITHMETIC = 1e-9
"""Two ways to the same numbers, of the size of percentages."""
OUTCOMES = ("poverty_rate", "grdp_pc_real", "mean_years_schooling")
"""Both headline designs have the first and the last; output a head is broken before the second design's first year."""
FEW_PERMUTATIONS = 19
CODES_OF_OTHERS = {
    "unknown_bound",
    "bacon",
    "twfe_negative_weights",
    "pretrend_power",
    "honest_smoothness",
    "honest_relative",
    "breakdown_smoothness",
    "breakdown_relative",
    "placebo_date",
    "without_cohort",
    "without_province",
    "ring",
    "attrition",
    "composition",
    "by_cohort",
    "by_type",
    "by_population",
    "by_island_group",
    "by_baseline",
    "power",
}
REAL_EFFECT, BEFORE, AFTER = 1.0, 2021, 2023


@pytest.fixture(scope="module")
def plan(project: Project) -> StudyPlan:
    """The plan with the three outcomes whose means it conditions on: what is true of them is true of nine."""
    plan = project.study_plan
    return plan.model_copy(update={"outcomes": tuple(plan.outcome(code) for code in OUTCOMES)})


@pytest.fixture(scope="module")
def data(project: Project, plan: StudyPlan) -> StudyData:
    return study_data(project, processed.indicators(project), plan)


@pytest.fixture(scope="module")
def checks(data: StudyData) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impact_inference, "PERMUTATIONS", FEW_PERMUTATIONS)
        table = inference_checks(data)
    table = table.reindex(columns=list(IMPACT_CHECKS.columns)).fillna({"element": "", "status": ""})
    return conform(table, IMPACT_CHECKS)


def fit_of(data: StudyData, design: str, row: str = "conditional") -> RowFit:
    plan = data.plan
    return fit_row(data, design=plan.design(design), row=plan.row(row), outcome=plan.outcome("poverty_rate"))


def one(checks: pd.DataFrame, design: str, check: str, element: str = "") -> pd.Series:
    chosen = checks[
        (checks["design"] == design)
        & (checks["row"] == "conditional")
        & (checks["outcome"] == "poverty_rate")
        & (checks["check"] == check)
        & (checks["element"] == element)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_every_checked_row_has_an_answer_or_a_reason(checks: pd.DataFrame, data: StudyData) -> None:
    plan = data.plan
    asked = [(design.code, "conditional") for design in (*plan.designs, *plan.other_cohorts)]
    asked.append(("joiners_2021", "base_2020"))
    headline = {design.code for design in plan.designs}
    for design, row in asked:
        for outcome in OUTCOMES:
            own = checks[
                (checks["design"] == design) & (checks["row"] == row) & (checks["outcome"] == outcome)
            ]
            expected = {name for name in CHECKS if design in headline or name[0] != "randomisation"}
            found = set(own[["check", "element"]].itertuples(index=False, name=None))
            if expected != found:
                assert expected - found == {("few_treated", "")}
                assert (own["n_treated"] >= FEW_TREATED).all()
            without = own["status"].str.startswith("not_estimable")
            assert (own["p_value"].isna() == without).all()
    assert set(checks["design"]) == {design for design, _ in asked}


@pytest.mark.parametrize("design", ["joiners_2017_2018", "joiners_2021"])
def test_equivalence_is_two_one_sided_tests_against_the_margin(
    checks: pd.DataFrame, data: StudyData, design: str
) -> None:
    overall, margin = fit_of(data, design).average.overall, data.plan.outcome("poverty_rate").margin
    row = one(checks, design, "equivalence")
    estimate, error = float(overall["estimate"]), float(overall["std_error"])
    p = max(1 - norm.cdf((estimate + margin) / error), norm.cdf((estimate - margin) / error))
    assert row["p_value"] == pytest.approx(p, abs=SAME_ARITHMETIC)
    reach = norm.ppf(0.95) * error
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((estimate - reach, estimate + reach))
    inside, told = (
        -margin < row["conf_low"] and row["conf_high"] < margin,
        abs(estimate) > norm.ppf(0.975) * error,
    )
    words = {(True, False): "equivalent", (False, True): "told_from_zero", (True, True): "both"}
    assert row["status"] == words.get((inside, told), "undecided")


@pytest.mark.parametrize("design", ["joiners_2017_2018", "joiners_2021"])
def test_the_jackknife_sums_what_each_province_moves(
    checks: pd.DataFrame, data: StudyData, design: str
) -> None:
    average = fit_of(data, design).average
    province = data.units["province"].reindex(average.units.astype(str))
    groups = province.nunique()
    squares = 0.0
    for name in sorted(province.unique()):
        inside = (province == name).to_numpy()
        moved = average.influence[inside, 0].sum() / len(average.units)
        squares += (moved / (1 - average.treated_weights[inside, 0].sum())) ** 2
    error = np.sqrt((groups - 1) / groups * squares)
    row = one(checks, design, "jackknife_province")
    assert row["std_error"] == pytest.approx(error, rel=SAME_ARITHMETIC)
    assert row["estimate"] == pytest.approx(average.overall["estimate"], rel=SAME_ARITHMETIC)
    statistic = abs(row["estimate"]) / error
    assert row["p_value"] == pytest.approx(2 * t.sf(statistic, groups - 1), rel=1e-6)


@pytest.mark.parametrize("design", ["joiners_2017_2018", "joiners_2021"])
def test_the_regressions_checks_answer_for_one_estimate(checks: pd.DataFrame, design: str) -> None:
    small, wild = one(checks, design, "cr2_province"), one(checks, design, "wild_province", "etwfe")
    assert small["estimate"] == pytest.approx(wild["estimate"], abs=1e-6)
    assert small["conf_low"] < small["estimate"] < small["conf_high"]
    own = one(checks, design, "wild_province")
    assert own["estimate"] == pytest.approx(
        one(checks, design, "equivalence")["estimate"], abs=SAME_ARITHMETIC
    )
    assert own["conf_low"] < own["estimate"] < own["conf_high"]


def contaminated_panel(n_unknown: int, n_control: int, n_treated: int = 5) -> pd.DataFrame:
    """Regions that differ in level and share the years' changes; unknown participants lie among the controls."""
    rows = []
    for unit in range(n_treated + n_control):
        treated = unit < n_treated
        moved = treated or unit < n_treated + n_unknown
        for year in range(2018, 2025):
            effect = REAL_EFFECT if moved and year >= AFTER else 0.0
            noise = 0.01 * ((unit * 7 + year * 3) % 5 - 2) * (year < BEFORE)
            rows.append((f"r{unit}", year, AFTER if treated else np.nan, unit + 0.3 * year + effect + noise))
    return pd.DataFrame(rows, columns=["region_code", "year", "cohort", "value"])


@pytest.mark.parametrize("n_unknown", [0, 3, 10])
def test_the_bound_gives_back_the_effect_that_unknown_participants_hide(
    plan: StudyPlan, n_unknown: int
) -> None:
    design = Design(
        outcome="value",
        unit="region_code",
        time="year",
        cohort="cohort",
        anticipation=1,
        base_period="universal",
    )
    result = att_gt(contaminated_panel(n_unknown, 40), design)
    seen = aggregate(result, "simple").overall
    assert seen["estimate"] == pytest.approx(REAL_EFFECT * (1 - n_unknown / 40), abs=SAME_ARITHMETIC)
    unknown = plan.unknown_participants.model_copy(
        update={"missing_from_rosters": n_unknown, "from_year": AFTER}
    )
    shares = unknown_shares(result, plan.model_copy(update={"unknown_participants": unknown}))
    bounded = aggregate(without_unknown(result, shares), "simple").overall
    assert bounded["estimate"] == pytest.approx(REAL_EFFECT, abs=SAME_ARITHMETIC)
    assert (shares[result.table["year"] < AFTER] == 0).all()


def test_the_bound_is_asked_of_years_that_unknown_participants_reach(
    plan: StudyPlan, data: StudyData
) -> None:
    result = fit_of(data, "joiners_2021").answer
    shares = pd.Series(unknown_shares(result, plan), index=result.table["year"])
    n_control = result.table.set_index("year")["n_control"]
    unknown = plan.unknown_participants
    assert unknown.from_year == 2023
    assert (shares[shares.index < unknown.from_year] == 0).all()
    for year in (2023, 2024):
        assert shares[year] == pytest.approx(unknown.missing_from_rosters / n_control[year])
        assert 0.1 < shares[year] < 0.25


def test_parts_of_the_plain_regression_add_up_and_are_it_where_regions_are_complete(data: StudyData) -> None:
    table = plain_regression_checks(data)
    table = table[table["outcome"] == "poverty_rate"]
    for design in data.plan.designs:
        own = table[(table["design"] == design.code) & (table["check"] == "bacon")].set_index("element")
        parts, whole = own.drop(index=""), own.loc[""]
        assert parts["share"].sum() == pytest.approx(1, abs=SAME_ARITHMETIC)
        assert (parts["share"] @ parts["estimate"]) == pytest.approx(whole["estimate"], abs=SAME_ARITHMETIC)
        forbidden = parts.loc[parts.index.isin(["later_vs_earlier", "later_vs_always"]), "share"].sum()
        assert whole["share"] == pytest.approx(forbidden, abs=SAME_ARITHMETIC)
        weights = table[(table["design"] == design.code) & (table["check"] == "twfe_negative_weights")].iloc[
            0
        ]
        assert weights["estimate"] == pytest.approx(
            fit_of(data, design.code, "twfe").average.overall["estimate"], abs=SAME_ARITHMETIC
        )
        assert 0 <= weights["share"] <= 1


@pytest.mark.slow
def test_the_kept_table_has_every_check_and_a_page_may_read_one_designs_part(project: Project) -> None:
    """Builds the whole table once: half a minute where it is not kept already."""
    table = processed.impact_checks(project)
    assert set(table["check"]) >= {check for check, _ in CHECKS} | CODES_OF_OTHERS
    assert not table.duplicated(list(IMPACT_CHECKS.key)).any()
    plan = project.study_plan
    assert set(table["design"]) >= {design.code for design in (*plan.designs, *plan.other_cohorts)}
    numbers = table[["estimate", "std_error", "p_value", "share", "n_units", "n_treated"]]
    without = table["status"].str.startswith("not_estimable")
    assert numbers[~without].notna().any(axis=1).all()
    reads.begin()
    part = processed.design_checks(project, "joiners_2021")
    noted = reads.recorded()
    pd.testing.assert_frame_equal(
        part.reset_index(drop=True), table[table["design"] == "joiners_2021"].reset_index(drop=True)
    )
    assert set(noted) == {"impact_checks:joiners_2021"}
    assert states.current(project, noted) == noted
