"""The table of what effect could be seen, and its files.

Belongs here: laying out the rows on power. Does not belong here: sentences and the figure
(`evaluation.reporting.impact_power`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_power import PowerReport, size_text
from evaluation.reporting.impact_words import check_reason, check_remarks
from evaluation.studies.plan import Family, OutcomePlan
from evaluation.tables import Column, Table, download_links, html_table

HORIZONS = ("now", "later")
"""Keys of the columns of each end of the data."""


def power_table(report: PowerReport, *, families: Sequence[Family] = ("primary",)) -> Table:
    """Return the same in figures for the outcomes of some families, with the chance of seeing an effect that matters."""
    say = report.impact.labels.words.say
    rows = [
        _table_row(report, outcome, code, name)
        for family in families
        for outcome in report.impact.outcomes(family)
        for code, name in report.groups()
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Joiners")),
            Column("n", say("Joiners / comparison")),
            Column("factor", say("Times larger by province"), "number"),
            *(
                column
                for key, end in zip(HORIZONS, report.ends, strict=True)
                for column in _columns(key, end, say)
            ),
        ],
        caption=say("What effect could be seen, by outcome and joiners"),
        group_by="outcome",
        wide=True,
    )


def others_folded(report: PowerReport) -> Folded:
    """Return the figures of outcomes related to selection and of placebo outcomes, folded."""
    line = report.impact.labels.words.say("Outcomes related to selection, and placebo outcomes, in figures")
    return Folded(line, (power_table(report, families=("secondary", "placebo")),))


def downloads(report: PowerReport) -> Table:
    """Return the rows as files."""
    say = report.impact.labels.words.say
    return download_links(
        {"power": report.table.drop(columns="check")},
        file_stem="kota-cerdas-power",
        labels={"power": say("Power of every comparison"), "xlsx": say("All tables (Excel)")},
        heading=say("Take the figures of this page with you:"),
    )


def _columns(key: str, end: int, say: Callable[..., str]) -> tuple[Column, ...]:
    """Return the columns of one horizon: size if regions shared no shocks, size as provinces share them, chance."""
    reason = f"{key}_reason"
    return (
        Column(f"{key}_alone", say("To {year:y}, no shared shocks", year=end), "number", reason_key=reason),
        Column(key, say("To {year:y}, shocks shared by province", year=end), "number", reason_key=reason),
        Column(
            f"{key}_chance",
            say("Chance to see what matters, to {year:y}", year=end),
            "number",
            reason_key=reason,
        ),
    )


def _table_row(report: PowerReport, outcome: OutcomePlan, code: str, name: str) -> dict[str, object]:
    labels, words = report.impact.labels, report.impact.labels.words
    margin = words.say(
        "{outcome} ({unit}); {margin} is held to matter",
        outcome=labels.indicator(outcome.indicator),
        unit=findings.effect_unit(outcome, labels),
        margin=size_text(report, outcome.margin, outcome),
    )
    row: dict[str, object] = {"outcome": margin, "name": name, "n": "", "factor": ""}
    for key, end in zip(HORIZONS, report.ends, strict=True):
        one = report.row(code, outcome.indicator, end)
        row[f"{key}_reason"] = "" if one is None else check_reason(one, labels)
        row[key] = row[f"{key}_alone"] = row[f"{key}_chance"] = ""
        if one is not None and pd.notna(one["mde"]):
            filled = _horizon(report, one, outcome, key)
            row |= {name: text for name, text in filled.items() if not row[name]}
    return row


def _horizon(report: PowerReport, one: pd.Series, outcome: OutcomePlan, key: str) -> dict[str, object]:
    words = report.impact.labels.words
    remark = check_remarks(str(one["status"]), report.impact.plan, report.impact.labels)
    known = pd.notna(one["mde_province"])
    return {
        "n": words.say("{treated:n0} / {control:n0}", treated=one["n_treated"], control=one["n_control"]),
        "factor": _factor_text(report, one),
        f"{key}_alone": size_text(report, one["mde"], outcome) + (f" [{remark}]" if remark else ""),
        key: size_text(report, one["mde_province"], outcome) if known else "",
        f"{key}_chance": words.say("{share:p0}", share=100 * one["chance_province"]) if known else "",
    }


def _factor_text(report: PowerReport, one: pd.Series) -> str:
    """Return the factor for provinces and from which joiners it is, if not from these."""
    words = report.impact.labels.words
    if pd.isna(one["province_factor"]):
        return ""
    factor = words.number(one["province_factor"], 2)
    whose = {"pool": words.say("from the pool"), "outcome": words.say("from other joiners")}
    source = whose.get(str(one["province_source"]))
    return f"{factor} [{source}]" if source else factor
