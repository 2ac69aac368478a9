"""Conformal inference against R's augsynth, prediction intervals against scpi, and published meta-analysis figures.

Reference values: ../shared/reference/impact/synthetic_control.json (augsynth on Kansas; it draws 1,000
permutations, so that its p-values have a Monte Carlo error) and the figures named in each test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls

from evaluation.impact.shrinkage import shrink
from evaluation.impact.synthetic import SyntheticDesign, placebo_gaps
from evaluation.impact.synthetic.conformal import (
    conformal_p,
    conformal_test,
    list_placements,
    null_residuals,
)
from evaluation.impact.synthetic.gap_panel import gap_panel
from evaluation.impact.synthetic.placebo_ranks import placebo_error, placebo_test
from evaluation.impact.synthetic.prediction import prediction_intervals

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"
KANSAS = 20
FIRST_QUARTER = 2012.25
AUGSYNTH_DRAWS = 1_000
MONTE_CARLO_ERRORS = 4.0
"""Standard errors of a share of 1,000 draws that R's p-values may be off."""

AUGSYNTH_GRID = 50
PROP_99 = -19.5136
"""The exact average gap of plain weights, fitted to the years before."""

HEAVY = 1e4
"""Weight of the row that makes weights sum to one."""

P_STEP = 0.005
"""Solvers differ by up to 0.0001 in residuals, which is worth a few of 10,000 placements."""

SCPI_MONTE_CARLO = 0.1
"""Share of the in-sample interval's width: an end is a 2.5% quantile of 300 draws, which has a standard error of 4%."""

SCPI_DIGITS = 1e-3
"""scpi's weights are right to 1e-6, its quartiles come from iterations."""


@pytest.fixture(scope="module")
def augsynth() -> dict[str, Any]:
    path = REFERENCE / "synthetic_control.json"
    if not path.exists():
        pytest.skip(f"the reference results are not here: {path}")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def kansas(augsynth: dict[str, Any]) -> pd.DataFrame:
    data = pd.read_csv(REFERENCE / "data" / "kansas.csv")
    return data.pivot_table(index="fips", columns="year_qtr", values="lngdpcapita")


def split(wide: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own, donors = wide.loc[[KANSAS]].to_numpy(), wide.drop(index=KANSAS).to_numpy()
    return own, donors, wide.columns.to_numpy() >= FIRST_QUARTER


def test_the_p_value_of_no_effect_is_that_of_augsynth(kansas: pd.DataFrame, augsynth: dict[str, Any]) -> None:
    expected = augsynth["augsynth"]["kansas|None scm"]["avg"][0]
    own, donors, post = split(kansas)
    residuals = null_residuals(own, donors, post, demeaned=False, ridge=0.0)
    found = conformal_test(residuals, post=post, estimates=[expected["Estimate"]], sets=False).table
    allowed = MONTE_CARLO_ERRORS * np.sqrt(expected["p_val"] * (1 - expected["p_val"]) / AUGSYNTH_DRAWS)
    assert found["p_value"][0] == pytest.approx(expected["p_val"], abs=allowed)


def test_quarters_have_the_p_values_and_sets_of_augsynth(
    kansas: pd.DataFrame, augsynth: dict[str, Any]
) -> None:
    """One quarter after treatment at a time, weights fitted to the quarters before and that one."""
    rows = pd.DataFrame(augsynth["augsynth"]["kansas|None scm"]["att"])
    after = rows[rows["Time"] >= FIRST_QUARTER]
    step = 4 * np.sqrt((after["Estimate"] ** 2).mean()) / (AUGSYNTH_GRID - 1)
    for row in after.iloc[::5].itertuples():
        wide = kansas.loc[:, (kansas.columns < FIRST_QUARTER) | (kansas.columns == row.Time)]
        own, donors, post = split(wide)
        residuals = null_residuals(own, donors, post, demeaned=False, ridge=0.0)
        found = conformal_test(residuals, post=post, estimates=[row.Estimate], level=0.95).table.iloc[0]
        allowed = MONTE_CARLO_ERRORS * np.sqrt(row.p_val * (1 - row.p_val) / AUGSYNTH_DRAWS)
        assert found["p_value"] == pytest.approx(row.p_val, abs=allowed)
        # R prints the outermost of its grid that its draws accept: a step, and one more for its draws.
        assert found["conf_low"] == pytest.approx(row.lower_bound, abs=2 * step)
        assert found["conf_high"] == pytest.approx(row.upper_bound, abs=2 * step)


def test_a_gap_that_grows_puts_the_estimate_outside_its_conformal_set() -> None:
    """Proposition 99, plain weights: the set is of constant effects, the estimate an average of gaps from -8 to -27.

    Not a published figure. Residuals are made once more by scipy's non-negative least squares, sum of weights by a
    heavy row.
    """
    path = REFERENCE / "data" / "california_prop99.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    wide = pd.read_csv(path, sep=";").pivot_table(index="State", columns="Year", values="PacksPerCapita")
    own, donors = wide.loc["California"].to_numpy(), wide.drop(index="California").to_numpy()
    post = wide.columns.to_numpy() >= 1989
    placements = list_placements(post)
    residuals = null_residuals(own[None], donors, post, demeaned=False, ridge=0.0)
    found = conformal_test(residuals, post=post, estimates=[PROP_99]).table.iloc[0]
    assert found["conf_high"] < PROP_99
    heavy = np.vstack([donors.T, np.full(len(donors), HEAVY)])

    def by_nnls(effect: float) -> np.ndarray:
        untreated = own - effect * post
        weights, _ = nnls(heavy, np.append(untreated, HEAVY), maxiter=10_000)
        return np.asarray(untreated - weights @ donors)

    for effect in (found["conf_low"], -60.0, found["conf_high"], PROP_99, 0.0):
        again = by_nnls(float(effect))
        assert residuals(np.array([0]), np.array([effect]))[0] == pytest.approx(again, abs=0.01)
        p = conformal_p(again[None], placements, statistic="absolute")[0]
        assert (p <= 0.1 - P_STEP) == (effect in (PROP_99, 0.0)), effect
    after = by_nnls(PROP_99)[post]
    assert (
        after[:3].min() > 0 > after[-2:].max()
    )  # the gap is smaller than its average at first, larger at last
    average = conformal_p(by_nnls(PROP_99)[None], placements, statistic="average")[0]
    assert average > 0.3  # asked for the mean alone, the estimate is well inside


def test_california_is_third_of_39_by_the_ratio(augsynth: dict[str, Any]) -> None:
    """Ranks of the stored root mean squared gaps: R's exact programme, California left out of the pools."""
    found = augsynth["prop99_outcome_only"]["placebo"]
    pre, post = np.array(found["pre"]), np.array(found["post"])
    names = np.array(found["state"])
    gaps = np.column_stack([pre, post])
    own = names == "California"
    panel = gap_panel(
        gaps=gaps[own], placebo_gaps=gaps[~own], pre=[True, False], post=[False, True], units=["California"]
    )
    rows = placebo_test(panel, statistic="ratio").table.iloc[0]
    assert rows["p_value"] == pytest.approx(found["rank"] / found["n"])
    assert rows["smallest_p"] == pytest.approx(1 / found["n"])


def test_the_placebo_error_of_synthetic_did_is_enumerated() -> None:
    """Arkhangelsky et al. (2021), table 1, prints 8.4 for California: R draws 200 placebos with replacement.

    All 38 donors once each give 9.371, around which R's figures scatter (8.15 to 10.63 over seeds).
    """
    path = REFERENCE / "data" / "california_prop99.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    design = SyntheticDesign(
        outcome="PacksPerCapita",
        unit="State",
        time="Year",
        treated={"California": 1989},
        estimator="sdid",
        anticipation=0,
    )
    fan = placebo_gaps(pd.read_csv(path, sep=";"), design).fans[0]
    assert len(fan.donors) == 38
    assert round(float(placebo_error(fan.estimates)), 3) == 9.371


# Year, synthetic outcome, in-sample error, sub-Gaussian error, error by location and scale; at 90%.
SCPI_GERMANY = (
    (1991, 21.10020, (-0.4500, 0.6211), (-0.3734, 0.5542), (-0.4473, 0.5321)),
    (1995, 24.14422, (-0.5641, 0.7310), (-0.6109, 1.0271), (-0.7414, 0.9880)),
    (2003, 32.32018, (-2.2594, 1.7003), (-0.5364, 0.7073), (-0.6355, 0.6776)),
)
SCPI_CALIFORNIA = (
    (1989, 90.84051, (-5.5800, 7.1801), (-5.2762, 4.3487), (-8.9246, 8.5741)),
    (1993, 80.93362, (-9.9094, 2.6250), (-7.5485, 6.0867), (-12.7171, 12.0726)),
    (2000, 68.19666, (-11.4705, 3.3914), (-9.7878, 13.9203), (-18.7746, 24.3283)),
)


@pytest.mark.parametrize(
    ("file", "separator", "names", "unit", "last", "expected"),
    [
        ("scpi_germany.csv", ",", ("country", "year", "gdp"), "West Germany", 1990, SCPI_GERMANY),
        (
            "california_prop99.csv",
            ";",
            ("State", "Year", "PacksPerCapita"),
            "California",
            1988,
            SCPI_CALIFORNIA,
        ),
    ],
)
def test_prediction_intervals_are_those_of_scpi(
    file: str, separator: str, names: tuple[str, str, str], unit: str, last: int, expected: tuple[Any, ...]
) -> None:
    """Measured with scpi 4.0.0 (pandas 2.3.3), 2,000 draws: outcome only, simplex, u_order = e_order = 1, HC1."""
    path = REFERENCE / "data" / file
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    data = pd.read_csv(path, sep=separator)
    wide = data.pivot_table(index=names[0], columns=names[1], values=names[2])
    years = wide.columns.to_numpy()
    arrays = {"outcome": wide.loc[unit].to_numpy(float), "donors": wide.drop(index=unit).to_numpy(float)}
    masks = {"pre": years <= last, "post": np.isin(years, [row[0] for row in expected]), "years": years}
    # The error of a new year is not drawn: one draw of the other part is enough to see it.
    found = {
        model: prediction_intervals(**arrays, **masks, model=model, level=0.9, draws=draws).table.set_index(
            "label"
        )
        for model, draws in (("gaussian", 300), ("location_scale", 1))
    }
    for year, synthetic, weight, gaussian, location_scale in expected:
        row = found["gaussian"].loc[str(year)]
        scale = weight[1] - weight[0]
        assert row["synthetic"] == pytest.approx(synthetic, rel=SCPI_DIGITS)
        assert row["weight_low"] == pytest.approx(weight[0], abs=SCPI_MONTE_CARLO * scale)
        assert row["weight_high"] == pytest.approx(weight[1], abs=SCPI_MONTE_CARLO * scale)
        for model, ends in (("gaussian", gaussian), ("location_scale", location_scale)):
            row = found[model].loc[str(year)]
            assert row["error_low"] == pytest.approx(ends[0], rel=SCPI_DIGITS, abs=SCPI_DIGITS)
            assert row["error_high"] == pytest.approx(ends[1], rel=SCPI_DIGITS, abs=SCPI_DIGITS)


def test_meta_analysis_of_bcg_vaccine_as_published() -> None:
    """Viechtbauer (2010), J. Statistical Software 36(3), doi:10.18637/jss.v036.i03, section 3: 13 trials.

    Restricted likelihood 0.3132, mean -0.7145 (0.1798), I squared 92.22%, Q 152.2330, interval of the variance
    0.1197 to 1.1115; DerSimonian and Laird 0.3088.
    """
    cells = np.array(
        [
            (4, 119, 11, 128),
            (6, 300, 29, 274),
            (3, 228, 11, 209),
            (62, 13536, 248, 12619),
            (33, 5036, 47, 5761),
            (180, 1361, 372, 1079),
            (8, 2537, 10, 619),
            (505, 87886, 499, 87892),
            (29, 7470, 45, 7232),
            (17, 1699, 65, 1600),
            (186, 50448, 141, 27197),
            (5, 2493, 3, 2338),
            (27, 16886, 29, 17825),
        ],
        dtype=float,
    )
    ill, well, ill_control, well_control = cells.T
    treated, control = ill + well, ill_control + well_control
    log_ratio = np.log(ill / treated) - np.log(ill_control / control)
    error = np.sqrt(1 / ill - 1 / treated + 1 / ill_control - 1 / control)
    found = shrink(log_ratio, error, method="reml")
    assert round(found.spread**2, 4) == 0.3132
    assert (round(found.mean, 4), round(found.mean_error, 4)) == (-0.7145, 0.1798)
    assert (round(found.spread_low**2, 4), round(found.spread_high**2, 4)) == (0.1197, 1.1115)
    assert round(found.q, 4) == 152.2330
    assert round(found.glance()["i_squared"][0], 4) == 0.9222
    assert round(shrink(log_ratio, error, method="moment").spread ** 2, 4) == 0.3088
