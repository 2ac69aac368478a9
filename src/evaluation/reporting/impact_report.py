"""The programme's impact in words: what is known, how sure it is, what it rests on.

Belongs here: the results of the study plan, ready for the national page on impact, and sentences about them. Does not
belong here: estimating (`evaluation.studies.estimates`), figures and tables (`evaluation.reporting.impact_figures`,
`evaluation.reporting.impact_tables`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluation.catalog import Language
from evaluation.errors import UsageError
from evaluation.impact import AttGtResult, overlap
from evaluation.reporting import findings
from evaluation.reporting.effects import (
    HEADLINE_ROW,
    average,
    effect_with_cautions,
    has_estimate,
    is_told_from_zero,
    pre_trends_p,
    select,
    shock_caution,
)
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies import processed
from evaluation.studies.estimates import group_time_effects
from evaluation.studies.panels import study_units
from evaluation.studies.plan import DesignPlan, Family, OutcomePlan, RowPlan, StudyPlan
from evaluation.studies.project import Project, open_project


@dataclass(frozen=True)
class ImpactReport:
    """All estimates of the study plan, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    plan
        The study plan.
    indicators, estimates
        The tables of those names.
    """

    labels: Labels
    plan: StudyPlan
    indicators: pd.DataFrame
    estimates: pd.DataFrame

    @property
    def project(self) -> Project:
        """The project."""
        return self.labels.project

    def lead(self) -> Prose:
        """Return what is known of the programme's effect, with its doubt."""
        return paragraph(self.opening(), *self._told_sentences())

    def opening(self) -> str:
        """Return how many headline estimates can be told from zero."""
        say = self.labels.words.say
        told = self._headline_estimates()
        apart = [row for row in told if is_told_from_zero(row)]
        sentences = [
            say("The programme is advice, not money, so its effects, if any, can be expected to be small."),
            say(
                "Of the {n:n0} headline estimates ({groups:n0} groups of joiners, the primary outcomes each has) {apart:n0} "
                "can be told from zero, at 95% each and without adjusting for their number.",
                n=len(told),
                groups=len(self.plan.designs),
                apart=len(apart),
            ),
        ]
        if apart and all(self._holds_shock(row) for row in apart):
            sentences.append(
                say(
                    "None of these can be read as an effect: each holds the shock of COVID-19, which came before joining."
                )
            )
        return " ".join(sentences)

    def how_chosen(self) -> Prose:
        """Return how each group of joiners was chosen."""
        language = self.labels.language
        designs = (*self.plan.designs, *self.plan.other_cohorts)
        return bullets(
            [f"**{design.title.get(language)}**: {design.how_chosen.get(language)}" for design in designs]
        )

    def estimand(self) -> Prose:
        """Return what is estimated."""
        return Prose(self.plan.estimand.get(self.labels.language))

    def covariates_reason(self) -> Prose:
        """Return what comparisons are conditioned on, and why."""
        say = self.labels.words.say
        means = self.labels.words.listing(
            self.labels.indicator(code) for code in self.plan.covariates.pre_period_means
        )
        return paragraph(
            say(
                "Compared are regions of like type, island group and level before joining ({means}).",
                means=means,
            ),
            self.plan.covariates.reason.get(self.labels.language),
        )

    def sentences(self, design: str, *, family: Family = "primary") -> Prose:
        """Return the outcomes of one family of one design in words."""
        return bullets(
            [self._sentence(self.plan.design(design), outcome) for outcome in self.outcomes(family)]
        )

    def who_is_studied(self) -> Prose:
        """Return how many regions enter, and which are left out by rule."""
        say, registry = self.labels.words.say, self.project.registry
        units = study_units(self.project, self.plan)
        grades = self.labels.words.listing(self.plan.panel.exclude_grades)
        return Prose(
            say(
                "Of {all:n0} regions {n:n0} enter. Left out are {split:n0} that were created by a split or that lost a part "
                "to one (their series break) and {capital:n0} of the capital, which the province runs. {controls:n0} serve as "
                "comparison and are on record as never having joined. Figures of grade {grades} are never used; a region "
                "without a figure in the base year or the compared year is left out of that comparison only.",
                all=len(registry.codes),
                n=len(units),
                split=len(registry.split_codes),
                capital=int((registry.table["autonomous"] != "yes").sum()),
                controls=int((units["clean_control"] & units["joined"].isna()).sum()),
                grades=grades,
            )
        )

    def shock_or_effect(self) -> Prose:
        """Return whether the 2021 joiners' figures can be told from the shock of 2020."""
        say = self.labels.words.say
        outcome = self.plan.outcome("unemployment_rate")
        found = {
            code: self.average("joiners_2021", code, outcome.indicator)
            for code in ("conditional", "base_2020")
        }
        if not all(has_estimate(row) for row in found.values()):
            return Prose(say("The two base years cannot be compared: one of them has no estimate."))
        before, after = found["conditional"], found["base_2020"]
        return Prose(
            say(
                "The unemployment of the 2021 joiners is {before} points counted from 2019 and {after} points counted "
                "from 2020. COVID-19 hit tourism areas in 2020, before these regions joined, so the first figure can hold "
                "that shock as well; it cannot be read as an effect of the programme alone.",
                before=findings.interval_text(before, outcome, self.labels),
                after=findings.interval_text(after, outcome, self.labels),
            )
        )

    def overlap_sentence(self, design: str, outcome: str) -> Prose:
        """Return how many comparison regions were set aside for being unlike any joiner."""
        say = self.labels.words.say
        table = overlap(self.effects(design, outcome))
        return paragraph(
            say(
                "Weighted to resemble joiners, {control:n0} to {most:n0} comparison regions are worth {low:n0} to {high:n0} "
                "equally weighted ones.",
                control=table["n_control"].min(),
                most=table["n_control"].max(),
                low=table["effective_controls"].min(),
                high=table["effective_controls"].max(),
            ),
            self._trimmed_sentence(int(table["n_trimmed"].sum())),
        )

    def _trimmed_sentence(self, n_trimmed: int) -> str:
        say = self.labels.words.say
        if not n_trimmed:
            return say("None had to be trimmed for traits that are almost only found among joiners.")
        return say(
            "In these comparisons together {n:n0} were trimmed, because traits like theirs are almost only found among "
            "joiners.",
            n=n_trimmed,
        )

    def unknown_participants(self) -> Prose:
        """Return how far unknown participants among the controls can pull estimates towards zero."""
        say = self.labels.words.say
        unknown = self.plan.unknown_participants
        units = study_units(self.project, self.plan)
        never = int((units["clean_control"] & units["joined"].isna()).sum())
        return Prose(
            say(
                "About {unknown:n0} announced participants are in no list that was found. If all of them lie among the "
                "{never:n0} comparison regions on record as never having joined, and these weigh alike, then from {year:y} on "
                "they pull an estimate towards zero by up to {share:n0} per cent of its size; where a few comparison regions "
                "carry most of the weight it can be more.",
                unknown=unknown.missing_from_rosters,
                never=never,
                year=unknown.from_year,
                share=100 * unknown.missing_from_rosters / never,
            )
        )

    def departures(self) -> Prose:
        """Return where the analysis departs from the plan as first written, and why."""
        texts = [text.get(self.labels.language) for text in self.plan.departures]
        return (
            bullets(texts)
            if texts
            else Prose(self.labels.words.say("The analysis does not depart from the plan."))
        )

    def known_before(self) -> Prose:
        """Return the results that were known when the plan was written."""
        return bullets([text.get(self.labels.language) for text in self.plan.known_before])

    def plan_note(self) -> Prose:
        """Return when the plan was written and what it is not."""
        return Prose(
            self.labels.words.say(
                "The plan in config/study_plan.yml was written on {day}, before the first estimate was computed, "
                "and names every row. It is not a pre-registration: these results were known to its author.",
                day=self.labels.words.day(self.plan.written),
            )
        )

    def outcomes(self, family: Family) -> tuple[OutcomePlan, ...]:
        """Return the outcomes of a family, in the order of the plan."""
        return tuple(outcome for outcome in self.plan.outcomes if outcome.family == family)

    def row(self, code: str) -> RowPlan:
        """Return one row of the plan."""
        return next(row for row in self.plan.rows if row.code == code)

    def select(self, design: str, row: str, outcome: str, parameter: str) -> pd.DataFrame:
        """Return the rows of `estimates` for one design, row, outcome and parameter."""
        return select(self.estimates, design=design, row=row, outcome=outcome, parameter=parameter)

    def average(self, design: str, row: str, outcome: str) -> pd.Series:
        """Return the average effect of one row of the plan for one outcome."""
        return average(self.estimates, design=design, row=row, outcome=outcome)

    def pre_trends_p(self, design: str, outcome: str) -> float:
        """Return the p value of the joint test before joining, missing where there is none."""
        return pre_trends_p(self.estimates, design=design, outcome=outcome)

    def _sentence(self, design: DesignPlan, outcome: OutcomePlan) -> str:
        return effect_with_cautions(
            self.estimates, design=design, outcome=outcome, plan=self.plan, labels=self.labels
        )

    def _headline_estimates(self) -> list[pd.Series]:
        rows = [
            self.average(design.code, HEADLINE_ROW, outcome.indicator)
            for design in self.plan.designs
            for outcome in self.outcomes("primary")
        ]
        return [row for row in rows if has_estimate(row)]

    def _holds_shock(self, row: pd.Series) -> bool:
        return bool(
            shock_caution(
                self.estimates,
                design=self.plan.design(str(row["design"])),
                outcome=self.plan.outcome(str(row["outcome"])),
                labels=self.labels,
            )
        )

    def _told_sentences(self) -> list[str]:
        """Return the estimates that can be told from zero, each with its group and its cautions."""
        say = self.labels.words.say
        return [
            say(
                "{design}: {sentence}",
                design=self.plan.design(str(row["design"])).title.get(self.labels.language),
                sentence=self._sentence(
                    self.plan.design(str(row["design"])), self.plan.outcome(str(row["outcome"]))
                ),
            )
            for row in self._headline_estimates()
            if is_told_from_zero(row)
        ]

    def interval_or_empty(self, average: pd.Series, outcome: OutcomePlan) -> str:
        """Return an estimate with its interval, empty where there is none."""
        return findings.interval_text(average, outcome, self.labels) if has_estimate(average) else ""

    def why_missing(self, average: pd.Series) -> str:
        """Return why there is no estimate, empty where there is one."""
        return "" if has_estimate(average) else self.labels.not_estimable(average["status"])

    def effects(self, design: str, outcome: str) -> AttGtResult:
        """Return the group-time effects behind the conditional row of a design.

        Raises
        ------
        UsageError
            When the design has no comparison for this outcome.
        """
        effects = group_time_effects(
            self.project, self.indicators, design=design, row="conditional", outcome=outcome, plan=self.plan
        )
        if effects is None:
            raise UsageError(
                f"design {design!r} has no comparison for {outcome!r}: see its status in the estimates"
            )
        return effects


def open_impact_report(*, language: Language, project: Project | None = None) -> ImpactReport:
    """Return the report on the programme's impact."""
    project = project or open_project()
    return ImpactReport(
        labels=Labels(project, language),
        plan=project.study_plan,
        indicators=processed.indicators(project),
        estimates=processed.estimates(project),
    )
