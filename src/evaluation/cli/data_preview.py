"""What `data add` shows before it files anything: as text, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.studies.intake import FilePreview, Intake
    from evaluation.studies.meanings import Meaning

SHOWN = 10
"""Figures and doubts listed in full; the rest are counted."""
STATUS_WORDS = {
    "to_file": "to be filed",
    "known": "nothing new: the same bytes are filed",
    "nothing_new": "nothing new: all of its figures are there",
}


def preview_lines(intake: Intake) -> Iterator[str]:
    """Yield the preview, line by line."""
    for preview in intake.files:
        yield from _file_lines(preview)
    yield from _figure_lines(intake)
    yield from _revised_lines(intake)
    yield from _doubt_lines(intake)
    for notice in (*intake.comparison.notices, *intake.notices):
        yield f"note: {notice}"
    for filing in intake.filings:
        yield f"-> data/raw/{filing.folder}/: {', '.join(filing.files)}"


def _file_lines(preview: FilePreview) -> Iterator[str]:
    file = preview.file
    filed = f" in {preview.filed_in}" if preview.filed_in else ""
    yield f"{file.path}: {file.format}, {STATUS_WORDS[preview.status]}{filed}"
    if preview.status == "known":
        return
    stated = [f"accessed {file.accessed}" if file.accessed else "", file.address, file.told_by]
    yield from (f"  {text}" for text in (*stated, *file.notes) if text)
    for meaning in preview.meanings:
        yield f"  {_meaning_text(meaning)}"


def _meaning_text(meaning: Meaning) -> str:
    title = f"{meaning.title.text!r}"
    if meaning.indicator is None:
        return f"{title}: left out ({meaning.remark})"
    years = meaning.title.years
    span = f", {', '.join(map(str, years))}" if years else ""
    known = {"named": "as named", "known_title": "known from its title", "in_file": "as the file says"}
    return f"{title}{span} = {meaning.indicator.code} ({meaning.indicator.title.en}), {known[meaning.how]}"


def _figure_lines(intake: Intake) -> Iterator[str]:
    figures = intake.comparison.figures
    for (source, variable, year), rows in figures.groupby(["source", "variable", "year"], sort=True):
        counts = rows["status"].value_counts()
        parts = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in ("new", "equal", "revised"))
        yield f"{source}: {variable} {year}, {rows['region_code'].nunique()} regions: {parts}"


def _revised_lines(intake: Intake) -> Iterator[str]:
    figures = intake.comparison.figures
    revised = figures[figures["status"] == "revised"] if len(figures) else figures
    for row in revised.head(SHOWN).itertuples():
        yield f"  revised: {row.variable} of {row.region_code} in {row.year}: {row.before:.10g} -> {row.value:.10g}"
    if len(revised) > SHOWN:
        yield f"  ... and {len(revised) - SHOWN} more revised figures (--json lists all)"


def _doubt_lines(intake: Intake) -> Iterator[str]:
    doubtful = intake.comparison.doubtful
    for one in doubtful[:SHOWN]:
        yield f"doubtful, graded {one.doubt.grade} ({one.doubt.reason}): {one.what} [{one.place}]"
    if len(doubtful) > SHOWN:
        yield f"... and {len(doubtful) - SHOWN} more doubtful figures (--json lists all)"


def preview_record(intake: Intake) -> dict[str, Any]:
    """Return the preview as plain values."""
    return {
        "files": [_file_record(preview) for preview in intake.files],
        "figures": _changed_records(intake),
        "counts": _counts(intake),
        "withdrawn": _records(
            intake.comparison.withdrawn, ("source", "variable", "region_code", "year", "value")
        ),
        "doubtful": [
            {**vars(one.doubt), "source": one.source, "place": one.place, "what": one.what}
            for one in intake.comparison.doubtful
        ],
        "notices": [*intake.comparison.notices, *intake.notices],
        "folders": [f"data/raw/{filing.folder}" for filing in intake.filings],
    }


def _file_record(preview: FilePreview) -> dict[str, Any]:
    file = preview.file
    return {
        "path": str(file.path),
        "format": file.format,
        "sha256": file.sha256,
        "status": preview.status,
        "filed_in": preview.filed_in,
        "address": file.address,
        "accessed": file.accessed,
        "notes": list(file.notes),
        "titles": [
            {
                "title": meaning.title.text,
                "years": list(meaning.title.years),
                "indicator": meaning.indicator.code if meaning.indicator else "",
                "known": meaning.how if meaning.indicator else meaning.remark,
            }
            for meaning in preview.meanings
        ],
    }


def _changed_records(intake: Intake) -> list[dict[str, Any]]:
    figures = intake.comparison.figures
    changed = figures[figures["status"] != "equal"] if len(figures) else figures
    columns = ("source", "variable", "region_code", "year", "value", "before", "status", "quality", "row")
    return _records(changed, columns)


def _counts(intake: Intake) -> dict[str, int]:
    figures = intake.comparison.figures
    return {kind: int((figures["status"] == kind).sum()) for kind in ("new", "equal", "revised")}


def _records(table: Any, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    kept = table[[column for column in columns if column in table.columns]]
    return [
        {name: None if value != value else value for name, value in record.items()}
        for record in kept.to_dict("records")
    ]
