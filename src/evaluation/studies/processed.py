"""Tables of ``data/processed/``: made once, kept, and made again exactly when what they come from changed.

Each table is one parquet file that carries the fingerprint of its inputs: raw files, configuration, the code
of the library and the versions of the packages that compute. A table whose fingerprint still holds is read;
any other is built and written whole. So a notebook can be run by hand in any order and never reads a stale
table.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import evaluation
from evaluation.errors import UsageError
from evaluation.indicators import build_indicators
from evaluation.provenance import fingerprint, fingerprint_files, package_versions, write_bytes_atomically
from evaluation.schema import EDITION_FIGURES, ESTIMATES, INDICATORS, SCORES, TableSchema, conform
from evaluation.sources import read_observations
from evaluation.studies.estimates import build_estimates
from evaluation.studies.project import Project
from evaluation.studies.scores import Edition, edition_from_tables, score_editions

FINGERPRINT_KEY = b"fingerprint"
PACKAGES = ("numpy", "pandas", "pyarrow", "pydantic", "scipy", "statsmodels")
PRESENTATION = ("charts", "reporting", "execution", "tables.py", "cli.py")
"""Parts of the package that decide how results look and never what they are."""
SCORING_CONFIG = ("pillars.yml", "sources.yml", "indicators/*.yml", "regions.csv", "region_changes.csv")
IMPACT_CONFIG = ("study_plan.yml", "cohorts.csv", "unresolved.csv", "tilegrid.csv")


def observations(project: Project) -> pd.DataFrame:
    """Return all received figures, checked at the door."""
    return read_observations(project.raw_dir, catalog=project.catalog, registry=project.registry)


def indicators(project: Project) -> pd.DataFrame:
    """Return the table `indicators`."""
    return _kept(
        project,
        schema=INDICATORS,
        inputs=data_fingerprint(project),
        build=lambda: build_indicators(observations(project), project.catalog),
    )


def edition(project: Project, year: int) -> Edition:
    """Return one edition, from the tables `scores` and `edition_figures`.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    known = project.catalog.framework.edition_years
    if year not in known:
        raise UsageError(
            f"edition {year} is not in config/pillars.yml; there are {', '.join(map(str, known))}"
        )
    return edition_from_tables(scores(project), edition_figures(project), catalog=project.catalog, year=year)


def editions(project: Project) -> tuple[Edition, ...]:
    """Return every edition of the configuration."""
    return tuple(edition(project, year) for year in project.catalog.framework.edition_years)


def scores(project: Project) -> pd.DataFrame:
    """Return the table `scores`: all editions."""
    return _kept(
        project,
        schema=SCORES,
        inputs=data_fingerprint(project),
        build=lambda: pd.concat([one.scores for one in _scored(project)], ignore_index=True),
    )


def edition_figures(project: Project) -> pd.DataFrame:
    """Return the table `edition_figures`: the figures behind the scores of all editions."""
    return _kept(
        project,
        schema=EDITION_FIGURES,
        inputs=data_fingerprint(project),
        build=lambda: pd.concat(
            [one.figures.assign(edition=one.year) for one in _scored(project)], ignore_index=True
        ),
    )


def estimates(project: Project) -> pd.DataFrame:
    """Return the table `estimates`: every design, row and outcome of the study plan."""
    return _kept(
        project,
        schema=ESTIMATES,
        inputs=fingerprint(data_fingerprint(project), config_fingerprint(project, IMPACT_CONFIG)),
        build=lambda: build_estimates(project, indicators(project)),
    )


def data_fingerprint(project: Project) -> str:
    """Return the fingerprint of raw files, scoring configuration, code and package versions."""
    raw = [path for path in project.raw_dir.rglob("*") if path.is_file()]
    return fingerprint(
        fingerprint_files(raw, root=project.root),
        config_fingerprint(project, SCORING_CONFIG),
        code_fingerprint(),
        package_versions(PACKAGES),
    )


def config_fingerprint(project: Project, patterns: Iterable[str]) -> str:
    """Return the fingerprint of configuration files."""
    paths = [path for pattern in patterns for path in project.config_dir.glob(pattern)]
    return fingerprint_files(paths, root=project.root)


@cache
def code_fingerprint() -> str:
    """Return the fingerprint of the library's code, without what only presents results."""
    root = Path(evaluation.__file__).parent
    computing = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in PRESENTATION]
    return fingerprint_files(computing, root=root)


def _scored(project: Project) -> tuple[Edition, ...]:
    return score_editions(indicators(project), project.catalog, project.registry.codes)


def _kept(
    project: Project, *, schema: TableSchema, inputs: str, build: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    path = project.processed_dir / f"{schema.name}.parquet"
    if path.is_file() and (pq.read_schema(path).metadata or {}).get(FINGERPRINT_KEY) == inputs.encode():
        return pd.read_parquet(path)
    table = conform(build(), schema)
    write_bytes_atomically(path, _parquet_bytes(table, inputs))
    return table


def _parquet_bytes(table: pd.DataFrame, inputs: str) -> bytes:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), FINGERPRINT_KEY: inputs.encode()})
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()
