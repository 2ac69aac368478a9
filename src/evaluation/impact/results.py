"""Results as files: the tables of one staggered difference-in-differences study.

Belongs here: what a study writes, and the one call that makes it. Does not belong here: reading files or
parsing a command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.aggregate import aggregate
from evaluation.impact.aggregate_result import KEY_COLUMNS, AggregateResult, Kind
from evaluation.impact.design import GROUP_TIME_ESTIMATORS, Design
from evaluation.impact.diagnostics import PreTrendTest, pre_trend_test
from evaluation.impact.estimators import effects_of, without_cells
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import IntervalOptions, Intervals
from evaluation.impact.leads import lead_test_of
from evaluation.impact.observations import choose_observations, read_observations
from evaluation.impact.output import Tabular
from evaluation.impact.panel import read_panel
from evaluation.impact.twfe import twfe
from evaluation.provenance import write_bytes_atomically

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "band", "p_value", "mde")
IMPUTING = ("imputation", "two_stage")
"""Estimators without effects before treatment: leads are tested instead."""

COUNTS = ("n_units", "n_treated", "n_control", "base_year")


@dataclass(frozen=True)
class DidStudy(Tabular):
    """A whole study: group-time effects, their averages, the test of trends before treatment.

    Parameters
    ----------
    att_gt
        Group-time effects.
    aggregates
        By kind; empty when no effect after treatment is estimable.
    pre_trends
        Joint test of the cells before treatment; of leads when effects are imputed.
    """

    att_gt: AttGtResult
    aggregates: dict[Kind, AggregateResult]
    pre_trends: PreTrendTest

    @property
    def design(self) -> Design:
        """What was asked."""
        return self.att_gt.design

    def tidy(self) -> pd.DataFrame:
        """Return the effects by cohort and year, and below them every average; `parameter` tells them apart."""
        tables = [self.att_gt.tidy(), *(average.tidy() for average in self.aggregates.values())]
        return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Return one row: that of the effects, the overall averages, and the test before treatment."""
        row = self.att_gt.glance().iloc[0].to_dict()
        for kind, average in self.aggregates.items():
            row |= {kind: average.overall["estimate"], f"{kind}_std_error": average.overall["std_error"]}
        test = self.pre_trends.tidy().iloc[0].to_dict()
        return pd.DataFrame([row | {f"pre_trends_{name}": value for name, value in test.items()}])

    def plot(self, *, title: str = "") -> Chart:
        """Draw the event study, or every cell when nothing after treatment is estimable.

        Parameters
        ----------
        title
            Of the chart.
        """
        if "dynamic" in self.aggregates:
            return self.aggregates["dynamic"].plot(title=title)
        return self.att_gt.plot(title=title or "Effects by cohort and year")

    def sheets(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the workbook by name."""
        sheets = {"att_gt": self.att_gt.tidy()}
        for kind, average in self.aggregates.items():
            sheets[kind] = average.tidy()
        return sheets | {"summary": self.glance()}


def run_did(
    panel: pd.DataFrame,
    design: Design,
    *,
    balanced_to: int | None = None,
    **intervals: Unpack[IntervalOptions],
) -> DidStudy:
    """Estimate a study with all of its averages.

    Parameters
    ----------
    panel
        One row per unit and year.
    design
        The study.
    balanced_to
        Balance the event study to this event time, see `aggregate`.
    **intervals
        Fields of `Intervals`: band, draws, seed, multiplier, level.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        When an option does not exist or does not fit the estimator.
    """
    if design.estimator == "twfe" and balanced_to is not None:
        raise UsageError(
            "balanced_to needs effects by cohort and year, which two-way fixed effects do not give."
        )
    if design.estimator == "twfe":
        return _twfe_study(panel, design, Intervals(**intervals))
    wide = read_panel(panel, design, controls_needed=design.estimator in GROUP_TIME_ESTIMATORS)
    result = effects_of(wide, design, intervals=Intervals(**intervals))
    estimable = bool((result.table["event_time"] >= 0).any())
    kinds = KEY_COLUMNS if estimable else ()
    aggregates = {
        kind: aggregate(result, kind, balanced_to=balanced_to if kind == "dynamic" else None, **intervals)
        for kind in kinds
    }
    # Imputed effects begin with treatment: their test of the years before is another regression.
    by_leads = design.estimator in IMPUTING and estimable
    test = lead_test_of(choose_observations(wide, design)) if by_leads else pre_trend_test(result)
    return DidStudy(att_gt=result, aggregates=aggregates, pre_trends=test)


def _twfe_study(panel: pd.DataFrame, design: Design, intervals: Intervals) -> DidStudy:
    """Two-way fixed effects: averages without effects by cohort and year."""
    observations = read_observations(panel, design, with_always_treated=True)
    result = without_cells(observations)
    aggregates = twfe(observations, intervals=intervals) if observations.treated.any() else {}
    return DidStudy(att_gt=result, aggregates=aggregates, pre_trends=pre_trend_test(result))


def write_did(study: DidStudy, out: Path | str) -> list[Path]:
    """Write a study as files that any program reads, each whole or not at all.

    ``att_gt.csv``; ``simple.csv`` (one row), ``group.csv`` (by cohort), ``dynamic.csv`` (by event_time),
    ``calendar.csv`` (by year); ``overall.csv`` (the overall row of each average); ``dynamic_covariance.csv``
    (of the rows of dynamic.csv, event times as first column and header; zero for a base); ``design.json``
    (design, notes, cells without an estimate, test of trends before treatment). The same study gives the same bytes.
    A study without an estimable effect writes the averages with their header only.

    Parameters
    ----------
    study
        From `run_did`.
    out
        Folder, made if it does not exist.

    Returns
    -------
    list of Path
        The files, sorted.
    """
    folder = Path(out)
    tables = {"att_gt": study.att_gt.tidy().drop(columns="parameter"), "overall": _overall_table(study)}
    tables |= {kind: _element_table(study, kind) for kind in KEY_COLUMNS}
    tables["dynamic_covariance"] = _dynamic_covariance(study)
    description = json.dumps(_describe(study), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_bytes_atomically(folder / "design.json", description.encode("utf-8"))
    return sorted([*write_tables(tables, folder), folder / "design.json"])


def write_tables(tables: Mapping[str, pd.DataFrame], out: Path | str) -> list[Path]:
    """Write tables as ``<name>.csv``, each whole or not at all.

    Parameters
    ----------
    tables
        By name.
    out
        Folder, made if it does not exist.

    Returns
    -------
    list of Path
        The files, sorted.
    """
    folder = Path(out)
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n")
        write_bytes_atomically(folder / f"{name}.csv", content.encode("utf-8"))
    return [folder / f"{name}.csv" for name in sorted(tables)]


def _element_table(study: DidStudy, kind: Kind) -> pd.DataFrame:
    key = KEY_COLUMNS[kind]
    columns = [*([key] if key else []), *NUMBERS, *COUNTS]
    if kind not in study.aggregates:
        return pd.DataFrame(columns=columns)
    result = study.aggregates[kind]
    return (result.elements if key else result.table)[columns]


def _dynamic_covariance(study: DidStudy) -> pd.DataFrame:
    if "dynamic" not in study.aggregates:
        return pd.DataFrame(columns=["event_time"])
    result = study.aggregates["dynamic"]
    times = result.elements["event_time"].astype(int).tolist()
    table = pd.DataFrame(result.vcov[1:, 1:], columns=[str(time) for time in times])
    table.insert(0, "event_time", times)
    return table


def _overall_table(study: DidStudy) -> pd.DataFrame:
    columns = ["parameter", *NUMBERS, *COUNTS]
    rows = [result.table.iloc[:1] for result in study.aggregates.values()]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _describe(study: DidStudy) -> dict[str, Any]:
    result = study.att_gt
    test = study.pre_trends
    missing = result.not_estimable.astype(object).where(result.not_estimable.notna(), None)
    return {
        "design": result.design.as_dict(),
        "label": result.design.label,
        "n_units": len(result.units),
        "notes": [str(note) for note in result.notes],
        "not_estimable": missing.to_dict(orient="records"),
        "pre_trends": {
            "statistic": None if test.reason else test.statistic,
            "df": test.df,
            "p_value": None if test.reason else test.p_value,
            "reason": test.reason,
        },
    }
