"""A checkout as a project: its folders, and its configuration read once.

Belongs here: where things are. Does not belong here: what is computed from them
(`evaluation.studies.processed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from evaluation.catalog import Catalog, Correction, load_catalog, read_corrections
from evaluation.errors import UsageError
from evaluation.programme import Programme, read_programme
from evaluation.provenance import fingerprint_files
from evaluation.regions import Registry, read_registry
from evaluation.studies.plan import StudyPlan
from evaluation.studies.plan_faults import read_study_plan
from evaluation.studies.reads import note
from evaluation.studies.region_effects_plan import (
    REGION_EFFECTS_FILE,
    RegionEffectsPlan,
    read_region_effects_plan,
)
from evaluation.studies.uncertainty_plan import UNCERTAINTY_FILE, UncertaintyPlan, read_uncertainty_plan

CONFIG_PARTS: dict[str, tuple[str, ...]] = {
    "catalog": ("pillars.yml", "sources.yml", "indicators/*.yml"),
    "registry": ("regions.csv", "region_changes.csv", "tilegrid.csv", "name_aliases.csv"),
    "programme": ("cohorts.csv", "unresolved.csv"),
    "study_plan": ("study_plan.yml",),
    "region_effects": (REGION_EFFECTS_FILE,),
    "uncertainty": (UNCERTAINTY_FILE,),
    "corrections": ("corrections/*.yml",),
    "ministry": ("ministry_evaluation.yml",),
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

    @property
    def catalog(self) -> Catalog:
        """Pillars, indicators and sources."""
        note("config:catalog", self._config_states["catalog"])
        return self._catalog

    @property
    def registry(self) -> Registry:
        """All regions."""
        note("config:registry", self._config_states["registry"])
        return self._registry

    @property
    def programme(self) -> Programme:
        """Who joined when."""
        note("config:registry", self._config_states["registry"])
        note("config:programme", self._config_states["programme"])
        return self._programme

    @property
    def study_plan(self) -> StudyPlan:
        """Which effects are estimated."""
        for part in ("catalog", "registry", "study_plan"):
            note(f"config:{part}", self._config_states[part])
        return self._study_plan

    @property
    def region_effects(self) -> RegionEffectsPlan:
        """How each joiner's own effect is estimated."""
        for part in ("catalog", "registry", "study_plan", "region_effects"):
            note(f"config:{part}", self._config_states[part])
        return self._region_effects

    @property
    def uncertainty(self) -> UncertaintyPlan:
        """Which choices behind the scores are varied."""
        note("config:uncertainty", self._config_states["uncertainty"])
        return self._uncertainty

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """Known errors and disputes of publishers' figures."""
        for part in ("catalog", "registry", "corrections"):
            note(f"config:{part}", self._config_states[part])
        return self._corrections

    @cached_property
    def _config_states(self) -> dict[str, str]:
        return {part: config_state(self, part) for part in CONFIG_PARTS}

    @cached_property
    def _catalog(self) -> Catalog:
        return _catalog(self.config_dir, self._config_states["catalog"])

    @cached_property
    def _registry(self) -> Registry:
        return _registry(self.config_dir, self._config_states["registry"])

    @cached_property
    def _programme(self) -> Programme:
        states = self._config_states
        return _programme(self.config_dir, states["registry"], states["programme"])

    @cached_property
    def _study_plan(self) -> StudyPlan:
        states = self._config_states
        return _study_plan(self.config_dir, states["catalog"], states["registry"], states["study_plan"])

    @cached_property
    def _region_effects(self) -> RegionEffectsPlan:
        names = ("catalog", "registry", "study_plan", "region_effects")
        return _region_effects(self.config_dir, *(self._config_states[name] for name in names))

    @cached_property
    def _corrections(self) -> tuple[Correction, ...]:
        states = self._config_states
        return _corrections(self.config_dir, states["catalog"], states["registry"], states["corrections"])

    @cached_property
    def _uncertainty(self) -> UncertaintyPlan:
        return _uncertainty(self.config_dir, self._config_states["uncertainty"])


# Projects opened one after the other in a process share what they read while the files stay the same. The states
# only tell one content from another.


@lru_cache(maxsize=2)
def _catalog(config_dir: Path, _state: str) -> Catalog:
    return load_catalog(config_dir)


@lru_cache(maxsize=2)
def _registry(config_dir: Path, _state: str) -> Registry:
    return read_registry(config_dir)


@lru_cache(maxsize=2)
def _programme(config_dir: Path, registry_state: str, _state: str) -> Programme:
    return read_programme(config_dir, _registry(config_dir, registry_state))


@lru_cache(maxsize=2)
def _study_plan(config_dir: Path, catalog_state: str, registry_state: str, _state: str) -> StudyPlan:
    return read_study_plan(
        config_dir, _catalog(config_dir, catalog_state), registry=_registry(config_dir, registry_state)
    )


@lru_cache(maxsize=2)
def _region_effects(
    config_dir: Path, catalog_state: str, registry_state: str, plan_state: str, _state: str
) -> RegionEffectsPlan:
    plan = _study_plan(config_dir, catalog_state, registry_state, plan_state)
    return read_region_effects_plan(config_dir, plan)


@lru_cache(maxsize=2)
def _corrections(
    config_dir: Path, catalog_state: str, registry_state: str, _state: str
) -> tuple[Correction, ...]:
    return read_corrections(
        config_dir,
        catalog=_catalog(config_dir, catalog_state),
        regions=_registry(config_dir, registry_state).codes,
    )


@lru_cache(maxsize=2)
def _uncertainty(config_dir: Path, _state: str) -> UncertaintyPlan:
    return read_uncertainty_plan(config_dir)


def config_state(project: Project, part: str) -> str:
    """Return the hash of one part of the configuration (a key of `CONFIG_PARTS`)."""
    return files_state(project, "config", CONFIG_PARTS[part])


def files_state(project: Project, folder: str, patterns: tuple[str, ...]) -> str:
    """Return the hash of the files of a folder that match, taken again only when one was touched, came or went."""
    key = (project.root, folder, patterns)
    if _LOOKED_AT is not None and key in _LOOKED_AT:
        return _LOOKED_AT[key]
    paths = {path for pattern in patterns for path in (project.root / folder).glob(pattern)}
    found = [(path, path.stat()) for path in sorted(paths) if path.is_file()]
    state = _files_state(project.root, tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in found))
    if _LOOKED_AT is not None:
        _LOOKED_AT[key] = state
    return state


@lru_cache(maxsize=16)
def _files_state(root: Path, touched: tuple[tuple[Path, int, int], ...]) -> str:
    return fingerprint_files([path for path, _, _ in touched], root=root)


_LOOKED_AT: dict[tuple[Path, str, tuple[str, ...]], str] | None = None


def look_once() -> None:
    """Take every file of the project in this process as it is found first: for a process that makes pages and ends.

    What changes meanwhile differs from what the run found at its beginning, so the next run sees it.
    """
    global _LOOKED_AT
    _LOOKED_AT = {}


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
