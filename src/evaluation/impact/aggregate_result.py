"""The result of averaging effects, by any estimator.

Belongs here: the frozen result, and making it from estimates and influence functions. Does not belong here:
which average (`evaluation.impact.aggregate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.impact.design import Design
from evaluation.impact.inference import Intervals, covariance, describe
from evaluation.impact.output import Tabular
from evaluation.impact.plots import effects_by_event_time, interval_forest

Floats = NDArray[np.float64]
Kind = Literal["simple", "group", "dynamic", "calendar"]

KEY_COLUMNS: dict[Kind, str | None] = {
    "simple": None,
    "group": "cohort",
    "dynamic": "event_time",
    "calendar": "year",
}
"""The column that tells the elements of an aggregate apart."""


@dataclass(frozen=True)
class AggregateResult(Tabular):
    """Averages of group-time effects.

    Parameters
    ----------
    design
        What was asked.
    kind
        Which average.
    table
        See `tidy`.
    influence
        (n_units, n_rows), columns in the order of `table`.
    clusters
        Cluster of each unit, (n_units,), or None.
    units
        Names of the units, (n_units,).
    treated_weights
        Weight of each unit's effect in each row, (n_units, n_rows): columns sum to one, zero for controls.
    """

    design: Design
    kind: Kind
    table: pd.DataFrame
    influence: Floats
    clusters: NDArray[np.int64] | None
    units: NDArray[np.object_]
    treated_weights: Floats

    @property
    def vcov(self) -> Floats:
        """Covariance of the rows, (n_rows, n_rows)."""
        return covariance(self.influence, clusters=self.clusters)

    @property
    def overall(self) -> pd.Series:
        """The one number: first row of `tidy`."""
        return self.table.iloc[0]

    @property
    def elements(self) -> pd.DataFrame:
        """The rows below the overall one; empty for the simple average."""
        return self.table.iloc[1:].reset_index(drop=True)

    def tidy(self) -> pd.DataFrame:
        """Return the overall average first, then one row per element.

        Returns
        -------
        DataFrame
            parameter (kind + "_overall", then kind; "simple" for the simple average), cohort, year,
            event_time (filled where they name the element), estimate, std_error, conf_low, conf_high, band
            (the overall row is always pointwise), p_value, mde, n_units, n_treated, n_control (different
            units behind the row), base_year (where it is one).
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: design (label), estimator, average, estimate to n_control of the overall row."""
        overall = self.table.drop(columns=["parameter", "cohort", "year", "event_time", "base_year"]).iloc[:1]
        names = {"design": self.design.label, "estimator": self.design.estimator, "average": self.kind}
        for position, (name, value) in enumerate(names.items()):
            overall.insert(position, name, value)
        return overall

    def plot(self, *, title: str = "") -> Chart:
        """Draw the average: by event time an event study, otherwise one interval a row.

        Parameters
        ----------
        title
            Of the chart.
        """
        words = title or f"Effect on {self.design.outcome}"
        if self.kind == "dynamic":
            return effects_by_event_time(self.elements, title=words, anticipation=self.design.anticipation)
        key = KEY_COLUMNS[self.kind]
        labels = ["all"] if key is None else ["all", *self.elements[key].astype(str)]
        return interval_forest(self.table.assign(label=labels), title=words, subtitle=self.design.label)


def describe_parameters(
    design: Design,
    kind: Kind,
    *,
    keys: list[int],
    estimate: Floats | list[float],
    influence: Floats,
    clusters: NDArray[np.int64] | None,
    counts: dict[str, Any],
    intervals: Intervals,
    units: NDArray[np.object_],
    treated_weights: Floats,
) -> AggregateResult:
    """Return estimates as an aggregate: the overall one first and always pointwise, then the elements.

    Parameters
    ----------
    design, kind
        What was asked.
    keys
        Names of the elements, (n_rows - 1,).
    estimate, influence
        (n_rows,) and (n_units, n_rows), the overall one first.
    clusters
        Cluster of each unit, or None.
    counts
        Columns n_units, n_treated, n_control, base_year, (n_rows,) each.
    intervals
        How intervals are made.
    units, treated_weights
        As in `AggregateResult`.
    """
    pointwise = Intervals(level=intervals.level)
    overall = describe(estimate[:1], influence[:, :1], intervals=pointwise, clusters=clusters)
    elements = describe(estimate[1:], influence[:, 1:], intervals=intervals, clusters=clusters)
    numbers = {name: np.concatenate([overall[name], elements[name]]) for name in overall}
    table = pd.DataFrame({**_key_columns(kind, keys), **numbers, **counts})
    return AggregateResult(
        design=design,
        kind=kind,
        table=table,
        influence=influence,
        clusters=clusters,
        units=units,
        treated_weights=treated_weights,
    )


def _key_columns(kind: Kind, keys: list[int]) -> dict[str, Any]:
    names = ["simple"] if kind == "simple" else [f"{kind}_overall", *[kind] * len(keys)]
    unnamed = np.ones(len(names), dtype=bool)
    columns: dict[str, Any] = {"parameter": np.array(names, dtype=object)}
    for column in ("cohort", "year", "event_time"):
        is_key = column == KEY_COLUMNS[kind]
        missing = np.r_[True, np.zeros(len(keys), dtype=bool)] if is_key else unnamed
        numbers = np.r_[0, keys].astype(np.int64) if is_key else np.zeros(len(names), dtype=np.int64)
        columns[column] = pd.arrays.IntegerArray(numbers, missing)
    return columns
