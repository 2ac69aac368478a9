"""What several tests stand on: the project itself, and a copy of it that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluation.studies.project import Project

ROOT = Path(__file__).parents[1]
COPIED = ("config", "data/raw", "notebooks")


@pytest.fixture(scope="session")
def project() -> Project:
    """Return the project as it stands in the repository."""
    return Project(root=ROOT)


@pytest.fixture
def project_copy(tmp_path: Path) -> Project:
    """Return a copy of the project's inputs that a test may change."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return Project(root=tmp_path)
