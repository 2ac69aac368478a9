"""Conformal inference: how unusual the years after treatment are among all years of one unit.

Belongs here: residuals under a hypothesis, permutations of years, p-values, sets of effects that are not rejected.
Does not belong here: other units as evidence; they only make the synthetic one.

Under the hypothesis the effect is taken off, weights are fitted to *all* years, and the residuals after treatment
are compared with those of other years. The hypothesis is one effect in all years after treatment: where the gap grows,
the set may exclude the average gap, and weights fitted to all years let it reach far out. The permutations say what
is taken to be exchangeable: shifting all years in a circle keeps their order (valid under dependence; p-values are
multiples of one over the number of years), placing the years after treatment anywhere among all years assumes
exchangeable residuals and gives finer p-values. Where years are too few for a level there is no set but the whole line.

References
----------
Chernozhukov, Wüthrich and Zhu (2021), J. American Statistical Association 116(536),
doi:10.1080/01621459.2021.1920957. R's augsynth draws placements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.inference import DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.synthetic.gap_panel import TIE
from evaluation.impact.synthetic.simplex import solve_simplex

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Permutations = Literal["placements", "moving_block"]
ConformalStatistic = Literal["absolute", "square", "average"]
NullResiduals = Callable[[Integers, Floats], Floats]
"""Positions of units (B,) and hypothetical effects (B,) to residuals of all years (B, n_years)."""

CONFORMAL_LEVEL = 0.9
"""Coverage: twelve years give no 95% set by shifts."""

MOST_PLACEMENTS = 10_000
"""Placements up to which all are listed; beyond, as many are drawn."""

GRID = 51
"""Effects tried between the ends; the ends themselves are refined, holes narrower than a step are not seen."""

REACH = 6.0
"""The grid reaches at least as many typical residuals to each side of the estimate, and as far as zero."""

WIDENINGS = 20
"""Doublings of the reach until both ends are rejected; what is not rejected then has no end."""

BISECTIONS = 24
"""Halvings of a grid step: ends to 1e-8 of the grid's width."""

ATTAINED = 1e-9
"""Slack, so that a p-value of one tenth is not above 0.1 for being no binary fraction."""


@dataclass(frozen=True)
class ConformalTests(Tabular):
    """One test and one set of effects for each unit.

    Parameters
    ----------
    table
        One row per unit: unit, estimate, p_value (of no effect in any year), conf_low, conf_high (constant effects
        not rejected; infinite where the level is not attainable, missing where every effect tried is rejected),
        connected (no effect between the ends is rejected), n_years, n_permutations, smallest_p, attainable.
    permutations, statistic, level
        What was asked.
    """

    table: pd.DataFrame
    permutations: Permutations
    statistic: ConformalStatistic
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n_units, n_permutations, smallest_p, level, attainable, n_below."""
        first = self.table.iloc[0]
        below = int((self.table["p_value"] <= 1 - self.level + ATTAINED).sum())
        names = ("n_permutations", "smallest_p", "attainable")
        row = {"n_units": len(self.table), "level": self.level, "n_below": below}
        return pd.DataFrame([{**row, **{name: first[name] for name in names}}])

    def plot(self, *, title: str = "Effect of each unit, with its conformal set") -> Chart:
        """Draw estimates with finite sets, largest first.

        Parameters
        ----------
        title
            Words of the chart.
        """
        finite = np.isfinite(self.table[["estimate", "conf_low", "conf_high"]]).all(axis=1)
        rows = self.table[finite].sort_values("estimate", ascending=False)
        return interval_forest(rows.assign(label=rows["unit"]), title=title)


def null_residuals(
    outcome: ArrayLike,
    donors: ArrayLike,
    post: ArrayLike,
    *,
    demeaned: bool = True,
    ridge: float = 0.1,
    allowed: ArrayLike | None = None,
) -> NullResiduals:
    """Return the function that fits weights to all years under a hypothesis.

    Parameters
    ----------
    outcome
        (n_units, n_years), complete.
    donors
        (n_donors, n_years), complete.
    post
        Years after treatment, (n_years,).
    demeaned
        Each unit less its own mean over all years; weights of a plain synthetic control when False.
    ridge
        Penalty on squared weights, relative to the mean square of the donors' outcomes about their yearly
        means (after taking off their own, if `demeaned`); 0 for none.
    allowed
        Which donors each unit may use, (n_units, n_donors); all when None.
    """
    own, pool = np.asarray(outcome, dtype=float), np.asarray(donors, dtype=float)
    after = np.asarray(post, dtype=bool)
    raise_if_any(_faults(own, pool, after))
    may = None if allowed is None else np.asarray(allowed, dtype=bool)
    pool = pool - pool.mean(axis=1, keepdims=True) if demeaned else pool
    penalty = ridge * float(((pool - pool.mean(axis=0)) ** 2).mean())

    def residuals(units: Integers, effects: Floats) -> Floats:
        untreated = own[units] - np.outer(effects, after)
        if demeaned:
            untreated = untreated - untreated.mean(axis=1, keepdims=True)
        reach = None if may is None else may[units]
        weights = solve_simplex(pool, untreated, ridge=penalty, allowed=reach).weights
        return np.asarray(untreated - weights @ pool)

    return residuals


def conformal_test(
    residuals: NullResiduals,
    *,
    post: ArrayLike,
    estimates: ArrayLike,
    units: Sequence[str] | None = None,
    permutations: Permutations = "placements",
    statistic: ConformalStatistic = "absolute",
    level: float = CONFORMAL_LEVEL,
    seed: int = DEFAULT_SEED,
    sets: bool = True,
) -> ConformalTests:
    """Test each unit's effect against its own other years.

    Parameters
    ----------
    residuals
        Fits weights to all years under a hypothesis (`null_residuals`). Residuals of weights fitted to the years
        before treatment alone will not do: they are smaller before than after, effect or not.
    post
        Years after treatment, (n_years,).
    estimates
        Around which effects are tried, (n_units,).
    units
        Names; positions when None.
    permutations
        ``"placements"``: the years after treatment may be any; all are listed up to `MOST_PLACEMENTS`, else as
        many drawn. ``"moving_block"``: all years are shifted in a circle.
    statistic
        Over the years after treatment: sum of absolute residuals, of their squares, or absolute sum.
    level
        Coverage of the sets.
    seed
        Of drawn placements.
    sets
        Whether sets are wanted, or p-values only.

    Raises
    ------
    UsageError
        For options that do not exist.
    """
    if permutations not in get_args(Permutations) or statistic not in get_args(ConformalStatistic):
        raise UsageError(
            f"permutations must be one of {', '.join(get_args(Permutations))} and statistic one of "
            f"{', '.join(get_args(ConformalStatistic))}; got: {permutations!r}, {statistic!r}"
        )
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1; got: {level!r}")
    after = np.asarray(post, dtype=bool)
    centre = np.asarray(estimates, dtype=float)
    placements = list_placements(after, permutations=permutations, seed=seed)
    everyone = np.arange(len(centre))

    def p_of(positions: Integers, effects: Floats) -> Floats:
        return conformal_p(residuals(positions, effects), placements, statistic=statistic)

    at_zero = residuals(everyone, np.zeros(len(centre)))
    smallest = 1 / len(placements)
    attainable = smallest <= 1 - level + ATTAINED
    low, high, connected = (
        np.full(len(centre), -np.inf),
        np.full(len(centre), np.inf),
        np.ones(len(centre), bool),
    )
    if sets and attainable:
        typical = np.sqrt((residuals(everyone, centre) ** 2).mean(axis=1))
        width = REACH * np.maximum(typical, np.abs(centre) / REACH)
        low, high, connected = _sets(p_of, centre, width, 1 - level)
    elif not sets:
        low, high = np.full(len(centre), np.nan), np.full(len(centre), np.nan)
    table = pd.DataFrame(
        {
            "unit": [str(name) for name in (everyone if units is None else units)],
            "estimate": centre,
            "p_value": conformal_p(at_zero, placements, statistic=statistic),
            "conf_low": low,
            "conf_high": high,
            "connected": connected,
            "n_years": len(after),
            "n_permutations": len(placements),
            "smallest_p": smallest,
            "attainable": attainable,
        }
    )
    return ConformalTests(table, permutations, statistic, level)


def list_placements(
    post: Bools, *, permutations: Permutations = "placements", seed: int = DEFAULT_SEED
) -> Integers:
    """Return which years stand for those after treatment, (n_permutations, n_post); the first is the truth.

    Parameters
    ----------
    post
        Years after treatment, (n_years,).
    permutations, seed
        As in `conformal_test`.
    """
    n_years, own = len(post), np.flatnonzero(post)
    if not 0 < len(own) < n_years:
        raise UsageError(f"Years before and after are needed; got: {len(own)} of {n_years} years after.")
    if permutations == "moving_block":
        return np.asarray((own + np.arange(n_years)[:, None]) % n_years, dtype=np.int64)
    if comb(n_years, len(own)) <= MOST_PLACEMENTS:
        listed = np.array(list(combinations(range(n_years), len(own))), dtype=np.int64)
        others = listed[(listed != own).any(axis=1)]
    else:
        rng = np.random.default_rng(seed)
        others = np.argsort(rng.random((MOST_PLACEMENTS - 1, n_years)), axis=1)[:, : len(own)].astype(
            np.int64
        )
    return np.vstack([own, others])


def conformal_p(residuals: Floats, placements: Integers, *, statistic: ConformalStatistic) -> Floats:
    """Return the share of placements whose statistic is at least that of the truth, (B,).

    A tie counts as at least as large, so that a perfect fit, all residuals zero, gives 1.

    Parameters
    ----------
    residuals
        (B, n_years), under the hypothesis.
    placements
        From `list_placements`.
    statistic
        As in `conformal_test`.
    """
    values = {"absolute": np.abs(residuals), "square": residuals**2, "average": residuals}[statistic]
    n_years = residuals.shape[1]
    chosen = np.zeros((len(placements), n_years))
    chosen[np.arange(len(placements))[:, None], placements] = 1.0
    total = np.abs(values @ chosen.T)
    scale = np.abs(values).sum(axis=1)
    at_least = total >= total[:, [0]] - TIE * scale[:, None]
    return np.asarray(at_least.mean(axis=1))


def _sets(
    p_of: Callable[[Integers, Floats], Floats], centre: Floats, width: Floats, alpha: float
) -> tuple[Floats, Floats, Bools]:
    """Return lowest and highest effect not rejected, and whether all between are not."""
    n = len(centre)
    low, high, connected = np.full(n, -np.inf), np.full(n, np.inf), np.ones(n, dtype=bool)
    width, open_units = width.copy(), np.arange(n)
    for _ in range(WIDENINGS):
        ends = np.concatenate(
            [centre[open_units] - width[open_units], centre[open_units] + width[open_units]]
        )
        kept = (p_of(np.tile(open_units, 2), ends) > alpha + ATTAINED).reshape(2, -1).any(axis=0)
        open_units = open_units[kept]
        if not len(open_units):
            break
        width[open_units] *= 2
    closed = np.setdiff1d(np.arange(n), open_units)
    if len(closed):
        grid = centre[closed, None] + width[closed, None] * np.linspace(-1, 1, GRID)
        accepted = (p_of(np.repeat(closed, GRID), grid.ravel()) > alpha + ATTAINED).reshape(grid.shape)
        low[closed], high[closed] = np.nan, np.nan
        _refine(p_of, closed, grid, accepted, alpha, low, high, connected)
    return low, high, connected


def _refine(
    p_of: Callable[[Integers, Floats], Floats],
    units: Integers,
    grid: Floats,
    kept: Bools,
    alpha: float,
    low: Floats,
    high: Floats,
    connected: Bools,
) -> None:
    """Halve the steps of the grid in which the outermost ends lie; units that reject everything stay missing."""
    some = kept.any(axis=1)
    units, grid, kept = units[some], grid[some], kept[some]
    if not len(units):
        return
    rows = np.arange(len(units))
    first, last = kept.argmax(axis=1), GRID - 1 - kept[:, ::-1].argmax(axis=1)
    connected[units] = kept.sum(axis=1) == last - first + 1
    inside = np.concatenate([grid[rows, first], grid[rows, last]])
    outside = np.concatenate([grid[rows, first - 1], grid[rows, last + 1]])
    twice = np.concatenate([units, units])
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        accepted = p_of(twice, middle) > alpha + ATTAINED
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    low[units], high[units] = inside[: len(units)], inside[len(units) :]


def _faults(own: Floats, pool: Floats, after: Bools) -> list[Fault]:
    why, faults = "weights are fitted to all years", []
    if own.ndim != 2 or pool.ndim != 2 or own.shape[-1] != pool.shape[-1] or after.shape != own.shape[-1:]:
        what = f"shapes {own.shape}, {pool.shape}, {after.shape}"
        return [Fault("outcomes", what, why, "give units x years, donors x years and one mark per year")]
    for name, values in (("outcomes of units", own), ("outcomes of donors", pool)):
        count = int((~np.isfinite(values)).sum())
        if count:
            faults.append(Fault(name, f"{count} missing", why, "leave out years or donors that are missing"))
    if not after.any() or after.all():
        faults.append(Fault("years", "all or none after treatment", why, "mark the years after treatment"))
    return faults
