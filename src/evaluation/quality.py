"""Grades with reasons: how grades combine, fall with age and with coverage.

Belongs here: arithmetic on grades. Does not belong here: the words for them (``config/pillars.yml``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.schema import GRADES

Reason = Literal[
    "",
    "one_copy",
    "doubtful_or_back_cast",
    "implausible_change",
    "parts_do_not_add_up",
    "old_data",
    "partial_coverage",
    "low_coverage",
    "capped_at_goalpost",
    "self_reported",
    "corrected",
    "disputed",
]
"""Closed list of reasons; the words for each stand in the message catalogue. After ``corrected`` and ``disputed`` stands
a colon and the code of the record in ``config/corrections/``."""

GRADE_REASONS: Mapping[str, Reason] = {"A": "", "B": "one_copy", "C": "doubtful_or_back_cast"}
"""What the grade of a received figure means."""

Grade = Literal["A", "B", "C"]

_RANK = {grade: position for position, grade in enumerate(GRADES)}


def grade_ranks(grades: pd.Series) -> np.ndarray:
    """Return 0 for A, 1 for B, 2 for C; shape as the input."""
    return grades.map(_RANK).to_numpy(dtype="int64")


def grades_of(ranks: np.ndarray) -> np.ndarray:
    """Return the grade letters of ranks; ranks beyond C stay C."""
    return np.asarray(GRADES)[np.clip(ranks, 0, len(GRADES) - 1)]


def join_reasons(*reasons: Iterable[str]) -> list[str]:
    """Join several columns of reasons row by row, each reason once, separated by ``+``."""
    joined = []
    for row in zip(*reasons, strict=True):
        parts = [part for cell in row for part in str(cell).split("+") if part]
        joined.append("+".join(dict.fromkeys(parts)))
    return joined


def rank_by_coverage(coverage: np.ndarray, floors: Mapping[Grade, float]) -> np.ndarray:
    """Return the best grade rank that a coverage allows.

    Parameters
    ----------
    coverage
        Shares between 0 and 1.
    floors
        Lowest coverage for A and for B; below the floor of B the grade is C.
    """
    return np.where(coverage >= floors["A"] - 1e-12, 0, np.where(coverage >= floors["B"] - 1e-12, 1, 2))
