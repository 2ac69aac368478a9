"""The parent is started early when something will be made, as far as times of change can tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_notebooks import REPO, make_project

from evaluation.execution import foresight, kernels
from evaluation.execution.foresight import is_work_likely, start_early

LONG_AGO, LATER = (1, 1), (2, 2)


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of which nothing was touched since the last run."""
    monkeypatch.setattr(foresight, "PACKAGE_DIR", tmp_path / "package")
    root = make_project(tmp_path / "project", {}).root
    (tmp_path / "package").mkdir()
    for path in (
        tmp_path / "package" / "module.py", root / "notebooks" / "a.ipynb", root / "data" / "raw" / "b.csv"
    ):  # fmt: skip
        path.write_text("x")
    for path in [*root.rglob("*"), *(tmp_path / "package").iterdir()]:
        os.utime(path, ns=LONG_AGO)
    (root / foresight.LAST_ACT).write_text("{}")
    os.utime(root / foresight.LAST_ACT, ns=LONG_AGO)
    return root


@pytest.fixture(autouse=True)
def own_parent() -> Iterator[None]:
    kernels.stop_parent()
    yield
    kernels.stop_parent()


def test_nothing_is_likely_where_nothing_was_touched(settled: Path) -> None:
    assert not is_work_likely(settled)


@pytest.mark.parametrize(
    "touched",
    ["config/regions.csv", "notebooks/a.ipynb", "data/raw/b.csv", "../package/module.py"],
)
def test_what_was_touched_makes_work_likely(settled: Path, touched: str) -> None:
    os.utime(settled / touched, ns=LATER)
    assert is_work_likely(settled)


def test_a_run_that_was_killed_or_failed_makes_work_likely(settled: Path) -> None:
    (settled / foresight.FAILED).mkdir(parents=True)
    assert is_work_likely(settled)
    (settled / foresight.FAILED).rmdir()
    assert not is_work_likely(settled)
    (settled / foresight.LAST_ACT).unlink()
    assert is_work_likely(settled)


@pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")
def test_a_parent_is_started_once_and_only_for_work(settled: Path) -> None:
    inside = settled / "notebooks"
    assert not start_early(inside, notebook=None, certain=False)
    assert not start_early(settled.parent, notebook=None, certain=True)
    assert not kernels.has_parent()
    assert start_early(inside, notebook=None, certain=True)
    assert kernels.has_parent()
    assert not start_early(inside, notebook=None, certain=True)


def test_what_it_watches_is_what_a_run_reads() -> None:
    assert all((REPO / name).is_dir() for name in foresight.WATCHED)
