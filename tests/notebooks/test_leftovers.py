"""What commands leave in the system's temporary folder goes away with the next command, whoever was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from small_notebooks import make_project

from evaluation.execution.keeping import Use, scratch_folder

LEAVE = (
    "import os, sys\nfrom pathlib import Path\nfrom evaluation.execution.keeping import scratch_folder\n"
    "from evaluation.studies.project import Project\n"
    "with scratch_folder(Project(root=Path(sys.argv[1])), use=sys.argv[2]) as folder:\n"
    "    (folder / 'half').write_text('made')\n    print(folder, flush=True)\n    os.kill(os.getpid(), 9)\n"
)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)


def left_by_killed(root: Path, use: Use) -> Path:
    command = [sys.executable, "-c", LEAVE, str(root), use]
    left = Path(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    assert (left / "half").is_file()
    return left


def test_what_killed_commands_left_is_removed_by_any_other(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", {})
    other = make_project(tmp_path / "other", {})
    ours = [left_by_killed(project.root, use) for use in ("run", "plan", "verify")]
    theirs = left_by_killed(other.root, "plan")
    with scratch_folder(project, use="plan"):
        assert not any(path.exists() for path in ours)
    assert theirs.exists()


def test_the_folder_of_a_command_that_runs_is_left_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", {})
    with scratch_folder(project, use="plan") as one:
        assert f"-{os.getpid()}-" in one.name
        with scratch_folder(project, use="run") as two:
            assert one.is_dir()
            assert two.is_dir()
        assert not two.exists()
    assert not one.exists()
