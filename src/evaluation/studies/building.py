"""How each table of ``data/processed/`` is computed.

Belongs here: which function makes which table of which others. Does not belong here: the computing itself
(`evaluation.indicators`, `evaluation.studies.scores`, `.standing`, `.estimates`), nor keeping and reading tables
(`evaluation.studies.processed`), which page and notebook go through.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from evaluation.indicators import build_indicators
from evaluation.schema import (
    EDITION_FIGURES,
    ESTIMATES,
    IMPACT_CHECKS,
    INDICATORS,
    REGION_BESIDE,
    REGION_COMPARISON,
    REGION_GROUPS,
    REGION_INDICATORS,
    REGION_SERIES,
    REGION_STANDING,
    SCORES,
    SERIES_CHANGES,
    SERIES_SCORES,
    TableSchema,
)
from evaluation.studies import processed
from evaluation.studies.estimates import build_estimates
from evaluation.studies.impact_checks import build_impact_checks
from evaluation.studies.project import Project
from evaluation.studies.scores import Edition, score_editions
from evaluation.studies.series import ScoreSeries, score_series, series_changes, series_table
from evaluation.studies.standing import (
    all_groups,
    region_beside,
    region_comparison,
    region_indicators,
    region_series,
    region_standing,
)


def build_table(project: Project, schema: TableSchema) -> pd.DataFrame:
    """Compute a table from the tables and the configuration that it comes from."""
    return _BUILDERS[schema.name](project)


def _indicators(project: Project) -> pd.DataFrame:
    return build_indicators(processed.observations(project), project.catalog, project.corrections)


def _scores(project: Project) -> pd.DataFrame:
    return pd.concat([one.scores for one in _scored(project)], ignore_index=True)


def _edition_figures(project: Project) -> pd.DataFrame:
    figures = [one.figures.assign(edition=one.year) for one in _scored(project)]
    return pd.concat(figures, ignore_index=True)


def _scored(project: Project) -> tuple[Edition, ...]:
    return score_editions(
        processed.indicators(project),
        project.catalog,
        project.registry.codes,
        uncertainty=project.uncertainty,
    )


def _series(project: Project) -> ScoreSeries:
    return score_series(
        processed.indicators(project), catalog=project.catalog, regions=project.registry.codes
    )


def studied_figures(project: Project) -> pd.DataFrame:
    """Return the figures that the study plan names: all that estimates may be made from."""
    table = processed.indicators(project)
    # no other figure may have a part in them: `processed` does not ask whether another has changed
    named = table["indicator"].isin(project.study_plan.studied_indicators)
    return table[named].reset_index(drop=True)


def _by_edition(project: Project, build: Callable[[Edition, pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    groups = _groups(project)
    return pd.concat([build(one, groups) for one in processed.editions(project)], ignore_index=True)


def _groups(project: Project) -> pd.DataFrame:
    return processed.region_table(project, REGION_GROUPS).set_index("region_code")


_BUILDERS: dict[str, Callable[[Project], pd.DataFrame]] = {
    INDICATORS.name: _indicators,
    SCORES.name: _scores,
    EDITION_FIGURES.name: _edition_figures,
    ESTIMATES.name: lambda project: build_estimates(project, studied_figures(project)),
    IMPACT_CHECKS.name: lambda project: build_impact_checks(project, studied_figures(project)),
    SERIES_SCORES.name: lambda project: series_table(_series(project), project.uncertainty),
    SERIES_CHANGES.name: lambda project: series_changes(_series(project)),
    REGION_GROUPS.name: lambda project: all_groups(project, processed.indicators(project)).reset_index(),
    REGION_STANDING.name: lambda project: _by_edition(
        project, lambda one, groups: region_standing(one, groups, catalog=project.catalog)
    ),
    REGION_INDICATORS.name: lambda project: _by_edition(
        project, lambda one, groups: region_indicators(one, groups, catalog=project.catalog)
    ),
    REGION_BESIDE.name: lambda project: _by_edition(
        project,
        lambda one, groups: region_beside(
            processed.indicators(project), groups, catalog=project.catalog, year=one.year
        ),
    ),
    REGION_SERIES.name: lambda project: region_series(
        processed.indicators(project), _groups(project), outcomes=project.study_plan.shown_over_time
    ),
    REGION_COMPARISON.name: lambda project: region_comparison(
        project, processed.indicators(project), project.study_plan
    ),
}
