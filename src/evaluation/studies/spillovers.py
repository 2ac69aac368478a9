"""Whether regions near the joiners moved too.

Belongs here: the rings around joiners and who they are compared with. Does not belong here: the estimator.

An effect on neighbours would make near controls a bad comparison, and would itself be an effect of the programme
(Butts 2021, Difference-in-differences with spatial spillovers, arXiv:2105.03737: effects by distance band).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evaluation.impact.panel import WidePanel, keep_units
from evaluation.impact.refits import refit
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.check_rows import check_row, lacking_cohorts, missing_row
from evaluation.studies.heterogeneity import MIN_TREATED
from evaluation.studies.impact_fits import RowFit
from evaluation.studies.panels import StudyData, near_treated
from evaluation.studies.plan import DesignPlan

RINGS_KM = ((0.0, 50.0), (50.0, 100.0), (100.0, 200.0))
"""Distances from the nearest joiner, between centroids."""
FAR_KM = 200.0
"""Beyond this distance regions serve as controls."""


@dataclass(frozen=True)
class Ring:
    """Regions at some distance from a design's joiners.

    Parameters
    ----------
    element
        Its distances in kilometres, ``0-50``.
    near
        Whether a region lies in the ring and has far regions on its island group, by region code.
    cohort
        First year in which a region may feel its neighbours, infinite = never, by region code.
    far
        Whether a region is one of those compared with, by region code.
    lost_islands
        Island groups whose regions in the ring have nobody to be compared with.
    """

    element: str
    near: pd.Series
    cohort: pd.Series
    far: pd.Series
    lost_islands: tuple[str, ...]


def rings_around(data: StudyData, design: DesignPlan) -> tuple[Ring, ...]:
    """Return the rings around a design's joiners, the nearest first."""
    least = data.plan.covariates.controls_per_island_group
    return tuple(_ring(data.units, design, low=low, high=high, least=least) for low, high in RINGS_KM)


def ring_effects(fit: RowFit, wide: WidePanel, rings: tuple[Ring, ...]) -> Iterator[dict[str, object]]:
    """Yield the effect on never treated clean controls in each ring, against those farther than the last ring.

    A region's first year is that of the earliest cohort with a joiner within the ring's outer distance. Regions of a
    ring on islands without far ones have nobody like them and are left out; the status names those islands
    (``without_islands:Java_Bali``).

    Parameters
    ----------
    fit, wide
        The row of the plan, and its panel as arrays.
    rings
        From `rings_around` for the row's design.
    """
    for ring in rings:
        panel = _ring_panel(wide, ring)
        n_near = int(np.isfinite(panel.cohort).sum())
        found = refit(panel, fit.asked) if n_near >= MIN_TREATED else None
        reason = "too_few_treated" if found is None else found.reason
        if found is None or reason:
            row = missing_row(fit, "ring", ring.element, reason=reason)
            yield {**row, "n_treated": float(n_near), "n_control": float(panel.may_control.sum())}
            continue
        remarks = [f"without_islands:{'+'.join(ring.lost_islands)}"] if ring.lost_islands else []
        present = set(panel.cohort[np.isfinite(panel.cohort)].astype(int))
        absent = set(fit.asked.cohorts or ()) - present
        remarks.append(lacking_cohorts(fit, {*found.cohorts, *absent}))
        yield check_row(fit, "ring", ring.element, found.numbers, status="+".join(filter(None, remarks)))


def _ring(units: pd.DataFrame, design: DesignPlan, *, low: float, high: float, least: int) -> Ring:
    treated = units.index[units["joined"].isin(design.joined)]
    untreated = units["joined"].isna() & units["clean_control"]
    near = untreated & near_treated(units, treated, high)
    if low > 0:
        near &= ~near_treated(units, treated, low)
    far = untreated & ~near_treated(units, treated, FAR_KM)
    n_far = units["island_group"].map(units.loc[far, "island_group"].value_counts()).fillna(0)
    comparable = n_far >= least
    lost = tuple(sorted(set(units.loc[near & ~comparable, "island_group"])))
    cohort = pd.Series(np.inf, index=units.index)
    for year in sorted(design.joined, reverse=True):
        within = near_treated(units, units.index[units["joined"] == year], high)
        cohort = cohort.mask(within, float(year + YEARS_TO_FIRST_EFFECT))
    return Ring(f"{low:g}-{high:g}", near=near & comparable, cohort=cohort, far=far, lost_islands=lost)


def _ring_panel(wide: WidePanel, ring: Ring) -> WidePanel:
    """Return the panel of near and far regions alone, the near ones as if treated."""
    near = ring.near.reindex(wide.units).to_numpy(dtype=bool)
    far = ring.far.reindex(wide.units).to_numpy(dtype=bool)
    cohort = np.where(near, ring.cohort.reindex(wide.units).to_numpy(), np.inf)
    return keep_units(replace(wide, cohort=cohort, may_control=far), near | far)
