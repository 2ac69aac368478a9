"""Synthetic difference-in-differences of many treated units as one effect, with placebo and jackknife errors.

Belongs here: blocks of treated units that share donors and years, their average, and its error. Does not belong here: effects of
single units (`evaluation.impact.synthetic.effects`), weights (`evaluation.impact.synthetic.sdid`).

References
----------
Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111(12), doi:10.1257/aer.20190159;
algorithms 1, 3 and 4, and appendix A on several first years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.output import Tabular
from evaluation.impact.plots import effects_by_event_time
from evaluation.impact.synthetic.cohort_errors import (
    Block,
    block_estimate,
    jackknife_error,
    placebo_estimates,
)
from evaluation.impact.synthetic.comparisons import Comparison, compare
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.frank_wolfe import package_weights
from evaluation.impact.synthetic.panel import SyntheticPanel, checked, read_synthetic_panel
from evaluation.impact.synthetic.sdid import regularisation, time_weights, unit_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ErrorKind = Literal["placebo", "jackknife"]
Weights = Literal["exact", "package"]

DRAWS, SEED, LEVEL = 500, 1, 0.95
"""Placebo draws (their Monte Carlo error is 3% of the standard error), seed, and level of intervals."""


@dataclass(frozen=True)
class SyntheticDidResult(Tabular):
    """One effect of all treated units.

    Parameters
    ----------
    design
        What was asked.
    estimate, std_error, conf_low, conf_high, level
        The effect and its normal interval; missing error where none was asked for.
    error
        How the error was found, or None.
    n_placebos
        Placebo estimates behind it; every donor once when there is a single treated unit.
    blocks
        One row a block: first_year, n_treated, n_donors, n_pre, n_post, estimate, zeta, weight in the average, converged.
    curve
        event_time, estimate (weighted mean gap of the blocks), n_treated; negative times before the first year.
    unit_weights, time_weights
        block, donor, weight; block, time, weight.
    placebos
        The placebo estimates whose weights are certified, (n_placebos,).
    not_estimable
        unit, reason of the treated units without a comparison.
    """

    design: SyntheticDesign
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    level: float
    error: ErrorKind | None
    n_placebos: int
    blocks: pd.DataFrame
    curve: pd.DataFrame
    unit_weights: pd.DataFrame
    time_weights: pd.DataFrame
    placebos: Floats
    not_estimable: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, std_error, conf_low, conf_high, p_value, n_treated, n_donors, n_placebos."""
        ratio = abs(self.estimate / self.std_error) if self.std_error > 0 else np.nan
        row = {
            "estimate": self.estimate,
            "std_error": self.std_error,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
            "p_value": float(2 * norm.sf(ratio)),
            "n_treated": int(self.blocks["n_treated"].sum()),
            "n_donors": self.unit_weights["donor"].nunique(),
            "n_placebos": self.n_placebos,
        }
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """Return one row: outcome, error, level, n_blocks, n_not_estimable, converged."""
        row = {
            "outcome": self.design.outcome,
            "error": self.error,
            "level": self.level,
            "n_blocks": len(self.blocks),
            "n_not_estimable": len(self.not_estimable),
            "converged": bool(self.blocks["converged"].all()),
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "") -> Chart:
        """Draw the mean gap by year from the first year of effect."""
        table = self.curve.assign(std_error=0.0, conf_low=np.nan, conf_high=np.nan)
        return effects_by_event_time(
            table, title=title or self.design.label, anticipation=self.design.anticipation
        )


def synthetic_did(
    panel: pd.DataFrame | SyntheticPanel,
    design: SyntheticDesign,
    *,
    error: ErrorKind | None = "placebo",
    draws: int = DRAWS,
    seed: int = SEED,
    level: float = LEVEL,
    weights: Weights = "exact",
) -> SyntheticDidResult:
    """Estimate one effect of all treated units of a design.

    Treated units with the same donors and years form a block; with one pool and complete outcomes a block is a cohort. A block's
    target is the mean of its units; blocks are averaged by treated unit-years.

    Parameters
    ----------
    panel, design
        As in `synthetic_effects`, with the estimator ``"sdid"``.
    error
        ``"placebo"``: the spread of estimates of donors drawn in the treated units' place (with one treated unit, every donor
        once). It holds when treated and donors vary alike. ``"jackknife"``: each unit left out at fixed weights; needs two
        treated units, and is conservative. None: no error.
    draws, seed
        Of placebos.
    level
        Of the interval.
    weights
        ``"exact"``, or ``"package"``: those at which R's `synthdid` stops.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        For options that do not exist, or an error that the number of units does not allow.
    """
    _check_options(design, error, draws, level, weights)
    wide = (
        checked(panel, design) if isinstance(panel, SyntheticPanel) else read_synthetic_panel(panel, design)
    )
    found = compare(wide, design)
    if not found.groups:
        reasons = ", ".join(sorted(set(found.reasons.values())))
        raise UsageError(f"no treated unit can be compared: {reasons}")
    blocks = [_block(group, found.first_years[int(group.targets[0])], weights) for group in found.groups]
    shares = np.array([one.size for one in blocks], dtype=float)
    shares /= shares.sum()
    estimates = np.array([block_estimate(one) for one in blocks])
    estimate = float(shares @ estimates)
    placebos = np.empty(0)
    std_error = np.nan
    if error == "placebo":
        placebos = placebo_estimates(wide, blocks, shares, draws, seed, design.min_donors)
        placebos = placebos[np.isfinite(placebos)]
        std_error = float(placebos.std()) if len(placebos) > 1 else np.nan
    elif error == "jackknife":
        std_error = jackknife_error(blocks)
    reach = float(norm.isf((1 - level) / 2)) * std_error
    return SyntheticDidResult(
        design=design,
        estimate=estimate,
        std_error=std_error,
        conf_low=estimate - reach,
        conf_high=estimate + reach,
        level=level,
        error=error,
        n_placebos=len(placebos),
        blocks=_block_rows(blocks, estimates, shares),
        curve=_curve(blocks),
        unit_weights=_unit_rows(wide, blocks),
        time_weights=_time_rows(blocks),
        placebos=placebos,
        not_estimable=pd.DataFrame(
            [(wide.units[row], reason) for row, reason in found.reasons.items()], columns=["unit", "reason"]
        ),
    )


def _check_options(
    design: SyntheticDesign, error: str | None, draws: int, level: float, weights: str
) -> None:
    problems = []
    if design.estimator != "sdid":
        problems.append(f"the design's estimator must be sdid; got: {design.estimator!r}")
    if error is not None and error not in get_args(ErrorKind):
        problems.append(f"error must be one of {', '.join(get_args(ErrorKind))} or None; got: {error!r}")
    if weights not in get_args(Weights):
        problems.append(f"weights must be one of {', '.join(get_args(Weights))}; got: {weights!r}")
    if draws < 2:
        problems.append(f"draws must be 2 or more; got: {draws!r}")
    if not 0 < level < 1:
        problems.append(f"level must lie between 0 and 1; got: {level!r}")
    if problems:
        raise UsageError("The effect cannot be estimated: " + "; ".join(problems) + ".")


def _block(of: Comparison, first_year: int, weights: Weights) -> Block:
    pre, post = of.donor_outcome[:, of.pre], of.donor_outcome[:, of.post].mean(axis=1)
    target = of.target_outcome[:, of.pre].mean(axis=0, keepdims=True)
    zeta = regularisation(pre, n_treated=len(of.targets), n_post=int(of.post.sum()))
    if weights == "package":
        omega, times = package_weights(pre, post, target[0], zeta=zeta)
        return Block(of, zeta, omega, times, True, first_year)
    everyone = np.ones((1, len(pre)), dtype=bool)
    units = unit_weights(pre, target, zeta=zeta.unit, allowed=everyone)
    years, certified = time_weights(pre, post, zeta=zeta.time, allowed=everyone)
    converged = bool(units.converged[0] and certified[0])
    return Block(of, zeta, units.weights[0], years[0], converged, first_year)


def _block_rows(blocks: list[Block], estimates: Floats, shares: Floats) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "block": b,
            "first_year": block.first_year,
            "n_treated": len(block.of.targets),
            "n_donors": len(block.of.donors),
            "n_pre": block.of.n_pre,
            "n_post": int(block.of.post.sum()),
            "estimate": estimates[b],
            "zeta": block.zeta.unit,
            "weight": shares[b],
            "converged": block.converged,
        }
        for b, block in enumerate(blocks)
    ]
    return pd.DataFrame(rows)


def _curve(blocks: list[Block]) -> pd.DataFrame:
    parts = []
    for block in blocks:
        of = block.of
        gap = of.target_outcome.mean(axis=0) - block.units @ of.donor_outcome
        gap = gap - block.times @ gap[of.pre]
        frame = pd.DataFrame({"event_time": of.years - block.first_year, "gap": gap})
        parts.append(frame.assign(n_treated=len(of.targets))[np.isfinite(gap)])
    rows = pd.concat(parts, ignore_index=True)
    rows["estimate"] = rows["gap"] * rows["n_treated"]
    sums = rows.groupby("event_time", as_index=False)[["estimate", "n_treated"]].sum()
    sums["estimate"] /= sums["n_treated"]
    return sums


def _unit_rows(panel: SyntheticPanel, blocks: list[Block]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"block": b, "donor": panel.units[block.of.donors], "weight": block.units})
        for b, block in enumerate(blocks)
    ]
    return pd.concat(parts, ignore_index=True).query("weight > 0").reset_index(drop=True)


def _time_rows(blocks: list[Block]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"block": b, "time": block.of.years[block.of.pre], "weight": block.times})
        for b, block in enumerate(blocks)
    ]
    return pd.concat(parts, ignore_index=True)
