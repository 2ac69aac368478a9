"""Who a region is compared with, and how it is compared: groups, and quantiles over the others of a group.

Belongs here: grouping regions and summarising groups. Does not belong here: words for the groups.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.regions import Registry

Group = Literal["peers", "island_group", "province", "country"]
GROUPS: tuple[Group, ...] = ("peers", "island_group", "province", "country")
LEAST_SHARE_ALIKE = 0.5
"""Share of a group that must have figures for the same dimensions for its median to stand for the group."""
MIN_COMPARED = 5
"""Fewest other regions for a median and a range to describe a group rather than single neighbours."""


def region_groups(registry: Registry, indicators: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    """Return one row a region with its population class and the label of each of its groups.

    Peers are the regions of the same type and population class in the whole country. A region whose
    population is not known has no population class and no peers.

    Returns
    -------
    DataFrame
        Indexed by region_code: population, population_year, population_class (empty where unknown), and the
        columns of `GROUPS`.
    """
    people = latest_population(indicators).reindex(pd.Index(registry.codes, name="region_code"))
    groups = people.assign(population_class=population_class(people["population"], catalog))
    region = registry.by_code
    groups["peers"] = np.where(
        groups["population_class"] == "", "", region["type"] + "/" + groups["population_class"]
    )
    groups["island_group"] = region["island_group"]
    groups["province"] = region["province"]
    groups["country"] = "Indonesia"
    return groups


def latest_population(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the latest usable population of each region, with its year."""
    people = indicators[(indicators["indicator"] == "population") & (indicators["quality"] != "C")]
    latest = people.sort_values("year").drop_duplicates("region_code", keep="last").set_index("region_code")
    return latest[["value", "data_year"]].rename(
        columns={"value": "population", "data_year": "population_year"}
    )


def population_class(population: pd.Series, catalog: Catalog) -> pd.Series:
    """Return the code of the population class of each region, empty where the population is unknown."""
    classes = catalog.framework.population_classes
    limits = [size.below for size in classes if size.below is not None]
    position = np.searchsorted(limits, population.to_numpy(dtype=float), side="right")
    names = np.array([size.code for size in classes])[np.clip(position, 0, len(classes) - 1)]
    return pd.Series(np.where(population.isna(), "", names), index=population.index)


def others_count(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return, for each region, how many other regions of its group have a value; 0 where it has no group."""
    count = np.zeros(len(values), dtype="int64")
    for members in _groups(labels):
        present = ~np.isnan(values[members])
        count[members] = present.sum() - present
    return count


def others_quantiles(values: np.ndarray, labels: np.ndarray, *points: float) -> np.ndarray:
    """Return, for each region, quantiles over the other regions of its group.

    Parameters
    ----------
    values
        (n_regions,), NaN where missing; a region without a value is compared with all that have one.
    labels
        (n_regions,), the group of each; empty where a region has none.
    points
        Quantiles between 0 and 1, by linear interpolation (Hyndman and Fan 1996, type 7).

    Returns
    -------
    ndarray
        (n_regions, n_points), NaN where fewer than `MIN_COMPARED` others have a value.
    """
    result = np.full((len(values), len(points)), np.nan)
    for members in _groups(labels):
        result[members] = _leave_one_out(values[members], np.asarray(points))
    return result


def _groups(labels: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels) if label != ""]


def _leave_one_out(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    present = ~np.isnan(values)
    ordered = np.sort(values[present])
    n_others = present.sum() - present
    # Where a value is left out, the elements from its place on move down by one.
    place = np.where(present, np.searchsorted(ordered, values), len(ordered))
    position = np.clip(n_others - 1, 0, None)[:, None] * points[None, :]
    below = np.floor(position).astype(int)
    above = np.ceil(position).astype(int)
    enough = n_others >= MIN_COMPARED
    result = np.full(position.shape, np.nan)
    if enough.any():
        low = ordered[(below + (below >= place[:, None]))[enough]]
        high = ordered[(above + (above >= place[:, None]))[enough]]
        result[enough] = low + (high - low) * (position - below)[enough]
    return result
