"""Joiners' own effects: who stands for whom, what is found, and that everything else has its reason."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from evaluation.schema import (
    COHORT_EFFECTS,
    EFFECT_SPREAD,
    REGION_DONORS,
    REGION_EFFECTS,
    REGION_GAPS,
    conform,
)
from evaluation.studies.cohort_averages import _reach
from evaluation.studies.donor_pools import (
    Comparison,
    NotCompared,
    comparisons,
    design_of,
    donor_rows,
    may_stand,
)
from evaluation.studies.panels import StudyData, distances_km, study_data
from evaluation.studies.project import Project
from evaluation.studies.region_effects import RegionEffects, build_region_effects, is_headline
from evaluation.studies.region_effects_plan import BACKDATED, LATER_START, MAIN, WITHOUT
from evaluation.studies.region_judgement import JudgedComparison, judged_effects

ROOT = Path(__file__).parents[2]
OUTCOMES = ("poverty_rate", "grdp_pc_real")
YEARS = range(2010, 2025)
HIT, OUTLIER, WITHOUT_FIGURES = "3273", "1902", "3372"
"""Joiners of 2017, 2021 and 2018: with a large effect, unlike any donor, and without figures after joining."""
EFFECT = 12.0
"""Points added after joining: ten times the noise."""
SAME = 1e-9


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the configuration with two outcomes."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "config", root / "config")
    path = root / "config" / "region_effects.yml"
    head, _, rest = path.read_text(encoding="utf-8").partition("outcomes:")
    rest = rest[rest.index("\n# Donors") :]
    listed = "".join(f"\n  - {code}" for code in OUTCOMES)
    path.write_text(f"{head}outcomes:{listed}\n{rest}", encoding="utf-8")
    return Project(root=root)


def figures(project: Project) -> pd.DataFrame:
    """Return made-up figures of all regions: a common path, levels of their own, noise, and what is to be found."""
    rng = np.random.default_rng(11)
    codes = np.array(project.registry.codes)
    cohorts = project.programme.cohorts.set_index("region_code")
    common = np.linspace(0, -4, len(YEARS)) + rng.normal(scale=0.3, size=len(YEARS))
    load = rng.normal(1, 0.3, len(codes))[:, None]
    values = 15 + rng.normal(scale=3, size=len(codes))[:, None] + load * common
    values = values + rng.normal(scale=0.4, size=values.shape)
    table = pd.DataFrame(values, index=codes, columns=list(YEARS))
    table.loc[HIT, 2018:] += EFFECT
    table.loc[OUTLIER] += 40 * np.sin(np.arange(len(YEARS)))
    assert cohorts.loc[[HIT, OUTLIER, WITHOUT_FIGURES], "joined"].tolist() == [2017, 2021, 2018]
    long = table.rename_axis("region_code").reset_index().melt("region_code", var_name="year")
    long = long.astype({"year": "int64", "value": "float64"})
    long = long[~((long["region_code"] == WITHOUT_FIGURES) & (long["year"] > 2018))]
    grdp = long.assign(value=np.exp(long["value"] / 10) * 1e4)
    frames = [
        frame.assign(
            indicator=code,
            quality="A",
            window=[project.catalog.indicators[code].window_of(year) for year in frame["year"]],
        )
        for code, frame in zip(OUTCOMES, (long, grdp), strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def data(small: Project) -> StudyData:
    return study_data(small, figures(small), small.study_plan)


@pytest.fixture(scope="module")
def found(small: Project) -> RegionEffects:
    return build_region_effects(small, figures(small))


@pytest.fixture(scope="module")
def headline(small: Project, found: RegionEffects) -> pd.DataFrame:
    return found.effects[is_headline(found.effects, small.region_effects)]


def test_a_donor_never_joined_is_not_in_doubt_and_not_split(small: Project, data: StudyData) -> None:
    donors = donor_rows(data.units).index
    cohorts = small.programme.cohorts.set_index("region_code").loc[donors]
    assert cohorts["joined"].isna().all()
    assert (cohorts["role"] == "").all()
    assert not set(donors) & set(small.registry.split_codes)
    assert (small.registry.by_code.loc[donors, "autonomous"] == "yes").all()


@pytest.mark.parametrize("km", [0.0, 50.0, 200.0])
def test_no_donor_lies_nearer_than_is_stated(small: Project, data: StudyData, km: float) -> None:
    donors = donor_rows(data.units)
    rules = small.region_effects.donors.model_copy(update={"beyond_km": km})
    allowed = may_stand(data.units, donors, rules)
    distance = distances_km(data.units, donors)
    assert (distance[allowed] > km).all()
    own = data.units.index.to_numpy()[:, None] == donors.index.to_numpy()[None]
    assert not allowed[own].any()
    assert (allowed | own | (distance <= km)).all()


@pytest.mark.parametrize(
    ("rule", "column"), [("same_type", "is_city"), ("same_island_group", "island_group")]
)
def test_donors_are_alike_where_that_is_asked(
    small: Project, data: StudyData, rule: str, column: str
) -> None:
    donors = donor_rows(data.units)
    rules = small.region_effects.donors.model_copy(update={rule: True, "beyond_km": 0.0})
    allowed = may_stand(data.units, donors, rules)
    unit, donor = np.nonzero(allowed)
    assert (data.units[column].to_numpy()[unit] == donors[column].to_numpy()[donor]).all()
    assert allowed.any()


def test_no_comparison_crosses_a_change_of_method_or_uses_a_missing_figure(
    small: Project, data: StudyData
) -> None:
    rules = small.region_effects
    for one in comparisons(data, rules.donors, outcomes=rules.outcomes):
        if isinstance(one, NotCompared):
            continue
        windows = {small.catalog.indicators[one.outcome].window_of(year) for year in one.years.all}
        assert len(windows) == 1
        assert np.isfinite(one.figures).all()
        assert max(one.years.pre) < one.joined < min(one.years.post)
        assert max(one.years.post) <= design_of(one.joined, small.study_plan).end_year
        assert isinstance(one, Comparison)


def test_every_joiner_has_a_row_for_every_outcome(small: Project, headline: pd.DataFrame) -> None:
    joiners = small.programme.cohorts.dropna(subset=["joined"])["region_code"]
    keys = headline[["region_code", "outcome"]]
    assert len(headline) == len(joiners) * len(OUTCOMES)
    assert not keys.duplicated().any()
    assert set(keys["region_code"]) == set(joiners)


def test_what_is_not_estimable_has_a_reason_and_no_number(found: RegionEffects) -> None:
    without = found.effects[found.effects["status"] != ""]
    assert without["status"].str.match("not_estimable:[a-z_]+:").all()
    numbers = ["estimate", "conf_low", "conf_high", "p_value", "p_adjusted", "shrunken", "mde"]
    assert without[numbers].isna().all(axis=None)
    assert found.effects.loc[found.effects["status"] == "", "estimate"].notna().all()


def test_reasons_are_the_true_ones(small: Project, headline: pd.DataFrame) -> None:
    reason = headline.set_index(["region_code", "outcome"])["status"].str.split(":").str[1]
    joined = small.programme.cohorts.set_index("region_code")["joined"]
    assert reason[OUTLIER, "poverty_rate"] in ("outside_donor_range", "poor_pre_fit")
    assert reason[WITHOUT_FIGURES, "poverty_rate"] == "no_figures"
    for code in joined.index[joined.notna()]:
        if code in small.registry.split_codes:
            assert reason[code, "poverty_rate"] == "split"
        elif joined[code] == 2024:
            assert reason[code, "poverty_rate"] == "beyond_data"
        elif joined[code] == 2019:
            assert reason[code, "grdp_pc_real"] == "method_changes"
        elif joined[code] == 2022:
            assert reason[code, "grdp_pc_real"] == "too_few_pre_years"


def test_a_large_effect_is_found_and_stands_out_and_nothing_else_does(
    small: Project, headline: pd.DataFrame
) -> None:
    poverty = headline[headline["outcome"] == "poverty_rate"].set_index("region_code")
    hit = poverty.loc[HIT]
    assert abs(hit["estimate"] - EFFECT) < 1.5  # noise of the twin and of two years
    assert hit["conf_low"] > 0
    assert hit["p_value"] == pytest.approx(hit["p_smallest"])
    rest = poverty.drop(index=HIT)["p_value"].dropna()
    assert 0.0 <= (rest <= 0.05).mean() < 0.12  # 5% of about 170 tests, three standard deviations
    assert (poverty["p_adjusted"].dropna() >= poverty["p_value"].dropna() - SAME).all()


def test_no_p_lies_below_the_smallest_that_placebos_allow(headline: pd.DataFrame) -> None:
    known = headline[headline["status"] == ""]
    assert_allclose(known["p_smallest"], 1 / (1 + known["n_placebos"]))
    assert (known["p_value"] >= known["p_smallest"] - SAME).all()
    assert (known["n_placebos"] <= known["n_donors"]).all()
    assert np.isfinite(known[["conf_low", "conf_high", "mde"]]).all(axis=None)


def test_too_few_placebos_of_a_good_fit_are_too_few(small: Project, data: StudyData) -> None:
    rules = small.region_effects
    many = rules.model_copy(update={"donors": rules.donors.model_copy(update={"at_least": 240})})
    found = comparisons(data, rules.donors, outcomes=OUTCOMES[:1])
    first = next(one for one in found if isinstance(one, Comparison))
    rows = pd.DataFrame(judged_effects(first, many, varied=False).rows)
    known = rows[rows["status"] == ""]
    assert (known["n_placebos"] >= 240).all()
    few = rows[rows["status"].str.startswith("not_estimable:too_few_donors")]
    assert len(few) + len(known) > 0
    assert few["estimate"].isna().all()
    assert len(known) < len(
        pd.DataFrame(judged_effects(first, rules, varied=False).rows).query("status == ''")
    )


def test_gaps_carry_the_effect(found: RegionEffects, headline: pd.DataFrame) -> None:
    known = headline[headline["status"] == ""].set_index(["region_code", "outcome"])["estimate"]
    after = found.gaps[found.gaps["phase"] == "post"]
    mean = after.groupby(["region_code", "outcome"])["gap"].mean()
    assert_allclose(mean.reindex(known.index), known, atol=SAME)
    poverty = found.gaps[found.gaps["outcome"] == "poverty_rate"]
    assert_allclose(poverty["observed"] - poverty["synthetic"], poverty["gap"], atol=SAME)
    grdp = found.gaps[found.gaps["outcome"] == "grdp_pc_real"]
    assert_allclose(np.log(grdp["observed"] / grdp["synthetic"]), grdp["gap"], atol=SAME)
    fan = found.gaps[["fan_low", "fan_q25", "fan_q75", "fan_high"]].to_numpy()
    assert (np.diff(fan, axis=1) >= 0).all()


def test_weights_sum_to_one_and_lie_on_donors_that_may_stand(
    small: Project, found: RegionEffects, headline: pd.DataFrame
) -> None:
    known = headline[headline["status"] == ""].set_index(["region_code", "outcome"])
    total = found.donors.groupby(["region_code", "outcome"])["weight"].sum()
    assert_allclose(total.reindex(known.index), 1.0, atol=1e-4)  # weights below a millionth are left out
    assert (found.donors["distance_km"] > small.region_effects.donors.beyond_km).all()
    count = found.donors.groupby(["region_code", "outcome"]).size()
    assert (count.reindex(known.index) == known["n_weighted"]).all()


def test_variations_stand_beside_the_effects_of_their_families(small: Project, found: RegionEffects) -> None:
    rows = found.effects[(found.effects["region_code"] == HIT) & (found.effects["outcome"] == "poverty_rate")]
    by_row = rows[rows["estimator"] == small.region_effects.estimators.headline].set_index("row")["estimate"]
    without = by_row[by_row.index.str.startswith(WITHOUT)]
    assert len(without) == small.region_effects.variations.leave_out_donors
    assert (abs(without - EFFECT) < 2).all()
    assert abs(by_row[BACKDATED]) < 2  # nothing happened then
    assert abs(by_row[LATER_START] - EFFECT) < 2
    checks = rows[rows["row"] == MAIN].set_index("estimator")["estimate"]
    assert set(checks.index) == set(small.region_effects.estimators.all)
    assert (abs(checks.dropna() - EFFECT) < 2).all()


def test_spread_counts_what_the_effects_say(
    small: Project, found: RegionEffects, headline: pd.DataFrame
) -> None:
    for row in found.spread.itertuples():
        own = headline[(headline["design"] == row.design) & (headline["outcome"] == row.outcome)]
        known = own[own["status"] == ""]
        assert (row.n_joiners, row.n_estimated) == (len(own), len(known))
        in_scale = known["p_scaled"] <= 0.05 + SAME
        marked = known["p_adjusted"] <= small.region_effects.inference.false_discovery_rate
        assert row.n_marked == (marked & in_scale).sum()
        assert row.n_below_level == (known["p_value"] <= 0.05 + SAME).sum()
        assert row.n_told == ((known["p_value"] <= 0.05 + SAME) & in_scale).sum()
        if np.isfinite(row.spread):
            assert row.spread_low <= row.spread <= max(row.spread_high, row.spread) + SAME
            assert known["shrunken"].between(known["estimate"].min(), known["estimate"].max()).all()


def test_averages_are_over_those_with_an_effect_and_bounds_over_all(
    small: Project, found: RegionEffects, headline: pd.DataFrame
) -> None:
    known = found.cohorts[found.cohorts["status"] == ""]
    assert {"2017", "2018", "2017+2018", "2021"} <= set(known["joined"])
    for row in known.itertuples():
        years = [int(year) for year in row.joined.split("+")]
        own = headline[headline["joined"].isin(years) & (headline["outcome"] == row.outcome)]
        given = own.loc[own["status"] == "", "estimate"]
        assert (row.n_joiners, row.n_estimated) == (len(own), len(given))
        assert row.n_estimated <= row.n_with_gap <= row.n_joiners
        assert row.estimate == pytest.approx(given.mean())
        without = row.n_joiners - row.n_estimated
        low = (given.sum() + without * given.min()) / row.n_joiners
        high = (given.sum() + without * given.max()) / row.n_joiners
        assert_allclose([row.bound_low, row.bound_high], [low, high])
        assert row.bound_low - SAME <= row.estimate <= row.bound_high + SAME
    lacking = found.cohorts[found.cohorts["status"] != ""]
    assert lacking[["estimate", "p_value", "bound_low"]].isna().all(axis=None)
    assert lacking["status"].str.startswith("not_estimable:").all()


def test_an_average_excludes_zero_exactly_when_its_p_says_so(found: RegionEffects) -> None:
    known = found.cohorts[found.cohorts["status"] == ""]
    excluded = (known["conf_low"] > 0) | (known["conf_high"] < 0)
    assert (excluded == (known["p_value"] <= 0.05 + SAME)).all()
    assert (known["p_value"] >= known["p_smallest"]).all()


@pytest.mark.parametrize("estimate", [0.0, 1.0, 1.9, 2.0, 2.1])
def test_the_reach_of_placebo_averages_inverts_their_p(estimate: float) -> None:
    draws = np.random.default_rng(2).normal(0.4, 1.0, 1_999)
    p = (1 + (np.abs(draws) >= abs(estimate)).sum()) / (1 + len(draws))
    assert (abs(estimate) > _reach(draws, 0.95)) == (p <= 0.05 + SAME)
    assert _reach(draws[:18], 0.95) == np.inf


def test_an_effect_common_to_a_year_of_joining_is_found_in_its_average(small: Project) -> None:
    """Three noise standard deviations for all that joined in 2021: seen in the average, and in no other."""
    changed = figures(small)
    joined = small.programme.cohorts.set_index("region_code")["joined"]
    hit = changed["region_code"].map(joined) == 2021
    after = hit & (changed["year"] >= 2022) & (changed["indicator"] == "poverty_rate")
    changed.loc[after, "value"] += 1.2
    cohorts = build_region_effects(small, changed).cohorts.query("outcome == 'poverty_rate'")
    by_year = cohorts.set_index("joined")
    assert by_year.loc["2021", "p_value"] < 0.01
    assert by_year.loc["2021", "conf_low"] < 1.2 < by_year.loc["2021", "conf_high"]
    others = by_year.drop(index=["2021", "2017", "2017+2018"])["p_value"].dropna()
    assert (others > 0.01).all()


def test_the_rank_in_own_scale_is_that_of_gaps_over_yearly_moves(small: Project, data: StudyData) -> None:
    """Counted one region at a time, scales by their formula: mean squared moves, four years of the median added."""
    rules = small.region_effects
    found = comparisons(data, rules.donors, outcomes=OUTCOMES[:1])
    first = next(one for one in found if isinstance(one, Comparison) and one.joined == 2018)
    judged = judged_effects(first, rules, varied=False)
    assert judged.headline is not None
    assert judged.panel is not None
    known = judged.headline.comparison
    n, n_pre = len(known.joiners), len(known.years.pre)
    moves = np.diff((known.figures - known.figures[n:].mean(axis=0))[:, :n_pre], axis=1)
    squares = (moves**2).sum(axis=1)
    common = np.median(squares / (n_pre - 1))
    scale = np.sqrt((squares + 4 * common) / (n_pre - 1 + 4))
    rows = pd.DataFrame(judged.rows).query("estimator == @rules.estimators.headline and status == ''")
    p_scaled = rows.set_index("region_code")["p_scaled"]
    for place, code in enumerate(known.joiners):
        if code in p_scaled:
            others = np.abs(judged.panel.placebo_estimates[place]) / scale[n:]
            others = others[np.isfinite(others)]
            own = abs(judged.panel.estimates[place]) / scale[place]
            assert p_scaled[code] == pytest.approx((1 + (others >= own).sum()) / (1 + len(others)))
    assert (p_scaled != rows.set_index("region_code")["p_value"]).mean() > 0.5


def test_tables_fit_their_schemas(found: RegionEffects) -> None:
    conform(found.effects, REGION_EFFECTS)
    conform(found.gaps, REGION_GAPS)
    conform(found.donors, REGION_DONORS)
    conform(found.spread, EFFECT_SPREAD)
    conform(found.cohorts, COHORT_EFFECTS)


def test_the_same_comparison_gives_the_same_rows(small: Project, data: StudyData) -> None:
    rules = small.region_effects
    found = comparisons(data, rules.donors, outcomes=OUTCOMES[:1])
    first = next(one for one in found if isinstance(one, Comparison))
    once, again = (pd.DataFrame(judged_effects(first, rules).rows) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)


def test_without_figures_everything_is_told_and_nothing_breaks(small: Project) -> None:
    few = figures(small)
    few = few[few["region_code"].isin([HIT, "1101", "9436"])]
    found = build_region_effects(small, few)
    assert (found.effects["status"] != "").all()
    assert found.gaps.empty
    assert found.donors.empty
    conform(found.effects, REGION_EFFECTS)
    conform(found.gaps, REGION_GAPS)


def test_a_twin_below_zero_is_no_twin_where_no_region_is_ever_below(small: Project, data: StudyData) -> None:
    """Some joiners and donors lie at the floor from the base year on while all others fall, and so do their twins."""
    rules = small.region_effects
    found = comparisons(data, rules.donors, outcomes=OUTCOMES[:1])
    first = next(one for one in found if isinstance(one, Comparison) and one.joined == 2018)
    n, base = len(first.joiners), first.years.all.index(max(first.years.pre))
    lifted = first.figures - first.figures.min() + 5.0
    low, floored = lifted.copy(), [*range(5), n, n + 1, n + 2]
    low[floored] = np.maximum(low[floored] - low[floored][:, [base]] + 0.1, 0.1)
    judged, elsewhere = (
        judged_effects(replace(first, figures=one), rules, varied=False) for one in (low, lifted)
    )
    assert judged.headline is not None
    assert judged.panel is not None
    assert elsewhere.panel is not None
    twins = judged.headline.comparison.figures - judged.headline.fits.gaps
    below = (twins[:, judged.panel.post] < 0).any(axis=1)
    joiners, donors = below[:n], below[n:]
    assert 0 < joiners.sum() < n
    assert 0 < donors.sum() < len(donors)
    refused = "not_estimable:impossible_twin:"
    status, before = (headline_status(one, rules.estimators.headline) for one in (judged, elsewhere))
    assert set(status[joiners & (before == "")]) == {refused}
    assert refused not in set(status[~joiners])
    assert np.isnan(judged.panel.placebo_estimates[:, donors]).all()
    assert np.isfinite(elsewhere.panel.placebo_estimates[:, donors]).any()


def headline_status(judged: JudgedComparison, estimator: str) -> np.ndarray:
    """Return the status of each joiner by an estimator, in their order; every joiner has enough years and donors."""
    rows = pd.DataFrame(judged.rows).query("estimator == @estimator")
    return rows["status"].to_numpy(dtype=str)
