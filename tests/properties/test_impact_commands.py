"""The commands `impact did`, `impact bacon` and `impact honest` on any panel, through files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from evaluation.cli import main
from evaluation.impact import Design, aggregate, att_gt, bacon, honest

COLUMNS = ["--outcome", "outcome", "--unit", "region", "--time", "year", "--cohort", "cohort"]
DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort", base_period="universal")


@pytest.fixture
def panel(tmp_path: Path) -> tuple[Path, pd.DataFrame]:
    rng = np.random.default_rng(1)
    years, cohort = np.arange(2010, 2017), rng.choice([0, 2013, 2015], 50)
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"00{number:02d}" for number in range(50)], 7),
            "year": np.tile(years, 50),
            "cohort": np.repeat(cohort, 7),
            "province": np.repeat(np.arange(50) % 8, 7),
            "outcome": rng.normal(size=(50, 7)).cumsum(axis=1).ravel(),
        }
    )
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    return path, frame


def run(*words: object) -> int:
    return main(["impact", *map(str, words)])


@pytest.mark.parametrize(
    "estimator", ["dr", "entropy", "sun_abraham", "imputation", "two_stage", "etwfe", "twfe"]
)
def test_did_writes_every_table_for_every_estimator(
    panel: tuple[Path, pd.DataFrame], tmp_path: Path, estimator: str
) -> None:
    out = tmp_path / estimator
    assert run("did", panel[0], *COLUMNS, "--estimator", estimator, "--out", out) == 0
    assert np.isfinite(pd.read_csv(out / "simple.csv")["estimate"]).all()
    assert len(pd.read_csv(out / "dynamic.csv")) > 0
    assert json.loads((out / "design.json").read_text())["design"]["estimator"] == estimator


def test_bootstrap_widens_bands_by_its_seed_and_cluster_is_the_designs(
    panel: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    options = {
        "plain": [],
        "one": ["--bootstrap", 199, "--seed", 1],
        "again": ["--bootstrap", 199, "--seed", 1],
        "other": ["--bootstrap", 199, "--seed", 2],
        "cluster": ["--cluster", "province"],
    }
    for name, words in options.items():
        assert run("did", panel[0], *COLUMNS, *words, "--out", tmp_path / name) == 0
    tables = {name: pd.read_csv(tmp_path / name / "dynamic.csv") for name in options}
    assert (tables["one"]["conf_high"] > tables["plain"]["conf_high"]).all()
    assert tables["one"]["band"].unique().tolist() == ["simultaneous"]
    pd.testing.assert_frame_equal(tables["one"], tables["again"])
    assert (tables["one"]["conf_high"] != tables["other"]["conf_high"]).any()
    clustered = Design(
        **{**DESIGN.as_dict(), "covariates": (), "base_period": "varying", "clusters": "province"}
    )
    expected = aggregate(att_gt(panel[1], clustered), "dynamic").elements["std_error"]
    assert_allclose(tables["cluster"]["std_error"], expected)


def test_bacon_writes_comparisons_and_weights(panel: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    assert run("bacon", panel[0], *COLUMNS, "--out", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "bacon.csv")
    expected = bacon(panel[1], DESIGN)
    assert table["weight"] @ table["estimate"] == pytest.approx(expected.coefficient)
    assert pd.read_csv(tmp_path / "out" / "twfe_weights.csv")["weight"].sum() == pytest.approx(1.0)


def test_honest_reads_what_did_wrote(panel: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    study, out = tmp_path / "study", tmp_path / "honest"
    assert run("did", panel[0], *COLUMNS, "--base-period", "universal", "--out", study) == 0
    files = (study / "dynamic.csv", study / "dynamic_covariance.csv")
    assert run("honest", *files, "--bounds", "0,0.5", "--effect", "first", "--out", out) == 0
    found = pd.read_csv(out / "honest.csv")
    dynamic = aggregate(att_gt(panel[1], DESIGN), "dynamic")
    expected = honest(dynamic, bounds=[0.0, 0.5], effect="first").tidy()
    numbers = ["estimate", "conf_low", "conf_high", "breakdown"]
    assert_allclose(found[numbers], expected[numbers], rtol=1e-6)


def test_honest_reads_bare_numbers(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "b.csv", [0.0, 0.1, 1.0, 1.2])
    np.savetxt(tmp_path / "s.csv", 0.01 * (np.eye(4) + 0.5), delimiter=",")
    words = (tmp_path / "b.csv", tmp_path / "s.csv", "--restriction", "smoothness", "--out", tmp_path / "o")
    assert run("honest", *words, "--n-pre", 2) == 0
    assert pd.read_csv(tmp_path / "o" / "honest.csv")["estimate"].iloc[0] == pytest.approx(1.1)
    assert run("honest", *words) == 3


def test_wrong_input_is_told_with_the_exit_code_of_bad_data(
    panel: tuple[Path, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("bacon", tmp_path / "absent.csv", *COLUMNS, "--out", out) == 3
    text = [*COLUMNS[:-1], "when"]
    assert run("did", panel[0], *text, "--estimator", "imputation", "--out", out) == 3
    assert "is not in the panel" in capsys.readouterr().err
    (tmp_path / "words.csv").write_text("event_time,estimate\n-2,0.1\n0,much\n1,0.4\n")
    (tmp_path / "cov.csv").write_text("a,b,c\n1,0,0\n0,1,0\n0,0,1\n")
    assert run("honest", tmp_path / "words.csv", tmp_path / "cov.csv", "--out", out) == 3
    assert not out.exists()


def test_options_that_do_not_exist_are_wrong_usage(panel: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        run("did", panel[0], *COLUMNS, "--estimator", "magic", "--out", tmp_path)
    assert caught.value.code == 2
    assert run("did", panel[0], *COLUMNS, "--level", 2, "--out", tmp_path / "x") == 2
