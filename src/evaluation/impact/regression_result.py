"""From a regression's cells to the one result that averages, tests and files read.

Belongs here: filling an `AttGtResult` from cells estimated by regression. Does not belong here: estimation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.impact.group_time import CONTROL, TREATED, AttGtResult, CellShares, missing_table
from evaluation.impact.inference import Intervals, describe
from evaluation.impact.observations import Observations, TreatedCells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CellAnswer:
    """Effects by cell.

    Parameters
    ----------
    estimate
        (n_cells,).
    influence
        (n_units, n_cells), times n_units.
    base_year
        Reference year of each cell's cohort, (n_cells,).
    random_shares
        Whether the sizes of cells count as estimated when averaged.
    """

    estimate: Floats
    influence: Floats
    base_year: NDArray[np.int64]
    random_shares: bool


def assemble(
    observations: Observations, cells: TreatedCells, answer: CellAnswer, *, intervals: Intervals
) -> AttGtResult:
    """Return the result of a regression estimator.

    Parameters
    ----------
    observations, cells
        Unit-years and cells.
    answer
        Effects by cell.
    intervals
        How intervals are made.
    """
    wide = observations.wide
    membership = _membership(observations, cells)
    numbers = describe(answer.estimate, answer.influence, intervals=intervals, clusters=wide.clusters)
    table = pd.DataFrame(
        {
            "parameter": np.full(len(cells), "att_gt", dtype=object),
            "cohort": cells.cohort,
            "year": cells.year,
            "event_time": cells.year - cells.cohort,
            **numbers,
            "n_units": (membership > 0).sum(axis=0),
            "n_treated": (membership == TREATED).sum(axis=0),
            "n_control": (membership == CONTROL).sum(axis=0),
            "base_year": answer.base_year,
            "base_fell_back": answer.base_year < cells.cohort - 1 - observations.design.anticipation,
            "n_trimmed": np.zeros(len(cells), dtype=int),
        }
    )
    return AttGtResult(
        design=observations.design,
        table=table,
        influence=answer.influence,
        membership=membership,
        units=wide.units,
        cohort=wide.cohort,
        weights=wide.weights,
        clusters=wide.clusters,
        covariate_names=wide.covariate_names,
        comparisons=(),
        not_estimable=missing_table(list(observations.missing)),
        notes=observations.notes,
        shares=_shares(observations, cells, random=answer.random_shares),
    )


def _shares(observations: Observations, cells: TreatedCells, *, random: bool) -> CellShares:
    """Weighted unit-years of each cell as a share of all units."""
    weights = observations.wide.weights
    inside = np.zeros((observations.wide.n_units, len(cells)))
    unit, column = np.nonzero(cells.place >= 0)
    inside[unit, cells.place[unit, column]] = weights[unit]
    share = inside.mean(axis=0)
    return CellShares(share=share, deviation=inside - share if random else np.zeros_like(inside))


def _membership(observations: Observations, cells: TreatedCells) -> NDArray[np.int8]:
    """Treated units of each cell, and the units that are untreated in its year."""
    columns = np.searchsorted(observations.wide.years, cells.year)
    found = np.where(observations.untreated[:, columns], CONTROL, 0).astype(np.int8)
    unit, column = np.nonzero(cells.place >= 0)
    # A cell before treatment is made of untreated years: its own cohort is no control of it.
    own = observations.wide.cohort[:, None] == cells.cohort[None, :]
    found[own] = 0
    found[unit, cells.place[unit, column]] = TREATED
    return found
