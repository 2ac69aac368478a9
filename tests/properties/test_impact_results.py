"""Whatever the engine returns can be read, summed up, drawn, printed and taken away."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

import evaluation.impact as impact
from evaluation.impact import Design, aggregate, att_gt, run_did
from evaluation.impact.output import Tabular

DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort", base_period="universal")


@cache
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    cohort = np.repeat([0, 2013, 2015], [25, 8, 7])
    frame = pd.DataFrame(
        {
            "region": np.repeat(np.arange(40), 7),
            "year": np.tile(np.arange(2010, 2017), 40),
            "cohort": np.repeat(cohort, 7),
            "province": np.repeat(np.arange(40) % 10, 7),
        }
    )
    return frame.assign(outcome=rng.normal(size=(40, 7)).cumsum(axis=1).ravel())


@cache
def results() -> dict[str, Any]:
    """One of each kind."""
    clustered = replace(DESIGN, clusters="province", base_period="varying")
    study = run_did(panel(), DESIGN)
    dynamic = study.aggregates["dynamic"]
    regression = impact.twfe_clustered(panel(), clustered)
    return {
        "AggregateResult": dynamic,
        "AttGtResult": study.att_gt,
        "BaconResult": impact.bacon(panel(), DESIGN),
        "DidStudy": study,
        "EquivalenceResult": impact.equivalence_test(estimate=0.1, std_error=0.2, margin=0.5),
        "EventStudy": impact.event_study_of(dynamic),
        "FewTreatedResult": impact.few_treated_test(panel(), DESIGN, draws=199),
        "HonestResult": impact.honest(dynamic, bounds=[0.5]),
        "PreTrendTest": study.pre_trends,
        "PretrendPower": impact.pretrend_power(dynamic, slope=0.1, draws=999),
        "RandomisationResult": impact.randomisation_test(panel(), DESIGN, permutations=19),
        "SmallSampleResult": impact.cr2(regression),
        "TwfeWeights": impact.twfe_weights(panel(), DESIGN),
        "WildBootstrapResult": impact.wild_cluster_bootstrap(regression, draws=199),
    }


def test_every_exported_result_can_be_taken_away() -> None:
    """What has a table has the rest as well; synthetic control has tests of its own."""
    exported = {name: getattr(impact, name) for name in impact.__all__}
    with_table = {name for name, one in exported.items() if inspect.isclass(one) and hasattr(one, "tidy")}
    assert all(issubclass(exported[name], Tabular) for name in with_table)
    assert set(results()) <= with_table


@pytest.mark.parametrize("name", sorted(results()))
def test_a_result_can_be_taken_away(name: str, tmp_path: Path) -> None:
    result = results()[name]
    assert isinstance(result, Tabular)
    table = result.tidy()
    assert len(table) >= 1
    assert len(result.glance()) == 1
    chart = result.plot()
    assert chart.html
    assert "nan" not in chart.html
    text = result.to_latex()
    assert text.count(r"\\") == len(table) + 1
    path = result.to_excel(tmp_path / "new" / "result.xlsx")
    book = openpyxl.load_workbook(path)
    assert "summary" in book.sheetnames
    first = book.worksheets[0]
    assert first.max_row == len(result.sheets()[first.title]) + 1


def test_the_callers_table_is_a_copy() -> None:
    for name, result in results().items():
        table = result.tidy()
        column = table.columns[-1]
        table[column] = "changed"
        assert (result.tidy()[column].astype(str) != "changed").any(), name


def test_a_test_of_leads_is_drawn_by_event_time() -> None:
    test = impact.lead_test(panel(), replace(DESIGN, estimator="imputation", base_period="varying"))
    assert "-1" in test.plot().html
    assert test.plot(title="leads").title == "leads"


def test_an_interval_without_an_end_is_told_and_not_drawn() -> None:
    result = replace(results()["WildBootstrapResult"], conf_high=np.inf)
    chart = result.plot()
    assert "inf)" in chart.html
    assert 'class="interval"' not in chart.html


def test_a_study_without_an_effect_can_still_be_taken_away(tmp_path: Path) -> None:
    late = panel().assign(cohort=lambda frame: frame["cohort"].where(frame["cohort"] == 0, 2020))
    study = run_did(late, replace(DESIGN, base_period="varying"))
    assert study.aggregates == {}
    assert study.glance()["n_not_estimable"].item() == 1
    assert study.to_excel(tmp_path / "empty.xlsx").exists()


def test_a_study_has_its_averages_on_sheets_of_their_own(tmp_path: Path) -> None:
    study = results()["DidStudy"]
    book = openpyxl.load_workbook(study.to_excel(tmp_path / "study.xlsx"))
    assert book.sheetnames == ["att_gt", "simple", "group", "dynamic", "calendar", "summary", "design"]
    simple = aggregate(att_gt(panel(), DESIGN), "simple").overall
    assert study.glance()["simple"].item() == simple["estimate"]
