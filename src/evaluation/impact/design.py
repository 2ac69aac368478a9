"""What a study asks: outcome, units, cohorts, who may serve as a control, which years are compared.

Belongs here: the one description of a difference-in-differences study, apart from the estimator that answers
it. Does not belong here: the data (`evaluation.impact.panel`) and arithmetic (`evaluation.impact.did`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any, Literal, get_args

from evaluation.errors import UsageError

ControlGroup = Literal["never_treated", "not_yet_treated"]
BasePeriod = Literal["varying", "universal"]
Estimator = Literal[
    "dr",
    "reg",
    "ipw",
    "entropy",
    "sun_abraham",
    "imputation",
    "two_stage",
    "etwfe",
    "stacked",
    "twfe",
]

GROUP_TIME_ESTIMATORS: tuple[Estimator, ...] = ("dr", "reg", "ipw", "entropy")
"""Estimators that compare two years of two groups at a time (Callaway and Sant'Anna 2021); the others regress
on unit and year effects and use every year before treatment."""

HASH_LENGTH = 8
"""Hexadecimal digits of the content hash in a design's label: enough for a study plan of hundreds of rows."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """A staggered difference-in-differences study, described once.

    Parameters
    ----------
    outcome, unit, time
        Columns of the panel: what is measured, on whom, in which year.
    cohort
        Column with the first year in which an effect is looked for. Missing, 0 or infinite = never treated.
    control_group
        ``"not_yet_treated"``: units whose cohort lies after the compared years plus `anticipation`, and the
        never treated. ``"never_treated"``: only units that stay untreated in the whole panel (a cohort later
        than the last panel year plus `anticipation` counts as that, and a note says so).
    anticipation
        Years before `cohort` in which an effect is already possible; the base year lies before them.
    covariates
        Columns to condition on. Group-time estimators read them in the base year of each comparison;
        regressions take those that vary within units as they are, and those that do not times the years. Text
        columns become indicators.
    base_period
        ``"varying"``: before treatment each year is compared with the year before it; ``"universal"``: every
        year is compared with the one base year, whose own row is zero.
    eligible_control
        Column of truth values: a unit with False never serves as a control, but may be treated.
    cohorts
        The cohorts to estimate; the others serve only as controls while clean. All of them when None.
    end_year
        Last year of the panel that is used. All of them when None.
    weights
        Column of sampling weights, one value per unit, zero or more.
    clusters
        Column of clusters, one value per unit, for standard errors. Each unit is its own when None.
    estimator
        ``"dr"`` doubly robust, ``"reg"`` outcome regression, ``"ipw"`` normalised inverse probability
        weighting, ``"entropy"`` entropy balancing; or a regression: ``"sun_abraham"``, ``"imputation"``
        (Borusyak, Jaravel and Spiess), ``"two_stage"`` (Gardner), ``"etwfe"`` (Wooldridge), ``"stacked"``,
        ``"twfe"`` (plain two-way fixed effects, for comparison only).

    Raises
    ------
    UsageError
        When an option does not exist or contradicts another; all of them at once.
    """

    outcome: str
    unit: str
    time: str
    cohort: str
    control_group: ControlGroup = "not_yet_treated"
    anticipation: int = 0
    covariates: tuple[str, ...] = ()
    base_period: BasePeriod = "varying"
    eligible_control: str | None = None
    cohorts: tuple[int, ...] | None = None
    end_year: int | None = None
    weights: str | None = None
    clusters: str | None = None
    estimator: Estimator = "dr"

    def __post_init__(self) -> None:
        # A caller who writes a list means its elements; a frozen design must not change with the list.
        if not isinstance(self.covariates, str):
            object.__setattr__(self, "covariates", tuple(self.covariates))
        if self.cohorts is not None and not isinstance(self.cohorts, Integral):
            object.__setattr__(self, "cohorts", tuple(sorted({int(year) for year in self.cohorts})))
        problems = [*_option_problems(self), *_column_problems(self)]
        if problems:
            raise UsageError("The design cannot be used: " + "; ".join(problems) + ".")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the panel must have, each once."""
        optional = (self.eligible_control, self.weights, self.clusters)
        named = (self.unit, self.time, self.cohort, self.outcome, *self.covariates, *optional)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def label(self) -> str:
        """A short readable label with a hash of the whole content, for the column `design`."""
        conditional = "conditional" if self.covariates else "unconditional"
        return f"{self.outcome}-{self.estimator}-{conditional}-{self._digest()}"

    def as_dict(self) -> dict[str, Any]:
        """Return the design as plain values, ready for JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    def _digest(self) -> str:
        content = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]


def _option_problems(design: Design) -> list[str]:
    options = {
        "control_group": get_args(ControlGroup),
        "base_period": get_args(BasePeriod),
        "estimator": get_args(Estimator),
    }
    problems = [
        f"{name} must be one of {', '.join(allowed)}; got: {getattr(design, name)!r}"
        for name, allowed in options.items()
        if getattr(design, name) not in allowed
    ]
    if not _is_whole(design.anticipation) or design.anticipation < 0:
        problems.append(f"anticipation must be 0 or more whole years; got: {design.anticipation!r}")
    if design.end_year is not None and not _is_whole(design.end_year):
        problems.append(f"end_year must be a year; got: {design.end_year!r}")
    return problems


def _column_problems(design: Design) -> list[str]:
    problems = []
    if isinstance(design.covariates, str):
        problems.append(f"covariates must be a list of column names; got the text: {design.covariates!r}")
    elif len(set(design.covariates)) < len(design.covariates):
        problems.append(f"covariates name a column twice; got: {', '.join(design.covariates)}")
    roles = (design.outcome, design.unit, design.time, design.cohort)
    if len(set(roles)) < len(roles):
        problems.append(f"outcome, unit, time and cohort must be four columns; got: {', '.join(roles)}")
    if design.cohorts is not None and (isinstance(design.cohorts, Integral) or not design.cohorts):
        problems.append(f"cohorts must be a list of at least one year, or None; got: {design.cohorts!r}")
    return problems


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
