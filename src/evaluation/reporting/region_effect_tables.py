"""The tables of one region's own effect: every outcome, its donors, and the effect made otherwise.

Belongs here: a region's own effect as tables. Does not belong here: sentences (`evaluation.reporting.region_effect`).
"""

from __future__ import annotations

import math

import pandas as pd

from evaluation.reporting import effect_words
from evaluation.reporting.effect_files import thinned
from evaluation.reporting.region_effect import RegionEffect
from evaluation.studies.plan import OutcomePlan
from evaluation.studies.region_effects_plan import BACKDATED, LATER_START, MAIN, WITHOUT
from evaluation.tables import Column, Table, download_links, html_table

MOST_DONORS = 3
"""Donors named for each outcome; the download has all of them."""
WEIGHT_DECIMALS = 4
"""Decimals of weights in the download: a hundredth of a per cent."""


def effects_table(effect: RegionEffect) -> Table | None:
    """Return the effect on every outcome, or why there is none; None where the region never joined."""
    if effect.headline.empty:
        return None
    say = effect.labels.words.say
    rows = [
        _effect_row(effect.plan.outcome(row["outcome"]), row, effect) for _, row in effect.headline.iterrows()
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("effect", say("Gap to its twin"), "number", reason_key="reason"),
            Column("p", say("Placebos as far"), "number"),
            Column("scaled", say("In own scale"), "number"),
            Column("adjusted", say("p adjusted"), "number"),
            Column("mde", say("Seen from"), "number"),
            Column("shrunken", say("Pulled to the mean"), "number"),
        ],
        caption=say("Its own effect on every outcome"),
        group_by="family",
        footnote=""
        if effect.estimated.empty
        else say(
            "In brackets {level:n0}% intervals. Placebos as far: how many regions that never joined lie as far from their own "
            "twins; no share can be smaller than one in their number plus one. In own scale: how many do when each gap is "
            "measured by how much its region moves from year to year before joining; only a gap that both find is told as "
            "found. Adjusted: for all effects of all regions in the "
            "same family of outcomes. Seen from: an effect of this size is found in four of five cases. Pulled to the mean: the "
            "gap as the effects of all regions that joined then make it likely, when most of their spread is noise; where true "
            "effects are small, this is no better than calling each of them zero.",
            level=100 * effect.rules.inference.level,
        ),
        wide=True,
    )


def donors_table(effect: RegionEffect) -> Table | None:
    """Return the heaviest donors of each outcome shown; None where there is none."""
    if not effect.shown:
        return None
    say, labels = effect.labels.words.say, effect.labels
    table = pd.concat([_heaviest(outcome, effect) for outcome in effect.shown], ignore_index=True)
    return html_table(
        table,
        columns=[
            Column("name", say("Donor")),
            Column("province", say("Province")),
            Column(
                "weight", say("Weight"), "number", lambda share: f"{labels.words.number(100 * share, 1)}%"
            ),
            Column("distance_km", say("Distance in km"), "number", lambda km: labels.words.number(km, 0)),
        ],
        caption=say("What its twin is mixed from: the heaviest donors of each outcome"),
        group_by="group",
        footnote=say(
            "A donor never joined, is not in doubt, and lies more than {km:n0} km away. All donors with their weights are in the "
            "download.",
            km=effect.rules.donors.beyond_km,
        ),
    )


def variations_table(effect: RegionEffect) -> Table | None:
    """Return the effects shown, made otherwise; None where there is none."""
    if not effect.shown:
        return None
    say = effect.labels.words.say
    columns = {outcome.indicator: _variation_cells(outcome, effect) for outcome in effect.shown}
    names = _variation_names(effect)
    rows = [
        {"name": name, **{code: cells[key] for code, cells in columns.items()}} for key, name in names.items()
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Made how")),
            *(
                Column(outcome.indicator, effect.labels.short_indicator(outcome.indicator), "number")
                for outcome in effect.shown
            ),
        ],
        caption=say("The same gap, made otherwise"),
        footnote=say(
            "Points, or per cent for outcomes compared in logarithms. Backdated: the average gap over the last years before "
            "the base year, which the twin of this row has not seen; it should be near zero. Hatched: the fit was too poor, or "
            "too few years were left."
        ),
    )


def downloads(effect: RegionEffect) -> Table | None:
    """Return the region's own effects, gaps and donors as files; None where it has no effect."""
    if effect.estimated.empty:
        return None
    say, own = effect.labels.words.say, effect.own
    shown = own.donors[own.donors["outcome"].isin([outcome.indicator for outcome in effect.shown])]
    weights = shown.pivot_table(index=["donor_code", "distance_km"], columns="outcome", values="weight")
    weights = weights.round(WEIGHT_DECIMALS)
    names = effect.report.project.registry.by_code["name"]
    donors = weights.reset_index()
    donors.insert(1, "name", names.reindex(donors["donor_code"]).to_numpy())
    return download_links(
        {
            "effects": thinned(own.effects.drop(columns=["region_code", "design", "joined"])),
            "gaps": thinned(own.gaps.drop(columns=["region_code"])),
            "donors": thinned(donors),
        },
        file_stem=f"kota-cerdas-{effect.report.profile.region.name}-own-effect",
        labels={
            "effects": say("Effects, every estimator and variation"),
            "gaps": say("Gaps and placebo bands"),
            "donors": say("Donors and weights"),
            "xlsx": say("All tables (Excel)"),
        },
        heading=say("Take the figures of this section with you:"),
    )


def _effect_row(outcome: OutcomePlan, row: pd.Series, effect: RegionEffect) -> dict[str, object]:
    labels, words = effect.labels, effect.labels.words
    known = row["status"] == ""
    return {
        "name": labels.indicator(outcome.indicator),
        "family": effect.plan.families[outcome.family].name.get(labels.language),
        "effect": effect_words.interval_or_empty(row, outcome, labels, effect_words.EFFECT),
        "reason": "" if known else effect_words.reason(row["status"], labels),
        "p": words.say("{n:n0} of {all:n0}", n=effect_words.at_least_as_far(row), all=row["n_placebos"])
        if known
        else "",
        "scaled": words.say(
            "{n:n0} of {all:n0}", n=effect_words.at_least_as_far(row, "p_scaled"), all=row["n_placebos"]
        )
        if known
        else "",
        "adjusted": words.number(row["p_adjusted"], 2) if known else "",
        "mde": effect_words.effect_number(row["mde"], outcome, labels, signed=False) if known else "",
        "shrunken": effect_words.interval_or_empty(row, outcome, labels, effect_words.SHRUNKEN),
    }


def _heaviest(outcome: OutcomePlan, effect: RegionEffect) -> pd.DataFrame:
    say, registry = effect.labels.words.say, effect.report.project.registry.by_code
    donors = effect.own.donors[effect.own.donors["outcome"] == outcome.indicator]
    row = effect.row(outcome)
    group = say(
        "{outcome}: {donors:n0} may stand for it, {weighted:n0} have weight, as many as {effective:n0} of equal weight",
        outcome=effect.labels.short_indicator(outcome.indicator),
        donors=row["n_donors"],
        weighted=row["n_weighted"],
        effective=row["effective_donors"],
    )
    top = donors.sort_values(["weight", "donor_code"], ascending=[False, True]).head(MOST_DONORS)
    known = registry.loc[top["donor_code"]]
    return top.assign(name=known["name"].to_numpy(), province=known["province"].to_numpy(), group=group)


def _variation_names(effect: RegionEffect) -> dict[str, str]:
    say = effect.labels.words.say
    planned = effect.rules.variations
    estimators = effect_words.estimator_names(effect.labels)
    return {
        MAIN: say("As planned: {estimator}", estimator=estimators[effect.rules.estimators.headline]),
        **{code: estimators[code] for code in effect.rules.estimators.beside},
        WITHOUT: say("Without one of its {n:n0} heaviest donors", n=planned.leave_out_donors),
        LATER_START: say("Without the first {n:n0} years", n=planned.later_start_years),
        BACKDATED: say("Backdated by {n:n0} years", n=planned.backdate_years),
    }


def _variation_cells(outcome: OutcomePlan, effect: RegionEffect) -> dict[str, str]:
    rows = effect.own.effects[effect.own.effects["outcome"] == outcome.indicator]
    headline = rows[rows["estimator"] == effect.rules.estimators.headline].set_index("row")["estimate"]
    cells = {
        name: _number(headline.get(name, math.nan), outcome, effect)
        for name in (MAIN, LATER_START, BACKDATED)
    }
    for code in effect.rules.estimators.beside:
        other = rows[(rows["estimator"] == code) & (rows["row"] == MAIN)]["estimate"]
        cells[code] = _number(other.iloc[0] if len(other) else math.nan, outcome, effect)
    without = headline[headline.index.str.startswith(f"{WITHOUT}:")].dropna()
    cells[WITHOUT] = (
        effect.labels.words.say(
            "{low} to {high}",
            low=_number(without.min(), outcome, effect),
            high=_number(without.max(), outcome, effect),
        )
        if len(without)
        else ""
    )
    return cells


def _number(value: float, outcome: OutcomePlan, effect: RegionEffect) -> str:
    return "" if math.isnan(value) else effect_words.effect_number(value, outcome, effect.labels)
