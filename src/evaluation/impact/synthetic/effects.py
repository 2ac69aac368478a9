"""Synthetic control effects of every treated unit, and of every donor as a placebo.

Belongs here: the calls that answer a design. Does not belong here: estimators (`evaluation.impact.synthetic.estimators`), tests
and intervals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.impact.synthetic.comparisons import Comparison, Comparisons, compare, placebos
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.estimators import fit
from evaluation.impact.synthetic.fits import Fit
from evaluation.impact.synthetic.panel import SyntheticPanel, checked, read_synthetic_panel
from evaluation.impact.synthetic.result import NOT_ESTIMABLE, OK, Fan, PlaceboGaps, SyntheticResult
from evaluation.impact.synthetic.uniqueness import estimate_range

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NUMBERS = (
    "estimate",
    "pre_rmspe",
    "post_rmspe",
    "effective_donors",
    "offset",
    "bound_low",
    "bound_high",
    "objective",
    "solver_gap",
    "penalty",
)
"""Columns of effects that are missing when a unit is not estimable."""

COLUMNS = (
    "unit",
    "first_year",
    "estimate",
    "pre_rmspe",
    "post_rmspe",
    "n_donors",
    "n_pre",
    "n_post",
    "effective_donors",
    "offset",
    "perfect_fit",
    "unique",
    "bound_low",
    "bound_high",
    "objective",
    "solver_gap",
    "penalty",
    "status",
)


def synthetic_effects(panel: pd.DataFrame | SyntheticPanel, design: SyntheticDesign) -> SyntheticResult:
    """Estimate the effect of every treated unit.

    Units with the same donors and years are solved together. A unit's effect in a year is its gap: observed less synthetic.

    Parameters
    ----------
    panel
        One row per unit and year, or units by years.
    design
        The study.

    Returns
    -------
    SyntheticResult
        With a row for every treated unit; one without an estimate says why.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    """
    wide = _wide(panel, design)
    found = compare(wide, design)
    table = EffectTable(wide, design, found)
    for group in found.groups:
        table.add(group, fit(group, design))
    return table.result()


def placebo_gaps(
    panel: pd.DataFrame | SyntheticPanel, design: SyntheticDesign, *, treated_in_pool: bool = False
) -> PlaceboGaps:
    """Estimate every donor of every treated unit as if it had been treated instead.

    A fan depends on donors and years only, so that treated units that share them share a fan, which is solved once.

    Parameters
    ----------
    panel, design
        As in `synthetic_effects`.
    treated_in_pool
        Whether the treated unit joins the donors of its placebos. Its outcomes after treatment then carry its effect into
        theirs; without it, placebos have one donor less than the unit.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    """
    wide = _wide(panel, design)
    found = compare(wide, design)
    fans: list[Fan] = []
    fan_of: dict[Any, int] = {}
    for group in found.groups:
        names = tuple(wide.units[group.targets])
        joined = group.targets.tolist() if treated_in_pool else [None]
        for row in joined:
            own = placebos(wide, design, group, treated=row)
            units = names if row is None else (wide.units[row],)
            fan_of |= dict.fromkeys(units, len(fans))
            fans.append(_fan(own, units, wide, design))
    order = {unit: fan_of[unit] for unit, _ in design.treated if unit in fan_of}
    return PlaceboGaps(design=design, fans=tuple(fans), fan_of=order)


def _wide(panel: pd.DataFrame | SyntheticPanel, design: SyntheticDesign) -> SyntheticPanel:
    return (
        checked(panel, design) if isinstance(panel, SyntheticPanel) else read_synthetic_panel(panel, design)
    )


def _fan(of: Comparison, units: tuple[Any, ...], panel: SyntheticPanel, design: SyntheticDesign) -> Fan:
    found = fit(of, design) if of.n_donors.min() >= design.min_donors else None
    enough = found is not None
    converged = found.converged if found is not None else np.zeros(len(of.targets), dtype=bool)
    gaps = found.gaps(of) if found is not None else np.full(of.target_outcome.shape, np.nan)
    gaps = np.where(converged[:, None], gaps, np.nan)
    reason = "not_converged" if enough else "too_few_donors"
    status = np.where(converged, OK, f"{NOT_ESTIMABLE}:{reason}").astype(object)
    return Fan(
        units=units,
        donors=panel.units[of.targets],
        years=panel.years,
        pre=of.pre,
        post=of.post,
        gaps=gaps,
        estimates=gaps[:, of.post].mean(axis=1),
        pre_rmspe=_root_mean_square(gaps[:, of.pre]),
        post_rmspe=_root_mean_square(gaps[:, of.post]),
        status=status,
    )


def _root_mean_square(gaps: Floats) -> Floats:
    result: Floats = np.sqrt((gaps**2).mean(axis=1))
    return result


class EffectTable:
    """Collects what the comparisons give, one row a treated unit."""

    def __init__(self, panel: SyntheticPanel, design: SyntheticDesign, found: Comparisons) -> None:
        self._panel, self._design = panel, design
        names = [unit for unit, _ in design.treated]
        self._place = {row: at for at, row in enumerate(panel.positions(names).tolist())}
        shape = (len(names), len(panel.years))
        self._gaps, self._synthetic = np.full(shape, np.nan), np.full(shape, np.nan)
        self._pre, self._post = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self._rows: list[dict[str, Any]] = [
            {"unit": unit, "first_year": int(first), "perfect_fit": False, "unique": False}
            for unit, first in design.treated
        ]
        self._weights: list[tuple[Any, NDArray[Any], Floats]] = []
        self._times: list[tuple[Any, NDArray[Any], Floats]] = []
        for row, first in found.first_years.items():
            self._empty(row, first, found.reasons.get(row))

    def add(self, of: Comparison, found: Fit) -> None:
        """Take in one comparison."""
        gaps = found.gaps(of)
        post = of.donor_outcome[:, of.post].mean(axis=1)
        for b, row in enumerate(of.targets.tolist()):
            at = self._place[row]
            self._pre[at], self._post[at] = of.pre, of.post
            counts = {"n_donors": int(of.n_donors[b]), "n_pre": of.n_pre, "n_post": int(of.post.sum())}
            self._rows[at] |= counts
            if not found.converged[b]:
                self._rows[at]["status"] = f"{NOT_ESTIMABLE}:not_converged"
                continue
            self._gaps[at], self._synthetic[at] = gaps[b], found.synthetic[b]
            self._rows[at] |= _effect(of, found, gaps, post, b)
            self._keep_weights(of, found, b)

    def result(self) -> SyntheticResult:
        """Return everything."""
        effects = pd.DataFrame(self._rows, columns=list(COLUMNS))
        whole = {"n_donors": "int64", "n_pre": "int64", "n_post": "int64"}
        return SyntheticResult(
            design=self._design,
            effects=effects.astype({**dict.fromkeys(NUMBERS, float), **whole}),
            weights=_joined(self._weights, "donor"),
            gaps=self._gap_rows(),
            years=self._panel.years,
            gap_matrix=self._gaps,
            pre=self._pre,
            post=self._post,
            time_weights=_joined(self._times, "time"),
        )

    def _empty(self, row: int, first: int, reason: str | None) -> None:
        at = self._place[row]
        observed = np.isfinite(self._panel.outcome[row])
        years = self._panel.years
        self._pre[at] = observed & (years < first - self._design.anticipation)
        self._post[at] = observed & (years >= first)
        counts = {"n_donors": 0, "n_pre": int(self._pre[at].sum()), "n_post": int(self._post[at].sum())}
        self._rows[at] |= {**counts, "status": f"{NOT_ESTIMABLE}:{reason}"}

    def _keep_weights(self, of: Comparison, found: Fit, b: int) -> None:
        unit = self._panel.units[of.targets[b]]
        used = np.flatnonzero(found.weights[b])
        names = self._panel.units[of.donors[used]]
        self._weights.append((unit, names, found.weights[b, used]))
        if found.time_weights is not None:
            self._times.append((unit, of.years[of.pre], found.time_weights[b]))

    def _gap_rows(self) -> pd.DataFrame:
        observed = np.full(self._gaps.shape, np.nan)
        for row, at in self._place.items():
            observed[at] = self._panel.outcome[row]
        place, year = np.nonzero(np.isfinite(observed))
        phase = np.where(self._pre, "pre", np.where(self._post, "post", "anticipation"))
        return pd.DataFrame(
            {
                "unit": np.array([row["unit"] for row in self._rows], dtype=object)[place],
                "time": self._panel.years[year],
                "phase": phase[place, year],
                "observed": observed[place, year],
                "synthetic": self._synthetic[place, year],
                "gap": self._gaps[place, year],
            }
        )


def _effect(of: Comparison, found: Fit, gaps: Floats, post: Floats, b: int) -> dict[str, Any]:
    estimate = float(gaps[b, of.post].mean())
    low = high = estimate
    if not found.unique[b] and found.tied is not None:
        simplex = found.weights[b] if found.simplex is None else found.simplex[b]
        ends = estimate_range(of.donor_outcome[:, of.pre], post, simplex, found.tied[b])
        reached = estimate + float(simplex @ post)
        low, high = reached - ends[1], reached - ends[0]
    return {
        "estimate": estimate,
        "pre_rmspe": float(np.sqrt((gaps[b, of.pre] ** 2).mean())),
        "post_rmspe": float(np.sqrt((gaps[b, of.post] ** 2).mean())),
        "effective_donors": _effective(found.weights[b]),
        "offset": float(found.offset[b]),
        "perfect_fit": bool(found.perfect[b]),
        "unique": bool(found.unique[b]),
        "bound_low": low,
        "bound_high": high,
        "objective": float(found.objective[b]),
        "solver_gap": float(found.solver_gap[b]),
        "penalty": float(found.penalty[b]),
        "status": OK,
    }


def _effective(weights: Floats) -> float:
    """Return 1 / sum of squares; missing for estimators without weights."""
    squares = float((weights**2).sum())
    return 1 / squares if squares > 0 else np.nan


def _joined(parts: list[tuple[Any, NDArray[Any], Floats]], of_what: str) -> pd.DataFrame:
    """Return unit, donor or time, and weight of all parts."""
    if not parts:
        return pd.DataFrame(columns=["unit", of_what, "weight"])
    units = np.array([unit for unit, _, _ in parts], dtype=object)
    return pd.DataFrame(
        {
            "unit": np.repeat(units, [len(values) for _, _, values in parts]),
            of_what: np.concatenate([names for _, names, _ in parts]),
            "weight": np.concatenate([values for _, _, values in parts]),
        }
    )
