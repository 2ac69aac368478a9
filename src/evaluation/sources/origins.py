"""Vintage folders and their ``origin.yml``: what was received, from whom, when, and that it is unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Origin, read_yaml, sha256_file
from evaluation.regions import CODE_COLUMNS

ORIGIN_FILE = "origin.yml"
UNDATED = "undated"
FORMATS = ("tidy",)
WHY_ORIGIN = "a figure whose origin is not known cannot be cited, and one that was edited is nobody's figure"
WHY_CHANGED = "raw files are as received; an edited one is no longer the publisher's, and nobody could tell"
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
    try:
        content = read_yaml(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"this is not YAML: {' '.join(str(error).split())}"
        raise BadInputError([_fault(path, message, "mend the line named")]) from error
    if not isinstance(content, dict):
        raise BadInputError([_fault(path, "this is not a list of fields", "see docs/new_vintage.md")])
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
    for name in sorted(set(content) - needed - optional):
        yield _fault(path, f"field {name!r} is unknown", "remove it or correct its name")
    if content.get("code_system", "bps_2021") not in CODE_COLUMNS:
        systems = ", ".join(CODE_COLUMNS)
        yield _fault(path, f"code_system {content['code_system']!r} is unknown", f"write one of {systems}")
    if content.get("format", "tidy") not in FORMATS:
        yield _fault(path, f"format {content['format']!r} is unknown", f"write one of {', '.join(FORMATS)}")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}|undated", path.parent.name):
        yield _fault(path, f"folder {path.parent.name!r} is no date", "name it YYYY-MM-DD or `undated`")
    if not isinstance(content.get("files", {}), dict) or not content.get("files", {"": ""}):
        yield _fault(path, "`files` lists no file", "list each file with its sha256")


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
