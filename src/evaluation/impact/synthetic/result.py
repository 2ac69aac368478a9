"""Results of synthetic controls: effects, weights and gaps by treated unit; the gaps of every placebo.

Belongs here: what is handed back. Does not belong here: how it was found, nor any test or interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.output import Tabular
from evaluation.impact.synthetic.design import Name, SyntheticDesign
from evaluation.impact.synthetic.plots import gap_chart, paths_chart

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

OK = "ok"
NOT_ESTIMABLE = "not_estimable"
"""Statuses: the first, or the second with ``:`` and a reason."""


@dataclass(frozen=True)
class SyntheticResult(Tabular):
    """Effects of every treated unit.

    Parameters
    ----------
    design
        What was asked.
    effects
        One row a treated unit, in the design's order: unit, first_year, estimate (mean gap of the years after), pre_rmspe,
        post_rmspe (root mean squared gaps), n_donors, n_pre, n_post, effective_donors (1 / sum of squared weights), offset,
        perfect_fit, unique, bound_low, bound_high (of the estimate over all optimal weights), objective, solver_gap, penalty,
        status. Numbers are missing where the status is not ``"ok"``.
    weights
        unit, donor, weight; weights of zero are left out.
    gaps
        unit, time, phase (pre, anticipation, post), observed, synthetic, gap.
    years
        (T,).
    gap_matrix
        Gaps of the rows of `effects`, (n_treated, T), missing where there is none.
    pre, post
        Years before and after of each, (n_treated, T).
    time_weights
        unit, time, weight of years before treatment; empty for estimators without.
    """

    design: SyntheticDesign
    effects: pd.DataFrame
    weights: pd.DataFrame
    gaps: pd.DataFrame
    years: NDArray[np.int64]
    gap_matrix: Floats
    pre: Bools
    post: Bools
    time_weights: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the table of effects."""
        return self.effects.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: estimator, n_treated, n_estimable, mean_estimate, n_perfect_fit, n_not_unique."""
        known = self.effects[self.effects["status"] == OK]
        row = {
            "outcome": self.design.outcome,
            "estimator": self.design.estimator,
            "n_treated": len(self.effects),
            "n_estimable": len(known),
            "mean_estimate": known["estimate"].mean() if len(known) else np.nan,
            "n_perfect_fit": int(known["perfect_fit"].sum()),
            "n_not_unique": int((~known["unique"].astype(bool)).sum()),
        }
        return pd.DataFrame([row])

    def plot(self, unit: Name | None = None, *, title: str = "") -> Chart:
        """Draw a unit and its synthetic twin by year.

        Parameters
        ----------
        unit
            The unit; the first that is estimable when None.
        title
            Of the chart; outcome and unit when empty.

        Raises
        ------
        UsageError
            When the unit has no estimate.
        """
        known = self.effects.loc[self.effects["status"] == OK, "unit"].tolist()
        if not known or (unit is not None and unit not in known):
            raise UsageError(f"there is no estimate to draw for {unit!r}; estimable: {known}")
        chosen = known[0] if unit is None else unit
        rows = self.gaps[self.gaps["unit"] == chosen]
        return paths_chart(rows, title=title or f"{self.design.outcome}: {chosen}")


@dataclass(frozen=True)
class Fan:
    """Every donor of one comparison as if it had been treated.

    Parameters
    ----------
    units
        Treated units that are compared so.
    donors
        Names of the placebos, (P,).
    years, pre, post
        (T,) each.
    gaps
        (P, T), missing where a placebo has none.
    estimates, pre_rmspe, post_rmspe
        Mean gap after, root mean squared gaps before and after, (P,); missing where the status is not ``"ok"``.
    status
        (P,).
    """

    units: tuple[Name, ...]
    donors: NDArray[np.object_]
    years: NDArray[np.int64]
    pre: Bools
    post: Bools
    gaps: Floats
    estimates: Floats
    pre_rmspe: Floats
    post_rmspe: Floats
    status: NDArray[np.object_]

    def tidy(self) -> pd.DataFrame:
        """Return one row a placebo: donor, estimate, pre_rmspe, post_rmspe, status."""
        return pd.DataFrame(
            {
                "donor": self.donors,
                "estimate": self.estimates,
                "pre_rmspe": self.pre_rmspe,
                "post_rmspe": self.post_rmspe,
                "status": self.status,
            }
        )

    def plot(self, *, title: str = "placebos") -> Chart:
        """Draw the placebos' gaps by year: median, and the middle nine tenths."""
        return gap_chart(self.years, self.gaps, title=title)


@dataclass(frozen=True)
class PlaceboGaps(Tabular):
    """Placebos of every treated unit; units with the same donors and years share a fan.

    Parameters
    ----------
    design
        What was asked.
    fans
        Distinct fans.
    fan_of
        Position of each estimable unit's fan.
    """

    design: SyntheticDesign
    fans: tuple[Fan, ...]
    fan_of: dict[Name, int]

    def for_unit(self, unit: Name) -> Fan:
        """Return the fan of a unit.

        Parameters
        ----------
        unit
            A treated unit with an estimate.

        Raises
        ------
        UsageError
            When it has none.
        """
        if unit not in self.fan_of:
            raise UsageError(f"{unit!r} has no placebos, because it has no comparison")
        return self.fans[self.fan_of[unit]]

    def tidy(self) -> pd.DataFrame:
        """Return fan, donor, time, gap; gaps that are missing are left out."""
        parts = []
        for number, fan in enumerate(self.fans):
            row, year = np.nonzero(np.isfinite(fan.gaps))
            parts.append(
                pd.DataFrame(
                    {
                        "fan": number,
                        "donor": fan.donors[row],
                        "time": fan.years[year],
                        "gap": fan.gaps[row, year],
                    }
                )
            )
        columns = ["fan", "donor", "time", "gap"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def glance(self) -> pd.DataFrame:
        """Return one row: n_fans, n_placebos, n_not_estimable."""
        failed = sum(int((fan.status != OK).sum()) for fan in self.fans)
        total = sum(len(fan.donors) for fan in self.fans)
        return pd.DataFrame([{"n_fans": len(self.fans), "n_placebos": total, "n_not_estimable": failed}])

    def plot(self, unit: Name | None = None, *, title: str = "placebos") -> Chart:
        """Draw the fan of a unit, of the first when None."""
        if not self.fans:
            raise UsageError("there are no placebos to draw")
        return (self.fans[0] if unit is None else self.for_unit(unit)).plot(title=title)
