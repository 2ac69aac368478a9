"""What is asked of the plan's estimates beside the estimates, as the table `impact_checks`.

Belongs here: which parts the table has. Does not belong here: the parts (`evaluation.studies.impact_inference`,
`.impact_diagnostics`, `.heterogeneity`, `.impact_power`), and the methods (`evaluation.impact`).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from evaluation.schema import IMPACT_CHECKS
from evaluation.studies.contamination import contamination_checks
from evaluation.studies.heterogeneity import heterogeneity_checks
from evaluation.studies.impact_diagnostics import diagnostic_checks
from evaluation.studies.impact_inference import inference_checks
from evaluation.studies.impact_power import power_checks
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.plain_regression import plain_regression_checks
from evaluation.studies.project import Project

PARTS: tuple[Callable[[StudyData], pd.DataFrame], ...] = (
    inference_checks,
    contamination_checks,
    plain_regression_checks,
    diagnostic_checks,
    heterogeneity_checks,
    power_checks,
)
"""Each returns rows of the table, its columns in any order and not all of them."""

TEXTS = ("element", "status")
"""Columns that are empty where a part does not fill them."""


def build_impact_checks(project: Project, indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the table `impact_checks` for the whole plan.

    Every check of a row of the plan has at least one row here for every outcome: numbers, or the reason why there
    are none, in ``status`` (``not_estimable:<reason>:<last year of the data>``).

    Parameters
    ----------
    project
        The project.
    indicators
        The figures that the plan names.
    """
    data = study_data(project, indicators, project.study_plan)
    table = pd.concat([part(data) for part in PARTS], ignore_index=True)
    table = table.reindex(columns=list(IMPACT_CHECKS.columns))
    return table.fillna({name: "" for name in TEXTS})
