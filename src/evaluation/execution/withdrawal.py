"""Pages that are no longer listed: made once, recorded, and not in ``config/reports.yml`` any more.

A reader would take a page that nothing makes for a present one. It is removed when it is what its record says; one
that somebody has changed is left where it is, and told.

Belongs here: which pages go. Does not belong here: links to them (`evaluation.execution.linking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.execution.linking import bare_hash
from evaluation.execution.plan import standard_outputs
from evaluation.execution.records import Record, RecordBook
from evaluation.execution.reports import Report
from evaluation.studies.project import Project


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """A page that is no longer listed.

    Parameters
    ----------
    target
        Its name.
    output
        The page.
    removed
        Whether it was removed; otherwise it was no longer the page that was made.
    """

    target: str
    output: Path
    removed: bool


def unlisted(book: RecordBook, reports: Mapping[str, Report], project: Project) -> list[Record]:
    """Return the records of pages that no report makes any more, and that no other page has replaced."""
    if not any(record.output for record in book.records.values()):
        return []
    listed = standard_outputs(reports, project)
    return [
        record
        for record in book.records.values()
        if record.output and not _is_listed(record, listed, project)
    ]


def _is_listed(record: Record, listed: Mapping[str, Path], project: Project) -> bool:
    """Tell whether a page is a listed one, or one with parameters of its own beside it."""
    path, name = project.root / record.output, record.target
    while name:
        if name in listed:
            stands = listed[name]
            return path == stands or (
                name != record.target
                and path.parent == stands.parent
                and path.stem.startswith(f"{stands.stem}-")
            )
        name = name.rpartition(":")[0]
    return False


def withdraw(
    gone: Sequence[Record], book: RecordBook, reports: Mapping[str, Report], project: Project
) -> Iterator[Withdrawn]:
    """Remove the pages that are no longer listed (`unlisted`), and forget them."""
    taken = {*standard_outputs(reports, project).values()} if gone else set()
    for record in gone:
        path = project.root / record.output
        there = path.is_file() and path not in taken
        ours = there and bare_hash(path) == record.page.sha256
        if ours:
            path.unlink()
            _remove_empty(path.parent, project.reports_dir)
        book.forget(record.target)
        if there:
            yield Withdrawn(target=record.target, output=path, removed=ours)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_relative_to(root) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
