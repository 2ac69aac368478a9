"""Ranks of editions and series with their intervals, under the choices of ``config/uncertainty.yml``.

Each pillar is varied by itself and the overall index by itself: leaving out an indicator of another pillar says nothing
about this one. Regions are ranked only among regions with figures for the same dimensions. Belongs here: which choices
are varied for which score. Does not belong here: the replications (`evaluation.index.uncertainty`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from evaluation.index import IndexSpec
from evaluation.index.factors import Choice, Factor, GoalpostShift, LeaveOut
from evaluation.index.uncertainty import uncertainty
from evaluation.index.weight_factors import WeightNoise
from evaluation.studies.uncertainty_plan import (
    AggregationVaried,
    GoalpostsVaried,
    UncertaintyPlan,
    Varied,
    WeightsVaried,
)

RANK_COLUMNS = ("rank", "rank_low", "rank_median", "rank_high", "n_ranked", "share_ranked")
"""Columns of a rank: as specified, its interval and median, among how many, in what share of the replications."""


@dataclass(frozen=True)
class ScoreToRank:
    """One score whose ranks are wanted.

    Parameters
    ----------
    code
        The element.
    spec
        What it is made by: the element and all below it.
    figures
        Figures by region, or by region and year.
    composition
        Who is ranked against whom: rows with equal entries; rows without an entry are not ranked.
    """

    code: str
    spec: IndexSpec
    figures: pd.DataFrame
    composition: pd.Series


def ranks_of(scores: Iterable[ScoreToRank], plan: UncertaintyPlan) -> pd.DataFrame:
    """Return ranks with intervals of several scores.

    Returns
    -------
    DataFrame
        One row a unit (and time) and score: unit, time (in a panel), code and `RANK_COLUMNS`.
    """
    return pd.concat([_ranks_of(one, plan) for one in scores], ignore_index=True)


def subtree(spec: IndexSpec, code: str) -> IndexSpec:
    """Return the specification of one element alone: without what stands outside of it or has no indicators."""
    lineages = [spec.lineage(leaf.code) for leaf in spec.leaves(code) if leaf.level == spec.indicator_level]
    kept = {one for lineage in lineages for one in lineage[: lineage.index(code) + 1]}
    height = spec.level_names.index(spec.by_code[code].level)
    return replace(
        spec,
        elements=tuple(
            replace(one, parent=None) if one.code == code else one
            for one in spec.elements
            if one.code in kept
        ),
        levels=spec.levels[:height],
        empty_aggregates="refuse",
    )


def factors_for(spec: IndexSpec, plan: UncertaintyPlan) -> tuple[Factor, ...]:
    """Return the choices of the plan that can make a difference to a specification, in the plan's order."""
    factors = [_factor(varied, spec) for varied in plan.assumptions]
    return tuple(one for one in factors if one is not None)


def _ranks_of(score: ScoreToRank, plan: UncertaintyPlan) -> pd.DataFrame:
    found = uncertainty(
        score.figures,
        score.spec,
        factors_for(score.spec, plan),
        n=plan.replications,
        seed=plan.seed,
        codes=(score.code,),
        groups=_labels(score.composition),
        interval=plan.interval,
        keep_scores=False,
    ).tidy()
    keys = [column for column in ("unit", "time", "code") if column in found]
    return found[[*keys, *RANK_COLUMNS]]


def _labels(composition: pd.Series) -> pd.Series:
    return composition.where(composition != "")


def _factor(varied: Varied, spec: IndexSpec) -> Factor | None:
    """Return the factor of an assumption, None where it changes nothing in this specification."""
    if isinstance(varied, WeightsVaried):
        levels = tuple(level for level in varied.levels if level in spec.level_names)
        noise = WeightNoise(spread=varied.spread, levels=levels, name=varied.code)
        return noise if levels and noise.weighted(spec) else None
    if isinstance(varied, AggregationVaried):
        return _aggregation(varied, spec)
    if isinstance(varied, GoalpostsVaried):
        return GoalpostShift(spread=varied.shift, name=varied.code)
    return LeaveOut(name=varied.code) if len(spec.indicators) > 1 else None


def _aggregation(varied: AggregationVaried, spec: IndexSpec) -> Choice | None:
    parents = spec.of_level(varied.level) if varied.level in spec.level_names else ()
    if all(len(spec.children(parent.code)) < 2 for parent in parents):
        return None
    path = f"levels.{varied.level}.aggregation"
    return Choice(name=varied.code, options={choice: {path: choice} for choice in varied.choices})
