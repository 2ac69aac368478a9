"""In-space placebos: how a unit's gap ranks among the gaps of units that nobody treated.

Belongs here: ranks, p-values, intervals by inversion, what effect could have been seen. Does not belong here: fit
rules, averages over units, adjustment for many questions.

If treatment had been as if by lot among the unit and its donors, each rank of the unit's statistic would be
equally likely, and ``p = (1 + placebos at least as large) / (1 + placebos)`` exact. The smallest attainable p is
``1 / (1 + placebos)``; a level that needs a smaller one has no interval but the whole line.

The rank of the absolute average gap is the default; where units move unequally it is divided by their scale first.
The ratio of root mean squared gaps after to before (Abadie, Diamond and Hainmueller 2010) has the same size but little
power with few years before: a denominator near zero, a perfect fit, then decides the rank
(docs/methods/synthetic_inference.md). The floored ratio never divides by less than the median of all denominators.

References
----------
Abadie, Diamond and Hainmueller (2010), J. American Statistical Association 105(490), doi:10.1198/jasa.2009.ap08746,
section 2.4. Firpo and Possebom (2018), J. Causal Inference 6(2), doi:10.1515/jci-2016-0026, on intervals by
inversion. Arkhangelsky et al. (2021), American Economic Review 111(12), doi:10.1257/aer.20190159, algorithm 4, on
the placebo error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.synthetic.gap_panel import TIE, GapPanel, row_quantile

Floats = NDArray[np.float64]
Statistic = Literal["average", "scaled", "ratio", "floored_ratio"]
Alternative = Literal["two-sided", "greater", "less"]

POWER = 0.8
"""Share of studies in which a detectable effect is found."""

ATTAINED = 1e-9
"""Slack in level x (placebos + 1), so that one in twenty at 5% is one although 0.05 is not a binary fraction."""


@dataclass(frozen=True)
class PlaceboTests(Tabular):
    """One placebo test for each treated unit.

    Parameters
    ----------
    table
        One row per unit: unit; estimate, the average gap; std_error, spread of the placebos' averages;
        p_value; conf_low, conf_high, infinite where the level is not attainable; detectable, the smallest
        effect found in `POWER` of studies; smallest_p; n_placebos; pre_rmspe; p_ratio, p_floored_ratio, the same
        test with the other statistics, and p_scaled where scales were given. A unit without placebos, or without
        years, has missing values.
    statistic, alternative, level
        What was asked; `p_value` and the interval belong to `statistic`.
    """

    table: pd.DataFrame
    statistic: Statistic
    alternative: Alternative
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n_units, n_tested, smallest_p, level, n_level_attainable, n_below, share_below."""
        known = self.table["p_value"].notna()
        below = self.table["p_value"] <= 1 - self.level + ATTAINED
        attainable = self.table["smallest_p"] <= 1 - self.level + ATTAINED
        row = {
            "n_units": len(self.table),
            "n_tested": int(known.sum()),
            "smallest_p": self.table["smallest_p"].min(),
            "level": self.level,
            "n_level_attainable": int(attainable.sum()),
            "n_below": int(below.sum()),
            "share_below": float(below.sum() / known.sum()) if known.any() else np.nan,
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Effect of each unit, with its placebo interval") -> Chart:
        """Draw estimates with finite intervals, largest first.

        Parameters
        ----------
        title
            Words of the chart.
        """
        finite = np.isfinite(self.table[["estimate", "conf_low", "conf_high"]]).all(axis=1)
        rows = self.table[finite].sort_values("estimate", ascending=False)
        return interval_forest(rows.assign(label=rows["unit"]), title=title)


def placebo_test(
    panel: GapPanel,
    *,
    statistic: Statistic = "average",
    alternative: Alternative = "two-sided",
    level: float = CONFIDENCE,
    scale: ArrayLike | None = None,
    placebo_scale: ArrayLike | None = None,
) -> PlaceboTests:
    """Test each unit's own effect by its rank among placebos.

    Parameters
    ----------
    panel
        Gaps of units and placebos. A placebo that lacks a year which the unit has is not counted.
    statistic
        ``"average"``: |mean gap after|, recommended; ``"scaled"``: the same over each unit's scale, for units that
        move unequally, with error, interval and detectable effect in the unit's scale; ``"ratio"``: root mean
        squared gap after over before; ``"floored_ratio"``: the same, the denominator at least the median of the
        unit's and its placebos'.
    alternative
        ``"two-sided"``, ``"greater"`` (an increase) or ``"less"``; the ratios have no sign.
    level
        Coverage of the interval: constant effects that the test of size 1 - level does not reject.
    scale, placebo_scale
        Of units and placebos (`evaluation.impact.synthetic.unit_scales`), (n_units,) and (n_placebos,); needed for
        ``"scaled"``. A placebo without a scale does not count.

    Raises
    ------
    UsageError
        For options that do not exist or do not go together.
    """
    _check(statistic, alternative, level)
    estimate, placebo = panel.estimates, panel.placebo_estimates
    before, before_placebo = panel.rmspe(panel.pre), panel.placebo_rmspe(panel.pre)
    after, after_placebo = panel.rmspe(panel.post), panel.placebo_rmspe(panel.post)
    known = np.isfinite(placebo) & np.isfinite(before_placebo)
    placebo = np.where(known, placebo, np.nan)
    rescaled = _in_units_scale(panel, placebo, scale, placebo_scale, needed=statistic == "scaled")
    floor = _floor(before, np.where(known, before_placebo, np.nan))
    least, least_placebo = np.maximum(before, floor), np.maximum(before_placebo, floor[:, None])
    ratio = np.where(known, _over(after_placebo, before_placebo), np.nan)
    floored = np.where(known, _over(after_placebo, least_placebo), np.nan)
    p_values = {
        "average": _p_value(*_signed(estimate, placebo, alternative)),
        "scaled": _p_value(*_signed(estimate, rescaled, alternative)),
        "ratio": _p_value(_over(after, before), ratio),
        "floored_ratio": _p_value(_over(after, least), floored),
    }
    compared = rescaled if statistic == "scaled" else placebo
    if statistic in ("average", "scaled"):
        low, high = _average_interval(estimate, compared, alternative, level)
    else:
        denominator, ratios = (before, ratio) if statistic == "ratio" else (least, floored)
        low, high = _ratio_interval(panel, denominator, ratios, level)
    n = np.isfinite(compared).sum(axis=1)
    testable = np.isfinite(estimate) & np.isfinite(before) & (n > 0)
    values = {
        "estimate": estimate,
        "std_error": placebo_error(compared),
        "p_value": p_values[statistic],
        "conf_low": low,
        "conf_high": high,
        "detectable": _detectable(compared, level),
        "smallest_p": 1 / (1 + n),
        "n_placebos": n,
        "pre_rmspe": before,
        "p_ratio": p_values["ratio"],
        "p_floored_ratio": p_values["floored_ratio"],
        "p_scaled": p_values["scaled"],
    }
    always = ("estimate", "n_placebos", "pre_rmspe")
    kept = {name: one if name in always else np.where(testable, one, np.nan) for name, one in values.items()}
    return PlaceboTests(pd.DataFrame({"unit": panel.units, **kept}), statistic, alternative, level)


def placebo_bands(panel: GapPanel, *, level: float = CONFIDENCE) -> pd.DataFrame:
    """Return each year's gap with the fan of its placebos.

    Parameters
    ----------
    panel
        Gaps of units and placebos.
    level
        Share of a year's placebos, and the unit, between `low` and `high`: the range in absolute value.

    Returns
    -------
    DataFrame
        unit, year_position, phase (pre, post, other), gap, low, high, p_value (rank of |gap| in that year),
        n_placebos. In years before treatment p_value describes fit; it is no test.
    """
    _check("average", "two-sided", level)
    n_years = len(panel.pre)
    phase = np.where(panel.pre, "pre", np.where(panel.post, "post", "other"))
    shared = np.broadcast_to(panel.placebo_gaps, (len(panel.units), *panel.placebo_gaps.shape[-2:]))
    own = panel.gaps.reshape(-1)
    if panel.counted is not None:
        shared = np.where(panel.counted[:, :, None], shared, np.nan)
    many = np.moveaxis(shared, 2, 1).reshape(len(own), -1)
    reach = np.where(np.isfinite(own), _critical(np.abs(many), level), np.nan)
    return pd.DataFrame(
        {
            "unit": np.repeat(panel.units, n_years),
            "year_position": np.tile(np.arange(n_years), len(panel.units)),
            "phase": np.tile(phase, len(panel.units)),
            "gap": own,
            "low": -reach,
            "high": reach,
            "p_value": _p_value(np.abs(own), np.abs(many)),
            "n_placebos": np.isfinite(many).sum(axis=1),
        }
    )


def placebo_error(placebo_estimates: Floats) -> Floats:
    """Return the spread of enumerated placebo estimates, the placebo standard error of synthetic DiD.

    ``sqrt(mean (t_j - mean t)^2)`` over all donors j. R's synthdid draws donors with replacement; the limit of its
    draws for one treated unit is this sum, so that nothing is drawn.

    Parameters
    ----------
    placebo_estimates
        (n_units, n_placebos) or (n_placebos,); missing ones do not count.
    """
    values = np.asarray(placebo_estimates, dtype=float)
    known = np.isfinite(values)
    n = known.sum(axis=-1)
    total = np.where(n > 1, n, np.nan)
    filled = np.where(known, values, 0.0)
    centred = np.where(known, filled - (filled.sum(axis=-1) / total)[..., None], 0.0)
    return np.asarray(np.sqrt((centred**2).sum(axis=-1) / total))


def _check(statistic: str, alternative: str, level: float) -> None:
    if statistic not in get_args(Statistic) or alternative not in get_args(Alternative) or not 0 < level < 1:
        raise UsageError(
            f"statistic must be one of {', '.join(get_args(Statistic))}, alternative one of "
            f"{', '.join(get_args(Alternative))}, level between 0 and 1; "
            f"got: {statistic!r}, {alternative!r}, {level!r}"
        )
    if statistic in ("ratio", "floored_ratio") and alternative != "two-sided":
        raise UsageError(f"The statistic {statistic!r} has no sign: only averages can be tested one-sided.")


def _in_units_scale(
    panel: GapPanel,
    placebo: Floats,
    scale: ArrayLike | None,
    placebo_scale: ArrayLike | None,
    *,
    needed: bool,
) -> Floats:
    """Return placebo averages times the unit's scale over their own, missing where there is none."""
    if scale is None and placebo_scale is None and not needed:
        return np.full(placebo.shape, np.nan)
    own, others = (np.asarray([] if one is None else one, dtype=float) for one in (scale, placebo_scale))
    expected = ((len(panel.units),), (len(panel.placebos),))
    if (own.shape, others.shape) != expected:
        raise UsageError(
            f"scale and placebo_scale need the shapes {expected[0]} and {expected[1]}; "
            f"got: {own.shape} and {others.shape}"
        )
    usable = np.where(others > 0, others, np.nan)
    return np.asarray(placebo * (own[:, None] / usable))


def _signed(own: Floats, placebo: Floats, alternative: Alternative) -> tuple[Floats, Floats]:
    if alternative == "two-sided":
        return np.abs(own), np.abs(placebo)
    sign = 1.0 if alternative == "greater" else -1.0
    return sign * own, sign * placebo


def _p_value(own: Floats, placebo: Floats) -> Floats:
    """Rank of own among placebos and itself, from above; a tie counts as at least as large."""
    threshold = np.where(np.isinf(own), own, own - TIE * np.abs(np.where(np.isinf(own), 0.0, own)))
    at_least = (placebo >= threshold[:, None]).sum(axis=1)
    n = (~np.isnan(placebo)).sum(axis=1)
    return np.where(np.isnan(own) | (n == 0), np.nan, (1 + at_least) / (1 + n))


def _over(after: Floats, before: Floats) -> Floats:
    """Ratio that is infinite when only the denominator is zero, and 0 / 0 = 0: nothing happened."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((after == 0) & (before == 0), 0.0, after / before)


def _floor(before: Floats, before_placebo: Floats) -> Floats:
    """Median of the root mean squared gaps before, of the unit and its placebos: the same whoever is treated."""
    return row_quantile(np.column_stack([before, before_placebo]), 0.5)


def _critical(statistics: Floats, level: float) -> Floats:
    """Largest own statistic that the test does not reject: infinite where nothing can be rejected.

    Not rejected: 1 + count of placebos at least as large > (1 - level) (n + 1), that is, at least
    ``floor((1 - level) (n + 1))`` placebos are as large.
    """
    n = (~np.isnan(statistics)).sum(axis=1)
    needed = np.floor((1 - level) * (n + 1) + ATTAINED).astype(int)
    ordered = -np.sort(-np.where(np.isnan(statistics), -np.inf, statistics), axis=1)
    rows = np.arange(len(ordered))
    column = np.clip(needed - 1, 0, max(statistics.shape[1] - 1, 0))
    return np.where(n == 0, np.nan, np.where(needed < 1, np.inf, ordered[rows, column]))


def _average_interval(
    estimate: Floats, placebo: Floats, alternative: Alternative, level: float
) -> tuple[Floats, Floats]:
    reach = _critical(_signed(estimate, placebo, alternative)[1], level)
    low, high = estimate - reach, estimate + reach
    unbounded = np.full(len(estimate), np.inf)
    if alternative == "greater":
        return low, unbounded
    return (-unbounded, high) if alternative == "less" else (low, high)


def _ratio_interval(
    panel: GapPanel, denominator: Floats, ratios: Floats, level: float
) -> tuple[Floats, Floats]:
    """Constant effects t with ``mean (gap - t)^2 <= (c x denominator)^2``: a quadratic; may be empty (missing)."""
    reach = _critical(ratios, level)
    limit = np.where(np.isinf(reach), np.inf, reach * denominator)
    mean = panel.estimates
    inside = limit**2 - (panel.rmspe(panel.post) ** 2 - mean**2)
    root = np.sqrt(np.where(inside >= 0, inside, np.nan))
    return mean - root, mean + root


def _detectable(placebo: Floats, level: float) -> Floats:
    """Smallest effect, in the harder direction, that `POWER` of the placebos' errors let through the test."""
    reach = _critical(np.abs(placebo), level)
    return reach + np.maximum(-row_quantile(placebo, 1 - POWER), row_quantile(placebo, POWER))
