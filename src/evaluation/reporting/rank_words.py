"""Ranks in words: always with the range they take under other choices of method, or with why there is none.

Belongs here: what may be said of one rank. Does not belong here: computing ranks (`evaluation.studies.ranks`), or what
the choices are (`evaluation.reporting.method_choices`).
"""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from evaluation.reporting.labels import Labels
from evaluation.studies.peers import MIN_COMPARED

RankCase = Literal["none", "few", "fixed", "wide", "range"]
"""No rank; too few regions alike; one indicator; a range over half of the regions or more; a range."""

WIDE_SHARE = 0.5
"""Share of the regions from which on a range of ranks says little: it holds half of all places."""

FIRM_SHARE = 0.1
"""Share of the regions up to which a range of ranks is called firm: a tenth of all places."""


def rank_case(row: pd.Series) -> RankCase:
    """Return what may be said of a rank.

    Parameters
    ----------
    row
        A row of `region_standing` or `series_scores`: ``rank``, ``rank_low``, ``rank_high``, ``n_ranked`` and
        ``n_indicators``.
    """
    if math.isnan(row["rank"]):
        return "none"
    if row["n_ranked"] - 1 < MIN_COMPARED:
        return "few"
    if row["n_indicators"] == 1:
        return "fixed"
    return "wide" if places_share(row) >= WIDE_SHARE else "range"


def places_share(row: pd.Series) -> float:
    """Return the share of all places that the range of a rank holds, both ends included."""
    return float((row["rank_high"] - row["rank_low"] + 1) / row["n_ranked"])


def is_firm(row: pd.Series) -> bool:
    """Return whether a rank hardly depends on the choices that are varied; one indicator proves nothing."""
    return rank_case(row) == "range" and places_share(row) <= FIRM_SHARE


def is_outside(row: pd.Series) -> bool:
    """Return whether a rank, as printed, lies outside its own interval: most other choices move it to one side."""
    place, low, high = (round(row[column]) for column in ("rank", "rank_low", "rank_high"))
    return not low <= place <= high


def rank_text(row: pd.Series, labels: Labels) -> str:
    """Return a rank with its range and among how many, for a cell; empty where there is none."""
    say, case = labels.words.say, rank_case(row)
    if case in ("none", "few"):
        return ""
    facts = {"rank": row["rank"], "low": row["rank_low"], "high": row["rank_high"], "n": row["n_ranked"]}
    if case == "fixed" and is_shared(row, labels):
        return say("rank {rank:n0} of {n:n0}, shared (one indicator)", **facts)
    if case == "fixed":
        return say("rank {rank:n0} of {n:n0} (one indicator)", **facts)
    if is_shared(row, labels):
        return say("rank {rank:n0} ({low:n0}–{high:n0}) of {n:n0}, shared", **facts)
    return say("rank {rank:n0} ({low:n0}–{high:n0}) of {n:n0}", **facts)


def brief_rank(row: pd.Series, labels: Labels) -> str:
    """Return a rank with its range alone, where a heading says what it is; empty where there is none."""
    say, case = labels.words.say, rank_case(row)
    if case in ("none", "few"):
        return ""
    if case == "fixed":
        return say("{rank:n0} (one indicator)", rank=row["rank"])
    return say("{rank:n0} ({low:n0}–{high:n0})", rank=row["rank"], low=row["rank_low"], high=row["rank_high"])


def no_rank_reason(row: pd.Series, labels: Labels) -> str:
    """Return why there is no rank, empty where there is one or no score."""
    if rank_case(row) != "few":
        return ""
    return labels.words.say(
        "no rank: fewer than {least:n0} other regions have figures for the same dimensions",
        least=MIN_COMPARED,
    )


def is_shared(row: pd.Series, labels: Labels) -> bool:
    """Return whether a score is as high as scores go, so that every region there has the same rank."""
    return bool(row["score"] >= labels.catalog.framework.score_range[1])


def rank_sentence(row: pd.Series, labels: Labels) -> str:
    """Return the range of a rank in a sentence; empty where there is no rank, or no range worth a sentence."""
    say, case = labels.words.say, rank_case(row)
    facts = {"low": row["rank_low"], "high": row["rank_high"], "n": row["n_ranked"]}
    if case == "wide":
        return say(
            "Its rank lies anywhere from {low:n0} to {high:n0} among the {n:n0} regions with figures for the same "
            "dimensions, depending on choices of method: the rank says little.",
            **facts,
        )
    if case != "range":
        return ""
    if round(row["rank_low"]) == round(row["rank_high"]):
        return say(
            "Its rank among the {n:n0} regions with figures for the same dimensions is {low:n0} under nearly all choices "
            "of method that are varied.",
            **facts,
        )
    return say(
        "Its rank lies between {low:n0} and {high:n0} among the {n:n0} regions with figures for the same dimensions, "
        "depending on choices of method.",
        **facts,
    )
