"""The panel of one comparison: units, outcome, cohort, covariates, who may be a control.

Belongs here: turning the plan's words into columns of a panel. Does not belong here: estimating.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.plan import (
    JAVA_AND_BALI,
    POPULATION,
    DesignPlan,
    OutcomePlan,
    RowPlan,
    Scale,
    StudyPlan,
)
from evaluation.studies.project import Project

EARTH_RADIUS_KM = 6371.0088
"""Mean radius, IUGG."""
OUTLIER_RANGES = 3
"""Interquartile ranges above the third quartile: Tukey's far-out fence, on logs."""
CONTROL_DISTANCES_KM = {"beyond_50km": 50.0, "beyond_100km": 100.0}
_SCALES: dict[Scale, Callable[..., np.ndarray]] = {"linear": np.asarray, "log": np.log, "log1p": np.log1p}


@dataclass(frozen=True)
class OutcomePanel:
    """A panel ready for an estimator.

    Parameters
    ----------
    table
        One row a region and year: region_code, year, cohort, value, clean_control, weight, covariates.
    covariates
        Names of the covariate columns.
    last_year
        Last year with data of the outcome in its constant-method window; None when there is none.
    wanted_year
        Last year that the row asks for.
    method_changes
        Whether the outcome goes on after that by another method, so that no later year is comparable.
    """

    table: pd.DataFrame
    covariates: tuple[str, ...]
    last_year: int | None
    wanted_year: int
    method_changes: bool


@dataclass(frozen=True)
class StudyData:
    """All that panels are made from, selected once: regions, usable figures, population.

    Parameters
    ----------
    plan, catalog
        The study plan and the catalogue.
    units
        The regions of the study, from `study_units`.
    figures
        Indicator code to its usable figures.
    population
        Usable figures of population.
    """

    plan: StudyPlan
    catalog: Catalog
    units: pd.DataFrame
    figures: Mapping[str, pd.DataFrame]
    population: pd.DataFrame


def study_data(project: Project, indicators: pd.DataFrame, plan: StudyPlan) -> StudyData:
    """Return what the panels of a plan are made from."""
    return StudyData(
        plan=plan,
        catalog=project.catalog,
        units=study_units(project, plan),
        figures={code: usable(indicators, code, plan) for code in plan.studied_indicators},
        population=usable(indicators, POPULATION, plan),
    )


def scaled(values: pd.Series, scale: Scale) -> pd.Series:
    """Return values on the scale they are compared on; the logarithm of zero or less is missing."""
    if scale == "log":
        values = values.where(values > 0)
    return pd.Series(_SCALES[scale](values), index=values.index)


def usable(indicators: pd.DataFrame, code: str, plan: StudyPlan) -> pd.DataFrame:
    """Return the figures of one indicator that the plan lets in."""
    return indicators[
        (indicators["indicator"] == code)
        & ~indicators["quality"].isin(plan.panel.exclude_grades)
        & (indicators["year"] >= plan.panel.first_year)
    ]


def study_units(project: Project, plan: StudyPlan) -> pd.DataFrame:
    """Return the regions of the study with cohort, control status and fixed traits, by region_code."""
    region = project.registry.by_code
    cohorts = project.programme.cohorts.set_index("region_code")
    units = region[["type", "island_group", "lon", "lat", "autonomous"]].join(
        cohorts[["joined", "cohort", "clean_control", "finished", "confidence"]], validate="one_to_one"
    )
    if plan.panel.exclude_split_regions:
        units = units.drop(index=list(project.registry.split_codes))
    if plan.panel.exclude_not_autonomous:
        units = units[units["autonomous"] == "yes"]
    grouped = {name: group for group, names in plan.covariates.island_groups.items() for name in names}
    units = units.assign(
        is_city=(units["type"] == "kota").astype(float), island_group=units["island_group"].map(grouped)
    )
    return units.drop(columns=["type", "autonomous"])


def outcome_panel(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> OutcomePanel:
    """Return the panel of one row of the plan for one outcome."""
    units = _selected_units(data, design=design, row=row)
    covariates = _covariates(units, data, design=design, row=row)
    figures = data.figures[outcome.indicator]
    window = _window_of_base(data, design=design, row=row, outcome=outcome)
    last_observed = figures["year"].max()
    figures = figures[(figures["window"] == window) & figures["region_code"].isin(units.index)]
    last_year = int(figures["year"].max()) if len(figures) else None
    end_year = row.end_year or design.end_year
    figures = figures[(figures["year"] <= end_year) & ~figures["year"].isin(row.drop_years)]
    table = figures[["region_code", "year"]].assign(value=scaled(figures["value"], outcome.scale))
    columns = ["cohort", "clean_control", "weight"]
    table = table.join(units[columns], on="region_code", validate="many_to_one")
    table = table.join(covariates, on="region_code", validate="many_to_one")
    return OutcomePanel(
        table=table.dropna(subset=["value"]).reset_index(drop=True),
        covariates=tuple(covariates.columns),
        last_year=last_year,
        wanted_year=end_year,
        method_changes=last_year is not None and last_year < last_observed,
    )


def near_treated(units: pd.DataFrame, treated: pd.Index, distance_km: float) -> pd.Series:
    """Tell of each region whether a treated region's centroid lies within a distance (great circle)."""
    latitude, longitude = np.radians(units["lat"].to_numpy()), np.radians(units["lon"].to_numpy())
    at = units.index.isin(treated)
    d_lat = latitude[:, None] - latitude[None, at]
    d_lon = longitude[:, None] - longitude[None, at]
    half = np.sin(d_lat / 2) ** 2 + np.cos(latitude)[:, None] * np.cos(latitude[at]) * np.sin(d_lon / 2) ** 2
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half))
    return pd.Series((distance <= distance_km).any(axis=1), index=units.index)


def mining_outliers(data: StudyData) -> tuple[str, ...]:
    """Return the regions whose mean log output a head is far out, sorted."""
    rule = data.plan.mining_outliers
    mean = _mean_over(data.figures[rule.indicator], "log", rule.years)
    low, high = mean.quantile(0.25), mean.quantile(0.75)
    return tuple(sorted(mean.index[mean > high + OUTLIER_RANGES * (high - low)]))


def _selected_units(data: StudyData, *, design: DesignPlan, row: RowPlan) -> pd.DataFrame:
    units = data.units
    studied = units["joined"].isin(design.joined)
    if row.treated == "finished":
        units = units[~studied | units["finished"]]
    elif row.treated == "two_sources":
        units = units[~studied | (units["confidence"] == "two_sources")]
    if row.units == "not_mining":
        units = units.drop(index=list(mining_outliers(data)), errors="ignore")
    elif row.units == "not_java_bali":
        units = units[units["island_group"] != JAVA_AND_BALI]
    weight = pd.Series(1.0, index=units.index)
    if row.weights == "population":
        weight = _population_before(data.population, min(design.joined)).reindex(units.index)
        units = units[weight.notna()]
    return units.assign(weight=weight, clean_control=_eligible_controls(units, design, row))


def _population_before(population: pd.DataFrame, joined: int) -> pd.Series:
    """Return each region's latest population of a year before joining, so that weights are no outcome."""
    before = population[population["year"] < joined].sort_values("year")
    return before.drop_duplicates("region_code", keep="last").set_index("region_code")["value"]


def _eligible_controls(units: pd.DataFrame, design: DesignPlan, row: RowPlan) -> pd.Series:
    eligible = units["clean_control"]
    if row.controls == "not_yet_treated":
        return eligible & units["joined"].notna()
    if row.controls in CONTROL_DISTANCES_KM:
        treated = units.index[units["joined"].isin(design.joined)]
        return eligible & ~near_treated(units, treated, CONTROL_DISTANCES_KM[row.controls])
    return eligible


def _covariates(units: pd.DataFrame, data: StudyData, *, design: DesignPlan, row: RowPlan) -> pd.DataFrame:
    plan = data.plan
    if row.covariates == "none":
        return pd.DataFrame(index=units.index)
    if row.covariates == "island_only":
        return units[["island_group"]]
    columns: dict[str, pd.Series] = {kind: units[kind] for kind in plan.covariates.kinds}
    for code in plan.covariates.pre_period_means:
        mean = _mean_over(data.figures[code], plan.outcome(code).scale, design.covariate_years)
        columns[f"mean_{code}"] = mean.reindex(units.index)
    if row.covariates == "exposure":
        for exposure in plan.exposure_to_2020:
            change = _change_between(data.figures[exposure.indicator], exposure.scale, exposure.years)
            columns[f"change_{exposure.indicator}"] = change.reindex(units.index)
    return pd.DataFrame(columns, index=units.index)


def _mean_over(figures: pd.DataFrame, scale: Scale, years: tuple[int, int]) -> pd.Series:
    within = figures[figures["year"].between(*years)]
    return scaled(within["value"], scale).groupby(within["region_code"]).mean()


def _change_between(figures: pd.DataFrame, scale: Scale, years: tuple[int, int]) -> pd.Series:
    first, last = (
        scaled(figures[figures["year"] == year].set_index("region_code")["value"], scale) for year in years
    )
    return last - first


def _window_of_base(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> int | None:
    """Return the constant-method window of the first base year with data; nothing crosses its ends."""
    first_cohort = min(design.joined) + YEARS_TO_FIRST_EFFECT
    base_year = first_cohort - 1 - data.plan.anticipation_of(design, row)
    years = data.figures[outcome.indicator]["year"]
    before = years[years <= base_year]
    if before.empty:
        return None
    return data.catalog.indicators[outcome.indicator].window_of(int(before.max()))
