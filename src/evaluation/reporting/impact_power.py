"""What effect could be seen: for which joiners, with the data there are and with two years more, beside what matters.

Belongs here: the page on power in words, and its figure. Does not belong here: computing it
(`evaluation.studies.impact_power`, `evaluation.studies.power_by_province`), its table
(`evaluation.reporting.impact_power_table`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from evaluation.catalog import Language
from evaluation.charts import Chart, DetectableBlock, DetectableLabels, detectable_effects
from evaluation.impact.inference import MDE_FACTOR
from evaluation.reporting import findings
from evaluation.reporting.impact_report import ImpactReport, open_impact_report
from evaluation.reporting.impact_words import check_reason
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies.plan import Family, OutcomePlan
from evaluation.studies.power_by_province import with_provinces
from evaluation.studies.project import Project

CHECK = "power"
LIKELY = 0.8
"""Chance at which an effect counts as likely to be seen (2.8 standard errors at 5%)."""


@dataclass(frozen=True)
class PowerReport:
    """The power of every design and joining year, in one language.

    Parameters
    ----------
    impact
        The report on the programme's impact.
    table
        Rows of `impact_checks` on power, with what shocks shared by a province do to them.
    ends
        Last year of the data, and the later one.
    """

    impact: ImpactReport
    table: pd.DataFrame
    ends: tuple[int, int]

    def lead(self) -> Prose:
        """Return for how many of the primary outcomes an effect that matters would likely be seen, now and later."""
        say = self.impact.labels.words.say
        own = self.counted("primary")
        now, later = (own[own["element"] == str(end)] for end in self.ends)
        return paragraph(
            say(
                "With data to {year:y} an effect of the size held to matter would likely be seen in {seen:n0} of {n:n0} "
                "comparisons of joiners and primary outcomes; with data to {later:y} in {seen_later:n0} of {n_later:n0}.",
                year=self.ends[0],
                seen=(now["chance_province"] >= LIKELY).sum(),
                n=now["chance_province"].notna().sum(),
                later=self.ends[1],
                seen_later=(later["chance_province"] >= LIKELY).sum(),
                n_later=later["chance_province"].notna().sum(),
            ),
            say(
                "Where it would not be seen, a figure that cannot be told from zero says nothing about the programme."
            ),
            say(
                "Regions of one province may share shocks here; if they shared none, it would be {seen:n0} and "
                "{seen_later:n0}.",
                seen=(now["estimate"] >= LIKELY).sum(),
                seen_later=(later["estimate"] >= LIKELY).sum(),
            ),
            self._pools_sentence(),
        )

    def best_and_worst(self) -> Prose:
        """Return for each primary outcome who has the best chance to show an effect, and how large it must be."""
        return bullets([self._outcome_sentence(outcome) for outcome in self.impact.outcomes("primary")])

    def method(self) -> Prose:
        """Return how the power was computed."""
        say = self.impact.labels.words.say
        return paragraph(
            say(
                "The standard error uses nothing of what happened to joiners after joining. It is that of the average effect "
                "if all regions went on as regions without the programme did: how far these move apart over one year, two "
                "years and so on is measured in their own past, given the same traits as in the headline, and joiners are "
                "taken to vary like comparison regions that resemble them."
            ),
            say(
                "An effect is likely to be seen when it would be told from zero four times in five, which takes {factor:n1} "
                "standard errors.",
                factor=MDE_FACTOR,
            ),
            self._provinces_sentence(),
            say(
                "More years do not always help: the farther from the base year, the more regions drift apart by themselves."
            ),
            *(
                say(
                    "The headline of the impact page follows the {joiners} only to {year:y} and so sees smaller effects of "
                    "theirs.",
                    joiners=self.impact.joiners(design),
                    year=design.end_year,
                )
                for design in self.impact.plan.designs
                if design.end_year < self.ends[0]
            ),
            say(
                "Figures to {later:y} assume that publishers go on with the same methods and that no region leaves.",
                later=self.ends[1],
            ),
        )

    def beside_impact(self) -> Prose:
        """Return why figures and numbers of regions differ from those of the impact page."""
        say = self.impact.labels.words.say
        return paragraph(
            say(
                "The impact page's figures differ: they use the spread of joiners after joining, these only earlier and "
                "untreated regions."
            ),
            say(
                "Numbers of regions can differ too. Here comparison regions count that have a figure in the base year and a "
                "weight: those of island groups without joiners have none. There every region counts that has a figure in the "
                "base year and in a later year compared."
            ),
        )

    def rows_of(self, family: Family) -> pd.DataFrame:
        """Return the rows of a family's outcomes."""
        codes = [outcome.indicator for outcome in self.impact.outcomes(family)]
        return self.table[self.table["outcome"].isin(codes)]

    def counted(self, family: Family) -> pd.DataFrame:
        """Return the rows of a family's outcomes in which every joiner counts once: no joining year of a pool by itself."""
        plan = self.impact.plan
        once = [design.code for design in (*plan.designs, *plan.other_cohorts)]
        rows = self.rows_of(family)
        return rows[rows["design"].isin(once)]

    def groups(self) -> list[tuple[str, str]]:
        """Return code and name of every group of joiners: the headline designs, then each joining year."""
        plan = self.impact.plan
        named = {design.code: self.impact.joiners(design) for design in (*plan.designs, *plan.other_cohorts)}
        say = self.impact.labels.words.say
        codes = list(dict.fromkeys(self.table["design"]))
        ordered = [design.code for design in plan.designs]
        ordered += sorted(code for code in codes if code not in ordered)
        return [
            (code, named.get(code) or say("{years} joiners", years=code.removeprefix("joiners_")))
            for code in ordered
            if code in codes
        ]

    def row(self, design: str, outcome: str, end: int) -> pd.Series | None:
        """Return one row, None where there is none."""
        found = self.table[
            (self.table["design"] == design)
            & (self.table["outcome"] == outcome)
            & (self.table["element"] == str(end))
        ]
        return None if found.empty else found.iloc[0]

    def _pools_sentence(self) -> str:
        """Say that joiners of several years count as one group, empty where there are none."""
        pools = [design for design in self.impact.plan.designs if len(design.joined) > 1]
        if not pools:
            return ""
        words = self.impact.labels.words
        return words.say(
            "The {joiners} count together, not by year as well.",
            joiners=words.listing(map(self.impact.joiners, pools)),
        )

    def _provinces_sentence(self) -> str:
        known = self.table[self.table["mde_province"].notna()]
        return self.impact.labels.words.say(
            "Only then is it multiplied, because regions of one province may share shocks: by how much larger the error by "
            "province (jackknife) is than that by region in the impact page's headline for the same joiners and outcome, "
            "here {low:n2} to {high:n2} times and never less than once. A joining year without a headline of its own takes "
            "the factor of its pool, or else the root mean square of the other joiners' factors for the outcome. Each factor "
            "is itself uncertain.",
            low=known["province_factor"].min(),
            high=known["province_factor"].max(),
        )

    def _outcome_sentence(self, outcome: OutcomePlan) -> str:
        say, labels = self.impact.labels.words.say, self.impact.labels
        own = self.counted(outcome.family)
        own = own[(own["outcome"] == outcome.indicator) & own["mde_province"].notna()]
        now = own[own["element"] == str(self.ends[0])]
        name = labels.indicator(outcome.indicator)
        if now.empty:
            return say("{outcome}: no group of joiners can be compared yet.", outcome=name)
        best = now.loc[now["mde_province"].idxmin()]
        names = dict(self.groups())
        return say(
            "{outcome}: best seen among the {joiners}, where an effect must reach {mde} {unit} to be likely seen; {margin} "
            "{unit} is held to matter, and would be seen with a chance of {chance:n0} per cent.",
            outcome=name,
            joiners=names[str(best["design"])],
            mde=size_text(self, best["mde_province"], outcome),
            margin=size_text(self, outcome.margin, outcome),
            unit=findings.effect_unit(outcome, labels),
            chance=100 * best["chance_province"],
        )


def open_power_report(*, language: Language, project: Project | None = None) -> PowerReport:
    """Return the report on what effect could be seen."""
    impact = open_impact_report(language=language, project=project)
    rows = impact.checks[impact.checks["check"] == CHECK]
    table = with_provinces(rows, estimates=impact.estimates, checks=impact.checks, plan=impact.plan)
    first, last = sorted(int(end) for end in set(table["element"]))
    return PowerReport(impact=impact, table=table, ends=(first, last))


def power_figure(report: PowerReport, *, family: Family = "primary") -> Chart:
    """Return the smallest effect likely to be seen by group and outcome, now and later, beside what matters."""
    labels, outcomes = report.impact.labels, report.impact.outcomes(family)
    say = labels.words.say
    rows = pd.DataFrame([row for outcome in outcomes for row in _figure_rows(report, outcome)])
    return detectable_effects(
        rows,
        blocks=[
            DetectableBlock(
                outcome.indicator,
                labels.indicator(outcome.indicator),
                findings.effect_unit(outcome, labels),
                lambda value: labels.words.tick(value),
            )
            for outcome in outcomes
        ],
        labels=DetectableLabels(
            now=say("data to {year:y}", year=report.ends[0]),
            later=say("data to {year:y}", year=report.ends[1]),
            margin=say("smaller than what matters"),
        ),
        title=say("The smallest effect likely to be seen, by joiners and outcome"),
        subtitle=say(
            "A dot in the shaded zone: an effect too small to matter would still be seen. Right of it: one that matters may "
            "be missed."
        ),
        alt=" ".join(
            f"{row.block}, {row.label}: {row.value_text or row.missing_reason}." for row in rows.itertuples()
        ),
        note=say(
            "Seen means told from zero four times in five, at 95%, though regions of one province may share shocks."
        ),
        source=labels.sources(outcome.indicator for outcome in outcomes),
    )


def _figure_rows(report: PowerReport, outcome: OutcomePlan) -> Iterator[dict[str, object]]:
    for code, name in report.groups():
        now, later = (report.row(code, outcome.indicator, end) for end in report.ends)
        if now is None and later is None:
            continue
        if now is not None and later is not None and _adds_nothing(now, later):
            later = None
        sizes = [
            float("nan") if one is None else findings.in_effect_units(one["mde_province"], outcome)
            for one in (now, later)
        ]
        texts = ["" if one is None else _size_or_dash(report, one, outcome) for one in (now, later)]
        reason = next(
            (check_reason(one, report.impact.labels) for one in (later, now) if one is not None), ""
        )
        yield {
            "block": outcome.indicator,
            "label": name,
            "now": sizes[0],
            "later": sizes[1],
            "margin": findings.in_effect_units(outcome.margin, outcome),
            "value_text": " → ".join(text for text in texts if text) if any(map(pd.notna, sizes)) else "",
            "missing_reason": reason,
        }


def _size_or_dash(report: PowerReport, one: pd.Series, outcome: OutcomePlan) -> str:
    size = one["mde_province"]
    return "–" if pd.isna(size) else size_text(report, size, outcome)


def _adds_nothing(now: pd.Series, later: pd.Series) -> bool:
    """Tell whether later data hold no further figures of an outcome, so that the answer is the same."""
    return bool(pd.notna(now["mde"]) and now["mde"] == later["mde"])


def size_text(report: PowerReport, size: float, outcome: OutcomePlan) -> str:
    """Return a size of an effect in the words of the outcome's unit."""
    return report.impact.labels.words.number(
        findings.in_effect_units(size, outcome), findings.effect_decimals(outcome)
    )
