"""Starts the parent of pages' processes while it is still being found out what must be made.

Finding out takes as long as loading the parent. Whether something will be made is guessed from times of change
alone; a wrong guess costs some time and nothing else.

Belongs here: the guess. Does not belong here: what must be made (`evaluation.execution.assessment`). Imported
before all that takes time, so it imports nothing that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluation.execution.kernels import PACKAGE_DIR, has_parent, warm_up

WATCHED = ("config", "notebooks", "data/raw")
LAST_ACT = "data/processed/links.json"
"""What a run writes last (`evaluation.execution.linking`)."""

FAILED = "reports/_failed"


def start_early(start: Path, *, notebook: str | None, certain: bool) -> bool:
    """Start the parent of a project's pages if something will be made, as far as can be seen at a glance.

    Parameters
    ----------
    start
        The project's folder or one in it.
    notebook
        The one notebook that was asked for, if one was.
    certain
        Whether something will be made in any case.

    Returns
    -------
    bool
        Whether this call has started it.
    """
    root = next((folder for folder in (start, *start.parents) if _is_project(folder)), None)
    if root is None or has_parent() or not (certain or is_work_likely(root)):
        return False
    warm_up(root, notebook=notebook)
    return True


def is_work_likely(root: Path) -> bool:
    """Tell whether a run was left unfinished or had failures, or something was touched since."""
    last = root / LAST_ACT
    if not last.is_file() or (root / FAILED).is_dir():
        return True
    then = last.stat().st_mtime_ns
    return any(path.stat().st_mtime_ns > then for path in _watched(root))


def _is_project(folder: Path) -> bool:
    return (folder / "config").is_dir() and (folder / "notebooks").is_dir()


def _watched(root: Path) -> Iterator[Path]:
    for folder in (PACKAGE_DIR, *(root / name for name in WATCHED)):
        yield from (path for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file())
