"""Makes the targets of a plan: in order, in parallel, and without losing what was there.

A failed target never stops the others; only targets that need it are left out, with the reason. What was made
before stays as it was when a target fails. Belongs here: the course of a run. Does not belong here: single
processes (`evaluation.execution.pool`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.execution.assessment import Assessment, assess
from evaluation.execution.freshness import Freshness
from evaluation.execution.interrupts import remembered_interrupts
from evaluation.execution.journal import RUN_NAME, TargetRecord, append_records, now, write_run
from evaluation.execution.keeping import KeptFiles, forget_failures, keep_failure, scratch_folder
from evaluation.execution.kernels import EngineName, choose_engine, warm_up
from evaluation.execution.linking import LinkPass
from evaluation.execution.manifest import MANIFEST_NAME, write_manifest
from evaluation.execution.outcome import page_record, target_record
from evaluation.execution.plan import Plan, Target
from evaluation.execution.pool import ChildPool, Ended
from evaluation.execution.present import (
    TablesFailedError,
    ask_in_child,
    file_stamps,
    read_checked,
    table_reads,
    tables_are_current,
    write_checked,
)
from evaluation.execution.progress import RunDisplay, open_display
from evaluation.execution.reports import REPORTS_FILE
from evaluation.execution.summary import TABLES, RunSummary, all_stand, as_content
from evaluation.execution.task import Job, Known, Part, Publish
from evaluation.execution.timeline import TIMELINE_NAME, write_timeline
from evaluation.execution.withdrawal import Withdrawn, unlisted, withdraw
from evaluation.provenance import remove_leftovers
from evaluation.studies.project import Project

SAID = (MANIFEST_NAME, RUN_NAME, TIMELINE_NAME)
"""Files in which a run tells of itself."""

Group = list[Target]
"""Pages of one execution of the analysis."""


def usable_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@remembered_interrupts()
def run_plan(
    plan: Plan,
    project: Project,
    *,
    jobs: int | None = None,
    engine: EngineName | None = None,
    publish: Publish | None = None,
    display: RunDisplay | None = None,
    assessment: Assessment | None = None,
) -> RunSummary:
    """Make the targets of a plan that do not stand, each after those it waits for.

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
    display
        Shows progress.
    assessment
        What is already known of the plan.

    Returns
    -------
    RunSummary
        With a record for every target, whatever became of it.
    """
    begun, started = time.monotonic(), now()
    chosen = choose_engine(engine)
    known = assessment or assess(plan, project)
    links = LinkPass(project.reports_dir, project.processed_dir, said=SAID)
    gone = unlisted(known.book, plan.reports, project)
    if known.nothing_to_do and not links.is_due and not gone:
        return all_stand(plan, chosen, begun)
    if chosen == "warm" and publish is None:
        warm_up(project.root)
    links.begin()
    remove_leftovers(project.processed_dir, project.reports_dir)
    known.book.tidy()
    forget_failures(project, plan.targets)
    withdrawn = [*withdraw(gone, known.book, plan.reports, project)]
    with scratch_folder(project, use="run") as scratch:
        run = _Run(
            project=project,
            plan=plan,
            engine=chosen,
            publish=publish,
            scratch=scratch,
            fresh=known.freshness,
            begun=begun,
        )
        with display or open_display(known.expected + len(withdrawn)) as shown:
            run.tell_withdrawn(withdrawn, shown)
            if run.make_tables(shown):
                run.work(ChildPool(jobs or usable_cores()), shown)
    run.link(links)
    summary = RunSummary(records=tuple(run.records), engine=chosen, seconds=time.monotonic() - begun)
    content = as_content(summary, plan, project, started)
    write_run(project.processed_dir, content)
    write_timeline(project.processed_dir, content, summary.records)
    remove_leftovers(project.processed_dir, project.reports_dir)
    links.end()
    return summary


@dataclass(kw_only=True)
class _Run:
    """A run under way: what waits, what has ended."""

    project: Project
    plan: Plan
    engine: EngineName
    publish: Publish | None
    scratch: Path
    fresh: Freshness
    begun: float
    records: list[TargetRecord] = field(default_factory=list)
    kept: dict[str, KeptFiles] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    made: list[Target] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Targets that were not made, with the failed targets that are the cause."""

    def tell_withdrawn(self, pages: Iterable[Withdrawn], display: RunDisplay) -> None:
        """Note the pages that no report makes any more, removed or left."""
        for page in pages:
            place = page.output.relative_to(self.project.root).as_posix()
            reason = f"no longer in config/{REPORTS_FILE}: {place}"
            left = "" if page.removed else " was left, because it was changed since it was made"
            self._note(
                page.target, display, status="removed" if page.removed else "left", reason=reason + left
            )

    def make_tables(self, display: RunDisplay) -> bool:
        """Build the library's tables that pages read, and learn what has changed in them."""
        plan, surroundings = self.plan, self.fresh.surroundings
        names = self.fresh.unanswered(plan.targets)
        if tables_are_current(self.project, plan.tables, surroundings) and not names:
            return True
        asked = sorted({*names, *table_reads(plan.tables)})
        if not asked:
            return True
        display.started(TABLES)
        started = time.monotonic()
        try:
            answers = ask_in_child(
                self.project,
                asked,
                engine=self.engine,
                time_limit=plan.time_limit,
                memory_limit=plan.memory_limit,
                scratch=self.scratch,
            )
        except TablesFailedError as problem:
            self._tables_failed(str(problem), display)
            return False
        self.fresh.answer(answers)
        stamps = file_stamps(self.project, plan.tables)
        checked = replace(read_checked(self.project.processed_dir), tables=surroundings.inputs, files=stamps)
        write_checked(self.project.processed_dir, checked)
        seconds = round(time.monotonic() - started, 3)
        self._note(TABLES, display, status="ok", seconds=seconds, started=started - self.begun)
        return True

    def _tables_failed(self, reason: str, display: RunDisplay) -> None:
        self._note(TABLES, display, status="failed", reason=reason)
        for target in self.plan.targets:
            self._note(target.name, display, status="not run", reason=f"needs {TABLES}, which failed")

    def work(self, pool: ChildPool, display: RunDisplay) -> None:
        """Start what is ready and take in what has ended, until nothing is left."""
        by_name = {target.name: target for target in self.plan.targets}
        awaited = {name for target in self.plan.targets for name in target.after}
        waiting, lost_before = deque(_grouped(self.plan.targets)), 0
        try:
            while waiting or not pool.is_idle:
                if len(self.lost) > lost_before and not awaited.isdisjoint(self.lost):
                    waiting = self._leave_out(waiting, display)
                lost_before = len(self.lost)
                self._start_ready(waiting, pool, display)
                if not pool.is_idle:
                    for ended in pool.wait():
                        self._take_in(ended, by_name, display)
        finally:
            pool.kill_all()
            # what is still kept belongs to targets that were interrupted
            for files in self.kept.values():
                files.restore()

    def link(self, links: LinkPass) -> None:
        """Make the links between pages right, and remember the pages as they are now."""
        touched = [*self.made, *self.fresh.touched]
        changed = {*links.finish(target.output for target in touched)}
        standing = [target for target in self.plan.targets if target.name in self.settled]
        self.fresh.touched += [target for target in standing if target.output in changed]
        self.fresh.confirm(standing)
        write_manifest(self.project, self.fresh, self.plan)

    def _leave_out(self, waiting: Iterable[Group], display: RunDisplay) -> deque[Group]:
        """Record targets that need one that was not made; return the others."""
        left: deque[Group] = deque()
        for group in waiting:
            causes = [cause for name in group[0].after for cause in self.lost.get(name, ())]
            if not causes:
                left.append(group)
                continue
            for target in group:
                self.lost[target.name] = tuple(dict.fromkeys(causes))
                reason = f"needs {', '.join(self.lost[target.name])}, which failed"
                self._note(target.name, display, status="not run", reason=reason)
        return left

    def _start_ready(self, waiting: deque[Group], pool: ChildPool, display: RunDisplay) -> None:
        """Take out and start groups whose prerequisites stand, as long as there is room."""
        passed_over: list[Group] = []
        while waiting and pool.free:
            group = waiting.popleft()
            if not self.settled.issuperset(group[0].after):
                passed_over.append(group)
                continue
            stale = [target for target in group if not self._stands(target)]
            if stale:
                self._start(stale, pool, display)
        waiting.extendleft(reversed(passed_over))

    def _stands(self, target: Target) -> bool:
        reasons = self.fresh.reasons(target)
        if target.forced or reasons:
            self.why[target.name] = "; ".join(reasons) or "asked for"
            return False
        self.settled.add(target.name)
        self.records.append(TargetRecord(target=target.name, fingerprint="", status="up to date"))
        return True

    def _start(self, targets: list[Target], pool: ChildPool, display: RunDisplay) -> None:
        first = targets[0]
        folder = self.scratch / first.file_stem
        folder.mkdir()
        if first.writes:
            self.kept[first.name] = KeptFiles.of(first.writes, folder / "kept")
        pool.start(self._job(targets, folder))
        display.started(first.name)

    def _job(self, targets: list[Target], scratch: Path) -> Job:
        own, *others = [
            Part(target_name=t.name, parameters=t.parameters, language=t.language, output=t.output)
            for t in targets
        ]
        return Job(
            **vars(own),
            also=tuple(others),
            notebook=targets[0].notebook,
            reports_root=self.project.reports_dir,
            working_dir=targets[0].notebook.parent,
            scratch=scratch,
            engine=targets[0].engine or self.engine,
            time_limit=targets[0].time_limit or self.plan.time_limit,
            memory_limit=self.plan.memory_limit,
            publish=self.publish,
            known=Known(
                root=self.project.root,
                notebook=self.fresh.notebook(targets[0].notebook),
                surroundings=self.fresh.surroundings,
            ),
        )

    def _take_in(self, ended: Ended, by_name: Mapping[str, Target], display: RunDisplay) -> None:
        kept = self.kept.pop(ended.job.target_name, None)
        if ended.failure is not None and kept is not None:
            kept.restore()
        pages = [(by_name[part.target_name], ended.of_page(part.target_name)) for part in ended.job.parts]
        self.fresh.book.keep(
            page_record(target, made, ended, self.fresh) for target, made in pages if made.failure is None
        )
        for number, (target, made) in enumerate(pages):
            if made.failure is None:
                self.settled.add(target.name)
                self.made.append(target)
            else:
                keep_failure(self.project, target, made.failure, ended.job.executed(number))
                self.lost[target.name] = (target.name,)
        outcomes = [
            target_record(ended, number, made, begun=self.begun, why=self.why.get(target.name, ""))
            for number, (target, made) in enumerate(pages)
        ]
        self._tell(outcomes, display)
        shutil.rmtree(ended.job.scratch)

    def _note(self, name: str, display: RunDisplay, **outcome: Any) -> None:
        self._tell([TargetRecord(target=name, fingerprint="", finished=now(), **outcome)], display)

    def _tell(self, records: list[TargetRecord], display: RunDisplay) -> None:
        append_records(self.project.processed_dir, records)
        self.records += records
        for record in records:
            display.ended(record)


def _grouped(targets: Iterable[Target]) -> list[Group]:
    groups: dict[tuple[str, tuple[str, ...]], Group] = {}
    for target in targets:
        groups.setdefault((target.group, target.after), []).append(target)
    return list(groups.values())
