"""The index as specified, and what its replications have in common with it: factors, elements, who is ranked.

Belongs here: everything that is asked at the door of an uncertainty or sensitivity analysis. Does not belong here: its
replications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import BadInputError, UsageError
from evaluation.index.build import IndexResult, aggregate_steps, check_values, take_steps
from evaluation.index.draws import FactorPlan
from evaluation.index.factor_checks import factor_fault
from evaluation.index.factors import Factor
from evaluation.index.rank_intervals import RankGroups, Ranks, block_ranks, rank_groups
from evaluation.index.replicate import fixed_scores
from evaluation.index.scopes import times_of, units_of
from evaluation.index.spec import IndexSpec
from evaluation.index.variants import Functions, Variant, prepare

Floats = NDArray[np.float64]
RankWithin = Literal["time", "all"]
Groups: TypeAlias = pd.Series | Literal["composition"] | None


@dataclass(frozen=True)
class Nominal:
    """The index as specified, and what its replications have in common with it.

    Parameters
    ----------
    result
        The index built as specified.
    plan
        Specification and factors.
    codes
        Elements whose ranks are followed.
    groups
        Code to who is ranked against whom.
    scores, ranks
        Code to (n_rows,), by the same arithmetic as the replications.
    """

    result: IndexResult
    plan: FactorPlan
    codes: tuple[str, ...]
    groups: Mapping[str, RankGroups]
    scores: Mapping[str, Floats]
    ranks: Mapping[str, Ranks]


def prepare_nominal(
    values: pd.DataFrame,
    spec: IndexSpec,
    factors: Sequence[Factor],
    *,
    codes: Sequence[str] | None,
    groups: Groups,
    rank_within: RankWithin,
    functions: Functions,
) -> Nominal:
    """Return the index as specified with everything that its replications need, checked at the door."""
    if rank_within not in get_args(RankWithin):
        raise UsageError(
            f"rank_within must be one of {', '.join(get_args(RankWithin))}; got: {rank_within!r}"
        )
    followed = _followed(spec, codes)
    check_values(values, spec)
    made = take_steps(values, spec, functions=functions)
    result = aggregate_steps(made)
    variant = prepare(values, spec, made, functions)
    nominal_weights = {
        element.code: float(weight)
        for element, weight in zip(variant.tree.spec.elements, variant.weights, strict=True)
    }
    weights = {element.code: nominal_weights.get(element.code, element.weight) for element in spec.elements}
    plan = FactorPlan(spec, tuple(factors), weights)
    ranked = {code: _groups_for(values.index, result, code, groups, rank_within) for code in followed}
    scores = {code: _nominal_scores(variant, code, len(values)) for code in followed}
    ranks = {code: block_ranks(scores[code][None, :], ranked[code])[0] for code in followed}
    return Nominal(result, plan, followed, ranked, scores, ranks)


def _followed(spec: IndexSpec, codes: Sequence[str] | None) -> tuple[str, ...]:
    if codes is None:
        return tuple(element.code for element in spec.of_level(spec.level_names[-1]))
    known = [code for code in spec.by_code]
    unknown = [code for code in codes if code not in known]
    if unknown or not codes:
        raise UsageError(f"codes must be among {', '.join(known)}; got: {', '.join(unknown) or 'none'}")
    return tuple(dict.fromkeys(codes))


def _nominal_scores(variant: Variant, code: str, n_rows: int) -> Floats:
    """Return the scores of an element as specified, by the arithmetic of the replications."""
    scores = np.full(n_rows, np.nan)
    places = {element.code: place for place, element in enumerate(variant.tree.spec.elements)}
    varied = np.zeros(len(places), dtype=bool)
    found = fixed_scores(variant.tree, variant.weights, varied=varied)
    if code in places and places[code] in found:
        scores[variant.rows] = found[places[code]].present(1)[0]
    return scores


def _groups_for(
    index: pd.Index, result: IndexResult, code: str, groups: Groups, rank_within: RankWithin
) -> RankGroups:
    """Return who is ranked against whom in one element."""
    parts = []
    times = times_of(index)
    if times is not None and rank_within == "time":
        parts.append(pd.factorize(times)[0])
    if isinstance(groups, str):
        if groups != "composition":
            raise UsageError(f"groups must be a column of groups or 'composition'; got: {groups!r}")
        composition = result.composition[code].reindex(index)
        parts.append(pd.factorize(composition.where(composition != ""))[0])
    elif groups is not None:
        parts.append(pd.factorize(_labels(index, groups))[0])
    if not parts:
        return rank_groups(np.zeros(len(index), dtype=np.int64))
    labels = np.full(len(index), -1)
    inside = np.all([part >= 0 for part in parts], axis=0)
    labels[inside] = np.unique(np.stack(parts)[:, inside], axis=1, return_inverse=True)[1].ravel()
    return rank_groups(labels)


def _labels(index: pd.Index, groups: pd.Series) -> NDArray:
    """Return each row's group, given by row or by unit."""
    if not groups.index.is_unique:
        raise BadInputError([factor_fault("groups", "a unit stands in two groups", "keep one row a unit")])
    if groups.index.nlevels == index.nlevels:
        return groups.reindex(index).to_numpy()
    return groups.reindex(pd.Index(units_of(index))).to_numpy()
