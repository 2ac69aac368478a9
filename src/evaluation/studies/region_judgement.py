"""One comparison judged: which joiners have an effect of their own, how large and how sure, by every estimator.

Belongs here: fit rules and placebo tests applied to the twins of one comparison, as rows of the table `region_effects`.
Does not belong here: fitting (`evaluation.studies.region_fits`), and what is asked of all comparisons together
(`evaluation.studies.region_effects`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.fit_rules import FitRules, FitVerdicts, judge_fit
from evaluation.impact.synthetic.gap_panel import GapPanel, gap_panel
from evaluation.impact.synthetic.placebo_ranks import placebo_test
from evaluation.impact.synthetic.unit_scales import yearly_moves
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.donor_pools import Comparison, Years
from evaluation.studies.region_effects_plan import MAIN, FitLimits, OwnEstimator, RegionEffectsPlan
from evaluation.studies.region_fits import TwinFits, fit_twins, variations

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = list[dict[str, Any]]
"""Rows of `region_effects`; a column that a row lacks is missing there."""

NOT_CONVERGED = "not_converged"
TOO_FEW_YEARS = "too_few_pre_years"
POOR_FIT = "poor_pre_fit"
TOO_FEW_DONORS = "too_few_donors"
IMPOSSIBLE_TWIN = "impossible_twin"
OF_A_TEST = {
    "estimate": "estimate",
    "std_error": "std_error",
    "conf_low": "conf_low",
    "conf_high": "conf_high",
    "p_value": "p_value",
    "smallest_p": "p_smallest",
    "p_scaled": "p_scaled",
    "detectable": "mde",
}
"""Columns of a placebo test, and what they are called in the table; missing where there is no effect."""
IN_LEVELS = ("sc",)
"""Estimators that compare levels; the others compare deviations from each region's own mean before joining."""
LEAST_WEIGHT = 1e-6
"""Weights below it are rounding of the solver."""


@dataclass(frozen=True)
class JudgedComparison:
    """A comparison with its effects.

    Parameters
    ----------
    rows
        Rows of `region_effects`, without what is asked of all comparisons together.
    headline
        Twins by the headline estimator; None where no joiner has enough years and donors.
    panel
        Gaps of joiners and of the placebos that their effects are held against; None likewise.
    estimable
        Which joiners of the headline have an effect.
    """

    rows: Rows
    headline: TwinFits | None = None
    panel: GapPanel | None = None
    estimable: Bools | None = None


def judged_effects(
    comparison: Comparison, rules: RegionEffectsPlan, *, varied: bool = True
) -> JudgedComparison:
    """Return the effects of one comparison by the estimators with placebos.

    Parameters
    ----------
    comparison
        Who is compared.
    rules
        ``config/region_effects.yml``.
    varied
        Whether the effects are also made otherwise: by the checks, and by variations of the headline.
    """
    refused = _too_small(comparison, rules)
    parts = _refused_rows(comparison, refused, rules)
    rest = comparison.only([not reason for reason in refused])
    if not rest.joiners:
        return JudgedComparison(rows=parts)
    for estimator in rules.estimators.checks if varied else ():
        parts += _checked_rows(rest, estimator, rules)
    for estimator in rules.estimators.with_placebos:
        twins = fit_twins(rest, estimator, rules.estimators)
        panel = _panel(twins)
        verdicts = _verdicts(twins, panel, rules.fit, rules.donors.at_least)
        below = _below_zero(twins, panel)
        own, placebos = below[: twins.n_joiners], below[twins.n_joiners :]
        panel = panel.without_placebos(verdicts.placebo_fails | placebos)
        rows = _tested_rows(twins, panel, verdicts, rules, impossible=own)
        parts += rows
        if estimator == rules.estimators.headline:
            estimable = np.array([not row["status"] for row in rows])
            headline = JudgedComparison(rows=parts, headline=twins, panel=panel, estimable=estimable)
            parts += _variation_rows(twins, estimable, rules) if varied else []
    return headline


def _too_small(comparison: Comparison, rules: RegionEffectsPlan) -> list[str]:
    """Return why there are too few years or donors for each joiner, empty where there are enough."""
    n_pre = len(comparison.years.pre)
    if n_pre < rules.fit.pre_years_at_least:
        return [f"{TOO_FEW_YEARS}:{n_pre}"] * len(comparison.joiners)
    n_donors = comparison.may_stand[: len(comparison.joiners)].sum(axis=1)
    return [f"{TOO_FEW_DONORS}:{n}" if n < rules.donors.at_least else "" for n in n_donors]


def _panel(twins: TwinFits) -> GapPanel:
    years = twins.comparison.years
    return gap_panel(
        gaps=twins.gaps,
        placebo_gaps=twins.placebo_gaps,
        pre=np.isin(years.all, years.pre),
        post=np.isin(years.all, years.post),
        units=twins.comparison.joiners,
        placebos=twins.comparison.donors,
    )


def _verdicts(twins: TwinFits, panel: GapPanel, limits: FitLimits, at_least: int) -> FitVerdicts:
    values = _compared(twins.comparison, twins.estimator, panel.pre)
    own, pool = values[: twins.n_joiners], values[twins.n_joiners :]
    allowed = twins.comparison.may_stand[: twins.n_joiners, :, None]
    rules = FitRules(
        min_donors=at_least,
        min_pre_years=limits.pre_years_at_least,
        max_pre_share=limits.worst_of_spread,
        max_pre_quantile=limits.worst_quantile,
        small_pre_share=limits.small_of_spread,
        max_outside=limits.outside_of_spread,
    )
    return judge_fit(panel, observed=own, donors=np.where(allowed, pool[None], np.nan), rules=rules)


def _below_zero(twins: TwinFits, panel: GapPanel) -> Bools:
    """Tell which twins fall below zero after joining although no region of the comparison is ever below it.

    Joiners first, then donors. A twin that moves in parallel at another level can: a rate below zero is no counterfactual.
    """
    figures = twins.comparison.figures
    if figures.min() < 0:
        return np.zeros(len(figures), dtype=bool)
    twin = figures - np.asarray(twins.fits.gaps)
    return np.asarray((twin[:, panel.post] < 0).any(axis=1))


def _tested_rows(
    twins: TwinFits, panel: GapPanel, verdicts: FitVerdicts, rules: RegionEffectsPlan, *, impossible: Bools
) -> Rows:
    moves = _moves(twins.comparison, panel.pre)
    own, donors = moves[: twins.n_joiners], moves[twins.n_joiners :]
    tests = placebo_test(panel, level=rules.inference.level, scale=own, placebo_scale=donors).table
    fit = verdicts.table
    status = np.where(fit["status"] == "ok", "", fit["status"] + ":")
    converged = np.asarray(twins.fits.converged)[: twins.n_joiners]
    status = np.where(converged, status, f"{NOT_ESTIMABLE}:{NOT_CONVERGED}:")
    # placebos of a poor fit were dropped; with too few left the level is not attainable
    few = (tests["n_placebos"] < rules.donors.at_least).to_numpy() & (status == "")
    status = np.where(few, f"{NOT_ESTIMABLE}:{TOO_FEW_DONORS}:", status)
    status = np.where(impossible & (status == ""), f"{NOT_ESTIMABLE}:{IMPOSSIBLE_TWIN}:", status)
    weights = twins.weights
    shown = {
        name: np.where(status == "", tests[column].to_numpy(), np.nan) for column, name in OF_A_TEST.items()
    }
    return _records(
        {
            **_rows(twins.comparison, twins.estimator),
            **shown,
            "pre_rmspe": fit["pre_rmspe"].to_numpy(),
            "pre_share": fit["pre_share"].to_numpy(),
            "n_placebos": tests["n_placebos"].to_numpy(),
            "n_weighted": (np.abs(weights) > LEAST_WEIGHT).sum(axis=1),
            "effective_donors": _effective(weights),
            "status": status,
        }
    )


def _moves(comparison: Comparison, pre: Bools) -> Floats:
    """Return how much each region moves from year to year before joining, beyond what all donors share."""
    centre = comparison.figures[len(comparison.joiners) :].mean(axis=0)
    return yearly_moves(comparison.figures, pre=pre, centre=centre)


def _checked_rows(comparison: Comparison, estimator: OwnEstimator, rules: RegionEffectsPlan) -> Rows:
    """Return the gap alone, where the fit is not too poor by the outcome's own spread."""
    twins = fit_twins(comparison, estimator, rules.estimators, placebos=False)
    pre = np.isin(comparison.years.all, comparison.years.pre)
    rmspe = np.sqrt((twins.gaps[:, pre] ** 2).mean(axis=1))
    pool = _compared(comparison, estimator, pre)[len(comparison.joiners) :][:, pre]
    share = rmspe / np.sqrt(pool.var(axis=0, ddof=1).mean())
    poor = share > rules.fit.worst_of_spread
    status = np.where(poor, f"{NOT_ESTIMABLE}:{POOR_FIT}:", "")
    status = np.where(twins.fits.converged, status, f"{NOT_ESTIMABLE}:{NOT_CONVERGED}:")
    return _records(
        {
            **_rows(comparison, estimator),
            "estimate": np.where(status == "", twins.fits.estimate, np.nan),
            "pre_rmspe": rmspe,
            "pre_share": share,
            "n_weighted": (np.abs(twins.weights) > LEAST_WEIGHT).sum(axis=1),
            "effective_donors": _effective(twins.weights),
            "status": status,
        }
    )


def _compared(comparison: Comparison, estimator: OwnEstimator, pre: Bools) -> Floats:
    """Return figures as an estimator compares them: in levels, or less each region's own mean before joining."""
    values = comparison.figures
    if estimator in IN_LEVELS:
        return values
    return np.asarray(values - values[:, pre].mean(axis=1, keepdims=True))


def _effective(weights: Floats) -> Floats:
    """Return the number of donors of equal weight that would be worth as many."""
    return np.asarray(1 / np.maximum((weights**2).sum(axis=1), np.finfo(float).tiny))


def _variation_rows(twins: TwinFits, estimable: Bools, rules: RegionEffectsPlan) -> Rows:
    found = variations(
        twins,
        estimable,
        rules.estimators,
        rules.variations,
        least_pre=rules.fit.pre_years_at_least,
    )
    fixed = {
        "outcome": twins.comparison.outcome,
        "estimator": twins.estimator,
        "design": twins.comparison.design,
        "joined": twins.comparison.joined,
    }
    lacking = f"{NOT_ESTIMABLE}:{TOO_FEW_YEARS}:"
    return [
        {
            **fixed,
            **_ends(one.years),
            "region_code": one.region_code,
            "row": one.row,
            "estimate": one.estimate,
            "status": lacking if np.isnan(one.estimate) else "",
        }
        for one in found
    ]


def _refused_rows(comparison: Comparison, reasons: list[str], rules: RegionEffectsPlan) -> Rows:
    kept = comparison.only([bool(reason) for reason in reasons])
    status = [f"{NOT_ESTIMABLE}:{reason}" for reason in reasons if reason]
    return [
        row
        for estimator in rules.estimators.with_placebos
        for row in _records({**_rows(kept, estimator), "status": status})
    ]


def _records(columns: Mapping[str, Any]) -> Rows:
    """Return columns, some of them one value for all, as rows."""
    n = len(columns["region_code"])
    whole = [np.asarray(values).tolist() if np.ndim(values) else [values] * n for values in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*whole, strict=True)]


def _rows(comparison: Comparison, estimator: OwnEstimator) -> dict[str, Any]:
    """Return one main row a joiner, with what is known before anything is estimated."""
    n = len(comparison.joiners)
    return {
        **_ends(comparison.years),
        "region_code": list(comparison.joiners),
        "outcome": comparison.outcome,
        "estimator": estimator,
        "row": MAIN,
        "design": comparison.design,
        "joined": comparison.joined,
        "n_donors": comparison.may_stand[:n].sum(axis=1),
    }


def _ends(years: Years) -> dict[str, int]:
    """Return base year, first and last year after joining, and the number of years before."""
    return {
        "base_year": years.pre[-1],
        "first_year": years.post[0],
        "last_year": years.post[-1],
        "n_pre": len(years.pre),
    }
