"""What ranks with intervals promise, on the real data of the repository."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.index.factors import LeaveOut
from evaluation.studies import processed
from evaluation.studies.peers import MIN_COMPARED
from evaluation.studies.project import Project
from evaluation.studies.ranks import factors_for, ranks_of, subtree
from evaluation.studies.scores import INDEX_CODE, Edition, ScoreToRank, edition_values, score_edition
from evaluation.studies.specs import index_spec, pillar_spec
from evaluation.studies.uncertainty_plan import UncertaintyPlan, WeightsVaried

FEW = 200
"""Replications: the least the configuration allows, enough for properties that hold in every replication."""

EQUAL_SCORES = 9
"""Decimals to which scores are told apart: sums of the same figures in another order differ in the fourteenth."""


@pytest.fixture(scope="module")
def edition(project: Project) -> Edition:
    return processed.edition(project, 2024)


@pytest.fixture(scope="module")
def plan(project: Project) -> UncertaintyPlan:
    return project.uncertainty.model_copy(update={"replications": FEW})


def to_rank(project: Project, pillar: str, *, year: int = 2024) -> ScoreToRank:
    catalog = project.catalog
    values = edition_values(processed.indicators(project), catalog=catalog, year=year)
    wide = values.pivot_table(index="region_code", columns="indicator", values="value")
    leaves = [one for one in wide if catalog.pillar_of[catalog.indicators[one].dimension] == pillar]
    spec = subtree(pillar_spec(catalog, in_force=tuple(wide.columns)), pillar)
    whole = wide[leaves].notna().all(axis=1)
    return ScoreToRank(
        code=pillar,
        spec=spec,
        figures=wide[leaves],
        composition=pd.Series(np.where(whole, "whole", ""), index=wide.index),
    )


def test_every_score_that_is_ranked_has_an_interval(edition: Edition) -> None:
    ranked = edition.scores[edition.scores["rank"].notna()]
    assert set(ranked["level"]) == {"pillar", "index"}
    assert ranked[["rank_low", "rank_median", "rank_high"]].notna().all(axis=None)
    assert (ranked["rank_low"] <= ranked["rank_median"]).all()
    assert (ranked["rank_median"] <= ranked["rank_high"]).all()
    assert ranked["rank_high"].le(ranked["n_ranked"]).all()
    assert edition.scores.loc[edition.scores["score"].isna(), "rank"].isna().all()


def test_regions_are_ranked_among_regions_with_the_same_dimensions(edition: Edition) -> None:
    ranked = edition.scores[edition.scores["rank"].notna()]
    for (_, _), group in ranked.groupby(["code", "composition"]):
        assert (group["n_ranked"] == len(group)).all()
        expected = group["score"].round(EQUAL_SCORES).rank(method="min", ascending=False)
        assert np.array_equal(group["rank"], expected)


def test_choices_of_method_cannot_change_the_order_of_scores_of_one_indicator(edition: Edition) -> None:
    """A moved goalpost makes or breaks ties of capped scores; a higher score never has the worse rank."""
    ranked = edition.scores[edition.scores["rank"].notna() & (edition.scores["code"] == "governance")]
    single = ranked[ranked["n_indicators"] == 1].groupby("score")
    assert len(single) > MIN_COMPARED
    for column in ("rank_low", "rank_median", "rank_high"):
        ends = single[column].agg(["min", "max"]).sort_index(ascending=False)
        assert (ends["max"].to_numpy()[:-1] <= ends["min"].to_numpy()[1:]).all()


def test_a_pillars_own_indicators_are_left_out_and_no_others(project: Project) -> None:
    score = to_rank(project, "economy")
    left_out = [one for one in factors_for(score.spec, project.uncertainty) if isinstance(one, LeaveOut)]
    assert len(left_out) == 1
    assert set(left_out[0].labels_for(score.spec)) == {"", *(one.code for one in score.spec.indicators)}


def test_the_mean_across_pillars_moves_the_overall_rank_only(project: Project) -> None:
    names = {one.name for one in factors_for(to_rank(project, "economy").spec, project.uncertainty)}
    assert "aggregation_pillars" not in names
    assert {"aggregation_dimensions", "goalposts", "weights"} <= names


def test_more_varied_choices_never_shrink_the_range_to_nothing(
    project: Project, plan: UncertaintyPlan
) -> None:
    score = to_rank(project, "economy")
    weights_only = plan.model_copy(
        update={"assumptions": tuple(one for one in plan.assumptions if isinstance(one, WeightsVaried))}
    )
    few = ranks_of([score], weights_only)
    all_of_them = ranks_of([score], plan)
    width = (all_of_them["rank_high"] - all_of_them["rank_low"]).mean()
    assert width > (few["rank_high"] - few["rank_low"]).mean() > 0


def test_the_same_seed_gives_the_same_ranks_and_another_seed_another_draw(
    project: Project, plan: UncertaintyPlan
) -> None:
    score = to_rank(project, "branding")
    first, again = ranks_of([score], plan), ranks_of([score], plan)
    pd.testing.assert_frame_equal(first, again)
    other = ranks_of([score], plan.model_copy(update={"seed": plan.seed + 1}))
    assert not np.array_equal(first["rank_median"], other["rank_median"]) or not np.array_equal(
        first["rank_high"], other["rank_high"], equal_nan=True
    )
    assert np.array_equal(first["rank"], other["rank"], equal_nan=True)


def test_a_swap_of_two_figures_swaps_two_ranks_and_moves_no_other(
    project: Project, plan: UncertaintyPlan
) -> None:
    indicators = processed.indicators(project)
    rows = indicators[(indicators["indicator"] == "own_revenue_share") & (indicators["quality"] != "C")]
    latest = rows.sort_values("year").drop_duplicates("region_code", keep="last").sort_values("value")
    low, high = latest.index[100], latest.index[101]
    swapped = indicators.copy()
    swapped.loc[[low, high], "value"] = indicators.loc[[high, low], "value"].to_numpy()
    regions = {indicators.loc[one, "region_code"] for one in (low, high)}

    def governance(table: pd.DataFrame) -> pd.Series:
        made = score_edition(
            table, catalog=project.catalog, regions=project.registry.codes, year=2024, uncertainty=plan
        ).scores
        return made[made["code"] == "governance"].set_index("region_code")["rank"]

    before, after = governance(indicators), governance(swapped)
    moved = set(before.index[(before != after) & ~(before.isna() & after.isna())])
    assert moved == regions


def test_no_uncertainty_plan_no_ranks(project: Project) -> None:
    made = score_edition(
        processed.indicators(project), catalog=project.catalog, regions=project.registry.codes, year=2024
    )
    assert made.scores["rank"].isna().all()
    assert INDEX_CODE in set(made.scores["code"])


def test_a_pillar_of_the_overall_index_stands_alone_with_its_own_levels(project: Project) -> None:
    catalog = project.catalog
    values = edition_values(processed.indicators(project), catalog=catalog, year=2024)
    in_force = tuple(sorted(set(values["indicator"])))
    spec = index_spec(catalog, in_force=in_force, dimensions=tuple(catalog.dimensions))
    pillar = subtree(spec, "economy")
    assert [level.name for level in pillar.levels] == ["dimension", "pillar"]
    assert pillar.by_code["economy"].parent is None
    assert {one.code for one in pillar.indicators} == {one.code for one in spec.leaves("economy")}
