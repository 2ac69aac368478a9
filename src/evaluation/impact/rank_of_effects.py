"""Which place an effect may have among all effects.

Belongs here: intervals for ranks from estimates and their errors. Does not belong here: intervals for the effects.

Rank 1 is the largest effect. A unit's rank is at least one more than the units whose effects are surely larger,
and at most the number of units less those whose effects are surely smaller; "surely" is judged for all its
differences together (marginal), or for all differences of all units (simultaneous).

References
----------
Mogstad, Romano, Shaikh and Wilhelm (2024), Review of Economic Studies 91(1), doi:10.1093/restud/rdad006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest

Floats = NDArray[np.float64]

RANK_DRAWS = 1_999
"""Normal draws: the 95% quantile of the largest difference has a Monte Carlo error of 0.01 to 0.02."""


@dataclass(frozen=True)
class EffectRanks(Tabular):
    """Ranks of effects with intervals.

    Parameters
    ----------
    table
        One row per unit, in the order given: unit, estimate, rank (1 is the largest; equal ones share the mean
        rank), rank_low, rank_high (marginal), rank_low_all, rank_high_all (simultaneous), and
        surely_in_top, surely_in_bottom: the marginal interval lies within the best or worst half.
    level
        Coverage: of each unit's interval, and of all together.
    """

    table: pd.DataFrame
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return n_units, mean width of the intervals, and units whose rank is not known at all."""
        known = self.table["rank"].notna()
        rows = self.table[known]
        width, width_all = (rows[f"rank_high{end}"] - rows[f"rank_low{end}"] + 1 for end in ("", "_all"))
        row = {
            "n_units": int(known.sum()),
            "mean_width": width.mean(),
            "mean_width_all": width_all.mean(),
            "n_any_rank": int((width == known.sum()).sum()),
            "level": self.level,
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Ranks of effects with their intervals") -> Chart:
        """Draw ranks with their marginal intervals, largest effect first.

        Parameters
        ----------
        title
            Words of the chart.
        """
        rows = self.table[self.table["rank"].notna()].sort_values("rank")
        drawn = rows.assign(
            label=rows["unit"].astype(str),
            estimate=rows["rank"],
            conf_low=rows["rank_low"],
            conf_high=rows["rank_high"],
        )
        return interval_forest(drawn, title=title)


def rank_effects(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    *,
    units: ArrayLike | None = None,
    level: float = CONFIDENCE,
    draws: int = RANK_DRAWS,
    seed: int = DEFAULT_SEED,
) -> EffectRanks:
    """Rank effects, with intervals.

    Errors are taken as independent and normal.

    Parameters
    ----------
    estimates, std_errors
        (n_units,); a unit whose estimate is missing has no rank and does not count.
    units
        Names; positions when None.
    level
        Coverage.
    draws, seed
        Normal draws behind the critical values.

    Raises
    ------
    BadInputError
        With every fault: a standard error that is not positive, fewer than two effects.
    """
    if draws < 1 or not 0 < level < 1:
        raise UsageError(f"draws must be 1 or more, level between 0 and 1; got: {draws!r}, {level!r}")
    values, errors = np.asarray(estimates, dtype=float), np.asarray(std_errors, dtype=float)
    names = np.arange(values.size) if units is None else np.asarray(units)
    raise_if_any(_faults(values, errors, names))
    known = np.flatnonzero(np.isfinite(values))
    y, s = values[known], errors[known]
    own, everyone = _critical(s, level=level, draws=draws, seed=seed)
    scaled = (y[:, None] - y) / np.hypot(s[:, None], s)
    table = pd.DataFrame({"unit": names, "estimate": values})
    table["rank"] = table["estimate"].rank(ascending=False)
    for end, critical in (("", own[:, None]), ("_all", everyone)):
        low, high = 1 + (scaled < -critical).sum(axis=1), len(y) - (scaled > critical).sum(axis=1)
        for name, column in ((f"rank_low{end}", low), (f"rank_high{end}", high)):
            table[name] = np.nan
            table.loc[known, name] = column.astype(float)
    half = len(y) / 2
    table["surely_in_top"] = table["rank_high"] <= half
    table["surely_in_bottom"] = table["rank_low"] > half
    return EffectRanks(table, level)


def _faults(values: Floats, errors: Floats, names: NDArray[np.generic]) -> list[Fault]:
    why = "ranks are judged by differences over their errors"
    if values.ndim != 1 or errors.shape != values.shape or len(names) != values.size:
        what = f"shapes {values.shape}, {errors.shape}, {len(names)} names"
        return [Fault("effects", what, why, "give one estimate, error and name per unit")]
    bad = np.flatnonzero(np.isfinite(values) & ~(np.isfinite(errors) & (errors > 0)))
    faults = [
        Fault(f"standard error of {names[place]}", f"got: {errors[place]}", why, "give a number above 0")
        for place in bad
    ]
    if np.isfinite(values).sum() < 2:
        faults.append(Fault("effects", "fewer than two", "a rank needs another effect", "give more"))
    return faults


def _critical(s: Floats, *, level: float, draws: int, seed: int) -> tuple[Floats, float]:
    """Quantiles of the largest absolute scaled difference: of each unit to the others, and of all.

    For one draw the largest |z_j - z_k| / sqrt(s_j^2 + s_k^2) over k; one draw at a time fits the cache.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((draws, len(s))) * s
    inverse = 1 / np.hypot(s[:, None], s)
    largest = np.empty((draws, len(s)))
    for place, row in enumerate(drawn):
        largest[place] = (np.abs(row[:, None] - row) * inverse).max(axis=1)
    own = np.quantile(largest, level, axis=0, method="higher")
    return own, float(np.quantile(largest.max(axis=1), level, method="higher"))
