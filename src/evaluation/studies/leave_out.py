"""The plan's headline estimates without each cohort and each province.

Belongs here: leaving parts out, one at a time, each time estimated anew. Does not belong here: the estimator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from evaluation.impact.panel import WidePanel, keep_units
from evaluation.impact.refits import refit
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.check_rows import (
    SINGLE_GROUP,
    check_row,
    cohorts_after,
    lacking_cohorts,
    missing_row,
)
from evaluation.studies.impact_fits import RowFit
from evaluation.studies.panels import StudyData


def without_cohort(fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield the estimate without each joining year; those left out still serve as controls while clean."""
    estimated = cohorts_after(fit.answer)
    for cohort in sorted(estimated):
        element = str(cohort - YEARS_TO_FIRST_EFFECT)
        others = tuple(sorted(estimated - {cohort}))
        if not others:
            yield missing_row(fit, "without_cohort", element, reason=SINGLE_GROUP)
            continue
        found = refit(wide, replace(fit.asked, cohorts=others))
        if found.reason:
            yield missing_row(fit, "without_cohort", element, reason=found.reason)
        else:
            yield check_row(fit, "without_cohort", element, found.numbers)


def without_province(data: StudyData, fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield the estimate without each province's regions, joiners and controls; the element is its name."""
    province = data.units["province"].reindex(wide.units).to_numpy(dtype=object)
    for one in sorted(set(province)):
        found = refit(keep_units(wide, province != one), fit.asked)
        if found.reason:
            yield missing_row(fit, "without_province", one, reason=found.reason)
        else:
            status = lacking_cohorts(fit, set(found.cohorts))
            yield check_row(fit, "without_province", one, found.numbers, status=status)
