"""Loaded by name into the parent of a run's processes: besides the packages of others, what every page needs.

That is this package, as it stands when the run begins, and the project's configuration. A run's parent ends
with the run, so nothing in it outlives an edit (`evaluation.execution.kernels.warm_up` looks). What is read here
is remembered by its content and asked for again by each page, which notes it as its own read.

Only modules that every page loads anyway may be imported here: a page's record lists what is loaded.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from pathlib import Path

from evaluation.execution import preload  # noqa: F401  first of all, for what its import does

signal.signal(signal.SIGINT, signal.SIG_IGN)

from evaluation.execution import job, pool, shell  # noqa: E402, F401
from evaluation.execution.kernels import PAGES_OF  # noqa: E402
from evaluation.execution.traces import loaded_files  # noqa: E402
from evaluation.reporting.page import get_ready  # noqa: E402
from evaluation.studies.project import Project  # noqa: E402

root = os.environ.pop(PAGES_OF, "")
if root:
    # whatever is wrong is told by the check and by the page that needs it, and must not take the parent with it
    with contextlib.suppress(Exception):
        get_ready(Project(root=Path(root)))
    # each page asks for them again; where they really lie is remembered
    loaded_files(root)
gc.collect()
gc.freeze()
signal.signal(signal.SIGINT, signal.default_int_handler)
