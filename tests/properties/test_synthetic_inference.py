"""Inference for each unit's own effect: ranks, sets, fit rules, cohorts, on arrays small enough to check by hand."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from evaluation.errors import BadInputError, UsageError
from evaluation.impact.synthetic.average_bounds import average_with_bounds
from evaluation.impact.synthetic.cohort_placebos import cohort_test
from evaluation.impact.synthetic.conformal import (
    conformal_p,
    conformal_test,
    list_placements,
    null_residuals,
)
from evaluation.impact.synthetic.discoveries import find_discoveries
from evaluation.impact.synthetic.fit_rules import (
    FIT_REASONS,
    FitRules,
    judge_fit,
)
from evaluation.impact.synthetic.gap_panel import GapPanel, gap_panel, row_quantile
from evaluation.impact.synthetic.placebo_ranks import placebo_bands, placebo_error, placebo_test
from evaluation.impact.synthetic.prediction import prediction_intervals
from evaluation.impact.synthetic.unit_scales import yearly_moves
from evaluation.impact.synthetic.weight_error import largest_in_ball

STATISTICS = ("average", "ratio", "floored_ratio")
ROUNDING = 1e-9
"""Sums of a few numbers of order one."""

INSIDE = 1e-6
"""How far from the end of a set a test is repeated."""

SEARCH_GAP = 1e-5
"""The general solver's own tolerance, as a share of the donors' range."""


def panel_of(gaps: np.ndarray, placebos: np.ndarray, n_pre: int) -> GapPanel:
    pre = np.arange(gaps.shape[-1]) < n_pre
    return gap_panel(gaps=gaps, placebo_gaps=placebos, pre=pre, post=~pre)


def random_panel(seed: int, *, n_units: int = 3, n_placebos: int = 30, n_years: int = 9) -> GapPanel:
    rng = np.random.default_rng(seed)
    return panel_of(
        rng.standard_normal((n_units, n_years)), rng.standard_normal((n_placebos, n_years)), n_years - 3
    )


@pytest.mark.parametrize("statistic", STATISTICS)
def test_whoever_is_treated_the_ranks_are_those_of_all(statistic: str) -> None:
    """With twelve exchangeable units, each in turn the treated one, p-values are 1/12, ..., 12/12: exact size."""
    everyone = np.random.default_rng(1).standard_normal((12, 8))
    p_values = [
        placebo_test(
            panel_of(everyone[[unit]], np.delete(everyone, unit, axis=0), 5), statistic=statistic
        ).table["p_value"][0]
        for unit in range(12)
    ]
    np.testing.assert_allclose(sorted(p_values), np.arange(1, 13) / 12)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_the_interval_holds_what_the_test_does_not_reject(statistic: str, level: float) -> None:
    panel = random_panel(2)
    rows = placebo_test(panel, statistic=statistic, level=level).table
    for unit, row in rows.iterrows():
        for end, outwards in (("conf_low", -1), ("conf_high", 1)):
            for step, rejected in ((-INSIDE, False), (INSIDE, True)):
                if np.isnan(row[end]):
                    continue
                effect = row[end] + outwards * step
                moved = replace(panel, gaps=panel.gaps - effect * panel.post)
                p_value = placebo_test(moved, statistic=statistic, level=level).table["p_value"][unit]
                assert (p_value <= 1 - level + ROUNDING) == rejected


@pytest.mark.parametrize(
    ("n_placebos", "level", "attainable"),
    [(20, 0.95, True), (20, 0.99, False), (19, 0.95, True), (18, 0.95, False), (99, 0.99, True)],
)
def test_a_level_needs_enough_placebos(n_placebos: int, level: float, attainable: bool) -> None:
    panel = random_panel(3, n_placebos=n_placebos)
    panel = replace(panel, gaps=panel.gaps + 100.0 * panel.post)
    tests = placebo_test(panel, level=level)
    assert tests.table["p_value"].to_numpy() == pytest.approx(1 / (n_placebos + 1))
    assert tests.table["smallest_p"].to_numpy() == pytest.approx(1 / (n_placebos + 1))
    assert (np.isfinite(tests.table["conf_low"]) == attainable).all()
    assert (np.isfinite(tests.table["detectable"]) == attainable).all()
    assert tests.glance()["n_below"][0] == (3 if attainable else 0)


def test_ties_count_against_the_unit() -> None:
    panel = panel_of(np.ones((1, 4)), np.ones((4, 4)), 2)
    rows = placebo_test(panel).table
    assert rows[["p_value", "p_ratio", "p_floored_ratio"]].to_numpy().tolist() == [[1.0, 1.0, 1.0]]
    # The same figures added up in another order, off by the last bit, are a tie, too.
    own = np.array([[0.1, 0.0, 0.1, 0.2, 0.3]])
    assert placebo_test(panel_of(own * (1 + 2**-50), own, 2)).table["p_value"][0] == 1.0


def test_a_perfect_fit_does_not_make_a_number() -> None:
    gaps = np.array([[0.0, 0.0, 0.5]])
    placebos = np.array([[0.0, 0.0, 0.1], [1.0, 1.0, 2.0], [0.5, 0.5, 0.2]])
    rows = placebo_test(panel_of(gaps, placebos, 2)).table
    assert rows["p_value"][0] == 2 / 4
    assert rows["p_ratio"][0] == 2 / 4  # the other perfect fit ties, infinite as well
    assert np.isfinite(rows["p_floored_ratio"][0])


def test_one_sided_tests_and_scale() -> None:
    panel = random_panel(4)
    greater, less = (placebo_test(panel, alternative=side).table["p_value"] for side in ("greater", "less"))
    n = len(panel.placebos)
    np.testing.assert_allclose(greater + less, 1 + 1 / (n + 1))
    larger = replace(panel, gaps=1e3 * panel.gaps, placebo_gaps=1e3 * panel.placebo_gaps)
    one, other = placebo_test(panel).table, placebo_test(larger).table
    assert (one["p_value"] == other["p_value"]).all()
    np.testing.assert_allclose(1e3 * one["conf_high"], other["conf_high"])
    with pytest.raises(UsageError, match="no sign"):
        placebo_test(panel, statistic="ratio", alternative="less")


def test_scaled_ranks_are_those_of_gaps_over_scales() -> None:
    rng = np.random.default_rng(21)
    panel, scales = random_panel(22), rng.uniform(0.5, 3, 33)
    own, others = scales[:3], scales[3:]
    options = {"statistic": "scaled", "scale": own, "placebo_scale": others, "level": 0.9}
    found = placebo_test(panel, **options).table
    divided = replace(
        panel, gaps=panel.gaps / own[:, None], placebo_gaps=panel.placebo_gaps / others[:, None]
    )
    plain = placebo_test(divided, level=0.9).table
    assert (found["p_value"] == plain["p_value"]).all()
    assert (found["p_value"] == found["p_scaled"]).all()
    for name in ("estimate", "std_error", "conf_low", "conf_high", "detectable"):
        np.testing.assert_allclose(found[name], plain[name] * own)
    beside = placebo_test(panel, scale=own, placebo_scale=others).table
    assert (beside["p_scaled"] == found["p_value"]).all()
    assert (beside["p_value"] == placebo_test(panel).table["p_value"]).all()
    some = placebo_test(panel, **{**options, "placebo_scale": np.where(others > 2, np.nan, others)}).table
    assert (some["n_placebos"] == (others <= 2).sum()).all()
    with pytest.raises(UsageError, match="need the shapes"):
        placebo_test(panel, statistic="scaled")


def test_scales_are_yearly_moves_drawn_towards_the_median() -> None:
    outcome = np.array([[0.0, 1, 0, 1, 9], [0, 2, 0, 2, 9], [0, 4, 0, 4, 9], [np.nan, 1, np.nan, 3, 9]])
    options = {"pre": [True] * 4 + [False], "centre": np.zeros(5)}
    own = yearly_moves(outcome, common_years=0, **options)
    np.testing.assert_allclose(own[:3], [1, 2, 4])
    assert np.isnan(own[3])
    drawn = yearly_moves(outcome, common_years=3, **options)
    np.testing.assert_allclose(drawn[:3], np.sqrt((np.array([1, 4, 16]) + 4) / 2))
    shifted = yearly_moves(
        outcome + np.arange(5) ** 2, common_years=0, pre=options["pre"], centre=np.arange(5) ** 2
    )
    np.testing.assert_allclose(shifted[:3], own[:3])


def test_missing_years_and_placebos_do_not_count() -> None:
    panel = random_panel(5, n_years=8)
    gaps, placebos = panel.gaps.copy(), panel.placebo_gaps.copy()
    gaps[0, -1] = np.nan
    placebos[:3, -1] = np.nan
    found = placebo_test(replace(panel, gaps=gaps, placebo_gaps=placebos)).table
    # Unit 0 lacks the last year: nobody's last year is looked at. The others lose three placebos.
    assert found["n_placebos"].tolist() == [30, 27, 27]
    shorter = placebo_test(panel_of(panel.gaps[:, :-1], panel.placebo_gaps[:, :-1], 5)).table
    assert found["p_value"][0] == shorter["p_value"][0]
    fewer = placebo_test(
        replace(panel, placebo_gaps=panel.placebo_gaps[3:], placebos=panel.placebos[3:])
    ).table
    assert found["p_value"][1:].tolist() == fewer["p_value"][1:].tolist()
    first, second = np.arange(30) < 2, np.arange(30) >= 29
    dropped = panel.without_placebos(first).without_placebos(np.tile(second, (3, 1)))
    assert placebo_test(dropped).table["n_placebos"].tolist() == [27, 27, 27]
    assert (placebo_bands(dropped)["n_placebos"] == 27).all()
    nothing = placebo_test(replace(panel, gaps=np.full_like(gaps, np.nan))).table
    assert nothing[["estimate", "p_value", "conf_low"]].isna().all(axis=None)


def test_units_may_have_placebos_of_their_own() -> None:
    panel = random_panel(6)
    own = np.stack([panel.placebo_gaps, panel.placebo_gaps + 1, panel.placebo_gaps * 2])
    together = placebo_test(replace(panel, placebo_gaps=own)).table
    for unit in range(3):
        alone = placebo_test(
            replace(
                panel, gaps=panel.gaps[[unit]], placebo_gaps=own[unit], units=panel.units[unit : unit + 1]
            )
        ).table
        pd.testing.assert_series_equal(together.iloc[unit], alone.iloc[0], check_names=False)


def test_four_of_five_placebos_with_the_detectable_effect_are_found() -> None:
    panel = random_panel(7, n_units=1, n_placebos=200)
    row = placebo_test(panel, level=0.95).table.iloc[0]
    reach = row["conf_high"] - row["estimate"]
    shares = [(np.abs(panel.placebo_estimates + sign * row["detectable"]) > reach).mean() for sign in (1, -1)]
    assert min(shares) == pytest.approx(0.8, abs=0.01)


def test_the_enumerated_error_is_the_limit_of_draws() -> None:
    values = np.array([1.0, 4.0, np.nan, -2.0])
    assert placebo_error(values) == pytest.approx(np.nanstd(values))
    assert np.isnan(placebo_error(np.array([1.0, np.nan])))


def test_bands_hold_the_share_of_placebos_they_name() -> None:
    panel = random_panel(8, n_units=2, n_placebos=99)
    bands = placebo_bands(panel, level=0.9)
    assert len(bands) == 2 * 9
    year = bands[bands["unit"] == "1"].iloc[-1]
    inside = np.abs(panel.placebo_gaps[:, -1]) <= year["high"]
    assert inside.sum() == 90
    assert year["p_value"] == (1 + (np.abs(panel.placebo_gaps[:, -1]) >= abs(panel.gaps[1, -1])).sum()) / 100


def test_quantiles_of_rows_are_numpys() -> None:
    values = np.random.default_rng(9).standard_normal((5, 11))
    values[2, 4:9] = np.nan
    for share in (0.0, 0.2, 0.5, 0.95, 1.0):
        np.testing.assert_allclose(row_quantile(values, share), np.nanquantile(values, share, axis=1))
    assert np.isnan(row_quantile(np.full((1, 3), np.nan), 0.5)).all()


def judged(rules: FitRules | None = None):
    """Six units, one for each verdict, beside thirty placebos that fit well."""
    rng = np.random.default_rng(10)
    outcome = rng.standard_normal((30, 10))
    placebos = 0.05 * rng.standard_normal((30, 10))
    gaps = 0.05 * rng.standard_normal((6, 10))
    observed = np.zeros((6, 10))
    gaps[1, 7:] = np.nan
    gaps[2, :4] = np.nan
    observed[3, 2] = 9.0
    gaps[4, :7] += 0.3
    gaps[5, :7] += 0.8
    panel = panel_of(gaps, placebos, 7)
    return panel, judge_fit(panel, observed=observed, donors=outcome, rules=rules)


def test_each_rule_gives_its_reason_and_its_figure() -> None:
    _, verdicts = judged()
    assert verdicts.table["status"].tolist() == [
        "ok",
        "not_estimable:no_post_year",
        "not_estimable:too_few_pre_years",
        "not_estimable:outside_donor_range",
        "not_estimable:poor_pre_fit",
        "not_estimable:poor_pre_fit",
    ]
    assert verdicts.table["pre_share"][5] > 0.5 > verdicts.table["pre_share"][4] > 0.1
    assert verdicts.table["pre_quantile"][4] == 1.0
    assert verdicts.counts()["n_units"].sum() == 6
    assert verdicts.glance()["n_estimable"][0] == 1
    assert verdicts.glance()["poor_pre_fit"][0] == 2


def test_the_pool_may_be_too_small_and_reasons_are_all_listed() -> None:
    _, verdicts = judged(FitRules(min_donors=31))
    assert verdicts.table["reasons"][4] == "too_few_donors,poor_pre_fit"
    assert verdicts.table["status"][4] == "not_estimable:too_few_donors"
    assert set(",".join(verdicts.table["reasons"]).split(",")) <= set(FIT_REASONS)


def test_a_placebo_is_judged_as_a_unit_with_the_same_figures() -> None:
    """Each donor in turn as the treated unit: the verdict on its fit is that on it as a placebo."""
    rng = np.random.default_rng(11)
    outcome, gaps = 2 * rng.standard_t(2, (40, 9)), rng.standard_t(2, (40, 9)) * 0.3
    everyone = judge_fit(panel_of(gaps, gaps, 6), observed=outcome, donors=outcome)
    fails = everyone.placebo_fails[0]
    assert 0 < fails.sum() < 40
    rules = FitRules(max_pre_quantile=1.0)
    alone = [
        judge_fit(
            panel_of(gaps[[unit]], np.delete(gaps, unit, axis=0), 6),
            observed=outcome[[unit]],
            donors=np.delete(outcome, unit, axis=0),
            rules=rules,
        ).estimable[0]
        for unit in range(40)
    ]
    as_placebo = judge_fit(
        panel_of(gaps, gaps, 6), observed=outcome, donors=outcome, rules=rules
    ).placebo_fails
    # Standard deviations with and without the unit itself differ: a verdict at the very edge may.
    assert (~np.array(alone) != as_placebo[0]).sum() <= 2


def test_small_gaps_are_never_poor() -> None:
    rng = np.random.default_rng(12)
    outcome = rng.standard_normal((30, 10))
    gaps = np.full((1, 10), 0.01)
    panel = panel_of(gaps, gaps[0] * rng.uniform(0, 0.9, (30, 1)), 7)
    verdicts = judge_fit(panel, observed=np.zeros((1, 10)), donors=outcome)
    assert verdicts.table["pre_quantile"][0] == 1.0
    assert verdicts.estimable.all()


def test_an_average_is_not_over_survivors_alone() -> None:
    found = average_with_bounds([1.0, 2.0, 6.0, np.nan], [True, True, False, False], effect_range=(-4.0, 4.0))
    assert (found.estimable, found.everyone) == (1.5, 3.0)
    assert (found.low, found.high) == ((3 - 8) / 4, (3 + 8) / 4)
    assert (found.n_estimable, found.n_everyone, found.n_units) == (2, 3, 4)
    with pytest.raises(UsageError, match="two finite ends"):
        average_with_bounds([1.0], [True], effect_range=(1.0, -1.0))


def test_faults_of_gaps_and_rules_come_all_at_once() -> None:
    with pytest.raises(BadInputError) as error:
        gap_panel(
            gaps=np.ones((2, 3)),
            placebo_gaps=np.full((4, 3), np.inf),
            pre=[True, True, False],
            post=[False, True, False],
            units=["a", "a"],
            placebos=["b"],
        )
    assert len(error.value.faults) == 4
    with pytest.raises(BadInputError) as error:
        FitRules(min_donors=0, max_pre_share=0.1, small_pre_share=0.2)
    assert len(error.value.faults) == 2


def test_the_average_of_one_unit_has_the_placebo_rank() -> None:
    panel = random_panel(13, n_units=1, n_placebos=50)
    exact = placebo_test(panel).table["p_value"][0]
    found = cohort_test(panel.estimates, panel.placebo_estimates, draws=4_000).table.iloc[0]
    assert found["p_value"] == pytest.approx(exact, abs=0.03)
    assert found["std_error"] == pytest.approx(found["independent_error"], rel=0.05)


def test_placebo_cohorts_have_the_make_up_of_the_cohort() -> None:
    """Donors of stratum a have gaps of one, those of b of ten: every draw averages two of a and one of b."""
    placebo = np.array([1.0] * 5 + [10.0] * 5)
    options = {"strata": ["a", "b", "a"], "placebo_strata": ["a"] * 5 + ["b"] * 5}
    found = cohort_test([0.0, 0.0, 0.0], placebo, draws=50, **options)
    np.testing.assert_allclose(found.draws, 4.0)
    with pytest.raises(BadInputError, match="2 treated, 1 donors"):
        cohort_test([0.0, 0.0], [1.0, 2.0], strata=["a", "a"], placebo_strata=["a", "b"])


def test_units_of_a_cluster_are_stood_in_for_by_one_cluster() -> None:
    """Donors of one cluster share a gap: with three of one cluster treated each draw is that of one cluster."""
    clusters = np.repeat(["a", "b", "c", "d"], 3)
    placebo = np.repeat([1.0, 2.0, 4.0, 8.0], 3)
    found = cohort_test([0.0] * 3, placebo, clusters=["z"] * 3, placebo_clusters=clusters, draws=200).draws
    assert set(np.unique(found)) == {1.0, 2.0, 4.0, 8.0}
    many = cohort_test(
        [0.0] * 8, placebo, clusters=list("xxxyyyzz"), placebo_clusters=clusters, draws=100
    ).draws
    assert np.isfinite(many).all()
    # Each donor stands in once in a draw: sums of distinct powers of two show who did.
    powers = 2.0 ** np.arange(12)
    sums = cohort_test(
        [0.0] * 8, powers, clusters=list("xxxyyyzz"), placebo_clusters=clusters, draws=100
    ).draws[:, 0]
    assert {round(8 * one).bit_count() for one in sums} == {8}
    # Without clusters averages lie between.
    assert len(np.unique(cohort_test([0.0] * 3, placebo, draws=200).draws)) > 4


def test_no_p_value_of_a_cohort_is_zero() -> None:
    found = cohort_test([9.0, 9.0], np.random.default_rng(20).uniform(-1, 1, 30), draws=99)
    assert found.table["p_value"][0] == 1 / 100 == found.glance()["smallest_p"][0]


def test_units_that_lack_a_year_leave_that_year_only() -> None:
    own = np.array([[1.0, np.nan], [3.0, 5.0]])
    placebo = np.random.default_rng(14).standard_normal((30, 2))
    rows = cohort_test(own, placebo, labels=["2018", "2019"], draws=99).table
    assert rows["estimate"].tolist() == [2.0, 5.0]
    assert rows["n_units"].tolist() == [2, 1]
    assert rows["independent_error"][1] == pytest.approx(np.sqrt((placebo[:, 1] ** 2).mean()))


def test_placements_are_all_there_are() -> None:
    post = np.array([False, False, False, True, True])
    listed = list_placements(post)
    assert len(listed) == 10
    assert listed[0].tolist() == [3, 4]
    assert len({tuple(sorted(row)) for row in listed.tolist()}) == 10
    assert list_placements(post, permutations="moving_block").tolist()[1] == [4, 0]
    residuals = np.array([[0.1, -0.2, 0.3, 1.0, -1.0]])
    assert conformal_p(residuals, listed, statistic="absolute")[0] == 1 / 10
    assert conformal_p(residuals, listed, statistic="average")[0] == 1.0
    assert conformal_p(np.zeros((1, 5)), listed, statistic="square")[0] == 1.0


def conformal_case(seed: int = 15):
    rng = np.random.default_rng(seed)
    post = np.arange(12) >= 9
    own, donors = rng.standard_normal((2, 12)), rng.standard_normal((6, 12))
    return null_residuals(own, donors, post), post


def test_twelve_years_give_no_95_percent_set_by_shifts() -> None:
    residuals, post = conformal_case()
    options = {"post": post, "estimates": [0.0, 0.0], "permutations": "moving_block"}
    refused = conformal_test(residuals, level=0.95, **options)
    assert not refused.table["attainable"].any()
    assert np.isinf(refused.table[["conf_low", "conf_high"]]).all(axis=None)
    assert refused.table["smallest_p"][0] == pytest.approx(1 / 12)
    assert conformal_test(residuals, level=0.9, **options).table["attainable"].all()


@pytest.mark.parametrize("permutations", ["placements", "moving_block"])
def test_the_ends_of_a_conformal_set_part_accepted_from_rejected(permutations: str) -> None:
    residuals, post = conformal_case()
    found = conformal_test(
        residuals, post=post, estimates=[0.0, 0.0], permutations=permutations, level=0.9
    ).table
    placements = list_placements(post, permutations=permutations)
    units = np.arange(2)
    for end, outwards in (("conf_low", -1), ("conf_high", 1)):
        for step, rejected in ((-INSIDE, False), (INSIDE, True)):
            effects = found[end].to_numpy() + outwards * step
            p_values = conformal_p(residuals(units, effects), placements, statistic="absolute")
            assert ((p_values <= 0.1 + ROUNDING) == rejected).all()


def test_bounds_of_the_in_sample_error_are_those_of_a_general_solver() -> None:
    rng = np.random.default_rng(16)
    n_years, n_donors = 8, 4
    b, rows = rng.standard_normal((n_years, n_donors)), rng.standard_normal((2, n_donors))
    weights = np.array([0.5, 0.3, 0.2, 0.0])
    noise = 0.2 * rng.standard_normal((5, n_years))
    found = largest_in_ball(rows, b=b, noise=noise, weights=weights, floor=np.zeros(n_donors))
    for draw, e in enumerate(noise):
        for column, row in enumerate(rows):
            ball = {"type": "ineq", "fun": lambda x, e=e: e @ e - ((b @ (x - weights) - e) ** 2).sum()}
            total = {"type": "eq", "fun": lambda x: x.sum() - 1}
            best = minimize(
                lambda x, row=row: -row @ x,
                weights,
                method="SLSQP",
                bounds=[(0, 1)] * n_donors,
                constraints=[ball, total],
                options={"ftol": 1e-12, "maxiter": 500},
            )
            assert found[draw, column] == pytest.approx(-best.fun, abs=SEARCH_GAP * np.ptp(row))


def test_a_perfect_fit_has_no_prediction_interval() -> None:
    donors = np.random.default_rng(17).standard_normal((5, 10))
    pre = np.arange(10) < 7
    with pytest.raises(BadInputError, match="perfect"):
        prediction_intervals(donors[:2].mean(axis=0), donors, pre=pre, post=~pre)
    found = prediction_intervals(
        donors[:2].mean(axis=0) + 0.1 * np.sin(np.arange(10)), donors, pre=pre, post=~pre, draws=20
    )
    assert found.table["label"].tolist() == ["7", "8", "9", "mean"]
    assert (found.table["conf_low"] < found.table["conf_high"]).all()


def test_what_stands_out_among_many() -> None:
    table = pd.DataFrame(
        {
            "unit": list("abcde"),
            "outcome": "poverty",
            "p_value": [0.01, 0.02, 0.5, np.nan, 0.9],
            "smallest_p": 0.01,
        }
    )
    found = find_discoveries(table, rate=0.05)
    assert found.table["p_adjusted"].round(6).tolist()[:3] == [0.04, 0.04, 0.666667]
    assert np.isnan(found.table["p_adjusted"][3])
    assert found.table["stands_out"].tolist() == [True, True, False, False, False]
    assert found.glance()["n_needed"][0] == 1
    assert not find_discoveries(table, rate=0.03).table["stands_out"].any()
    careful = find_discoveries(table, rate=0.1, dependence="any").table["p_adjusted"]
    assert (careful[:2] > found.table["p_adjusted"][:2]).all()
    with pytest.raises(BadInputError, match="given twice"):
        find_discoveries(pd.concat([table, table.iloc[:1]]))
    # Forty questions and nine placebos: four effects at the floor are needed before one stands out at 10%... of 40.
    many = pd.DataFrame({"unit": range(40), "outcome": "x", "p_value": [0.1] * 39 + [0.9], "smallest_p": 0.1})
    assert find_discoveries(many, rate=0.1).glance()["n_needed"][0] == 40
    assert not find_discoveries(many, rate=0.1).table["stands_out"].any()


def test_results_are_tables_and_charts_and_repeatable() -> None:
    panel = random_panel(18)
    tests = placebo_test(panel)
    assert "forest" in tests.plot(title="own effects").html
    assert tests.plot(title="own effects").alt == "own effects"
    assert "tabular" in tests.to_latex()
    endless = placebo_test(panel, level=0.99)
    assert r"$-\infty$ & $\infty$" in endless.to_latex()
    sheet = pd.read_excel(BytesIO(endless.to_xlsx()), sheet_name="estimates", engine="openpyxl")
    assert sheet["conf_low"].astype(str).tolist() == ["-inf"] * 3
    assert sheet["estimate"].to_numpy() == pytest.approx(endless.table["estimate"].to_numpy())
    once, again = (cohort_test(panel.estimates, panel.placebo_estimates, draws=50) for _ in range(2))
    assert (once.draws == again.draws).all()
    assert all(one <= other for one, other in pairwise(sorted(once.draws[:, 0])))
