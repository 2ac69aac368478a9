"""Makes a sample of pages again in another folder and compares them with those that stand.

Belongs here: choosing the sample and comparing. Does not belong here: making pages
(`evaluation.execution.pool`).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.execution.freshness import Freshness
from evaluation.execution.keeping import scratch_folder
from evaluation.execution.kernels import EngineName, choose_engine, warm_up
from evaluation.execution.linking import bare_hash
from evaluation.execution.plan import Plan, Target
from evaluation.execution.pool import ChildPool
from evaluation.execution.task import Job, Known, Publish
from evaluation.studies.project import Project

SAMPLE = 20


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What became of one page.

    Parameters
    ----------
    target
        Its name.
    outcome
        ``"same"``, ``"different"``, ``"absent"`` or ``"failed"``.
    detail
        Where it differs, or why it could not be made.
    """

    target: str
    outcome: str
    detail: str = ""


def choose_sample(targets: Sequence[Target], *, size: int | None, seed: int) -> list[Target]:
    """Return a sample of targets, the same for the same seed; all of them when `size` is None."""
    if size is None or size >= len(targets):
        return list(targets)
    chosen = set(random.Random(seed).sample(range(len(targets)), size))
    return [target for number, target in enumerate(targets) if number in chosen]


def verify(
    targets: Iterable[Target],
    plan: Plan,
    project: Project,
    *,
    freshness: Freshness,
    jobs: int,
    engine: EngineName | None = None,
    publish: Publish | None = None,
) -> list[Comparison]:
    """Make pages again, each alone, and compare their bytes, links between pages left out.

    Returns
    -------
    list of Comparison
        In the order in which they ended.
    """
    pool, found = ChildPool(jobs), []
    chosen = choose_engine(engine)
    if chosen == "warm" and publish is None:
        warm_up(project.root)
    with scratch_folder(project, use="verify") as folder:
        waiting = list(targets)
        by_name = {target.name: target for target in waiting}
        try:
            while waiting or not pool.is_idle:
                while waiting and pool.free:
                    target = waiting.pop(0)
                    job = _job(target, plan, project, freshness, folder, engine=target.engine or chosen)
                    pool.start(replace(job, publish=publish))
                for ended in pool.wait():
                    target = by_name[ended.job.target_name]
                    found.append(_compare(target, ended.job.output, ended.failure))
                    shutil.rmtree(ended.job.scratch)
        finally:
            pool.kill_all()
    return found


def _job(
    target: Target, plan: Plan, project: Project, freshness: Freshness, folder: Path, *, engine: EngineName
) -> Job:
    scratch = folder / "scratch" / target.file_stem
    scratch.mkdir(parents=True)
    return Job(
        target_name=target.name,
        notebook=target.notebook,
        parameters=target.parameters,
        language=target.language,
        output=folder / "reports" / target.output.relative_to(project.reports_dir),
        reports_root=folder / "reports",
        working_dir=target.notebook.parent,
        scratch=scratch,
        engine=engine,
        time_limit=target.time_limit or plan.time_limit,
        memory_limit=plan.memory_limit,
        known=Known(
            root=project.root,
            notebook=freshness.notebook(target.notebook),
            surroundings=freshness.surroundings,
        ),
    )


def _compare(target: Target, again: Path, failure: str | None) -> Comparison:
    if failure is not None:
        return Comparison(target=target.name, outcome="failed", detail=failure)
    if not target.output.is_file():
        return Comparison(target=target.name, outcome="absent")
    if bare_hash(again) == bare_hash(target.output):
        return Comparison(target=target.name, outcome="same")
    return Comparison(target=target.name, outcome="different", detail=_first_difference(target.output, again))


def _first_difference(stands: Path, again: Path) -> str:
    before, after = (path.read_bytes().splitlines() for path in (stands, again))
    for number, pair in enumerate(zip(before, after, strict=False), start=1):
        if pair[0] != pair[1]:
            return f"first in line {number}"
    return f"{len(before)} and {len(after)} lines"
