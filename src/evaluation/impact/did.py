"""Group-time average treatment effects of a staggered programme.

Belongs here: the effect of each cohort in each year, and all that later steps need of it. Does not belong
here: averages over cohorts and years (`evaluation.impact.aggregate`).

Assumption: had a cohort not been treated, its outcome would have moved between the base year and the year as
that of clean controls with the same covariates; and nothing happens earlier than `anticipation` years before
the cohort: ATT(g, t) = E[Y_t(g) - Y_t(0) | G = g].

References
----------
Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, J. Econometrics 225,
doi:10.1016/j.jeconom.2020.12.001: theorem 1 (identification), theorem 2 (influence functions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError, raise_if_any
from evaluation.impact.cells import Cell, clean_controls, list_cells
from evaluation.impact.design import GROUP_TIME_ESTIMATORS, Design
from evaluation.impact.feasibility import control_faults
from evaluation.impact.group_time import CONTROL, TREATED, AttGtResult, Comparison, missing_table
from evaluation.impact.inference import IntervalOptions, Intervals, describe
from evaluation.impact.notes import NotEstimable, Reason
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.impact.remarks import cell_notes, missing_cell, missing_cohorts
from evaluation.impact.two_by_two import TwoByTwo, estimate_two_by_two, make_sample

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIN_TREATED = 2
"""Fewest treated units of a cell: the spread of a single one is unknown."""

MIN_CONTROL = 2
"""Fewest controls of a cell, for the same reason."""


@dataclass
class _Answers:
    """Cells filled one comparison at a time."""

    n_units: int
    cells: list[Cell] = field(default_factory=list)
    estimate: list[float] = field(default_factory=list)
    influence: list[Floats] = field(default_factory=list)
    membership: list[NDArray[np.int8]] = field(default_factory=list)
    n_trimmed: list[int] = field(default_factory=list)
    missing: list[dict[str, object]] = field(default_factory=list)

    def add(self, cell: Cell, value: float, influence: Floats, membership: NDArray[np.int8], n: int) -> None:
        self.cells.append(cell)
        self.estimate.append(value)
        self.influence.append(influence)
        self.membership.append(membership)
        self.n_trimmed.append(n)


@dataclass(frozen=True)
class _Group:
    """Cells that compare the same units with the same covariates, so that one fit serves them all."""

    members: NDArray[np.int64]
    treated: Bools
    covariates: Floats
    cells: list[Cell]


def att_gt(panel: pd.DataFrame, design: Design, **intervals: Unpack[IntervalOptions]) -> AttGtResult:
    """Estimate the average effect on the treated of each cohort in each year.

    Units that lack the outcome in a year or its base year, or a covariate in the base year, are left out of
    that cell only.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    **intervals
        Fields of `Intervals`: band, draws, seed, multiplier, level.

    Returns
    -------
    AttGtResult
        Cohorts whose first effect lies beyond the data are listed in `not_estimable`, never dropped.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        When the intervals have an option that does not exist.
    """
    chosen = Intervals(**intervals)
    if design.estimator not in GROUP_TIME_ESTIMATORS:
        allowed = ", ".join(GROUP_TIME_ESTIMATORS)
        raise UsageError(f"att_gt estimates by {allowed}; for {design.estimator} use estimate_effects.")
    return att_gt_of(read_panel(panel, design, controls_needed=True), design, intervals=chosen)


def att_gt_of(wide: WidePanel, design: Design, *, intervals: Intervals) -> AttGtResult:
    """Estimate group-time effects from a checked panel, see `att_gt`.

    Parameters
    ----------
    wide, design
        The panel as arrays, and the study.
    intervals
        How intervals are made.
    """
    last_year = int(wide.years[-1])
    cohorts = _wanted_cohorts(wide, design)
    cells = list_cells(design=design, years=wide.years, cohorts=[g for g in cohorts if g <= last_year])
    raise_if_any(
        control_faults(design=design, years=wide.years, cohort=wide.cohort, may_control=wide.may_control)
    )
    groups, answers = _group_cells(wide, design, cells)
    comparisons = [_answer(wide, design, group, answers) for group in groups]
    answers.missing += missing_cohorts(wide, cohorts)
    return _assemble(wide, design, answers, comparisons=comparisons, intervals=intervals)


def effects_after(wide: WidePanel, design: Design) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return cohort, estimate and influence of the cells from the cohort on, without any table.

    For the many refits of a permutation test.

    Parameters
    ----------
    wide, design
        The panel as arrays, and the study; a group-time estimator.

    Returns
    -------
    tuple of ndarray
        (n_cells,), (n_cells,) and (n_units, n_cells); no cell where nothing is estimable.
    """
    return effects_and_members_after(wide, design)[:3]


def effects_and_members_after(
    wide: WidePanel, design: Design
) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int8]]:
    """Return as `effects_after`, and besides who is in each cell: 0, `TREATED` or `CONTROL`, (n_units, n_cells).

    Parameters
    ----------
    wide, design
        As in `effects_after`.
    """
    last_year = int(wide.years[-1])
    cohorts = [cohort for cohort in _wanted_cohorts(wide, design) if cohort <= last_year]
    cells = list_cells(design=design, years=wide.years, cohorts=cohorts)
    groups, answers = _group_cells(wide, design, [cell for cell in cells if cell.year >= cell.cohort])
    for group in groups:
        _answer(wide, design, group, answers)
    shape = (wide.n_units, len(answers.cells))
    influence = np.array(answers.influence).T.reshape(shape)
    membership = np.array(answers.membership, dtype=np.int8).T.reshape(shape)
    cohort = np.array([cell.cohort for cell in answers.cells], dtype=np.int64)
    return cohort, np.array(answers.estimate, dtype=float), influence, membership


def _wanted_cohorts(wide: WidePanel, design: Design) -> list[int]:
    if design.cohorts is not None:
        return [year for year in design.cohorts if year not in wide.always_treated]
    return np.unique(wide.cohort[np.isfinite(wide.cohort)]).astype(int).tolist()


def _controls(wide: WidePanel, design: Design, cell: Cell) -> Bools:
    clean = clean_controls(design=design, cell=cell, cohort=wide.cohort, last_year=int(wide.years[-1]))
    return clean & wide.may_control


def _group_cells(wide: WidePanel, design: Design, cells: list[Cell]) -> tuple[list[_Group], _Answers]:
    groups: dict[tuple[int, bytes, bytes, bytes], _Group] = {}
    answers = _Answers(n_units=wide.n_units)
    for cell in cells:
        treated, control = _compared(wide, design, cell)
        if cell.is_base:
            membership = np.where(treated, TREATED, 0).astype(np.int8)
            answers.add(cell, 0.0, np.zeros(wide.n_units), membership, 0)
            continue
        reason = _too_few(int(treated.sum()), int(control.sum()))
        if reason is not None:
            answers.missing.append(missing_cell(wide, cell, reason, treated=treated, control=control))
            continue
        members = np.flatnonzero(treated | control)
        covariates = wide.covariates[members, np.searchsorted(wide.years, cell.base_year)]
        key = (cell.cohort, members.tobytes(), treated[members].tobytes(), covariates.tobytes())
        fresh = _Group(members=members, treated=treated[members], covariates=covariates, cells=[])
        groups.setdefault(key, fresh).cells.append(cell)
    return list(groups.values()), answers


def _compared(wide: WidePanel, design: Design, cell: Cell) -> tuple[Bools, Bools]:
    """Treated units and controls that are observed in both years, with covariates and a weight."""
    year, base = np.searchsorted(wide.years, [cell.year, cell.base_year])
    complete = np.isfinite(wide.outcome[:, year]) & np.isfinite(wide.outcome[:, base]) & (wide.weights > 0)
    complete &= np.isfinite(wide.covariates[:, base]).all(axis=1)
    return (wide.cohort == cell.cohort) & complete, _controls(wide, design, cell) & complete


def _too_few(n_treated: int, n_control: int) -> Reason | None:
    if n_treated == 0:
        return "not_observed"
    if n_treated < MIN_TREATED:
        return "too_few_treated"
    return "no_control" if n_control < MIN_CONTROL else None


def _answer(wide: WidePanel, design: Design, group: _Group, answers: _Answers) -> Comparison:
    """Estimate the cells of one group into `answers` and return who was compared."""
    members, cells = group.members, group.cells
    sample = make_sample(treated=group.treated, covariates=group.covariates, weights=wide.weights[members])
    years = np.searchsorted(wide.years, [cell.year for cell in cells])
    bases = np.searchsorted(wide.years, [cell.base_year for cell in cells])
    outcome = wide.outcome[members]
    membership = np.zeros(wide.n_units, dtype=np.int8)
    membership[members] = np.where(group.treated, TREATED, CONTROL)
    try:
        found = estimate_two_by_two(
            sample=sample, change=outcome[:, years] - outcome[:, bases], estimator=design.estimator
        )
    except NotEstimable as answer:
        treated, control = membership == TREATED, membership == CONTROL
        answers.missing += [
            missing_cell(wide, cell, answer.reason, treated=treated, control=control) for cell in cells
        ]
    else:
        _store(found, cells=cells, members=members, membership=membership, answers=answers)
    return Comparison(
        cohort=cells[0].cohort,
        base_year=cells[0].base_year,
        years=tuple(cell.year for cell in cells),
        members=members,
        sample=sample,
        covariates=group.covariates,
    )


def _store(
    found: TwoByTwo,
    *,
    cells: list[Cell],
    members: NDArray[np.int64],
    membership: NDArray[np.int8],
    answers: _Answers,
) -> None:
    scale = answers.n_units / len(members)
    for position, cell in enumerate(cells):
        influence = np.zeros(answers.n_units)
        influence[members] = scale * found.influence[:, position]
        answers.add(cell, float(found.estimate[position]), influence, membership, found.n_trimmed)


def _assemble(
    wide: WidePanel,
    design: Design,
    answers: _Answers,
    *,
    comparisons: list[Comparison],
    intervals: Intervals,
) -> AttGtResult:
    order = sorted(range(len(answers.cells)), key=lambda i: (answers.cells[i].cohort, answers.cells[i].year))
    shape = (wide.n_units, len(order))
    influence = np.array([answers.influence[i] for i in order]).T.reshape(shape)
    membership = np.array([answers.membership[i] for i in order], dtype=np.int8).T.reshape(shape)
    cells = [answers.cells[i] for i in order]
    estimates = describe(
        [answers.estimate[i] for i in order], influence, intervals=intervals, clusters=wide.clusters
    )
    trimmed = np.array([answers.n_trimmed[i] for i in order], dtype=int)
    table = _cell_table(cells, estimates, membership, n_trimmed=trimmed)
    return AttGtResult(
        design=design,
        table=table,
        influence=influence,
        membership=membership,
        units=wide.units,
        cohort=wide.cohort,
        weights=wide.weights,
        clusters=wide.clusters,
        covariate_names=wide.covariate_names,
        comparisons=tuple(comparisons),
        not_estimable=missing_table(answers.missing),
        notes=(*wide.notes, *cell_notes(wide, design, cells)),
    )


def _cell_table(
    cells: list[Cell],
    estimates: dict[str, Any],
    membership: NDArray[np.int8],
    *,
    n_trimmed: NDArray[np.int64],
) -> pd.DataFrame:
    cohort = np.array([cell.cohort for cell in cells], dtype=int)
    year = np.array([cell.year for cell in cells], dtype=int)
    return pd.DataFrame(
        {
            "parameter": np.full(len(cells), "att_gt", dtype=object),
            "cohort": cohort,
            "year": year,
            "event_time": year - cohort,
            **estimates,
            "n_units": (membership > 0).sum(axis=0),
            "n_treated": (membership == TREATED).sum(axis=0),
            "n_control": (membership == CONTROL).sum(axis=0),
            "base_year": np.array([cell.base_year for cell in cells], dtype=int),
            "base_fell_back": np.array([cell.fell_back for cell in cells], dtype=bool),
            "n_trimmed": n_trimmed,
        }
    )
