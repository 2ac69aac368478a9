"""Editions: every region's scores from the latest figures, from indicator to overall index.

An edition Y takes each indicator's latest usable value of the years Y-3 to Y. Editions are for standing now
and are never subtracted from each other. Belongs here: which figures enter and how they are graded. Does not
belong here: the arithmetic of an index (`evaluation.index`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog, Indicator
from evaluation.index import (
    IndexResult,
    build_index,
)
from evaluation.provenance import fingerprint
from evaluation.quality import grade_ranks, grades_of, join_reasons, rank_by_coverage
from evaluation.schema import INDEX_CODE, SCORES, conform
from evaluation.studies.ranks import RANK_COLUMNS, ScoreToRank, ranks_of, subtree
from evaluation.studies.specs import index_spec, pillar_spec
from evaluation.studies.uncertainty_plan import UncertaintyPlan


@dataclass(frozen=True)
class Edition:
    """One edition: its scores and what they were made from.

    Parameters
    ----------
    year
        Year of the edition.
    scores
        Table `scores` for this edition.
    figures
        Latest usable figure a region and scored indicator, with data year, grade and age.
    in_force
        Scored indicators that this edition has data for.
    index_dimensions
        Dimensions that enough regions have to stand in the overall index.
    """

    year: int
    scores: pd.DataFrame
    figures: pd.DataFrame
    in_force: tuple[str, ...]
    index_dimensions: tuple[str, ...]


@dataclass(frozen=True)
class EditionIndices:
    """The two indices of an edition: all pillars, and the overall index over the dimensions that nearly all have.

    Parameters
    ----------
    figures
        Latest usable figure a region and indicator in force.
    wide
        The same, (n_regions, n_indicators).
    in_force, index_dimensions
        As in `Edition`.
    pillars, index
        What the engine built.
    """

    figures: pd.DataFrame
    wide: pd.DataFrame
    in_force: tuple[str, ...]
    index_dimensions: tuple[str, ...]
    pillars: IndexResult
    index: IndexResult


def score_editions(
    indicators: pd.DataFrame,
    catalog: Catalog,
    regions: tuple[str, ...],
    *,
    uncertainty: UncertaintyPlan | None = None,
) -> tuple[Edition, ...]:
    """Score every edition of the configuration."""
    return tuple(
        score_edition(indicators, catalog=catalog, regions=regions, year=year, uncertainty=uncertainty)
        for year in catalog.framework.edition_years
    )


def score_edition(
    indicators: pd.DataFrame,
    *,
    catalog: Catalog,
    regions: tuple[str, ...],
    year: int,
    uncertainty: UncertaintyPlan | None = None,
) -> Edition:
    """Score all regions in one edition.

    Parameters
    ----------
    indicators
        Table `indicators`.
    catalog
        Pillars, goalposts and rules.
    regions
        Codes of all regions; one without a figure gets missing scores, not no row.
    year
        Year of the edition.
    uncertainty
        Choices that are varied for the intervals of ranks; without them there are no ranks.
    """
    made = edition_indices(indicators, catalog=catalog, regions=regions, year=year)
    joined = _joined(made.pillars, made.index, made.index_dimensions, catalog)
    ranked = _with_ranks(joined, scores_to_rank(made), uncertainty)
    table = _with_grades(ranked, values=made.figures, kept=made.index_dimensions, catalog=catalog, year=year)
    return Edition(
        year=year,
        scores=table,
        figures=made.figures,
        in_force=made.in_force,
        index_dimensions=made.index_dimensions,
    )


def edition_indices(
    indicators: pd.DataFrame, *, catalog: Catalog, regions: tuple[str, ...], year: int
) -> EditionIndices:
    """Return the indices of one edition as the engine built them; parameters as of `score_edition`."""
    figures = edition_values(indicators, catalog=catalog, year=year)
    in_force = {indicator.code for indicator in _in_force(figures, catalog)}
    return indices_of_figures(
        figures[figures["indicator"].isin(in_force)].reset_index(drop=True), catalog=catalog, regions=regions
    )


def indices_of_figures(
    figures: pd.DataFrame, *, catalog: Catalog, regions: tuple[str, ...]
) -> EditionIndices:
    """Return the indices of an edition from its figures (rows of the table `edition_figures`)."""
    in_force = tuple(indicator.code for indicator in _in_force(figures, catalog))
    wide = figures.set_index(["region_code", "indicator"])["value"].unstack("indicator")  # noqa: PD010
    wide = wide.reindex(index=pd.Index(regions, name="region_code"), columns=list(in_force))
    pillars = build_index(wide, pillar_spec(catalog, in_force=in_force))
    kept = dimensions_for_index(pillars, catalog)
    return EditionIndices(
        figures=figures,
        wide=wide,
        in_force=in_force,
        index_dimensions=kept,
        pillars=pillars,
        index=build_index(wide, index_spec(catalog, in_force=in_force, dimensions=kept)),
    )


def scores_to_rank(made: EditionIndices) -> tuple[ScoreToRank, ...]:
    """Return the pillars with figures and the overall index, each with who is ranked against whom.

    Regions are ranked against regions with figures for the same dimensions of a pillar, and of the overall index.
    """
    pillars, index = made.pillars, made.index
    specs = {
        pillar.code: pillars.spec
        for pillar in pillars.spec.of_level("pillar")
        if pillars.spec.leaves(pillar.code)
    }
    dimensions = [one.code for one in index.spec.of_level("dimension")]
    composition = {code: pillars.composition[code] for code in specs}
    composition[INDEX_CODE] = _present(index.scores[dimensions])
    return tuple(
        ScoreToRank(
            code=code,
            spec=subtree(spec, code),
            figures=made.wide[[leaf.code for leaf in spec.leaves(code)]],
            composition=composition[code],
        )
        for code, spec in {**specs, INDEX_CODE: index.spec}.items()
    )


def _with_ranks(
    table: pd.DataFrame, scores: tuple[ScoreToRank, ...], uncertainty: UncertaintyPlan | None
) -> pd.DataFrame:
    if uncertainty is None:
        return table.assign(**dict.fromkeys(RANK_COLUMNS, np.nan))
    ranks = ranks_of(scores, uncertainty).rename(columns={"unit": "region_code"})
    merged = table.merge(ranks, on=["region_code", "code"], how="left", validate="one_to_one")
    return merged.assign(n_ranked=merged["n_ranked"].where(merged["rank"].notna()))


def _present(scores: pd.DataFrame) -> pd.Series:
    """Return the names of the columns that are present in each row, joined."""
    return scores.notna().apply(lambda row: "+".join(row.index[row]), axis=1)


def comparable_scores(scores: pd.DataFrame, code: str) -> pd.Series:
    """Return one element's scores by region, missing for regions whose composition is not that of the most.

    For whoever shows all regions side by side: a score made from fewer dimensions is another thing, and silence would
    win (a region that reports no waste would be scored on electricity alone).
    """
    level = scores[scores["code"] == code].set_index("region_code")
    counts = level.loc[level["score"].notna(), "composition"].value_counts()
    if counts.empty:
        return level["score"]
    return level["score"].where(level["composition"] == counts.index[0])


def edition_from_tables(
    scores: pd.DataFrame, figures: pd.DataFrame, *, catalog: Catalog, year: int
) -> Edition:
    """Return an edition from the tables `scores` and `edition_figures` that it was filed in."""
    own = scores[scores["year"] == year].reset_index(drop=True)
    used = figures[figures["edition"] == year].reset_index(drop=True)
    observed = set(used["indicator"])
    dimensions = own[own["level"] == "dimension"]
    share = dimensions["score"].notna().groupby(dimensions["code"]).mean()
    return Edition(
        year=year,
        scores=own,
        figures=used,
        in_force=tuple(one.code for one in catalog.with_use("scored") if one.code in observed),
        index_dimensions=_common_dimensions(share, catalog),
    )


def edition_values(indicators: pd.DataFrame, *, catalog: Catalog, year: int) -> pd.DataFrame:
    """Return each region's latest usable figure of every scored indicator within the edition's years.

    Grade C figures are left out. The age is the edition's year minus the data year.
    """
    first = year - catalog.framework.edition_window + 1
    scored = [indicator.code for indicator in catalog.with_use("scored")]
    usable = indicators[
        indicators["indicator"].isin(scored)
        & indicators["year"].between(first, year)
        & (indicators["quality"] != "C")
    ]
    latest = usable.sort_values("year").drop_duplicates(["region_code", "indicator"], keep="last")
    latest = latest.assign(age=year - latest["data_year"])
    return latest.sort_values(["region_code", "indicator"]).reset_index(drop=True)


def dimensions_for_index(result: IndexResult, catalog: Catalog) -> tuple[str, ...]:
    """Return the dimensions that the stated share of regions has, in the order of the pillars."""
    return _common_dimensions(result.scores.notna().mean(), catalog)


def _common_dimensions(share: pd.Series, catalog: Catalog) -> tuple[str, ...]:
    needed = catalog.framework.coverage.index_dimension_share_of_regions
    return tuple(code for code in catalog.dimensions if share[code] >= needed)


def _in_force(values: pd.DataFrame, catalog: Catalog) -> tuple[Indicator, ...]:
    observed = set(values["indicator"])
    return tuple(
        indicator
        for indicator in catalog.with_use("scored")
        if indicator.code in observed and indicator.superseded_by not in observed
    )


def spec_label(catalog: Catalog, year: int) -> str:
    """Return a short readable label of an edition with a hash of the rules that made it."""
    rules = [catalog.framework.model_dump(mode="json")]
    rules += [indicator.model_dump(mode="json") for indicator in catalog.with_use("scored")]
    return f"edition-{year}-{fingerprint(rules)[:8]}"


def _joined(
    pillars: IndexResult, index: IndexResult, kept: tuple[str, ...], catalog: Catalog
) -> pd.DataFrame:
    overall = index.tidy()
    overall = overall[overall["level"] == "index"].drop(columns="composition")
    present = index.scores[list(kept)].notna()
    composition = _present(index.scores[list(kept)]).rename("composition")
    overall = overall.merge(composition, left_on="unit", right_index=True, validate="one_to_one")
    # Of all dimensions of the framework, not only of those that nearly all regions have.
    overall["coverage"] = present.sum(axis=1).reindex(overall["unit"]).to_numpy() / len(catalog.dimensions)
    table = pd.concat([pillars.tidy(), overall], ignore_index=True).rename(columns={"unit": "region_code"})
    table = table.drop(columns="rank")
    starts = np.array([band.from_score for band in catalog.framework.bands])
    numbers = np.array([band.band for band in catalog.framework.bands], dtype=float)
    scored = table["score"].notna()
    position = np.searchsorted(starts, table["score"].fillna(starts[0]), side="right") - 1
    table["band"] = np.where(scored, numbers[np.clip(position, 0, None)], np.nan)
    return table


def _with_grades(
    table: pd.DataFrame, *, values: pd.DataFrame, kept: tuple[str, ...], catalog: Catalog, year: int
) -> pd.DataFrame:
    leaves = _leaf_grades(values, catalog)
    ancestors = _ancestors(catalog, kept)
    parts = leaves.merge(ancestors, on="indicator", how="left", validate="many_to_many")
    worst = parts.groupby(["region_code", "code"], sort=False).agg(
        worst=("rank", "max"),
        reasons=("quality_reason", lambda cells: join_reasons(*([cell] for cell in cells))[0]),
        data_year_first=("data_year", "min"),
        data_year_last=("data_year", "max"),
    )
    graded = table.merge(worst.reset_index(), on=["region_code", "code"], how="left", validate="one_to_one")
    return _finished(graded, catalog=catalog, year=year)


def _leaf_grades(values: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    old = (values["age"] > catalog.framework.grades.max_age_without_downgrade).to_numpy()
    rank = np.maximum(grade_ranks(values["quality"]), np.where(old, 1, 0))
    reasons = join_reasons(values["quality_reason"], np.where(old, "old_data", ""))
    return values[["region_code", "indicator", "data_year"]].assign(rank=rank, quality_reason=reasons)


def _ancestors(catalog: Catalog, kept: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for indicator in catalog.with_use("scored"):
        assert indicator.dimension is not None
        codes = [indicator.code, indicator.dimension, catalog.pillar_of[indicator.dimension]]
        codes += [INDEX_CODE] if indicator.dimension in kept else []
        rows += [{"indicator": indicator.code, "code": code} for code in codes]
    return pd.DataFrame(rows)


def _finished(graded: pd.DataFrame, *, catalog: Catalog, year: int) -> pd.DataFrame:
    scored = graded["score"].notna()
    cap = rank_by_coverage(graded["coverage"].to_numpy(), catalog.framework.grades.coverage_floor)
    cap = np.where(graded["level"] == "indicator", 0, cap)
    reason = np.select([cap == 2, cap == 1], ["low_coverage", "partial_coverage"], default="")
    rank = np.maximum(graded["worst"].fillna(0).to_numpy(dtype=int), cap)
    capped = np.where((graded["level"] == "indicator") & (graded["capped"] > 0), "capped_at_goalpost", "")
    table = graded.assign(
        spec=spec_label(catalog, year),
        year=year,
        quality=np.where(scored, grades_of(rank), ""),
        quality_reason=np.where(scored, join_reasons(graded["reasons"].fillna(""), reason, capped), ""),
    )
    return conform(table, SCORES)
