"""How complete the lists of participants are.

Belongs here: what the lists hold against what the ministry announced. Does not belong here: who is on them
(`evaluation.programme`).
"""

from __future__ import annotations

from evaluation.provenance import fingerprint
from evaluation.studies.project import Project
from evaluation.studies.reads import note, unrecorded

INCOMPLETE_YEARS = "incomplete_years"
"""The name under which a page notes that it read which lists are incomplete."""


def incomplete_years(project: Project) -> tuple[int, ...]:
    """Return the years whose lists name far fewer participants than were announced.

    Noted by itself: a page that prints these years does not hang on each entry of the lists.
    """
    years = _incomplete_years(project)
    note(INCOMPLETE_YEARS, fingerprint(years))
    return years


def incomplete_years_state(project: Project) -> str:
    """Return the hash of what `incomplete_years` would give now."""
    return fingerprint(_incomplete_years(project))


def _incomplete_years(project: Project) -> tuple[int, ...]:
    with unrecorded():
        counts = project.programme.entries["joined"].value_counts()
        return project.study_plan.incomplete_years({int(year): int(n) for year, n in counts.items()})
