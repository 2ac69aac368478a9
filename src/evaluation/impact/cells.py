"""Which years and units are compared: base years and clean controls.

Belongs here: the rules of Callaway and Sant'Anna (2021, section 2) on groups, base periods and anticipation.
Does not belong here: arithmetic on outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.design import Design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """One group-time comparison: a cohort, a year, and the year it is compared with.

    Parameters
    ----------
    cohort, year, base_year
        Years; `base_year` equals `year` in the zero row of a universal base.
    expected_base
        The base year that the rule names, whether or not the data have it.
    """

    cohort: int
    year: int
    base_year: int
    expected_base: int

    @property
    def is_base(self) -> bool:
        """Whether this is the base year itself, zero by construction."""
        return self.year == self.base_year

    @property
    def fell_back(self) -> bool:
        """Whether an earlier year stands in for an absent base year."""
        return self.base_year != self.expected_base


def list_cells(*, design: Design, years: NDArray[np.int64], cohorts: list[int]) -> list[Cell]:
    """Return every comparison of `cohorts` that has a base year, by cohort and year.

    Parameters
    ----------
    design
        The study.
    years
        Panel years, ascending, (n_years,).
    cohorts
        Cohorts to estimate.
    """
    pairs = [(cohort, int(year)) for cohort in cohorts for year in years]
    found = [_cell(design=design, years=years, cohort=cohort, year=year) for cohort, year in pairs]
    return [cell for cell in found if cell is not None]


def clean_controls(*, design: Design, cell: Cell, cohort: Floats, last_year: int) -> Bools:
    """Return which units are untreated throughout the two years of a comparison.

    Not yet treated: cohort later than the later of year and base year, plus anticipation, and not the
    cohort itself. Never treated: cohort later than the last panel year plus anticipation.

    Parameters
    ----------
    design, cell
        The study and the comparison.
    cohort
        First year of effect per unit, infinite = never treated, (n_units,).
    last_year
        Last panel year.
    """
    if design.control_group == "never_treated":
        return (cohort > last_year + design.anticipation) & (cohort != cell.cohort)
    untreated_until = max(cell.year, cell.base_year) + design.anticipation
    return (cohort > untreated_until) & (cohort != cell.cohort)


def _cell(*, design: Design, years: NDArray[np.int64], cohort: int, year: int) -> Cell | None:
    expected = cohort - 1 - design.anticipation
    if design.base_period == "varying" and year < cohort:
        expected = year - 1
    earlier = years[years <= expected]
    if not len(earlier):
        return None
    return Cell(cohort=cohort, year=year, base_year=int(earlier[-1]), expected_base=expected)
