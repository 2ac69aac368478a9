"""Size, coverage, power and error of every inference for a region's own effect, in panels like the programme's.

Run with ``-s`` to read the tables; docs/methods/synthetic_inference.md prints them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from panels_like_ours import (
    N_DONORS,
    N_UNITS,
    N_YEARS,
    NOISE_PERSISTENCE,
    NOISE_SD,
    PROVINCE_SHARE,
    Drawn,
    Judged,
    autoregression,
    draw_panel,
    gaps_of,
)

from evaluation.impact.rank_of_effects import rank_effects
from evaluation.impact.shrinkage import shrink
from evaluation.impact.synthetic.cohort_placebos import cohort_test
from evaluation.impact.synthetic.conformal import (
    conformal_p,
    conformal_test,
    list_placements,
    null_residuals,
)
from evaluation.impact.synthetic.placebo_ranks import placebo_test
from evaluation.impact.synthetic.unit_scales import yearly_moves

ALL_TREATED = np.arange(N_DONORS, N_UNITS)
SIZE_RANGE = (0.03, 0.07)
"""What the share of p-values below 5% may be without any effect."""

COVERAGE_ERROR = 0.025
"""Distance from the nominal coverage: Monte Carlo error, and what exchangeability of units leaves open."""

POWER_EFFECT = 2 * NOISE_SD
PANELS = 24
QUICK_PANELS = 5
SMALL_EFFECTS, LARGE_EFFECTS = 0.2, 0.5
TIE_RANGE = (0.93, 1.07)
"""Root mean squared error of shrunken small effects over that of predicting zero: a tie."""


def rates_of(judged: Judged, found: dict[str, list[float]], *, level: float = 0.9) -> None:
    """Rejections without effect, at an effect of two noise standard deviations, and coverage."""
    estimable = judged.verdicts.estimable
    for rule, panel, kept in (
        ("all", judged.panel, np.ones(len(estimable), dtype=bool)),
        ("fit first", judged.recommended, estimable),
    ):
        for statistic in ("average", "ratio", "floored_ratio"):
            name = f"{rule}, {statistic}"
            null = placebo_test(panel, statistic=statistic, level=level).table[kept]
            found[f"{name}: size"].append((null["p_value"] <= 0.05).mean())
            inside = (null["conf_low"] <= 0) & (null["conf_high"] >= 0)
            found[f"{name}: coverage"].append(inside.mean())
            moved = with_effect(panel, POWER_EFFECT)
            power = placebo_test(moved, statistic=statistic, level=level).table[kept]["p_value"] <= 0.05
            found[f"{name}: power"].append(power.mean())
        found[f"{rule}: rmse"].append(float((null["estimate"] ** 2).mean()))
    found["estimable"].append(estimable.mean())


def with_effect(panel, effect):
    added = np.outer(np.broadcast_to(effect, len(panel.units)), panel.post)
    return replace(panel, gaps=panel.gaps + added)


def simulate(
    panels: int, seed: int, measure: Callable[[Drawn, dict[str, list[float]]], None], **options: float
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(panels):
        measure(draw_panel(rng, **options), found)
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_the_recommended_rule_holds_its_size_quickly() -> None:
    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        rates_of(gaps_of(drawn, estimator="sdid", n_pre=9, treated=ALL_TREATED), found)

    rates = simulate(QUICK_PANELS, 20180101, measure)
    assert SIZE_RANGE[0] < rates["fit first, average: size"] < SIZE_RANGE[1]
    assert rates["fit first, average: coverage"] == pytest.approx(0.9, abs=COVERAGE_ERROR)
    assert rates["fit first, average: power"] > 2 * rates["fit first, ratio: power"]


@pytest.mark.slow
@pytest.mark.parametrize("n_pre", [7, 9, 11])
def test_size_coverage_and_power_by_years_before(n_pre: int) -> None:
    estimators = ("sdid", "demeaned", "sc")

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        for estimator in estimators:
            own: dict[str, list[float]] = defaultdict(list)
            rates_of(gaps_of(drawn, estimator=estimator, n_pre=n_pre, treated=ALL_TREATED), own)
            for name, values in own.items():
                found[f"{estimator}, {name}"].extend(values)

    rates = simulate(PANELS, n_pre, measure)
    print(f"\nyears before: {n_pre}")
    for name, value in rates.items():
        print(f"  {name:45s} {np.sqrt(value) if 'rmse' in name else value:.3f}")
    for estimator in ("sdid", "demeaned"):
        for rule in ("all", "fit first"):
            assert SIZE_RANGE[0] < rates[f"{estimator}, {rule}, average: size"] < SIZE_RANGE[1]
            coverage = rates[f"{estimator}, {rule}, average: coverage"]
            assert coverage == pytest.approx(0.9, abs=COVERAGE_ERROR)
        average, ratio = (rates[f"{estimator}, fit first, {name}: power"] for name in ("average", "ratio"))
        assert average > ratio
    assert rates["sdid, all: rmse"] < rates["sc, all: rmse"]


@pytest.mark.slow
def test_strong_factors_leave_the_size_alone_and_no_estimator_ahead() -> None:
    """Factors of twelve times the variance of noise, seven years before: which estimator errs least varies by panel."""

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        for estimator in ("sdid", "demeaned", "sc"):
            judged = gaps_of(drawn, estimator=estimator, n_pre=7, treated=ALL_TREATED)
            tests = placebo_test(judged.panel).table
            found[f"{estimator}: rmse"].append((tests["estimate"] ** 2).mean())
            found[f"{estimator}: size"].append((tests["p_value"] <= 0.05).mean())

    rates = simulate(PANELS // 2, 18, measure, loading_sd=1.0)
    print("\nstrong factors, seven years before")
    for name, value in rates.items():
        print(f"  {name:25s} {np.sqrt(value) if 'rmse' in name else value:.3f}")
    assert 0.8 < np.sqrt(rates["sc: rmse"] / rates["sdid: rmse"]) < 1.25
    for estimator in ("sdid", "demeaned", "sc"):
        assert SIZE_RANGE[0] < rates[f"{estimator}: size"] < SIZE_RANGE[1]


@pytest.mark.slow
@pytest.mark.parametrize("restless", ["nobody", "every other", "the treated"])
def test_unequal_noise_and_what_a_scale_mends(restless: str) -> None:
    """Some regions with twice the noise: sizes among them and among the calm, ranks with and without scales."""
    rng = np.random.default_rng(20)
    mask = {
        "nobody": np.zeros(N_UNITS, dtype=bool),
        "every other": np.arange(N_UNITS) % 2 == 0,
        "the treated": np.arange(N_UNITS) >= N_DONORS,
    }[restless]

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        # Three times the variance on top makes twice the standard deviation.
        more = NOISE_SD * np.sqrt(3) * autoregression(rng, (N_UNITS, N_YEARS), NOISE_PERSISTENCE)
        outcome = drawn.outcome + more * mask[:, None]
        panel = gaps_of(replace(drawn, outcome=outcome), estimator="sdid", n_pre=9, treated=ALL_TREATED).panel
        scales = yearly_moves(outcome, pre=panel.pre, centre=outcome[:N_DONORS].mean(axis=0))
        options = {"scale": scales[N_DONORS:], "placebo_scale": scales[:N_DONORS]}
        null = placebo_test(panel, **options).table
        moved = placebo_test(with_effect(panel, POWER_EFFECT), **options).table
        for who, rows in (("restless", mask[N_DONORS:]), ("calm", ~mask[N_DONORS:])):
            if rows.any():
                for name, column in (
                    ("average", "p_value"),
                    ("scaled", "p_scaled"),
                    ("floored", "p_floored_ratio"),
                ):
                    found[f"{who}, {name}: size"].append((null[column][rows] <= 0.05).mean())
                    found[f"{who}, {name}: power"].append((moved[column][rows] <= 0.05).mean())

    rates = simulate(PANELS // 2, 21, measure)
    print(f"\ntwice the noise: {restless}")
    for name, value in rates.items():
        print(f"  {name:30s} {value:.3f}")
    if restless == "nobody":
        assert SIZE_RANGE[0] < rates["calm, scaled: size"] < SIZE_RANGE[1]
    else:
        assert rates["restless, scaled: size"] < rates["restless, average: size"]
    if restless == "every other":
        assert rates["calm, scaled: power"] > rates["calm, average: power"]


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, SMALL_EFFECTS, LARGE_EFFECTS])
def test_shrinkage_beats_raw_effects_and_ties_with_zero_when_effects_are_small(spread: float) -> None:
    rng = np.random.default_rng(11)

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        judged = gaps_of(drawn, estimator="sdid", n_pre=9, treated=ALL_TREATED)
        kept = judged.verdicts.estimable
        truth = spread * rng.standard_normal(len(ALL_TREATED))
        tests = placebo_test(with_effect(judged.recommended, truth)).table[kept]
        truth = truth[kept]
        found["raw: rmse"].append(((tests["estimate"] - truth) ** 2).mean())
        found["zero: rmse"].append((truth**2).mean())
        for method in ("reml", "moment", "robust"):
            shrunken = shrink(tests["estimate"], tests["std_error"], method=method)
            rows = shrunken.table
            found[f"{method}: rmse"].append(((rows["shrunken"] - truth) ** 2).mean())
            covered = (rows["conf_low"] <= truth) & (truth <= rows["conf_high"])
            found[f"{method}: coverage"].append(covered.mean())
            found[f"{method}: spread"].append(shrunken.spread)
            found[f"{method}: spread covered"].append(shrunken.spread_low <= spread <= shrunken.spread_high)
            found[f"{method}: width"].append((rows["conf_high"] - rows["conf_low"]).mean())

    rates = simulate(PANELS, 12, measure)
    print(f"\nspread of true effects: {spread}")
    for name, value in rates.items():
        print(f"  {name:25s} {np.sqrt(value) if 'rmse' in name else value:.3f}")
    assert rates["reml: rmse"] < rates["raw: rmse"]
    if spread == LARGE_EFFECTS:
        assert rates["reml: rmse"] < rates["zero: rmse"]
        assert rates["reml: coverage"] > 0.9
    if spread == SMALL_EFFECTS:
        ratio = np.sqrt(rates["reml: rmse"] / rates["zero: rmse"])
        assert TIE_RANGE[0] < ratio < TIE_RANGE[1]
    assert rates["robust: coverage"] > 0.95 - COVERAGE_ERROR


@pytest.mark.slow
def test_averages_over_a_cohort_under_shocks_common_to_provinces() -> None:
    rng = np.random.default_rng(13)

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        # A cohort of forty regions in eight provinces.
        provinces = rng.permutation(np.unique(drawn.province))[:8]
        there = ALL_TREATED[np.isin(drawn.province[ALL_TREATED], provinces)]
        cohort = np.concatenate([there[drawn.province[there] == name][:5] for name in provinces])
        judged = gaps_of(drawn, estimator="sdid", n_pre=9, treated=cohort)
        own, placebo = judged.panel.estimates, judged.panel.placebo_estimates[0]
        groups = {
            "random sets": {},
            "sets by province": {
                "clusters": drawn.province[cohort].astype(str),
                "placebo_clusters": drawn.province[:N_DONORS].astype(str),
            },
        }
        for name, options in groups.items():
            row = cohort_test(own, placebo, draws=999, **options).table.iloc[0]
            found[f"{name}: coverage"].append(row["conf_low"] <= 0 <= row["conf_high"])
            found[f"{name}: size"].append(row["p_value"] <= 0.05)
            found[f"{name}: error (rmse)"].append(row["std_error"] ** 2)
        found["independent units: coverage"].append(
            abs(row["estimate"]) <= 1.959964 * row["independent_error"]
        )
        found["independent units: error (rmse)"].append(row["independent_error"] ** 2)
        found["true error (rmse)"].append(row["estimate"] ** 2)

    rates = simulate(10 * PANELS, 14, measure, province_share=PROVINCE_SHARE)
    print("\naverage over forty regions in eight provinces")
    for name, value in rates.items():
        print(f"  {name:35s} {np.sqrt(value) if 'rmse' in name else value:.3f}")
    assert rates["sets by province: coverage"] == pytest.approx(0.95, abs=0.04)
    assert rates["sets by province: coverage"] > rates["independent units: coverage"]


@pytest.mark.slow
def test_conformal_p_values_with_twelve_years() -> None:
    """A set covers the truth exactly when its p-value is above the level: no set is needed to count."""
    post = np.arange(N_YEARS) >= 9

    def measure(drawn: Drawn, found: dict[str, list[float]]) -> None:
        donors, own = drawn.outcome[:N_DONORS], drawn.outcome[ALL_TREATED]
        residuals = null_residuals(own, donors, post)(np.arange(len(own)), np.zeros(len(own)))
        for permutations in ("placements", "moving_block"):
            placements = list_placements(post, permutations=permutations)
            for statistic in ("absolute", "average"):
                p_values = conformal_p(residuals, placements, statistic=statistic)
                found[f"{permutations}, {statistic}"].append((p_values > 0.1).mean())

    rates = simulate(PANELS, 16, measure)
    print("\ncoverage of conformal sets, nominal 0.9")
    for name, value in rates.items():
        print(f"  {name:30s} {value:.3f}")
    for value in rates.values():
        assert 0.9 - COVERAGE_ERROR < value < 0.97


@pytest.mark.slow
def test_conformal_sets_are_wide_with_twelve_years() -> None:
    drawn, some = draw_panel(np.random.default_rng(19)), ALL_TREATED[:12]
    judged = gaps_of(drawn, estimator="demeaned", n_pre=9, treated=some)
    post, estimates = judged.panel.post, judged.panel.estimates
    residuals = null_residuals(drawn.outcome[some], drawn.outcome[:N_DONORS], post)
    widths = {}
    for permutations in ("placements", "moving_block"):
        rows = conformal_test(residuals, post=post, estimates=estimates, permutations=permutations).table
        covered = (rows["conf_low"] <= 0) & (rows["conf_high"] >= 0)
        agrees = covered == (rows["p_value"] > 0.1)
        assert agrees[rows["connected"] & rows["conf_low"].notna()].all()
        widths[permutations] = (rows["conf_high"] - rows["conf_low"]).median() / NOISE_SD
    placebo = placebo_test(judged.recommended, level=0.9).table
    widths["placebos"] = (placebo["conf_high"] - placebo["conf_low"]).median() / NOISE_SD
    print("\nmedian width of 90% sets in noise standard deviations")
    for name, value in widths.items():
        print(f"  {name:15s} {value:.1f}")
    assert widths["placebos"] < widths["placements"] < widths["moving_block"]


@pytest.mark.slow
def test_rank_intervals_cover() -> None:
    rng = np.random.default_rng(17)
    marginal, together, widths = [], [], []
    for _ in range(100):
        truth, errors = rng.standard_normal(60), rng.uniform(0.2, 0.6, 60)
        rows = rank_effects(truth + errors * rng.standard_normal(60), errors, draws=499).table
        rank = (-truth).argsort().argsort() + 1
        inside = (rows["rank_low"] <= rank) & (rank <= rows["rank_high"])
        inside_all = (rows["rank_low_all"] <= rank) & (rank <= rows["rank_high_all"])
        marginal.append(inside.mean())
        together.append(inside_all.all())
        widths.append((rows["rank_high"] - rows["rank_low"] + 1).mean())
    print(f"\nrank intervals: marginal {np.mean(marginal):.3f}, all together {np.mean(together):.3f}")
    print(f"mean width of the marginal ones: {np.mean(widths):.1f} of 60 ranks")
    assert np.mean(marginal) > 0.95
    assert np.mean(together) > 0.92
    assert np.mean(widths) < 50
