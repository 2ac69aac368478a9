"""What a library read would give now, asked of a process of its own or of a scratch folder.

Answering means building the tables of ``data/processed/`` that are no longer those of the present data,
configuration and code. A run builds them where they belong, before any page; a plan builds them in a folder
that is thrown away.

Belongs here: when and where the question is asked. Does not belong here: the answer
(`evaluation.studies.states`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from evaluation.errors import EvaluationError
from evaluation.execution.interrupts import wait_attentively
from evaluation.execution.keeping import scratch_folder
from evaluation.execution.kernels import (
    ATTEMPTS,
    EngineName,
    describe_death,
    is_passing,
    kill_tree,
    limit_memory,
    settle_in,
    start_process,
)
from evaluation.execution.surroundings import Surroundings
from evaluation.provenance import write_bytes_atomically
from evaluation.studies.project import Project

CHECKED_NAME = "checked.json"
LOG_NAME = "tables.log"
LOG_LINES = 15


class TablesFailedError(EvaluationError):
    """The tables that pages read could not be built."""


@dataclass(frozen=True)
class ScratchProject(Project):
    """A project whose tables lie elsewhere.

    Parameters
    ----------
    scratch
        The folder of its tables.
    """

    scratch: Path

    @property
    def processed_dir(self) -> Path:
        """Tables made from the project's data, to be thrown away."""
        return self.scratch


def table_reads(tables: Iterable[str]) -> list[str]:
    """Return the names under which tables are read."""
    return [f"table:{name}" for name in tables]


def ask_on_the_side(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Return what reads would give now, and write nothing to the project."""
    from evaluation.studies import states

    with scratch_folder(project, use="plan") as folder:
        for table in project.processed_dir.glob("*.parquet"):
            shutil.copy2(table, folder)
        return states.current(ScratchProject(root=project.root, scratch=folder), names)


def ask_in_child(
    project: Project,
    names: Sequence[str],
    *,
    engine: EngineName,
    time_limit: float,
    memory_limit: float | None = None,
    scratch: Path,
) -> dict[str, str]:
    """Return what reads would give now; tables are built and kept by a child.

    A child whose process was killed from outside is followed by one more.

    Raises
    ------
    TablesFailedError
        When the child fails or exceeds its time.
    """
    log = scratch / LOG_NAME
    for _ in range(ATTEMPTS):
        asked = (project.root, list(names), log, memory_limit)
        process, answers = start_process(_answer, asked, engine=engine)
        try:
            if not wait_attentively([answers, process.sentinel], timeout=time_limit):
                raise TablesFailedError(f"time limit of {time_limit:g} s exceeded")
            return dict(answers.recv())
        except (EOFError, ConnectionError):
            process.join()
            if not is_passing(process.exitcode):
                break
        finally:
            kill_tree(process)
            answers.close()
    raise TablesFailedError(f"{describe_death(process.exitcode)}\n{_log_tail(log)}".strip())


def _answer(root: Path, names: list[str], log: Path, memory_limit: float | None, answers: Connection) -> None:
    """Answer as the whole life of the current process."""
    settle_in(log)
    if memory_limit:
        limit_memory(memory_limit)
    from evaluation.studies import states

    answers.send(states.current(Project(root=root), names))


def _log_tail(log: Path) -> str:
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found in order, and for which state of data, configuration and code.

    Parameters
    ----------
    inputs
        The state that passed `evaluation.studies.check.check_project`.
    lines
        What that said.
    tables
        The state that the tables were built from.
    files
        Size and time of change of each table when it was: one that somebody has touched since is looked at again.
    """

    inputs: str = ""
    lines: tuple[str, ...] = ()
    tables: str = ""
    files: Mapping[str, list[int]] = field(default_factory=dict)


def read_checked(processed_dir: Path) -> Checked:
    """Return what is known; nothing where the file is missing or not readable."""
    try:
        plain = json.loads((processed_dir / CHECKED_NAME).read_text(encoding="utf-8"))
        return Checked(
            inputs=plain["inputs"],
            lines=tuple(plain["lines"]),
            tables=plain["tables"],
            files=dict(plain.get("files", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Checked()


def write_checked(processed_dir: Path, checked: Checked) -> None:
    """Keep what was found."""
    plain: Mapping[str, object] = {**vars(checked), "lines": list(checked.lines)}
    content = json.dumps(plain, ensure_ascii=False, sort_keys=True)
    write_bytes_atomically(processed_dir / CHECKED_NAME, content.encode())


def tables_are_current(project: Project, tables: Sequence[str], surroundings: Surroundings) -> bool:
    """Tell whether all tables are there as they were built, and were built from the present."""
    if not tables:
        return True
    checked = read_checked(project.processed_dir)
    return checked.tables == surroundings.inputs and checked.files == file_stamps(project, tables)


def file_stamps(project: Project, tables: Iterable[str]) -> dict[str, list[int]]:
    """Return size and time of change of each table that is there."""
    paths = {name: project.processed_dir / f"{name}.parquet" for name in tables}
    found = {name: path.stat() for name, path in paths.items() if path.is_file()}
    return {name: [status.st_size, status.st_mtime_ns] for name, status in sorted(found.items())}
