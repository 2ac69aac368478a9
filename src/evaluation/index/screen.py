"""Indicators and units that too little is known of are left out, before anything is imputed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError, Fault
from evaluation.index.spec import IndexSpec


@dataclass(frozen=True)
class Screened:
    """What is kept, and why the rest is not.

    Parameters
    ----------
    data
        The kept rows and indicators.
    units
        One row a unit (and time), index as given: n_missing, n_zero, availability (share of indicators there),
        nonzero (share of the values there that are not zero), included, reason (``""``, ``low_availability``,
        ``many_zeros`` or both joined by ``+``).
    indicators
        One row an indicator: code, n_missing, availability (share of rows), included, reason.
    """

    data: pd.DataFrame
    units: pd.DataFrame
    indicators: pd.DataFrame

    @property
    def left_out(self) -> tuple[str, ...]:
        """Codes of the indicators that are left out."""
        return tuple(self.indicators.loc[~self.indicators["included"], "code"])


def screen(values: pd.DataFrame, spec: IndexSpec) -> Screened:
    """Return the rows and indicators of which enough is known, by the specification's step `screen`.

    Indicators go first, so that a unit is not judged by what is left out for everybody.

    Parameters
    ----------
    values
        (n_rows, n_indicators), columns the codes; index units, or units and times (each then judged by itself).

    Raises
    ------
    BadInputError
        When nothing is left.
    """
    assert spec.screen is not None
    given = values[[element.code for element in spec.indicators]].astype(float)
    indicators = _judged_indicators(given, spec.screen.indicator_min_availability)
    kept = given[indicators.loc[indicators["included"], "code"]]
    units = _judged_units(kept, spec)
    screened = Screened(data=kept[units["included"]], units=units, indicators=indicators)
    if screened.data.empty:
        raise BadInputError(
            [
                Fault(
                    where="screen",
                    what=f"{screened.data.shape[1]} indicators and {len(screened.data)} rows are left",
                    why="an index needs both",
                    remedy="ask for lower shares",
                )
            ]
        )
    return screened


def _judged_indicators(values: pd.DataFrame, least: float) -> pd.DataFrame:
    missing = values.isna().sum().to_numpy()
    availability = 1.0 - missing / max(len(values), 1)
    included = availability >= least
    return pd.DataFrame(
        {
            "code": values.columns,
            "n_missing": missing,
            "availability": availability,
            "included": included,
            "reason": np.where(included, "", "low_availability"),
        }
    )


def _judged_units(values: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    step = spec.screen
    assert step is not None
    missing = values.isna().sum(axis=1).to_numpy()
    zero = (values == 0).sum(axis=1).to_numpy()
    present = values.shape[1] - missing
    availability = 1.0 - missing / max(values.shape[1], 1)
    nonzero = 1.0 - np.divide(zero, present, out=np.zeros(len(values)), where=present > 0)
    few = (availability < step.min_availability) & (step.by in ("missing", "both"))
    many = (nonzero < step.min_nonzero) & (step.by in ("zeros", "both"))
    return pd.DataFrame(
        {
            "n_missing": missing,
            "n_zero": zero,
            "availability": availability,
            "nonzero": nonzero,
            "included": ~(few | many),
            "reason": np.select(
                [few & many, few, many], ["low_availability+many_zeros", "low_availability", "many_zeros"], ""
            ),
        },
        index=values.index,
    )
