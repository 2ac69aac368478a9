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

from evaluation.impact.aggregate import aggregate
from evaluation.impact.aggregate_result import KEY_COLUMNS, AggregateResult, Kind
from evaluation.impact.design import Design
from evaluation.impact.diagnostics import PreTrendTest, pre_trend_test
from evaluation.impact.estimators import estimate_effects, without_cells
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import IntervalOptions, Intervals
from evaluation.impact.observations import read_observations
from evaluation.impact.twfe import twfe
from evaluation.provenance import write_bytes_atomically

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "band", "p_value", "mde")
COUNTS = ("n_units", "n_treated", "n_control", "base_year")


@dataclass(frozen=True)
class DidStudy:
    """A whole study: group-time effects, their averages, the test of trends before treatment.

    Parameters
    ----------
    att_gt
        Group-time effects.
    aggregates
        By kind; empty when no effect after treatment is estimable.
    pre_trends
        Joint test of the cells before treatment.
    """

    att_gt: AttGtResult
    aggregates: dict[Kind, AggregateResult]
    pre_trends: PreTrendTest


def run_did(panel: pd.DataFrame, design: Design, **intervals: Unpack[IntervalOptions]) -> DidStudy:
    """Estimate a study with all of its averages.

    Parameters
    ----------
    panel
        One row per unit and year.
    design
        The study.
    **intervals
        Fields of `Intervals`: band, draws, seed, multiplier, level.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        When the intervals have an option that does not exist.
    """
    if design.estimator == "twfe":
        return _twfe_study(panel, design, Intervals(**intervals))
    result = estimate_effects(panel, design, **intervals)
    estimable = bool((result.table["event_time"] >= 0).any())
    kinds = KEY_COLUMNS if estimable else ()
    aggregates = {kind: aggregate(result, kind, **intervals) for kind in kinds}
    return DidStudy(att_gt=result, aggregates=aggregates, pre_trends=pre_trend_test(result))


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
