"""Many replications of one tree at once: the levels of an index, aggregated with weights that differ.

Belongs here: what is compiled once for a set of normalised scores, and the arithmetic of a block of replications. Does
not belong here: what is varied and why, ranks, statistics.

Every sum runs over the children in their order, element by element, so that the bits of a replication depend neither
on the others of its block nor on the size of the block. Logarithms stay logarithms from one geometric level to the
next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import BadInputError, Fault
from evaluation.index.aggregate import aggregate_scores
from evaluation.index.spec import Aggregation, IndexSpec, Level

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.int64]


class Scores:
    """Scores of one element in a block of replications, as they are or as logarithms, whichever is asked for.

    Parameters
    ----------
    linear, log
        (1 or n_replications, n_units), one of the two; 0 where missing.
    missing
        (n_units,) truth values, None where no unit's score is missing.
    """

    def __init__(
        self, *, linear: Floats | None = None, log: Floats | None = None, missing: Truths | None = None
    ) -> None:
        self._linear, self._log, self.missing = linear, log, missing

    @cached_property
    def linear(self) -> Floats:
        """The scores."""
        return self._linear if self._linear is not None else self._filled(np.exp(self._log))  # type: ignore[arg-type]

    @cached_property
    def log(self) -> Floats:
        """Their natural logarithms."""
        if self._log is not None:
            return self._log
        with np.errstate(divide="ignore"):
            return self._filled(np.log(self._positive("geometric")))

    def term(self, level: Level) -> Floats:
        """Return what is summed over the children of a level."""
        if level.aggregation == "arithmetic":
            return self.linear
        if level.aggregation == "geometric":
            return self.log
        with np.errstate(divide="ignore"):
            return self._filled(self._positive(level.aggregation) ** exponent_of(level))

    def present(self, n_replications: int) -> Floats:
        """Return (n_replications, n_units) scores, NaN where missing."""
        scores = np.array(np.broadcast_to(self.linear, (n_replications, self.linear.shape[1])))
        if self.missing is not None:
            scores[:, self.missing] = np.nan
        return scores

    def _filled(self, values: Floats) -> Floats:
        if self.missing is not None:
            values[:, self.missing] = 0.0
        return values

    def _positive(self, aggregation: Aggregation) -> Floats:
        n_missing = 0 if self.missing is None else int(self.missing.sum()) * len(self.linear)
        wrong = int(np.count_nonzero(self.linear <= 0)) - n_missing
        if wrong > 0:
            raise BadInputError([_non_positive_fault(aggregation, float(self.linear.min()))])
        return self.linear


@dataclass(frozen=True)
class Branch:
    """An aggregate, ready to be computed from its children.

    Parameters
    ----------
    place
        Position of the element in the specification.
    children
        Positions of the children that any unit has.
    level
        How they are aggregated.
    missing
        (n_units,) where the aggregate is missing; None where nowhere.
    patterns
        (n_children, n_patterns) of 0 and 1: the different sets of children that units have which lack one; None where
        none lacks any.
    incomplete, pattern_of
        Positions of these units, and the pattern of each.
    """

    place: int
    children: Places
    level: Level
    missing: Truths | None
    patterns: Floats | None
    incomplete: Places
    pattern_of: Places


@dataclass(frozen=True)
class Tree:
    """A specification's levels, compiled for the units and indicators that have scores.

    Parameters
    ----------
    spec
        The specification.
    leaves
        Position of each indicator to its scores.
    branches
        The aggregates, from the bottom up.
    times
        Positions of the units of each time, for aggregations that compare units.
    """

    spec: IndexSpec
    leaves: dict[int, Scores]
    branches: tuple[Branch, ...]
    times: tuple[Places, ...]

    @property
    def n_units(self) -> int:
        """Number of rows: units, or units at times."""
        return sum(len(rows) for rows in self.times)


def compile_tree(spec: IndexSpec, *, scores: Floats, given: Truths, times: Sequence[Places]) -> Tree:
    """Return the tree of a specification over normalised scores.

    Parameters
    ----------
    spec
        The specification.
    scores
        (n_units, n_indicators) normalised scores, NaN where missing.
    given
        (n_units, n_elements): which elements have a score, by the coverage rules at nominal weights.
    times
        Positions of the units of each time.
    """
    places = {element.code: place for place, element in enumerate(spec.elements)}
    leaves = {
        places[element.code]: _leaf(np.ascontiguousarray(scores[:, column]))
        for column, element in enumerate(spec.indicators)
    }
    branches = [
        _branch(spec, places, place=places[element.code], level=level, given=given)
        for level in spec.levels
        for element in spec.of_level(level.name)
        if spec.children(element.code)
    ]
    return Tree(spec=spec, leaves=leaves, branches=tuple(branches), times=tuple(times))


def relevelled(tree: Tree, spec: IndexSpec) -> Tree:
    """Return the tree of a specification that differs from the tree's own in the means of its levels only."""
    levels = {level.name: level for level in spec.levels}
    branches = tuple(replace(branch, level=levels[branch.level.name]) for branch in tree.branches)
    return replace(tree, spec=spec, branches=branches)


def fixed_scores(
    tree: Tree, weights: Floats, *, varied: Truths, shifted: Iterable[int] = ()
) -> dict[int, Scores]:
    """Return the scores of the elements that are the same in all replications, by position.

    Parameters
    ----------
    tree
        From `compile_tree`.
    weights
        (n_elements,) weights of one replication.
    varied
        (n_elements,) whose weights differ between replications.
    shifted
        Positions of indicators whose scores differ between replications.
    """
    moving = set(shifted)
    found = {place: scores for place, scores in tree.leaves.items() if place not in moving}
    for branch in tree.branches:
        alone = len(branch.children) == 1
        if all(int(child) in found for child in branch.children) and (
            alone or not varied[branch.children].any()
        ):
            found[branch.place] = _aggregated(branch, found, weights[None, branch.children], tree.times)
    return found


def aggregate_block(
    tree: Tree,
    weights: Floats,
    *,
    varied: Truths,
    fixed: Mapping[int, Scores],
    shifted: Mapping[int, Floats] | None = None,
) -> dict[int, Scores]:
    """Return the scores of all elements in a block of replications, by position.

    Parameters
    ----------
    tree
        From `compile_tree`.
    weights
        (n_replications, n_elements), 0 or more, in the order of the elements; they need not sum to one.
    varied
        (n_elements,) whose weights differ between replications; those of the others are read in the first row only.
    fixed
        What `fixed_scores` gives for the same tree.
    shifted
        Scores of indicators that differ between replications, by position: (n_replications, n_units).
    """
    found = dict(fixed)
    for place, values in (shifted or {}).items():
        found[place] = _leaf(values)
    for branch in tree.branches:
        if branch.place not in fixed:
            rows = slice(None) if varied[branch.children].any() else slice(1)
            own = np.ascontiguousarray(weights[rows, branch.children])
            found[branch.place] = _aggregated(branch, found, own, tree.times)
    return found


def exponent_of(level: Level) -> float:
    """Return the exponent of a level's power mean; harmonic is -1."""
    return -1.0 if level.aggregation == "harmonic" else level.power


def _leaf(values: Floats) -> Scores:
    rows = np.atleast_2d(values)
    missing = np.isnan(rows[0])
    if not missing.any():
        return Scores(linear=rows)
    return Scores(linear=np.where(missing, 0.0, rows), missing=missing)


def _branch(spec: IndexSpec, places: Mapping[str, int], *, place: int, level: Level, given: Truths) -> Branch:
    children = np.array([places[child.code] for child in spec.children(spec.elements[place].code)])
    children = children[given[:, children].any(axis=0)]
    missing = ~given[:, place]
    there = given[:, children]
    incomplete = np.flatnonzero(~there.all(axis=1))
    patterns, pattern_of = _patterns(there[incomplete])
    return Branch(
        place=place,
        children=children,
        level=level,
        missing=missing if missing.any() else None,
        patterns=patterns.T.astype(float) if len(incomplete) else None,
        incomplete=incomplete,
        pattern_of=pattern_of,
    )


def _patterns(there: Truths) -> tuple[Truths, Places]:
    """Return the different rows, and which of them each row is."""
    keys = np.packbits(there, axis=1)
    _, first, member = np.unique(
        keys.view(f"V{keys.shape[1]}").ravel(), return_index=True, return_inverse=True
    )
    return there[first], member.ravel()


def _aggregated(
    branch: Branch, found: Mapping[int, Scores], weights: Floats, times: Sequence[Places]
) -> Scores:
    if branch.missing is not None and branch.missing.all():
        return Scores(linear=np.zeros((1, len(branch.missing))), missing=branch.missing)
    if branch.level.aggregation == "copeland":
        return _copeland(branch, [found[child] for child in branch.children], weights, times)
    if len(branch.children) == 1:
        return _alone(found[int(branch.children[0])], branch.missing)
    terms = [found[child].term(branch.level) for child in branch.children]
    return _from_mean(_weighted_mean(terms, weights, branch), branch)


def _alone(child: Scores, missing: Truths | None) -> Scores:
    """Return an only child's scores as its parent's: every mean of one number is that number."""
    if missing is None or child.missing is missing:
        return child
    return Scores(linear=np.where(missing, 0.0, child.linear), missing=missing)


def _weighted_mean(terms: Sequence[Floats], weights: Floats, branch: Branch) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = weights / _in_order(weights)[:, None]
        summed = _sum_of_products(shares, terms)
        if branch.patterns is None:
            return summed
        # All shares of a unit that lacks nothing sum to one, and it is left alone.
        present = _sum_of_products(shares, list(np.ascontiguousarray(branch.patterns)[:, None, :]))
        divisor = present[:, branch.pattern_of]
        if not divisor.all():
            _refuse_weightless(divisor == 0, branch)
        summed[:, branch.incomplete] /= divisor
        return summed


def _refuse_weightless(weightless: Truths, branch: Branch) -> None:
    """Refuse weights under which a unit that has the aggregate has only children without weight."""
    given = True if branch.missing is None else ~branch.missing[branch.incomplete]
    wrong = (weightless & given).any(axis=0)
    if wrong.any():
        what = f"{int(wrong.sum())} units have only children whose weight is zero in a replication"
        remedy = "give weights above zero, or impute, or leave out these units"
        why = "their mean has no value there"
        raise BadInputError([Fault(where=f"level {branch.level.name}", what=what, why=why, remedy=remedy)])


def _sum_of_products(shares: Floats, terms: Sequence[Floats]) -> Floats:
    """Return sum_k shares[b, k] terms[k][b, n].

    A product of matrices would be faster, but its bits depend on where in the block a number stands: units with equal
    scores would no longer tie. `einsum` adds in the order of k as long as n is the axis that is next in memory, so
    all operands must be laid out by rows.
    """
    if all(len(term) == 1 for term in terms):
        return np.einsum("bk,kn->bn", shares, np.concatenate(terms))
    rows = max(len(shares), *map(len, terms))
    stacked = np.empty((rows, len(terms), terms[0].shape[1]))
    for place, term in enumerate(terms):
        stacked[:, place] = term
    return np.einsum("bk,bkn->bn", np.broadcast_to(shares, (rows, len(terms))), stacked)


def _in_order(weights: Floats) -> Floats:
    """Return the sum of each row, added in the order of the columns."""
    return np.add.accumulate(weights, axis=1)[:, -1]


def _from_mean(mean: Floats, branch: Branch) -> Scores:
    if branch.level.aggregation == "geometric":
        return Scores(log=_zero_where(mean, branch.missing), missing=branch.missing)
    if branch.level.aggregation != "arithmetic":
        with np.errstate(divide="ignore"):
            mean = mean ** (1.0 / exponent_of(branch.level))
    return Scores(linear=_zero_where(mean, branch.missing), missing=branch.missing)


def _zero_where(values: Floats, missing: Truths | None) -> Floats:
    if missing is not None:
        values[:, missing] = 0.0
    return values


def _copeland(branch: Branch, children: Sequence[Scores], weights: Floats, times: Sequence[Places]) -> Scores:
    """Return contests won minus lost, one replication and time at a time: a contest table is large."""
    n_replications = max(len(weights), *(len(child.linear) for child in children))
    scores = np.stack([child.present(n_replications) for child in children], axis=-1)
    won = np.empty(scores.shape[:2])
    for replication, own in enumerate(np.broadcast_to(weights, (n_replications, weights.shape[1]))):
        for rows in times:
            won[replication, rows] = aggregate_scores(scores[replication, rows], own, aggregation="copeland")
    return Scores(linear=_zero_where(won, branch.missing), missing=branch.missing)


def _non_positive_fault(aggregation: Aggregation, lowest: float) -> Fault:
    return Fault(
        where=f"{aggregation} mean in a replication",
        what=f"scores are zero or less (lowest {lowest:g})",
        why="it has no value there, and clipping them would invent a score",
        remedy="draw it only together with a normalisation whose scores lie above zero",
    )
