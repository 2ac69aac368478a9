"""Weights that could have been others: a little more or less, drawn afresh, or a set that somebody gave.

Each record turns uniform numbers into settings, one row a replication, and settings into weights. Weights count by their
share within the parent, so they need not be normalised again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv

from evaluation.errors import Fault
from evaluation.index.factor_checks import code_faults, factor_fault, level_faults
from evaluation.index.spec import IndexSpec

Floats = NDArray[np.float64]


def positions(uniforms: Floats, count: int, probabilities: tuple[float, ...] | None = None) -> Floats:
    """Return the position of the option that each uniform number on [0, 1) falls on; equal shares when None."""
    if probabilities is None:
        return np.minimum(np.floor(uniforms * count), count - 1)
    edges = np.cumsum(probabilities) / sum(probabilities)
    return np.minimum(np.searchsorted(edges, uniforms, side="right"), count - 1).astype(float)


@dataclass(frozen=True, kw_only=True)
class WeightNoise:
    """Weights that may be somewhat larger or smaller than they are.

    Each weight w becomes w (1 + e), e uniform on [-spread, spread] and independent; weights count by their share within
    the parent, so they are in effect normalised again (COINr's noisy weights; Saisana, Saltelli and Tarantola 2005,
    doi:10.1111/j.1467-985X.2005.00350.x, vary weights likewise).

    Parameters
    ----------
    spread
        0.25 for a quarter more or less; below 1, so that no weight vanishes.
    levels
        Levels whose elements are varied; all when None.
    codes
        Only these elements of them, when given.
    name
        Name of the factor.
    """

    spread: float
    levels: tuple[str, ...] | None = None
    codes: tuple[str, ...] | None = None
    name: str = "weights"
    effect: ClassVar[Literal["weights"]] = "weights"
    labels: ClassVar[tuple[str, ...] | None] = None

    def weighted(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the codes of the elements whose weights are varied: those that have a sibling."""
        return _with_siblings(spec, self.levels, self.codes)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings: one factor on a weight each."""
        return tuple(f"{self.name}:{code}" for code in self.weighted(spec))

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the factors on the weights, (n_replications, n_elements)."""
        return 1.0 + self.spread * (2.0 * uniforms - 1.0)

    def weigh(self, weights: Floats, places: Mapping[str, int], settings: Floats, spec: IndexSpec) -> None:
        """Multiply weights in place, (n_replications, n_elements of the replications' specification)."""
        for column, code in enumerate(self.weighted(spec)):
            if code in places:
                weights[:, places[code]] *= settings[:, column]

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from level_faults(self.name, self.levels, spec)
        yield from code_faults(self.name, self.codes, spec)
        if not 0 <= self.spread < 1:
            yield factor_fault(
                self.name, f"spread must lie from 0 to below 1; got: {self.spread:g}", "write a share"
            )
        elif not self.weighted(spec):
            yield factor_fault(
                self.name, "no element with a sibling is among them", "name a level with several"
            )


@dataclass(frozen=True, kw_only=True)
class WeightDirichlet:
    """Weights drawn afresh among siblings, on average as they are: Dirichlet with the nominal shares as means.

    Parameters
    ----------
    concentration
        Sum of the distribution's parameters within a parent: a share s has the standard deviation
        sqrt(s (1 - s) / (concentration + 1)).
    levels, codes, name
        As in `WeightNoise`.
    """

    concentration: float
    levels: tuple[str, ...] | None = None
    codes: tuple[str, ...] | None = None
    name: str = "weights"
    effect: ClassVar[Literal["weights"]] = "weights"
    labels: ClassVar[tuple[str, ...] | None] = None

    def weighted(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the codes of the elements whose weights are varied: those that have a sibling."""
        return _with_siblings(spec, self.levels, self.codes)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings: one share a weight."""
        return tuple(f"{self.name}:{code}" for code in self.weighted(spec))

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return shares within the parent, (n_replications, n_elements); gamma quantiles of the uniform numbers."""
        codes = self.weighted(spec)
        drawn = np.empty_like(uniforms)
        for columns in _families(spec, codes):
            nominal = np.array([weights[codes[column]] for column in columns])
            gammas = gammaincinv(self.concentration * nominal / nominal.sum(), uniforms[:, columns])
            drawn[:, columns] = gammas / gammas.sum(axis=1, keepdims=True) * nominal.sum()
        return drawn

    def weigh(self, weights: Floats, places: Mapping[str, int], settings: Floats, spec: IndexSpec) -> None:
        """Set weights in place, (n_replications, n_elements of the replications' specification)."""
        _set_weights(weights, places, self.weighted(spec), settings)

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from level_faults(self.name, self.levels, spec)
        yield from code_faults(self.name, self.codes, spec)
        if not self.concentration > 0:
            yield factor_fault(
                self.name, f"concentration must be above zero; got: {self.concentration:g}", "write 10"
            )
        elif not self.weighted(spec):
            yield factor_fault(
                self.name, "no element with a sibling is among them", "name a level with several"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightSets:
    """Sets of weights that are given, one of them a replication: from a panel of experts, or drawn elsewhere.

    Parameters
    ----------
    sets
        One row a set, columns the codes of the elements it weighs, 0 or more; its index names the sets.
    name
        Name of the factor.
    """

    sets: pd.DataFrame
    name: str = "weights"
    effect: ClassVar[Literal["weights"]] = "weights"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the sets."""
        return tuple(map(str, self.sets.index))

    def weighted(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the codes of the elements whose weights are given."""
        return tuple(map(str, self.sets.columns))

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings."""
        return (self.name,)

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the position of the set drawn, (n_replications, 1)."""
        return positions(uniforms, len(self.sets), None)

    def weigh(self, weights: Floats, places: Mapping[str, int], settings: Floats, spec: IndexSpec) -> None:
        """Set weights in place, (n_replications, n_elements of the replications' specification)."""
        drawn = self.sets.to_numpy(dtype=float)[settings[:, 0].astype(int)]
        _set_weights(weights, places, self.weighted(spec), drawn)

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from code_faults(self.name, self.weighted(spec), spec)
        numbers = self.sets.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        if not len(self.sets):
            yield factor_fault(self.name, "there is no set", "give at least one row")
        if not self.sets.index.is_unique or not self.sets.columns.is_unique:
            yield factor_fault(
                self.name, "a set or an element stands twice", "give each row and column its own name"
            )
        if not np.isfinite(numbers).all() or (numbers < 0).any():
            yield factor_fault(
                self.name, "some weights are missing, infinite or below zero", "write 0 or more"
            )
        elif not [one for one in self.weighted(spec) if one not in spec.by_code]:
            yield from self._sum_faults(spec, numbers)

    def _sum_faults(self, spec: IndexSpec, numbers: Floats) -> Iterator[Fault]:
        for columns in _families(spec, self.weighted(spec)):
            parent = spec.by_code[self.weighted(spec)[columns[0]]].parent
            whole = parent is not None and len(columns) == len(spec.children(parent))
            if whole and (numbers[:, columns].sum(axis=1) == 0).any():
                yield factor_fault(
                    self.name, f"a set gives nothing any weight below {parent!r}", "give one a weight"
                )


def _with_siblings(
    spec: IndexSpec, levels: tuple[str, ...] | None, codes: tuple[str, ...] | None
) -> tuple[str, ...]:
    return tuple(
        one.code
        for one in spec.elements
        if one.parent is not None
        and (levels is None or one.level in levels)
        and (codes is None or one.code in codes)
        and len(spec.children(one.parent)) > 1
    )


def _families(spec: IndexSpec, codes: tuple[str, ...]) -> list[list[int]]:
    """Return the positions of the codes that share a parent, a list a parent."""
    found: dict[str | None, list[int]] = {}
    for position, code in enumerate(codes):
        found.setdefault(spec.by_code[code].parent, []).append(position)
    return list(found.values())


def _set_weights(weights: Floats, places: Mapping[str, int], codes: tuple[str, ...], drawn: Floats) -> None:
    for column, code in enumerate(codes):
        if code in places:
            weights[:, places[code]] = drawn[:, column]
