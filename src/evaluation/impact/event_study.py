"""An event study as its estimates with their full covariance and one base.

Belongs here: what sensitivity and power need of an event study, whoever estimated it, with every fault found.
Does not belong here: how it is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.output import Tabular
from evaluation.impact.plots import effects_by_event_time
from evaluation.impact.restrictions import Timeline

Floats = NDArray[np.float64]

SYMMETRY_TOLERANCE = 1e-8
"""Relative asymmetry, and relative negative eigenvalue, that rounding explains: published covariances are
printed with seven digits or more."""


@dataclass(frozen=True)
class EventStudy(Tabular):
    """Estimates by event time with their covariance, without the base.

    Parameters
    ----------
    event_time
        Ascending, (n,).
    estimate
        (n,).
    vcov
        (n, n).
    base
        Event time of the base year.
    """

    event_time: NDArray[np.int64]
    estimate: Floats
    vcov: Floats
    base: int

    @property
    def timeline(self) -> Timeline:
        """Its times."""
        return Timeline(event_time=self.event_time, base=self.base)

    @property
    def is_post(self) -> NDArray[np.bool_]:
        """Which times lie after the base, (n,)."""
        return self.timeline.is_post

    def tidy(self) -> pd.DataFrame:
        """Return event_time, estimate, std_error; the base is not among them."""
        errors = np.sqrt(np.diag(self.vcov))
        return pd.DataFrame({"event_time": self.event_time, "estimate": self.estimate, "std_error": errors})

    def glance(self) -> pd.DataFrame:
        """Return one row: base, n_pre, n_post."""
        n_post = int(self.is_post.sum())
        return pd.DataFrame([{"base": self.base, "n_pre": len(self.estimate) - n_post, "n_post": n_post}])

    def plot(self, *, title: str = "Effects by event time", level: float = CONFIDENCE) -> Chart:
        """Draw the estimates with pointwise normal intervals, and the base at zero.

        Parameters
        ----------
        title
            Of the chart.
        level
            Coverage of the intervals.
        """
        table = self.tidy()
        reach = float(ndtri(0.5 + level / 2)) * table["std_error"]
        table = table.assign(conf_low=table["estimate"] - reach, conf_high=table["estimate"] + reach)
        base = pd.DataFrame([{"event_time": self.base, "estimate": 0.0}])
        shown = pd.concat([table, base], ignore_index=True).sort_values("event_time", ignore_index=True)
        return effects_by_event_time(shown, title=title)


def event_study(*, event_time: ArrayLike, estimate: ArrayLike, vcov: ArrayLike, base: int = -1) -> EventStudy:
    """Return an event study, checked.

    Parameters
    ----------
    event_time, estimate
        (n,), in any order, with or without the base, whose estimate must be zero.
    vcov
        (n, n), in the order of `event_time`; the base's row and column are left out.
    base
        Event time of the base year.

    Raises
    ------
    BadInputError
        With every fault.
    """
    times, values, matrix = (np.asarray(one, dtype=float) for one in (event_time, estimate, vcov))
    raise_if_any(_shape_faults(times, values, matrix))
    is_base = times == base
    raise_if_any(_content_faults(times, values, matrix, is_base, base))
    kept = np.flatnonzero(~is_base)
    kept = kept[np.argsort(times[kept])]
    part = matrix[np.ix_(kept, kept)]
    return EventStudy(times[kept].astype(np.int64), values[kept], (part + part.T) / 2, int(base))


def event_study_of(source: EventStudy | AggregateResult) -> EventStudy:
    """Return the event study behind a dynamic average, or the study itself.

    Parameters
    ----------
    source
        An event study, or a dynamic average whose base period is universal.

    Raises
    ------
    UsageError
        For another average, a varying base, or cohorts whose base years lie at different event times.
    """
    if isinstance(source, EventStudy):
        return source
    if source.kind != "dynamic" or source.design.base_period != "universal":
        raise UsageError(
            "An event study for sensitivity or power is the dynamic average with base_period 'universal': "
            "with a varying base the estimates before treatment are changes, not levels. "
            f"Got: {source.kind}, {source.design.base_period}."
        )
    elements = source.elements
    is_base = elements["std_error"].isna().to_numpy()
    bases = elements.loc[is_base, "event_time"]
    if len(bases) != 1:
        raise UsageError(
            "The cohorts have base years at different event times, or none: estimate them apart. "
            f"Base event times found: {bases.tolist()}."
        )
    return event_study(
        event_time=elements["event_time"].to_numpy(dtype=float),
        estimate=elements["estimate"].to_numpy(dtype=float),
        vcov=source.vcov[1:, 1:],
        base=int(bases.iloc[0]),
    )


def _shape_faults(times: Floats, values: Floats, matrix: Floats) -> list[Fault]:
    n, why = len(times.ravel()), "each event time needs one estimate and one row of the covariance"
    faults = []
    if times.ndim != 1 or n == 0:
        faults.append(_fault("event times", f"shape {times.shape}", why, "give a list of event times"))
    if values.shape != (n,):
        faults.append(_fault("estimates", f"{values.size} values for {n} event times", why, "give one each"))
    if matrix.shape != (n, n):
        what = f"{' x '.join(map(str, matrix.shape))} instead of {n} x {n}"
        faults.append(_fault("covariance", what, why, "give the full covariance, not standard errors"))
    return faults


def _content_faults(
    times: Floats, values: Floats, matrix: Floats, is_base: NDArray[np.bool_], base: int
) -> list[Fault]:
    faults = []
    kept = ~is_base
    part = matrix[np.ix_(kept, kept)]
    if not np.isfinite(times).all() or (times != np.round(times)).any():
        faults.append(_fault("event times", "not whole numbers", "years order the study", "write years"))
    if len(np.unique(times)) < len(times):
        faults.append(_fault("event times", "repeated", "which row counts is unknown", "keep one row each"))
    if not np.isfinite(values[kept]).all():
        faults.append(_fault("estimates", "missing or infinite", "nothing to test", "leave those times out"))
    if values[is_base].any():
        what = f"the base {base} has the estimate {values[is_base][0]:g}"
        faults.append(_fault("estimates", what, "the base is zero by construction", "name the base year"))
    if not np.isfinite(part).all() or not _is_covariance(part):
        why = "the intervals rest on how the estimates move together"
        faults.append(_fault("covariance", "not symmetric with positive variances", why, "give a covariance"))
    if not (times[kept] > base).any() or not (times[kept] < base).any():
        what = f"no estimate {'after' if not (times[kept] > base).any() else 'before'} the base {base}"
        why = "violations after the base are judged by those before it"
        faults.append(_fault("event times", what, why, "give years on both sides of the base"))
    return faults


def _is_covariance(matrix: Floats) -> bool:
    if not len(matrix):
        return True
    scale = float(np.abs(matrix).max())
    symmetric = np.abs(matrix - matrix.T).max() <= SYMMETRY_TOLERANCE * scale
    positive = (np.diag(matrix) > 0).all()
    return bool(symmetric and positive and np.linalg.eigvalsh(matrix)[0] >= -SYMMETRY_TOLERANCE * scale)


def _fault(where: str, what: Any, why: str, remedy: str) -> Fault:
    return Fault(where=where, what=str(what), why=why, remedy=remedy)
