"""Own effects as readers meet them: a region's own rows and no others, sentences that say what the figures say."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.catalog import Language
from evaluation.impact.families import benjamini_hochberg
from evaluation.impact.synthetic import SYNTHETIC_REASONS
from evaluation.impact.synthetic.fit_rules import FIT_REASONS
from evaluation.reporting import effect_words, region_effect_figures, region_effect_tables
from evaluation.reporting import region_effects_averages as averages
from evaluation.reporting import region_effects_figures as national_figures
from evaluation.reporting.effect_files import thinned
from evaluation.reporting.labels import Labels
from evaluation.reporting.region_effect import RegionEffect, open_region_effect
from evaluation.reporting.region_effects_national import (
    NationalEffects,
    effects_needed,
    open_national_effects,
)
from evaluation.reporting.region_report import open_region_report
from evaluation.schema import REGION_DONORS, REGION_EFFECTS, REGION_GAPS
from evaluation.studies import own_effects, reads
from evaluation.studies.own_effects import effect_table, own_effects_states, read_own_effects
from evaluation.studies.project import Project
from evaluation.studies.states import current
from evaluation.tables import to_csv_bytes, to_xlsx_bytes

JOINED, SPLIT, NEVER = "3273", "1603", "9436"
LANGUAGES: tuple[Language, ...] = ("id", "en")
NAN = re.compile(r"(?<![A-Za-z0-9+/])nan(?![A-Za-z0-9+/=])")
"""A missing number that reached a page; Indonesian words and encoded files hold these letters too."""
STUDIES_REASONS = ("beyond_data", "method_changes", "no_figures", "split", "not_autonomous")


@pytest.fixture(scope="module")
def effects(project: Project) -> pd.DataFrame:
    return effect_table(project, REGION_EFFECTS)


def opened(project: Project, code: str, language: Language) -> RegionEffect:
    return open_region_effect(open_region_report(code, edition=2024, language=language, project=project))


def parts(effect: RegionEffect) -> Iterator[object]:
    yield from (effect.lead(), effect.sentences(), effect.cautions())
    yield from (region_effect_figures.twin_lines(effect), region_effect_figures.gap_fan(effect))
    for table in ("effects_table", "donors_table", "variations_table", "downloads"):
        yield getattr(region_effect_tables, table)(effect)


def test_a_region_reads_its_rows_and_notes_no_others(project: Project) -> None:
    reads.begin()
    own = read_own_effects(project, JOINED)
    assert list(reads.recorded()) == [f"own_effects:{JOINED}"]
    for schema, rows in zip(
        (REGION_EFFECTS, REGION_GAPS, REGION_DONORS), (own.effects, own.gaps, own.donors), strict=True
    ):
        whole = effect_table(project, schema)
        expected = whole[whole["region_code"] == JOINED].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), expected)


def test_what_a_page_noted_is_what_the_states_say(project: Project) -> None:
    reads.begin()
    for code in (JOINED, SPLIT, NEVER):
        read_own_effects(project, code)
    noted = reads.recorded()
    assert current(project, noted) == noted
    assert own_effects_states(project)[JOINED] == noted[f"own_effects:{JOINED}"]


def test_a_changed_row_reaches_its_own_region_alone(
    project: Project, effects: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own_effects_states(project)
    changed = effects.copy()
    changed.loc[changed["region_code"] == JOINED, "n_donors"] += 1
    whole = effect_table

    def instead(project: Project, schema: object) -> pd.DataFrame:
        return changed if schema is REGION_EFFECTS else whole(project, schema)  # type: ignore[arg-type]

    monkeypatch.setattr(own_effects, "effect_table", instead)
    after = own_effects_states(project)
    assert [code for code in after if after[code] != before[code]] == [JOINED]


def test_pages_that_read_effects_load_no_engine() -> None:
    code = (
        "import sys\n"
        "from evaluation.reporting import region_effect_figures, region_effect_tables, region_effects_figures\n"
        "print([name for name in sys.modules if name.startswith('evaluation.impact')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [JOINED, "3217", "1902", "1372", SPLIT, NEVER])
def test_every_part_is_made_in_both_languages_or_left_out(
    project: Project, code: str, language: Language
) -> None:
    made = list(parts(opened(project, code, language)))
    assert made[0]
    assert not any(NAN.search(str(getattr(part, "html", part))) for part in made if part is not None)


@pytest.mark.parametrize("code", [SPLIT, NEVER])
def test_a_region_without_an_effect_has_no_figure_and_says_why(project: Project, code: str) -> None:
    effect = opened(project, code, "en")
    assert effect.lead().text
    assert effect.sentences() is None
    assert region_effect_figures.twin_lines(effect) is None
    assert region_effect_figures.gap_fan(effect) is None
    assert ("Reasons:" in effect.lead().text) == (code == SPLIT)
    assert "yet" not in effect.lead().text


def test_an_effect_that_waits_for_figures_is_not_yet_given(project: Project) -> None:
    effect = opened(project, "1372", "en")  # joined in 2024
    assert "yet" in effect.lead().text
    assert "the data end" in effect.lead().text
    assert region_effect_tables.downloads(effect) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words(project: Project, effects: pd.DataFrame, language: Language) -> None:
    labels = Labels(project, language)
    found = set(effects["status"]) - {""}
    assert all(effect_words.reason(status, labels) for status in found)
    codes = {*STUDIES_REASONS, *FIT_REASONS, *SYNTHETIC_REASONS} - {"predictor_missing"}  # never asked here
    assert all(effect_words.reason_name(code, labels) for code in codes)


def test_an_effect_told_from_chance_is_never_said_to_be_chance(
    project: Project, effects: pd.DataFrame
) -> None:
    labels, rules = Labels(project, "en"), project.region_effects
    known = effects[(effects["status"] == "") & effects["p_value"].notna()]
    one_finds = known[known["p_value"] <= 1 - rules.inference.level]
    assert (
        one_finds["p_scaled"] > 1 - rules.inference.level
    ).any()  # else nothing is asked of the second rank
    for _, row in pd.concat([one_finds, known.sample(200, random_state=1)]).iterrows():
        outcome = project.study_plan.outcome(row["outcome"])
        said = effect_words.own_effect_sentence(row, outcome, rules, labels)
        beyond = row["conf_low"] > 0 or row["conf_high"] < 0
        assert beyond == (row["p_value"] <= 1 - rules.inference.level + 1e-9)
        told = beyond and row["p_scaled"] <= 1 - rules.inference.level + 1e-9
        assert ("cannot be told from chance" in said) == (not told)
        assert ("but " in said) == (beyond and not told)
        if row["estimate"] != 0:
            assert ("above its twin" in said) == (row["estimate"] > 0)


def test_the_number_of_placebos_as_far_is_that_behind_the_p_value(effects: pd.DataFrame) -> None:
    known = effects[effects["p_value"].notna()]
    count = np.array([effect_words.at_least_as_far(row) for _, row in known.head(300).iterrows()])
    expected = known.head(300)["p_value"] * (known.head(300)["n_placebos"] + 1) - 1
    assert np.abs(count - expected).max() < 1e-6


@pytest.fixture(scope="module")
def national(project: Project) -> NationalEffects:
    return open_national_effects(language="en", project=project)


def test_the_national_page_counts_every_row_once(national: NationalEffects) -> None:
    headline = national.headline
    n_joiners = national.labels.project.programme.cohorts["joined"].notna().sum()
    assert len(headline) == n_joiners * len(national.rules.outcomes)
    assert headline["region_code"].nunique() == n_joiners
    html = national_figures.reasons_table(national).html
    assert f">{len(national.estimated):,}<" in html
    assert int(national.spread["n_estimated"].sum()) == len(national.estimated)


def test_no_region_is_named_in_the_caterpillar_unless_it_stands_out(national: NationalEffects) -> None:
    chart = national_figures.caterpillar(national)
    primary = {outcome.indicator for outcome in national.shown}
    assert chart.html.count("effect-name") == national.marked["outcome"].isin(primary).sum()


def test_a_marked_effect_is_named_linked_and_counted(national: NationalEffects) -> None:
    effects = national.effects.copy()
    at = national.estimated.index[national.estimated["outcome"] == "poverty_rate"][0]
    effects.loc[at, "p_adjusted"] = 0.01
    effects.loc[at, "p_scaled"] = 0.01
    code = effects.loc[at, "region_code"]
    changed = replace(national, effects=effects)
    assert "1 stand out" in changed.lead().text
    assert national.labels.region(code) in national_figures.caterpillar(changed).html
    assert f"en/region/{code}.html" in national_figures.marked_table(changed)._repr_html_()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_national_page_is_made_in_both_languages(project: Project, language: Language) -> None:
    national = open_national_effects(language=language, project=project)
    for made in (
        national.lead(),
        national.spread_sentences(),
        national.rules_sentences(),
        national.agreement(),
        national_figures.caterpillar(national),
        national_figures.marked_table(national),
        national_figures.spread_table(national),
        national_figures.reasons_table(national),
        national_figures.downloads(national),
        averages.sentences(national),
        averages.bridge_forest(national),
        averages.averages_table(national),
    ):
        assert not NAN.search(str(getattr(made, "html", made)))


def test_files_to_take_away_keep_their_digits_and_their_holes() -> None:
    table = pd.DataFrame(
        {"a": [1.0, np.nan, 3.0], "b": [0.123456789, -1234567.0, np.nan], "c": "", "d": np.nan}
    )
    found = thinned(table)
    assert list(found) == ["a", "b"]
    assert found["a"].tolist() == [1, pd.NA, 3]
    assert found["b"].tolist()[:2] == [0.12346, -1234600.0]
    assert np.isnan(found["b"].iloc[2])


def test_with_no_effect_at_all_the_national_page_still_says_why(national: NationalEffects) -> None:
    effects = national.effects.assign(status="not_estimable:beyond_data:2024")
    numbers = ["estimate", "conf_low", "conf_high", "p_value", "p_adjusted", "p_scaled", "std_error", "mde"]
    effects[numbers] = np.nan
    empty = replace(
        national,
        effects=effects,
        cohorts=national.cohorts.assign(status="not_estimable:beyond_data:2024"),
        spread=national.spread.assign(spread=np.nan, spread_low=np.nan, n_estimated=0),
    )
    assert empty.lead().text == "No effect of a single region can be given yet."
    assert "hatched" in national_figures.caterpillar(empty).html
    assert "the data end before" in national_figures.reasons_table(empty).html
    for made in (empty.spread_sentences(), empty.rules_sentences(), empty.agreement()):
        assert made.text
    assert national_figures.spread_table(empty).html
    assert averages.sentences(empty).text == "No average over joiners can be given yet."
    assert averages.averages_table(empty).html
    assert national_figures.downloads(empty).html


@pytest.mark.parametrize(("n", "n_placebos"), [(457, 250), (20, 250), (3, 20), (1000, 99)])
def test_the_number_of_effects_needed_is_where_the_adjusted_p_reaches_the_rate(
    n: int, n_placebos: int
) -> None:
    rate, floor = 0.1, 1 / (1 + n_placebos)
    needed = effects_needed(n, floor, rate)
    for k in range(1, min(needed + 1, n) + 1):
        p_values = np.r_[np.full(k, floor), np.ones(n - k)]
        assert (benjamini_hochberg(p_values).min() <= rate + 1e-12) == (k >= needed)


def test_the_national_page_says_how_many_it_takes(national: NationalEffects) -> None:
    said = national.floor_sentence().text
    primary = national.estimated["outcome"].isin([outcome.indicator for outcome in national.shown])
    assert f"{primary.sum():,} effects on primary outcomes" in said
    assert "A single region could not be marked" in said


def test_an_effect_that_only_the_plain_rank_finds_is_not_marked(national: NationalEffects) -> None:
    effects = national.effects.copy()
    at = national.estimated.index[national.estimated["outcome"] == "poverty_rate"][0]
    effects.loc[at, ["p_value", "p_adjusted", "p_scaled"]] = [0.004, 0.01, 0.2]
    changed = replace(national, effects=effects)
    assert at not in changed.marked.index
    assert "none stands out" in changed.lead().text
    assert "effect-name" not in national_figures.caterpillar(changed).html


def test_averages_stand_beside_the_estimate_of_the_same_joiners(
    project: Project, national: NationalEffects
) -> None:
    found = averages.pairs(national)
    assert found
    for one in found:
        if one.did is None:
            continue
        assert one.did["outcome"] == one.outcome.indicator
        assert one.did["design"] == one.twins["design"]
        assert one.did["row"] == "conditional"
        design = project.study_plan.design(one.twins["design"])
        if one.did["parameter"] == "simple":
            assert set(one.joined) == set(design.joined)
        else:
            assert one.joined == (int(one.did["cohort"]) - 1,)
    assert any(one.did is not None and one.did["parameter"] == "group" for one in found)


def test_averages_that_disagree_are_named(national: NationalEffects) -> None:
    cohorts = national.cohorts.copy()
    whole = (cohorts["joined"] == "2021") & (cohorts["outcome"] == "poverty_rate")
    cohorts.loc[whole, ["estimate", "conf_low", "conf_high", "p_value"]] = [9.0, 8.0, 10.0, 0.001]
    said = averages.sentences(replace(national, cohorts=cohorts)).text
    told, bridge = said.split("Beside", 1)
    assert "2021 joiners" in told
    assert "2021 joiners" in bridge
    cohorts.loc[whole, ["estimate", "conf_low", "conf_high", "p_value"]] = [-0.17, -9.0, 9.0, 0.9]
    said = averages.sentences(replace(national, cohorts=cohorts)).text
    assert "Poverty rate of the 2021 joiners" not in said


def test_endless_intervals_are_written_and_shown(project: Project, effects: pd.DataFrame) -> None:
    row = effects[(effects["status"] == "") & effects["p_value"].notna()].iloc[0].copy()
    row["conf_low"], row["conf_high"], row["p_value"] = -np.inf, np.inf, 0.2
    for language, end in (("en", "+∞"), ("id", "+∞")):
        labels = Labels(project, language)
        outcome = project.study_plan.outcome(row["outcome"])
        assert end in effect_words.own_effect_sentence(row, outcome, project.region_effects, labels)
        assert end in effect_words.interval_or_empty(row, outcome, labels, effect_words.EFFECT)
    table = thinned(pd.DataFrame([row, row]))
    assert to_csv_bytes(table).decode().splitlines()[1].count("inf") == 2
    sheets = pd.read_excel(
        io.BytesIO(to_xlsx_bytes({"effects": table})), sheet_name="effects", engine="openpyxl"
    )
    assert [str(sheets[name].iloc[0]) for name in ("conf_low", "conf_high")] == ["-inf", "inf"]


def test_averages_that_should_be_zero_and_are_not_are_told(
    project: Project, national: NationalEffects
) -> None:
    cohorts = national.cohorts.copy()
    placebo = [one.indicator for one in project.study_plan.outcomes if one.family == "placebo"]
    rows = cohorts["outcome"].isin(placebo) & (cohorts["status"] == "")
    cohorts.loc[rows, "p_value"] = 0.5
    assert "joining cannot move" not in averages.sentences(replace(national, cohorts=cohorts)).text
    cohorts.loc[rows[rows].index[:2], "p_value"] = 0.01
    said = averages.sentences(replace(national, cohorts=cohorts)).text
    assert f"Of {rows.sum()} averages on outcomes that joining cannot move 2 lie beyond 95%" in said
