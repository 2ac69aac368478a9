"""Loaded by name into the parent of all notebook processes, for what its import does.

The standard library's fork server imports modules by name, swallows an `ImportError` and calls nothing.
What it lacks is here: a costly import that nobody uses is left out, the checker of the notebook format is
compiled and the list of drawing backends made once instead of in every child, and the garbage collector is
frozen, because a collection in a child would touch, and so copy, all the memory it shares with the parent. No
numbers are computed: a thread pool that has worked once does not survive a fork.

Only the fork server imports this module.
"""

from __future__ import annotations

import gc
import os
import signal

from evaluation.execution.imports import BESIDES, PAGES_OF, load_packages

# nothing of what is imported goes away again, so there is nothing to look for
gc.disable()
# the fork server ignores Ctrl-C once it serves; until then its user would see a traceback of these imports
signal.signal(signal.SIGINT, signal.SIG_IGN)
load_packages(() if PAGES_OF in os.environ else BESIDES)

import nbformat  # noqa: E402  not before `load_packages`, which imports it without its costly dependency
from matplotlib.backends import backend_registry  # noqa: E402

nbformat.validate(nbformat.v4.new_notebook())
# looks through all installed packages for backends of theirs
backend_registry.list_all()
gc.freeze()
gc.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)
