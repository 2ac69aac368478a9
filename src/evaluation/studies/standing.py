"""Where every region stands, for all regions at once: what the regions' pages read.

Belongs here: the tables of standing, vectorised over regions, so that a page only reads its rows. Does not belong
here: one region's profile (`evaluation.studies.profile`) or words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from evaluation.catalog import Catalog
from evaluation.schema import INDEX_CODE
from evaluation.sources.origins import UNDATED
from evaluation.studies.panels import study_units, usable
from evaluation.studies.peers import (
    GROUPS,
    LEAST_SHARE_ALIKE,
    MIN_COMPARED,
    Group,
    others_count,
    others_quantiles,
    region_groups,
)
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project
from evaluation.studies.scores import Edition


def region_standing(edition: Edition, groups: pd.DataFrame, *, catalog: Catalog) -> pd.DataFrame:
    """Return score and comparison of each region on each pillar and the overall index, like with like.

    Only regions with the same dimensions present (the same composition) are compared.

    Returns
    -------
    DataFrame
        Table `scores` for pillars and index, with peer_low and peer_high (10th and 90th percentile of peers),
        peer_median, national_median (the region included), n_peers, and ``<group>_median`` for each group.
    """
    parts = []
    for code in (*catalog.pillars, INDEX_CODE):
        level = edition.scores[edition.scores["code"] == code].set_index("region_code").reindex(groups.index)
        score, composition = level["score"].to_numpy(dtype=float), level["composition"].to_numpy(dtype=str)
        peers = _same_composition(groups["peers"], composition)
        low, median, high = others_quantiles(score, peers, 0.1, 0.5, 0.9).T
        columns = {f"{group}_median": _group_median(score, composition, groups, group) for group in GROUPS}
        alike = level["score"].groupby(level["composition"])
        national = alike.transform("median").where(alike.transform("count") >= MIN_COMPARED)
        parts.append(
            level.assign(
                peer_low=low,
                peer_high=high,
                peer_median=median,
                national_median=national,
                n_peers=others_count(score, peers),
                **columns,
            ).reset_index()
        )
    return pd.concat(parts, ignore_index=True)


def region_indicators(edition: Edition, groups: pd.DataFrame, *, catalog: Catalog) -> pd.DataFrame:
    """Return each region's figure of every indicator in force, with its grade and the gap to its peers.

    An indicator that a region lacks is a row with a missing value, so that its page can say so.

    Returns
    -------
    DataFrame
        Table `region_indicators`; ``ahead_of`` is the share of all other regions with a figure that the region is ahead
        of on the score, ties counted half.
    """
    scores = edition.scores[edition.scores["level"] == "indicator"]
    peers = groups["peers"].to_numpy(dtype=str)
    parts = []
    for code in edition.in_force:
        indicator = catalog.indicators[code]
        assert indicator.dimension is not None  # the catalogue refuses a scored indicator without
        figures = edition.figures[edition.figures["indicator"] == code].set_index("region_code")
        own = figures[["value", "data_year"]].reindex(groups.index)
        graded = scores[scores["code"] == code].set_index("region_code").reindex(groups.index)
        value = own["value"].to_numpy(dtype=float)
        gap = value - others_quantiles(value, peers, 0.5)[:, 0]
        parts.append(
            own.assign(
                year=edition.year,
                pillar=catalog.pillar_of[indicator.dimension],
                dimension=indicator.dimension,
                indicator=code,
                quality=graded["quality"],
                quality_reason=graded["quality_reason"],
                score=graded["score"],
                peer_median=others_quantiles(value, peers, 0.5)[:, 0],
                gap=gap,
                better=np.sign(gap) * float(indicator.direction or 0),
                n_peers=others_count(value, peers),
                ahead_of=_share_behind(graded["score"].to_numpy(dtype=float)),
            ).reset_index()
        )
    order = list(catalog.dimensions)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values("dimension", key=lambda names: names.map(order.index), kind="stable")


def region_beside(
    indicators: pd.DataFrame, groups: pd.DataFrame, *, catalog: Catalog, year: int
) -> pd.DataFrame:
    """Return what is shown beside the scores: latest figure of an edition's years and peers' median that year.

    These are other institutions' composites, and figures of wanted indicators that regions' own offices filled in.
    """
    first = year - catalog.framework.edition_window + 1
    composites = {indicator.code: indicator for indicator in catalog.with_use("beside", "wanted")}
    shown = indicators[
        indicators["indicator"].isin(composites)
        & indicators["year"].between(first, year)
        & (indicators["quality"] != "C")
    ]
    peers = groups["peers"].to_numpy(dtype=str)
    parts = []
    for (code, data_year), figures in shown.groupby(["indicator", "year"]):
        own = figures.set_index("region_code")[["value", "quality"]].reindex(groups.index)
        median = others_quantiles(own["value"].to_numpy(dtype=float), peers, 0.5)[:, 0]
        dimension = composites[str(code)].dimension
        parts.append(
            own.assign(
                year=year,
                indicator=code,
                pillar=catalog.pillar_of[dimension] if dimension else "",
                data_year=int(data_year),
                peer_median=median,
            )
            .dropna(subset=["value"])
            .reset_index()
        )
    table = pd.concat(parts, ignore_index=True).sort_values("data_year", kind="stable")
    latest = table.drop_duplicates(["region_code", "indicator"], keep="last")
    order = list(composites)
    return latest.sort_values("indicator", key=lambda codes: codes.map(order.index), kind="stable")


def region_series(
    indicators: pd.DataFrame, groups: pd.DataFrame, *, outcomes: tuple[str, ...]
) -> pd.DataFrame:
    """Return outcomes over time, with the median and middle half of the peers; no grade C figures."""
    shown = indicators[indicators["indicator"].isin(outcomes) & (indicators["quality"] != "C")]
    peers = groups["peers"].to_numpy(dtype=str)
    parts = []
    for (code, year), figures in shown.groupby(["indicator", "year"]):
        own = figures.set_index("region_code")["value"].reindex(groups.index)
        low, median, high = others_quantiles(own.to_numpy(dtype=float), peers, 0.25, 0.5, 0.75).T
        table = (
            own.rename("value")
            .to_frame()
            .assign(
                indicator=code,
                year=int(year),
                window=int(figures["window"].iloc[0]),
                peer_median=median,
                peer_q25=low,
                peer_q75=high,
            )
        )
        parts.append(table.reset_index())
    order = list(outcomes)
    return pd.concat(parts, ignore_index=True).sort_values(
        "indicator", key=lambda codes: codes.map(order.index), kind="stable"
    )


def region_comparison(project: Project, indicators: pd.DataFrame, plan: StudyPlan) -> pd.DataFrame:
    """Return each region's primary outcomes beside the mean of its comparison group.

    The comparison group are the clean controls of the study of the region's own type that never joined, without
    the region itself: raw means, no counterfactual.

    Returns
    -------
    DataFrame
        region_code, indicator, year, value (missing where there is none), comparison_mean, n_comparison (size of
        the group).
    """
    kinds = (project.registry.by_code["type"] == "kota").astype(float)
    units = study_units(project, plan)
    clean = units["clean_control"] & units["joined"].isna()
    in_group = clean.reindex(kinds.index, fill_value=False).to_numpy()
    parts = []
    for outcome in plan.outcomes:
        if outcome.family != "primary":
            continue
        for year, figures in usable(indicators, outcome.indicator, plan).groupby("year"):
            own = figures.set_index("region_code")["value"].reindex(kinds.index)
            mean, size = _others_mean(own.to_numpy(dtype=float), kinds.to_numpy(), in_group)
            table = (
                own.rename("value")
                .to_frame()
                .assign(indicator=outcome.indicator, year=int(year), comparison_mean=mean, n_comparison=size)
            )
            parts.append(table.reset_index())
    return pd.concat(parts, ignore_index=True)


def all_groups(project: Project, indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the groups of all regions, with the number of other members of each and the date of their data.

    ``data_date`` is the day the latest dated figure of the region was received, empty where none is dated.
    """
    groups = region_groups(project.registry, indicators, project.catalog)
    dated = indicators[indicators["vintage"] != UNDATED].groupby("region_code")["vintage"].max()
    groups["data_date"] = dated.reindex(groups.index).fillna("")
    groups["study_role"] = _study_roles(project, groups.index)
    for group in GROUPS:
        size = groups.groupby(group)[group].transform("size")
        groups[f"n_{group}"] = np.where(groups[group] == "", 0, size - 1)
    return groups


def _study_roles(project: Project, codes: pd.Index) -> list[str]:
    """Return what each region is in the impact study: joined, control, or why it is neither."""
    cohorts = project.programme.cohorts.set_index("region_code")
    autonomous = project.registry.by_code["autonomous"] == "yes"
    roles = []
    for code in codes:
        if not autonomous[code]:
            roles.append("not_autonomous")
        elif code in project.registry.split_codes:
            roles.append("split")
        elif not np.isnan(cohorts.loc[code, "joined"]):
            roles.append("joined")
        else:
            roles.append("control" if cohorts.loc[code, "clean_control"] else "role")
    return roles


def _group_median(
    score: np.ndarray, composition: np.ndarray, groups: pd.DataFrame, group: Group
) -> np.ndarray:
    """Return the median of the others of a group that are alike, missing where these are less than half of it."""
    labels = _same_composition(groups[group], composition)
    median = others_quantiles(score, labels, 0.5)[:, 0]
    share = others_count(score, labels) / np.maximum(groups[f"n_{group}"].to_numpy(), 1)
    return np.where(share >= LEAST_SHARE_ALIKE, median, np.nan)


def _same_composition(labels: pd.Series, composition: np.ndarray) -> np.ndarray:
    """Return group labels that part regions of different compositions; no group where either is empty."""
    joined = labels.to_numpy(dtype=str).astype(object) + "|" + composition.astype(object)
    return np.where((labels == "") | (composition == ""), "", joined).astype(str)


def _others_mean(
    values: np.ndarray, kinds: np.ndarray, in_group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean over the other members of the group of one's own kind, and that group's size."""
    mean, size = np.full(len(values), np.nan), np.zeros(len(values), dtype="int64")
    counted = in_group & ~np.isnan(values)
    for kind in np.unique(kinds):
        same = kinds == kind
        total, count = values[same & counted].sum(), (same & counted).sum()
        own = same & counted
        n_others = count - own[same]
        sums = total - np.where(own[same], values[same], 0.0)
        mean[same] = np.divide(sums, n_others, out=np.full(same.sum(), np.nan), where=n_others > 0)
        size[same] = (same & in_group).sum() - in_group[same]
    return mean, size


def _share_behind(score: np.ndarray) -> np.ndarray:
    """Return the share of the others with a score that lie below each, ties counted half; missing where there is none."""
    n_others = int(np.isfinite(score).sum()) - 1
    if n_others < 1:
        return np.full(len(score), np.nan)
    return (rankdata(score, nan_policy="omit") - 1.0) / n_others
