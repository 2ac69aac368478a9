"""What the parent loads for one notebook is there for that notebook alone, and for nobody before it asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
from small_notebooks import REPO, notebook

SEEN = """
import sys
from pathlib import Path
from evaluation.execution import ahead
from evaluation.execution.surroundings import notebook_state

def own():
    return {name for name in sys.modules if name.split('.')[0] == 'evaluation'}

one, other = Path(sys.argv[1]), Path(sys.argv[2])
before = own()
ahead.load_ahead(one)
assert own() == before, own() - before
import evaluation.reporting
assert not hasattr(evaluation.reporting, 'prose')
ahead.put_in_place(notebook_state(other))
assert own() - before <= {'evaluation.reporting'}
held = {name: id(module) for name, module in ahead._AHEAD[notebook_state(one)].items()}
ahead.put_in_place(notebook_state(one))
given = own()
from evaluation.reporting import prose
assert id(prose) == held['evaluation.reporting.prose'] == id(evaluation.reporting.prose)
assert own() == given
print(*sorted(given))
"""
"""Looks at the modules of a fresh process at each step."""


def seen(one: Path, other: Path) -> set[str]:
    command = [sys.executable, "-c", SEEN, str(one), str(other)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def written(path: Path, *cells: str) -> Path:
    nbformat.write(notebook(*cells), path)
    return path


def test_what_a_notebook_imports_is_given_to_it_alone(tmp_path: Path) -> None:
    one = written(tmp_path / "one.ipynb", "from evaluation.reporting import prose", "1 + 1")
    other = written(tmp_path / "other.ipynb", "1 + 2")
    given = seen(one, other)
    loads = "from evaluation.execution import ahead, surroundings\nfrom evaluation.reporting import prose"
    tell = "import sys\nprint(*[name for name in sys.modules if name.split('.')[0] == 'evaluation'])"
    command = [sys.executable, "-c", f"{loads}\n{tell}"]
    plain = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert given == plain


def test_only_imports_that_every_run_comes_to_are_loaded(tmp_path: Path) -> None:
    path = written(
        tmp_path / "page.ipynb",
        "%matplotlib inline\nfrom evaluation.reporting import site",
        "if False:\n    from evaluation.reporting import export\ndef later():\n    from evaluation import tables",
        "import json, evaluation\nimport os",
        "from evaluation.reporting import prose",
    )
    script = (
        "import sys\nfrom pathlib import Path\nfrom evaluation.execution import ahead\n"
        "ahead.load_ahead(Path(sys.argv[1]))\n"
        "print(*[name for modules in ahead._AHEAD.values() for name in modules])"
    )
    command = [sys.executable, "-c", script, str(path)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "evaluation.reporting.prose" in loaded
    assert not {"evaluation.reporting.site", "evaluation.reporting.export", "evaluation.tables"} & set(loaded)


def test_an_import_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = written(
        tmp_path / "page.ipynb", "from evaluation.reporting import prose", "import evaluation.nowhere"
    )
    script = (
        "import sys\nfrom pathlib import Path\nfrom evaluation.execution import ahead\n"
        "try:\n    ahead.load_ahead(Path(sys.argv[1]))\nexcept ModuleNotFoundError:\n    pass\n"
        "print(len(ahead._AHEAD), 'evaluation.reporting.prose' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPO).stdout
    assert said.split() == ["0", "False"]
