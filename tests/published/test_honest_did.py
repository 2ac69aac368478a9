"""Sensitivity to violations of parallel trends, against R's HonestDiD on published event studies.

Reference values: ../shared/reference/impact/honestdid.json, on the event study of Benzarti and Carloni (2019)
as used by Rambachan and Roth (2023), and on a Callaway-Sant'Anna event study of county minimum wages.

R tests 1,000 effects between -20 and +20 standard errors and prints the outermost that it accepts; its least
favourable critical value comes from 1,000 draws, its folded normal quantile from a million. We refine the
ends, so that ours lie within a grid step beyond R's, give or take the noise of its draws.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import Design, EventStudy, aggregate, att_gt, event_study, honest

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"

R_GRID_POINTS = 1000
R_GRID_REACH = 20.0

DRAW_STEPS = 1.0
"""Grid steps by which R's 1,000 draws may move an end, besides the step it rounds away."""

FOLDED_QUANTILE_ERROR = 4 * 0.0021
"""Four standard errors of a 95% quantile from a million draws: sqrt(0.05 x 0.95 / 1e6) over a density of 0.103
to 0.117; in standard errors of the estimate."""

SIGMA_DIGITS = 1e-6
"""The vignette's estimates against our own Callaway-Sant'Anna run: two packages, no draws."""


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = REFERENCE / "honestdid.json"
    if not path.exists():
        pytest.skip(f"the reference results are not here: {path}")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def payroll_taxes(reference: dict[str, Any]) -> EventStudy:
    data = REFERENCE / "data"
    return event_study(
        event_time=[-5, -4, -3, -2, 0, 1, 2, 3],
        estimate=np.loadtxt(data / "honest_bc_beta.csv"),
        vcov=np.loadtxt(data / "honest_bc_sigma.csv", delimiter=","),
    )


@pytest.fixture(scope="module")
def minimum_wage(reference: dict[str, Any]) -> EventStudy:
    found = reference["mpdta_cs"]
    return event_study(event_time=found["egt"], estimate=found["beta"], vcov=found["sigma"])


def bounds_of(rows: list[dict[str, Any]]) -> list[float]:
    return [row.get("M", row.get("Mbar")) for row in rows]


def ends_of(table: pd.DataFrame) -> np.ndarray:
    return table.iloc[1:][["conf_low", "conf_high"]].to_numpy()


def first_error(study: EventStudy) -> float:
    return float(study.tidy().loc[study.event_time == 0, "std_error"].iloc[0])


def r_ends(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([[row["lb"], row["ub"]] for row in rows])


def assert_within_grid(ours: np.ndarray, theirs: np.ndarray, widths: np.ndarray) -> None:
    """Ours at most one step outside of R's rounded ends, give or take its draws."""
    outside = np.column_stack([theirs[:, 0] - ours[:, 0], ours[:, 1] - theirs[:, 1]])
    step = widths[:, None] / (R_GRID_POINTS - 1)
    assert (outside >= -DRAW_STEPS * step).all()
    assert (outside <= (1 + DRAW_STEPS) * step).all()


def test_interval_under_parallel_trends(payroll_taxes: EventStudy, reference: dict[str, Any]) -> None:
    row = honest(payroll_taxes, effect="first").tidy().iloc[0]
    expected = reference["bc_orig"][0]
    assert row["conf_low"] == pytest.approx(expected["lb"][0], rel=1e-12)
    assert row["conf_high"] == pytest.approx(expected["ub"][0], rel=1e-12)


def test_smoothness_fixed_length(payroll_taxes: EventStudy, reference: dict[str, Any]) -> None:
    rows = reference["bc_sd_flci"]
    result = honest(payroll_taxes, restriction="smoothness", bounds=bounds_of(rows), effect="first")
    assert set(result.tidy()["method"][1:]) == {"fixed_length"}
    tolerance = FOLDED_QUANTILE_ERROR * 0.031
    np.testing.assert_allclose(ends_of(result.tidy()), r_ends(rows), atol=tolerance, rtol=0)
    # The draws move both ends alike: the centre is exact where R's solver has converged.
    centres = ends_of(result.tidy()).mean(axis=1)
    np.testing.assert_allclose(centres[1:], r_ends(rows).mean(axis=1)[1:], atol=1e-8)


@pytest.mark.parametrize(("name", "bias_sign"), [("bc_sd_clf", "any"), ("bc_sdpb_clf", "positive")])
def test_smoothness_hybrid(
    payroll_taxes: EventStudy, reference: dict[str, Any], name: str, bias_sign: str
) -> None:
    rows = reference[name]
    result = honest(
        payroll_taxes,
        restriction="smoothness",
        method="hybrid",
        bounds=bounds_of(rows),
        effect="first",
        bias_sign=bias_sign,
    )
    sides = 2 if bias_sign == "any" else 1
    widths = 2 * R_GRID_REACH * first_error(payroll_taxes) + sides * np.array(bounds_of(rows))
    assert_within_grid(ends_of(result.tidy()), r_ends(rows), widths)


def test_relative_magnitudes_hybrid(payroll_taxes: EventStudy, reference: dict[str, Any]) -> None:
    rows = reference["bc_rm_clf"]
    result = honest(payroll_taxes, bounds=bounds_of(rows), effect="first")
    ours, theirs = ends_of(result.tidy()), r_ends(rows)
    widths = np.full(len(rows), 2 * R_GRID_REACH * first_error(payroll_taxes))
    assert_within_grid(ours[:-1], theirs[:-1], widths[:-1])
    assert_within_grid(ours[-1:, [0, 0]] * [1, 0], theirs[-1:, [0, 0]] * [1, 0], widths[-1:])


def test_an_interval_that_reaches_the_edge_of_rs_grid_is_cut_there(
    payroll_taxes: EventStudy, reference: dict[str, Any]
) -> None:
    """With Mbar = 2 R prints 20 standard errors as upper end, and warns; the interval goes on to 0.4242."""
    last = reference["bc_rm_clf"][-1]
    assert last["ub"] == pytest.approx(R_GRID_REACH * first_error(payroll_taxes), rel=1e-12)
    ours = honest(payroll_taxes, bounds=[2.0], effect="first").tidy().iloc[1]
    assert ours["conf_high"] == pytest.approx(0.4242, abs=5e-4)


def test_relative_magnitudes_on_a_staggered_event_study(
    minimum_wage: EventStudy, reference: dict[str, Any]
) -> None:
    rows = reference["mpdta_cs_rm_e0"]
    result = honest(minimum_wage, bounds=bounds_of(rows), effect="first")
    widths = np.full(len(rows), 2 * R_GRID_REACH * first_error(minimum_wage))
    assert_within_grid(ends_of(result.tidy()), r_ends(rows), widths)
    assert result.breakdown == 0.0


def test_our_own_event_study_is_the_one_that_r_was_given(
    minimum_wage: EventStudy, reference: dict[str, Any]
) -> None:
    panel = pd.read_csv(REFERENCE / "data" / "mpdta.csv")
    design = Design(
        outcome="lemp",
        unit="countyreal",
        time="year",
        cohort="first.treat",
        control_group="never_treated",
        base_period="universal",
    )
    dynamic = aggregate(att_gt(panel, design), "dynamic")
    found = honest(dynamic, bounds=[1.0], effect="first").study
    np.testing.assert_array_equal(found.event_time, minimum_wage.event_time)
    np.testing.assert_allclose(found.estimate, minimum_wage.estimate, rtol=SIGMA_DIGITS)
    np.testing.assert_allclose(found.vcov, minimum_wage.vcov, rtol=SIGMA_DIGITS, atol=1e-10)


BENZARTI_CARLONI = (
    [0.006696352, 0.029345034, -0.006472972, 0.073014989, 0.195961118, 0.312063903, 0.239541546, 0.126042500],
    0.01897289,
)
"""Effects of a cut in sales taxes on restaurants' profits, 2004 to 2012 without 2008, and the standard error of
2009: Benzarti and Carloni (2019), American Economic Journal: Economic Policy 11(1), as distributed with
HonestDiD."""


def test_published_conclusion_on_restaurant_profits(
    payroll_taxes: EventStudy, reference: dict[str, Any]
) -> None:
    """Rambachan and Roth (2023), section 6.1: significant up to a linear-trend deviation M of about 0.2."""
    estimates, error = BENZARTI_CARLONI
    np.testing.assert_allclose(payroll_taxes.estimate, estimates, atol=5e-6)
    assert first_error(payroll_taxes) == pytest.approx(error, abs=1e-7)
    breakdown = honest(payroll_taxes, restriction="smoothness", effect="first").breakdown
    assert 0.2 < breakdown < 0.3
