"""Which of many effects stand out, when regions times outcomes are asked at once.

Belongs here: adjusting placebo p-values for the false discovery rate over units and outcomes, and whether the number
of placebos lets anything stand out at all. Does not belong here: the p-values.

Placebo p-values of one outcome share their placebos. Such p-values depend on each other positively, so that
Benjamini and Hochberg's adjustment holds (Bates et al. 2023); for outcomes that may depend in any way there is
Benjamini and Yekutieli's. Placebo p-values have a floor: with m questions and a smallest p of 1 / (n + 1) at least
``m / ((n + 1) rate)`` effects must be at the floor before any is a discovery.

References
----------
Benjamini and Hochberg (1995), J. Royal Statistical Society B 57(1), doi:10.1111/j.2517-6161.1995.tb02031.x. Benjamini
and Yekutieli (2001), Annals of Statistics 29(4), doi:10.1214/aos/1013699998. Bates, Candès, Lei, Romano and Sesia
(2023), Annals of Statistics 51(1), doi:10.1214/22-AOS2244.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.families import benjamini_hochberg
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest

Dependence = Literal["positive", "any"]

FALSE_DISCOVERY_RATE = 0.1
"""Expected share of false ones among the effects that stand out."""

COLUMNS = ("unit", "outcome", "p_value", "smallest_p")


@dataclass(frozen=True)
class Discoveries(Tabular):
    """Adjusted p-values of a family.

    Parameters
    ----------
    table
        The table given, with p_adjusted (missing where there is no p-value) and stands_out.
    rate
        False discovery rate.
    dependence
        What was assumed.
    """

    table: pd.DataFrame
    rate: float
    dependence: Dependence

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit and outcome."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return n_questions, n_answered, n_below (p-values at 5% or less, unadjusted), n_stands_out, n_needed.

        n_needed is the number of effects at the smallest p-value without which none can stand out.
        """
        known = self.table["p_value"].notna()
        floor = self.table.loc[known, "smallest_p"].min() if known.any() else np.nan
        needed = np.ceil(
            known.sum() * _inflation(int(known.sum()), self.dependence) * floor / self.rate - 1e-9
        )
        row = {
            "n_questions": len(self.table),
            "n_answered": int(known.sum()),
            "n_below": int((self.table["p_value"] <= 0.05).sum()),
            "n_stands_out": int(self.table["stands_out"].sum()),
            "n_needed": max(needed, 1.0),
            "rate": self.rate,
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Effects that stand out") -> Chart:
        """Draw the effects that stand out, if the table has estimates with intervals.

        Parameters
        ----------
        title
            Words of the chart.
        """
        needed = ["estimate", "conf_low", "conf_high"]
        if not set(needed) <= set(self.table):
            raise UsageError(f"A chart needs the columns {', '.join(needed)}.")
        rows = self.table[self.table["stands_out"] & np.isfinite(self.table[needed]).all(axis=1)]
        return interval_forest(rows.assign(label=rows["unit"] + " " + rows["outcome"]), title=title)


def find_discoveries(
    tests: pd.DataFrame, *, rate: float = FALSE_DISCOVERY_RATE, dependence: Dependence = "positive"
) -> Discoveries:
    """Adjust the p-values of one family of units and outcomes.

    Parameters
    ----------
    tests
        unit, outcome, p_value, smallest_p, and whatever else; one row per question, those without an answer
        included, with a missing p_value.
    rate
        False discovery rate at which an effect stands out.
    dependence
        ``"positive"``: Benjamini and Hochberg; ``"any"``: Benjamini and Yekutieli.

    Raises
    ------
    BadInputError
        With every fault of the table.
    """
    if dependence not in get_args(Dependence) or not 0 < rate < 1:
        allowed = ", ".join(get_args(Dependence))
        raise UsageError(
            f"dependence must be one of {allowed}, rate between 0 and 1; got: {dependence!r}, {rate!r}"
        )
    raise_if_any(_faults(tests))
    p_values = tests["p_value"].to_numpy(dtype=float)
    known = int(np.isfinite(p_values).sum())
    adjusted = np.minimum(benjamini_hochberg(p_values) * _inflation(known, dependence), 1.0)
    table = tests.assign(p_adjusted=adjusted, stands_out=adjusted <= rate).reset_index(drop=True)
    return Discoveries(table, rate, dependence)


def _inflation(n: int, dependence: Dependence) -> float:
    return float((1 / np.arange(1, n + 1)).sum()) if dependence == "any" and n else 1.0


def _faults(tests: pd.DataFrame) -> list[Fault]:
    missing = [name for name in COLUMNS if name not in tests]
    if missing:
        why = "each question is one unit and outcome"
        return [
            Fault("tests", f"no column {name}", why, "give unit, outcome, p_value, smallest_p")
            for name in missing
        ]
    why, faults = "a question asked twice counts twice", []
    for unit, outcome in tests.loc[tests.duplicated(["unit", "outcome"]), ["unit", "outcome"]].to_numpy():
        faults.append(Fault(f"{unit}, {outcome}", "given twice", why, "give each question once"))
    outside = tests[(tests["p_value"] <= 0) | (tests["p_value"] > 1)]
    for row in outside.itertuples():
        what = f"p-value {row.p_value}"
        faults.append(Fault(f"{row.unit}, {row.outcome}", what, "no test gives it", "give a p-value above 0"))
    return faults
