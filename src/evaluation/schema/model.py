"""What a table that travels looks like, and the check that it holds.

Belongs here: key, columns and types of any table. Does not belong here: which tables there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evaluation.errors import Fault, raise_if_any

ColumnKind = Literal["code", "integer", "number", "text", "flag"]
_DTYPES: dict[ColumnKind, str] = {
    "code": "str",
    "integer": "int64",
    "number": "float64",
    "text": "str",
    "flag": "bool",
}


@dataclass(frozen=True)
class TableSchema:
    """Name, key and columns of a table.

    Parameters
    ----------
    name
        Name of the table, and of its file in ``data/processed/``.
    key
        Columns that identify a row; the table is sorted by them.
    columns
        Column to kind, keys included, in order.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, ColumnKind]


def conform(table: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Return the table with the schema's columns, types and order, sorted by its key.

    Raises
    ------
    BadInputError
        When a column is absent, a key repeats, or a value has no place in its column.
    """
    check_table(table, schema)
    typed = table.loc[:, list(schema.columns)].astype(
        {column: _DTYPES[kind] for column, kind in schema.columns.items()}
    )
    return typed.sort_values(list(schema.key), kind="stable").reset_index(drop=True)


def check_table(table: pd.DataFrame, schema: TableSchema) -> None:
    """Raise `BadInputError` with every fault when a table does not hold what its schema says."""
    raise_if_any(_table_faults(table, schema))


def _table_faults(table: pd.DataFrame, schema: TableSchema) -> Iterator[Fault]:
    absent = [column for column in schema.columns if column not in table.columns]
    for column in absent:
        yield Fault(
            where=f"table {schema.name}",
            what=f"column {column!r} is absent; got: {', '.join(map(str, table.columns))}",
            why="every later stage reads it by name",
            remedy="add the column where the table is made",
        )
    if absent:
        return
    repeated = table.duplicated(list(schema.key), keep=False)
    for row in table.loc[repeated, list(schema.key)].drop_duplicates().itertuples(index=False):
        yield Fault(
            where=f"table {schema.name}, {_describe(row._asdict())}",
            what="the key stands more than once",
            why="a join on it would multiply rows",
            remedy="keep one row for each key",
        )
    for column, kind in schema.columns.items():
        if kind in ("integer", "flag") and table[column].isna().any():
            yield Fault(
                where=f"table {schema.name}, column {column}",
                what=f"{int(table[column].isna().sum())} values are missing",
                why="the column must be complete",
                remedy="drop these rows or fill in the value where the table is made",
            )


def _describe(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
