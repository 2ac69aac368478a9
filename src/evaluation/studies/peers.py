"""Who a region is compared with: its peers and the wider groups it belongs to.

Belongs here: grouping regions and summarising a group. Does not belong here: words for the groups.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.regions import Registry

Group = Literal["peers", "island_group", "province", "country"]
GROUPS: tuple[Group, ...] = ("peers", "island_group", "province", "country")
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


def members(groups: pd.DataFrame, region_code: str, group: Group) -> pd.Index:
    """Return the other regions of a region's group."""
    label = groups.loc[region_code, group]
    same = groups.index[(groups[group] == label) & (label != "")]
    return same.drop(region_code, errors="ignore")


def quantiles(values: pd.Series, *points: float) -> list[float]:
    """Return quantiles of the values present, missing when fewer than `MIN_COMPARED` are."""
    present = values.dropna()
    if len(present) < MIN_COMPARED:
        return [np.nan] * len(points)
    return [float(present.quantile(point)) for point in points]
