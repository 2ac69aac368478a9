"""Tables kept in ``data/processed/``: made once, and made again exactly when what they come from changed.

Each table is one parquet file that carries two hashes: the fingerprint of its inputs (raw files, configuration, code
of the library, versions of the packages that compute) and the hash of its content. A table whose inputs still hold is
read; any other is built and written whole. So a notebook can be run by hand in any order and never reads a stale
table, and a table that was built again with the same content changes nothing that was made from it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import evaluation
from evaluation.provenance import fingerprint, fingerprint_files, package_versions, write_bytes_atomically
from evaluation.schema import TableSchema, conform
from evaluation.studies.project import Project, config_state
from evaluation.studies.reads import note

INPUTS_KEY = b"inputs"
CONTENT_KEY = b"content"
PACKAGES = ("numpy", "pandas", "pyarrow", "pydantic", "scipy", "statsmodels")
PRESENTATION = ("charts", "reporting", "execution", "tables.py", "cli")
"""Parts of the package that decide how results look and never what they are."""


def raw_state(project: Project) -> str:
    """Return the hash of all raw files, computed again in this process when one of them was touched."""
    raw = sorted(path for path in project.raw_dir.rglob("*") if path.is_file())
    touched = tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in raw)
    return _raw_state(project.root, touched)


@lru_cache(maxsize=2)
def _raw_state(root: Path, touched: tuple[tuple[Path, int, int], ...]) -> str:
    return fingerprint_files([path for path, _, _ in touched], root=root)


def inputs_state(project: Project, *config: str) -> str:
    """Return the fingerprint of what a table comes from: raw files, parts of the configuration, code, packages."""
    return fingerprint(
        raw_state(project),
        [config_state(project, part) for part in config],
        code_state(),
        package_versions(PACKAGES),
    )


@cache
def code_state() -> str:
    """Return the hash of the library's code, without what only presents results."""
    root = Path(evaluation.__file__).parent
    computing = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in PRESENTATION]
    return fingerprint_files(computing, root=root)


def keep(
    project: Project, *, schema: TableSchema, inputs: str, build: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """Return a table, read where its inputs still hold, built and written otherwise; note that it was read."""
    path = table_path(project, schema)
    if not is_current(path, inputs):
        table = conform(build(), schema)
        write_bytes_atomically(path, _parquet_bytes(table, inputs))
    note(f"table:{schema.name}", content_state(project, schema))
    return pd.read_parquet(path)


def table_path(project: Project, schema: TableSchema) -> Path:
    """Return where a table is kept."""
    return project.processed_dir / f"{schema.name}.parquet"


def is_current(path: Path, inputs: str) -> bool:
    """Tell whether a table was made from these inputs."""
    return path.is_file() and _metadata(path).get(INPUTS_KEY) == inputs.encode()


def content_state(project: Project, schema: TableSchema) -> str:
    """Return the hash of a kept table's content, whatever it was made from."""
    return _metadata(table_path(project, schema))[CONTENT_KEY].decode()


def _metadata(path: Path) -> dict[bytes, bytes]:
    return dict(pq.read_schema(path).metadata or {})


def _parquet_bytes(table: pd.DataFrame, inputs: str) -> bytes:
    content = fingerprint(table.to_csv(index=False, lineterminator="\n").encode())
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    hashes = {INPUTS_KEY: inputs.encode(), CONTENT_KEY: content.encode()}
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **hashes})
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()
