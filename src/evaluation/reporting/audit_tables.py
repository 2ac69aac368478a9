"""The tables of the audit's page.

Belongs here: an audit as tables, on the page and to take away. Does not belong here: sentences
(`evaluation.reporting.audit_report`) or the words of flags (`evaluation.reporting.audit_flags`).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from evaluation.reporting.audit_flags import consistency_words, group_name, shape_words
from evaluation.reporting.audit_flags import findings_table as flagged
from evaluation.reporting.audit_report import AuditReport
from evaluation.reporting.site import page_link
from evaluation.schema import INDEX_CODE
from evaluation.studies.alternatives import MOVED_FAR
from evaluation.tables import Column, Table, download_links, html_table

SHOWN_MOVERS = 2
"""Regions shown for each alternative in either direction."""

LEVELS = ("pillar", "indicator")
"""Levels that are shown; a dimension is mostly a single indicator."""


def findings_table(report: AuditReport) -> Table:
    """Return everything that the audit flags, in words."""
    return flagged(report.audit.tables["findings"], report.labels)


def coverage_table(report: AuditReport) -> Table:
    """Return how many regions have all, some and none of each pillar's indicators."""
    say, table = report.labels.words.say, report.audit.tables["coverage"]
    shown = table[table["level"] != "dimension"]
    whole = _whole(report)
    return html_table(
        shown.assign(name=[report.name(code) for code in shown["code"]]),
        columns=[
            Column("name", say("Pillar")),
            Column("n_indicators", say("Indicators"), "number", whole),
            Column("n_complete", say("Regions with all"), "number", whole),
            Column("n_partial", say("with some"), "number", whole),
            Column("n_none", say("with none"), "number", whole),
        ],
        caption=say("Regions by how many of the indicators they have"),
        phone="scroll",
    )


def indicator_table(report: AuditReport) -> Table:
    """Return the shape of each indicator's figures, and how many of them are extreme."""
    say, table = report.labels.words.say, report.audit.tables["indicators"]
    whole = _whole(report)

    def decimal(number: float) -> str:
        return report.labels.words.number(number, 1)

    rows = table.assign(
        name=[report.name(code) for code in table["indicator"]],
        **{
            column: [
                report.labels.value(*pair) for pair in zip(table["indicator"], table[column], strict=True)
            ]
            for column in ("minimum", "median", "maximum")
        },
        shape=[
            shape_words(*flags, report.labels)
            for flags in zip(table["flags"], table["score_flags"], strict=True)
        ],
    )
    return html_table(
        rows,
        columns=[
            Column("name", say("Indicator")),
            Column("minimum", say("Lowest"), "number"),
            Column("median", say("Median"), "number"),
            Column("maximum", say("Highest"), "number"),
            Column("skewness", say("Skewness"), "number", decimal),
            Column("kurtosis", say("Kurtosis"), "number", decimal),
            Column("n_low", say("Below the goalposts"), "number", whole),
            Column("n_high", say("Above them"), "number", whole),
            Column("n_outliers", say("Outliers"), "number", whole),
            Column("shape", say("Flagged")),
        ],
        caption=say("The figures of all regions, and how many of them are extreme"),
        phone="scroll",
        footnote=say(
            "Outliers: figures that would have to be drawn in before skewness or kurtosis is within the usual limits. The "
            "workbook below names each figure and region."
        ),
        wide=True,
    )


def consistency_table(report: AuditReport) -> Table:
    """Return alpha, sampling adequacy and first component of each pillar."""
    say, words = report.labels.words.say, report.labels.words
    components = report.audit.tables["components"]
    first = components[components["component"] == 1].set_index("code")
    table = report.audit.tables["reliability"].set_index("code")
    table = table.join(first[["adequacy", "share", "flags"]]).reset_index()
    rows = table.assign(
        name=[group_name(code, report.labels) for code in table["code"]],
        reason=say("one indicator"),
        said=[
            consistency_words(flag, found if isinstance(found, str) else "", report.labels)
            for flag, found in zip(table["flag"], table["flags"], strict=True)
        ],
    )
    return html_table(
        rows,
        columns=[
            Column("name", say("Pillar")),
            Column("n_children", say("Parts"), "number", _whole(report)),
            Column(
                "alpha", say("Cronbach's alpha"), "number", lambda n: words.number(n, 2), reason_key="reason"
            ),
            Column(
                "adequacy",
                say("Kaiser-Meyer-Olkin"),
                "number",
                lambda n: words.number(n, 2),
                reason_key="reason",
            ),
            Column(
                "share",
                say("First component"),
                "number",
                lambda share: words.say("{share:p0}", share=100 * share),
                reason_key="reason",
            ),
            Column("said", say("Reading")),
        ],
        caption=say("Agreement and components, pillar by pillar"),
        footnote=say(
            "Alpha of at least 0.7 and a Kaiser-Meyer-Olkin measure of at least 0.6 are the usual limits; the latter is always "
            "0.5 for two parts. The programme defines the pillars, so a low value is a warning to the reader and not an error "
            "of the index."
        ),
    )


def removal_table(report: AuditReport) -> Table:
    """Return how far ranks would move without each pillar and each indicator."""
    say, words = report.labels.words.say, report.labels.words
    table = report.audit.tables["removal"]
    headings = {"pillar": say("Pillars"), "indicator": say("Indicators")}
    shown = pd.concat(
        [table[table["level"] == level].sort_values("mean_abs_change", ascending=False) for level in LEVELS],
        ignore_index=True,
    )
    rows = shown.assign(
        group=shown["level"].map(headings), name=[report.name(code) for code in shown["code"]]
    )
    return html_table(
        rows,
        columns=[
            Column("name", say("Without")),
            Column(
                "mean_abs_change",
                say("Mean move, places"),
                "number",
                lambda n: words.number(n, 1),
                reason_key="reason",
            ),
            Column("max_abs_change", say("Farthest move"), "number", _whole(report), reason_key="reason"),
            Column(
                "most_moved",
                say("Region that moves farthest"),
                render=lambda row: _region(report, row["most_moved"]),
            ),
            Column(
                "most_moved_change", say("Places gained"), "number", lambda n: words.number(n, 0, signed=True)
            ),
        ],
        caption=say("How far ranks would move without each part of the index"),
        phone="scroll",
        group_by="group",
    )


def alternatives_table(report: AuditReport) -> Table:
    """Return each alternative: what it changes, and how far ranks move."""
    say, words = report.labels.words.say, report.labels.words
    table = report.audit.tables["alternatives"]
    rows = table.assign(
        name=[_capital(report.alternative_names[code]) for code in table["alternative"]],
        text=[report.alternative_text(code) for code in table["alternative"]],
        through=[report.name(code) if code else "" for code in table["pillar"]],
        nothing=say("no rank moves"),
    )
    return html_table(
        rows,
        columns=[
            Column("name", say("Made otherwise")),
            Column("text", say("What changes")),
            Column("mean_abs_change", say("Mean move, places"), "number", lambda n: words.number(n, 1)),
            Column("max_abs_change", say("Farthest move"), "number", _whole(report)),
            Column(
                "share_moved_far",
                say("Move more than {n:n0} places", n=MOVED_FAR),
                "number",
                lambda share: words.say("{share:p0}", share=100 * share),
            ),
            Column("spearman", say("Rank correlation"), "number", lambda n: words.number(n, 2)),
            Column("through", say("Mostly through"), reason_key="nothing"),
        ],
        caption=say("The index made otherwise, from the same figures"),
        footnote=say(
            "Mostly through: the pillar whose part in the regions' standing changes most on average."
        ),
        wide=True,
    )


def movers_table(report: AuditReport) -> Table:
    """Return the regions that gain and lose most under each alternative, and through which pillar."""
    say, words, whole = report.labels.words.say, report.labels.words, _whole(report)
    shown = _movers(report.audit.tables["moves"])
    rows = shown.assign(
        group=[_capital(report.alternative_names[code]) for code in shown["alternative"]],
        through=[report.name(code) for code in shown["pillar"]],
    )
    return html_table(
        rows,
        columns=[
            Column("region_code", say("Region"), render=lambda row: _region(report, row["region_code"])),
            Column("rank", say("Rank here"), "number", whole),
            Column("rank_alternative", say("Rank then"), "number", whole),
            Column("rank_change", say("Places gained"), "number", lambda n: words.number(n, 0, signed=True)),
            Column("through", say("Mostly through")),
        ],
        caption=say("Regions that move farthest when the index is made otherwise"),
        phone="scroll",
        group_by="group",
    )


def interval_table(report: AuditReport) -> Table:
    """Return how wide the intervals of ranks are, pillar by pillar."""
    say, words, whole = report.labels.words.say, report.labels.words, _whole(report)
    table = report.audit.tables["interval_widths"].set_index("code")
    codes = [code for code in (INDEX_CODE, *report.labels.catalog.pillars) if code in table.index]
    found = ["median_width", "high_width", "n_quarter", "n_top", "n_bottom", "share_apart"]
    several = table["n_indicators"] > 1
    rows = table.assign(
        **{column: table[column].where(several) for column in found},
        name=[report.name(code) for code in table.index],
        reason=say("one indicator"),
    )
    headings = (
        say("Median width, places"),
        say("Nine in ten at most"),
        say("Places in a quarter"),
        say("Firm in the best quarter"),
        say("Firm in the last quarter"),
        say("Pairs told apart"),
    )
    formats = [whole] * 5 + [lambda share: words.say("{share:p0}", share=100 * share)]
    return html_table(
        rows.loc[codes],
        columns=[
            Column("name", say("Score")),
            Column("n_ranked", say("Regions ranked"), "number", whole),
            *(
                Column(column, heading, "number", written, reason_key="reason")
                for column, heading, written in zip(found, headings, formats, strict=True)
            ),
        ],
        caption=say("How wide the intervals of ranks are"),
        phone="scroll",
        footnote=say(
            "A score that rests on one indicator has no interval to speak of: there is hardly a choice to vary, which does not "
            "make it sure."
        ),
        wide=True,
    )


def downloads(report: AuditReport) -> Table:
    """Return every table of the audit as files; the workbook has one sheet a part."""
    say = report.labels.words.say
    names = {
        "coverage": say("Coverage"),
        "indicators": say("Figures"),
        "outliers": say("Outlier log"),
        "correlations": say("Correlations"),
        "ancestors": say("Correlations with aggregates"),
        "reliability": say("Cronbach's alpha"),
        "reliability_if_dropped": say("Alpha without each indicator"),
        "components": say("Principal components"),
        "loadings": say("Loadings"),
        "weights": say("Weights and influence"),
        "removal": say("Removal effects"),
        "alternatives": say("Alternatives"),
        "moves": say("Every region's rank under each alternative"),
        "differences": say("What the alternatives change"),
        "interval_widths": say("Widths of intervals"),
        "ranks": say("Ranks with intervals"),
        "sensitivity": say("Sobol' indices"),
        "findings": say("Flags"),
        "xlsx": say("All tables (Excel)"),
    }
    return download_links(
        dict(report.audit.tables),
        file_stem=f"kota-cerdas-index-audit-{report.audit.year}",
        labels=names,
        heading=say("Take the figures of this page with you:"),
    )


def _movers(moves: pd.DataFrame) -> pd.DataFrame:
    moved = moves[moves["rank_change"] != 0]
    frames = [
        pd.concat([ordered.head(SHOWN_MOVERS), ordered.tail(SHOWN_MOVERS)]).drop_duplicates("region_code")
        for _, own in moved.groupby("alternative", sort=False)
        for ordered in [own.sort_values("rank_change", ascending=False, kind="stable")]
    ]
    return pd.concat(frames, ignore_index=True) if frames else moved


def _whole(report: AuditReport) -> Callable[[float], str]:
    return lambda number: report.labels.words.number(number, 0)


def _region(report: AuditReport, code: str) -> object:
    return page_link(report.labels.region(code), f"{report.labels.language}/region/{code}.html")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
