"""A known effect is recovered without bias, and 95% intervals cover it about 95 times in 100."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import Design, aggregate, att_gt

YEARS = np.arange(2011, 2020)
COHORTS = (2016, 2018)
DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort", covariates=("wealth",))

BIAS_ERRORS = 4.0
"""Monte Carlo standard errors that the mean error may be away from zero: once in 16,000 trials by chance."""

NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Trials:
    """Errors of the simple average, with its standard errors, (n_trials,)."""

    error: np.ndarray
    std_error: np.ndarray

    @property
    def coverage(self) -> float:
        return float((np.abs(self.error) <= NORMAL_95 * self.std_error).mean())

    @property
    def bias_in_errors(self) -> float:
        return float(self.error.mean() / (self.error.std(ddof=1) / np.sqrt(len(self.error))))


def simulate(rng: np.random.Generator, n_units: int) -> tuple[pd.DataFrame, float]:
    """Regions that join by wealth, whose wealth moves the trend; effect 0.5 a year, growing by half.

    Errors are a random walk within regions. Returns the panel and the true average effect of its joiners.
    """
    wealth = rng.normal(size=n_units)
    logits = np.column_stack([np.zeros(n_units), -1.2 + 0.6 * wealth, -1.0 + 0.4 * wealth])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    chosen = (rng.random(n_units)[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    cohort = np.array([0, *COHORTS])[chosen]
    since = YEARS[None, :] - cohort[:, None]
    effect = np.where((cohort[:, None] > 0) & (since >= 0), 0.5 + 0.25 * since, 0.0)
    noise = rng.normal(scale=0.7, size=(n_units, len(YEARS))).cumsum(axis=1)
    outcome = 2 * wealth[:, None] + 0.3 * wealth[:, None] * (YEARS - 2011) + effect + noise
    panel = pd.DataFrame(
        {
            "region": np.repeat(np.arange(n_units), len(YEARS)),
            "year": np.tile(YEARS, n_units),
            "cohort": np.repeat(cohort, len(YEARS)),
            "wealth": np.repeat(wealth, len(YEARS)),
            "outcome": outcome.ravel(),
        }
    )
    return panel, float(effect[effect > 0].mean())


def run_trials(design: Design, *, n_trials: int, n_units: int, seed: int) -> Trials:
    rng = np.random.default_rng(seed)
    errors, std_errors = [], []
    for _ in range(n_trials):
        panel, truth = simulate(rng, n_units)
        overall = aggregate(att_gt(panel, design), "simple").overall
        errors.append(overall["estimate"] - truth)
        std_errors.append(overall["std_error"])
    return Trials(np.array(errors), np.array(std_errors))


def coverage_range(n_trials: int, *, slack: float) -> tuple[float, float]:
    """95% give or take four Monte Carlo errors, and a slack for large-sample standard errors."""
    error = BIAS_ERRORS * np.sqrt(0.95 * 0.05 / n_trials)
    return 0.95 - slack - error, min(1.0, 0.95 + slack + error)


def test_a_known_effect_is_recovered() -> None:
    trials = run_trials(DESIGN, n_trials=150, n_units=200, seed=1)
    low, high = coverage_range(150, slack=0.02)
    assert abs(trials.bias_in_errors) < BIAS_ERRORS
    assert low <= trials.coverage <= high


def test_without_the_covariate_the_selected_trend_is_mistaken_for_an_effect() -> None:
    trials = run_trials(replace(DESIGN, covariates=()), n_trials=60, n_units=200, seed=2)
    assert trials.bias_in_errors > BIAS_ERRORS


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["dr", "reg", "ipw"])
@pytest.mark.parametrize("control_group", ["never_treated", "not_yet_treated"])
def test_intervals_cover_as_they_say(estimator: str, control_group: str) -> None:
    design = replace(DESIGN, estimator=estimator, control_group=control_group)
    trials = run_trials(design, n_trials=1000, n_units=500, seed=3)
    low, high = coverage_range(1000, slack=0.01)
    assert abs(trials.bias_in_errors) < BIAS_ERRORS
    assert low <= trials.coverage <= high


@pytest.mark.slow
def test_simultaneous_bands_cover_all_event_times_together() -> None:
    rng = np.random.default_rng(4)
    design = replace(DESIGN, covariates=())
    n_trials, covered, pointwise = 500, 0, 0
    for trial in range(n_trials):
        panel, _ = simulate(rng, 500)
        flat = rng.normal(scale=0.7, size=(500, len(YEARS))).cumsum(axis=1).ravel()
        result = att_gt(panel.assign(outcome=flat), design)
        banded = aggregate(result, "dynamic", band="simultaneous", draws=499, seed=trial).elements
        plain = aggregate(result, "dynamic").elements
        covered += bool(((banded["conf_low"] <= 0) & (banded["conf_high"] >= 0)).all())
        pointwise += bool(((plain["conf_low"] <= 0) & (plain["conf_high"] >= 0)).all())
    low, high = coverage_range(n_trials, slack=0.02)
    assert low <= covered / n_trials <= high
    assert pointwise / n_trials < low
