"""Callaway and Sant'Anna on county minimum wages (mpdta), against the authors' R packages; and a 2x2 by hand.

Reference values: R `did` and `DRDID`, nine settings, in ../shared/reference/impact/did_mpdta.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import AttGtResult, Design, aggregate, att_gt, pre_trend_test

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"

RELATIVE_TOLERANCE = 1e-8
"""The reference prints 15 digits; R's logit stops at a deviance change of 1e-8, which leaves errors near its
square in the coefficients. Found: below 3e-12."""

PRINTED_TOLERANCE = 5.1e-5
"""The vignette prints four decimals."""

P_VALUE_DECIMALS = 5
"""R rounds the p-value of the pre-test to five decimals."""

SETTINGS = [
    f"mpdta|{control}|{estimator}|{covariate}|varying|anticip0"
    for control in ("nevertreated", "notyettreated")
    for estimator in ("dr", "reg")
    for covariate in ("1", "lpop")
] + ["mpdta|nevertreated|dr|1|varying|anticip1"]


@pytest.fixture(scope="module")
def mpdta() -> pd.DataFrame:
    path = REFERENCE / "data" / "mpdta.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    return pd.read_csv(path)


@pytest.fixture(scope="module")
def reference(mpdta: pd.DataFrame) -> dict[str, Any]:
    return json.loads((REFERENCE / "did_mpdta.json").read_text())


def estimate(panel: pd.DataFrame, setting: str) -> AttGtResult:
    _, control, estimator, covariate, base_period, anticipation = setting.split("|")
    design = Design(
        outcome="lemp",
        unit="countyreal",
        time="year",
        cohort="first.treat",
        control_group={"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}[control],
        covariates=() if covariate == "1" else (covariate,),
        base_period=base_period,
        anticipation=int(anticipation.removeprefix("anticip")),
        estimator=estimator,
    )
    return att_gt(panel, design)


def test_every_setting_of_the_reference_is_tested(reference: dict[str, Any]) -> None:
    assert sorted(SETTINGS) == sorted(reference)


@pytest.mark.parametrize("setting", SETTINGS)
def test_group_time_effects_equal_those_of_r_did(
    mpdta: pd.DataFrame, reference: dict[str, Any], setting: str
) -> None:
    expected = pd.DataFrame(reference[setting]["attgt"])
    result = estimate(mpdta, setting)
    table = result.tidy()
    assert table[["cohort", "year"]].to_numpy().tolist() == expected[["g", "t"]].to_numpy().tolist()
    np.testing.assert_allclose(table["estimate"], expected["att"], rtol=RELATIVE_TOLERANCE)
    np.testing.assert_allclose(table["std_error"], expected["se"], rtol=RELATIVE_TOLERANCE)
    assert len(result.units) == reference[setting]["n"]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", ["simple", "group", "dynamic", "calendar"])
def test_averages_equal_those_of_r_aggte(
    mpdta: pd.DataFrame, reference: dict[str, Any], setting: str, kind: str
) -> None:
    expected = reference[setting][kind]
    result = aggregate(estimate(mpdta, setting), kind)
    np.testing.assert_allclose(result.overall["estimate"], expected["overall_att"], rtol=RELATIVE_TOLERANCE)
    np.testing.assert_allclose(result.overall["std_error"], expected["overall_se"], rtol=RELATIVE_TOLERANCE)
    key = {"group": "cohort", "dynamic": "event_time", "calendar": "year"}.get(kind)
    if key is None:
        assert len(result.elements) == 0
        return
    assert result.elements[key].tolist() == expected["egt"]
    np.testing.assert_allclose(result.elements["estimate"], expected["att"], rtol=RELATIVE_TOLERANCE)
    np.testing.assert_allclose(result.elements["std_error"], expected["se"], rtol=RELATIVE_TOLERANCE)


@pytest.mark.parametrize("setting", SETTINGS)
def test_pre_test_equals_that_of_r_did(mpdta: pd.DataFrame, reference: dict[str, Any], setting: str) -> None:
    test = pre_trend_test(estimate(mpdta, setting))
    np.testing.assert_allclose(test.statistic, reference[setting]["W"][0][0], rtol=RELATIVE_TOLERANCE)
    assert round(test.p_value, P_VALUE_DECIMALS) == reference[setting]["Wpval"][0][0]


def test_figures_printed_in_the_vignette(mpdta: pd.DataFrame) -> None:
    """Callaway and Sant'Anna, "Getting started with the did package": unconditional effects on mpdta."""
    table = estimate(mpdta, "mpdta|nevertreated|dr|1|varying|anticip0").tidy().set_index(["cohort", "year"])
    printed = {
        (2004, 2004): -0.0105,
        (2004, 2005): -0.0704,
        (2004, 2006): -0.1373,
        (2004, 2007): -0.1008,
        (2006, 2006): -0.0046,
        (2006, 2007): -0.0412,
        (2007, 2007): -0.0261,
    }
    for cell, value in printed.items():
        assert table.loc[cell, "estimate"] == pytest.approx(value, abs=PRINTED_TOLERANCE)


def test_weighting_agrees_with_a_second_implementation(mpdta: pd.DataFrame) -> None:
    """The reference has no normalised IPW: effects and errors by diff-diff 3.13.0 with covariate lpop."""
    printed = {
        "nevertreated": {
            (2004, 2004): (-0.014548431154139521, 0.022114533111436768),
            (2004, 2007): (-0.10693255710571604, 0.03288915170894682),
            (2006, 2005): (-0.006397240343385482, 0.01845732845797832),
            (2007, 2007): (-0.028894766614579626, 0.01624640938717758),
        },
        "notyettreated": {
            (2004, 2004): (-0.021185079392667602, 0.021645225425584533),
            (2006, 2005): (-0.004681199931080335, 0.01827248913093666),
            (2007, 2004): (0.026837958861528954, 0.013906957571856515),
        },
    }
    overall = {
        "nevertreated": (-0.041777082199140295, 0.011499719363981283),
        "notyettreated": (-0.041389409754729725, 0.01141929015295355),
    }
    for control, cells in printed.items():
        result = estimate(mpdta, f"mpdta|{control}|ipw|lpop|varying|anticip0")
        table = result.tidy().set_index(["cohort", "year"])[["estimate", "std_error"]]
        found = [table.loc[cell].tolist() for cell in cells]
        np.testing.assert_allclose(found, list(cells.values()), rtol=RELATIVE_TOLERANCE)
        simple = aggregate(result, "simple").overall
        np.testing.assert_allclose(
            [simple["estimate"], simple["std_error"]], overall[control], rtol=RELATIVE_TOLERANCE
        )


def units_with_mean_change(
    *, state: str, before: float, change: float, std_error: float, n_units: int = 100
) -> pd.DataFrame:
    """Units whose changes have a given mean and standard error of the mean: half above, half below."""
    half = std_error * np.sqrt(n_units)
    changes = change + half * np.where(np.arange(n_units) % 2 == 0, 1.0, -1.0)
    names = [f"{state}-{number}" for number in range(n_units)]
    first = pd.DataFrame({"store": names, "wave": 1, "employment": before})
    second = first.assign(wave=2, employment=before + changes)
    return pd.concat([first, second]).assign(state=state)


def test_card_and_krueger_1994_table_3() -> None:
    """Employment in fast-food stores, New Jersey and Pennsylvania, February and November 1992.

    Card and Krueger (1994), American Economic Review 84(4), table 3, rows 1 and 3: New Jersey 20.44, change
    0.59 (0.54); Pennsylvania 23.33, change -2.16 (1.25); difference 2.76 (1.36), from unrounded means.
    """
    treated = units_with_mean_change(state="NJ", before=20.44, change=0.59, std_error=0.54)
    control = units_with_mean_change(state="PA", before=23.33, change=-2.16, std_error=1.25)
    panel = pd.concat([treated.assign(cohort=2.0), control.assign(cohort=np.nan)])
    design = Design(outcome="employment", unit="store", time="wave", cohort="cohort")
    row = att_gt(panel, design).tidy().iloc[0]
    rounding = 0.0101
    assert row["estimate"] == pytest.approx(2.76, abs=rounding)
    assert row["std_error"] == pytest.approx(1.36, abs=rounding)


@pytest.mark.parametrize("estimator", ["dr", "reg", "ipw"])
def test_four_units_by_hand(estimator: str) -> None:
    """Treated 1 -> 4 and 3 -> 8; controls 0 -> 1 and 2 -> 5: (3 + 5) / 2 - (1 + 3) / 2 = 2."""
    values = {"a": (1, 4), "b": (3, 8), "c": (0, 1), "d": (2, 5)}
    panel = pd.DataFrame(
        [
            {"unit": unit, "year": year, "outcome": value, "cohort": 2001 if unit in "ab" else 0}
            for unit, pair in values.items()
            for year, value in zip((2000, 2001), pair, strict=True)
        ]
    )
    design = Design(outcome="outcome", unit="unit", time="year", cohort="cohort", estimator=estimator)
    row = att_gt(panel, design).tidy().iloc[0]
    assert row["estimate"] == pytest.approx(2.0, abs=1e-12)
    # Deviations of +-1 in both pairs: each mean has variance 1 / 2.
    assert row["std_error"] == pytest.approx(1.0, abs=1e-12)
    assert (row["n_treated"], row["n_control"], row["base_year"]) == (2, 2, 2000)
