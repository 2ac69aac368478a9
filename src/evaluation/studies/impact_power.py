"""What effect the plan's designs could see, with the data there are and with two years more.

Belongs here: which cohorts, years and regions each design compares, before anything is estimated. Does not belong here:
how far untreated regions move apart (`evaluation.impact.variogram`).

The standard error is that of the plan's average effect if all regions went on as untreated ones do: joiners count each
by itself, clean controls by their odds of being a joiner given the plan's covariates. A joiner is taken to vary as
controls like it do. Nothing is estimated from joiners' outcomes after joining, so that cohorts without such years have
an answer too. Regions count as independent given the covariates, as in the headline interval; shocks that a province
shares widen both (`evaluation.studies.power_by_province`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from evaluation.impact.inference import CONFIDENCE, MDE_FACTOR
from evaluation.impact.notes import NotEstimable
from evaluation.impact.propensity import fit_propensity
from evaluation.impact.two_by_two import control_weights, make_sample
from evaluation.impact.variogram import SquaredChanges, fit_variogram, squared_changes
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.impact_fits import (
    BEYOND_DATA,
    METHOD_CHANGES,
    NO_COMPARISON,
    cohorts_of,
    not_estimable,
)
from evaluation.studies.panels import OutcomePanel, StudyData, outcome_panel
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan, StudyPlan

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Years = NDArray[np.int64]

YEARS_AHEAD = 2
"""Years after the last data of any outcome up to which designs are also judged."""
MIN_TREATED = 2
"""Fewest joiners, as for an estimate."""


@dataclass(frozen=True)
class _Setting:
    """Regions of a design for one outcome, in code order; years with figures in the base year's window.

    Parameters
    ----------
    years
        (n_years,).
    outcome
        (n_units, n_years), NaN where missing.
    cohort
        Infinite = never, (n_units,).
    may_control
        (n_units,).
    covariates
        (n_units, k), NaN where missing.
    anticipation
        Years before the cohort that are no base.
    last_possible
        Last year of the method of the base year.
    """

    years: Years
    outcome: Floats
    cohort: Floats
    may_control: Bools
    covariates: Floats
    anticipation: int
    last_possible: int


@dataclass(frozen=True)
class _Compared:
    """Weights on regions and years that make the average effect.

    Parameters
    ----------
    years
        (n_used,).
    treated
        One row a cohort: contrast of years of each of its joiners, (n_cohorts, n_used).
    n_treated
        Joiners of each cohort, (n_cohorts,).
    control
        Contrast of years of each unit as a control, (n_units, n_used); zero where it is none.
    cohorts
        Those that have a year, (n_cohorts,).
    n_control
        Different controls.
    """

    years: Years
    treated: Floats
    n_treated: Floats
    control: Floats
    cohorts: tuple[int, ...]
    n_control: int


def power_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` on power, for every design and for each of their cohorts alone.

    Check ``power``; elements are the last year of the data and `YEARS_AHEAD` later. std_error and mde (2.8 times it) in
    the outcome's scale; share: mde over the margin held to matter; estimate: the chance that an effect of that margin is
    told from zero. A cohort of a design of several stands under ``joiners_<year>``. The status says what an answer
    lacks (``without_cohort:<joining year>``, ``ends:<year>``), or why there is none.
    """
    rows: list[dict[str, object]] = []
    years = pd.concat([data.figures[outcome.indicator]["year"] for outcome in data.plan.outcomes])
    last = int(years.max()) if len(years) else data.plan.panel.first_year
    for outcome in data.plan.outcomes:
        seen: dict[tuple[object, ...], SquaredChanges] = {}
        for design in designs_alone(data.plan):
            rows.extend(_of_design(data, design, outcome, ends=(last, last + YEARS_AHEAD), seen=seen))
    return pd.DataFrame(rows)


def designs_alone(plan: StudyPlan) -> tuple[DesignPlan, ...]:
    """Return the plan's designs, and each cohort of those that have several as a design of its own."""
    alone = [
        design.model_copy(update={"code": f"joiners_{joined}", "joined": (joined,)})
        for design in plan.designs
        for joined in design.joined
        if len(design.joined) > 1
    ]
    return (*plan.designs, *alone, *plan.other_cohorts)


def _of_design(
    data: StudyData,
    design: DesignPlan,
    outcome: OutcomePlan,
    *,
    ends: tuple[int, ...],
    seen: dict[tuple[object, ...], SquaredChanges],
) -> Iterator[dict[str, object]]:
    row = data.plan.row(HEADLINE_ROW)
    longest = design.model_copy(update={"end_year": max(ends)})
    panel = outcome_panel(data, design=longest, row=row, outcome=outcome)
    key = {"design": design.code, "row": row.code, "outcome": outcome.indicator, "check": "power"}
    setting = _setting(data, panel, design=design, outcome=outcome)
    for end in ends:
        base = {**key, "element": str(end)}
        if setting is None:
            yield {**base, "status": not_estimable(NO_COMPARISON, panel.last_year)}
            continue
        try:
            compared = _compared(setting, cohorts_of(design), end=end, last_data=min(ends))
        except NotEstimable as answer:
            yield {**base, "status": not_estimable(answer.reason, panel.last_year)}
            continue
        if compared is None:
            late = METHOD_CHANGES if panel.method_changes else BEYOND_DATA
            yield {**base, "status": not_estimable(late, panel.last_year)}
            continue
        changes = _changes_of(setting, design, seen)
        yield {**base, **_numbers(setting, compared, changes, design=design, outcome=outcome, end=end)}


def _setting(
    data: StudyData, panel: OutcomePanel, *, design: DesignPlan, outcome: OutcomePlan
) -> _Setting | None:
    """Return the panel as arrays, None where the outcome has no base year or nobody joined."""
    table = panel.table
    if table.empty or not table["cohort"].isin(cohorts_of(design)).any():
        return None
    wide = table.pivot_table(index="region_code", columns="year", values="value")
    units = table.drop_duplicates("region_code").set_index("region_code").loc[wide.index]
    traits = units[list(panel.covariates)]
    missing = traits.isna().any(axis=1).to_numpy()
    covariates = pd.get_dummies(traits, drop_first=True, dtype=float).to_numpy(dtype=float)
    covariates[missing] = np.nan
    window = data.catalog.indicators[outcome.indicator].windows
    covering = [one for one in window if one.covers(int(wide.columns[0]))]
    return _Setting(
        years=wide.columns.to_numpy(dtype=np.int64),
        outcome=wide.to_numpy(dtype=float),
        cohort=units["cohort"].fillna(np.inf).to_numpy(dtype=float),
        may_control=units["clean_control"].to_numpy(dtype=bool),
        covariates=covariates,
        anticipation=data.plan.anticipation_of(design, data.plan.row(HEADLINE_ROW)),
        last_possible=covering[0].last_year,
    )


def _compared(setting: _Setting, cohorts: tuple[int, ...], *, end: int, last_data: int) -> _Compared | None:
    """Return who is compared up to a year; None when no cohort has a year."""
    cells = [(g, base, year) for g in cohorts for base, year in _cells(setting, g, end, last_data)]
    sizes = {g: int(_joiners(setting, g, base).sum()) for g, base, _ in cells}
    if cells and max(sizes.values()) < MIN_TREATED:
        raise NotEstimable("too_few_treated")
    cells = [cell for cell in cells if sizes[cell[0]] >= MIN_TREATED]
    if not cells:
        return None
    total = float(sum(sizes[g] for g, _, _ in cells))
    years = np.unique([year for _, base, year in cells] + [base for _, base, _ in cells])
    present = tuple(sorted({g for g, _, _ in cells}))
    treated = np.zeros((len(present), len(years)))
    control = np.zeros((len(setting.cohort), len(years)))
    fitted: dict[tuple[int, bytes], Floats] = {}
    for g, base, year in cells:
        members = _controls(setting, g, base=base, year=year)
        key = (g, members.tobytes())
        if key not in fitted:
            fitted[key] = _odds(setting, _joiners(setting, g, base), members)
        places = np.searchsorted(years, [year, base])
        treated[present.index(g), places] += np.array([1.0, -1.0]) / total
        control[:, places] += np.outer(fitted[key], [1.0, -1.0]) * sizes[g] / total
    n_treated = np.array([sizes[g] for g in present], dtype=float)
    return _Compared(years, treated, n_treated, control, present, int(control.any(axis=1).sum()))


def _cells(setting: _Setting, cohort: int, end: int, last_data: int) -> list[tuple[int, int]]:
    """Return base year and year of each comparison: years with figures, and all of them after the last data."""
    before = setting.years[setting.years <= cohort - 1 - setting.anticipation]
    if not len(before):
        return []
    last = min(end, setting.last_possible)
    later = range(int(max(setting.years[-1], last_data)) + 1, last + 1)
    years = [*setting.years[setting.years <= last].tolist(), *later]
    return [(int(before[-1]), year) for year in years if year >= cohort]


def _complete(setting: _Setting, base: int) -> Bools:
    at_base = setting.outcome[:, np.searchsorted(setting.years, base)]
    return np.isfinite(at_base) & np.isfinite(setting.covariates).all(axis=1)


def _joiners(setting: _Setting, cohort: int, base: int) -> Bools:
    return (setting.cohort == cohort) & _complete(setting, base)


def _controls(setting: _Setting, cohort: int, *, base: int, year: int) -> Bools:
    later = setting.cohort > year + setting.anticipation
    return setting.may_control & later & (setting.cohort != cohort) & _complete(setting, base)


def _odds(setting: _Setting, joiners: Bools, controls: Bools) -> Floats:
    """Return the weights of controls in one comparison, with sum one, (n_units,)."""
    members = joiners | controls
    if not controls.any():
        raise NotEstimable("no_control")
    sample = make_sample(
        treated=joiners[members],
        covariates=setting.covariates[members],
        weights=np.ones(int(members.sum())),
    )
    odds = np.zeros(len(members))
    if sample.covariates.shape[1] == 1:
        odds[members] = ~sample.treated
    else:
        propensity = fit_propensity(
            treated=sample.treated, covariates=sample.covariates, weights=sample.weights
        )
        odds[members] = control_weights(sample, propensity)[0]
    return odds / odds.sum()


def _changes_of(
    setting: _Setting, design: DesignPlan, seen: dict[tuple[object, ...], SquaredChanges]
) -> SquaredChanges:
    """Return the squared changes of clean controls before they join; designs with the same covariates share them."""
    key = (design.covariate_years, setting.years.tobytes(), setting.may_control.tobytes())
    if key not in seen:
        joins = setting.cohort - YEARS_TO_FIRST_EFFECT
        untreated = setting.may_control[:, None] & (setting.years[None, :] < joins[:, None])
        seen[key] = squared_changes(
            outcome=setting.outcome,
            years=setting.years,
            covariates=setting.covariates,
            untreated=untreated,
        )
    return seen[key]


def _numbers(
    setting: _Setting,
    compared: _Compared,
    changes: SquaredChanges,
    *,
    design: DesignPlan,
    outcome: OutcomePlan,
    end: int,
) -> dict[str, object]:
    weight = np.abs(compared.control).sum(axis=1)
    like_joiners = fit_variogram(changes, weights=weight)
    like_controls = fit_variogram(changes, weights=weight**2)
    joiners = compared.n_treated @ like_joiners.contrast_variance(compared.treated, compared.years)
    controls = like_controls.contrast_variance(compared.control, compared.years).sum()
    std_error = float(np.sqrt(joiners + controls))
    n_treated = float(compared.n_treated.sum())
    return {
        "estimate": float(chance_to_see(outcome.margin, std_error)),
        "std_error": std_error,
        "mde": MDE_FACTOR * std_error,
        "share": MDE_FACTOR * std_error / outcome.margin,
        "n_units": n_treated + compared.n_control,
        "n_treated": n_treated,
        "n_control": float(compared.n_control),
        "status": _remarks(compared, design, end=end),
    }


def chance_to_see(effect: float | Floats, std_error: float | Floats) -> Floats:
    """Return the chance that effects are told from zero, two-sided, in the shape of the errors."""
    limit = float(ndtri(0.5 + CONFIDENCE / 2))
    distance = np.asarray(effect) / np.asarray(std_error)
    return np.asarray(ndtr(distance - limit) + ndtr(-distance - limit), dtype=np.float64)


def _remarks(compared: _Compared, design: DesignPlan, *, end: int) -> str:
    lacking = sorted(set(cohorts_of(design)) - set(compared.cohorts))
    remarks = [f"without_cohort:{cohort - YEARS_TO_FIRST_EFFECT}" for cohort in lacking]
    last = int(compared.years[-1])
    if last < end:
        remarks.append(f"ends:{last}")
    return "+".join(remarks)
