"""Adjusted p-values of headline rows against slow, transparent arithmetic, and who is in which family."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.studies import processed
from evaluation.studies.families import adjusted_p_values, jointly_adjusted, with_adjusted
from evaluation.studies.impact_fits import RowFit, headline_fits
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.project import Project

DRAWS = 4_000
MONTE_CARLO = 0.03
"""Four standard errors of a difference of two shares near one half, from 4,000 and 9,999 draws."""
SAME_ARITHMETIC = 1e-12
DESIGNS = ("joiners_2017_2018", "joiners_2021")


@pytest.fixture(scope="module")
def data(project: Project) -> StudyData:
    return study_data(project, processed.indicators(project), project.study_plan)


@pytest.fixture(scope="module")
def adjusted(data: StudyData) -> dict[tuple[str, str, str], float]:
    return adjusted_p_values(data)


def members(data: StudyData, design: str, *, jointly: bool) -> list[RowFit]:
    families = {
        code for code, one in data.plan.families.items() if (one.adjustment == "romano_wolf") == jointly
    }
    fits = [fit for fit in headline_fits(data) if fit.design.code == design and not fit.reason]
    return [fit for fit in fits if fit.outcome.family in families]


def slow_romano_wolf(fits: list[RowFit]) -> dict[str, float]:
    """Step down: the most extreme t first, each against the largest drawn t among those not yet passed."""
    names = [fit.outcome.indicator for fit in fits]
    moves = pd.DataFrame(
        {
            name: pd.Series(
                fit.average.influence[:, 0] / len(fit.average.units), index=fit.average.units.astype(str)
            )
            for name, fit in zip(names, fits, strict=True)
        }
    ).fillna(0.0)
    errors = np.sqrt((moves**2).sum())
    observed = {
        name: abs(float(fit.average.overall["estimate"])) / errors[name]
        for name, fit in zip(names, fits, strict=True)
    }
    rng = np.random.default_rng(3)
    signs = rng.choice([-1.0, 1.0], size=(DRAWS, len(moves)))
    drawn = pd.DataFrame(np.abs(signs @ moves.to_numpy()) / errors.to_numpy(), columns=names)
    result, least, left = {}, 0.0, list(names)
    for name in sorted(names, key=lambda one: -observed[one]):
        as_large = sum(1 for row in drawn[left].to_numpy() if row.max() >= observed[name])
        least = max(least, (as_large + 1) / (DRAWS + 1))
        result[name] = least
        left.remove(name)
    return result


def slow_benjamini_hochberg(p_values: dict[str, float]) -> dict[str, float]:
    """The smallest rate at which each would be among the discoveries."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    n = len(ordered)
    return {
        name: min(
            1.0, min(p_values[other] * n / rank for rank, other in enumerate(ordered, 1) if rank >= place)
        )
        for place, name in enumerate(ordered, 1)
    }


@pytest.mark.parametrize("design", DESIGNS)
def test_primary_outcomes_are_adjusted_jointly(
    data: StudyData, adjusted: dict[tuple[str, str, str], float], design: str
) -> None:
    expected = slow_romano_wolf(members(data, design, jointly=True))
    assert len(expected) >= 3
    for outcome, p in expected.items():
        assert adjusted[design, "conditional", outcome] == pytest.approx(p, abs=MONTE_CARLO)


@pytest.mark.parametrize("design", DESIGNS)
def test_all_other_outcomes_of_a_design_are_one_family(
    data: StudyData, adjusted: dict[tuple[str, str, str], float], design: str
) -> None:
    fits = members(data, design, jointly=False)
    assert {fit.outcome.family for fit in fits} == {"secondary", "placebo"}
    alone = {fit.outcome.indicator: float(fit.average.overall["p_value"]) for fit in fits}
    for outcome, p in slow_benjamini_hochberg(alone).items():
        assert adjusted[design, "conditional", outcome] == pytest.approx(p, abs=SAME_ARITHMETIC)


def test_outcomes_that_a_headline_row_lacks_are_in_no_family(
    data: StudyData, adjusted: dict[tuple[str, str, str], float]
) -> None:
    having = {
        (fit.design.code, fit.row.code, fit.outcome.indicator)
        for fit in headline_fits(data)
        if not fit.reason
    }
    assert set(adjusted) == having
    assert ("joiners_2021", "conditional", "grdp_pc_real") not in adjusted
    assert jointly_adjusted(data.plan) == ("primary",)


def test_an_adjusted_p_value_is_never_below_its_own(
    data: StudyData, adjusted: dict[tuple[str, str, str], float]
) -> None:
    for fit in headline_fits(data):
        if not fit.reason:
            alone = float(fit.average.overall["p_value"])
            joint = fit.outcome.family in jointly_adjusted(data.plan)
            key = (fit.design.code, fit.row.code, fit.outcome.indicator)
            assert adjusted[key] >= alone - (MONTE_CARLO if joint else SAME_ARITHMETIC)
            assert adjusted[key] <= 1


def test_only_the_averages_of_headline_rows_are_adjusted(
    data: StudyData, adjusted: dict[tuple[str, str, str], float]
) -> None:
    keys = pd.DataFrame(
        [
            (d, r, o)
            for d in DESIGNS
            for r in ("conditional", "unconditional")
            for o in ("poverty_rate", "hdi")
        ],
        columns=["design", "row", "outcome"],
    )
    table = pd.concat([keys.assign(parameter="simple"), keys.assign(parameter="dynamic")], ignore_index=True)
    found = with_adjusted(table, data)
    filled = found[found["p_adjusted"].notna()]
    assert len(filled) == 4
    assert set(filled["row"]) == {"conditional"}
    assert set(filled["parameter"]) == {"simple"}
    for row in filled.itertuples():
        assert row.p_adjusted == adjusted[row.design, row.row, row.outcome]


def test_the_same_data_give_the_same_p_values(
    project: Project, adjusted: dict[tuple[str, str, str], float]
) -> None:
    again = study_data(project, processed.indicators(project), project.study_plan)
    assert adjusted_p_values(again) == adjusted
