"""Observations become indicators: one value a region, year and indicator.

Belongs here: choosing the vintage, applying the corrections on record, following an indicator's segments, naming the
constant-method window, carrying the grade. Does not belong here: reading files, or turning values into scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose

import pandas as pd

from evaluation.catalog import Catalog, Correction, Indicator, Segment
from evaluation.errors import Fault, raise_if_any
from evaluation.quality import grade_ranks, grades_of, join_reasons
from evaluation.schema import INDICATORS, conform
from evaluation.sources import vintage_order

FIGURE = ["source", "region_code", "year", "variable"]
"""What tells one figure from another, whatever its vintage."""
SAME_VALUE = 1e-9
"""Relative difference up to which a value is the published one: figures are written in decimals, held in binary."""
CORRECTED_REASONS = {"correction": "corrected", "dispute": "disputed"}
WHY_MENDED = "a correction put over a figure that the publisher has mended would bring the error back"
REMEDY_MENDED = (
    "take the record out (its history is in version control), or make a new one for the new figure"
)
REMEDY_LISTED = "add the vintage to `vintages` of the record"


def build_indicators(
    observations: pd.DataFrame, catalog: Catalog, corrections: Sequence[Correction] = ()
) -> pd.DataFrame:
    """Return the table `indicators`: all indicators of the catalogue that have data, all years.

    Of several vintages of one figure the latest counts; undated ones are older than dated ones. Nothing is
    filled, carried or averaged. Grade C figures are carried with their grade.

    Parameters
    ----------
    observations
        Table `observations`.
    catalog
        Says which variable of which source carries an indicator in which years.
    corrections
        Errors and disputes on record.

    Raises
    ------
    BadInputError
        When a record is out of date: the newest vintage has not, or no longer, the value that it corrects.
    """
    current = corrected(latest_vintage(observations), corrections)
    parts = [
        _segment_values(current, indicator=indicator, segment=segment)
        for indicator, segment in catalog.segments()
    ]
    return conform(pd.concat(parts, ignore_index=True), INDICATORS)


def latest_vintage(observations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a source, region, year and variable: that of the latest vintage which has the figure."""
    order = {vintage: position for position, vintage in enumerate(sorted_vintages(observations))}
    ranked = observations.assign(vintage_position=observations["vintage"].map(order))
    latest = ranked.sort_values("vintage_position", kind="stable").drop_duplicates(FIGURE, keep="last")
    return latest.drop(columns="vintage_position")


def corrected(current: pd.DataFrame, corrections: Sequence[Correction]) -> pd.DataFrame:
    """Return figures with the corrections on record applied, each named in the reason of its grade.

    Parameters
    ----------
    current
        One row a source, region, year and variable, as `latest_vintage` returns.
    corrections
        Records. A correction puts its value in the figure's place; a dispute leaves the value. Both lower the grade
        to the record's, or leave it where it is lower already.

    Raises
    ------
    BadInputError
        With every record that is out of date.
    """
    raise_if_any(correction_faults(current, corrections))
    table = current.reset_index(drop=True)
    places = _places(table, corrections)
    for place, record in zip(places, corrections, strict=True):
        if record.corrected is not None:
            table.loc[place, "value"] = record.corrected
        old = table.loc[place, "quality"]
        worst = max(grade_ranks(pd.Series([old, record.quality])))
        reason = f"{CORRECTED_REASONS[record.kind]}:{record.code}"
        table.loc[place, "quality"] = grades_of(worst)
        table.loc[place, "quality_reason"] = join_reasons([table.loc[place, "quality_reason"]], [reason])[0]
    return table


def correction_faults(current: pd.DataFrame, corrections: Sequence[Correction]) -> Iterator[Fault]:
    """Find records whose figure the newest vintage does not have with the value that was published.

    Parameters
    ----------
    current
        One row a source, region, year and variable, as `latest_vintage` returns.
    corrections
        Records.
    """
    table = current.reset_index(drop=True)
    for place, record in zip(_places(table, corrections), corrections, strict=True):
        figure = f"{record.variable} of region {record.region_code} in {record.year}"
        if place < 0:
            yield _out_of_date(record, f"{record.source} has no {figure}")
            continue
        row = table.loc[place]
        if not isclose(row["value"], record.published, rel_tol=SAME_VALUE, abs_tol=SAME_VALUE):
            what = f"{figure} is {row['value']:g} in vintage {row['vintage']}, no longer {record.published:g}"
            yield _out_of_date(record, what)
        elif record.vintages and row["vintage"] not in record.vintages:
            what = f"{figure} is still {record.published:g} in vintage {row['vintage']}, which is not listed"
            yield _out_of_date(record, what, remedy=REMEDY_LISTED)


def _places(table: pd.DataFrame, corrections: Sequence[Correction]) -> list[int]:
    """Return the row of each record's figure, -1 where there is none."""
    if not corrections:
        return []
    figures = pd.MultiIndex.from_frame(table[FIGURE])
    return figures.get_indexer([record.figure for record in corrections]).tolist()


def _out_of_date(record: Correction, what: str, *, remedy: str = REMEDY_MENDED) -> Fault:
    return Fault(where=record.where, what=what, why=WHY_MENDED, remedy=remedy)


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
