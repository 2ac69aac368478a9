"""Ranks and scores under every choice that could have been made otherwise: Monte Carlo over a specification.

The intervals say how far the method decides a unit's rank, not how far the data are known.

References
----------
Saisana, Saltelli and Tarantola (2005), Uncertainty and sensitivity analysis techniques as tools for the quality
assessment of composite indicators, Journal of the Royal Statistical Society A 168, 307-323,
doi:10.1111/j.1467-985X.2005.00350.x; OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts.frame import Chart, Format
from evaluation.charts.ranks import RankLabels, rank_ranges
from evaluation.errors import UsageError
from evaluation.index.factors import Factor
from evaluation.index.nominal import Groups, Nominal, RankWithin, prepare_nominal
from evaluation.index.rank_intervals import UNRANKED, RankGroups, Ranks, rank_frequency, summarise
from evaluation.index.replications import Phase, Replications, Request, replicate
from evaluation.index.scopes import TIME, UNIT, times_of, units_of
from evaluation.index.spec import IndexSpec
from evaluation.index.variants import Functions

Floats = NDArray[np.float64]

INTERVAL = (0.05, 0.95)
"""Probabilities of the ends of an interval, as COINr reports them."""


@dataclass(frozen=True)
class UncertaintyResult:
    """Scores and ranks of every unit in every replication.

    Parameters
    ----------
    spec, factors, seed, interval
        What was asked.
    units
        The rows: units, or units and times.
    codes
        Elements whose ranks were followed.
    groups
        Code to who is ranked against whom.
    nominal_scores, nominal_ranks
        Code to (n_rows,): the index as specified.
    scores
        Code to (n_replications, n_rows), NaN where missing; empty when not kept.
    ranks
        Code to (n_replications, n_rows), 0 where missing.
    draws
        One row a replication: what was drawn; given to `uncertainty` again, it gives the same replications.
    same_scale
        Whether scores of different replications may be compared.
    seconds
        Time spent, by what it was spent on.
    """

    spec: IndexSpec
    factors: tuple[Factor, ...]
    seed: int
    interval: tuple[float, float]
    units: pd.Index
    codes: tuple[str, ...]
    groups: Mapping[str, RankGroups]
    nominal_scores: Mapping[str, Floats]
    nominal_ranks: Mapping[str, Ranks]
    scores: Mapping[str, Floats]
    ranks: Mapping[str, Ranks]
    draws: pd.DataFrame
    same_scale: bool
    seconds: Mapping[Phase, float] = field(compare=False)

    @property
    def n(self) -> int:
        """Number of replications."""
        return len(self.draws)

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit (and time) and element.

        Returns
        -------
        DataFrame
            unit, time (in a panel), level, code; score and rank as specified; rank_median, rank_mean, rank_low,
            rank_high (quantiles of type 7 at the ends of the interval); score_median, score_mean, score_low, score_high
            (missing where scores were not kept, or where replications normalise to different scales); share_ranked:
            replications in which the unit has a rank; n_ranked: units that it is ranked among.
        """
        return pd.concat([self._rows_of(code) for code in self.codes], ignore_index=True)

    def rank_frequency(self, code: str | None = None) -> pd.DataFrame:
        """Return how many replications gave each unit each rank; columns the ranks from 1.

        Parameters
        ----------
        code
            The element; the first one when None.
        """
        own = self._known(code)
        largest = self.groups[own].largest
        counts = rank_frequency(self.ranks[own], largest=largest)
        return pd.DataFrame(counts, index=self.units, columns=pd.RangeIndex(1, largest + 1, name="rank"))

    def plot(
        self,
        *,
        code: str | None = None,
        time: object = None,
        units: Sequence[object] | None = None,
        names: Mapping[object, str] | None = None,
        labels: RankLabels | None = None,
        format_value: Format = "{:g}".format,
        title: str = "Ranks and how far they depend on the method",
        alt: str = "",
        subtitle: str = "",
        note: str = "",
        source: str = "",
    ) -> Chart:
        """Draw the rank of each unit as specified, with its median and interval.

        Parameters
        ----------
        code, time
            The element (the first one when None) and, in a panel, the time (the latest when None).
        units
            Units to draw; all when None.
        names
            Name of each unit; its code when None.
        labels, format_value, title, alt, subtitle, note, source
            Words, see `evaluation.charts.rank_ranges`.
        """
        own = self._known(code)
        table = self._rows_of(own)
        if TIME in table:
            table = table[table[TIME] == (table[TIME].max() if time is None else time)]
        if units is not None:
            table = table[table[UNIT].isin(list(units))]
        table = table.assign(label=[str((names or {}).get(one, one)) for one in table[UNIT]])
        return rank_ranges(
            table.dropna(subset=["rank", "rank_median"]),
            labels=labels or RankLabels(),
            format_value=format_value,
            title=title,
            alt=alt or f"Ranks of {len(table)} units in {own}, each with its median and interval.",
            subtitle=subtitle,
            note=note,
            source=source,
        )

    def _known(self, code: str | None) -> str:
        if code is None:
            return self.codes[0]
        if code not in self.codes:
            raise UsageError(f"code must be one of {', '.join(self.codes)}; got: {code!r}")
        return code

    def _rows_of(self, code: str) -> pd.DataFrame:
        times = times_of(self.units)
        ranks = summarise(self.ranks[code], (0.5, *self.interval))
        key = {UNIT: units_of(self.units)} | ({} if times is None else {TIME: times})
        return pd.DataFrame(
            {
                **key,
                "level": self.spec.by_code[code].level,
                "code": code,
                "score": self.nominal_scores[code],
                "rank": _missing_where_unranked(self.nominal_ranks[code]),
                "rank_median": ranks.quantiles[:, 0],
                "rank_mean": ranks.mean,
                "rank_low": ranks.quantiles[:, 1],
                "rank_high": ranks.quantiles[:, 2],
                **self._score_columns(code),
                "share_ranked": ranks.share_present,
                "n_ranked": _n_ranked(self.nominal_ranks[code], self.groups[code]),
            }
        )

    def _score_columns(self, code: str) -> dict[str, Floats]:
        names = ("score_median", "score_mean", "score_low", "score_high")
        if code not in self.scores or not self.same_scale:
            return dict.fromkeys(names, np.full(len(self.units), np.nan))
        found = summarise(self.scores[code], (0.5, *self.interval))
        median, low, high = found.quantiles.T
        return dict(zip(names, (median, found.mean, low, high), strict=True))


def uncertainty(
    values: pd.DataFrame,
    spec: IndexSpec,
    factors: Sequence[Factor],
    *,
    n: int = 1000,
    seed: int = 0,
    draws: pd.DataFrame | None = None,
    codes: Sequence[str] | None = None,
    groups: Groups = None,
    rank_within: RankWithin = "time",
    interval: tuple[float, float] = INTERVAL,
    keep_scores: bool = True,
    block: int | None = None,
    functions: Functions = None,
) -> UncertaintyResult:
    """Build an index many times, each time with other choices, and follow every unit's score and rank.

    Whether an aggregate is given at all is judged by the coverage rules at nominal weights in every replication: weights
    that vary change a mean, not who is in it. Everything else follows the replication's own specification.

    Parameters
    ----------
    values, spec, functions
        As for `evaluation.index.build_index`.
    factors
        What varies, independently of each other.
    n
        Number of replications.
    seed
        Of the draws: the same seed gives the same bytes, another seed other draws.
    draws
        Settings already drawn, one row a replication, columns as in `UncertaintyResult.draws`; then `n` and `seed` are
        not used.
    codes
        Elements whose scores and ranks are followed; those of the top level when None.
    groups
        Who is ranked against whom: units with equal entries, index as `values` or its units; ``"composition"`` for units
        with the same children present; all units when None. A unit without an entry is not ranked.
    rank_within
        In a panel, whether units are ranked within each ``time`` or ``all`` rows together.
    interval
        Probabilities of the ends of intervals.
    keep_scores
        Whether scores of all replications are kept (8 bytes each); ranks are.
    block
        Replications computed at a time. Results do not depend on it, memory does.

    Raises
    ------
    BadInputError
        With every fault of values, factors, draws, and of combinations of options that are impossible.
    UsageError
        When an option does not exist.
    """
    _check_options(n=n, interval=interval, block=block)
    nominal = prepare_nominal(
        values, spec, factors, codes=codes, groups=groups, rank_within=rank_within, functions=functions
    )
    plan = nominal.plan
    if draws is None:
        settings = plan.settings(np.random.default_rng(seed).random((n, len(plan.columns))))
    else:
        settings = plan.from_frame(draws)
    request = Request(codes=nominal.codes, groups=nominal.groups, keep_scores=keep_scores, block=block)
    found = replicate(values, plan, settings, request, functions)
    return _result(nominal, found, values.index, seed=seed, interval=interval, settings=settings)


def _result(
    nominal: Nominal,
    found: Replications,
    index: pd.Index,
    *,
    seed: int,
    interval: tuple[float, float],
    settings: Floats,
) -> UncertaintyResult:
    return UncertaintyResult(
        spec=nominal.plan.spec,
        factors=nominal.plan.factors,
        seed=seed,
        interval=interval,
        units=index,
        codes=nominal.codes,
        groups=nominal.groups,
        nominal_scores=nominal.scores,
        nominal_ranks=nominal.ranks,
        scores=found.scores,
        ranks=found.ranks,
        draws=nominal.plan.to_frame(settings),
        same_scale=found.same_scale,
        seconds=found.seconds,
    )


def _check_options(*, n: int, interval: tuple[float, float], block: int | None) -> None:
    if n < 1:
        raise UsageError(f"n must be 1 or more; got: {n}")
    if block is not None and block < 1:
        raise UsageError(f"block must be 1 or more; got: {block}")
    if len(interval) != 2 or not 0 <= interval[0] < interval[1] <= 1:
        raise UsageError(f"interval must be two rising probabilities; got: {interval}")


def _missing_where_unranked(ranks: Ranks) -> Floats:
    return np.where(ranks == UNRANKED, np.nan, ranks.astype(float))


def _n_ranked(ranks: Ranks, groups: RankGroups) -> NDArray[np.int64]:
    """Return how many units have a rank in each unit's group; 0 outside of every group."""
    sizes = np.zeros(groups.n_units, dtype=np.int64)
    for places in groups.members:
        sizes[places] = (ranks[places] != UNRANKED).sum(axis=1, keepdims=True)
    return sizes
