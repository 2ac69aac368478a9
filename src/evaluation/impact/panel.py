"""The door of the engine: a long panel is checked, every fault at once, and turned into arrays.

Belongs here: reading the columns that a design names, and the array form the estimators work on. Does not
belong here: which years and units are compared (`evaluation.impact.cells`), nor any estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.columns import ColumnReader, Keys, missing_column_faults
from evaluation.impact.design import Design
from evaluation.impact.feasibility import control_faults, feasibility_faults
from evaluation.impact.notes import Note

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class WidePanel:
    """A checked panel as arrays; units in sorted order, years ascending.

    Parameters
    ----------
    units
        Names of the units, (n_units,).
    years
        Years in which the outcome is observed at all, (n_years,).
    outcome
        (n_units, n_years), NaN where missing.
    cohort
        First year of effect, infinite = never treated, (n_units,).
    covariates
        (n_units, n_years, n_covariates), NaN where missing; `covariate_names` names the last axis.
    may_control
        Whether a unit may serve as a control at all, (n_units,).
    weights
        Sampling weights with mean one, (n_units,).
    clusters
        Cluster of each unit as 0, 1, ..., or None when each unit is its own, (n_units,).
    always_treated
        Units per cohort left out because they have no base year in the data.
    notes
        What was left out at the door.
    """

    units: NDArray[np.object_]
    years: NDArray[np.int64]
    outcome: Floats
    cohort: Floats
    covariates: Floats
    covariate_names: tuple[str, ...]
    may_control: Bools
    weights: Floats
    clusters: NDArray[np.int64] | None
    always_treated: dict[int, int]
    notes: tuple[Note, ...]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units)


def read_panel(
    panel: pd.DataFrame,
    design: Design,
    *,
    keep_always_treated: bool = False,
    controls_needed: bool = False,
) -> WidePanel:
    """Check a long panel against a design and return it as arrays.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    keep_always_treated
        Keep units that are treated in every year: they have no effect of their own to estimate, but are
        part of a two-way fixed effects coefficient.
    controls_needed
        Count it as a fault when no unit is a clean control in any year after treatment, as group-time
        estimators need one.

    Returns
    -------
    WidePanel
        Without units that are treated in every year or never observed; `notes` counts them.

    Raises
    ------
    BadInputError
        With every fault of the columns and every reason why nothing can be compared, as far as they are known.
    """
    faults = missing_column_faults(panel, design)
    reader = ColumnReader(panel, design)
    wide = None if faults else _to_wide(reader)
    raise_if_any([*faults, *reader.faults, *_feasibility_faults(reader, controls_needed=controls_needed)])
    assert wide is not None
    if keep_always_treated:
        return _drop_never_observed(wide)
    return _drop_never_observed(_drop_always_treated(wide, design))


def keep_units(wide: WidePanel, kept: Bools) -> WidePanel:
    """Return the panel of some of its units; weights have mean one again, clusters are numbered anew.

    Parameters
    ----------
    wide
        The panel.
    kept
        Which units stay, (n_units,).
    """
    return _keep(wide, kept)


def unit_column(panel: pd.DataFrame, design: Design, wide: WidePanel, name: str) -> NDArray[np.object_]:
    """Return a column of the panel by unit, for strata, sizes or clusters that the design does not name.

    Parameters
    ----------
    panel, design, wide
        The long panel, the study, and the panel as arrays.
    name
        The column; one value per unit.

    Raises
    ------
    BadInputError
        When it is absent, varies within a unit or is missing for one.
    """
    why, remedy = f"{name} sorts whole units", "name a column with one value for each unit"
    if name not in panel.columns:
        raise_if_any([Fault(f"column {name}", "is not in the panel", why, remedy)])
    numeric = pd.api.types.is_numeric_dtype(panel[design.unit])
    named = panel[design.unit] if numeric else panel[design.unit].astype(str)
    values = panel[name].groupby(named)
    first = values.first().reindex(wide.units)
    varying = values.nunique(dropna=False).reindex(wide.units) > 1
    faults = [
        Fault(f"{name} of {design.unit} {unit}", "varies between years", why, remedy)
        for unit in wide.units[varying.to_numpy()]
    ]
    faults += [
        Fault(f"{name} of {design.unit} {unit}", "is missing", why, remedy)
        for unit in wide.units[(first.isna() & ~varying).to_numpy()]
    ]
    raise_if_any(faults)
    return first.to_numpy(dtype=object)


def _feasibility_faults(reader: ColumnReader, *, controls_needed: bool) -> list[Fault]:
    design, known = reader.design, reader.known
    faults = feasibility_faults(design=design, years=known.years, cohort=known.cohort)
    years, cohort, may_control = known.years, known.cohort, known.may_control
    if not controls_needed or years is None or len(years) < 2 or cohort is None or may_control is None:
        return faults
    return faults + control_faults(design=design, years=years, cohort=cohort, may_control=may_control)


def _to_wide(reader: ColumnReader) -> WidePanel | None:
    keys, design = reader.keys, reader.design
    if reader.panel.empty:
        return None
    values = reader.outcome()
    cohort = reader.cohort()
    names, covariates = reader.covariates()
    may_control, weights, clusters = reader.may_control(), reader.weights(), reader.clusters()
    if reader.faults or keys is None:
        return None
    outcome = _spread(values[:, None], keys)[:, :, 0]
    used = np.isfinite(outcome).any(axis=0)
    if design.end_year is not None:
        used &= keys.years <= design.end_year
    return WidePanel(
        units=keys.units,
        years=keys.years[used],
        outcome=outcome[:, used],
        cohort=cohort,
        covariates=_spread(covariates, keys)[:, used],
        covariate_names=names,
        may_control=may_control,
        weights=weights,
        clusters=clusters,
        always_treated={},
        notes=(),
    )


def _spread(values: Floats, keys: Keys) -> Floats:
    """Long values (n_rows, k) to (n_units, n_years, k), NaN where there is no row."""
    wide = np.full((len(keys.units), len(keys.years), values.shape[1]), np.nan)
    wide[keys.unit, keys.year] = values
    return wide


def _drop_always_treated(wide: WidePanel, design: Design) -> WidePanel:
    always = wide.cohort - design.anticipation <= wide.years[0]
    if not always.any():
        return wide
    cohorts, counts = np.unique(wide.cohort[always].astype(int), return_counts=True)
    note = Note(
        "always_treated",
        "{n} units are treated, or possibly treated, in every year from {first_year} on and are left out.",
        {"n": int(always.sum()), "first_year": int(wide.years[0])},
    )
    counted = dict(zip(cohorts.tolist(), counts.tolist(), strict=True))
    return replace(_keep(wide, ~always), always_treated=counted, notes=(*wide.notes, note))


def _drop_never_observed(wide: WidePanel) -> WidePanel:
    observed: Bools = np.logical_or.reduce(np.isfinite(wide.outcome), axis=1)
    if observed.all():
        return wide
    note = Note(
        "never_observed",
        "{n} units have no value of the outcome in any year used and are left out.",
        {"n": int((~observed).sum())},
    )
    return replace(_keep(wide, observed), notes=(*wide.notes, note))


def _keep(wide: WidePanel, kept: Bools) -> WidePanel:
    return replace(
        wide,
        units=wide.units[kept],
        outcome=wide.outcome[kept],
        cohort=wide.cohort[kept],
        covariates=wide.covariates[kept],
        may_control=wide.may_control[kept],
        weights=wide.weights[kept] / wide.weights[kept].mean(),
        clusters=None if wide.clusters is None else np.unique(wide.clusters[kept], return_inverse=True)[1],
    )
