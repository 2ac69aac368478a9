"""What a notebook imports, loaded once in the parent instead of in the process of each of its pages.

A page's record lists what is loaded at its end, so what one notebook imports must not be there for another, nor
what no cell of it asks for. Modules of this package are loaded, taken away again, and given to the processes of
that notebook alone, where its import finds them.

Belongs here: the imports of one notebook. Does not belong here: what every page needs
(`evaluation.execution.preload_pages`, `evaluation.execution.imports`).
"""

from __future__ import annotations

import ast
import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from evaluation.execution.imports import lean_imports
from evaluation.execution.surroundings import cell_source, notebook_state

with lean_imports():
    from nbformat import NotebookNode
    from papermill.iorw import load_notebook_node

PACKAGE = "evaluation"
LOADED_TOO = ("matplotlib", "scipy", "seaborn", "statsmodels")
"""Packages of others that a notebook may import, and that not every page needs; they stay loaded."""

_AHEAD: dict[str, dict[str, ModuleType]] = {}
"""State of a notebook to the modules that only its imports load."""

_NOTEBOOKS: dict[str, bytes] = {}
"""State of a notebook to itself, read and checked."""


def load_ahead(notebook: Path) -> None:
    """Load a notebook and what its cells import, and keep it out of sight until its turn."""
    state, before = notebook_state(notebook), set(sys.modules)
    _NOTEBOOKS[state] = pickle.dumps(load_notebook_node(str(notebook)))
    try:
        for statement in _imports(notebook):
            exec(compile(ast.Module([statement], []), notebook.name, "exec"), {})
        _AHEAD[state] = _loaded_since(before)
    finally:
        _take_away(_loaded_since(before))


def put_in_place(state: str) -> None:
    """Let the current process find what was loaded for the notebook of this state, if anything was."""
    modules = _AHEAD.get(state, {})
    sys.modules.update(modules)  # all of them first: a package stands behind its parts once it is imported
    for name, module in modules.items():
        package, _, last = name.rpartition(".")
        setattr(sys.modules[package], last, module)


def notebook_of(path: Path, *, state: str = "") -> NotebookNode:
    """Return a notebook, read again unless it was loaded in this state."""
    known = _NOTEBOOKS.get(state)
    return pickle.loads(known) if known else load_notebook_node(str(path))


def _imports(notebook: Path) -> Iterator[ast.stmt]:
    """Yield the imports of known packages that every run of a notebook comes to."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield from filter(_is_known_import, _statements(cell_source(cell)))


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        # a cell with magics, or one that will fail: its imports are left to it
        return []


def _is_known_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        names = [statement.module or ""] if not statement.level else [""]
    elif isinstance(statement, ast.Import):
        names = [alias.name for alias in statement.names]
    else:
        return False
    return all(name.split(".")[0] in (PACKAGE, *LOADED_TOO) for name in names)


def _loaded_since(before: set[str]) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in sys.modules.items()
        if name not in before and name.startswith(f"{PACKAGE}.")
    }


def _take_away(modules: Mapping[str, ModuleType]) -> None:
    for name, module in modules.items():
        del sys.modules[name]
        package, _, last = name.rpartition(".")
        holder = sys.modules.get(package)
        if holder is not None and vars(holder).get(last) is module:
            delattr(holder, last)
