"""Synthetic twins of joiners and of their donors, and the same made otherwise: what the engine is asked.

Belongs here: one comparison carried out by one estimator, and its variations. Does not belong here: which regions and
years are compared (`evaluation.studies.donor_pools`) or what the gaps say (`evaluation.studies.region_effects`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.own_pools import PoolFits, fit_own_pools
from evaluation.studies.donor_pools import Comparison, Years
from evaluation.studies.region_effects_plan import (
    BACKDATED,
    LATER_START,
    WITHOUT,
    EstimatorChoice,
    OwnEstimator,
    Variations,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TwinFits:
    """A comparison with its synthetic twins.

    Parameters
    ----------
    comparison
        Joiners and donors.
    estimator
        How weights are found.
    fits
        Of the joiners first, then, unless they were left out, of the donors as placebos.
    """

    comparison: Comparison
    estimator: OwnEstimator
    fits: PoolFits

    @property
    def n_joiners(self) -> int:
        """Number of joiners: the first rows of the fits."""
        return len(self.comparison.joiners)

    @property
    def gaps(self) -> Floats:
        """Gaps of the joiners, (n_joiners, n_years)."""
        return np.asarray(self.fits.gaps[: self.n_joiners])

    @property
    def placebo_gaps(self) -> Floats:
        """Gaps of each joiner's placebos, (n_joiners, n_donors, n_years), missing where a donor may not stand for it."""
        allowed = self.comparison.may_stand[: self.n_joiners, :, None]
        return np.where(allowed, self.fits.gaps[None, self.n_joiners :], np.nan)

    @property
    def weights(self) -> Floats:
        """Weights of donors, (n_joiners, n_donors)."""
        return np.asarray(self.fits.weights[: self.n_joiners, self.n_joiners :])


@dataclass(frozen=True)
class Variation:
    """The average gap of one joiner when one choice is made otherwise; missing where too little is left."""

    region_code: str
    row: str
    estimate: float
    years: Years


def fit_twins(
    comparison: Comparison, estimator: OwnEstimator, choice: EstimatorChoice, *, placebos: bool = True
) -> TwinFits:
    """Return the twins of all joiners and of all donors, each made from the donors that may stand for it.

    Parameters
    ----------
    comparison
        Who is compared.
    estimator, choice
        How weights are found.
    placebos
        Whether donors get twins as well.
    """
    rows = np.arange(len(comparison.figures) if placebos else len(comparison.joiners))
    allowed = _among_rows(comparison, comparison.may_stand[rows])
    fits = _fit(comparison, comparison.years, rows, allowed, estimator, choice)
    return TwinFits(comparison=comparison, estimator=estimator, fits=fits)


def variations(
    main: TwinFits, wanted: Bools, choice: EstimatorChoice, plan: Variations, *, least_pre: int
) -> Iterator[Variation]:
    """Yield some joiners' effects made otherwise: without heavy donors, backdated, with a later start.

    Parameters
    ----------
    main
        The comparison as it is planned.
    wanted
        For which of its joiners, (n_joiners,).
    choice, plan
        Of ``config/region_effects.yml``.
    least_pre
        Years before joining that must be left.
    """
    comparison, years = main.comparison.only(wanted.tolist()), main.comparison.years
    if not comparison.joiners:
        return
    yield from _without_donors(
        comparison, main.weights[wanted], main.estimator, choice, plan.leave_out_donors
    )
    k = plan.backdate_years
    if k:
        earlier = Years(pre=years.pre[:-k], between=(), post=years.pre[-k:])
        yield from _with_years(comparison, earlier, BACKDATED, main.estimator, choice, least_pre)
    if plan.later_start_years:
        later = replace(years, pre=years.pre[plan.later_start_years :])
        yield from _with_years(comparison, later, LATER_START, main.estimator, choice, least_pre)


def _without_donors(
    comparison: Comparison,
    weights: Floats,
    estimator: OwnEstimator,
    choice: EstimatorChoice,
    n_left_out: int,
) -> Iterator[Variation]:
    """Yield each joiner's effect without each of its heaviest donors in turn."""
    heaviest = np.argsort(-weights, axis=1, kind="stable")[:, :n_left_out]
    pairs = [
        (joiner, int(donor))
        for joiner, donors in enumerate(heaviest)
        for donor in donors
        if weights[joiner, donor] > 0
    ]
    if not pairs:
        return
    joiners, left_out = np.array(pairs).T
    allowed = comparison.may_stand[joiners].copy()
    allowed[np.arange(len(pairs)), left_out] = False
    fits = _fit(comparison, comparison.years, joiners, _among_rows(comparison, allowed), estimator, choice)
    for position, (joiner, donor) in enumerate(pairs):
        row = f"{WITHOUT}:{comparison.donors[donor]}"
        estimate = float(fits.estimate[position])
        yield Variation(comparison.joiners[joiner], row, estimate, comparison.years)


def _with_years(
    comparison: Comparison,
    years: Years,
    row: str,
    estimator: OwnEstimator,
    choice: EstimatorChoice,
    least_pre: int,
) -> Iterator[Variation]:
    """Yield each joiner's effect over other years; missing where too few years are left before."""
    if len(years.pre) < least_pre:
        yield from (Variation(region, row, np.nan, years) for region in comparison.joiners)
        return
    rows = np.arange(len(comparison.joiners))
    allowed = _among_rows(comparison, comparison.may_stand[rows])
    fits = _fit(comparison, years, rows, allowed, estimator, choice)
    for region, estimate in zip(comparison.joiners, fits.estimate, strict=True):
        yield Variation(region, row, float(estimate), years)


def _fit(
    comparison: Comparison,
    years: Years,
    rows: NDArray[np.int64],
    allowed: Bools,
    estimator: OwnEstimator,
    choice: EstimatorChoice,
) -> PoolFits:
    kept = [comparison.years.all.index(year) for year in years.all]
    return fit_own_pools(
        comparison.figures[:, kept],
        pre=np.isin(years.all, years.pre),
        post=np.isin(years.all, years.post),
        targets=rows,
        allowed=allowed,
        estimator=estimator,
        ridge=choice.demeaned_ridge,
    )


def _among_rows(comparison: Comparison, may_stand: Bools) -> Bools:
    """Return which rows of ``comparison.figures`` may be donors: its last ones, as `may_stand` says."""
    joiners = np.zeros((len(may_stand), len(comparison.joiners)), dtype=bool)
    return np.hstack([joiners, may_stand])
