"""One region's profile: where it stands, against whom, how it moved, what is missing.

Belongs here: the tables a region's page is made of. Does not belong here: sentences and figures about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog
from evaluation.errors import UsageError
from evaluation.studies.peers import GROUPS, Group, members, quantiles, region_groups
from evaluation.studies.project import Project
from evaluation.studies.scores import INDEX_CODE, Edition


@dataclass(frozen=True)
class RegionProfile:
    """What is known of one region in one edition.

    Parameters
    ----------
    region
        Its row of the registry.
    groups
        Its population, population class and groups.
    group_sizes
        Number of other regions in each group.
    edition_year
        Year of the edition.
    pillars
        One row a pillar and the overall index: code, score, band, coverage, composition, quality,
        quality_reason, data_year_first, data_year_last, peer_low and peer_high (10th and 90th percentile of
        peers of like composition), peer_median, national_median, n_peers, and the median of each group.
    indicators
        One row a scored indicator in force: pillar, dimension, indicator, value, data_year, quality,
        quality_reason, score, peer_median, gap (value minus peers' median), better (whether the gap is
        to the good), n_peers.
    beside
        Composites of other institutions: indicator, value, data_year, quality, peer_median.
    series
        Outcomes over time: indicator, year, value, window, peer_median, peer_q25, peer_q75.
    joined
        Joining years in order, empty where it never joined.
    cohort
        Its row of the table `cohorts`.
    entries
        Its entries of ``cohorts.csv``.
    """

    region: pd.Series
    groups: pd.Series
    group_sizes: Mapping[str, int]
    edition_year: int
    pillars: pd.DataFrame
    indicators: pd.DataFrame
    beside: pd.DataFrame
    series: pd.DataFrame
    joined: tuple[int, ...]
    cohort: pd.Series
    entries: pd.DataFrame


def region_profile(
    project: Project,
    region_code: str,
    *,
    edition: Edition,
    indicators: pd.DataFrame,
    outcomes: tuple[str, ...],
) -> RegionProfile:
    """Return the profile of one region.

    Raises
    ------
    UsageError
        When the code is not in the registry.
    """
    registry, programme = project.registry, project.programme
    if region_code not in registry.by_code.index:
        raise UsageError(
            f"region_code {region_code!r} is not in config/regions.csv; it is a BPS code like 3273"
        )
    groups = region_groups(registry, indicators, project.catalog)
    compared = {group: members(groups, region_code, group) for group in GROUPS}
    entries = programme.entries[programme.entries["region_code"] == region_code]
    return RegionProfile(
        region=registry.by_code.loc[region_code].rename(region_code),
        groups=groups.loc[region_code],
        group_sizes={group: len(codes) for group, codes in compared.items()},
        edition_year=edition.year,
        pillars=pillar_standing(edition, region_code, compared, catalog=project.catalog),
        indicators=indicator_standing(edition, region_code, compared["peers"], catalog=project.catalog),
        beside=beside_standing(
            indicators, region_code, compared["peers"], catalog=project.catalog, year=edition.year
        ),
        series=outcome_series(indicators, region_code, compared["peers"], outcomes=outcomes),
        joined=tuple(int(year) for year in entries["joined"]),
        cohort=programme.cohorts.set_index("region_code").loc[region_code],
        entries=entries,
    )


def pillar_standing(
    edition: Edition, region_code: str, compared: Mapping[Group, pd.Index], *, catalog: Catalog
) -> pd.DataFrame:
    """Return score, band and comparison of each pillar and the overall index, like with like.

    Only regions with the same dimensions present (the same composition) are compared.
    """
    scores = edition.scores
    rows = []
    for code in (*catalog.pillars, INDEX_CODE):
        level = scores[scores["code"] == code].set_index("region_code")
        own = level.loc[region_code]
        like = level[(level["composition"] == own["composition"]) & level["score"].notna()]["score"]
        low, median, high = quantiles(like.reindex(compared["peers"]), 0.1, 0.5, 0.9)
        medians = {
            f"{group}_median": quantiles(like.reindex(others), 0.5)[0] for group, others in compared.items()
        }
        rows.append(
            {
                **own.to_dict(),
                **medians,
                "code": code,
                "peer_low": low,
                "peer_high": high,
                "peer_median": median,
                "national_median": quantiles(like, 0.5)[0],
                "n_peers": int(like.reindex(compared["peers"]).notna().sum()),
            }
        )
    return pd.DataFrame(rows)


def indicator_standing(
    edition: Edition, region_code: str, peers: pd.Index, *, catalog: Catalog
) -> pd.DataFrame:
    """Return every indicator in force with the region's figure, its grade and the gap to its peers.

    An indicator that the region lacks is a row with a missing value, so that the page can say so.
    """
    figures_of = edition.figures.set_index(["indicator", "region_code"])
    scores = edition.scores[edition.scores["level"] == "indicator"].set_index(["code", "region_code"])
    rows = []
    for code in edition.in_force:
        indicator = catalog.indicators[code]
        assert indicator.dimension is not None
        figures = figures_of.loc[code]
        own = figures.reindex([region_code]).iloc[0]
        score = scores.loc[(code, region_code)]
        median = quantiles(figures["value"].reindex(peers), 0.5)[0]
        gap = own["value"] - median
        rows.append(
            {
                "pillar": catalog.pillar_of[indicator.dimension],
                "dimension": indicator.dimension,
                "indicator": code,
                "value": own["value"],
                "data_year": own["data_year"],
                "quality": score["quality"],
                "quality_reason": score["quality_reason"],
                "score": score["score"],
                "peer_median": median,
                "gap": gap,
                "better": np.sign(gap) * float(indicator.direction or 0),
                "n_peers": int(figures["value"].reindex(peers).notna().sum()),
            }
        )
    order = list(catalog.dimensions)
    table = pd.DataFrame(rows)
    return table.sort_values("dimension", key=lambda names: names.map(order.index), kind="stable")


def beside_standing(
    indicators: pd.DataFrame, region_code: str, peers: pd.Index, *, catalog: Catalog, year: int
) -> pd.DataFrame:
    """Return other institutions' composites of the edition's years: latest figure and peers' median."""
    first = year - catalog.framework.edition_window + 1
    composites = catalog.with_use("beside")
    usable = indicators[
        indicators["indicator"].isin([indicator.code for indicator in composites])
        & indicators["year"].between(first, year)
        & (indicators["quality"] != "C")
    ]
    rows = []
    for indicator in composites:
        figures = usable[usable["indicator"] == indicator.code]
        own = figures[figures["region_code"] == region_code].sort_values("year")
        if own.empty:
            continue
        latest = own.iloc[-1]
        same_year = figures[figures["year"] == latest["year"]].set_index("region_code")["value"]
        rows.append(
            {
                "indicator": indicator.code,
                "pillar": catalog.pillar_of.get(indicator.dimension or "", ""),
                "value": latest["value"],
                "data_year": int(latest["year"]),
                "quality": latest["quality"],
                "peer_median": quantiles(same_year.reindex(peers), 0.5)[0],
            }
        )
    columns = ["indicator", "pillar", "value", "data_year", "quality", "peer_median"]
    return pd.DataFrame(rows, columns=columns)


def outcome_series(
    indicators: pd.DataFrame, region_code: str, peers: pd.Index, *, outcomes: tuple[str, ...]
) -> pd.DataFrame:
    """Return outcomes over time, with the median and middle half of the peers; no grade C figures."""
    usable = indicators[indicators["indicator"].isin(outcomes) & (indicators["quality"] != "C")]
    parts = []
    for code in outcomes:
        wide = usable[usable["indicator"] == code].set_index(["region_code", "year"])["value"].unstack("year")  # noqa: PD010
        windows = usable[usable["indicator"] == code].groupby("year")["window"].first()
        others = wide.reindex(peers)
        enough = others.notna().sum() >= 1
        parts.append(
            pd.DataFrame(
                {
                    "indicator": code,
                    "year": wide.columns.astype(int),
                    "value": wide.reindex([region_code]).iloc[0].to_numpy(),
                    "window": windows.reindex(wide.columns).to_numpy(),
                    "peer_median": others.median().where(enough).to_numpy(),
                    "peer_q25": others.quantile(0.25).where(enough).to_numpy(),
                    "peer_q75": others.quantile(0.75).where(enough).to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
