"""The programme on a region's page: when it joined, its outcomes against its comparison group, what is known.

Belongs here: the programme section of a region's report. Does not belong here: the region's standing
(`evaluation.reporting.region_report`) or the national estimates' page (`evaluation.reporting.impact_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import Chart, Line, Mark, Span, group_lines
from evaluation.charts.palette import ACCENT
from evaluation.reporting.effects import effect_with_cautions
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.reporting.trend_panels import COVID_YEARS, trend_panel
from evaluation.studies.plan import DesignPlan, StudyPlan
from evaluation.studies.profile import RegionProfile
from evaluation.studies.rosters import incomplete_years


def participation_sentences(profile: RegionProfile, *, labels: Labels) -> list[str]:
    """Return when the region joined, how sure that is, and whether it may be a control."""
    say = labels.words.say
    name = str(profile.region["name"])
    if not profile.joined:
        sentences = [say("{region} is in none of the lists of participants that were found.", region=name)]
        sentences.append(
            say(
                "The lists of {years} are incomplete, so this is not proof that it never took part.",
                years=labels.words.listing(map(str, incomplete_years(labels.project))),
            )
        )
    else:
        years = labels.words.listing(str(year) for year in profile.joined)
        sentences = [
            say("{region} joined the programme in {years}.", region=name, years=years),
            say(
                "Joining meant coaching and a master plan, finished at the end of that year; no money came "
                "with it. An effect is therefore looked for from {year:y} on.",
                year=profile.cohort["cohort"],
            ),
            _confidence_sentence(str(profile.cohort["confidence"]), labels),
        ]
        if not profile.cohort["finished"]:
            sentences.append(say("It is not among those that finished their master plan in that year."))
    return [*sentences, _role_sentence(str(profile.cohort["role"]), labels)]


def comparison_lines(profile: RegionProfile, *, plan: StudyPlan, labels: Labels) -> Chart:
    """Return the region's outcomes and the mean of its comparison group.

    The comparison group are the clean controls of the study of the region's own type (kabupaten or kota):
    neither joined nor with a doubtful role. It is not a counterfactual of this region.
    """
    say = labels.words.say
    outcomes = [outcome.indicator for outcome in plan.outcomes if outcome.family == "primary"]
    table = profile.comparison.rename(columns={"indicator": "panel"})
    frame = pd.concat(
        [
            table[["panel", "year"]].assign(group="comparison", value=table["comparison_mean"]),
            table[["panel", "year"]].assign(group="region", value=table["value"]),
        ],
        ignore_index=True,
    ).dropna(subset=["value"])
    kind = labels.region_type(str(profile.region["type"]))
    return group_lines(
        frame,
        panels=[trend_panel(code, labels) for code in outcomes],
        lines=[
            Line("comparison", say("comparison group")),
            Line("region", str(profile.region["name"]), ACCENT),
        ],
        marks=[Mark(year, say("joined {year:y}", year=year)) for year in profile.joined],
        spans=[Span(*COVID_YEARS, label="COVID-19")],
        title=say("Its outcomes beside those of its comparison group"),
        subtitle=say(
            "Primary outcomes by year; the mean of {n:n0} regions of its type ({kind}) that are in no list "
            "of participants.",
            n=table["n_comparison"].max(),
            kind=kind,
        ),
        alt=say(
            "Lines of the primary outcomes of {region} and of the mean of its comparison group.",
            region=profile.region["name"],
        ),
        note=say(
            "Raw figures. The gap between the lines is not the programme's effect: the groups differed "
            "before, and one region's own effect needs a counterfactual of its own."
        ),
        source=labels.sources(outcomes),
    )


def average_effects(
    profile: RegionProfile, estimates: pd.DataFrame, *, plan: StudyPlan, labels: Labels
) -> Prose:
    """Return what is known of the average effect on the regions that joined when this one did."""
    say = labels.words.say
    if not profile.joined:
        return paragraph(
            say("The programme's effect is estimated for regions that joined."),
            _study_sentence(profile, labels),
        )
    design = design_of(profile.joined[0], plan)
    sentences = [
        effect_with_cautions(estimates, design=design, outcome=outcome, plan=plan, labels=labels)
        for outcome in plan.outcomes
        if outcome.family == "primary"
    ]
    intro = say(
        "These are averages over all regions of this group ({group}), against comparison regions of like type, "
        "island and level. {how}",
        group=design.title.get(labels.language),
        how=design.how_chosen.get(labels.language),
    )
    outro = say("What this one region did against a twin of its own stands in the next section.")
    return Prose("\n\n".join([intro, bullets(sentences).text, outro]))


def _study_sentence(profile: RegionProfile, labels: Labels) -> str:
    """Return whether a region that did not join serves as a comparison, and if not, why."""
    say = labels.words.say
    return {
        "control": say(
            "This region is in no list and shows no sign of having taken part: it serves as a comparison."
        ),
        "not_autonomous": say(
            "This region serves as no comparison: it is an administrative part of the capital, and the province runs its "
            "programmes."
        ),
        "split": say(
            "This region serves as no comparison: it was created by a split or lost a part to one, and its series break."
        ),
        "role": say("This region serves as no comparison, because of the doubt named above."),
    }[str(profile.groups["study_role"])]


def design_of(joined: int, plan: StudyPlan) -> DesignPlan:
    """Return the design that studies the joiners of a year."""
    return next(design for design in (*plan.designs, *plan.other_cohorts) if joined in design.joined)


def _confidence_sentence(confidence: str, labels: Labels) -> str:
    say = labels.words.say
    return {
        "two_sources": say("Two sources name it."),
        "one_source": say("One source names it."),
        "inferred": say("The year is inferred from indirect evidence."),
    }[confidence]


def _role_sentence(role: str, labels: Labels) -> str:
    say = labels.words.say
    return {
        "": "",
        "treated_year_unknown": say("There are signs that it took part in a year that is not known."),
        "not_control": say(
            "There are signs of a smart-city plan of its own, so it is never used as a control."
        ),
        "exposure": say("It signed an area commitment in 2021 without the coaching of that year."),
        "repeat_doubtful": say("Whether it took part a second time is doubtful."),
    }[role]
