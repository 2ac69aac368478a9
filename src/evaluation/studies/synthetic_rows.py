"""A row of the study plan by synthetic difference-in-differences: a design's joiners together against weighted donors.

Belongs here: the panel of a row as a question to the synthetic engine, and its answer as numbers of `estimates`. Does not
belong here: effects of single regions (`evaluation.studies.region_effects`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.impact import mde
from evaluation.impact.synthetic import SyntheticDesign, SyntheticDidResult, synthetic_did, synthetic_effects

TOO_FEW_YEARS_BEFORE = "too_few_years_before"
NOT_CONVERGED = "not_converged"
REASONS = {
    "no_post_year": "beyond_data",
    "too_few_pre_years": TOO_FEW_YEARS_BEFORE,
    "too_few_donors": "no_control",
    "not_converged": NOT_CONVERGED,
}
"""Reasons of the synthetic engine as those of `estimates`."""


@dataclass(frozen=True)
class SyntheticRow:
    """A row by synthetic difference-in-differences.

    Parameters
    ----------
    result
        The effect of all joiners together; None where none can be compared.
    reason
        Why there is none, empty where there is one.
    """

    result: SyntheticDidResult | None
    reason: str

    @property
    def numbers(self) -> dict[str, Any]:
        """The effect in the columns of `estimates`; only where there is one."""
        assert self.result is not None
        row = self.result.tidy().iloc[0].to_dict()
        n_treated, n_control = float(row["n_treated"]), float(row["n_donors"])
        names = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
        return {name: float(row[name]) for name in names} | {
            "band": "pointwise",
            "mde": float(mde(row["std_error"])),
            "n_units": n_treated + n_control,
            "n_treated": n_treated,
            "n_control": n_control,
        }

    @property
    def cohorts(self) -> tuple[int, ...]:
        """First years of effect of the joiners that are in it, sorted."""
        assert self.result is not None
        return tuple(sorted({int(year) for year in self.result.blocks["first_year"]}))


def synthetic_row(table: pd.DataFrame, *, cohorts: Collection[int], anticipation: int) -> SyntheticRow:
    """Return the effect of all joiners of some cohorts, against clean controls that never joined.

    The error is the jackknife over regions at fixed weights (Arkhangelsky and others 2021, algorithm 3), which asks for many
    joiners, as there are, and not for joiners that vary as donors do.

    Parameters
    ----------
    table
        A panel as in `OutcomePanel`: region_code, year, value, cohort, clean_control.
    cohorts
        First years of effect.
    anticipation
        Years before them that count neither as before nor as after.
    """
    units = table.drop_duplicates("region_code").set_index("region_code")
    treated = units.loc[units["cohort"].isin(cohorts), "cohort"].astype(int)
    donors = units.index[units["cohort"].isna() & units["clean_control"].astype(bool)]
    design = SyntheticDesign(
        outcome="value",
        unit="region_code",
        time="year",
        treated={str(code): int(year) for code, year in treated.items()},
        donors=tuple(map(str, donors)),
        anticipation=anticipation,
    )
    panel = table.loc[table["region_code"].isin([*treated.index, *donors]), ["region_code", "year", "value"]]
    effects = synthetic_effects(panel, design).effects
    status = effects["status"].to_numpy(dtype=str)
    if not (status == "ok").sum() > 1:
        return SyntheticRow(result=None, reason=_reason(status))
    return SyntheticRow(result=synthetic_did(panel, design, error="jackknife"), reason="")


def _reason(status: np.ndarray) -> str:
    """Return the commonest reason why joiners cannot be compared; with one joiner that can, that it is alone."""
    missing = [text.rpartition(":")[2] for text in status if text != "ok"]
    if len(missing) < len(status):
        return "too_few_treated"
    codes, counts = np.unique(missing, return_counts=True)
    return REASONS[str(codes[counts.argmax()])]
