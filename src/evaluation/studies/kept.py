"""Tables kept in ``data/processed/``: made once, and made again exactly when what they come from changed.

Each table is one parquet file that carries two hashes: the fingerprint of its inputs (raw files, configuration, code
of the library, versions of the packages that compute) and the hash of its content. A table whose inputs still hold is
read; any other is built and written whole. So a notebook can be run by hand in any order and never reads a stale
table, and a table that was built again with the same content changes nothing that was made from it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import evaluation
from evaluation.provenance import fingerprint, fingerprint_files, package_versions, write_bytes_atomically
from evaluation.schema import ESTIMATES, IMPACT_CHECKS, INDICATORS, TableSchema, conform
from evaluation.studies.code import imported_files
from evaluation.studies.project import Project, config_state, files_state
from evaluation.studies.reads import note

INPUTS_KEY = b"inputs"
CONTENT_KEY = b"content"
PARTS_KEY = b"parts"
PART_COLUMNS = {INDICATORS.name: "indicator", ESTIMATES.name: "design", IMPACT_CHECKS.name: "design"}
"""Tables of which much is read by one value of a column: each such part carries a hash of its own."""
GROUP_ROWS = 2048
"""Rows that are read together: a region's page reads one or two such groups of a table of all regions."""

PACKAGES = ("numba", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "statsmodels")
"""Packages that compute; numba is optional, and what it compiles differs from NumPy in the last digits."""
PRESENTATION = ("charts", "reporting", "execution", "tables.py", "cli")
"""Parts of the package that decide how results look and never what they are."""


def raw_state(project: Project) -> str:
    """Return the hash of all raw files."""
    return files_state(project, "data/raw", ("**/*",))


def inputs_state(project: Project, *config: str) -> str:
    """Return the fingerprint of what a table comes from: raw files, parts of the configuration, code, packages."""
    return fingerprint(
        raw_state(project), [config_state(project, part) for part in config], code_state(), packages_state()
    )


@cache
def packages_state() -> dict[str, str]:
    """Return the versions of the packages that compute."""
    return package_versions(PACKAGES)


@cache
def code_state(*modules: str) -> str:
    """Return the hash of the library's code, of modules and all they import where some are named.

    What only presents results is left out.
    """
    root = Path(evaluation.__file__).parent
    files = imported_files(modules) if modules else root.rglob("*.py")
    computing = [path for path in files if path.relative_to(root).parts[0] not in PRESENTATION]
    return fingerprint_files(computing, root=root)


def keep(
    project: Project, *, schema: TableSchema, inputs: str, build: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """Return a table, read where its inputs still hold, built and written otherwise; note that it was read."""
    make_current(project, schema=schema, inputs=inputs, build=build)
    table = _read(table_path(project, schema))
    if table is None:
        table_path(project, schema).unlink()
        return keep(project, schema=schema, inputs=inputs, build=build)
    note(f"table:{schema.name}", content_state(project, schema))
    return table


def keep_rows(
    project: Project,
    *,
    schema: TableSchema,
    inputs: str,
    build: Callable[[], pd.DataFrame],
    column: str,
    value: str,
) -> pd.DataFrame:
    """Return a table's rows with one value in a column, and read no more of it than is needed.

    Nothing is noted: whoever reads a part notes the part.
    """
    make_current(project, schema=schema, inputs=inputs, build=build)
    with pq.ParquetFile(table_path(project, schema)) as file:
        groups = _groups_with(file.metadata, column=column, value=value)
        rows = file.read_row_groups(groups, use_threads=False)
    return rows.filter(pc.equal(rows[column], value)).to_pandas(use_threads=False)


def make_current(
    project: Project, *, schema: TableSchema, inputs: str, build: Callable[[], pd.DataFrame]
) -> None:
    """Build and write a table unless its inputs still hold."""
    path = table_path(project, schema)
    if not is_current(path, inputs):
        table = conform(build(), schema)
        write_bytes_atomically(path, _parquet_bytes(table, inputs, parts=PART_COLUMNS.get(schema.name)))


def table_path(project: Project, schema: TableSchema) -> Path:
    """Return where a table is kept."""
    return project.processed_dir / f"{schema.name}.parquet"


def is_current(path: Path, inputs: str) -> bool:
    """Tell whether a table was made from these inputs."""
    return path.is_file() and _metadata(path).get(INPUTS_KEY) == inputs.encode()


def content_state(project: Project, schema: TableSchema) -> str:
    """Return the hash of a kept table's content, whatever it was made from."""
    return _metadata(table_path(project, schema))[CONTENT_KEY].decode()


def rows_state(rows: pd.DataFrame) -> str:
    """Return the hash of a table's rows, whatever their order and the rows left out."""
    return fingerprint(str(rows_sum(rows)))


def rows_sum(rows: pd.DataFrame) -> int:
    """Return the sum of the hashes of rows, modulo 2**64."""
    return int(pd.util.hash_pandas_object(rows, index=False).to_numpy().sum())


def _groups_with(table: pq.FileMetaData, *, column: str, value: str) -> list[int]:
    """Return the row groups that may hold a value, by the least and the greatest that each states."""
    place = table.schema.names.index(column)
    stated = [table.row_group(group).column(place).statistics for group in range(table.num_row_groups)]
    return [
        group
        for group, values in enumerate(stated)
        if values is None or not values.has_min_max or values.min <= value <= values.max
    ]


def _read(path: Path) -> pd.DataFrame | None:
    """Return a kept table; None for a file whose sums say that it is not as it was written."""
    try:
        return pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        return None


def part_state(project: Project, schema: TableSchema, part: str) -> str:
    """Return the hash of a part of a kept table (see `PART_COLUMNS`), empty where there is no such part."""
    return str(json.loads(_metadata(table_path(project, schema))[PARTS_KEY]).get(part, ""))


def _metadata(path: Path) -> dict[bytes, bytes]:
    """Return what a table's file says of itself; nothing for one that cannot be read, which so is not current."""
    try:
        return dict(pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return {}


def _parquet_bytes(table: pd.DataFrame, inputs: str, *, parts: str | None) -> bytes:
    content = fingerprint(table.to_csv(index=False, lineterminator="\n").encode())
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    hashes = {INPUTS_KEY: inputs.encode(), CONTENT_KEY: content.encode()}
    if parts:
        states = {str(part): rows_state(rows) for part, rows in table.groupby(parts)}
        hashes[PARTS_KEY] = json.dumps(states, sort_keys=True).encode()
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **hashes})
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd", write_page_checksum=True, row_group_size=GROUP_ROWS)
    return buffer.getvalue()
