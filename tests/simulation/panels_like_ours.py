"""Panels shaped like the programme's: 514 regions, 12 years, factors, provinces; and the inference each gives.

Unit effects of standard deviation 1, three factors that follow AR(1) with 0.7 and loadings of standard deviation
0.5, noise AR(1) with 0.5 and standard deviation 0.5; 300 regions are donors, the others could have been treated.
Nobody is: effects are added to gaps afterwards, which gives the same gaps, because weights rest on the years
before and on donors only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.impact.synthetic import (
    SyntheticDesign,
    SyntheticPanel,
    placebo_gaps,
    synthetic_effects,
)
from evaluation.impact.synthetic.fit_rules import FitVerdicts, judge_fit
from evaluation.impact.synthetic.gap_panel import GapPanel, gap_panel

N_UNITS, N_DONORS, N_YEARS = 514, 300, 12
FIRST_YEAR = 2010
NOISE_SD = 0.5
NOISE_PERSISTENCE, FACTOR_PERSISTENCE = 0.5, 0.7
N_FACTORS = 3
LOADING_SD = 0.5
N_PROVINCES = 34
PROVINCE_SHARE = 0.6
"""Standard deviation of a province's shocks relative to a region's noise."""

WARM_UP = 20


@dataclass(frozen=True)
class Drawn:
    """One panel's outcome, and each region's province."""

    outcome: np.ndarray
    province: np.ndarray


def draw_panel(
    rng: np.random.Generator, *, province_share: float = 0.0, loading_sd: float = LOADING_SD
) -> Drawn:
    length = WARM_UP + N_YEARS
    factors = autoregression(rng, (N_FACTORS, length), FACTOR_PERSISTENCE)
    noise = NOISE_SD * autoregression(rng, (N_UNITS, length), NOISE_PERSISTENCE)
    province = rng.permutation(np.arange(N_UNITS) % N_PROVINCES)
    shocks = province_share * NOISE_SD * autoregression(rng, (N_PROVINCES, length), NOISE_PERSISTENCE)
    loadings = loading_sd * rng.standard_normal((N_UNITS, N_FACTORS))
    level = rng.standard_normal((N_UNITS, 1))
    outcome = level + loadings @ factors + noise + shocks[province]
    return Drawn(outcome[:, WARM_UP:], province)


def autoregression(rng: np.random.Generator, shape: tuple[int, int], persistence: float) -> np.ndarray:
    """Stationary with variance one."""
    innovations = rng.standard_normal(shape)
    values = np.zeros(shape)
    values[:, 0] = innovations[:, 0]
    for year in range(1, shape[1]):
        values[:, year] = (
            persistence * values[:, year - 1] + np.sqrt(1 - persistence**2) * innovations[:, year]
        )
    return values


@dataclass(frozen=True)
class Judged:
    """Gaps of one estimator, with the verdict on every fit."""

    panel: GapPanel
    verdicts: FitVerdicts

    @property
    def recommended(self) -> GapPanel:
        """Placebos judged as the units are."""
        return self.panel.without_placebos(self.verdicts.placebo_fails)


def gaps_of(drawn: Drawn, *, estimator: str, n_pre: int, treated: np.ndarray) -> Judged:
    names = np.array([f"r{place:03d}" for place in range(N_UNITS)], dtype=object)
    years = np.arange(FIRST_YEAR, FIRST_YEAR + N_YEARS)
    panel = SyntheticPanel(units=names, years=years, outcome=drawn.outcome)
    design = SyntheticDesign(
        outcome="outcome",
        unit="region_code",
        time="year",
        treated=dict.fromkeys(names[treated], FIRST_YEAR + n_pre),
        donors=tuple(names[:N_DONORS]),
        estimator=estimator,
        anticipation=0,
    )
    found, fan = synthetic_effects(panel, design), placebo_gaps(panel, design).fans[0]
    gaps = gap_panel(
        gaps=found.gap_matrix,
        placebo_gaps=fan.gaps,
        pre=fan.pre,
        post=fan.post,
        units=names[treated],
        placebos=fan.donors,
    )
    compared = drawn.outcome
    if estimator != "sc":
        compared = compared - compared[:, fan.pre].mean(axis=1, keepdims=True)
    return Judged(gaps, judge_fit(gaps, observed=compared[treated], donors=compared[:N_DONORS]))
