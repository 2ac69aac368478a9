"""Codes of the impact tables and remarks of the engine, in the reader's language.

Belongs here: why a check has no answer, what an answer lacks, what the engine remarks about a result. Does not belong
here: the same of an estimate (`evaluation.reporting.labels`), which regions' pages need as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from evaluation.impact.notes import Note
from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.plan import OutcomePlan, StudyPlan


def check_reason(row: pd.Series, labels: Labels) -> str:
    """Return why a row of `impact_checks` holds no answer, empty where it holds one."""
    status = str(row["status"])
    if not status.startswith(NOT_ESTIMABLE):
        return ""
    reason = status.split(":")[1]
    say = labels.words.say
    if reason == "too_few_treated" and pd.notna(row["n_treated"]):
        return say("too few regions ({n:n0})", n=row["n_treated"])
    own = {
        "no_years_before": say("no figures early enough before joining"),
        "base_years_differ": say("the joining years count from different distances; each is given by itself"),
        "single_group": say("nothing to compare with, or nothing left"),
        "size_exceeds_power": say("the tests sound false alarms more often than that"),
        "never_passes": say("so large a drift would always be found"),
        "singular_covariance": say("too few regions for so many comparisons"),
        "covariates_or_anticipation": say("the decomposition has neither traits nor years of anticipation"),
        "all_controls_unknown": say("all comparison regions could be unknown participants"),
    }
    return own.get(reason) or labels.not_estimable(status)


def check_remarks(status: str, plan: StudyPlan, labels: Labels) -> str:
    """Return what an answer lacks, from the status of a row of `impact_checks`; empty where it lacks nothing."""
    say, remarks = labels.words.say, []
    for kind, values in _parts(status):
        if kind == "without_islands":
            names = [
                labels.island_group(member)
                for group in values
                for member in plan.covariates.island_groups[group]
            ]
            remarks.append(say("without {islands}", islands=labels.words.listing(names)))
        elif kind == "without_cohort":
            remarks.append(say("without the {year} joiners", year=values[0]))
        elif kind == "ends":
            remarks.append(say("figures end in {year}", year=values[0]))
        elif kind == "extrapolated":
            remarks.append(say("changes over more than {n:n0} years extrapolated", n=int(values[0])))
    return "; ".join(remarks)


def _parts(status: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each remark of a status with its values: ``kind:value+value+kind:value``."""
    kind, values = "", list[str]()
    for part in filter(None, status.split("+")):
        name, colon, value = part.partition(":")
        if colon:
            if kind:
                yield kind, values
            kind, values = name, [value]
        else:
            values.append(part)
    if kind:
        yield kind, values


def check_text(row: pd.Series | None, outcome: OutcomePlan, plan: StudyPlan, labels: Labels) -> str:
    """Return the estimate of a check with its interval and what it lacks, or why there is none."""
    if row is None:
        return ""
    if pd.isna(row["estimate"]):
        return check_reason(row, labels)
    remark = check_remarks(str(row["status"]), plan, labels)
    return findings.interval_text(row, outcome, labels) + (f" [{remark}]" if remark else "")


def note_text(note: Note, labels: Labels) -> str:
    """Return a remark of the engine about a result.

    Raises
    ------
    KeyError
        For a remark that has no words here.
    """
    say = labels.words.say
    given: dict[str, Any] = note.values  # noqa: PD011 (a field of the remark, no table)
    if note.code == "always_treated":
        return say(
            "{n:n0} regions joined, or may have joined, in every year from {first_year:y} on and are left out.",
            **given,
        )
    if note.code == "never_observed":
        return say("{n:n0} regions have no figure in any year used and are left out.", **given)
    if note.code == "never_seen_untreated":
        return say("{n:n0} regions have no figure of a year before joining and are left out.", **given)
    if note.code == "base_fell_back":
        return say(
            "For effects from {cohort:y} on, {expected:y} has no figures; {base_year:y} is the base year.",
            **given,
        )
    if note.code == "as_if_never":
        return say(
            "{n:n0} regions that join after the figures end ({last_year:y}) count as not having joined.",
            **given,
        )
    if note.code == "covariate_missing":
        return say("{n:n0} regions lack a trait they are compared in and are left out there.", n=given["n"])
    if note.code == "last_cohort_controls":
        return say(
            "No region never joined: those with effects from {cohort:y} on, the last, serve until then.",
            **given,
        )
    if note.code == "stack_window":
        return say(
            "Each joining year is compared from {first:s0} to {last:s0} years around its first effect.",
            **given,
        )
    if note.code == "unbalanced":
        return say(
            "{n:n0} regions lack a figure in some year and are left out, for the parts need all years.",
            **given,
        )
    raise KeyError(note.code)
