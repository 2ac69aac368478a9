"""The series: pillar scores of every year of a window by one composition, for change over time.

A series uses only indicators observed in every year of its window by one method; nothing is carried or filled. So a
change of a score is a change of figures and never of composition. Belongs here: which figures enter, and what moved
each score since the first year. Does not belong here: standing now (`evaluation.studies.scores`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from evaluation.catalog import Catalog
from evaluation.index import IndexResult, IndexSpec, build_index
from evaluation.index.contributions import decompose
from evaluation.schema import SERIES_CHANGES, SERIES_SCORES, conform
from evaluation.studies.ranks import RANK_COLUMNS, ScoreToRank, ranks_of, subtree
from evaluation.studies.specs import pillar_spec
from evaluation.studies.uncertainty_plan import UncertaintyPlan

SERIES_LEVELS = ("dimension", "pillar")
"""A series ends at the pillars: some have none, so there is no overall index to follow."""


@dataclass(frozen=True)
class ScoreSeries:
    """Scores of every year of the series.

    Parameters
    ----------
    name
        Name of the series in the configuration.
    years
        First and last year.
    figures
        Figures by (region_code, year), a column an indicator; a region that lacks an indicator in any year has none
        of it in all years.
    result
        Scores of dimensions and pillars.
    """

    name: str
    years: tuple[int, int]
    figures: pd.DataFrame
    result: IndexResult

    @property
    def spec(self) -> IndexSpec:
        """What the scores were made by."""
        return self.result.spec

    @property
    def pillars(self) -> tuple[str, ...]:
        """Pillars that have a series."""
        return tuple(one.code for one in self.spec.of_level("pillar") if self.spec.leaves(one.code))


def score_series(indicators: pd.DataFrame, *, catalog: Catalog, regions: tuple[str, ...]) -> ScoreSeries:
    """Score every region in every year of the main series.

    Parameters
    ----------
    indicators
        Table `indicators`; figures of grade C are not used.
    catalog
        Names the window and the indicators of the series, with their goalposts.
    regions
        Codes of all regions.
    """
    rule = catalog.framework.series
    codes = tuple(one.code for one in catalog.series_indicators())
    values = series_values(indicators, codes=codes, years=rule.years, regions=regions)
    return ScoreSeries(
        name=rule.name,
        years=rule.years,
        figures=values,
        result=build_index(values, pillar_spec(catalog, in_force=codes)),
    )


def series_values(
    indicators: pd.DataFrame, *, codes: tuple[str, ...], years: tuple[int, int], regions: tuple[str, ...]
) -> pd.DataFrame:
    """Return figures by (region_code, year), missing in all years where they are missing in one."""
    usable = indicators[
        indicators["indicator"].isin(codes)
        & indicators["year"].between(*years)
        & (indicators["quality"] != "C")
    ]
    wide = usable.set_index(["region_code", "year", "indicator"])["value"].unstack("indicator")  # noqa: PD010
    grid = pd.MultiIndex.from_product([regions, range(years[0], years[1] + 1)], names=["region_code", "year"])
    values = wide.reindex(index=grid, columns=list(codes))
    return values.where(values.notna().groupby(level="region_code").transform("all"))


def series_table(series: ScoreSeries, plan: UncertaintyPlan) -> pd.DataFrame:
    """Return the table `series_scores`, with ranks and intervals in the first and the last year."""
    table = series.result.tidy().rename(columns={"unit": "region_code", "time": "year"})
    table = table[table["level"].isin(SERIES_LEVELS) & table["score"].notna()].drop(columns="rank")
    ranks = ranks_of(_to_rank(series), plan).rename(columns={"unit": "region_code", "time": "year"})
    ranked = table.merge(ranks, on=["region_code", "year", "code"], how="left", validate="one_to_one")
    ranked[list(RANK_COLUMNS)] = ranked[list(RANK_COLUMNS)].astype(float)
    return conform(ranked.assign(series=series.name), SERIES_SCORES)


def series_changes(series: ScoreSeries) -> pd.DataFrame:
    """Return the table `series_changes`: what each indicator did to its pillar's score, first year to last.

    The contributions of a region's indicators add up to the change of its pillar.
    """
    first, last = (
        series.result.scores.xs(year, level="year").reindex(columns=list(series.spec.by_code))
        for year in series.years
    )
    ends = [series.figures.xs(year, level="year") for year in series.years]
    parts = [_pillar_changes(series, pillar, first, last) for pillar in series.pillars]
    table = pd.concat(parts, ignore_index=True)
    for name, values in zip(("value_before", "value_after"), ends, strict=True):
        table = table.merge(
            values.stack().rename(name).rename_axis(["region_code", "indicator"]).reset_index(),  # noqa: PD013
            on=["region_code", "indicator"],
            how="left",
            validate="one_to_one",
        )
    years = {"year_before": series.years[0], "year_after": series.years[1]}
    return conform(table.assign(series=series.name, **years), SERIES_CHANGES)


def _pillar_changes(
    series: ScoreSeries, pillar: str, first: pd.DataFrame, last: pd.DataFrame
) -> pd.DataFrame:
    spec = subtree(series.spec, pillar)
    found = decompose(first, last, spec=spec, of=pillar).by_level("indicator")
    totals = pd.DataFrame({"score_before": first[pillar], "score_after": last[pillar]}).dropna()
    members = [leaf.code for leaf in spec.leaves(pillar)]
    wide = found.pivot_table(index="unit", columns="code", values="contribution")
    wide = wide.reindex(index=totals.index, columns=members)
    present = series.result.scores.xs(series.years[0], level="year").loc[totals.index, members].notna()
    rows = wide.fillna(0.0).where(present).rename_axis(index="region_code", columns="indicator")
    table = rows.stack().rename("contribution").reset_index()  # noqa: PD013
    return table.merge(totals, left_on="region_code", right_index=True, validate="many_to_one").assign(
        pillar=pillar
    )


def _to_rank(series: ScoreSeries) -> Iterator[ScoreToRank]:
    ends = series.figures.index.get_level_values("year").isin(series.years)
    for pillar in series.pillars:
        spec = subtree(series.spec, pillar)
        yield ScoreToRank(
            code=pillar,
            spec=spec,
            figures=series.figures.loc[ends, [one.code for one in spec.indicators]],
            composition=series.result.composition.loc[ends, pillar],
        )
