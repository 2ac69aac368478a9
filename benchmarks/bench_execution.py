"""Seconds a region page: this project's runner beside what users of papermill do, in one run on 2 cores.

    python benchmarks/bench_execution.py [--regions 20] [--cli-regions 2] [--growth 20,514,5000]

All ways make the project's own region report, `notebooks/05_region_report.ipynb`, of the same regions, in a
copy of the project, from the same tables. The peers convert with the HTML exporter that comes with nbconvert,
code hidden; ours and the plain function make the finished page. The start of the preloaded parent is counted;
the command's checks and plan, which are counted once however many regions there are, are also shown apart.

The loops of command lines are long, so they run for fewer regions; all figures are for one region. Read the
ratios, not the seconds: the load average beside each tells of a busy machine.

With --growth, instead, how time and memory grow with the number of regions, copies of real ones beyond 514.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from measuring import run
from nbformat.v4 import new_code_cell, new_notebook
from synthetic_regions import synthetic_project

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
NOTEBOOK = "05_region_report"
EVALUATION_RUN = (str(BIN / "evaluation"), "run", "--language", "id")
COPIED = ("config", "data", "notebooks")
LARGEST_PAGE_KB = 300
ALL_REGIONS = 514
TRIVIAL_REPETITIONS = 5

CLI, XARGS, LOOP = (
    "papermill CLI + nbconvert CLI, loop",
    "the same, xargs -P2",
    "papermill.execute_notebook loop",
)
FUNCTION, OURS, OURS_ALONE = "plain function, one process", "evaluation run", "evaluation run --jobs 1"

ONE_REGION = """
set -e
{bin}/papermill --no-progress-bar -p language id -r region_code {code} notebooks/{notebook}.ipynb {out}/{code}.ipynb
{bin}/jupyter nbconvert --log-level ERROR --to html --no-input --output-dir {out} {out}/{code}.ipynb
"""

PAPERMILL_LOOP = """
import sys
import papermill
from nbconvert import HTMLExporter
exporter = HTMLExporter(exclude_input=True)
for code in sys.argv[2:]:
    executed = papermill.execute_notebook(
        "notebooks/{notebook}.ipynb", f"{{sys.argv[1]}}/{{code}}.ipynb",
        parameters={{"region_code": code, "language": "id"}}, progress_bar=False,
    )
    html, _ = exporter.from_notebook_node(executed)
    open(f"{{sys.argv[1]}}/{{code}}.html", "w", encoding="utf-8").write(html)
"""

PLAIN_FUNCTION = """
import sys
from pathlib import Path

from evaluation.execution.imports import load_packages

load_packages()
from evaluation.execution.shell import run_cells, start_shell
from evaluation.reporting.page import publish
from papermill.engines import NotebookExecutionManager
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

out = Path(sys.argv[1])
shell = start_shell(profile_dir=out / "ipython", seed=1)
source = load_notebook_node("notebooks/{notebook}.ipynb")
for code in sys.argv[2:]:
    parameters = {{"region_code": code, "language": "id"}}
    notebook = parameterize_notebook(source, parameters)
    manager = NotebookExecutionManager(notebook, progress_bar=False)
    manager.notebook_start()
    run_cells(manager, shell)
    publish(
        manager.nb, target_name=f"region:{{code}}", language="id", parameters=parameters, fingerprint="0" * 12,
        path=out / "id" / "region" / f"{{code}}.html", reports_root=out,
    )
"""


@dataclass
class Way:
    """One way to make pages, with what it took."""

    name: str
    regions: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    pages: list[Path]

    @property
    def per_region(self) -> float:
        return self.seconds / self.regions

    @property
    def cpu_per_region(self) -> float:
        return self.cpu_seconds / self.regions


def measure(name: str, codes: Sequence[str], command: Sequence[str], *, cwd: Path, pages: Path) -> Way:
    seconds, cpu, megabytes = run(command, cwd=cwd)
    made = [path for code in codes for path in pages.glob(f"**/{code}.html")]
    if len(made) != len(codes):
        raise SystemExit(f"{name}: {len(made)} pages of {len(codes)}")
    way = Way(name, len(codes), seconds, cpu, megabytes, made)
    print(
        f"{name:<40} {way.per_region:7.2f} s a region ({way.regions}), CPU {way.cpu_per_region:6.2f} s, "
        f"peak {megabytes:5.0f} MB, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return way


def copy_project(to: Path) -> Path:
    for name in COPIED:
        shutil.copytree(
            ROOT / name, to / name, ignore=shutil.ignore_patterns(".lock", "journal*", "run.json")
        )
    return to


def region_codes(number: int) -> list[str]:
    """Regions spread evenly over the country."""
    import pandas as pd

    codes = pd.read_csv(ROOT / "config" / "regions.csv", dtype=str)["region_code"].dropna().tolist()
    return codes[:: max(len(codes) // number, 1)][:number]


def shell_lines(codes: Sequence[str], out: Path) -> list[str]:
    return [ONE_REGION.format(bin=BIN, code=code, notebook=NOTEBOOK, out=out) for code in codes]


def peers(project: Path, folder: Path, codes: Sequence[str], few: Sequence[str]) -> list[Way]:
    """The three loops of users, and the plain function."""
    ways = []
    for name, parallel in ((CLI, 1), (XARGS, 2)):
        out = fresh(folder / f"cli-{parallel}")
        for code, text in zip(few, shell_lines(few, out), strict=True):
            (out / f"{code}.sh").write_text(text)
        listed = " ".join(str(out / f"{code}.sh") for code in few)
        command = ["sh", "-c", f"printf '%s\\n' {listed} | xargs -n1 -P{parallel} sh"]
        ways.append(measure(name, few, command, cwd=project, pages=out))
    for name, source in ((FUNCTION, PLAIN_FUNCTION), (LOOP, PAPERMILL_LOOP)):
        out = fresh(folder / name.split()[0])
        command = [sys.executable, "-c", source.format(notebook=NOTEBOOK), str(out), *codes]
        ways.append(measure(name, codes, command, cwd=project, pages=out))
    return ways


def fresh(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def ours(project: Path, codes: Sequence[str]) -> list[Way]:
    """Our runner with two jobs and with one, from nothing."""
    ways = []
    for name, jobs in ((OURS, "2"), (OURS_ALONE, "1")):
        forget_pages(project)
        command = region_command(codes)
        reports = project / "reports" / "id"
        ways.append(measure(name, codes, [*command, "--jobs", jobs], cwd=project, pages=reports))
    return ways


def region_command(codes: Sequence[str]) -> list[str]:
    return [*EVALUATION_RUN, "--only", "regions", "--region", ",".join(codes)]


def forget_pages(project: Path) -> None:
    shutil.rmtree(project / "reports", ignore_errors=True)
    for record in ("journal.jsonl", "run.json", "manifest.json"):
        (project / "data" / "processed" / record).unlink(missing_ok=True)


def trivial_seconds(folder: Path) -> float:
    """Median time of a notebook of one cell from start to its page, as in a run whose parent has loaded."""
    from evaluation.execution.kernels import warm_up
    from evaluation.execution.pool import ChildPool
    from evaluation.execution.task import Job

    warm_up(ROOT)
    path = folder / "trivial.ipynb"
    notebook = new_notebook(cells=[new_code_cell("year: int = 2024", metadata={"tags": ["parameters"]})])
    notebook.cells.append(new_code_cell("from IPython.display import HTML\nHTML(f'<p>{year}</p>')"))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    times = []
    for number in range(TRIVIAL_REPETITIONS + 1):
        scratch = fresh(folder / f"trivial-{number}")
        job = Job(
            target_name="trivial", notebook=path, parameters={"year": 2024}, language="id", fingerprint="0",
            output=scratch / "page.html", reports_root=scratch, working_dir=scratch, scratch=scratch,
            engine="warm", time_limit=60, publish=publish_plainly,
        )  # fmt: skip
        start = time.perf_counter()
        pool = ChildPool(1)
        pool.start(job)
        while not pool.is_idle:
            for ended in pool.wait():
                if ended.failure:
                    raise SystemExit(ended.failure)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def publish_plainly(executed: nbformat.NotebookNode, *, path: Path, **_: Any) -> None:
    """Make the page of a notebook that belongs to no report."""
    from evaluation.reporting.export import Page, PageWords, export_html, write_page

    words = PageWords(skip="Skip", contents="Contents", navigation="Pages", languages="Language", foot="Foot")
    page = Page(title="Trivial", language="en", path=path.name, words=words)
    html = export_html(executed, page=page, translate=str)
    write_page(html, page=page, reports_root=path.parent)


def settled_seconds(project: Path, codes: Sequence[str]) -> float:
    """A second run with nothing changed."""
    run(region_command(codes), cwd=project)
    return run(region_command(codes), cwd=project)[0]


def edit_seconds(project: Path, code: str) -> float:
    """From an edit of the notebook to the page of one region."""
    path = project / "notebooks" / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source += "\n# edited"
    nbformat.write(notebook, path)
    return run(region_command([code]), cwd=project)[0]


@dataclass(frozen=True)
class Goal:
    """A row of the table of goals."""

    name: str
    reached: float
    goal: float
    unit: str
    larger_is_better: bool = False

    @property
    def is_met(self) -> bool:
        return self.reached >= self.goal if self.larger_is_better else self.reached <= self.goal

    def line(self) -> str:
        sign = ">=" if self.larger_is_better else "<="
        met = "met" if self.is_met else "NOT met"
        return f"{self.name:<52} {self.reached:8.2f} {self.unit:<3} {sign} {self.goal:<6g} {met}"


def goals(ways: dict[str, Way], single: dict[str, float]) -> list[Goal]:
    us = ways[OURS]
    largest_kb = max(path.stat().st_size for path in us.pages) / 1000
    return [
        *(
            Goal(f"faster than: {name}", ways[name].per_region / us.per_region, goal, "x", True)
            for name, goal in ((CLI, 10), (XARGS, 5), (LOOP, 5))
        ),
        Goal("CPU of the plain function", us.cpu_per_region / ways[FUNCTION].cpu_per_region, 1.15, "x"),
        Goal("trivial notebook, warm, end to end", single["trivial"], 0.35, "s"),
        Goal("nothing changed, these regions", single["settled"], 2, "s"),
        Goal("one region from edit to HTML", single["edit"], 3, "s"),
        Goal("514 regions, one language, by this rate", us.per_region * 514 / 60, 4, "min"),
        Goal("largest region page", largest_kb, LARGEST_PAGE_KB, "KB"),
        Goal("peak memory with 2 workers", us.peak_mb / 1024, 2, "GB"),
    ]


def timed(work: Callable[..., float], *arguments: Any) -> float:
    """Return what a measurement found, and print how busy the machine was."""
    seconds = work(*arguments)
    print(f"{work.__name__:<40} {seconds:7.2f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    return seconds


def growth(numbers: Sequence[int]) -> None:
    """Print what a page costs in projects of more and more regions, all made from nothing, in one language."""
    first: Way | None = None
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            project = copy_project(Path(name) / "project")
            run([*EVALUATION_RUN, "--only", "national"], cwd=project)
            codes = synthetic_project(project, number) if number > ALL_REGIONS else region_codes(number)
            command = region_command(codes)
            way = measure(f"{number} regions", codes, command, cwd=project, pages=project / "reports" / "id")
            planned = run(["timeout", "600", EVALUATION_RUN[0], "plan", *command[2:]], cwd=project)[0]
            settled = run(command, cwd=project)[0]
        first = first or way
        print(
            f"{'':<40} {way.per_region / first.per_region:5.2f} times the first a region; "
            f"plan {planned:.2f} s, nothing changed {settled:.2f} s",
            flush=True,
        )


def numbers_of(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--regions", type=int, default=20)
    parser.add_argument("--cli-regions", type=int, default=2, help="regions of the loops of command lines")
    parser.add_argument("--growth", type=numbers_of, help="numbers of regions, for example 20,514,5000")
    arguments = parser.parse_args()
    if arguments.growth:
        growth(arguments.growth)
        return 0
    codes = region_codes(arguments.regions)
    print(f"{len(codes)} regions, {os.cpu_count()} cores, load average at the start {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        project = copy_project(folder / "project")
        # the national tables that a region's page reads
        run([*EVALUATION_RUN, "--only", "national"], cwd=project)
        measured = [*ours(project, codes), *peers(project, folder, codes, codes[: arguments.cli_regions])]
        ways = {way.name: way for way in measured}
        single = {
            "trivial": timed(trivial_seconds, folder),
            "settled": timed(settled_seconds, project, codes),
            "edit": timed(edit_seconds, project, codes[0]),
        }
        print("\n" + "\n".join(goal.line() for goal in goals(ways, single)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
