"""The command `impact did` on the same data written in different ways, and on panels whose effects are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from evaluation.cli import main

MPDTA = Path(__file__).parents[3] / "shared" / "reference" / "impact" / "data" / "mpdta.csv"

SAME_SUMS = 1e-12
"""Other names are another order of the same units: sums differ in their last bits."""

EXACT = 1e-12
"""Panels without noise have effects to the last bits; a file keeps sixteen digits."""

SYNTHETIC = ["--outcome", "score", "--unit", "kab", "--time", "tahun", "--cohort", "mulai"]


def did(path: Path, out: Path, *words: object) -> Path:
    assert main(["impact", "did", str(path), *map(str, words), "--out", str(out)]) == 0
    return out


@pytest.fixture
def mpdta() -> pd.DataFrame:
    if not MPDTA.exists():
        pytest.skip(f"the reference data are not here: {MPDTA}")
    return pd.read_csv(MPDTA)


@pytest.mark.parametrize("covariates", [[], ["--covariates", "lpop"]])
def test_shuffled_names_and_never_treated_in_any_writing_give_the_same_file(
    mpdta: pd.DataFrame, tmp_path: Path, covariates: list[str]
) -> None:
    columns = ["--outcome", "lemp", "--unit", "countyreal", "--time", "year", "--cohort", "first.treat"]
    rng = np.random.default_rng(1)
    codes = mpdta["countyreal"].unique()
    renamed = dict(zip(codes, rng.permutation(codes), strict=True))
    shuffled = mpdta.sample(frac=1, random_state=2).assign(
        countyreal=lambda frame: frame["countyreal"].map(renamed)
    )
    written = {
        "as_given": mpdta,
        "shuffled_rows": mpdta.sample(frac=1, random_state=3),
        "zero": shuffled,
        "inf": shuffled.assign(**{"first.treat": shuffled["first.treat"].replace(0, np.inf)}),
        "empty": shuffled.assign(**{"first.treat": shuffled["first.treat"].replace(0, np.nan)}),
        "texts": shuffled.assign(countyreal=[f"county {code}" for code in shuffled["countyreal"]]),
    }
    files: dict[str, pd.DataFrame] = {}
    for name, frame in written.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        out = did(tmp_path / f"{name}.csv", tmp_path / name, *columns, *covariates)
        files[name] = pd.read_csv(out / "att_gt.csv")
    for name in ("shuffled_rows", "zero", "inf", "empty", "texts"):
        pd.testing.assert_frame_equal(files[name], files["as_given"], rtol=SAME_SUMS, atol=SAME_SUMS)
    content = {name: (tmp_path / name / "att_gt.csv").read_bytes() for name in written}
    assert content["shuffled_rows"] == content["as_given"]
    assert content["zero"] == content["inf"] == content["empty"]


def known_panel() -> pd.DataFrame:
    """Effects of +0.5 and -0.5, names as texts (one looks like a number), no year 2014, some gaps."""
    rng = np.random.default_rng(4)
    years = np.array([2010, 2011, 2012, 2013, 2015, 2016, 2017])
    cohort = np.repeat([0, 2013, 2016], [9, 5, 6])
    names = ["007", "7", *(f"Kab. {letter}, Prov" for letter in "ABCDEFGHIJKLMNOPQR")]
    frame = pd.DataFrame(
        {
            "kab": np.repeat(names, len(years)),
            "tahun": np.tile(years, 20),
            "mulai": np.repeat(cohort, len(years)),
        }
    )
    effect = frame["mulai"].map({0: 0.0, 2013: 0.5, 2016: -0.5}) * (frame["tahun"] >= frame["mulai"])
    level = np.repeat(rng.integers(0, 40, 20) / 4, len(years))
    trend = frame["tahun"].map(dict(zip(years, rng.integers(-8, 8, len(years)) / 8, strict=True)))
    frame["score"] = level + trend + effect
    return frame.drop(index=[3, 40, 77, 100])


@pytest.mark.parametrize("estimator", ["dr", "sun_abraham", "imputation", "two_stage", "etwfe"])
def test_known_effects_come_back_through_the_command(tmp_path: Path, estimator: str) -> None:
    known_panel().to_csv(tmp_path / "panel.csv", index=False)
    words = [*SYNTHETIC, "--estimator", estimator]
    out = did(tmp_path / "panel.csv", tmp_path / "out", *words)
    table = pd.read_csv(out / "att_gt.csv")
    after = table[table["year"] >= table["cohort"]]
    assert_allclose(after["estimate"], after["cohort"].map({2013: 0.5, 2016: -0.5}), atol=EXACT * 10)
    assert 2014 not in table["year"].unique()
    group = pd.read_csv(out / "group.csv").set_index("cohort")["estimate"]
    assert_allclose(group.loc[[2013, 2016]], [0.5, -0.5], atol=EXACT * 10)


def test_a_missing_base_year_falls_back_and_the_files_say_so(tmp_path: Path) -> None:
    panel = known_panel()
    panel[panel["tahun"] != 2015].to_csv(tmp_path / "panel.csv", index=False)
    out = did(tmp_path / "panel.csv", tmp_path / "out", *SYNTHETIC)
    table = pd.read_csv(out / "att_gt.csv")
    late = table[(table["cohort"] == 2016) & (table["year"] >= 2016)]
    assert late["base_year"].unique().tolist() == [2013]
    assert late["base_fell_back"].all()
    assert_allclose(late["estimate"], -0.5, atol=EXACT)
    notes = json.loads((out / "design.json").read_text())["notes"]
    assert "Cohort 2016: 2015 is not in the data; 2013 is the base year instead." in notes


def test_the_study_as_a_workbook(tmp_path: Path) -> None:
    panel = known_panel()
    panel["score"] += np.random.default_rng(5).normal(size=len(panel))
    panel.to_csv(tmp_path / "panel.csv", index=False)
    out = did(tmp_path / "panel.csv", tmp_path / "out", *SYNTHETIC, "--excel")
    sheets = pd.read_excel(out / "did.xlsx", sheet_name=None, engine="openpyxl")
    pd.testing.assert_frame_equal(
        sheets["att_gt"].drop(columns="parameter"), pd.read_csv(out / "att_gt.csv"), check_dtype=False
    )
    assert {"dynamic", "summary", "design"} <= set(sheets)


def test_controls_that_may_not_serve_are_named_by_a_column(tmp_path: Path) -> None:
    panel = known_panel()
    never = panel["mulai"] == 0
    odd = panel["kab"].isin(["007", "7"])
    panel.loc[odd & (panel["tahun"] > 2012), "score"] += 100.0
    panel["bersih"] = np.where(odd & never, "false", "true")
    panel.to_csv(tmp_path / "panel.csv", index=False)
    out = did(tmp_path / "panel.csv", tmp_path / "out", *SYNTHETIC, "--eligible-control", "bersih")
    table = pd.read_csv(out / "att_gt.csv")
    after = table[table["year"] >= table["cohort"]]
    assert_allclose(after["estimate"], after["cohort"].map({2013: 0.5, 2016: -0.5}), atol=EXACT)


def test_event_times_balanced_so_that_cohorts_stay_the_same(tmp_path: Path) -> None:
    known_panel().to_csv(tmp_path / "panel.csv", index=False)
    plain = did(tmp_path / "panel.csv", tmp_path / "plain", *SYNTHETIC)
    balanced = did(tmp_path / "panel.csv", tmp_path / "balanced", *SYNTHETIC, "--balanced-to", 1)
    everything = pd.read_csv(plain / "dynamic.csv").set_index("event_time")
    kept = pd.read_csv(balanced / "dynamic.csv").set_index("event_time")
    # Without 2014 the 2013 joiners have no event time 1: only those of 2016 are followed that far.
    assert kept.index.max() == 1
    assert_allclose(kept.loc[[0, 1], "estimate"], -0.5, atol=EXACT)
    assert everything.index.max() == 4
    assert everything.loc[0, "estimate"] != kept.loc[0, "estimate"]
