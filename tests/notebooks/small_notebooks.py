"""Tiny notebooks and projects for the tests of execution, and the simplest page there can be."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from evaluation.execution.job import Job
from evaluation.provenance import write_bytes_atomically
from evaluation.studies.project import Project

REPO = Path(__file__).parents[2]
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(*cells: str, parameters: str = "") -> nbformat.NotebookNode:
    """Return a notebook of code cells, the first one tagged as parameters."""
    coded = [new_code_cell(textwrap.dedent(source).strip()) for source in cells]
    first = new_code_cell(textwrap.dedent(parameters).strip(), metadata={"tags": ["parameters"]})
    content = new_notebook(cells=[new_markdown_cell("# A notebook"), first, *coded])
    content.metadata["kernelspec"] = KERNELSPEC
    return content


def write_notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(*cells, parameters=parameters), path)
    return path


def make_project(
    root: Path, reports: dict[str, Any], *, time_limit: float = 60, tables: Sequence[str] = ()
) -> Project:
    """Return a project with the real registry of regions, these reports and no data."""
    for folder in ("config", "notebooks", "data/raw", "data/processed"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path in (*(REPO / "config").glob("*.csv"), REPO / "config" / "pillars.yml"):
        shutil.copy(path, root / "config" / path.name)
    content = {"time_limit_seconds": time_limit, "tables": list(tables), "reports": reports}
    (root / "config" / "reports.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Project(root=root)


def report(notebook_name: str, **options: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"notebook": notebook_name, "languages": ["id"]}
    return {**entry, "output": f"{{language}}/{notebook_name}.html", **options}


def publish_plainly(executed: nbformat.NotebookNode, *, path: Path, parameters: dict, **_: Any) -> None:
    """Make a page of the printed text."""
    streams = [
        output["text"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    ]
    write_bytes_atomically(path, "".join(streams).encode())


def publish_with_fingerprint(
    executed: nbformat.NotebookNode, *, path: Path, fingerprint: str, **options: Any
) -> None:
    """Make a page of the printed text, with the fingerprint at its foot."""
    publish_plainly(executed, path=path, **options)
    write_bytes_atomically(path, path.read_bytes() + f"{fingerprint}\n".encode())


def refuse_to_publish(executed: nbformat.NotebookNode, **_: Any) -> None:
    raise ValueError("a figure without alternative text")


def job_of(path: Path, scratch: Path, **options: Any) -> Job:
    scratch.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {
        "target_name": path.stem,
        "notebook": path,
        "parameters": {},
        "language": "id",
        "fingerprint": "0",
        "output": scratch / "page.html",
        "reports_root": scratch,
        "working_dir": scratch,
        "scratch": scratch,
        "engine": "warm",
        "time_limit": 60.0,
        "publish": publish_plainly,
    }
    return Job(**{**given, **options})


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat").read_text() if Path(f"/proc/{pid}/stat").exists() else ""
    return ") Z " not in status
