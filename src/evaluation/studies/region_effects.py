"""Each joiner's own effect: all joiners, outcomes and estimators, as tables.

Belongs here: carrying out ``config/region_effects.yml``, and what is asked of all effects together. Does not belong
here: the methods (`evaluation.impact.synthetic`), who is compared (`evaluation.studies.donor_pools`), one comparison
(`evaluation.studies.region_judgement`), or words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.impact.families import benjamini_hochberg
from evaluation.impact.shrinkage import MIN_EFFECTS, ShrunkenEffects, SpreadMethod, shrink
from evaluation.schema import (
    COHORT_EFFECTS,
    EFFECT_SPREAD,
    NOT_ESTIMABLE,
    REGION_DONORS,
    REGION_EFFECTS,
    REGION_GAPS,
    TableSchema,
)
from evaluation.studies.cohort_averages import cohort_averages
from evaluation.studies.donor_pools import (
    NOT_AUTONOMOUS,
    SPLIT,
    Comparison,
    NotCompared,
    comparisons,
    design_of,
)
from evaluation.studies.effect_verdicts import beyond_placebos, stands_out, told_from_chance
from evaluation.studies.panels import StudyData, distances_km, study_data
from evaluation.studies.plan import Scale, StudyPlan
from evaluation.studies.project import Project
from evaluation.studies.region_effects_plan import MAIN, RegionEffectsPlan
from evaluation.studies.region_judgement import (
    LEAST_WEIGHT,
    JudgedComparison,
    Rows,
    judged_effects,
)

QUARTERS = (0.25, 0.75)
_UNSCALED: dict[Scale, Callable[..., np.ndarray]] = {"linear": np.asarray, "log": np.exp, "log1p": np.expm1}


@dataclass(frozen=True)
class RegionEffects:
    """The tables of all joiners' own effects.

    Parameters
    ----------
    effects
        Table `region_effects`.
    gaps
        Table `region_gaps`, of the headline estimator where it gives an effect.
    donors
        Table `region_donors`, of the same.
    spread
        Table `effect_spread`.
    cohorts
        Table `cohort_effects`.
    """

    effects: pd.DataFrame
    gaps: pd.DataFrame
    donors: pd.DataFrame
    spread: pd.DataFrame
    cohorts: pd.DataFrame


def build_region_effects(project: Project, indicators: pd.DataFrame) -> RegionEffects:
    """Return every joiner's own effect on every outcome of ``config/region_effects.yml``, and what it rests on.

    Every joiner has a row for every outcome by every estimator with placebos: an effect, or the reason why there is none in
    ``status`` (``not_estimable:<reason>:<detail>``).
    """
    plan, rules = project.study_plan, project.region_effects
    data = study_data(project, indicators, plan)
    found = list(comparisons(data, rules.donors, outcomes=rules.outcomes))
    varied = {one.indicator for one in plan.outcomes if one.family in rules.variations.families}
    judged = [
        judged_effects(one, rules, varied=one.outcome in varied)
        for one in found
        if isinstance(one, Comparison)
    ]
    without = [one for one in found if isinstance(one, NotCompared)]
    rows = _without_comparison([*without, *_outside(project, data, rules)], project, rules)
    rows += [row for one in judged for row in one.rows]
    effects = adjusted(_table([pd.DataFrame(rows)], REGION_EFFECTS), plan, rules)
    effects, spread = shrunken(effects, rules)
    estimated = [one for one in judged if one.estimable is not None and one.estimable.any()]
    return RegionEffects(
        effects=effects,
        gaps=_table([_gaps(one, plan, rules) for one in estimated], REGION_GAPS),
        donors=_table([_donors(one, data) for one in estimated], REGION_DONORS),
        spread=spread,
        cohorts=_table(
            [cohort_averages(judged, effects[is_headline(effects, rules)], data, rules)], COHORT_EFFECTS
        ),
    )


def adjusted(effects: pd.DataFrame, plan: StudyPlan, rules: RegionEffectsPlan) -> pd.DataFrame:
    """Return the effects with p-values adjusted for the false discovery rate over regions and outcomes of a family.

    Only the headline estimator's main rows are asked; effects that are not estimable are no questions.

    References
    ----------
    Benjamini and Hochberg (1995), J. Royal Statistical Society B 57(1), doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    asked = is_headline(effects, rules)
    family = effects["outcome"].map({outcome.indicator: outcome.family for outcome in plan.outcomes})
    p_adjusted = pd.Series(np.nan, index=effects.index)
    for _, rows in effects[asked].groupby(family[asked]):
        p_adjusted[rows.index] = benjamini_hochberg(rows["p_value"].to_numpy(dtype=float))
    return effects.assign(p_adjusted=p_adjusted)


def shrunken(effects: pd.DataFrame, rules: RegionEffectsPlan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the effects with their shrunken values, and the spread of true effects by design and outcome.

    Effects are pulled towards the mean of their design and outcome, for which figures are in one unit and over the
    same years; fewer than `MIN_EFFECTS` are not shrunken. Shrunken values have robust intervals (Armstrong, Kolesár and
    Plagborg-Møller 2022, doi:10.3982/ECTA18597), which never take the spread for zero; the spread that is told is that of
    restricted maximum likelihood, which may be zero.
    """
    asked = is_headline(effects, rules)
    columns = {
        "shrunken": "shrunken",
        "shrunken_low": "conf_low",
        "shrunken_high": "conf_high",
        "probability_positive": "probability_positive",
    }
    filled = effects.copy()
    spread = []
    for (design, outcome), rows in effects[asked].groupby(["design", "outcome"]):
        known = rows[rows["status"] == ""]
        found = _shrink(known, rules.inference.level, "robust")
        if found is not None:
            for name, column in columns.items():
                filled.loc[known.index, name] = found.table[column].to_numpy()
        apart = _shrink(known, rules.inference.level, "reml")
        spread.append({"design": design, "outcome": outcome, **_spread_row(rows, known, apart, rules)})
    return filled, _table([pd.DataFrame(spread)], EFFECT_SPREAD)


def is_headline(effects: pd.DataFrame, rules: RegionEffectsPlan) -> pd.Series:
    """Tell which rows are the headline estimator's, as planned."""
    return (effects["estimator"] == rules.estimators.headline) & (effects["row"] == MAIN)


def _shrink(known: pd.DataFrame, level: float, method: SpreadMethod) -> ShrunkenEffects | None:
    if len(known) < MIN_EFFECTS or not (known["std_error"] > 0).all():
        return None
    return shrink(
        known["estimate"].to_numpy(),
        known["std_error"].to_numpy(),
        units=known["region_code"].to_numpy(),
        method=method,
        level=level,
    )


def _spread_row(
    rows: pd.DataFrame, known: pd.DataFrame, found: ShrunkenEffects | None, rules: RegionEffectsPlan
) -> dict[str, float]:
    nothing = dict.fromkeys(("mean", "spread", "spread_low", "spread_high"), np.nan)
    of_true = (
        nothing
        if found is None
        else {
            "mean": found.mean,
            "spread": found.spread,
            "spread_low": found.spread_low,
            "spread_high": found.spread_high,
        }
    )
    return {
        "n_joiners": len(rows),
        "n_estimated": len(known),
        "n_marked": int(stands_out(known, rules).sum()),
        "n_below_level": int(beyond_placebos(known, rules).sum()),
        "n_told": int(told_from_chance(known, rules).sum()),
        **of_true,
        "noise": float(known["std_error"].median()),
        "mde_median": float(known["mde"].median()),
    }


def _outside(project: Project, data: StudyData, rules: RegionEffectsPlan) -> list[NotCompared]:
    """Return the joiners that the study leaves out by rule: split regions, and regions run by a province."""
    joined = project.programme.cohorts.dropna(subset=["joined"]).set_index("region_code")["joined"]
    left_out = joined.drop(index=joined.index.intersection(data.units.index))
    return [
        NotCompared(code, outcome, design_of(int(year), data.plan).code, _why_outside(code, project))
        for code, year in left_out.items()
        for outcome in rules.outcomes
    ]


def _why_outside(code: str, project: Project) -> str:
    return f"{SPLIT if code in project.registry.split_codes else NOT_AUTONOMOUS}:"


def _without_comparison(found: Sequence[NotCompared], project: Project, rules: RegionEffectsPlan) -> Rows:
    joined = project.programme.cohorts.set_index("region_code")["joined"]
    return [
        {
            "region_code": one.region_code,
            "outcome": one.outcome,
            "estimator": estimator,
            "row": MAIN,
            "design": one.design,
            "joined": int(joined[one.region_code]),
            "status": f"{NOT_ESTIMABLE}:{one.reason}",
        }
        for one in found
        for estimator in rules.estimators.with_placebos
    ]


def _gaps(judged: JudgedComparison, plan: StudyPlan, rules: RegionEffectsPlan) -> pd.DataFrame:
    """Return observed, synthetic, gap and fan of the joiners that have an effect, one row a year."""
    assert judged.headline is not None  # the caller passes comparisons with an effect
    assert judged.panel is not None
    comparison, kept = judged.headline.comparison, judged.estimable
    years, gaps = comparison.years, judged.panel.gaps[kept]
    values = comparison.figures[: len(comparison.joiners)][kept]
    outer = (1 - rules.inference.level) / 2
    shares = (outer, *QUARTERS, 1 - outer)
    fans = _quantiles(judged.panel.placebo_gaps[kept], shares)
    unscaled = _UNSCALED[plan.outcome(comparison.outcome).scale]
    phases = dict.fromkeys(years.pre, "pre") | dict.fromkeys(years.between, "between")
    codes = np.array(comparison.joiners)[kept]
    n_years = len(years.all)
    table = {
        "region_code": np.repeat(codes, n_years),
        "outcome": comparison.outcome,
        "year": np.tile(years.all, len(codes)),
        "phase": np.tile([phases.get(year, "post") for year in years.all], len(codes)),
        "observed": unscaled(values).ravel(),
        "synthetic": unscaled(values - gaps).ravel(),
        "gap": gaps.ravel(),
    }
    for name, fan in zip(("fan_low", "fan_q25", "fan_q75", "fan_high"), fans, strict=True):
        table[name] = fan.ravel()
    return pd.DataFrame(table)


def _quantiles(placebos: NDArray[np.float64], shares: Iterable[float]) -> list[NDArray[np.float64]]:
    """Return quantiles over placebos, (n_units, n_years) each; missing placebos do not count (type 7)."""
    ordered = np.sort(placebos, axis=1)  # missing ones come last
    n = np.isfinite(placebos).sum(axis=1)
    found = []
    for share in shares:
        place = share * np.maximum(n - 1, 0)
        low = np.floor(place).astype(int)
        ends = [
            np.take_along_axis(ordered, np.minimum(low + step, np.maximum(n - 1, 0))[:, None], axis=1)[:, 0]
            for step in (0, 1)
        ]
        found.append(ends[0] + (place - low) * (ends[1] - ends[0]))
    return found


def _donors(judged: JudgedComparison, data: StudyData) -> pd.DataFrame:
    """Return donors with weight of the joiners that have an effect, with their distance."""
    assert judged.headline is not None
    comparison, weights = judged.headline.comparison, judged.headline.weights
    joiner, donor = np.nonzero(
        (np.abs(weights) > LEAST_WEIGHT) & np.asarray(judged.estimable, dtype=bool)[:, None]
    )
    distance = distances_km(data.units.loc[list(comparison.joiners)], data.units.loc[list(comparison.donors)])
    return pd.DataFrame(
        {
            "region_code": np.array(comparison.joiners)[joiner],
            "outcome": comparison.outcome,
            "donor_code": np.array(comparison.donors)[donor],
            "weight": weights[joiner, donor],
            "distance_km": distance[joiner, donor],
        }
    )


def _table(parts: Sequence[pd.DataFrame], schema: TableSchema) -> pd.DataFrame:
    """Return parts as one table with the schema's columns; a text that a part lacks is empty, a number missing."""
    kept = [part for part in parts if len(part)]
    whole = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
    whole = whole.reindex(columns=list(schema.columns))
    texts = [name for name, kind in schema.columns.items() if kind in ("text", "code")]
    return whole.assign(**{name: whole[name].fillna("") for name in texts})
