"""One region's own effect in words: the region beside its synthetic twin, how sure, what could have been seen.

Belongs here: the region's rows of the tables of own effects, ready for its page, and sentences about them. Does not
belong here: figures and tables of them (`evaluation.reporting.region_effect_figures`,
`evaluation.reporting.region_effect_tables`), all regions together (`evaluation.reporting.region_effects_national`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluation.reporting import effect_words
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.reporting.region_programme import design_of
from evaluation.reporting.region_report import RegionReport
from evaluation.studies.effect_verdicts import stands_out
from evaluation.studies.own_effects import OwnEffects, read_own_effects
from evaluation.studies.plan import DesignPlan, OutcomePlan, StudyPlan
from evaluation.studies.region_effects_plan import MAIN, RegionEffectsPlan

MOST_SHOWN = 4
"""Outcomes in a figure: a page shows two rows of two."""
SHOWN_FAMILY = "primary"
WAITS = "beyond_data"
"""The reason that goes away by itself, when figures of later years arrive."""


@dataclass(frozen=True)
class RegionEffect:
    """What is known of one region's own effect, in one language.

    Parameters
    ----------
    report
        The region's report.
    own
        Its rows of the tables of own effects.
    """

    report: RegionReport
    own: OwnEffects

    @property
    def labels(self) -> Labels:
        """Words of the language."""
        return self.report.labels

    @property
    def plan(self) -> StudyPlan:
        """The study plan."""
        return self.report.plan

    @property
    def rules(self) -> RegionEffectsPlan:
        """How the effects are estimated."""
        return self.report.project.region_effects

    @property
    def name(self) -> str:
        """Name of the region."""
        return str(self.report.profile.region["name"])

    @property
    def joined(self) -> bool:
        """Whether the region joined, so that an effect is looked for."""
        return bool(self.report.profile.joined)

    @property
    def design(self) -> DesignPlan:
        """The design that studies the region."""
        return design_of(self.report.profile.joined[0], self.plan)

    @property
    def headline(self) -> pd.DataFrame:
        """Its effects by the headline estimator, in the order of the outcomes; none where it never joined."""
        effects = self.own.effects
        if effects.empty:
            return effects
        rows = effects[(effects["row"] == MAIN) & (effects["estimator"] == self.rules.estimators.headline)]
        return rows.set_index("outcome").loc[list(self.rules.outcomes)].reset_index()

    @property
    def estimated(self) -> pd.DataFrame:
        """Those of `headline` that have an effect."""
        rows = self.headline
        return rows[rows["status"] == ""] if len(rows) else rows

    @property
    def shown(self) -> list[OutcomePlan]:
        """The outcomes that figures show: primary ones with an effect, others where there is none of these."""
        known = [self.plan.outcome(code) for code in self.estimated.get("outcome", [])]
        primary = [outcome for outcome in known if outcome.family == SHOWN_FAMILY]
        return (primary or known)[:MOST_SHOWN]

    def row(self, outcome: OutcomePlan) -> pd.Series:
        """Return the headline effect on one outcome."""
        rows = self.headline
        return rows[rows["outcome"] == outcome.indicator].iloc[0]

    def told(self) -> list[OutcomePlan]:
        """Return the outcomes in which the region differs from its twin by more than chance explains."""
        return [
            self.plan.outcome(row["outcome"])
            for _, row in self.estimated.iterrows()
            if effect_words.is_told(row, self.rules)
        ]

    def lead(self) -> Prose:
        """Return what the region did against its twin, in a sentence, with its doubt."""
        say, words = self.labels.words.say, self.labels.words
        if not self.joined:
            return Prose(say("No effect of its own is looked for: the region is in no list of participants."))
        known = self.estimated
        if known.empty:
            return paragraph(self._none_given(), self._why_none())
        told = self.told()
        values = {"region": self.name, "n": len(known)}
        if not told:
            first = say(
                "After joining, {region} did not move away from its synthetic twin by more than chance alone can explain, in "
                "any of the {n:n0} outcomes that can be compared. That does not show that nothing changed: for one region "
                "alone only large effects can be seen.",
                **values,
            )
        else:
            first = say(
                "After joining, {region} moved away from its synthetic twin by more than chance usually explains in {outcomes}, "
                "out of {n:n0} outcomes that can be compared.",
                **values,
                outcomes=words.listing(self.labels.short_indicator(one.indicator) for one in told),
            )
        return paragraph(first, self._adjusted_sentence(told))

    def sentences(self) -> Prose | None:
        """Return the effect on each outcome shown, in words; None where there is none."""
        if not self.shown:
            return None
        texts = [
            effect_words.own_effect_sentence(self.row(outcome), outcome, self.rules, self.labels)
            for outcome in self.shown
        ]
        return bullets(texts)

    def cautions(self) -> Prose | None:
        """Return what the twin is and what its figures cannot tell; None where there is none."""
        if not self.shown:
            return None
        say = self.labels.words.say
        return paragraph(
            say(
                "The twin is a weighted mix of regions that never joined, chosen so that it moved like {region} up to {base:y}. "
                "A placebo is one of these regions, treated as if it had joined, with a twin made by the same rules.",
                region=self.name,
                base=self.row(self.shown[0])["base_year"],
            ),
            say(
                "{group}: {how}",
                group=self.design.title.get(self.labels.language),
                how=self.design.how_chosen.get(self.labels.language),
            ),
            say("What else happened to this region after it joined is in the gap as well."),
        )

    def _adjusted_sentence(self, told: list[OutcomePlan]) -> str:
        """Return whether anything still stands out among all the effects looked at."""
        if not told:
            return ""
        say = self.labels.words.say
        kept = [one for one in told if stands_out(self.row(one), self.rules)]
        if kept:
            names = self.labels.words.listing(self.labels.short_indicator(one.indicator) for one in kept)
            return say(
                "In {outcomes} it still stands out among the effects of all regions that were looked at.",
                outcomes=names,
            )
        return say(
            "Among the effects of all joiners some lie this far out by chance alone; adjusted for their number, this does not "
            "stand out."
        )

    def _none_given(self) -> str:
        say = self.labels.words.say
        if self.headline["status"].str.contains(f":{WAITS}:").any():
            return say("No effect of its own can be given for {region} yet.", region=self.name)
        return say("No effect of its own can be given for {region}.", region=self.name)

    def _why_none(self) -> str:
        reasons = dict.fromkeys(
            effect_words.reason_name(str(status).split(":")[1], self.labels)
            for status in self.headline["status"]
        )
        return self.labels.words.say("Reasons: {reasons}.", reasons="; ".join(reasons))


def open_region_effect(report: RegionReport) -> RegionEffect:
    """Return what is known of the own effect of a report's region."""
    return RegionEffect(report=report, own=read_own_effects(report.project, str(report.profile.region.name)))
