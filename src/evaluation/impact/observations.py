"""Which unit-years enter a regression, which of them are treated, and the cells they belong to.

Belongs here: the rules that the regression estimators share. Does not belong here: their regressions.

A unit of an estimated cohort enters with all of its years; its years before `cohort - anticipation` are
untreated and inform the year effects of all. Another unit enters only with its clean years, and only if it
may serve as a control. Years in which nobody is untreated identify nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.design import Design
from evaluation.impact.notes import REASONS, Note, Reason
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.impact.remarks import missing_cohorts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Positions = NDArray[np.int64]

MIN_TREATED = 2
"""Fewest treated units of a cell: the spread of a single one is unknown."""


@dataclass(frozen=True)
class Observations:
    """A checked panel with the unit-years of a regression.

    Parameters
    ----------
    wide
        The panel as arrays.
    design
        The study.
    cohorts
        Estimated cohorts, ascending.
    used
        Unit-years in the regression, (n_units, n_years).
    treated
        Those of `used` in which an effect is possible, (n_units, n_years).
    missing
        Cohorts and cells without an estimate, as rows of `AttGtResult.not_estimable`.
    notes
        What was left out.
    """

    wide: WidePanel
    design: Design
    cohorts: tuple[int, ...]
    used: Bools
    treated: Bools
    missing: tuple[dict[str, object], ...]
    notes: tuple[Note, ...]

    @property
    def untreated(self) -> Bools:
        """Unit-years in the regression without an effect, (n_units, n_years)."""
        return self.used & ~self.treated

    @property
    def estimated(self) -> Bools:
        """Units of the estimated cohorts, (n_units,)."""
        return np.isin(self.wide.cohort, self.cohorts)

    def event_time(self) -> Floats:
        """Year less cohort, minus infinity for the never treated, (n_units, n_years)."""
        return self.wide.years[None, :] - self.wide.cohort[:, None]

    def without(self, unit_years: Bools) -> Observations:
        """Return the observations without some unit-years."""
        return replace(self, used=self.used & ~unit_years, treated=self.treated & ~unit_years)


@dataclass(frozen=True)
class TreatedCells:
    """Cells of cohort and year among the unit-years of a regression.

    Parameters
    ----------
    cohort, year
        By cell, (n_cells,), ordered by both.
    place
        Cell of each unit-year, -1 outside, (n_units, n_years).
    """

    cohort: Positions
    year: Positions
    place: Positions

    def __len__(self) -> int:
        return len(self.cohort)


def read_observations(
    panel: pd.DataFrame, design: Design, *, with_always_treated: bool = False
) -> Observations:
    """Check a panel and choose the unit-years of a regression.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    with_always_treated
        Keep units and years without anybody untreated, which identify no effect of their own but move a two-way
        fixed effects coefficient.

    Raises
    ------
    BadInputError
        With every fault of the panel, or when no year after treatment has an untreated unit.
    """
    wide = read_panel(panel, design, keep_always_treated=with_always_treated)
    return choose_observations(wide, design, with_always_treated=with_always_treated)


def choose_observations(
    wide: WidePanel, design: Design, *, with_always_treated: bool = False
) -> Observations:
    """Choose the unit-years of a regression from a checked panel, see `read_observations`.

    Parameters
    ----------
    wide, design, with_always_treated
        The panel as arrays, the study, and whether nobody needs to be untreated.
    """
    last_year = int(wide.years[-1])
    wanted = _wanted(wide, design)
    cohorts = tuple(cohort for cohort in wanted if cohort - design.anticipation <= last_year)
    found = Observations(
        wide=wide,
        design=design,
        cohorts=cohorts,
        used=_enter(wide, design, cohorts),
        treated=np.zeros_like(wide.outcome, dtype=bool),
        missing=tuple(missing_cohorts(wide, wanted)),
        notes=wide.notes,
    )
    possible = found.event_time() >= -design.anticipation
    found = replace(found, treated=found.used & possible)
    if not with_always_treated:
        found = _without_unseen_units(_without_lost_years(found))
        _check_some_effect(found)
    return found


def treated_cells(observations: Observations) -> tuple[Observations, TreatedCells]:
    """Return the cells with an effect; those of a single unit are left out and listed as not estimable.

    Parameters
    ----------
    observations
        The unit-years.
    """
    return cells_of(observations, observations.treated)


def cells_of(observations: Observations, chosen: Bools) -> tuple[Observations, TreatedCells]:
    """Return the cells of chosen unit-years; those of a single unit are left out and listed.

    Parameters
    ----------
    observations
        The unit-years.
    chosen
        Unit-years of estimated cohorts that get a cell, (n_units, n_years).
    """
    wide = observations.wide
    found, lonely = [], np.zeros_like(chosen)
    missing = list(observations.missing)
    for cohort in observations.cohorts:
        members = wide.cohort == cohort
        counts = (chosen & members[:, None]).sum(axis=0)
        for column in np.flatnonzero(counts).tolist():
            if counts[column] >= MIN_TREATED:
                found.append((cohort, int(column)))
                continue
            lonely[:, column] |= chosen[:, column] & members
            missing.append(missing_cell(wide, cohort, int(column), "too_few_treated", n_treated=1))
    place = np.full(chosen.shape, -1)
    for cell, (cohort, column) in enumerate(found):
        place[(wide.cohort == cohort) & chosen[:, column] & ~lonely[:, column], column] = cell
    cells = TreatedCells(
        cohort=np.array([cohort for cohort, _ in found], dtype=np.int64),
        year=wide.years[np.array([column for _, column in found], dtype=np.int64)],
        place=place,
    )
    return replace(observations.without(lonely), missing=tuple(missing)), cells


def missing_cell(
    wide: WidePanel, cohort: int, column: int, reason: Reason, *, n_treated: int
) -> dict[str, object]:
    """Return the row of a cell without an estimate.

    Parameters
    ----------
    wide, cohort, column
        The panel, and the cell's cohort and position among the years.
    reason
        A code of `REASONS`.
    n_treated
        Treated units in it.
    """
    year = int(wide.years[column])
    return {
        "cohort": cohort,
        "year": year,
        "event_time": year - cohort,
        "n_treated": n_treated,
        "last_year": int(wide.years[-1]),
        "reason": reason,
        "detail": REASONS[reason],
    }


def _wanted(wide: WidePanel, design: Design) -> list[int]:
    if design.cohorts is not None:
        return [year for year in design.cohorts if year not in wide.always_treated]
    return np.unique(wide.cohort[np.isfinite(wide.cohort)]).astype(int).tolist()


def _enter(wide: WidePanel, design: Design, cohorts: tuple[int, ...]) -> Bools:
    observed = np.isfinite(wide.outcome) & np.isfinite(wide.covariates).all(axis=2)
    observed &= wide.weights[:, None] > 0
    estimated = np.isin(wide.cohort, cohorts)[:, None]
    clean = wide.years[None, :] < wide.cohort[:, None] - design.anticipation
    if design.control_group == "never_treated":
        clean &= (wide.cohort > int(wide.years[-1]) + design.anticipation)[:, None]
    return observed & (estimated | (clean & wide.may_control[:, None]))


def _without_lost_years(observations: Observations) -> Observations:
    """Leave out years in which nobody is untreated, and list their cells."""
    wide = observations.wide
    lost: Bools = ~np.logical_or.reduce(observations.untreated, axis=0)
    missing = list(observations.missing)
    for cohort in observations.cohorts:
        members = wide.cohort == cohort
        for column in np.flatnonzero(lost).tolist():
            n_treated = int(observations.treated[members, column].sum())
            if n_treated:
                missing.append(missing_cell(wide, cohort, int(column), "no_control", n_treated=n_treated))
    everywhere = np.broadcast_to(lost, observations.used.shape)
    return replace(observations.without(everywhere), missing=tuple(missing))


def _without_unseen_units(observations: Observations) -> Observations:
    """Leave out units that are never seen untreated: nothing tells their level."""
    unseen: Bools = np.logical_or.reduce(observations.used, axis=1)
    unseen &= ~np.logical_or.reduce(observations.untreated, axis=1)
    if not unseen.any():
        return observations
    text = "{n} units are not observed in any year before treatment and are left out."
    note = Note("never_seen_untreated", text, {"n": int(unseen.sum())})
    dropped = np.broadcast_to(unseen[:, None], observations.used.shape)
    return replace(observations.without(dropped), notes=(*observations.notes, note))


def _check_some_effect(observations: Observations) -> None:
    beyond = not observations.cohorts or max(observations.cohorts) > observations.wide.years[-1]
    after = observations.treated & (observations.event_time() >= 0)
    if after.any() or (beyond and not observations.missing):
        return
    if all(row["reason"] in ("beyond_data", "always_treated") for row in observations.missing):
        return
    fault = Fault(
        where=f"control group {observations.design.control_group}",
        what="no unit is a clean control in any year after treatment",
        why="an effect is a difference from units that are untreated in the same years",
        remedy="allow not_yet_treated controls, an earlier end_year, less anticipation, or more units",
    )
    raise_if_any([fault])
