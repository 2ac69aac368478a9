"""Ranks of one region: how far each depends on choices of method.

Belongs here: a region's ranks as a figure and sentences. Does not belong here: what may be said of a single rank
(`evaluation.reporting.rank_words`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.charts import Chart, RankStripLabels
from evaluation.charts import rank_strip as draw_rank_strip
from evaluation.reporting.labels import Labels
from evaluation.reporting.method_choices import interval_sentences, pillars_page
from evaluation.reporting.prose import Prose
from evaluation.reporting.rank_words import (
    RankCase,
    brief_rank,
    is_firm,
    is_outside,
    no_rank_reason,
    rank_case,
    rank_text,
)
from evaluation.reporting.region_report import RegionReport
from evaluation.schema import INDEX_CODE
from evaluation.studies.peers import MIN_COMPARED

INDEX_COLOUR = "#1b2733"
"""The overall index is no pillar and has none of their colours."""


def rank_strip(report: RegionReport) -> Chart:
    """Return the region's rank on every pillar and over all, with its range."""
    say = report.labels.words.say
    return draw_rank_strip(
        _strip_rows(report),
        labels=RankStripLabels(
            rank=say("rank by the method used"),
            interval=say("interval under other choices of method"),
            first=say("first"),
            last=say("last"),
        ),
        title=_title(report),
        subtitle=say(
            "Rank among regions with figures for the same dimensions, {year:y} edition; the axis runs from the first to "
            "the last of them.",
            year=report.profile.edition_year,
        ),
        alt=_alt(report),
        source=report.labels.sources(report.profile.indicators["indicator"]),
    )


def rank_notes(report: RegionReport) -> Prose:
    """Return in which pillars a rank says little, cannot move or is missing, and what the ranges cover."""
    say = report.labels.words.say
    covered = (
        *interval_sentences(report.labels),
        say("What is varied, and why, is told on the page {page}.", page=pillars_page(report.labels)),
    )
    return Prose("\n\n".join(" ".join(part) for part in (_doubts(report), covered) if part))


def _strip_rows(report: RegionReport) -> pd.DataFrame:
    labels, rows = report.labels, report.profile.pillars
    shown = [rank_case(row) not in ("none", "few") for _, row in rows.iterrows()]
    ranged = [rank_case(row) in ("wide", "range") for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "name": [labels.pillar(code) for code in rows["code"]],
            "colour": [_colour(code, labels) for code in rows["code"]],
            "rank": np.where(shown, rows["rank"], np.nan),
            "rank_low": np.where(ranged, rows["rank_low"], np.nan),
            "rank_high": np.where(ranged, rows["rank_high"], np.nan),
            "n_ranked": rows["n_ranked"].to_numpy(),
            "rank_text": [rank_text(row, labels) for _, row in rows.iterrows()],
            "missing_reason": [
                no_rank_reason(row, labels) or report.missing_pillar_reason(row["code"])
                for _, row in rows.iterrows()
            ],
        }
    )


def _colour(code: str, labels: Labels) -> str:
    return INDEX_COLOUR if code == INDEX_CODE else labels.catalog.pillars[code].colour


def _title(report: RegionReport) -> str:
    say, listing = report.labels.words.say, report.labels.words.listing
    rows = report.pillar_rows
    firm = [
        report.labels.pillar(row["code"])
        for _, row in rows.iterrows()
        if is_firm(row) and row["quality"] != "C"
    ]
    wide = [report.labels.pillar(row["code"]) for _, row in rows.iterrows() if rank_case(row) == "wide"]
    if firm and wide:
        return say(
            "Its rank hardly depends on method in {firm}, and says little in {wide}",
            firm=listing(firm),
            wide=listing(wide),
        )
    if firm:
        return say("Its rank hardly depends on method in {firm}", firm=listing(firm))
    if wide:
        return say("Its rank says little in {wide}", wide=listing(wide))
    return say("How far its ranks depend on choices of method")


def _alt(report: RegionReport) -> str:
    labels = report.labels
    return " ".join(
        f"{labels.pillar(row['code'])}: "
        f"{rank_text(row, labels) or no_rank_reason(row, labels) or report.missing_pillar_reason(row['code'])}."
        for _, row in report.profile.pillars.iterrows()
    )


def _doubts(report: RegionReport) -> list[str]:
    say, words, labels = report.labels.words.say, report.labels.words, report.labels
    wide, fixed, few = (_of_case(report, case) for case in ("wide", "fixed", "few"))
    told = []
    if len(wide):
        ranges = [f"{labels.pillar(row['code'])} {brief_rank(row, labels)}" for _, row in wide.iterrows()]
        told.append(
            say(
                "The interval of these ranks holds half of all places or more, so they say little: {ranges}.",
                ranges=words.listing(ranges),
            )
        )
    if len(fixed):
        told.append(
            say(
                "One indicator carries the score here: {pillars}. The choices of method cannot change that order, so it "
                "has no interval; another indicator would give another order.",
                pillars=words.listing(labels.pillar(code) for code in fixed["code"]),
            )
        )
    if len(few):
        told.append(
            say(
                "No rank is given here: {pillars}. Fewer than {least:n0} other regions have figures for the same "
                "dimensions.",
                pillars=words.listing(labels.pillar(code) for code in few["code"]),
                least=MIN_COMPARED,
            )
        )
    outside = [
        labels.pillar(row["code"])
        for _, row in report.profile.pillars.iterrows()
        if rank_case(row) in ("wide", "range") and is_outside(row)
    ]
    if outside:
        told.append(
            say(
                "By the method used the rank lies outside its interval here, because nearly all other choices move it to "
                "the same side: {pillars}.",
                pillars=words.listing(outside),
            )
        )
    return told


def _of_case(report: RegionReport, case: RankCase) -> pd.DataFrame:
    rows = report.profile.pillars
    return rows[[rank_case(row) == case for _, row in rows.iterrows()]]
