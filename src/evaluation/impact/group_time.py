"""The result of a group-time study, with what averages and diagnostics need of it.

Belongs here: the frozen result, and who was compared with whom. Does not belong here: how it is estimated
(`evaluation.impact.did`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.impact.design import Design
from evaluation.impact.inference import covariance
from evaluation.impact.notes import Note
from evaluation.impact.output import Tabular
from evaluation.impact.plots import cell_forest
from evaluation.impact.two_by_two import Sample

Floats = NDArray[np.float64]

NO_ESTIMATE_COLUMNS = (
    "cohort",
    "year",
    "event_time",
    "base_year",
    "n_treated",
    "n_control",
    "last_year",
    "reason",
    "detail",
)
TEXT_COLUMNS = ("reason", "detail")

TREATED, CONTROL = 1, 2
"""Codes of `AttGtResult.membership`; 0 = not in the cell."""


@dataclass(frozen=True)
class Comparison:
    """Units compared with each other in one or several years of a cohort.

    Parameters
    ----------
    cohort, base_year
        Years.
    years
        The years in which exactly these units are compared.
    members
        Positions of the units, (n,).
    sample
        Who is treated, standardised covariates, weights.
    covariates
        As given, (n, n_covariates).
    """

    cohort: int
    base_year: int
    years: tuple[int, ...]
    members: NDArray[np.int64]
    sample: Sample
    covariates: Floats


@dataclass(frozen=True)
class CellShares:
    """Sizes of cells, when they are not those of whole cohorts.

    Parameters
    ----------
    share
        Weight of each cell in averages, (n_cells,).
    deviation
        Each unit's part of it less the share, (n_units, n_cells); zero where shares count as known.
    """

    share: Floats
    deviation: Floats


@dataclass(frozen=True)
class AttGtResult(Tabular):
    """Group-time effects, with what is needed to aggregate and diagnose them.

    Parameters
    ----------
    design
        What was asked.
    table
        See `tidy`.
    influence
        Influence functions, (n_units, n_cells), columns in the order of `table`; zero for units that are not
        in a cell. Scaled by n_units / units in the cell, so that sums over cells are right.
    membership
        0, `TREATED` or `CONTROL`, (n_units, n_cells).
    units, cohort, weights, clusters
        By unit, (n_units,); infinite cohort = never treated; weights have mean one.
    covariate_names
        Names of the columns of each comparison's `covariates`.
    comparisons
        Who was compared.
    not_estimable
        Cohorts and cells without an estimate: cohort, year, event_time, base_year, n_treated, n_control,
        last_year (of the data), reason (a code of `REASONS`), detail (its sentence).
    notes
        What was left out or replaced, each a sentence that can be translated.
    shares
        Sizes of the cells in averages; those of the cohorts when None.
    """

    design: Design
    table: pd.DataFrame
    influence: Floats
    membership: NDArray[np.int8]
    units: NDArray[np.object_]
    cohort: Floats
    weights: Floats
    clusters: NDArray[np.int64] | None
    covariate_names: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    not_estimable: pd.DataFrame
    notes: tuple[Note, ...]
    shares: CellShares | None = None

    @property
    def vcov(self) -> Floats:
        """Covariance of the estimates, (n_cells, n_cells); rows of zeros for base years."""
        return covariance(self.influence, clusters=self.clusters)

    @cached_property
    def cell_shares(self) -> CellShares:
        """`shares`, or the share of each cell's whole cohort among all units, estimated like everything else."""
        if self.shares is not None:
            return self.shares
        inside = self.weights[:, None] * (self.cohort[:, None] == self.table["cohort"].to_numpy())
        share = inside.mean(axis=0)
        return CellShares(share=share, deviation=inside - share)

    def tidy(self) -> pd.DataFrame:
        """Return one row per cohort and year.

        Returns
        -------
        DataFrame
            parameter ("att_gt"), cohort, year, event_time (year - cohort), estimate, std_error, conf_low,
            conf_high, band ("pointwise" or "simultaneous"), p_value, mde, n_units, n_treated, n_control,
            base_year, base_fell_back (an earlier year stands in for an absent one), n_trimmed (controls
            without weight for lack of overlap). The base year of a universal base has estimate 0 and
            missing standard error.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: design (label), estimator, n_units, n_treated, n_cells, n_not_estimable."""
        row = {
            "design": self.design.label,
            "estimator": self.design.estimator,
            "n_units": len(self.units),
            "n_treated": int((self.membership == TREATED).any(axis=1).sum()),
            "n_cells": len(self.table),
            "n_not_estimable": len(self.not_estimable),
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Effects by cohort and year") -> Chart:
        """Draw every cell with its interval; base years are left out.

        Parameters
        ----------
        title
            Of the chart.
        """
        return cell_forest(self.table, title=title, subtitle=self.design.label)


def _whole_numbers(values: list[Any]) -> pd.arrays.IntegerArray:
    missing = np.array([value is None for value in values], dtype=bool)
    return pd.arrays.IntegerArray(np.array([value or 0 for value in values], dtype=np.int64), missing)


def missing_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the table of cohorts and cells without an estimate, by cohort and year.

    Parameters
    ----------
    rows
        One mapping per cohort or cell, with some of `NO_ESTIMATE_COLUMNS`.
    """
    ordered = sorted(rows, key=lambda row: (row["cohort"], row.get("year", 0)))
    columns = {name: [row.get(name) for row in ordered] for name in NO_ESTIMATE_COLUMNS}
    return pd.DataFrame(
        {
            name: np.array(values, dtype=object) if name in TEXT_COLUMNS else _whole_numbers(values)
            for name, values in columns.items()
        }
    )
