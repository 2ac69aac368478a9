"""What became of a run: counts, and what is written of it.

Belongs here: summing up. Does not belong here: the run itself (`evaluation.execution.runner`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from evaluation.execution.journal import TargetRecord, now
from evaluation.execution.kernels import EngineName
from evaluation.execution.plan import Plan
from evaluation.studies.project import Project

TABLES = "tables"
"""Name of the step that builds what all pages read."""


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
        return tuple(record for record in self.records if record.status in ("failed", "not run"))

    @property
    def made(self) -> int:
        """How many pages were made."""
        return sum(record.status == "ok" and record.target != TABLES for record in self.records)

    @property
    def standing(self) -> int:
        """How many pages needed no making."""
        return sum(record.status == "up to date" for record in self.records)

    @property
    def paths(self) -> tuple[str, ...]:
        """The ways in which notebooks really ran."""
        return tuple(sorted({record.path for record in self.records if record.path}))


def all_stand(plan: Plan, engine: EngineName, begun: float) -> RunSummary:
    """Return the summary of a run that had nothing to make."""
    records = [TargetRecord(target=t.name, fingerprint="", status="up to date") for t in plan.targets]
    return RunSummary(records=tuple(records), engine=engine, seconds=time.monotonic() - begun)


def as_content(summary: RunSummary, plan: Plan, project: Project, started: str) -> dict[str, Any]:
    """Return what ``run.json`` says: the run, and each target that did not stand."""
    rows = {row["target"]: row for row in plan.as_rows(project.root)}
    return {
        "started": started,
        "finished": now(),
        "seconds": round(summary.seconds, 3),
        "engine": summary.engine,
        "paths": list(summary.paths),
        "made": summary.made,
        "up_to_date": summary.standing,
        "not_made": len(summary.not_made),
        "targets": [
            {
                **rows.get(record.target, {"target": record.target}),
                **{key: value for key, value in vars(record).items() if key != "target"},
            }
            for record in summary.records
            if record.status != "up to date"
        ],
    }
