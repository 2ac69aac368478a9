"""The ministry's own evaluation beside our score, on the pages of the regions whose score was found published.

Belongs here: saying what was published, where, and what it measures. Does not belong here: the evaluation
(`evaluation.studies.ministry`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from evaluation.reporting.labels import Labels
from evaluation.reporting.rank_words import rank_text
from evaluation.reporting.region_report import RegionReport
from evaluation.schema import INDEX_CODE
from evaluation.studies.ministry import (
    EvaluatedDimension,
    MinistryEvaluation,
    PublishedScore,
    region_evaluation,
)
from evaluation.tables import Column, Table, html_table


def ministry_evaluation(report: RegionReport) -> Table | None:
    """Return the published scores of a region beside ours; None where none was found, so that nothing is shown."""
    labels, say = report.labels, report.labels.words.say
    evaluation = region_evaluation(report.project, str(report.profile.region.name))
    if not evaluation.scores:
        return None
    rows = [_published_row(score, evaluation, labels) for score in evaluation.scores]
    return html_table(
        pd.DataFrame([*rows, _own_row(report)]),
        columns=[
            Column("who", say("Score of")),
            Column("year", say("Year"), "number"),
            Column("score", say("Score"), "number", reason_key="reason"),
            Column("place", say("Place"), reason_key="no_place"),
            Column("measures", say("What it measures")),
            Column("source", say("Source"), render=_source),
        ],
        caption=say("The ministry's own evaluation, and our score"),
        footnote=" ".join(_notes(evaluation, labels)),
    )


def _published_row(
    score: PublishedScore, evaluation: MinistryEvaluation, labels: Labels
) -> dict[str, object]:
    return {
        "who": labels.words.say("the ministry's evaluation"),
        "year": str(score.year),
        "score": labels.words.number(score.total, 2),
        "place": score.place.get(labels.language) if score.place else "",
        "measures": evaluation.measures.get(labels.language),
        "source": score.publisher,
        "url": score.url,
        "reason": "",
        "no_place": labels.words.say("not published"),
    }


def _own_row(report: RegionReport) -> dict[str, object]:
    labels, say = report.labels, report.labels.words.say
    own = report.profile.pillars.set_index("code").loc[INDEX_CODE]
    low, high = labels.catalog.framework.score_range
    return {
        "who": say("this workbench, all pillars together"),
        "year": str(report.profile.edition_year),
        "score": labels.score(own["score"]) if pd.notna(own["score"]) else None,
        "place": rank_text(own, labels),
        "measures": say(
            "The state of the region in open figures, from {low:n0} to {high:n0}, whether it takes part or not.",
            low=low,
            high=high,
        ),
        "source": say("this page"),
        "url": "",
        "reason": report.missing_pillar_reason(INDEX_CODE),
        "no_place": say("no rank"),
    }


def _source(row: Mapping[str, Any]) -> Markup:
    return Markup('<a href="{}">{}</a>' if row["url"] else "{1}").format(row["url"], row["source"])


def _notes(evaluation: MinistryEvaluation, labels: Labels) -> list[str]:
    say, language = labels.words.say, labels.language
    notes = [
        say(
            "The two are not to be compared and neither enters the other. Of the ministry's evaluation: {scale}.",
            scale=evaluation.scale.get(language),
        )
    ]
    if any(score.parts for score in evaluation.scores):
        notes += _part_sentences(evaluation, labels)
    return notes


def _part_sentences(evaluation: MinistryEvaluation, labels: Labels) -> list[str]:
    """Return the parts of each score with their weights, and what they give."""
    from evaluation.studies.ministry_index import (  # no other page needs it
        evaluation_weights,
        recomputed_totals,
    )

    say, totals, weights = labels.words.say, recomputed_totals(evaluation), evaluation_weights(evaluation)
    sentences = []
    for score in evaluation.scores:
        if not score.parts:
            continue
        parts = [
            _part(one, score.parts[one.code], weights[one.code], labels) for one in evaluation.dimensions
        ]
        sentences.append(
            say(
                "Its parts in {year:y}, with their weights: {parts}. They give {made:n3}; published was {total:n2}.",
                year=score.year,
                parts="; ".join(parts),
                made=totals[(score.region_code, score.year)],
                total=score.total,
            )
        )
    return sentences


def _part(dimension: EvaluatedDimension, points: float, weight: float, labels: Labels) -> str:
    return labels.words.say(
        "{name} ({measures}) {points:n2} ({weight:p0})",
        name=dimension.name.get(labels.language).lower(),
        measures=dimension.measures.get(labels.language),
        points=points,
        weight=100 * weight,
    )
