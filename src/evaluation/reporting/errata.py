"""Corrections and disputes of published figures: dated sentences for a region's page, and a table of all.

Belongs here: saying what a record says. Does not belong here: the records (`evaluation.catalog.corrections`) or applying
them (`evaluation.indicators`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.catalog import Catalog, Correction
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose
from evaluation.tables import Column, Table, html_table


def errata(corrections: Sequence[Correction], labels: Labels) -> Prose | None:
    """Return one paragraph a record, oldest first; None where there is none, so that nothing is shown."""
    if not corrections:
        return None
    return Prose("\n\n".join(_erratum(record, labels) for record in corrections))


def _erratum(record: Correction, labels: Labels) -> str:
    say, language = labels.words.say, labels.language
    code = indicator_of(record, labels.catalog)
    facts = {
        "day": labels.words.day(record.dated),
        "indicator": labels.indicator(code),
        "year": record.year,
        "published": labels.value(code, record.published),
    }
    if record.corrected is not None:
        first = say(
            "**Erratum, {day}.** {indicator} in {year:y}: figures here rest on {corrected}, in place of the published "
            "{published}.",
            **facts,
            corrected=labels.value(code, record.corrected),
        )
    else:
        first = say(
            "**In dispute, {day}.** {indicator} in {year:y}: figures here rest on the published {published}, with grade "
            "{grade} ({meaning}).",
            **facts,
            grade=record.quality,
            meaning=labels.grade_word(record.quality),
        )
    told = say("According to: {who}.", who=record.said_by.rstrip("."))
    return " ".join([first, record.what.get(language), record.why.get(language), told])


def corrections_table(corrections: Sequence[Correction], labels: Labels) -> Table | Prose:
    """Return all records: which figure, what was published, what is used, since when, who said so."""
    say, language = labels.words.say, labels.language
    if not corrections:
        return Prose(say("No error or dispute is on record."))
    rows = [
        {
            "figure": f"{labels.indicator(code)}, {labels.region(record.region_code)}, {record.year}",
            "published": labels.value(code, record.published),
            "used": labels.value(code, record.published if record.corrected is None else record.corrected),
            "dated": labels.words.day(record.dated),
            "what": record.what.get(language),
            "said_by": record.said_by,
        }
        for record in corrections
        for code in (indicator_of(record, labels.catalog),)
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("figure", say("Figure")),
            Column("published", say("Published")),
            Column("used", say("Used here")),
            Column("dated", say("On record since")),
            Column("what", say("What is wrong or disputed")),
            Column("said_by", say("According to")),
        ],
        caption=say("Published figures that were corrected or are disputed"),
    )


def indicator_of(record: Correction, catalog: Catalog) -> str:
    """Return the code of the indicator that takes the figure of a record."""
    return next(
        indicator.code
        for indicator, segment in catalog.segments()
        if (segment.source, segment.variable) == (record.source, record.variable)
        and segment.first_year <= record.year <= segment.last_year
    )
