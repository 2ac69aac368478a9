"""What is said of a rank, by its case: never a bare number as if it were certain, never a rank among a handful."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.charts import RankStripLabels, contribution_bars, rank_strip
from evaluation.errors import EvaluationError
from evaluation.reporting import findings, rank_words, region_movement, region_ranks, region_tables
from evaluation.reporting.labels import Labels
from evaluation.reporting.method_choices import interval_note, not_varied_table, varied_table
from evaluation.reporting.region_report import RegionReport, open_region_report
from evaluation.reporting.region_strengths import strengths, strengths_table
from evaluation.schema import INDEX_CODE
from evaluation.studies.peers import MIN_COMPARED
from evaluation.studies.project import Project

BANDUNG, SOUTH_JAKARTA = "3273", "3171"
POINTS_TOLERANCE = 1e-9
"""Contributions are sums of the same floating-point scores that make the change."""
A_BARE_RANK = re.compile(r"rank (?:is|of) \d+|ranked \d+|rank \d+ of", re.IGNORECASE)


@pytest.fixture(scope="module")
def report(project: Project) -> RegionReport:
    return open_region_report(BANDUNG, edition=2024, language="en", project=project)


@pytest.fixture(scope="module")
def english(project: Project) -> Labels:
    return Labels(project, "en")


def a_rank(
    rank: float = 69, low: float = 47, high: float = 77, n: float = 514, **columns: object
) -> pd.Series:
    row = {"rank": rank, "rank_low": low, "rank_high": high, "n_ranked": n, "n_indicators": 4, "score": 70.0}
    return pd.Series({**row, **columns})


def with_rows(report: RegionReport, code: str, **columns: object) -> RegionReport:
    """Return the report with some cells of one pillar's row replaced."""
    pillars = report.profile.pillars.copy()
    for column, value in columns.items():
        pillars.loc[pillars["code"] == code, column] = value
    return replace(report, profile=replace(report.profile, pillars=pillars))


@pytest.mark.parametrize(
    ("row", "case"),
    [
        (a_rank(), "range"),
        (a_rank(rank=np.nan), "none"),
        (a_rank(rank=2, low=1, high=3, n=MIN_COMPARED), "few"),
        (a_rank(rank=2, low=1, high=2, n=MIN_COMPARED + 1), "range"),
        (a_rank(rank=14, low=14, high=14, n_indicators=1), "fixed"),
        # Ties at a goalpost give even one indicator an interval; it is no more certain for that.
        (a_rank(rank=14, low=1, high=400, n_indicators=1), "fixed"),
        (a_rank(rank=2, low=1, high=2, n=MIN_COMPARED, n_indicators=1), "few"),
        (a_rank(rank=50, low=1, high=257), "wide"),
        (a_rank(rank=50, low=1, high=256), "range"),
        (a_rank(rank=50, low=258, high=514), "wide"),
    ],
)
def test_the_case_of_a_rank(row: pd.Series, case: str) -> None:
    assert rank_words.rank_case(row) == case


def test_a_rank_is_printed_with_its_interval_and_among_how_many(project: Project, english: Labels) -> None:
    assert rank_words.rank_text(a_rank(), english) == "rank 69 (47–77) of 514"
    assert rank_words.rank_text(a_rank(), Labels(project, "id")) == "peringkat 69 (47–77) dari 514"
    assert rank_words.brief_rank(a_rank(), english) == "69 (47–77)"


def test_one_indicator_gets_no_interval_that_looks_certain(english: Labels) -> None:
    row = a_rank(rank=14, low=14, high=14, n=508, n_indicators=1)
    assert rank_words.rank_text(row, english) == "rank 14 of 508 (one indicator)"
    assert rank_words.brief_rank(row, english) == "14 (one indicator)"
    assert rank_words.rank_sentence(row, english) == ""
    assert not rank_words.is_firm(row)


def test_a_rank_at_the_best_goalpost_is_shared(english: Labels) -> None:
    top = english.catalog.framework.score_range[1]
    alone = a_rank(rank=1, low=1, high=1, n=199, n_indicators=1)
    assert rank_words.rank_text(alone.replace(70.0, top), english) == "rank 1 of 199, shared (one indicator)"
    assert "shared" not in rank_words.rank_text(alone.replace(70.0, top - 0.1), english)
    assert rank_words.rank_text(a_rank(1, 1, 3, score=top), english) == "rank 1 (1–3) of 514, shared"


def test_a_small_group_has_no_rank_but_a_reason(english: Labels) -> None:
    row = a_rank(rank=2, low=1, high=3, n=MIN_COMPARED)
    assert rank_words.rank_text(row, english) == rank_words.brief_rank(row, english) == ""
    assert rank_words.rank_sentence(row, english) == ""
    assert f"fewer than {MIN_COMPARED} other regions" in rank_words.no_rank_reason(row, english)
    assert rank_words.no_rank_reason(a_rank(), english) == ""
    assert rank_words.no_rank_reason(a_rank(rank=np.nan), english) == ""


def test_sentences_say_an_interval_and_doubt_a_wide_one(english: Labels) -> None:
    told = rank_words.rank_sentence(a_rank(), english)
    assert told.startswith("Its rank lies between 47 and 77 among the 514 regions")
    assert "69" not in told
    wide = rank_words.rank_sentence(a_rank(low=1, high=339), english)
    assert "anywhere from 1 to 339" in wide
    assert wide.endswith("the rank says little.")
    narrow = rank_words.rank_sentence(a_rank(rank=3, low=2.8, high=3.2), english)
    assert "is 3 under nearly all choices of method" in narrow
    assert rank_words.rank_sentence(a_rank(rank=np.nan), english) == ""


@pytest.mark.parametrize(("high", "firm"), [(51, True), (52, False)])
def test_firm_is_a_tenth_of_all_places_at_most(high: float, firm: bool) -> None:
    assert rank_words.is_firm(a_rank(rank=5, low=1, high=high)) is firm


@pytest.mark.parametrize(("rank", "outside"), [(46, True), (47, False), (69, False), (77, False), (78, True)])
def test_a_rank_outside_its_interval_is_explained(report: RegionReport, rank: float, outside: bool) -> None:
    cells = {"rank_low": 46.6, "rank_high": 77.4, "n_ranked": 514.0, "n_indicators": 4}
    quiet = with_rows(report, "economy", rank=float(rank), **cells)
    told = [
        line for line in region_ranks.rank_notes(quiet).text.split(". ") if "outside its interval" in line
    ]
    assert any("Economy" in line for line in told) is outside


@pytest.mark.parametrize("code", ["3273", "3171", "1101", "9471", "9436"])
def test_a_lead_never_states_a_bare_rank(project: Project, code: str) -> None:
    lead = open_region_report(code, edition=2024, language="en", project=project).lead().text
    assert not A_BARE_RANK.search(lead)


def test_a_lead_gives_the_overall_interval_and_none_for_grade_c(report: RegionReport) -> None:
    changed = with_rows(report, INDEX_CODE, rank=23.0, rank_low=15.0, rank_high=47.0, n_ranked=497.0)
    lead = findings.region_lead(changed.profile, report.labels)
    assert " Its rank lies between 15 and 47 among the 497 regions" in lead
    doubtful = with_rows(changed, INDEX_CODE, quality="C")
    assert "rank" not in findings.region_lead(doubtful.profile, report.labels)


def test_the_strip_draws_no_interval_for_one_indicator_and_no_dot_for_few(report: RegionReport) -> None:
    changed = with_rows(
        report, "governance", rank=14.0, rank_low=14.0, rank_high=14.0, n_indicators=1, n_ranked=508.0
    )
    changed = with_rows(changed, "branding", rank=2.0, rank_low=1.0, rank_high=3.0, n_ranked=4.0)
    rows = region_ranks.rank_strip(changed).html.split('<div class="strip-row')[1:]
    governance, branding, economy = rows[:3]
    assert 'class="dot"' in governance
    assert 'class="interval"' not in governance
    assert 'class="dot"' not in branding
    assert "no rank: fewer than" in branding
    assert 'class="dot"' in economy
    assert 'class="interval"' in economy
    notes = region_ranks.rank_notes(changed).text
    assert "One indicator carries the score here: Governance." in notes
    assert "No rank is given here: Branding." in notes


def test_a_missing_pillar_is_hatched_with_its_reason_and_says_nothing_of_ranks(project: Project) -> None:
    report = open_region_report(SOUTH_JAKARTA, edition=2024, language="en", project=project)
    row = region_ranks.rank_strip(report).html.split('<div class="strip-row')[1]
    assert "an administrative part of the capital" in row
    assert 'class="dot"' not in row


def test_a_title_calls_no_rank_independent_of_method_on_grade_c(report: RegionReport) -> None:
    firm = {"rank": 5.0, "rank_low": 4.0, "rank_high": 6.0, "n_ranked": 500.0, "n_indicators": 4}
    sure = with_rows(report, "economy", **firm, quality="A")
    assert "hardly depends on method in Economy" in region_ranks.rank_strip(sure).title
    doubtful = with_rows(report, "economy", **firm, quality="C")
    assert "Economy" not in region_ranks.rank_strip(doubtful).title


def test_places_run_from_the_first_to_the_last_of_each_group() -> None:
    rows = pd.DataFrame(
        {
            "name": ["a", "b"],
            "colour": "#4477AA",
            "rank": [1.0, 11.0],
            "rank_low": [1.0, 6.0],
            "rank_high": [101.0, 11.0],
            "n_ranked": [201.0, 11.0],
            "rank_text": "",
            "missing_reason": "",
        }
    )
    html = rank_strip(rows, labels=RankStripLabels("§", "§", "§", "§"), title="", alt="§").html
    assert re.findall(r'class="dot" style="left:([\d.]+)%', html) == ["0", "100"]
    assert re.findall(r'class="interval" style="left:([\d.]+)%;right:([\d.]+)%', html) == [
        ("0", "50"),
        ("50", "0"),
    ]
    with pytest.raises(EvaluationError, match="n_ranked"):
        rank_strip(rows.drop(columns="n_ranked"), labels=RankStripLabels("", "", "", ""), title="", alt="§")


def test_bars_reach_from_zero_by_the_size_of_a_contribution() -> None:
    rows = pd.DataFrame(
        {
            "group": ["g", "g", "h"],
            "group_text": "",
            "colour": "#4477AA",
            "label": "",
            "detail": "",
            "contribution": [4.0, -2.0, 0.0],
        }
    )
    html = contribution_bars(rows, format_value=str, title="", alt="§").html
    bars = re.findall(r'class="bar( down)?" style="left:([\d.]+)%;right:([\d.]+)%', html)
    assert bars == [("", "50", "0"), (" down", "25", "50"), ("", "50", "50")]
    assert html.count("contributions-head") == 2


def test_contributions_add_up_to_the_change_of_each_pillar(report: RegionReport) -> None:
    moves = region_movement.pillar_moves(report)
    assert [move.code for move in moves] == ["branding", "economy", "living", "society"]
    for move in moves:
        assert move.parts["contribution"].sum() == pytest.approx(move.change, abs=POINTS_TOLERANCE)
        assert move.first.name == 2014
        assert move.last.name == 2021


def test_sentences_part_what_raised_from_what_lowered_a_score(report: RegionReport) -> None:
    changes = report.profile.changes.copy()
    points = {"gfcf_share": -3.04, "night_light_dn_mean": 0.04, "poverty_rate": 0.06}
    changes["contribution"] = changes["indicator"].map(points).fillna(1.0)
    told = region_movement.movement(replace(report, profile=replace(report.profile, changes=changes))).text
    branding, economy = told.splitlines()[:2]
    assert "Lowered it: Investment share (GFCF), from 28.93% to 26.31% (−3.0 points)." in branding
    assert "Hardly moved it: Night-time light" in branding
    assert "Raised it" not in branding
    assert re.search(r"Raised it: .*Poverty rate.*\(\+0.1 points\)", economy)
    assert "There is no series for Governance and Environment" in told


def test_a_region_without_a_series_says_so(report: RegionReport) -> None:
    changes = report.profile.changes
    without = changes[changes["pillar"] != "branding"]
    told = region_movement.movement(replace(report, profile=replace(report.profile, changes=without))).text
    assert "The region itself has no series for Branding" in told
    none = replace(report, profile=replace(report.profile, changes=changes.head(0)))
    assert "no series of scores" in str(region_movement.contributions(none))
    assert "The region itself has no series for Branding, Economy, Living, and Society" in (
        region_movement.movement(none).text
    )


def some_indicators(report: RegionReport, ahead_of: list[float], **columns: object) -> pd.DataFrame:
    return report.profile.indicators.head(len(ahead_of)).assign(ahead_of=ahead_of, quality="A", **columns)


def test_strengths_and_weaknesses_lie_on_their_side_of_the_half(report: RegionReport) -> None:
    shares = some_indicators(report, [0.9, 0.5, 0.51, 0.1, 0.95, 0.49, 0.8, np.nan, 0.3, 0.0])
    assert strengths(shares, "strengths")["ahead_of"].tolist() == [0.95, 0.9, 0.8]
    assert strengths(shares, "weaknesses")["ahead_of"].tolist() == [0.0, 0.1, 0.3]
    middling = some_indicators(report, [0.5, 0.51, 0.49])
    assert strengths(middling, "strengths")["ahead_of"].tolist() == [0.51]
    assert strengths(middling, "weaknesses")["ahead_of"].tolist() == [0.49]


def test_figures_of_grade_c_are_neither_strength_nor_weakness(report: RegionReport) -> None:
    shares = some_indicators(report, [0.9, 0.1])
    shares["quality"] = ["C", ""]
    assert strengths(shares, "strengths").empty
    assert strengths(shares, "weaknesses").empty


def test_a_region_ahead_on_everything_has_no_weakness_and_the_page_says_so(report: RegionReport) -> None:
    changed = replace(
        report, profile=replace(report.profile, indicators=some_indicators(report, [0.9, 0.999]))
    )
    html = str(strengths_table(changed).__html__())
    assert "On no indicator is it ahead of less than half" in html
    assert "Weaknesses" not in html
    assert "99%" in html
    assert "100%" not in html
    nothing = replace(report, profile=replace(report.profile, indicators=some_indicators(report, [0.5])))
    told = str(strengths_table(nothing))
    assert "ahead of more than half" in told
    assert "ahead of less than half" in told


def test_every_choice_of_the_configuration_is_told_with_its_reason(project: Project) -> None:
    plan = project.uncertainty
    for language in ("id", "en"):
        labels = Labels(project, language)
        varied, kept = varied_table(labels).html, str(not_varied_table(labels).__html__())
        for one in plan.assumptions:
            assert one.how.get(language) in varied
            assert one.reason.get(language) in varied
        for other in plan.not_varied:
            assert other.reason.get(language) in kept
        assert plan.covers.get(language) in interval_note(labels).text
        assert f'data-page="{language}/index-audit.html"' in interval_note(labels).text


def test_the_files_of_a_region_carry_ranks_and_what_moved_the_scores(report: RegionReport) -> None:
    html = region_tables.downloads(report).html
    for name in ("scores_over_time", "score_changes"):
        assert f"kota-cerdas-{BANDUNG}-2024-{name}.csv" in html
    shown = region_tables.comparison_table(report).html
    assert len(re.findall(r"rank \d+ \(\d+–\d+\) of \d+", shown)) >= 5
