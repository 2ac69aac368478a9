"""Who is in the plan's headline estimates, who is not, and who is lost on the way.

Belongs here: counting regions. Does not belong here: what is missing from the lists of participants
(`evaluation.studies.rosters`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evaluation.impact import overlap
from evaluation.impact.group_time import CONTROL, TREATED
from evaluation.impact.panel import WidePanel
from evaluation.studies.check_rows import check_row
from evaluation.studies.impact_fits import RowFit
from evaluation.studies.panels import StudyData

PLACES = (
    "in_estimate",
    "split",
    "not_autonomous",
    "no_base_year",
    "no_covariate",
    "no_later_year",
    "not_compared",
)
"""Where a joiner may be."""


def attrition(fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield the share of regions with a figure in the base year that have none in the last year.

    Elements ``treated`` (each joiner counted from its cohort's base year) and ``controls`` (clean controls of the last
    year, from the first base year); n_units counts those of the base year.
    """
    table = fit.answer.table
    after = table[table["event_time"] >= 0]
    end = int(after["year"].max())
    bases = after.groupby("cohort")["base_year"].min().to_dict()
    seen = np.isfinite(wide.outcome)
    last = seen[:, np.searchsorted(wide.years, end)]
    at_base = np.zeros(wide.n_units, dtype=bool)
    for cohort, base in bases.items():
        at_base |= (wide.cohort == cohort) & seen[:, np.searchsorted(wide.years, base)]
    clean = wide.may_control & (wide.cohort > end + fit.asked.anticipation)
    clean &= seen[:, np.searchsorted(wide.years, min(bases.values()))]
    for element, begun in {"treated": at_base, "controls": clean}.items():
        share = float((begun & ~last).sum() / begun.sum()) if begun.any() else np.nan
        yield check_row(fit, "attrition", element, {"share": share, "n_units": float(begun.sum())})


def composition(data: StudyData, fit: RowFit, wide: WidePanel) -> Iterator[dict[str, object]]:
    """Yield where the design's joiners are, each under the first reason that keeps it out.

    Elements of joiners (n_treated; share of ``joined``): ``joined``, ``in_estimate``, ``split``, ``not_autonomous``,
    ``no_base_year``, ``no_covariate``, ``no_later_year``, ``not_compared``, ``outside_overlap`` (in the estimate, and
    above the propensity of every control). Of controls (n_control; share of ``controls``): ``controls``,
    ``controls_trimmed`` (propensity so high that they carry no weight), ``controls_singled_out`` (a trait that no
    joiner has), ``controls_effective`` (estimate: equally weighted controls that would be as precise, fewest over the
    comparisons).
    """
    joiners = _joiners(data, fit, wide)
    n_joined = len(joiners)
    counts = {"joined": n_joined, **joiners.value_counts().reindex(PLACES, fill_value=0).to_dict()}
    for element, n in counts.items():
        numbers = {"n_treated": float(n), "share": n / n_joined if n_joined else np.nan}
        yield check_row(fit, "composition", element, numbers)
    yield from _overlap_rows(fit)


def _joiners(data: StudyData, fit: RowFit, wide: WidePanel) -> pd.Series:
    """Return where each joiner of the design is, by region code."""
    outside = data.left_out[data.left_out["joined"].isin(fit.design.joined)]["why"]
    units = data.units[data.units["joined"].isin(fit.design.joined)]
    place = pd.Series(
        [_place(fit, wide, code, cohort) for code, cohort in units["cohort"].items()], index=units.index
    )
    return pd.concat([outside, place.astype(object)]).astype(object)


def _place(fit: RowFit, wide: WidePanel, code: object, cohort: float) -> str:
    """Return in the estimate, or the first reason why not."""
    result = fit.answer
    after = (result.table["event_time"] >= 0).to_numpy()
    position = np.flatnonzero(result.units == code)
    if len(position) and (result.membership[position[0], after] == TREATED).any():
        return "in_estimate"
    unit = np.flatnonzero(wide.units == code)
    early = wide.years[wide.years < cohort - fit.asked.anticipation]
    if not len(unit) or not len(early):
        return "no_base_year"
    base = len(early) - 1
    if not np.isfinite(wide.outcome[unit[0], base]):
        return "no_base_year"
    if not np.isfinite(wide.covariates[unit[0], base]).all():
        return "no_covariate"
    later = np.isfinite(wide.outcome[unit[0], wide.years >= cohort])
    return "not_compared" if later.any() else "no_later_year"


def _overlap_rows(fit: RowFit) -> Iterator[dict[str, object]]:
    result = fit.answer
    after = (result.table["event_time"] >= 0).to_numpy()
    n_control = int((result.membership[:, after] == CONTROL).any(axis=1).sum())
    yield check_row(fit, "composition", "controls", {"n_control": float(n_control), "share": 1.0})
    scores = overlap(result)
    scores = scores[scores["reason"] == ""]
    if scores.empty or not fit.asked.covariates:
        return
    by_cohort = scores.assign(outside=scores["share_outside"] * scores["n_treated"]).groupby("cohort")
    outside = float(by_cohort["outside"].max().sum())
    share = outside / float(by_cohort["n_treated"].max().sum())
    yield check_row(fit, "composition", "outside_overlap", {"n_treated": outside, "share": share})
    for element, column in (("controls_trimmed", "n_trimmed"), ("controls_singled_out", "n_singled_out")):
        n = float(scores[column].max())
        yield check_row(fit, "composition", element, {"n_control": n, "share": n / n_control})
    effective = float(scores["effective_controls"].min())
    yield check_row(fit, "composition", "controls_effective", {"estimate": effective})
