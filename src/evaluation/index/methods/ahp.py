"""Analytic hierarchy process: weights from judgements on pairs, of one person or of a group.

Belongs here: priorities of a matrix of judgements, their consistency, and putting several people's together. Does not
belong here: asking for the judgements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.index.statistics import check_numeric, check_option

Floats = NDArray[np.float64]
Combine = Literal["judgements", "priorities"]

RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
"""Mean consistency index of random reciprocal matrices of order 1 to 15 (Saaty 1980, The Analytic Hierarchy Process,
table 1-6)."""

ACCEPTABLE_RATIO = 0.1
"""Consistency ratio up to which judgements are taken as they are (Saaty 1980)."""

RECIPROCAL_TOLERANCE = 1e-3
"""Largest deviation of a_ij a_ji from one, so that thirds and sevenths may be typed with four digits."""


@dataclass(frozen=True)
class Priorities:
    """Weights from one matrix of judgements.

    Parameters
    ----------
    items
        What was compared, k of them.
    weights
        (k,), sum to one.
    largest_eigenvalue
        Of the matrix; k when the judgements are consistent.
    consistency_index
        (largest_eigenvalue - k) / (k - 1).
    consistency_ratio
        Consistency index over that of random judgements; 0 for two items, NaN above 15.
    """

    items: tuple[str, ...]
    weights: Floats
    largest_eigenvalue: float
    consistency_index: float
    consistency_ratio: float

    @property
    def is_consistent(self) -> bool:
        """Whether the consistency ratio is acceptable."""
        return bool(self.consistency_ratio <= ACCEPTABLE_RATIO)

    def tidy(self) -> pd.DataFrame:
        """Return one row an item: item, weight."""
        return pd.DataFrame({"item": self.items, "weight": self.weights})


@dataclass(frozen=True)
class GroupPriorities:
    """Weights from the judgements of several people.

    Parameters
    ----------
    combined
        Weights of the group; its consistency is that of the combined judgements.
    members
        By name, the weights of each.
    """

    combined: Priorities
    members: Mapping[str, Priorities]

    def tidy(self) -> pd.DataFrame:
        """Return one row a member and item, the group last: member (empty for the group), item, weight."""
        parts = [one.tidy().assign(member=name) for name, one in self.members.items()]
        table = pd.concat([*parts, self.combined.tidy().assign(member="")], ignore_index=True)
        return table[["member", "item", "weight"]]

    def consistency(self) -> pd.DataFrame:
        """Return one row a member, the group last: member, largest_eigenvalue, consistency_ratio, is_consistent."""
        rows = [*self.members.items(), ("", self.combined)]
        return pd.DataFrame(
            {
                "member": [name for name, _ in rows],
                "largest_eigenvalue": [one.largest_eigenvalue for _, one in rows],
                "consistency_ratio": [one.consistency_ratio for _, one in rows],
                "is_consistent": [one.is_consistent for _, one in rows],
            }
        )


def pairwise_priorities(judgements: pd.DataFrame) -> Priorities:
    """Return weights from judgements on pairs: the principal right eigenvector of their matrix.

    Parameters
    ----------
    judgements
        (k, k), index and columns are the items in the same order: how many times the row counts for more than the column,
        1/9 to 9 on Saaty's scale; one on the diagonal and reciprocal across it.

    Raises
    ------
    BadInputError
        With every cell that is not positive or not the reciprocal of its counterpart.

    References
    ----------
    Saaty (1977), Journal of Mathematical Psychology 15(3), 234-281, doi:10.1016/0022-2496(77)90033-5.
    """
    raise_if_any(_faults(judgements, where="judgements"))
    return _priorities(judgements.to_numpy(dtype=float), tuple(map(str, judgements.index)))


def group_priorities(
    judgements: Mapping[str, pd.DataFrame],
    *,
    importance: Mapping[str, float] | None = None,
    combine: Combine = "judgements",
) -> GroupPriorities:
    """Return weights from the judgements of several people.

    Parameters
    ----------
    judgements
        Matrix of each member, as in `pairwise_priorities`, all of the same items.
    importance
        Weight of each member, positive; equal by default.
    combine
        ``judgements``: geometric mean of each judgement, the group acting as one person, the only mean that keeps
        reciprocals (Aczél and Saaty 1983, Journal of Mathematical Psychology 27(1), 93-102,
        doi:10.1016/0022-2496(83)90028-7). ``priorities``: geometric mean of the members' weights, the group acting as
        separate people (Forman and Peniwati 1998, EJOR 108(1), 165-169, doi:10.1016/S0377-2217(97)00244-0).

    Raises
    ------
    BadInputError
        With every fault of every member.
    UsageError
        When there is no member, or importance does not fit.
    """
    check_option(combine, get_args(Combine), name="combine")
    if not judgements:
        raise UsageError("judgements must hold the matrix of at least one member; got: none")
    raise_if_any(
        fault for name, matrix in judgements.items() for fault in _member_faults(name, matrix, judgements)
    )
    shares = _shares(list(judgements), importance)
    members = {name: pairwise_priorities(matrix) for name, matrix in judgements.items()}
    logs = np.stack([np.log(matrix.to_numpy(dtype=float)) for matrix in judgements.values()])
    items = next(iter(members.values())).items
    combined = _priorities(np.exp(np.tensordot(shares, logs, axes=1)), items)
    if combine == "priorities":
        mean = np.exp(shares @ np.log(np.stack([one.weights for one in members.values()])))
        combined = Priorities(
            items,
            mean / mean.sum(),
            combined.largest_eigenvalue,
            combined.consistency_index,
            combined.consistency_ratio,
        )
    return GroupPriorities(combined=combined, members=members)


def _priorities(matrix: Floats, items: tuple[str, ...]) -> Priorities:
    eigenvalues, vectors = np.linalg.eig(matrix)
    principal = int(np.argmax(eigenvalues.real))
    vector = np.abs(vectors[:, principal].real)
    largest, count = float(eigenvalues[principal].real), len(matrix)
    index = (largest - count) / (count - 1) if count > 1 else 0.0
    return Priorities(items, vector / vector.sum(), largest, index, _ratio(index, count))


def _ratio(index: float, count: int) -> float:
    if count > len(RANDOM_INDEX):
        return np.nan
    random = RANDOM_INDEX[count - 1]
    return index / random if random > 0 else 0.0


def _shares(names: list[str], importance: Mapping[str, float] | None) -> Floats:
    given = {name: 1.0 for name in names} if importance is None else dict(importance)
    if set(given) != set(names) or any(not value > 0 for value in given.values()):
        raise UsageError(
            f"importance must be a positive number for each of {', '.join(names)}; got: {importance!r}"
        )
    shares = np.array([given[name] for name in names], dtype=float)
    return shares / shares.sum()


def _member_faults(
    name: str, matrix: pd.DataFrame, judgements: Mapping[str, pd.DataFrame]
) -> Iterator[Fault]:
    first = next(iter(judgements.values()))
    if list(matrix.index) != list(first.index):
        yield Fault(
            where=f"judgements of {name}",
            what=f"the items are {list(matrix.index)}, not {list(first.index)}",
            why="judgements are put together item by item",
            remedy="give the same items in the same order for all members",
        )
    yield from _faults(matrix, where=f"judgements of {name}")


def _faults(judgements: pd.DataFrame, *, where: str) -> Iterator[Fault]:
    check_numeric(judgements)
    if list(judgements.index) != list(judgements.columns):
        yield _fault(where, "rows and columns are not the same items in the same order", "name both alike")
        return
    matrix = judgements.to_numpy(dtype=float)
    for row, column in zip(*np.triu_indices(len(matrix)), strict=True):
        value, other = matrix[row, column], matrix[column, row]
        cell = f"{where}, {judgements.index[row]} against {judgements.columns[column]}"
        if not (value > 0 and other > 0):
            yield _fault(cell, f"got {value:g} and {other:g}", "write positive numbers")
        elif abs(value * other - 1) > RECIPROCAL_TOLERANCE:
            yield _fault(
                cell,
                f"{value:g} is not the reciprocal of {other:g}",
                "write a on one side and 1/a on the other",
            )


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(
        where=where, what=what, why="weights come from ratios that agree with themselves", remedy=remedy
    )
