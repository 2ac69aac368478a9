"""The tables of ``data/processed/``, each by its name.

Belongs here: which table comes from what. Does not belong here: how tables are kept (`evaluation.studies.kept`) or
computed (`evaluation.studies.building`, imported when a table is built: a page that only reads does not depend on
how figures are computed).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.errors import UsageError
from evaluation.provenance import fingerprint
from evaluation.schema import (
    EDITION_FIGURES,
    ESTIMATES,
    IMPACT_CHECKS,
    INDICATORS,
    SCORES,
    SERIES_CHANGES,
    SERIES_SCORES,
    TableSchema,
)
from evaluation.studies.kept import (
    code_state,
    inputs_state,
    keep,
    keep_rows,
    make_current,
    packages_state,
    part_state,
    raw_state,
)
from evaluation.studies.project import Project, config_state
from evaluation.studies.reads import note, unrecorded

if TYPE_CHECKING:
    from evaluation.studies.scores import Edition

DATA = ("catalog", "registry", "corrections")
"""Parts of the configuration that figures come from."""
RANKED = (*DATA, "uncertainty")
"""Parts of the configuration that scores and their ranks come from."""
STUDY = (*DATA, "programme", "study_plan")
"""Parts of the configuration that estimates come from."""
ESTIMATING = ("evaluation.studies.estimates", "evaluation.schema")
"""Modules that estimates come from, with all that they import."""
CHECKING = ("evaluation.studies.impact_checks", "evaluation.schema")
"""Modules that checks of estimates come from, with all that they import."""
OWN_EFFECTS = ("evaluation.studies.region_effects", "evaluation.schema")
"""Modules that joiners' own effects come from, with all that they import."""
STANDING = (*STUDY, "uncertainty")
"""Parts of the configuration that regions' pages come from."""


def observations(project: Project) -> pd.DataFrame:
    """Return all received figures, checked at the door."""
    from evaluation.sources import read_observations

    note("raw", raw_state(project))
    return read_observations(project.raw_dir, catalog=project.catalog, registry=project.registry)


def indicators(project: Project) -> pd.DataFrame:
    """Return the table `indicators`."""
    return keep(
        project,
        schema=INDICATORS,
        inputs=inputs_state(project, *DATA),
        build=partial(_build, project, INDICATORS),
    )


def _make_indicators(project: Project) -> None:
    make_current(
        project,
        schema=INDICATORS,
        inputs=inputs_state(project, *DATA),
        build=partial(_build, project, INDICATORS),
    )


def edition(project: Project, year: int) -> Edition:
    """Return one edition, from the tables `scores` and `edition_figures`.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    from evaluation.studies.scores import edition_from_tables

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
        inputs=inputs_state(project, *RANKED),
        build=partial(_build, project, SCORES),
    )


def edition_figures(project: Project) -> pd.DataFrame:
    """Return the table `edition_figures`: the figures behind the scores of all editions."""
    return keep(
        project,
        schema=EDITION_FIGURES,
        inputs=inputs_state(project, *RANKED),
        build=partial(_build, project, EDITION_FIGURES),
    )


def estimates(project: Project) -> pd.DataFrame:
    """Return the table `estimates`: every design, row and outcome of the study plan."""
    return keep(
        project,
        schema=ESTIMATES,
        inputs=_estimates_inputs(project),
        build=partial(_build, project, ESTIMATES),
    )


def design_estimates(project: Project, design: str) -> pd.DataFrame:
    """Return the rows of `estimates` of one design, and note that these were read and no others."""
    with unrecorded():
        table = keep_rows(
            project,
            schema=ESTIMATES,
            inputs=_estimates_inputs(project),
            build=partial(_build, project, ESTIMATES),
            column="design",
            value=design,
        )
    note(f"estimates:{design}", part_state(project, ESTIMATES, design))
    return table


def design_state(project: Project, design: str) -> str:
    """Return the hash of one design's estimates."""
    with unrecorded():
        _make_estimates(project)
    return part_state(project, ESTIMATES, design)


def impact_checks(project: Project) -> pd.DataFrame:
    """Return the table `impact_checks`: what is asked of the plan's estimates beside the estimates."""
    return keep(
        project,
        schema=IMPACT_CHECKS,
        inputs=study_inputs(project, CHECKING),
        build=partial(_build, project, IMPACT_CHECKS),
    )


def design_checks(project: Project, design: str) -> pd.DataFrame:
    """Return the rows of `impact_checks` of one design, and note that these were read and no others."""
    with unrecorded():
        table = keep_rows(
            project,
            schema=IMPACT_CHECKS,
            inputs=study_inputs(project, CHECKING),
            build=partial(_build, project, IMPACT_CHECKS),
            column="design",
            value=design,
        )
    note(f"impact_checks:{design}", part_state(project, IMPACT_CHECKS, design))
    return table


def checks_state(project: Project, design: str) -> str:
    """Return the hash of the checks of one design's estimates."""
    with unrecorded():
        make_current(
            project,
            schema=IMPACT_CHECKS,
            inputs=study_inputs(project, CHECKING),
            build=partial(_build, project, IMPACT_CHECKS),
        )
    return part_state(project, IMPACT_CHECKS, design)


def series_scores(project: Project) -> pd.DataFrame:
    """Return the table `series_scores`: pillars and dimensions in every year of the series."""
    return region_table(project, SERIES_SCORES)


def series_changes(project: Project) -> pd.DataFrame:
    """Return the table `series_changes`: what moved each pillar's score over the series."""
    return region_table(project, SERIES_CHANGES)


def region_table(project: Project, schema: TableSchema) -> pd.DataFrame:
    """Return one of the tables that regions' pages are made of, for all regions and editions."""
    return keep(
        project,
        schema=schema,
        inputs=inputs_state(project, *STANDING),
        build=partial(_build, project, schema),
    )


def region_rows(project: Project, schemas: Iterable[TableSchema], region_code: str) -> list[pd.DataFrame]:
    """Return one region's rows of such tables, for all editions; whoever reads them notes what it uses."""
    inputs = inputs_state(project, *STANDING)
    return [
        keep_rows(
            project,
            schema=schema,
            inputs=inputs,
            build=partial(_build, project, schema),
            column="region_code",
            value=region_code,
        )
        for schema in schemas
    ]


def _make_estimates(project: Project) -> None:
    make_current(
        project,
        schema=ESTIMATES,
        inputs=_estimates_inputs(project),
        build=partial(_build, project, ESTIMATES),
    )


def _estimates_inputs(project: Project) -> str:
    return study_inputs(project, ESTIMATING)


def study_inputs(project: Project, modules: tuple[str, ...]) -> str:
    """Return the fingerprint of what estimates and their checks come from, among the figures only those that the plan names.

    They take longer than all else together, so a change of another figure or of code they do not use leaves them.
    """
    with unrecorded():
        _make_indicators(project)
        used = [
            [code, part_state(project, INDICATORS, code)] for code in project.study_plan.studied_indicators
        ]
    config = [config_state(project, part) for part in ("catalog", "registry", "programme", "study_plan")]
    return fingerprint(used, config, code_state(*modules), packages_state())


def look_at_code() -> None:
    """Take the states of code and packages that inputs are made of; the process remembers them."""
    code_state()
    code_state(*ESTIMATING)
    code_state(*CHECKING)
    code_state(*OWN_EFFECTS)
    packages_state()


def _build(project: Project, schema: TableSchema) -> pd.DataFrame:
    from evaluation.studies.building import build_table

    return build_table(project, schema)
