"""A project of small notebooks, and runs of it that a test may kill."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moments import control_of, reach, refuse, watch_renaming, watch_runner
from small_notebooks import REPO, make_project, publish_plainly, report, write_notebook

from evaluation import cli
from evaluation.execution import runner
from evaluation.execution.plan import build_plan
from evaluation.execution.records import RECORDS_NAME
from evaluation.execution.runner import run_plan
from evaluation.studies.project import Project

REGIONS = ("1101", "1102", "1103", "1104", "1105", "1106")
PAGES = len(REGIONS) + 1
SECONDS = 0.15
TESTS = Path(__file__).parent

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from killed_runs import run_to_end
from evaluation.studies.project import Project

if __name__ == "__main__":
    run_to_end(Project(root=Path({root!r})))
"""


def make_slow_project(root: Path) -> Project:
    """Return a project with a page a region, linked to each other, and a table that they read."""
    folder = root / "notebooks"
    write_notebook(
        folder / "01_total.ipynb",
        f"import time; from pathlib import Path; time.sleep({SECONDS})",
        "Path('../data/processed/total.txt').write_text('21'); print('total 21')",
        "with Path('../made.txt').open('a') as made:\n    _ = made.write('total ')",
    )
    write_notebook(
        folder / "02_region.ipynb",
        f"import time; from pathlib import Path; time.sleep({SECONDS})",
        "print(region_code, 'of', Path('../data/processed/total.txt').read_text())",
        "for code in ('1101', '1102', '1106'):\n"
        "    print(f'<a data-page=\"id/region/{code}.html\">{code}</a>')",
        "with Path('../made.txt').open('a') as made:\n    _ = made.write(region_code + ' ')",
        parameters="region_code: str = '0000'",
    )
    page = "{language}/region/{region_code}.html"
    reports = {
        "total": report("01_total", writes=["total.txt"]),
        "region": report("02_region", output=page, each="region", after=["total"]),
    }
    return make_project(root, reports)


def make_watched_project(root: Path) -> Project:
    """Return a project with the configuration and data of this one, a table of the library, and moments to hold."""
    folder = root / "notebooks"
    reached = (
        f"import sys; sys.path.append({str(TESTS)!r})\n"
        "from pathlib import Path; from moments import reach\n"
        "root = Path('..').resolve(); reach(root, f'{name} cells')"
    )
    made = "with Path('../made.txt').open('a') as made:\n    _ = made.write(name + ' ')"
    write_notebook(
        folder / "01_total.ipynb",
        "name = '01_total'",
        reached,
        "Path('../data/processed/total.txt').write_text('21'); print('total 21')",
        "reach(root, f'{name} written')",
        made,
    )
    write_notebook(
        folder / "02_region.ipynb",
        "name = region_code",
        reached,
        "print(region_code, 'of', Path('../data/processed/total.txt').read_text())",
        "for code in ('1101', '1102', '1106'):\n"
        "    print(f'<a data-page=\"id/region/{code}.html\">{code}</a>')",
        made,
        parameters="region_code: str = '0000'",
    )
    write_notebook(
        folder / "03_figures.ipynb",
        "name = '03_figures'",
        reached,
        "from evaluation.studies import processed; from evaluation.studies.project import Project",
        "print(len(processed.indicators(Project(root=root))))",
        made,
    )
    page = "{language}/region/{region_code}.html"
    reports = {
        "total": report("01_total", writes=["total.txt"]),
        "region": report("02_region", output=page, each="region", after=["total"]),
        "figures": report("03_figures"),
    }
    shutil.copytree(REPO / "config", root / "config")
    (root / "data").mkdir()
    (root / "data" / "raw").symlink_to(REPO / "data" / "raw")
    return make_project(root, reports, tables=["indicators"])


def publish_at_moments(executed: Any, *, path: Path, reports_root: Path, **options: Any) -> None:
    """Make a page of the printed text, with moments before, in the middle and after."""
    root = reports_root.parent
    watch_renaming(root, path, f"{path.stem} renaming")
    reach(root, f"{path.stem} publishing")
    publish_plainly(executed, path=path, **options)
    reach(root, f"{path.stem} published")


@contextlib.contextmanager
def watched_publishing(publish: Callable[..., None] = publish_at_moments) -> Iterator[None]:
    """Make the command `run` publish in another way."""
    original: Callable[..., Any] = runner.run_plan

    def run_at_moments(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **{**options, "publish": publish})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_plan", run_at_moments)
        yield


def run_command(project: Project) -> int:
    """Run the command `run` in this process, where pages have moments, and return its exit code."""
    with watched_publishing():
        return run_plainly(project)


def run_plainly(project: Project) -> int:
    """Run the command `run` in this process as it is, and return its exit code."""
    return cli.main(["--project", str(project.root), "run", "--region", ",".join(REGIONS), "--jobs", "2"])


def fork_command(project: Project, *, unreadable: Path | None = None) -> int:
    """Run the command `run` in a process forked from this one, where every moment counts; return its id.

    A file that is unreadable is so for that process alone.
    """
    control_of(project.root).mkdir(exist_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        log = os.open(control_of(project.root) / "run.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        sys.stdout = sys.stderr = os.fdopen(log, "w", buffering=1)
        watch_runner(project.root)
        if unreadable:
            refuse(unreadable, errno.EACCES)
        code = run_command(project)
    finally:
        os._exit(code)


def wait_for_end(pid: int, *, within: float) -> int | None:
    """Return the exit code of a child of this process, negative for a signal; None where it runs on."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    return None


def run_to_end(project: Project) -> None:
    """Make all pages in this process and its children."""
    from evaluation.execution.lock import hold_lock

    with hold_lock(project.processed_dir):
        summary = run_plan(build_plan(project, regions=REGIONS), project, jobs=2, publish=publish_plainly)
    assert not summary.not_made, summary.not_made


def start_run(project: Project) -> subprocess.Popen[str]:
    """Start a run as a process of its own."""
    script = project.root / "run_it.py"
    script.write_text(SCRIPT.format(tests=str(TESTS), root=str(project.root)))
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished_targets(root: Path) -> list[str]:
    """Return the targets that have a record, in order, once for each record of a newly made page."""
    path = root / "data" / "processed" / RECORDS_NAME
    if not path.is_file():
        return []
    names = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            names.append(json.loads(line).get("target"))
        except json.JSONDecodeError:
            continue
    return sorted({name for name in names if name})


def pages_of(project: Project) -> dict[str, bytes]:
    root = project.reports_dir
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.html"))}
