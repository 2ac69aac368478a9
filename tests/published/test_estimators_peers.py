"""Second implementations, named: values that public packages gave on mpdta, 25 November 2026, where R's are not stored.

Versions: diff-diff 3.13.0 (`WooldridgeDiD`, `StackedDiD`, `CallawaySantAnna`), csdid 0.4.3, moderndid 0.2.0. The
packages are not installed here; docs/methods/disagreements.md says where one of them is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from evaluation.impact import Design, aggregate, att_gt, estimate_effects
from evaluation.impact.panel import read_panel
from evaluation.impact.two_by_two import control_weights, fit_sample, make_sample

DATA = Path(__file__).parents[3] / "shared" / "reference" / "impact" / "data" / "mpdta.csv"

SAME_FORMULA = 1e-9
"""Both solve the same equations in double precision; found: below 1e-11."""

LOGIT_STOPS = 1e-8
"""csdid and moderndid stop their logit earlier than we do; found: 3e-10 relative."""

DESIGN = Design(outcome="lemp", unit="countyreal", time="year", cohort="first.treat")


@pytest.fixture(scope="module")
def mpdta() -> pd.DataFrame:
    if not DATA.exists():
        pytest.skip(f"the reference data are not here: {DATA}")
    return pd.read_csv(DATA)


def simple(panel: pd.DataFrame, **changes: Any) -> tuple[float, float]:
    found = aggregate(estimate_effects(panel, replace(DESIGN, **changes)), "simple").overall
    return float(found["estimate"]), float(found["std_error"])


@pytest.mark.parametrize(
    ("control_group", "covariates", "estimate", "std_error"),
    [
        ("never_treated", (), -0.03995127515517631, 0.01203401277018542),
        ("never_treated", ("lpop",), -0.0417770821991317, 0.011499719363982943),
        ("not_yet_treated", (), -0.03976362562304367, 0.012052424787341892),
        ("not_yet_treated", ("lpop",), -0.041389409754778984, 0.0114192901529561),
    ],
)
def test_weighting_equals_csdid_and_moderndid(
    mpdta: pd.DataFrame, control_group: str, covariates: tuple[str, ...], estimate: float, std_error: float
) -> None:
    """Their simple averages and analytic errors, which are the same to thirteen digits."""
    found = simple(mpdta, estimator="ipw", control_group=control_group, covariates=covariates)
    assert_allclose(found, (estimate, std_error), rtol=LOGIT_STOPS)


ETWFE = {
    "never_treated": {
        (2004, 2004): (-0.010503246220962378, 0.023349189673294447),
        (2004, 2005): (-0.07042315810314645, 0.03111556769095091),
        (2004, 2006): (-0.13725873888940313, 0.03658947596376605),
        (2004, 2007): (-0.10081136308540405, 0.034504271910207884),
        (2006, 2003): (-0.003769293673714198, 0.03147433669762648),
        (2006, 2004): (0.0027508187505187283, 0.019641126706453106),
        (2006, 2006): (-0.004594606952863082, 0.017830149500418974),
        (2006, 2007): (-0.041224471546217396, 0.020314577368354365),
    },
    "not_yet_treated": {
        (2004, 2004): (-0.01937236367592253, 0.022381770443295965),
        (2004, 2005): (-0.07831909906206058, 0.030487838520761635),
        (2004, 2006): (-0.13607811444031664, 0.03545548655117532),
        (2004, 2007): (-0.10470747157660094, 0.03387430546032344),
        (2006, 2006): (0.002513861941913355, 0.019932816904001782),
        (2006, 2007): (-0.039192735591724565, 0.024008748273466),
        (2007, 2007): (-0.04310603280869815, 0.01843114722380623),
    },
}
ETWFE_SIMPLE = {
    "never_treated": (-0.03995127515517628, 0.011796277441754287),
    "not_yet_treated": (-0.04770991827845333, 0.013264957788278705),
}


@pytest.mark.parametrize("control_group", list(ETWFE))
def test_extended_regression_equals_diff_diff(mpdta: pd.DataFrame, control_group: str) -> None:
    result = estimate_effects(mpdta, replace(DESIGN, estimator="etwfe", control_group=control_group))
    table = result.tidy().set_index(["cohort", "year"])[["estimate", "std_error"]]
    cells = ETWFE[control_group]
    assert_allclose([table.loc[cell] for cell in cells], list(cells.values()), rtol=SAME_FORMULA)
    found = simple(mpdta, estimator="etwfe", control_group=control_group)
    assert_allclose(found, ETWFE_SIMPLE[control_group], rtol=SAME_FORMULA)


@pytest.mark.parametrize(
    ("control_group", "estimate"),
    [("never_treated", -0.019931816789252838), ("not_yet_treated", -0.018922199083429847)],
)
def test_stacks_of_all_cohorts_equal_diff_diff(
    mpdta: pd.DataFrame, control_group: str, estimate: float
) -> None:
    """One year before and the first year of effect, cohorts weighed by their size (`kappa_pre=1, kappa_post=0`)."""
    found = simple(mpdta, estimator="stacked", control_group=control_group)[0]
    assert found == pytest.approx(estimate, rel=SAME_FORMULA)


@pytest.mark.parametrize(
    ("cohort", "years", "effects"),
    [
        (
            2004,
            (2003, 2005),
            {
                0: (-0.010503246220976387, 0.023345721285304592),
                1: (-0.07042315810316017, 0.03111094565211598),
            },
        ),
        (
            2006,
            (2003, 2007),
            {
                -3: (-0.003769293673714713, 0.031468328922788114),
                -2: (0.0027508187505137305, 0.019637377637243013),
                0: (-0.00459460695286747, 0.017826746107860073),
                1: (-0.04122447154622284, 0.020310699751877413),
            },
        ),
        (2007, (2006, 2007), {0: (-0.026054410719193486, 0.016702921944418716)}),
    ],
)
def test_one_stack_equals_diff_diff_but_for_its_small_sample_factor(
    mpdta: pd.DataFrame, cohort: int, years: tuple[int, int], effects: dict[int, tuple[float, float]]
) -> None:
    """It multiplies variances by G / (G - 1) x (n - 1) / (n - K), K = two a year; ours carry no factor."""
    panel = mpdta[mpdta["first.treat"].isin([0, cohort]) & mpdta["year"].between(*years)]
    n_units, n_years = panel["countyreal"].nunique(), panel["year"].nunique()
    factor = n_units / (n_units - 1) * (len(panel) - 1) / (len(panel) - 2 * n_years)
    result = estimate_effects(panel, replace(DESIGN, estimator="stacked"))
    table = result.tidy().set_index("event_time")
    found = table.loc[list(effects), ["estimate", "std_error"]].to_numpy()
    expected = np.array(list(effects.values()))
    assert_allclose(found[:, 0], expected[:, 0], rtol=SAME_FORMULA)
    assert_allclose(found[:, 1] * np.sqrt(factor), expected[:, 1], rtol=SAME_FORMULA)


DIFF_DIFF_DOUBLY_ROBUST = {
    (2004, 2004): -0.014529621121562418,
    (2004, 2006): -0.14044825868827404,
    (2006, 2006): 0.0009613949844391595,
    (2007, 2007): -0.028781353889485554,
}
"""diff-diff 3.13.0, never treated controls, covariate lpop."""


@pytest.mark.parametrize("cell", list(DIFF_DIFF_DOUBLY_ROBUST))
def test_diff_diff_divides_the_weighted_residuals_of_controls_by_the_number_treated(
    mpdta: pd.DataFrame, cell: tuple[int, int]
) -> None:
    """Sant'Anna and Zhao (2020, section 2) and R's DRDID divide by the sum of the weights, as we do."""
    design = replace(DESIGN, control_group="never_treated", covariates=("lpop",))
    table = att_gt(mpdta, design).tidy().set_index(["cohort", "year"])
    wide = read_panel(mpdta, design)
    base, year = np.searchsorted(wide.years, [table.loc[cell, "base_year"], cell[1]])
    compared = (wide.cohort == cell[0]) | np.isinf(wide.cohort)
    sample = make_sample(
        treated=wide.cohort[compared] == cell[0],
        covariates=wide.covariates[compared, base],
        weights=wide.weights[compared],
    )
    change = (wide.outcome[:, year] - wide.outcome[:, base])[compared]
    controls = sample.covariates[~sample.treated]
    coefficients = np.linalg.lstsq(controls, change[~sample.treated], rcond=None)[0]
    residual = change - sample.covariates @ coefficients
    odds = control_weights(sample, fit_sample(sample))[0]
    treated = residual[sample.treated].mean()
    by_weights = treated - odds @ residual / odds.sum()
    by_number = treated - odds @ residual / sample.treated.sum()
    assert table.loc[cell, "estimate"] == pytest.approx(by_weights, rel=SAME_FORMULA)
    assert DIFF_DIFF_DOUBLY_ROBUST[cell] == pytest.approx(by_number, rel=SAME_FORMULA)
    assert abs(by_number / by_weights - 1) > 100 * SAME_FORMULA
