"""The Goodman-Bacon decomposition and the weights of two-way fixed effects, against R's bacondecomp.

Reference values: castle doctrine laws and homicides (Cheng and Hoekstra 2013) and fixest's base_stagg, in
../shared/reference/impact/estimators.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from statsmodels.regression.linear_model import OLS

from evaluation.errors import BadInputError, UsageError
from evaluation.impact import Design, bacon, run_did, twfe_weights

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"

BACONDECOMP = 1e-9
"""Relative: the same averages by another order of operations. Found: below 1e-13."""

PRINTED = 5.1e-5
"""Figures printed with four decimals."""

KINDS = {
    "Earlier vs Later Treated": "earlier_vs_later",
    "Later vs Earlier Treated": "later_vs_earlier",
    "Treated vs Untreated": "treated_vs_never",
}
CASTLE = Design(outcome="l_homicide", unit="state", time="year", cohort="effyear")
STAGGERED = Design(outcome="y", unit="id", time="year", cohort="cohort")


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = REFERENCE / "estimators.json"
    if not path.exists():
        pytest.skip(f"the reference results are not here: {path}")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def castle(reference: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data" / "castle.csv")


@pytest.fixture(scope="module")
def base_stagg(reference: dict[str, Any]) -> pd.DataFrame:
    panel = pd.read_csv(REFERENCE / "data" / "base_stagg.csv")
    return panel.assign(cohort=panel["year_treated"].where(panel["year_treated"] <= panel["year"].max()))


def test_every_comparison_equals_bacondecomp(castle: pd.DataFrame, reference: dict[str, Any]) -> None:
    expected = pd.DataFrame(reference["bacon|castle l_homicide~post"]["rows"])
    expected = expected.assign(
        comparison=expected["type"].map(KINDS), control=expected["untreated"].fillna(0)
    )
    found = bacon(castle, CASTLE).tidy()
    found["control"] = found["control"].fillna(0)
    key = ["treated", "control", "comparison"]
    joined = found.merge(expected, on=key, suffixes=("", "_r"), validate="one_to_one")
    assert len(joined) == len(found) == len(expected)
    assert_allclose(joined["estimate"], joined["estimate_r"], rtol=BACONDECOMP)
    assert_allclose(joined["weight"], joined["weight_r"], rtol=BACONDECOMP)


@pytest.mark.parametrize("name", ["castle l_homicide~post", "base_stagg y~treat"])
def test_sums_by_comparison_equal_bacondecomp(
    castle: pd.DataFrame, base_stagg: pd.DataFrame, reference: dict[str, Any], name: str
) -> None:
    panel, design = (castle, CASTLE) if name.startswith("castle") else (base_stagg, STAGGERED)
    expected = reference[f"bacon|{name}"]
    result = bacon(panel, design)
    sums = result.by_comparison().set_index("comparison")
    for row in expected["bytype"]:
        found = sums.loc[KINDS[row["type"]]]
        assert found[["weight", "estimate", "contribution"]].tolist() == pytest.approx(
            [row["weight"], row["avg"], row["prod"]], rel=BACONDECOMP
        )
    assert result.coefficient == pytest.approx(expected["beta"], rel=BACONDECOMP)
    assert len(result.tidy()) == expected.get("n", len(result.tidy()))


def test_figures_of_the_castle_doctrine_example(castle: pd.DataFrame, reference: dict[str, Any]) -> None:
    """bacondecomp's own example on Cheng and Hoekstra (2013): weights 0.0598, 0.0319, 0.9083; total 0.0818."""
    result = bacon(castle, CASTLE)
    weights = result.by_comparison()["weight"]
    assert_allclose(weights, [0.0598, 0.0319, 0.9083], atol=PRINTED)
    assert result.coefficient == pytest.approx(0.0818, abs=PRINTED)


def staggered(seed: int = 3, *, always: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    years = np.arange(2000, 2008)
    cohort = rng.choice([0, 2002, 2005, *([1999] if always else [])], 40)
    outcome = rng.normal(size=(40, len(years))).cumsum(axis=1)
    outcome += (cohort[:, None] > 0) * np.maximum(years - cohort[:, None] + 1, 0)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(40), len(years)),
            "year": np.tile(years, 40),
            "cohort": np.repeat(cohort, len(years)),
            "outcome": outcome.ravel(),
        }
    )


OWN = Design(outcome="outcome", unit="unit", time="year", cohort="cohort")


def two_way_regression(panel: pd.DataFrame) -> Any:
    treated = ((panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])).astype(float)
    effects = [pd.get_dummies(panel["unit"]), pd.get_dummies(panel["year"], drop_first=True)]
    regressors = np.column_stack([treated, *(one.to_numpy(dtype=float) for one in effects)])
    return OLS(panel["outcome"].to_numpy(), regressors).fit()


@pytest.mark.parametrize("always", [False, True])
def test_weighted_comparisons_are_the_regression_coefficient(always: bool) -> None:
    panel = staggered(always=always)
    result = bacon(panel, OWN)
    assert result.coefficient == pytest.approx(two_way_regression(panel).params[0], rel=1e-9)
    assert ("later_vs_always" in set(result.tidy()["comparison"])) is always
    assert result.tidy()["weight"].sum() == pytest.approx(1.0)
    assert (result.tidy()["weight"] > 0).all()


def test_weights_of_treated_cells_are_those_of_the_residualised_treatment() -> None:
    """de Chaisemartin and D'Haultfoeuille (2020), theorem 1, with the residuals of statsmodels."""
    panel = staggered()
    treated = (panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])
    left = two_way_regression(panel.assign(outcome=treated.astype(float), cohort=0)).resid
    expected = panel.assign(weight=left / left[treated].sum())[treated]
    expected = expected.groupby(["cohort", "year"])["weight"].sum()
    found = twfe_weights(panel, OWN).tidy().set_index(["cohort", "year"])["weight"]
    assert_allclose(found, expected.loc[found.index], rtol=1e-9)


def test_weights_times_effects_are_the_coefficient_when_there_is_no_noise() -> None:
    panel = staggered()
    since = (panel["year"] - panel["cohort"]).where(panel["cohort"] > 0, -1)
    effect = (since >= 0) * (1.0 + since**2 + (panel["cohort"] - 2000))
    exact = panel.assign(outcome=panel["unit"] % 7 + 0.3 * panel["year"] + effect, effect=effect)
    weights = twfe_weights(exact, OWN)
    by_cell = exact.groupby(["cohort", "year"])["effect"].mean()
    table = weights.tidy().set_index(["cohort", "year"])
    expected = float(table["weight"] @ by_cell.loc[table.index])
    assert weights.coefficient == pytest.approx(expected, rel=1e-9)
    assert run_did(exact, Design(**{**OWN.as_dict(), "covariates": (), "estimator": "twfe"})).aggregates[
        "simple"
    ].overall["estimate"] == pytest.approx(expected, rel=1e-9)


def test_growing_effects_of_early_joiners_get_negative_weights() -> None:
    """Two cohorts, nobody never treated: the last years of the first cohort are controls of the second."""
    panel = staggered()
    weights = twfe_weights(panel[panel["cohort"] > 0].query("year < 2008"), OWN)
    assert weights.n_negative > 0
    assert weights.negative_sum < 0 < weights.negative_share < 1
    assert np.isfinite(weights.sigma)


def test_covariates_and_a_single_group_are_refused() -> None:
    panel = staggered()
    with pytest.raises(UsageError, match="without covariates"):
        bacon(panel, Design(**{**OWN.as_dict(), "covariates": ("unit",)}))
    with pytest.raises(BadInputError, match="fewer than two groups"):
        bacon(panel[panel["cohort"] == 2002], OWN)


def test_units_without_all_years_are_left_out_and_counted() -> None:
    panel = staggered()
    holes = panel[~((panel["unit"] == 5) & (panel["year"] == 2003))]
    result = bacon(holes, OWN)
    assert result.coefficient == pytest.approx(bacon(panel[panel["unit"] != 5], OWN).coefficient)
    assert [str(note)[:7] for note in result.notes] == ["1 units"]
