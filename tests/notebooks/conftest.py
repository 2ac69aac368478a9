"""Every module of tests starts without a preloaded parent: what one holds depends on who started it."""

from __future__ import annotations

import pytest

from evaluation.execution.kernels import stop_parent


@pytest.fixture(scope="module", autouse=True)
def own_parent() -> None:
    """End the parent that an earlier module left: a run's parent holds this package, a notebook's only others."""
    stop_parent()
