"""What a run would do, and why: each target with its reasons, before anything is made.

Belongs here: looking at all targets at once. Does not belong here: comparing one with the present
(`evaluation.execution.freshness`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.execution.freshness import Freshness
from evaluation.execution.plan import Plan, Target
from evaluation.execution.present import ask_on_the_side, tables_are_current
from evaluation.execution.records import RecordBook
from evaluation.execution.surroundings import Surroundings, look_around
from evaluation.studies.project import Project


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A plan compared with the present.

    Parameters
    ----------
    plan
        The targets.
    freshness
        The comparison.
    reasons
        Name of a target to why it would run; nothing for one that stands.
    pending
        Names of targets that stand unless a target they wait for, or a table, turns out otherwise, with what
        that is.
    tables_are_current
        Whether the library's tables are those of the present.
    """

    plan: Plan
    freshness: Freshness
    reasons: Mapping[str, tuple[str, ...]]
    pending: Mapping[str, str]
    tables_are_current: bool

    @property
    def book(self) -> RecordBook:
        """What each page was made from."""
        return self.freshness.book

    @property
    def nothing_to_do(self) -> bool:
        """Whether every page stands, for certain."""
        certain = not any(self.reasons.values()) and not self.pending and not self.freshness.touched
        return certain and self.tables_are_current

    @property
    def expected(self) -> int:
        """How many targets will be made, as far as is known; those that may be are counted."""
        return sum(bool(self.reasons[t.name] or t.name in self.pending) for t in self.plan.targets) + (
            not self.tables_are_current
        )

    def stands(self, target: Target) -> bool:
        """Tell whether a page stands, for certain."""
        return not self.reasons[target.name] and target.name not in self.pending

    def as_rows(self, root: Path) -> list[dict[str, Any]]:
        """Return one mapping a target: what it is, its state, and why it would run."""
        return [
            {**row, "state": self._state(row["target"]), "reasons": self._why(row["target"])}
            for row in self.plan.as_rows(root)
        ]

    def _state(self, name: str) -> str:
        if self.reasons[name]:
            return "would run"
        return "may run" if name in self.pending else "up to date"

    def _why(self, name: str) -> list[str]:
        return [*self.reasons[name], *([self.pending[name]] if name in self.pending else [])]


def assess(
    plan: Plan, project: Project, *, surroundings: Surroundings | None = None, ask: bool = False
) -> Assessment:
    """Compare the targets of a plan with the present.

    Parameters
    ----------
    plan
        The targets.
    project
        The checkout; nothing is written to it.
    surroundings
        The present, where it is known already.
    ask
        Find out what reads would give now, even if that means building tables on the side.
    """
    present = surroundings or look_around(project)
    freshness = Freshness(project, present, RecordBook(project.processed_dir))
    current = tables_are_current(project, plan.tables, present)
    if ask and (names := freshness.unanswered(plan.targets)):
        freshness.answer(ask_on_the_side(project, names))
    reasons = {target.name: _reasons(target, freshness) for target in plan.targets}
    unknown = set(freshness.unanswered(plan.targets))
    pending: dict[str, str] = {}
    for target in plan.targets:
        record = freshness.book.get(target.name)
        if record is not None and record.inputs != present.inputs and unknown.intersection(record.reads):
            pending[target.name] = "may run: data, configuration or code changed"
        waits = [name for name in target.after if reasons.get(name) or name in pending]
        if waits:
            pending[target.name] = f"may run: depends on {', '.join(waits)}"
    return Assessment(
        plan=plan, freshness=freshness, reasons=reasons, pending=pending, tables_are_current=current
    )


def _reasons(target: Target, freshness: Freshness) -> tuple[str, ...]:
    return freshness.reasons(target) or (("asked for",) if target.forced else ())
