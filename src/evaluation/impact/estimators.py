"""One call for every estimator of a design.

Belongs here: the choice by name. Does not belong here: any estimator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import numpy as np
import pandas as pd

from evaluation.errors import UsageError
from evaluation.impact.design import GROUP_TIME_ESTIMATORS, Design
from evaluation.impact.did import att_gt_of
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import IntervalOptions, Intervals
from evaluation.impact.observations import Observations, TreatedCells, choose_observations
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.impact.regression_result import CellAnswer, assemble
from evaluation.impact.saturated import extended_twfe, imputation, sun_abraham, two_stage
from evaluation.impact.stacked import stacked

REGRESSIONS: dict[str, Callable[..., AttGtResult]] = {
    "sun_abraham": sun_abraham,
    "etwfe": extended_twfe,
    "imputation": imputation,
    "two_stage": two_stage,
    "stacked": stacked,
}
"""Estimators of effects by cohort and year that regress on unit and year effects."""


def estimate_effects(
    panel: pd.DataFrame, design: Design, **intervals: Unpack[IntervalOptions]
) -> AttGtResult:
    """Estimate effects by cohort and year with the design's estimator.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    **intervals
        Fields of `Intervals`: band, draws, seed, multiplier, level.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        For ``"twfe"``, which has no effects by cohort and year.
    """
    controls_needed = design.estimator in GROUP_TIME_ESTIMATORS
    wide = read_panel(panel, design, controls_needed=controls_needed)
    return effects_of(wide, design, intervals=Intervals(**intervals))


def effects_of(wide: WidePanel, design: Design, *, intervals: Intervals) -> AttGtResult:
    """Estimate effects by cohort and year from a checked panel, see `estimate_effects`.

    Parameters
    ----------
    wide, design
        The panel as arrays, and the study.
    intervals
        How intervals are made.
    """
    if design.estimator in GROUP_TIME_ESTIMATORS:
        return att_gt_of(wide, design, intervals=intervals)
    if design.estimator == "twfe":
        raise UsageError(
            "Two-way fixed effects give one coefficient, not effects by cohort and year: use run_did."
        )
    return REGRESSIONS[design.estimator](choose_observations(wide, design), intervals=intervals)


def without_cells(observations: Observations) -> AttGtResult:
    """Return a result without cells: what was asked, and what has no estimate.

    Parameters
    ----------
    observations
        The unit-years.
    """
    none = np.empty(0, dtype=np.int64)
    cells = TreatedCells(cohort=none, year=none, place=np.full(observations.used.shape, -1))
    influence = np.empty((observations.wide.n_units, 0))
    answer = CellAnswer(np.empty(0), influence, none, random_shares=False)
    return assemble(observations, cells, answer, intervals=Intervals())
