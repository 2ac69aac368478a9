"""The commands that look and change nothing: plan, status, verify, diff.

Belongs here: their output. Does not belong here: the command line itself (`evaluation.cli`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluation.errors import TargetsFailedError
from evaluation.execution.assessment import Assessment, assess
from evaluation.execution.difference import difference
from evaluation.execution.kernels import EngineName
from evaluation.execution.plan import Plan
from evaluation.execution.reports import REPORTS_FILE
from evaluation.execution.runner import usable_cores
from evaluation.execution.status import status
from evaluation.execution.verify import choose_sample, verify
from evaluation.execution.withdrawal import unlisted
from evaluation.studies.project import Project

STATES = ("would run", "may run", "would be removed", "up to date")


def show_plan(plan: Plan, project: Project, *, as_json: bool) -> None:
    """Print each target that would run, and why."""
    assessment = assess(plan, project, ask=True)
    rows = [*assessment.as_rows(project.root), *_to_be_removed(assessment, plan, project)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        if row["state"] != "up to date":
            print(f"{row['target']:<28} {'; '.join(row['reasons'])}")
    states = [row["state"] for row in rows]
    counted = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
    print(f"{len(rows)} targets: {counted}")


def _to_be_removed(assessment: Assessment, plan: Plan, project: Project) -> list[dict[str, Any]]:
    return [
        {
            "target": record.target,
            "parameters": dict(record.parameters),
            "output": record.output,
            "state": "would be removed",
            "reasons": [f"no longer in config/{REPORTS_FILE}"],
        }
        for record in unlisted(assessment.book, plan.reports, project)
    ]


def show_status(plan: Plan, project: Project, *, as_json: bool) -> None:
    """Print what stands, and how the last run ended."""
    found = status(assess(plan, project), project)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for name in ("targets", "up to date", "stale", "absent"):
        print(f"{name:<12} {found[name]}")
    print(f"{'failed':<12} {len(found['failed'])} {', '.join(found['failed'])}".rstrip())
    if last := found["last_run"]:
        print(
            f"{'last run':<12} {last['started']}, {last['seconds']:.1f} s, {last['made']} made, "
            f"{last['not_made']} not made"
        )


def verify_sample(
    plan: Plan, project: Project, *, size: int, seed: int, jobs: int | None, engine: EngineName | None
) -> None:
    """Make a sample of the pages that stand again elsewhere, and print how they compare.

    Raises
    ------
    TargetsFailedError
        When a page differs or cannot be made, or none stands.
    """
    assessment = assess(plan, project)
    standing = [target for target in plan.targets if assessment.stands(target)]
    sample = choose_sample(standing, size=size, seed=seed)
    found = verify(
        sample,
        plan,
        project,
        freshness=assessment.freshness,
        jobs=jobs or usable_cores(),
        engine=engine,
    )
    for one in found:
        print(f"{one.outcome:<10} {one.target} {one.detail}".rstrip())
    left_out = len(plan.targets) - len(standing)
    print(f"{len(found)} pages made again; {left_out} that are not up to date were left out")
    wrong = [one for one in found if one.outcome != "same"]
    if wrong or not found:
        raise TargetsFailedError(f"{len(wrong)} of {len(found)} pages are not what their inputs give.")


def show_difference(old: Path, new: Path, *, as_json: bool) -> None:
    """Print the published numbers that changed."""
    changed = difference(old, new)
    if as_json:
        print(changed.to_json(orient="records", indent=1))
        return
    if len(changed):
        print(changed.to_string(index=False, na_rep="-", float_format="%.6g"))
    counts = changed["table"].value_counts()
    print(", ".join(f"{counts.get(name, 0)} {name} changed" for name in ("scores", "estimates")))
