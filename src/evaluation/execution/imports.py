"""Imports that cost time: which packages are loaded before the first fork, and how to load them quickly.

Belongs here: names of packages and the way to import them. Does not belong here: processes
(`evaluation.execution.kernels`). Only packages of others are named: the project's own modules would be stale
after an edit. `matplotlib_inline` must not be loaded before the fork: it binds itself to the shell it finds
at import, and every figure of the children would be lost.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterable, Iterator

PRELOADED = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "jinja2",
    "pydantic.main",
    "xlsxwriter",
    "yaml",
    "babel.dates",
    "babel.lists",
    "babel.messages.pofile",
    "babel.numbers",
    "IPython.core.application",
    "IPython.core.completerlib",
    "IPython.core.interactiveshell",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "nbconvert",
    "papermill",
)
"""Loaded before the first fork: what every page needs and no page changes."""

BESIDES = ("matplotlib.pyplot", "scipy.stats")
"""Loaded as well where it is not known what the notebooks are: they cost half as much as all the others."""

PAGES_OF = "EVALUATION_PAGES_OF"
"""Environment variable that tells a parent of pages which project they belong to."""

NOTEBOOK = "EVALUATION_NOTEBOOK"
"""Environment variable that tells a parent of pages which one notebook was asked for, if one was."""

FORBIDDEN_IN_PARENT = ("matplotlib_inline.backend_inline", "ipykernel")

UNUSED_COSTLY_MODULE = "rfc3987_syntax"
"""Builds 35 parsers at import (1.5 s) for address formats that no Jupyter schema checks."""


@contextlib.contextmanager
def lean_imports() -> Iterator[None]:
    """Import Jupyter packages without a dependency that triples their import time and is never used."""
    known = sys.modules.get(UNUSED_COSTLY_MODULE)
    if known is None:
        sys.modules[UNUSED_COSTLY_MODULE] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if known is None:
            sys.modules.pop(UNUSED_COSTLY_MODULE, None)


def preloaded_here() -> bool:
    """Return whether this process, or the one it was forked from, has loaded all of `PRELOADED`."""
    return all(name in sys.modules for name in PRELOADED)


def load_packages(besides: Iterable[str] = ()) -> None:
    """Import all of `PRELOADED`, and others.

    Raises
    ------
    RuntimeError
        When one of them drags in what must not be in the parent.
    """
    with lean_imports():
        for name in (*PRELOADED, *besides):
            importlib.import_module(name)
    intruders = [name for name in FORBIDDEN_IN_PARENT if name in sys.modules]
    if intruders:
        raise RuntimeError(f"must not be loaded before the fork: {', '.join(intruders)}")
