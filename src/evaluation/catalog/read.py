"""Files that people write by hand, read strictly: YAML whose fields stand once, CSV with equally many cells a row.

Belongs here: turning a file into fields or a table of text, and saying which line cannot be. Does not belong
here: what the fields or cells must say.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import BaseModel, ValidationError

from evaluation.errors import BadInputError, Fault, raise_if_any

WHY_CONFIG = "every score and estimate is computed from this configuration"
FIELDS_DOCUMENTED = "see docs/configuration.md for the fields and their meaning"
LONGEST_SHOWN = 80
"""Characters of a value found that a message repeats; a whole block of text would hide what is wrong."""
PLAIN_WORDS = {
    "missing": "the field is absent",
    "extra_forbidden": "the field is unknown",
    "tuple_type": "this must be a list",
    "list_type": "this must be a list",
    "dict_type": "this must be a block of fields",
    "model_type": "this must be a block of fields",
    "model_attributes_type": "this must be a block of fields",
    "string_type": "this must be text; a number or date that is meant as text needs quotes",
    "int_type": "this must be a whole number, without quotes",
    "float_type": "this must be a number, without quotes",
    "bool_type": "this must be true or false",
    "date_type": "this must be a date, written YYYY-MM-DD without quotes",
    "finite_number": "this must be a finite number",
    "string_too_short": "the text is empty",
}
"""Kind of problem, as pydantic names it, to what is said of it; of other kinds its own words are kept."""

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
REMEDY_CSV = "save it as CSV in UTF-8: commas, one header row, equally many cells a row"


def read_config(path: Path, *, why: str = WHY_CONFIG) -> dict[str, Any]:
    """Return the fields of a YAML file.

    Parameters
    ----------
    path
        The file.
    why
        Why a fault in it matters.

    Raises
    ------
    BadInputError
        When the file is absent, is no YAML, is not a block of fields, or names one field twice.
    """
    if not path.is_file():
        raise BadInputError([absent_file(path, why=why)])
    try:
        content, doubled = _load_yaml(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        what = f"this is not YAML: {' '.join(str(error).split())}"
        remedy = "mend the line named; text with a colon or a leading % needs quotes"
        raise BadInputError([Fault(where=str(path), what=what, why=why, remedy=remedy)]) from error
    if not isinstance(content, dict):
        got = "the file is empty" if content is None else f"got: {_shown(content)}"
        what = f"this must be a block of fields, `name: value`; {got}"
        raise BadInputError(
            [Fault(where=str(path), what=what, why=why, remedy="restore it or write its fields")]
        )
    raise_if_any(
        Fault(
            where=f"{path}, line {line}",
            what=f"{key!r} stands twice in one block; the first, in line {first}, would be lost",
            why=why,
            remedy="keep one of the two",
        )
        for key, first, line in doubled
    )
    return content


class _ConfigLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which also names the line of a value that cannot be (2026-13-45)."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} cannot be read: {error}", node.start_mark
            ) from error


def _load_yaml(text: str) -> tuple[Any, list[tuple[str, int, int]]]:
    """Return the content, and each doubled key with the lines of its first and its later place."""
    loader = _ConfigLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        doubled = list(_doubled_keys(node))
        return loader.construct_document(node), doubled
    finally:
        loader.dispose()


def _doubled_keys(root: yaml.Node) -> Iterator[tuple[str, int, int]]:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield from _doubled_in(node)
            waiting.extend(value for _, value in node.value)
        else:
            waiting.extend(node.value)


def _doubled_in(mapping: yaml.MappingNode) -> Iterator[tuple[str, int, int]]:
    first: dict[str, int] = {}
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if key.value in first:
                yield key.value, first[key.value], line
            first.setdefault(key.value, line)


def record_faults(path: Path, error: ValidationError, *, inside: str = "") -> Iterator[Fault]:
    """Turn every problem pydantic found into a fault that names the file and the field."""
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        place = ", ".join(part for part in (inside, field) if part)
        got = problem.get("input")
        shown = "" if isinstance(got, dict | BaseModel) else f"; got: {_shown(got)}"
        yield Fault(
            where=f"{path}, {place}" if place else str(path),
            what=PLAIN_WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, ")) + shown,
            why=WHY_CONFIG,
            remedy=FIELDS_DOCUMENTED,
        )


def _shown(got: object) -> str:
    text = repr(got)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def absent_file(path: Path, *, why: str) -> Fault:
    """Return the fault of a file that is not there."""
    return Fault(
        where=str(path),
        what="the file is not there",
        why=why,
        remedy="restore it from version control (git checkout -- config)",
    )


def read_text_table(path: Path, *, why: str, may_be_empty: bool = False) -> pd.DataFrame:
    """Return a CSV as text, empty cells as empty strings; row ``i`` of the file has the index ``i - 2``.

    A byte order mark and blank lines are passed over; blank lines count in the numbering of rows.

    Parameters
    ----------
    path
        The file.
    why
        Why a fault in it matters.
    may_be_empty
        Whether a header alone will do.

    Raises
    ------
    BadInputError
        When the file is absent, empty, not in UTF-8, separated by other signs than commas, has a header
        with nameless or doubled columns, or rows with more or fewer cells than the header (each is named).
    """
    if not path.is_file():
        raise BadInputError([absent_file(path, why=why)])
    records = _read_records(path, why)
    filled = [number for number, record in enumerate(records) if record]
    faults = list(_layout_faults(path, records, filled, may_be_empty=may_be_empty))
    raise_if_any(Fault(where=where, what=what, why=why, remedy=REMEDY_CSV) for where, what in faults)
    header, rows = filled[0], filled[1:]
    # a record's place in the file, not among the filled ones, is what its reader looks for
    index = pd.Index([number - 1 for number in rows], dtype="int64")
    return pd.DataFrame([records[number] for number in rows], columns=records[header], index=index, dtype=str)


def _read_records(path: Path, why: str) -> list[list[str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        what = f"this is no readable CSV: {' '.join(str(error).split())}"
        raise BadInputError([Fault(where=str(path), what=what, why=why, remedy=REMEDY_CSV)]) from error


def _layout_faults(
    path: Path, records: Sequence[list[str]], filled: Sequence[int], *, may_be_empty: bool
) -> Iterator[tuple[str, str]]:
    if not filled:
        yield str(path), "the file is empty"
        return
    header = records[filled[0]]
    separator = next((sign for sign in OTHER_SEPARATORS if len(header) == 1 and sign in header[0]), "")
    if separator:
        yield (
            str(path),
            f"cells are separated by {OTHER_SEPARATORS[separator]} ({separator!r}), not by commas",
        )
        return
    for place, name in enumerate(header, start=1):
        if not name.strip():
            yield str(path), f"column {place} has no name"
        elif name in header[: place - 1]:
            yield str(path), f"column {name!r} stands twice"
    if len(filled) == 1 and not may_be_empty:
        yield str(path), "there is no row below the header"
    for number in filled[1:]:
        if len(records[number]) != len(header):
            got = len(records[number])
            yield (
                f"{path}, row {number + 1}",
                f"the row has {got} cells, the header {len(header)}; a text with a comma needs quotes, "
                "a decimal comma must be a point",
            )
