"""How hard the shock of 2020 hit the 2021 joiners and the regions they are compared with.

Belongs here: the exposure to 2020 as a figure and a sentence. Does not belong here: conditioning on it (rows of the
plan).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import Chart, SpreadBlock, SpreadLabels, spreads
from evaluation.charts.spreads import QUANTILES
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.labels import LOG_POINTS_TO_PERCENT
from evaluation.reporting.prose import Prose, paragraph
from evaluation.studies.panels import change_between, study_units, usable
from evaluation.studies.plan import PAGE_DESIGNS, Exposure, OutcomePlan

SHOCKED = PAGE_DESIGNS[1]
TOURISM_ROW = "with_tourism_dependence"


def exposure_figure(report: ImpactReport) -> Chart:
    """Return how the shock of 2020 hit joiners and comparison regions, by each measure of the plan."""
    say = report.labels.words.say
    rows = pd.concat(
        [_spread_rows(report, exposure) for exposure in report.plan.exposure_to_2020], ignore_index=True
    )
    return spreads(
        rows,
        blocks=[_block(report, exposure) for exposure in report.plan.exposure_to_2020],
        labels=SpreadLabels(
            most=say("middle 80% of regions"), half=say("middle half"), median=say("median"), mean=say("mean")
        ),
        title=say("The shock of 2020: the 2021 joiners and the regions they are compared with"),
        subtitle=say(
            "Change from {first:y} to {last:y}, before these regions joined.",
            first=_years(report)[0],
            last=_years(report)[1],
        ),
        alt=" ".join(f"{row.block}, {row.label}: {row.value_text}." for row in rows.itertuples()),
        note=say(
            "A change over the shock can itself be caused by it; that is why a row is conditioned on it and is not the "
            "headline."
        ),
        source=report.labels.sources(exposure.indicator for exposure in report.plan.exposure_to_2020),
    )


def exposure_sentence(report: ImpactReport) -> Prose:
    """Return by how much more the shock hit joiners, and what the rows conditioned on it and on tourism say."""
    say, words = report.labels.words.say, report.labels.words
    parts = []
    for exposure in report.plan.exposure_to_2020:
        groups = _groups(report, exposure)
        parts.append(
            say(
                "{indicator}: {joiners} among the joiners, {others} among comparison regions",
                indicator=report.labels.indicator(exposure.indicator),
                joiners=words.number(groups["joiners"].mean(), 2, signed=True),
                others=words.number(groups["comparison"].mean(), 2, signed=True),
            )
        )
    return paragraph(
        say("Mean change over the shock. {parts}.", parts="; ".join(parts)),
        *(_row_sentence(report, code) for code in _exposure_rows(report)),
        _tourism_sentence(report),
    )


def _exposure_rows(report: ImpactReport) -> list[str]:
    design = report.plan.design(SHOCKED)
    return [row.code for row in report.plan.rows_of(design) if row.covariates == "exposure"]


def _row_sentence(report: ImpactReport, code: str) -> str:
    outcome = report.plan.outcome("unemployment_rate")
    row = report.average(SHOCKED, code, outcome.indicator)
    return report.labels.words.say(
        "Unemployment in the row “{row}”: {interval}.",
        row=report.row(code).title.get(report.labels.language),
        interval=_interval(report, row, outcome),
    )


def _tourism_sentence(report: ImpactReport) -> str:
    """Return what the row with a user's figures on dependence on tourism says, or that there are none."""
    say, plan = report.labels.words.say, report.plan
    if plan.tourism_dependence is None or TOURISM_ROW not in {row.code for row in plan.rows}:
        return ""
    outcome = plan.outcome("unemployment_rate")
    row = report.average(SHOCKED, TOURISM_ROW, outcome.indicator)
    if has_estimate(row):
        return say(
            "Conditioned on dependence on tourism ({indicator}): {interval}.",
            indicator=report.labels.indicator(plan.tourism_dependence.indicator),
            interval=_interval(report, row, outcome),
        )
    return say(
        "Dependence on tourism has no open data by district. Whoever has figures of “{indicator}” can bring them "
        "(`evaluation data template {code}`), and the row that is conditioned on them is estimated with the next run.",
        indicator=report.labels.indicator(plan.tourism_dependence.indicator),
        code=plan.tourism_dependence.indicator,
    )


def _interval(report: ImpactReport, row: pd.Series, outcome: OutcomePlan) -> str:
    return report.interval_or_empty(row, outcome) or report.why_missing(row)


def _years(report: ImpactReport) -> tuple[int, int]:
    return report.plan.exposure_to_2020[0].years


def _groups(report: ImpactReport, exposure: Exposure) -> dict[str, pd.Series]:
    """Return the change of each joiner and of each comparison region, in the unit it is told in."""
    units = study_units(report.project, report.plan)
    figures = usable(report.indicators, exposure.indicator, report.plan)
    change = change_between(figures, exposure.scale, exposure.years).dropna()
    change = change * (1.0 if exposure.scale == "linear" else LOG_POINTS_TO_PERCENT)
    joined = units.index[units["joined"].isin(report.plan.design(SHOCKED).joined)]
    clean = units.index[units["clean_control"] & units["joined"].isna()]
    return {"joiners": change[change.index.isin(joined)], "comparison": change[change.index.isin(clean)]}


def _spread_rows(report: ImpactReport, exposure: Exposure) -> pd.DataFrame:
    say, words = report.labels.words.say, report.labels.words
    names = {
        "joiners": say("2021 joiners ({n:n0})", n=len(_groups(report, exposure)["joiners"])),
        "comparison": say("comparison regions ({n:n0})", n=len(_groups(report, exposure)["comparison"])),
    }
    rows = []
    for group, values in _groups(report, exposure).items():
        quantiles = values.quantile(list(QUANTILES)).tolist()
        rows.append(
            {
                "block": exposure.indicator,
                "label": names[group],
                **dict(zip(("low", "lower", "median", "upper", "high"), quantiles, strict=True)),
                "mean": values.mean(),
                "value_text": say("mean {mean}", mean=words.number(values.mean(), 2, signed=True)),
                "strong": group == "joiners",
            }
        )
    return pd.DataFrame(rows)


def _block(report: ImpactReport, exposure: Exposure) -> SpreadBlock:
    words = report.labels.words
    return SpreadBlock(
        exposure.indicator,
        report.labels.indicator(exposure.indicator),
        words.say("points") if exposure.scale == "linear" else words.say("per cent"),
        lambda value: words.tick(value, signed=True),
    )
