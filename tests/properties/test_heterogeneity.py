"""Effects of groups of joiners: made-up differences are given back, equal effects are called equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import aggregate
from evaluation.studies import processed
from evaluation.studies.heterogeneity import (
    CHECKS,
    EQUALITY,
    MIN_TREATED,
    effects_by_groups,
    heterogeneity_checks,
)
from evaluation.studies.impact_fits import fit_row
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.project import Project

YEARS = np.arange(2010, 2025)
NOISE = 0.1
"""Standard deviation of a made-up figure around its region's level and its year."""
FAR = 4.0
"""Standard errors within which a true value must lie: one false alarm in 16,000."""
SAME = 1e-9
"""Two ways through the same arithmetic on percentages."""
CAPACITY = "joiners_2017_2018"
MADE_UP = "poverty_rate"
REPLICATIONS = 200
SIZE_ERROR = 0.062
"""Four Monte Carlo errors of a share of 5% in that many replications."""


@pytest.fixture(scope="module")
def real(project: Project) -> StudyData:
    return study_data(project, processed.indicators(project), project.study_plan)


@pytest.fixture(scope="module")
def checks(real: StudyData) -> pd.DataFrame:
    return heterogeneity_checks(replace(real, fits={}, tables={}))


def made_up(real: StudyData, effect: Callable[[pd.DataFrame], pd.Series], *, seed: int = 3) -> StudyData:
    """Return the study with made-up poverty: level, year and noise, after joining an effect."""
    rng = np.random.default_rng(seed)
    codes = real.units.index
    table = pd.DataFrame({"region_code": np.repeat(codes, len(YEARS)), "year": np.tile(YEARS, len(codes))})
    table["value"] = np.repeat(rng.normal(12, 3, len(codes)), len(YEARS)) + rng.normal(0, NOISE, len(table))
    table["window"] = 2010
    traits = table.join(real.units.drop(columns=["year"], errors="ignore"), on="region_code")
    after = traits["joined"].notna() & (traits["year"] > traits["joined"])
    table["value"] += (effect(traits) * after).to_numpy()
    return replace(real, figures={**real.figures, MADE_UP: table}, fits={}, tables={})


def groups(data: StudyData, check: str, row: str = "conditional", design: str = CAPACITY) -> pd.DataFrame:
    plan = data.plan
    fit = fit_row(data, design=plan.design(design), row=plan.row(row), outcome=plan.outcome(MADE_UP))
    found = pd.DataFrame(list(effects_by_groups(data, fit)))
    return found[found["check"] == check].set_index("element")


@pytest.mark.parametrize("row", ["conditional", "population_weighted"])
def test_different_effects_are_given_back_and_told_apart(real: StudyData, row: str) -> None:
    data = made_up(real, lambda traits: np.where(traits["is_city"] == 1, 1.0, -1.0))
    found = groups(data, "by_type", row)
    for element, truth in {"kota": 1.0, "kabupaten": -1.0}.items():
        assert abs(found.loc[element, "estimate"] - truth) < FAR * found.loc[element, "std_error"]
    assert found.loc[EQUALITY, "p_value"] < 1e-6


def test_different_effects_by_island_and_cohort_are_given_back(real: StudyData) -> None:
    islands = {"Java_Bali": 2.0, "Sumatra": 0.5}
    data = made_up(
        real, lambda traits: traits["island_group"].map(islands).fillna(0) + (traits["joined"] == 2018)
    )
    by_island = groups(data, "by_island_group")
    sizes = real.units[real.units["joined"].isin([2017, 2018])].groupby(["island_group", "joined"]).size()
    for island, effect in islands.items():
        # years to 2019: the 2017 joiners have two, the 2018 joiners one
        first, second = 2 * sizes[island, 2017], sizes[island, 2018]
        truth = effect + second / (first + second)
        row = by_island.loc[island]
        assert abs(row["estimate"] - truth) < FAR * row["std_error"]
    assert by_island.loc["Kalimantan", "status"] == "not_estimable:too_few_treated:2024"


def test_a_group_is_the_design_without_the_other_joiners(real: StudyData, checks: pd.DataFrame) -> None:
    """No 2018 joiner is a clean control of a 2017 joiner in a year of effect, so that leaving it out is the same."""
    kota = real.units["joined"].isin([2017, 2018]) & (real.units["is_city"] == 0)
    others = replace(real, units=real.units[~kota], fits={}, tables={})
    plan = real.plan
    for outcome in ("poverty_rate", "hdi"):
        fit = fit_row(
            others, design=plan.design(CAPACITY), row=plan.row("conditional"), outcome=plan.outcome(outcome)
        )
        expected = fit.average.overall
        kept = (checks["outcome"] == outcome) & (checks["row"] == "conditional")
        kept &= (
            (checks["check"] == "by_type") & (checks["element"] == "kota") & (checks["design"] == CAPACITY)
        )
        found = checks[kept].iloc[0]
        assert found["estimate"] == pytest.approx(expected["estimate"], abs=SAME)
        # the share of a cohort among all regions is estimated from as many regions more
        assert found["std_error"] == pytest.approx(expected["std_error"], rel=1e-3)
        assert found["n_treated"] == expected["n_treated"]
        assert found["n_control"] == expected["n_control"]


def test_effects_by_cohort_average_to_the_headline(real: StudyData, checks: pd.DataFrame) -> None:
    plan = real.plan
    fit = fit_row(
        replace(real, fits={}, tables={}),
        design=plan.design(CAPACITY),
        row=plan.row("conditional"),
        outcome=plan.outcome(MADE_UP),
    )
    kept = (checks["design"] == CAPACITY) & (checks["row"] == "conditional") & (checks["outcome"] == MADE_UP)
    found = checks[kept & (checks["check"] == "by_cohort")].set_index("element")
    weights = found.loc[["2017", "2018"], "n_treated"] * [2, 1]
    average = np.average(found.loc[["2017", "2018"], "estimate"], weights=weights)
    assert average == pytest.approx(fit.average.overall["estimate"], abs=SAME)


def test_joiners_set_aside_stay_controls_while_they_are_clean(real: StudyData) -> None:
    """Without anticipation the 2018 joiners are controls of the 2017 joiners in 2018."""
    plan = real.plan
    row = plan.row("conditional").model_copy(update={"code": "at_once", "anticipation": 0})
    fresh = replace(real, fits={}, tables={})
    fit = fit_row(fresh, design=plan.design(CAPACITY), row=row, outcome=plan.outcome(MADE_UP))
    found = pd.DataFrame(list(effects_by_groups(fresh, fit)))
    found = found[found["check"] == "by_cohort"].set_index("element")
    expected = aggregate(fit.answer, "group").elements.set_index("cohort")
    for joined in (2017, 2018):
        assert found.loc[str(joined), "estimate"] == pytest.approx(
            expected.loc[joined + 1, "estimate"], abs=SAME
        )
        assert found.loc[str(joined), "n_control"] == expected.loc[joined + 1, "n_control"]


def test_a_bad_year_that_passes_is_no_effect_on_those_who_had_it(real: StudyData) -> None:
    """Who stood high in the base year by chance falls back, whether it joined or not."""
    data = made_up(real, lambda traits: pd.Series(0.0, index=traits.index))
    figures = data.figures[MADE_UP]
    third = np.random.default_rng(8).permutation(np.arange(len(real.units)) % 3) - 1
    chance = figures["region_code"].map(pd.Series(20.0 * third, index=real.units.index))
    chance *= figures["year"] == 2019
    passing = {**data.figures, MADE_UP: figures.assign(value=figures["value"] + chance)}
    passed = replace(data, figures=passing, fits={}, tables={})
    found = groups(passed, "by_baseline", design="joiners_2021")
    for row in found.drop(index=EQUALITY).dropna(subset="estimate").to_dict("records"):
        assert abs(row["estimate"]) < FAR * row["std_error"]
        assert row["std_error"] < 1
    assert found["estimate"].notna().sum() >= 3  # two groups and the test of them


def test_every_outcome_has_every_check_and_small_groups_a_reason(
    real: StudyData, checks: pd.DataFrame
) -> None:
    expected = {
        (design.code, row, outcome.indicator, check)
        for design in real.plan.designs
        for row in ("conditional", "population_weighted")
        for outcome in real.plan.outcomes
        for check in CHECKS
    }
    keys = checks[["design", "row", "outcome", "check"]].drop_duplicates()
    assert set(keys.itertuples(index=False, name=None)) == expected
    assert not checks.duplicated(["design", "row", "outcome", "check", "element"]).any()
    effects = checks[checks["element"] != EQUALITY]
    estimated = effects["estimate"].notna()
    assert (effects.loc[estimated, "n_treated"] >= MIN_TREATED).all()
    assert effects.loc[~estimated, "status"].str.startswith("not_estimable:").all()
    assert (~effects.loc[estimated, "status"].str.startswith("not_estimable:")).all()


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg(checks: pd.DataFrame) -> None:
    is_equality = checks["element"] == EQUALITY
    for _, family in checks.groupby(["design", "row", is_equality]):
        known = family[family["p_value"].notna()].sort_values("p_value")
        p_values = known["p_value"].tolist()
        slow = [
            min(
                1.0,
                min(p_values[later] * len(p_values) / (later + 1) for later in range(place, len(p_values))),
            )
            for place in range(len(p_values))
        ]
        assert known["p_adjusted"].tolist() == pytest.approx(slow)
        assert family.loc[family["p_value"].isna(), "p_adjusted"].isna().all()


def test_classes_are_thirds_of_all_regions_of_the_study_in_the_base_year(
    real: StudyData, checks: pd.DataFrame
) -> None:
    figures = real.figures[MADE_UP]
    base = (
        figures[figures["year"] == 2016].set_index("region_code")["value"].reindex(real.units.index).dropna()
    )
    third = base.rank(method="max") / len(base)
    joiners = real.units.index[real.units["joined"].isin([2017, 2018])]
    kept = (checks["design"] == CAPACITY) & (checks["row"] == "conditional") & (checks["outcome"] == MADE_UP)
    found = checks[kept & (checks["check"] == "by_baseline")].set_index("element")
    low = (third.reindex(joiners) <= 1 / 3).sum()
    assert abs(found.loc["low", "n_treated"] - low) <= 1  # a joiner on the bound


def test_the_order_of_regions_does_not_matter(real: StudyData, checks: pd.DataFrame) -> None:
    shuffled = replace(
        real,
        figures={code: table.sample(frac=1, random_state=5) for code, table in real.figures.items()},
        units=real.units.sample(frac=1, random_state=6),
        fits={},
        tables={},
    )
    found = heterogeneity_checks(shuffled)
    pd.testing.assert_frame_equal(found, checks, check_exact=False, rtol=1e-6, atol=SAME)


@pytest.mark.slow
def test_the_test_of_equality_rejects_one_in_twenty_when_all_effects_are_equal(real: StudyData) -> None:
    """Groups share controls, and so are not independent."""
    rejected = []
    for seed in range(REPLICATIONS):
        data = made_up(real, lambda traits: pd.Series(0.5, index=traits.index), seed=100 + seed)
        rejected.append(groups(data, "by_cohort").loc[EQUALITY, "p_value"] < 0.05)
    assert np.mean(rejected) == pytest.approx(0.05, abs=SIZE_ERROR)
