"""Ranks of many replications at once, and what their distribution says of each unit.

Belongs here: competition ranks of a block of replications, frequencies, means, quantiles. Does not belong here: what is
varied from one replication to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.index.ranking import TIE_DECIMALS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Ranks = NDArray[np.int16] | NDArray[np.int32]

UNRANKED = 0
"""Rank of a unit without a score, or outside of every group."""

Described = tuple[Floats, Floats, Integers]
"""Quantiles, (n_units, n_probabilities), mean and number of values of a few units."""

UNITS_PER_BLOCK = 16
"""Units turned at a time from a column into a row: few enough for the cache, many enough to read whole lines."""


@dataclass(frozen=True)
class RankGroups:
    """Who is ranked against whom.

    Parameters
    ----------
    members
        One array for each size of group: (n_groups, size) positions of units.
    n_units
        Number of units, those outside of every group included.
    """

    members: tuple[Integers, ...]
    n_units: int

    @property
    def largest(self) -> int:
        """Number of units in the largest group, the highest rank there can be."""
        return max((places.shape[1] for places in self.members), default=0)

    @property
    def is_whole(self) -> bool:
        """Whether all units are one group, in their order."""
        return len(self.members) == 1 and self.members[0].shape == (1, self.n_units)


@dataclass(frozen=True)
class Summary:
    """Quantiles and means of each unit's replications, NaN where it has no value in any of them.

    Parameters
    ----------
    quantiles
        (n_units, n_probabilities).
    mean, share_present
        (n_units,): mean; share of the replications that have a value.
    """

    quantiles: Floats
    mean: Floats
    share_present: Floats


def rank_groups(labels: Integers) -> RankGroups:
    """Return the groups of equal labels; a label below zero stands outside of every group.

    Parameters
    ----------
    labels
        (n_units,).
    """
    inside = np.flatnonzero(labels >= 0)
    order = inside[np.argsort(labels[inside], kind="stable")]
    counts = np.unique(labels[order], return_counts=True)[1]
    groups = np.split(order, np.cumsum(counts)[:-1]) if len(counts) else []
    sizes = sorted({len(group) for group in groups})
    members = tuple(np.stack([group for group in groups if len(group) == size]) for size in sizes)
    return RankGroups(members=members, n_units=len(labels))


def block_ranks(scores: Floats, groups: RankGroups) -> Ranks:
    """Return the rank of each unit within its group, 1 for the highest score.

    Scores equal to `TIE_DECIMALS` share the better rank.

    Parameters
    ----------
    scores
        (n_replications, n_units), NaN where missing.
    groups
        Who is ranked against whom.

    Returns
    -------
    array
        (n_replications, n_units) of the narrowest integers that hold the ranks; `UNRANKED` where there is none.
    """
    kind = rank_type(groups.largest)
    if groups.is_whole:
        return _rank_rows(scores, kind)
    ranks = np.full(scores.shape, UNRANKED, dtype=kind)
    for places in groups.members:
        rows = scores[:, places].reshape(-1, places.shape[1])
        ranks[:, places] = _rank_rows(rows, kind).reshape(len(scores), *places.shape)
    return ranks


def rank_type(largest: int) -> np.dtype:
    """Return the narrowest integer type that holds ranks up to `largest`."""
    return np.dtype(np.int16 if largest <= np.iinfo(np.int16).max else np.int32)


def rank_frequency(ranks: Ranks, *, largest: int) -> Integers:
    """Return how often each unit had each rank, (n_units, largest); the first column counts rank 1."""
    counts = np.empty((ranks.shape[1], largest), dtype=np.int64)
    for first, block in _blocks(ranks):
        for offset, row in enumerate(block):
            counts[first + offset] = np.bincount(row, minlength=largest + 1)[1:]
    return counts


def summarise(draws: Floats | Ranks, probabilities: Sequence[float]) -> Summary:
    """Return what the replications say of each unit, over those in which it has a value.

    Parameters
    ----------
    draws
        (n_replications, n_units): scores (NaN where missing) or ranks (`UNRANKED` where missing).
    probabilities
        Of the quantiles, between 0 and 1.

    Notes
    -----
    Quantiles of type 7 of Hyndman and Fan (1996), Sample quantiles in statistical packages, The American Statistician
    50 (4), 361-365, doi:10.1080/00031305.1996.10473566: linear between the order statistics around (n - 1) p.
    """
    asked = np.asarray(probabilities, dtype=float)
    describe = _describe_scores if draws.dtype.kind == "f" else _describe_ranks
    n_replications, n_units = draws.shape
    quantiles, mean, count = np.empty((n_units, len(asked))), np.empty(n_units), np.empty(n_units)
    for first, block in _blocks(draws):
        rows = slice(first, first + len(block))
        quantiles[rows], mean[rows], count[rows] = describe(block, asked)
    return Summary(quantiles=quantiles, mean=mean, share_present=count / n_replications)


def _rank_rows(rows: Floats, kind: np.dtype) -> Ranks:
    """Return competition ranks within each row, highest first."""
    n_rows, size = rows.shape
    descending = np.negative(np.round(rows, TIE_DECIMALS))
    order = np.argsort(descending, axis=1)
    order += (np.arange(n_rows) * size)[:, None]
    flat = order.ravel()
    ordered = descending.ravel()[flat].reshape(n_rows, size)
    places = np.tile(np.arange(1, size + 1, dtype=kind), (n_rows, 1))
    _share_ties(places, ordered)
    if np.isnan(ordered[:, -1:]).any():
        places[np.isnan(ordered)] = UNRANKED
    ranks = np.empty(n_rows * size, dtype=kind)
    ranks[flat] = places.ravel()
    return ranks.reshape(n_rows, size)


def _share_ties(places: Ranks, ordered: Floats) -> None:
    """Give equal neighbours of an ordered row the place of the first of them."""
    tied = ordered[:, 1:] == ordered[:, :-1]
    rows = np.flatnonzero(tied.any(axis=1))
    if len(rows):
        shared = places[rows]
        shared[:, 1:][tied[rows]] = 1
        places[rows] = np.maximum.accumulate(shared, axis=1)


def _blocks(draws: NDArray) -> Iterator[tuple[int, NDArray]]:
    """Yield (position of the first unit, (n_units of the block, n_replications) copy) for a few units at a time."""
    for first in range(0, draws.shape[1], UNITS_PER_BLOCK):
        yield first, np.ascontiguousarray(draws[:, first : first + UNITS_PER_BLOCK].T)


def _describe_ranks(block: Ranks, probabilities: Floats) -> Described:
    """Return quantiles, mean and number of the ranks of each row, from how often each rank occurs."""
    largest = int(block.max(initial=1))
    counts = np.stack([np.bincount(row, minlength=largest + 1)[1:] for row in block])
    number = counts.sum(axis=1)
    total = counts @ np.arange(1, largest + 1)
    upto = counts.cumsum(axis=1)
    below, above, part = _order_places(number, probabilities)
    low, high = (_ranks_at(upto, places) for places in (below, above))
    known = number > 0
    quantiles = np.where(known[:, None], low + part * (high - low), np.nan)
    return quantiles, np.divide(total, number, out=np.full(len(block), np.nan), where=known), number


def _ranks_at(upto: Integers, places: Integers) -> Floats:
    """Return the rank at each place of the order, from the cumulated frequencies of a unit's ranks."""
    return (upto[:, None, :] <= places[:, :, None]).sum(axis=2) + 1.0


def _describe_scores(block: Floats, probabilities: Floats) -> Described:
    """Return quantiles, mean and number of the scores of each row; the block is reordered."""
    total = block.sum(axis=1)
    if np.isnan(total).any():
        parts = [_describe_scores(row[~np.isnan(row)][None, :], probabilities) for row in block]
        return tuple(np.concatenate(one) for one in zip(*parts, strict=True))  # type: ignore[return-value]
    number = np.full(len(block), block.shape[1])
    if block.shape[1] == 0:
        empty = np.full((len(block), len(probabilities)), np.nan)
        return empty, np.full(len(block), np.nan), number
    below, above, part = _order_places(number, probabilities)
    block.partition(np.unique([below[0], above[0]]), axis=1)
    low, high = block[:, below[0]], block[:, above[0]]
    return low + part * (high - low), total / number, number


def _order_places(number: Integers, probabilities: Floats) -> tuple[Integers, Integers, Floats]:
    """Return the order statistics around each quantile of type 7, and how far it lies between them."""
    place = np.maximum(number - 1, 0)[:, None] * probabilities
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(number - 1, 0)[:, None])
    return below, above, place - below
