"""Every step of the ASEM index, against the R package COINr 1.1.14 (Becker et al. 2022, doi:10.21105/joss.04567)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from asem import FOLDER, LEVELS, elements, largest_difference, spec, table

from evaluation.index import Goalposts, IndexResult, IndexSpec, build_index, spec_from_mapping
from evaluation.index.denominate import denominate
from evaluation.index.impute import impute
from evaluation.index.normalise import normalise
from evaluation.index.outliers import log_transform, shape_of, winsorise
from evaluation.index.screen import screen
from evaluation.index.treat import treat

RELATIVE_TOLERANCE = 1e-12
"""The reference prints 17 digits; sums of a few dozen terms in another order. Found: below 2e-13 (z-scores near 0)."""

POINT_NAMES = {"high": "winhi", "low": "winlo", "": ""}
TESTED = {
    "steps": {
        "00_lineage",
        "00_raw",
        "00_weights_original",
        "01_denominated",
        "02_imputed_groupmean",
        "03_screened",
        "04_treat_details",
        "04_treated",
        "04_treated_points",
        "05_normalised_minmax0_100",
        "06_aggregated_amean",
        "07_groupranks_eurasia",
        "07_ranks",
        "07_results",
    },
    "variants": {
        "agg_amean",
        "agg_copeland_all_levels",
        "agg_gmean",
        "agg_hmean",
        "agg_input_minmax_1_100",
        "impute_i_mean",
        "impute_i_median_grp",
        "norm_goalposts_bounds",
        "norm_goalposts_raw_trunc",
        "norm_minmax_1_100",
        "norm_prank",
        "norm_rank",
        "norm_zscore_0_1",
        "screen_denominated_byNA_0.9",
        "treat_winmax5",
    },
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return table("input/iData.csv")


@pytest.fixture(scope="module")
def result(data: pd.DataFrame) -> IndexResult:
    return build_index(data, spec())


@pytest.fixture(scope="module")
def denominated(data: pd.DataFrame) -> pd.DataFrame:
    return denominate(data, spec()).data


@pytest.fixture(scope="module")
def treated() -> pd.DataFrame:
    return table("steps/04_treated.csv")


def assert_equal(ours: pd.DataFrame, name: str) -> None:
    assert largest_difference(ours, table(name)) <= RELATIVE_TOLERANCE


def test_every_file_of_steps_and_variants_is_tested(data: pd.DataFrame) -> None:
    for folder, names in TESTED.items():
        assert {path.stem for path in (FOLDER / folder).glob("*.csv")} == names


def test_hierarchy_and_weights_from_the_metadata_table() -> None:
    ours = spec()
    lineage = table("steps/00_lineage.csv", index=None)
    assert {ours.lineage(row[0]) for row in lineage.itertuples(index=False)} == set(
        lineage.itertuples(index=False, name=None)
    )
    weights = table("steps/00_weights_original.csv", index="iCode")
    assert {element.code: element.weight for element in ours.elements} == weights["Weight"].to_dict()
    assert {element.code: element.level for element in ours.elements} == {
        code: LEVELS[number - 1] for code, number in weights["Level"].items()
    }


def test_raw_values_are_those_of_the_data_table(result: IndexResult) -> None:
    assert_equal(result.steps["raw"], "steps/00_raw.csv")


def test_denominated_by_area_energy_gdp_and_population(denominated: pd.DataFrame) -> None:
    assert_equal(denominated, "steps/01_denominated.csv")


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ({"method": "group_mean", "group": "EurAsia_group"}, "steps/02_imputed_groupmean.csv"),
        ({"method": "mean"}, "variants/impute_i_mean.csv"),
        ({"method": "group_median", "group": "EurAsia_group"}, "variants/impute_i_median_grp.csv"),
    ],
)
def test_imputed(data: pd.DataFrame, denominated: pd.DataFrame, step: dict[str, Any], name: str) -> None:
    ours = impute(denominated, spec(impute=step), groups=data)
    assert_equal(ours.data, name)
    assert ours.flags.sum().sum() == denominated.isna().sum().sum() == 65


def test_screened_after_imputing_leaves_out_nobody(data: pd.DataFrame, denominated: pd.DataFrame) -> None:
    filled = impute(denominated, spec(), groups=data).data
    assert_equal(screen(filled, spec(screen={"min_availability": 0.9})).data, "steps/03_screened.csv")


def test_screened_before_imputing_by_missing_values(denominated: pd.DataFrame) -> None:
    ours = screen(denominated, spec(screen={"min_availability": 0.9})).units
    reference = table("variants/screen_denominated_byNA_0.9.csv")
    assert ours["n_missing"].tolist() == reference["N_missing"].tolist()
    assert ours["n_zero"].tolist() == reference["N_zero"].tolist()
    assert (ours["n_missing"] + ours["n_zero"]).tolist() == reference["N_miss_or_zero"].tolist()
    assert ours["availability"].tolist() == reference["Dat_Avail"].tolist()
    assert ours["nonzero"].tolist() == reference["Non_Zero"].tolist()
    assert ours["included"].tolist() == reference["Included"].tolist()
    assert (ours["reason"] == "low_availability").tolist() == reference["LowData"].tolist()
    assert not reference["LowNonZero"].any()
    assert (~ours["included"]).tolist() == reference["LowDatOrZeroFlag"].tolist()


@pytest.mark.parametrize("name", ["steps/04_treated.csv", "variants/treat_winmax5.csv"])
def test_outliers_treated(result: IndexResult, name: str) -> None:
    assert_equal(result.steps["treated"], name)


def test_the_points_treated_and_their_side(result: IndexResult) -> None:
    reference = table("steps/04_treated_points.csv").astype(object).fillna("")
    ours = result.logs["treated_points"].replace(POINT_NAMES)[reference.columns]
    assert (reference != "").sum().sum() == 35
    assert (ours == reference).all(axis=None)


def test_why_each_indicator_was_treated(result: IndexResult) -> None:
    reference = table("steps/04_treat_details.csv", index="iCode")
    ours = result.logs["treatment"].set_index("code").loc[reference.index]
    assert ours["passed"].tolist() == reference["check_SkewKurt0.Pass"].tolist()
    assert ours["n_points"].tolist() == reference["winsorise.nwin"].fillna(0).tolist()
    assert ours["passed_treated"].all()
    assert reference["check_SkewKurt1.Pass"].dropna().all()
    for column, name in {
        "skewness": "check_SkewKurt0.Skew",
        "kurtosis": "check_SkewKurt0.Kurt",
        "skewness_winsorised": "check_SkewKurt1.Skew",
        "kurtosis_winsorised": "check_SkewKurt1.Kurt",
    }.items():
        np.testing.assert_allclose(ours[column], reference[name], rtol=RELATIVE_TOLERANCE)


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ({"method": "minmax", "score_range": [0, 100]}, "steps/05_normalised_minmax0_100.csv"),
        ({"method": "minmax", "score_range": [1, 100]}, "variants/norm_minmax_1_100.csv"),
        ({"method": "percentile_rank"}, "variants/norm_prank.csv"),
        ({"method": "rank"}, "variants/norm_rank.csv"),
        ({"method": "zscore"}, "variants/norm_zscore_0_1.csv"),
    ],
)
def test_normalised(treated: pd.DataFrame, step: dict[str, Any], name: str) -> None:
    assert_equal(normalise(treated, spec(normalise=step)).data, name)


def test_normalised_between_goalposts_with_caps() -> None:
    bounds = table("variants/norm_goalposts_bounds.csv", index="iCode")
    assert (bounds["goalpost_scale"] == 100).all()
    assert bounds["goalpost_trunc2posts"].all()
    bounded = [
        replace(
            one,
            goalposts=Goalposts(*bounds.loc[one.code, ["goalpost_lower", "goalpost_upper"]].astype(float)),
        )
        if one.code in bounds.index
        else one
        for one in elements()
    ]
    assert {one.code: one.direction for one in bounded if one.goalposts} == bounds["Direction"].to_dict()
    steps = {"denominate": {}, "normalise": {"method": "goalposts", "score_range": [0, 100]}}
    ours = spec_from_mapping({"levels": list(LEVELS), "steps": steps}, bounded)
    assert_equal(normalise(table("steps/00_raw.csv"), ours).data, "variants/norm_goalposts_raw_trunc.csv")


def plain_spec(aggregation: str = "arithmetic", **steps: dict[str, Any]) -> IndexSpec:
    """Return a specification that takes values as they are, by default without any step."""
    levels = [{"name": name, "aggregation": aggregation, "non_positive": "checked"} for name in LEVELS[1:]]
    undirected = [replace(element, direction=1, denominator=None) for element in elements()]
    return spec_from_mapping({"levels": [LEVELS[0], *levels], "steps": steps}, undirected)


@pytest.mark.parametrize(
    ("aggregation", "name"),
    [
        ("arithmetic", "variants/agg_amean.csv"),
        ("geometric", "variants/agg_gmean.csv"),
        ("harmonic", "variants/agg_hmean.csv"),
        ("copeland", "variants/agg_copeland_all_levels.csv"),
    ],
)
def test_aggregated_on_all_levels(aggregation: str, name: str) -> None:
    scores = table("variants/agg_input_minmax_1_100.csv")
    assert_equal(build_index(scores, plain_spec(aggregation)).scores, name)


def test_the_input_of_the_aggregations_is_the_treated_table_from_1_to_100(treated: pd.DataFrame) -> None:
    ours = normalise(treated, spec(normalise={"method": "minmax"})).data
    assert_equal(ours, "variants/agg_input_minmax_1_100.csv")


def test_the_whole_index_from_raw_values_to_ranks(result: IndexResult) -> None:
    assert_equal(result.scores, "steps/06_aggregated_amean.csv")
    ranks = table("steps/07_ranks.csv")
    assert ranks.size == 561
    assert (result.ranks[ranks.columns] == ranks).all(axis=None)
    results = table("steps/07_results.csv")
    assert_equal(result.scores, "steps/06_aggregated_amean.csv")
    assert largest_difference(result.scores, results.drop(columns="Rank")) <= RELATIVE_TOLERANCE
    assert result.ranks["Index"].tolist() == results["Rank"].tolist()


def test_ranks_within_europe_and_asia(result: IndexResult, data: pd.DataFrame) -> None:
    reference = table("steps/07_groupranks_eurasia.csv")
    ours = result.ranks_by(data["EurAsia_group"])
    codes = reference.columns.drop("EurAsia_group")
    assert (ours[codes] == reference[codes]).all(axis=None)


TIED_TOP = np.concatenate([np.linspace(0.0, 1.0, 60), np.full(4, 30.0), np.full(3, 100.0)])
"""Sixty ordinary values, four equal high ones, three equal higher ones."""


def winsorised_points_of_the_reference(values: np.ndarray, max_points: int) -> int:
    """Return how many values COINr winsorises: all that are equal to the outermost at once, then it counts."""
    drawn, count = values.copy(), 0
    while abs(shape_of(drawn).skewness) > 2 and shape_of(drawn).kurtosis > 3.5 and count < max_points:
        outermost = drawn == drawn.max()
        drawn[outermost] = drawn[~outermost].max()
        count = int(outermost.sum())
    return count


def test_difference_to_the_reference_ties_never_draw_in_more_points_than_allowed() -> None:
    """COINr draws in all values equal to the outermost and counts afterwards: 7 where at most 5 are allowed."""
    assert winsorised_points_of_the_reference(TIED_TOP, 5) == 7
    ours = winsorise(TIED_TOP, skewness=2.0, kurtosis=3.5, max_points=5)
    assert (ours.n_points, ours.high) == (3, 30.0)


def test_difference_to_the_reference_a_gii_logarithm_transforms() -> None:
    """COINr's log_GII computes the logarithm and returns the values as they came."""
    values = np.array([2.0, 3.0, 50.0])
    ours = log_transform(values, smallest=2.0, largest=50.0, form="gii")
    assert ours == pytest.approx([0.0, np.log(49 / 48 + 1), np.log(50.0)])


def test_difference_to_the_reference_a_later_year_leaves_the_treatment_of_earlier_ones() -> None:
    """COINr treats each year of a panel by its own skewness; ours holds the thresholds of stated times."""
    panel = table("input/iData_panel.csv", index=None).set_index(["uCode", "Time"])
    years = panel.index.get_level_values("Time")
    early = years.isin(sorted(set(years))[:2])
    once = plain_spec(treat={"scope": "reference", "reference": [int(years.min())]})
    before = treat(panel[early], once).data
    pd.testing.assert_frame_equal(treat(panel, once).data[early], before, check_exact=True)
    assert not treat(panel, plain_spec(treat={"scope": "per_time"})).data[early].equals(before)
