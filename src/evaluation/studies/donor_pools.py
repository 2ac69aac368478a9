"""Which regions may stand for a joiner, and in which years: the comparison behind each region's own effect.

Belongs here: donors by the rules of ``config/region_effects.yml``, years inside one method, and joiners that share
both. Does not belong here: estimating (`evaluation.studies.region_effects`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.studies.panels import StudyData, distances_km, scaled
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan, StudyPlan
from evaluation.studies.region_effects_plan import DonorRules

BEYOND_DATA = "beyond_data"
METHOD_CHANGES = "method_changes"
NO_FIGURES = "no_figures"
SPLIT = "split"
NOT_AUTONOMOUS = "not_autonomous"


@dataclass(frozen=True)
class Years:
    """The years of one comparison, each ascending.

    Parameters
    ----------
    pre
        Years up to the base year, in which the twin is fitted.
    between
        Years after the base year in which an effect is anticipated; in neither.
    post
        Years over which the effect is averaged.
    """

    pre: tuple[int, ...]
    between: tuple[int, ...]
    post: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """All of them."""
        return (*self.pre, *self.between, *self.post)

    def within(self, years: set[int]) -> Years:
        """Return those of these years that are in a set."""
        parts = (self.pre, self.between, self.post)
        pre, between, post = (tuple(year for year in part if year in years) for part in parts)
        return Years(pre=pre, between=between, post=post)


@dataclass(frozen=True)
class Comparison:
    """Joiners of one design that share outcome and years, with the donors that have all of these years.

    Parameters
    ----------
    outcome, design
        Codes of the study plan.
    joined
        The year in which the joiners joined.
    years
        The years compared.
    figures
        Figures on the scale of the outcome, joiners first, then donors, by year: (n_joiners + n_donors, n_years), complete.
    joiners
        Codes of the joiners.
    donors
        Codes of the donors: the columns of `may_stand`.
    may_stand
        Which donor may stand for which row of `figures`, (n_joiners + n_donors, n_donors).
    """

    outcome: str
    design: str
    joined: int
    years: Years
    figures: NDArray[np.float64]
    joiners: tuple[str, ...]
    donors: tuple[str, ...]
    may_stand: NDArray[np.bool_]

    def only(self, kept: Sequence[bool]) -> Comparison:
        """Return the comparison of some of its joiners, with all of its donors."""
        rows = np.r_[np.asarray(kept, dtype=bool), np.ones(len(self.donors), dtype=bool)]
        joiners = tuple(code for code, keep in zip(self.joiners, kept, strict=True) if keep)
        return replace(self, figures=self.figures[rows], joiners=joiners, may_stand=self.may_stand[rows])


@dataclass(frozen=True)
class NotCompared:
    """A joiner that cannot be compared in one outcome, and why."""

    region_code: str
    outcome: str
    design: str
    reason: str


def design_of(joined: int, plan: StudyPlan) -> DesignPlan:
    """Return the design that studies the joiners of a year."""
    return next(design for design in (*plan.designs, *plan.other_cohorts) if joined in design.joined)


def donor_rows(units: pd.DataFrame) -> pd.DataFrame:
    """Return the regions that may be donors of somebody: never joined, no doubtful role."""
    return units[units["clean_control"] & units["joined"].isna()]


def may_stand(units: pd.DataFrame, donors: pd.DataFrame, rules: DonorRules) -> NDArray[np.bool_]:
    """Return which donor may stand for which region by the rules, (n_units, n_donors); none for itself."""
    allowed = units.index.to_numpy()[:, None] != donors.index.to_numpy()[None, :]
    if rules.beyond_km:
        allowed &= distances_km(units, donors) > rules.beyond_km
    for wanted, column in ((rules.same_type, "is_city"), (rules.same_island_group, "island_group")):
        if wanted:
            allowed &= units[column].to_numpy()[:, None] == donors[column].to_numpy()[None, :]
    return np.asarray(allowed)


def comparisons(
    data: StudyData, rules: DonorRules, *, outcomes: Sequence[str]
) -> Iterator[Comparison | NotCompared]:
    """Yield every comparison of the plan, and every joiner and outcome that has none.

    Joiners are grouped by design, joining year, outcome and the years in which they have figures: all that share
    these share the placebos as well.

    Parameters
    ----------
    data
        Regions and usable figures of the study.
    rules
        Who may be a donor.
    outcomes
        Codes of outcomes of the plan.
    """
    pools = _Pools(data.units, donor_rows(data.units), rules)
    joiners = data.units["joined"].dropna().astype(int)
    for code in outcomes:
        figures = _wide(data, data.plan.outcome(code))
        for joined in sorted(set(joiners)):
            design = design_of(joined, data.plan)
            members = joiners.index[joiners == joined]
            years = _years(data, figures, pools, design, joined, code, rules)
            if isinstance(years, str):
                yield from (NotCompared(region, code, design.code, years) for region in members)
                continue
            for shared, here in _by_own_years(figures, years, members):
                if isinstance(shared, str):
                    yield from (NotCompared(region, code, design.code, shared) for region in here)
                else:
                    yield pools.comparison(figures, shared, here, (code, design.code, joined))


@dataclass(frozen=True)
class _Pools:
    """Who may stand for whom, found once for all outcomes."""

    units: pd.DataFrame
    donors: pd.DataFrame
    rules: DonorRules

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        return may_stand(self.units, self.donors, self.rules)

    @cached_property
    def donor_rows(self) -> NDArray[np.int64]:
        """Rows of the units that are donors."""
        return np.asarray(self.units.index.get_indexer(self.donors.index))

    def comparison(
        self, figures: pd.DataFrame, years: Years, joiners: Sequence[str], key: tuple[str, str, int]
    ) -> Comparison:
        """Return the comparison of joiners with the donors that have figures in all of these years."""
        values = figures.to_numpy(dtype=float)[:, figures.columns.get_indexer(list(years.all))]
        complete = np.isfinite(values).all(axis=1)[self.donor_rows]
        rows = np.r_[self.units.index.get_indexer(list(joiners)), self.donor_rows[complete]]
        return Comparison(
            outcome=key[0],
            design=key[1],
            joined=key[2],
            years=years,
            figures=values[rows],
            joiners=tuple(joiners),
            donors=tuple(self.donors.index[complete]),
            may_stand=self.allowed[np.ix_(rows, complete)],
        )


def _wide(data: StudyData, outcome: OutcomePlan) -> pd.DataFrame:
    """Return usable figures on the outcome's scale, region by year."""
    figures = data.figures[outcome.indicator]
    kept = figures[figures["region_code"].isin(data.units.index)]
    kept = kept.assign(value=scaled(kept["value"], outcome.scale))
    return kept.pivot_table(index="region_code", columns="year", values="value").reindex(data.units.index)


def _years(
    data: StudyData,
    figures: pd.DataFrame,
    pools: _Pools,
    design: DesignPlan,
    joined: int,
    outcome: str,
    rules: DonorRules,
) -> Years | str:
    """Return the years of one method that can be compared, or why there are none after joining."""
    first = joined + YEARS_TO_FIRST_EFFECT
    base = first - 1 - data.plan.anticipation_of(design, data.plan.row(HEADLINE_ROW))
    known = np.isfinite(figures.to_numpy(dtype=float)[pools.donor_rows])
    covered = known.sum(axis=0) >= max(rules.year_coverage * len(known), 1)
    with_figures = [int(year) for year in figures.columns[covered]]
    before = [year for year in with_figures if year <= base]
    last_year = max(with_figures, default=0)
    if not before:
        return f"{NO_FIGURES}:{last_year}"
    indicator = data.catalog.indicators[outcome]
    window = indicator.window_of(before[-1])
    inside = [year for year in with_figures if indicator.window_of(year) == window]
    post = tuple(year for year in inside if first <= year <= design.end_year)
    if not post:
        end = max(inside)
        return f"{METHOD_CHANGES if last_year > end else BEYOND_DATA}:{end}"
    return Years(
        pre=tuple(year for year in inside if year <= base),
        between=tuple(year for year in inside if base < year < first),
        post=post,
    )


def _by_own_years(
    figures: pd.DataFrame, years: Years, members: pd.Index
) -> Iterator[tuple[Years | str, list[str]]]:
    """Yield joiners by the years in which they have figures themselves, or why they cannot be compared."""
    rows, columns = figures.index.get_indexer(members), figures.columns.get_indexer(list(years.all))
    seen = np.isfinite(figures.to_numpy(dtype=float)[np.ix_(rows, columns)])
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    for place, pattern in enumerate(patterns):
        here = [str(region) for region in members[which.ravel() == place]]
        shared = years.within({year for year, known in zip(years.all, pattern, strict=True) if known})
        usable = shared.pre and shared.post
        yield (shared if usable else f"{NO_FIGURES}:{max(years.all)}"), here
