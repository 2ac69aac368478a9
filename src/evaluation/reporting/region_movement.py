"""What moved a region's scores over the years of the series, in figures.

Belongs here: a region's change of scores as a figure and sentences, descriptive. Does not belong here: computing what
each indicator did (`evaluation.studies.series`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluation.charts import Chart, contribution_bars
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, bullets
from evaluation.reporting.rank_words import rank_text
from evaluation.reporting.region_report import RegionReport

SHOWN_DECIMALS = 1
"""Decimals of scores and contributions here: what rounds to zero is said not to have moved."""


@dataclass(frozen=True)
class PillarMove:
    """How one pillar's score of the series moved.

    Parameters
    ----------
    code
        The pillar.
    first, last
        Its rows of `series_scores` in the first and the last year.
    parts
        Its rows of `series_changes` with a contribution, largest first by size.
    """

    code: str
    first: pd.Series
    last: pd.Series
    parts: pd.DataFrame

    @property
    def change(self) -> float:
        """Change of the score in points."""
        return float(self.last["score"] - self.first["score"])


def pillar_moves(report: RegionReport) -> tuple[PillarMove, ...]:
    """Return the pillars of which the region has a series, in their order."""
    profile = report.profile
    changes = profile.changes.dropna(subset=["contribution"])
    scores = profile.scores_over_time[profile.scores_over_time["level"] == "pillar"]
    moves = []
    for code in report.labels.catalog.pillars:
        parts = changes[changes["pillar"] == code]
        own = scores[scores["code"] == code].set_index("year")
        if len(parts):
            first, last = (own.loc[int(parts[f"year_{end}"].iloc[0])] for end in ("before", "after"))
            ordered = parts.sort_values("contribution", key=abs, ascending=False, kind="stable")
            moves.append(PillarMove(code=code, first=first, last=last, parts=ordered))
    return tuple(moves)


def contributions(report: RegionReport) -> Chart | Prose:
    """Return what each indicator did to its pillar's score, in points."""
    labels, moves = report.labels, pillar_moves(report)
    if not moves:
        return Prose(labels.words.say("The region has no series of scores: it lacks figures in some years."))
    first, last = labels.catalog.framework.series.years
    return contribution_bars(
        pd.DataFrame([row for move in moves for row in _bar_rows(move, labels)]),
        format_value=lambda size: labels.words.number(size, SHOWN_DECIMALS, signed=True),
        title=_title(moves, first, labels),
        subtitle=labels.words.say(
            "What each indicator did to its pillar's score from {first:y} to {last:y}, in points; left lowered it, right "
            "raised it.",
            first=first,
            last=last,
        ),
        alt=" ".join(_sentences(move, labels).replace("**", "") for move in moves),
        note=labels.words.say(
            "The parts of a pillar add up to its change, but for rounding. Where the intervals of both ranks overlap, the "
            "ranks alone do not tell whether the region moved among the others."
        ),
        source=labels.sources(dict.fromkeys(code for move in moves for code in move.parts["indicator"])),
    )


def movement(report: RegionReport) -> Prose:
    """Return what raised and what lowered each pillar's score, what the series covers, and what it does not."""
    moves = pillar_moves(report)
    listed = bullets([_sentences(move, report.labels) for move in moves]).text
    return Prose("\n\n".join(text for text in (listed, " ".join(_coverage(report, moves))) if text))


def _bar_rows(move: PillarMove, labels: Labels) -> list[dict[str, object]]:
    say = labels.words.say
    figures = say(
        "{before:n1} in {first:y}, {after:n1} in {last:y} ({change:s1} points)",
        before=move.first["score"],
        first=move.first.name,
        after=move.last["score"],
        last=move.last.name,
        change=move.change,
    )
    ranks = [f"{row.name}: {text}" for row in (move.first, move.last) if (text := rank_text(row, labels))]
    return [
        {
            "group": labels.pillar(move.code),
            "group_text": "; ".join([figures, *ranks]),
            "colour": labels.catalog.pillars[move.code].colour,
            "label": labels.short_indicator(part.indicator),
            "detail": f"{labels.value(part.indicator, part.value_before)} → "
            f"{labels.value(part.indicator, part.value_after)}",
            "contribution": part.contribution,
        }
        for part in move.parts.itertuples()
    ]


def _title(moves: tuple[PillarMove, ...], first: int, labels: Labels) -> str:
    say, listing = labels.words.say, labels.words.listing
    rose = [labels.pillar(move.code) for move in moves if round(move.change, SHOWN_DECIMALS) > 0]
    fell = [labels.pillar(move.code) for move in moves if round(move.change, SHOWN_DECIMALS) < 0]
    if rose and fell:
        return say(
            "Since {first:y} its score rose in {rose}, and fell in {fell}",
            first=first,
            rose=listing(rose),
            fell=listing(fell),
        )
    if rose:
        return say("Since {first:y} its score rose in {rose}", first=first, rose=listing(rose))
    if fell:
        return say("Since {first:y} its score fell in {fell}", first=first, fell=listing(fell))
    return say("Since {first:y} its scores hardly moved", first=first)


def _sentences(move: PillarMove, labels: Labels) -> str:
    say, points = labels.words.say, move.parts["contribution"].round(SHOWN_DECIMALS)
    raised, lowered, neither = (
        "; ".join(_part(part, labels) for part in move.parts[kind].itertuples())
        for kind in (points > 0, points < 0, points == 0)
    )
    told = [
        say("Raised it: {parts}.", parts=raised) if raised else "",
        say("Lowered it: {parts}.", parts=lowered) if lowered else "",
        say("Hardly moved it: {parts}.", parts=neither) if neither else "",
    ]
    return " ".join(text for text in (_change_sentence(move, labels), *told) if text)


def _change_sentence(move: PillarMove, labels: Labels) -> str:
    say = labels.words.say
    facts = {
        "pillar": labels.pillar(move.code),
        "before": move.first["score"],
        "after": move.last["score"],
        "first": move.first.name,
        "last": move.last.name,
    }
    change = round(move.change, SHOWN_DECIMALS)
    if change > 0:
        return say("**{pillar}** rose from {before:n1} in {first:y} to {after:n1} in {last:y}.", **facts)
    if change < 0:
        return say("**{pillar}** fell from {before:n1} in {first:y} to {after:n1} in {last:y}.", **facts)
    return say("**{pillar}** stayed at {after:n1} from {first:y} to {last:y}.", **facts)


def _part(part: object, labels: Labels) -> str:
    code = part.indicator  # type: ignore[attr-defined]
    return labels.words.say(
        "{indicator}, from {start} to {end} ({points:s1} points)",
        indicator=labels.short_indicator(code),
        start=labels.value(code, part.value_before),  # type: ignore[attr-defined]
        end=labels.value(code, part.value_after),  # type: ignore[attr-defined]
        points=part.contribution,  # type: ignore[attr-defined]
    )


def _coverage(report: RegionReport, moves: tuple[PillarMove, ...]) -> list[str]:
    labels, words = report.labels, report.labels.words
    catalog = labels.catalog
    first, last = catalog.framework.series.years
    chosen = catalog.series_indicators()
    followed = {catalog.pillar_of[one.dimension] for one in chosen if one.dimension is not None}
    none = [code for code in catalog.pillars if code not in followed]
    own = {move.code for move in moves}
    lacking = [code for code in catalog.pillars if code in followed and code not in own]
    told = [
        words.say(
            "The series takes only indicators with figures by one method in every year from {first:y} to {last:y}: "
            "{names}. So a change of a score is a change of figures and never of composition; no cause is meant.",
            first=first,
            last=last,
            names=words.listing(labels.short_indicator(one.code) for one in chosen),
        )
    ]
    if none:
        told.append(
            words.say(
                "There is no series for {pillars}: no indicator there has figures by one method in all these years.",
                pillars=words.listing(map(labels.pillar, none)),
            )
        )
    if lacking:
        told.append(
            words.say(
                "The region itself has no series for {pillars}: it lacks figures in some of these years.",
                pillars=words.listing(map(labels.pillar, lacking)),
            )
        )
    return told
