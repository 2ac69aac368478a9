"""For whom: the effects by joining year, type, size, island group and starting level, in figures and words.

Belongs here: what `impact_checks` says of groups of joiners. Does not belong here: computing it
(`evaluation.studies.heterogeneity`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import Chart, ForestGroup, ForestLabels, forest
from evaluation.reporting import findings
from evaluation.reporting.effects import FAMILY_LEVEL, has_estimate
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_words import check_reason, check_remarks
from evaluation.reporting.prose import Prose, bullets
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan
from evaluation.tables import Column, Table, html_table

CHECKS = ("by_cohort", "by_type", "by_population", "by_island_group", "by_baseline")
EQUALITY = "equality"
POPULATION_WEIGHTED = "population_weighted"
GROUPS = (HEADLINE_ROW, POPULATION_WEIGHTED)
"""Rows whose groups are told apart: each region counts once, or each inhabitant."""


def groups_forest(report: ImpactReport, design: str, outcome: str) -> Chart:
    """Return the effects on groups of joiners for one outcome, each way of grouping a block of its own."""
    say, chosen, planned = report.labels.words.say, report.plan.design(design), report.plan.outcome(outcome)
    rows = [row for check in CHECKS for row in _group_rows(report, chosen, planned, check)]
    table = pd.DataFrame(rows)
    present = [check for check in CHECKS if (table["group"] == check).any()]
    unit = findings.effect_unit(planned, report.labels)
    return forest(
        table,
        groups=[
            ForestGroup(
                code=check,
                title=_check_names(report)[check],
                unit=_equality_text(report, chosen, planned, check) or unit,
                format_value=lambda value: report.labels.words.tick(value, signed=True),
                low_label=say("lower"),
                high_label=say("higher"),
            )
            for check in present
        ],
        labels=ForestLabels(
            estimate=say("estimate with 95% interval"),
            detectable=say("an effect this small would probably not be seen"),
            margin=say("size held to matter"),
        ),
        title=say(
            "{outcome} by group of joiners: {joiners}",
            outcome=report.labels.indicator(outcome),
            joiners=report.joiners(chosen),
        ),
        subtitle=say(
            "Average effect in {unit}, each region counted once; groups were fixed beforehand.", unit=unit
        ),
        alt=" ".join(f"{row.label}: {row.value_text or row.missing_reason}." for row in table.itertuples()),
        note=" ".join(
            [
                say("p is adjusted for all groups and outcomes of these joiners (Benjamini–Hochberg)."),
                later_years_note(report, [chosen]),
            ]
        ).strip(),
        source=report.labels.sources([outcome]),
    )


def other_groups(report: ImpactReport, design: str) -> Folded:
    """Return the same for the other primary outcomes of a design, and all of them weighted by population, folded."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    outcomes = [
        outcome
        for outcome in report.outcomes("primary")
        if has_estimate(report.average(design, HEADLINE_ROW, outcome.indicator))
    ]
    charts = tuple(groups_forest(report, design, outcome.indicator) for outcome in outcomes[1:])
    return Folded(
        say("Other outcomes, and weighted by population: {joiners}", joiners=report.joiners(chosen)),
        (*charts, weighting_table(report, design)),
    )


def weighting_table(report: ImpactReport, design: str) -> Table:
    """Return the effects on groups with each region counted once, and with each inhabitant counted once."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    rows = []
    for outcome in report.outcomes("primary"):
        if not has_estimate(report.average(design, HEADLINE_ROW, outcome.indicator)):
            continue
        for check in CHECKS:
            by_region = {row["element"]: row for row in _group_rows(report, chosen, outcome, check)}
            weighted = {
                row["element"]: row
                for row in _group_rows(report, chosen, outcome, check, row=POPULATION_WEIGHTED)
            }
            rows += [
                {
                    "outcome": f"{report.labels.indicator(outcome.indicator)} "
                    f"({findings.effect_unit(outcome, report.labels)})",
                    "name": f"{_check_names(report)[check]}: {row['name']}",
                    "region": row["value_text"] or row["missing_reason"],
                    "population": _text_of(weighted.get(element)),
                }
                for element, row in by_region.items()
            ]
    return html_table(
        pd.DataFrame(rows, columns=["outcome", "name", "region", "population"]),
        columns=[
            Column("name", say("Group")),
            Column("region", say("Every region once"), "number"),
            Column("population", say("Every inhabitant once"), "number"),
        ],
        caption=say("Groups of joiners by weight: {joiners}", joiners=report.joiners(chosen)),
        group_by="outcome",
        footnote=say("Estimate (95%); p adjusted for all groups and outcomes of the same weighting."),
    )


def groups_sentence(report: ImpactReport) -> Prose:
    """Return how many groups stand apart from zero, and how many ways of grouping show unequal effects."""
    say, items = report.labels.words.say, []
    for design in report.plan.designs:
        table = report.checks[
            report.checks["check"].isin(CHECKS)
            & (report.checks["design"] == design.code)
            & (report.checks["row"] == HEADLINE_ROW)
        ]
        groups = table[(table["element"] != EQUALITY) & table["estimate"].notna()]
        tests = table[(table["element"] == EQUALITY) & table["p_adjusted"].notna()]
        if groups.empty:
            continue
        apart = groups[groups["p_adjusted"] < FAMILY_LEVEL]
        unequal = tests[tests["p_adjusted"] < FAMILY_LEVEL]
        items.append(
            say(
                "{joiners}: of {n:n0} effects on groups, {apart:n0} can be told from zero after adjusting for their "
                "number{named}; of {tests:n0} tests that groups have one effect, {unequal:n0} say otherwise{which}.",
                joiners=design.title.get(report.labels.language),
                n=len(groups),
                apart=len(apart),
                named=_named(report, apart),
                tests=len(tests),
                unequal=len(unequal),
                which=_which(report, unequal),
            )
        )
    return bullets(items)


def _named(report: ImpactReport, apart: pd.DataFrame) -> str:
    """Return the groups that stand apart, in brackets, empty where there is none."""
    if apart.empty:
        return ""
    parts = [
        f"{report.labels.short_indicator(str(row.outcome))}: {_element_name(report, str(row.check), str(row.element))}, "
        f"{findings.interval_text(pd.Series(row._asdict()), report.plan.outcome(str(row.outcome)), report.labels)}"
        f"{_placebo_remark(report, str(row.outcome))}"
        for row in apart.itertuples()
    ]
    return f" ({'; '.join(parts)})"


def _placebo_remark(report: ImpactReport, outcome: str) -> str:
    if report.plan.outcome(outcome).family != "placebo":
        return ""
    return report.labels.words.say(", an outcome that should show nothing")


def _which(report: ImpactReport, unequal: pd.DataFrame) -> str:
    if unequal.empty:
        return ""
    names = _check_names(report)
    parts = [
        f"{report.labels.short_indicator(str(row.outcome))} {names[str(row.check)].lower()}"
        for row in unequal.itertuples()
    ]
    return f" ({report.labels.words.listing(parts)})"


def _check_names(report: ImpactReport) -> dict[str, str]:
    say = report.labels.words.say
    return {
        "by_cohort": say("By joining year"),
        "by_type": say("By type"),
        "by_population": say("By population"),
        "by_island_group": say("By island group"),
        "by_baseline": say("By starting level of the outcome"),
    }


def _group_rows(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, check: str, *, row: str = HEADLINE_ROW
) -> list[dict[str, object]]:
    found = report.check(design.code, outcome.indicator, check, row=row)
    found = found[~found["element"].isin([EQUALITY, ""])]
    if check == "by_cohort" and len(found) < 2:
        return []
    return [_group_row(report, one, outcome, check) for _, one in _in_order(report, found, check).iterrows()]


def _in_order(report: ImpactReport, found: pd.DataFrame, check: str) -> pd.DataFrame:
    order = {
        "by_population": ["low", "middle", "high"],
        "by_baseline": ["low", "middle", "high"],
        "by_island_group": list(report.plan.covariates.island_groups),
    }.get(check)
    return (
        found if order is None else found.set_index("element").reindex(order).dropna(how="all").reset_index()
    )


def _group_row(report: ImpactReport, one: pd.Series, outcome: OutcomePlan, check: str) -> dict[str, object]:
    words, labels = report.labels.words, report.labels
    name = _element_name(report, check, str(one["element"]))
    numbers = {
        part: findings.in_effect_units(one[part], outcome)
        for part in ("estimate", "conf_low", "conf_high", "mde")
    }
    text = ""
    if pd.notna(one["estimate"]):
        parts = [findings.interval_text(one, outcome, labels)]
        if pd.notna(one["p_adjusted"]):
            parts.append(findings.p_text(one["p_adjusted"], labels))
        parts.append(check_remarks(str(one["status"]), report.plan, labels))
        text = "; ".join(part for part in parts if part)
    n = one["n_treated"]
    return {
        "group": check,
        "element": one["element"],
        "name": name,
        "label": name if pd.isna(n) else words.say("{name} ({n:n0} joiners)", name=name, n=n),
        **numbers,
        "margin": findings.in_effect_units(outcome.margin, outcome),
        "value_text": text,
        "missing_reason": check_reason(one, labels),
    }


def _element_name(report: ImpactReport, check: str, element: str) -> str:
    say, labels = report.labels.words.say, report.labels
    if check == "by_cohort":
        return say("joined {year:y}", year=int(element))
    if check == "by_type":
        return labels.region_type(element)
    if check == "by_island_group":
        return labels.words.listing(
            labels.island_group(member) for member in report.plan.covariates.island_groups[element]
        )
    return {"low": say("lowest third"), "middle": say("middle third"), "high": say("highest third")}[element]


def _equality_text(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, check: str) -> str:
    one = report.one_check(design.code, outcome.indicator, check, EQUALITY)
    if one is None or pd.isna(one["p_adjusted"]):
        return ""
    p = findings.p_text(one["p_adjusted"], report.labels)
    return report.labels.words.say("one effect for all groups: {p}", p=p)


def _text_of(row: dict[str, object] | None) -> object:
    return "" if row is None else row["value_text"] or row["missing_reason"]
