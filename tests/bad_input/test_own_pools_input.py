"""Targets with pools of their own: whatever cannot be estimated is refused with every reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluation.errors import UsageError
from evaluation.impact.synthetic.own_pools import fit_own_pools

PRE, POST = np.arange(6) < 4, np.arange(6) >= 4


def good() -> dict[str, Any]:
    allowed = np.ones((1, 5), dtype=bool)
    allowed[0, 0] = False
    return {
        "outcome": np.random.default_rng(0).normal(size=(5, 6)),
        "pre": PRE,
        "post": POST,
        "targets": [0],
        "allowed": allowed,
    }


def test_what_the_spoilt_cases_start_from_is_estimated() -> None:
    options = good()
    assert np.isfinite(fit_own_pools(options.pop("outcome"), **options).estimate).all()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"estimator": "magic"}, "estimator"),
        ({"pre": PRE[:3]}, "one a year"),
        ({"pre": POST}, "two years before"),
        ({"post": np.zeros(6, dtype=bool)}, "one after"),
        ({"targets": [5]}, "rows from 0 to 4"),
        ({"targets": []}, "at least one"),
        ({"allowed": np.ones((1, 5), dtype=bool)}, "its own donor"),
        ({"allowed": np.eye(5, dtype=bool)[[1]]}, "two donors"),
        ({"allowed": np.ones((2, 5), dtype=bool)}, "targets x units"),
        ({"outcome": np.full((5, 6), np.nan)}, "missing or infinite"),
    ],
)
def test_a_spoilt_option_is_named(change: dict[str, Any], word: str) -> None:
    options = good() | change
    with pytest.raises(UsageError, match=word):
        fit_own_pools(options.pop("outcome"), **options)


def test_several_faults_are_told_at_once() -> None:
    options = good() | {"estimator": "magic", "allowed": np.ones((1, 5), dtype=bool)}
    with pytest.raises(UsageError, match=r"estimator must.*its own donor"):
        fit_own_pools(options.pop("outcome"), **options)
