"""The panel of one comparison: units, outcome, cohort, covariates, who may be a control.

Belongs here: turning the plan's words into columns of a panel. Does not belong here: estimating.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from evaluation.catalog import Catalog
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.plan import (
    JAVA,
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
    left_out
        Regions that the study leaves out with the reason (`split`, `not_autonomous`), from `left_out_units`.
    fits
        Rows of the plan that were carried out, by design, row and outcome (`evaluation.studies.impact_fits`).
    tables
        What several panels share: columns by region of a design and row, figures of an outcome.
    """

    plan: StudyPlan
    catalog: Catalog
    units: pd.DataFrame
    figures: Mapping[str, pd.DataFrame]
    population: pd.DataFrame
    left_out: pd.DataFrame
    fits: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    tables: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False, compare=False)


def study_data(project: Project, indicators: pd.DataFrame, plan: StudyPlan) -> StudyData:
    """Return what the panels of a plan are made from."""
    return StudyData(
        plan=plan,
        catalog=project.catalog,
        units=study_units(project, plan),
        figures={code: usable(indicators, code, plan) for code in plan.studied_indicators},
        population=usable(indicators, POPULATION, plan),
        left_out=left_out_units(project, plan),
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
    traits = ["province", "type", "island_group", "lon", "lat", "autonomous"]
    units = region[traits].join(
        cohorts[["joined", "cohort", "clean_control", "finished", "confidence"]], validate="one_to_one"
    )
    if plan.panel.exclude_split_regions:
        units = units.drop(index=list(project.registry.split_codes))
    if plan.panel.exclude_not_autonomous:
        units = units[units["autonomous"] == "yes"]
    grouped = {name: group for group, names in plan.covariates.island_groups.items() for name in names}
    units = units.assign(
        is_city=(units["type"] == "kota").astype(float),
        island=units["island_group"],
        island_group=units["island_group"].map(grouped),
    )
    return units.drop(columns=["type", "autonomous"])


def left_out_units(project: Project, plan: StudyPlan) -> pd.DataFrame:
    """Return the regions that are no units of the study: joined and why, by region_code."""
    joined = project.programme.cohorts.set_index("region_code")["joined"]
    outside = joined.drop(index=study_units(project, plan).index)
    is_split = outside.index.isin(project.registry.split_codes)
    return pd.DataFrame({"joined": outside, "why": np.where(is_split, "split", "not_autonomous")})


def outcome_panel(data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> OutcomePanel:
    """Return the panel of one row of the plan for one outcome."""
    traits = _shared(data, ("traits", design.code, row.code), lambda: _traits(data, design=design, row=row))
    series = _shared(data, ("series", outcome.indicator), lambda: _series(data, outcome))
    window = _window_of_base(data, design=design, row=row, outcome=outcome, series=series)
    own = traits.place[series.place]  # the figure's row among the regions of the panel, -1 outside
    inside = (series.window == window) & (own >= 0)
    last_year = int(series.year[inside].max()) if inside.any() else None
    end_year = row.end_year or design.end_year
    used = (
        inside & (series.year <= end_year) & ~np.isin(series.year, row.drop_years) & ~np.isnan(series.value)
    )
    own = own[used]
    columns = {
        "region_code": traits.region_code.take(own),
        "year": series.year[used],
        "value": series.value[used],
        **{name: values.take(own) for name, values in traits.columns.items()},
    }
    return OutcomePanel(
        table=pd.DataFrame(columns),
        covariates=traits.covariates,
        last_year=last_year,
        wanted_year=end_year,
        method_changes=last_year is not None and last_year < series.last_observed,
    )


@dataclass(frozen=True)
class _Traits:
    """What panels of one design and row have in common for every outcome.

    Parameters
    ----------
    region_code
        Regions of the panel, (n_regions,).
    columns
        Cohort, clean_control, weight and covariates, (n_regions,) each.
    covariates
        Names of the covariates.
    place
        Row of each region of the study among those of the panel, -1 where it is not, (n_units + 1,); the last entry
        stands for regions outside the study.
    """

    region_code: ExtensionArray
    columns: dict[str, ExtensionArray]
    covariates: tuple[str, ...]
    place: np.ndarray


@dataclass(frozen=True)
class _Series:
    """Usable figures of one outcome on its scale, (n_figures,) each.

    Parameters
    ----------
    place
        Position of the region among those of the study, -1 outside.
    year, window, value
        Year, constant-method window, and figure; missing where the scale has none.
    last_observed
        Last year with a figure of any method.
    """

    place: np.ndarray
    year: np.ndarray
    window: np.ndarray
    value: np.ndarray
    last_observed: int


def _shared(data: StudyData, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    if key not in data.tables:
        data.tables[key] = make()
    return data.tables[key]


def _traits(data: StudyData, *, design: DesignPlan, row: RowPlan) -> _Traits:
    units = _selected_units(data, design=design, row=row)
    covariates = _covariates(units, data, design=design, row=row)
    place = np.full(len(data.units) + 1, -1)
    place[data.units.index.get_indexer(units.index)] = np.arange(len(units))
    columns = pd.concat([units[["cohort", "clean_control", "weight"]], covariates], axis=1)
    return _Traits(
        region_code=units.index.array,
        columns={str(name): column.array for name, column in columns.items()},
        covariates=tuple(covariates.columns),
        place=place,
    )


def _series(data: StudyData, outcome: OutcomePlan) -> _Series:
    figures = data.figures[outcome.indicator]
    return _Series(
        place=data.units.index.get_indexer(figures["region_code"]),
        year=figures["year"].to_numpy(),
        window=figures["window"].to_numpy(),
        value=scaled(figures["value"], outcome.scale).to_numpy(dtype=float),
        last_observed=int(figures["year"].max()) if len(figures) else 0,
    )


def near_treated(units: pd.DataFrame, treated: pd.Index, distance_km: float) -> pd.Series:
    """Tell of each region whether a treated region's centroid lies within a distance (great circle)."""
    distance = distances_km(units, units[units.index.isin(treated)])
    return pd.Series((distance <= distance_km).any(axis=1), index=units.index)


def distances_km(units: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Return great-circle distances between centroids, (n_units, n_others), in kilometres."""
    latitude, longitude = (np.radians(units[name].to_numpy())[:, None] for name in ("lat", "lon"))
    other_latitude, other_longitude = (np.radians(others[name].to_numpy())[None] for name in ("lat", "lon"))
    d_lat, d_lon = latitude - other_latitude, longitude - other_longitude
    half = np.sin(d_lat / 2) ** 2 + np.cos(latitude) * np.cos(other_latitude) * np.sin(d_lon / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)))


def mining_outliers(data: StudyData) -> tuple[str, ...]:
    """Return the regions of the study whose mean log output a head is far out among all regions, sorted."""
    rule = data.plan.mining_outliers
    mean = _mean_over(data.figures[rule.indicator], "log", rule.years)
    low, high = mean.quantile(0.25), mean.quantile(0.75)
    far = mean.index[mean > high + OUTLIER_RANGES * (high - low)]
    return tuple(sorted(far.intersection(data.units.index)))


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
        weight = population_before(data.population, min(design.joined)).reindex(units.index)
        units = units[weight.notna()]
    return units.assign(weight=weight, clean_control=_eligible_controls(units, design, row))


def population_before(population: pd.DataFrame, joined: int) -> pd.Series:
    """Return each region's latest population of a year before joining, so that weights are no outcome."""
    before = population[population["year"] < joined].sort_values("year")
    return before.drop_duplicates("region_code", keep="last").set_index("region_code")["value"]


def _eligible_controls(units: pd.DataFrame, design: DesignPlan, row: RowPlan) -> pd.Series:
    eligible = units["clean_control"]
    if row.controls == "not_yet_treated":
        return eligible & units["joined"].notna()
    if row.controls == "never_treated":
        return eligible & units["joined"].isna()
    if row.controls == "outside_java":
        return eligible & (units["island"] != JAVA)
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
    kinds = [
        one for one in plan.covariates.kinds if (row.covariates, one) != ("without_island", "island_group")
    ]
    columns: dict[str, pd.Series] = {kind: units[kind] for kind in kinds}
    for code in plan.covariates.pre_period_means:
        mean = _mean_over(data.figures[code], plan.outcome(code).scale, design.covariate_years)
        columns[f"mean_{code}"] = mean.reindex(units.index)
    if row.covariates == "exposure":
        for exposure in plan.exposures_of(row):
            change = change_between(data.figures[exposure.indicator], exposure.scale, exposure.years)
            columns[f"change_{exposure.indicator}"] = change.reindex(units.index)
    if row.covariates == "tourism":
        assert plan.tourism_dependence is not None  # the plan refuses such a row without
        columns["tourism_dependence"] = tourism_dependence(data).reindex(units.index)
    return pd.DataFrame(columns, index=units.index)


def tourism_dependence(data: StudyData) -> pd.Series:
    """Return each region's tourism dependence before the shock, as far as somebody has brought figures."""
    tourism = data.plan.tourism_dependence
    if tourism is None:
        return pd.Series(dtype=float)
    return _mean_over(data.figures[tourism.indicator], tourism.scale, tourism.years)


def _mean_over(figures: pd.DataFrame, scale: Scale, years: tuple[int, int]) -> pd.Series:
    within = figures[figures["year"].between(*years)]
    return scaled(within["value"], scale).groupby(within["region_code"]).mean()


def change_between(figures: pd.DataFrame, scale: Scale, years: tuple[int, int]) -> pd.Series:
    """Return each region's change of usable figures from one year to another, on their scale."""
    """Return each region's change from the first to the last of two years, on a scale, missing where a year is."""
    first, last = (
        scaled(figures[figures["year"] == year].set_index("region_code")["value"], scale) for year in years
    )
    return last - first


def _window_of_base(
    data: StudyData, *, design: DesignPlan, row: RowPlan, outcome: OutcomePlan, series: _Series
) -> int | None:
    """Return the constant-method window of the first base year with data; nothing crosses its ends."""
    first_cohort = min(design.joined) + YEARS_TO_FIRST_EFFECT
    base_year = first_cohort - 1 - data.plan.anticipation_of(design, row)
    before = series.year[series.year <= base_year]
    if not before.size:
        return None
    return data.catalog.indicators[outcome.indicator].window_of(int(before.max()))
