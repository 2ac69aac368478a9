"""What each page was made from, kept so that the next run knows what still stands.

``data/processed/records.jsonl`` has a line a page, written when the page is made and safe on the disk before
the next is begun. Contents that many pages share (lists of code files, messages) stand once, as sets of their
own. A killed run leaves at most its last line in part, which is passed over, as is any whose checksum is wrong: what
rests on it is made again.

Belongs here: keeping and finding records. Does not belong here: comparing them with the present
(`evaluation.execution.freshness`).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from evaluation.execution.journal import append_lines
from evaluation.provenance import fingerprint, write_bytes_atomically

RECORDS_NAME = "records.jsonl"
SHARED = ("code", "files", "messages", "packages", "reads")
SET_DIGITS = 16
CHECKSUM = ', "sum": "'
"""What stands in each line before its checksum, which is its last entry."""

SPARE_LINES = 2
"""The file is written anew when it has this many times the lines that are still of use."""


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """A page on the disk.

    Parameters
    ----------
    sha256
        Hash of its content without the links to other pages, which come and go with those.
    size, modified
        Bytes, and time of change in nanoseconds: while both hold, the content is not read again.
    """

    sha256: str
    size: int
    modified: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a page was made from.

    Parameters
    ----------
    target
        Its name.
    notebook
        Hash of the notebook's cells.
    parameters
        The values injected.
    code, files
        Files of the package, and others of the project, to their hashes.
    reads
        Names of what was read to the hashes of their contents.
    messages
        Messages said, to the hashes of their translations.
    catalogue
        The state of the language's message catalogue under which `messages` are known to hold.
    packages
        Versions.
    inputs
        The state of raw files and configuration under which `reads` are known to hold.
    page
        The page itself.
    fingerprint
        What stands on the page.
    output
        The page's path below the project.
    wrote
        Tables that the notebook wrote by itself, to their hashes.
    seconds, path, finished
        How long it took, which way the notebook ran, and when.
    """

    target: str
    notebook: str
    parameters: Mapping[str, Any]
    code: Mapping[str, str]
    files: Mapping[str, str]
    reads: Mapping[str, str]
    messages: Mapping[str, str]
    catalogue: str
    packages: Mapping[str, str]
    inputs: str
    page: PageFile
    fingerprint: str
    output: str = ""
    wrote: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    path: str = ""
    finished: str = ""


class RecordBook:
    """All records of a project.

    Parameters
    ----------
    processed_dir
        Where they are kept.
    """

    def __init__(self, processed_dir: Path) -> None:
        self._path = processed_dir / RECORDS_NAME
        self._sets: dict[str, Mapping[str, str]] = {}
        self._keys: dict[int, str] = {}
        """Identity of each of the sets to its key: what is shared is looked through once."""

        self.records: dict[str, Record] = {}
        self._lines = 0
        self._load()

    def get(self, target: str) -> Record | None:
        """Return the record of a target, if there is one."""
        return self.records.get(target)

    def keep(self, records: Iterable[Record]) -> None:
        """Add records, safe on the disk when this returns."""
        lines: list[str] = []
        for record in records:
            lines += self._lines_of(record)
            self.records[record.target] = self._sharing(record)
        append_lines(self._path, lines)
        self._lines += len(lines)

    def forget(self, target: str) -> None:
        """Drop the record of a target, safe on the disk when this returns."""
        self.records.pop(target, None)
        append_lines(self._path, [_as_line({"gone": target})])
        self._lines += 1

    def tidy(self) -> None:
        """Write the file anew when most of it is of no more use."""
        used = {self._key(getattr(record, name)) for record in self.records.values() for name in SHARED}
        if self._lines <= SPARE_LINES * (len(self.records) + len(used)):
            return
        self._sets.clear()
        lines = [line for record in self.records.values() for line in self._lines_of(record)]
        write_bytes_atomically(self._path, "".join(f"{line}\n" for line in lines).encode())
        self._lines = len(lines)

    def _lines_of(self, record: Record) -> list[str]:
        plain = {item.name: getattr(record, item.name) for item in fields(record)}
        plain["page"] = asdict(record.page)
        lines = []
        for name in SHARED:
            content = plain[name]
            key = self._key(content)
            if key not in self._sets:
                self._take_set(key, content)
                lines.append(_as_line({"set": key, "content": dict(content)}))
            plain[name] = key
        return [*lines, _as_line(plain)]

    def _sharing(self, record: Record) -> Record:
        """Return a record that holds the sets which others hold as well, and no copies of its own."""
        shared: dict[str, Any] = {name: self._sets[self._key(getattr(record, name))] for name in SHARED}
        return replace(record, **shared)

    def _take_set(self, key: str, content: Mapping[str, str]) -> None:
        self._sets[key] = content
        self._keys[id(content)] = key

    def _key(self, content: Mapping[str, str]) -> str:
        known = self._keys.get(id(content), "")
        # an identity is given again to another object when the first is gone
        if self._sets.get(known) is content:
            return known
        return fingerprint(dict(content))[:SET_DIGITS]

    def _load(self) -> None:
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
            if line:
                self._lines += 1
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            plain = _checked(line)
            if "set" in plain:
                self._take_set(plain["set"], plain["content"])
                return
            if "gone" in plain:
                self.records.pop(plain["gone"], None)
                return
            shared = {name: self._sets[plain[name]] for name in SHARED}
            record = Record(**{**plain, **shared, "page": PageFile(**plain["page"])})
        except (ValueError, KeyError, TypeError):
            # left in part by a run that was killed, spoilt, or of an older form: the page is made again
            return
        self.records[record.target] = record


def _as_line(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return f'{text[:-1]}{CHECKSUM}{_checksum(text)}"}}'


def _checked(line: str) -> dict[str, Any]:
    """Return what a line says.

    Raises
    ------
    ValueError
        When it is not what was written.
    """
    text, _, end = line.rpartition(CHECKSUM)
    if end != f'{_checksum(f"{text}}}")}"}}':
        raise ValueError("the line is not what was written")
    return dict(json.loads(f"{text}}}"))


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
