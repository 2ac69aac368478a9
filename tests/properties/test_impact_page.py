"""What the impact page says of an estimate follows from all that is known of it, and nothing is left out."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evaluation.impact
from evaluation.catalog import Language
from evaluation.impact.notes import Note
from evaluation.reporting import (
    impact_answer,
    impact_composition,
    impact_estimators,
    impact_event_study,
    impact_exposure,
    impact_figures,
    impact_heterogeneity,
    impact_inference,
    impact_placebo,
    impact_power,
    impact_power_table,
    impact_robustness,
    impact_rows,
    impact_smallness,
    impact_specification,
    impact_tables,
    impact_trends,
)
from evaluation.reporting.effects import has_estimate, is_within_margin
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_report import ImpactReport, open_impact_report
from evaluation.reporting.impact_words import check_reason, check_remarks, note_text
from evaluation.reporting.labels import Labels
from evaluation.schema import IMPACT_CHECKS
from evaluation.studies import processed
from evaluation.studies.panels import study_units
from evaluation.studies.project import Project
from evaluation.tables import Table

EARLY, LATE, POVERTY, UNEMPLOYMENT = "joiners_2017_2018", "joiners_2021", "poverty_rate", "unemployment_rate"
OUTPUT = "grdp_pc_real"
BOTH = pytest.mark.parametrize("language", ["en", "id"])
QUANTILE = 1.959963984540054
"""Normal quantile of 0.975."""
NEVER_SAID: dict[Language, tuple[str, ...]] = {
    "en": ("no effect of the programme", "had no effect", "has no effect", "without effect"),
    "id": ("tidak ada dampak", "tidak ada pengaruh", "tidak berpengaruh", "tidak berdampak"),
}


@pytest.fixture(scope="module")
def reports(project: Project) -> dict[str, ImpactReport]:
    return {language: open_impact_report(language=language, project=project) for language in ("en", "id")}


@pytest.fixture(scope="module")
def report(reports: dict[str, ImpactReport]) -> ImpactReport:
    return reports["en"]


def edited(
    report: ImpactReport,
    outcome: str = POVERTY,
    *,
    headline: tuple[float, float],
    others: tuple[float, float] | None = None,
    adjusted: float = 0.001,
    province: tuple[float, float] | None = None,
    before: float = 0.6,
) -> ImpactReport:
    """Return a report in which one outcome of the 2017 and 2018 joiners has these intervals and p values."""
    estimates, checks = report.estimates.copy(), report.checks.copy()
    own = (estimates["design"] == EARLY) & (estimates["outcome"] == outcome)
    simple = own & (estimates["parameter"] == "simple") & estimates["estimate"].notna()
    names = ["estimate", "conf_low", "conf_high", "std_error", "p_adjusted"]
    for where, (low, high) in (
        (simple, others or headline),
        (simple & (estimates["row"] == "conditional"), headline),
    ):
        estimates.loc[where, names] = [(low + high) / 2, low, high, (high - low) / (2 * QUANTILE), adjusted]
    trends = own & (estimates["parameter"] == "pre_trends") & (estimates["row"] == "conditional")
    estimates.loc[trends, "p_value"] = before
    where = (
        (checks["design"] == EARLY)
        & (checks["outcome"] == outcome)
        & (checks["check"] == impact_answer.RECOMMENDED)
        & (checks["row"] == "conditional")
    )
    assert where.sum() == 1
    checks.loc[where, ["conf_low", "conf_high"]] = list(province or headline)
    return replace(report, estimates=estimates, checks=checks)


def verdict_of(report: ImpactReport, outcome: str = POVERTY) -> str:
    return impact_answer.verdict(report, report.average(EARLY, "conditional", outcome))


def test_an_estimate_stands_only_when_nothing_speaks_against_it(report: ImpactReport) -> None:
    told = (0.1, 0.5)
    assert verdict_of(edited(report, headline=told)) == "stands"
    assert verdict_of(edited(report, headline=told, adjusted=0.06)) == "alone"
    assert verdict_of(edited(report, headline=told, adjusted=np.nan)) == "alone"
    assert verdict_of(edited(report, headline=told, province=(-0.1, 0.7))) == "alone"
    assert verdict_of(edited(report, headline=told, before=0.04)) == "suspect"


def test_small_is_said_only_when_both_intervals_stay_within_the_margin(report: ImpactReport) -> None:
    small = (-0.1, 0.2)
    assert verdict_of(edited(report, headline=small)) == "smaller"
    assert verdict_of(edited(report, headline=small, others=(-0.1, 0.6))) == "smaller_here"
    assert verdict_of(edited(report, headline=small, province=(-0.2, 0.31))) == "undecided"
    assert verdict_of(edited(report, headline=(-0.4, 0.5))) == "undecided"


def with_row(report: ImpactReport, row: str, low: float, high: float, outcome: str = POVERTY) -> ImpactReport:
    """Return a report in which one row of the 2017 and 2018 joiners has this interval."""
    estimates = report.estimates.copy()
    own = (estimates["design"] == EARLY) & (estimates["outcome"] == outcome) & (estimates["row"] == row)
    where = own & (estimates["parameter"] == "simple")
    assert where.sum() == 1
    names = ["estimate", "conf_low", "conf_high", "std_error"]
    estimates.loc[where, names] = [(low + high) / 2, low, high, (high - low) / (2 * QUANTILE)]
    return replace(report, estimates=estimates)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.1, 0.6, "contested"),
        (-0.6, -0.1, "contested"),
        (0.1, 0.4, "smaller_here"),
        (-0.1, 0.9, "smaller_here"),
    ],
)
def test_small_is_contested_by_a_row_that_tells_a_larger_effect_from_zero(
    report: ImpactReport, low: float, high: float, found: str
) -> None:
    changed = with_row(edited(report, headline=(-0.1, 0.2)), "imputation", low, high)
    assert verdict_of(changed) == found
    said = str(impact_answer.sentences(changed, EARLY)).splitlines()[0]
    assert ("is smaller than" in said) == (found != "contested")
    assert ("contradict each other" in said) == (found == "contested")
    named = "Poverty rate of the 2017 and 2018 joiners"
    small = impact_answer.answer(changed).partition(" any effect looks too small")[0]
    assert (named in small) == (found != "contested")


@pytest.mark.parametrize(("bound", "found"), [(0.14, "smaller"), (0.16, "undecided"), (-0.16, "undecided")])
def test_small_holds_with_unknown_participants_too(report: ImpactReport, bound: float, found: str) -> None:
    """The interval by province is 0.3 wide: 0.14 + 0.15 lies within the margin of 0.3, 0.16 + 0.15 does not."""
    changed = edited(report, headline=(-0.1, 0.2))
    row = changed.checks[changed.checks["check"] == "unknown_bound"].iloc[:1]
    row = row.assign(design=EARLY, row="conditional", outcome=POVERTY, element="", estimate=bound)
    changed = replace(changed, checks=pd.concat([changed.checks, row], ignore_index=True))
    assert verdict_of(changed) == found


def honest(report: ImpactReport, kind: str, ends: dict[str, tuple[float, float]]) -> ImpactReport:
    """Return a report whose grid of one restriction for poverty has these intervals."""
    checks = report.checks
    own = (checks["design"] == EARLY) & (checks["outcome"] == POVERTY) & (checks["check"] == kind)
    rows = pd.concat([checks[own].iloc[:1]] * len(ends), ignore_index=True)
    rows = rows.assign(
        element=list(ends),
        conf_low=[low for low, _ in ends.values()],
        conf_high=[high for _, high in ends.values()],
    )
    return replace(report, checks=pd.concat([checks[~own], rows], ignore_index=True))


@pytest.mark.parametrize(
    ("ends", "holds", "fails"),
    [
        ({"0": (-0.1, 0.1), "0.1": (-0.29, 0.2), "0.25": (-0.2, 0.31), "1": (-1.0, 1.0)}, 0.1, 0.25),
        ({"1": (-1.0, 1.0), "0": (-0.1, 0.1), "0.1": (-0.31, 0.2)}, 0.0, 0.1),
        ({"0": (-0.1, 0.31), "0.1": (-0.2, 0.2)}, np.nan, 0.0),
        ({"0": (-0.1, 0.1), "0.1": (-0.2, 0.2)}, 0.1, np.nan),
    ],
)
def test_a_claim_of_smallness_says_how_far_trends_may_bend(
    report: ImpactReport, ends: dict[str, tuple[float, float]], holds: float, fails: float
) -> None:
    changed = edited(honest(report, "honest_smoothness", ends), headline=(-0.1, 0.2))
    found = impact_smallness.limit(changed, EARLY, changed.plan.outcome(POVERTY), "smoothness")
    assert found is not None
    np.testing.assert_array_equal([found.holds, found.fails], [holds, fails])
    said = str(impact_answer.sentences(changed, EARLY)).splitlines()[0]
    verdict = impact_answer.verdict_text(changed, changed.average(EARLY, "conditional", POVERTY))
    if np.isfinite(fails):
        low, high = ends[f"{fails:g}"]
        assert f"{low:+.2f} to {high:+.2f} points".replace("-", "−") in said
        assert ("bend" in verdict) == np.isfinite(holds)
    else:
        assert f"even if trends bend by {holds:g}" in said


def test_what_is_not_called_small_claims_no_bounds(report: ImpactReport) -> None:
    said = str(impact_answer.sentences(edited(report, headline=(-0.5, 0.5)), EARLY)).splitlines()[0]
    assert "bend" not in said
    assert "larger effect is not ruled out" not in said


@BOTH
def test_the_answer_counts_what_stands_and_what_is_open(
    reports: dict[str, ImpactReport], language: Language
) -> None:
    open_report = edited(reports[language], headline=(-1.0, 1.0))
    found = [impact_answer.verdict(open_report, row) for row in open_report.headlines()]
    text = impact_answer.answer(open_report)
    assert "stands" not in found
    assert {"en": "none stands apart", "id": "tidak satu pun"}[language] in text
    left = len(found) - sum(code in ("shock", *impact_answer.SMALL) for code in found)
    assert {"en": f"The other {left} could hide", "id": f"Pada {left} lainnya"}[language] in text
    standing = impact_answer.answer(edited(reports[language], headline=(0.4, 0.9)))
    assert {"en": "1 stand apart from chance", "id": "1 dapat dibedakan dari kebetulan"}[language] in standing
    assert {"en": "Poverty rate of the", "id": "Angka kemiskinan peserta"}[language] in standing


def test_what_this_module_calls_equivalent_is_what_the_checks_call_so(report: ImpactReport) -> None:
    seen = set()
    for row in report.headlines("primary") + report.headlines("secondary") + report.headlines("placebo"):
        check = report.one_check(str(row["design"]), str(row["outcome"]), "equivalence")
        assert check is not None
        margin = report.plan.outcome(str(row["outcome"])).margin
        assert is_within_margin(row, margin) == (check["status"] in ("equivalent", "both"))
        assert (check["p_value"] < 0.05) == is_within_margin(row, margin)
        seen.add(check["status"])
    assert {"equivalent", "undecided"} <= seen


@BOTH
def test_every_status_has_words(reports: dict[str, ImpactReport], language: Language) -> None:
    report = reports[language]
    for _, row in report.checks.drop_duplicates("status").iterrows():
        reason = check_reason(row, report.labels)
        assert bool(reason) == str(row["status"]).startswith("not_estimable")
        check_remarks(str(row["status"]), report.plan, report.labels)
    simple = report.estimates[report.estimates["parameter"] == "simple"]
    for _, row in simple.drop_duplicates("status").iterrows():
        words = report.labels.remarks(row["status"]) if has_estimate(row) else report.why_missing(row)
        assert bool(words) == bool(row["status"])


def test_remarks_of_a_check_are_told_one_by_one(report: ImpactReport) -> None:
    status = "without_islands:Java_Bali+Sumatra+without_cohort:2017+ends:2022"
    said = check_remarks(status, report.plan, report.labels)
    assert said == "without Java, Bali, and Sumatra; without the 2017 joiners; figures end in 2022"
    assert check_remarks("equivalent", report.plan, report.labels) == ""


def note_codes() -> set[str]:
    """Return the code of every remark that the engine can make, from its source."""
    folder = Path(evaluation.impact.__file__).parent
    calls = (
        node
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note"
    )
    return {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}


@BOTH
def test_every_remark_of_the_engine_has_words(project: Project, language: Language) -> None:
    numbers = ("n", "first_year", "last_year", "cohort", "expected", "base_year", "last")
    values: dict[str, object] = {**dict.fromkeys(numbers, 2019), "first": -3, "last": 2, "units": "a, b"}
    codes = note_codes()
    assert {"base_fell_back", "never_seen_untreated", "stack_window", "unbalanced"} <= codes
    for code in codes:
        assert note_text(Note(code, "", values), Labels(project, language))


def test_a_curve_holds_every_row_of_the_plan_once(report: ImpactReport) -> None:
    plan = report.plan
    everything = [
        (design.code, row.code)
        for design in (*plan.designs, *plan.other_cohorts)
        for row in plan.rows_of(design)
    ]
    rows = impact_specification.curve_rows(report, plan.outcome(POVERTY))
    assert len(rows) == len(everything)
    for design in plan.designs:
        own = rows[rows["block"] == design.code]
        assert list(own["row"]) == [row.code for row in plan.rows_of(design)]
        assert own["headline"].sum() == 1
    chart = impact_specification.curve(report, POVERTY)
    assert f"all {len(everything)} estimates" in chart.title
    dots = re.findall(r'<path class="curve-dot (?:told|untold|headline)" d="([^"]*)"', chart.html)
    gaps = chart.html.count('class="column hatched"')
    assert sum(path.count("h0") for path in dots) + gaps == len(everything)
    assert gaps == rows["estimate"].isna().sum()


def test_rows_that_differ_in_the_plan_differ_below_the_curve(report: ImpactReport) -> None:
    rows = impact_specification.curve_rows(report, report.plan.outcome(POVERTY))
    choices = ["estimator", "covariates", "base", "end", "drop", "treated", "controls", "units", "weights"]
    own = rows[rows["block"] == EARLY]
    assert not own.duplicated(choices).any()


def everything_shown(report: ImpactReport) -> list[object]:
    """Return what the page shows, prose, tables and folded parts."""
    designs = [design.code for design in report.plan.designs]
    return [
        impact_answer.lead(report),
        impact_answer.reading(report),
        impact_tables.margins_folded(report),
        *(impact_tables.estimates_table(report, design) for design in designs),
        *(impact_tables.seen_table(report, design) for design in designs),
        *(
            impact_answer.sentences(report, design, family=family)
            for design in designs
            for family in report.plan.families
        ),
        impact_event_study.event_study(report, LATE, UNEMPLOYMENT),
        report.shock_or_effect(),
        impact_exposure.exposure_figure(report),
        impact_exposure.exposure_sentence(report),
        impact_specification.rows_stated(report),
        impact_specification.row_tables(report),
        impact_inference.judged(report),
        impact_inference.inference_folded(report),
        impact_estimators.estimators_sentence(report),
        impact_estimators.estimators_folded(report),
        impact_inference.why_not_plain(report),
        impact_inference.plain_regression_folded(report),
        impact_trends.pretrend_warning(report),
        impact_trends.pretrends_table(report),
        impact_trends.breakdown_sentences(report),
        *(impact_trends.honest_figure(report, design, "relative") for design in designs),
        impact_trends.smoothness_folded(report),
        impact_placebo.placebo_sentence(report),
        impact_placebo.placebo_table(report),
        impact_robustness.left_out_sentences(report),
        impact_robustness.left_out_table(report),
        impact_robustness.rings_sentence(report),
        impact_robustness.rings_table(report),
        impact_composition.composition_sentences(report),
        impact_composition.composition_folded(report),
        impact_heterogeneity.groups_sentence(report),
        *(impact_heterogeneity.groups_forest(report, design, POVERTY) for design in designs),
        *(impact_heterogeneity.other_groups(report, design) for design in designs),
        impact_rows.other_cohorts_table(report, POVERTY),
    ]


def text_of(shown: object) -> str:
    html = shown.__html__() if isinstance(shown, Table | Folded) or hasattr(shown, "__html__") else str(shown)
    return re.sub(r"<[^>]+>", " ", html)


@BOTH
def test_the_page_never_calls_what_cannot_be_told_no_effect(
    reports: dict[str, ImpactReport], language: Language
) -> None:
    said = " ".join(text_of(part) for part in everything_shown(reports[language])).lower()
    assert len(said) > 20_000
    for phrase in NEVER_SAID[language]:
        assert phrase not in said
    assert "nan" not in re.findall(r"[a-z]+", said)
    assert "*" not in re.sub(r"\*\*", "", said)


def test_figures_after_2022_stand_beside_what_unknown_participants_could_hide(report: ImpactReport) -> None:
    note = impact_event_study.unknown_note(report, LATE, UNEMPLOYMENT)
    assert "2023: " in note
    assert "2024: " in note
    assert "2022: " not in note
    assert impact_event_study.unknown_note(report, EARLY, POVERTY) == ""
    average = report.average(LATE, "conditional", UNEMPLOYMENT)
    bound = report.one_check(LATE, UNEMPLOYMENT, "unknown_bound")
    assert bound is not None
    assert abs(bound["estimate"]) > abs(average["estimate"])
    said = text_of(impact_tables.estimates_table(report, LATE))
    assert impact_rows.unbroken(f"{bound['estimate']:+.2f} (".replace("-", "−")) in said


def test_the_note_on_later_years_gives_the_largest_share(report: ImpactReport) -> None:
    checks, primary = report.checks, [outcome.indicator for outcome in report.outcomes("primary")]
    later = checks[
        (checks["check"] == "unknown_bound") & (checks["element"] != "") & checks["outcome"].isin(primary)
    ]
    own = later[(later["design"] == LATE) & (later["row"] == "conditional")]
    share = own["share"].max()
    note = impact_event_study.later_years_note(report, [report.plan.design(LATE)])
    assert f"2023 or later could be up to {100 * share / (1 - share):.0f} per cent larger" in note
    assert impact_event_study.later_years_note(report, [report.plan.design(EARLY)]) == ""
    every = impact_event_study.later_years_note(report, report.plan.designs, rows=None)
    assert int(re.search(r"up to (\d+)", every)[1]) >= int(re.search(r"up to (\d+)", note)[1])  # type: ignore[index]


def test_an_estimate_without_figures_by_year_says_why_it_has_no_bound(report: ImpactReport) -> None:
    late, early, poverty = report.plan.design(LATE), report.plan.design(EARLY), report.plan.outcome(POVERTY)
    for code in ("twfe", "synthetic_did"):
        row = report.row(code)
        assert impact_rows.with_unknown(report, late, row, poverty) == "not computed: no figures by year"
        assert impact_rows.with_unknown(report, early, row, poverty) == "–"


def test_the_error_without_each_province_is_the_jackknife_s(report: ImpactReport) -> None:
    """For a mean the jackknife of values left out one by one is the usual standard error, s / sqrt(n)."""
    values = np.array([0.3, -1.2, 0.8, 2.0, -0.4])
    n = len(values)
    row = report.check(EARLY, POVERTY, "without_province").iloc[:1]
    left_out = (values.sum() - values) / (n - 1)
    rows = pd.concat([row] * n, ignore_index=True).assign(estimate=left_out, element=list("abcde"))
    missing = row.assign(estimate=np.nan, element="f")
    changed = replace(report, checks=pd.concat([rows, missing], ignore_index=True))
    expected = values.std(ddof=1) / np.sqrt(n)
    assert impact_inference.delete_one_error(changed, EARLY, POVERTY) == pytest.approx(expected, rel=ROUNDING)


def test_estimators_that_differ_by_more_than_the_margin_are_named(report: ImpactReport) -> None:
    margin = report.plan.outcome(POVERTY).margin
    own = report.average(EARLY, "conditional", POVERTY)["estimate"]
    assert abs(report.average(EARLY, "imputation", POVERTY)["estimate"] - own) > margin
    said = str(impact_estimators.estimators_sentence(report))
    assert "held to matter for Poverty rate of the 2017 and 2018 joiners (headline −0.07" in said
    agreed = report
    for code in ("imputation", "two_stage", "etwfe"):
        agreed = with_row(agreed, code, own - 0.1, own + 0.1)
    assert "Poverty rate of the 2017 and 2018 joiners (headline" not in str(
        impact_estimators.estimators_sentence(agreed)
    )


def test_pretended_dates_told_from_zero_are_named(report: ImpactReport) -> None:
    checks = report.checks.copy()
    placebo = (checks["check"] == "placebo_date") & checks["estimate"].notna()
    checks.loc[placebo, ["conf_low", "conf_high"]] = [-1.0, 1.0]
    quiet = replace(report, checks=checks)
    assert "These are" not in str(impact_placebo.placebo_sentence(quiet))
    checks = checks.copy()
    one = placebo & (checks["design"] == EARLY) & (checks["outcome"] == POVERTY) & (checks["element"] == "2")
    assert one.sum() == 1
    checks.loc[one, ["conf_low", "conf_high"]] = [0.1, 1.0]
    said = str(impact_placebo.placebo_sentence(replace(report, checks=checks)))
    assert said.startswith("1 of ")
    assert "real date: Poverty rate of the 2017 and 2018 joiners, 2 before." in said


def test_the_balance_sentence_tells_figures_of_the_table(report: ImpactReport) -> None:
    for design in (EARLY, LATE):
        said = str(impact_tables.balance_sentence(report, design, POVERTY))
        table = text_of(impact_tables.balance_table(report, design, POVERTY))
        numbers = re.findall(r"[+−]\d\.\d\d", said)
        assert len(numbers) == 2
        assert all(number in table for number in numbers)
        assert "Poverty rate" in said


def test_where_neighbours_could_not_be_looked_at_is_said(project: Project, report: ImpactReport) -> None:
    said = str(impact_robustness.rings_sentence(report))
    units = study_units(project, report.plan)
    joiners = units[units["joined"].isin([2017, 2018])]
    inside = joiners["island"].isin(["Jawa", "Java", "Bali"]) | (joiners["island_group"] == "Java_Bali")
    assert f"in Java and Bali, where {inside.sum()} of the {len(joiners)} 2017 and 2018 joiners are" in said
    assert said.count("could not be looked for") == 1


def test_a_band_of_what_is_not_seen_is_the_province_s(report: ImpactReport) -> None:
    row = report.average(LATE, "conditional", POVERTY)
    error = report.one_check(LATE, POVERTY, impact_answer.RECOMMENDED)
    assert error is not None
    assert impact_answer.province_mde(report, row) == pytest.approx(2.8 * error["std_error"], rel=ROUNDING)
    assert f"{2.8 * error['std_error']:.2f}" in text_of(impact_tables.seen_table(report, LATE))


def test_margins_stand_inside_the_axis(report: ImpactReport) -> None:
    lines = re.findall(r'class="margin" style="([^"]*)"', impact_figures.headline_forest(report).html)
    ends = [float(end) for style in lines for end in re.findall(r"(?:left|right):(-?[\d.]+)%", style)]
    assert len(ends) >= 2 * len(report.headlines())
    assert min(ends) > 0


def test_a_check_that_is_not_there_is_told_as_missing_and_not_as_a_number(report: ImpactReport) -> None:
    bare = replace(report, checks=pd.DataFrame(columns=list(IMPACT_CHECKS.columns)))
    low, high = impact_answer.province_interval(bare, bare.average(EARLY, "conditional", POVERTY))
    assert np.isnan([low, high]).all()
    assert impact_answer.verdict(bare, bare.average(EARLY, "conditional", OUTPUT)) == "undecided"
    assert np.isnan(impact_answer.province_mde(bare, bare.average(EARLY, "conditional", POVERTY)))
    assert np.isnan(impact_inference.delete_one_error(bare, EARLY, POVERTY))
    assert impact_smallness.limit(bare, EARLY, bare.plan.outcome(OUTPUT), "relative") is None
    assert "nan" not in text_of(impact_tables.estimates_table(bare, EARLY))


def test_power_is_told_for_every_group_of_joiners(project: Project) -> None:
    report = impact_power.open_power_report(language="en", project=project)
    names = dict(report.groups())
    plan = report.impact.plan
    assert {design.code for design in (*plan.designs, *plan.other_cohorts)} <= set(names)
    assert {"joiners_2017", "joiners_2018"} <= set(names)
    chart = impact_power.power_figure(report)
    assert chart.html.count('class="forest-label"') == len(names) * len(report.impact.outcomes("primary"))
    assert str(report.ends[1]) in report.lead().text
    seen = report.rows_of("primary")
    once = ~seen["design"].isin(["joiners_2017", "joiners_2018"])
    now = seen[once & (seen["element"] == str(report.ends[0])) & seen["estimate"].notna()]
    likely = int((now["chance_province"] >= impact_power.LIKELY).sum())
    assert f"in {likely} of {len(now)} comparisons" in report.lead().text
    assert len(now) < len(seen[(seen["element"] == str(report.ends[0])) & seen["estimate"].notna()])


@BOTH
def test_the_table_of_power_gives_both_errors_and_where_a_factor_is_from(
    project: Project, language: Language
) -> None:
    report = impact_power.open_power_report(language=language, project=project)
    said = text_of(impact_power_table.power_table(report))
    folded = text_of(impact_power_table.others_folded(report))
    for outcome in report.impact.plan.outcomes:
        name = report.impact.labels.indicator(outcome.indicator)
        assert (name in said) == (outcome.family == "primary")
        assert (name in folded) == (outcome.family != "primary")
    row = report.row(LATE, POVERTY, report.ends[0])
    assert row is not None
    outcome = report.impact.plan.outcome(POVERTY)
    for size in (row["mde"], row["mde_province"]):
        assert impact_power.size_text(report, size, outcome) in said
    assert {"en": "[from the pool]", "id": "[dari kelompok gabungan]"}[language] in said
    assert {"en": "[from other joiners]", "id": "[dari peserta lain]"}[language] in said
    assert "nan" not in re.findall(r"[a-z]+", said.lower())


def test_power_is_likely_exactly_where_the_detectable_effect_is_below_the_margin(project: Project) -> None:
    table = impact_power.open_power_report(language="en", project=project).table
    known = table[table["estimate"].notna()]
    clear = known[(known["share"] - 1).abs() > NEAR_ONE]
    assert len(clear) > 50
    assert ((clear["share"] < 1) == (clear["estimate"] >= impact_power.LIKELY)).all()
    clear = known[(known["share_province"] - 1).abs() > NEAR_ONE]
    assert ((clear["share_province"] < 1) == (clear["chance_province"] >= impact_power.LIKELY)).all()


NEAR_ONE = 0.01
"""2.8 standard errors give a power of 0.7995: at a share of one the two rules may differ by rounding."""


def test_numbers_to_take_away_keep_eight_digits(report: ImpactReport) -> None:
    told = impact_tables.rounded(report.checks)
    numbers = report.checks.select_dtypes("float")
    pd.testing.assert_frame_equal(told[numbers.columns], numbers, rtol=ROUNDING)
    assert told["status"].equals(report.checks["status"])


ROUNDING = 1e-7
"""Half a unit in the eighth digit is at most this share of a number."""


def test_folded_parts_keep_all_they_hold_and_escape_the_line() -> None:
    class Part:
        def __html__(self) -> str:
            return "<table></table>"

    html = Folded("a < b", (Part(), Part())).__html__()
    assert html.count("<table>") == 2
    assert "<summary>a &lt; b</summary>" in html
    assert html.startswith('<details class="fold">')


def test_every_estimate_of_the_page_is_the_one_that_is_kept(project: Project, report: ImpactReport) -> None:
    kept = processed.estimates(project)
    for row in report.headlines():
        same = kept[
            (kept["design"] == row["design"])
            & (kept["row"] == "conditional")
            & (kept["outcome"] == row["outcome"])
            & (kept["parameter"] == "simple")
        ]
        assert same["estimate"].item() == row["estimate"]


def test_exposure_to_the_shock_is_the_change_of_each_group_itself(
    project: Project, report: ImpactReport
) -> None:
    exposure = next(one for one in report.plan.exposure_to_2020 if one.scale == "linear")
    figures = report.indicators[
        (report.indicators["indicator"] == exposure.indicator)
        & ~report.indicators["quality"].isin(report.plan.panel.exclude_grades)
    ]
    first, last = (
        figures[figures["year"] == year].set_index("region_code")["value"] for year in exposure.years
    )
    change = (last - first).dropna()
    cohorts = project.programme.cohorts.set_index("region_code")
    left_out = set(project.registry.split_codes)
    joiners = [code for code in cohorts.index[cohorts["joined"] == 2021] if code not in left_out]
    mean = change[change.index.isin(joiners)].mean()
    assert f"{mean:+.2f} among the joiners".replace("-", "−") in str(
        impact_exposure.exposure_sentence(report)
    )


def test_the_way_of_judging_chance_that_disagrees_is_named(report: ImpactReport) -> None:
    checks = report.checks.copy()
    own = (checks["design"] == EARLY) & (checks["outcome"] == POVERTY) & (checks["row"] == "conditional")
    ways = own & checks["check"].isin(["jackknife_province", "wild_province", "randomisation"])
    checks.loc[ways, "p_value"] = 0.5
    agreed = edited(replace(report, checks=checks), headline=(-1.0, 1.0))
    estimates = agreed.estimates.copy()
    simple = (estimates["parameter"] == "simple") & (estimates["row"] == "conditional")
    estimates.loc[simple & (estimates["design"] == EARLY) & (estimates["outcome"] == POVERTY), "p_value"] = (
        0.5
    )
    agreed = replace(agreed, estimates=estimates)
    name = "Poverty rate of the 2017 and 2018 joiners is told from zero"
    assert name not in str(impact_inference.judged(agreed))
    checks = agreed.checks.copy()
    checks.loc[own & (checks["check"] == "randomisation"), "p_value"] = 0.01
    said = str(impact_inference.judged(replace(agreed, checks=checks)))
    assert f"{name} by lot, and not by region" in said


def test_a_province_that_changes_the_reading_is_named(report: ImpactReport) -> None:
    checks = report.checks.copy()
    own = (
        (checks["design"] == EARLY) & (checks["outcome"] == POVERTY) & (checks["check"] == "without_province")
    )
    checks.loc[own & checks["estimate"].notna(), ["conf_low", "conf_high"]] = [-1.0, 1.0]
    quiet = edited(replace(report, checks=checks), headline=(-1.0, 1.0))
    assert "Poverty rate of the 2017" not in str(impact_robustness.left_out_sentences(quiet))
    checks = quiet.checks.copy()
    checks.loc[own & (checks["element"] == "Riau"), ["conf_low", "conf_high"]] = [0.1, 1.0]
    loud = replace(quiet, checks=checks)
    assert "Poverty rate of the 2017 and 2018 joiners: the reading changes without Riau." in str(
        impact_robustness.left_out_sentences(loud)
    )
