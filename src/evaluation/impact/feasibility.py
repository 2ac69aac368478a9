"""Why nothing can be compared although every column is sound.

Belongs here: faults of a study as a whole, told together with those of its columns. Does not belong here: what
each column must hold (`evaluation.impact.columns`), and cells without an estimate, which are answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import Fault
from evaluation.impact.cells import clean_controls, list_cells
from evaluation.impact.design import Design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Years = NDArray[np.int64]


def feasibility_faults(*, design: Design, years: Years | None, cohort: Floats | None) -> list[Fault]:
    """Return why nothing can be compared, as far as years and cohorts are known.

    Parameters
    ----------
    design
        The study.
    years
        Years in which the outcome is observed, up to the design's last, (n_years,); None when unknown because
        of faults in its column.
    cohort
        First year of effect per unit, infinite = never treated, (n_units,); None when unknown.
    """
    faults = [] if years is None else _year_faults(design, years)
    if cohort is not None:
        faults += _cohort_faults(design, cohort)
    if years is not None and len(years) > 1 and cohort is not None:
        faults += _base_faults(design, years, cohort)
    return faults


def control_faults(*, design: Design, years: Years, cohort: Floats, may_control: Bools) -> list[Fault]:
    """Return the fault of a study in which no unit is a clean control in any year after treatment.

    Parameters
    ----------
    design
        The study; a group-time estimator.
    years
        Panel years, (n_years,).
    cohort, may_control
        First year of effect, and whether a unit may serve as a control at all, (n_units,).
    """
    present = set(cohort[np.isfinite(cohort)].astype(int).tolist())
    wanted = [g for g in sorted(set(design.cohorts or present) & present) if g <= int(years[-1])]
    after = [c for c in list_cells(design=design, years=years, cohorts=wanted) if c.year >= c.cohort]
    last_year = int(years[-1])
    if not after or any(
        (clean_controls(design=design, cell=cell, cohort=cohort, last_year=last_year) & may_control).any()
        for cell in after
    ):
        return []
    fault = Fault(
        where=f"control group {design.control_group}",
        what="no unit is a clean control in any year after treatment",
        why="an effect is a difference from units that are untreated in the same years",
        remedy="allow not_yet_treated controls, an earlier end_year, less anticipation, or more units",
    )
    return [fault]


def _year_faults(design: Design, years: Years) -> list[Fault]:
    if len(years) >= 2:
        return []
    found = ", ".join(map(str, years)) or "none"
    what = f"the outcome is observed in fewer than two years up to end_year: {found}"
    return [Fault(design.outcome, what, "an effect is a change", "give at least two years")]


def _cohort_faults(design: Design, cohort: Floats) -> list[Fault]:
    present = set(cohort[np.isfinite(cohort)].astype(int).tolist())
    if not present:
        why, remedy = "there is nobody to follow", "name the column with the first year of effect"
        return [Fault(design.cohort, "no unit is ever treated", why, remedy)]
    return [
        Fault("cohorts", f"{year} is not in the panel", "nobody to follow", f"choose from: {sorted(present)}")
        for year in sorted(set(design.cohorts or ()) - present)
    ]


def _base_faults(design: Design, years: Years, cohort: Floats) -> list[Fault]:
    """Cohorts that are wanted and have no base year; among all cohorts only when none has one."""
    present = set(cohort[np.isfinite(cohort)].astype(int).tolist())
    wanted = set(design.cohorts or present) & present
    always = {year for year in wanted if year - design.anticipation <= years[0]}
    if not design.cohorts and always != present:
        return []
    return [_always_treated_fault(design, year, int(years[0])) for year in sorted(always)]


def _always_treated_fault(design: Design, year: int, first_year: int) -> Fault:
    return Fault(
        where=f"{design.cohort} {year}",
        what=f"has no year before it to compare with: data begin in {first_year}",
        why=f"the base year is cohort - 1 - anticipation ({design.anticipation})",
        remedy="leave the cohort out, lower anticipation, or give earlier years",
    )
