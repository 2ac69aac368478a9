"""Vintage folders and their ``origin.yml``: what was received, from whom, when, and that it is unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from evaluation.catalog import read_config
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Origin, sha256_file
from evaluation.regions import CODE_COLUMNS

ORIGIN_FILE = "origin.yml"
UNDATED = "undated"
FORMATS = ("tidy",)
WHY_ORIGIN = "a figure whose origin is not known cannot be cited, and one that was edited is nobody's figure"
WHY_CHANGED = "raw files are as received; an edited one is no longer the publisher's, and nobody could tell"
REMEDY_TEXT = "write it as text, a date or number in quotes; write `unknown` where it is not known"
REMEDY_CHANGED = (
    "restore the file; a corrected figure goes into a new folder data/raw/<source>/<YYYY-MM-DD>/ "
    "with its own origin.yml (docs/new_vintage.md)"
)


def vintage_order(vintage: str) -> tuple[int, str]:
    """Return a sort key: undated vintages first, then by date."""
    return (0 if vintage == UNDATED else 1, vintage)


def list_vintages(raw_dir: Path) -> tuple[Path, ...]:
    """Return all vintage folders ``<source>/<vintage>``, sorted by source, then by date."""
    folders = [folder for folder in raw_dir.glob("*/*") if folder.is_dir()]
    return tuple(sorted(folders, key=lambda folder: (folder.parent.name, vintage_order(folder.name))))


def read_origin(folder: Path) -> Origin:
    """Read and check ``origin.yml`` of a vintage folder, and that its files are as received.

    Raises
    ------
    BadInputError
        With every fault: missing fields, files that are absent, unlisted or changed.
    """
    path = folder / ORIGIN_FILE
    if not path.is_file():
        raise BadInputError(
            [_fault(path, "the file is not there", "describe the vintage as in docs/new_vintage.md")]
        )
    content = read_config(path, why=WHY_ORIGIN)
    raise_if_any(_content_faults(path, content))
    raise_if_any(_file_faults(folder, content["files"]))
    known = {field.name for field in fields(Origin)}
    return Origin(
        source=folder.parent.name,
        vintage=folder.name,
        **{name: value for name, value in content.items() if name in known},
    )


def _content_faults(path: Path, content: dict[str, Any]) -> Iterator[Fault]:
    optional = {"note", "format"}
    needed = {field.name for field in fields(Origin)} - {"source", "vintage"} - optional
    for name in sorted(needed - set(content)):
        yield _fault(path, f"field {name!r} is absent", "add it; write `unknown` where it is not known")
    for name in sorted(set(content) - needed - optional, key=str):
        yield _fault(path, f"field {name!r} is unknown", "remove it or correct its name")
    for name in sorted((needed | optional) & set(content) - {"files"}):
        if not isinstance(content[name], str) or not content[name].strip():
            yield _fault(path, f"field {name!r} must be text; got: {content[name]!r}", REMEDY_TEXT)
    yield from _choice_fault(path, content, "code_system", tuple(CODE_COLUMNS))
    yield from _choice_fault(path, content, "format", FORMATS)
    if not _is_vintage(path.parent.name):
        yield _fault(path, f"folder {path.parent.name!r} is no date", "name it YYYY-MM-DD or `undated`")
    if "files" in content:
        yield from _listing_faults(path, content["files"])


def _choice_fault(
    path: Path, content: dict[str, Any], name: str, choices: tuple[str, ...]
) -> Iterator[Fault]:
    got = content.get(name)
    if isinstance(got, str) and got not in choices:
        yield _fault(path, f"{name} {got!r} is unknown", f"write one of {', '.join(choices)}")


def _is_vintage(name: str) -> bool:
    if name == UNDATED:
        return True
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", name) is not None


def _listing_faults(path: Path, listed: object) -> Iterator[Fault]:
    if not isinstance(listed, dict) or not listed:
        yield _fault(path, "`files` lists no file", "list each file with its sha256")
        return
    for name, checksum in listed.items():
        if not isinstance(name, str) or not name:
            yield _fault(
                path,
                f"files: {name!r} is no file name",
                "write the name as text, in quotes if it is a number",
            )
        elif not isinstance(checksum, str):
            yield _fault(
                path,
                f"files: the checksum of {name} must be text; got: {checksum!r}",
                "write the sha256, in quotes if it is all digits",
            )


def _file_faults(folder: Path, listed: dict[str, str]) -> Iterator[Fault]:
    present = {path.name for path in folder.iterdir() if path.name != ORIGIN_FILE and path.is_file()}
    for name in sorted(present - set(listed)):
        yield _fault(
            folder / name,
            "the file is not listed in origin.yml",
            f"add under `files`: {name}: {sha256_file(folder / name)}",
        )
    for name, expected in sorted(listed.items()):
        if name not in present:
            yield _fault(folder / name, "the file is not there", "restore it from version control")
        elif (actual := sha256_file(folder / name)) != expected:
            yield Fault(
                where=str(folder / name),
                what=f"the file was changed after it was filed (sha256 {actual}, filed as {expected})",
                why=WHY_CHANGED,
                remedy=REMEDY_CHANGED,
            )


def _fault(path: Path, what: str, remedy: str) -> Fault:
    return Fault(where=str(path), what=what, why=WHY_ORIGIN, remedy=remedy)
