"""Which pages still stand, and why the others do not.

A page stands when everything its record names is now as it was then, and the page is there as it was made.
Each difference is a reason in words.

Belongs here: comparing records with the present. Does not belong here: taking records
(`evaluation.execution.traces`) or building what reads would give (`evaluation.execution.present`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from evaluation.execution.linking import page_file
from evaluation.execution.plan import Target
from evaluation.execution.records import Record, RecordBook
from evaluation.execution.surroundings import Surroundings, notebook_state
from evaluation.execution.traces import file_states, message_states
from evaluation.studies.project import Project

SHOWN_CHANGES = 3
SHOWN_MESSAGE = 60
CATALOGUE = "evaluation/reporting/locale/{language}.po"


class Freshness:
    """Compares pages with the present.

    Parameters
    ----------
    project
        The checkout.
    surroundings
        The present.
    book
        What each page was made from.
    """

    def __init__(self, project: Project, surroundings: Surroundings, book: RecordBook) -> None:
        self.surroundings = surroundings
        self.book = book
        self.touched: list[Target] = []
        """Pages that still stand although their file was changed: their links may be wrong."""

        self._project = project
        self._reads: dict[str, str] = {}
        self._notebooks: dict[Path, str] = {}
        self._messages: dict[tuple[str, str], str] = {}
        self._code_changes: dict[int, list[str]] = {}

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._project.root

    def unanswered(self, targets: Iterable[Target]) -> list[str]:
        """Return the names of reads that these pages rest on and whose present state is not known."""
        names: set[str] = set()
        for target in targets:
            record = self.book.get(target.name)
            if record is not None and record.inputs != self.surroundings.inputs:
                names.update(record.reads)
        return sorted(names - set(self._reads))

    def answer(self, reads: Mapping[str, str]) -> None:
        """Take in what reads would give now."""
        self._reads.update(reads)

    def notebook(self, path: Path) -> str:
        """Return the state of a notebook's cells."""
        if path not in self._notebooks:
            self._notebooks[path] = notebook_state(path)
        return self._notebooks[path]

    def reasons(self, target: Target) -> tuple[str, ...]:
        """Return why a page must be made; nothing when it stands.

        Reads without an answer are taken to hold: ask first (`unanswered`).
        """
        record = self.book.get(target.name)
        if record is None:
            return ("never made",)
        return tuple(self._differences(target, record))

    def confirm(self, targets: Iterable[Target]) -> None:
        """Note that these pages stand in the present, so that the next run need not ask again."""
        confirmed = []
        for target in targets:
            record = self.book.get(target.name)
            if record is None:
                continue
            now = replace(
                record,
                inputs=self.surroundings.inputs,
                catalogue=self.catalogue(target.language),
                page=page_file(target.output) if target in self.touched else record.page,
                output=target.output.relative_to(self.root).as_posix(),
            )
            if now != record:
                confirmed.append(now)
        self.book.keep(confirmed)

    def catalogue(self, language: str) -> str:
        """Return the state of a language's message catalogue."""
        return self.surroundings.code.get(CATALOGUE.format(language=language), "")

    def _differences(self, target: Target, record: Record) -> Iterator[str]:
        yield from self._page_differences(target, record)
        yield from self._table_differences(target, record)
        if record.notebook != self.notebook(target.notebook):
            yield "notebook changed"
        yield from _changes("parameter", record.parameters, target.parameters)
        yield from _changes("package", record.packages, self.surroundings.packages)
        if changed := self._code_of(record):
            yield _listed("code changed", changed)
        if record.inputs != self.surroundings.inputs:
            moved = [name for name, state in record.reads.items() if self._reads.get(name, state) != state]
            if moved:
                yield _listed("data changed", moved)
        now = file_states(self._project.root, record.files)
        if files := [name for name, state in record.files.items() if now[name] != state]:
            yield _listed("file changed", files)
        if said := self._messages_of(target.language, record):
            yield _listed("message changed", [repr(message[:SHOWN_MESSAGE]) for message in said])

    def _page_differences(self, target: Target, record: Record) -> Iterator[str]:
        if not target.output.is_file():
            yield "output is absent"
            return
        found = target.output.stat()
        if (found.st_size, found.st_mtime_ns) == (record.page.size, record.page.modified):
            return
        if page_file(target.output).sha256 != record.page.sha256:
            yield "output was changed since it was made"
        elif target not in self.touched:
            self.touched.append(target)

    def _table_differences(self, target: Target, record: Record) -> Iterator[str]:
        for name, state in file_states(self.root, target.written).items():
            if not state:
                yield f"{PurePosixPath(name).name} is absent"
            elif record.wrote.get(name) != state:
                yield f"{PurePosixPath(name).name} was changed since it was written"

    def _code_of(self, record: Record) -> list[str]:
        # records share their lists of code files, so each list is compared once
        key = id(record.code)
        if key not in self._code_changes:
            now = self.surroundings.code
            self._code_changes[key] = [n for n, state in record.code.items() if now.get(n, "") != state]
        return self._code_changes[key]

    def _messages_of(self, language: str, record: Record) -> list[str]:
        if record.catalogue == self.catalogue(language):
            return []
        return [text for text, state in record.messages.items() if self._message(language, text) != state]

    def _message(self, language: str, text: str) -> str:
        key = (language, text)
        if key not in self._messages:
            self._messages[key] = message_states(language, [text])[text]
        return self._messages[key]


def _changes(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{kind} {name} {before.get(name, 'absent')} -> {after.get(name, 'absent')}"


def _listed(what: str, names: list[str]) -> str:
    more = len(names) - SHOWN_CHANGES
    return f"{what}: {', '.join(names[:SHOWN_CHANGES])}{f' and {more} more' if more > 0 else ''}"
