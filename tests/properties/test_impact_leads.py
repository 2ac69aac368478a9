"""The test of leads among untreated unit-years, against the regression with every dummy written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2
from statsmodels.regression.linear_model import WLS

from evaluation.errors import UsageError
from evaluation.impact import Design, lead_test, run_did

SAME_FORMULA = 1e-8
"""Both are weighted least squares in double precision; the dummies of statsmodels lose some digits."""

DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort", estimator="imputation")
YEARS = np.arange(2010, 2018)


def make_panel(seed: int, *, n_units: int = 60, divergence: float = 0.0, effect: float = 1.0) -> pd.DataFrame:
    """Regions with their own level; joiners drift by `divergence` a year in the two years before they join."""
    rng = np.random.default_rng(seed)
    cohort = rng.choice([0, 2014, 2016], n_units)
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"r{number:02d}" for number in range(n_units)], len(YEARS)),
            "year": np.tile(YEARS, n_units),
            "cohort": np.repeat(cohort, len(YEARS)),
            "province": np.repeat(np.arange(n_units) % 12, len(YEARS)),
            "size": np.repeat(rng.uniform(0.5, 2.0, n_units), len(YEARS)),
        }
    )
    event_time = (frame["year"] - frame["cohort"]).where(frame["cohort"] > 0, -np.inf)
    drift = divergence * (event_time + 3).clip(lower=0)
    level = np.repeat(rng.normal(0, 2, n_units), len(YEARS))
    noise = rng.normal(size=len(frame))
    return frame.assign(outcome=level + 0.1 * frame["year"] + drift + effect * (event_time >= 0) + noise)


def written_out(
    panel: pd.DataFrame, *, leads: int, anticipation: int, weights: str | None, clusters: str
) -> tuple[np.ndarray, np.ndarray]:
    """Leads and their covariance from untreated rows with a dummy for each region and year."""
    never = panel["cohort"] == 0
    event_time = panel["year"] - panel["cohort"]
    rows = panel[never | (event_time < -anticipation)]
    treated = rows["cohort"] > 0
    times = -anticipation - np.arange(leads, 0, -1)
    indicators = [((rows["year"] - rows["cohort"] == time) & treated).astype(float) for time in times]
    dummies = pd.get_dummies(rows[["region", "year"]].astype(str), dtype=float)
    columns = np.column_stack([*indicators, dummies.drop(columns=f"year_{YEARS[0]}")])
    used = np.ones(len(rows)) if weights is None else rows[weights].to_numpy()
    groups = rows[clusters].to_numpy()
    fit = WLS(rows["outcome"].to_numpy(), columns, weights=used).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(groups)[0], "use_correction": False}
    )
    n_clusters, n_coefficients = len(np.unique(groups)), leads + rows["year"].nunique()
    factor = n_clusters / (n_clusters - 1) * (len(rows) - 1) / (len(rows) - n_coefficients)
    return fit.params[:leads], factor * fit.cov_params()[:leads, :leads]


@pytest.mark.parametrize("leads", [1, 3])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize(("weights", "clusters"), [(None, None), ("size", "province")])
def test_leads_are_those_of_the_regression_with_every_dummy(
    leads: int, anticipation: int, weights: str | None, clusters: str | None
) -> None:
    panel = make_panel(1)
    design = replace(DESIGN, anticipation=anticipation, weights=weights, clusters=clusters)
    found = lead_test(panel, design, leads=leads)
    estimate, vcov = written_out(
        panel, leads=leads, anticipation=anticipation, weights=weights, clusters=clusters or "region"
    )
    assert found.table["event_time"].tolist() == list(range(-anticipation - leads, -anticipation))
    assert_allclose(found.table["estimate"], estimate, rtol=SAME_FORMULA)
    assert_allclose(found.table["std_error"], np.sqrt(np.diag(vcov)), rtol=SAME_FORMULA)
    statistic = estimate @ np.linalg.solve(vcov, estimate)
    assert found.statistic == pytest.approx(statistic, rel=1e-6)
    assert found.p_value == pytest.approx(chi2.sf(statistic, leads), rel=1e-5)


def test_outcomes_after_treatment_play_no_part() -> None:
    one, other = lead_test(make_panel(2), DESIGN), lead_test(make_panel(2, effect=50.0), DESIGN)
    assert_allclose(one.table["estimate"], other.table["estimate"], rtol=SAME_FORMULA)


def test_a_drift_before_joining_is_seen_and_parallel_trends_are_not() -> None:
    shares = {
        divergence: np.mean(
            [lead_test(make_panel(seed, divergence=divergence), DESIGN).p_value < 0.05 for seed in range(60)]
        )
        for divergence in (0.0, 1.0)
    }
    # 0.05 with 60 draws has a standard error of 0.028; leads of one standard deviation of noise are plain.
    assert shares[0.0] < 0.05 + 4 * 0.028
    assert shares[1.0] > 0.9


def test_leads_that_nobody_has_or_that_effects_explain_are_left_out() -> None:
    panel = make_panel(3)
    two = panel[(panel["cohort"] != 2016) & panel["year"].between(2012, 2015)]
    found = lead_test(two, DESIGN, leads=5)
    assert found.table["event_time"].tolist() == [-1]
    assert found.df == 1
    short = panel[(panel["cohort"] != 2016) & panel["year"].between(2013, 2015)]
    assert lead_test(short, DESIGN).reason == "no_cells"


@pytest.mark.parametrize("estimator", ["imputation", "two_stage"])
def test_a_study_by_imputation_carries_its_test(estimator: str) -> None:
    panel = make_panel(4, divergence=1.0)
    test = run_did(panel, replace(DESIGN, estimator=estimator)).pre_trends
    assert test.p_value == pytest.approx(lead_test(panel, DESIGN).p_value)
    assert test.table["parameter"].unique().tolist() == ["lead"]


@pytest.mark.parametrize("leads", [0, 1.5, True, "two"])
def test_leads_are_a_whole_number(leads: object) -> None:
    with pytest.raises(UsageError, match="leads must be a whole number"):
        lead_test(make_panel(5), DESIGN, leads=leads)  # type: ignore[arg-type]
