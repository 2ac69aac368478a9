"""Fit first: for which units a synthetic twin says anything at all.

Belongs here: rules as data, the verdict on each unit with every reason and its figures, counts. Does not
belong here: tests of effects, averages.

A unit that fails a rule has the status ``not_estimable:<reason>`` and no number is published for it. Its gap still
belongs to the programme's average: an average over those that fit well describes those that fit well.

References
----------
Abadie (2021), J. Economic Literature 59(2), doi:10.1257/jel.20191450, sections 3 and 4, on fit, the convex hull and
the size of pool and window.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.charts import Chart
from evaluation.errors import Fault, raise_if_any
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.synthetic.gap_panel import GapPanel, row_quantile

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FIT_REASONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "no_post_year": "Not observed in any year after treatment.",
        "too_few_pre_years": "Observed in too few years before treatment.",
        "too_few_donors": "Too few regions can serve as its comparison.",
        "outside_donor_range": "Its path before treatment lies outside the range of the regions compared with.",
        "poor_pre_fit": "The synthetic twin did not follow it before treatment.",
    }
)
"""Why a unit has no estimate, in the order in which a reason becomes the status; code to sentence."""

OK = "ok"
NOT_ESTIMABLE = "not_estimable:"


@dataclass(frozen=True, kw_only=True)
class FitRules:
    """What a fit must be before an effect is told.

    Parameters
    ----------
    min_donors
        Placebos with figures: 20 is one more than a p-value of 0.05 needs.
    min_pre_years
        Years before treatment in which the unit is observed.
    max_pre_share
        Largest root mean squared gap before treatment, as a share of the outcome's standard deviation among the
        donors (over units, root mean square over the years before): above it a fit is poor whatever others do.
    max_pre_quantile
        Quantile of the placebos' root mean squared gaps above which a fit is poor, unless it is below
        `small_pre_share`: in every pool some fit is the worst.
    small_pre_share
        Share of the outcome's standard deviation below which no fit is called poor.
    max_outside
        How far, in standard deviations of the donors in that year, a unit may lie above the highest or below
        the lowest donor in any year before treatment.

    Raises
    ------
    BadInputError
        With every fault.
    """

    min_donors: int = 20
    min_pre_years: int = 5
    max_pre_share: float = 0.5
    max_pre_quantile: float = 0.95
    small_pre_share: float = 0.1
    max_outside: float = 0.25

    def __post_init__(self) -> None:
        why = "a rule that nothing can pass, or nothing can fail, hides what it does"
        faults = [
            Fault(f"fit rule {name}", f"got: {getattr(self, name)}", why, remedy)
            for name, fits, remedy in (
                ("min_donors", self.min_donors >= 1, "give 1 or more"),
                ("min_pre_years", self.min_pre_years >= 1, "give 1 or more"),
                ("max_pre_share", self.max_pre_share > 0, "give a share above 0"),
                ("max_pre_quantile", 0 < self.max_pre_quantile <= 1, "give a quantile above 0, at most 1"),
                (
                    "small_pre_share",
                    0 <= self.small_pre_share <= self.max_pre_share,
                    "give a share from 0 to max_pre_share",
                ),
                ("max_outside", self.max_outside >= 0, "give 0 or more"),
            )
            if not fits
        ]
        raise_if_any(faults)


@dataclass(frozen=True)
class FitVerdicts(Tabular):
    """The verdict on each unit.

    Parameters
    ----------
    table
        One row per unit: unit; status, ``ok`` or ``not_estimable:<first reason>``; reasons, all of them, separated by
        commas; n_pre, n_post, n_donors; pre_rmspe; pre_share, pre_rmspe over the outcome's standard deviation;
        pre_quantile, the share of placebos that fit better; outside, standard deviations outside the donors'
        range.
    rules
        What was asked.
    placebo_fails
        Which placebos the rules on fit and range drop, (n_units, n_placebos): a unit judged by its fit is compared with
        placebos judged alike.
    """

    table: pd.DataFrame
    rules: FitRules
    placebo_fails: Bools

    @property
    def estimable(self) -> Bools:
        """Which units have an estimate, (n_units,)."""
        return (self.table["status"] == OK).to_numpy()

    def tidy(self) -> pd.DataFrame:
        """Return one row per unit."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return n_units, n_estimable and, by first reason, how many are not."""
        counts = self.counts().set_index("status")["n_units"]
        rows = {reason: int(counts.get(NOT_ESTIMABLE + reason, 0)) for reason in FIT_REASONS}
        known = {"n_units": len(self.table), "n_estimable": int(self.estimable.sum())}
        return pd.DataFrame([{**known, **rows}])

    def counts(self) -> pd.DataFrame:
        """Return status, n_units: every status, also those of nobody, in the order of the rules."""
        statuses = [OK, *(NOT_ESTIMABLE + reason for reason in FIT_REASONS)]
        found = self.table["status"].value_counts()
        return pd.DataFrame({"status": statuses, "n_units": [int(found.get(one, 0)) for one in statuses]})

    def plot(self, *, title: str = "Fit before treatment, in standard deviations of the outcome") -> Chart:
        """Draw each unit's fit, from zero to its gap before treatment.

        Parameters
        ----------
        title
            Words of the chart.
        """
        rows = self.table[np.isfinite(self.table["pre_share"])].sort_values("pre_share")
        ends = {"label": rows["unit"], "estimate": rows["pre_share"], "conf_high": rows["pre_share"]}
        return interval_forest(pd.DataFrame({**ends, "conf_low": 0.0}), title=title)


def judge_fit(
    panel: GapPanel, *, observed: ArrayLike, donors: ArrayLike, rules: FitRules | None = None
) -> FitVerdicts:
    """Judge each unit's fit by the rules.

    Parameters
    ----------
    panel
        Gaps of units and placebos.
    observed
        Outcome of the treated units as the estimator compares it, (n_units, n_years): in levels for a plain
        synthetic control, less each unit's own mean before treatment for demeaned ones and synthetic DiD.
    donors
        The same of the donors, (n_placebos, n_years) or (n_units, n_placebos, n_years).
    rules
        The defaults when None.

    Raises
    ------
    BadInputError
        When the arrays do not fit together.
    """
    rules = rules or FitRules()
    own, pool = np.asarray(observed, dtype=float), np.asarray(donors, dtype=float)
    _check_shapes(panel, own, pool)
    pool = pool if pool.ndim == 3 else pool[None]
    spread = _spread(pool)
    scale = _root_mean_square(np.where(panel.pre, spread, np.nan))
    fit, fit_placebo = panel.rmspe(panel.pre), panel.placebo_rmspe(panel.pre)
    known = np.isfinite(fit_placebo) & np.isfinite(panel.placebo_estimates)
    fit_placebo = np.where(known, fit_placebo, np.nan)
    worst = row_quantile(fit_placebo, rules.max_pre_quantile)
    outside = _outside(own, pool, spread, panel.pre)
    seen = np.isfinite(panel.gaps)
    n_pre, n_post, n_donors = (
        (seen & panel.pre).sum(axis=1),
        (seen & panel.post).sum(axis=1),
        known.sum(axis=1),
    )
    failed: dict[str, Bools] = {
        "no_post_year": n_post == 0,
        "too_few_pre_years": n_pre < rules.min_pre_years,
        "too_few_donors": n_donors < rules.min_donors,
        "outside_donor_range": outside > rules.max_outside,
        "poor_pre_fit": _poor(fit, scale, worst, rules),
    }
    status, reasons = _words(failed)
    with np.errstate(invalid="ignore"):
        better = np.where(known, fit_placebo < fit[:, None], False).sum(axis=1) / np.maximum(n_donors, 1)
    table = pd.DataFrame(
        {
            "unit": panel.units,
            "status": status,
            "reasons": reasons,
            "n_pre": n_pre,
            "n_post": n_post,
            "n_donors": n_donors,
            "pre_rmspe": fit,
            "pre_share": fit / np.where(scale > 0, scale, np.nan),
            "pre_quantile": np.where((n_donors > 0) & np.isfinite(fit), better, np.nan),
            "outside": outside,
        }
    )
    fails = _poor(fit_placebo, scale[:, None], worst[:, None], rules)
    fails = fails | (_placebo_outside(pool, spread, panel.pre) > rules.max_outside)
    return FitVerdicts(table, rules, fails)


def _check_shapes(panel: GapPanel, own: Floats, pool: Floats) -> None:
    n_units, n_placebos, n_years = len(panel.units), len(panel.placebos), len(panel.pre)
    why, faults = "fit is judged year by year against the donors", []
    if own.shape != (n_units, n_years):
        what = f"shape {own.shape} beside {n_units} units and {n_years} years"
        faults.append(Fault("observed", what, why, "give units x years"))
    if pool.shape not in {(n_placebos, n_years), (n_units, n_placebos, n_years)}:
        what = f"shape {pool.shape} beside {n_placebos} placebos and {n_years} years"
        faults.append(Fault("donors", what, why, "give the placebos' outcomes"))
    raise_if_any(faults)


def _spread(pool: Floats) -> Floats:
    """Return the standard deviation over donors by unit and year."""
    known = np.isfinite(pool)
    n = known.sum(axis=1)
    filled = np.where(known, pool, 0.0)
    centre = filled.sum(axis=1) / np.where(n > 0, n, np.nan)
    squares = np.where(known, (filled - centre[:, None]) ** 2, 0.0).sum(axis=1)
    return np.sqrt(squares / np.where(n > 1, n - 1, np.nan))


def _root_mean_square(values: Floats) -> Floats:
    n = np.isfinite(values).sum(axis=1)
    return np.sqrt(np.where(np.isfinite(values), values**2, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan))


def _outside(own: Floats, pool: Floats, spread: Floats, pre: Bools) -> Floats:
    """Largest distance of units from the donors' range before treatment, in their standard deviations."""
    known = np.isfinite(pool)
    highest = np.where(known, pool, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(known, pool, np.inf).min(axis=1, initial=np.inf)
    return _largest(np.maximum(own - highest, lowest - own), spread, pre)


def _placebo_outside(pool: Floats, spread: Floats, pre: Bools) -> Floats:
    """Return the same of each donor from the range of the other donors, (n_units or 1, n_placebos)."""
    if pool.shape[1] < 2:
        return np.full(pool.shape[:2], np.nan)
    beyond = []
    for sign in (1.0, -1.0):
        values = np.where(np.isfinite(pool), sign * pool, -np.inf)
        first, second = (-np.partition(-values, (0, 1), axis=1)[:, place, None] for place in (0, 1))
        with np.errstate(invalid="ignore"):
            beyond.append(np.where(values == first, values - second, values - first))
    known = np.where(np.isfinite(pool), np.maximum(*beyond), np.nan)
    return _largest(known, np.broadcast_to(spread[:, None], pool.shape), pre)


def _largest(beyond: Floats, spread: Floats, pre: Bools) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(beyond <= 0, 0.0, beyond / spread)
    usable = pre & ~np.isnan(scaled)
    return np.where(usable.any(axis=-1), np.where(usable, scaled, 0.0).max(axis=-1), np.nan)


def _poor(fit: Floats, scale: Floats, worst: Floats, rules: FitRules) -> Bools:
    """Poor in absolute terms, or worse than the placebos and not small."""
    with np.errstate(invalid="ignore"):
        absolute = fit > rules.max_pre_share * scale
        relative = (fit > worst) & (fit > rules.small_pre_share * scale)
    return np.asarray(absolute | relative, dtype=bool)


def _words(failed: dict[str, Bools]) -> tuple[list[str], list[str]]:
    names = list(FIT_REASONS)
    rows = np.column_stack([failed[name] for name in names])
    reasons = [[name for name, hit in zip(names, row, strict=True) if hit] for row in rows]
    status = [NOT_ESTIMABLE + found[0] if found else OK for found in reasons]
    return status, [",".join(found) for found in reasons]
