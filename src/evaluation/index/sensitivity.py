"""Which choice moves the ranks: Sobol' indices of every unit's rank and score, and of how far ranks move on average.

Belongs here: the index as a function of its factors. Does not belong here: the estimators (`evaluation.index.sobol`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts.frame import Chart, Format
from evaluation.charts.ranks import ShareLabels, share_ranges
from evaluation.errors import UsageError
from evaluation.index.factors import Factor
from evaluation.index.nominal import Groups, Nominal, RankWithin, prepare_nominal
from evaluation.index.rank_intervals import UNRANKED, Ranks
from evaluation.index.replications import Replications, Request, replicate
from evaluation.index.scopes import TIME, UNIT, times_of, units_of
from evaluation.index.sobol import FirstOrder, SobolIndices, saltelli_sample, sobol_indices
from evaluation.index.spec import IndexSpec
from evaluation.index.variants import Functions

Floats = NDArray[np.float64]
Outcome = Literal["mean_rank_shift", "rank", "score"]

OUTCOMES: tuple[Outcome, ...] = ("mean_rank_shift", "rank", "score")


@dataclass(frozen=True)
class SensitivityResult:
    """Sobol' indices of each factor.

    Parameters
    ----------
    spec, factors, n, seed, level
        What was asked; `n` points of the base sample, (number of factors + 2) n replications.
    table
        See `tidy`.
    """

    spec: IndexSpec
    factors: tuple[Factor, ...]
    n: int
    seed: int
    level: float
    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row an outcome, unit, factor and order.

        Returns
        -------
        DataFrame
            code (the element), outcome: ``mean_rank_shift`` (mean over units of the absolute difference from the rank
            as specified; unit and time are empty), ``rank`` or ``score`` of a unit; unit, time (in a panel); factor;
            order: ``first`` (share of the variance due to the factor alone) or ``total`` (alone and together with
            others); estimate, conf_low, conf_high (bootstrap, pointwise). Missing for an outcome that never varies, that
            is missing in some replication, or scores on different scales.
        """
        return self.table.copy()

    def overall(self, code: str | None = None) -> pd.DataFrame:
        """Return the rows of the mean rank shift of an element, the first one when None."""
        own = self.table["code"].iloc[0] if code is None else code
        rows = self.table[(self.table["code"] == own) & (self.table["outcome"] == "mean_rank_shift")]
        return rows.reset_index(drop=True)

    def plot(
        self,
        *,
        code: str | None = None,
        names: Mapping[str, str] | None = None,
        labels: ShareLabels | None = None,
        format_value: Format = "{:.2f}".format,
        title: str = "What the ranks depend on",
        alt: str = "",
        subtitle: str = "",
        note: str = "",
        source: str = "",
    ) -> Chart:
        """Draw first-order and total indices of the mean rank shift, a row a factor.

        Parameters
        ----------
        code
            The element; the first one when None.
        names
            Name of each factor; its own when None.
        labels, format_value, title, alt, subtitle, note, source
            Words, see `evaluation.charts.share_ranges`.
        """
        rows = self.overall(code)
        wide = rows.pivot_table(
            index="factor", columns="order", values=["estimate", "conf_low", "conf_high"], sort=False
        )
        wide.columns = [f"{order}_{part}" for part, order in wide.columns]
        wide = wide.reset_index()
        wide["label"] = [(names or {}).get(one, one) for one in wide["factor"]]
        leading = wide.loc[wide["total_estimate"].idxmax(), "label"] if len(wide) else ""
        return share_ranges(
            wide,
            labels=labels or ShareLabels(),
            format_value=format_value,
            title=title,
            alt=alt
            or f"Sobol' indices of {len(wide)} factors; the largest total index is that of {leading}.",
            subtitle=subtitle,
            note=note,
            source=source,
        )


def sensitivity(
    values: pd.DataFrame,
    spec: IndexSpec,
    factors: Sequence[Factor],
    *,
    n: int = 512,
    seed: int = 0,
    outcomes: Sequence[Outcome] = OUTCOMES,
    first_order: FirstOrder = "saltelli",
    bootstrap: int = 1000,
    level: float = 0.95,
    codes: Sequence[str] | None = None,
    groups: Groups = None,
    rank_within: RankWithin = "time",
    functions: Functions = None,
) -> SensitivityResult:
    """Return how much of the variance of ranks and scores each factor accounts for.

    Parameters
    ----------
    values, spec, factors, codes, groups, rank_within, functions
        As for `evaluation.index.uncertainty.uncertainty`. All settings of a factor, such as the noise of all weights,
        count as one.
    n
        Points of the base sample, a power of two; (number of factors + 2) n replications are computed.
    seed
        Of the sample and of the bootstrap.
    outcomes
        What is explained.
    first_order, bootstrap, level
        As for `evaluation.index.sobol.sobol_indices`.

    Raises
    ------
    BadInputError
        With every fault of values, factors, and of combinations of options that are impossible.
    UsageError
        When an option does not exist.
    """
    unknown = [one for one in outcomes if one not in OUTCOMES]
    if unknown or not outcomes:
        raise UsageError(f"outcomes must be among {', '.join(OUTCOMES)}; got: {', '.join(unknown) or 'none'}")
    nominal = prepare_nominal(
        values, spec, factors, codes=codes, groups=groups, rank_within=rank_within, functions=functions
    )
    sample = saltelli_sample(n, nominal.plan.widths, seed=seed)
    settings = nominal.plan.settings(sample.reshape(-1, sample.shape[-1]))
    request = Request(codes=nominal.codes, groups=nominal.groups, keep_scores="score" in outcomes)
    found = replicate(values, nominal.plan, settings, request, functions)
    tables = [
        _table(
            outcome,
            code,
            nominal,
            found,
            values.index,
            _indices(drawn, len(sample), first_order, bootstrap, level, seed),
        )
        for code in nominal.codes
        for outcome in outcomes
        for drawn in [_drawn(outcome, code, nominal, found)]
    ]
    table = pd.concat(tables, ignore_index=True)
    return SensitivityResult(spec, nominal.plan.factors, n, seed, level, table)


def mean_rank_shift(ranks: Ranks, nominal: Ranks) -> Floats:
    """Return the mean absolute difference from the nominal ranks in each replication, over units ranked in both.

    Parameters
    ----------
    ranks
        (n_replications, n_rows).
    nominal
        (n_rows,).

    Notes
    -----
    Saisana, Saltelli and Tarantola (2005), equation 3, doi:10.1111/j.1467-985X.2005.00350.x.
    """
    both = (ranks != UNRANKED) & (nominal != UNRANKED)
    shift = np.abs(ranks.astype(np.int64) - nominal)
    count = both.sum(axis=1)
    total = np.where(both, shift, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(ranks), np.nan), where=count > 0)


def _drawn(outcome: Outcome, code: str, nominal: Nominal, found: Replications) -> Floats:
    """Return (n_replications, n_outcomes), all NaN where an outcome is missing in some replication."""
    if outcome == "mean_rank_shift":
        return mean_rank_shift(found.ranks[code], nominal.ranks[code])[:, None]
    if outcome == "score":
        drawn = found.scores[code] if found.same_scale else np.full(found.scores[code].shape, np.nan)
    else:
        drawn = np.where(found.ranks[code] == UNRANKED, np.nan, found.ranks[code].astype(float))
    return drawn


def _indices(
    drawn: Floats, n_blocks: int, first_order: FirstOrder, bootstrap: int, level: float, seed: int
) -> SobolIndices:
    return sobol_indices(
        drawn.reshape(n_blocks, -1, drawn.shape[1]),
        first_order=first_order,
        bootstrap=bootstrap,
        level=level,
        seed=seed,
    )


def _table(
    outcome: Outcome, code: str, nominal: Nominal, found: Replications, index: pd.Index, indices: SobolIndices
) -> pd.DataFrame:
    names = [factor.name for factor in nominal.plan.factors]
    parts = {
        "first": (indices.first, indices.first_low, indices.first_high),
        "total": (indices.total, indices.total_low, indices.total_high),
    }
    n_outcomes = indices.first.shape[1]
    frames = []
    for order, (estimate, low, high) in parts.items():
        key = {"code": code, "outcome": outcome, **_units(outcome, index, len(names))}
        frames.append(
            pd.DataFrame(
                {
                    **key,
                    "factor": np.repeat(names, n_outcomes),
                    "order": order,
                    "estimate": estimate.ravel(),
                    "conf_low": low.ravel(),
                    "conf_high": high.ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _units(outcome: Outcome, index: pd.Index, n_factors: int) -> dict[str, object]:
    times = times_of(index)
    if outcome == "mean_rank_shift":
        return {UNIT: "", **({} if times is None else {TIME: ""})}
    key: dict[str, object] = {UNIT: np.tile(units_of(index), n_factors)}
    return key if times is None else {**key, TIME: np.tile(times, n_factors)}
