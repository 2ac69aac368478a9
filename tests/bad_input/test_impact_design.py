"""A wrong design or panel stops at the door, with every fault; what has no estimate is listed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import BadInputError, UsageError
from evaluation.impact import AttGtResult, Design, aggregate, att_gt, pre_trend_test, run_did, write_did

DESIGN = Design(outcome="poverty_rate", unit="region_code", time="year", cohort="cohort")


def make_panel(cohorts: dict[int, int], *, years: range = range(2014, 2022), seed: int = 1) -> pd.DataFrame:
    """A panel with so many regions per cohort (0 = never treated)."""
    rng = np.random.default_rng(seed)
    codes = [(cohort, number) for cohort, size in cohorts.items() for number in range(size)]
    rows = [
        {"region_code": f"{1000 + place}", "year": year, "cohort": cohort, "poverty_rate": rng.normal(10, 2)}
        for place, (cohort, _) in enumerate(codes)
        for year in years
    ]
    return pd.DataFrame(rows)


PANEL = make_panel({0: 12, 2018: 6, 2019: 5})


def faults(panel: pd.DataFrame, design: Design) -> str:
    with pytest.raises(BadInputError) as caught:
        att_gt(panel, design)
    assert caught.value.exit_code == 3
    return str(caught.value)


def reasons(result: AttGtResult) -> dict[int, set[str]]:
    return result.not_estimable.groupby("cohort")["reason"].agg(set).to_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control_group": "treated"}, "control_group must be one of never_treated, not_yet_treated"),
        ({"estimator": "magic"}, "estimator must be one of dr, reg, ipw"),
        ({"base_period": "long"}, "base_period must be one of varying, universal"),
        ({"anticipation": -1}, "anticipation must be 0 or more"),
        ({"anticipation": 0.5}, "anticipation must be 0 or more"),
        ({"covariates": "is_city"}, "covariates must be a list"),
        ({"covariates": ("is_city", "is_city")}, "name a column twice"),
        ({"cohorts": ()}, "cohorts must be a list of at least one year"),
        ({"cohort": "year"}, "must be four columns"),
        ({"end_year": "2019"}, "end_year must be a year"),
    ],
)
def test_an_option_that_does_not_exist_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(DESIGN, **changes)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        replace(DESIGN, control_group="treated", estimator="magic", anticipation=-1)
    assert str(caught.value).count("must be") == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda result: aggregate(result, "weekly"), "kind must be one of"),
        (lambda result: aggregate(result, "simple", balanced_to=1), "balanced_to belongs to the dynamic"),
        (lambda result: aggregate(result, "simple", years=(1990, 1991)), "nothing to average"),
        (lambda result: aggregate(result, "group", band="wide"), "band must be one of"),
        (lambda result: aggregate(result, "group", level=95), "level must lie between 0 and 1"),
        (lambda result: aggregate(result, "group", draws=0), "draws must be 1 or more"),
        (lambda result: aggregate(result, "group", multiplier="normal"), "multiplier must be one of"),
        (lambda result: pre_trend_test(result, window="all"), "window must be one of"),
    ],
)
def test_options_of_later_steps_are_checked(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(att_gt(PANEL, DESIGN))


def test_every_fault_of_the_columns_is_told_at_once() -> None:
    panel = PANEL.astype({"poverty_rate": object, "cohort": float})
    panel.loc[0, "poverty_rate"] = "high"
    panel.loc[3, "cohort"] = 2017.5
    panel["population"] = -1.0
    panel["clean"] = "perhaps"
    panel["income"] = np.nan
    panel["province"] = None
    panel = pd.concat([panel, panel.iloc[[40]]], ignore_index=True)
    design = replace(
        DESIGN, weights="population", eligible_control="clean", covariates=("income",), clusters="province"
    )
    message = faults(panel, design)
    for told in ("'high'", "2017.5", "-1.0", "'perhaps'", "every value is missing", "province", "2 rows"):
        assert told in message


def test_a_bad_year_does_not_hide_other_faults() -> None:
    panel = PANEL.astype({"year": float}).assign(population=-1.0)
    panel.loc[5, "year"] = np.nan
    message = faults(panel, replace(DESIGN, weights="population"))
    assert "year, row 6" in message
    assert "population, row 1: got" in message


def test_missing_columns_do_not_hide_other_faults() -> None:
    panel = PANEL.drop(columns="poverty_rate").assign(population=-1.0)
    message = faults(panel, replace(DESIGN, covariates=("income",), weights="population"))
    assert "column poverty_rate: is not in the panel" in message
    assert "column income: is not in the panel" in message
    assert "population, row 1: got" in message


def test_what_cannot_be_compared_is_told_with_the_faults_of_columns() -> None:
    """A wrong weight hides neither a cohort that is absent, nor one without a base year, nor missing controls."""
    panel = make_panel({2014: 4, 2019: 5}).assign(population=-1.0)
    message = faults(panel, replace(DESIGN, weights="population", cohorts=(2014, 2019, 2030)))
    for told in ("population, row 1: got", "2030 is not in the panel", "data begin in 2014"):
        assert told in message
    assert "no unit is a clean control" in message
    message = faults(PANEL.assign(cohort=0, population=-1.0), replace(DESIGN, weights="population"))
    assert "population, row 1: got" in message
    assert "no unit is ever treated" in message
    message = faults(PANEL[PANEL["year"] == 2018], replace(DESIGN, cohorts=(2030,)))
    assert "fewer than two years" in message
    assert "2030 is not in the panel" in message


def test_a_fault_does_not_bring_others_that_only_follow_from_it() -> None:
    """A cohort that cannot be read is not told again as nobody treated; nor an outcome as too few years."""
    unread = PANEL.astype({"cohort": object}).assign(cohort="soon")
    assert "no unit is ever treated" not in faults(unread, DESIGN)
    words = PANEL.astype({"poverty_rate": object}).assign(poverty_rate="high")
    assert "two years" not in faults(words, DESIGN)


def test_a_missing_column_does_not_hide_that_nobody_is_treated() -> None:
    message = faults(PANEL.assign(cohort=0), replace(DESIGN, covariates=("income",)))
    assert "column income: is not in the panel" in message
    assert "no unit is ever treated" in message


@pytest.mark.parametrize("column", ["cohort", "clean", "population", "province"])
def test_what_belongs_to_a_unit_must_not_vary_within_it(column: str) -> None:
    panel = PANEL.assign(clean=True, population=1.0, province=11)
    panel.loc[2, column] = {"cohort": 2019, "clean": False, "population": 2.0, "province": 12}[column]
    design = replace(DESIGN, eligible_control="clean", weights="population", clusters="province")
    assert f"{column} of region_code 1000: differs between years" in faults(panel, design)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"year": 2014.5}, "year, row 1"),
        ({"year": np.nan}, "year, row 1"),
        ({"year": "next"}, "year, row 1"),
        ({"region_code": None}, "region_code, row 1"),
        ({"poverty_rate": np.inf}, "poverty_rate, row 1"),
        ({"cohort": -5}, "cohort, row 1"),
        ({"cohort": "soon"}, "cohort, row 1"),
    ],
)
def test_a_bad_entry_is_named_by_its_row(changes: dict[str, object], told: str) -> None:
    panel = PANEL.astype(object)
    for column, value in changes.items():
        panel.loc[0, column] = value
    assert told in faults(panel, DESIGN)


def test_a_text_with_too_many_levels_is_no_category() -> None:
    panel = make_panel({0: 60, 2018: 6})
    message = faults(panel.assign(name=panel["region_code"] + "x"), replace(DESIGN, covariates=("name",)))
    assert "66 different texts" in message


def test_all_outcomes_missing() -> None:
    assert "every value is missing" in faults(PANEL.assign(poverty_rate=np.nan), DESIGN)


def test_an_empty_panel() -> None:
    assert "the panel has no rows" in faults(PANEL.iloc[:0], DESIGN)


def test_one_year_is_no_change() -> None:
    assert "fewer than two years" in faults(PANEL[PANEL["year"] == 2018], DESIGN)
    assert "fewer than two years" in faults(PANEL, replace(DESIGN, end_year=2014))


def test_nobody_treated() -> None:
    assert "no unit is ever treated" in faults(PANEL.assign(cohort=0), DESIGN)


def test_a_cohort_that_is_not_in_the_panel() -> None:
    message = faults(PANEL, replace(DESIGN, cohorts=(2018, 2020)))
    assert "2020 is not in the panel" in message
    assert "choose from: [2018, 2019]" in message


def test_a_wanted_cohort_that_is_always_treated() -> None:
    panel = make_panel({0: 10, 2014: 5, 2018: 5})
    assert "cohort 2014" in faults(panel, replace(DESIGN, cohorts=(2014, 2018)))
    assert "data begin in 2014" in faults(make_panel({0: 10, 2014: 5}), DESIGN)


def test_no_clean_control_left() -> None:
    assert "no unit is a clean control" in faults(make_panel({2018: 6}), DESIGN)
    barred = PANEL.assign(clean=False)
    assert "no unit is a clean control" in faults(barred, replace(DESIGN, eligible_control="clean"))


def test_a_cohort_in_the_first_year_is_left_out_and_listed() -> None:
    result = att_gt(make_panel({0: 10, 2014: 5, 2018: 5}), DESIGN)
    assert len(result.units) == 15
    assert reasons(result) == {2014: {"always_treated"}}
    assert [note.code for note in result.notes] == ["always_treated"]
    assert "5 units are treated" in str(result.notes[0])


def test_a_cohort_beyond_the_data_is_listed_with_the_last_year() -> None:
    result = att_gt(make_panel({0: 10, 2018: 5, 2025: 4}), DESIGN)
    row = result.not_estimable.iloc[0]
    assert (row["cohort"], row["reason"], row["last_year"]) == (2025, "beyond_data", 2021)
    assert row["n_treated"] == 4
    assert set(result.table["cohort"]) == {2018}
    assert (result.table["n_control"] == 14).all()


def test_only_cohorts_beyond_the_data_write_empty_averages(tmp_path: Path) -> None:
    study = run_did(make_panel({0: 10, 2025: 4}), DESIGN)
    assert study.att_gt.tidy().empty
    write_did(study, tmp_path)
    assert pd.read_csv(tmp_path / "att_gt.csv").empty
    assert pd.read_csv(tmp_path / "group.csv").columns[0] == "cohort"
    described = json.loads((tmp_path / "design.json").read_text())
    assert described["not_estimable"][0]["reason"] == "beyond_data"


def test_end_year_makes_later_cohorts_controls() -> None:
    panel = make_panel({0: 10, 2018: 5, 2021: 4})
    result = att_gt(panel, replace(DESIGN, end_year=2019))
    assert result.table["year"].max() == 2019
    assert reasons(result) == {2021: {"beyond_data"}}
    never = att_gt(panel, replace(DESIGN, end_year=2019, control_group="never_treated"))
    assert (never.table["n_control"] == 14).all()
    assert "as_if_never" in [note.code for note in never.notes]


def test_one_treated_region_has_no_standard_error() -> None:
    result = att_gt(make_panel({0: 10, 2018: 1, 2019: 5}), DESIGN)
    assert reasons(result) == {2018: {"too_few_treated"}}
    assert set(result.table["cohort"]) == {2019}


def test_no_never_treated_leaves_the_last_cohort_without_controls() -> None:
    result = att_gt(make_panel({2018: 6, 2020: 6}), DESIGN)
    last = result.not_estimable
    assert set(last["reason"]) == {"no_control"}
    assert last[last["cohort"] == 2018]["year"].tolist() == [2020, 2021]
    assert last[last["cohort"] == 2020]["year"].tolist() == [2018, 2019, 2020, 2021]
    assert result.table[result.table["event_time"] >= 0]["year"].tolist() == [2018, 2019]


def test_two_periods_and_one_cohort() -> None:
    result = att_gt(make_panel({0: 8, 2015: 5}, years=range(2014, 2016)), DESIGN)
    assert result.table[["cohort", "year", "base_year"]].to_numpy().tolist() == [[2015, 2015, 2014]]
    assert pre_trend_test(result).reason == "no_cells"


def test_an_absent_base_year_falls_back_and_says_so() -> None:
    panel = make_panel({0: 10, 2018: 5})
    for gap in (
        panel[panel["year"] != 2016],
        panel.assign(poverty_rate=panel["poverty_rate"].where(panel["year"] != 2016)),
    ):
        result = att_gt(gap, replace(DESIGN, anticipation=1))
        after = result.table[result.table["event_time"] >= 0]
        assert set(after["base_year"]) == {2015}
        assert after["base_fell_back"].all()
        assert "Cohort 2018: 2016 is not in the data; 2015 is the base year instead." in map(
            str, result.notes
        )


def test_missing_covariates_are_counted() -> None:
    panel = PANEL.assign(income=PANEL["poverty_rate"] * 2)
    panel["income"] = panel.groupby("region_code")["income"].transform("mean")
    panel.loc[panel["region_code"] == "1000", "income"] = np.nan
    result = att_gt(panel, replace(DESIGN, covariates=("income",), estimator="reg"))
    note = next(note for note in result.notes if note.code == "covariate_missing")
    assert str(note).startswith("1 units lack a covariate")
    assert str(note).endswith("it serves: 1000.")
    whole = att_gt(PANEL, DESIGN).table
    assert (whole["n_control"] - result.table["n_control"] == 1).all()


def test_units_never_observed_are_counted() -> None:
    gone = PANEL["region_code"] == "1001"
    result = att_gt(PANEL.assign(poverty_rate=PANEL["poverty_rate"].mask(gone)), DESIGN)
    assert len(result.units) == PANEL["region_code"].nunique() - 1
    assert "never_observed" in [note.code for note in result.notes]


def test_covariates_collinear_among_controls() -> None:
    panel = PANEL.assign(city=((PANEL["cohort"] == 2018) & (PANEL["region_code"].str.endswith("3"))))
    result = att_gt(panel, replace(DESIGN, covariates=("city",), estimator="reg"))
    assert reasons(result)[2018] == {"singular_covariates"}


def test_gap_years_and_text_names_give_known_effects_back() -> None:
    """+0.5 in one cohort, -0.5 in another, without noise."""
    panel = make_panel({0: 8, 2018: 5, 2019: 5})
    panel = panel[panel["year"] != 2017]
    effect = panel["cohort"].map({0: 0.0, 2018: 0.5, 2019: -0.5}) * (panel["year"] >= panel["cohort"])
    panel["poverty_rate"] = panel["region_code"].astype(int) + 0.1 * panel["year"] + effect
    table = att_gt(panel.assign(region_code="R" + panel["region_code"]), DESIGN).tidy()
    after = table[table["event_time"] >= 0]
    assert after.loc[after["cohort"] == 2018, "estimate"].to_numpy() == pytest.approx(0.5)
    assert after.loc[after["cohort"] == 2019, "estimate"].to_numpy() == pytest.approx(-0.5)
    assert table.loc[table["event_time"] < 0, "estimate"].to_numpy() == pytest.approx(0.0, abs=1e-9)
