"""What the plan's row of plain two-way fixed effects is made of, and so why no headline rests on it.

Belongs here: its decomposition and its weights. Does not belong here: the methods (`evaluation.impact.bacon`,
`evaluation.impact.twfe`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from evaluation.errors import EvaluationError
from evaluation.impact import bacon, twfe_weights
from evaluation.studies.check_rows import check_row, missing_row
from evaluation.studies.impact_fits import NO_COMPARISON, RowFit, fit_row
from evaluation.studies.impact_inference import Numbers
from evaluation.studies.panels import StudyData
from evaluation.studies.plan import PLAIN

NOT_PLAIN = "covariates_or_anticipation"
"""Reason: the decomposition has neither, so its parts would not sum to the row's estimate."""


def plain_regression_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` with checks ``bacon`` and ``twfe_negative_weights``.

    For rows of the plan by plain two-way fixed effects. ``bacon`` (Goodman-Bacon 2021): by comparison (``element``), in
    ``estimate`` its average and in ``share`` its weight; element empty, their sum, which is the row's estimate when every
    region has every year, ``n_units`` those that do, and in ``share`` the weight of comparisons with regions already treated.
    ``twfe_negative_weights`` (de Chaisemartin and D'Haultfoeuille 2020): in ``share`` the absolute negative weights over
    all, in ``n_units`` the cells of cohort and year with one, in ``n_treated`` all cells.
    """
    plan = data.plan
    fits = (
        fit_row(data, design=design, row=row, outcome=outcome)
        for design in plan.designs
        for row in plan.rows_of(design)
        for outcome in plan.outcomes
        if plan.estimator_of(row) == PLAIN
    )
    return pd.DataFrame([row for fit in fits for row in _checks(fit)])


def _checks(fit: RowFit) -> Iterator[Numbers]:
    if fit.reason:
        yield check_row(fit, "bacon", status=fit.status)
        yield check_row(fit, "twfe_negative_weights", status=fit.status)
        return
    yield from _decomposed(fit)
    weights = twfe_weights(fit.panel.table, fit.asked)
    numbers = {
        "estimate": weights.coefficient,
        "share": abs(weights.negative_share),  # no weight below zero gives minus zero
        "n_units": float(weights.n_negative),
        "n_treated": float(len(weights.table)),
    }
    yield check_row(fit, "twfe_negative_weights", numbers=numbers)


def _decomposed(fit: RowFit) -> Iterator[Numbers]:
    if fit.asked.covariates or fit.asked.anticipation:
        yield missing_row(fit, "bacon", reason=NOT_PLAIN)
        return
    try:
        parts = bacon(fit.panel.table, fit.asked)
    except EvaluationError:
        yield missing_row(fit, "bacon", reason=NO_COMPARISON)
        return
    forbidden = float(parts.glance()["forbidden_weight"].iloc[0])
    whole = {"estimate": parts.coefficient, "share": forbidden, "n_units": float(_n_complete(fit))}
    yield check_row(fit, "bacon", numbers=whole)
    for part in parts.by_comparison().itertuples():
        numbers = {"estimate": part.estimate, "share": part.weight}
        yield check_row(fit, "bacon", str(part.comparison), numbers)


def _n_complete(fit: RowFit) -> int:
    """Joiners and controls with a figure in every year."""
    table = fit.panel.table
    taking_part = table[table["clean_control"] | table["cohort"].isin(fit.asked.cohorts or ())]
    return int((taking_part.groupby("region_code")["year"].nunique() == table["year"].nunique()).sum())
