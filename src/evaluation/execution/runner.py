"""Makes the targets of a plan: in order, in parallel, and without losing what was there.

A failed target never stops the others; only targets that need it are left out, with the reason. What was made
before stays as it was when a target fails. Belongs here: the course of a run. Does not belong here: single
processes (`evaluation.execution.pool`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from evaluation.execution.job import Job, Publish
from evaluation.execution.journal import TargetRecord, append_record, now, write_run
from evaluation.execution.kernels import EngineName, choose_engine
from evaluation.execution.plan import Plan, Target
from evaluation.execution.pool import ChildPool, Ended
from evaluation.execution.progress import RunDisplay, open_display
from evaluation.provenance import write_bytes_atomically
from evaluation.studies.project import Project

FAILED_FOLDER = "_failed"
Finish = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What became of all targets of a run.

    Parameters
    ----------
    records
        One for each target, in the order in which they ended.
    engine
        The engine that targets without one of their own were given.
    seconds
        From start to end.
    """

    records: tuple[TargetRecord, ...]
    engine: EngineName
    seconds: float

    @property
    def not_made(self) -> tuple[TargetRecord, ...]:
        """The targets that failed or were not run."""
        return tuple(record for record in self.records if record.status != "ok")

    @property
    def paths(self) -> tuple[str, ...]:
        """The ways in which notebooks really ran."""
        return tuple(sorted({record.path for record in self.records if record.path}))


def usable_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_plan(
    plan: Plan,
    project: Project,
    *,
    jobs: int | None = None,
    engine: EngineName | None = None,
    publish: Publish | None = None,
    finish: Finish | None = None,
    display: RunDisplay | None = None,
) -> RunSummary:
    """Make all targets of a plan.

    Parameters
    ----------
    plan
        The targets.
    project
        Where they go.
    jobs
        How many at the same time; the number of usable cores when None.
    engine
        ``"warm"`` or ``"ordinary"``; the fast one where it is safe when None.
    publish
        Makes a page of an executed notebook; `evaluation.reporting.page.publish` when None.
    finish
        Called with the folder of pages when all targets have ended, for what needs all of them.
    display
        Shows progress.

    Returns
    -------
    RunSummary
        With a record for every target, whatever became of it.
    """
    begun, started = time.monotonic(), now()
    chosen = choose_engine(engine)
    _forget_failures(project, plan.targets)
    with tempfile.TemporaryDirectory(prefix="evaluation-run-") as scratch:
        run = _Run(project=project, plan=plan, engine=chosen, publish=publish, scratch=Path(scratch))
        with display or open_display(len(plan.targets)) as shown:
            run.work(ChildPool(jobs or usable_cores()), shown)
    if finish is not None:
        finish(project.reports_dir)
    summary = RunSummary(records=tuple(run.records), engine=chosen, seconds=time.monotonic() - begun)
    write_run(project.processed_dir, _as_content(summary, plan, project, started))
    return summary


@dataclass(kw_only=True)
class _Run:
    """A run under way: what waits, what has ended."""

    project: Project
    plan: Plan
    engine: EngineName
    publish: Publish | None
    scratch: Path
    records: list[TargetRecord] = field(default_factory=list)
    kept: dict[str, _KeptFiles] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Targets that were not made, with the failed targets that are the cause."""

    def work(self, pool: ChildPool, display: RunDisplay) -> None:
        """Start what is ready and take in what has ended, until nothing is left."""
        by_name = {target.name: target for target in self.plan.targets}
        waiting = list(self.plan.targets)
        try:
            while waiting or not pool.is_idle:
                if self.lost:
                    waiting = self._leave_out(waiting, display)
                for target in list(islice(self._ready(waiting), pool.free)):
                    waiting.remove(target)
                    self._start(target, pool, display)
                if not pool.is_idle:
                    for ended in pool.wait():
                        self._take_in(by_name[ended.job.target_name], ended, display)
        finally:
            pool.kill_all()
            # what is still kept belongs to targets that were interrupted
            for files in self.kept.values():
                files.restore()

    def _leave_out(self, waiting: list[Target], display: RunDisplay) -> list[Target]:
        """Record targets that need one that was not made; return the others."""
        left: list[Target] = []
        for target in waiting:
            causes = [cause for name in target.after for cause in self.lost.get(name, ())]
            if causes:
                self.lost[target.name] = tuple(dict.fromkeys(causes))
                self._record(
                    target,
                    display,
                    status="not run",
                    reason=f"needs {', '.join(self.lost[target.name])}, which failed",
                )
            else:
                left.append(target)
        return left

    def _ready(self, waiting: Iterable[Target]) -> Iterator[Target]:
        return (target for target in waiting if self.made.issuperset(target.after))

    def _start(self, target: Target, pool: ChildPool, display: RunDisplay) -> None:
        folder = self.scratch / target.file_stem
        folder.mkdir()
        if target.writes:
            self.kept[target.name] = _KeptFiles.of(target.writes, folder / "kept")
        pool.start(self._job(target, folder))
        display.started(target.name)

    def _job(self, target: Target, scratch: Path) -> Job:
        return Job(
            target_name=target.name,
            notebook=target.notebook,
            parameters=target.parameters,
            language=target.language,
            fingerprint=target.fingerprint,
            output=target.output,
            reports_root=self.project.reports_dir,
            working_dir=target.notebook.parent,
            scratch=scratch,
            engine=target.engine or self.engine,
            time_limit=self.plan.time_limit,
            publish=self.publish,
        )

    def _take_in(self, target: Target, ended: Ended, display: RunDisplay) -> None:
        kept = self.kept.pop(target.name, None)
        if ended.failure is not None:
            if kept is not None:
                kept.restore()
            _keep_failure(self.project, target, ended)
            self.lost[target.name] = (target.name,)
        self._record(
            target,
            display,
            status="ok" if ended.failure is None else "failed",
            reason=ended.failure or "",
            seconds=round(ended.seconds, 3),
            path=ended.path,
            attempts=ended.attempts,
        )
        shutil.rmtree(ended.job.scratch)

    def _record(self, target: Target, display: RunDisplay, **outcome: Any) -> None:
        record = TargetRecord(target=target.name, fingerprint=target.fingerprint, finished=now(), **outcome)
        append_record(self.project.processed_dir, record)
        self.records.append(record)
        if record.status == "ok":
            self.made.add(record.target)
        display.ended(record)


@dataclass(frozen=True)
class _KeptFiles:
    """Copies of the tables that a target will write, in case it fails half way."""

    copies: tuple[tuple[Path, Path | None], ...]

    @classmethod
    def of(cls, paths: Iterable[Path], folder: Path) -> _KeptFiles:
        folder.mkdir()
        pairs: list[tuple[Path, Path | None]] = []
        for number, path in enumerate(paths):
            copy = folder / f"{number}-{path.name}" if path.is_file() else None
            if copy is not None:
                shutil.copy2(path, copy)
            pairs.append((path, copy))
        return cls(tuple(pairs))

    def restore(self) -> None:
        for path, copy in self.copies:
            if copy is None:
                path.unlink(missing_ok=True)
            elif path.read_bytes() != copy.read_bytes() if path.is_file() else True:
                write_bytes_atomically(path, copy.read_bytes())


def _keep_failure(project: Project, target: Target, ended: Ended) -> None:
    """Keep the executed notebook of a failed target, and what is known of the failure beside it."""
    folder = project.reports_dir / FAILED_FOLDER
    write_bytes_atomically(folder / f"{target.file_stem}.txt", f"{ended.failure}\n".encode())
    if ended.job.executed.is_file():
        write_bytes_atomically(folder / f"{target.file_stem}.ipynb", ended.job.executed.read_bytes())


def _forget_failures(project: Project, targets: Iterable[Target]) -> None:
    """Remove what an earlier run kept of failures of these targets."""
    folder = project.reports_dir / FAILED_FOLDER
    for target in targets:
        for ending in (".txt", ".ipynb"):
            (folder / f"{target.file_stem}{ending}").unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _as_content(summary: RunSummary, plan: Plan, project: Project, started: str) -> dict[str, Any]:
    rows = {row["target"]: row for row in plan.as_rows(project.root)}
    return {
        "started": started,
        "finished": now(),
        "seconds": round(summary.seconds, 3),
        "engine": summary.engine,
        "paths": list(summary.paths),
        "made": len(summary.records) - len(summary.not_made),
        "not_made": len(summary.not_made),
        "targets": [
            {**rows[record.target], **{key: value for key, value in vars(record).items() if key != "target"}}
            for record in summary.records
        ],
    }
