"""Bias, and the coverage of every inference, in a design shaped like the programme's.

The regions, their provinces and types, and who joined when are the real ones; the outcomes are simulated:
levels and trends by type (joiners are mostly cities), AR(1) errors within regions, shocks common to a
province. The effect is 0.3 from the cohort's first year on. Run with ``-s`` to read the table of coverage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

from evaluation.impact import (
    AggregateResult,
    Design,
    Intervals,
    aggregate,
    cluster_scores,
    cr2,
    influence_jackknife,
    wild_cluster_bootstrap,
)
from evaluation.impact.clustered_regression import average_effect_of
from evaluation.impact.estimators import effects_of
from evaluation.impact.observations import choose_observations
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.studies.project import Project

YEARS = np.arange(2011, 2020)
EFFECT = 0.3
PERSISTENCE = 0.7
PROVINCE_SHARE = 0.6
"""Standard deviation of a province's shocks relative to a region's."""

BIAS_ERRORS = 4.0
"""Monte Carlo standard errors that the mean error may be away from zero: once in 16,000 trials by chance."""

NORMAL_95 = 1.959964

DESIGN = Design(
    outcome="outcome",
    unit="region_code",
    time="year",
    cohort="cohort",
    covariates=("is_city",),
    anticipation=1,
    base_period="universal",
    cohorts=(2018, 2019),
    clusters="province",
)


@dataclass(frozen=True)
class Shape:
    """The real regions as a panel without outcome, and as arrays for the draws."""

    wide: WidePanel
    province: np.ndarray
    is_city: np.ndarray
    truth: float


def shape_of(project: Project) -> Shape:
    """The first year of effect is the year after joining, as everywhere in the project."""
    text = {"region_code": str, "code": str}
    regions = pd.read_csv(project.config_dir / "regions.csv", dtype=text)
    joined = (
        pd.read_csv(project.config_dir / "cohorts.csv", dtype=text).groupby("region_code")["joined"].min()
    )
    code = "region_code" if "region_code" in regions else "code"
    frame = pd.DataFrame(
        {
            "region_code": regions[code],
            "province": regions["province"],
            "is_city": (regions["type"] == "kota").astype(float),
            "cohort": regions[code].map(joined) + 1,
        }
    )
    panel = frame.merge(pd.DataFrame({"year": YEARS}), how="cross").assign(outcome=0.0)
    wide = read_panel(panel, DESIGN)
    province = pd.factorize(frame.set_index("region_code").loc[wide.units, "province"], sort=True)[0]
    is_city = wide.covariates[:, 0, 0]
    return Shape(wide=wide, province=province, is_city=is_city, truth=EFFECT)


def autoregressive(rng: np.random.Generator, n_series: int) -> np.ndarray:
    """Stationary AR(1) with innovations of variance one, (n_series, n_years)."""
    noise = rng.normal(size=(n_series, len(YEARS)))
    noise[:, 0] /= np.sqrt(1 - PERSISTENCE**2)
    for year in range(1, len(YEARS)):
        noise[:, year] += PERSISTENCE * noise[:, year - 1]
    return noise


def draw(shape: Shape, rng: np.random.Generator, *, effect: float = EFFECT) -> WidePanel:
    wide = shape.wide
    level = 4 * shape.is_city + rng.normal(size=wide.n_units)
    trend = 0.3 * shape.is_city[:, None] * (YEARS - YEARS[0])
    shocks = PROVINCE_SHARE * autoregressive(rng, shape.province.max() + 1)[shape.province]
    treated = YEARS[None, :] >= wide.cohort[:, None]
    outcome = level[:, None] + trend + shocks + autoregressive(rng, wide.n_units) + effect * treated
    return replace(wide, outcome=outcome)


def overall(wide: WidePanel, design: Design = DESIGN) -> AggregateResult:
    return aggregate(effects_of(wide, design, intervals=Intervals()))


def covers_each_way(wide: WidePanel, truth: float, seed: int) -> dict[str, bool]:
    """Whether the 95% interval of each inference holds the truth."""
    by_province = overall(wide)
    by_region = overall(replace(wide, clusters=None), replace(DESIGN, clusters=None)).overall
    row = by_province.overall
    error = abs(row["estimate"] - truth)
    n_provinces = int(wide.clusters.max()) + 1
    regression = average_effect_of(choose_observations(wide, replace(DESIGN, estimator="etwfe")))
    reduced, jackknife = cr2(regression), influence_jackknife(by_province)
    bootstrap = {"draws": 499, "seed": seed, "null": truth}
    return {
        "regions, normal": abs(by_region["estimate"] - truth) <= NORMAL_95 * by_region["std_error"],
        "provinces, normal": error <= NORMAL_95 * row["std_error"],
        "provinces, t": error <= stdtrit(n_provinces - 1, 0.975) * row["std_error"],
        "provinces, jackknife": jackknife.conf_low <= truth <= jackknife.conf_high,
        "provinces, score bootstrap": wild_cluster_bootstrap(cluster_scores(by_province), **bootstrap).p_value
        >= 0.05,
        "provinces, CR2 (etwfe)": reduced.conf_low <= truth <= reduced.conf_high,
        "provinces, wild bootstrap (etwfe)": wild_cluster_bootstrap(regression, **bootstrap).p_value >= 0.05,
    }


@pytest.fixture(scope="module")
def shape(project: Project) -> Shape:
    return shape_of(project)


def test_the_programmes_own_design_is_estimated_without_bias(shape: Shape) -> None:
    rng = np.random.default_rng(1)
    errors = np.array([overall(draw(shape, rng)).overall["estimate"] - EFFECT for _ in range(40)])
    assert abs(errors.mean()) < BIAS_ERRORS * errors.std(ddof=1) / np.sqrt(len(errors))


def test_without_the_type_of_region_the_trend_of_cities_is_taken_for_an_effect(shape: Shape) -> None:
    rng = np.random.default_rng(2)
    plain = replace(DESIGN, covariates=())
    wides = [draw(shape, rng) for _ in range(60)]
    errors = [
        overall(replace(wide, covariates=wide.covariates[:, :, :0]), plain).overall["estimate"] - EFFECT
        for wide in wides
    ]
    assert np.mean(errors) > BIAS_ERRORS * np.std(errors, ddof=1) / np.sqrt(len(errors))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["dr", "reg", "ipw", "entropy", "imputation", "etwfe", "sun_abraham"])
def test_every_estimator_is_without_bias_when_cities_have_their_own_trend(
    shape: Shape, estimator: str
) -> None:
    rng = np.random.default_rng(3)
    design = replace(DESIGN, estimator=estimator)
    errors = np.array([overall(draw(shape, rng), design).overall["estimate"] - EFFECT for _ in range(200)])
    assert abs(errors.mean()) < BIAS_ERRORS * errors.std(ddof=1) / np.sqrt(len(errors))


RECOMMENDED = ("provinces, jackknife", "provinces, CR2 (etwfe)", "provinces, wild bootstrap (etwfe)")
"""What docs/methods/inference.md recommends: those that hold 93-97% here."""


@pytest.mark.slow
def test_coverage_of_every_inference(shape: Shape) -> None:
    rng = np.random.default_rng(4)
    n_trials = 600
    trials = pd.DataFrame(
        [covers_each_way(draw(shape, rng), EFFECT, seed=trial) for trial in range(n_trials)]
    )
    coverage = trials.mean()
    print(f"\ncoverage of 95% intervals, {n_trials} trials:\n{coverage.round(3).to_string()}")
    error = np.sqrt(0.95 * 0.05 / n_trials)
    for name in RECOMMENDED:
        assert 0.93 - 2 * error <= coverage[name] <= 0.97 + 2 * error, name
    assert coverage["regions, normal"] < coverage["provinces, jackknife"]
