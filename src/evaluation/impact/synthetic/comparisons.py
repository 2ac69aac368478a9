"""Who is compared with whom: treated units that share donors and years, and each donor as a placebo.

Belongs here: pools, years before and after, why a unit has no comparison. Does not belong here: weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.design import Name, SyntheticDesign
from evaluation.impact.synthetic.panel import SyntheticPanel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SyntheticReason = Literal[
    "no_post_year", "too_few_pre_years", "predictor_missing", "too_few_donors", "not_converged"
]

SYNTHETIC_REASONS: MappingProxyType[SyntheticReason, str] = MappingProxyType(
    {
        "no_post_year": "The data end before the first year in which an effect is looked for.",
        "too_few_pre_years": "Too few years before treatment are observed.",
        "predictor_missing": "A predictor is not observed in any of its years.",
        "too_few_donors": "Too few donors are observed in every year used.",
        "not_converged": "No weights could be certified as the best.",
    }
)
"""Why a treated unit has no estimate: code to sentence (the key of the message catalogue)."""


@dataclass(frozen=True)
class Comparison:
    """Targets that are compared with the same donors over the same years.

    Parameters
    ----------
    donors, targets
        Rows of the panel, (J,) and (B,).
    exclude
        Donor that a target must do without, as a position in `donors`, or -1, (B,).
    donor_outcome, target_outcome
        (J, T) and (B, T); complete in the years before and after.
    pre, post
        Years before and after treatment, (T,).
    years
        (T,).
    donor_predictors, target_predictors
        (J, P) and (B, P); P is zero for estimators without.
    """

    donors: Ints
    targets: Ints
    exclude: Ints
    donor_outcome: Floats
    target_outcome: Floats
    pre: Bools
    post: Bools
    years: NDArray[np.int64]
    donor_predictors: Floats
    target_predictors: Floats

    @property
    def n_pre(self) -> int:
        """Years before treatment."""
        return int(self.pre.sum())

    @property
    def n_donors(self) -> Ints:
        """Donors that each target may use, (B,)."""
        return len(self.donors) - (self.exclude >= 0).astype(np.int64)

    @property
    def allowed(self) -> Bools:
        """Which donors each target may use, (B, J)."""
        return np.arange(len(self.donors)) != self.exclude[:, None]


@dataclass(frozen=True)
class Comparisons:
    """Every treated unit's comparison.

    Parameters
    ----------
    groups
        Comparisons; targets are the treated units that share one.
    reasons
        Why a treated unit has none, by its row in the panel.
    first_years
        First year of each treated row.
    """

    groups: tuple[Comparison, ...]
    reasons: dict[int, SyntheticReason]
    first_years: dict[int, int]


def compare(panel: SyntheticPanel, design: SyntheticDesign) -> Comparisons:
    """Return who is compared with whom.

    Parameters
    ----------
    panel, design
        From `evaluation.impact.synthetic.panel.checked`.
    """
    observed = np.isfinite(panel.outcome)
    names = [unit for unit, _ in design.treated]
    rows = panel.positions(names)
    pools = _Pools(panel, design)
    grouped: dict[tuple[bytes, bytes, bytes], tuple[list[int], Ints, Bools, Bools]] = {}
    reasons: dict[int, SyntheticReason] = {}
    for (unit, first), row in zip(design.treated, rows.tolist(), strict=True):
        pre = observed[row] & (panel.years < first - design.anticipation)
        post = observed[row] & (panel.years >= first)
        known: Bools = np.logical_and.reduce(np.isfinite(predictor_values(panel, design, pre)), axis=1)
        pool = pools.of(unit)
        complete = np.logical_and.reduce(observed[:, pre | post], axis=1)
        pool = pool[complete[pool] & known[pool]]
        reason = _reason(design, pre, post, pool, known=bool(known[row]))
        if reason:
            reasons[row] = reason
            continue
        key = (pool.tobytes(), pre.tobytes(), post.tobytes())
        grouped.setdefault(key, ([], pool, pre, post))[0].append(row)
    groups = tuple(
        comparison(panel, design, donors=pool, targets=np.array(members), pre=pre, post=post)
        for members, pool, pre, post in grouped.values()
    )
    years = dict(zip(rows.tolist(), (int(year) for _, year in design.treated), strict=True))
    return Comparisons(groups=groups, reasons=reasons, first_years=years)


def comparison(
    panel: SyntheticPanel,
    design: SyntheticDesign,
    *,
    donors: Ints,
    targets: Ints,
    pre: Bools,
    post: Bools,
    exclude: Ints | None = None,
) -> Comparison:
    """Return one comparison of rows of a panel."""
    predictors = predictor_values(panel, design, pre)
    return Comparison(
        donors=donors,
        targets=targets,
        exclude=np.full(len(targets), -1) if exclude is None else exclude,
        donor_outcome=panel.outcome[donors],
        target_outcome=panel.outcome[targets],
        pre=pre,
        post=post,
        years=panel.years,
        donor_predictors=predictors[donors],
        target_predictors=predictors[targets],
    )


def predictor_values(panel: SyntheticPanel, design: SyntheticDesign, pre: Bools) -> Floats:
    """Return the mean of each predictor over its observed years before treatment, (N, P), missing where there is none.

    Parameters
    ----------
    panel, design
        The panel and the study.
    pre
        Years before treatment, (T,).
    """
    values = np.full((len(panel.units), len(design.predictors)), np.nan)
    for at, one in enumerate(design.predictors):
        first, last = one.years or (panel.years[0], panel.years[-1])
        column = panel.columns[one.column]
        window = np.isfinite(column) & pre & (panel.years >= first) & (panel.years <= last)
        count = window.sum(axis=1)
        total = np.where(window, column, 0.0).sum(axis=1)
        values[:, at] = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return values


def placebos(
    panel: SyntheticPanel, design: SyntheticDesign, of: Comparison, *, treated: int | None = None
) -> Comparison:
    """Return the comparison of each donor with the other donors.

    Parameters
    ----------
    panel, design, of
        The panel, the study, and a comparison of treated units.
    treated
        Row of a treated unit that joins the donors; none when None.
    """
    donors = of.donors if treated is None else np.append(of.donors, treated)
    own = np.arange(len(of.donors))
    return comparison(panel, design, donors=donors, targets=of.donors, pre=of.pre, post=of.post, exclude=own)


class _Pools:
    """Rows of the donors of each treated unit."""

    def __init__(self, panel: SyntheticPanel, design: SyntheticDesign) -> None:
        treated = {unit for unit, _ in design.treated}
        everyone = [unit for unit in panel.units if unit not in treated]
        place = {unit: row for row, unit in enumerate(panel.units)}
        common = everyone if design.donors is None else design.donors
        self._common = np.array(sorted(place[unit] for unit in set(common)), dtype=np.int64)
        self._own: dict[Name, Ints] = {
            unit: np.array(sorted(place[one] for one in set(pool)), dtype=np.int64)
            for unit, pool in design.own_pools.items()
        }

    def of(self, unit: Name) -> Ints:
        return self._own.get(unit, self._common)


def _reason(
    design: SyntheticDesign, pre: Bools, post: Bools, pool: Ints, *, known: bool
) -> SyntheticReason | None:
    if not post.any():
        return "no_post_year"
    if pre.sum() < design.min_pre:
        return "too_few_pre_years"
    if not known:
        return "predictor_missing"
    if len(pool) < design.min_donors:
        return "too_few_donors"
    return None
