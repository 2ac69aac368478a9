"""What to look at before believing the plan's headline estimates, as rows of `impact_checks`.

Belongs here: which questions are asked of which designs. Does not belong here: the questions
(`evaluation.studies.parallel_trends`, `.leave_out`, `.spillovers`, `.composition`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from evaluation.impact import benjamini_hochberg
from evaluation.schema import IMPACT_CHECKS
from evaluation.studies.check_rows import check_row
from evaluation.studies.composition import attrition, composition
from evaluation.studies.impact_fits import RowFit, fit_row, wide_panel
from evaluation.studies.leave_out import without_cohort, without_province
from evaluation.studies.panels import StudyData
from evaluation.studies.parallel_trends import HONEST_CHECKS, honest_intervals, placebo_rows, power_before
from evaluation.studies.plan import HEADLINE_ROW
from evaluation.studies.spillovers import Ring, ring_effects, rings_around

HEADLINE_CHECKS = tuple(check for pair in HONEST_CHECKS.values() for check in pair)
"""Codes that only the headline designs have."""
CHECKS = (
    "pretrend_power",
    "placebo_date",
    "without_cohort",
    "without_province",
    "ring",
    "attrition",
    "composition",
)
"""Codes that every design has, at least one row for each outcome."""


def diagnostic_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` on parallel trends, parts left out, spill-over and who is in the estimate.

    For the headline row of every design and outcome. An outcome without an estimate has one row a check, with the
    estimate's own status. `p_adjusted` of a ring is Benjamini-Hochberg over all rings and outcomes of its design.
    """
    plan = data.plan
    row = plan.row(HEADLINE_ROW)
    rows: list[dict[str, object]] = []
    for design in (*plan.designs, *plan.other_cohorts):
        rings = rings_around(data, design)
        for outcome in plan.outcomes:
            fit = fit_row(data, design=design, row=row, outcome=outcome)
            rows.extend(_checks(data, fit, rings, headline=design in plan.designs))
    table = pd.DataFrame(rows, columns=list(IMPACT_CHECKS.columns))
    p_value = table["p_value"].where(table["check"] == "ring").astype(float)
    return table.assign(p_adjusted=p_value.groupby(table["design"]).transform(benjamini_hochberg))


def _checks(
    data: StudyData, fit: RowFit, rings: tuple[Ring, ...], *, headline: bool
) -> Iterator[dict[str, object]]:
    if fit.reason:
        codes = (*CHECKS, *(HEADLINE_CHECKS if headline else ()))
        yield from (check_row(fit, check, status=fit.status) for check in codes)
        return
    wide = wide_panel(fit)
    yield from power_before(fit, wide)
    if headline:
        yield from honest_intervals(fit, wide)
    yield from placebo_rows(fit, wide)
    yield from without_cohort(fit, wide)
    yield from without_province(data, fit, wide)
    yield from ring_effects(fit, wide, rings)
    yield from attrition(fit, wide)
    yield from composition(data, fit, wide)
