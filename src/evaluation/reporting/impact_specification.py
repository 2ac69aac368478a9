"""Every row of the plan in one picture an outcome: sorted estimates above the choices behind each.

Belongs here: the specification curves and the tables of all rows, none left out. Does not belong here: which rows
there are (``config/study_plan.yml``).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from evaluation.charts import Chart, Choice, CurveBlock, CurveLabels, specification_curve
from evaluation.reporting import findings
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import rows_table
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, paragraph
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan, RowPlan

OTHER_COHORTS = "other_cohorts"


def curve(report: ImpactReport, outcome: str) -> Chart:
    """Return every row of the plan for one outcome: estimates with intervals, and the choices of each row."""
    say, planned = report.labels.words.say, report.plan.outcome(outcome)
    rows = curve_rows(report, planned)
    told = rows[(rows["conf_low"] > 0) | (rows["conf_high"] < 0)]
    unit = findings.effect_unit(planned, report.labels)
    return specification_curve(
        rows,
        blocks=[_block(report, rows, design.code) for design in report.plan.designs]
        + [_block(report, rows, OTHER_COHORTS)],
        choices=_choices(report, rows),
        labels=CurveLabels(
            told=say("zero lies outside the 95% interval"),
            untold=say("zero lies inside"),
            headline=say("headline row"),
            usual=say("in the headline:"),
            missing=say("no estimate; the reason stands in the table"),
            margin=say("size held to matter"),
        ),
        format_value=lambda value: report.labels.words.tick(value, signed=True),
        margin=findings.in_effect_units(planned.margin, planned),
        title=say(
            "{outcome}: all {n:n0} estimates, {told:n0} with zero outside the interval",
            outcome=report.labels.indicator(outcome),
            n=len(rows),
            told=len(told),
        ),
        subtitle=say(
            "Estimates in {unit}, smallest to largest, with 95% intervals; dots below show where a row departs from the "
            "headline.",
            unit=unit,
        ),
        alt=_alt(report, rows, planned),
        note=" ".join(
            [
                say(
                    "Rows are no independent evidence: they share regions and figures. None is adjusted for the number of rows, "
                    "none was left out."
                ),
                later_years_note(report, (*report.plan.designs, *report.plan.other_cohorts), rows=None),
            ]
        ).strip(),
        source=report.labels.sources([outcome]),
    )


def other_curves(report: ImpactReport) -> Folded:
    """Return the curves of the outcomes that are not primary, folded."""
    outcomes = [outcome for outcome in report.plan.outcomes if outcome.family != "primary"]
    return Folded(
        report.labels.words.say("The other {n:n0} outcomes, drawn alike", n=len(outcomes)),
        tuple(curve(report, outcome.indicator) for outcome in outcomes),
    )


def row_tables(report: ImpactReport) -> Folded:
    """Return the tables of all rows of the primary outcomes, folded."""
    return Folded(
        report.labels.words.say("The same rows in figures, with the reason where there is no estimate"),
        tuple(rows_table(report, outcome.indicator) for outcome in report.outcomes("primary")),
    )


def rows_stated(report: ImpactReport) -> Prose:
    """Return how many rows there are, how many have an estimate, and how many were added later."""
    say, estimates = report.labels.words.say, report.estimates
    simple = estimates[estimates["parameter"] == "simple"]
    missing = int(simple["status"].str.startswith(NOT_ESTIMABLE).sum())
    later = sum(row.added_later for row in report.plan.rows)
    return paragraph(
        say(
            "The plan names {rows:n0} rows; over all groups of joiners and outcomes they ask for {n:n0} estimates. "
            "{missing:n0} of these cannot be made, and each says why.",
            rows=len(report.plan.rows),
            n=len(simple),
            missing=missing,
        ),
        say(
            "{later:n0} rows were added after the first estimates were seen; none was taken out.", later=later
        )
        if later
        else "",
    )


def curve_rows(report: ImpactReport, outcome: OutcomePlan) -> pd.DataFrame:
    """Return one row a specification of an outcome, with its estimate in the unit it is told in and its choices."""
    headline = {design.code for design in report.plan.designs}
    rows = [
        {
            "block": design.code if design.code in headline else OTHER_COHORTS,
            "row": row.code,
            "headline": row.code == HEADLINE_ROW and design.code in headline,
            **_numbers(report.average(design.code, row.code, outcome.indicator), outcome),
            **_chosen(report, design, row),
        }
        for design in (*report.plan.designs, *report.plan.other_cohorts)
        for row in report.plan.rows_of(design)
    ]
    return pd.DataFrame(rows)


def _numbers(average: pd.Series, outcome: OutcomePlan) -> dict[str, float]:
    return {
        part: findings.in_effect_units(average[part], outcome)
        for part in ("estimate", "conf_low", "conf_high")
    }


def _chosen(report: ImpactReport, design: DesignPlan, row: RowPlan) -> dict[str, str]:
    plan = report.plan
    return {
        "joiners": ",".join(map(str, design.joined)),
        "estimator": plan.estimator_of(row),
        "covariates": row.covariates,
        "base": str(plan.anticipation_of(design, row)),
        "end": str(row.end_year or design.end_year),
        "drop": ",".join(map(str, row.drop_years)) or "none",
        "treated": row.treated,
        "controls": row.controls,
        "units": row.units,
        "weights": row.weights,
    }


def _block(report: ImpactReport, rows: pd.DataFrame, code: str) -> CurveBlock:
    say, own = report.labels.words.say, rows[rows["block"] == code]
    title = (
        say("Cohorts outside the headline groups")
        if code == OTHER_COHORTS
        else report.plan.design(code).title.get(report.labels.language)
    )
    remark = say(
        "{n:n0} rows, {missing:n0} without an estimate", n=len(own), missing=own["estimate"].isna().sum()
    )
    return CurveBlock(code, title, remark)


def _alt(report: ImpactReport, rows: pd.DataFrame, outcome: OutcomePlan) -> str:
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    parts = []
    for design in report.plan.designs:
        own = rows[(rows["block"] == design.code) & rows["estimate"].notna()]
        if own.empty:
            continue
        values = own["estimate"]
        parts.append(
            words.say(
                "{joiners}: {n:n0} estimates from {low} to {high}, median {median}.",
                joiners=report.joiners(design),
                n=len(own),
                low=words.number(values.min(), digits, signed=True),
                high=words.number(values.max(), digits, signed=True),
                median=words.number(values.median(), digits, signed=True),
            )
        )
    return " ".join([report.labels.indicator(outcome.indicator) + ".", *parts])


def _choices(report: ImpactReport, rows: pd.DataFrame) -> list[Choice]:
    say = report.labels.words.say
    named = {
        "joiners": (say("Joiners"), {code: code.replace(",", "–") for code in sorted(set(rows["joiners"]))}),
        "estimator": (say("Estimator"), estimator_names(report.labels)),
        "covariates": (say("Compared are regions alike in"), _covariate_names(report.labels)),
        "base": (
            say("Base year"),
            {code: _base_name(code, report.labels) for code in sorted(set(rows["base"]))},
        ),
        "end": (say("Last year"), {code: code for code in sorted(set(rows["end"]))}),
        "drop": (
            say("Years left out"),
            {
                "none": say("none"),
                **{code: code.replace(",", ", ") for code in sorted(set(rows["drop"]) - {"none"})},
            },
        ),
        "treated": (say("Which joiners"), _treated_names(report.labels)),
        "controls": (say("Comparison regions"), _control_names(report.labels)),
        "units": (say("Regions left out"), _unit_names(report.labels)),
        "weights": (say("Weights"), {"none": say("every region alike"), "population": say("population")}),
    }
    return [Choice(column, title, options) for column, (title, options) in named.items()]


def estimator_names(labels: Labels) -> Mapping[str, str]:
    """Return the name of every estimator that a row may ask for."""
    say = labels.words.say
    return {
        "dr": say("doubly robust (Callaway–Sant'Anna)"),
        "reg": say("outcome regression (Callaway–Sant'Anna)"),
        "ipw": say("inverse probability weights (Callaway–Sant'Anna)"),
        "entropy": say("entropy balancing"),
        "imputation": say("imputation (Borusyak–Jaravel–Spiess)"),
        "two_stage": say("two-stage (Gardner)"),
        "sun_abraham": say("Sun–Abraham"),
        "etwfe": say("extended two-way (Wooldridge)"),
        "stacked": say("stacked (Wing–Freedman–Hollingsworth)"),
        "synthetic_did": say("synthetic difference-in-differences"),
        "twfe": say("plain two-way fixed effects"),
    }


def _covariate_names(labels: Labels) -> Mapping[str, str]:
    say = labels.words.say
    return {
        "planned": say("type, island, starting level"),
        "exposure": say("the same, and exposure to 2020"),
        "tourism": say("the same, and dependence on tourism"),
        "without_island": say("type and starting level"),
        "island_only": say("island only"),
        "none": say("nothing"),
    }


def _base_name(code: str, labels: Labels) -> str:
    say = labels.words.say
    named = {"0": say("the joining year"), "1": say("the year before joining")}
    return named.get(code) or say("{n:n0} years before joining", n=int(code))


def _treated_names(labels: Labels) -> Mapping[str, str]:
    say = labels.words.say
    return {
        "all": say("all"),
        "finished": say("finished their plan"),
        "two_sources": say("named by two sources"),
    }


def _control_names(labels: Labels) -> Mapping[str, str]:
    say = labels.words.say
    return {
        "clean": say("never joined or later joiners"),
        "never_treated": say("never joined"),
        "not_yet_treated": say("later joiners"),
        "outside_java": say("outside Java"),
        "beyond_50km": say("beyond {km:n0} km", km=50),
        "beyond_100km": say("beyond {km:n0} km", km=100),
    }


def _unit_names(labels: Labels) -> Mapping[str, str]:
    say = labels.words.say
    return {
        "all": say("none"),
        "not_mining": say("mining outliers"),
        "not_java_bali": say("Java and Bali"),
    }
