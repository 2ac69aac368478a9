"""A project of small, slow notebooks, and runs of it that a test may kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from small_notebooks import make_project, publish_plainly, report, write_notebook

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
