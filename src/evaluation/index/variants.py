"""The different specifications among the replications, each prepared once: steps taken, coverage judged, tree compiled.

Belongs here: what replications share. Does not belong here: the weights and goalposts in which they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index.aggregate import ROUNDING, coverage_of
from evaluation.index.build import Steps, build_index, take_steps
from evaluation.index.draws import SPEC_FACTORS, FactorPlan
from evaluation.index.factors import Choice, SpecFactor
from evaluation.index.fields import set_fields
from evaluation.index.replicate import Tree, compile_tree, relevelled
from evaluation.index.scopes import by_time
from evaluation.index.spec import IndexSpec, Level, Minimum
from evaluation.index.treat import Treatment
from evaluation.index.weight import weights_of

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.int64]
Functions = Mapping[str, Treatment] | None


@dataclass(frozen=True)
class Variant:
    """A specification that some replications share, ready to be aggregated.

    Parameters
    ----------
    tree
        The compiled specification, screened indicators left out.
    rows
        Positions of its rows among those given; the others were screened.
    weights
        (n_elements,) nominal weights.
    unscaled
        Values as they enter normalisation, for goalposts that move.
    """

    tree: Tree
    rows: Places
    weights: Floats
    unscaled: pd.DataFrame


@dataclass(frozen=True)
class Combination:
    """A specification that some replications share.

    Parameters
    ----------
    label
        What was chosen, in words.
    spec
        The specification.
    steps_key
        Equal for combinations that differ in their levels only, so that their steps need not be taken again.
    replications
        Positions of the replications.
    """

    label: str
    spec: IndexSpec
    steps_key: tuple[float, ...]
    replications: Places


def combinations(plan: FactorPlan, settings: Floats) -> list[Combination]:
    """Return the different specifications among the replications, those that share their steps side by side.

    Raises
    ------
    BadInputError
        With the faults of every combination that is impossible.
    """
    factors = sorted(
        (factor for factor in plan.factors if isinstance(factor, SPEC_FACTORS)), key=_changes_levels_only
    )
    columns = [plan.slice_of(factor).start for factor in factors]
    n_steps = sum(not _changes_levels_only(factor) for factor in factors)
    distinct = list(_distinct_rows(settings[:, columns]))
    labels = _labels(plan, factors, settings[[replications[0] for _, replications in distinct]])
    found, faults = [], {}
    for (key, replications), label in zip(distinct, labels, strict=True):
        try:
            spec = _specified(plan.spec, factors, key)
            found.append(Combination(label, spec, key[:n_steps], replications))
        except BadInputError as error:
            faults.update({(one.where, one.what): _in_combination(one, label) for one in error.faults})
    raise_if_any(faults.values())
    return found


def variants(
    values: pd.DataFrame, found: list[Combination], functions: Functions
) -> Iterator[tuple[Variant, Places]]:
    """Yield each combination's variant with its replications; steps are taken once for all that share them.

    Raises
    ------
    BadInputError
        When a step cannot be taken in one of them, named.
    """
    made: Steps | None = None
    key: tuple[float, ...] | None = None
    variant: Variant | None = None
    for one in found:
        try:
            if made is None or one.steps_key != key:
                made, key, variant = take_steps(values, one.spec, functions=functions), one.steps_key, None
            variant = prepare(values, one.spec, made, functions, like=variant)
        except BadInputError as error:
            raise BadInputError(_in_combination(fault, one.label) for fault in error.faults) from None
        yield variant, one.replications


def prepare(
    values: pd.DataFrame,
    spec: IndexSpec,
    made: Steps,
    functions: Functions = None,
    *,
    like: Variant | None = None,
) -> Variant:
    """Return the variant of a specification from steps that were taken for it, or for one with other levels.

    Parameters
    ----------
    values, spec, functions
        As for `evaluation.index.build_index`.
    made
        The steps.
    like
        A variant from the same steps: who has a score is the same where the coverage rules are.
    """
    left_out = [one.code for one in spec.indicators if one.code not in made.data.columns]
    kept = spec.without(left_out) if left_out else spec
    if like is not None and not _weighs_by_components(kept) and _minima(kept) == _minima(like.tree.spec):
        return replace(like, tree=relevelled(like.tree, kept))
    weights = _nominal_weights(values, spec, kept, made, functions)
    scores = made.data.to_numpy(dtype=float)
    imputed = (
        np.zeros(scores.shape, dtype=bool) if made.imputed is None else made.imputed.to_numpy(dtype=bool)
    )
    given = _given(kept, scores, imputed, weights)
    index = made.data.index
    tree = compile_tree(
        kept, scores=scores, given=given, times=[np.flatnonzero(one) for one in by_time(index)]
    )
    return Variant(
        tree=tree,
        rows=values.index.get_indexer(index),
        weights=np.array([weights.get(element.code, 1.0) for element in kept.elements]),
        unscaled=made.steps[[name for name in made.steps if name != "normalised"][-1]],
    )


def _distinct_rows(drawn: Floats) -> Iterator[tuple[tuple[float, ...], Places]]:
    """Yield each different row, in rising order, with the positions at which it stands."""
    if not drawn.shape[1]:
        yield (), np.arange(len(drawn))
        return
    keys, member = np.unique(drawn, axis=0, return_inverse=True)
    order = np.argsort(member.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(member.ravel(), minlength=len(keys)))
    for key, replications in zip(keys, np.split(order, ends[:-1]), strict=True):
        yield tuple(map(float, key)), replications


def _specified(spec: IndexSpec, factors: Sequence[SpecFactor], settings: Sequence[float]) -> IndexSpec:
    edits: dict[str, Any] = {}
    left_out: list[str] = []
    for factor, setting in zip(factors, settings, strict=True):
        fields, codes = factor.apply(spec, setting)
        edits.update(fields)
        left_out += codes
    changed = set_fields(spec, edits) if edits else spec
    return changed.without(left_out) if left_out else changed


def _changes_levels_only(factor: SpecFactor) -> bool:
    """Return whether steps stay as they are: a choice among fields of levels."""
    return isinstance(factor, Choice) and all(
        path.startswith("levels.") for edits in factor.options.values() for path in edits
    )


def _labels(plan: FactorPlan, factors: Sequence[SpecFactor], settings: Floats) -> list[str]:
    """Return, for each row of settings, what was chosen in words."""
    drawn = plan.to_frame(settings)
    columns = [drawn[factor.name].tolist() for factor in factors]
    names = [factor.name for factor in factors]
    return [
        ", ".join(f"{name} = {column[row]}" for name, column in zip(names, columns, strict=True))
        for row in range(len(settings))
    ]


def _in_combination(one: Fault, label: str) -> Fault:
    return replace(one, where=f"{label}: {one.where}" if label else one.where)


def _nominal_weights(
    values: pd.DataFrame, spec: IndexSpec, kept: IndexSpec, made: Steps, functions: Functions
) -> dict[str, float]:
    if _weighs_by_components(kept):
        table = build_index(values, spec, functions=functions).weights
        return dict(zip(table["code"], table["weight"], strict=True))
    found: dict[str, float] = {}
    for element in kept.elements:
        children = kept.children(element.code)
        if children:
            own = weights_of(element.code, made.data, kept)
            found.update(zip((child.code for child in children), own.tolist(), strict=True))
    return found


def _weighs_by_components(spec: IndexSpec) -> bool:
    return spec.weight is not None and "pca" in (spec.weight.method, *spec.weight.levels.values())


def _minima(spec: IndexSpec) -> list[Minimum]:
    """Return what, besides the steps, decides who has a score."""
    return [level.minimum for level in spec.levels]


def _given(spec: IndexSpec, scores: Floats, imputed: Truths, weights: Mapping[str, float]) -> Truths:
    """Return which elements have a score, (n_rows, n_elements), by the coverage rules at nominal weights.

    Counts as `evaluation.index.build` does: indicators present, and how many of them are imputed.
    """
    places = {element.code: place for place, element in enumerate(spec.elements)}
    leaves = [places[element.code] for element in spec.indicators]
    given = np.zeros((len(scores), len(places)), dtype=bool)
    present, filled = np.zeros(given.shape), np.zeros(given.shape)
    given[:, leaves] = ~np.isnan(scores)
    present[:, leaves] = given[:, leaves]
    filled[:, leaves] = given[:, leaves] & imputed
    for level in spec.levels:
        for element in spec.of_level(level.name):
            own = [places[child.code] for child in spec.children(element.code)]
            if own:
                shares = np.array([weights[spec.elements[place].code] for place in own])
                place = places[element.code]
                given[:, place] = _enough(given[:, own], present[:, own], filled[:, own], shares, level)
                present[:, place] = (present[:, own] * given[:, own]).sum(axis=1)
                filled[:, place] = (filled[:, own] * given[:, own]).sum(axis=1)
    return given


def _enough(there: Truths, present: Floats, filled: Floats, weights: Floats, level: Level) -> Truths:
    minimum = level.minimum
    counted, share = there, there.astype(float)
    if not minimum.counts_imputed:
        share = there * (1.0 - np.divide(filled, present, out=np.zeros(there.shape), where=present > 0))
        counted = there & (share > 0)
    enough = (coverage_of(share, weights) >= minimum.share - ROUNDING) & (
        counted.sum(axis=1) >= minimum.count
    )
    return enough & (coverage_of(there, weights) > 0)
