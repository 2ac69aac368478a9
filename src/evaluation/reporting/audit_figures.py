"""The figures of the audit's page.

Belongs here: an audit as charts. Does not belong here: sentences (`evaluation.reporting.audit_report`).
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from evaluation.charts import Chart, ShareLabels, share_ranges
from evaluation.charts.audit import (
    BandLabels,
    PairLabels,
    SpreadLabels,
    pairs,
    rank_band,
    spreads,
    stacked_shares,
)
from evaluation.charts.heatmap import heatmap
from evaluation.index import Element
from evaluation.reporting.audit_flags import group_name
from evaluation.reporting.audit_report import AuditReport

LOOSER = 1.5
"""How many times wider the middle's intervals must be than the ends' for the title to say so."""


def rank_intervals(report: AuditReport) -> Chart:
    """Return how far each region's rank reaches."""
    say, words = report.labels.words.say, report.labels.words
    ranks, width = report.audit.tables["ranks"], report.width
    ends, middle = _widths_by_place(ranks)
    title = (
        say("Ranks are firm at both ends of the list and loose in the middle")
        if middle > LOOSER * ends
        else say("How far each rank reaches under other choices")
    )
    return rank_band(
        ranks,
        labels=BandLabels(
            inside=say("the whole interval lies in one quarter"),
            across=say("the interval crosses into another quarter"),
            horizontal=say("rank of the region"),
            vertical=say("ranks under other choices of method"),
        ),
        format_value=lambda rank: words.number(rank, 0),
        title=title,
        subtitle=say(
            "One line a region: the interval of its rank, all pillars together, {year:y} edition. Shaded: quarters of the "
            "list.",
            year=report.audit.year,
        ),
        alt=say(
            "Intervals of {n:n0} ranks: half reach over {width:n0} places or more; {ends:n0} in the first and last quarter, "
            "{middle:n0} between them.",
            n=width["n_ranked"],
            width=width["median_width"],
            ends=ends,
            middle=middle,
        ),
        source=report.labels.sources(one.code for one in report.audit.spec.indicators),
    )


def correlation_chart(report: AuditReport) -> Chart:
    """Return the correlations of all indicators of the index."""
    say, table = report.labels.words.say, report.audit.tables["correlations"]
    cells = table.rename(columns={"first": "row", "second": "column", "correlation": "value"})
    cells = cells[["row", "column", "value"]]
    turned = cells.rename(columns={"row": "column", "column": "row"})
    ordered = [
        leaf.code for pillar in report.audit.spec.of_level("pillar") for leaf in _leaves(report, pillar.code)
    ]
    names = {code: report.name(code) for code in ordered}
    strongest = table.loc[table["correlation"].abs().idxmax()]
    return heatmap(
        pd.concat([cells, turned], ignore_index=True),
        rows=names,
        columns=names,
        format_value=lambda value: report.labels.words.number(value, 1),
        title=say("Which indicators rise and fall together"),
        subtitle=say(
            "Correlations of scores among {n:n0} regions; blue: rise together, red: one rises where the other falls. In the "
            "order of the pillars.",
            n=len(report.audit.compared.units),
        ),
        alt=say(
            "Correlations of {n:n0} indicators; the strongest is {r:n2}, between {first} and {second}.",
            n=len(names),
            r=strongest["correlation"],
            first=report.name(strongest["first"]),
            second=report.name(strongest["second"]),
        ),
    )


def component_chart(report: AuditReport) -> Chart:
    """Return how much of each pillar's indicators one component carries, with the eigenvalues."""
    say, words = report.labels.words.say, report.labels.words
    table = report.audit.tables["components"]
    rows = table.assign(
        label=[group_name(code, report.labels) for code in table["code"]], value=table["eigenvalue"]
    )
    first = rows[rows["component"] == 1]
    return stacked_shares(
        rows,
        format_value=lambda value: words.number(value, 2),
        title=say("How much of each pillar is one thing"),
        subtitle=say(
            "Share of the variance that each principal component carries, the first darkest; written in the bars: eigenvalues."
        ),
        alt=say(
            "Share of the first component: {parts}.",
            parts=_named_shares(report, first["label"], first["share"]),
        ),
        note=say("A pillar of one indicator has no components."),
    )


def influence_chart(report: AuditReport) -> Chart:
    """Return nominal weights beside effective ones, of pillars and indicators."""
    say, words = report.labels.words.say, report.labels.words
    weights = report.audit.tables["weights"]
    groups = (("pillar", say("Pillars")), ("indicator", say("Indicators")))
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "group": heading,
                    "label": [report.name(code) for code in own["code"]],
                    "first": own["share"].to_numpy(),
                    "second": own["main_effect_share"].to_numpy(),
                }
            )
            for level, heading in groups
            for own in [weights[weights["level"] == level].sort_values("main_effect_share", ascending=False)]
        ],
        ignore_index=True,
    )
    indicators = rows[rows["group"] == groups[1][1]]
    widest = indicators.loc[(indicators["second"] - indicators["first"]).abs().idxmax()]
    return pairs(
        rows,
        labels=PairLabels(
            first=say("weight as set"), second=say("influence on the index"), axis=say("share of the index")
        ),
        format_value=lambda share: words.say("{share:p0}", share=100 * share),
        title=say("What has a weight is not what decides ranks"),
        subtitle=say(
            "Share of each part in the index by its weight, and by how much of the index's variance it tells (Pearson's "
            "correlation ratio, scaled to a sum of 100%)."
        ),
        alt=say(
            "Farthest from its weight among the indicators: {name}, {weight:p0} by weight and {influence:p0} by influence.",
            name=widest["label"],
            weight=100 * widest["first"],
            influence=100 * widest["second"],
        ),
    )


def shift_chart(report: AuditReport) -> Chart:
    """Return how far ranks move under each alternative."""
    say, words = report.labels.words.say, report.labels.words
    table = report.audit.tables["alternatives"].sort_values("mean_abs_change")
    names = [report.alternative_names[code] for code in table["alternative"]]
    return spreads(
        pd.DataFrame(
            {
                "label": names,
                "mean": table["mean_abs_change"].to_numpy(),
                "high": table["high_abs_change"].to_numpy(),
                "largest": table["max_abs_change"].to_numpy(),
            }
        ),
        labels=SpreadLabels(
            mean=say("mean move"),
            high=say("nine regions in ten move no farther"),
            largest=say("farthest move"),
            axis=say("places"),
        ),
        format_value=lambda places: words.number(places, 0 if places >= 10 or places == 0 else 1),
        title=say("How far ranks move when the index is made otherwise"),
        subtitle=say(
            "Places by which a region's rank differs from ours, among {n:n0} regions; at the right the mean.",
            n=len(report.audit.compared.units),
        ),
        alt=say(
            "Mean move in places: {parts}.",
            parts="; ".join(
                f"{name} {words.number(places, 0)}"
                for name, places in zip(names, table["mean_abs_change"], strict=True)
            ),
        ),
    )


def sensitivity_chart(report: AuditReport) -> Chart:
    """Return Sobol' indices of the choices that are varied."""
    say, words = report.labels.words.say, report.labels.words
    table = report.audit.tables["sensitivity"]
    wide = pd.concat(
        [
            rows.set_index("factor")[["estimate", "conf_low", "conf_high"]].add_prefix(f"{order}_")
            for order, rows in table.groupby("order", sort=False)
        ],
        axis=1,
    ).sort_values("total_estimate", ascending=False)
    names = [report.choice(code) for code in wide.index]
    return share_ranges(
        wide.reset_index(drop=True).assign(label=names),
        labels=ShareLabels(
            first=say("alone"),
            total=say("alone and together with other choices"),
            axis=say("share of the movement"),
        ),
        format_value=lambda share: words.say("{share:p0}", share=100 * share),
        title=say("Which choice of method moves ranks most"),
        subtitle=say(
            "Share of each choice in the variance of the mean move of ranks (Sobol' indices) with 95% intervals."
        ),
        alt=say(
            "Together with other choices: {parts}.",
            parts=_named_shares(report, names, wide["total_estimate"]),
        ),
        note=say(
            "Estimates of small shares may fall a little below zero; shares of combinations are counted for each choice that "
            "takes part, so that the lower dots add up to more than 100%."
        ),
    )


def _widths_by_place(ranks: pd.DataFrame) -> tuple[float, float]:
    """Return the median width of intervals in the first and last quarter, and between them."""
    width, count = ranks["rank_high"] - ranks["rank_low"] + 1, len(ranks)
    outer = (ranks["rank"] <= count / 4) | (ranks["rank"] > count - count / 4)
    return float(width[outer].median()), float(width[~outer].median())


def _named_shares(report: AuditReport, names: Iterable[str], shares: Iterable[float]) -> str:
    number = report.labels.words.number
    return "; ".join(f"{name} {number(100 * share, 0)}%" for name, share in zip(names, shares, strict=True))


def _leaves(report: AuditReport, code: str) -> tuple[Element, ...]:
    return report.audit.spec.leaves(code)
