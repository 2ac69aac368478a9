"""Vintage folders and their ``origin.yml``: what was received, from whom, when, and that it is unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError

from evaluation.catalog import Record, read_config, record_faults
from evaluation.catalog.model import Named
from evaluation.catalog.years import Year
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import Doubt, Origin, ReceivedVariable, sha256_file
from evaluation.quality import Grade, Reason
from evaluation.regions import CODE_COLUMNS

ORIGIN_FILE = "origin.yml"
UNDATED = "undated"
VINTAGE = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.(?P<part>[2-9]|[1-9][0-9]+))?")
"""A day, and a number from 2 on where a source was received more than once with the same date."""
Format = Literal["tidy", "bps_web_table", "bps_webapi", "fsva", "sipsn", "template"]
FORMATS: tuple[Format, ...] = get_args(Format)
DETAILS = ("quality", "year", "variables", "doubts")
"""Optional fields that say what the files do not."""
WHY_ORIGIN = "a figure whose origin is not known cannot be cited, and one that was edited is nobody's figure"
WHY_CHANGED = "raw files are as received; an edited one is no longer the publisher's, and nobody could tell"
REMEDY_TEXT = "write it as text, a date or number in quotes; write `unknown` where it is not known"
REMEDY_DETAIL = "write it as in docs/bring_data.md, or file the table again with `evaluation data add`"
REMEDY_VINTAGE = "name it YYYY-MM-DD or `undated`; a further one of the same day YYYY-MM-DD.2"
REMEDY_CHANGED = (
    "restore the file; a corrected figure goes into a new folder data/raw/<source>/<YYYY-MM-DD>/ "
    "with its own origin.yml (docs/bring_data.md)"
)


class VariableRecord(Record):
    """What a title stands for: an entry under ``variables``."""

    variable: Named
    unit: Named
    year_offset: Annotated[int, Field(strict=True, ge=-5, le=5)] = 0
    years: tuple[Year, ...] = ()


class DoubtRecord(Record):
    """A figure graded below the rest: an entry under ``doubts``."""

    variable: Named
    region_code: Annotated[str, Field(pattern="^[0-9]{4}$")]
    year: Year
    grade: Literal["B", "C"]
    reason: Reason


class DetailsRecord(Record):
    """The optional fields of ``origin.yml``."""

    quality: Grade = "A"
    year: Year | None = None
    variables: dict[Named, VariableRecord] = Field(default_factory=dict)
    doubts: tuple[DoubtRecord, ...] = ()


def vintage_order(vintage: str) -> tuple[int, str, int]:
    """Return a sort key: undated vintages first, then by day, then by number within the day."""
    found = VINTAGE.fullmatch(vintage)
    if found is None:
        return (0, vintage, 0)
    return (1, found["day"], int(found["part"] or 1))


def vintage_day(vintage: str) -> str:
    """Return the day of a vintage, empty for an undated one."""
    found = VINTAGE.fullmatch(vintage)
    return found["day"] if found else ""


def list_vintages(raw_dir: Path) -> tuple[Path, ...]:
    """Return all vintage folders ``<source>/<vintage>``, sorted by source, then by date.

    A folder that is being filled has a name that begins with a dot and is passed over.
    """
    folders = [
        folder
        for folder in raw_dir.glob("*/*")
        if folder.is_dir() and not folder.name.startswith(".") and not folder.parent.name.startswith(".")
    ]
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
            [_fault(path, "the file is not there", "describe the vintage as in docs/bring_data.md")]
        )
    content = read_config(path, why=WHY_ORIGIN)
    raise_if_any(_content_faults(path, content))
    raise_if_any(_file_faults(folder, content["files"]))
    details = DetailsRecord.model_validate({name: content[name] for name in DETAILS if name in content})
    plain = {field.name for field in fields(Origin)} - set(DETAILS)
    return Origin(
        source=folder.parent.name,
        vintage=folder.name,
        quality=details.quality,
        year=details.year,
        variables={
            title: ReceivedVariable(**record.model_dump()) for title, record in details.variables.items()
        },
        doubts=tuple(Doubt(**record.model_dump()) for record in details.doubts),
        **{name: value for name, value in content.items() if name in plain},
    )


def origin_text(origin: Origin) -> str:
    """Return the content of an ``origin.yml``: what `read_origin` reads, without what is left at its default."""
    content: dict[str, Any] = {}
    for name, value in asdict(origin).items():
        if name in ("source", "vintage") or (name in DETAILS and not value):
            continue
        content[name] = value
    content["files"] = dict(sorted(origin.files.items()))
    if "variables" in content:
        content["variables"] = {
            title: {name: value for name, value in use.items() if value}
            for title, use in content["variables"].items()
        }
    lists = json.loads(json.dumps(content))  # tuples become lists, which is what YAML knows
    return yaml.safe_dump(lists, sort_keys=False, allow_unicode=True, width=110)


def _content_faults(path: Path, content: dict[str, Any]) -> Iterator[Fault]:
    optional = {"note", "format", *DETAILS}
    needed = {field.name for field in fields(Origin)} - {"source", "vintage"} - optional
    for name in sorted(needed - set(content)):
        yield _fault(path, f"field {name!r} is absent", "add it; write `unknown` where it is not known")
    for name in sorted(set(content) - needed - optional, key=str):
        yield _fault(path, f"field {name!r} is unknown", "remove it or correct its name")
    for name in sorted((needed | optional) & set(content) - {"files", *DETAILS}):
        if not isinstance(content[name], str) or not content[name].strip():
            yield _fault(path, f"field {name!r} must be text; got: {content[name]!r}", REMEDY_TEXT)
    yield from _choice_fault(path, content, "code_system", tuple(CODE_COLUMNS))
    yield from _choice_fault(path, content, "format", FORMATS)
    yield from _detail_faults(path, content)
    if not _is_vintage(path.parent.name):
        yield _fault(path, f"folder {path.parent.name!r} is no date", REMEDY_VINTAGE)
    if "files" in content:
        yield from _listing_faults(path, content["files"])


def _choice_fault(
    path: Path, content: dict[str, Any], name: str, choices: tuple[str, ...]
) -> Iterator[Fault]:
    got = content.get(name)
    if isinstance(got, str) and got not in choices:
        yield _fault(path, f"{name} {got!r} is unknown", f"write one of {', '.join(choices)}")


def _detail_faults(path: Path, content: dict[str, Any]) -> Iterator[Fault]:
    try:
        DetailsRecord.model_validate({name: content[name] for name in DETAILS if name in content})
    except ValidationError as error:
        for fault in record_faults(path, error):
            yield _fault(Path(fault.where), fault.what, REMEDY_DETAIL)


def _is_vintage(name: str) -> bool:
    if name == UNDATED:
        return True
    try:
        date.fromisoformat(vintage_day(name))
    except ValueError:
        return False
    return True


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
