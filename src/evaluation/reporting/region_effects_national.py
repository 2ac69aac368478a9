"""All joiners' own effects side by side: how far they spread, what stands out, what could have been seen.

Belongs here: the tables of own effects ready for their national page, and sentences about them. Does not belong here: one
region's effect (`evaluation.reporting.region_effect`), figures and tables of all
(`evaluation.reporting.region_effects_figures`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.catalog import Language
from evaluation.reporting import effect_words, findings
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.schema import COHORT_EFFECTS, EFFECT_SPREAD, REGION_EFFECTS
from evaluation.studies import processed
from evaluation.studies.effect_verdicts import beyond_placebos, stands_out, told_from_chance
from evaluation.studies.own_effects import effect_table
from evaluation.studies.plan import OutcomePlan, StudyPlan
from evaluation.studies.project import Project, open_project
from evaluation.studies.region_effects_plan import MAIN, RegionEffectsPlan

SHOWN_FAMILY = "primary"


@dataclass(frozen=True)
class NationalEffects:
    """Every joiner's own effects, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    plan, rules
        The study plan, and how own effects are estimated.
    effects, spread
        The tables `region_effects` and `effect_spread`.
    cohorts, estimates
        The tables `cohort_effects` and `estimates`.
    """

    labels: Labels
    plan: StudyPlan
    rules: RegionEffectsPlan
    effects: pd.DataFrame
    spread: pd.DataFrame
    cohorts: pd.DataFrame
    estimates: pd.DataFrame

    @property
    def headline(self) -> pd.DataFrame:
        """Every joiner and outcome by the headline estimator, with an effect or the reason why there is none."""
        rows = self.effects["row"] == MAIN
        return self.effects[rows & (self.effects["estimator"] == self.rules.estimators.headline)]

    @property
    def estimated(self) -> pd.DataFrame:
        """Those of `headline` that have an effect."""
        return self.headline[self.headline["status"] == ""]

    @property
    def marked(self) -> pd.DataFrame:
        """Those that stand out after adjusting for the number of effects, the clearest first."""
        known = self.estimated
        return known[stands_out(known, self.rules)].sort_values(["p_adjusted", "region_code"], kind="stable")

    @property
    def shown(self) -> list[OutcomePlan]:
        """The outcomes that figures show."""
        return [
            outcome
            for outcome in map(self.plan.outcome, self.rules.outcomes)
            if outcome.family == SHOWN_FAMILY
        ]

    def lead(self) -> Prose:
        """Return whether any region stands out, how many effects can be given, and what could have been seen."""
        say, known = self.labels.words.say, self.estimated
        level = self.rules.inference.level
        beyond, told = beyond_placebos(known, self.rules), told_from_chance(known, self.rules)
        values = {"n": len(known), "regions": known["region_code"].nunique(), "marked": len(self.marked)}
        if not len(known):
            return Prose(say("No effect of a single region can be given yet."))
        first = (
            say(
                "No region can be said to have gained or lost by joining: of {n:n0} effects of {regions:n0} single regions none "
                "stands out from chance once their number is counted.",
                **values,
            )
            if not values["marked"]
            else say(
                "Of {n:n0} effects of {regions:n0} single regions, {marked:n0} stand out from chance once their number is "
                "counted.",
                **values,
            )
        )
        second = say(
            "Taken one by one, {beyond:n0} lie beyond {level:n0}% of placebos, where chance alone would give about "
            "{expected:n0}; {told:n0} of them do so also when each gap is measured by how much its region moves from year to "
            "year.",
            beyond=int(beyond.sum()),
            told=int(told.sum()),
            level=100 * level,
            expected=len(known) * (1 - level),
        )
        return paragraph(first, second, self._seen_sentence())

    def floor_sentence(self) -> Prose:
        """Return how many effects must lie beyond every placebo before any can stand out."""
        say, known = self.labels.words.say, self.estimated
        primary = known[known["outcome"].isin([outcome.indicator for outcome in self.shown])]
        if primary.empty:
            return Prose(say("There is no effect to be judged."))
        smallest = primary["p_smallest"].min()
        needed = effects_needed(len(primary), smallest, self.rules.inference.false_discovery_rate)
        alone = say("A single region could not be marked, however large its effect.") if needed > 1 else ""
        return paragraph(
            say(
                "Standing out is a high bar here: no p-value can be smaller than one in the number of placebos plus one, at "
                "best {smallest:n4}, so among the {n:n0} effects on primary outcomes at least {needed:n0} would have to lie "
                "beyond all their placebos before any is marked.",
                smallest=smallest,
                n=len(primary),
                needed=needed,
            ),
            alone,
        )

    def spread_sentences(self) -> Prose:
        """Return in how many groups effects lie further apart than noise explains, and in which."""
        say, words = self.labels.words.say, self.labels.words
        shown = [outcome.indicator for outcome in self.shown]
        rows = self.spread[self.spread["outcome"].isin(shown) & self.spread["spread"].notna()]
        apart = rows[rows["spread_low"] > 0]
        first = say(
            "In {n:n0} of {all:n0} groups of joiners and primary outcomes the effects lie no further apart than noise alone "
            "explains.",
            n=len(rows) - len(apart),
            all=len(rows),
        )
        pulled = say(
            "Where true effects are this small beside the noise, effects pulled to the mean of all are no better than calling "
            "each of them zero."
        )
        if apart.empty:
            return paragraph(first, pulled)
        named = words.listing(self._spread_of(row) for _, row in apart.iterrows())
        return paragraph(
            first,
            pulled,
            say("They lie further apart for {groups}.", groups=named),
            say(
                "That need not be the programme: what else befell single regions, such as the shock of 2020 and how they "
                "recovered from it, spreads their gaps as well."
            ),
        )

    def rules_sentences(self) -> Prose:
        """Return the rules in words: donors, estimator, inference, fit."""
        say, language = self.labels.words.say, self.labels.language
        donors, fit = self.rules.donors, self.rules.fit
        return bullets(
            [
                say(
                    "Donors: centroids more than {km:n0} km away, at least {n:n0} of them. {reason}",
                    km=donors.beyond_km,
                    n=donors.at_least,
                    reason=donors.reason.get(language),
                ),
                say(
                    "Placebos: every donor is treated as if it had joined, with donors chosen for it by the same rules, and an "
                    "effect is held against the placebos of the region's own donors."
                ),
                self._unknown_sentence(),
                self.rules.estimators.reason.get(language),
                self.rules.inference.reason.get(language),
                say(
                    "In own scale: a region that moves more from year to year than its donors shows large gaps by chance. So "
                    "each gap is also divided by the yearly moves of its own region before joining, and an effect is told as "
                    "found only where both ranks find it."
                ),
                say(
                    "Fit first: at least {years:n0} years before joining, and a gap before joining below {share:n0} per cent of "
                    "the standard deviation between donors. {reason}",
                    years=fit.pre_years_at_least,
                    share=100 * fit.worst_of_spread,
                    reason=fit.reason.get(language),
                ),
            ]
        )

    def agreement(self) -> Prose:
        """Return how far the other estimators agree with the headline."""
        say, words = self.labels.words.say, self.labels.words
        main = self.effects[(self.effects["row"] == MAIN) & (self.effects["status"] == "")]
        wide = main.pivot_table(index=["region_code", "outcome"], columns="estimator", values="estimate")
        noise = self.estimated.set_index(["region_code", "outcome"])["std_error"]
        headline = self.rules.estimators.headline
        texts = []
        for code in self.rules.estimators.beside:
            both = wide[[headline, code]].dropna() if code in wide and headline in wide else wide.iloc[:0]
            if both.empty:
                continue
            apart = (both[code] - both[headline]).abs() / noise.reindex(both.index)
            texts.append(
                say(
                    "{estimator}: {n:n0} effects by both; half of them differ by less than {share:n2} standard deviations of the "
                    "placebos.",
                    estimator=effect_words.estimator_names(self.labels)[code],
                    n=len(both),
                    share=float(apart.median()),
                )
            )
        return bullets(texts) if texts else Prose(words.say("No other estimator gives an effect."))

    def _unknown_sentence(self) -> str:
        """Return how many donors may be participants that no list names."""
        unknown = self.plan.unknown_participants
        return self.labels.words.say(
            "About {unknown:n0} announced participants are in no list that was found and may be among the up to {donors:n0} "
            "donors: from {year:y} on they draw twins towards the regions they stand for, and so gaps towards zero.",
            unknown=unknown.missing_from_rosters,
            donors=self.estimated["n_donors"].max(),
            year=unknown.from_year,
        )

    def _seen_sentence(self) -> str:
        """Return from which size on an effect of a single region would be seen, outcome by outcome."""
        say, known = self.labels.words.say, self.estimated
        sizes = [
            say(
                "{size} {unit} ({outcome})",
                size=effect_words.effect_number(
                    known.loc[known["outcome"] == outcome.indicator, "mde"].median(),
                    outcome,
                    self.labels,
                    signed=False,
                ),
                unit=findings.effect_unit(outcome, self.labels),
                outcome=self.labels.short_indicator(outcome.indicator),
            )
            for outcome in self.shown
            if (known["outcome"] == outcome.indicator).any()
        ]
        if not sizes:
            return ""
        return say(
            "For one region alone only large effects can be seen; half of the regions would have needed one of {sizes} or more.",
            sizes=self.labels.words.listing(sizes),
        )

    def _spread_of(self, row: pd.Series) -> str:
        outcome = self.plan.outcome(row["outcome"])
        return self.labels.words.say(
            "{outcome}, “{design}” (by about {spread} {unit}, beside noise of {noise})",
            outcome=self.labels.short_indicator(outcome.indicator),
            design=self.plan.design(row["design"]).title.get(self.labels.language),
            spread=effect_words.effect_number(row["spread"], outcome, self.labels, signed=False),
            unit=findings.effect_unit(outcome, self.labels),
            noise=effect_words.effect_number(row["noise"], outcome, self.labels, signed=False),
        )


def open_national_effects(*, language: Language, project: Project | None = None) -> NationalEffects:
    """Return all joiners' own effects."""
    project = project or open_project()
    return NationalEffects(
        labels=Labels(project, language),
        plan=project.study_plan,
        rules=project.region_effects,
        effects=effect_table(project, REGION_EFFECTS),
        spread=effect_table(project, EFFECT_SPREAD),
        cohorts=effect_table(project, COHORT_EFFECTS),
        estimates=processed.estimates(project),
    )


def effects_needed(n_effects: int, smallest_p: float, rate: float) -> int:
    """Return how many effects must have the smallest p-value before Benjamini and Hochberg's rule marks any.

    With k effects at the floor f, the rule marks them when f <= k rate / n.
    """
    return max(math.ceil(n_effects * smallest_p / rate - 1e-9), 1)


def reach(rows: pd.DataFrame) -> float:
    """Return how far from zero the placebos of a typical effect reach: half the median width of an interval."""
    finite = np.isfinite(rows[["conf_low", "conf_high"]]).all(axis=1)
    width = rows.loc[finite, "conf_high"] - rows.loc[finite, "conf_low"]
    return float(width.median() / 2) if len(width) else float("nan")
