"""All regions as tiles, with the layer of joining years that several pages show.

Belongs here: places and the joining layer. Does not belong here: scores on a map (`evaluation.reporting.overview`).
"""

from __future__ import annotations

import math

import pandas as pd

from evaluation.charts import Chart, MapLayer, palette, tile_map
from evaluation.reporting.labels import Labels

RIGHT_HALF_FROM = 35
"""Grid column at which the map is cut in two on a telephone: between Sulawesi and Maluku."""


def region_page(region_code: str, labels: Labels) -> str:
    """Return the place of a region's page below the reports' root."""
    return f"{labels.language}/region/{region_code}.html"


def joining_years(labels: Labels) -> list[int]:
    """Return the years in which regions joined for the first time."""
    return sorted(labels.project.programme.cohorts["joined"].dropna().astype(int).unique())


def region_tiles(labels: Labels) -> pd.DataFrame:
    """Return one row a region with its place, its page, and the columns of the joining layer."""
    say = labels.words.say
    tiles = labels.project.registry.table[["region_code", "name", "col", "row"]].copy()
    tiles["page"] = [region_page(code, labels) for code in tiles["region_code"]]
    joined = labels.project.programme.cohorts.set_index("region_code")["joined"].reindex(tiles["region_code"])
    years = joining_years(labels)
    tiles["joined"] = [0 if math.isnan(year) else 1 + years.index(int(year)) for year in joined]
    tiles["joined_text"] = [
        say("in no list") if math.isnan(year) else say("joined {year:y}", year=year) for year in joined
    ]
    return tiles


def joining_layer(labels: Labels) -> MapLayer:
    """Return the layer of joining years."""
    say, years = labels.words.say, joining_years(labels)
    return MapLayer(
        "joined",
        say("Year of joining"),
        (say("in no list"), *map(str, years)),
        "joined_text",
        (palette.NOT_JOINED, *palette.shades(len(years))),
    )


def joining_map(labels: Labels) -> Chart:
    """Return a map of who joined when."""
    say = labels.words.say
    counts = labels.project.programme.joined_by_year()
    return tile_map(
        region_tiles(labels),
        layers=[joining_layer(labels)],
        missing_label=say("no data"),
        switch_label=say("Year of joining"),
        split_column=RIGHT_HALF_FROM,
        title=say("Where the joiners lie"),
        subtitle=say("One tile a regency or city, roughly where it lies; the first year in which it joined."),
        alt=" ".join(f"{row.joined}: {row.n_regions}." for row in counts.itertuples()),
    )
