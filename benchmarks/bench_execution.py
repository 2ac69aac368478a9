"""Seconds a page: warm kernels beside a loop of papermill and nbconvert, in one run on one notebook.

    python benchmarks/bench_execution.py [--pages 6] [--jobs 1 2] [--notebook PATH -p NAME VALUE ...]

The loop is what users of papermill do: `papermill.execute_notebook`, then one `HTMLExporter`. Both ways make
the same HTML of the same outputs with the same exporter, so the ratio is that of execution. The start of the
preloaded parent is counted. Without a notebook, one of 20 cells is made: a panel of 514 regions and 14 years,
five tables, six figures. Read the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from evaluation.execution.imports import lean_imports
from evaluation.execution.job import Job
from evaluation.execution.pool import ChildPool
from evaluation.provenance import write_bytes_atomically

SETUP = (
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd",
    "panel = pd.read_parquet('panel.parquet')\npanel.head()",
    "region = panel[panel['region_code'] == region_code]\nregion",
    "panel.groupby('year')[['poverty', 'schooling']].median()",
    "values = panel[['poverty', 'schooling', 'grdp']].to_numpy()\n"
    "axes_of = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[2]\n"
    "pd.DataFrame(axes_of, columns=['poverty', 'schooling', 'grdp'])",
    "panel.describe()",
)
FIGURE = """
figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
for _, others in panel[panel["region_code"].str[:2] == region_code[:2]].groupby("region_code"):
    axes.plot(others["year"], others["{outcome}"], color="#BBBBBB", linewidth=0.7)
axes.plot(region["year"], region["{outcome}"], color="#4477AA", linewidth=2)
axes.set_title("{outcome} of " + region_code + " and its province", loc="left")
plt.show()
"""
OUTCOMES = ("poverty", "schooling", "grdp", "poverty", "schooling", "grdp")


def make_notebook(folder: Path) -> Path:
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(1)
    codes = [f"{1000 + 10 * (number // 15) * 10 + number % 15}" for number in range(514)]
    index = pd.MultiIndex.from_product([codes, range(2011, 2025)], names=["region_code", "year"])
    figures = generator.normal(size=(len(index), 3)).cumsum(axis=0)
    panel = pd.DataFrame(figures, index=index, columns=["poverty", "schooling", "grdp"])
    panel.reset_index().to_parquet(folder / "panel.parquet")
    parameters = new_code_cell("region_code: str = '1000'", metadata={"tags": ["parameters"]})
    cells = [new_code_cell(source) for source in SETUP]
    cells += [new_code_cell(FIGURE.strip().format(outcome=outcome)) for outcome in OUTCOMES]
    notebook = new_notebook(cells=[parameters, *cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "region.ipynb"
    nbformat.write(notebook, path)
    return path


def publish(executed: nbformat.NotebookNode, *, path: Path, **_: Any) -> None:
    from nbconvert import HTMLExporter

    html, _resources = HTMLExporter(exclude_input=True).from_notebook_node(executed)
    write_bytes_atomically(path, html.encode())


def run_warm(notebook: Path, variants: list[dict[str, str]], folder: Path, jobs: int) -> None:
    pool = ChildPool(jobs)
    waiting = list(enumerate(variants))
    while waiting or not pool.is_idle:
        while waiting and pool.free:
            number, parameters = waiting.pop(0)
            pool.start(make_job(notebook, parameters, folder / f"warm-{jobs}-{number}"))
        failures = [ended.failure for ended in pool.wait() if ended.failure]
        if failures:
            raise SystemExit(failures[0])


def make_job(notebook: Path, parameters: dict[str, str], scratch: Path) -> Job:
    scratch.mkdir()
    return Job(
        target_name=scratch.name,
        notebook=notebook,
        parameters=parameters,
        language="id",
        fingerprint="",
        output=scratch / "page.html",
        reports_root=scratch,
        working_dir=notebook.parent,
        scratch=scratch,
        engine="warm",
        time_limit=600,
        publish=publish,
    )


def run_loop(notebook: Path, variants: list[dict[str, str]], folder: Path) -> None:
    import papermill
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_input=True)
    for number, parameters in enumerate(variants):
        output = folder / f"loop-{number}.ipynb"
        executed = papermill.execute_notebook(
            str(notebook), str(output), parameters=parameters, progress_bar=False, cwd=str(notebook.parent)
        )
        html, _resources = exporter.from_notebook_node(executed)
        output.with_suffix(".html").write_text(html, encoding="utf-8")


def timed(work: Callable[..., None], *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def stop_fork_server() -> None:
    """Let the next measurement start a parent of its own."""
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pages", type=int, default=6)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--notebook", type=Path)
    parser.add_argument("-p", dest="parameters", nargs=2, action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        notebook = (arguments.notebook or make_notebook(folder)).resolve()
        variants = [dict(arguments.parameters) for _ in range(arguments.pages)]
        loop = timed(run_loop, notebook, variants, folder) / arguments.pages
        print(f"{'papermill.execute_notebook + HTMLExporter, loop':<50} {loop:6.2f} s a page   1.0x")
        for jobs in arguments.jobs:
            warm = timed(run_warm, notebook, variants, folder, jobs) / arguments.pages
            print(f"{f'warm, {jobs} at a time':<50} {warm:6.2f} s a page {loop / warm:5.1f}x", flush=True)
            stop_fork_server()
    return 0


if __name__ == "__main__":
    with lean_imports():
        sys.exit(main())
