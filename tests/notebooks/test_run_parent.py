"""What a run's parent holds changes how fast pages are made, and neither pages nor their records."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from papermill import inspect_notebook
from small_notebooks import REPO, notebook, write_notebook

from evaluation.execution import kernels
from evaluation.execution.imports import FORBIDDEN_IN_PARENT, PRELOADED
from evaluation.execution.parameters import read_parameters
from evaluation.execution.pool import ChildPool, Ended
from evaluation.execution.surroundings import look_around
from evaluation.execution.task import Job, Known
from evaluation.execution.traces import NOT_PRINTING
from evaluation.studies.project import Project

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

TELL = (
    "import os, sys\nfrom pathlib import Path\n"
    "threads = Path('/proc/self/status').read_text().split('Threads:')[1].split()[0]\n"
    "print(threads, os.environ.get('EVALUATION_PAGES_OF'), *sys.modules)"
)
OF_EVERY_PAGE = (
    "import evaluation.execution.job, evaluation.execution.shell, evaluation.reporting.page\n"
    "import evaluation.execution.preload"
)


@pytest.fixture(autouse=True)
def own_parent() -> Iterator[None]:
    """Begin and end without a parent, whichever one other tests have left."""
    kernels.stop_parent()
    yield
    kernels.stop_parent()


def said_after(imports: str, **environment: str) -> list[str]:
    chosen = {**os.environ, **kernels.FIXED_ENVIRONMENT, **environment}
    command = [sys.executable, "-c", f"{imports}\n{TELL}"]
    return subprocess.run(command, env=chosen, capture_output=True, text=True, check=True).stdout.split()


def printing(modules: list[str]) -> set[str]:
    """Return the modules that a page's record would name."""
    own = {name for name in modules if name.split(".")[0] == "evaluation"}
    apart = tuple(place.strip("/").replace("/", ".") for place in NOT_PRINTING)
    return {name for name in own if not f"{name}.".startswith(tuple(f"{one}." for one in apart))}


def test_it_has_one_thread_and_only_what_every_page_loads() -> None:
    preload = f"import {kernels.PRELOAD_PAGES_MODULE}"
    threads, pages_of, *modules = said_after(preload, **{kernels.PAGES_OF: str(REPO)})
    assert threads == "1"
    assert pages_of == "None"
    assert set(PRELOADED) <= set(modules)
    assert not set(modules) & set(FORBIDDEN_IN_PARENT)
    assert printing(modules) == printing(said_after(OF_EVERY_PAGE)[2:])


def test_a_page_and_its_record_are_the_same_from_either_parent(tmp_path: Path) -> None:
    content = notebook(
        "from IPython.display import HTML",
        "from evaluation.studies.project import open_project\nproject = open_project()",
        "HTML(f'<p>{len(project.catalog.indicators)} {project.registry.codes[0]}</p>')",
        parameters="language: str = 'id'",
    )
    del content.cells[0]  # its heading has no translation
    path = tmp_path / "page.ipynb"
    nbformat.write(content, path)
    found = [made_by(pages_of, path, tmp_path / str(pages_of is None)) for pages_of in (None, REPO)]
    (plain, plain_page), (prepared, prepared_page) = found
    assert plain.path == prepared.path == "warm"
    assert plain.answer is not None
    assert prepared.answer is not None
    assert prepared.answer.trace == plain.answer.trace
    assert {"config:catalog", "config:registry"} <= set(prepared.answer.trace.reads)
    assert "evaluation/reporting/templates/page.html.j2" in prepared.answer.trace.modules
    assert prepared_page == plain_page


def made_by(pages_of: Path | None, path: Path, folder: Path) -> tuple[Ended, bytes]:
    kernels.stop_parent()
    kernels.warm_up(pages_of)
    folder.mkdir()
    job = Job(
        target_name="indicators",
        notebook=path,
        parameters={"language": "id"},
        language="id",
        output=folder / "id" / "indicators.html",
        reports_root=folder,
        working_dir=REPO / "notebooks",
        scratch=folder,
        engine="warm",
        time_limit=60.0,
        known=Known(root=REPO, notebook="0", surroundings=look_around(Project(root=REPO))),
    )
    pool = ChildPool(1)
    pool.start(job)
    ended: list[Ended] = []
    while not pool.is_idle:
        ended += pool.wait()
    assert ended[0].failure is None
    return ended[0], job.output.read_bytes()


def test_it_is_replaced_when_the_package_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    first = kernels.warm_up(REPO)
    assert kernels.warm_up(REPO) == first
    edited = (*kernels.code_stamp(), ("evaluation/new.py", 1, 1))
    monkeypatch.setattr(kernels, "code_stamp", lambda: edited)
    second = kernels.warm_up(REPO)
    assert second != first
    assert not Path(f"/proc/{first}").exists()
    assert kernels.warm_up(REPO) == second


def test_one_with_packages_of_others_alone_outlives_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    first = kernels.warm_up()
    monkeypatch.setattr(kernels, "code_stamp", lambda: ())
    assert kernels.warm_up() == kernels.warm_up(REPO) == first


@pytest.mark.parametrize("path", sorted((REPO / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_parameters_are_those_that_papermill_finds(path: Path) -> None:
    ours = {name: (one.default, one.note) for name, one in read_parameters(path).items()}
    theirs = {name: (one["default"], one["help"]) for name, one in inspect_notebook(str(path)).items()}
    assert ours == theirs
    assert ours


def test_parameters_may_stand_on_several_lines_and_be_typed_in_a_comment(tmp_path: Path) -> None:
    source = "codes = [\n    '1101',  # first\n    '1102',\n]  # which # and why\nshare = 1  # type: float how much"
    declared = read_parameters(write_notebook(tmp_path / "some.ipynb", parameters=source))
    assert {name: (one.kind, one.note) for name, one in declared.items()} == {
        "codes": ("list", "which # and why"),
        "share": ("float", "how much"),
    }
