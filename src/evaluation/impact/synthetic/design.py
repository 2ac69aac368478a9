"""What a synthetic control study asks: outcome, who is treated from when, who may be a donor, how weights are found.

Belongs here: the one description of a study, checked at the door. Does not belong here: the data
(`evaluation.impact.synthetic.panel`) and arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any, Literal, get_args

from evaluation.errors import UsageError

SyntheticEstimator = Literal["sc", "demeaned", "sdid", "ridge", "penalised", "sc_predictors", "mc"]

Name = Any
"""Name of a unit: a number, or a text."""

DEFAULT_RIDGE = 0.1
"""Ridge of ``"demeaned"``, on outcomes scaled to a root mean square of one: it makes weights unique and lowered
the error of effects by 1 to 8% in simulations of the shape of this programme."""

LEAST_RIDGE = 1e-4
"""Smallest ridge of ``"demeaned"``: below it, weights are as good as not unique."""

HASH_LENGTH = 8
"""Hexadecimal digits of the content hash in a design's label."""

MIN_DONORS, MIN_PRE = 2, 2
"""Least donors, and least years before treatment, with which anything is estimated."""


@dataclass(frozen=True)
class Predictor:
    """A predictor that the synthetic unit should resemble: the mean of a column over years before treatment.

    Parameters
    ----------
    column
        Column of the panel.
    years
        First and last year of the mean; every year before treatment when None.
    """

    column: str
    years: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class SyntheticDesign:
    """A synthetic control study of one outcome and any number of treated units, described once.

    Parameters
    ----------
    outcome, unit, time
        Columns of the panel.
    treated
        First year in which an effect is looked for, by treated unit (a mapping, or pairs).
    estimator
        ``"sc"`` synthetic control on outcomes before treatment; ``"demeaned"`` the same on deviations from each
        unit's mean, with a small `ridge`; ``"sdid"`` synthetic difference-in-differences; ``"ridge"`` ridge-augmented;
        ``"penalised"`` Abadie and L'Hour; ``"sc_predictors"`` Abadie's nested predictor weights; ``"mc"``
        matrix completion.
    anticipation
        Years before the first in which an effect is already possible; they are neither before nor after.
    donors
        Units that may be donors of every treated unit; all that are not treated when None.
    pools
        Donors by treated unit, instead of `donors`, for those that it names (a mapping, or pairs).
    predictors
        For ``"sc_predictors"``.
    start_year, end_year
        First and last year used; all when None.
    ridge
        Of ``"demeaned"``.
    penalty
        Of ``"ridge"`` (lambda), ``"penalised"`` or ``"mc"``; chosen from years before treatment when None.
    min_donors, min_pre
        With fewer donors, or years before treatment, a unit is not estimable.

    Raises
    ------
    UsageError
        When an option does not exist or contradicts another; all of them at once.
    """

    outcome: str
    unit: str
    time: str
    treated: tuple[tuple[Name, int], ...] | Mapping[Name, int]
    estimator: SyntheticEstimator = "sdid"
    anticipation: int = 0
    donors: tuple[Name, ...] | None = None
    pools: tuple[tuple[Name, tuple[Name, ...]], ...] | Mapping[Name, Iterable[Name]] | None = None
    predictors: tuple[Predictor, ...] = ()
    start_year: int | None = None
    end_year: int | None = None
    ridge: float = DEFAULT_RIDGE
    penalty: float | None = None
    min_donors: int = MIN_DONORS
    min_pre: int = MIN_PRE

    def __post_init__(self) -> None:
        object.__setattr__(self, "treated", _pairs(self.treated))
        if self.donors is not None and not isinstance(self.donors, str):
            object.__setattr__(self, "donors", tuple(self.donors))
        if self.pools is not None:
            own = tuple((unit, tuple(pool)) for unit, pool in _pairs(self.pools))
            object.__setattr__(self, "pools", own)
        object.__setattr__(self, "predictors", tuple(self.predictors))
        problems = [*_option_problems(self), *_unit_problems(self)]
        if problems:
            raise UsageError("The design cannot be used: " + "; ".join(problems) + ".")

    @property
    def first_years(self) -> dict[Name, int]:
        """First year of each treated unit, in the order given."""
        return dict(self.treated)

    @property
    def own_pools(self) -> dict[Name, tuple[Name, ...]]:
        """Donors of the treated units that have a pool of their own."""
        return dict(self.pools or ())

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the panel must have, each once."""
        named = (self.unit, self.time, self.outcome, *(one.column for one in self.predictors))
        return tuple(dict.fromkeys(named))

    @property
    def label(self) -> str:
        """A short readable label with a hash of the whole content."""
        content = json.dumps(self.as_dict(), sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]
        return f"{self.outcome}-{self.estimator}-{digest}"

    def as_dict(self) -> dict[str, Any]:
        """Return the design as plain values, ready for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_plain))
        return plain


def _pairs(given: Any) -> tuple[tuple[Any, Any], ...]:
    return tuple(given.items()) if isinstance(given, Mapping) else tuple((one, value) for one, value in given)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _option_problems(design: SyntheticDesign) -> list[str]:
    problems = []
    if design.estimator not in get_args(SyntheticEstimator):
        allowed = ", ".join(get_args(SyntheticEstimator))
        problems.append(f"estimator must be one of {allowed}; got: {design.estimator!r}")
    for name, least in (("anticipation", 0), ("min_donors", MIN_DONORS), ("min_pre", MIN_PRE)):
        if not _is_whole(getattr(design, name)) or getattr(design, name) < least:
            problems.append(
                f"{name} must be a whole number of {least} or more; got: {getattr(design, name)!r}"
            )
    for name in ("start_year", "end_year"):
        if getattr(design, name) is not None and not _is_whole(getattr(design, name)):
            problems.append(f"{name} must be a year; got: {getattr(design, name)!r}")
    if not _is_number(design.ridge) or design.ridge < LEAST_RIDGE:
        what = f"ridge must be {LEAST_RIDGE:g} or more, or weights are not unique"
        problems.append(f"{what}; got: {design.ridge!r}")
    if design.penalty is not None and (not _is_number(design.penalty) or design.penalty < 0):
        problems.append(f"penalty must be 0 or more, or None; got: {design.penalty!r}")
    if design.estimator == "ridge" and design.penalty == 0:
        problems.append("penalty of ridge must be above 0: at 0 its regression has no unique answer")
    if bool(design.predictors) != (design.estimator == "sc_predictors"):
        problems.append(
            f"predictors belong to the estimator sc_predictors; got: {design.estimator} "
            f"with {len(design.predictors)} predictors"
        )
    problems += [
        f"predictor {one.column}: its years must be a first and a last year; got: {one.years!r}"
        for one in design.predictors
        if one.years is not None and not (len(one.years) == 2 and one.years[0] <= one.years[1])
    ]
    roles = (design.outcome, design.unit, design.time)
    if len(set(roles)) < len(roles):
        problems.append(f"outcome, unit and time must be three columns; got: {', '.join(roles)}")
    return problems


def _unit_problems(design: SyntheticDesign) -> list[str]:
    names = [unit for unit, _ in design.treated]
    treated = set(names)
    problems = [] if names else ["treated must name at least one unit"]
    if len(treated) < len(names):
        twice = sorted({str(unit) for unit in names if names.count(unit) > 1})
        problems.append(f"treated names a unit twice: {', '.join(twice)}")
    problems += [
        f"treated: the first year of {unit} must be a year; got: {year!r}"
        for unit, year in design.treated
        if not _is_whole(year)
    ]
    if isinstance(design.donors, str):
        problems.append(f"donors must be a list of units; got the text: {design.donors!r}")
    for owner, pool in (
        ("donors", design.donors or ()),
        *((f"pools: {u}", p) for u, p in design.own_pools.items()),
    ):
        both = sorted(str(unit) for unit in treated.intersection(pool))
        if both and not isinstance(pool, str):
            problems.append(f"{owner} names treated units: {', '.join(both)}")
    strangers = sorted(str(unit) for unit in set(design.own_pools) - treated)
    if strangers:
        problems.append(f"pools names units that are not treated: {', '.join(strangers)}")
    return problems


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value
