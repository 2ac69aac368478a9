"""What a group-time study lacks or replaces: rows of cells without an estimate, and notes.

Belongs here: the records that `AttGtResult` carries beside its estimates. Does not belong here: deciding what is
estimated (`evaluation.impact.did`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.cells import Cell
from evaluation.impact.design import Design
from evaluation.impact.notes import REASONS, Note, Reason
from evaluation.impact.panel import WidePanel

Bools = NDArray[np.bool_]


def missing_cell(
    wide: WidePanel, cell: Cell, reason: Reason, *, treated: Bools, control: Bools
) -> dict[str, object]:
    """Return the row of a cell without an estimate.

    Parameters
    ----------
    wide, cell, reason
        The panel, the comparison, and a code of `REASONS`.
    treated, control
        Who would have been compared, (n_units,).
    """
    return {
        "cohort": cell.cohort,
        "year": cell.year,
        "event_time": cell.year - cell.cohort,
        "base_year": cell.base_year,
        "n_treated": int(treated.sum()),
        "n_control": int(control.sum()),
        "last_year": int(wide.years[-1]),
        "reason": reason,
        "detail": REASONS[reason],
    }


def missing_cohorts(wide: WidePanel, cohorts: list[int]) -> list[dict[str, object]]:
    """Return the rows of cohorts without any year of effect in the data, and of those without a base year.

    Parameters
    ----------
    wide, cohorts
        The panel, and the cohorts that were asked for.
    """
    last_year = int(wide.years[-1])
    beyond = {year: int((wide.cohort == year).sum()) for year in cohorts if year > last_year}
    listed: list[tuple[Reason, dict[int, int]]] = [
        ("beyond_data", beyond),
        ("always_treated", wide.always_treated),
    ]
    return [
        {
            "cohort": cohort,
            "n_treated": n_treated,
            "last_year": last_year,
            "reason": reason,
            "detail": REASONS[reason],
        }
        for reason, cohort_sizes in listed
        for cohort, n_treated in cohort_sizes.items()
    ]


def cell_notes(wide: WidePanel, design: Design, cells: list[Cell]) -> list[Note]:
    """Return the notes on base years, covariates and controls of the estimated cells.

    Parameters
    ----------
    wide, design, cells
        The panel, the study, and the cells with an estimate.
    """
    fallbacks = sorted({(c.cohort, c.expected_base, c.base_year) for c in cells if c.fell_back})
    notes = [
        Note(
            "base_fell_back",
            "Cohort {cohort}: {expected} is not in the data; {base_year} is the base year instead.",
            {"cohort": cohort, "expected": expected, "base_year": base},
        )
        for cohort, expected, base in fallbacks
    ]
    notes += _covariate_notes(wide, cells)
    later = np.isfinite(wide.cohort) & (wide.cohort > int(wide.years[-1]) + design.anticipation)
    if design.control_group == "never_treated" and later.any():
        text = "{n} units treated later than the data reach ({last_year}) count as never treated."
        notes.append(Note("as_if_never", text, {"n": int(later.sum()), "last_year": int(wide.years[-1])}))
    return notes


def _covariate_notes(wide: WidePanel, cells: list[Cell]) -> list[Note]:
    bases = np.searchsorted(wide.years, sorted({cell.base_year for cell in cells}))
    known = np.isfinite(wide.covariates[:, bases]).all(axis=2)
    observed = np.isfinite(wide.outcome[:, bases])
    dropped = (observed & ~known).any(axis=1)
    if not dropped.any():
        return []
    text = "{n} units lack a covariate in a base year and are left out of the cells it serves: {units}."
    named = ", ".join(map(str, wide.units[dropped]))
    return [Note("covariate_missing", text, {"n": int(dropped.sum()), "units": named})]
