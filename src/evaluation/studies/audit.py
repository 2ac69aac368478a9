"""Checks of the data that a reader can follow: sources, coverage, the index recomputed from its parts.

Belongs here: tables about the data. Does not belong here: refusing data (`evaluation.sources`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.regions import Registry
from evaluation.schema import GRADES
from evaluation.sources import list_vintages
from evaluation.sources.origins import vintage_day

COVERED_SHARE = 0.5
"""Share of regions with a usable figure from which a year counts as covered."""
HDI_GOALPOSTS = {
    "life_expectancy": (20.0, 85.0),
    "expected_years_schooling": (0.0, 18.0),
    "mean_years_schooling": (0.0, 15.0),
    "adj_expenditure_pc": (1007.436, 26572.352),
}
"""Goalposts of the new-method index of BPS; expenditure in thousand rupiah a person and year."""
PUBLISHED_DECIMALS = 2


def source_summary(observations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a source and vintage: n_figures, n_regions, first_year, last_year, figures by grade."""
    grouped = observations.groupby(["source", "vintage"])
    summary = grouped.agg(
        n_figures=("value", "size"),
        n_regions=("region_code", "nunique"),
        first_year=("year", "min"),
        last_year=("year", "max"),
    )
    grades = observations.groupby(["source", "vintage", "quality"]).size()
    by_grade = grades.unstack("quality", fill_value=0).reindex(columns=list(GRADES), fill_value=0)  # noqa: PD010
    return summary.join(by_grade).reset_index()


def coverage_by_year(indicators: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    """Return how many scored indicators of each pillar have usable figures for half of the regions, by year."""
    pillar_of = {
        indicator.code: catalog.pillar_of[indicator.dimension or ""]
        for indicator in catalog.with_use("scored")
    }
    usable = indicators[indicators["indicator"].isin(pillar_of) & (indicators["quality"] != "C")]
    counts = usable.groupby(["indicator", "year"])["region_code"].nunique()
    n_regions = indicators["region_code"].nunique()
    covered = counts[counts >= COVERED_SHARE * n_regions].reset_index()
    covered["pillar"] = covered["indicator"].map(pillar_of)
    table = covered.groupby(["pillar", "year"]).size().rename("n_indicators").reset_index()
    years = range(int(usable["year"].min()), int(usable["year"].max()) + 1)
    grid = pd.MultiIndex.from_product([list(catalog.pillars), years], names=["pillar", "year"])
    return table.set_index(["pillar", "year"]).reindex(grid, fill_value=0).reset_index()


def recompute_hdi(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the human development index recomputed from its four components beside the published one.

    Notes
    -----
    The geometric mean of health, education (mean of two) and expenditure (on logs), each between its
    goalposts, times 100 (BPS, new method since 2014; Human Development Report 2010, technical note 1).

    Returns
    -------
    DataFrame
        region_code, year, published, recomputed, agrees (to the published decimals).
    """
    wanted = [*HDI_GOALPOSTS, "hdi"]
    figures = indicators[indicators["indicator"].isin(wanted)].set_index(["region_code", "year", "indicator"])
    wide = figures["value"].unstack("indicator").dropna(subset=wanted)  # noqa: PD010
    part = {code: (wide[code] - low) / (high - low) for code, (low, high) in HDI_GOALPOSTS.items()}
    low, high = HDI_GOALPOSTS["adj_expenditure_pc"]
    expenditure = (np.log(wide["adj_expenditure_pc"]) - np.log(low)) / (np.log(high) - np.log(low))
    education = (part["expected_years_schooling"] + part["mean_years_schooling"]) / 2
    recomputed = 100 * (part["life_expectancy"] * education * expenditure) ** (1 / 3)
    table = pd.DataFrame({"published": wide["hdi"], "recomputed": recomputed}).reset_index()
    half_unit = 0.5 * 10**-PUBLISHED_DECIMALS
    rounded = table["recomputed"].round(PUBLISHED_DECIMALS)
    return table.assign(agrees=(rounded - table["published"]).abs() < half_unit)


def code_systems_differ(registry: Registry) -> tuple[int, int]:
    """Return for how many regions BPS and Kemendagri codes differ, and how many codes mean two regions."""
    bps = registry.table["region_code"]
    home = registry.table["kemendagri_code"].str.replace(".", "", regex=False)
    differ = bps != home
    return int(differ.sum()), int((home.isin(set(bps)) & differ).sum())


def data_date(raw_dir: Path) -> str:
    """Return the date of the latest dated vintage, empty where none is dated."""
    return max((vintage_day(folder.name) for folder in list_vintages(raw_dir)), default="")
