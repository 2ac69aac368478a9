"""The Goodman-Bacon decomposition: which comparisons make up a two-way fixed effects coefficient.

Belongs here: the 2x2 comparisons, their weights, and sums by kind. Does not belong here: the coefficient's
own inference (`evaluation.impact.twfe`).

The coefficient of a balanced panel without covariates is a weighted average of every comparison of two
groups, with weights that grow with group sizes and with the variance of treatment in the pair. Comparisons
that use units already treated as controls ("later_vs_earlier", "later_vs_always") mistake changes of their
effects for trends.

References
----------
Goodman-Bacon (2021), Difference-in-differences with variation in treatment timing, J. Econometrics 225(2),
doi:10.1016/j.jeconom.2021.03.014: theorem 1, equations 7 to 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.design import Design
from evaluation.impact.notes import Note
from evaluation.impact.output import Tabular
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.impact.plots import interval_forest

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Comparison = Literal["treated_vs_never", "earlier_vs_later", "later_vs_earlier", "later_vs_always"]
Pair = tuple[float, float]

ALWAYS, NEVER = -np.inf, np.inf
"""Group of the units treated in every year, and of those treated in none."""


@dataclass(frozen=True)
class BaconResult(Tabular):
    """A decomposition.

    Parameters
    ----------
    design
        What was asked.
    coefficient
        The two-way fixed effects coefficient: the weighted sum of the comparisons.
    table
        See `tidy`.
    notes
        What was left out.
    """

    design: Design
    coefficient: float
    table: pd.DataFrame
    notes: tuple[Note, ...]

    def tidy(self) -> pd.DataFrame:
        """Return one row per comparison.

        Returns
        -------
        DataFrame
            treated, control (cohorts; missing for the never treated and the always treated), comparison
            ("treated_vs_never", "earlier_vs_later", "later_vs_earlier", "later_vs_always"), estimate, weight
            (sum one).
        """
        return self.table.copy()

    def by_comparison(self) -> pd.DataFrame:
        """Return comparison, weight (sum), estimate (weighted mean), contribution (their product)."""
        frame = self.table.assign(contribution=self.table["weight"] * self.table["estimate"])
        sums = frame.groupby("comparison", as_index=False)[["weight", "contribution"]].sum()
        sums.insert(2, "estimate", sums["contribution"] / sums["weight"])
        return sums

    def glance(self) -> pd.DataFrame:
        """Return one row: coefficient, n_comparisons, forbidden_weight (of treated units as controls, 0-1)."""
        forbidden = self.table["comparison"].isin(["later_vs_earlier", "later_vs_always"])
        row = {
            "coefficient": self.coefficient,
            "n_comparisons": len(self.table),
            "forbidden_weight": float(self.table.loc[forbidden, "weight"].sum()),
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Comparisons in the two-way fixed effects coefficient") -> Chart:
        """Draw the mean of each kind of comparison, its weight in the label.

        Parameters
        ----------
        title
            Of the chart.
        """
        sums = self.by_comparison()
        labels = [f"{row.comparison.replace('_', ' ')} ({row.weight:.0%})" for row in sums.itertuples()]
        return interval_forest(sums.assign(label=labels, conf_low=np.nan, conf_high=np.nan), title=title)


def bacon(panel: pd.DataFrame, design: Design) -> BaconResult:
    """Decompose the two-way fixed effects coefficient of treatment from `cohort` on.

    Units that lack the outcome in a year, or (control_group "never_treated", `cohorts`, `eligible_control`)
    are not part of the study, are left out and counted: the theorem needs a balanced panel.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study, without covariates and anticipation.

    Raises
    ------
    UsageError
        For covariates or anticipation, which the theorem does not have.
    BadInputError
        With every fault of the panel, or when fewer than two groups are left.
    """
    if design.covariates or design.anticipation:
        raise UsageError("The decomposition holds without covariates and without anticipation.")
    wide = read_panel(panel, design, keep_always_treated=True)
    kept, notes = _balanced(wide, design)
    group = _groups(wide)[kept]
    raise_if_any(_faults(group))
    outcome, weights = wide.outcome[kept], wide.weights[kept]
    found = {
        key: _Group(
            size=float(weights[group == key].sum() / weights.sum()),
            treated=float((wide.years >= key).mean()),
            mean=np.average(outcome[group == key], axis=0, weights=weights[group == key]),
        )
        for key in np.unique(group)
    }
    table = _comparisons(found, wide.years)
    coefficient = float(table["weight"] @ table["estimate"])
    return BaconResult(design=design, coefficient=coefficient, table=table, notes=notes)


@dataclass(frozen=True)
class _Group:
    """Share of units, share of years treated, mean outcome by year."""

    size: float
    treated: float
    mean: Floats


def _groups(wide: WidePanel) -> Floats:
    first, last = wide.years[0], wide.years[-1]
    return np.where(wide.cohort <= first, ALWAYS, np.where(wide.cohort > last, NEVER, wide.cohort))


def _balanced(wide: WidePanel, design: Design) -> tuple[Bools, tuple[Note, ...]]:
    complete = np.isfinite(wide.outcome).all(axis=1) & (wide.weights > 0)
    takes_part = np.isinf(_groups(wide)) & wide.may_control
    wanted = np.isfinite(_groups(wide))
    if design.cohorts is not None:
        wanted &= np.isin(wide.cohort, design.cohorts)
    takes_part |= wanted
    notes = list(wide.notes)
    if (takes_part & ~complete).any():
        text = "{n} units lack the outcome in some year and are left out: the decomposition needs all years."
        notes.append(Note("unbalanced", text, {"n": int((takes_part & ~complete).sum())}))
    return takes_part & complete, tuple(notes)


def _faults(group: Floats) -> list[Fault]:
    if np.isfinite(group).any() and len(np.unique(group)) > 1:
        return []
    return [
        Fault(
            where="cohorts",
            what="fewer than two groups with different treatment and complete years are left",
            why="the coefficient is made of comparisons of groups",
            remedy="give another cohort or never treated units, or years that all units have",
        )
    ]


def _comparisons(groups: dict[float, _Group], years: NDArray[np.int64]) -> pd.DataFrame:
    rows = []
    for treated, control in permutations(sorted(groups), 2):
        if np.isfinite(treated):
            rows.append(_compare((treated, control), groups, years))
    table = pd.DataFrame(rows)
    table["weight"] /= table["weight"].sum()
    for name in ("treated", "control"):
        values = table[name].to_numpy(dtype=float)
        named = np.where(np.isfinite(values), values, 0).astype(np.int64)
        table[name] = pd.arrays.IntegerArray(named, ~np.isfinite(values))
    return table.sort_values(["comparison", "treated", "control"], ignore_index=True)


def _compare(pair: Pair, groups: dict[float, _Group], years: NDArray[np.int64]) -> dict[str, object]:
    """One 2x2: `pair[0]` changes treatment in the window in which `pair[1]` does not."""
    treated, control = pair
    kind, window = _kind(pair, years)
    one, other = groups[treated], groups[control]
    change = one.mean - other.mean
    after = years >= treated
    estimate = change[window & after].mean() - change[window & ~after].mean()
    # The variance of treatment in the pair: sizes, and shares of the window before and after.
    before, since = (window & ~after).mean(), (window & after).mean()
    return {
        "treated": treated,
        "control": control,
        "comparison": kind,
        "estimate": float(estimate),
        "weight": one.size * other.size * before * since,
    }


def _kind(pair: Pair, years: NDArray[np.int64]) -> tuple[Comparison, Bools]:
    treated, control = pair
    if control == NEVER:
        return "treated_vs_never", np.ones(len(years), dtype=bool)
    if control == ALWAYS:
        return "later_vs_always", np.ones(len(years), dtype=bool)
    if treated < control:
        return "earlier_vs_later", years < control
    return "later_vs_earlier", years >= control
