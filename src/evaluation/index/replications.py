"""Replications of an index, block by block: settings in, scores and ranks of every unit out.

Belongs here: running a plan of factors. Does not belong here: drawing (`evaluation.index.draws`), what the results mean
(`evaluation.index.uncertainty`, `evaluation.index.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import process_time
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.index.draws import WEIGHT_FACTORS, FactorPlan
from evaluation.index.factors import GoalpostShift, goalposted
from evaluation.index.normalise import TRANSFORMS
from evaluation.index.rank_intervals import UNRANKED, RankGroups, Ranks, block_ranks, rank_type
from evaluation.index.replicate import Scores, aggregate_block, fixed_scores
from evaluation.index.spec import Element, IndexSpec
from evaluation.index.steps import Normalise
from evaluation.index.variants import Functions, Variant, combinations, variants
from evaluation.index.weight_factors import WeightNoise

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.int64]
Phase = Literal["prepare", "draw", "aggregate", "rank", "collect"]

BLOCK_VALUES = 2**15
"""Scores of one element in a block: a quarter of a megabyte, so that the few arrays at work stay in the cache."""

LEAST_BLOCK = 8
"""Least replications in a block, over which the cost of calling NumPy is spread."""


@dataclass(frozen=True)
class Replications:
    """Scores and ranks of some elements in every replication.

    Parameters
    ----------
    scores
        Code to (n_replications, n_rows), NaN where missing; empty when scores were not kept.
    ranks
        Code to (n_replications, n_rows), `UNRANKED` where missing.
    same_scale
        Whether all replications normalise to the same scale, so that their scores may be compared.
    seconds
        Time spent, by what it was spent on.
    """

    scores: Mapping[str, Floats]
    ranks: Mapping[str, Ranks]
    same_scale: bool
    seconds: Mapping[Phase, float]


@dataclass(frozen=True)
class Request:
    """What is wanted of replications.

    Parameters
    ----------
    codes
        Elements whose scores and ranks are wanted.
    groups
        Code to who is ranked against whom.
    keep_scores
        Whether scores are kept: 8 bytes each, four times as much as ranks.
    block
        Replications computed at a time; the results do not depend on it.
    """

    codes: tuple[str, ...]
    groups: Mapping[str, RankGroups]
    keep_scores: bool = True
    block: int | None = None


def replicate(
    values: pd.DataFrame, plan: FactorPlan, settings: Floats, request: Request, functions: Functions = None
) -> Replications:
    """Return scores and ranks of every replication.

    Parameters
    ----------
    values
        As for `evaluation.index.build_index`.
    plan
        Specification and factors.
    settings
        (n_replications, n_settings), as the plan draws them.
    request
        What is wanted.
    functions
        Custom treatments.
    """
    store = _Store(request, n_replications=len(settings), n_rows=len(values))
    started = process_time()
    found = combinations(plan, settings)
    unscaled: pd.DataFrame | None = None
    moving: list[_MovingGoalposts] = []
    for variant, members in variants(values, found, functions):
        started = store.clock("prepare", started)
        weights, varied = _weights(plan, variant, settings[members])
        started = store.clock("draw", started)
        if variant.unscaled is not unscaled:  # variants of the same steps share their goalposts too
            unscaled, moving = variant.unscaled, _moving_goalposts(plan, variant)
        fixed = fixed_scores(variant.tree, weights[0], varied=varied, shifted=[one.place for one in moving])
        size = request.block or max(LEAST_BLOCK, BLOCK_VALUES // max(len(variant.rows), 1))
        for own in _blocks(len(members), size):
            shifted = {one.place: one.scores(settings[members[own]]) for one in moving}
            scores = aggregate_block(variant.tree, weights[own], varied=varied, fixed=fixed, shifted=shifted)
            started = store.take(scores, variant, members[own], started)
    scales = {_scale_of(one.spec) for one in found}
    return Replications(store.scores, store.ranks, same_scale=len(scales) == 1, seconds=store.seconds)


class _Store:
    """Results as they come in, and the time they took."""

    def __init__(self, request: Request, *, n_replications: int, n_rows: int) -> None:
        self.request, self.n_rows = request, n_rows
        shape = (n_replications, n_rows)
        kept = request.codes if request.keep_scores else ()
        self.scores = {code: np.empty(shape) for code in kept}
        self.ranks = {
            code: np.zeros(shape, dtype=rank_type(request.groups[code].largest)) for code in request.codes
        }
        self.seconds: dict[Phase, float] = dict.fromkeys(
            ("prepare", "draw", "aggregate", "rank", "collect"), 0.0
        )

    def clock(self, phase: Phase, started: float) -> float:
        """Book the time since `started`; return the time now."""
        now = process_time()
        self.seconds[phase] += now - started
        return now

    def take(self, found: Mapping[int, Scores], variant: Variant, members: Places, started: float) -> float:
        """Rank the scores of a block and keep both."""
        places = {element.code: place for place, element in enumerate(variant.tree.spec.elements)}
        for code in self.request.codes:
            place = places.get(code, -1)
            if place not in found:
                self._leave_missing(code, members)
                continue
            scores = self._on_all_rows(found[place].present(len(members)), variant.rows)
            started = self.clock("aggregate", started)
            ranks = block_ranks(scores, self.request.groups[code])
            started = self.clock("rank", started)
            self.ranks[code][members] = ranks
            if code in self.scores:
                self.scores[code][members] = scores
            started = self.clock("collect", started)
        return started

    def _leave_missing(self, code: str, members: Places) -> None:
        self.ranks[code][members] = UNRANKED
        if code in self.scores:
            self.scores[code][members] = np.nan

    def _on_all_rows(self, scores: Floats, rows: Places) -> Floats:
        if len(rows) == self.n_rows:
            return scores
        wide = np.full((len(scores), self.n_rows), np.nan)
        wide[:, rows] = scores
        return wide


def _blocks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _weights(plan: FactorPlan, variant: Variant, settings: Floats) -> tuple[Floats, Truths]:
    """Return the weights of each replication, and which elements' weights differ between them."""
    elements = variant.tree.spec.elements
    places = {element.code: place for place, element in enumerate(elements)}
    weights = np.tile(variant.weights, (len(settings), 1))
    varied = np.zeros(len(elements), dtype=bool)
    # Noise multiplies what the others set, whatever the order in which they are named.
    for factor in sorted(plan.factors, key=lambda one: isinstance(one, WeightNoise)):
        if isinstance(factor, WEIGHT_FACTORS):
            factor.weigh(weights, places, settings[:, plan.slice_of(factor)], plan.spec)
            varied[[places[code] for code in factor.weighted(plan.spec) if code in places]] = True
    return weights, varied


@dataclass(frozen=True)
class _MovingGoalposts:
    """An indicator whose goalposts move, on the scale on which their distance is measured.

    Parameters
    ----------
    place
        Position of the indicator in the specification.
    columns
        From the end that moves to its column of the settings.
    values
        (n_rows,), NaN where missing.
    low, high
        The goalposts as specified.
    rule, direction
        How positions between them become scores.
    """

    place: int
    columns: Mapping[str, int]
    values: Floats
    low: float
    high: float
    rule: Normalise
    direction: int

    def scores(self, settings: Floats) -> Floats:
        """Return (n_replications, n_rows) scores between ends that have moved by a share of their distance."""
        span = self.high - self.low
        moved = {
            end: place + span * settings[:, self.columns[end], None] if end in self.columns else place
            for end, place in (("low", self.low), ("high", self.high))
        }
        position = np.broadcast_to(self.values - moved["low"], (len(settings), len(self.values))).copy()
        position /= moved["high"] - moved["low"]
        if self.rule.capped:
            np.clip(position, 0.0, 1.0, out=position)
        if self.direction < 0:
            np.subtract(1.0, position, out=position)
        lowest, highest = self.rule.score_range
        position *= highest - lowest
        position += lowest
        return position


def _moving_goalposts(plan: FactorPlan, variant: Variant) -> list[_MovingGoalposts]:
    """Return the indicators of a variant whose goalposts move."""
    spec = variant.tree.spec
    used = set(goalposted(spec))
    columns: dict[str, dict[str, int]] = {}
    for factor in plan.factors:
        if isinstance(factor, GoalpostShift):
            shifted = factor.shifted(plan.spec)
            for column, (code, end) in enumerate(shifted, start=plan.slice_of(factor).start):
                columns.setdefault(code, {})[end] = column
    return [
        _moving(variant, place, element, columns[element.code])
        for place, element in enumerate(spec.elements)
        if element.code in columns and element.code in used
    ]


def _moving(variant: Variant, place: int, element: Element, columns: Mapping[str, int]) -> _MovingGoalposts:
    spec = variant.tree.spec
    assert spec.normalise is not None
    assert element.goalposts is not None
    scale = TRANSFORMS[element.transform]
    raw = variant.unscaled[element.code].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(scale(raw))
    return _MovingGoalposts(
        place=place,
        columns=columns,
        values=np.where(np.isnan(values) & ~np.isnan(raw), -np.inf, values),
        low=float(scale(element.goalposts.low)),
        high=float(scale(element.goalposts.high)),
        rule=spec.rule(spec.normalise, element.code),
        direction=element.direction,
    )


def _scale_of(spec: IndexSpec) -> frozenset[tuple[object, ...]]:
    """Return what must be equal for scores of two specifications to be comparable."""
    contests = {("contests", level.name) for level in spec.levels if level.aggregation == "copeland"}
    if spec.normalise is None:
        return frozenset(contests | {("none",)})
    rules = {spec.rule(spec.normalise, element.code) for element in spec.indicators}
    return frozenset(contests | {_rule_scale(rule) for rule in rules})


def _rule_scale(rule: Normalise) -> tuple[object, ...]:
    if rule.method in ("goalposts", "minmax", "scaled"):
        return ("range", *rule.score_range)
    return ("zscore", rule.centre, rule.spread) if rule.method == "zscore" else (rule.method,)
