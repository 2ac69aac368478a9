"""What goes into a notebook's process and what comes out of it, in plain values that travel.

Belongs here: jobs and answers. Does not belong here: doing the job (`evaluation.execution.job`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evaluation.execution.kernels import EngineName
from evaluation.execution.records import PageFile
from evaluation.execution.surroundings import Surroundings
from evaluation.execution.traces import Trace

Publish = Callable[..., None]
EnginePath = Literal["warm", "warm, not preloaded", "ordinary"]
EXECUTED_NAME = "executed.ipynb"
LOG_NAME = "log.txt"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One page of a job: the notebook with one set of parameters.

    Parameters
    ----------
    target_name, parameters, language, output
        As in `evaluation.execution.plan.Target`.
    """

    target_name: str
    parameters: Mapping[str, Any]
    language: str
    output: Path


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the run knows of the present, so that a job need not look.

    Parameters
    ----------
    root
        The project's folder.
    notebook
        State of the notebook's cells.
    surroundings
        Code and versions.
    """

    root: Path
    notebook: str
    surroundings: Surroundings


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notebook to run and one page to make of it, in plain values; or the same in several languages.

    Parameters
    ----------
    target_name, notebook, parameters, language, output
        As in `evaluation.execution.plan.Target`.
    reports_root
        The folder of all pages.
    working_dir
        Where the cells run.
    scratch
        A folder of this job alone, for the executed notebook and the log.
    engine
        ``"warm"`` or ``"ordinary"``.
    time_limit
        Seconds for each page.
    memory_limit
        Megabytes that the process may take; as many as there are when None.
    fingerprint
        What stands on the page where nothing is known of the present.
    also
        More pages of the same notebook, made in the same process one after the other, so that an analysis which
        the library remembers is done once.
    known
        The present; what the notebook really used is noted only where it is given.
    keep_each_cell
        Save the executed notebook after each cell, so that something is left of a process that dies.
    publish
        Makes the page; `evaluation.reporting.page.publish` when None.
    """

    target_name: str
    notebook: Path
    parameters: Mapping[str, Any]
    language: str
    output: Path
    reports_root: Path
    working_dir: Path
    scratch: Path
    engine: EngineName
    time_limit: float
    memory_limit: float | None = None
    fingerprint: str = ""
    also: tuple[Part, ...] = ()
    known: Known | None = None
    keep_each_cell: bool = False
    publish: Publish | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All pages, the job's own first."""
        own = Part(
            target_name=self.target_name,
            parameters=self.parameters,
            language=self.language,
            output=self.output,
        )
        return (own, *self.also)

    @property
    def whole_limit(self) -> float:
        """Seconds for all pages together."""
        return self.time_limit * len(self.parts)

    def executed(self, number: int = 0) -> Path:
        """Return where an executed notebook is kept until the job is done."""
        return self.scratch / (f"executed-{number}.ipynb" if number else EXECUTED_NAME)

    @property
    def log(self) -> Path:
        """What the process printed outside of cells."""
        return self.scratch / LOG_NAME


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of one page.

    Parameters
    ----------
    target_name
        Its name.
    failure
        Where and how it failed; None when it was made.
    fingerprint
        What stands on it.
    page
        The file.
    messages
        Messages said for it, to the states of their translations.
    """

    target_name: str
    failure: str | None = None
    fingerprint: str = ""
    page: PageFile | None = None
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a job's process says before it ends.

    Parameters
    ----------
    path
        Which way the notebook ran.
    made
        One for each page.
    trace
        What was used.
    files
        Files that cells opened, to their hashes.
    """

    path: EnginePath
    made: tuple[Made, ...]
    trace: Trace = field(default_factory=Trace)
    files: Mapping[str, str] = field(default_factory=dict)
