"""The average effect on several units, against averages over as many donors.

Belongs here: sets of donors of the cohort's size and make-up, the spread of their average, p-values and intervals;
the error that independent units would have, for comparison. Does not belong here: single units.

Gaps of units that share donors and shocks move together, so that the error of an average is not the error of one
over the root of their number. Placebo cohorts repeat what moves together: as many donors as treated units in each
stratum, and, with `clusters`, as many from one province as the cohort has in one of its.

References
----------
Abadie and L'Hour (2021), J. American Statistical Association 116(536), doi:10.1080/01621459.2021.1971535.
Cavallo, Galiani, Noy and Pantano (2013), Review of Economics and Statistics 95(5), doi:10.1162/REST_a_00413, on averages
of placebos. Conley and Taber (2011), Review of Economics and Statistics 93(1), doi:10.1162/REST_a_00049.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.charts import Chart
from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import interval_forest
from evaluation.impact.synthetic.gap_panel import TIE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COHORT_DRAWS = 1_999
"""Placebo cohorts: a p-value of 0.05 has a Monte Carlo error of 0.005."""


@dataclass(frozen=True)
class CohortEffect(Tabular):
    """The average effect on a cohort.

    Parameters
    ----------
    table
        One row per column of the estimates: label, estimate, std_error (spread of the placebo cohorts),
        independent_error (as if units were independent), p_value, conf_low, conf_high, n_units.
    draws
        Averages of the placebo cohorts, (n_draws, n_columns).
    level
        Coverage.
    """

    table: pd.DataFrame
    draws: Floats
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per column of the estimates."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n_draws, smallest_p, level."""
        n = len(self.draws)
        return pd.DataFrame([{"n_draws": n, "smallest_p": 1 / (1 + n), "level": self.level}])

    def plot(self, *, title: str = "Average effect, with the interval of placebo cohorts") -> Chart:
        """Draw the estimates with their intervals.

        Parameters
        ----------
        title
            Words of the chart.
        """
        return interval_forest(self.table[np.isfinite(self.table["estimate"])], title=title)


def cohort_test(
    estimates: ArrayLike,
    placebo_estimates: ArrayLike,
    *,
    strata: Sequence[str] | None = None,
    placebo_strata: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    placebo_clusters: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    draws: int = COHORT_DRAWS,
    seed: int = DEFAULT_SEED,
    level: float = CONFIDENCE,
) -> CohortEffect:
    """Test the average of several units' effects with placebo cohorts.

    The p-value ranks absolute averages; the interval takes the two tails of the placebo averages apart. Where these are
    off zero, because donors drift from their own twins, the interval moves by their bias and the p-value does not, so that
    the two may disagree; `CohortEffect.draws` holds what an interval that inverts the p-value needs.

    Parameters
    ----------
    estimates
        (n_units,) or (n_units, n_columns): columns are years or outcomes. A missing value leaves its unit out of
        that column, and its stand-in out of the placebo averages.
    placebo_estimates
        What each donor's estimate is in the place of each unit: (n_placebos,) or (n_placebos, n_columns) where it
        does not depend on the unit, (n_units, n_placebos) or (n_units, n_placebos, n_columns) where it does
        (another first year, another pool). A donor with a missing value in a column counts as absent from it.
    strata, placebo_strata
        Donors stand in for units of their own stratum only (type, island group).
    clusters, placebo_clusters
        Units of one cluster are stood in for by donors of one cluster (province), chosen at random among those
        that are large enough. Not together with strata.
    labels
        Of the columns.
    draws, seed
        Placebo cohorts.
    level
        Coverage.

    Raises
    ------
    BadInputError
        With every fault, among them a stratum or cluster that has more treated units than any has donors.
    """
    if draws < 1 or not 0 < level < 1:
        raise UsageError(f"draws must be 1 or more, level between 0 and 1; got: {draws!r}, {level!r}")
    own = np.asarray(estimates, dtype=float)
    own = own[:, None] if own.ndim == 1 else own
    many = _per_unit(np.asarray(placebo_estimates, dtype=float), own, flat=np.ndim(estimates) == 1)
    n_placebos = many.shape[1]
    raise_if_any(_group_faults(len(own), n_placebos, strata, placebo_strata, clusters, placebo_clusters))
    rng = np.random.default_rng(seed)
    if clusters is not None and placebo_clusters is not None:
        chosen = _draw_clusters(_codes(clusters), _codes(placebo_clusters), draws, rng)
    else:
        groups = strata if strata is not None else [""] * len(own)
        others = placebo_strata if placebo_strata is not None else [""] * n_placebos
        chosen = _draw_strata(np.asarray(groups, dtype=str), np.asarray(others, dtype=str), draws, rng)
    known: NDArray[np.bool_] = np.isfinite(own)
    drawn = _averages(many, chosen, known)
    counts = known.sum(axis=0)
    estimate = np.where(known, own, 0.0).sum(axis=0) / np.where(counts > 0, counts, np.nan)
    low, high = (np.nanquantile(drawn, share, axis=0) for share in ((1 - level) / 2, (1 + level) / 2))
    extreme = (np.abs(drawn) >= np.abs(estimate) * (1 - TIE)).sum(axis=0)
    n = np.isfinite(drawn).sum(axis=0)
    names = [str(place) for place in range(own.shape[1])] if labels is None else list(labels)
    table = pd.DataFrame(
        {
            "label": names,
            "estimate": estimate,
            "std_error": np.sqrt(np.nanmean(drawn**2, axis=0)),
            "independent_error": _independent_error(many, known),
            "p_value": np.where(counts > 0, (1 + extreme) / (1 + n), np.nan),
            "conf_low": estimate - high,
            "conf_high": estimate - low,
            "n_units": counts,
        }
    )
    return CohortEffect(table, drawn, level)


def _per_unit(many: Floats, own: Floats, *, flat: bool) -> Floats:
    """Placebo estimates as (n_units, n_placebos, n_columns)."""
    n_units, n_columns = own.shape
    shapes = {
        (True, 1): lambda: many[None, :, None],
        (True, 2): lambda: many[:, :, None],
        (False, 2): lambda: many[None],
        (False, 3): lambda: many,
    }
    if (flat, many.ndim) not in shapes:
        raise UsageError(
            f"Placebo estimates of shape {many.shape} do not fit estimates of shape {own.shape}."
        )
    full = shapes[flat, many.ndim]()
    if full.shape[0] not in (1, n_units) or full.shape[2] != n_columns:
        raise UsageError(
            f"Placebo estimates of shape {many.shape} do not fit estimates of shape {own.shape}."
        )
    return np.broadcast_to(full, (n_units, *full.shape[1:]))


def _group_faults(
    n_units: int,
    n_placebos: int,
    strata: Sequence[str] | None,
    placebo_strata: Sequence[str] | None,
    clusters: Sequence[str] | None,
    placebo_clusters: Sequence[str] | None,
) -> list[Fault]:
    why = "a placebo cohort has the make-up of the cohort"
    faults = []
    if strata is not None and clusters is not None:
        faults.append(Fault("strata and clusters", "both given", why, "give one of them"))
    for name, own, others in (
        ("strata", strata, placebo_strata),
        ("clusters", clusters, placebo_clusters),
    ):
        if (own is None) != (others is None):
            faults.append(Fault(name, "given for one side only", why, "give them for units and donors"))
        if own is not None and len(own) != n_units:
            faults.append(Fault(name, f"{len(own)} for {n_units} units", why, "give one per unit"))
        if others is not None and len(others) != n_placebos:
            faults.append(Fault(name, f"{len(others)} for {n_placebos} donors", why, "give one per donor"))
    if faults:
        return faults
    if clusters is not None and placebo_clusters is not None:
        needed = pd.Series(clusters).value_counts()
        largest = int(pd.Series(placebo_clusters).value_counts().max())
        return [
            Fault(f"cluster {name}", f"{count} treated, the largest has {largest} donors", why, "split it")
            for name, count in needed.items()
            if count > largest
        ]
    groups = pd.Series([""] * n_units if strata is None else list(strata)).value_counts()
    there = pd.Series([""] * n_placebos if placebo_strata is None else list(placebo_strata)).value_counts()
    return [
        Fault(
            f"stratum {name or '(all)'}", f"{count} treated, {there.get(name, 0)} donors", why, "merge strata"
        )
        for name, count in groups.items()
        if count > there.get(name, 0)
    ]


def _codes(names: Sequence[str]) -> Integers:
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)


def _draw_strata(
    strata: NDArray[np.str_], others: NDArray[np.str_], draws: int, rng: np.random.Generator
) -> Integers:
    """Donors that stand in for each unit, without repetition, (n_draws, n_units)."""
    chosen = np.empty((draws, len(strata)), dtype=np.int64)
    for name in np.unique(strata):
        units, donors = np.flatnonzero(strata == name), np.flatnonzero(others == name)
        order = np.argsort(rng.random((draws, len(donors))), axis=1)[:, : len(units)]
        chosen[:, units] = donors[order]
    return chosen


def _draw_clusters(own: Integers, others: Integers, draws: int, rng: np.random.Generator) -> Integers:
    """Stand-ins of which those for one cluster come from one cluster, (n_draws, n_units).

    Clusters are filled in order of size. A cluster of donors may serve twice while it has members left, and a
    draw in which none is left that is large enough starts over with used members put back.
    """
    sizes = np.bincount(others)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    # Members of each cluster side by side, in another order in each draw.
    members = np.argsort(others + rng.random((draws, len(others))), axis=1)
    left: Integers = np.tile(sizes, (draws, 1)).astype(np.int64)
    chosen = np.empty((draws, len(own)), dtype=np.int64)
    rows = np.arange(draws)
    for code in np.argsort(-np.bincount(own), kind="stable"):
        units = np.flatnonzero(own == code)
        exhausted = left.max(axis=1) < len(units)
        left = np.where(exhausted[:, None], sizes, left)
        fits = left >= len(units)
        cluster = np.where(fits, rng.random(fits.shape), -1.0).argmax(axis=1)
        first = starts[cluster] + sizes[cluster] - left[rows, cluster]
        for place, unit in enumerate(units):
            chosen[:, unit] = members[rows, first + place]
        left[rows, cluster] -= len(units)
    return chosen


def _averages(many: Floats, chosen: Integers, known: NDArray[np.bool_]) -> Floats:
    """Average over the stand-ins of the units known in each column, (n_draws, n_columns)."""
    totals = np.zeros((len(chosen), many.shape[2]))
    counts = np.zeros_like(totals)
    for unit in range(len(known)):
        values = many[unit, chosen[:, unit]]
        there = known[unit] & np.isfinite(values)
        totals += np.where(there, values, 0.0)
        counts += there
    return totals / np.where(counts > 0, counts, np.nan)


def _independent_error(many: Floats, known: NDArray[np.bool_]) -> Floats:
    """Root of the summed mean squares of the placebos, over the number of units."""
    there = np.isfinite(many)
    counts = there.sum(axis=1)
    squares = np.where(there, many**2, 0.0).sum(axis=1) / np.where(counts > 0, counts, np.nan)
    total = np.where(known, squares, 0.0).sum(axis=0)
    return np.sqrt(total) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
