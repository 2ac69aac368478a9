"""Factors together: checked against a specification, drawn, and recorded.

Belongs here: columns of settings and what they mean in a table. Does not belong here: what one factor means
(`evaluation.index.factors`), running replications (`evaluation.index.replications`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.index.factor_checks import factor_fault
from evaluation.index.factors import Choice, Factor, FieldRange, GoalpostShift, LeaveOut, labels_of
from evaluation.index.spec import IndexSpec
from evaluation.index.weight_factors import WeightDirichlet, WeightNoise, WeightSets

Floats = NDArray[np.float64]
WEIGHT_FACTORS = (WeightNoise, WeightDirichlet, WeightSets)
SPEC_FACTORS = (Choice, FieldRange, LeaveOut)


@dataclass(frozen=True)
class FactorPlan:
    """Factors that fit a specification, and where the settings of each stand.

    Parameters
    ----------
    spec
        The nominal specification.
    factors
        What varies.
    weights
        Nominal weight of each element that has a parent.
    """

    spec: IndexSpec
    factors: tuple[Factor, ...]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        raise_if_any(plan_faults(self.spec, self.factors))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(column for factor in self.factors for column in factor.columns(self.spec))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of settings, and of uniform numbers, of each factor."""
        return tuple(len(factor.columns(self.spec)) for factor in self.factors)

    def slice_of(self, factor: Factor) -> slice:
        """Return where the settings of a factor stand."""
        position = next(place for place, one in enumerate(self.factors) if one is factor)
        start = sum(self.widths[:position])
        return slice(start, start + self.widths[position])

    def settings(self, uniforms: Floats) -> Floats:
        """Return the settings that uniform numbers give, (n_replications, n_settings)."""
        found = np.empty_like(uniforms)
        for factor in self.factors:
            own = self.slice_of(factor)
            found[:, own] = factor.settings(uniforms[:, own], self.spec, self.weights)
        return found

    def to_frame(self, settings: Floats) -> pd.DataFrame:
        """Return settings as a table: labels of options, numbers otherwise."""
        columns: dict[str, object] = {}
        for factor in self.factors:
            labels, own = labels_of(factor, self.spec), self.slice_of(factor)
            for column, drawn in zip(self.columns[own], settings[:, own].T, strict=True):
                columns[column] = (
                    drawn if labels is None else np.array(labels, dtype=object)[drawn.astype(int)]
                )
        return pd.DataFrame(columns)

    def from_frame(self, draws: pd.DataFrame) -> Floats:
        """Return the settings that a table names.

        Raises
        ------
        BadInputError
            When a column is absent, or an option or number has no meaning.
        """
        faults: list[Fault] = []
        found = np.full((len(draws), len(self.columns)), np.nan)
        for factor in self.factors:
            labels, own = labels_of(factor, self.spec), self.slice_of(factor)
            for place, column in zip(range(own.start, own.stop), self.columns[own], strict=True):
                if column not in draws.columns:
                    faults.append(factor_fault(factor.name, f"draws have no column {column!r}", "add it"))
                    continue
                found[:, place] = _numbers(draws[column], labels)
                faults += _draw_faults(factor.name, draws[column], found[:, place])
        raise_if_any(faults)
        return found


def plan_faults(spec: IndexSpec, factors: Sequence[Factor]) -> Iterator[Fault]:
    """Yield what is wrong with each factor, and where two of them are about the same thing."""
    if not factors:
        yield factor_fault("none", "nothing varies", "name at least one factor")
    for name, count in Counter(factor.name for factor in factors).items():
        if count > 1:
            yield factor_fault(name, f"{count} factors have this name", "give each its own")
    own = [fault for factor in factors for fault in factor.faults(spec)]
    yield from own
    if not own:
        yield from _overlaps(spec, factors)


def _overlaps(spec: IndexSpec, factors: Sequence[Factor]) -> Iterator[Fault]:
    """Yield a fault where a later factor would undo what an earlier one has set."""
    owners: dict[str, str] = {}
    for factor in factors:
        for thing in sorted(_things_set(factor, spec)):
            if thing in owners:
                what = f"it sets {thing}, which {owners[thing]} sets too"
                yield factor_fault(factor.name, what, "let one factor set it")
            owners[thing] = factor.name


def _things_set(factor: Factor, spec: IndexSpec) -> set[str]:
    if isinstance(factor, Choice):
        paths = {path for edits in factor.options.values() for path in edits}
        return {thing for path in paths for thing in _things_at(path, spec)}
    if isinstance(factor, FieldRange):
        return _things_at(factor.path, spec)
    if isinstance(factor, WeightDirichlet | WeightSets):
        return {f"the weight of {code}" for code in factor.weighted(spec)}
    if isinstance(factor, GoalpostShift):
        return {f"the {end} goalpost of {code}" for code, end in factor.shifted(spec)}
    return {"what is left out"} if isinstance(factor, LeaveOut) else set()


def _things_at(path: str, spec: IndexSpec) -> set[str]:
    """Return what a path sets, weights as the factors call them that draw them."""
    if path == "weight" or path.startswith("weight."):
        return {path} | {f"the weight of {one.code}" for one in spec.elements if one.parent is not None}
    named = [one.code for one in spec.elements if path == f"elements.{one.code}.weight"]
    return {f"the weight of {code}" for code in named} or {path}


def _numbers(drawn: pd.Series, labels: tuple[str, ...] | None) -> Floats:
    if labels is None:
        return pd.to_numeric(drawn, errors="coerce").to_numpy(dtype=float)
    position = {label: float(place) for place, label in enumerate(labels)}
    return drawn.astype(object).where(drawn.notna(), "").astype(str).map(position).to_numpy(dtype=float)


def _draw_faults(name: str, drawn: pd.Series, numbers: Floats) -> Iterator[Fault]:
    wrong = drawn[~np.isfinite(numbers)]
    if len(wrong):
        what = f"{len(wrong)} draws have no meaning, for example {wrong.iloc[0]!r}"
        yield factor_fault(name, what, "write labels of its options, or numbers")
