"""What is uncertain about an index: one record a choice that could have been made otherwise.

A factor turns uniform numbers into settings, which are what is recorded of a replication, and settings into what differs
in it: the specification (`Choice`, `LeaveOut`, `FieldRange`), the weights (`WeightNoise`, `WeightDirichlet`,
`WeightSets`) or the goalposts (`GoalpostShift`). Belongs here: what a factor means. Does not belong here: checks across
factors and drawing (`evaluation.index.draws`), running (`evaluation.index.uncertainty`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import Fault
from evaluation.index.factor_checks import (
    code_faults,
    edit_faults,
    factor_fault,
    path_faults,
    probability_faults,
)
from evaluation.index.spec import IndexSpec
from evaluation.index.weight_factors import WeightDirichlet, WeightNoise, WeightSets, positions

Floats = NDArray[np.float64]
Effect = Literal["specification", "weights", "goalposts"]

NONE_LEFT_OUT = ""
"""Label of a replication in which `LeaveOut` leaves out nothing."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several ways to specify the index: a method, a step, an aggregation, or several fields together.

    Parameters
    ----------
    name
        Name of the factor.
    options
        From the label of an option to the fields it sets, path to value as in `evaluation.index.fields`. An option
        without fields is the specification as it stands.
    probabilities
        Of the options, in order; equal when None.
    """

    name: str
    options: Mapping[str, Mapping[str, Any]] = field(hash=False)
    probabilities: tuple[float, ...] | None = None
    effect: ClassVar[Effect] = "specification"

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the options."""
        return tuple(self.options)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings."""
        return (self.name,)

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the position of the option drawn, (n_replications, 1)."""
        return positions(uniforms, len(self.options), self.probabilities)

    def apply(self, spec: IndexSpec, setting: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the fields that an option sets, and the indicators that it leaves out (none)."""
        return dict(self.options[self.labels[int(setting)]]), ()

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        if not self.options:
            yield factor_fault(self.name, "it has no options", "list at least one")
        yield from probability_faults(self.name, self.probabilities, len(self.options))
        for label, edits in self.options.items():
            where = f"{self.name}, option {label}"
            for path in edits:
                yield from path_faults(where, path, spec)


@dataclass(frozen=True, kw_only=True)
class FieldRange:
    """A number of the specification anywhere between two bounds, for example a threshold or an exponent.

    Every replication has a specification of its own, and its steps are taken anew: where a few values serve as well,
    a `Choice` among them is much faster.

    Parameters
    ----------
    path
        The field, as in `evaluation.index.fields`.
    low, high
        Bounds of a uniform distribution.
    name
        Name of the factor; the path when empty.
    """

    path: str
    low: float
    high: float
    name: str = ""
    effect: ClassVar[Effect] = "specification"
    labels: ClassVar[tuple[str, ...] | None] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.path)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings."""
        return (self.name,)

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the value drawn, (n_replications, 1)."""
        return self.low + (self.high - self.low) * uniforms

    def apply(self, spec: IndexSpec, setting: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the field's value, and the indicators that are left out (none)."""
        return {self.path: float(setting)}, ()

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from path_faults(self.name, self.path, spec)
        if not self.low < self.high:
            yield factor_fault(
                self.name, f"bounds must rise; got: {self.low:g}, {self.high:g}", "write low before high"
            )
            return
        for value in (self.low, self.high):
            yield from edit_faults(self.name, {self.path: value}, spec)


@dataclass(frozen=True, kw_only=True)
class LeaveOut:
    """One element left out, as if it had never been in the index: counts, coverage and every step change with it.

    Parameters
    ----------
    codes
        Elements of which one at a time may be left out, indicators or aggregates (with all below them); all indicators
        when None.
    or_nothing
        Whether leaving out nothing is among the options, as likely as each of them.
    name
        Name of the factor.
    """

    codes: tuple[str, ...] | None = None
    or_nothing: bool = True
    name: str = "left_out"
    effect: ClassVar[Effect] = "specification"

    def labels_for(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the codes that may be left out, `NONE_LEFT_OUT` before them where it is among the options."""
        codes = self.codes if self.codes is not None else tuple(one.code for one in spec.indicators)
        return ((NONE_LEFT_OUT,) if self.or_nothing else ()) + tuple(codes)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings."""
        return (self.name,)

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the position of the element drawn, (n_replications, 1)."""
        return positions(uniforms, len(self.labels_for(spec)), None)

    def apply(self, spec: IndexSpec, setting: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the fields that are set (none), and the indicators that are left out."""
        code = self.labels_for(spec)[int(setting)]
        if code == NONE_LEFT_OUT:
            return {}, ()
        return {}, tuple(leaf.code for leaf in spec.leaves(code))

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from code_faults(self.name, self.codes, spec)
        for code in self.labels_for(spec):
            if code in spec.by_code and len(spec.leaves(code)) >= len(spec.indicators):
                yield factor_fault(self.name, f"without {code!r} no indicator is left", "leave it in")


@dataclass(frozen=True, kw_only=True)
class GoalpostShift:
    """Goalposts that could lie somewhat higher or lower.

    Each end moves by s times the distance between the two, s uniform on [-spread, spread] and independent, on the scale
    on which distances are measured (logarithms for a log transform). A replication whose normalisation has no goalposts
    is left as it is.

    Parameters
    ----------
    spread
        0.1 for a tenth of the distance; below 0.5, so that low stays below high.
    codes
        Indicators; all that are normalised by goalposts when None.
    ends
        Which end moves.
    name
        Name of the factor.
    """

    spread: float
    codes: tuple[str, ...] | None = None
    ends: Literal["both", "low", "high"] = "both"
    name: str = "goalposts"
    effect: ClassVar[Effect] = "goalposts"
    labels: ClassVar[tuple[str, ...] | None] = None

    def shifted(self, spec: IndexSpec) -> tuple[tuple[str, str], ...]:
        """Return (code, end) of each setting."""
        ends = ("low", "high") if self.ends == "both" else (self.ends,)
        codes = self.codes if self.codes is not None else goalposted(spec)
        return tuple((code, end) for code in codes for end in ends)

    def columns(self, spec: IndexSpec) -> tuple[str, ...]:
        """Return the names of the settings."""
        return tuple(f"{self.name}:{code}:{end}" for code, end in self.shifted(spec))

    def settings(self, uniforms: Floats, spec: IndexSpec, weights: Mapping[str, float]) -> Floats:
        """Return the shifts as shares of the distance, (n_replications, n_settings)."""
        return self.spread * (2.0 * uniforms - 1.0)

    def faults(self, spec: IndexSpec) -> Iterator[Fault]:
        """Yield what is wrong with the factor for a specification."""
        yield from code_faults(self.name, self.codes, spec)
        if not 0 <= self.spread < 0.5:
            yield factor_fault(
                self.name, f"spread must lie from 0 to below 0.5; got: {self.spread:g}", "write a share"
            )
        for code in self.codes or ():
            if code in spec.by_code and code not in goalposted(spec):
                yield factor_fault(self.name, f"{code!r} is not normalised by goalposts", "take it out")
        if self.codes is None and not goalposted(spec):
            yield factor_fault(self.name, "no indicator is normalised by goalposts", "take the factor out")


SpecFactor = Choice | FieldRange | LeaveOut
WeightFactor = WeightNoise | WeightDirichlet | WeightSets
Factor = SpecFactor | WeightFactor | GoalpostShift


def goalposted(spec: IndexSpec) -> tuple[str, ...]:
    """Return the codes of the indicators that a specification normalises by goalposts."""
    step = spec.normalise
    if step is None:
        return ()
    return tuple(one.code for one in spec.indicators if spec.rule(step, one.code).method == "goalposts")


def labels_of(factor: Factor, spec: IndexSpec) -> tuple[str, ...] | None:
    """Return the labels of a factor's options, None for a factor whose settings are numbers."""
    return factor.labels_for(spec) if isinstance(factor, LeaveOut) else factor.labels
