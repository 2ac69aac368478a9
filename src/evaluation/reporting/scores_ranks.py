"""Ranks of all regions side by side, with the range each takes under other choices of method.

Belongs here: the ranks of one edition as a figure and a table. Does not belong here: what may be said of a single rank
(`evaluation.reporting.rank_words`), or the choices (`evaluation.reporting.method_choices`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from evaluation.charts import Chart, RankLabels, rank_ranges
from evaluation.reporting.labels import Labels
from evaluation.reporting.rank_words import WIDE_SHARE, brief_rank
from evaluation.reporting.scores_report import ScoresReport
from evaluation.schema import INDEX_CODE
from evaluation.studies.ranks import RANK_COLUMNS
from evaluation.studies.scores import comparable_scores
from evaluation.tables import Column, Table, download_links, html_table

NAMED_PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places in the order of ranks whose regions are named in the figure: both ends and the quarters."""

SORTED_DECIMALS = 2
"""Decimals by which the long table sorts; the exact scores are in the files to take away."""


def rank_chart(report: ScoresReport) -> Chart:
    """Return the overall rank of every region that can be compared, with its range."""
    labels, say = report.labels, report.labels.words.say
    rows = ranked(report, INDEX_CODE)
    places = rows["rank_high"] - rows["rank_low"] + 1
    return rank_ranges(
        rows.assign(
            label=labels.project.registry.by_code["name"].reindex(rows["region_code"]).to_numpy(),
            highlight=np.isin(np.arange(len(rows)), _named(len(rows))).tolist(),
        ),
        labels=RankLabels(
            rank=say("rank by the method used"),
            median=say("median of all choices of method"),
            interval=say("interval under other choices of method"),
            axis=say("Rank"),
        ),
        format_value=lambda rank: labels.words.number(rank, 0),
        title=say(
            "Half of the regions have an overall rank that spans {places:n0} places or more",
            places=places.median(),
        ),
        subtitle=say(
            "Overall rank of the {n:n0} regions with figures for the same dimensions, {year:y} edition; a line a region, "
            "five of them named.",
            n=len(rows),
            year=report.edition.year,
        ),
        alt=_alt(rows, labels),
        note=say("Ranks whose intervals overlap are not clearly apart."),
        source=labels.sources(report.edition.in_force),
    )


def ranked(report: ScoresReport, code: str) -> pd.DataFrame:
    """Return the rows of one element of the regions that are compared with each other, in the order of their ranks."""
    scores = report.edition.scores
    alike = comparable_scores(scores, code).dropna().index
    rows = scores[(scores["code"] == code) & scores["region_code"].isin(alike) & scores["rank"].notna()]
    return rows.sort_values(["rank", "region_code"]).reset_index(drop=True)


def width_table(report: ScoresReport) -> Table:
    """Return, for each pillar and over all, how many places the range of a rank holds."""
    labels, say = report.labels, report.labels.words.say
    catalog = labels.catalog
    rows = [_widths(report, code) for code in (*catalog.pillars, INDEX_CODE)]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Pillar")),
            Column("n", say("Regions ranked"), "number", lambda n: labels.words.number(n, 0)),
            Column(
                "places",
                say("Places in the interval (median)"),
                "number",
                lambda number: labels.words.number(number, 0),
                reason_key="reason",
            ),
            Column(
                "wide",
                say("Intervals over half of all places"),
                "number",
                lambda share: say("{share:p0} of the regions", share=100 * share),
                reason_key="reason",
            ),
        ],
        caption=say("How far ranks depend on choices of method, {year:y} edition", year=report.edition.year),
        footnote=say(
            "Regions with figures for other dimensions than most are not counted here; their pages give their ranks among "
            "their like."
        ),
    )


def region_table(report: ScoresReport) -> Table:
    """Return every region's pillar scores, each with its rank and range."""
    labels, words = report.labels, report.labels.words
    codes = [INDEX_CODE, *labels.catalog.pillars]
    scores = report.edition.scores
    wide = pd.DataFrame({code: comparable_scores(scores, code).round(SORTED_DECIMALS) for code in codes})
    wide = wide.reset_index()
    for code in codes:
        wide[f"{code}_rank"] = wide["region_code"].map(_brief(report, code)).fillna("")
    registry = labels.project.registry.by_code
    wide["name"] = registry["name"].reindex(wide["region_code"]).to_numpy()
    wide["province"] = registry["province"].reindex(wide["region_code"]).to_numpy()
    wide["reason"] = words.say("no data, or figures for other dimensions")
    return html_table(
        wide,
        columns=[
            Column("name", words.say("Region"), render=_name_with_province),
            *(_score_column(code, labels) for code in codes),
        ],
        caption=words.say(
            "Scores of all regions with their ranks and intervals, {year:y} edition", year=report.edition.year
        ),
        footnote=words.say(
            "Below each score its rank, in brackets the interval under other choices of method; a rank without brackets "
            "rests on one indicator, and no choice of method can change its order. A rank outside its brackets is one that "
            "nearly all other choices move to the same side."
        ),
        sortable=True,
        phone="scroll",
        wide=True,
    )


def downloads(report: ScoresReport) -> Table:
    """Return scores and ranks as files."""
    words = report.labels.words
    return download_links(
        {"scores": _scores(report), "ranks": _ranks(report)},
        file_stem=f"kota-cerdas-scores-{report.edition.year}",
        labels={
            "scores": words.say("Pillar scores"),
            "ranks": words.say("Ranks with their intervals"),
            "xlsx": words.say("All tables (Excel)"),
        },
        heading=words.say("Take the figures of this page with you:"),
    )


def _levels(report: ScoresReport) -> pd.DataFrame:
    scores = report.edition.scores
    return scores[scores["level"].isin(["pillar", "index"])]


def _scores(report: ScoresReport) -> pd.DataFrame:
    wide = _levels(report).set_index(["region_code", "code"])["score"].unstack("code")  # noqa: PD010
    return wide[[*report.labels.catalog.pillars, INDEX_CODE]].reset_index()


def _ranks(report: ScoresReport) -> pd.DataFrame:
    columns = ["region_code", "code", "n_indicators", *RANK_COLUMNS]
    rows = _levels(report)
    return rows.loc[rows["rank"].notna(), columns].reset_index(drop=True)


def _brief(report: ScoresReport, code: str) -> dict[str, str]:
    rows = ranked(report, code)
    return {row["region_code"]: _cell(row, report.labels) for _, row in rows.iterrows()}


def _cell(row: pd.Series, labels: Labels) -> str:
    """Return a rank for a narrow cell: with its range, or alone where one indicator carries it."""
    if row["n_indicators"] == 1:
        return labels.words.number(row["rank"], 0)
    return brief_rank(row, labels)


def _name_with_province(row: Mapping[str, object]) -> Markup:
    return Markup("{}<br><small>{}</small>").format(row["name"], row["province"])


def _score_column(code: str, labels: Labels) -> Column:
    return Column(
        code,
        labels.pillar(code),
        "number",
        reason_key="reason",
        render=lambda row: Markup("{}<br><small>{}</small>").format(
            labels.score(row[code]), row[f"{code}_rank"]
        ),
    )


def _widths(report: ScoresReport, code: str) -> dict[str, object]:
    rows = ranked(report, code)
    several = rows[rows["n_indicators"] > 1]
    places = several["rank_high"] - several["rank_low"] + 1
    return {
        "name": report.labels.pillar(code),
        "n": float(len(rows)),
        "places": float(places.median()),
        "wide": float((places >= WIDE_SHARE * several["n_ranked"]).mean()) if len(places) else np.nan,
        "reason": report.labels.words.say("one indicator: no choice of method can change the order"),
    }


def _named(n_rows: int) -> list[int]:
    return [round(place * (n_rows - 1)) for place in NAMED_PLACES]


def _alt(rows: pd.DataFrame, labels: Labels) -> str:
    parts = [
        f"{labels.region(row['region_code'])} {brief_rank(row, labels)}"
        for _, row in rows.iloc[_named(len(rows))].iterrows()
    ]
    return labels.words.say(
        "Overall ranks with their intervals, from the first to the last: {parts}.", parts="; ".join(parts)
    )
