"""A checkout as a project: its folders, and its configuration read once.

Belongs here: where things are. Does not belong here: what is computed from them
(`evaluation.studies.processed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evaluation.catalog import Catalog, load_catalog
from evaluation.errors import UsageError
from evaluation.programme import Programme, read_programme
from evaluation.provenance import fingerprint_files
from evaluation.regions import Registry, read_registry
from evaluation.studies.reads import note

CONFIG_PARTS: dict[str, tuple[str, ...]] = {
    "catalog": ("pillars.yml", "sources.yml", "indicators/*.yml"),
    "registry": ("regions.csv", "region_changes.csv", "tilegrid.csv"),
    "programme": ("cohorts.csv", "unresolved.csv"),
    "study_plan": ("study_plan.yml",),
}
"""Parts of ``config/`` that are read, and noted, as one."""


@dataclass(frozen=True)
class Project:
    """The folders of a checkout, and its configuration.

    Parameters
    ----------
    root
        The folder that holds ``config/``, ``data/`` and ``notebooks/``.
    """

    root: Path

    @property
    def config_dir(self) -> Path:
        """All that a policy researcher may change."""
        return self.root / "config"

    @property
    def raw_dir(self) -> Path:
        """Figures as received, ``<source>/<vintage>/``."""
        return self.root / "data" / "raw"

    @property
    def processed_dir(self) -> Path:
        """Tables made from them."""
        return self.root / "data" / "processed"

    @property
    def notebooks_dir(self) -> Path:
        """The parameterised notebooks."""
        return self.root / "notebooks"

    @property
    def reports_dir(self) -> Path:
        """The pages."""
        return self.root / "reports"

    @cached_property
    def catalog(self) -> Catalog:
        """Pillars, indicators and sources."""
        note("config:catalog", config_state(self, "catalog"))
        return load_catalog(self.config_dir)

    @cached_property
    def registry(self) -> Registry:
        """All regions."""
        note("config:registry", config_state(self, "registry"))
        return read_registry(self.config_dir)

    @cached_property
    def programme(self) -> Programme:
        """Who joined when."""
        note("config:programme", config_state(self, "programme"))
        return read_programme(self.config_dir, self.registry)


def config_state(project: Project, part: str) -> str:
    """Return the hash of one part of the configuration (a key of `CONFIG_PARTS`)."""
    paths = [path for pattern in CONFIG_PARTS[part] for path in project.config_dir.glob(pattern)]
    return fingerprint_files(paths, root=project.root)


def open_project(root: Path | str | None = None) -> Project:
    """Return the project of a folder, or of the nearest folder above the working directory.

    Raises
    ------
    UsageError
        When there is no ``config/`` and ``notebooks/`` there.
    """
    start = Path(root) if root else Path.cwd()
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "config").is_dir() and (folder / "notebooks").is_dir():
            return Project(root=folder)
    raise UsageError(
        f"{start} is in no project: no folder with config/ and notebooks/ there or above. "
        "Change into the checkout, or name it."
    )


def region_codes(project: Project) -> tuple[str, ...]:
    """Return the codes of all regions, sorted."""
    return project.registry.codes
