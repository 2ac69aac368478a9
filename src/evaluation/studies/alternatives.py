"""The overall index made otherwise: which ranks move, how far, and through which pillar.

Belongs here: other specifications that could as well have been chosen, each held against ours. Does not belong here:
choices that are drawn at random (`evaluation.studies.ranks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError
from evaluation.index import IndexResult, IndexSpec, Normalise, build_index
from evaluation.index.compare import compare_results, compare_specs
from evaluation.index.effective_weights import top_of, used_weights
from evaluation.index.steps import Weight
from evaluation.index.weight import component_weights
from evaluation.studies.rank_widths import UPPER_SHARE

AlternativeCode = Literal[
    "arithmetic", "minmax", "percentile_rank", "zscore", "equal_indicators", "component_weights"
]
ALTERNATIVES: tuple[AlternativeCode, ...] = get_args(AlternativeCode)

MOVED_FAR = 10
"""Places beyond which a rank counts as moved: audits of the Joint Research Centre call smaller moves robust."""

LEAST_COMPONENT_CHILDREN = 3
"""Two children load equally on each component, so components tell their weights apart from three on."""


@dataclass(frozen=True)
class Alternatives:
    """An index held against alternatives to it.

    Parameters
    ----------
    summary
        One row an alternative: alternative, n_units, mean_abs_change, max_abs_change, high_abs_change (not exceeded by
        nine regions in ten), share_moved_far (share of regions that move more than `MOVED_FAR` places), spearman, pillar
        (whose part in the regions' standing changes most, on average).
    moves
        One row an alternative and region, most moved first: alternative, region_code, rank, rank_alternative,
        rank_change (places gained), pillar (through which it moved, empty where its rank is the same).
    differences
        One row a difference of the specifications: alternative, where, before, after.
    not_made
        Groups that the component weights leave as they are: code, reason.
    """

    summary: pd.DataFrame
    moves: pd.DataFrame
    differences: pd.DataFrame
    not_made: pd.DataFrame


def compare_alternatives(index: IndexResult) -> Alternatives:
    """Build the index in each other way, over the same regions, and hold its ranks against the index's.

    Parameters
    ----------
    index
        The overall index over regions that have all of its dimensions.
    """
    weighted, not_made = with_component_weights(index)
    specs = alternative_specs(index.spec) | {"component_weights": weighted}
    data = index.steps["raw"]
    results = {code: build_index(data, specs[code]) for code in ALTERNATIVES}
    moved = {code: _moved(index, result, code) for code, result in results.items()}
    differences = [_differences(index.spec, specs[code], code) for code in ALTERNATIVES]
    return Alternatives(
        summary=pd.DataFrame([_summary(index, results[code], moved[code], code) for code in ALTERNATIVES]),
        moves=pd.concat([moved[code][0] for code in ALTERNATIVES], ignore_index=True),
        differences=pd.concat(differences, ignore_index=True),
        not_made=not_made,
    )


def alternative_specs(spec: IndexSpec) -> dict[str, IndexSpec]:
    """Return the alternatives that follow from the specification alone.

    ``arithmetic``: arithmetic means on every level. ``minmax``: between the lowest and highest figure instead of fixed
    goalposts. ``percentile_rank``, ``zscore``: with arithmetic means, for scores of zero and less have no geometric mean.
    ``equal_indicators``: every indicator has the same share in the index.
    """
    assert spec.normalise is not None  # editions are scored by goalposts
    arithmetic = replace(
        spec, levels=tuple(replace(level, aggregation="arithmetic") for level in spec.levels)
    )
    return {
        "arithmetic": arithmetic,
        "minmax": replace(spec, normalise=Normalise(method="minmax", score_range=spec.normalise.score_range)),
        "percentile_rank": replace(arithmetic, normalise=Normalise(method="percentile_rank")),
        "zscore": replace(arithmetic, normalise=Normalise(method="zscore")),
        "equal_indicators": _weighted(
            spec, {element.code: float(len(spec.leaves(element.code))) for element in spec.elements}
        ),
    }


def with_component_weights(index: IndexResult) -> tuple[IndexSpec, pd.DataFrame]:
    """Return the specification with the Handbook's weights wherever components support them, and where they do not.

    Returns
    -------
    spec
        Weights from rotated components within each group of at least three children.
    not_made
        code, reason: groups whose components explain too little.
    """
    spec = index.spec
    weights: dict[str, float] = {}
    refused = []
    for level in spec.level_names[1:]:
        for element in spec.of_level(level):
            codes = [child.code for child in spec.children(element.code)]
            if len(codes) < LEAST_COMPONENT_CHILDREN:
                continue
            correlation = index.scores[codes].dropna().corr().to_numpy()
            try:
                found = component_weights(correlation, Weight(method="pca")).weights
                weights |= dict(zip(codes, found.tolist(), strict=True))
            except BadInputError as error:
                refused.append({"code": element.code, "reason": error.faults[0].what})
    return _weighted(spec, weights), pd.DataFrame(refused, columns=["code", "reason"])


def standing_parts(index: IndexResult) -> pd.DataFrame:
    """Return the part of each pillar in each region's standing; a region's parts sum to its standardised index.

    Returns
    -------
    DataFrame
        (n_regions, n_pillars), in standard deviations of the index among the regions.

    Notes
    -----
    With weights w that sum to one and f the logarithm for a geometric mean and the identity for an arithmetic one,
    w (f(s) - mean f(s)) / sd(sum w f(s)). Ranks of sum w f(s) are those of the index.
    """
    spec = index.spec
    children = [child.code for child in spec.children(top_of(spec))]
    within = pd.Series(used_weights(index))[children]
    scores = index.scores[children]
    scale = np.log(scores) if spec.levels[-1].aggregation == "geometric" else scores
    parts = (scale - scale.mean()) * (within / within.sum())
    return parts / parts.sum(axis=1).std()


def _differences(before: IndexSpec, after: IndexSpec, code: str) -> pd.DataFrame:
    found = compare_specs(before, after)
    found = found[found["affects_scores"]].assign(alternative=code)
    return found[["alternative", "where", "before", "after"]]


def _weighted(spec: IndexSpec, weights: Mapping[str, float]) -> IndexSpec:
    return replace(
        spec,
        elements=tuple(
            replace(element, weight=weights.get(element.code, element.weight)) for element in spec.elements
        ),
    )


def _moved(before: IndexResult, after: IndexResult, code: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every region's move, and the changes of its parts by pillar."""
    change = standing_parts(after) - standing_parts(before)
    table = compare_results(before, after).table
    # A pillar that pulled the other way did not move the region.
    towards = change.loc[table["unit"]].mul(np.sign(table["rank_change"].to_numpy()), axis=0)
    through = np.where(table["rank_change"] == 0, "", towards.idxmax(axis=1))
    moves = pd.DataFrame(
        {
            "alternative": code,
            "region_code": table["unit"],
            "rank": table["rank_before"],
            "rank_alternative": table["rank_after"],
            "rank_change": table["rank_change"],
            "pillar": through,
        }
    )
    return moves, change


def _summary(
    before: IndexResult, after: IndexResult, moved: tuple[pd.DataFrame, pd.DataFrame], code: str
) -> dict[str, object]:
    moves, change = moved
    row = compare_results(before, after).summary().iloc[0]
    size = moves["rank_change"].abs()
    return {
        "alternative": code,
        "n_units": int(row["n_units"]),
        "mean_abs_change": row["mean_abs_change"],
        "max_abs_change": row["max_abs_change"],
        "high_abs_change": size.quantile(UPPER_SHARE),
        "share_moved_far": (size > MOVED_FAR).mean(),
        "spearman": row["spearman"],
        "pillar": change.abs().mean().idxmax() if size.any() else "",
    }
