"""A study by group-time effects estimated again with other units, without any table.

Belongs here: the simple average of one refit among hundreds, with its influence function. Does not belong here: which
units are left out, and the tables of a study that is read by itself (`evaluation.impact.aggregate`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import BadInputError
from evaluation.impact.design import Design
from evaluation.impact.did import att_gt_of, effects_and_members_after
from evaluation.impact.group_time import CONTROL, TREATED
from evaluation.impact.inference import Intervals, describe
from evaluation.impact.panel import WidePanel

Floats = NDArray[np.float64]
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "mde")


@dataclass(frozen=True)
class Refit:
    """The simple average of effects from the cohort on.

    Parameters
    ----------
    numbers
        Columns of an average; empty where there is no estimate.
    influence
        Influence function of the average, (n_units,); zeros where there is no estimate.
    cohorts
        Cohorts that have an effect.
    reason
        Why there is no estimate (a code of `evaluation.impact.REASONS`), else empty.
    """

    numbers: dict[str, float]
    influence: Floats
    cohorts: frozenset[int]
    reason: str


def refit(wide: WidePanel, design: Design) -> Refit:
    """Return the simple average, as `evaluation.impact.aggregate` has it, of a panel as arrays.

    Parameters
    ----------
    wide, design
        The panel, and the study with the cohorts it names.
    """
    cohort, effects, influence, membership = effects_and_members_after(wide, design)
    if not len(effects):
        return Refit({}, np.zeros(wide.n_units), frozenset(), _why_not(wide, design))
    inside = wide.weights[:, None] * (wide.cohort[:, None] == cohort)
    share = inside.mean(axis=0)
    estimate = float(share @ effects / share.sum())
    moved = (influence @ share + (inside - share) @ (effects - estimate)) / share.sum()
    described = describe([estimate], moved[:, None], intervals=Intervals(), clusters=wide.clusters)
    treated, control = (membership == TREATED).any(axis=1), (membership == CONTROL).any(axis=1)
    numbers = {name: float(described[name][0]) for name in NUMBERS}
    numbers |= {
        "n_units": float((treated | control).sum()),
        "n_treated": float(treated.sum()),
        "n_control": float(control.sum()),
    }
    return Refit(numbers, moved, frozenset(cohort.tolist()), "")


def _why_not(wide: WidePanel, design: Design) -> str:
    try:
        missing = att_gt_of(wide, design, intervals=Intervals()).not_estimable
    except BadInputError:
        return "no_control"  # the one fault that a panel already read can still have
    after = missing[missing["event_time"].fillna(0) >= 0]
    return "not_observed" if after.empty else str(after["reason"].iloc[0])
