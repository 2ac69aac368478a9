"""The report of one region: what is known of it, in words, and what its page is made of.

Belongs here: opening a region's report, and its sentences. Does not belong here: its figures and tables
(`evaluation.reporting.region_figures`, `evaluation.reporting.region_tables`) or what they are computed from
(`evaluation.studies.profile`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from evaluation.catalog import Language
from evaluation.reporting import findings
from evaluation.reporting.errata import errata
from evaluation.reporting.labels import Labels
from evaluation.reporting.method import scoring_sentences
from evaluation.reporting.method_choices import interval_sentences
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.reporting.region_programme import average_effects, design_of, participation_sentences
from evaluation.schema import INDEX_CODE
from evaluation.studies import processed
from evaluation.studies.plan import StudyPlan
from evaluation.studies.profile import RegionProfile
from evaluation.studies.project import Project, open_project
from evaluation.studies.regional import read_profile
from evaluation.studies.states import global_state

CODE_LENGTH = 4
"""Digits of a region code; papermill hands over -p region_code 1101 as a number."""


@dataclass(frozen=True)
class RegionReport:
    """One region in one edition, in one language.

    Parameters
    ----------
    profile
        Where the region stands.
    labels
        Words of the language.
    estimates
        Rows of `estimates` of the design of its joining year; none where it never joined.
    plan
        The study plan.
    """

    profile: RegionProfile
    labels: Labels
    estimates: pd.DataFrame
    plan: StudyPlan

    @property
    def project(self) -> Project:
        """The project."""
        return self.labels.project

    def lead(self) -> Prose:
        """Return where the region stands and how sure that is."""
        return Prose(findings.region_lead(self.profile, self.labels))

    def errata(self) -> Prose | None:
        """Return which figures of the region were corrected or are disputed, None where none is."""
        return errata(self.profile.corrections, self.labels)

    def peers(self) -> Prose:
        """Return who the region is compared with."""
        say, groups = self.labels.words.say, self.profile.groups
        if not groups["population_class"]:
            return Prose(say("Its population is not known, so it has no group of regions like it."))
        return paragraph(
            say(
                "Regions like it are the {n:n0} other regions of its type ({kind}) and size: "
                "{size}, by the population of {year:y} ({population:n0}), the latest there is.",
                n=self.profile.group_sizes["peers"],
                kind=self.labels.region_type(str(self.profile.region["type"])),
                size=self.labels.population_class(groups["population_class"]).lower(),
                year=groups["population_year"],
                population=groups["population"],
            )
        )

    def changes(self) -> Prose:
        """Return how each main outcome moved, in figures."""
        say = self.labels.words.say
        intro = say("First and last figure of each outcome by one method, as published, without a cause:")
        return Prose(intro + "\n\n" + bullets(self.change_sentences()).text)

    def programme(self) -> Prose:
        """Return when the region joined, with whom, and what is doubtful."""
        return paragraph(*participation_sentences(self.profile, labels=self.labels))

    def average_effects(self) -> Prose:
        """Return what is known of the average effect for regions that joined when it did."""
        return average_effects(self.profile, self.estimates, plan=self.plan, labels=self.labels)

    def method(self) -> Prose:
        """Return how the page was made, in a few sentences."""
        say = self.labels.words.say
        return paragraph(
            *scoring_sentences(self.labels)[:2],
            say(
                "Missing figures stay missing, and regions are compared only with regions that have figures for the same "
                "dimensions. Effects are averages over groups of joiners, estimated against regions that had not yet or "
                "never joined."
            ),
            interval_sentences(self.labels)[0],
        )

    def own_missing(self) -> Prose:
        """Return which figures of this edition the region itself lacks."""
        say = self.labels.words.say
        lacking = self.profile.indicators[self.profile.indicators["value"].isna()]["indicator"]
        if lacking.empty:
            return Prose(say("The region has a figure for every indicator of this edition."))
        names = [self.labels.indicator(code) for code in lacking]
        return Prose(
            say(
                "Other regions have these figures, this one has none: {names}.",
                names=self.labels.words.listing(names),
            )
        )

    @property
    def pillar_rows(self) -> pd.DataFrame:
        """The pillars of the profile, without the overall index."""
        return self.profile.pillars[self.profile.pillars["code"] != INDEX_CODE]

    def missing_pillar_reason(self, code: str) -> str:
        """Return why a pillar or the overall index has no score."""
        say = self.labels.words.say
        if code == INDEX_CODE:
            return say("too few pillars with figures")
        if self.profile.region["autonomous"] != "yes" and code == "governance":
            return say("an administrative part of the capital: no budget and no council of its own")
        return say("no figures for this region in this edition")

    def change_sentences(self) -> list[str]:
        """Return a sentence on each outcome that has at least two figures by one method."""
        sentences = [
            findings.outcome_change(code, self.profile.series, self.labels)
            for code in self.plan.shown_over_time
        ]
        return [sentence for sentence in sentences if sentence] or [
            self.labels.words.say("There are no usable figures over time.")
        ]


def open_region_report(
    region_code: str | int, *, edition: int, language: Language, project: Project | None = None
) -> RegionReport:
    """Return the report of one region.

    Opening it again in another language, with data and configuration unchanged, draws on the same analysis.

    Raises
    ------
    UsageError
        When there is no such region or edition.
    """
    project = project or open_project()
    analysis = _analysis(project.root, str(region_code).zfill(CODE_LENGTH), edition, global_state(project))
    return RegionReport(
        profile=analysis.profile,
        labels=Labels(analysis.project, language),
        estimates=analysis.estimates,
        plan=analysis.plan,
    )


@dataclass(frozen=True)
class _Analysis:
    """What a region's report rests on, whatever its language."""

    project: Project
    profile: RegionProfile
    estimates: pd.DataFrame
    plan: StudyPlan


@lru_cache(maxsize=1)
def _analysis(root: Path, region_code: str, edition: int, state: str) -> _Analysis:
    """Return the analysis of one region; ``state`` makes a changed figure or setting a new analysis."""
    project = Project(root=root)
    plan = project.study_plan
    profile = read_profile(project, region_code, edition=edition)
    design = design_of(profile.joined[0], plan).code if profile.joined else ""
    return _Analysis(
        project=project,
        profile=profile,
        estimates=processed.design_estimates(project, design),
        plan=plan,
    )
