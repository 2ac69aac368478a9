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
from evaluation.impact.levels import Levels, levels_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_LEVELS = 50
"""Most distinct texts of a covariate that becomes indicators: more is a name or a code, not a category."""


@dataclass(frozen=True)
class Keys:
    """Where each row of the long panel belongs: position of its unit and of its year."""

    unit: NDArray[np.int64]
    year: NDArray[np.int64]
    units: NDArray[np.object_]
    years: NDArray[np.int64]
    first_row: NDArray[np.int64]


@dataclass
class Known:
    """What is known of a panel whose columns may have faults; None where a fault makes it unknown.

    Parameters
    ----------
    years
        Years in which the outcome is observed, up to the design's last, (n_years,).
    cohort, may_control
        By unit, (n_units,).
    """

    years: NDArray[np.int64] | None = None
    cohort: Floats | None = None
    may_control: Bools | None = None


class ColumnReader:
    """Reads the columns of one panel for one design and collects `faults` on the way.

    Parameters
    ----------
    panel
        One row per unit and year.
    design
        The study; columns that are absent are skipped here and reported by `missing_column_faults`.

    Attributes
    ----------
    faults
        What is wrong with the columns read so far.
    known
        Of the columns read without a fault, what feasibility depends on.
    """

    def __init__(self, panel: pd.DataFrame, design: Design) -> None:
        self.panel = panel
        self.design = design
        self.faults: list[Fault] = []
        self.known = Known()
        self.keys = self._read_keys()
        if not panel.empty and missing_column_faults(panel, design):
            self._check_present_columns()

    def outcome(self) -> Floats:
        """Return the outcome per row, NaN where missing."""
        n_faults = len(self.faults)
        values = self._measure(self.design.outcome, "an effect is a difference of numbers")
        if self.keys is not None and len(self.faults) == n_faults:
            self.known.years = self._used_years(values, self.keys)
        return values

    def cohort(self) -> Floats:
        """Return the cohort per unit, infinite where never treated."""
        name, n_faults = self.design.cohort, len(self.faults)
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
        why = "a unit belongs to one cohort, that of its first treatment"
        cohort = self._one_per_unit(name, values, why)
        if self.keys is not None and len(self.faults) == n_faults:
            self.known.cohort = cohort
        return cohort

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
            return self._eligible(np.ones(self._n_units, dtype=bool))
        n_faults = len(self.faults)
        truths, known = levels_of(self.panel[name]).truths()
        self._report_rows(
            name,
            ~known,
            why="a unit of unknown standing must not slip into the control group",
            remedy="write true or false on every row",
        )
        why = "a unit either may serve as a control or not"
        eligible = self._one_per_unit(name, truths.astype(float), why) > 0
        return self._eligible(eligible) if len(self.faults) == n_faults else eligible

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

    def _eligible(self, may_control: Bools) -> Bools:
        if self.keys is not None:
            self.known.may_control = may_control
        return may_control

    def _used_years(self, values: Floats, keys: Keys) -> NDArray[np.int64]:
        seen = np.bincount(keys.year[np.isfinite(values)], minlength=len(keys.years)) > 0
        if self.design.end_year is not None:
            seen &= keys.years <= self.design.end_year
        return keys.years[seen]

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
        if pd.api.types.is_numeric_dtype(column):
            return [(name, self._measure(name, why))]
        read = levels_of(column)
        if not read.numbers()[1].any():
            return [(name, self._measure(name, why))]
        levels = sorted(set(read.texts))
        if len(levels) > MAX_LEVELS:
            what = f"{len(levels)} different texts"
            self._report(name, what, why, f"write numbers, or at most {MAX_LEVELS} categories")
            return []
        return _indicators(name, read, levels)

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
            value = column.iloc[row]
            shown = value.item() if isinstance(value, np.generic) else value
            self._report(f"{name}, row {row + 1}", f"got: {shown!r}", why, remedy)

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


def to_numbers(column: pd.Series) -> tuple[Floats, Bools]:
    """Return a column as numbers (NaN where missing or blank), and which entries are not numbers."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        return values, np.zeros(len(values), dtype=bool)
    return levels_of(column).numbers()


def _index_rows(unit_column: pd.Series, times: NDArray[np.int64]) -> Keys:
    unit, units = _sorted_codes(unit_column)
    year, years = pd.factorize(times, sort=True)
    first_row = np.empty(len(units), dtype=int)
    first_row[unit[::-1]] = np.arange(len(unit))[::-1]
    return Keys(unit=unit, year=year, units=np.asarray(units, dtype=object), years=years, first_row=first_row)


def _sorted_codes(unit_column: pd.Series) -> tuple[NDArray[np.int64], pd.Index]:
    """Position of each row's unit among the sorted names; names that are no numbers are compared as texts."""
    if pd.api.types.is_numeric_dtype(unit_column):
        return pd.factorize(unit_column, sort=True)
    levels = levels_of(unit_column)
    place, units = pd.factorize(levels.distinct.astype(str), sort=True)
    return place[levels.code], units


def _indicators(name: str, read: Levels, levels: list[str]) -> list[tuple[str, Floats]]:
    """All levels but the first as 0/1, missing where the text is missing."""
    return [(f"{name}={level}", read.named(level)) for level in levels[1:]]
