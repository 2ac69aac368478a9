"""Other inference for the plan's estimates: equivalence, few clusters, randomisation, few joiners.

Belongs here: which inference is asked of which row, and how it is filed. Does not belong here: the methods
(`evaluation.impact`), p-values over families (`evaluation.studies.families`), and what unknown participants or plain
two-way fixed effects do to a figure (`evaluation.studies.contamination`, `evaluation.studies.plain_regression`).

Errors of regions of one province may move together, and a province is treated in part: the jackknife over provinces
held its coverage in simulation (docs/methods/inference.md) and keeps the headline's estimate. The other two are checks
on it: CR2 with Satterthwaite's degrees of freedom, which exists for regressions only and so answers for extended two-way
fixed effects, and the wild bootstrap with the null imposed, for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.impact import (
    AggregateResult,
    ClusteredRegression,
    SmallSampleResult,
    WildBootstrapResult,
    average_effect_clustered,
    cluster_scores,
    cr2,
    equivalence_test,
    few_treated_test,
    influence_jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from evaluation.studies.check_rows import check_row, missing_row
from evaluation.studies.impact_fits import NO_COMPARISON, RowFit, fit_row, headline_fits
from evaluation.studies.panels import StudyData, population_before
from evaluation.studies.plan import HEADLINE_ROW, LATER_BASE_ROW, DesignPlan

Numbers = dict[str, Any]

VERDICTS = {
    "no_relevant_effect": "equivalent",
    "effect": "told_from_zero",
    "effect_below_margin": "both",
    "inconclusive": "undecided",
}
"""Status of the check `equivalence` by the engine's verdict."""
PERMUTATIONS = 499
"""Permutations: a p-value of 0.05 has a Monte Carlo error of 0.010, and the table is made in seconds."""
FEW_TREATED = 40
"""Joiners below which the spread of controls is asked as well. With more, the mean of their errors is as good as normal:
regions weigh alike and no error is heavier than a survey's."""
REGRESSION = "etwfe"
"""Element of checks that answer for extended two-way fixed effects where another element answers for the headline."""
COUNTS = ("n_units", "n_treated", "n_control")


def inference_checks(data: StudyData) -> pd.DataFrame:
    """Return the rows of `impact_checks` on inference.

    For the row `conditional` of every design and the row from 2020 of the 2021 joiners: ``equivalence`` (two one-sided
    tests against the margin: p-value, 90% interval, and in ``status`` what interval and margin say together),
    ``jackknife_province``, ``cr2_province``, ``wild_province`` (element empty: the headline's estimator; ``etwfe``) and,
    with fewer than `FEW_TREATED` joiners, ``few_treated``. For those of headline designs also ``randomisation``: joining years
    drawn anew among regions of the same type and island group.
    """
    rows = [row for fit in _checked(data) for row in _checks(fit, data)]
    return pd.DataFrame(rows)


def counts(row: pd.Series) -> Numbers:
    """Return the numbers of units behind an estimate."""
    return {name: float(row[name]) for name in COUNTS}


def _checked(data: StudyData) -> Iterator[RowFit]:
    """Yield the headline row of every design, and the row from 2020 where the design has it."""
    yield from headline_fits(data)
    others = [(design, HEADLINE_ROW) for design in data.plan.other_cohorts]
    later = [
        (design, LATER_BASE_ROW) for design in data.plan.designs if _has_row(data, design, LATER_BASE_ROW)
    ]
    for design, row in (*later, *others):
        for outcome in data.plan.outcomes:
            yield fit_row(data, design=design, row=data.plan.row(row), outcome=outcome)


def _has_row(data: StudyData, design: DesignPlan, code: str) -> bool:
    return any(row.code == code for row in data.plan.rows_of(design))


def _checks(fit: RowFit, data: StudyData) -> Iterator[Numbers]:
    headline = fit.design in data.plan.designs
    names = [name for name in CHECKS if headline or name[0] != "randomisation"]
    if fit.reason:
        yield from (check_row(fit, check, element, status=fit.status) for check, element in names)
        return
    asked = _Asked(fit, _with_traits(fit, data))
    for check, element in names:
        if check == "few_treated" and fit.average.overall["n_treated"] >= FEW_TREATED:
            continue
        try:
            yield check_row(fit, check, element, CHECKS[check, element](asked))
        except EvaluationError:
            # the panel was sound for the estimate: what is refused here is that this method has nothing to compare
            yield missing_row(fit, check, element, reason=NO_COMPARISON)


@dataclass(frozen=True)
class _Asked:
    """A row of the plan with what the methods share.

    Parameters
    ----------
    fit
        The row carried out.
    panel
        Its panel with province, stratum and population.
    """

    fit: RowFit
    panel: pd.DataFrame

    @property
    def average(self) -> AggregateResult:
        return self.fit.average

    @cached_property
    def regression(self) -> ClusteredRegression:
        """The average as a coefficient of extended two-way fixed effects, clustered by province."""
        return average_effect_clustered(self.panel, replace(self.fit.asked, clusters="province"))

    @cached_property
    def provinces(self) -> NDArray[np.int64]:
        """Province of each unit of the average as 0, 1, ..."""
        province = self.panel.drop_duplicates("region_code").set_index("region_code")["province"]
        names = province.reindex([str(unit) for unit in self.average.units])
        return np.unique(names.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)


def _with_traits(fit: RowFit, data: StudyData) -> pd.DataFrame:
    """Return the panel with province, stratum (type and island group) and population of each region."""
    units = data.units
    population = population_before(data.population, min(fit.design.joined)).reindex(units.index)
    traits = pd.DataFrame(
        {
            "province": units["province"],
            "stratum": units["is_city"].astype(str) + " " + units["island_group"],
            "population": population,
        }
    )
    return fit.panel.table.join(traits, on="region_code", validate="many_to_one")


def _equivalence(asked: _Asked) -> Numbers:
    overall = asked.average.overall
    test = equivalence_test(
        estimate=float(overall["estimate"]),
        std_error=float(overall["std_error"]),
        margin=asked.fit.outcome.margin,
    )
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    numbers = {name: getattr(test, name) for name in names}
    return {**numbers, **counts(overall), "status": VERDICTS[test.verdict]}


def _jackknife(asked: _Asked) -> Numbers:
    return _interval(asked, influence_jackknife(asked.average, asked.provinces))


def _cr2(asked: _Asked) -> Numbers:
    return _interval(asked, cr2(asked.regression))


def _wild(asked: _Asked) -> Numbers:
    return _interval(asked, wild_cluster_bootstrap(cluster_scores(asked.average, asked.provinces)))


def _wild_regression(asked: _Asked) -> Numbers:
    return _interval(asked, wild_cluster_bootstrap(asked.regression))


def _interval(asked: _Asked, answer: SmallSampleResult | WildBootstrapResult) -> Numbers:
    names = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    return {name: getattr(answer, name, np.nan) for name in names} | counts(asked.average.overall)


def _randomisation(asked: _Asked) -> Numbers:
    test = randomisation_test(asked.panel, asked.fit.asked, strata=["stratum"], permutations=PERMUTATIONS)
    return {"estimate": test.estimate, "p_value": test.p_value} | counts(asked.average.overall)


def _few_treated(asked: _Asked) -> Numbers:
    sized = asked.panel[asked.panel["population"].notna()]
    test = few_treated_test(sized, asked.fit.asked, size="population")
    names = ("estimate", "p_value", "conf_low", "conf_high", "n_treated", "n_control")
    return {name: getattr(test, name) for name in names}


CHECKS: dict[tuple[str, str], Callable[[_Asked], Numbers]] = {
    ("equivalence", ""): _equivalence,
    ("jackknife_province", ""): _jackknife,
    ("cr2_province", ""): _cr2,
    ("wild_province", ""): _wild,
    ("wild_province", REGRESSION): _wild_regression,
    ("randomisation", ""): _randomisation,
    ("few_treated", ""): _few_treated,
}
"""Check and element to what is computed."""
