"""One unit: its scores and ranks on every level, and the indicators on which it stands highest and lowest.

Belongs here: picking a unit's strengths and weaknesses from ranks. Does not belong here: comparing years
(`contributions`) or finding similar units (`neighbours`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evaluation.errors import UsageError
from evaluation.index.ranking import competition_ranks
from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import check_columns, check_numeric, check_option

LastPlace = Literal["no_strength", "left_out"]


@dataclass(frozen=True)
class Profile:
    """The strengths and weaknesses of one unit.

    Parameters
    ----------
    unit
        The unit.
    strengths, weaknesses
        indicator, rank (1 is best; equal values share the better place), n_ranked (units with a value), value; strengths
        from the best rank on, weaknesses up to the worst.
    """

    unit: Hashable
    strengths: pd.DataFrame
    weaknesses: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return both tables under each other, with a column kind: ``strength`` or ``weakness``."""
        return pd.concat(
            [self.strengths.assign(kind="strength"), self.weaknesses.assign(kind="weakness")],
            ignore_index=True,
        )


def strengths_and_weaknesses(
    values: pd.DataFrame,
    *,
    unit: Hashable,
    directions: Mapping[str, int] | None = None,
    count: int = 5,
    least_unique: float = 0.0,
    last_place: LastPlace = "no_strength",
) -> Profile:
    """Return the indicators on which a unit ranks highest and lowest among all units.

    Parameters
    ----------
    values
        (n_units, n_indicators), NaN where missing. Of equal ranks, the first column comes first.
    unit
        The unit, from the index of `values`.
    directions
        +1 when more is better, -1 when less is better, by indicator; +1 where not given.
    count
        How many of each.
    least_unique
        Least share of different values among the units for an indicator to be considered, 0-1: yes-no indicators rank many
        units first.
    last_place
        An indicator on which nobody is below the unit is ``no_strength`` (as when half of all units share the lowest value,
        and so a middle rank), or is ``left_out`` of the weaknesses too, as COINr does.

    Raises
    ------
    UsageError
        When the unit or the option does not exist.
    """
    check_option(last_place, get_args(LastPlace), name="last_place")
    check_numeric(values)
    if unit not in values.index:
        raise UsageError(f"unit must be one of the {len(values)} units of the values; got: {unit!r}")
    table = _ranked(values, unit=unit, directions=directions or {})
    share_unique = values.nunique() / values.notna().sum().where(lambda count: count > 0)
    table = table[table["rank"].notna() & (share_unique.to_numpy() >= least_unique)]
    table = table.sort_values("rank", kind="stable")
    last = table["rank"] == table["last_rank"]
    columns = ["indicator", "rank", "n_ranked", "value"]
    low = table[~last] if last_place == "left_out" else table
    return Profile(
        unit=unit,
        strengths=table.loc[~last, columns].head(count).reset_index(drop=True),
        weaknesses=low[columns].tail(count).reset_index(drop=True),
    )


def unit_summary(scores: pd.DataFrame, spec: IndexSpec, *, unit: Hashable) -> pd.DataFrame:
    """Return the scores and ranks of a unit, from the top level down.

    Parameters
    ----------
    scores
        (n_units, n_elements), scores of all levels; more is better.
    spec
        The hierarchy.
    unit
        The unit, from the index of `scores`.

    Returns
    -------
    DataFrame
        level, code, score, rank (1 is best; equal scores share the better place), n_ranked (units with a score).
    """
    if unit not in scores.index:
        raise UsageError(f"unit must be one of the {len(scores)} units of the scores; got: {unit!r}")
    elements = [one for level in reversed(spec.level_names) for one in spec.of_level(level)]
    codes = [element.code for element in elements]
    check_columns(scores, codes)
    table = _ranked(scores[codes], unit=unit, directions={})
    return pd.DataFrame(
        {
            "level": [element.level for element in elements],
            "code": codes,
            "score": table["value"],
            "rank": table["rank"],
            "n_ranked": table["n_ranked"],
        }
    )


def _ranked(values: pd.DataFrame, *, unit: Hashable, directions: Mapping[str, int]) -> pd.DataFrame:
    signs = np.array([directions.get(str(code), 1) for code in values.columns], dtype=float)
    numbers = values.to_numpy(dtype=float)
    ranks = competition_ranks(numbers * signs, axis=0)
    row = values.index.get_loc(unit)
    lowest = np.where(np.isnan(ranks), -np.inf, ranks).max(axis=0)
    return pd.DataFrame(
        {
            "indicator": values.columns,
            "rank": ranks[row],
            "n_ranked": (~np.isnan(numbers)).sum(axis=0),
            "value": numbers[row],
            "last_rank": lowest,
        }
    )
