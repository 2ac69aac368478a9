"""Tables of own effects as they are taken away from a page.

Belongs here: rounding and thinning for small files. Does not belong here: tables that a page shows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SIGNIFICANT_DIGITS = 5
"""Digits of the figures to take away: noise leaves two or three."""


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without columns that are empty or say the same as the file's name, its numbers rounded.

    Whole numbers are written as such, and stay missing where they are.
    """
    kept = table.dropna(axis=1, how="all")
    kept = kept.loc[:, [name for name in kept if not (kept[name] == "").all()]]
    return kept.assign(**{name: _short(kept[name]) for name in kept.select_dtypes("float").columns})


def _short(values: pd.Series) -> pd.Series:
    known = values.to_numpy(dtype=float)
    finite = known[np.isfinite(known)]
    if len(finite) == np.count_nonzero(~np.isnan(known)) and (finite == np.round(finite)).all():
        return values.astype("Int64")
    return pd.Series([float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in known], index=values.index)
