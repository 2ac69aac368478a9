"""Loaded by name into the parent of a run's processes: besides the packages of others, what every page needs.

That is this package, as it stands when the run begins, and the project's configuration. A run's parent ends
with the run, so nothing in it outlives an edit (`evaluation.execution.kernels.warm_up` looks). What is read here
is remembered by its content and asked for again by each page, which notes it as its own read.

Only modules that every page loads anyway may be imported here: a page's record lists what is loaded. What the
notebooks with a page for each region, or the one asked for, import besides is kept apart for them (`evaluation.execution.ahead`).
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from pathlib import Path

from evaluation.execution import preload  # noqa: F401  first of all, for what its import does

gc.disable()
signal.signal(signal.SIGINT, signal.SIG_IGN)

from evaluation.execution import job, pool, shell  # noqa: E402, F401
from evaluation.execution.ahead import load_ahead  # noqa: E402
from evaluation.execution.imports import NOTEBOOK, PAGES_OF  # noqa: E402
from evaluation.execution.reports import load_reports  # noqa: E402
from evaluation.execution.selection import select_reports  # noqa: E402
from evaluation.execution.traces import remember_loaded, remember_messages  # noqa: E402
from evaluation.reporting.page import get_ready  # noqa: E402
from evaluation.studies.project import Project  # noqa: E402

root, asked = os.environ.pop(PAGES_OF, ""), os.environ.pop(NOTEBOOK, "")
if root:
    project = Project(root=Path(root))
    # whatever is wrong is told by the check and by the page that needs it, and must not take the parent with it
    with contextlib.suppress(Exception):
        get_ready(project)
    with contextlib.suppress(Exception):
        remember_messages()
    with contextlib.suppress(Exception):
        listed = load_reports(project.config_dir, project.notebooks_dir)
        wanted = select_reports(listed.reports, notebook=asked) if asked else {}
        repeated = [report for report in listed.reports.values() if report.each]
        for name in sorted({report.notebook for report in [*repeated, *wanted.values()]}):
            load_ahead(project.notebooks_dir / f"{name}.ipynb")
    remember_loaded(root)
gc.freeze()
gc.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)
