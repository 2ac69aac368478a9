"""The columns that a design names, read with every fault collected.

Belongs here: what each column must hold, and the message when it does not. Does not belong here: the array
form (`evaluation.impact.panel`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault
from evaluation.impact.design import Design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_LEVELS = 50
"""Most distinct texts of a covariate that becomes indicators: more is a name or a code, not a category."""

TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
"""How a truth value may be written in a file."""


@dataclass(frozen=True)
class Keys:
    """Where each row of the long panel belongs: position of its unit and of its year."""

    unit: NDArray[np.int64]
    year: NDArray[np.int64]
    units: NDArray[np.object_]
    years: NDArray[np.int64]
    first_row: NDArray[np.int64]


class ColumnReader:
    """Reads the columns of one panel for one design and collects `faults` on the way.

    Parameters
    ----------
    panel
        One row per unit and year.
    design
        The study; columns that are absent are skipped here and reported by `missing_column_faults`.
    """

    def __init__(self, panel: pd.DataFrame, design: Design) -> None:
        self.panel = panel
        self.design = design
        self.faults: list[Fault] = []
        self.keys = self._read_keys()
        if not panel.empty and missing_column_faults(panel, design):
            self._check_present_columns()

    def outcome(self) -> Floats:
        """Return the outcome per row, NaN where missing."""
        return self._measure(self.design.outcome, "an effect is a difference of numbers")

    def cohort(self) -> Floats:
        """Return the cohort per unit, infinite where never treated."""
        name = self.design.cohort
        values, unreadable = to_numbers(self.panel[name])
        never = np.isnan(values) | (values == 0) | (values == np.inf)
        values = np.where(never, np.inf, values)
        wrong = unreadable | (values < 0) | (np.isfinite(values) & (values != np.round(values)))
        self._report_rows(
            name,
            wrong,
            why="a cohort is the first year in which an effect is looked for",
            remedy="write a whole year, or leave it empty, 0 or inf for a unit that is never treated",
        )
        return self._one_per_unit(name, values, "a unit belongs to one cohort, that of its first treatment")

    def covariates(self) -> tuple[tuple[str, ...], Floats]:
        """Return the names and values (n_rows, n_covariates); text becomes indicators of its levels."""
        names: list[str] = []
        columns: list[Floats] = []
        for name in self.design.covariates:
            for column, values in self._one_covariate(name):
                names.append(column)
                columns.append(values)
        stacked = np.column_stack(columns) if columns else np.empty((len(self.panel), 0))
        return tuple(names), stacked

    def may_control(self) -> Bools:
        """Return per unit whether it may serve as a control."""
        name = self.design.eligible_control
        if name is None:
            return np.ones(self._n_units, dtype=bool)
        read = [TRUTH.get(str(value).strip().lower()) for value in self.panel[name]]
        self._report_rows(
            name,
            np.array([value is None for value in read]),
            why="a unit of unknown standing must not slip into the control group",
            remedy="write true or false on every row",
        )
        values = np.array([bool(value) for value in read], dtype=float)
        return self._one_per_unit(name, values, "a unit either may serve as a control or not") > 0

    def weights(self) -> Floats:
        """Return the sampling weights per unit, with mean one."""
        name = self.design.weights
        if name is None:
            return np.ones(self._n_units)
        values, unreadable = to_numbers(self.panel[name])
        self._report_rows(
            name,
            unreadable | ~np.isfinite(values) | (values < 0),
            why="weights count how much of the population a unit stands for",
            remedy="write a number of zero or more on every row",
        )
        weights = self._one_per_unit(name, values, "a unit has one weight, for instance its first population")
        total = float(np.nansum(weights))
        if total == 0:
            self._report(name, "all weights are zero", "nothing would be left", "write positive weights")
            return np.ones(self._n_units)
        return weights / (total / len(weights))

    def clusters(self) -> NDArray[np.int64] | None:
        """Return the cluster per unit as 0, 1, ..., or None when each unit is its own."""
        name = self.design.clusters
        if name is None or name == self.design.unit:
            return None
        codes = pd.factorize(self.panel[name], sort=True)[0]
        self._report_rows(
            name,
            codes < 0,
            why="a unit without a cluster has no place in the standard errors",
            remedy="fill the column, or leave out the units",
        )
        return self._one_per_unit(name, codes.astype(float), "clusters must contain whole units").astype(int)

    @property
    def _n_units(self) -> int:
        return len(self.panel) if self.keys is None else len(self.keys.units)

    def _read_keys(self) -> Keys | None:
        unit_name, time_name = self.design.unit, self.design.time
        if not {unit_name, time_name} <= set(self.panel.columns):
            return None
        if self.panel.empty:
            self._report(
                unit_name, "the panel has no rows", "nothing can be compared", "give a panel with rows"
            )
            return None
        unit_column = self.panel[unit_name]
        times, unreadable = to_numbers(self.panel[time_name])
        bad_time = unreadable | ~np.isfinite(times)
        bad_time |= ~bad_time & (times != np.round(times))
        self._report_rows(time_name, bad_time, "years order the panel", "write a whole year on every row")
        nameless = unit_column.isna().to_numpy()
        self._report_rows(unit_name, nameless, "a row without a unit belongs nowhere", "name the unit")
        if self.faults:
            return None
        keys = _index_rows(unit_column, times.astype(int))
        self._check_unique(keys)
        return keys

    def _check_unique(self, keys: Keys) -> None:
        counts = np.bincount(keys.unit * len(keys.years) + keys.year)
        for place in np.flatnonzero(counts > 1):
            unit, year = divmod(int(place), len(keys.years))
            self._report(
                f"{self.design.unit} {keys.units[unit]}, {self.design.time} {keys.years[year]}",
                f"{counts[place]} rows",
                "a unit has one row a year; which of them counts is unknown",
                "keep one row per unit and year",
            )

    def _check_present_columns(self) -> None:
        """Read what is there although a column is missing, so that its faults are told as well."""
        design, present = self.design, set(self.panel.columns)
        readers: tuple[tuple[str | None, Callable[[], object]], ...] = (
            (design.outcome, self.outcome),
            (design.cohort, self.cohort),
            (design.eligible_control, self.may_control),
            (design.weights, self.weights),
            (design.clusters, self.clusters),
            *((name, lambda name=name: self._one_covariate(name)) for name in design.covariates),
        )
        for name, read in readers:
            if name in present:
                read()

    def _measure(self, name: str, why: str) -> Floats:
        values, unreadable = to_numbers(self.panel[name])
        wrong = unreadable | np.isinf(values)
        remedy = "write finite numbers; leave a missing value empty"
        self._report_rows(name, wrong, why, remedy)
        if np.isnan(values).all() and not wrong.any():
            self._report(name, "every value is missing", why, "name a column with values")
        return values

    def _one_covariate(self, name: str) -> list[tuple[str, Floats]]:
        column = self.panel[name]
        why = "comparing like with like needs a number or a category"
        if _is_text(column):
            levels = sorted(column.dropna().astype(str).unique())
            if len(levels) > MAX_LEVELS:
                what = f"{len(levels)} different texts"
                self._report(name, what, why, f"write numbers, or at most {MAX_LEVELS} categories")
                return []
            if levels:
                return _indicators(name, column, levels)
        return [(name, self._measure(name, why))]

    def _one_per_unit(self, name: str, values: Floats, why: str) -> Floats:
        if self.keys is None:
            # The units are unknown, which is a fault already: the values are only checked row by row.
            return values
        first = values[self.keys.first_row]
        differs = values != first[self.keys.unit]
        differs &= ~(np.isnan(values) & np.isnan(first[self.keys.unit]))
        for unit in np.unique(self.keys.unit[differs]):
            found = sorted({str(value) for value in values[self.keys.unit == unit]})
            self._report(
                f"{name} of {self.design.unit} {self.keys.units[unit]}",
                f"differs between years: {', '.join(found)}",
                why,
                "write the same value on every row of a unit",
            )
        return first

    def _report_rows(self, name: str, wrong: Bools, why: str, remedy: str) -> None:
        column = self.panel[name]
        for row in np.flatnonzero(wrong):
            self._report(f"{name}, row {row + 1}", f"got: {column.iloc[row]!r}", why, remedy)

    def _report(self, where: str, what: str, why: str, remedy: str) -> None:
        self.faults.append(Fault(where=where, what=what, why=why, remedy=remedy))


def missing_column_faults(panel: pd.DataFrame, design: Design) -> list[Fault]:
    """Return one fault for each column that the design names and the panel does not have."""
    return [
        Fault(
            where=f"column {name}",
            what="is not in the panel",
            why="the design names it",
            remedy=f"name one of the panel's columns: {', '.join(map(str, panel.columns))}",
        )
        for name in design.columns
        if name not in panel.columns
    ]


def feasibility_faults(*, design: Design, years: NDArray[np.int64], cohort: Floats) -> list[Fault]:
    """Return why nothing can be compared although the columns are sound.

    Parameters
    ----------
    design
        The study.
    years
        Years in which the outcome is observed, up to the design's last, (n_years,).
    cohort
        First year of effect per unit, infinite = never treated, (n_units,).
    """
    if len(years) < 2:
        found = ", ".join(map(str, years)) or "none"
        what = f"the outcome is observed in fewer than two years up to end_year: {found}"
        return [Fault(design.outcome, what, "an effect is a change", "give at least two years")]
    present = set(cohort[np.isfinite(cohort)].astype(int).tolist())
    wanted = set(design.cohorts or present)
    faults = [
        Fault("cohorts", f"{year} is not in the panel", "nobody to follow", f"choose from: {sorted(present)}")
        for year in sorted(wanted - present)
    ]
    if not present:
        why, remedy = "there is nobody to follow", "name the column with the first year of effect"
        faults.append(Fault(design.cohort, "no unit is ever treated", why, remedy))
    always = {year for year in wanted & present if year - design.anticipation <= years[0]}
    if always and (design.cohorts or always == present):
        faults += [_always_treated_fault(design, year, int(years[0])) for year in sorted(always)]
    return faults


def to_numbers(column: pd.Series) -> tuple[Floats, Bools]:
    """Return a column as numbers (NaN where missing or blank), and which entries are not numbers."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        return values, np.zeros(len(values), dtype=bool)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    blank = column.isna().to_numpy() | (column.astype("string").str.strip() == "").fillna(False).to_numpy(
        bool
    )
    return values, np.isnan(values) & ~blank


def _index_rows(unit_column: pd.Series, times: NDArray[np.int64]) -> Keys:
    named = unit_column if pd.api.types.is_numeric_dtype(unit_column) else unit_column.astype(str)
    unit, units = pd.factorize(named, sort=True)
    years, year = np.unique(times, return_inverse=True)
    first_row = np.empty(len(units), dtype=int)
    first_row[unit[::-1]] = np.arange(len(unit))[::-1]
    return Keys(unit=unit, year=year, units=np.asarray(units, dtype=object), years=years, first_row=first_row)


def _is_text(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return False
    return bool(to_numbers(column)[1].any())


def _indicators(name: str, column: pd.Series, levels: list[str]) -> list[tuple[str, Floats]]:
    """All levels but the first as 0/1, missing where the text is missing."""
    missing = column.isna().to_numpy()
    written = column.astype(str).to_numpy()
    return [
        (f"{name}={level}", np.where(missing, np.nan, (written == level).astype(float)))
        for level in levels[1:]
    ]


def _always_treated_fault(design: Design, year: int, first_year: int) -> Fault:
    return Fault(
        where=f"{design.cohort} {year}",
        what=f"has no year before it to compare with: data begin in {first_year}",
        why=f"the base year is cohort - 1 - anticipation ({design.anticipation})",
        remedy="leave the cohort out, lower anticipation, or give earlier years",
    )
