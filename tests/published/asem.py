"""The ASEM index of sustainable connectivity as a specification, and the results of COINr 1.1.14 to hold against ours.

Data and results: the example of the R package COINr (Becker, Caperna, Del Sorbo, Norlen, Papadimitriou and Saisana 2022,
doi:10.21105/joss.04567), in ../shared/reference/composite/asem.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.index import Element, IndexSpec, elements_from_table, spec_from_mapping

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "composite" / "asem"
LEVELS = ("indicator", "pillar", "sub_index", "index")
STEPS: dict[str, dict[str, Any]] = {
    "denominate": {},
    "impute": {"method": "group_mean", "group": "EurAsia_group"},
    "treat": {"method": "winsorise", "fallback": "log", "skewness": 2, "kurtosis": 3.5, "max_points": 5},
    "normalise": {"method": "minmax", "score_range": [0, 100]},
}
"""The steps of the example, in our order; it imputes before it screens, and screening then leaves out nobody."""


def table(name: str, *, index: str | None = "uCode") -> pd.DataFrame:
    """Return a reference file; codes such as "NA" are texts, an empty cell is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return frame if index is None else frame.set_index(index).sort_index()


def elements() -> tuple[Element, ...]:
    """Return the elements from the metadata table as COINr keeps it."""
    return elements_from_table(table("input/iMeta.csv", index=None))


def spec(**steps: dict[str, Any] | None) -> IndexSpec:
    """Return the specification with some steps in another form, or left out (None)."""
    chosen = {name: step for name, step in {**STEPS, **steps}.items() if step is not None}
    mapping = {"label": "asem", "unit_column": "uCode", "levels": list(LEVELS), "steps": chosen}
    return spec_from_mapping(mapping, elements())


def largest_difference(ours: pd.DataFrame, reference: pd.DataFrame) -> float:
    """Return the largest relative difference of two tables, infinite where one has a value and the other none."""
    left = ours.loc[reference.index, reference.columns].to_numpy(dtype=float)
    right = reference.to_numpy(dtype=float)
    if not np.array_equal(np.isnan(left), np.isnan(right)):
        return np.inf
    scale = np.where(right == 0, 1.0, np.abs(right))
    return float(np.nanmax(np.abs(left - right) / scale))
