"""The command ``impact synthetic`` on any panel, through files, and the same in three lines of Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from evaluation.cli import main
from evaluation.impact.synthetic import SyntheticDesign, run_synthetic, synthetic_effects

N_DONORS = 20
SAME = 1e-9
BAD_OPTION, BAD_INPUT = 2, 3
COLUMNS = ["--outcome", "y", "--unit", "region", "--time", "year", "--from", "2018"]


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    """Return a panel of two units, one with an effect, and twenty donors; names are codes with leading zeros."""
    rng = np.random.default_rng(3)
    years = np.arange(2008, 2023)
    factors = rng.normal(size=(2, len(years))).cumsum(axis=1)
    values = rng.normal(size=(N_DONORS + 2, 2)) @ factors + rng.normal(
        scale=0.2, size=(N_DONORS + 2, len(years))
    )
    values[0, years >= 2018] += 8.0
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"{code:04}" for code in range(N_DONORS + 2)], len(years)),
            "year": np.tile(years, N_DONORS + 2),
            "y": values.ravel(),
            "z": rng.normal(size=values.size),
        }
    )
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    return path


def run(*words: object) -> int:
    return main(["impact", "synthetic", *map(str, words)])


@pytest.mark.parametrize("estimator", ["sc", "demeaned", "ridge", "penalised", "sdid", "mc", "sc_predictors"])
def test_every_estimator_writes_every_file(panel: Path, tmp_path: Path, estimator: str) -> None:
    out = tmp_path / estimator
    predictors = ["--predictors", "z"] if estimator == "sc_predictors" else []
    options = [
        "--estimator",
        estimator,
        "--donors",
        ",".join(f"{code:04}" for code in range(2, 14)),
        *predictors,
    ]
    assert run(panel, *COLUMNS, "--treated", "0000", *options, "--out", out) == 0
    effects = pd.read_csv(out / "effects.csv", dtype={"unit": str})
    assert effects["unit"].tolist() == ["0000"]
    assert effects["status"].tolist() == ["ok"]
    gaps = pd.read_csv(out / "gaps.csv", dtype={"unit": str})
    assert_allclose(gaps["observed"] - gaps["synthetic"], gaps["gap"], atol=SAME)
    after = gaps.loc[gaps["phase"] == "post", "gap"].mean()
    assert_allclose(after, effects["estimate"].iloc[0], atol=SAME)
    assert {"unit", "donor", "weight"} == set(pd.read_csv(out / "weights.csv"))
    assert {"unit", "donor", "time", "gap"} == set(pd.read_csv(out / "placebos.csv"))
    assert json.loads((out / "design.json").read_text())["design"]["estimator"] == estimator


def test_with_twenty_donors_no_p_lies_below_one_in_twenty_one(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(panel, *COLUMNS, "--treated", "0000,0001", "--out", out) == 0
    effects = pd.read_csv(out / "effects.csv", dtype={"unit": str}).set_index("unit")
    assert_allclose(effects["smallest_p"], 1 / (N_DONORS + 1))
    assert_allclose(effects.loc["0000", "p_value"], 1 / (N_DONORS + 1))
    assert (effects["p_value"] >= 1 / (N_DONORS + 1) - SAME).all()
    assert effects.loc["0000", "conf_low"] > 0


def test_a_level_that_is_not_attainable_has_the_whole_line(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(panel, *COLUMNS, "--treated", "0000", "--level", 0.99, "--out", out) == 0
    effects = pd.read_csv(out / "effects.csv").iloc[0]
    assert np.isneginf(effects["conf_low"])
    assert np.isposinf(effects["conf_high"])


def test_placebos_are_those_that_the_p_value_counts(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(panel, *COLUMNS, "--treated", "0001", "--estimator", "demeaned", "--out", out) == 0
    effects = pd.read_csv(out / "effects.csv").iloc[0]
    placebos = pd.read_csv(out / "placebos.csv", dtype={"donor": str})
    means = placebos[placebos["time"] >= 2018].groupby("donor")["gap"].mean()
    assert len(means) == effects["n_placebos"]
    at_least = (means.abs() >= abs(effects["estimate"])).sum()
    assert_allclose(effects["p_value"], (1 + at_least) / (1 + len(means)))


def test_conformal_and_jackknife_inference(panel: Path, tmp_path: Path) -> None:
    options = [panel, *COLUMNS, "--treated", "0000,0001"]
    assert run(*options, "--estimator", "demeaned", "--inference", "conformal", "--out", tmp_path / "c") == 0
    conformal = pd.read_csv(tmp_path / "c" / "effects.csv").iloc[0]
    assert conformal["p_value"] < 0.05
    assert pd.read_csv(tmp_path / "c" / "placebos.csv").empty
    assert run(*options, "--inference", "jackknife", "--out", tmp_path / "j") == 0
    average = pd.read_csv(tmp_path / "j" / "average.csv").iloc[0]
    own = pd.read_csv(tmp_path / "j" / "effects.csv")
    assert average["std_error"] > 0
    assert own["p_value"].isna().all()


def test_three_lines_of_python_give_the_files(panel: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(panel, dtype={"region": str})
    design = SyntheticDesign(outcome="y", unit="region", time="year", treated={"0000": 2018})
    study = run_synthetic(frame, design)
    out = tmp_path / "out"
    assert run(panel, *COLUMNS, "--treated", "0000", "--exclude", "0021", "--out", out) == 0
    without = run_synthetic(frame[frame["region"] != "0021"], design)
    written = pd.read_csv(out / "effects.csv", dtype={"unit": str})
    assert_allclose(written["estimate"], without.effects["estimate"], atol=SAME)
    assert_allclose(
        study.effects["estimate"], synthetic_effects(frame, design).effects["estimate"], atol=SAME
    )


def test_the_same_study_gives_the_same_bytes(panel: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(panel, *COLUMNS, "--treated", "0000", "--out", tmp_path / name) == 0
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--treated", "9999"], BAD_INPUT, ["9999"]),
        (["--treated", "0000", "--donors", "0002,8888,9999"], BAD_INPUT, ["8888", "9999"]),
        (["--treated", "0000", "--exclude", "9999,0000"], BAD_INPUT, ["9999", "is treated"]),
        (["--treated", "0000", "--inference", "jackknife"], BAD_OPTION, ["two treated"]),
        (["--treated", "0000", "--inference", "conformal"], BAD_OPTION, ["sc, demeaned"]),
        (["--treated", "0000", "--level", "95"], BAD_OPTION, ["level"]),
        (
            ["--treated", "0000", "--anticipation", "-1", "--ridge", "0"],
            BAD_OPTION,
            ["anticipation", "ridge"],
        ),
        (["--treated", "0000", "--predictors", "z"], BAD_OPTION, ["sc_predictors"]),
        (["--treated", "0000,0000"], BAD_OPTION, ["twice"]),
    ],
)
def test_faults_are_told_at_once_without_a_traceback(
    panel: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    told: list[str],
) -> None:
    out = tmp_path / "out"
    assert run(panel, *COLUMNS, *words, "--out", out) == code
    message = capsys.readouterr().err
    assert "Traceback" not in message
    for word in told:
        assert word in message
    assert not out.exists()


def test_a_panel_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "panel.csv"
    path.write_text("region,year\n0000,2010\n", encoding="utf-8")
    assert run(path, *COLUMNS, "--treated", "0000", "--out", tmp_path / "out") == BAD_INPUT
    assert "y" in capsys.readouterr().err


def test_a_unit_without_years_after_has_a_reason(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(panel, *COLUMNS[:-1], "2030", "--treated", "0000", "--out", out) == 0
    effects = pd.read_csv(out / "effects.csv").iloc[0]
    assert effects["status"] == "not_estimable:no_post_year"
    assert np.isnan(effects["estimate"])
