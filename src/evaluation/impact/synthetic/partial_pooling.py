"""Partially pooled synthetic controls: every unit's own weights, so that their average over units fits as well.

Belongs here: the joint problem over treated units with several first years. Does not belong here: units by themselves.

References
----------
Ben-Michael, Feller and Rothstein (2022), J. Royal Statistical Society B 84(2), doi:10.1111/rssb.12448, sections 3 and 4.
Boyd, Parikh, Chu, Peleato and Eckstein (2011), Foundations and Trends in Machine Learning 3(1), doi:10.1561/2200000016,
section 7.3, on the sharing problem, by which all units are solved in one batch a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.output import Tabular
from evaluation.impact.synthetic.comparisons import Comparison, compare
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.effects import EffectTable
from evaluation.impact.synthetic.fits import Fit
from evaluation.impact.synthetic.panel import SyntheticPanel, checked, read_synthetic_panel
from evaluation.impact.synthetic.plain import convex_fit, demean, spread
from evaluation.impact.synthetic.result import SyntheticResult
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex

Floats = NDArray[np.float64]

GAP, MAX_STEPS = 1e-6, 3000
"""The iteration ends when the duality gap is below this share of the objective; most steps."""

LARGEST_NU = 0.95
"""Most that is pooled unless asked for: beyond, units' own weights are hardly determined."""

BALANCE, LAG = 10, 5.0
"""Steps between changes of the sharing problem's penalty, and the ratio of its residuals that calls for one."""


@dataclass(frozen=True)
class PooledResult(Tabular):
    """Effects of units whose synthetic controls were found together.

    Parameters
    ----------
    units
        Effects, weights and gaps of each unit.
    average
        event_time, gap (mean over the units that have it), n_treated.
    estimate
        Mean over units of their mean gap after treatment.
    nu
        Share of the pooled fit in the objective.
    pooled_imbalance, separate_imbalance
        Root mean square of the average gap before treatment, and of units' own gaps, both by event time.
    separate_only
        The same pair for weights found unit by unit.
    gap
        Duality gap relative to the objective.
    converged
        Whether it is below `GAP`.
    """

    units: SyntheticResult
    average: pd.DataFrame
    estimate: float
    nu: float
    pooled_imbalance: float
    separate_imbalance: float
    separate_only: tuple[float, float]
    gap: float
    converged: bool

    @property
    def design(self) -> SyntheticDesign:
        """What was asked."""
        return self.units.design

    def tidy(self) -> pd.DataFrame:
        """Return the mean gap by event time."""
        return self.average.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: estimate, nu, the imbalances, gap, converged."""
        row = {
            "estimate": self.estimate,
            "nu": self.nu,
            "pooled_imbalance": self.pooled_imbalance,
            "separate_imbalance": self.separate_imbalance,
            "pooled_imbalance_separate_only": self.separate_only[0],
            "separate_imbalance_separate_only": self.separate_only[1],
            "gap": self.gap,
            "converged": self.converged,
        }
        return pd.DataFrame([row])


@dataclass(frozen=True)
class _Cohort:
    """Units of one comparison: demeaned, scaled outcomes before treatment, the latest year first."""

    of: Comparison
    donors: Floats
    targets: Floats
    ridge: float
    n_leads: int


def partially_pooled(
    panel: pd.DataFrame | SyntheticPanel, design: SyntheticDesign, *, nu: float | None = None
) -> PooledResult:
    """Find every treated unit's weights together, for units and their average.

    With gaps g_jl of unit j, l years before its first, outcomes demeaned and scaled by their donors' spread, minimises
    nu (1 / L) sum_l (sum_j g_jl / J)^2 + (1 - nu) (1 / J) sum_j (1 / L_j) sum_l g_jl^2 + ridge sum_j |w_j|^2 / (J L_j),
    each unit's weights on the simplex. At nu = 0 units are on their own; towards 1 only their average counts.

    Parameters
    ----------
    panel, design
        As in `synthetic_effects`, with the estimator ``"demeaned"``.
    nu
        From 0 to below 1. When None, the imbalance of the average over the mean imbalance of units, of weights found unit by
        unit: near 0 when their misfits cancel already, near 1 when they all go one way (the heuristic of the paper).

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        For options that do not exist, or when no unit can be compared.
    """
    if design.estimator != "demeaned" or (nu is not None and not 0 <= nu < 1):
        raise UsageError(
            "Partial pooling needs the estimator demeaned and nu of 0 or more and below 1, or None; "
            f"got: {design.estimator!r}, {nu!r}"
        )
    wide = (
        checked(panel, design) if isinstance(panel, SyntheticPanel) else read_synthetic_panel(panel, design)
    )
    found = compare(wide, design)
    if not found.groups:
        reasons = ", ".join(sorted(set(found.reasons.values())))
        raise UsageError(f"no treated unit can be compared: {reasons}")
    problem = _Joint([_cohort(group, design.ridge) for group in found.groups])
    alone, _, _ = problem.solve(0.0)
    separate = problem.imbalances(alone)
    share = min(problem.heuristic(alone), LARGEST_NU) if nu is None else nu
    weights, gap, converged = problem.solve(share) if share > 0 else (alone, 0.0, True)
    table = EffectTable(wide, design, found)
    for cohort, own in zip(problem.cohorts, weights, strict=True):
        table.add(cohort.of, _fit_of(cohort, own, design.ridge, converged))
    units = table.result()
    pooled, apart = problem.imbalances(weights)
    return PooledResult(
        units=units,
        average=_average(units),
        estimate=float(units.effects["estimate"].mean()),
        nu=share,
        pooled_imbalance=pooled,
        separate_imbalance=apart,
        separate_only=separate,
        gap=gap,
        converged=converged,
    )


class _Joint:
    """All treated units; gaps are (J, L), latest year first, zero where a unit has no such year."""

    def __init__(self, cohorts: list[_Cohort]) -> None:
        self.cohorts = cohorts
        self.n_units = sum(len(one.targets) for one in cohorts)
        self.longest = max(one.n_leads for one in cohorts)
        ends = np.cumsum([len(one.targets) for one in cohorts])
        self._rows = [slice(end - len(one.targets), end) for end, one in zip(ends, cohorts, strict=True)]

    def solve(self, nu: float) -> tuple[list[Floats], float, bool]:
        """Return weights by cohort, the relative duality gap, and whether it is small enough."""
        own = [(1 - nu) / (self.n_units * one.n_leads) for one in self.cohorts]
        if nu == 0:
            return (
                [self._block(one, one.targets, a).weights for one, a in zip(self.cohorts, own, strict=True)],
                0.0,
                True,
            )
        # The penalty of the sharing problem: half the curvature that the two fits give a unit's gaps.
        rho = (own[0] + nu / (self.longest * self.n_units)) or 1.0
        weights = [
            self._block(one, one.targets, a + rho).weights for one, a in zip(self.cohorts, own, strict=True)
        ]
        gaps = self.gaps(weights)
        shared = gaps.mean(axis=0)
        dual = np.zeros(self.longest)
        gap = np.inf
        for step in range(1, MAX_STEPS + 1):
            wanted = gaps - gaps.mean(axis=0) + shared - dual
            for c, one in enumerate(self.cohorts):
                pull = wanted[self._rows[c], : one.n_leads] * (rho / 2) / (own[c] + rho / 2)
                weights[c] = self._block(one, one.targets - pull, own[c] + rho / 2).weights
            gaps = self.gaps(weights)
            mean, before = gaps.mean(axis=0), shared
            pooled = self.n_units * rho / 2
            shared = pooled * (dual + mean) / (nu / self.longest + pooled)
            dual = dual + mean - shared
            gap = self._relative_gap(weights, gaps, nu, own)
            if gap <= GAP:
                break
            if step % BALANCE == 0:
                change = _balance(
                    float(np.linalg.norm(mean - shared)), float(np.linalg.norm(shared - before))
                )
                rho, dual = rho * change, dual / change
        return weights, gap, gap <= GAP

    def gaps(self, weights: list[Floats]) -> Floats:
        """Return scaled gaps before treatment, (J, L)."""
        result = np.zeros((self.n_units, self.longest))
        for rows, one, own in zip(self._rows, self.cohorts, weights, strict=True):
            result[rows, : one.n_leads] = one.targets - own @ one.donors
        return result

    def imbalances(self, weights: list[Floats]) -> tuple[float, float]:
        """Return root mean square of the average gap, and of units' gaps."""
        gaps = self.gaps(weights)
        leads = np.concatenate([np.full(len(one.targets), one.n_leads) for one in self.cohorts])
        separate = ((gaps**2).sum(axis=1) / leads).mean()
        return float(np.sqrt((gaps.mean(axis=0) ** 2).mean())), float(np.sqrt(separate))

    def heuristic(self, weights: list[Floats]) -> float:
        """Return the norm of the average gap over the average norm of gaps."""
        gaps = self.gaps(weights)
        each = np.linalg.norm(gaps, axis=1).mean()
        return float(np.linalg.norm(gaps.mean(axis=0)) / each) if each > 0 else 0.0

    def _ridge(self, one: _Cohort) -> float:
        return one.ridge / (self.n_units * one.n_leads)

    def _block(self, one: _Cohort, targets: Floats, curvature: float) -> SimplexSolution:
        return solve_simplex(one.donors, targets, ridge=self._ridge(one) / curvature)

    def _relative_gap(self, weights: list[Floats], gaps: Floats, nu: float, own: list[float]) -> float:
        mean = gaps.mean(axis=0)
        total, value = 0.0, nu / self.longest * float(mean @ mean)
        for c, one in enumerate(self.cohorts):
            mine, w = gaps[self._rows[c], : one.n_leads], weights[c]
            lean = own[c] * mine + nu / (self.longest * self.n_units) * mean[: one.n_leads]
            slope = 2 * (self._ridge(one) * w - lean @ one.donors.T)
            total += float((w * (slope - slope.min(axis=1, keepdims=True))).sum())
            value += own[c] * float((mine**2).sum()) + self._ridge(one) * float((w**2).sum())
        return total / value if value > 0 else 0.0


def _balance(primal: float, moved: float) -> float:
    """Return by how much the penalty should change, so that neither residual lags behind (Boyd et al., section 3.4.1)."""
    if primal > LAG * moved:
        return 2.0
    return 0.5 if moved > LAG * primal else 1.0


def _cohort(of: Comparison, ridge: float) -> _Cohort:
    donors, targets = demean(of.donor_outcome[:, of.pre])[0], demean(of.target_outcome[:, of.pre])[0]
    scale = spread(of, donors)
    return _Cohort(of, donors[:, ::-1] / scale, targets[:, ::-1] / scale, ridge, donors.shape[1])


def _fit_of(cohort: _Cohort, weights: Floats, ridge: float, converged: bool) -> Fit:
    of, n = cohort.of, len(weights)
    donor_mean, target_mean = demean(of.donor_outcome[:, of.pre])[1], demean(of.target_outcome[:, of.pre])[1]
    squares = ((cohort.targets - weights @ cohort.donors) ** 2).sum(axis=1)
    solution = SimplexSolution(
        support=np.tile(np.arange(weights.shape[1]), (n, 1)),
        values=weights,
        objective=squares + ridge * (weights**2).sum(axis=1),
        gap=np.full(n, np.nan),
        converged=np.full(n, converged),
        n_donors=weights.shape[1],
    )
    return convex_fit(of, solution, target_mean - weights @ donor_mean, penalty=ridge)


def _average(units: SyntheticResult) -> pd.DataFrame:
    firsts = dict(zip(units.effects["unit"], units.effects["first_year"], strict=True))
    rows = units.gaps[units.gaps["gap"].notna()]
    event_time = rows["time"] - rows["unit"].map(firsts).astype("int64")
    table = rows.assign(event_time=event_time.astype(int)).groupby("event_time")["gap"].agg(["mean", "size"])
    return table.rename(columns={"mean": "gap", "size": "n_treated"}).reset_index()
