"""What sentences say by where a number lies, and what they never say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.catalog import Language
from evaluation.reporting import findings
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.labels import Labels
from evaluation.schema import REGION_INDICATORS
from evaluation.studies import processed
from evaluation.studies.plan import OutcomePlan
from evaluation.studies.profile import RegionProfile
from evaluation.studies.project import Project
from evaluation.studies.regional import read_profile

BANDUNG = "3273"
POVERTY_MARGIN, OUTPUT_MARGIN = 0.3, 0.02
"""As the plan of the study states them, in points and in logs."""
CASES: dict[Language, dict[str, str]] = {
    "en": {
        "above": "higher than expected",
        "below": "lower than expected",
        "within": "the effect, if any, is smaller than",
        "undecided": "cannot tell the programme's effect from zero",
    },
    "id": {
        "above": "lebih tinggi daripada yang diperkirakan",
        "below": "lebih rendah daripada yang diperkirakan",
        "within": "pengaruhnya, bila ada, lebih kecil dari",
        "undecided": "tidak dapat membedakan pengaruh program dari nol",
    },
}
BOTH = pytest.mark.parametrize("language", list(CASES))


@pytest.fixture(scope="module")
def poverty(project: Project) -> OutcomePlan:
    return project.study_plan.outcome("poverty_rate")


@pytest.fixture(scope="module")
def output(project: Project) -> OutcomePlan:
    return project.study_plan.outcome("grdp_pc_real")


@pytest.fixture(scope="module")
def bandung(project: Project) -> RegionProfile:
    return read_profile(project, BANDUNG, edition=2024)


def labels_in(project: Project, language: Language) -> Labels:
    return Labels(project, language)


def an_estimate(low: float, high: float, *, mde: float = 0.25) -> pd.Series:
    return pd.Series({"estimate": (low + high) / 2, "conf_low": low, "conf_high": high, "mde": mde})


def case_of(sentence: str, language: Language) -> str:
    found = [case for case, words in CASES[language].items() if words in sentence]
    assert len(found) == 1, sentence
    return found[0]


@BOTH
@pytest.mark.parametrize(
    ("low", "high", "case"),
    [
        (0.1, 0.5, "above"),
        (0.01, 0.05, "above"),
        (-0.5, -0.1, "below"),
        (-0.05, -0.01, "below"),
        (-0.1, 0.2, "undecided"),
        (-1.0, 1.0, "undecided"),
        (0.0, 0.5, "undecided"),
        (-0.5, 0.0, "undecided"),
    ],
)
def test_an_effect_is_told_by_where_its_interval_lies(
    project: Project, poverty: OutcomePlan, language: Language, low: float, high: float, case: str
) -> None:
    sentence = findings.effect_sentence(an_estimate(low, high), poverty, labels_in(project, language))
    assert case_of(sentence, language) == case


@BOTH
def test_a_small_effect_is_told_without_reserve_only_when_no_other_row_leaves_it_open(
    project: Project, poverty: OutcomePlan, output: OutcomePlan, language: Language
) -> None:
    assert (poverty.margin, output.margin) == (POVERTY_MARGIN, OUTPUT_MARGIN)
    labels = labels_in(project, language)
    agreed = findings.small_effect_sentence(poverty, labels, n_leaving=0, n_others=12)
    assert case_of(agreed, language) == "within"
    open_still = findings.small_effect_sentence(poverty, labels, n_leaving=3, n_others=12)
    assert {"en": "3 of 12 other rows", "id": "3 dari 12 baris"}[language] in open_still
    assert {"en": "leave that open", "id": "terbuka"}[language] in open_still
    assert {"en": "0.30 points", "id": "0,30 poin"}[language] in agreed
    per_cent = findings.small_effect_sentence(output, labels, n_leaving=0, n_others=12)
    assert {"en": "2.0 per cent", "id": "2,0 persen"}[language] in per_cent


def test_sentences_carry_the_figures_of_their_estimate(project: Project, poverty: OutcomePlan) -> None:
    english, indonesian = (labels_in(project, language) for language in ("en", "id"))
    above = findings.effect_sentence(an_estimate(0.125, 0.375), poverty, english)
    assert "0.25 points higher" in above
    assert "0.12 to 0.38" in above
    below = findings.effect_sentence(an_estimate(-0.4, -0.1), poverty, indonesian)
    assert "0,25 poin lebih rendah" in below
    assert "0,10 sampai 0,40" in below
    undecided = findings.effect_sentence(an_estimate(-1, 1, mde=0.25), poverty, english)
    assert "an effect smaller than 0.25 points" in undecided


@BOTH
def test_effects_on_logarithms_are_told_in_per_cent(
    project: Project, output: OutcomePlan, language: Language
) -> None:
    labels = labels_in(project, language)
    sentence = findings.effect_sentence(an_estimate(0.01, 0.05), output, labels)
    told = {"en": ("3.0 per cent", "1.0 to 5.0"), "id": ("3,0 persen", "1,0 sampai 5,0")}[language]
    assert all(part in sentence for part in told)
    text = findings.interval_text(an_estimate(-0.01, 0.05), output, labels)
    assert text == {"en": "+2.0 (−1.0 to +5.0)", "id": "+2,0 (−1,0 sampai +5,0)"}[language]


@pytest.mark.parametrize(
    ("indicator", "unit"),
    [
        ("poverty_rate", "points"),
        ("unemployment_rate", "points"),
        ("hdi", "points"),
        ("grdp_pc_real", "per cent"),
        ("night_light_dn_mean", "per cent"),
        ("adj_expenditure_pc", "per cent"),
        ("life_expectancy", "years"),
    ],
)
def test_effects_are_told_in_the_unit_of_their_outcome(project: Project, indicator: str, unit: str) -> None:
    outcome = project.study_plan.outcome(indicator)
    assert findings.effect_unit(outcome, labels_in(project, "en")) == unit


@pytest.mark.parametrize(
    ("gap", "better", "said"),
    [
        (2.0, 1.0, "2.00 points higher (better)"),
        (2.0, -1.0, "2.00 points higher (worse)"),
        (-2.0, 1.0, "2.00 points lower (better)"),
        (-2.0, -1.0, "2.00 points lower (worse)"),
        (0.004, 1.0, "at the median"),
        (-0.004, -1.0, "at the median"),
        (0.006, 1.0, "0.01 points higher (better)"),
        (float("nan"), 1.0, ""),
    ],
)
def test_a_gap_is_higher_or_lower_and_better_or_worse(
    project: Project, gap: float, better: float, said: str
) -> None:
    assert project.catalog.indicators["poverty_rate"].decimals == 2
    assert findings.gap_in_words("poverty_rate", gap, better, labels_in(project, "en")) == said


@pytest.mark.parametrize(
    ("gap", "better", "said"),
    [
        (2.0, 1.0, "lebih tinggi (lebih baik)"),
        (2.0, -1.0, "lebih tinggi (lebih buruk)"),
        (-2.0, 1.0, "lebih rendah (lebih baik)"),
        (-2.0, -1.0, "lebih rendah (lebih buruk)"),
    ],
)
def test_a_gap_is_told_alike_in_indonesian(project: Project, gap: float, better: float, said: str) -> None:
    assert findings.gap_in_words("poverty_rate", gap, better, labels_in(project, "id")).endswith(said)


@pytest.mark.parametrize(
    ("indicator", "higher"),
    [("poverty_rate", "worse"), ("unemployment_rate", "worse"), ("grdp_pc_real", "better")],
)
def test_more_poverty_is_worse_and_more_output_better_on_every_region_s_page(
    project: Project, indicator: str, higher: str
) -> None:
    """From the kept table to the words: direction, sign and sentence agree."""
    labels = labels_in(project, "en")
    table = processed.region_table(project, REGION_INDICATORS)
    rows = table[(table["indicator"] == indicator) & table["gap"].notna()]
    lower = {"worse": "better", "better": "worse"}[higher]
    said = [findings.gap_in_words(indicator, row.gap, row.better, labels) for row in rows.itertuples()]
    expected = [
        f"higher ({higher})" if row.value > row.peer_median else f"lower ({lower})"
        for row in rows.itertuples()
    ]
    apart = [(one, other) for one, other in zip(said, expected, strict=True) if one != "at the median"]
    assert len(apart) > 500
    assert all(one.endswith(other) for one, other in apart)


def test_a_change_never_crosses_a_change_of_method(project: Project, bandung: RegionProfile) -> None:
    labels = labels_in(project, "en")
    own = bandung.series[bandung.series["indicator"] == "grdp_pc_real"].dropna(subset=["value"])
    assert own["window"].nunique() == 2
    sentence = findings.outcome_change("grdp_pc_real", bandung.series, labels)
    assert " in 2020, " in sentence
    assert " in 2024." in sentence
    for year in (2020, 2024):
        value = own.loc[own["year"] == year, "value"].iloc[0]
        assert labels.value("grdp_pc_real", value) in sentence
    poverty = findings.outcome_change("poverty_rate", bandung.series, labels)
    assert " in 2010, " in poverty
    assert " in 2024." in poverty


def test_a_change_needs_two_years_of_one_method(project: Project) -> None:
    labels = labels_in(project, "en")
    series = pd.DataFrame(
        {
            "indicator": "grdp_pc_real",
            "year": [2024, 2019, 2018],
            "value": [3.0, 2.0, 1.0],
            "window": [2020, 2010, 2010],
        }
    )
    assert findings.outcome_change("grdp_pc_real", series, labels) == ""
    assert findings.outcome_change("grdp_pc_real", series.iloc[:1], labels) == ""
    assert findings.outcome_change("poverty_rate", series, labels) == ""
    missing = series.assign(value=[np.nan, 2.0, 1.0])
    assert " in 2018, " in findings.outcome_change("grdp_pc_real", missing, labels)


def with_pillars(profile: RegionProfile, gaps: dict[str, float], **columns: object) -> RegionProfile:
    """Return a profile whose pillars lie so far from a median of 50, all of grade B unless said."""
    pillars = profile.pillars.copy()
    gap = pillars["code"].map(gaps).fillna(0.0)
    pillars = pillars.assign(peer_median=50.0, score=50.0 + gap, quality="B").assign(**columns)
    return replace(profile, pillars=pillars)


def test_regions_stand_clearly_apart_from_a_quarter_band(project: Project, bandung: RegionProfile) -> None:
    labels = labels_in(project, "en")
    # A quarter of a band is 5 points; exactly 5 is close.
    gaps = {
        "governance": 5.1,
        "branding": 4.9,
        "economy": -5.1,
        "living": -4.9,
        "society": 5.0,
        "environment": -5.0,
    }
    profile = with_pillars(bandung, {**gaps, "overall": 30.0})
    above, below = findings.clearly_apart(profile, labels)
    assert above == [labels.pillar("governance")]
    assert below == [labels.pillar("economy")]


@pytest.mark.parametrize("grade", ["C", ""])
def test_a_score_of_grade_c_never_stands_clearly_apart(
    project: Project, bandung: RegionProfile, grade: str
) -> None:
    labels = labels_in(project, "en")
    grades = bandung.pillars["code"].map({"governance": grade, "economy": grade}).fillna("B")
    profile = with_pillars(
        bandung, {"governance": 30.0, "economy": -30.0, "living": 20.0, "society": -20.0}, quality=grades
    )
    above, below = findings.clearly_apart(profile, labels)
    assert (above, below) == ([labels.pillar("living")], [labels.pillar("society")])


@pytest.mark.parametrize(
    ("gaps", "lead", "headline"),
    [
        (
            {"economy": 10.0, "living": -10.0},
            "It stands clearly above regions like it in Economy, and clearly below them in Living.",
            "Above regions like it in Economy, below in Living",
        ),
        (
            {"economy": 10.0},
            "It stands clearly above regions like it in Economy.",
            "Above regions like it in Economy",
        ),
        (
            {"living": -10.0},
            "It stands clearly below regions like it in Living.",
            "Below regions like it in Living",
        ),
        (
            {},
            "In no pillar with enough data does it stand clearly apart from regions like it.",
            "Close to regions like it in every pillar with enough data",
        ),
    ],
)
def test_lead_and_headline_name_the_pillars_that_stand_apart(
    project: Project, bandung: RegionProfile, gaps: dict[str, float], lead: str, headline: str
) -> None:
    labels = labels_in(project, "en")
    profile = with_pillars(bandung, gaps)
    assert f" {lead} " in findings.region_lead(profile, labels)
    assert findings.pillar_headline(profile, labels) == headline


def test_a_lead_gives_no_overall_score_of_grade_c_or_none(project: Project, bandung: RegionProfile) -> None:
    labels = labels_in(project, "en")
    overall = bandung.pillars["code"] == "overall"
    doubtful = with_pillars(bandung, {"overall": 17.0}, quality=np.where(overall, "C", "B"))
    missing = with_pillars(bandung, {"overall": float("nan")}, score=np.where(overall, np.nan, 50.0))
    for profile in (doubtful, missing):
        lead = findings.region_lead(profile, labels)
        assert lead.startswith("Too few dimensions have data for an overall score of Kota Bandung")
        assert "67" not in lead
        assert " of 100" not in lead
        assert "median" not in lead


def test_a_lead_compares_with_the_median_only_where_enough_are_compared(
    project: Project, bandung: RegionProfile
) -> None:
    labels = labels_in(project, "en")
    enough = findings.region_lead(with_pillars(bandung, {"overall": 17.0}, n_peers=12), labels)
    assert "scores 67 of 100" in enough
    assert "the median of the 12 regions like it" in enough
    assert "is 50 (grade B" in enough
    few = with_pillars(bandung, {"overall": 17.0}, n_peers=4, peer_median=np.nan)
    lead = findings.region_lead(few, labels)
    assert "scores 67 of 100" in lead
    assert "too few regions like it" in lead
    assert "median" not in lead
    assert "In no pillar with enough data" in lead


def test_a_lead_names_the_pillars_that_rest_on_few_data(project: Project, bandung: RegionProfile) -> None:
    labels = labels_in(project, "en")
    society = bandung.pillars["code"] == "society"
    weak = findings.region_lead(with_pillars(bandung, {}, quality=np.where(society, "C", "B")), labels)
    assert weak.endswith("The scores for Society rest on few data and should not be acted on alone.")
    strong = findings.region_lead(with_pillars(bandung, {}), labels)
    assert "should not be acted on" not in strong


@pytest.mark.parametrize(
    ("p", "english", "indonesian"),
    [
        (0.0009, "p < 0.001", "p < 0,001"),
        (0.0, "p < 0.001", "p < 0,001"),
        (0.001, "p = 0.001", "p = 0,001"),
        (0.0384, "p = 0.038", "p = 0,038"),
        (0.5, "p = 0.500", "p = 0,500"),
    ],
)
def test_p_values_below_a_thousandth_are_only_said_to_be(
    project: Project, p: float, english: str, indonesian: str
) -> None:
    assert findings.p_text(p, labels_in(project, "en")) == english
    assert findings.p_text(p, labels_in(project, "id")) == indonesian


@pytest.mark.parametrize(("language", "share"), [("en", "up to 17 per cent"), ("id", "hingga 17 persen")])
def test_unknown_participants_can_pull_an_estimate_by_a_sixth(
    project: Project, language: Language, share: str
) -> None:
    """46 of 269 comparison regions are 17 per cent."""
    empty = pd.DataFrame()
    report = ImpactReport(
        labels=labels_in(project, language),
        plan=project.study_plan,
        indicators=empty,
        estimates=empty,
        checks=empty,
    )
    sentence = str(report.unknown_participants())
    assert round(100 * 46 / 269) == 17
    assert share in sentence
    assert " 46 " in sentence
    assert " 269 " in sentence
    assert "2023" in sentence
