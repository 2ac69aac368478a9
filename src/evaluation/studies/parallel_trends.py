"""How far the plan's headline estimates rest on parallel trends.

Belongs here: power of the test before treatment, intervals under violations, placebo dates, in the plan's terms. Does
not belong here: the methods (`evaluation.impact`: `pretrend_power`, `sensitivity`, `placebo`).

References
----------
Roth (2022), Pretest with caution, American Economic Review: Insights 4(3), doi:10.1257/aeri.20210236. Rambachan and
Roth (2023), A more credible approach to parallel trends, Review of Economic Studies 90(5), doi:10.1093/restud/rdad018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

from evaluation.impact import (
    AttGtResult,
    EventStudy,
    Intervals,
    aggregate,
    event_study_of,
    honest,
    pretrend_power,
    slope_for_power,
)
from evaluation.impact.did import att_gt_of
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.panel import WidePanel
from evaluation.impact.placebo import pretend_earlier
from evaluation.impact.refits import refit
from evaluation.impact.restrictions import Restriction
from evaluation.impact.sensitivity import LARGEST_RATIO
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.check_rows import (
    BASE_YEARS_DIFFER,
    NO_YEARS_BEFORE,
    check_row,
    lacking_cohorts,
    missing_row,
)
from evaluation.studies.impact_fits import RowFit

Floats = NDArray[np.float64]

POWERS = (0.5, 0.8)
"""Chances of being found at which a slope is stated, as Roth (2022) does."""
POWER_DRAWS = 10_000
"""Normal draws: a power of one half has a Monte Carlo error of 0.005, far below what a reader can use."""
SMOOTHNESS_BOUNDS = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Changes of slope from one year to the next, as multiples of the outcome's margin; fixed before any was computed."""
RELATIVE_BOUNDS = (0.5, 1.0, 1.5, 2.0)
"""Multiples of the largest yearly move before the base year, as Rambachan and Roth (2023) report."""
PLACEBO_SHIFTS = (1, 2, 3)
"""Years by which joining is pretended to be earlier."""
BEYOND_GRID = "beyond_grid"
NOT_TOLD_FROM_ZERO = "not_told_from_zero"
NEVER_PASSES = "never_passes"
"""Reason: a slope so steep that no study has only insignificant years before treatment, so none that passes is biased."""
HONEST_CHECKS: dict[Restriction, tuple[str, str]] = {
    "smoothness": ("honest_smoothness", "breakdown_smoothness"),
    "relative_magnitudes": ("honest_relative", "breakdown_relative"),
}


@dataclass(frozen=True)
class _Study:
    """An event study of a fit: of all its cohorts, or of one of them where their base years differ.

    Parameters
    ----------
    prefix
        What elements begin with: empty, or ``<joining year>:``.
    result
        Effects by cohort and year.
    events
        By event time; None where no year before the base was observed.
    weights
        Of the event times after the base in the simple average, (n_post,).
    """

    prefix: str
    result: AttGtResult
    events: EventStudy | None
    weights: Floats


def power_before(fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield what the tests before treatment could have found.

    Elements: ``slope_at_50`` and ``slope_at_80`` (estimate: the slope a year of a difference in trends that makes some
    single year before the base significant that often; Roth 2022), ``margin_slope`` (estimate: the slope that makes
    an effect of the plan's margin by the last year; share: how often it would be found), ``margin_bias`` and
    ``margin_bias_after_pass`` (estimate: what that slope does to the average effect, in all studies and in those
    whose years before are all insignificant). The same of the joint Wald test over cohorts and years that the table
    `estimates` has, exact: ``joint_slope_at_50``, ``joint_slope_at_80``, ``joint_margin_slope``. Where base years
    differ, single-year elements are given for each cohort, ``<joining year>:slope_at_50``.
    """
    check = "pretrend_power"
    yield from _joint_power(fit)
    for study in _studies(fit, wide):
        if study is None:
            yield missing_row(fit, check, "slope_at_50", reason=BASE_YEARS_DIFFER)
        elif study.events is None:
            yield missing_row(fit, check, f"{study.prefix}slope_at_50", reason=NO_YEARS_BEFORE)
        else:
            yield from _single_power(fit, study, study.events)


def honest_intervals(fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield intervals under violations and breakdown values, of the simple average itself.

    The bounds of ``honest_smoothness`` and ``breakdown_smoothness`` are multiples of the outcome's margin a year, those
    of ``honest_relative`` and ``breakdown_relative`` multiples of the largest yearly move before the base.
    """
    for study in _studies(fit, wide):
        for restriction, checks in HONEST_CHECKS.items():
            if study is None or study.events is None:
                reason = BASE_YEARS_DIFFER if study is None else NO_YEARS_BEFORE
                prefix = "" if study is None else study.prefix.rstrip(":")
                yield from (missing_row(fit, check, prefix, reason=reason) for check in checks)
            else:
                yield from _honest(fit, study, study.events, restriction)


def placebo_rows(fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield the effect of joining some years before joining, with nothing of the real one in the data.

    Covariates stay as they are; a pretended cohort keeps its years of anticipation.
    """
    for shift in PLACEBO_SHIFTS:
        moved, pretended = pretend_earlier(wide, fit.asked, shift)
        back = shift + fit.asked.anticipation
        early = [g for g in fit.asked.cohorts or () if g - back - 1 - fit.asked.anticipation < wide.years[0]]
        found = refit(moved, pretended)
        if found.reason:
            all_early = len(early) == len(fit.asked.cohorts or ())
            reason = NO_YEARS_BEFORE if all_early else found.reason
            yield missing_row(fit, "placebo_date", str(shift), reason=reason)
            continue
        status = lacking_cohorts(fit, {cohort + back for cohort in found.cohorts})
        yield check_row(fit, "placebo_date", str(shift), found.numbers, status=status)


def _studies(fit: RowFit, wide: WidePanel) -> Iterator[_Study | None]:
    """Yield the event study; None and then one of each cohort where base years lie at different distances."""
    table = fit.answer.table
    distance = (table["base_year"] - table["cohort"])[table["event_time"] >= 0]
    if distance.nunique() == 1:
        yield _study("", fit.answer)
        return
    yield None
    for cohort in sorted(set(table.loc[distance.index, "cohort"])):
        alone = att_gt_of(wide, replace(fit.asked, cohorts=(int(cohort),)), intervals=Intervals())
        yield _study(f"{cohort - YEARS_TO_FIRST_EFFECT}:", alone)


def _study(prefix: str, result: AttGtResult) -> _Study:
    after = result.table["event_time"] >= 0
    cohorts = result.table.loc[after, "cohort"].to_numpy()
    sizes = (result.weights[:, None] * (result.cohort[:, None] == cohorts)).sum(axis=0)
    by_time = dict.fromkeys(result.table["event_time"].unique().tolist(), 0.0)
    for event_time, size in zip(result.table.loc[after, "event_time"], sizes, strict=True):
        by_time[event_time] += float(size)
    average = aggregate(result, "dynamic")
    estimated = average.elements[average.elements["std_error"].notna()]
    if not (estimated["event_time"] < -1 - result.design.anticipation).any():
        return _Study(prefix, result, None, np.array([]))
    events = event_study_of(average)
    weights = np.array([by_time[time] for time in events.event_time[events.is_post].tolist()])
    return _Study(prefix, result, events, weights / weights.sum())


def _joint_power(fit: RowFit) -> Iterator[dict[str, object]]:
    """Yield the power of the joint test over all cells before anticipation, along a line through the base year."""
    check, result = "pretrend_power", fit.answer
    table = result.table
    tested = (table["event_time"] < -fit.asked.anticipation) & (table["year"] != table["base_year"])
    cells = np.flatnonzero(tested)
    variance = result.vcov[np.ix_(cells, cells)]
    if not len(cells) or np.linalg.matrix_rank(variance, hermitian=True) < len(cells):
        reason = "singular_covariance" if len(cells) else NO_YEARS_BEFORE
        yield missing_row(fit, check, "joint_slope_at_50", reason=reason)
        return
    line = (table["year"] - table["base_year"]).to_numpy(dtype=float)[cells]
    unit_distance = float(line @ np.linalg.solve(variance, line))
    limit, df = float(chi2.ppf(CONFIDENCE, len(cells))), len(cells)
    for power in POWERS:
        distance = brentq(lambda d, p=power: ncx2.sf(limit, df, d) - p, 1e-6, 1e4)
        slope = float(np.sqrt(distance / unit_distance))
        yield check_row(
            fit, check, f"joint_slope_at_{round(100 * power)}", {"estimate": slope, "share": power}
        )
    slope = fit.outcome.margin / _last_distance(result)
    share = float(ncx2.sf(limit, df, slope**2 * unit_distance))
    yield check_row(fit, check, "joint_margin_slope", {"estimate": slope, "share": share})


def _last_distance(result: AttGtResult) -> float:
    """Years from the base year to the last year, the longest of the cohorts."""
    after = result.table[result.table["event_time"] >= 0]
    return float((after["year"] - after["base_year"]).max())


def _single_power(fit: RowFit, study: _Study, events: EventStudy) -> Iterator[dict[str, object]]:
    check, prefix = "pretrend_power", study.prefix
    false_alarms = pretrend_power(events, slope=0.0, draws=POWER_DRAWS).individual_power
    for power in POWERS:
        element = f"{prefix}slope_at_{round(100 * power)}"
        if power <= false_alarms:
            yield missing_row(fit, check, element, reason="size_exceeds_power")
            continue
        slope = slope_for_power(events, power=power, draws=POWER_DRAWS)
        yield check_row(fit, check, element, {"estimate": slope, "share": power})
    slope = fit.outcome.margin / _last_distance(study.result)
    found = pretrend_power(events, slope=slope, draws=POWER_DRAWS)
    share = found.individual_power
    yield check_row(fit, check, f"{prefix}margin_slope", {"estimate": slope, "share": share})
    yield check_row(fit, check, f"{prefix}margin_bias", {"estimate": found.bias})
    after_pass = f"{prefix}margin_bias_after_pass"
    if np.isfinite(found.bias_after_pass):
        yield check_row(fit, check, after_pass, {"estimate": found.bias_after_pass})
    else:
        yield missing_row(fit, check, after_pass, reason=NEVER_PASSES)


def _honest(
    fit: RowFit, study: _Study, events: EventStudy, restriction: Restriction
) -> Iterator[dict[str, object]]:
    check, breakdown_check = HONEST_CHECKS[restriction]
    smooth = restriction == "smoothness"
    unit = fit.outcome.margin if smooth else 1.0
    multiples = SMOOTHNESS_BOUNDS if smooth else RELATIVE_BOUNDS
    bounds = [unit * multiple for multiple in multiples]
    result = honest(events, restriction=restriction, bounds=bounds, effect=list(study.weights))
    rows = result.tidy().iloc[1:]  # the first is the interval under parallel trends, which `estimates` has
    for multiple, row in zip(multiples, rows.to_dict("records"), strict=True):
        numbers = {name: row[name] for name in ("estimate", "conf_low", "conf_high")}
        yield check_row(fit, check, f"{study.prefix}{multiple:g}", numbers)
    value, status = result.breakdown, ""
    if np.isinf(value):
        scale = float(result.glance()["std_error"].iloc[0]) if smooth else 1.0
        value, status = LARGEST_RATIO * scale, BEYOND_GRID
    elif value == 0:
        status = NOT_TOLD_FROM_ZERO
    yield check_row(fit, breakdown_check, study.prefix.rstrip(":"), {"estimate": value / unit}, status=status)
