"""The tables of ``data/processed/``, each by its name.

Belongs here: which table comes from what. Does not belong here: how tables are kept (`evaluation.studies.kept`) or
computed (`evaluation.indicators`, `evaluation.studies.scores`, `.standing`, `.estimates`).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from evaluation.errors import UsageError
from evaluation.indicators import build_indicators
from evaluation.provenance import fingerprint
from evaluation.schema import (
    EDITION_FIGURES,
    ESTIMATES,
    INDICATORS,
    REGION_BESIDE,
    REGION_COMPARISON,
    REGION_GROUPS,
    REGION_INDICATORS,
    REGION_SERIES,
    REGION_STANDING,
    SCORES,
    TableSchema,
)
from evaluation.sources import read_observations
from evaluation.studies.estimates import build_estimates, study_plan
from evaluation.studies.kept import inputs_state, keep, raw_state
from evaluation.studies.project import Project
from evaluation.studies.reads import note, unrecorded
from evaluation.studies.scores import Edition, edition_from_tables, score_editions
from evaluation.studies.standing import (
    all_groups,
    region_beside,
    region_comparison,
    region_indicators,
    region_series,
    region_standing,
)

DATA = ("catalog", "registry")
"""Parts of the configuration that figures and scores come from."""
STUDY = (*DATA, "programme", "study_plan")
"""Parts of the configuration that estimates come from."""


def observations(project: Project) -> pd.DataFrame:
    """Return all received figures, checked at the door."""
    note("raw", raw_state(project))
    return read_observations(project.raw_dir, catalog=project.catalog, registry=project.registry)


def indicators(project: Project) -> pd.DataFrame:
    """Return the table `indicators`."""
    return keep(
        project,
        schema=INDICATORS,
        inputs=inputs_state(project, *DATA),
        build=lambda: build_indicators(observations(project), project.catalog),
    )


def edition(project: Project, year: int) -> Edition:
    """Return one edition, from the tables `scores` and `edition_figures`.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    check_edition(project, year)
    return edition_from_tables(scores(project), edition_figures(project), catalog=project.catalog, year=year)


def editions(project: Project) -> tuple[Edition, ...]:
    """Return every edition of the configuration."""
    return tuple(edition(project, year) for year in project.catalog.framework.edition_years)


def check_edition(project: Project, year: int) -> None:
    """Raise `UsageError` when there is no such edition."""
    known = project.catalog.framework.edition_years
    if year not in known:
        raise UsageError(
            f"edition {year} is not in config/pillars.yml; there are {', '.join(map(str, known))}"
        )


def scores(project: Project) -> pd.DataFrame:
    """Return the table `scores`: all editions."""
    return keep(
        project,
        schema=SCORES,
        inputs=inputs_state(project, *DATA),
        build=lambda: pd.concat([one.scores for one in _scored(project)], ignore_index=True),
    )


def edition_figures(project: Project) -> pd.DataFrame:
    """Return the table `edition_figures`: the figures behind the scores of all editions."""
    return keep(
        project,
        schema=EDITION_FIGURES,
        inputs=inputs_state(project, *DATA),
        build=lambda: pd.concat(
            [one.figures.assign(edition=one.year) for one in _scored(project)], ignore_index=True
        ),
    )


def estimates(project: Project) -> pd.DataFrame:
    """Return the table `estimates`: every design, row and outcome of the study plan."""
    return keep(
        project,
        schema=ESTIMATES,
        inputs=inputs_state(project, *STUDY),
        build=lambda: build_estimates(project, indicators(project)),
    )


def design_estimates(project: Project, design: str) -> pd.DataFrame:
    """Return the rows of `estimates` of one design, and note that these were read and no others."""
    with unrecorded():
        table = estimates(project)
    note(f"estimates:{design}", design_state(project, design))
    return table[table["design"] == design].reset_index(drop=True)


def design_state(project: Project, design: str) -> str:
    """Return the hash of one design's estimates."""
    with unrecorded():
        table = estimates(project)
    rows = table[table["design"] == design]
    return fingerprint(rows.to_csv(index=False, lineterminator="\n").encode())


def region_table(project: Project, schema: TableSchema) -> pd.DataFrame:
    """Return one of the tables that regions' pages are made of, for all regions and editions."""
    return keep(
        project,
        schema=schema,
        inputs=inputs_state(project, *STUDY),
        build=lambda: _REGION_BUILDERS[schema.name](project),
    )


def _scored(project: Project) -> tuple[Edition, ...]:
    return score_editions(indicators(project), project.catalog, project.registry.codes)


def _by_edition(project: Project, build: Callable[[Edition, pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    groups = _groups(project)
    return pd.concat([build(one, groups) for one in editions(project)], ignore_index=True)


def _groups(project: Project) -> pd.DataFrame:
    return region_table(project, REGION_GROUPS).set_index("region_code")


_REGION_BUILDERS: dict[str, Callable[[Project], pd.DataFrame]] = {
    REGION_GROUPS.name: lambda project: all_groups(project, indicators(project)).reset_index(),
    REGION_STANDING.name: lambda project: _by_edition(
        project, lambda one, groups: region_standing(one, groups, catalog=project.catalog)
    ),
    REGION_INDICATORS.name: lambda project: _by_edition(
        project, lambda one, groups: region_indicators(one, groups, catalog=project.catalog)
    ),
    REGION_BESIDE.name: lambda project: _by_edition(
        project,
        lambda one, groups: region_beside(
            indicators(project), groups, catalog=project.catalog, year=one.year
        ),
    ),
    REGION_SERIES.name: lambda project: region_series(
        indicators(project), _groups(project), outcomes=study_plan(project).shown_over_time
    ),
    REGION_COMPARISON.name: lambda project: region_comparison(
        project, indicators(project), study_plan(project)
    ),
}
