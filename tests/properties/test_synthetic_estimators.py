"""What synthetic control estimators promise on any panel: known mixes, invariances, ties, and the slow way beside the fast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog, minimize

from evaluation.errors import BadInputError, UsageError
from evaluation.impact.synthetic import (
    SYNTHETIC_REASONS,
    Predictor,
    SyntheticDesign,
    SyntheticPanel,
    common_weights,
    partially_pooled,
    placebo_gaps,
    read_synthetic_panel,
    solve_simplex,
    synthetic_did,
    synthetic_effects,
)
from evaluation.impact.synthetic.sdid import regularisation, time_weights

N_UNITS, N_YEARS, FIRST, START = 40, 12, 2018, 2010
EXACT = 1e-8
"""Of quantities of order one, after a solve that is certified to 1e-10 of its objective."""

SLOW = 1e-5
"""SLSQP's own accuracy in the weights."""

CONVEX = ["sc", "demeaned", "sdid", "ridge", "penalised"]
EVERY = [*CONVEX, "mc"]


def factor_panel(seed: int = 1, *, n_units: int = N_UNITS, n_years: int = N_YEARS) -> SyntheticPanel:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(3, n_years)).cumsum(axis=1) * 0.5
    outcome = rng.normal(size=(n_units, 1)) + rng.normal(size=(n_units, 3)) @ factors
    outcome += 0.3 * rng.normal(size=outcome.shape)
    names = np.array([f"u{i:03d}" for i in range(n_units)], dtype=object)
    return SyntheticPanel(units=names, years=np.arange(START, START + n_years), outcome=outcome)


def ask(estimator: str = "sc", **options: Any) -> SyntheticDesign:
    given = {"treated": {"u000": FIRST}, "outcome": "y", "unit": "unit", "time": "year"} | options
    if estimator in ("penalised", "ridge", "mc"):
        given.setdefault("penalty", 0.2)
    return SyntheticDesign(**given, estimator=estimator)


def with_outcome(panel: SyntheticPanel, outcome: np.ndarray) -> SyntheticPanel:
    return replace(panel, outcome=outcome)


def long(panel: SyntheticPanel) -> pd.DataFrame:
    wide = pd.DataFrame(panel.outcome, index=panel.units, columns=panel.years)
    return wide.rename_axis("unit").reset_index().melt(id_vars="unit", var_name="year", value_name="y")


@pytest.mark.parametrize("estimator", ["sc", "penalised"])
def test_an_exact_mix_of_three_donors_is_found(estimator: str) -> None:
    panel = factor_panel(n_units=11)
    mix = {"u003": 0.5, "u004": 0.3, "u007": 0.2}
    outcome = panel.outcome.copy()
    outcome[0] = sum(weight * outcome[int(name[1:])] for name, weight in mix.items())
    outcome[0, panel.years >= FIRST] += 2.0
    result = synthetic_effects(with_outcome(panel, outcome), ask(estimator, penalty=0.0))
    found = dict(zip(result.weights["donor"], result.weights["weight"], strict=True))
    assert all(abs(found.get(name, 0.0) - weight) < EXACT for name, weight in mix.items())
    assert sum(weight for name, weight in found.items() if name not in mix) < EXACT
    row = result.effects.iloc[0]
    assert abs(row["estimate"] - 2.0) < EXACT
    assert row["pre_rmspe"] < EXACT


@pytest.mark.parametrize("estimator", EVERY)
def test_an_effect_after_treatment_moves_the_estimate_by_itself(estimator: str) -> None:
    panel = factor_panel()
    base = synthetic_effects(panel, ask(estimator)).effects["estimate"][0]
    outcome = panel.outcome.copy()
    outcome[0, panel.years >= FIRST] += 1.5
    moved = synthetic_effects(with_outcome(panel, outcome), ask(estimator)).effects["estimate"][0]
    assert abs(moved - base - 1.5) < EXACT


@pytest.mark.parametrize("estimator", EVERY)
def test_a_shock_of_a_year_that_hits_everybody_changes_nothing(estimator: str) -> None:
    panel = factor_panel()
    shock = np.linspace(-3, 8, N_YEARS) ** 2
    base = synthetic_effects(panel, ask(estimator))
    moved = synthetic_effects(with_outcome(panel, panel.outcome + shock), ask(estimator))
    # zeta of synthetic DiD is the spread of first differences, which a common shock widens.
    tolerance = np.inf if estimator == "sdid" else 1e-6
    assert np.abs(base.gap_matrix - moved.gap_matrix)[np.isfinite(base.gap_matrix)].max() < tolerance


@pytest.mark.parametrize("estimator", ["demeaned", "sdid", "mc"])
def test_levels_of_units_change_nothing_where_that_is_promised(estimator: str) -> None:
    panel = factor_panel()
    levels = np.random.default_rng(0).normal(size=(N_UNITS, 1)) * 50
    base = synthetic_effects(panel, ask(estimator)).gap_matrix
    moved = synthetic_effects(with_outcome(panel, panel.outcome + levels), ask(estimator)).gap_matrix
    assert np.abs(base - moved)[np.isfinite(base)].max() < 1e-6


@pytest.mark.parametrize("estimator", CONVEX)
def test_the_unit_of_measurement_does_not_matter(estimator: str) -> None:
    panel = factor_panel()
    # A penalty of ridge is in squares of the outcome; that of the others has no unit.
    scale = 1e4
    penalty = {"ridge": 0.2 * scale**2}.get(estimator, 0.2)
    options = {"penalty": penalty} if estimator in ("ridge", "penalised") else {}
    base = synthetic_effects(panel, ask(estimator))
    moved = synthetic_effects(with_outcome(panel, panel.outcome * scale), ask(estimator, **options))
    assert np.abs(base.gap_matrix * scale - moved.gap_matrix).max() < scale * 1e-7


@pytest.mark.parametrize("estimator", EVERY)
def test_the_order_of_units_and_of_rows_does_not_matter(estimator: str) -> None:
    panel = factor_panel()
    rows = long(panel).sample(frac=1.0, random_state=3)
    base = synthetic_effects(panel, ask(estimator))
    shuffled = synthetic_effects(rows, ask(estimator))
    pd.testing.assert_frame_equal(base.effects, shuffled.effects, check_dtype=False)


@pytest.mark.parametrize("estimator", ["demeaned", "sdid"])
def test_weights_are_those_of_a_slow_solver(estimator: str) -> None:
    panel = factor_panel()
    pre = panel.years < FIRST
    donors, own = panel.outcome[1:][:, pre], panel.outcome[0, pre]
    x, y = donors - donors.mean(axis=1, keepdims=True), own - own.mean()
    if estimator == "demeaned":
        ridge = 0.1 * ((x - x.mean(axis=0)) ** 2).mean()
    else:
        ridge = pre.sum() * regularisation(donors, n_treated=1, n_post=int((~pre).sum())).unit ** 2
    slow = minimize(
        lambda w: ((w @ x - y) ** 2).sum() + ridge * (w**2).sum(),
        np.full(len(x), 1 / len(x)),
        jac=lambda w: 2 * (x @ (w @ x - y) + ridge * w),
        bounds=[(0, 1)] * len(x),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 2000},
    ).x
    result = synthetic_effects(panel, ask(estimator))
    found = np.zeros(len(x))
    found[[int(name[1:]) - 1 for name in result.weights["donor"]]] = result.weights["weight"]
    assert np.abs(found - slow).max() < SLOW
    assert abs(found.sum() - 1) < EXACT


def test_time_weights_are_those_of_a_slow_solver() -> None:
    for n_units in (12, 80):
        panel = factor_panel(n_units=n_units)
        pre = panel.years < FIRST
        a, b = panel.outcome[1:][:, pre], panel.outcome[1:][:, ~pre].mean(axis=1)
        a, b = a - a.mean(axis=0), b - b.mean()
        slow = minimize(
            lambda w, a=a, b=b: ((a @ w - b) ** 2).sum(),
            np.full(a.shape[1], 1 / a.shape[1]),
            jac=lambda w, a=a, b=b: 2 * a.T @ (a @ w - b),
            bounds=[(0, 1)] * a.shape[1],
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-15, "maxiter": 2000},
        ).x
        found = synthetic_effects(panel, ask("sdid")).time_weights["weight"].to_numpy()
        assert np.abs(found - slow).max() < SLOW


def test_matrix_completion_is_the_fixed_point_of_the_whole_matrix() -> None:
    panel = factor_panel(n_units=15)
    penalty, hidden = 1.2, panel.years >= FIRST
    result = synthetic_effects(panel, ask("mc", penalty=penalty))
    whole = panel.outcome.copy()
    for _ in range(4000):
        means = whole.mean(axis=1, keepdims=True) + whole.mean(axis=0) - whole.mean()
        u, size, vt = np.linalg.svd(whole - means, full_matrices=False)
        fitted = means + (u * np.maximum(size - penalty, 0)) @ vt
        whole[0, hidden] = fitted[0, hidden]
    assert np.abs(result.gap_matrix[0] - (panel.outcome[0] - fitted[0])).max() < EXACT
    assert np.isnan(result.effects["effective_donors"][0])


def test_time_weights_without_some_donors_are_those_of_the_others() -> None:
    panel = factor_panel(n_units=80)
    before = panel.years < FIRST
    pre, post = panel.outcome[:, before], panel.outcome[:, ~before].mean(axis=1)
    allowed = np.random.default_rng(2).random((6, 80)) < 0.8
    found, certified = time_weights(pre, post, zeta=1e-6, allowed=allowed)
    assert certified.all()
    for own, weights in zip(allowed, found, strict=True):
        # As rows of donors themselves, which is how few donors are solved.
        a, b = pre[own] - pre[own].mean(axis=0), post[own] - post[own].mean()
        direct = solve_simplex(a.T, b[None])
        assert np.abs(direct.weights[0] - weights).max() < 1e-7


def test_a_donor_missing_between_before_and_after_hides_that_year_only() -> None:
    panel = factor_panel()
    design = ask("demeaned", anticipation=1)
    base = synthetic_effects(panel, design)
    used, idle = base.weights["donor"].iloc[0], sorted(set(panel.units[1:]) - set(base.weights["donor"]))[0]
    for donor, hidden in ((used, True), (idle, False)):
        outcome = panel.outcome.copy()
        outcome[int(donor[1:]), panel.years == FIRST - 1] = np.nan
        result = synthetic_effects(with_outcome(panel, outcome), design)
        assert np.isnan(result.gap_matrix[0, panel.years == FIRST - 1]).all() == hidden
        assert result.effects["estimate"][0] == base.effects["estimate"][0]


@pytest.mark.parametrize("estimator", EVERY)
def test_a_placebo_is_the_effect_of_a_donor_that_is_treated_instead(estimator: str) -> None:
    panel = factor_panel(n_units=30)
    fan = placebo_gaps(panel, ask(estimator)).for_unit("u000")
    joined = placebo_gaps(panel, ask(estimator), treated_in_pool=True).for_unit("u000")
    for donor in ("u001", "u017"):
        others = [name for name in panel.units if name not in ("u000", donor)]
        for found, pool in ((fan, others), (joined, ["u000", *others])):
            alone = ask(estimator, treated={donor: FIRST}, donors=pool)
            gaps = synthetic_effects(panel, alone).gap_matrix[0]
            at = found.donors.tolist().index(donor)
            # Ridge and zeta of a fan are those of all its donors: with thirty donors, one more or less moves them little.
            tolerance = 0.05 if estimator in ("sdid", "demeaned") else 1e-6
            assert np.abs(found.gaps[at] - gaps).max() < tolerance
            assert abs(found.estimates[at] - gaps[panel.years >= FIRST].mean()) < tolerance


def test_units_solved_together_are_as_if_each_were_alone() -> None:
    panel = factor_panel()
    treated = {"u000": 2018, "u001": 2019, "u002": 2018, "u003": 2017}
    donors = panel.units[5:]
    for estimator in EVERY:
        together = synthetic_effects(panel, ask(estimator, treated=treated, donors=donors))
        for at, (unit, first) in enumerate(treated.items()):
            alone = synthetic_effects(panel, ask(estimator, treated={unit: first}, donors=donors))
            assert np.abs(together.gap_matrix[at] - alone.gap_matrix[0]).max() < EXACT
    fans = placebo_gaps(panel, ask("sdid", treated=treated, donors=donors))
    assert len(fans.fans) == 3
    assert fans.fan_of["u000"] == fans.fan_of["u002"]


def test_ties_are_found_settled_and_bounded() -> None:
    rng = np.random.default_rng(5)
    panel = factor_panel(5, n_units=80, n_years=6)
    outcome = panel.outcome.copy()
    outcome[0] = rng.dirichlet(np.ones(79)) @ outcome[1:]
    design = ask("sc", treated={"u000": 2013})
    result = synthetic_effects(with_outcome(panel, outcome), design)
    row = result.effects.iloc[0]
    assert row["perfect_fit"]
    assert not row["unique"]
    assert row["bound_low"] < row["estimate"] < row["bound_high"]
    found = np.zeros(79)
    found[[int(name[1:]) - 1 for name in result.weights["donor"]]] = result.weights["weight"]
    pre = panel.years < 2013
    least = minimize(
        lambda w: (w**2).sum(),
        np.full(79, 1 / 79),
        jac=lambda w: 2 * w,
        bounds=[(0, 1)] * 79,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1},
            {"type": "eq", "fun": lambda w: w @ outcome[1:][:, pre] - outcome[0, pre]},
        ],
        options={"ftol": 1e-16, "maxiter": 2000},
    ).x
    assert np.abs(found - least).max() < SLOW
    # No other optimal weights leave the bounds: corners of the optimal set, by random objectives.
    equal = np.vstack([outcome[1:][:, pre].T, np.ones(79)])
    for _ in range(30):
        corner = linprog(rng.normal(size=79), A_eq=equal, b_eq=equal @ least, bounds=(0, None)).x
        effect = (outcome[0] - corner @ outcome[1:])[~pre].mean()
        assert row["bound_low"] - 1e-6 <= effect <= row["bound_high"] + 1e-6


def test_two_copies_of_a_donor_share_its_weight() -> None:
    panel = factor_panel(n_units=12)
    outcome = panel.outcome.copy()
    single = synthetic_effects(panel, ask("sc"))
    heaviest = single.weights.sort_values("weight")["donor"].iloc[-1]
    outcome[11] = outcome[int(heaviest[1:])]
    result = synthetic_effects(with_outcome(panel, outcome), ask("sc"))
    weight = dict(zip(result.weights["donor"], result.weights["weight"], strict=True))
    assert not result.effects["unique"][0]
    assert abs(weight[heaviest] - weight["u011"]) < 1e-6
    assert abs(result.effects["bound_high"][0] - result.effects["bound_low"][0]) < 1e-6


def test_what_cannot_be_estimated_has_a_row_that_says_why() -> None:
    panel = factor_panel()
    outcome = panel.outcome.copy()
    outcome[2, panel.years < FIRST] = np.nan
    outcome[3, 3] = np.nan
    outcome[10, 3] = np.nan
    treated = {"u000": FIRST, "u001": 2030, "u002": FIRST, "u003": FIRST, "u004": FIRST}
    pools = {"u004": ["u010", "u011"]}
    design = ask("sdid", treated=treated, pools=pools)
    result = synthetic_effects(with_outcome(panel, outcome), design)
    codes = [status.removeprefix("not_estimable:") for status in result.effects["status"]]
    assert codes == ["ok", "no_post_year", "too_few_pre_years", "ok", "too_few_donors"]
    assert set(codes) - {"ok"} <= set(SYNTHETIC_REASONS)
    failed = result.effects["status"] != "ok"
    assert result.effects.loc[failed, "estimate"].isna().all()
    assert np.isnan(result.gap_matrix[failed]).all()
    # u010 is not observed in one year before: u000 does without it, u003, which lacks the same year, does not.
    assert result.effects["n_donors"].tolist()[0] + 1 == result.effects["n_donors"].tolist()[3]
    assert result.effects["n_pre"].tolist()[0] - 1 == result.effects["n_pre"].tolist()[3]
    fans = placebo_gaps(with_outcome(panel, outcome), design)
    assert set(fans.fan_of) == {"u000", "u003"}
    with pytest.raises(UsageError, match="no comparison"):
        fans.for_unit("u001")


def test_anticipation_years_are_neither_before_nor_after() -> None:
    panel = factor_panel()
    outcome = panel.outcome.copy()
    base = synthetic_effects(panel, ask("demeaned", anticipation=2))
    outcome[0, (panel.years >= FIRST - 2) & (panel.years < FIRST)] += 9.0
    moved = synthetic_effects(with_outcome(panel, outcome), ask("demeaned", anticipation=2))
    assert moved.effects["estimate"][0] == base.effects["estimate"][0]
    rows = moved.gaps.set_index("time")
    assert rows["phase"].loc[[2015, 2016, 2017, 2018]].tolist() == [
        "pre",
        "anticipation",
        "anticipation",
        "post",
    ]
    assert np.isfinite(rows["gap"]).all()


def test_results_are_tables_charts_and_files() -> None:
    panel = factor_panel()
    result = synthetic_effects(panel, ask("sdid"))
    assert "u000" in result.plot().html or result.plot().title.endswith("u000")
    assert result.to_latex(columns=("unit", "estimate")).count(r"\\") == 2
    assert len(result.to_xlsx()) > 1000
    assert result.glance()["n_estimable"][0] == 1
    fans = placebo_gaps(panel, ask("sdid"))
    assert fans.tidy().shape == ((N_UNITS - 1) * N_YEARS, 4)
    assert fans.plot().html
    with pytest.raises(UsageError, match="no estimate to draw"):
        result.plot("u005")


def test_many_treated_units_together_are_the_formula_of_the_paper() -> None:
    panel = factor_panel()
    treated = dict.fromkeys(panel.units[:4], FIRST)
    result = synthetic_did(panel, ask("sdid", treated=treated), error="jackknife")
    omega = np.zeros(N_UNITS)
    omega[[int(name[1:]) for name in result.unit_weights["donor"]]] = result.unit_weights["weight"]
    lam = result.time_weights["weight"].to_numpy()
    pre, post = panel.outcome[:, panel.years < FIRST], panel.outcome[:, panel.years >= FIRST]
    change = post.mean(axis=1) - pre @ lam
    assert abs(result.estimate - (change[:4].mean() - omega @ change)) < EXACT
    left = []
    for unit in range(N_UNITS):
        kept = np.arange(N_UNITS) != unit
        own = change[:4][kept[:4]].mean()
        left.append(own - (omega * kept) @ change / (omega * kept).sum())
    n = len(left)
    expected = np.sqrt((n - 1) / n * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert abs(result.std_error - expected) < EXACT
    again = synthetic_did(panel, ask("sdid", treated=treated), seed=4, draws=40)
    assert again.std_error == synthetic_did(panel, ask("sdid", treated=treated), seed=4, draws=40).std_error


def test_cohorts_are_averaged_by_treated_unit_years() -> None:
    panel = factor_panel()
    treated = {"u000": 2018, "u001": 2018, "u002": 2016}
    design = ask("sdid", treated=treated)
    result = synthetic_did(panel, design, draws=50)
    assert result.blocks["weight"].tolist() == pytest.approx([8 / 14, 6 / 14])
    alone = [
        synthetic_did(panel, ask("sdid", treated=own, donors=panel.units[3:]), error=None).estimate
        for own in ({"u000": 2018, "u001": 2018}, {"u002": 2016})
    ]
    assert abs(result.estimate - np.average(alone, weights=[8, 6])) < EXACT
    assert result.std_error > 0
    assert result.plot().html


def several_cohorts() -> tuple[SyntheticPanel, SyntheticDesign]:
    panel = factor_panel(n_units=60)
    return panel, ask("demeaned", treated={unit: 2016 + i % 3 for i, unit in enumerate(panel.units[:9])})


def test_partial_pooling_begins_at_units_alone_and_fits_their_average_better() -> None:
    panel, design = several_cohorts()
    alone = synthetic_effects(panel, design)
    separate = partially_pooled(panel, design, nu=0.0)
    assert np.abs(separate.units.gap_matrix - alone.gap_matrix).max() < EXACT
    pooled = partially_pooled(panel, design)
    assert pooled.converged
    assert 0 < pooled.nu < 1
    assert pooled.pooled_imbalance < separate.pooled_imbalance == pooled.separate_only[0]
    assert pooled.separate_imbalance > separate.separate_imbalance
    assert pooled.average["n_treated"].max() == 9
    late = partially_pooled(panel, design, nu=0.8)
    assert late.pooled_imbalance < pooled.pooled_imbalance
    with pytest.raises(UsageError, match="below 1"):
        partially_pooled(panel, design, nu=1.0)


def test_partial_pooling_is_the_joint_optimum() -> None:
    panel = factor_panel(n_units=9)
    treated, nu = {"u000": 2018, "u001": 2016}, 0.6
    result = partially_pooled(panel, ask("demeaned", treated=treated), nu=nu)

    def parts(first: int, row: int) -> tuple[np.ndarray, np.ndarray]:
        pre = panel.outcome[:, panel.years < first]
        x = pre - pre.mean(axis=1, keepdims=True)
        scale = np.sqrt(((x[2:] - x[2:].mean(axis=0)) ** 2).mean())
        return x[2:, ::-1] / scale, x[row, ::-1] / scale

    both = [parts(2018, 0), parts(2016, 1)]

    def objective(w: np.ndarray) -> float:
        gaps = np.zeros((2, 8))
        value = 0.0
        for j, (x, y) in enumerate(both):
            gaps[j, : len(y)] = y - w[7 * j : 7 * j + 7] @ x
            value += ((1 - nu) * (gaps[j] ** 2).sum() + 0.1 * (w[7 * j : 7 * j + 7] ** 2).sum()) / (
                2 * len(y)
            )
        return value + nu / 8 * ((gaps.sum(axis=0) / 2) ** 2).sum()

    slow = minimize(
        objective,
        np.full(14, 1 / 7),
        bounds=[(0, 1)] * 14,
        constraints=[{"type": "eq", "fun": lambda w, j=j: w[7 * j : 7 * j + 7].sum() - 1} for j in (0, 1)],
        options={"ftol": 1e-14, "maxiter": 2000},
    )
    found = np.zeros(14)
    for unit, donor, weight in result.units.weights.itertuples(index=False):
        found[7 * int(unit[1:]) + int(donor[1:]) - 2] = weight
    assert objective(found) <= slow.fun * (1 + 1e-6)
    assert np.abs(found - slow.x).max() < 1e-3


def test_common_weights_are_common_and_those_of_the_stacked_outcomes() -> None:
    panel, design = several_cohorts()
    other = factor_panel(2, n_units=60)
    results = common_weights({"a": panel, "b": other}, design)
    pd.testing.assert_frame_equal(results["a"].weights, results["b"].weights)
    # Twice the same outcome is that outcome.
    twice = common_weights({"a": panel, "b": panel}, design)
    assert np.abs(twice["a"].gap_matrix - synthetic_effects(panel, design).gap_matrix).max() < EXACT
    averaged = common_weights({"a": panel, "b": panel}, design, combine="averaged")
    assert np.abs(averaged["b"].gap_matrix - twice["b"].gap_matrix).max() < EXACT
    # A donor that one outcome lacks serves neither, in whatever order they come.
    outcome = other.outcome.copy()
    outcome[20:50, 2] = np.nan
    lacking = with_outcome(other, outcome)
    for panels in ({"a": panel, "b": lacking}, {"b": lacking, "a": panel}):
        donors = set(common_weights(panels, design)["a"].weights["donor"])
        assert donors.isdisjoint(f"u{at:03d}" for at in range(20, 50))
    with pytest.raises(UsageError, match="two outcomes or more"):
        common_weights({"a": panel}, design)


def test_predictors_are_means_of_their_years_and_decide() -> None:
    panel = factor_panel(n_units=14)
    rows = long(panel).assign(wealth=lambda r: r["unit"].str[1:].astype(float) ** 1.5)
    predictors = (Predictor("wealth"), Predictor("y", (2012, 2014)))
    design = ask("sc_predictors", predictors=predictors, treated={"u005": FIRST})
    result = synthetic_effects(rows, design)
    assert result.effects["status"][0] == "ok"
    rows.loc[rows["unit"] == "u005", "wealth"] = np.nan
    rows.loc[rows["unit"] == "u001", "wealth"] = np.nan
    assert synthetic_effects(rows, design).effects["status"][0] == "not_estimable:predictor_missing"


def test_the_door_tells_every_fault() -> None:
    rows = long(factor_panel(n_units=5)).astype({"y": object, "year": object})
    rows.loc[3, "y"] = "many"
    rows.loc[5, "year"] = "soon"
    with pytest.raises(BadInputError) as told:
        read_synthetic_panel(rows, ask("sc"))
    assert len(told.value.faults) == 2
    twice = pd.concat([long(factor_panel(n_units=5))] * 2)
    with pytest.raises(BadInputError, match="2 rows"):
        read_synthetic_panel(twice, ask("sc"))
    with pytest.raises(BadInputError) as told:
        read_synthetic_panel(
            long(factor_panel(n_units=5)), ask("sc", treated={"x": 2018}, donors=("z", "u001"))
        )
    assert {fault.where for fault in told.value.faults} == {"treated: x", "donors: z"}
    with pytest.raises(BadInputError, match="is not in the panel"):
        read_synthetic_panel(pd.DataFrame({"unit": ["a"]}), ask("sc"))


def test_arrays_that_do_not_fit_are_told() -> None:
    panel = factor_panel(n_units=5)
    outcome = panel.outcome.copy()
    outcome[1, 1] = np.inf
    broken = replace(panel, outcome=outcome, columns={"z": outcome[:, :3]}, years=panel.years[::-1])
    with pytest.raises(BadInputError) as told:
        synthetic_effects(broken, ask("sc"))
    assert {fault.where for fault in told.value.faults} == {"z", "outcome", "units, years"}
    predictors = (Predictor("wealth"),)
    with pytest.raises(BadInputError, match="add it to"):
        synthetic_effects(panel, ask("sc_predictors", predictors=predictors))


def test_the_design_tells_every_problem() -> None:
    with pytest.raises(UsageError, match=r"estimator must be.*anticipation must be.*ridge must be"):
        ask("magic", anticipation=-1, ridge=0.0)
    with pytest.raises(UsageError, match="names treated units: u000"):
        ask("sc", donors=("u000", "u001"))
    with pytest.raises(UsageError, match="pools names units that are not treated: u009"):
        ask("sc", pools={"u009": ["u001"]})
    with pytest.raises(UsageError, match="predictors belong"):
        ask("sc_predictors")
    with pytest.raises(UsageError, match="the first year of u000 must be a year"):
        ask("sc", treated={"u000": "2018"})
    with pytest.raises(UsageError, match="jackknife needs two treated"):
        synthetic_did(factor_panel(), ask("sdid"), error="jackknife")
    with pytest.raises(UsageError, match="estimator must be sdid"):
        synthetic_did(factor_panel(), ask("sc"))
    assert ask("sc").label != ask("sdid").label
    assert ask("sc").as_dict()["treated"] == [["u000", FIRST]]
