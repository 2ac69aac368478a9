"""What outlives a failure: the tables as they were, the executed notebook, and what is known of the failure.

A notebook of a user may write tables by itself; copies are put back when it fails half way. The library's own
tables need none: they are written whole (`evaluation.studies.kept`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evaluation.execution.plan import Target
from evaluation.provenance import FINGERPRINT_DIGITS, fingerprint, is_running, write_bytes_atomically
from evaluation.studies.project import Project

FAILED_FOLDER = "_failed"
Use = Literal["run", "plan", "verify"]
SCRATCH_NAME = re.compile(r"evaluation-(?:run|plan|verify)-[0-9a-f]+-(?P<process>\d+)-.+")


@dataclass(frozen=True)
class KeptFiles:
    """Files and their copies; None for one that was not there.

    Parameters
    ----------
    copies
        Pairs of both.
    """

    copies: tuple[tuple[Path, Path | None], ...]

    @classmethod
    def of(cls, paths: Iterable[Path], folder: Path) -> KeptFiles:
        """Copy files into a new folder."""
        folder.mkdir()
        pairs: list[tuple[Path, Path | None]] = []
        for number, path in enumerate(paths):
            copy = folder / f"{number}-{path.name}" if path.is_file() else None
            if copy is not None:
                shutil.copy2(path, copy)
            pairs.append((path, copy))
        return cls(tuple(pairs))

    def restore(self) -> None:
        """Put back what has changed."""
        for path, copy in self.copies:
            if copy is None:
                path.unlink(missing_ok=True)
            elif path.read_bytes() != copy.read_bytes() if path.is_file() else True:
                write_bytes_atomically(path, copy.read_bytes())


@contextlib.contextmanager
def scratch_folder(project: Project, *, use: Use) -> Iterator[Path]:
    """Make a folder for one command, and remove it afterwards; first of all those that killed commands left.

    Its name says of which project it is, for what, and of which process.
    """
    mark = fingerprint(str(project.root.resolve()))[:FINGERPRINT_DIGITS]
    for left in Path(tempfile.gettempdir()).glob(f"evaluation-*-{mark}-*"):
        owner = SCRATCH_NAME.fullmatch(left.name)
        if owner and not is_running(int(owner["process"])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"evaluation-{use}-{mark}-{os.getpid()}-") as folder:
        yield Path(folder)


def keep_failure(project: Project, target: Target, failure: str, executed: Path) -> None:
    """Keep the executed notebook of a failed target, and what is known of the failure beside it."""
    folder = project.reports_dir / FAILED_FOLDER
    write_bytes_atomically(folder / f"{target.file_stem}.txt", f"{failure}\n".encode())
    if executed.is_file():
        write_bytes_atomically(folder / f"{target.file_stem}.ipynb", executed.read_bytes())


def forget_failures(project: Project, targets: Iterable[Target]) -> None:
    """Remove what an earlier run kept of failures of these targets."""
    folder = project.reports_dir / FAILED_FOLDER
    for target in targets:
        for ending in (".txt", ".ipynb"):
            (folder / f"{target.file_stem}{ending}").unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
