"""Gaps of treated units beside gaps of their placebos: what every inference about one unit's own effect reads.

Belongs here: the arrays, checked at the door, and the means that all tests share. Does not belong here: how a
synthetic unit is made, or what a test concludes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import Fault, UsageError, raise_if_any

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TIE = 1e-10
"""Relative difference below which two statistics tie: sums of the same figures in another order."""


@dataclass(frozen=True)
class GapPanel:
    """Gaps (observed less synthetic) by unit and year.

    Parameters
    ----------
    units
        Names of the treated units, (n_units,).
    placebos
        Names of the placebos, (n_placebos,).
    gaps
        (n_units, n_years); missing where a unit has no figure.
    placebo_gaps
        (n_placebos, n_years), shared by all units, or (n_units, n_placebos, n_years).
    pre, post
        Years before and after treatment, (n_years,); years of anticipation are in neither.
    counted
        Which placebos count for which unit, (n_units, n_placebos); all that are observed when None.
    """

    units: tuple[str, ...]
    placebos: tuple[str, ...]
    gaps: Floats
    placebo_gaps: Floats
    pre: Bools
    post: Bools
    counted: Bools | None = None

    @property
    def estimates(self) -> Floats:
        """Average gap after treatment over the years in which the unit is observed, (n_units,)."""
        return _ratio(np.where(self._used(self.post), self.gaps, 0.0).sum(axis=1), self._n(self.post))

    @property
    def placebo_estimates(self) -> Floats:
        """The same of each placebo over the unit's years, (n_units, n_placebos); missing if any is missing."""
        return self._placebo_means(self.placebo_gaps, self.post)

    def rmspe(self, years: Bools) -> Floats:
        """Root of the mean squared gap over some years, (n_units,).

        Parameters
        ----------
        years
            (n_years,).
        """
        squares = np.where(self._used(years), self.gaps**2, 0.0).sum(axis=1)
        return np.sqrt(_ratio(squares, self._n(years)))

    def placebo_rmspe(self, years: Bools) -> Floats:
        """Return the same of each placebo over the unit's years, (n_units, n_placebos).

        Parameters
        ----------
        years
            (n_years,).
        """
        return np.sqrt(self._placebo_means(self.placebo_gaps**2, years))

    def without_placebos(self, dropped: ArrayLike) -> GapPanel:
        """Return the panel in which some placebos are missing.

        Parameters
        ----------
        dropped
            (n_placebos,) or (n_units, n_placebos).
        """
        out = np.asarray(dropped, dtype=bool)
        expected = {(len(self.placebos),), (len(self.units), len(self.placebos))}
        if out.shape not in expected:
            raise UsageError(f"dropped must have the shape of the placebos {expected}; got: {out.shape}")
        kept = np.broadcast_to(~out, (len(self.units), len(self.placebos)))
        return replace(self, counted=kept if self.counted is None else kept & self.counted)

    def _used(self, years: Bools) -> Bools:
        return np.asarray(years & np.isfinite(self.gaps))

    def _n(self, years: Bools) -> Floats:
        return self._used(years).sum(axis=1).astype(float)

    def _placebo_means(self, values: Floats, years: Bools) -> Floats:
        used = self._used(years).astype(float)
        form = "ut,pt->up" if values.ndim == 2 else "ut,upt->up"
        missing = np.isnan(values)
        # einsum without optimisation: equal placebos give equal bits, so that ties are ties.
        sums = np.einsum(form, used, np.where(missing, 0.0, values))
        means = sums / np.where(self._n(years) > 0, self._n(years), np.nan)[:, None]
        if missing.any():
            means = np.where(np.einsum(form, used, missing.astype(float)) > 0, np.nan, means)
        return means if self.counted is None else np.where(self.counted, means, np.nan)


def gap_panel(
    *,
    gaps: ArrayLike,
    placebo_gaps: ArrayLike,
    pre: ArrayLike,
    post: ArrayLike,
    units: Sequence[str] | None = None,
    placebos: Sequence[str] | None = None,
) -> GapPanel:
    """Return gaps and placebo gaps, checked.

    Parameters
    ----------
    gaps
        (n_units, n_years).
    placebo_gaps
        (n_placebos, n_years), or (n_units, n_placebos, n_years) where units do not share their placebos.
    pre, post
        (n_years,) of truth values.
    units, placebos
        Names; their positions when None.

    Raises
    ------
    BadInputError
        With every fault.
    """
    own, others = np.atleast_2d(np.asarray(gaps, dtype=float)), np.asarray(placebo_gaps, dtype=float)
    before, after = np.asarray(pre, dtype=bool), np.asarray(post, dtype=bool)
    raise_if_any(_shape_faults(own, others, before, after))
    n_units, n_placebos = len(own), others.shape[-2]
    unit_names = _names(units, n_units)
    placebo_names = _names(placebos, n_placebos)
    raise_if_any(
        [
            *_name_faults("units", unit_names, n_units),
            *_name_faults("placebos", placebo_names, n_placebos),
            *_year_faults(before, after),
            *_infinite("gaps", own),
            *_infinite("placebo gaps", others),
        ]
    )
    return GapPanel(unit_names, placebo_names, own, others, before, after)


def row_quantile(values: Floats, share: float) -> Floats:
    """Return a quantile of each row, interpolated linearly, missing values left out.

    Parameters
    ----------
    values
        (n_rows, n).
    share
        Between 0 and 1.
    """
    ordered = np.sort(values, axis=1)
    n = (~np.isnan(values)).sum(axis=1)
    place = np.maximum(n - 1, 0) * share
    below = np.floor(place).astype(int)
    rows = np.arange(len(values))
    low, high = ordered[rows, below], ordered[rows, np.minimum(below + 1, np.maximum(n - 1, 0))]
    part = place - below
    return np.where(part > 0, low + part * (high - low), low)


def _names(given: Sequence[str] | None, n: int) -> tuple[str, ...]:
    return tuple(str(name) for name in (range(n) if given is None else given))


def _shape_faults(own: Floats, others: Floats, before: Bools, after: Bools) -> list[Fault]:
    n_units, n_years = own.shape[0], own.shape[-1]
    why, faults = "gaps, placebos and years are compared cell by cell", []
    if own.ndim != 2:
        faults.append(Fault("gaps", f"shape {own.shape}", why, "give units x years"))
    shared, separate = others.ndim == 2, others.ndim == 3 and others.shape[0] == n_units
    if not (shared or separate) or others.shape[-1] != n_years:
        what = f"shape {others.shape} beside {n_units} units and {n_years} years"
        faults.append(Fault("placebo gaps", what, why, "give placebos x years, or units x placebos x years"))
    for name, mask in (("years before", before), ("years after", after)):
        if mask.shape != (n_years,):
            faults.append(Fault(name, f"shape {mask.shape}, {n_years} years", why, "give one for each year"))
    return faults


def _name_faults(where: str, names: tuple[str, ...], n: int) -> list[Fault]:
    if len(names) != n:
        why, remedy = "each row needs its name", "give one name for each row"
        return [Fault(where, f"{len(names)} names for {n} rows", why, remedy)]
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < n else []
    return [
        Fault(where, f"{name} twice", "a row is found by its name", "name each once") for name in repeated
    ]


def _year_faults(before: Bools, after: Bools) -> list[Fault]:
    why, faults = "an effect compares years after treatment with years before", []
    for name, mask in (("years before", before), ("years after", after)):
        if not mask.any():
            faults.append(Fault(name, "none", why, "mark at least one year"))
    if (before & after).any():
        faults.append(Fault("years", "before and after at once", why, "mark each year once"))
    return faults


def _infinite(where: str, values: Floats) -> list[Fault]:
    count = int(np.isinf(values).sum())
    if not count:
        return []
    return [
        Fault(where, f"{count} infinite", "ranks and means would be infinite", "leave missing cells missing")
    ]


def _ratio(total: Floats, count: Floats) -> Floats:
    return total / np.where(count > 0, count, np.nan)
