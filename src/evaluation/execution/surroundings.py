"""The present: code, packages, notebooks, data and configuration, by their hashes, taken once a run.

Taken before anything runs: whatever changes meanwhile differs from it, and is seen by the next run.

Belongs here: hashing what surrounds the targets. Does not belong here: what a target used of it
(`evaluation.execution.traces`) and whether it still holds (`evaluation.execution.freshness`).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.execution.reports import REPORTS_FILE
from evaluation.execution.traces import PACKAGE_DIR
from evaluation.provenance import fingerprint, fingerprint_files, package_versions, sha256_file
from evaluation.studies.kept import PRESENTATION
from evaluation.studies.project import Project

PRINTING_PACKAGES = (
    "babel",
    "ipython",
    "jinja2",
    "matplotlib",
    "nbclient",
    "nbconvert",
    "nbformat",
    "numpy",
    "pandas",
    "papermill",
    "pyarrow",
    "scipy",
    "seaborn",
    "statsmodels",
    "xlsxwriter",
)
"""Packages whose version can change what a page shows."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Hashes of the present.

    Parameters
    ----------
    code
        Every file of the package, as ``evaluation/charts/frame.py``, to its hash.
    packages
        Versions of Python and of the packages that print.
    inputs
        One hash over raw files, configuration and what computes from them: while it holds, no read changed.
    """

    code: Mapping[str, str]
    packages: Mapping[str, str]
    inputs: str


def look_around(project: Project) -> Surroundings:
    """Return the present state of everything."""
    code, packages = code_states(), versions()
    presenting = tuple(f"evaluation/{name}" for name in PRESENTATION)
    computing = {name: state for name, state in code.items() if not name.startswith(presenting)}
    config = [path for path in project.config_dir.rglob("*") if path.name != REPORTS_FILE]
    received = [path for path in [*config, *project.raw_dir.rglob("*")] if path.is_file()]
    files = fingerprint_files(received, root=project.root)
    return Surroundings(code=code, packages=packages, inputs=fingerprint(files, computing, packages))


def code_states() -> dict[str, str]:
    """Return the hash of every file of the package."""
    files = [path for path in PACKAGE_DIR.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {
        f"evaluation/{path.relative_to(PACKAGE_DIR).as_posix()}": sha256_file(path) for path in sorted(files)
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that print."""
    return {"python": platform.python_version(), **package_versions(PRINTING_PACKAGES)}


def notebook_state(path: Path) -> str:
    """Return the hash of a notebook's cells and their tags: not of outputs, counts or other metadata."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return fingerprint(
        [[cell_source(cell), cell["cell_type"], cell.get("metadata", {}).get("tags")] for cell in cells]
    )


def cell_source(cell: Mapping[str, str | list[str]]) -> str:
    """Return the text of a cell, which a notebook's file holds in one piece or in lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
