"""The tables of the impact page.

Belongs here: results of the study plan as tables. Does not belong here: figures
(`evaluation.reporting.impact_figures`) or sentences (`evaluation.reporting.impact_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.impact import AttGtResult, balance
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_answer import province_interval, province_mde, verdict_text
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import (
    NO_BREAK_SPACE,
    counts,
    effect_size,
    unbroken,
    unknown_note,
    with_unknown,
)
from evaluation.reporting.impact_smallness import limit_cell
from evaluation.reporting.impact_words import note_text
from evaluation.reporting.prose import Prose, paragraph
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan
from evaluation.tables import Column, Table, download_links, html_table

DIGITS = 8
"""Significant digits of numbers to take away."""
BALANCED = 0.1
"""Standardised difference below which a covariate is usually called balanced (Austin 2009, 10.1002/sim.3697)."""


def estimates_table(report: ImpactReport, design: str) -> Table:
    """Return all outcomes of one design by family: estimate, both intervals, adjusted p value, and the verdict."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    rows = [_estimate_row(report, chosen, outcome) for outcome in report.plan.outcomes]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("conditional", say("Estimate (95%, by region)"), "number", unbroken, reason_key="reason"),
            Column("province", say("95%, by province"), "number", reason_key="reason"),
            Column("adjusted", say("p, adjusted"), "number", reason_key="reason"),
            Column("unknown", say("With unknown participants"), "number", unbroken, reason_key="reason"),
            Column("verdict", say("What it says")),
        ],
        caption=say("Average effect by outcome: {design}", design=chosen.title.get(report.labels.language)),
        group_by="family",
        footnote=" ".join([_estimates_note(report), unknown_note(report)]),
        wide=True,
    )


def seen_table(report: ImpactReport, design: str) -> Table:
    """Return for all outcomes of one design what could be seen, what matters, and what lies behind the estimate."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    rows = [_seen_row(report, chosen, outcome) for outcome in report.plan.outcomes]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column(
                "mde_province",
                say("Smallest effect likely to be seen, by province"),
                "number",
                reason_key="reason",
            ),
            Column("mde", say("the same by region"), "number", reason_key="reason"),
            Column("margin", say("Size held to matter"), "number"),
            Column("equivalence", say("Smaller than that?"), "number", reason_key="reason"),
            Column("bend", say("Within it up to a bend of"), "number", reason_key="reason"),
            Column("unconditional", say("Unconditional (95%)"), "number", unbroken, reason_key="reason"),
            Column("pre", say("Before joining"), "number", reason_key="reason"),
            Column("n", say("Joiners / comparison"), reason_key="reason"),
            Column("base", say("Base year"), reason_key="reason"),
        ],
        caption=say("What could be seen: {design}", design=chosen.title.get(report.labels.language)),
        group_by="family",
        footnote=say(
            "Smaller than that?: p value of the hypothesis that the effect is at least as large as the size held to matter, "
            "either way (two one-sided tests, errors by region); a small one is evidence that it is smaller. Within it up to a "
            "bend of: the largest bend in trends a year, in such sizes, at which the whole 95% interval stays within it. Before "
            "joining: joint test that joiners and comparison regions moved alike before; a small p speaks against the "
            "assumption, a large one does not prove it."
        ),
        wide=True,
    )


def margins_table(report: ImpactReport) -> Table:
    """Return the size of effect that is held to matter for each outcome, and why."""
    say, language = report.labels.words.say, report.labels.language
    rows = [
        {
            "name": report.labels.indicator(outcome.indicator),
            "margin": f"{effect_size(report, outcome.margin, outcome)} {findings.effect_unit(outcome, report.labels)}",
            "why": outcome.margin_reason.get(language),
        }
        for outcome in report.plan.outcomes
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("margin", say("Size held to matter"), "number"),
            Column("why", say("Why so much")),
        ],
        caption=say("What counts as an effect that matters, fixed before any estimate"),
    )


def margins_folded(report: ImpactReport) -> Folded:
    """Return the sizes that are held to matter, folded."""
    return Folded(
        report.labels.words.say("What size of effect is held to matter, and why"), (margins_table(report),)
    )


def details(report: ImpactReport, design: str) -> Folded:
    """Return what could be seen and the remarks of the engine on the headline estimates of a design, folded."""
    return Folded(
        report.labels.words.say("What could be seen, trends before, numbers of regions and base years"),
        (seen_table(report, design), *remarks_table(report, design)),
    )


def remarks_table(report: ImpactReport, design: str) -> tuple[Table, ...]:
    """Return what the engine remarks about the headline estimates of a design, nothing where it has no remark."""
    say, rows = report.labels.words.say, []
    for outcome in report.plan.outcomes:
        if not has_estimate(report.average(design, HEADLINE_ROW, outcome.indicator)):
            continue
        notes = [note_text(note, report.labels) for note in report.effects(design, outcome.indicator).notes]
        if notes:
            name = report.labels.indicator(outcome.indicator)
            rows.append({"name": name, "remarks": " ".join(dict.fromkeys(notes))})
    if not rows:
        return ()
    table = html_table(
        pd.DataFrame(rows),
        columns=[Column("name", say("Outcome")), Column("remarks", say("Remarks on the estimate"))],
        caption=say("What the estimator remarks"),
    )
    return (table,)


def balance_table(report: ImpactReport, design: str, outcome: str) -> Table:
    """Return how like joiners and comparison regions are, before and after weighting."""
    say, words = report.labels.words.say, report.labels.words
    effects = report.effects(design, outcome)
    latest = _latest_balance(effects)
    latest = latest.assign(
        name=[_covariate(report, code) for code in latest["covariate"]],
        joined=[say("joined {year:y}", year=cohort - YEARS_TO_FIRST_EFFECT) for cohort in latest["cohort"]],
    )
    number = lambda value: words.number(value, 2, signed=True)  # noqa: E731
    return html_table(
        latest.sort_values(["cohort", "covariate"]),
        columns=[
            Column("name", say("Trait before joining")),
            Column("difference_before", say("Difference before weighting"), "number", number),
            Column("difference_after", say("after weighting"), "number", number),
        ],
        caption=say(
            "Standardised differences from comparison regions, comparisons of {outcome}: {design}",
            outcome=report.labels.short_indicator(outcome),
            design=report.plan.design(design).title.get(report.labels.language),
        ),
        group_by="joined",
        footnote=say(
            "In standard deviations, in the comparison of the last year; below {limit:n1} either way is usually called balanced.",
            limit=BALANCED,
        ),
    )


def balance_sentence(report: ImpactReport, design: str, outcome: str) -> Prose:
    """Return the largest difference of the balance table before and after weighting, and how many regions carry it."""
    table = _latest_balance(report.effects(design, outcome))
    before, after = (
        table.loc[table[column].abs().idxmax()] for column in ("difference_before", "difference_after")
    )
    return paragraph(
        report.labels.words.say(
            "{design}; comparisons of {outcome}. Before weighting joiners and comparison regions differ most in {trait} "
            "({before:s2} standard deviations), after weighting in {left} ({after:s2}).",
            design=report.plan.design(design).title.get(report.labels.language),
            outcome=report.labels.short_indicator(outcome),
            trait=_covariate(report, str(before["covariate"])),
            before=before["difference_before"],
            left=_covariate(report, str(after["covariate"])),
            after=after["difference_after"],
        ),
        report.overlap_sentence(design, outcome).text,
    )


def _latest_balance(effects: AttGtResult) -> pd.DataFrame:
    """Return the balance of each cohort's traits in the last year compared, which has the fewest regions without figures."""
    table = balance(effects).sort_values("last_year")
    return table.drop_duplicates(["cohort", "covariate"], keep="last")


def balance_folded(report: ImpactReport, outcome: str) -> Folded:
    """Return the balance tables of both designs, folded."""
    return Folded(
        report.labels.words.say("All traits before and after weighting"),
        tuple(balance_table(report, design.code, outcome) for design in report.plan.designs),
    )


def downloads(report: ImpactReport) -> Table:
    """Return all estimates and their checks as files."""
    say = report.labels.words.say
    return download_links(
        {"estimates": rounded(report.estimates), "checks": rounded(report.checks)},
        file_stem="kota-cerdas-impact",
        labels={
            "estimates": say("All estimates"),
            "checks": say("All checks of the estimates"),
            "xlsx": say("All tables (Excel)"),
        },
        heading=say("Take the figures of this page with you:"),
    )


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its numbers to eight digits, which halves what a page carries; the kept table has them all."""
    numbers = table.select_dtypes("float").columns
    digits = {name: [float(f"{value:.{DIGITS}g}") for value in table[name]] for name in numbers}
    return table.assign(**digits)


def _estimate_row(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> dict[str, object]:
    average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    return {
        **_named(report, outcome),
        "conditional": report.interval_or_empty(average, outcome),
        "province": _province(report, average, outcome),
        "adjusted": _p(report, average["p_adjusted"]),
        "unknown": with_unknown(report, design, report.row(HEADLINE_ROW), outcome),
        "verdict": verdict_text(report, average),
        "reason": report.why_missing(average),
    }


def _seen_row(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> dict[str, object]:
    average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    plain = report.average(design.code, "unconditional", outcome.indicator)
    equivalence = report.one_check(design.code, outcome.indicator, "equivalence")
    return {
        **_named(report, outcome),
        "mde_province": effect_size(report, province_mde(report, average), outcome),
        "mde": effect_size(report, average["mde"], outcome),
        "bend": limit_cell(report, design.code, outcome),
        "margin": effect_size(report, outcome.margin, outcome),
        "equivalence": "" if equivalence is None else _p(report, equivalence["p_value"]),
        "unconditional": report.interval_or_empty(plain, outcome),
        "pre": _p(report, report.pre_trends_p(design.code, outcome.indicator)),
        "n": counts(report, average),
        "base": _base_years(report, design.code, outcome.indicator),
        "reason": report.why_missing(average),
    }


def _named(report: ImpactReport, outcome: OutcomePlan) -> dict[str, object]:
    family, language = report.plan.families[outcome.family], report.labels.language
    return {
        "family": f"{family.name.get(language)}: {family.reason.get(language)}",
        "name": f"{report.labels.indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
    }


def _province(report: ImpactReport, average: pd.Series, outcome: OutcomePlan) -> str:
    low, high = (findings.in_effect_units(end, outcome) for end in province_interval(report, average))
    if pd.isna(low):
        return ""
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    text = words.say(
        "{low} to {high}",
        low=words.number(low, digits, signed=True),
        high=words.number(high, digits, signed=True),
    )
    return text.replace(" ", NO_BREAK_SPACE)


def _estimates_note(report: ImpactReport) -> str:
    say = report.labels.words.say
    return say(
        "Doubly robust, by cohort and year, averaged over joiners. By region: regions err independently; by province: regions "
        "of a province may err together (jackknife), the interval to rely on. p is adjusted within the primary outcomes that "
        "these joiners have (Romano–Wolf), and over their secondary and placebo outcomes together (Benjamini–Hochberg). No "
        "stars: the intervals are to be read."
    )


def _p(report: ImpactReport, p: float) -> str:
    return "" if pd.isna(p) else unbroken(findings.p_text(p, report.labels))


def _base_years(report: ImpactReport, design: str, outcome: str) -> str:
    groups = report.select(design, "conditional", outcome, "group")
    return report.labels.words.listing(str(int(year)) for year in sorted(set(groups["base_year"].dropna())))


def _covariate(report: ImpactReport, code: str) -> str:
    say = report.labels.words.say
    if code.startswith("mean_"):
        return report.labels.indicator(code.removeprefix("mean_"))
    if code == "is_city":
        return say("city (kota)")
    return say("island group: {name}", name=_island_name(report, code))


def _island_name(report: ImpactReport, code: str) -> str:
    members = report.plan.covariates.island_groups[code.partition("=")[2]]
    return report.labels.words.listing(report.labels.island_group(member) for member in members)
