"""The same study asked where there should be no effect, and with parts left out.

Belongs here: placebo dates, leaving out a cohort, leaving out a cluster. Does not belong here: placebo
outcomes, which are other designs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evaluation.errors import EvaluationError, UsageError
from evaluation.impact.aggregate import aggregate
from evaluation.impact.design import Design
from evaluation.impact.estimators import effects_of
from evaluation.impact.inference import Intervals
from evaluation.impact.panel import WidePanel, keep_units, read_panel, unit_column

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "n_treated", "n_control")
"""What is kept of an overall estimate."""


def placebo_dates(panel: pd.DataFrame, design: Design, *, shifts: Sequence[int] = (1, 2, 3)) -> pd.DataFrame:
    """Pretend that every cohort had begun earlier, with nothing of its real treatment in the data.

    Unit-years from `cohort - anticipation` on are taken out, and cohorts moved back by `shifts` and by the
    anticipation; what remains of the pretended effect is a difference in trends.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    shifts
        Years by which treatment is pretended to be earlier, 1 or more.

    Returns
    -------
    DataFrame
        shift, estimate, std_error, conf_low, conf_high, p_value, n_treated, n_control, reason (why there is no
        estimate, else empty).

    Raises
    ------
    UsageError
        For shifts below 1.
    """
    if not shifts or min(shifts) < 1:
        raise UsageError(f"shifts must be whole years of 1 or more; got: {list(shifts)!r}")
    wide = read_panel(panel, design)
    rows = []
    for shift in shifts:
        moved, pretended = pretend_earlier(wide, design, shift)
        rows.append({"shift": shift, **_overall(moved, pretended)})
    return pd.DataFrame(rows)


def pretend_earlier(wide: WidePanel, design: Design, shift: int) -> tuple[WidePanel, Design]:
    """Return the panel and the study of one placebo date, see `placebo_dates`.

    Parameters
    ----------
    wide, design
        The panel as arrays, and the study.
    shift
        Years by which treatment is pretended to be earlier, 1 or more.
    """
    real = wide.years[None, :] >= wide.cohort[:, None] - design.anticipation
    cohort = wide.cohort - shift - design.anticipation
    moved = replace(wide, outcome=np.where(real, np.nan, wide.outcome), cohort=cohort)
    seen = cohort - design.anticipation > wide.years[0]
    return keep_units(moved, seen), _shifted(design, shift)


def leave_one_cohort_out(panel: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Estimate the overall effect without each cohort in turn; the others are estimated as they were.

    A cohort left out may still be a control while it is clean.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.

    Returns
    -------
    DataFrame
        left_out (missing in the first row, with all cohorts), then as in `placebo_dates`.
    """
    wide = read_panel(panel, design)
    last_year = wide.years[-1]
    wanted = design.cohorts or np.unique(wide.cohort[np.isfinite(wide.cohort)]).astype(int).tolist()
    estimated = [cohort for cohort in wanted if cohort <= last_year and cohort in wide.cohort]
    rows = [{"left_out": pd.NA, **_overall(wide, design)}]
    for cohort in estimated:
        others = tuple(one for one in estimated if one != cohort)
        row = _overall(wide, replace(design, cohorts=others)) if others else _nothing("no other cohort")
        rows.append({"left_out": cohort, **row})
    return pd.DataFrame(rows).astype({"left_out": "Int64"})


def leave_one_cluster_out(panel: pd.DataFrame, design: Design, *, clusters: str) -> pd.DataFrame:
    """Estimate the overall effect without each cluster in turn.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    clusters
        Column with the cluster of each unit, for example the province.

    Returns
    -------
    DataFrame
        left_out (missing in the first row, with all clusters), then as in `placebo_dates`; clusters in order.
    """
    wide = read_panel(panel, design)
    member = unit_column(panel, design, wide, clusters)
    rows = [{"left_out": None, **_overall(wide, design)}]
    for cluster in sorted(set(member), key=str):
        rows.append({"left_out": cluster, **_overall(keep_units(wide, member != cluster), design)})
    return pd.DataFrame(rows)


def _shifted(design: Design, shift: int) -> Design:
    if design.cohorts is None:
        return design
    return replace(design, cohorts=tuple(c - shift - design.anticipation for c in design.cohorts))


def _overall(wide: WidePanel, design: Design) -> dict[str, object]:
    try:
        overall = aggregate(effects_of(wide, design, intervals=Intervals())).overall
    except EvaluationError as problem:
        return _nothing(str(problem).splitlines()[0])
    return {**{name: overall[name] for name in NUMBERS}, "reason": ""}


def _nothing(reason: str) -> dict[str, object]:
    return {**dict.fromkeys(NUMBERS, np.nan), "reason": reason}
