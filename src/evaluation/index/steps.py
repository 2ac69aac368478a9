"""What may be done to values before they are aggregated: one frozen record a step, in the order they are taken.

Belongs here: the options of a step and what they mean. Does not belong here: doing it (the module of the step's name).

Every record but `Screen` and `Weight` may name exceptions in ``overrides``: from the code of an indicator, or of an
aggregate above it, to the record that holds there; the nearest one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["pooled", "per_time", "reference"]
"""Which rows parameters are taken from: all of them, those of the same time, or those of stated times."""

ScreenBy = Literal["missing", "zeros", "both"]
ImputeMethod = Literal[
    "none",
    "mean",
    "median",
    "group_mean",
    "group_median",
    "row_mean",
    "row_median",
    "em",
    "last",
    "linear",
]
TreatMethod = Literal["none", "winsorise", "log", "box_cox", "bounds", "custom"]
Fallback = Literal["none", "log", "box_cox"]
LogForm = Literal["shifted", "plus_one", "gii"]
NormaliseMethod = Literal[
    "none",
    "goalposts",
    "minmax",
    "zscore",
    "percentile_rank",
    "rank",
    "distance_to_target",
    "distance_to_maximum",
    "distance_to_reference",
    "scaled",
]
WeightMethod = Literal["manual", "equal", "pca"]


@dataclass(frozen=True, kw_only=True)
class Denominate:
    """Divide each indicator by its element's ``denominator`` column and multiply by `scale`.

    Parameters
    ----------
    scale
        Factor on the ratio, for example 100,000 for a rate per 100,000 inhabitants.
    """

    scale: float = 1.0
    overrides: Mapping[str, Denominate] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Leave out indicators, then units, for which too little is known; before anything is imputed.

    Parameters
    ----------
    by
        What counts against a unit: ``missing`` values, ``zeros``, or ``both``.
    min_availability
        Least share of indicators that a unit (in a panel: a unit at a time) has, 0-1.
    min_nonzero
        Least share of a unit's values that are not zero, 0-1.
    indicator_min_availability
        Least share of rows in which an indicator is there, 0-1.
    """

    by: ScreenBy = "missing"
    min_availability: float = 0.0
    min_nonzero: float = 0.0
    indicator_min_availability: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Impute:
    """Fill missing values.

    Parameters
    ----------
    method
        ``mean``, ``median``: of the indicator. ``group_mean``, ``group_median``: of the indicator within the unit's
        group. ``row_mean``, ``row_median``: of the unit's other indicators after min-max, turned back. ``em``:
        expectation under a multivariate normal. ``last``: the latest earlier value of the unit. ``linear``: on a
        straight line through the unit's own values.
    group
        Column of groups, for ``group_mean`` and ``group_median``.
    within
        Level within whose elements a row is averaged, or a normal is fitted; all indicators together when None.
    limit
        Longest time since the latest value (``last``, ``linear``) after which one is filled, in units of time, so 2
        fills two years of a yearly panel; any when None.
    use_later
        Whether ``linear`` draws its line between the values before and after. When False, as by default, it
        prolongs the line through the two latest earlier values, so that a later year never changes an earlier one.
    scope, reference
        Rows that means, medians, groups and normals are taken from. ``per_time`` by default, for the same reason.
    """

    method: ImputeMethod
    group: str | None = None
    within: str | None = None
    limit: int | None = None
    use_later: bool = False
    scope: Scope = "per_time"
    reference: tuple[int | str, ...] = ()
    overrides: Mapping[str, Impute] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Treat:
    """Bring in outliers where an indicator's skewness and kurtosis both exceed their thresholds.

    Parameters
    ----------
    method
        ``winsorise``: draw the outermost values to the next one, on the side of the skewness, until one threshold
        holds, at most `max_points` of them. ``log``, ``box_cox``: transform. ``bounds``: hold within `bounds`,
        whatever the shape. ``custom``: the function named in `function`, whatever the shape.
    fallback
        What is done, to the values as they were, where winsorising does not suffice.
    skewness, kurtosis
        Thresholds on the absolute bias-corrected skewness and on the bias-corrected excess kurtosis.
    max_points
        Most values that may be winsorised in one indicator; any number when None.
    log
        With m and M the smallest and largest value: ``shifted`` log(x - m + 0.01 (M - m)), ``plus_one``
        log(x - m + 1), ``gii`` log((M - 1)(x - m)/(M - m) + 1), which needs M > 1.
    box_cox_lambda
        Exponent of the Box-Cox transform of x - m + 1; by maximum likelihood when None.
    bounds
        Lowest and highest value; None on a side that is open.
    function
        Name of the function given to `build_index`.
    scope, reference
        Rows that the decision and its thresholds are taken from; the others are treated by the same thresholds.
    """

    method: TreatMethod = "winsorise"
    fallback: Fallback = "log"
    skewness: float = 2.0
    kurtosis: float = 3.5
    max_points: int | None = 5
    log: LogForm = "shifted"
    box_cox_lambda: float | None = None
    bounds: tuple[float | None, float | None] | None = None
    function: str | None = None
    scope: Scope = "pooled"
    reference: tuple[int | str, ...] = ()
    overrides: Mapping[str, Treat] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Normalise:
    """Bring indicators onto one scale on which more is better.

    Parameters
    ----------
    method
        ``goalposts``: between the element's goalposts. ``minmax``: between the smallest and largest value.
        ``zscore``: to mean `centre` and standard deviation `spread`. ``percentile_rank``: share of the other values
        that are lower, 0-1. ``rank``: 1 for the lowest. ``distance_to_target``, ``distance_to_maximum``,
        ``distance_to_reference``: 1 at the element's target, the best value or the value of `reference_unit`,
        0 at the worst value. ``scaled``: between the two ends of `scale`, the same for all indicators. ``none``:
        turned by the direction only.
    score_range
        Score at the worst and at the best end (``goalposts``, ``minmax``, ``scaled``).
    capped
        Whether values beyond a goalpost, a target, the maximum or the reference unit score no more than at it. At the
        worst end only goalposts hold values; with the scope ``reference``, values of other times may fall below it.
    centre, spread
        Mean and standard deviation of z-scores.
    scale
        Ends of ``scaled``, low before high.
    reference_unit
        Unit of ``distance_to_reference``; its mean over the rows of the scope.
    scope, reference
        Rows that parameters and ranks are taken from. Without meaning for ``goalposts`` and ``scaled``.
    """

    method: NormaliseMethod = "goalposts"
    score_range: tuple[float, float] = (1.0, 100.0)
    capped: bool = True
    centre: float = 0.0
    spread: float = 1.0
    scale: tuple[float, float] = (0.0, 100.0)
    reference_unit: str | None = None
    scope: Scope = "pooled"
    reference: tuple[int | str, ...] = ()
    overrides: Mapping[str, Normalise] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """Where weights come from: given (``manual``), ``equal``, or rotated principal components (``pca``).

    Parameters
    ----------
    method
        For every level that `levels` does not name.
    levels
        From the name of the level whose elements are weighted to a method.
    components
        Number of components; by the three rules below when None.
    min_eigenvalue, min_share, min_cumulative
        A component is kept when its eigenvalue is at least the first and its share of the variance at least the
        second; together they must explain at least the third (OECD 2008, section 6.1).
    scope, reference
        Rows that the correlations are taken from; weights are the same for all rows (``per_time`` has no meaning).
    """

    method: WeightMethod = "manual"
    levels: Mapping[str, WeightMethod] = field(default_factory=dict, hash=False)
    components: int | None = None
    min_eigenvalue: float = 1.0
    min_share: float = 0.1
    min_cumulative: float = 0.6
    scope: Scope = "pooled"
    reference: tuple[int | str, ...] = ()


STEPS: dict[str, type] = {
    "denominate": Denominate,
    "screen": Screen,
    "impute": Impute,
    "treat": Treat,
    "normalise": Normalise,
    "weight": Weight,
}
"""The steps before aggregation, in the order they are taken."""
