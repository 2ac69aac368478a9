"""A composite index as files: specification, elements and data in, tables out.

Belongs here: reading and writing. Does not belong here: what a specification may say (`evaluation.index.spec`), or any
number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from evaluation.catalog import read_config, read_text_table
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index import Element, IndexSpec, elements_from_table, spec_from_mapping
from evaluation.index.factor_reading import factors_from_mappings
from evaluation.index.factors import Factor
from evaluation.index.reading import mapping_faults
from evaluation.provenance import write_bytes_atomically
from evaluation.tables import to_csv_bytes, to_xlsx_bytes

WHY_SPEC = "the specification decides every score"
WHY_DATA = "every score is computed from these values"
OWN_FIELDS = ("elements_file", "read_only_columns", "factors")
"""Fields of a specification file that are not the engine's."""

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
MISSING = ("", "NA", "NaN", "nan")
Read = TypeVar("Read")


@dataclass(frozen=True)
class IndexFile:
    """What a specification file holds.

    Parameters
    ----------
    path
        The file.
    spec
        The specification.
    factors
        What is varied for intervals of ranks; none where the file names none.
    """

    path: Path
    spec: IndexSpec
    factors: tuple[Factor, ...]


def read_index_file(path: Path) -> IndexFile:
    """Read a specification from a YAML file, its elements from the CSV that it names, where it does.

    Raises
    ------
    BadInputError
        With every fault of the file and of the elements.
    """
    _check_there(path, why=WHY_SPEC)
    content = read_config(path, why=WHY_SPEC)
    own = {name: content.pop(name) for name in OWN_FIELDS if name in content}
    faults: list[Fault] = []
    factors = _collected(lambda: factors_from_mappings(own.get("factors", [])), faults)
    elements = _collected(lambda: _read_elements(path, own), faults)
    if elements is not None or "elements_file" not in own:
        spec = _collected(lambda: spec_from_mapping(content, elements), faults)
    else:
        faults += mapping_faults(content)
    raise_if_any(dict.fromkeys(faults))
    assert spec is not None
    return IndexFile(path=path, spec=spec, factors=factors or ())


def _collected(read: Callable[[], Read], faults: list[Fault]) -> Read | None:
    """Return what is read, or None with its faults among the others."""
    try:
        return read()
    except BadInputError as error:
        faults += error.faults
        return None


def read_index_data(path: Path, spec: IndexSpec) -> pd.DataFrame:
    """Read the values of an index: one row a unit (and time), a column an indicator.

    Parameters
    ----------
    path
        A CSV with the columns that the specification names: units, times, indicators, denominators; others are passed
        over. Empty cells and ``NA`` are missing.
    spec
        The specification.

    Raises
    ------
    BadInputError
        With every absent column and every cell that is no number, each with its row.
    """
    _check_there(path, why=WHY_DATA)
    text = read_text_table(path, why=WHY_DATA)
    keys = [one for one in (spec.unit_column, spec.time_column) if one is not None]
    labels = [*keys, *_group_columns(spec)]
    numbers = [one.code for one in spec.indicators]
    numbers += sorted({one.denominator for one in spec.indicators if one.denominator} - set(numbers))
    raise_if_any(_role_faults(keys, labels, numbers))
    faults = [_absent(path, name, text) for name in dict.fromkeys([*labels, *numbers]) if name not in text]
    present = [name for name in numbers if name in text]
    faults += [one for name in present for one in _cell_faults(path, text[name])]
    faults += [one for name in keys if name in text for one in _key_faults(path, text[name])]
    raise_if_any(faults)
    values = text[numbers].apply(
        lambda column: pd.to_numeric(column.str.strip().replace(list(MISSING), np.nan))
    )
    named = text[labels].apply(lambda column: column.str.strip())
    named = named.where((named != "") | named.columns.isin(keys))  # a unit without a group is in none
    if spec.time_column is not None:
        named[spec.time_column] = _times(named[spec.time_column])
    return pd.concat([named, values.astype(float)], axis=1).set_index(keys)


def write_tables(tables: Mapping[str, pd.DataFrame], out: Path) -> tuple[Path, ...]:
    """Write tables as CSV, each whole under its name, and return their paths."""
    paths = tuple(out / f"{name}.csv" for name in tables)
    for path, table in zip(paths, tables.values(), strict=True):
        write_bytes_atomically(path, to_csv_bytes(table))
    return paths


def write_workbook(tables: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """Write tables as one Excel file, one sheet a table, and return its path."""
    write_bytes_atomically(path, to_xlsx_bytes({name: _named_columns(one) for name, one in tables.items()}))
    return path


def _read_elements(path: Path, own: Mapping[str, Any]) -> tuple[Element, ...] | None:
    """Return the elements of the file that the specification names, None where it names none."""
    columns = own.get("read_only_columns", [])
    raise_if_any(_own_faults(path, own))
    if "elements_file" not in own:
        return None
    listed = path.parent / own["elements_file"]
    _check_there(listed, why=WHY_SPEC)
    table = read_text_table(listed, why=WHY_SPEC)
    return elements_from_table(table.apply(_numbers_where_all_are), ignore=tuple(columns))


def _own_faults(path: Path, own: Mapping[str, Any]) -> Iterator[Fault]:
    named, columns = own.get("elements_file", ""), own.get("read_only_columns", [])
    if not isinstance(named, str):
        yield _own_fault(
            path, f"elements_file: a text is needed; got: {named!r}", "name a CSV beside this file"
        )
    if not isinstance(columns, list) or not all(isinstance(one, str) for one in columns):
        yield _own_fault(
            path, f"read_only_columns: a list is needed; got: {columns!r}", "list names of columns"
        )
    elif columns and "elements_file" not in own:
        yield _own_fault(path, "read_only_columns without elements_file", "name the file that has them")


def _own_fault(path: Path, what: str, remedy: str) -> Fault:
    return Fault(where=str(path), what=what, why=WHY_SPEC, remedy=remedy)


def _check_there(path: Path, *, why: str) -> None:
    if not path.is_file():
        raise BadInputError(
            [Fault(where=str(path), what="there is no such file", why=why, remedy="correct the path")]
        )


def _numbers_where_all_are(column: pd.Series) -> pd.Series:
    """Return a column of text as numbers where every filled cell is one."""
    stripped = column.str.strip()
    filled = stripped[stripped != ""]
    if filled.empty or not filled.str.fullmatch(NUMBER).all():
        return stripped.where(stripped != "", None)
    return pd.to_numeric(stripped.where(stripped != "", None))


def _group_columns(spec: IndexSpec) -> list[str]:
    step = spec.impute
    records = [] if step is None else [step, *step.overrides.values()]
    return list(dict.fromkeys(one.group for one in records if one.group))


def _times(column: pd.Series) -> pd.Series:
    """Return times as whole numbers where all of them are, as text otherwise."""
    return column.astype(int) if column.str.fullmatch(r"[0-9]{1,9}").all() else column


def _absent(path: Path, name: str, text: pd.DataFrame) -> Fault:
    return Fault(
        where=str(path),
        what=f"column {name!r} is absent; got: {', '.join(text.columns)}",
        why="the specification names it",
        remedy="add the column, or correct its name in the specification",
    )


def _role_faults(keys: list[str], labels: list[str], numbers: list[str]) -> Iterator[Fault]:
    """Yield a fault for each column that the specification takes for two things."""
    roles = [*dict.fromkeys(labels[len(keys) :]), *keys, *numbers]
    for name, count in Counter(roles).items():
        if count > 1:
            yield Fault(
                where=f"index specification, column {name!r}",
                what="it is to be two of: the units, the times, the groups, an indicator or denominator",
                why="one column holds one thing",
                remedy="correct unit_column, time_column, group or the code",
            )


def _cell_faults(path: Path, column: pd.Series) -> Iterator[Fault]:
    stripped = column.str.strip()
    wrong = ~stripped.isin(MISSING) & ~stripped.str.fullmatch(NUMBER)
    for row, cell in stripped[wrong].items():
        yield Fault(
            where=f"{path}, row {int(str(row)) + 2}",
            what=f"{column.name}: {cell!r} is no number",
            why=WHY_DATA,
            remedy="write a decimal point and no sign between thousands; leave the cell empty where it is missing",
        )


def _key_faults(path: Path, column: pd.Series) -> Iterator[Fault]:
    for row in column.index[column.str.strip() == ""]:
        yield Fault(
            where=f"{path}, row {int(str(row)) + 2}",
            what=f"{column.name} is empty",
            why="the row belongs to no unit",
            remedy="fill it in, or take the row out",
        )


def _named_columns(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=str)
