"""The door: a long panel is checked, every fault at once, and turned into units by years.

Belongs here: reading the columns that a design names, and whether its units are there. Does not belong here: which years and
donors a treated unit is compared with (`evaluation.impact.synthetic.comparisons`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.columns import to_numbers
from evaluation.impact.synthetic.design import Name, SyntheticDesign

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SyntheticPanel:
    """Outcomes of units by years; further columns for predictors.

    Parameters
    ----------
    units
        Names, (N,).
    years
        Ascending, (T,).
    outcome
        (N, T), NaN where missing.
    columns
        Further columns by name, (N, T) each.
    """

    units: NDArray[np.object_]
    years: NDArray[np.int64]
    outcome: Floats
    columns: dict[str, Floats] = field(default_factory=dict)

    def positions(self, names: Sequence[Name]) -> NDArray[np.int64]:
        """Return the rows of units that are in the panel, (len(names),)."""
        place = {unit: row for row, unit in enumerate(self.units)}
        return np.array([place[name] for name in names], dtype=np.int64)

    def select(self, years: Bools) -> SyntheticPanel:
        """Return the panel of some of its years, (T,) truth values."""
        columns = {name: values[:, years] for name, values in self.columns.items()}
        return replace(self, years=self.years[years], outcome=self.outcome[:, years], columns=columns)


def read_synthetic_panel(panel: pd.DataFrame, design: SyntheticDesign) -> SyntheticPanel:
    """Check a long panel against a design and return it by units and years.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.

    Raises
    ------
    BadInputError
        With every fault of the columns; or, when those are sound, every unit and year that the study lacks.
    """
    faults = _column_faults(panel, design)
    present = [name for name in design.columns if name in panel.columns]
    keys_there = {design.unit, design.time} <= set(present) and not panel.empty
    if keys_there:
        faults += _key_faults(panel, design)
    numbers = {}
    for name in present:
        if name not in (design.unit, design.time):
            numbers[name], found = _measure(panel, name)
            faults += found
    raise_if_any(faults)
    unit_column = panel[design.unit]
    numeric = pd.api.types.is_numeric_dtype(unit_column)
    unit, units = pd.factorize(unit_column if numeric else unit_column.astype(str), sort=True)
    years, year = np.unique(to_numbers(panel[design.time])[0].astype(np.int64), return_inverse=True)
    wide = {}
    for name, values in numbers.items():
        wide[name] = np.full((len(units), len(years)), np.nan)
        wide[name][unit, year] = values
    outcome = wide.pop(design.outcome) if design.outcome in wide else np.empty((0, 0))
    if any(one.column == design.outcome for one in design.predictors):
        wide[design.outcome] = outcome
    names = np.array([_plain(unit) for unit in units], dtype=object)
    return checked(SyntheticPanel(names, years, outcome, wide), design)


def checked(panel: SyntheticPanel, design: SyntheticDesign) -> SyntheticPanel:
    """Return the years of the panel that the design uses.

    Parameters
    ----------
    panel, design
        Units by years, and the study.

    Raises
    ------
    BadInputError
        With every unit that is not in the panel, and when no year is left.
    """
    raise_if_any(_shape_faults(panel, design))
    present = set(panel.units)
    named = [("treated", unit) for unit, _ in design.treated]
    named += [("donors", unit) for unit in design.donors or ()]
    named += [(f"pools: {owner}", unit) for owner, pool in design.own_pools.items() for unit in pool]
    faults = [
        Fault(
            f"{where}: {unit}",
            "is not in the panel",
            "nothing is known of it",
            f"choose units of {design.unit}",
        )
        for where, unit in dict.fromkeys(named)
        if unit not in present
    ]
    first = panel.years[0] if design.start_year is None else design.start_year
    last = panel.years[-1] if design.end_year is None else design.end_year
    used = (panel.years >= first) & (panel.years <= last) & np.isfinite(panel.outcome).any(axis=0)
    if used.sum() < 2:
        what = f"the outcome is observed in {int(used.sum())} years from {first} to {last}"
        faults.append(Fault(design.outcome, what, "an effect is a change", "give at least two years"))
    raise_if_any(faults)
    return panel if used.all() else panel.select(used)


def _shape_faults(panel: SyntheticPanel, design: SyntheticDesign) -> list[Fault]:
    """Return what is wrong with arrays that did not come through `read_synthetic_panel`."""
    shape = (len(panel.units), len(panel.years))
    why, remedy = "units and years say whose figures these are", "give one row a unit and one column a year"
    tables = {"outcome": panel.outcome, **panel.columns}
    faults = [
        Fault(name, f"shape {values.shape} for {shape[0]} units and {shape[1]} years", why, remedy)
        for name, values in tables.items()
        if values.shape != shape
    ]
    faults += [
        Fault(name, f"{int(np.isinf(values).sum())} infinite values", why, "leave a missing value as NaN")
        for name, values in tables.items()
        if np.isinf(values).any()
    ]
    faults += [
        Fault(f"column {one.column}", "is not in the panel", "the design names it", "add it to `columns`")
        for one in design.predictors
        if one.column not in panel.columns
    ]
    if len(set(panel.units)) < len(panel.units) or (np.diff(panel.years) <= 0).any():
        faults.append(
            Fault("units, years", "repeated or not ascending", why, "name each once, years in order")
        )
    return faults


def _plain(unit: Name) -> Name:
    return unit.item() if isinstance(unit, np.generic) else unit


def _column_faults(panel: pd.DataFrame, design: SyntheticDesign) -> list[Fault]:
    remedy = f"name one of the panel's columns: {', '.join(map(str, panel.columns))}"
    faults = [
        Fault(f"column {name}", "is not in the panel", "the design names it", remedy)
        for name in design.columns
        if name not in panel.columns
    ]
    if panel.empty:
        faults.append(Fault("panel", "has no rows", "nothing can be compared", "give a panel with rows"))
    return faults


def _key_faults(panel: pd.DataFrame, design: SyntheticDesign) -> list[Fault]:
    times, unreadable = to_numbers(panel[design.time])
    with np.errstate(invalid="ignore"):
        bad = unreadable | ~np.isfinite(times) | (times != np.round(times))
    faults = _row_faults(panel[design.time], bad, "years order the panel", "write a whole year on every row")
    nameless = panel[design.unit].isna().to_numpy()
    faults += _row_faults(
        panel[design.unit], nameless, "a row without a unit belongs nowhere", "name the unit"
    )
    if faults:
        return faults
    keys = pd.DataFrame({"unit": panel[design.unit].astype(str), "time": times.astype(np.int64)})
    counts = keys.groupby(["unit", "time"], sort=True).size()
    return [
        Fault(
            f"{design.unit} {unit}, {design.time} {time}",
            f"{count} rows",
            "a unit has one row a year; which of them counts is unknown",
            "keep one row per unit and year",
        )
        for (unit, time), count in counts[counts > 1].items()
    ]


def _measure(panel: pd.DataFrame, name: str) -> tuple[Floats, list[Fault]]:
    values, unreadable = to_numbers(panel[name])
    why, remedy = "weights rest on numbers", "write finite numbers; leave a missing value empty"
    faults = _row_faults(panel[name], unreadable | np.isinf(values), why, remedy)
    if np.isnan(values).all() and not faults and len(values):
        faults.append(Fault(name, "every value is missing", why, "name a column with values"))
    return values, faults


def _row_faults(column: pd.Series, wrong: Bools, why: str, remedy: str) -> list[Fault]:
    return [
        Fault(f"{column.name}, row {row + 1}", f"got: {column.iloc[row]!r}", why, remedy)
        for row in np.flatnonzero(wrong)
    ]
