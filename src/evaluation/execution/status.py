"""What stands: how many pages are up to date, and how the last run ended.

Belongs here: summing up. Does not belong here: the reasons of each page
(`evaluation.execution.assessment`).
"""

from __future__ import annotations

import json
from typing import Any

from evaluation.execution.assessment import Assessment
from evaluation.execution.journal import RUN_NAME, read_journal
from evaluation.studies.project import Project

LAST_RUN = ("started", "finished", "seconds", "made", "not_made", "up_to_date", "engine")


def status(assessment: Assessment, project: Project) -> dict[str, Any]:
    """Return counts of pages by state, the failures that still stand, and the last run.

    Returns
    -------
    dict
        ``targets``; ``up to date``, ``stale`` (there, but to be made again, or perhaps), ``absent`` (no page
        there); ``failed``: names of targets whose last attempt failed; ``last_run``.
    """
    journal = read_journal(project.processed_dir)
    counts = {"up to date": 0, "stale": 0, "absent": 0}
    failed = []
    for target in assessment.plan.targets:
        stands = assessment.stands(target)
        there = "stale" if target.output.is_file() else "absent"
        counts["up to date" if stands else there] += 1
        if not stands and target.name in journal and journal[target.name].status == "failed":
            failed.append(target.name)
    return {
        "targets": len(assessment.plan.targets),
        **counts,
        "failed": failed,
        "last_run": _last_run(project),
    }


def _last_run(project: Project) -> dict[str, Any]:
    try:
        content = json.loads((project.processed_dir / RUN_NAME).read_text(encoding="utf-8"))
        return {name: content[name] for name in LAST_RUN}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
