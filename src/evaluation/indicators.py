"""Observations become indicators: one value a region, year and indicator.

Belongs here: choosing the vintage, following an indicator's segments, naming the constant-method window,
carrying the grade. Does not belong here: reading files, or turning values into scores.
"""

from __future__ import annotations

import pandas as pd

from evaluation.catalog import Catalog, Indicator, Segment
from evaluation.schema import INDICATORS, conform
from evaluation.sources import vintage_order


def build_indicators(observations: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    """Return the table `indicators`: all indicators of the catalogue that have data, all years.

    Of several vintages of one figure the latest counts; undated ones are older than dated ones. Nothing is
    filled, carried or averaged. Grade C figures are carried with their grade.

    Parameters
    ----------
    observations
        Table `observations`.
    catalog
        Says which variable of which source carries an indicator in which years.
    """
    current = latest_vintage(observations)
    parts = [
        _segment_values(current, indicator=indicator, segment=segment)
        for indicator, segment in catalog.segments()
    ]
    return conform(pd.concat(parts, ignore_index=True), INDICATORS)


def latest_vintage(observations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a source, region, year and variable: that of the latest vintage which has the figure."""
    order = {vintage: position for position, vintage in enumerate(sorted_vintages(observations))}
    ranked = observations.assign(vintage_position=observations["vintage"].map(order))
    figure = ["source", "region_code", "year", "variable"]
    latest = ranked.sort_values("vintage_position", kind="stable").drop_duplicates(figure, keep="last")
    return latest.drop(columns="vintage_position")


def sorted_vintages(observations: pd.DataFrame) -> list[str]:
    """Return the vintages of a table from the oldest to the newest."""
    return sorted(observations["vintage"].unique(), key=vintage_order)


def _segment_values(observations: pd.DataFrame, *, indicator: Indicator, segment: Segment) -> pd.DataFrame:
    chosen = observations[
        (observations["source"] == segment.source)
        & (observations["variable"] == segment.variable)
        & observations["year"].between(segment.first_year, segment.last_year)
    ]
    return chosen.assign(
        indicator=indicator.code,
        data_year=chosen["year"],
        window=[indicator.window_of(year) for year in chosen["year"]],
        imputed=False,
    ).drop(columns="variable")
