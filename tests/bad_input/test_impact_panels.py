"""A population of panels as people have them, through `impact did`: a message and an exit code, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.cli import main

COLUMNS = ["--outcome", "poverty", "--unit", "region", "--time", "year", "--cohort", "cohort"]
Change = Callable[[pd.DataFrame], pd.DataFrame]


def sound(*, years: range = range(2012, 2019)) -> pd.DataFrame:
    """Twelve regions never treated, six from 2015 and four from 2017."""
    rng = np.random.default_rng(1)
    cohort = np.repeat([0, 2015, 2017], [12, 6, 4])
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"r{number:02d}" for number in range(22)], len(years)),
            "year": np.tile(list(years), 22),
            "cohort": np.repeat(cohort, len(years)),
            "size": np.repeat(rng.uniform(1, 9, 22), len(years)),
        }
    )
    return frame.assign(poverty=rng.normal(10, 2, len(frame)))


def entry(column: str, value: object, row: int = 4) -> Change:
    """Write something else into one cell."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({column: object})
        frame.loc[row, column] = value
        return frame

    return changed


REFUSED: dict[str, tuple[Change, list[str], str]] = {
    "a word as outcome": (entry("poverty", "tinggi"), [], "poverty, row 5: got: 'tinggi'"),
    "a comma as decimal sign": (entry("poverty", "10,5"), [], "poverty, row 5: got: '10,5'"),
    "an infinite outcome": (entry("poverty", "inf"), [], "poverty, row 5"),
    "no outcome at all": (lambda f: f.assign(poverty=np.nan), [], "every value is missing"),
    "a year with a half": (entry("year", 2015.5), [], "year, row 5: got: 2015.5"),
    "a date as year": (entry("year", "2015-01-01"), [], "year, row 5: got: '2015-01-01'"),
    "no year": (entry("year", None), [], "year, row 5"),
    "no region": (entry("region", None), [], "region, row 5"),
    "a cohort in words": (entry("cohort", "tahun depan"), [], "cohort, row 5: got: 'tahun depan'"),
    "a negative cohort": (entry("cohort", -2015), [], "cohort, row 5"),
    "two cohorts of one region": (entry("cohort", 2017), [], "cohort of region r00: differs between years"),
    "a row twice": (lambda f: pd.concat([f, f.iloc[[9]]]), [], "2 rows"),
    "one year": (lambda f: f[f["year"] == 2015], [], "fewer than two years"),
    "nobody treated": (lambda f: f.assign(cohort=np.nan), [], "no unit is ever treated"),
    "everybody treated at once": (lambda f: f.assign(cohort=2015), [], "no unit is a clean control"),
    "all treated from the start": (lambda f: f.assign(cohort=2010), [], "no year before it"),
    "only a header": (lambda f: f.iloc[:0], [], "the panel has no rows"),
    "a column that is not there": (
        lambda f: f.drop(columns="poverty"),
        [],
        "column poverty: is not in the panel",
    ),
    "a covariate that is not there": (lambda f: f, ["--covariates", "income"], "column income: is not"),
    "a covariate of names": (
        lambda f: f.assign(name=[f"n{number}" for number in range(len(f))]),
        ["--covariates", "name"],
        "different texts",
    ),
    "a negative weight": (entry("size", -1.0), ["--weights", "size"], "size, row 5: got: -1.0"),
    "weights that change": (entry("size", 3.0), ["--weights", "size"], "size of region r00: differs"),
    "weights of zero": (lambda f: f.assign(size=0), ["--weights", "size"], "all weights are zero"),
    "a cluster that is missing": (entry("size", None), ["--cluster", "size"], "size, row 5"),
    "an unknown standing": (
        lambda f: f.assign(clean="mungkin"),
        ["--eligible-control", "clean"],
        "clean, row 1: got: 'mungkin'",
    ),
    "a cohort that nobody has": (lambda f: f, ["--cohorts", "2015,2040"], "2040 is not in the panel"),
    "an end before the start": (lambda f: f, ["--end-year", "2000"], "fewer than two years"),
    "anticipation beyond the data": (lambda f: f, ["--anticipation", "9"], "no year before it"),
    "never treated controls that are not": (
        lambda f: f[f["cohort"] > 0],
        ["--control-group", "never_treated"],
        "no unit is a clean control",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_a_panel_that_cannot_be_used_is_refused_with_its_reason(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, words, told = REFUSED[case]
    path, out = tmp_path / "panel.csv", tmp_path / "out"
    change(sound()).to_csv(path, index=False)
    assert main(["impact", "did", str(path), *COLUMNS, *words, "--out", str(out)]) == 3
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        (b"", "the file is empty"),
        (b"\xff\xfe\x00\x01region", "not readable as CSV"),
        (b'region,year\n"r1,2015\n', "not readable as CSV"),
        (b"region;year;cohort;poverty\nr1;2015;0;1\n", "column region: is not in the panel"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    content: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "panel.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["impact", "did", str(path), *COLUMNS, "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["impact", "did", str(tmp_path), *COLUMNS, "--out", str(tmp_path / "out")]) == 3
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--level", "95"], "level must lie between 0 and 1"),
        (["--anticipation", "-1"], "anticipation must be 0 or more"),
        (["--covariates", "size,size"], "name a column twice"),
        (["--estimator", "twfe", "--balanced-to", "1"], "balanced_to needs effects"),
        (["--balanced-to", "99"], "No effect after treatment"),
    ],
)
def test_an_option_that_does_not_fit_is_wrong_usage(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "panel.csv"
    sound().to_csv(path, index=False)
    assert main(["impact", "did", str(path), *COLUMNS, *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


ANSWERED: dict[str, tuple[Change, list[str], set[str]]] = {
    "one treated region": (
        lambda f: f[(f["cohort"] == 0) | (f["region"] == "r12")],
        [],
        {"too_few_treated"},
    ),
    "a cohort beyond the data": (lambda f: f.replace({"cohort": {2017: 2030}}), [], {"beyond_data"}),
    "only a cohort beyond the data": (
        lambda f: f[f["cohort"] != 2015].replace({"cohort": {2017: 2030}}),
        [],
        {"beyond_data"},
    ),
    "a cohort in the first year": (lambda f: f.replace({"cohort": {2017: 2012}}), [], {"always_treated"}),
    "no never treated": (lambda f: f[f["cohort"] > 0], [], {"no_control"}),
    "a constant outcome": (lambda f: f.assign(poverty=5.0), [], set()),
    "a constant covariate": (lambda f: f.assign(one=1.0), ["--covariates", "one"], set()),
    "a covariate twice": (lambda f: f.assign(again=2 * f["size"]), ["--covariates", "size,again"], set()),
    "a trait of the treated alone": (
        lambda f: f.assign(kota=(f["cohort"] > 0).astype(int)),
        ["--covariates", "kota"],
        {"no_comparable_control", "singular_covariates"},
    ),
    "two years": (lambda f: f[f["year"].isin([2014, 2015])], [], {"beyond_data"}),
    "two controls": (lambda f: f[(f["cohort"] == 2015) | f["region"].isin(["r00", "r01"])], [], set()),
    "blanks as missing": (entry("poverty", "  "), [], set()),
}


@pytest.mark.parametrize("case", list(ANSWERED))
def test_a_thin_panel_is_answered_with_what_it_lacks(case: str, tmp_path: Path) -> None:
    change, words, reasons = ANSWERED[case]
    path, out = tmp_path / "panel.csv", tmp_path / "out"
    change(sound()).to_csv(path, index=False)
    assert main(["impact", "did", str(path), *COLUMNS, *words, "--out", str(out)]) == 0
    listed = {row["reason"] for row in json.loads((out / "design.json").read_text())["not_estimable"]}
    assert listed <= reasons if len(reasons) > 1 else listed == reasons
    assert len(pd.read_csv(out / "simple.csv")) <= 1
