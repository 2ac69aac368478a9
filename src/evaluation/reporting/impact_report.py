"""The results of the study plan, ready for the national page on impact, and sentences on what they rest on.

Belongs here: looking up results, and prose on who is studied, how, and by which plan. Does not belong here: estimating
(`evaluation.studies.estimates`), the answer (`evaluation.reporting.impact_answer`), figures, tables, and what is asked of
an estimate beside the estimate (`evaluation.reporting.impact_figures` and the other `impact_` modules).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from evaluation.catalog import Language
from evaluation.errors import UsageError
from evaluation.impact import AttGtResult, overlap
from evaluation.reporting import findings
from evaluation.reporting.effects import effect_with_cautions, has_estimate, pre_trends_p, select
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies import processed
from evaluation.studies.impact_fits import fit_row
from evaluation.studies.panels import StudyData, study_data, study_units
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, Family, OutcomePlan, RowPlan, StudyPlan
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
    checks
        Table `impact_checks`.
    """

    labels: Labels
    plan: StudyPlan
    indicators: pd.DataFrame
    estimates: pd.DataFrame
    checks: pd.DataFrame

    @property
    def project(self) -> Project:
        """The project."""
        return self.labels.project

    @cached_property
    def study(self) -> StudyData:
        """What the panels of the plan are made from, and the estimates made anew so far."""
        return study_data(self.project, self.indicators, self.plan)

    @cached_property
    def _averages(self) -> dict[tuple[str, str, str], pd.Series]:
        simple = self.estimates[self.estimates["parameter"] == "simple"]
        keys = zip(simple["design"], simple["row"], simple["outcome"], strict=True)
        return {key: row for key, (_, row) in zip(keys, simple.iterrows(), strict=True)}

    @cached_property
    def _checks(self) -> dict[tuple[str, ...], pd.DataFrame]:
        return dict(iter(self.checks.groupby(["design", "row", "outcome", "check"], sort=False)))

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
        return self._averages[design, row, outcome]

    def check(self, design: str, outcome: str, code: str, *, row: str = HEADLINE_ROW) -> pd.DataFrame:
        """Return the rows of `impact_checks` of one check of one estimate, in the order of their elements."""
        return self._checks.get((design, row, outcome, code), self.checks.iloc[:0])

    def one_check(
        self, design: str, outcome: str, code: str, element: str = "", *, row: str = HEADLINE_ROW
    ) -> pd.Series | None:
        """Return one row of `impact_checks` that holds numbers, None where there is none."""
        found = self.check(design, outcome, code, row=row)
        found = found[(found["element"] == element) & found["estimate"].notna()]
        return None if found.empty else found.iloc[0]

    def headlines(self, family: Family = "primary") -> list[pd.Series]:
        """Return the headline estimates of a family, design by design; those without an estimate are left out."""
        rows = [
            self.average(design.code, HEADLINE_ROW, outcome.indicator)
            for design in self.plan.designs
            for outcome in self.outcomes(family)
        ]
        return [row for row in rows if has_estimate(row)]

    def joiners(self, design: DesignPlan) -> str:
        """Return the joiners of a design by their years, short enough for a chart."""
        years = self.labels.words.listing(map(str, design.joined))
        return self.labels.words.say("{years} joiners", years=years)

    def pre_trends_p(self, design: str, outcome: str) -> float:
        """Return the p value of the joint test before joining, missing where there is none."""
        return pre_trends_p(self.estimates, design=design, outcome=outcome)

    def sentence(self, design: DesignPlan, outcome: OutcomePlan) -> str:
        """Return one headline effect in words, with its cautions."""
        return effect_with_cautions(
            self.estimates, design=design, outcome=outcome, plan=self.plan, labels=self.labels
        )

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
        fit = fit_row(
            self.study,
            design=self.plan.design(design),
            row=self.plan.row(HEADLINE_ROW),
            outcome=self.plan.outcome(outcome),
        )
        if fit.result is None:
            raise UsageError(
                f"design {design!r} has no comparison for {outcome!r}: see its status in the estimates"
            )
        return fit.result


def open_impact_report(*, language: Language, project: Project | None = None) -> ImpactReport:
    """Return the report on the programme's impact."""
    project = project or open_project()
    return ImpactReport(
        labels=Labels(project, language),
        plan=project.study_plan,
        indicators=processed.indicators(project),
        estimates=processed.estimates(project),
        checks=processed.impact_checks(project),
    )
