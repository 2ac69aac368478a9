"""Rows of the table `impact_checks`.

Belongs here: how an answer about one row of the plan is filed. Does not belong here: the answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.impact import AttGtResult
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.impact_fits import RowFit, not_estimable

NO_YEARS_BEFORE = "no_years_before"
"""Nothing was observed early enough before the base year."""
BASE_YEARS_DIFFER = "base_years_differ"
"""Cohorts whose base years lie at different distances have no event study together; each has its own."""
SINGLE_GROUP = "single_group"
"""There is nothing to compare a group with, or nothing left without it."""


def check_row(
    fit: RowFit,
    check: str,
    element: str = "",
    numbers: Mapping[str, object] | None = None,
    *,
    status: str = "",
) -> dict[str, object]:
    """Return one row of the table.

    Parameters
    ----------
    fit
        The row of the plan that was asked about.
    check, element
        Codes of what was asked.
    numbers
        Columns of numbers.
    status
        Empty, or a code.
    """
    key = {"design": fit.design.code, "row": fit.row.code, "outcome": fit.outcome.indicator}
    return {**key, "check": check, "element": element, "status": status, **(numbers or {})}


def missing_row(fit: RowFit, check: str, element: str = "", *, reason: str) -> dict[str, object]:
    """Return the row of a question without an answer, with its reason."""
    return check_row(fit, check, element, status=not_estimable(reason, fit.panel.last_year))


def lacking_cohorts(fit: RowFit, found: set[int]) -> str:
    """Return the status that names the joining years that an answer lacks, empty when it has them all."""
    after = cohorts_after(fit.answer)
    return "+".join(f"without_cohort:{g - YEARS_TO_FIRST_EFFECT}" for g in sorted(after - found))


def cohorts_after(result: AttGtResult) -> set[int]:
    """Return the cohorts that have an effect from their first year on."""
    after = result.table["event_time"].to_numpy() >= 0
    return set(result.table["cohort"].to_numpy()[after].astype(int).tolist())
