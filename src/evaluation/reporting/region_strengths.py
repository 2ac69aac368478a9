"""Strengths and weaknesses of one region: the indicators on which it is ahead of most and of fewest others.

Belongs here: choosing and showing them. Does not belong here: the share of regions it is ahead of
(`evaluation.studies.standing`).
"""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose
from evaluation.reporting.region_report import RegionReport
from evaluation.tables import Column, Table, grade_badge, html_table

MOST_SHOWN = 3
"""Indicators on each side: more would be a list, not a profile."""

HALF = 0.5
"""Share of the others that parts a strength from a weakness; exactly half is neither."""

SHARE_DIGITS = 6
"""Digits of a percentage below which floating point, not data, decides what it is rounded to."""

Side = Literal["strengths", "weaknesses"]


def strengths(indicators: pd.DataFrame, side: Side) -> pd.DataFrame:
    """Return the indicators on which a region is ahead of most, or of fewest, other regions.

    Parameters
    ----------
    indicators
        Rows of `region_indicators`. Figures of grade C are no ground and are left out, as are missing ones.
    side
        ``strengths`` are ahead of more than half, most first; ``weaknesses`` of less than half, fewest first.
    """
    ground = indicators[indicators["ahead_of"].notna() & ~indicators["quality"].isin(["", "C"])]
    if side == "strengths":
        chosen = ground[ground["ahead_of"] > HALF].sort_values("ahead_of", ascending=False, kind="stable")
    else:
        chosen = ground[ground["ahead_of"] < HALF].sort_values("ahead_of", kind="stable")
    return chosen.head(MOST_SHOWN)


def strengths_table(report: RegionReport) -> Table | Prose:
    """Return up to three strengths and three weaknesses, each with its figure, year and grade."""
    say, labels, indicators = report.labels.words.say, report.labels, report.profile.indicators
    headings: dict[Side, str] = {
        "strengths": say("Strengths: ahead of more than half of the other regions"),
        "weaknesses": say("Weaknesses: ahead of less than half of the other regions"),
    }
    blocks = [_rows(strengths(indicators, side), heading, labels) for side, heading in headings.items()]
    shown = pd.concat([block for block in blocks if len(block)] or blocks[:1], ignore_index=True)
    if shown.empty:
        return Prose(" ".join(_nothing(blocks, labels)))
    return html_table(
        shown,
        columns=[
            Column("name", say("Indicator")),
            Column("value_text", say("Value"), "number"),
            Column("data_year", say("Year"), "number", lambda year: str(int(year))),
            Column("ahead_text", say("Ahead of, share of others"), "number"),
            Column("quality", say("Grade"), render=lambda row: _grade(row["quality"], labels)),
        ],
        caption=say("Where the region is ahead of most and of fewest others"),
        group_by="side",
        footnote=" ".join(
            [
                say(
                    "Ahead of: share of all other regions with a figure that score lower; equal scores count half. Cities "
                    "and regencies are taken together here."
                ),
                *_nothing(blocks, labels),
            ]
        ),
    )


def _rows(chosen: pd.DataFrame, heading: str, labels: Labels) -> pd.DataFrame:
    return chosen.assign(
        side=heading,
        name=[labels.indicator(code) for code in chosen["indicator"]],
        value_text=[
            labels.value(code, value)
            for code, value in zip(chosen["indicator"], chosen["value"], strict=True)
        ],
        ahead_text=[_share(ahead, labels) for ahead in chosen["ahead_of"]],
    )


def _share(ahead: float, labels: Labels) -> str:
    """Return a share in whole per cent, rounded towards the half so that none is called all."""
    percent = round(100 * ahead, SHARE_DIGITS)
    whole = math.floor(percent) if ahead > HALF else math.ceil(percent)
    return labels.words.say("{share:p0}", share=whole)


def _nothing(blocks: list[pd.DataFrame], labels: Labels) -> list[str]:
    say = labels.words.say
    ahead, behind = blocks
    return [
        *([] if len(ahead) else [say("On no indicator is it ahead of more than half of the others.")]),
        *([] if len(behind) else [say("On no indicator is it ahead of less than half of the others.")]),
    ]


def _grade(grade: str, labels: Labels) -> object:
    return grade_badge(grade, labels.grade_word(grade))
