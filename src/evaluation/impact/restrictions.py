"""How far trends may have differed: sets of violations of parallel trends as linear inequalities.

Belongs here: the sets of Rambachan and Roth (2023) for any spacing of the years. Does not belong here: what
an interval makes of them (`evaluation.impact.conditional_test`, `evaluation.impact.fixed_length`).

A violation is a path d(t) with d(base) = 0: the difference between treated and controls that would have been
there without treatment. A set is a union of polyhedra ``A d <= b``.

References
----------
Rambachan and Roth (2023), A more credible approach to parallel trends, Review of Economic Studies 90(5),
doi:10.1093/restud/rdad018: section 2.4 (smoothness, relative magnitudes, sign restrictions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Restriction = Literal["smoothness", "relative_magnitudes"]
BiasSign = Literal["any", "positive", "negative"]

ZERO_ROW = 1e-10
"""Squared length below which a row of inequalities says nothing (0 <= 0)."""


@dataclass(frozen=True)
class Timeline:
    """The years of an event study without its base.

    Parameters
    ----------
    event_time
        Ascending, (n,), without `base`.
    base
        Event time of the base year, where every effect is zero.
    """

    event_time: NDArray[np.int64]
    base: int

    @property
    def is_post(self) -> Bools:
        """Which times lie after the base, (n,)."""
        return self.event_time > self.base

    @property
    def n_post(self) -> int:
        """Number of times after the base."""
        return int(self.is_post.sum())


@dataclass(frozen=True)
class Polyhedron:
    """All paths with ``matrix @ path <= limit``.

    Parameters
    ----------
    matrix
        (n_rows, n_times).
    limit
        (n_rows,).
    """

    matrix: Floats
    limit: Floats


def violations(
    timeline: Timeline, *, restriction: Restriction, bound: float, bias_sign: BiasSign = "any"
) -> list[Polyhedron]:
    """Return the set of violations as a union of polyhedra.

    Parameters
    ----------
    timeline
        Times of the event study.
    restriction
        ``"smoothness"``: the slope of the path changes by at most `bound` from one year to the next (with gaps,
        by at most `bound` times half the two spans); zero = exactly linear. ``"relative_magnitudes"``: after
        the base the path moves in a year by at most `bound` times the largest yearly move before it.
    bound
        In units of the outcome, or a ratio; zero or more.
    bias_sign
        ``"positive"``: the path is zero or more after the base; ``"negative"``: zero or less.
    """
    smooth = restriction == "smoothness"
    sets = [_smooth(timeline, bound)] if smooth else _relative_to_earlier_moves(timeline, bound)
    return [_with_sign(one, timeline, bias_sign) for one in sets]


def slope_changes(timeline: Timeline) -> tuple[Floats, Floats]:
    """Return second divided differences as a matrix (n - 1, n), and the spans their bounds multiply, (n - 1,).

    Row r holds the slope after time r less the slope before it; with years one apart it is
    d(t+1) - 2 d(t) + d(t-1) and its span is one.
    """
    slopes = _slopes(timeline)
    full_times = _with_base(timeline)
    spans = (full_times[2:] - full_times[:-2]) / 2
    return slopes[1:] - slopes[:-1], spans.astype(float)


def _with_base(timeline: Timeline) -> NDArray[np.int64]:
    return np.sort(np.append(timeline.event_time, timeline.base))


def _slopes(timeline: Timeline) -> Floats:
    """Return moves per year between neighbouring times as functions of the path, (n, n)."""
    times = _with_base(timeline)
    differences = np.diff(np.eye(len(times)), axis=0) / np.diff(times)[:, None]
    return np.delete(differences, int(np.searchsorted(times, timeline.base)), axis=1)


def _smooth(timeline: Timeline, bound: float) -> Polyhedron:
    changes, spans = slope_changes(timeline)
    limit = bound * spans
    return Polyhedron(np.vstack([changes, -changes]), np.r_[limit, limit])


def _relative_to_earlier_moves(timeline: Timeline, bound: float) -> list[Polyhedron]:
    """One polyhedron for each earlier move that may be the largest, upward and downward."""
    slopes = _slopes(timeline)
    n_before = int((~timeline.is_post).sum())
    scale = np.where(np.arange(len(slopes)) < n_before, 1.0, bound)
    found = []
    for largest in range(n_before):
        for sign in (1.0, -1.0):
            allowed = scale[:, None] * sign * slopes[largest]
            rows = np.vstack([slopes - allowed, -slopes - allowed])
            rows = rows[(rows**2).sum(axis=1) > ZERO_ROW]
            found.append(Polyhedron(rows, np.zeros(len(rows))))
    return found


def _with_sign(polyhedron: Polyhedron, timeline: Timeline, bias_sign: BiasSign) -> Polyhedron:
    if bias_sign == "any":
        return polyhedron
    sign = -1.0 if bias_sign == "positive" else 1.0
    rows = sign * np.eye(len(timeline.event_time))[timeline.is_post]
    return Polyhedron(np.vstack([polyhedron.matrix, rows]), np.append(polyhedron.limit, np.zeros(len(rows))))
