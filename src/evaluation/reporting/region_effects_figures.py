"""Figures and tables of all joiners' own effects.

Belongs here: own effects of all joiners as charts and tables. Does not belong here: sentences
(`evaluation.reporting.region_effects_national`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
from markupsafe import Markup

from evaluation.charts import CaterpillarLabels, Chart, Panel
from evaluation.charts import caterpillar as draw_caterpillar
from evaluation.reporting import effect_words, findings
from evaluation.reporting.effect_files import thinned
from evaluation.reporting.prose import Prose
from evaluation.reporting.region_effects_national import NationalEffects, reach
from evaluation.reporting.site import page_link
from evaluation.reporting.tiles import region_page
from evaluation.studies.effect_verdicts import stands_out
from evaluation.studies.plan import OutcomePlan
from evaluation.tables import Column, Table, download_links, html_table


def caterpillar(national: NationalEffects) -> Chart:
    """Return the effects on the primary outcomes in order, with their intervals."""
    say, labels = national.labels.words.say, national.labels
    parts = [_chart_rows(outcome, national) for outcome in national.shown]
    frame = pd.concat(parts, ignore_index=True)
    marked = int(frame["marked"].sum())
    return draw_caterpillar(
        frame,
        panels=[_panel(outcome, national) for outcome in national.shown],
        labels=CaterpillarLabels(
            effect=say(
                "effects of single regions, in order, with {level:n0}% intervals", level=_level(national)
            ),
            marked=say("stands out after counting all effects"),
            band=say("where {level:n0}% of placebos lie", level=_level(national)),
        ),
        title=say("No region stands out from what chance alone gives")
        if not marked
        else say("{n:n0} effects stand out from what chance alone gives", n=marked),
        subtitle=say(
            "Gap between each region that joined and its synthetic twin, averaged over its years after joining; regions in the "
            "order of their gaps."
        ),
        alt=" ".join(_alt(outcome, national) for outcome in national.shown),
        note=say(
            "The order is no ranking: where intervals overlap as they do here, neighbours in the order cannot be told apart, and "
            "regions that joined when nothing happened would form the same picture."
        ),
        source=labels.sources(outcome.indicator for outcome in national.shown),
    )


def marked_table(national: NationalEffects) -> Table | Prose:
    """Return the effects that stand out, or that there are none."""
    say, marked = national.labels.words.say, national.marked
    if marked.empty:
        return Prose(
            say(
                "None of the effects stands out when up to {share:n0} per cent of those marked may be false. The effects of each "
                "region are on its own page.",
                share=100 * national.rules.inference.false_discovery_rate,
            )
        )
    rows = [
        {
            "region": national.labels.region(row["region_code"]),
            "page": region_page(row["region_code"], national.labels),
            "outcome": national.labels.indicator(row["outcome"]),
            "joined": row["joined"],
            "effect": effect_words.interval_or_empty(
                row, national.plan.outcome(row["outcome"]), national.labels, effect_words.EFFECT
            ),
            "p": row["p_adjusted"],
        }
        for _, row in marked.iterrows()
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("region", say("Region"), render=_linked),
            Column("joined", say("Joined"), "number"),
            Column("outcome", say("Outcome")),
            Column("effect", say("Gap to its twin"), "number"),
            Column("p", say("p adjusted"), "number", lambda p: national.labels.words.number(p, 2)),
        ],
        caption=say("Effects that stand out after counting all of them"),
    )


def spread_table(national: NationalEffects) -> Table:
    """Return, by group of joiners and primary outcome, how far effects spread beside noise."""
    say = national.labels.words.say
    rows = [
        _spread_row(outcome, row, national)
        for outcome in national.shown
        for _, row in national.spread[national.spread["outcome"] == outcome.indicator].iterrows()
        if row["n_estimated"]
    ]
    return html_table(
        pd.DataFrame(
            rows,
            columns=["outcome", "design", "given", "beyond", "told", "marked", "spread", "noise", "mde"],
        ),
        columns=[
            Column("design", say("Joiners")),
            Column("given", say("Effects given"), "number"),
            Column("beyond", say("Beyond {level:n0}% (by chance)", level=_level(national)), "number"),
            Column("told", say("Also in own scale"), "number", _whole(national)),
            Column("marked", say("Standing out"), "number", _whole(national)),
            Column("spread", say("Spread of true effects"), "number"),
            Column("noise", say("Noise"), "number"),
            Column("mde", say("Seen from"), "number"),
        ],
        caption=say("How far the effects of single regions lie apart"),
        group_by="outcome",
        footnote=say(
            "Spread: standard deviation of true effects, with its {level:n0}% interval; zero where noise alone explains how far "
            "the effects lie apart, and an interval that ends at zero where joiners' effects lie even closer together than the "
            "placebos', many of which are small regions with noisier figures. Noise: standard deviation of the placebos' "
            "effects. Seen from: size of an effect that half of these regions would show in four of five cases.",
            level=_level(national),
        ),
        wide=True,
    )


def reasons_table(national: NationalEffects) -> Table:
    """Return how many effects are given, and how many are not for which reason."""
    say = national.labels.words.say
    headline = national.headline
    status = headline["status"].str.split(":").str[1].fillna("")
    counts = pd.crosstab(status, headline["outcome"])
    columns = [outcome.indicator for outcome in national.shown]
    counts = counts.reindex(columns=list(national.rules.outcomes), fill_value=0)
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    rows = [
        {
            "reason": say("effect given") if not code else effect_words.reason_name(code, national.labels),
            **counts.loc[code, columns].to_dict(),
            "all": int(counts.loc[code].sum()),
        }
        for code in ["", *(one for one in order if one)]
        if code in counts.index
    ]
    write = _whole(national)
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("reason", say("What there is")),
            *(Column(code, national.labels.short_indicator(code), "number", write) for code in columns),
            Column("all", say("All {n:n0} outcomes", n=len(national.rules.outcomes)), "number", write),
        ],
        caption=say("Effects that are given, and why others are not"),
        footnote=say(
            "Each of the {n:n0} regions that joined has one row for each outcome; none is left out without a reason.",
            n=headline["region_code"].nunique(),
        ),
    )


def downloads(national: NationalEffects) -> Table:
    """Return all effects and their spread as files."""
    say = national.labels.words.say
    kept = national.headline.drop(columns=["row", "estimator"])
    return download_links(
        {
            "effects": thinned(kept),
            "spread": thinned(national.spread),
            "averages": thinned(national.cohorts),
        },
        file_stem="kota-cerdas-own-effects",
        labels={
            "effects": say("Effects of all regions"),
            "spread": say("Spread of effects"),
            "averages": say("Averages by year of joining"),
            "xlsx": say("All tables (Excel)"),
        },
        heading=say("Take the figures of this page with you:"),
    )


def _chart_rows(outcome: OutcomePlan, national: NationalEffects) -> pd.DataFrame:
    rows = national.estimated[national.estimated["outcome"] == outcome.indicator]
    factor = findings.in_effect_units(1.0, outcome)
    names = ("estimate", "conf_low", "conf_high")
    return pd.DataFrame(
        {
            "panel": outcome.indicator,
            **{name: rows[name].to_numpy() * factor for name in names},
            "marked": stands_out(rows, national.rules).to_numpy(),
            "name": [national.labels.region(code) for code in rows["region_code"]],
            "band": reach(rows) * factor,
        }
    )


def _panel(outcome: OutcomePlan, national: NationalEffects) -> Panel:
    labels = national.labels
    return Panel(
        code=outcome.indicator,
        title=labels.short_indicator(outcome.indicator),
        unit=findings.effect_unit(outcome, labels),
        format_value=lambda number: labels.words.tick(number, signed=True),
        missing_reason=labels.words.say("no effect can be given"),
    )


def _alt(outcome: OutcomePlan, national: NationalEffects) -> str:
    rows = national.estimated[national.estimated["outcome"] == outcome.indicator]
    say, labels = national.labels.words.say, national.labels
    if rows.empty:
        return say("{outcome}: no effect can be given.", outcome=labels.short_indicator(outcome.indicator))
    return say(
        "{outcome}: {n:n0} effects from {low} to {high} {unit}; {level:n0}% of placebos lie within {reach} of zero.",
        outcome=labels.short_indicator(outcome.indicator),
        n=len(rows),
        low=effect_words.effect_number(rows["estimate"].min(), outcome, labels),
        high=effect_words.effect_number(rows["estimate"].max(), outcome, labels),
        unit=findings.effect_unit(outcome, labels),
        level=_level(national),
        reach=effect_words.effect_number(reach(rows), outcome, labels, signed=False),
    )


def _spread_row(outcome: OutcomePlan, row: pd.Series, national: NationalEffects) -> dict[str, object]:
    say, labels = national.labels.words.say, national.labels
    unit = findings.effect_unit(outcome, labels)

    def size(number: float) -> str:
        return effect_words.effect_number(number, outcome, labels, signed=False)

    return {
        "outcome": f"{labels.indicator(outcome.indicator)} ({unit})",
        "design": national.plan.design(row["design"]).title.get(labels.language),
        "given": say("{given:n0} of {joined:n0}", given=row["n_estimated"], joined=row["n_joiners"]),
        "beyond": say(
            "{beyond:n0} ({expected:n1})",
            beyond=row["n_below_level"],
            expected=row["n_estimated"] * (1 - national.rules.inference.level),
        ),
        "told": row["n_told"],
        "marked": row["n_marked"],
        "spread": ""
        if pd.isna(row["spread"])
        else say(
            "{mean} ({low} to {high})",
            mean=size(row["spread"]),
            low=size(row["spread_low"]),
            high=size(row["spread_high"]),
        ),
        "noise": size(row["noise"]),
        "mde": size(row["mde_median"]),
    }


def _level(national: NationalEffects) -> float:
    return 100 * national.rules.inference.level


def _linked(row: Mapping[str, object]) -> Markup:
    return page_link(str(row["region"]), str(row["page"]))


def _whole(national: NationalEffects) -> Callable[[float], str]:
    return lambda number: national.labels.words.number(number, 0)
